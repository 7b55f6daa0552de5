#define _GNU_SOURCE
#include "swerve_system.h"
#include <stdlib.h>

// Defined in Swift (SwerveRuntime/Worker); does not return. Weak: programs without it have no workers.
extern void swerve_worker_main(void) __attribute__((weak));

int swerve_is_worker(void) { return getenv("SWERVE_WORKER") != NULL; }

// A replica's process runs the application's own executable. It must become a worker before any user code runs,
// whatever form the application's main has (@main, top-level code, a test bundle). But all libraries' constructors must
// have run before, because Swift's own, when linked statically, depend on them. At that point the C library calls main,
// so main is what we replace.

#if defined(__linux__)
#include <dlfcn.h>
#include <errno.h>
#include <sys/prctl.h>

typedef int main_function(int, char **, char **);
typedef int start_function(main_function *, int, char **, void (*)(void), void (*)(void), void (*)(void), void *);

static main_function *program_main;

static int swerve_main(int count, char **arguments, char **environment) {
    if (swerve_worker_main && swerve_is_worker()) {
        // Started through /proc/self/exe, the process would otherwise be called "exe" in process lists.
        (void)prctl(PR_SET_NAME, program_invocation_short_name);
        swerve_worker_main();
    }
    return program_main(count, arguments, environment);
}

// The C library function that every program's entry point passes its main to (Linux Standard Base, Core, 12.3). The
// entry point finds this one first, because it is in the program itself.
__attribute__((visibility("default"))) int __libc_start_main(
    main_function *program, int count, char **arguments, void (*start)(void), void (*end)(void),
    void (*unload)(void), void *stack
) {
    start_function *next = (start_function *)dlsym(RTLD_NEXT, "__libc_start_main");
    if (!next) abort();
    program_main = program;
    return next(swerve_main, count, arguments, start, end, unload, stack);
}
#else
// Outside Linux, nothing that has constructors of its own can be linked statically, so this constructor runs late
// enough.
__attribute__((constructor)) static void swerve_enter_worker(void) {
    if (swerve_worker_main && swerve_is_worker()) swerve_worker_main();
}
#endif
