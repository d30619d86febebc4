// Viruses: libclamav in this process, or in a child of the same executable.
//
// `Engine` is one loaded set of signatures; `LocalEngine` puts it together with the walk over names (`Archives`), and `RemoteEngine` is
// the same behind a socket. `Signatures` holds the one of today and swaps it, `ScanPool` has the threads, and `ScannerInspector` makes
// of them what the rest knows: `Filter.Inspector`.
//
// What must hold: no scan on an event loop; every wait has an end; a verdict is only remembered when it is definite; an engine is
// freed when its last scan ends; nothing that a message holds is written outside the folder for temporary files.
