#include <malloc.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <clamav.h>
#include <libfreshclam.h>

/// libfreshclam exports it and declares it nowhere: closes the file that `logFile` names, which fc_cleanup leaves open.
void logg_close(void);

/// Gives the calling thread a working directory, a umask and a table of file descriptors of its own, with 0, 1 and 2 and no others.
/// Threads that it starts share them. 0, or an error number.
static inline int buzon_isolate_thread(void) {
    const long clone_fs = 0x200, close_range_unshare = 2;
    if (syscall(SYS_unshare, clone_fs) != 0) return errno;
    if (syscall(SYS_close_range, 3u, ~0u, close_range_unshare) != 0) return errno;
    return 0;
}

/// How many bytes a TCP socket has received; -1 for anything else. glibc's `struct tcp_info` ends before tcpi_bytes_received.
static inline int64_t buzon_received(int descriptor) {
    const int tcp_info = 11, offset = 128;
    unsigned char info[256];
    uint64_t bytes = 0;
    socklen_t length = sizeof info;
    if (getsockopt(descriptor, IPPROTO_TCP, tcp_info, info, &length) != 0 || length < offset + sizeof bytes) return -1;
    memcpy(&bytes, info + offset, sizeof bytes);
    return (int64_t)bytes;
}


// glibc's, which its headers hide from programs that don't ask for GNU's additions.
void *memmem(const void *, size_t, const void *, size_t);
