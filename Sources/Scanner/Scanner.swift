// Viruses: libclamav in this process, or in a child of the same executable.
