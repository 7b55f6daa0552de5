#include "swerve_system.h"
#include <stdlib.h>

// Defined in Swift (SwerveRuntime/Worker); runs the replica and does not return.
extern void swerve_worker_main(void);

int swerve_is_worker(void) { return getenv("SWERVE_WORKER") != NULL; }

// A replica's process is the application's own executable. It must become a worker before any of the user's code runs,
// whatever form its main has (@main, top-level code, a test bundle), and code before main is what all of them share.
__attribute__((constructor)) static void swerve_enter_worker(void) {
    if (swerve_is_worker()) swerve_worker_main();
}
