/* world.c - see world.h.  */
#include "world.h"

#include "appendonly/appendonly.h"
#include "base/number.h"
#include "base/slot.h"
#include "client/answer.h"
#include "client/caching.h"
#include "client/client_memory.h"
#include "client/clients.h"
#include "client/connection.h"
#include "client/dispatch.h"
#include "client/handshake.h"
#include "client/hold.h"
#include "client/receive.h"
#include "client/retry.h"
#include "client/session_cache.h"
#include "client/settle.h"
#include "client/start.h"
#include "config/config.h"
#include "exec/block.h"
#include "exec/block_serve.h"
#include "exec/executor.h"
#include "exec/job.h"
#include "exec/round.h"
#include "exec/route.h"
#include "exec/run.h"
#include "exec/waiting.h"
#include "loop/background.h"
#include "loop/server.h"
#include "mem/heap.h"
#include "shard/blocked.h"
#include "threads.h"
#include "tokens.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    CLIENTS_OF_THREAD = 3,
    CLIENTS_MAX = CLIENTS_OF_THREAD * SCHEDULE_THREADS_MAX + 1, /* and the one that puts enough tokens for all */
    COMMANDS_MAX = 6, /* of a client */
    WINDOW_MAX = 4,
    KEY_BYTES = 16,
    STEPS_MAX = 3,
    ROUNDS_OF_TURN = 8,
    NEVER_US = 1000000000,
    VANISHING_PARTS = 8, /* one client in so many vanishes while it is blocked */
};
_Static_assert((int)CLIENTS_MAX <= (int)TOKENS_CLIENTS_MAX, "each has its place");

/* One command of a client. */
struct command {
    const struct command_spec *spec;
    uint32_t shard;        /* of its first key */
    uint32_t key_count;
    uint32_t token_count;  /* that it puts there */
    uint32_t runs;         /* how often it has run to its end */
    char number[KEY_BYTES]; /* its last word: client and place */
};

struct client {
    uint32_t home, number;
    struct window *window;
    struct command commands[COMMANDS_MAX];
    uint32_t count, taken, answered;
    uint32_t window_max;
    bool is_ready;
    bool is_vanishing;                       /* when it is blocked next */
    int32_t last;                            /* of its commands, that ran: in strict order */
    int32_t last_on[SCHEDULE_THREADS_MAX];   /* the same, on each shard */
};

unsigned seam_drain_max;

static struct {
    struct server *server;
    bool is_strict;
    struct client clients[CLIENTS_MAX];
    uint32_t client_count;
    const char (*keys)[KEY_BYTES];           /* one on each shard */
    bool is_inside[SCHEDULE_THREADS_MAX];    /* a command is at work there */
} world;

/* By the number of shards. */
static char keys_of[SCHEDULE_THREADS_MAX + 1][SCHEDULE_THREADS_MAX][KEY_BYTES];

/* --- what commands do --- */

static struct client *client_of(const struct exec *exec, uint32_t *place)
{
    int64_t number = -1;
    const bool is_number = int64_parse(exec->argv[exec->argc - 1], &number);
    assert(is_number && number >= 0);
    *place = (uint32_t)number % COMMANDS_MAX;
    return &world.clients[(uint32_t)number / COMMANDS_MAX];
}

/* Nobody else is at work on the shard, also not while others go on. */
static void work_on(uint32_t shard)
{
    baton_assert_held(&world.server->shards[shard].baton);
    if (world.is_inside[shard]) {
        schedule_fail("two are at work on shard %u", shard);
    }
    world.is_inside[shard] = true;
    schedule_point();
    world.is_inside[shard] = false;
}

/* The command is at its end. `shard`: SHARD_NONE: all. */
static void note_run(const struct exec *exec, uint32_t shard)
{
    uint32_t place;
    struct client *client = client_of(exec, &place);
    if (++client->commands[place].runs != 1) {
        schedule_fail("command %u of client %u runs twice", place, client->number);
    }
    for (uint32_t i = 0; i < world.server->shard_count; i++) {
        if (i != shard && shard != SHARD_NONE) {
            continue;
        }
        if (client->last_on[i] >= (int32_t)place) {
            schedule_fail("command %u of client %u runs behind command %d on shard %u", place, client->number, client->last_on[i], i);
        }
        client->last_on[i] = (int32_t)place;
    }
    if (world.is_strict) {
        if (client->last >= (int32_t)place) {
            schedule_fail("command %u of client %u runs behind command %d", place, client->number, client->last);
        }
        client->last = (int32_t)place;
    }
    reply_integer(exec->reply, place);
}

