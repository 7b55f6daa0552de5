#include "swerve_system.h"
#include <poll.h>
#include <stdlib.h>
#include <unistd.h>

// Defined in Swift (SwerveRuntime/Worker); starts the replica's tasks and returns. Weak: programs without it have no workers.
extern void swerve_worker_main(void) __attribute__((weak));

int swerve_is_worker(void) { return getenv("SWERVE_WORKER") != NULL; }

#if defined(__linux__)
// The two functions of libdispatch by which a run loop serves the main queue. `dispatch_main` cannot be used here: it
// ends the main thread with pthread_exit, which needs the frame that calls `main`, and that is not there yet.
extern int _dispatch_get_main_queue_handle_4CF(void) __attribute__((weak));
extern void _dispatch_main_queue_callback_4CF(void *) __attribute__((weak));

static void serve_main_queue(void) {
    if (!_dispatch_get_main_queue_handle_4CF || !_dispatch_main_queue_callback_4CF) {
        for (;;) pause();  // Everything works but @MainActor code.
    }
    struct pollfd handle = {.fd = _dispatch_get_main_queue_handle_4CF(), .events = POLLIN};
    for (;;) {
        uint64_t count;
        if (poll(&handle, 1, -1) <= 0) continue;
        if (read(handle.fd, &count, sizeof count) < 0) continue;
        _dispatch_main_queue_callback_4CF(NULL);
    }
}
#else
#include <dispatch/dispatch.h>
static void serve_main_queue(void) { dispatch_main(); }
#endif

// A replica's process is the application's own executable. It must become a worker before any of the user's code runs,
// whatever form its main has (@main, top-level code, a test bundle), and code before main is what all of them share.
__attribute__((constructor)) static void swerve_enter_worker(void) {
    if (!swerve_worker_main || !swerve_is_worker()) return;
    swerve_worker_main();
    serve_main_queue();
}
