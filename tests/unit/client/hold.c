/* hold.c - replies go when what they answer is committed, in their order: by hand, and at random against a list of all replies.  */
#include "client/hold.h"

#include "mem/heap.h"
#include "shard/server.h"

#include <ck_epoch.h>
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { SHARDS = 3, CONNECTIONS = 5, REPLIES_MAX = 64, STEPS = 100000 };

static struct config config;
static struct server server;
static struct shard shards[SHARDS];
static struct logged_progress progress[SHARDS];
static struct thread thread;
static struct clients clients;
static ck_epoch_t epoch;
static struct connection connections[CONNECTIONS];

static void set_up(void)
{
    static struct thread *threads[SHARDS] = {&thread, &thread, &thread};
    config = (struct config){.appendfsync = APPENDFSYNC_ALWAYS};
    memset(progress, 0, sizeof progress);
    server = (struct server){.config = &config, .shards = shards, .shard_count = SHARDS, .threads = threads, .epoch = &epoch, .command_count = 1};
    server.logged.progress = progress;
    server.logged.counts = true;
    clients = (struct clients){0};
    thread = (struct thread){.server = &server, .shard = &shards[0], .clients = &clients};
    ck_epoch_init(&epoch);
    cr_assert(thread_open(&thread));
    for (int i = 0; i < CONNECTIONS; i++) {
        connections[i] = (struct connection){.thread = &thread};
    }
}

/* Nobody holds, and nothing is kept. */
static void tear_down(void)
{
    for (int i = 0; i < CONNECTIONS; i++) {
        connection_drop_holds(&connections[i]);
    }
    cr_assert_null(clients.held);
    cr_assert_not(thread.logged.has_held);
    thread_free_stats(&thread);
    thread_close(&thread);
    cr_assert_eq(thread_heaps_bytes(), 0);
}

TestSuite(hold, .init = set_up, .fini = tear_down);

/* A reply of so many bytes, as client/answer.c adds it. */
static void answer(struct connection *connection, size_t bytes, struct log_mark mark)
{
    const size_t from = connection->output.bytes;
    connection->output.bytes += bytes;
    if (mark.sequence != 0) {
        connection_hold(connection, mark, from);
    }
}

static void append(uint32_t shard, uint64_t sequence)
{
    progress[shard].appended = sequence;
}

static void commit(uint32_t shard, uint64_t sequence)
{
    progress[shard].committed = sequence;
    server.logged.moves++;
}

/* What it holds is a number only: there is nothing to be freed when it closes. */
static void keep_output(struct connection *connection)
{
    connection->is_sending = true;
}

static bool is_dirty(const struct connection *connection)
{
    return connection->is_in_list[LIST_DIRTY];
}

Test(hold, a_reply_waits_for_its_frame_and_what_is_before_it_does_not)
{
    struct connection *connection = &connections[0];
    answer(connection, 10, (struct log_mark){0});
    append(1, 7);
    answer(connection, 20, (struct log_mark){7, 1});
    answer(connection, 5, (struct log_mark){0}); /* a read behind it comes after it */
    cr_assert_eq(connection_sendable(connection), 10);
    cr_assert(thread.logged.has_held);
    cr_assert_not(holds_are_due(&thread));
    commit(0, 100);
    commit(1, 6);
    cr_assert(holds_are_due(&thread));
    holds_release(&thread);
    cr_assert_not(holds_are_due(&thread));
    cr_assert_eq(connection_sendable(connection), 10);
    cr_assert_not(is_dirty(connection));
    commit(1, 7);
    holds_release(&thread);
    cr_assert_eq(connection_sendable(connection), 35);
    cr_assert(is_dirty(connection));
    cr_assert_null(clients.held);
    cr_assert_not(thread.logged.has_held);
}

Test(hold, nothing_waits_unless_replies_do)
{
    config.appendfsync = APPENDFSYNC_EVERYSEC;
    answer(&connections[0], 10, (struct log_mark){1, 0});
    config.appendfsync = APPENDFSYNC_ALWAYS;
    server.logged.counts = false; /* no manifest names the logs yet */
    answer(&connections[0], 10, (struct log_mark){1, 0});
    cr_assert_eq(connection_sendable(&connections[0]), 20);
    cr_assert_null(clients.held);
}