static void run_on_key(struct exec *exec)
{
    work_on(exec->shard->number);
    note_run(exec, exec->shard->number);
}

static void run_on_all(struct exec *exec)
{
    for (uint32_t i = 0; i < world.server->shard_count; i++) {
        work_on(i);
    }
    note_run(exec, SHARD_NONE);
}

/* Two keys: on one shard or on two. */
static void run_on_two(struct exec *exec)
{
    for (uint32_t i = 1; i <= 2; i++) {
        work_on(server_shard_of_key(exec->server, exec->argv[i])->number);
    }
    note_run(exec, server_shard_of_key(exec->server, exec->argv[2])->number);
}

/* --- tokens --- */

static uint32_t shard_of_key(struct exec *exec, uint32_t argument)
{
    return server_shard_of_key(exec->server, exec->argv[argument])->number;
}

static void run_putting(struct exec *exec)
{
    uint32_t place;
    const struct client *client = client_of(exec, &place);
    work_on(exec->shard->number);
    tokens_put(exec->shard->number, client->commands[place].token_count);
    exec_changed(exec, exec_key(exec, 1), EVENT_LPUSH);
    note_run(exec, exec->shard->number);
}

static void block(struct exec *exec, uint32_t key_count)
{
    uint32_t place;
    const struct client *client = client_of(exec, &place);
    if (!exec_block(exec, &(struct block){.first_key = 1, .key_count = key_count, .ends_without = true})) {
        return; /* it runs for one who is blocked, and stays so */
    }
    tokens_block(client->number, place);
    for (uint32_t i = 1; i <= key_count; i++) {
        tokens_await(client->number, shard_of_key(exec, i));
    }
}

/* From the first of its shards that has a token; when none has, it is blocked. */
static void run_taking(struct exec *exec)
{
    const uint32_t key_count = exec->argc - 2;
    uint32_t place;
    for (uint32_t i = 1; i <= key_count; i++) {
        const uint32_t shard = shard_of_key(exec, i);
        work_on(shard);
        if (tokens_take(shard)) {
            if (exec_is_for_blocked(exec)) {
                tokens_serve(client_of(exec, &place)->number, shard);
            }
            exec_changed(exec, exec_key(exec, i), EVENT_LPOP);
            note_run(exec, shard);
            return;
        }
    }
    block(exec, key_count);
}

/* --- jobs --- */

struct test_job {
    struct job job;
    struct pin pin;
    struct key_lock lock;
    uint32_t steps;
};

static void job_destroy(struct job *job, struct exec *exec)
{
    struct test_job *work = (struct test_job *)job;
    exec_unpin(exec, &work->pin);
    exec_unlock(exec, &work->lock);
    key_lock_close(&work->lock);
    thread_free(MEM_CLIENT, work, sizeof *work);
}

static struct test_job *create_job(enum job_status (*step)(struct job *job, struct exec *exec), int32_t shard)
{
    struct test_job *work = thread_alloc_zeroed(MEM_CLIENT, sizeof *work);
    assert(work != NULL);
    work->job = (struct job){step, job_destroy, shard};
    work->steps = schedule_random(STEPS_MAX);
    return work;
}

static enum job_status read_step(struct job *job, struct exec *exec)
{
    struct test_job *work = (struct test_job *)job;
    work_on(exec->shard->number);
    if (work->steps-- > 0) {
        return JOB_MORE;
    }
    note_run(exec, exec->shard->number);
    return JOB_DONE;
}

static void run_reading(struct exec *exec)
{
    struct test_job *work = create_job(read_step, (int32_t)exec->shard->number);
    work_on(exec->shard->number);
    if (exec_pin(exec, exec_key(exec, 1), NULL, &work->pin)) {
        exec_start_job(exec, &work->job);
    } else {
        job_destroy(&work->job, exec);
    }
}

static enum job_status lock_step(struct job *job, struct exec *exec)
{
    struct test_job *work = (struct test_job *)job;
    if (!work->lock.is_granted && !exec_lock(exec, &work->lock)) {
        return JOB_WAIT;
    }
    if (work->steps-- > 0) {
        return JOB_MORE;
    }
    for (uint32_t i = 0; i < world.server->shard_count; i++) {
        work_on(i);
    }
    note_run(exec, SHARD_NONE);
    return JOB_DONE;
}

