#include <mspack.h>

/* The library's warnings are told by its results too. A function with variable arguments, which Swift doesn't make. */
static void buzon_cabinet_message(struct mspack_file *file, const char *format, ...) {
    (void)file;
    (void)format;
}

static inline void buzon_cabinet_silence(struct mspack_system *system) { system->message = buzon_cabinet_message; }
