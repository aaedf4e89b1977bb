/* log_set.c - the log's directory, the numbers of generations, and the logs turned on and off.  */
#include "appendonly/log_set.h"

#include "mem/heap.h"
#include "shard/inbox.h"
#include "shard/thread.h"

#include <ck_epoch.h>
#include <criterion/criterion.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { SHARDS = 2 };

static struct config *config;
static struct server server;
static struct shard shards[SHARDS];
static struct inbox inboxes[SHARDS];
static struct logged_progress progress[SHARDS];
static struct thread thread;
static ck_epoch_t epoch;
static char folder[] = "/tmp/tessera-log-set-XXXXXX";

static void on_effect(void *context, const struct effect *effect)
{
    (void)context, (void)effect;
}

static void on_lost(void *context, struct thread *loser)
{
    (void)context, (void)loser;
}

static const struct effect_listener listener = {.name = "test", .effect = on_effect, .lost = on_lost};

static struct appendonly *create(void)
{
    struct appendonly *appendonly = thread_alloc_zeroed(MEM_SERVER, sizeof *appendonly + SHARDS * sizeof appendonly->logs[0]);
    cr_assert_not_null(appendonly);
    appendonly->server = &server;
    appendonly->listener = &listener;
    appendonly->lock_fd = -1;
    for (uint32_t i = 0; i < SHARDS; i++) {
        appendonly->logs[i] = (struct shard_log){.server = &server, .shard = i};
    }
    return appendonly;
}

static void destroy(struct appendonly *appendonly)
{
    aof_manifest_destroy(&appendonly->manifest);
    aof_cut_destroy(appendonly->cut);
    appendonly_close_folder(appendonly);
    thread_free(MEM_SERVER, appendonly, sizeof *appendonly + SHARDS * sizeof appendonly->logs[0]);
}

static void set_up(void)
{
    static struct thread *threads[SHARDS] = {&thread, &thread};
    config = config_create();
    cr_assert_not_null(config);
    config->loglevel = 100;
    memset(progress, 0, sizeof progress);
    server = (struct server){.config = config, .shards = shards, .shard_count = SHARDS, .threads = threads, .inboxes = inboxes, .epoch = &epoch,
                             .command_count = 1};
    server.logged.progress = progress;
    for (uint32_t i = 0; i < SHARDS; i++) {
        shards[i] = (struct shard){.number = i, .server = &server};
    }
    effects_add(&server.effects, &listener, NULL);
    ck_epoch_init(&epoch);
    thread = (struct thread){.server = &server, .shard = &shards[0]};
    cr_assert(thread_open(&thread));
    cr_assert_not_null(mkdtemp(folder));
    cr_assert_eq(chdir(folder), 0);
}

static void remove_all(const char *path)
{
    DIR *directory = opendir(path);
    for (const struct dirent *entry; directory != NULL && (entry = readdir(directory)) != NULL;) {
        char name[512];
        snprintf(name, sizeof name, "%s/%s", path, entry->d_name);
        if (entry->d_name[0] != '.') {
            unlink(name);
        }
    }
    if (directory != NULL) {
        closedir(directory);
    }
    rmdir(path);
}

static void tear_down(void)
{
    remove_all("appendonlydir");
    cr_assert_eq(chdir("/"), 0);
    rmdir(folder);
    config_destroy(config);
    thread_free_stats(&thread);
    thread_close(&thread);
    cr_assert_eq(thread_heaps_bytes(), 0);
}

TestSuite(log_set, .init = set_up, .fini = tear_down);

static void write_file(const char *name, const char *text)
{
    FILE *file = fopen(name, "w");
    cr_assert_not_null(file);
    fputs(text, file);
    fclose(file);
}

Test(log_set, a_directory_is_made_and_taken_once)
{
    char error[APPENDONLY_ERROR_MAX] = "", path[APPENDONLY_PATH_BYTES], expected[256];
    struct appendonly *appendonly = create(), *other = create();
    cr_assert(appendonly_take_folder(appendonly, error), "%s", error);
    cr_assert(appendonly_take_folder(appendonly, error)); /* it is open */
    cr_assert_eq(appendonly->manifest.generation_count, 0);
    appendonly_path(appendonly, "log.1.0", path);
    snprintf(expected, sizeof expected, "%s/appendonlydir/log.1.0", folder);
    cr_assert_str_eq(path, expected);
    cr_assert_not(appendonly_take_folder(other, error));
    cr_assert_not_null(strstr(error, "another server uses it"));
    cr_assert_null(other->folder);
    cr_assert_eq(other->lock_fd, -1);
    appendonly_close_folder(appendonly);
    cr_assert(appendonly_take_folder(other, error), "%s", error);
    destroy(other);
    destroy(appendonly);
}

