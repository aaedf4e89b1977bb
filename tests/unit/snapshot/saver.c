/* saver.c - the thread that writes the file: the order of chunks, the states, what stands under the name at any moment, and failures.  */
#include "snapshot/saver.h"

#include "mem/heap.h"
#include "persist/crc64.h"
#include "persist/rdb_file.h"
#include "persist/rdb_format.h"
#include "persist/rdb_string.h"
#include "snapshot/chunk_index.h"

#include <criterion/criterion.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { SHARDS = 3, QUEUES = 1 + SAVER_SHARD_QUEUES * SHARDS, PATIENCE_S = 60, RECORDS = 400 };
#define NAME "dump.rdb"
#define OLD "what was there before"

static char folder[64];

static const char *path_of(const char *name)
{
    static char path[128];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

static void make_folder(void)
{
    snprintf(folder, sizeof folder, "/tmp/tessera-saver-XXXXXX");
    cr_assert_not_null(mkdtemp(folder));
}

static void write_old(void)
{
    FILE *file = fopen(path_of(NAME), "w");
    fputs(OLD, file);
    fclose(file);
}

/* Gives; also what has no name any more. */
static struct bytes read_fd(int fd)
{
    struct stat state;
    cr_assert_eq(fstat(fd, &state), 0);
    char *data = malloc((size_t)state.st_size + 1);
    cr_assert_eq(pread(fd, data, (size_t)state.st_size, 0), state.st_size);
    close(fd);
    return (struct bytes){data, (size_t)state.st_size};
}

static struct bytes read_named(void)
{
    const int fd = open(path_of(NAME), O_RDONLY);
    cr_assert_geq(fd, 0);
    return read_fd(fd);
}

static unsigned files_in_folder(void)
{
    unsigned count = 0;
    DIR *all = opendir(folder);
    for (const struct dirent *one; (one = readdir(all)) != NULL;) {
        count += one->d_name[0] != '.';
    }
    closedir(all);
    return count;
}

/* The folder has the old file only, or none, and goes. */
static void check_nothing_left(bool has_old)
{
    cr_assert_eq(files_in_folder(), has_old ? 1u : 0u);
    if (has_old) {
        struct bytes old = read_named();
        cr_assert(bytes_equal(old, BYTES(OLD)));
        free((void *)(uintptr_t)old.data);
        unlink(path_of(NAME));
    }
    rmdir(folder);
}

static void remove_folder(void)
{
    unlink(path_of(NAME));
    cr_assert_eq(rmdir(folder), 0, "there are more files");
}

static struct saver *start(bool is_unnamed)
{
    struct saver *saver = saver_start(
        &(struct saver_options){.folder = folder, .name = NAME, .queue_count = QUEUES, .has_checksum = true, .is_unnamed = is_unnamed});
    cr_assert_not_null(saver);
    return saver;
}

static void wait_for(const struct saver *saver, enum saver_state state)
{
    const time_t end = time(NULL) + PATIENCE_S;
    while (saver_state(saver) != state) {
        cr_assert(saver_state(saver) < SAVER_DONE || state >= SAVER_DONE, "state %d", saver_state(saver));
        cr_assert_lt(time(NULL), end, "state %d instead of %d", saver_state(saver), state);
        usleep(200);
    }
}

static void push(struct saver *saver, uint32_t queue, struct bytes text, bool is_open)
{
    struct buffer chunk = BUFFER_EMPTY(MEM_SNAPSHOT);
    cr_assert(buffer_append(&chunk, text));
    cr_assert(saver_push(saver, queue, &chunk, is_open));
    cr_assert_eq(chunk.len, 0);
    cr_assert_null(chunk.data);
}

static void close_from(struct saver *saver, uint32_t first)
{
    for (uint32_t queue = first; queue < QUEUES; queue++) {
        saver_close(saver, queue);
    }
}

static void check_failed(struct saver *saver, const char *where, int error)
{
    int found;
    wait_for(saver, SAVER_FAILED);
    const char *what = saver_failed_at(saver, &found);
    cr_assert_str_eq(what, where);
    cr_assert_eq(found, error, "%s", strerror(found));
    saver_destroy(saver);
    cr_assert_eq(thread_heaps_bytes(), 0);
}

/* --- the order --- */

Test(saver, the_head_comes_first_and_an_open_record_stays_whole)
{
    make_folder();
    write_old();
    struct saver *saver = start(false);
    wait_for(saver, SAVER_OPEN);
    push(saver, 4, BYTES("<of shard 1>"), false);
    push(saver, 2, BYTES("<big"), true);
    saver_go(saver);
    push(saver, 1, BYTES("<of shard 0>"), false);
    push(saver, 0, BYTES("REDIS0010"), false);
    saver_close(saver, 0);
    const time_t end = time(NULL) + PATIENCE_S;
    while (!saver_waits_for(saver, 2)) { /* it may have written what is complete before */
        cr_assert_lt(time(NULL), end);
        usleep(200);
    }
    push(saver, 6, BYTES("<of shard 2>"), false);
    cr_assert_geq(saver_waiting_bytes(saver), 12u);
    push(saver, 2, BYTES(", bigger"), true);
    push(saver, 2, BYTES(">"), false);
    close_from(saver, 1);
    wait_for(saver, SAVER_DONE);
    cr_assert_eq(saver_waiting_bytes(saver), 0);
    struct bytes file = read_named();
    cr_assert_eq(file.len, saver_written_bytes(saver));
    cr_assert_eq(memcmp(file.data, "REDIS0010", 9), 0);
    cr_assert_not_null(memmem(file.data, file.len, "<big, bigger>", 13));
    const struct found_chunks chunks = chunk_index_find(file);
    cr_assert_eq(chunks.count, 4);
    cr_assert_eq(chunks.shards, SHARDS);
    for (uint64_t i = 0; i < chunks.count; i++) {
        const struct chunk_place place = chunk_index_at(&chunks, i);
        char expected[20];
        const int len = snprintf(expected, sizeof expected, "<of shard %u>", place.shard);
        const char *at = file.data + place.offset;
        cr_assert(memcmp(at, expected, (size_t)len) == 0 || (place.shard == 0 && memcmp(at, "<big, bigger>", 13) == 0));
    }
    uint64_t stored;
    memcpy(&stored, file.data + file.len - sizeof stored, sizeof stored);
    cr_assert_eq(stored, crc64(0, (struct bytes){file.data, file.len - sizeof stored}));
    cr_assert_eq(stored, saver_checksum(saver));
    free((void *)(uintptr_t)file.data);
    saver_destroy(saver);
    cr_assert_eq(files_in_folder(), 1);
    cr_assert_eq(thread_heaps_bytes(), 0);
    remove_folder();
}

/* A record may have been handed over to its last byte before it is known that it ends there. */
Test(saver, an_empty_chunk_ends_a_record)
{
    make_folder();
    struct saver *saver = start(false);
    wait_for(saver, SAVER_OPEN);
    push(saver, 0, BYTES("REDIS0010"), false);
    saver_close(saver, 0);
    push(saver, 2, BYTES("<big>"), true);
    push(saver, 4, BYTES("<other>"), false);
    saver_go(saver);
    push(saver, 2, BYTES(""), false);
    close_from(saver, 1);
    wait_for(saver, SAVER_DONE);
    struct bytes file = read_named();
    cr_assert_not_null(memmem(file.data, file.len, "<big>", 5));
    cr_assert_eq(chunk_index_find(file).count, 2);
    free((void *)(uintptr_t)file.data);
    saver_destroy(saver);
    remove_folder();
}

/* --- many threads --- */

struct pusher {
    struct saver *saver;
    uint32_t shard;
};

/* <queue:number:xxx>, cut anywhere in the second queue. */
static void push_record(struct saver *saver, uint32_t queue, unsigned number, unsigned *seed)
{
    char record[400];
    int len = snprintf(record, sizeof record, "<%u:%u:", queue, number);
    const int xs = rand_r(seed) % 300;
    memset(record + len, 'x', (size_t)xs);
    len += xs;
    record[len++] = '>';
    int at = 0;
    while (queue % 2 == 0 && rand_r(seed) % 3 != 0 && at < len) {
        const int some = 1 + rand_r(seed) % (len - at);
        push(saver, queue, (struct bytes){record + at, (size_t)some}, true);
        at += some;
    }
    push(saver, queue, (struct bytes){record + at, (size_t)(len - at)}, false);
}

static void *push_all(void *arg)
{
    const struct pusher *pusher = arg;
    unsigned seed = pusher->shard + 7;
    thread_heap_register();
    const uint32_t first = 1 + SAVER_SHARD_QUEUES * pusher->shard;
    for (unsigned i = 0; i < RECORDS; i++) {
        push_record(pusher->saver, first + (uint32_t)rand_r(&seed) % SAVER_SHARD_QUEUES, i, &seed);
    }
    saver_close(pusher->saver, first);
    saver_close(pusher->saver, first + 1);
    return NULL;
}

Test(saver, records_of_many_threads_are_whole_and_in_the_order_of_their_queues)
{
    make_folder();
    struct saver *saver = start(true);
    struct pusher pushers[SHARDS];
    pthread_t threads[SHARDS];
    wait_for(saver, SAVER_OPEN);
    cr_assert_eq(files_in_folder(), 0); /* it has no name */
    for (uint32_t i = 0; i < SHARDS; i++) {
        pushers[i] = (struct pusher){saver, i};
        cr_assert_eq(pthread_create(&threads[i], NULL, push_all, &pushers[i]), 0);
    }
    push(saver, 0, BYTES("REDIS0010"), false);
    saver_close(saver, 0);
    saver_go(saver);
    for (uint32_t i = 0; i < SHARDS; i++) {
        pthread_join(threads[i], NULL);
    }
    wait_for(saver, SAVER_DONE);
    struct bytes file = read_fd(saver_take_file(saver));
    const struct found_chunks chunks = chunk_index_find(file);
    int64_t last[QUEUES];
    unsigned found = 0;
    memset(last, -1, sizeof last);
    for (const char *at = file.data + 9; at < file.data + chunks.end; found++) {
        unsigned queue, number;
        int len = 0;
        cr_assert_eq(sscanf(at, "<%u:%u:%n", &queue, &number, &len), 2, "record %u", found);
        at += len;
        at += strspn(at, "x");
        cr_assert_eq(*at++, '>', "record %u", found);
        cr_assert_gt((int64_t)number, last[queue]);
        last[queue] = number;
    }
    cr_assert_eq(found, SHARDS * RECORDS);
    free((void *)(uintptr_t)file.data);
    saver_destroy(saver);
    cr_assert_eq(rmdir(folder), 0);
}

/* --- failures: the old file stays, nothing else does --- */

Test(saver, a_folder_that_is_not_there)
{
    snprintf(folder, sizeof folder, "/tmp/tessera-saver-is-not-there");
    check_failed(start(false), "opening the directory", ENOENT);
}

Test(saver, a_name_that_cannot_be_taken)
{
    make_folder();
    cr_assert_eq(mkdir(path_of(NAME), 0700), 0);
    struct saver *saver = start(false);
    wait_for(saver, SAVER_OPEN);
    push(saver, 0, BYTES("REDIS0010"), false);
    close_from(saver, 0);
    saver_go(saver);
    check_failed(saver, "rename", EISDIR);
    cr_assert_eq(files_in_folder(), 1);
    cr_assert_eq(rmdir(path_of(NAME)), 0);
    check_nothing_left(false);
}

Test(saver, a_file_that_may_not_grow)
{
    make_folder();
    write_old();
    struct saver *saver = start(false);
    wait_for(saver, SAVER_OPEN);
    signal(SIGXFSZ, SIG_IGN);
    const struct rlimit limit = {10000, RLIM_INFINITY};
    cr_assert_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
    static const char many[20000];
    push(saver, 0, BYTES("REDIS0010"), false);
    saver_close(saver, 0);
    saver_go(saver);
    push(saver, 1, (struct bytes){many, sizeof many}, false);
    push(saver, 3, BYTES("never written"), false);
    check_failed(saver, "writing", EFBIG);
    const struct rlimit none = {RLIM_INFINITY, RLIM_INFINITY};
    cr_assert_eq(setrlimit(RLIMIT_FSIZE, &none), 0);
    check_nothing_left(true);
}

/* In whatever state; chunks that nobody takes any more are freed. */
Test(saver, is_cancelled)
{
    for (int moment = 0; moment < 4; moment++) {
        make_folder();
        write_old();
        struct saver *saver = start(false);
        if (moment > 0) {
            wait_for(saver, SAVER_OPEN);
            push(saver, 0, BYTES("REDIS0010"), false);
            push(saver, 1, BYTES("text"), false);
        }
        if (moment > 1) {
            saver_go(saver);
        }
        if (moment > 2) {
            saver_close(saver, 0);
            push(saver, 2, BYTES("open"), true);
        }
        saver_cancel(saver);
        check_failed(saver, "cancelled", ECANCELED);
        check_nothing_left(true);
    }
}

Test(saver, is_destroyed_in_the_middle)
{
    make_folder();
    write_old();
    struct saver *saver = start(false);
    wait_for(saver, SAVER_OPEN);
    saver_go(saver);
    push(saver, 0, BYTES("REDIS0010"), false);
    saver_destroy(saver);
    saver_destroy(NULL);
    cr_assert_eq(thread_heaps_bytes(), 0);
    check_nothing_left(true);
}
