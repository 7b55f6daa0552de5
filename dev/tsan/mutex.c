// The thread sanitizer sees an uncontended `Mutex` of Swift's Synchronization library being locked and unlocked,
// because that code is inlined into its users. It does not see what the library does when threads wait for each other.
// These functions tell it. They are linked with `--wrap`, which calls them in place of the library's functions; see
// test-tsan.sh.
#include <stdint.h>

void __tsan_acquire(void *address) __attribute__((weak));
void __tsan_release(void *address) __attribute__((weak));

#define SWIFT __attribute__((swiftcall))
#define SELF __attribute__((swift_context))

#define LOCK "$s15Synchronization12_MutexHandleV9_lockSlowyys6UInt32VF"
#define UNLOCK "$s15Synchronization12_MutexHandleV11_unlockSlowyyF"

SWIFT void real_lock(uint32_t thread, SELF void *mutex) __asm__("__real_" LOCK);
SWIFT void real_unlock(SELF void *mutex) __asm__("__real_" UNLOCK);
SWIFT void wrapped_lock(uint32_t thread, SELF void *mutex) __asm__("__wrap_" LOCK);
SWIFT void wrapped_unlock(SELF void *mutex) __asm__("__wrap_" UNLOCK);

SWIFT void wrapped_lock(uint32_t thread, SELF void *mutex) {
    real_lock(thread, mutex);
    if (__tsan_acquire) __tsan_acquire(mutex);
}

SWIFT void wrapped_unlock(SELF void *mutex) {
    if (__tsan_release) __tsan_release(mutex);
    real_unlock(mutex);
}
