/* thread.c - a shard thread's loop.
 *
 *   wait -> completions and mail -> rounds of commands -> a step of each job -> background work of the own shard
 *        -> one send a connection -> declare sleep, look once more -> wait
 *
 * Threads    This one; mail_send and thread_wake: any shard thread.
 * Invariant  T1 no baton is held across ring_turn; T2 a thread that sleeps has declared it before its last look at its mailbox
 *            and its shard's inbox, so whoever adds to either afterwards sees the declaration and wakes it.  */
#include "base/clock.h"
#include "data/access.h"
#include "data/key_top.h"
#include "mem/heap.h"
#include "net/listener.h"
#include "shard/graveyard.h"
#include "shard/memory_history.h"
#include "shard/thread_private.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <unistd.h>

enum { TOP_SLICE = 64, STOP_POLL_US = 1000, STOP_CLOSING_US = 10000000 };
/* Things freed between two looks at the clock: few, since each may be the last of its page, and giving that back takes 10 us. */
enum { GRAVEYARD_SLICE = 8, EXPIRE_SLICE = 8 };
enum { DEFRAG_TURN_US = 200, DEFRAG_PUT_OFF_MAX = 8 };

/* style: like a thread's name in baton.c this is the process's: expiry happens too deep down to hand it there. */
static _Thread_local struct thread *own_thread;

struct thread *thread_self(void)
{
    assert(own_thread != NULL);
    return own_thread;
}

/* --- mail --- */

void thread_wake(struct thread *sender, struct thread *sleeper)
{
    if (sender == sleeper) {
        return;
    }
    atomic_thread_fence(memory_order_seq_cst);
    if (atomic_load_explicit(&sleeper->is_asleep, memory_order_relaxed) &&
        atomic_exchange_explicit(&sleeper->is_asleep, false, memory_order_seq_cst)) {
        stat_add(&sender->stats.wakes_sent, 1);
        ring_post(&sender->ring, &sleeper->ring, EVENT_WAKE, NULL, 0);
    }
}

void mail_send(struct thread *sender, struct thread *receiver, struct mail *mail)
{
    link_push(&receiver->mailbox, &mail->link);
    if (sender != NULL) {
        thread_wake(sender, receiver);
    }
}

static void mail_deliver_all(struct thread *thread)
{
    struct link *next;
    for (struct link *link = link_take_all(&thread->mailbox); link != NULL; link = next) {
        next = link->next;
        struct mail *mail = (struct mail *)((char *)link - offsetof(struct mail, link));
        mail->deliver(thread, mail);
    }
}

/* --- completions --- */

static void handle_event(struct thread *thread, const struct ring_event *event)
{
    switch ((enum event_kind)event->kind) {
    case EVENT_RECEIVE:
        connection_received(thread, event->owner, event);
        break;
    case EVENT_SEND:
        connection_was_sent(thread, event->owner, event);
        break;
    case EVENT_CANCEL:
        connection_was_cancelled(thread, event->owner);
        break;
    case EVENT_NONE:
    case EVENT_WAKE:
        break;
    }
}

/* What was received is run before much more of it is: else query buffers would take all that a socket had. True: there may be more
 * events.  */
static bool handle_events(struct thread *thread)
{
    struct ring_event events[TURN_EVENTS];
    uint32_t count;
    thread->turn_input_bytes = 0;
    thread->turn_events = 0;
    do {
        count = ring_events(&thread->ring, events, TURN_EVENTS);
        thread->turn_events += count;
        for (uint32_t i = 0; i < count; i++) {
            handle_event(thread, &events[i]);
        }
        if (UNLIKELY(thread->turn_input_bytes > TURN_INPUT_BYTES)) {
            return true;
        }
    } while (count == TURN_EVENTS);
    return false;
}

/* --- commands --- */

