#include <stddef.h>
#include <sasl/sasl.h>
#include <sasl/saslplug.h>
#include <sasl/prop.h>
#include <sasl/saslutil.h>

/* dladdr(3), which the system's header shows to GNU sources only: the file that an address was loaded from. */
struct loaded_place {
    const char *file;
    void *base;
    const char *symbol;
    void *address;
};
int find_loaded_place(const void *address, struct loaded_place *place) __asm__("dladdr");
