// Names inside messages: MIME parts, and members of archives in archives. Over libarchive, with small walks of the headers of
// those formats that it can't read (arj, zoo, TNEF). It reads names and first bytes; it never writes a file.
