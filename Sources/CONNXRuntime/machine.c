#define _GNU_SOURCE
#include <unistd.h>
#ifdef __linux__
#include <malloc.h>
#include <sched.h>
#endif

#include "onnx_runtime.h"

int onnxrt_allowed_cores(void) {
#ifdef __linux__
    cpu_set_t set;
    // Fails on machines with more than 1024 cores; then all online cores count.
    if (sched_getaffinity(0, sizeof set, &set) == 0) return CPU_COUNT(&set);
#endif
    return (int)sysconf(_SC_NPROCESSORS_ONLN);
}

void onnxrt_return_memory(void) {
#ifdef __GLIBC__
    (void)malloc_trim(0);
#endif
}
