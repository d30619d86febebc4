#include <malloc.h>
#include <clamav.h>
#include <libfreshclam.h>
#include <stddef.h>

// glibc's, which its headers hide from programs that don't ask for GNU's additions.
void *memmem(const void *, size_t, const void *, size_t);
