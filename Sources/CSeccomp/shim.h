#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <seccomp.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

/* What hands descriptors over, and what shuts a process in: macros, system calls without a wrapper, and functions with variable
   arguments, none of which Swift imports. Each returns -1 with errno set on failure. */

/* Sends `count` bytes, and `descriptor` with the first of them unless it is negative. Never waits: EAGAIN. */
static inline ssize_t buzon_send_with_descriptor(int socket, const void *bytes, size_t count, int descriptor) {
    struct iovec vector = {.iov_base = (void *)bytes, .iov_len = count};
    union { char bytes[CMSG_SPACE(sizeof(int))]; struct cmsghdr alignment; } control = {{0}};
    struct msghdr message = {.msg_iov = &vector, .msg_iovlen = 1};
    if (descriptor >= 0) {
        message.msg_control = control.bytes;
        message.msg_controllen = sizeof control.bytes;
        struct cmsghdr *header = CMSG_FIRSTHDR(&message);
        header->cmsg_level = SOL_SOCKET;
        header->cmsg_type = SCM_RIGHTS;
        header->cmsg_len = CMSG_LEN(sizeof(int));
        memcpy(CMSG_DATA(header), &descriptor, sizeof(int));
    }
    ssize_t sent;
    do sent = sendmsg(socket, &message, MSG_NOSIGNAL | MSG_DONTWAIT); while (sent < 0 && errno == EINTR);
    return sent;
}

/* Receives at most `count` bytes; `descriptor` becomes what came with them, else -1. */
static inline ssize_t buzon_receive_with_descriptor(int socket, void *bytes, size_t count, int *descriptor) {
    struct iovec vector = {.iov_base = bytes, .iov_len = count};
    union { char bytes[CMSG_SPACE(sizeof(int))]; struct cmsghdr alignment; } control;
    struct msghdr message = {
        .msg_iov = &vector, .msg_iovlen = 1, .msg_control = control.bytes, .msg_controllen = sizeof control.bytes};
    *descriptor = -1;
    ssize_t received;
    do received = recvmsg(socket, &message, 0x40000000 /* MSG_CMSG_CLOEXEC */); while (received < 0 && errno == EINTR);
    if (received < 0) return -1;
    for (struct cmsghdr *header = CMSG_FIRSTHDR(&message); header; header = CMSG_NXTHDR(&message, header))
        if (header->cmsg_level == SOL_SOCKET && header->cmsg_type == SCM_RIGHTS) memcpy(descriptor, CMSG_DATA(header), sizeof(int));
    return received;
}

/* A file in memory, without a name. */
static inline int buzon_memory_file(const char *name) { return (int)syscall(SYS_memfd_create, name, 1u /* MFD_CLOEXEC */); }

/* Closes what was inherited from `first` on. */
static inline int buzon_close_from(unsigned first) { return (int)syscall(SYS_close_range, first, ~0u, 0u); }

/* Of the C library's spawn.h, which shows it to GNU's programs only. */
extern int posix_spawn_file_actions_addclosefrom_np(posix_spawn_file_actions_t *actions, int first);

/* No privilege is gained by this thread any more. */
static inline int buzon_drop_privileges(void) { return prctl(PR_SET_NO_NEW_PRIVS, 1L, 0L, 0L, 0L); }

/* No other process of the same user reads this one's memory. */
static inline int buzon_hide_memory(void) { return prctl(PR_SET_DUMPABLE, 0L, 0L, 0L, 0L); }

/* From now on this thread and those that it starts reach no file by a path but those beneath `folder`, to read, write, create and
   remove. ENOSYS and EOPNOTSUPP: the kernel does not have Landlock. */
static inline int buzon_restrict_files(const char *folder) {
    int version = (int)syscall(SYS_landlock_create_ruleset, (void *)0, (size_t)0, LANDLOCK_CREATE_RULESET_VERSION);
    if (version < 0) return -1;
    /* The thirteen rights of the first version; those of later ones that concern files. */
    unsigned long long all = (1ull << 13) - 1;
    if (version >= 2) all |= 1ull << 13;
    if (version >= 3) all |= 1ull << 14;
    unsigned long long here = all & ~(1ull << 0 /* execute */ | 1ull << 6 | 1ull << 9 | 1ull << 10 | 1ull << 11 /* devices, sockets */);
    struct { unsigned long long handled; } rules = {all};
    int set = (int)syscall(SYS_landlock_create_ruleset, &rules, sizeof rules, 0u);
    if (set < 0) return -1;
    struct landlock_path_beneath_attr beneath = {.allowed_access = here, .parent_fd = open(folder, O_RDONLY | O_CLOEXEC | O_DIRECTORY)};
    int result = beneath.parent_fd < 0 ? -1 : (int)syscall(SYS_landlock_add_rule, set, LANDLOCK_RULE_PATH_BENEATH, &beneath, 0u);
    if (result == 0) result = (int)syscall(SYS_landlock_restrict_self, set, 0u);
    int failure = errno;
    if (beneath.parent_fd >= 0) close(beneath.parent_fd);
    close(set);
    errno = failure;
    return result;
}

/* Rules of the filter of system calls. */
static inline int buzon_allow(scmp_filter_ctx filter, int call) { return seccomp_rule_add(filter, SCMP_ACT_ALLOW, call, 0); }
static inline int buzon_refuse(scmp_filter_ctx filter, int call, int failure) {
    return seccomp_rule_add(filter, SCMP_ACT_ERRNO(failure), call, 0);
}
/* Where the bits `mask` of argument `index` are `value`. */
static inline int buzon_allow_where(scmp_filter_ctx filter, int call, unsigned index, unsigned long long mask, unsigned long long value) {
    return seccomp_rule_add(filter, SCMP_ACT_ALLOW, call, 1, SCMP_CMP64(index, SCMP_CMP_MASKED_EQ, mask, value));
}
/* Where the lower half of argument `index` is `value`: what the kernel reads of an int. */
static inline int buzon_allow_int(scmp_filter_ctx filter, int call, unsigned index, int value) {
    return buzon_allow_where(filter, call, index, 0xffffffffull, (unsigned)value);
}
static inline unsigned buzon_refuse_by_default(void) { return SCMP_ACT_ERRNO(EPERM); }