/* By the policy: it may have changed in the round before. */
static void update_access(struct thread *thread)
{
    const struct config *config = thread->server->config;
    const int64_t policy = atomic_load_explicit(&config->maxmemory_policy, memory_order_relaxed);
    thread->is_lfu = policy == POLICY_ALLKEYS_LFU || policy == POLICY_VOLATILE_LFU;
    if (LIKELY(!thread->is_lfu)) {
        thread->access_now = access_seconds(thread->now_ms);
        return;
    }
    thread->access_now = access_make_lfu(access_minutes(thread->now_ms), ACCESS_COUNTER_NEW);
    thread->lfu_log_factor = (uint32_t)atomic_load_explicit(&config->lfu_log_factor, memory_order_relaxed);
    thread->lfu_decay_minutes = (uint32_t)atomic_load_explicit(&config->lfu_decay_time, memory_order_relaxed);
}

/* One round of what is ready. */
static bool run_round(struct thread *thread)
{
    struct round *round = round_get(thread);
    if (round == NULL) {
        return false;
    }
    update_access(thread);
    struct connection *connection;
    while (round->window_count < ROUND_CALLS && round->call_count < ROUND_CALLS && round->word_count + 16 <= ROUND_WORDS &&
           (connection = connection_list_take(thread, LIST_READY)) != NULL) {
        if (connection->is_closing) {
            connection_list_add(connection, LIST_CLOSING); /* where it stands until it is in no other list */
            continue;
        }
        struct window *window = connection->window;
        if (window == NULL) {
            dispatch_fill(thread, connection, round);
        } else if (window->queued == 0 && window->is_parked) {
            dispatch_resume(thread, window, round);
        }
    }
    round_run(thread, round);
    return true;
}

static void move_list(struct thread *thread, enum connection_list from)
{
    struct connection *first = thread->list_first[from];
    while (thread->list_first[from] != NULL) {
        struct connection *connection = connection_list_take(thread, from);
        connection_list_add(connection, LIST_READY);
        if (connection == first && thread->list_first[from] == first) {
            break;
        }
    }
}

/* Only when the pause is over, or is another one. */
static void retry_paused(struct thread *thread)
{
    const struct server *server = thread->server;
    const int64_t until_ms = atomic_load_explicit(&server->pause_until_ms, memory_order_acquire);
    const bool is_for_writes_only = atomic_load_explicit(&server->is_pause_for_writes_only, memory_order_relaxed);
    if (until_ms > thread->now_ms && until_ms == thread->paused_until_ms &&
        is_for_writes_only == thread->was_paused_for_writes_only) {
        return;
    }
    thread->paused_until_ms = until_ms;
    thread->was_paused_for_writes_only = is_for_writes_only;
    move_list(thread, LIST_PAUSED);
}

/* Waiting commands try again after a wake-up, or after a millisecond; paused ones when the pause is over. */
static void retry_waiting(struct thread *thread)
{
    bool was_asked = atomic_exchange_explicit(&thread->must_retry_waiters, false, memory_order_seq_cst);
    thread->is_retrying = was_asked || thread->now_ms - thread->waiters_ms >= WAITERS_MS;
    if (thread->is_retrying) {
        thread->waiters_ms = thread->now_ms;
        move_list(thread, LIST_WAITING);
    }
    if (thread->list_first[LIST_PAUSED] != NULL && thread->now_ms != thread->paused_ms) {
        thread->paused_ms = thread->now_ms;
        retry_paused(thread);
    }
}

/* --- background --- */

static bool free_graves(struct thread *thread) NO_THREAD_SAFETY_ANALYSIS
{
    struct shard *shard = thread->shard;
    if (graveyard_is_empty_hint(shard) || !baton_try(&shard->baton)) {
        return !graveyard_is_empty_hint(shard);
    }
    uint64_t end = clock_ticks() + (uint64_t)(JOB_STEP_US * thread->server->ticks_per_us);
    bool is_more = true;
    while (is_more && clock_ticks() < end) {
        is_more = graveyard_work(shard, GRAVEYARD_SLICE);
    }
    shard_release(thread, shard);
    return is_more;
}

