/* Opens many streams at one server, again and again, and says how well their times are kept.
 *
 *   load -p PORT -u PATH -b BODY_FILE -n STREAMS -s SECONDS -m MARK -e END -f FRAMES
 *        [-t TTFT_MS] [-i ITL_MS] [-w WARM_SECONDS] [-H]
 *
 * One thread, epoll, nothing allocated for a frame: it must never be slower than the server. It says
 * its own use of its processor (`load_percent`): near 100 it is what was measured, not the server.
 * Connections are kept; a stream begins when the one before on its connection has ended.
 *
 * A frame counts where MARK ("content": and the like) is followed by a string that is not empty,
 * because servers differ in what they send around the text. Marks are looked for in the bytes as they
 * come, so the chunks of the transfer coding must not cut them. A gap error is how far the time between
 * two frames is from ITL, whichever way; frames that come in one read have a gap of 0. A stream is
 * whole when its status is 200, it had FRAMES frames and END, and then the end of its chunked body;
 * every other one counts as `broken`, and so does a connection that is lost or refused.
 *
 * The first 00000000 in the body becomes the number of the request, so that no two are equal.
 *
 * With -H, answers are waited for without an end: it says `held` when all have begun, and stays until
 * its input ends. Prints one line of JSON. What begins in the first WARM seconds, in which the streams are
 * opened one after another, is not counted, but in `answered`. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define KEPT 64 /* bytes of the read before that a mark may begin in */
#define SAMPLES 16000000
#define NUMBER "00000000"
#define STATUS 12 /* bytes of "HTTP/1.1 200" */
#define LAST "\r\n0\r\n\r\n"

typedef struct {
    int fd, live, status, frames, ended, answers; /* answers on this connection */
    double asked, last;
    int headed;
    char head[STATUS + 1], tail[KEPT];
} Stream;
typedef struct {
    float *of;
    long count;
} Sample;

static Sample gaps, firsts, totals;
static long asked, frames, bytes_read, broken, refused, done, answered;
static double start_time, warm = 1;
static int poll_fd, port, expected;
static const char *mark = "\"content\":", *end_mark = "data: [DONE]";
static char *request, *number; /* where a running number goes */
static size_t request_size;

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec + t.tv_nsec * 1e-9;
}

static double processor(void)
{
    struct rusage used;
    getrusage(RUSAGE_SELF, &used);
    return used.ru_utime.tv_sec + used.ru_stime.tv_sec + (used.ru_utime.tv_usec + used.ru_stime.tv_usec) * 1e-6;
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

/* The nearest rank: the smallest value that is not exceeded by so large a part. */
static double at(Sample *sample, double part)
{
    long rank = (long)(part * (double)sample->count + 0.999999999);
    return sample->count ? sample->of[rank > 0 ? rank - 1 : 0] : -1;
}

static void make_request(const char *path, const char *body_file)
{
    FILE *file = fopen(body_file, "rb");
    long size;
    if (!file || fseek(file, 0, SEEK_END) || (size = ftell(file)) < 0)
        perror(body_file), exit(2);
    rewind(file);
    request = malloc((size_t)size + 4096);
    request_size = (size_t)snprintf(request, 4096,
        "POST %s HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nAuthorization: Bearer sk-x\r\n"
        "Content-Length: %ld\r\n\r\n", path, size);
    request_size += fread(request + request_size, 1, (size_t)size, file);
    fclose(file);
    number = memmem(request, request_size, NUMBER, strlen(NUMBER));
}

static void ask(Stream *stream)
{
    size_t sent = 0;
    stream->live = 1;
    stream->frames = stream->status = stream->ended = stream->headed = 0;
    memset(stream->tail, 0, KEPT);
    if (number)
        for (long left = ++asked, digit = (long)strlen(NUMBER) - 1; digit >= 0; digit--, left /= 10)
            number[digit] = (char)('0' + left % 10);
    while (sent < request_size) { /* blocks while the server does not read */
        ssize_t size = send(stream->fd, request + sent, request_size - sent, MSG_NOSIGNAL);
        if (size <= 0)
            break; /* the read that follows tells it */
        sent += (size_t)size;
    }
    stream->asked = now();
}

static void join_server(Stream *stream)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((unsigned short)port)};
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = stream};
    int one = 1;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    stream->answers = 0;
    stream->fd = socket(AF_INET, SOCK_STREAM, 0);
    if (stream->fd < 0)
        perror("socket"), exit(2);
    setsockopt(stream->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    if (connect(stream->fd, (void *)&address, sizeof address) != 0 && ++refused > 1000)
        perror("connect"), exit(2);
    epoll_ctl(poll_fd, EPOLL_CTL_ADD, stream->fd, &event);
    ask(stream);
}

/* The frames that are complete with these bytes, which stand behind the tail of the read before. */
static int count(Stream *stream, char *bytes, ssize_t size)
{
    char *from = bytes - KEPT, *end = bytes + size;
    size_t length = strlen(mark);
    int found = 0;
    memcpy(from, stream->tail, KEPT);
    while ((from = memmem(from, (size_t)(end - from), mark, length))) {
        char *text = from + length;
        text += text < end && *text == ' ';
        found += text + 1 < end && text + 1 >= bytes && text[0] == '"' && text[1] != '"';
        from += length;
    }
    if (!stream->ended && stream->frames + found >= expected)
        stream->ended = memmem(bytes - KEPT, (size_t)(size + KEPT), end_mark, strlen(end_mark)) != NULL;
    memcpy(stream->tail, end - KEPT, KEPT); /* reaches into the tail before where little was read */
    return found;
}

static int whole(const Stream *stream)
{
    return stream->status == 200 && stream->frames == expected && stream->ended;
}