static void run_locking(struct exec *exec)
{
    struct test_job *work = create_job(lock_step, JOB_ALL_SHARDS);
    const bool is_open = key_lock_open(&work->lock, world.server->shard_count, KEY_LOCK_EXCLUSIVE);
    assert(is_open);
    (void)is_open;
    for (uint32_t i = 0; i < world.server->shard_count; i++) {
        key_lock_add(&work->lock, exec_key_of(exec, (struct bytes){world.keys[i], strlen(world.keys[i])}));
    }
    exec_start_job(exec, &work->job);
}

/* As FLUSHALL. */
static enum job_status flush_step(struct job *job, struct exec *exec)
{
    (void)job;
    for (uint32_t i = 0; i < world.server->shard_count; i++) {
        if (world.server->shards[i].pinned_count > 0 || world.server->shards[i].lock_count > 0) {
            exec_wait_for(exec, &world.server->shards[i], WAIT_PINS, 0, WAIT_ALONE);
            return JOB_WAIT;
        }
    }
    note_run(exec, SHARD_NONE);
    return JOB_DONE;
}

static void run_flushing(struct exec *exec)
{
    exec_start_job(exec, &create_job(flush_step, JOB_ALL_SHARDS)->job);
}

/* --- the commands; the last word is the number --- */

#define ROW(word, function, scope_, flags_, first_, last_)                                                          \
    {.name = word, .run = function, .arity = -2, .scope = scope_, .flags = flags_, .keys = {first_, last_, 1},      \
     .group = "generic", .summary = "", .syntax = ""}

static struct command_spec rows[] = {
    ROW("write", run_on_key, SCOPE_KEYS, COMMAND_WRITE, 1, 1),     ROW("read", run_on_key, SCOPE_KEYS, COMMAND_READONLY, 1, 1),
    ROW("reading", run_reading, SCOPE_KEYS, COMMAND_READONLY, 1, 1), ROW("two", run_on_two, SCOPE_KEYS, COMMAND_WRITE, 1, 2),
    ROW("all", run_on_all, SCOPE_ALL, COMMAND_WRITE, 0, 0),        ROW("locking", run_locking, SCOPE_ALL, COMMAND_WRITE, 0, 0),
    ROW("flushing", run_flushing, SCOPE_ALL, COMMAND_WRITE, 0, 0), ROW("putting", run_putting, SCOPE_KEYS, COMMAND_WRITE, 1, 1),
    ROW("taking", run_taking, SCOPE_KEYS, COMMAND_WRITE | COMMAND_BLOCKING, 1, -2),
};
enum { ROW_WRITE, ROW_READ, ROW_READING, ROW_TWO, ROW_ALL, ROW_LOCKING, ROW_FLUSHING, ROW_PUTTING, ROW_TAKING, ROWS };

static const struct command_spec *const row_list[ROWS + 1] = {&rows[0], &rows[1], &rows[2], &rows[3], &rows[4],
                                                              &rows[5], &rows[6], &rows[7], &rows[8], NULL};

/* How often each row comes. */
static const uint32_t weights[ROWS] = {30, 15, 25, 6, 4, 5, 5, 8, 10};

static const struct command_spec *random_row(void)
{
    uint32_t total = 0;
    for (unsigned i = 0; i < ROWS; i++) {
        total += weights[i];
    }
    uint32_t at = schedule_random(total);
    unsigned row = 0;
    while (at >= weights[row]) {
        at -= weights[row++];
    }
    return &rows[row];
}

/* --- windows: as client/dispatch.c and client/answer.c have them --- */

static void become_ready(struct client *client)
{
    client->is_ready = true;
    /* turn.c only looks whether it is NULL. */
    server_thread(world.server, client->home)->clients->list_first[LIST_READY] = (struct connection *)client;
}

static struct client *take_ready(struct thread *thread)
{
    for (uint32_t i = 0; i < world.client_count; i++) {
        struct client *client = &world.clients[i];
        if (client->home == thread->number && client->is_ready) {
            client->is_ready = false;
            return client;
        }
    }
    thread->clients->list_first[LIST_READY] = NULL;
    return NULL;
}