/* True when the slice ended before what is due. */
static bool expire_database(struct thread *thread, struct keyspace *ks, uint64_t end)
{
    while (keyspace_expire_due(ks, thread->now_ms, EXPIRE_SLICE) == EXPIRE_SLICE) {
        if (clock_ticks() >= end) {
            return true;
        }
    }
    return false;
}

/* One slice, going on with the database after the one where the last slice ended. True: it ended before what is due. */
static bool expire_databases(struct thread *thread)
{
    struct shard *shard = thread->shard;
    uint64_t end = clock_ticks() + (uint64_t)(JOB_STEP_US * thread->server->ticks_per_us);
    uint32_t databases = (uint32_t)atomic_load_explicit(&thread->server->config->databases, memory_order_relaxed);
    bool is_more = false;
    for (uint32_t i = 0; i < databases && !is_more; i++) {
        uint32_t db = thread->expire_db;
        if (shard->databases[db].expiring_count > 0) {
            is_more = expire_database(thread, &shard->databases[db], end);
        }
        thread->expire_db = (db + 1) % databases;
    }
    return is_more;
}

static bool expire_keys(struct thread *thread) NO_THREAD_SAFETY_ANALYSIS
{
    struct shard *shard = thread->shard;
    if (!thread->is_expiring && thread->now_ms - thread->expire_ms < EXPIRE_MS) {
        return false;
    }
    if (!baton_try(&shard->baton)) {
        return thread->is_expiring;
    }
    thread->expire_ms = thread->now_ms;
    uint64_t start = clock_ticks();
    shard_note_access(thread, shard);
    bool is_more = thread->has_expiring && !shard->is_expiry_off && expire_databases(thread);
    stat_add(&thread->stats.expiry_ticks, clock_ticks() - start);
    stat_add(&thread->stats.expiry_cuts, is_more);
    shard_release(thread, shard);
    thread->is_expiring = is_more;
    return is_more;
}

/* Long steps in one turn would add up; but not for ever, if all turns are long. */
static bool is_defrag_put_off(struct thread *thread)
{
    const double us = (double)(clock_ticks() - thread->turn_ticks) / thread->server->ticks_per_us;
    const bool is_put_off = us > DEFRAG_TURN_US && thread->defrag_put_off < DEFRAG_PUT_OFF_MAX;
    thread->defrag_put_off = is_put_off ? thread->defrag_put_off + 1 : 0;
    return is_put_off;
}

/* A slice of active defragmentation when it is due. */
static void defragment(struct thread *thread) NO_THREAD_SAFETY_ANALYSIS
{
    struct shard *shard = thread->shard;
    const int64_t now_us = clock_monotonic_us();
    if (now_us < thread->defrag_us || is_defrag_put_off(thread) || !baton_try(&shard->baton)) {
        return;
    }
    const int64_t wait_us = defrag_work(shard, thread->now_ms);
    thread->is_defragmenting = wait_us > 0;
    thread->defrag_us = now_us + (wait_us > 0 ? wait_us : DEFRAG_IDLE_US);
    shard_release(thread, shard);
}

/* Fills the list of the biggest keys in slices when too few of them are left. */
static void tend_top(struct thread *thread) NO_THREAD_SAFETY_ANALYSIS
{
    struct shard *shard = thread->shard;
    const int64_t now_us = clock_monotonic_us();
    if (now_us < thread->top_us || !baton_try(&shard->baton)) {
        return;
    }
    const uint64_t end = clock_ticks() + (uint64_t)(JOB_STEP_US * thread->server->ticks_per_us);
    while (!key_top_fill_slice(shard->top, TOP_SLICE) && clock_ticks() < end) {
    }
    key_top_tend(shard->top, thread->now_ms);
    thread->is_filling_top = shard->top->fill_types != 0;
    thread->top_us = now_us + (thread->is_filling_top ? TOP_FILL_US : TOP_IDLE_US);
    shard_release(thread, shard);
}

static void add_fed(struct fed_clients *fed, const struct connection *connection)
{
    const uint64_t bytes = connection->output.bytes;
    fed->count++;
    fed->waiting_bytes += bytes;
    if (bytes > fed->slowest_bytes) {
        fed->slowest_bytes = bytes;
        fed->slowest_id = connection->session.id;
    }
}

