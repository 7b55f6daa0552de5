#define _GNU_SOURCE
#include "swerve_system.h"
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#ifdef __GLIBC__
#include <malloc.h>
#endif

int64_t swerve_heap_used(void) {
#if defined(__GLIBC__) && __GLIBC_PREREQ(2, 33)
    struct mallinfo2 info = mallinfo2();
    return (int64_t)(info.uordblks + info.hblkhd);
#else
    return 0;
#endif
}

void swerve_limit_heaps(int count) {
#ifdef __GLIBC__
    const char *tunables = getenv("GLIBC_TUNABLES");
    if (getenv("MALLOC_ARENA_MAX") || (tunables && strstr(tunables, "glibc.malloc.arena_max"))) return;
    (void)mallopt(M_ARENA_MAX, count);
#else
    (void)count;
#endif
}

void swerve_return_memory(void) {
#ifdef __GLIBC__
    (void)malloc_trim(0);
#endif
}

int swerve_limit_memory(int64_t bytes) {
    struct rlimit limit;
    if (getrlimit(RLIMIT_DATA, &limit) != 0) return -1;
    // A lower limit of the system's stays.
    if (limit.rlim_max != RLIM_INFINITY && (rlim_t)bytes > limit.rlim_max) return 0;
    limit.rlim_cur = limit.rlim_max = (rlim_t)bytes;
    return setrlimit(RLIMIT_DATA, &limit);
}

static int resource(int limit) {
    switch (limit) {
    case swerve_limit_open_files: return RLIMIT_NOFILE;
    case swerve_limit_address_space: return RLIMIT_AS;
    case swerve_limit_processes: return RLIMIT_NPROC;
    case swerve_limit_file_size: return RLIMIT_FSIZE;
    default: return RLIMIT_CORE;
    }
}

int64_t swerve_limit_bound(int limit) {
    struct rlimit value;
    if (getrlimit(resource(limit), &value) != 0 || value.rlim_max == RLIM_INFINITY) return -1;
    // More than fits is no bound, either.
    return value.rlim_max > (rlim_t)INT64_MAX ? -1 : (int64_t)value.rlim_max;
}

int swerve_limit_set(int limit, int64_t bytes) {
    struct rlimit value;
    value.rlim_cur = value.rlim_max = (rlim_t)bytes;
    return setrlimit(resource(limit), &value);
}