Test(hold, all_go_when_replies_need_not_wait_any_more)
{
    answer(&connections[0], 10, (struct log_mark){1, 0});
    answer(&connections[0], 10, (struct log_mark){2, 0});
    answer(&connections[1], 10, (struct log_mark){1, 1});
    config.appendfsync = APPENDFSYNC_NO;
    holds_release(&thread);
    cr_assert_eq(connection_sendable(&connections[0]), 20);
    cr_assert_eq(connection_sendable(&connections[1]), 10);
    cr_assert_null(clients.held);
}

Test(hold, the_second_of_two_takes_the_place_of_the_first)
{
    struct connection *connection = &connections[0];
    for (uint64_t i = 1; i <= 4; i++) {
        append(0, i);
        answer(connection, 10, (struct log_mark){i, 0});
    }
    cr_assert_eq(connection_sendable(connection), 0);
    commit(0, 1);
    holds_release(&thread);
    cr_assert_eq(connection_sendable(connection), 10);
    holds_sent(connection, 10);
    connection->output.bytes -= 10;
    cr_assert_eq(connection_sendable(connection), 0);
    commit(0, 3);
    holds_release(&thread);
    cr_assert_eq(connection_sendable(connection), 0); /* what joined the second waits for the last of them */
    commit(0, 4);
    holds_release(&thread);
    cr_assert_eq(connection_sendable(connection), 30);
}

Test(hold, a_mark_of_several_waits_for_all_that_was_logged_before_it)
{
    struct connection *connection = &connections[0];
    for (uint32_t i = 0; i < SHARDS; i++) {
        append(i, 5 + i);
    }
    answer(connection, 10, (struct log_mark){1, LOGGED_SEVERAL});
    append(2, 50); /* later: nobody waits for that */
    for (uint32_t i = 0; i < SHARDS; i++) {
        cr_assert_eq(connection_sendable(connection), 0);
        commit(i, 5 + i);
        holds_release(&thread);
    }
    cr_assert_eq(connection_sendable(connection), 10);
}

Test(hold, marks_of_two_shards_are_one_of_several)
{
    struct connection *connection = &connections[0];
    append(0, 3);
    append(1, 4);
    answer(connection, 1, (struct log_mark){3, 0});
    answer(connection, 1, (struct log_mark){2, 0});
    answer(connection, 1, (struct log_mark){4, 1}); /* joins the second */
    commit(0, 3);
    holds_release(&thread);
    cr_assert_eq(connection_sendable(connection), 1);
    commit(1, 4);
    holds_release(&thread);
    cr_assert_eq(connection_sendable(connection), 3);
}

#if defined(TESSERA_DEBUG_ASSERT)
Test(hold, without_memory_for_the_sequences_all_that_there_is_by_then_counts)
{
    struct connection *connection = &connections[0];
    answer(connection, 1, (struct log_mark){1, 0}); /* has the block */
    commit(0, 1);
    holds_release(&thread);
    append(0, 2);
    append(1, 1);
    thread_heap_refuse_after(0);
    answer(connection, 1, (struct log_mark){1, LOGGED_SEVERAL});
    thread_heap_refuse_after(-1);
    append(0, 3);
    commit(0, 2);
    commit(1, 1);
    holds_release(&thread);
    cr_assert_eq(connection_sendable(connection), 1);
    commit(0, 3);
    holds_release(&thread);
    cr_assert_eq(connection_sendable(connection), 2);
}

Test(hold, without_memory_for_a_hold_the_connection_is_closed)
{
    keep_output(&connections[0]);
    thread_heap_refuse_after(0);
    answer(&connections[0], 1, (struct log_mark){1, 0});
    thread_heap_refuse_after(-1);
    cr_assert(connection_is_closing(&connections[0]));
    cr_assert_null(clients.held);
}
#endif

Test(hold, who_waits_for_too_long_is_closed_and_others_are_not)
{
    keep_output(&connections[0]);
    answer(&connections[0], 1, (struct log_mark){1, 0});
    answer(&connections[1], 1, (struct log_mark){1, 1});
    commit(1, 1);
    server.logged.has_given_up = true;
    holds_release(&thread);
    cr_assert(connection_is_closing(&connections[0]));
    cr_assert_not(connection_is_closing(&connections[1]));
    cr_assert_eq(connection_sendable(&connections[1]), 1);
}