static size_t connection_pending_bytes(const struct connection *connection)
{
    return connection->output.bytes + connection_waiting_bytes(connection);
}

static void check_connections(struct thread *thread)
{
    struct fed_clients fed = {0};
    struct connection *stuck = NULL; /* the largest of them */
    struct connection *next;
    for (struct connection *connection = thread->connections; connection != NULL; connection = next) {
        next = connection->next;
        if (connection->is_closing) {
            continue;
        }
        connection_check_limits(connection);
        if (UNLIKELY(thread->is_pending_too_much) && connection_is_stuck(connection) &&
            (stuck == NULL || connection_pending_bytes(connection) > connection_pending_bytes(stuck))) {
            stuck = connection;
        }
        if (UNLIKELY(session_is_fed(&connection->session)) && !connection->is_closing) {
            add_fed(&fed, connection);
        }
    }
    if (UNLIKELY(stuck != NULL)) {
        connection_refuse_stuck(stuck); /* one at a time: perhaps the others can go on then */
    }
    __atomic_store_n(&thread->fed.count, fed.count, __ATOMIC_RELAXED);
    __atomic_store_n(&thread->fed.waiting_bytes, fed.waiting_bytes, __ATOMIC_RELAXED);
    __atomic_store_n(&thread->fed.slowest_id, fed.slowest_id, __ATOMIC_RELAXED);
    __atomic_store_n(&thread->fed.slowest_bytes, fed.slowest_bytes, __ATOMIC_RELAXED);
}

static void update_slow_threshold(struct thread *thread)
{
    const struct server *server = thread->server;
    int64_t slowlog_us = atomic_load_explicit(&server->config->slowlog_log_slower_than, memory_order_relaxed);
    int64_t latency_ms = atomic_load_explicit(&server->config->latency_monitor_threshold, memory_order_relaxed);
    double limit_us = slowlog_us >= 0 ? (double)slowlog_us : 1e15;
    if (latency_ms > 0 && (double)latency_ms * 1000 < limit_us) {
        limit_us = (double)latency_ms * 1000;
    }
    thread->slow_ticks = (uint64_t)(limit_us * server->ticks_per_us);
}

static bool any_expiring(const struct thread *thread)
{
    int64_t databases = atomic_load_explicit(&thread->server->config->databases, memory_order_relaxed);
    for (int64_t i = 0; i < databases; i++) {
        if (__atomic_load_n(&thread->shard->databases[i].expiring_count, __ATOMIC_RELAXED) > 0) {
            return true;
        }
    }
    return false;
}

/* `hz` times a second. */
static int64_t cron_interval_ms(const struct thread *thread)
{
    return 1000 / atomic_load_explicit(&thread->server->config->hz, memory_order_relaxed);
}

static void cron(struct thread *thread)
{
    if (thread->now_ms - thread->cron_ms < cron_interval_ms(thread) && thread->now_ms >= thread->cron_ms) {
        return;
    }
    thread->cron_ms = thread->now_ms;
    thread->has_expiring = any_expiring(thread);
    thread_update_pending(thread);
    check_connections(thread);
    feeds_check(thread);
    chunk_pool_trim(&thread->chunks);
    rounds_trim(thread);
    __atomic_store_n(&thread->stats.spare_bytes, chunk_pool_spare_bytes(&thread->chunks) + rounds_spare_bytes(thread),
                     __ATOMIC_RELAXED);
    __atomic_store_n(&thread->stats.cq_overflows, thread->ring.overflows, __ATOMIC_RELAXED);
    stat_add(&thread->stats.crons, 1);
    server_used_bytes(thread->server);
    int64_t now_ms = clock_monotonic_us() / 1000;
    if (thread->number == 0 && now_ms - thread->sampled_ms >= RATE_SAMPLE_MS) {
        thread->sampled_ms = now_ms;
        server_sample_rates(thread->server, now_ms);
    }
    if (thread->number == 0 && now_ms >= thread->history_ms) {
        thread->history_ms = now_ms + MEMORY_HISTORY_SHORT_MS;
        memory_history_sample(thread->server, thread->now_ms);
    }
}

