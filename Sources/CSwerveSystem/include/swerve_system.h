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

// Accepts a connection from a listening socket; other programs do not inherit it. -1 when there is none.
int swerve_accept(int listener);
// How many bytes that were written to a socket its peer has not acknowledged; -1 when unknown.
int64_t swerve_socket_unsent(int socket);
// Whether the process at the other end of a Unix socket belongs to this user or to root.
int swerve_peer_is_own_user(int socket);

// Raises the limit on the process's descriptors as far as the system allows, but at most to `most`, and returns the
// limit that then holds; -1 when the system does not report it.
int64_t swerve_descriptor_limit_raise(int64_t most);
// Copies what is left of one file to another without a way through this process, which may share the bytes on the disk.
// Where the system cannot do that, it stops, and the rest can be read and written.
void swerve_copy_file(int from, int to);
// How many descriptors below `most` are open.
int64_t swerve_descriptors_in_use(int64_t most);

// What the calling thread has used: processor time, and how often it gave up the processor to wait for something; also
// the time of a clock that only goes forward. Times are in nanoseconds.
typedef struct {
    int64_t processor;
    int64_t elapsed;
    int64_t waits;
} swerve_thread_usage;
swerve_thread_usage swerve_thread_usage_now(void);

// How many bytes the C allocator has handed out; 0 when unknown.
int64_t swerve_heap_used(void);
// Limits the allocator to this many heaps, which threads share, unless the environment sets the number.
void swerve_limit_heaps(int count);
// Returns the allocator's unused memory to the system.
void swerve_return_memory(void);
// Limits of the process, by the numbers of swerve_limit.
enum swerve_limit {
    swerve_limit_open_files,
    swerve_limit_address_space,
    swerve_limit_processes,
    swerve_limit_file_size,
    swerve_limit_core_size,
};
// The highest value that this process may give a limit; -1 for no bound, or when the system does not report it.
int64_t swerve_limit_bound(int limit);
// Gives a limit of this process a value, which it cannot raise again. -1 if it fails.
int swerve_limit_set(int limit, int64_t value);
// The variables of this process, as environ has them.
char **swerve_environment(void);
// Returns once what was written to the file system of the descriptor is on the disk. -1 if it fails.
int swerve_sync_file_system(int descriptor);
// From now on the process has at most this many bytes of memory of its own (RLIMIT_DATA). -1 if it fails.
int swerve_limit_memory(int64_t bytes);

// The processor time that this process has used, in nanoseconds.
int64_t swerve_process_time(void);

// From now on, standard output holds back no whole line, wherever it goes.
void swerve_write_lines_at_once(void);

// The number of cores that the affinity of this process allows, or else all that are online.
int swerve_allowed_cores(void);

// A descriptor of a process, which never means another one that gets the same number later. -1 where the system has
// none. It is not inherited by other programs. The process must not have been waited for yet.
int swerve_process_open(int32_t process);
// Sends a signal to a descriptor's process. -1 with errno ESRCH when the process is gone.
int swerve_process_signal(int descriptor, int signal);
// Blocks until a child has ended, and leaves waiting for (reaping) it to others.
void swerve_process_wait(int32_t process);
// From now on the signal has no effect on this process. Unlike with SIG_IGN, programs that this process starts do not
// inherit that: in them, the signal has its default effect.
void swerve_discard_signal(int signal);

// The build id that the linker wrote into this program. Writes at most `size` bytes and returns their number, 0 when
// there is none.
size_t swerve_build_id(uint8_t *id, size_t size);
// Identifies the file of this program, which a copy of it does not share; 0 when unknown.
uint64_t swerve_executable_identity(void);

// Memory without a file, which other processes of this user can open by the number of its descriptor. It can neither grow
// nor shrink. In front of the mapped bytes lies a page of memory that belongs to the process alone.
typedef struct {
    int32_t descriptor;
    uint64_t device;
    uint64_t inode;
    int64_t bytes;
} swerve_segment_place;
// Makes such memory, a multiple of a page long, and maps it. NULL with errno where the system has none.
void *swerve_segment_make(const char *name, int64_t bytes, swerve_segment_place *place);
// Maps what another process made, after checking that it is what is described: NULL with errno EINVAL otherwise. What
// this process writes to it is seen by nobody else.
void *swerve_segment_open(int32_t process, const swerve_segment_place *place);
// Forgets what this process wrote to memory that another process made.
void swerve_segment_discard(void *memory, int64_t bytes);
void swerve_segment_unmap(void *memory, int64_t bytes);

// Whether this process was started as a worker.
int swerve_is_worker(void);
#endif