/* Files in the directory, and what refuses it; once they are gone it is taken. */
static const struct {
    const char *name, *text, *why;
} refused[] = {
    {"appendonlydir/appendonly.aof.manifest", "file appendonly.aof.1.base.rdb seq 1 type b\n", "it has a log of Redis's"},
    {"appendonlydir/tessera.manifest", "nothing like it\n", "the first line is not that of a manifest"},
    {"appendonlydir/tessera.manifest", "", ""},
};

Test(log_set, a_directory_that_is_refused_is_not_kept)
{
    char error[APPENDONLY_ERROR_MAX];
    struct appendonly *appendonly = create();
    cr_assert_eq(mkdir("appendonlydir", 0700), 0);
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
        write_file(refused[i].name, refused[i].text);
        cr_assert_not(appendonly_take_folder(appendonly, error), "%s", refused[i].name);
        cr_assert_not_null(strstr(error, refused[i].why), "%s", error);
        cr_assert_not_null(strstr(error, "appendonlydir: "), "%s", error);
        cr_assert_null(appendonly->folder);
        cr_assert_eq(appendonly->lock_fd, -1);
        unlink(refused[i].name);
    }
    cr_assert(appendonly_take_folder(appendonly, error), "%s", error);
    destroy(appendonly);
}

Test(log_set, a_file_in_the_place_of_the_directory_is_refused)
{
    char error[APPENDONLY_ERROR_MAX];
    struct appendonly *appendonly = create();
    write_file("appendonlydir", "");
    cr_assert_not(appendonly_take_folder(appendonly, error));
    cr_assert_not_null(strstr(error, strerror(ENOTDIR)), "%s", error);
    unlink("appendonlydir");
    destroy(appendonly);
}

Test(log_set, numbers_of_generations_go_on_from_those_that_are_there)
{
    char error[APPENDONLY_ERROR_MAX];
    struct aof_header headers[SHARDS];
    struct aof_manifest manifest;
    struct appendonly *appendonly = create(), *other = create();
    cr_assert(appendonly_take_folder(appendonly, error), "%s", error);
    cr_assert(appendonly_draw_headers(appendonly, headers));
    for (uint32_t i = 0; i < SHARDS; i++) {
        cr_assert_eq(headers[i].generation, 1);
        cr_assert_eq(headers[i].shard, i);
        cr_assert_eq(headers[i].shard_count, SHARDS);
        cr_assert_neq(headers[i].file_id, 0);
    }
    cr_assert_neq(headers[0].file_id, headers[1].file_id);
    cr_assert(appendonly_draw_headers(appendonly, headers)); /* the first was tried */
    cr_assert_eq(headers[0].generation, 2);
    cr_assert(aof_manifest_create(&manifest));
    struct aof_generation *generation = aof_manifest_add(&manifest, 7, SHARDS);
    cr_assert_not_null(generation);
    for (uint32_t i = 0; i < SHARDS; i++) {
        generation->logs[i].file_id = i + 1;
        generation->logs[i].first = 1;
    }
    cr_assert_eq(aof_files_replace_manifest(&appendonly->files, &manifest), 0);
    aof_manifest_destroy(&manifest);
    appendonly_close_folder(appendonly);
    cr_assert(appendonly_take_folder(other, error), "%s", error);
    cr_assert_eq(other->manifest.generation_count, 1);
    cr_assert(appendonly_draw_headers(other, headers));
    cr_assert_eq(headers[0].generation, 8);
    destroy(other);
    destroy(appendonly);
}