/* The words of the client's next command. */
static void set_words(struct round *round, struct call *call, struct command *command)
{
    struct bytes *words = &round->words[round->word_count];
    uint32_t count = 0;
    words[count++] = (struct bytes){command->spec->name, strlen(command->spec->name)};
    for (uint32_t i = 0; i < command->key_count; i++) {
        const char *key = world.keys[(command->shard + i) % world.server->shard_count];
        words[count++] = (struct bytes){key, strlen(key)};
    }
    words[count++] = (struct bytes){command->number, strlen(command->number)};
    call->spec = command->spec;
    call->argv = words;
    call->argc = count;
    call->own_words = NULL;
    call->protocol = 2;
    call->is_silent = call->is_no_touch = false;
    call->shard = call->db = 0;
    round->word_count += count;
}

/* False: the window has all that it may have now. */
static bool take_command(struct thread *thread, struct client *client, struct round *round)
{
    struct window *window = client->window;
    if (window->count == client->window_max || client->taken == client->count) {
        return false;
    }
    struct call *call = round_add_call(round, window);
    set_words(round, call, &client->commands[client->taken]);
    call_route(thread, call);
    if (call->is_exclusive && window->count > 1) {
        round_undo_call(round, window);
        return false;
    }
    client->taken++;
    if (call->is_exclusive) {
        call_run_exclusive(thread, call, &round->replies);
        return call->state == CALL_DONE;
    }
    if (world.is_strict) {
        chain_place(thread, window, call);
        return chain_has_room(thread, window);
    }
    round_queue_call(round, call);
    return true;
}

static void fill(struct thread *thread, struct client *client, struct round *round)
{
    client->window = round_add_window(round, (struct session *)client, 0);
    while (take_command(thread, client, round)) {
    }
    chain_queue_window(&round->chain, round->batches, client->window);
}

/* Gives calls of a parked window to the round. */
static void resume(struct thread *thread, struct window *window, struct round *round)
{
    round_resume_window(round, window, 0);
    for (uint32_t i = window->flushed; i < window->count; i++) {
        struct call *call = &window->calls[i];
        if (call->state == CALL_DONE) {
            continue;
        }
        if (call->state >= CALL_STARTED) {
            break;
        }
        if (call->is_exclusive) {
            assert(call == window_first_call(window)); /* none is routed again */
            call_run_exclusive(thread, call, &round->replies);
            if (call->state != CALL_DONE) {
                window_leave_queues(thread, window, i + 1);
                break;
            }
        } else if (world.is_strict) {
            chain_place(thread, window, call);
        } else {
            round_queue_call(round, call);
        }
    }
    chain_queue_window(&round->chain, round->batches, window);
}

/* Its connection ends while it is blocked. */
static void vanish(struct thread *thread, struct client *client)
{
    tokens_leave(client->number);
    jobs_abandon(thread, client->window);
    window_drop(client->window);
    client->window = NULL;
    client->is_ready = false;
    client->answered = client->taken = client->count;
}

static void vanish_some(struct thread *thread)
{
    for (uint32_t i = 0; i < world.client_count; i++) {
        struct client *client = &world.clients[i];
        if (client->home == thread->number && client->is_vanishing && client->window != NULL && client->window->state == WINDOW_PARKED &&
            window_first_call(client->window)->state == CALL_BLOCKED) {
            vanish(thread, client);
        }
    }
}

void dispatch_rounds(struct thread *thread)
{
    vanish_some(thread);
    for (int rounds = 0; rounds < ROUNDS_OF_TURN && thread->clients->list_first[LIST_READY] != NULL; rounds++) {
        struct round *round = round_get(thread);
        struct client *client;
        assert(round != NULL);
        while ((client = take_ready(thread)) != NULL) {
            if (client->window == NULL) {
                fill(thread, client, round);
            } else if (client->window->state == WINDOW_PARKED) {
                resume(thread, client->window, round);
            }
        }
        round_run(thread, round);
    }
}

static void check_reply(struct client *client, const struct call *call)
{
    char wanted[KEY_BYTES + 4];
    const struct bytes text = call->own.capacity > 0
                                  ? buffer_bytes(&call->own)
                                  : (struct bytes){call->replies->data + call->reply_start, call->reply_len};
    const int len = snprintf(wanted, sizeof wanted, ":%u\r\n", client->answered);
    if (call->is_broken || text.len != (size_t)len || memcmp(text.data, wanted, (size_t)len) != 0) {
        schedule_fail("client %u is answered %.*s instead of %u", client->number, (int)text.len, text.data, client->answered);
    }
    client->answered++;
}

static void answer_in_order(struct client *client, struct window *window)
{
    while (window->flushed < window->count && window->calls[window->flushed].state == CALL_DONE) {
        struct call *call = &window->calls[window->flushed++];
        check_reply(client, call);
        call_drop(call);
    }
}