/* --- at random --- */

struct reply {
    size_t end;                   /* of all bytes that the connection was answered */
    uint64_t needs[SHARDS];       /* frames that have to be committed; 0: none */
};

struct model {
    struct reply replies[REPLIES_MAX];
    uint32_t count;
    size_t answered, sent;
};

static struct model models[CONNECTIONS];

/* The end of what may go: all replies up to the first one that is not committed. */
static size_t model_end(const struct model *model)
{
    size_t end = model->sent;
    for (uint32_t i = 0; i < model->count; i++) {
        for (uint32_t shard = 0; shard < SHARDS; shard++) {
            if (model->replies[i].needs[shard] > progress[shard].committed) {
                return end;
            }
        }
        end = model->replies[i].end;
    }
    return end;
}

static void answer_at_random(struct connection *connection, struct model *model)
{
    struct reply *reply = &model->replies[model->count];
    struct log_mark mark = {0};
    if (model->count == REPLIES_MAX) {
        return;
    }
    *reply = (struct reply){.end = model->answered += 1 + (size_t)(rand() % 100)};
    model->count++;
    if (rand() % 4 == 0) {
        mark = (struct log_mark){1, LOGGED_SEVERAL};
        for (uint32_t i = 0; i < SHARDS; i++) {
            reply->needs[i] = progress[i].appended;
        }
    } else if (rand() % 4 != 0) {
        const uint32_t shard = (uint32_t)(rand() % SHARDS);
        append(shard, progress[shard].appended + (uint64_t)(rand() % 2));
        mark = (struct log_mark){progress[shard].appended, shard};
        reply->needs[shard] = mark.sequence;
    }
    answer(connection, reply->end - model->sent - connection->output.bytes, mark);
}

static void send_at_random(struct connection *connection, struct model *model)
{
    const size_t sendable = connection_sendable(connection);
    const size_t sent = sendable == 0 ? 0 : (size_t)rand() % (sendable + 1);
    holds_sent(connection, sent);
    connection->output.bytes -= sent;
    model->sent += sent;
    uint32_t gone = 0;
    while (gone < model->count && model->replies[gone].end <= model->sent) {
        gone++;
    }
    memmove(model->replies, model->replies + gone, (model->count - gone) * sizeof model->replies[0]);
    model->count -= gone;
}

static void commit_at_random(void)
{
    const uint32_t shard = (uint32_t)(rand() % SHARDS);
    const uint64_t left = progress[shard].appended - progress[shard].committed;
    if (left > 0) {
        commit(shard, progress[shard].committed + 1 + (uint64_t)rand() % left);
    }
    if (rand() % 2 == 0) {
        holds_release(&thread);
    }
}

static void commit_all(void)
{
    for (uint32_t i = 0; i < SHARDS; i++) {
        commit(i, progress[i].appended);
    }
    holds_release(&thread);
    cr_assert_null(clients.held);
}

Test(hold, no_reply_goes_too_early_and_none_stays)
{
    const unsigned seed = (unsigned)time(NULL);
    srand(seed);
    memset(models, 0, sizeof models);
    for (uint32_t i = 0; i < SHARDS; i++) {
        append(i, 1);
    }
    for (int step = 0; step < STEPS; step++) {
        const int i = rand() % CONNECTIONS;
        switch (rand() % 8) {
        case 0: case 1: case 2:
            answer_at_random(&connections[i], &models[i]);
            break;
        case 3: case 4:
            send_at_random(&connections[i], &models[i]);
            break;
        case 5: case 6:
            commit_at_random();
            break;
        default:
            if (rand() % 50 == 0) {
                commit_all();
                cr_assert_eq(connection_sendable(&connections[i]), connections[i].output.bytes, "seed %u, step %d", seed, step);
            }
        }
        cr_assert_leq(models[i].sent + connection_sendable(&connections[i]), model_end(&models[i]), "seed %u, step %d", seed, step);
        cr_assert_eq(connections[i].output.bytes, models[i].answered - models[i].sent, "seed %u, step %d", seed, step);
    }
    commit_all();
    for (int i = 0; i < CONNECTIONS; i++) {
        cr_assert_eq(connection_sendable(&connections[i]), connections[i].output.bytes, "seed %u", seed);
    }
}
