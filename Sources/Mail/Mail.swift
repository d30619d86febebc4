// What a message is made of: addresses, header fields, dates, encoded words, charsets, transfer encodings and the MIME
// tree, and what IMAP says about them (ENVELOPE, BODY, BODYSTRUCTURE).
//
// - Pure: no sockets, no clock, no database. Bytes in, values out; glibc's iconv is the only thing called outside.
// - A parser of messages never fails. Whatever arrives has a structure; what is broken becomes body, as readers do.
//   Parsers of what a protocol demands (`Address`) are strict and throw.
// - Linear time and bounded memory on every input: each bound is a number in `MessageLimits`.
// - Offsets count bytes of the original, which may be a file that is mapped into memory: nothing here copies it whole
//   and no pointer outlives the call that it was given to.
// - A delivered message is a prefix of trace fields and the original (`BodyReference`). The structure knows the original
//   alone; a `MessageStructure.Section` says when the prefix belongs to what was asked for.
//
// Where to begin: `MessageSummary.summarise` is called once, at delivery; `MessageStructure` answers FETCH afterwards.
