// SMTP: the grammar, the limits and the sessions of RFC 5321 as values. It owns no socket, no clock, no database, no log.
//
// `ReceivingSession` is the server's side. A command has three moments: may it come now (`CommandTable`), ask (`Question`:
// the session never knows who answers), proceed (`resume`).
//
// Invariants:
//  - Only CRLF ends a line and only CRLF.CRLF ends a message. Whatever else a peer might take for an end is refused, and
//    nothing that follows it in the same connection is executed as a command (SMTP smuggling).
//  - 250 to a message is said only after the answer `.delivered`.
//  - A message is streamed: the session holds what one `receive` brought and part of a command line, never a message.
//  - Whatever the session refuses by itself is also asked as `.refused`, so that a trace can tell why.
//  - It must never look at a message's header or body: that is for whoever answers `.deliver`.
