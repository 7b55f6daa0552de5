#define _GNU_SOURCE
#include "swerve_system.h"
#include <fcntl.h>
#include <limits.h>
#include <sys/resource.h>
#include <unistd.h>

int64_t swerve_descriptor_limit_raise(int64_t most) {
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return -1;
    rlim_t wanted = limit.rlim_max == RLIM_INFINITY || limit.rlim_max > (rlim_t)most ? (rlim_t)most : limit.rlim_max;
    if (limit.rlim_cur != RLIM_INFINITY && limit.rlim_cur < wanted) {
        struct rlimit raised = {wanted, limit.rlim_max};
#if defined(__APPLE__)
        // macOS refuses more than this, whatever the hard limit says.
        if (setrlimit(RLIMIT_NOFILE, &raised) != 0 && wanted > OPEN_MAX) raised.rlim_cur = OPEN_MAX;
#endif
        if (setrlimit(RLIMIT_NOFILE, &raised) == 0) limit.rlim_cur = raised.rlim_cur;
    }
    return limit.rlim_cur == RLIM_INFINITY || limit.rlim_cur > (rlim_t)most ? most : (int64_t)limit.rlim_cur;
}

int64_t swerve_descriptors_in_use(int64_t most) {
    int64_t count = 0;
    for (int descriptor = 0; descriptor < most; descriptor++) {
        if (fcntl(descriptor, F_GETFD) != -1) count++;
    }
    return count;
}

void swerve_copy_file(int from, int to) {
#if defined(__linux__)
    while (copy_file_range(from, NULL, to, NULL, 1 << 30, 0) > 0) {}
#else
    (void)from;
    (void)to;
#endif
}

int swerve_sync_file_system(int descriptor) {
#if defined(__linux__)
    return syncfs(descriptor);
#else
    (void)descriptor;
    sync();
    return 0;
#endif
}