Test(log_set, one_log_that_cannot_be_written_counts_for_all)
{
    struct appendonly *appendonly = create();
    cr_assert_eq(appendonly_error(appendonly), 0);
    cr_assert_not(appendonly_has_failed(appendonly));
    appendonly->logs[1].error = ENOSPC;
    cr_assert_eq(appendonly_error(appendonly), ENOSPC);
    cr_assert_not(appendonly_has_failed(appendonly));
    appendonly->logs[0].error = EIO;
    appendonly->logs[0].has_failed = true;
    cr_assert_eq(appendonly_error(appendonly), EIO);
    cr_assert(appendonly_has_failed(appendonly));
    appendonly->start_bytes = 1000;
    appendonly->logs[0].written_bytes = 20;
    appendonly->logs[1].written_bytes = 3;
    cr_assert_eq(appendonly_bytes_now(appendonly), 1023);
    destroy(appendonly);
}

Test(log_set, who_waits_is_told_when_replies_need_not_wait_any_more)
{
    struct appendonly *appendonly = create();
    config->appendfsync = APPENDFSYNC_ALWAYS;
    appendonly_tell_acknowledges(appendonly);
    cr_assert_eq(server.logged.moves, 0); /* no manifest names the logs: nobody waits */
    appendonly_be_named(appendonly);
    appendonly_tell_acknowledges(appendonly);
    cr_assert_eq(server.logged.moves, 1);
    appendonly_tell_acknowledges(appendonly);
    cr_assert_eq(server.logged.moves, 1);
    config->appendfsync = APPENDFSYNC_EVERYSEC;
    appendonly_tell_acknowledges(appendonly);
    cr_assert_eq(server.logged.moves, 2);
    destroy(appendonly);
}

/* Files of generation 1, open and empty. */
static void open_logs(struct appendonly *appendonly)
{
    struct aof_header headers[SHARDS];
    char path[APPENDONLY_PATH_BYTES], name[AOF_NAME_MAX + 1];
    cr_assert(appendonly_draw_headers(appendonly, headers));
    appendonly->cut = aof_cut_create(SHARDS);
    cr_assert_not_null(appendonly->cut);
    for (uint32_t i = 0; i < SHARDS; i++) {
        aof_log_name(1, i, name);
        cr_assert_eq(aof_files_create_log(&appendonly->files, name, &headers[i]), 0);
        appendonly_path(appendonly, name, path);
        aof_cut_start(appendonly->cut, i, 0);
        appendonly->logs[i].cut = appendonly->cut;
        appendonly->logs[i].file = log_file_open(&appendonly->logs[i], path, &headers[i], 0);
        cr_assert_not_null(appendonly->logs[i].file);
    }
}

Test(log_set, logs_that_are_turned_off_are_told_of_nothing)
{
    char error[APPENDONLY_ERROR_MAX];
    struct appendonly *appendonly = create();
    cr_assert(appendonly_take_folder(appendonly, error), "%s", error);
    open_logs(appendonly);
    cr_assert_eq(appendonly_state(appendonly), APPENDONLY_OFF);
    appendonly_turn_on(&thread, appendonly);
    appendonly_be_named(appendonly);
    cr_assert_eq(appendonly_state(appendonly), APPENDONLY_ON);
    cr_assert_neq(effects_wanted(&server.effects), 0);
    appendonly_turn_off(&thread, appendonly);
    cr_assert_eq(appendonly_state(appendonly), APPENDONLY_OFF);
    cr_assert_eq(effects_wanted(&server.effects), 0);
    cr_assert_not(server.logged.counts);
    for (uint32_t i = 0; i < SHARDS; i++) {
        cr_assert_null(appendonly->logs[i].file);
        cr_assert_null(appendonly->logs[i].retired);
        cr_assert_not(baton_is_mine(&shards[i].baton));
    }
    destroy(appendonly);
}

Test(log_set, a_directory_that_was_deleted_is_made_again_with_a_manifest)
{
    char error[APPENDONLY_ERROR_MAX] = "";
    struct appendonly *appendonly = create();
    cr_assert(appendonly_take_folder(appendonly, error), "%s", error);
    cr_assert(appendonly_retake_folder(appendonly, error)); /* it is there */
    remove_all("appendonlydir");
    cr_assert(appendonly_retake_folder(appendonly, error), "%s", error);
    cr_assert_eq(access("appendonlydir/tessera.manifest", F_OK), 0); /* logs that are made now are not without one */
    destroy(appendonly);
}