static void continue_later(struct client *client, const struct window *window)
{
    const struct call *first = window_first_call(window);
    if (first->state != CALL_JOB && first->state != CALL_BLOCKED && (first->state != CALL_WAITING || window_has_told_call(window))) {
        become_ready(client);
    }
}

/* False: it is blocked no more, and answered. */
static bool begin_job(struct thread *thread, struct call *first)
{
    if (first->state == CALL_BLOCKED) {
        return block_begin(thread, first);
    }
    const bool is_begun = first->state != CALL_STARTED || job_begin(thread, first);
    assert(is_begun);
    return true;
}

void window_answer(struct thread *thread, struct window *window)
{
    struct client *client = (struct client *)window->session;
    struct buffer none = BUFFER_EMPTY(MEM_QUERY_BUFFER);
    bool is_begun;
    assert(window->queued == 0 && window == client->window && thread->number == client->home);
    do {
        answer_in_order(client, window);
        if (window->flushed == window->count) {
            window_drop(window);
            client->window = NULL;
            if (client->taken < client->count) {
                become_ready(client);
            }
            return;
        }
        client->window = window = window->state == WINDOW_PARKED ? window : window_park(window, &none);
        assert(window != NULL);
        is_begun = begin_job(thread, window_first_call(window));
    } while (!is_begun);
    if (seam_fault != FAULT_NO_WITHDRAWAL) {
        jobs_withdraw(thread, window);
    }
    continue_later(client, window);
}

void connection_is_due(struct thread *thread, void *session)
{
    struct client *client = session;
    const struct window *window = client->window;
    assert(thread->number == client->home);
    if (window != NULL && window->state == WINDOW_PARKED && window_has_told_call(window)) {
        become_ready(client);
    }
}

/* --- what else a turn does: nothing, but for those whom nobody could serve at once --- */

int64_t background_run(struct thread *thread, struct background *background, uint64_t turn_ticks)
{
    (void)background, (void)turn_ticks;
    return seam_fault != FAULT_NO_LATE_SERVING && block_serve_late(thread) ? 0 : NEVER_US;
}

int64_t paused_wait_ms(const struct thread *thread)
{
    (void)thread;
    return INT64_MAX;
}

bool paused_are_due(const struct thread *thread)
{
    (void)thread;
    return false;
}

bool client_memory_has_token(const struct thread *thread)
{
    (void)thread;
    return false;
}

bool clients_open(struct thread *thread)
{
    (void)thread;
    return true;
}

/* There is no log here. */
bool holds_are_due(const struct thread *thread)
{
    (void)thread;
    return false;
}

int64_t appendonly_turn(struct thread *thread)
{
    (void)thread;
    return APPENDONLY_IDLE;
}

struct connection *connection_list_take(struct thread *thread, enum connection_list list)
{
    (void)thread, (void)list;
    return NULL;
}

struct tracker *session_tracker(const struct session *session)
{
    (void)session;
    return NULL;
}

void session_deliver_invalidation(struct tracker *receiver, const struct invalidation *what)
{
    (void)receiver, (void)what;
}

void caches_tell(struct thread *thread)
{
    (void)thread;
}

void connections_settle(struct thread *thread, uint32_t turn_events)
{
    (void)thread, (void)turn_events;
}

#define NOTHING(function)                  \
    void function(struct thread *thread)   \
    {                                      \
        (void)thread;                      \
    }
NOTHING(connections_shake_hands)
NOTHING(connections_retry)
NOTHING(deferred_input_take)
NOTHING(client_memory_check)
NOTHING(clients_close_all)
NOTHING(clients_close)

/* --- a schedule --- */

static struct command *add_command(struct client *client, const struct command_spec *spec, uint32_t shard)
{
    const uint32_t place = client->count++;
    struct command *command = &client->commands[place];
    *command = (struct command){.spec = spec, .shard = shard, .token_count = 1};
    command->key_count = spec == &rows[ROW_TAKING] ? 1 + schedule_random(2) : (uint32_t)(spec->keys.last - spec->keys.first + (spec->keys.first > 0));
    snprintf(command->number, sizeof command->number, "%u", client->number * COMMANDS_MAX + place);
    return command;
}

static struct client *add_client(uint32_t home)
{
    struct client *client = &world.clients[world.client_count];
    *client = (struct client){.home = home, .number = world.client_count++, .last = -1};
    client->window_max = 1 + schedule_random(WINDOW_MAX);
    client->is_vanishing = schedule_random(VANISHING_PARTS) == 0;
    for (uint32_t shard = 0; shard < world.server->shard_count; shard++) {
        client->last_on[shard] = -1;
    }
    return client;
}

