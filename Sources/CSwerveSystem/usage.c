#define _GNU_SOURCE
#include "swerve_system.h"
#include <time.h>
#if defined(__linux__)
#include <sys/resource.h>
#endif

static int64_t nanoseconds(clockid_t clock) {
    struct timespec now = {0, 0};
    clock_gettime(clock, &now);
    return now.tv_sec * 1000000000LL + now.tv_nsec;
}

int64_t swerve_process_time(void) { return nanoseconds(CLOCK_PROCESS_CPUTIME_ID); }

swerve_thread_usage swerve_thread_usage_now(void) {
    swerve_thread_usage result = {0, nanoseconds(CLOCK_MONOTONIC), 0};
#if defined(__linux__)
    // Not the times in `usage`: the kernel only updates those at its ticks.
    result.processor = nanoseconds(CLOCK_THREAD_CPUTIME_ID);
    struct rusage usage;
    if (getrusage(RUSAGE_THREAD, &usage) == 0) result.waits = usage.ru_nvcsw;
#else
    // Waits cannot be counted here, so a waiting thread looks like one that computes for long.
    result.processor = result.elapsed;
#endif
    return result;
}
