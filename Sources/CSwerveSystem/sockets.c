#define _GNU_SOURCE
#include "swerve_system.h"
#include <sys/socket.h>
#include <sys/types.h>
#include <unistd.h>
#include <fcntl.h>
#if defined(__linux__)
#include <linux/sockios.h>
#include <sys/ioctl.h>
#endif

int swerve_accept(int listener) {
#if defined(__linux__)
    return accept4(listener, NULL, NULL, SOCK_CLOEXEC);
#else
    int connection = accept(listener, NULL, NULL);
    if (connection >= 0) fcntl(connection, F_SETFD, FD_CLOEXEC);
    return connection;
#endif
}

int64_t swerve_socket_unsent(int socket) {
    int count = 0;
#if defined(__linux__)
    if (ioctl(socket, SIOCOUTQ, &count) != 0) return -1;
#else
    socklen_t size = sizeof count;
    if (getsockopt(socket, SOL_SOCKET, SO_NWRITE, &count, &size) != 0) return -1;
#endif
    return count;
}

int swerve_peer_is_own_user(int socket) {
#if defined(__linux__)
    struct ucred peer;
    socklen_t size = sizeof peer;
    if (getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0) return 0;
    return peer.uid == getuid() || peer.uid == 0;
#else
    uid_t user;
    gid_t group;
    if (getpeereid(socket, &user, &group) != 0) return 0;
    return user == getuid() || user == 0;
#endif
}