/* Nobody stays blocked: one client, which takes none, puts as many tokens on each shard as all may take. */
static void add_putter(uint32_t home, uint32_t takers)
{
    struct client *client = add_client(home);
    for (uint32_t shard = 0; shard < world.server->shard_count; shard++) {
        add_command(client, &rows[ROW_PUTTING], shard)->token_count = takers;
    }
    become_ready(client);
}

static void make_clients(void)
{
    static const unsigned drain_max[] = {1, 2, 8};
    struct server *server = world.server;
    seam_drain_max = drain_max[schedule_random(3)];
    const uint32_t shards = 1 + schedule_random(server->shard_count); /* where most keys are */
    const uint32_t clients = (1 + schedule_random(CLIENTS_OF_THREAD)) * server->shard_count;
    uint32_t takers = 0;
    world.client_count = 0;
    world.is_strict = schedule_random(2) == 0;
    const uint32_t commands = 1 + schedule_random(COMMANDS_MAX);
    atomic_store(&server->config->pipeline_order, world.is_strict ? PIPELINE_STRICT : PIPELINE_RELAXED);
    tokens_reset();
    for (uint32_t i = 0; i < clients; i++) {
        struct client *client = add_client(i % server->shard_count);
        for (uint32_t left = schedule_random(commands + 1); left > 0; left--) {
            takers += add_command(client, random_row(), schedule_random(shards))->spec == &rows[ROW_TAKING];
        }
        if (client->count > 0) {
            become_ready(client);
        }
    }
    if (takers > 0) {
        add_putter(schedule_random(server->shard_count), takers);
    }
}

/* Everybody sleeps: has everything been done, and is nothing left anywhere? */
static bool is_over(void)
{
    for (uint32_t i = 0; i < world.client_count; i++) {
        if (world.clients[i].answered < world.clients[i].count) {
            return false;
        }
    }
    for (uint32_t i = 0; i < world.server->shard_count; i++) {
        const struct shard *shard = &world.server->shards[i];
        const struct thread *thread = server_thread(world.server, i);
        if (shard->baton.holder != 0 || !inbox_is_empty(shard) || shard->waits.waiter_count != 0 || shard->waits.queue_count != 0 ||
            shard->pinned_count != 0 || shard->lock_count != 0 || !link_is_empty(&thread->mailbox) ||
            thread->executor->abroad_count != 0 || thread->executor->steppers != NULL || shard->blocked.queue_count != 0 || !shard_set_is_empty(&thread->travelling)) {
            schedule_fail("something is left on shard or thread %u", i);
        }
    }
    return true;
}

uint32_t world_run(struct server *server, uint64_t seed)
{
    const struct schedule schedule = {seed, server->shard_count, make_clients, threads_body, SEAM_SWITCHED, is_over};
    world.server = server;
    world.keys = keys_of[server->shard_count];
    threads_begin(server);
    return schedule_run(&schedule);
}

/* --- start and end --- */

static void find_keys(uint32_t shards)
{
    uint32_t found = 0;
    for (unsigned i = 0; found < shards; i++) {
        char key[KEY_BYTES];
        const int len = snprintf(key, sizeof key, "key%u", i);
        char *place = keys_of[shards][slot_to_shard(slot_of_key((struct bytes){key, (size_t)len}), shards)];
        if (place[0] == '\0') {
            memcpy(place, key, sizeof key);
            found++;
        }
    }
}

struct server *world_open(uint32_t shards)
{
    static const struct effect_listener *const listeners[] = {&blocked_listener, NULL};
    struct config *config = config_create();
    if (config == NULL) {
        abort();
    }
    for (uint16_t i = 0; i < ROWS; i++) {
        rows[i].index = i;
    }
    atomic_store(&config->shards, (int)shards);
    struct server *server = server_create(&(struct server_options){
        .config = config, .commands = row_list, .command_count = ROWS, .listeners = listeners});
    if (server == NULL) {
        abort();
    }
    threads_begin(server);
    schedule_each(shards, threads_open);
    server->ticks_per_us = seam_ticks_per_us;
    find_keys(shards);
    return server;
}

void world_close(struct server *server)
{
    struct config *config = server->config;
    threads_begin(server);
    schedule_each(server->shard_count, threads_close);
    server_destroy(server);
    config_destroy(config);
}