/* --- the turn --- */

static void begin_turn(struct thread *thread)
{
    thread->now_ms = clock_wall_ms();
    thread->turn_ticks = clock_ticks();
    update_slow_threshold(thread);
    stat_add(&thread->stats.turns, 1);
}

static void settle_connections(struct thread *thread)
{
    struct connection *connection;
    while ((connection = connection_list_take(thread, LIST_DIRTY)) != NULL) {
        connection_settle(connection);
    }
    connections_send_bulk(thread);
    if (UNLIKELY(thread->list_first[LIST_CLOSING] != NULL || thread->closing_since_ticks != 0)) {
        connections_end(thread);
    }
}

/* How long the thread may sleep, in microseconds; 0: something wants to go on. */
static int64_t time_to_sleep(struct thread *thread, bool is_busy)
{
    if (is_busy || thread->list_first[LIST_READY] != NULL || thread->list_first[LIST_BULK] != NULL ||
        thread->list_first[LIST_CLOSING] != NULL) {
        return 0;
    }
    int64_t until_ms = cron_interval_ms(thread);
    if (thread->list_first[LIST_WAITING] != NULL || thread->jobs != NULL || thread->list_first[LIST_PAUSED] != NULL) {
        until_ms = WAITERS_MS;
    } else if (thread->has_expiring || thread->is_filling_top) {
        until_ms = EXPIRE_MS;
    }
    int64_t until_us = until_ms * 1000;
    if (thread->is_defragmenting) {
        const int64_t left_us = thread->defrag_us - clock_monotonic_us();
        until_us = left_us < 1 ? 1 : left_us < until_us ? left_us : until_us;
    }
    return until_us;
}

static void wait_for_work(struct thread *thread, int64_t timeout_us)
{
    if (timeout_us > 0) {
        atomic_store_explicit(&thread->is_asleep, true, memory_order_seq_cst);
        atomic_thread_fence(memory_order_seq_cst);
        if (!link_is_empty(&thread->mailbox) || shard_has_mail(thread->shard) || client_memory_has_token(thread) ||
            atomic_load_explicit(&thread->must_retry_waiters, memory_order_relaxed)) {
            timeout_us = 0;
        } else {
            stat_add(&thread->stats.sleeps, 1);
        }
    }
    ring_turn(&thread->ring, timeout_us);
    atomic_store_explicit(&thread->is_asleep, false, memory_order_seq_cst);
}

static int64_t turn(struct thread *thread)
{
    begin_turn(thread);
    bool is_busy = handle_events(thread);
    mail_deliver_all(thread);
    update_access(thread);
    shard_drain_own(thread);
    retry_waiting(thread);
    for (int rounds = 0; rounds < TURN_ROUNDS_MAX && thread->list_first[LIST_READY] != NULL; rounds++) {
        if (!run_round(thread)) {
            break;
        }
    }
    if (UNLIKELY(thread->deferred_count > 0)) {
        deferred_input_take(thread);
    }
    is_busy = jobs_step(thread) || is_busy;
    is_busy = free_graves(thread) || is_busy;
    is_busy = thread_heap_unmap_slice(TURN_UNMAP_BYTES) || is_busy;
    is_busy = expire_keys(thread) || is_busy;
    is_busy = evict_in_background(thread) || is_busy;
    defragment(thread);
    tend_top(thread);
    cron(thread);
    settle_connections(thread);
    client_memory_check(thread);
    return time_to_sleep(thread, is_busy);
}

/* --- the end --- */

static bool has_foreign_work(const struct thread *thread)
{
    for (struct connection *connection = thread->connections; connection != NULL; connection = connection->next) {
        if (connection->visits > 0 || (connection->window != NULL && connection->window->queued > 0)) {
            return true;
        }
    }
    return false;
}

