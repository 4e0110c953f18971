/* The least that a paced stream costs: prepared bytes, one send a frame, nothing else.
 *
 *   pacer PORT FRAMES TTFT_MS ITL_MS [join]
 *
 * One thread, epoll, a heap of deadlines. A request is whatever is read while no stream is sent; what
 * is read while one is sent is the rest of it. With `join` the frames that are due in one turn share a
 * send, and without a pace so does the whole stream: that is to find out how much the load can take. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define MOST 65536

typedef struct {
    double due;
    int fd, turn;
} Timer;

static Timer heap[MOST];
static int size, sent[MOST], turn[MOST]; /* a timer of another turn is nobody's any more */

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec + t.tv_nsec * 1e-9;
}

static void push(double due, int fd)
{
    int at = size++;
    for (; at > 0 && heap[(at - 1) / 2].due > due; at = (at - 1) / 2)
        heap[at] = heap[(at - 1) / 2];
    heap[at] = (Timer){due, fd, turn[fd]};
}

static Timer pop(void)
{
    Timer first = heap[0], last = heap[--size];
    int at = 0, child;
    while ((child = 2 * at + 1) < size) {
        child += child + 1 < size && heap[child + 1].due < heap[child].due;
        if (heap[child].due >= last.due)
            break;
        heap[at] = heap[child];
        at = child;
    }
    heap[at] = last;
    return first;
}

int main(int argc, char **argv)
{
    static char frame[512], first[1024], last[1024], request[1 << 16], out[1 << 16];
    struct epoll_event events[1024], event = {.events = EPOLLIN};
    if (argc < 5)
        return fprintf(stderr, "pacer PORT FRAMES TTFT_MS ITL_MS\n"), 2;
    int frames = atoi(argv[2]), one = 1, join = argc > 5;
    double ttft = atof(argv[3]) / 1e3, itl = atof(argv[4]) / 1e3;
    char json[] = "data: {\"id\":\"chatcmpl-AAAAAAAAAAAAAAAAAAAAAAAAAAAAA\",\"object\":\"chat.completion.chunk\","
                  "\"created\":1767225600,\"model\":\"gpt-4o-mini\",\"system_fingerprint\":\"fp_0123456789\","
                  "\"choices\":[{\"index\":0,\"delta\":{\"content\":\" word\"},\"logprobs\":null,"
                  "\"finish_reason\":null}],\"obfuscation\":\"01234567\"}\n\n";
    snprintf(frame, sizeof frame, "%zx\r\n%s\r\n", strlen(json), json);
    snprintf(first, sizeof first, "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n"
             "transfer-encoding: chunked\r\n\r\n%s", frame);
    snprintf(last, sizeof last, "%se\r\ndata: [DONE]\n\n\r\n0\r\n\r\n", frame);
    size_t frame_size = strlen(frame), first_size = strlen(first), last_size = strlen(last);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((unsigned short)atoi(argv[1]))};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), poll_fd = epoll_create1(0);
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (bind(listener, (void *)&address, sizeof address) != 0 || listen(listener, 4096) != 0)
        return perror("pacer"), 1;
    event.data.fd = listener;
    epoll_ctl(poll_fd, EPOLL_CTL_ADD, listener, &event);
    for (;;) {
        double wait = size ? heap[0].due - now() : 1;
        struct timespec timeout = {0, wait > 0 ? (long)(wait < .9 ? wait * 1e9 : 9e8) : 0};
        int ready = epoll_pwait2(poll_fd, events, 1024, &timeout, NULL);
        for (int i = 0; i < ready; i++) {
            int fd = events[i].data.fd;
            if (fd == listener) {
                while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK)) >= 0 && fd < MOST) {
                    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
                    event.data.fd = fd;
                    epoll_ctl(poll_fd, EPOLL_CTL_ADD, fd, &event);
                    sent[fd] = frames;
                }
            } else if (recv(fd, request, sizeof request, 0) > 0) {
                if (sent[fd] < frames)
                    continue;
                sent[fd] = 0;
                push(now() + ttft, fd);
            } else {
                turn[fd]++;
                close(fd);
            }
        }
        double time = now();
        while (size && heap[0].due <= time) {
            Timer timer = pop();
            if (timer.turn != turn[timer.fd])
                continue;
            size_t filled = 0;
            do { /* more than one only with `join` */
                int number = ++sent[timer.fd];
                const char *bytes = number == 1 ? first : number == frames ? last : frame;
                size_t length = number == 1 ? first_size : number == frames ? last_size : frame_size;
                memcpy(out + filled, bytes, length);
                filled += length;
                timer.due += itl;
            } while (join && sent[timer.fd] < frames && timer.due <= time && filled < sizeof out - sizeof last);
            if (send(timer.fd, out, filled, MSG_NOSIGNAL) > 0 && sent[timer.fd] < frames)
                push(timer.due, timer.fd);
        }
    }
}
