// What Swift has no spelling for: the entry of worker processes before main, and atomics on shared memory.
#ifndef SWERVE_SYSTEM_H
#define SWERVE_SYSTEM_H
#include <stdint.h>

// One 64-bit word of memory that two processes share.
static inline void swerve_shared_store(uint64_t *word, uint64_t value) {
    __atomic_store_n(word, value, __ATOMIC_RELEASE);
}
static inline uint64_t swerve_shared_load(const uint64_t *word) {
    return __atomic_load_n(word, __ATOMIC_ACQUIRE);
}

// Whether this process was started as a worker.
int swerve_is_worker(void);
#endif
