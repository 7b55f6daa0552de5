// Requests at the times of a Poisson process, whether or not earlier ones were answered: an open loop.
//
//   open_load PORT RATE WARM_UP SECONDS OBJECTIVE_MS SEED < REQUEST
//
// The request's bytes come from the standard input. Those of the warm-up are not counted. Prints how many requests were
// due, how many were answered with 200 within the objective (from when they were due, not from when they were sent), with
// 200 at all, with another status, and how many were not sent because all connections were in use.

#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { most_connections = 2048, most_request = 4096, most_answer = 16384 };

struct connection {
    int socket;
    int is_used;
    double due;  // Of the request that is under way.
    size_t received;
    char answer[most_answer];
};

static struct connection connections[most_connections];
static int idle[most_connections];
static int idle_count, opened, under_way, poller;
static char request[most_request + 1];
static size_t request_size;
static struct sockaddr_in server;
static double first_counted, objective;
static long offered, in_time, answered, refused, unsent;

static void fail(const char *what) {
    fprintf(stderr, "open_load: %s: %s\n", what, strerror(errno));
    exit(1);
}

static double now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

// SplitMix64, as a number above 0 and up to 1.
static double next_random(uint64_t *state) {
    uint64_t z = *state += 0x9e3779b97f4a7c15;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return ((double)((z ^ (z >> 31)) >> 11) + 1) / 9007199254740992.0;
}

static void open_connection(int index) {
    int one = 1, socket_ = socket(AF_INET, SOCK_STREAM, 0);
    if (socket_ < 0 || connect(socket_, (struct sockaddr *)&server, sizeof server) != 0) fail("cannot connect");
    setsockopt(socket_, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    fcntl(socket_, F_SETFL, O_NONBLOCK);
    connections[index].socket = socket_;
    struct epoll_event event = {.events = EPOLLIN, .data.u32 = (uint32_t)index};
    if (epoll_ctl(poller, EPOLL_CTL_ADD, socket_, &event) != 0) fail("cannot wait for a connection");
}

static void send_request(double due) {
    offered += due >= first_counted;
    if (idle_count == 0) {
        if (opened == most_connections) {
            unsent += due >= first_counted;
            return;
        }
        open_connection(opened);
        idle[idle_count++] = opened++;
    }
    int index = idle[--idle_count];
    struct connection *connection = &connections[index];
    connection->is_used = 1;
    connection->due = due;
    connection->received = 0;
    under_way++;
    ssize_t sent = write(connection->socket, request, request_size);
    if (sent >= 0 && (size_t)sent != request_size) fail("a request was not sent whole");
    // If the server has closed the connection, reading will say so.
}

static void finish(int index, int status, int is_closed) {
    struct connection *connection = &connections[index];
    under_way--;
    connection->is_used = 0;
    idle[idle_count++] = index;
    if (connection->due >= first_counted) {
        answered += status == 200;
        refused += status != 200;
        in_time += status == 200 && now() - connection->due <= objective;
    }
    if (!is_closed) return;
    close(connection->socket);
    open_connection(index);
}

// The status of a complete answer, else 0.
static int status_of(struct connection *connection, int *closes) {
    connection->answer[connection->received] = 0;
    char *end = strstr(connection->answer, "\r\n\r\n");
    if (!end) return 0;
    size_t length = 0;
    int is_chunked = 0;
    for (char *line = connection->answer; line < end; line = strstr(line, "\r\n") + 2) {
        if (strncasecmp(line, "content-length:", 15) == 0) length = strtoul(line + 15, NULL, 10);
        if (strncasecmp(line, "transfer-encoding: chunked", 26) == 0) is_chunked = 1;
        if (strncasecmp(line, "connection: close", 17) == 0) *closes = 1;
    }
    char *body = end + 4;
    if (is_chunked ? !strstr(end + 2, "\r\n0\r\n\r\n")
                   : body + length > connection->answer + connection->received) return 0;
    return atoi(connection->answer + 9);
}

static void receive(int index) {
    struct connection *connection = &connections[index];
    size_t room = most_answer - 1 - connection->received;
    ssize_t count = read(connection->socket, connection->answer + connection->received, room);
    if (count < 0 && errno == EAGAIN) return;
    if (!connection->is_used) {  // The server has closed a connection at rest.
        if (count > 0) fail("an answer without a request");
        close(connection->socket);
        return open_connection(index);
    }
    if (count <= 0) return finish(index, -1, 1);
    connection->received += (size_t)count;
    int closes = 0, status = status_of(connection, &closes);
    if (status) finish(index, status, closes);
    else if (connection->received == most_answer - 1) fail("an answer is too large");
}

int main(int count, char **arguments) {
    if (count != 7) fail("wrong number of arguments");
    signal(SIGPIPE, SIG_IGN);
    double rate = atof(arguments[2]), warm_up = atof(arguments[3]), seconds = atof(arguments[4]);
    uint64_t random = strtoull(arguments[6], NULL, 10);
    objective = atof(arguments[5]) / 1000;
    server = (struct sockaddr_in){
        .sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(arguments[1])),
        .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    request_size = fread(request, 1, most_request, stdin);
    if ((poller = epoll_create1(0)) < 0) fail("no epoll");

    double start = now(), next = start, end = start + warm_up + seconds;
    first_counted = start + warm_up;
    for (;;) {
        double time = now();
        for (; next <= time && next < end; next -= log(next_random(&random)) / rate) send_request(next);
        // What is answered later is late.
        if (time > end + objective + 0.01 || (time > end && under_way == 0)) break;
        double wait = next < end ? next - time : 0.001;
        if (wait < 0) wait = 0;
        struct timespec limit = {.tv_sec = (time_t)wait, .tv_nsec = (long)((wait - floor(wait)) * 1e9)};
        struct epoll_event events[256];
        int ready = epoll_pwait2(poller, events, 256, &limit, NULL);
        if (ready < 0 && errno != EINTR) fail("cannot wait");
        for (int i = 0; i < ready; i++) receive((int)events[i].data.u32);
    }
    printf("{\"offered\": %ld, \"in_time\": %ld, \"answered\": %ld, \"refused\": %ld, \"unsent\": %ld}\n",
           offered, in_time, answered, refused, unsent);
    return 0;
}
