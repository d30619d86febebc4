// Names inside messages: MIME parts, and members of archives in archives. Over libarchive, libmspack for cabinets, and small walks of
// the headers of those formats that libarchive can't read or not safely (ISO 9660, arj, zoo, ace, arc, TNEF, uuencode, yEnc). It reads names and first bytes; it never writes a file.
//
// - What is opened is decided by content first, by name second. Of libarchive's readers only the one is switched on that the content
//   asks for, and one filter at a time: what hostile input can reach is one parser.
// - Whatever can't be read to its end is a finding: encrypted, unopened, or a limit. Nothing is waved through.
// - Each loop looks at the clock, and so does each read that libarchive asks for (4 KiB), since nobody else can interrupt it.
