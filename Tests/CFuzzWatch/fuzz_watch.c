#include "fuzz_watch.h"

#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <unistd.h>

// Of the sanitizer's runtime; absent without it.
__attribute__((weak)) int __sanitizer_install_malloc_and_free_hooks(void (*)(const volatile void *, size_t),
                                                                    void (*)(const volatile void *));
__attribute__((weak)) size_t __sanitizer_get_allocated_size(const volatile void *);
__attribute__((weak)) void __sanitizer_set_death_callback(void (*)(void));

// Read by the runtime before main. One allocation of more than 64 MiB is a fault, whoever asks for it. Swift's traps are
// reported as faults are. Leaks are counted here, input by input, which works without the right to trace processes.
const char *__asan_default_options(void);
const char *__asan_default_options(void) {
    return "max_allocation_size_mb=64:allocator_may_return_null=0:handle_sigill=1:handle_sigtrap=1:handle_abort=1:"
           "detect_leaks=0:quarantine_size_mb=32";
}

static atomic_llong live, peak;
static uint64_t run_seed, current_input;

static void on_malloc(const volatile void *memory, size_t count) {
    (void)memory;
    long long now = atomic_fetch_add_explicit(&live, (long long)count, memory_order_relaxed) + (long long)count;
    long long most = atomic_load_explicit(&peak, memory_order_relaxed);
    while (now > most && !atomic_compare_exchange_weak(&peak, &most, now)) {
    }
}

static void on_free(const volatile void *memory) {
    if (!memory) return;
    atomic_fetch_sub_explicit(&live, (long long)__sanitizer_get_allocated_size(memory), memory_order_relaxed);
}

static void say_which(const char *what) {
    char text[160];
    int count = snprintf(text, sizeof text, "fuzz: %s in input %llu; again: fuzz-decoders --seed %llu --only %llu\n", what,
                         (unsigned long long)current_input, (unsigned long long)run_seed,
                         (unsigned long long)current_input);
    if (write(STDERR_FILENO, text, (size_t)count) < 0) _exit(1);
}

static void on_death(void) { say_which("a fault"); }

static void on_alarm(int number) {
    (void)number;
    say_which("too much time");
    _exit(1);
}

bool fuzz_watch_start(uint64_t seed) {
    if (!__sanitizer_install_malloc_and_free_hooks || !__sanitizer_get_allocated_size || !__sanitizer_set_death_callback)
        return false;
    run_seed = seed;
    __sanitizer_set_death_callback(on_death);
    signal(SIGALRM, on_alarm);
    return __sanitizer_install_malloc_and_free_hooks(on_malloc, on_free) != 0;
}

void fuzz_watch_begin(uint64_t input, unsigned seconds) {
    current_input = input;
    alarm(seconds);
    atomic_store(&peak, atomic_load(&live));
}

int64_t fuzz_watch_live(void) { return atomic_load(&live); }

int64_t fuzz_watch_peak(void) { return atomic_load(&peak); }
