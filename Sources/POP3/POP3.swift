// POP3: the grammar, the limits and the server's session of RFC 1939 as a value. It owns no socket, no clock, no database.
//
// `MaildropSession` goes through the three states of RFC 1939 §3: authorization (USER, PASS), transaction, update (QUIT).
//
// Invariants:
//  - Nothing is deleted but by QUIT in the transaction state, and all at once (`Question.update`).
//  - Once the maildrop is open, the session asks `.update` or `.release` before it closes, whatever happens.
//  - A message is streamed in reads of at most 64 KiB. When a read fails in the middle the connection closes: a client
//    must never take half a message for a whole one.
//  - A password is sent in the clear over loopback or an encrypted connection only.