/* First every thread takes back what others run for it, then all stop together: nobody is left waiting. */
static void stop_together(struct thread *thread)
{
    struct server *server = thread->server;
    bool is_quiet = false;
    struct connection *connection;
    while (atomic_load(&server->quiet_threads) < server->shard_count) {
        begin_turn(thread);
        handle_events(thread);
        mail_deliver_all(thread);
        shard_drain_own(thread);
        while ((connection = connection_list_take(thread, LIST_READY)) != NULL) {
        }
        settle_connections(thread);
        if (!is_quiet && !has_foreign_work(thread)) {
            is_quiet = true;
            atomic_fetch_add(&server->quiet_threads, 1);
        }
        ring_turn(&thread->ring, STOP_POLL_US);
    }
}

static void close_connections(struct thread *thread)
{
    for (int list = 0; list < CONNECTION_LISTS; list++) {
        while (connection_list_take(thread, (enum connection_list)list) != NULL) {
        }
    }
    for (struct connection *connection = thread->connections; connection != NULL; connection = connection->next) {
        connection_close(connection);
        connection_list_add(connection, LIST_CLOSING);
    }
    /* What is asked to end ends at once; the bound is for the kernel's sake only. */
    const int64_t end_us = clock_monotonic_us() + STOP_CLOSING_US;
    while (thread->connections != NULL && clock_monotonic_us() < end_us) {
        deferred_input_take(thread);
        settle_connections(thread);
        ring_turn(&thread->ring, thread->list_first[LIST_CLOSING] != NULL ? 0 : STOP_POLL_US);
        handle_events(thread);
        mail_deliver_all(thread);
    }
}

void *thread_main(void *arg)
{
    struct thread *thread = arg;
    struct server *server = thread->server;
    own_thread = thread;
    char name[16];
    snprintf(name, sizeof name, "shard-%u", thread->number);
    pthread_setname_np(pthread_self(), name);
    if (!thread_open(thread, server, thread->number)) {
        atomic_store(&server->start_errno, errno == 0 ? ENOMEM : errno);
        atomic_fetch_add(&server->threads_started, 1);
        return NULL;
    }
    atomic_fetch_add(&server->threads_started, 1);
    while (atomic_load_explicit(&server->is_stopping, memory_order_relaxed) == 0) {
        uint64_t start = clock_ticks();
        int64_t sleep_us = turn(thread);
        stat_add((uint64_t *)&thread->stats.cpu_busy_ticks, clock_ticks() - start);
        wait_for_work(thread, sleep_us);
    }
    stop_together(thread);
    close_connections(thread);
    thread_close(thread);
    return NULL;
}

bool thread_open(struct thread *thread, struct server *server, uint32_t number)
{
    thread->server = server;
    thread->number = number;
    thread->shard = &server->shards[number];
    thread->ns_per_tick = 1000.0 / server->ticks_per_us;
    __atomic_store_n(&thread->counters, thread_heap_register(), __ATOMIC_RELEASE); /* others may look already: input.c */
    thread->command_stats = thread_alloc_zeroed(MEM_SERVER, server->command_count * sizeof *thread->command_stats);
    if (thread->counters == NULL || thread->command_stats == NULL || !chunk_pool_open(&thread->chunks) ||
        !scratch_open(thread)) {
        errno = ENOMEM;
        return false;
    }
    struct round *round = round_get(thread);
    if (round == NULL || !ring_open(&thread->ring, RECEIVE_BUFFERS)) {
        return false;
    }
    round_put(thread, round);
    ck_epoch_register(server_epoch(server), &thread->epoch, NULL);
    thread_heap_be_lazy();
    return true;
}

void thread_close(struct thread *thread)
{
    ring_close(&thread->ring);
    while (thread->spare_rounds != NULL) {
        struct round *round = round_get(thread);
        round_destroy(thread, round);
    }
    chunk_pool_close(&thread->chunks);
    scratch_free(thread);
    ck_epoch_unregister(&thread->epoch);
    while (thread_heap_unmap_slice(TURN_UNMAP_BYTES)) {
    }
}
