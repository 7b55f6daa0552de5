// What Swift has no spelling for: the entry of worker processes in the place of main, atomics on shared memory, and some
// calls of the operating system. Only SwerveSystem calls it.
#ifndef SWERVE_SYSTEM_H
#define SWERVE_SYSTEM_H
#include <stddef.h>
#include <stdint.h>

// One 64-bit word of memory that two processes share.
static inline void swerve_shared_store(uint64_t *word, uint64_t value) {
    __atomic_store_n(word, value, __ATOMIC_RELEASE);
}
static inline uint64_t swerve_shared_load(const uint64_t *word) {
    return __atomic_load_n(word, __ATOMIC_ACQUIRE);
}

// Takes a connection from a listening socket; not inherited by other programs. -1 when there is none.
int swerve_accept(int listener);
// How many bytes of what was written to a socket its peer has not acknowledged; -1 when that cannot be told.
int64_t swerve_socket_unsent(int socket);
// Whether the process at the other end of a Unix socket belongs to this user or to root.
int swerve_peer_is_own_user(int socket);

// Raises the limit on the process's descriptors as far as the system lets it, to `most` at most, and returns the limit
// from now on; -1 when the system does not tell.
int64_t swerve_descriptor_limit_raise(int64_t most);
// How many descriptors below `most` are open.
int64_t swerve_descriptors_in_use(int64_t most);

// What the calling thread has used: processor time, and how often it gave the processor up to wait for something; and
// the time of a clock that only goes forward. Times are in nanoseconds.
typedef struct {
    int64_t processor;
    int64_t elapsed;
    int64_t waits;
} swerve_thread_usage;
swerve_thread_usage swerve_thread_usage_now(void);

// What the C allocator has given out, in bytes; 0 where it cannot be told.
int64_t swerve_heap_used(void);
// The allocator makes at most so many heaps for threads to share, unless the environment says how many.
void swerve_limit_heaps(int count);
// Gives the memory back to the system that the allocator holds and nobody uses.
void swerve_return_memory(void);

// The processor time that this process has used, in nanoseconds.
int64_t swerve_process_time(void);

// The number of cores that the affinity of this process allows, or else all that are online.
int swerve_allowed_cores(void);

// A descriptor of a process, which never means another one that gets the same number later. -1 where the system has
// none. It is not inherited by other programs. The process must not have been waited for yet.
int swerve_process_open(int32_t process);
// Sends a signal to the process of a descriptor. -1 with errno ESRCH when it is gone.
int swerve_process_signal(int descriptor, int signal);
// Blocks until a child has ended, and leaves it to others to wait for it.
void swerve_process_wait(int32_t process);
// From now on the signal has no effect on this process. Unlike with SIG_IGN, the programs that it starts do not inherit
// that: for them the signal does what it does by default.
void swerve_discard_signal(int signal);

// What tells this program from every other build of it: the linker's build id, or what identifies the file. At most
// `size` bytes are written; their number is returned, 0 when it cannot be told.
size_t swerve_build_id(uint8_t *id, size_t size);

// Whether this process was started as a worker.
int swerve_is_worker(void);
#endif
