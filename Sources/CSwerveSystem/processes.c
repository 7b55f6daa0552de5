#define _GNU_SOURCE
#include "swerve_system.h"
#include <stdio.h>
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>
#include <sys/types.h>
#include <sys/wait.h>
#if defined(__linux__)
#include <sched.h>
#include <sys/syscall.h>
// The numbers are the same on every architecture. Headers of older systems lack the names.
#if !defined(SYS_pidfd_send_signal)
#define SYS_pidfd_send_signal 424
#endif
#if !defined(SYS_pidfd_open)
#define SYS_pidfd_open 434
#endif
#endif

int swerve_process_open(int32_t process) {
#if defined(__linux__)
    return (int)syscall(SYS_pidfd_open, (pid_t)process, 0);
#else
    (void)process;
    errno = ENOSYS;
    return -1;
#endif
}

int swerve_process_signal(int descriptor, int signal) {
#if defined(__linux__)
    return (int)syscall(SYS_pidfd_send_signal, descriptor, signal, NULL, 0);
#else
    (void)descriptor;
    (void)signal;
    errno = ENOSYS;
    return -1;
#endif
}

void swerve_process_wait(int32_t process) {
    siginfo_t info;
    while (waitid(P_PID, (id_t)process, &info, WEXITED | WNOWAIT) != 0 && errno == EINTR) {}
}

static void nothing(int signal) { (void)signal; }

void swerve_discard_signal(int signal) {
    struct sigaction action;
    memset(&action, 0, sizeof action);
    action.sa_handler = nothing;
    action.sa_flags = SA_RESTART;
    sigemptyset(&action.sa_mask);
    sigaction(signal, &action, NULL);
}

int swerve_allowed_cores(void) {
#if defined(__linux__)
    cpu_set_t set;
    // Fails on machines with more than 1024 cores; then all online cores count.
    if (sched_getaffinity(0, sizeof set, &set) == 0) return CPU_COUNT(&set);
#endif
    return (int)sysconf(_SC_NPROCESSORS_ONLN);
}

void swerve_write_lines_at_once(void) { setvbuf(stdout, NULL, _IOLBF, 0); }
#if defined(__APPLE__)
#include <crt_externs.h>
char **swerve_environment(void) { return *_NSGetEnviron(); }
#else
extern char **environ;
char **swerve_environment(void) { return environ; }
#endif