/* A stream is over, well or badly. */
static void finish(Stream *stream, int counts, double ideal)
{
    if (!whole(stream)) {
        broken++;
    } else {
        answered++;
        done += counts;
        if (counts)
            keep(&totals, ideal > 0 ? (stream->last - stream->asked) * 1e5 / ideal : 100);
    }
    stream->live = 0;
    stream->answers++;
}

int main(int argc, char **argv)
{
    static char buffer[1 << 18];
    struct epoll_event events[1024];
    const char *path = "/", *body_file = NULL;
    int streams = 1, opened = 0, held = 0, begun = 0, live = 0, option;
    double seconds = 1, ttft = 0, itl = 0;
    while ((option = getopt(argc, argv, "p:u:b:n:s:m:e:f:t:i:w:H")) != -1) {
        switch (option) {
        case 'p': port = atoi(optarg); break;
        case 'u': path = optarg; break;
        case 'b': body_file = optarg; break;
        case 'n': streams = atoi(optarg); break;
        case 's': seconds = atof(optarg); break;
        case 'm': mark = optarg; break;
        case 'e': end_mark = optarg; break;
        case 'f': expected = atoi(optarg); break;
        case 't': ttft = atof(optarg); break;
        case 'i': itl = atof(optarg); break;
        case 'w': warm = atof(optarg); break;
        case 'H': held = 1; break;
        default: return 2;
        }
    }
    if (!port || !body_file || !expected || strlen(mark) + 3 > KEPT || strlen(end_mark) > KEPT)
        return fprintf(stderr, "load: -p, -b and -f are needed; marks have at most %d bytes\n", KEPT - 3), 2;
    make_request(path, body_file);
    gaps.of = malloc(SAMPLES * sizeof(float));
    firsts.of = malloc(SAMPLES * sizeof(float));
    totals.of = malloc(SAMPLES * sizeof(float));
    Stream *all = calloc((size_t)streams, sizeof *all);
    poll_fd = epoll_create1(0);
    start_time = now();
    double end = start_time + warm + seconds, ideal = ttft + itl * (expected - 1), used = -1, used_until = 0;
    for (;;) {
        double time = now();
        int wanted = (int)((time - start_time) / warm * streams) + 1; /* not all at one moment */
        while (opened < streams && opened < wanted && (held || time < end)) {
            join_server(&all[opened++]);
            live++;
        }
        if (used < 0 && time >= start_time + warm)
            used = processor();
        if (!used_until && time >= end)
            used_until = processor() - used;
        if (time > end && !held && (live == 0 || time > end + 10))
            break;
        int ready = epoll_wait(poll_fd, events, 1024, 1);
        for (int i = 0; i < ready; i++) {
            Stream *stream = events[i].data.ptr;
            char *bytes = buffer + KEPT;
            ssize_t size = recv(stream->fd, bytes, sizeof buffer - KEPT, MSG_DONTWAIT);
            double read = now();
            int counts = read > start_time + warm && read < end;
            if (size <= 0) {
                if (size < 0 && errno == EAGAIN)
                    continue;
                /* a server may close after an answer, and the next request is then nobody's */
                if (stream->live && !(stream->headed == 0 && stream->answers > 0))
                    finish(stream, counts, ideal);
                close(stream->fd);
                if (read < end && !held)
                    join_server(stream);
                else
                    live--;
                continue;
            }
            bytes_read += counts ? size : 0;
            if (!stream->headed && held && ++begun == streams)
                printf("held\n"), fflush(stdout);
            for (ssize_t j = 0; j < size && stream->headed < STATUS; j++)
                stream->head[stream->headed++] = bytes[j];
            if (!stream->status && stream->headed == STATUS)
                stream->status = !memcmp(stream->head, "HTTP/1.", 7) ? atoi(stream->head + 9) : -1;
            for (int n = count(stream, bytes, size), j = 0; j < n; j++) {
                double gap = (read - stream->last) * 1e3;
                frames += counts;
                if (counts && stream->frames == 0)
                    keep(&firsts, (read - stream->asked) * 1e3 - ttft);
                else if (counts)
                    keep(&gaps, gap - itl);
                stream->frames++;
                stream->last = read;
            }
            if (stream->live && !memcmp(stream->tail + KEPT - 7, LAST, 7)) {
                finish(stream, counts, ideal);
                if (read < end)
                    ask(stream);
                else
                    live--;
            }
        }
        if (held && begun == streams) {
            char rest[64];
            while (read(0, rest, sizeof rest) > 0)
                ;
            break;
        }
    }
    double span = end - start_time - warm;
    qsort(gaps.of, (size_t)gaps.count, sizeof(float), order);
    qsort(firsts.of, (size_t)firsts.count, sizeof(float), order);
    qsort(totals.of, (size_t)totals.count, sizeof(float), order);
    printf("{\"streams\": %ld, \"answered\": %ld, \"broken\": %ld, \"unfinished\": %d, \"refused\": %ld, "
           "\"frames_per_second\": %.0f, \"mb_per_second\": %.2f, "
           "\"gap_p50\": %.3f, \"gap_p99\": %.3f, \"gap_max\": %.3f, "
           "\"ttft_p50\": %.3f, \"ttft_p99\": %.3f, \"total_percent\": %.3f, \"load_percent\": %.1f}\n",
        done, answered, broken, held ? 0 : live, refused, (double)frames / span, (double)bytes_read / span / 1e6,
        at(&gaps, .5), at(&gaps, .99), at(&gaps, 1), at(&firsts, .5), at(&firsts, .99),
        at(&totals, .5), used_until / span * 100);
    return 0;
}
