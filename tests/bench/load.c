/* Opens many streams at one server, again and again, and says how well their times are kept.
 *
 *   load PORT PATH STREAMS SECONDS TTFT_MS ITL_MS BODY [HELD]
 *
 * One thread, epoll, nothing allocated for a frame: it is never slower than the server. Connections are
 * kept; a stream begins when the one before on its connection has ended. Only frames with text count
 * ("content":"x"), because servers differ in what they send around them. A gap error is how far the time
 * between two frames is from ITL, whichever way; frames that come in one read have a gap of 0.
 * With HELD, answers are waited for without an end: it says `held` when all have begun, and stays.
 * Prints one line of JSON. The first second is not counted. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define KEPT 11 /* one byte less than the shortest mark of a frame, so that none is counted twice */
#define SAMPLES 8000000
#define WARM 1.0

typedef struct {
    int fd, live, frames;
    double asked, last;
    char tail[KEPT];
} Stream;
typedef struct {
    float *of;
    long count;
} Sample;

static Sample gaps, firsts, totals;
static long frames, errors, done;
static double start_time;
static int poll_fd, port;
static char request[1 << 21];
static size_t request_size;

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec + t.tv_nsec * 1e-9;
}

static void keep(Sample *sample, double ms)
{
    if (sample->count < SAMPLES)
        sample->of[sample->count++] = (float)(ms < 0 ? -ms : ms);
}

static int order(const void *a, const void *b)
{
    float x = *(const float *)a, y = *(const float *)b;
    return (x > y) - (x < y);
}

static double at(Sample *sample, double part)
{
    return sample->count ? sample->of[(long)((double)(sample->count - 1) * part)] : -1;
}

static void ask(Stream *stream)
{
    size_t sent = 0;
    stream->live = 1;
    stream->frames = 0;
    memset(stream->tail, 0, KEPT);
    while (sent < request_size) { /* loopback takes even a megabyte soon */
        ssize_t size = send(stream->fd, request + sent, request_size - sent, MSG_NOSIGNAL);
        if (size < 0 && errno != EAGAIN) {
            errors++;
            break;
        }
        sent += size < 0 ? 0 : (size_t)size;
    }
    stream->asked = now();
}

static void join_server(Stream *stream)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((unsigned short)port)};
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = stream};
    int one = 1;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    stream->fd = socket(AF_INET, SOCK_STREAM, 0);
    setsockopt(stream->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    if (connect(stream->fd, (void *)&address, sizeof address) != 0)
        errors++;
    epoll_ctl(poll_fd, EPOLL_CTL_ADD, stream->fd, &event);
    ask(stream);
}

/* Count the frames with text in what was read, behind what is left of the read before. */
static int count(Stream *stream, char *bytes, ssize_t size)
{
    char *from = bytes - KEPT, *end = bytes + size;
    int found = 0;
    memcpy(from, stream->tail, KEPT);
    while ((from = memmem(from, (size_t)(end - from), "\"content\":", 10))) {
        char *text = from + 10;
        text += text < end && *text == ' ';
        found += text + 1 < end && text[0] == '"' && text[1] != '"';
        from += 10;
    }
    memcpy(stream->tail, end - KEPT, KEPT); /* reaches into the tail before where little was read */
    return found;
}

int main(int argc, char **argv)
{
    static char buffer[1 << 18];
    struct epoll_event events[1024];
    if (argc < 8)
        return fprintf(stderr, "load PORT PATH STREAMS SECONDS TTFT_MS ITL_MS BODY [HELD]\n"), 2;
    port = atoi(argv[1]);
    int streams = atoi(argv[3]), opened = 0, held = argc > 8, begun = 0, live = 0;
    double seconds = atof(argv[4]), ttft = atof(argv[5]), itl = atof(argv[6]);
    request_size = (size_t)snprintf(request, sizeof request,
        "POST %s HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nAuthorization: Bearer sk-x\r\n"
        "Content-Length: %zu\r\n\r\n%s", argv[2], strlen(argv[7]), argv[7]);
    gaps.of = malloc(SAMPLES * sizeof(float));
    firsts.of = malloc(SAMPLES * sizeof(float));
    totals.of = malloc(SAMPLES * sizeof(float));
    Stream *all = calloc((size_t)streams, sizeof *all);
    poll_fd = epoll_create1(0);
    start_time = now();
    double end = start_time + WARM + seconds;
    for (;;) {
        double time = now();
        int wanted = (int)((time - start_time) / WARM * streams) + 1; /* not all at one moment */
        while (opened < streams && opened < wanted && time < end) {
            join_server(&all[opened++]);
            live++;
        }
        if (time > end + 10 || (time > end && (live == 0 || held)))
            break;
        int ready = epoll_wait(poll_fd, events, 1024, 1);
        for (int i = 0; i < ready; i++) {
            Stream *stream = events[i].data.ptr;
            char *bytes = buffer + KEPT;
            ssize_t size = recv(stream->fd, bytes, sizeof buffer - KEPT, MSG_DONTWAIT);
            double read = now();
            int counts = read > start_time + WARM && read < end;
            if (size <= 0) {
                if (size < 0 && errno == EAGAIN)
                    continue;
                errors += stream->live;
                close(stream->fd);
                if (read < end)
                    join_server(stream);
                else
                    live--;
                continue;
            }
            if (stream->frames == 0 && !memcmp(bytes, "HTTP/1.1 ", 9) && bytes[9] != '2')
                errors++;
            if (held && ++begun == streams)
                printf("held\n"), fflush(stdout);
            for (int n = count(stream, bytes, size), i = 0; i < n; i++) {
                double gap = (read - stream->last) * 1e3;
                frames += counts;
                if (counts && stream->frames == 0)
                    keep(&firsts, (read - stream->asked) * 1e3 - ttft);
                else if (counts)
                    keep(&gaps, gap - itl);
                stream->frames++;
                stream->last = read;
            }
            if (size >= 5 && !memcmp(bytes + size - 5, "0\r\n\r\n", 5)) {
                if (counts && stream->frames > 1) {
                    double ideal = ttft + itl * (stream->frames - 1);
                    keep(&totals, (stream->last - stream->asked) * 1e5 / ideal);
                }
                done += counts;
                stream->live = 0;
                if (read < end)
                    ask(stream);
                else
                    live--;
            }
        }
    }
    double span = now() < end ? now() - start_time - WARM : seconds;
    qsort(gaps.of, (size_t)gaps.count, sizeof(float), order);
    qsort(firsts.of, (size_t)firsts.count, sizeof(float), order);
    qsort(totals.of, (size_t)totals.count, sizeof(float), order);
    printf("{\"streams\": %ld, \"errors\": %ld, \"frames_per_second\": %.0f, "
           "\"gap_p50\": %.3f, \"gap_p99\": %.3f, \"gap_max\": %.3f, "
           "\"ttft_p50\": %.3f, \"ttft_p99\": %.3f, \"total_percent\": %.3f}\n",
        done, errors, (double)frames / span, at(&gaps, .5), at(&gaps, .99), at(&gaps, 1),
        at(&firsts, .5), at(&firsts, .99), at(&totals, .5));
    return 0;
}
