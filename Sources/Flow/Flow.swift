/// Flow: what happens to a message. Decisions only.
///
///  - `Recipients` expands an address into mailboxes and foreign addresses, as Postfix's `virtual_alias_maps` does.
///  - `Reception` answers the questions of an SMTP session; `Intake` is the page where a message is judged and placed.
///  - `Maildrop` answers POP3 sessions, `MailboxAccess` IMAP sessions.
///
/// Nothing here knows a socket. State lives in `Store`; a clock comes as a closure. Whatever is refused or delivered
/// leaves a trace.
enum Flow {}
