/* dispatch.c - see dispatch.h.  */
#include "client/dispatch.h"

#include "client/connection.h"
#include "client/feed.h"
#include "client/input.h"
#include "client/monitor.h"
#include "client/permission.h"
#include "client/ready.h"
#include "client/session_cache.h"
#include "client/session_user.h"
#include "exec/command_choose.h"
#include "exec/command_index.h"
#include "exec/finish.h"
#include "exec/pending.h"
#include "exec/prepared.h"
#include "exec/refusals.h"
#include "exec/round.h"
#include "exec/route.h"
#include "exec/run.h"
#include "exec/transaction.h"
#include "exec/waiting.h"
#include "shard/access_clock.h"

#include <stdio.h>
#include <string.h>

enum { TURN_ROUNDS_MAX = 8 }; /* rounds in a turn before the network is looked at again */

/* What dispatch_call made of a command. */
enum verdict {
    VERDICT_NEXT,   /* taken; go on with the next command */
    VERDICT_STOP,   /* taken; nothing after it yet */
    VERDICT_BEFORE, /* not taken: everything before it must be answered first */
    VERDICT_LATER,  /* not taken: it has not arrived completely, or clients are paused */
};

/* --- which command --- */

static const struct command_spec *find_spec(struct thread *thread, struct bytes name)
{
    struct clients *clients = thread->clients;
    if (LIKELY(name.len == clients->last_name_len && memcmp(name.data, clients->last_name, name.len) == 0)) {
        return clients->last_spec;
    }
    const struct command_spec *spec = server_find_command(thread->server, name);
    if (spec != NULL && name.len <= sizeof clients->last_name) {
        memcpy(clients->last_name, name.data, name.len);
        clients->last_name_len = name.len;
        clients->last_spec = spec;
    }
    return spec;
}

/* --- transactions --- */

/* A command was refused: a transaction that is being queued cannot be run any more. EXEC itself ends it, and says why. */
static void abort_transaction(struct session *session, const struct call *call, struct reply *reply)
{
    if (UNLIKELY(transaction_is_open(session->transaction))) {
        session->transaction->is_aborted = true;
    }
    if (LIKELY(call->spec == NULL || call->spec->scope != SCOPE_TRANSACTION)) {
        return;
    }
    transaction_destroy(session->transaction);
    session->transaction = NULL;
    if (!reply->is_broken) {
        const struct bytes text = {reply->out->data + reply->start, reply_len(reply)};
        char reason[256];
        snprintf(reason, sizeof reason, "%.*s", (int)text.len - 3, text.data + 1); /* without "-" and CRLF */
        reply_rewind(reply);
        reply_errorf(reply, "EXECABORT Transaction discarded because of: %s", strncmp(reason, "ERR ", 4) == 0 ? reason + 4 : reason);
    }
}

/* The command waits for EXEC. */
static void queue_command(struct thread *thread, struct session *session, struct call *call, struct reply *reply)
{
    struct transaction *transaction = session->transaction;
    const int64_t limit = atomic_load_explicit(&thread->server->config->client_query_buffer_limit, memory_order_relaxed);
    if (transaction_memory_bytes(transaction) > (size_t)limit) {
        call->ends_connection = true;
        reply_error(reply, "ERR the transaction is longer than client-query-buffer-limit");
        call_finish_refused(thread, call, reply);
        stat_add(&thread->stats.query_limit_disconnections, 1);
        return;
    }
    if (!transaction_is_lost(transaction) && !transaction_queue(transaction, call->spec, call->argv, call->argc)) {
        reply_error(reply, "ERR out of memory");
        call_finish_refused(thread, call, reply);
        return;
    }
    reply_simple(reply, BYTES("QUEUED"));
    call_finish_unrun(call, reply);
}

/* --- refusals --- */

/* Does the command write, or is it the EXEC of one that does? As in Redis PING is refused, too: it is what looks after a server. */
static bool is_refused_unsaved(const struct session *session, const struct command_spec *spec)
{
    return (spec->flags & COMMAND_WRITE) != 0 || strcmp(spec->name, "ping") == 0 ||
           (spec->scope == SCOPE_TRANSACTION && transaction_is_open(session->transaction) &&
            (session->transaction->flags & COMMAND_WRITE) != 0);
}

/* Of commands that the whole server does not run now. */
__attribute__((noinline)) static const char *server_refusal(const struct server *server, uint32_t refusals, const struct session *session, const struct command_spec *spec)
{
    /* Under DEBUG RELOAD they wait (call_is_paused): its pause begins before the loading, and ends behind it. */
    const bool waits = atomic_load_explicit(&server->is_end_paused, memory_order_acquire);
    if (!waits && server_is_loading(server) && (spec->flags & COMMAND_LOADING) == 0) {
        return "LOADING Redis is loading the dataset in memory";
    }
    const bool stops_unsaved = atomic_load_explicit(&server->config->stop_writes_on_bgsave_error, memory_order_relaxed) != 0;
    if ((refusals & REFUSE_WRITES_UNSAVED) != 0 && stops_unsaved && is_refused_unsaved(session, spec)) {
        return ERROR_UNSAVED;
    }
    if ((refusals & REFUSE_WRITES_UNLOGGED) != 0 && is_refused_unsaved(session, spec)) {
        static _Thread_local char text[UNLOGGED_TEXT_MAX];
        return text_unlogged(atomic_load_explicit(&server->logged.error, memory_order_relaxed), text);
    }
    return NULL;
}

/* The first reason why the command may not run, or NULL. */
static const char *call_refusal(const struct thread *thread, const struct session *session, const struct call *call)
{
    if (UNLIKELY(!session->is_authenticated) && (call->spec->flags & COMMAND_NO_AUTH) == 0 &&
        atomic_load_explicit(&thread->server->config->has_password, memory_order_relaxed) != 0) {
        return "NOAUTH Authentication required.";
    }
    const uint32_t refusals = atomic_load_explicit(&thread->server->refusals, memory_order_relaxed);
    if (UNLIKELY(refusals != 0)) {
        const char *refusal = server_refusal(thread->server, refusals, session, call->spec);
        if (refusal != NULL) {
            return refusal;
        }
    }
    if (UNLIKELY(transaction_is_open(session->transaction)) && (call->spec->flags & COMMAND_NO_MULTI) != 0) {
        return "ERR Command not allowed inside a transaction";
    }
    return NULL;
}

/* True: its user may not do that, and was replied so. */
static inline bool is_refused_to_user(struct thread *thread, const struct session *session, const struct call *call, struct reply *reply)
{
    if (LIKELY(!session->is_restricted)) {
        return false;
    }
    return !permission_allows(thread, session, &(struct permission_call){call->spec, call->argv, call->argc, "toplevel"}, reply);
}

/* In RESP2 a connection with subscriptions cannot tell a reply from a message. True: replied so. */
static bool is_refused_to_subscriber(const struct session *session, const struct call *call, struct reply *reply)
{
    if (LIKELY(!session_subscribes(session)) || session->protocol != 2 ||
        (call->spec->flags & COMMAND_FOR_SUBSCRIBERS) != 0) {
        return false;
    }
    const struct command_spec *parent = call->spec->parent;
    reply_errorf(reply, "ERR Can't execute '%s%s%s': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / RESET are allowed in this context",
                 parent == NULL ? "" : parent->name, parent == NULL ? "" : "|", call->spec->name);
    return true;
}

/* The statement's text comes into the place of its name. False: there is none of that name, which was replied. */
__attribute__((noinline)) static bool put_prepared(const struct session *session, struct call *call, struct reply *reply)
{
    call->prepared = prepared_find(session->prepared, call->argv[1]);
    if (call->prepared == NULL) {
        reply_errorf(reply, PREPARED_MISSING, PREPARED_SHOWN(call->argv[1]));
        return false;
    }
    call->argv[1] = call->prepared->text;
    return true;
}

/* Does the command name a statement, and one that is not there? Then it was replied. */
static inline bool is_without_statement(const struct session *session, struct call *call, struct reply *reply)
{
    return UNLIKELY((call->spec->flags & COMMAND_NAMES_PREPARED) != 0) && !put_prepared(session, call, reply);
}

/* Looks the command up and checks it. False: the reply has the reason. */
static bool call_check(struct thread *thread, struct session *session, struct call *call, struct reply *reply)
{
    const bool is_right = command_choose(find_spec(thread, call->argv[0]), call->argv, call->argc, reply, &call->spec);
    if (UNLIKELY(call->spec == NULL)) {
        return false;
    }
    session->last_command = call->spec;
    const char *refusal = is_right ? call_refusal(thread, session, call) : NULL;
    if (LIKELY(is_right && refusal == NULL) && !is_without_statement(session, call, reply) && !is_refused_to_user(thread, session, call, reply) &&
        !is_refused_to_subscriber(session, call, reply)) {
        return true;
    }
    if (refusal != NULL) {
        reply_error(reply, refusal);
    }
    stat_add(&thread->command_stats[call->spec->index].rejected, 1);
    return false;
}

/* CLIENT PAUSE: commands wait, all or those that write; what manages clients goes on. */
static bool call_is_paused(const struct thread *thread, const struct call *call)
{
    const struct server *server = thread->server;
    if (LIKELY(atomic_load_explicit(&server->pause_until_ms, memory_order_relaxed) <= thread->now_ms)) {
        return false;
    }
    if (call->spec == NULL || strcmp(call->spec->group, "connection") == 0) {
        return false;
    }
    if ((call->spec->flags & COMMAND_LOADING) != 0 && server_is_loading(server)) {
        return false; /* they need no data */
    }
    bool is_for_writes = atomic_load_explicit(&server->is_pause_for_writes_only, memory_order_relaxed);
    return !is_for_writes || (call->spec->flags & (COMMAND_WRITE | COMMAND_MAY_REPLICATE)) != 0;
}

/* --- one command --- */

/* HTTP sent to the port by a browser that was tricked: Redis closes at once, too. */
static bool is_http(struct bytes name)
{
    return bytes_equal_ignore_case(name, BYTES("post")) || bytes_equal_ignore_case(name, BYTES("host:"));
}

/* It is not answered, or its connection has a cache. */
__attribute__((noinline)) static void inherit_seldom(struct call *call, struct session *session)
{
    if (session->reply_mode == REPLY_SKIP_NEXT) {
        session->reply_mode = REPLY_ON;
    }
    if (session->tracks != 0) {
        call->tracked = session_tracked_call(session, call);
    }
}

static void call_inherit_session(struct call *call, struct session *session)
{
    call->protocol = session->protocol;
    call->is_no_touch = session->is_no_touch;
    call->is_silent = session->reply_mode != REPLY_ON;
    if (UNLIKELY((session->reply_mode | session->tracks) >= REPLY_SKIP_NEXT)) {
        inherit_seldom(call, session);
    }
}

/* Before AUTH few replies may wait: what the window has replied, and what is unsent. */
static bool is_unauthenticated_full(const struct connection *connection, const struct window *window, const struct round *round)
{
    return UNLIKELY(connection_is_unauthenticated(connection)) &&
           connection->output.bytes + round->replies.len - window->calls[0].reply_start > OUTPUT_SOFT_UNAUTHENTICATED;
}

static enum verdict run_here(struct thread *thread, struct connection *connection, struct call *call, struct round *round)
{
    const struct session *session = &connection->session;
    const uint8_t mode_before = session->reply_mode;
    call_run_exclusive(thread, call, &round->replies);
    /* CLIENT REPLY ON is answered, and RESET behind OFF; OFF and SKIP are not. */
    if (UNLIKELY(session->reply_mode != mode_before)) {
        call->is_silent = session->reply_mode != REPLY_ON;
    }
    if (call->state != CALL_DONE || call->ends_connection) {
        return VERDICT_STOP;
    }
    if (is_unauthenticated_full(connection, call->window, round)) {
        return VERDICT_STOP;
    }
    size_t unsent = atomic_load_explicit(&call->window->reply_bytes, memory_order_relaxed);
    return pending_is_full(thread, unsent) ? VERDICT_STOP : VERDICT_NEXT;
}

/* What stands before it is not done yet, and must be. */
static bool must_come_later(const struct call *call)
{
    if (LIKELY((call->spec->flags & COMMAND_IN_ORDER) == 0)) {
        return false;
    }
    const struct call *before = call;
    while (before > call->window->calls && before[-1].state == CALL_DONE) {
        before--;
    }
    return before > call->window->calls;
}

static enum verdict dispatch_call(struct thread *thread, struct connection *connection, struct call *call,
                                  struct round *round)
{
    struct reply reply;
    reply_begin(&reply, &round->replies, connection->session.protocol);
    bool is_right = call_check(thread, &connection->session, call, &reply);
    if (UNLIKELY(is_right && call_is_paused(thread, call))) {
        connection_list_add(connection, LIST_PAUSED);
        return VERDICT_LATER;
    }
    if (UNLIKELY(is_right && call->window->count == 1 && !connection_has_room_for(connection, call->spec))) {
        connection->waits_for_room = true;
        return VERDICT_LATER;
    }
    const bool is_queued = is_right && UNLIKELY(transaction_is_open(connection->session.transaction)) && (call->spec->flags & COMMAND_NOT_QUEUED) == 0;
    call->shard = 0;
    call->db = connection->session.db;
    if (LIKELY(is_right && !is_queued)) {
        const bool is_exec = call->spec->scope == SCOPE_TRANSACTION && transaction_is_open(connection->session.transaction);
        call->transaction = is_exec ? connection->session.transaction : NULL;
        call_route(thread, call);
        if (call->transaction != NULL && feed_is_wanted(thread->server, FEED_MONITOR)) {
            call->is_exclusive = true; /* a monitor sees the commands when it is known that they have run */
        }
        if ((call->is_exclusive && call->window->count > 1) || must_come_later(call)) {
            call->transaction = NULL;
            return VERDICT_BEFORE;
        }
        if (call->transaction != NULL) {
            if (UNLIKELY(connection->session.is_restricted)) {
                permission_look_again(thread, &connection->session, call->transaction);
            }
            connection->session.transaction = NULL;
        }
    }
    call_inherit_session(call, &connection->session);
    connection->session.commands_total++;
    if (UNLIKELY(is_queued)) {
        queue_command(thread, &connection->session, call, &reply);
        return call->ends_connection ? VERDICT_STOP : VERDICT_NEXT;
    }
    if (UNLIKELY(!is_right)) {
        abort_transaction(&connection->session, call, &reply);
        call_finish_refused(thread, call, &reply);
        if (is_http(call->argv[0])) {
            call->ends_connection = call->is_silent = true;
            return VERDICT_STOP;
        }
        return is_unauthenticated_full(connection, call->window, round) ? VERDICT_STOP : VERDICT_NEXT;
    }
    enum verdict verdict = VERDICT_NEXT;
    if (call->is_exclusive || call->spec->scope == SCOPE_INSTANT) {
        verdict = run_here(thread, connection, call, round);
    } else if (chain_is_needed(thread)) {
        chain_place(thread, call->window, call);
        verdict = chain_has_room(thread, call->window) ? VERDICT_NEXT : VERDICT_STOP;
    } else {
        round_queue_call(round, call);
    }
    /* After the call, as Redis does: SELECT and RESET stand with the database to which they lead. */
    if (UNLIKELY(feed_is_wanted(thread->server, FEED_MONITOR))) {
        monitor_feed(thread, call);
    }
    return verdict;
}

/* --- a connection's input --- */

static void protocol_error(struct thread *thread, struct connection *connection, struct window *window,
                           struct round *round, const char *text)
{
    struct call *call = round_add_call(round, window);
    struct reply reply;
    call->spec = NULL;
    call->argc = 0;
    call->request_bytes = 0;
    call->own_words = NULL;
    call->is_silent = false;
    call->ends_connection = true;
    call->protocol = connection->session.protocol;
    reply_begin(&reply, &round->replies, call->protocol);
    reply_errorf(&reply, "ERR %s", text);
    call_finish_refused(thread, call, &reply);
    parser_reset(&connection->parser);
}

/* Parses one command into the round. */
static enum verdict take_command(struct thread *thread, struct connection *connection, struct window *window,
                                 struct round *round)
{
    const struct config *config = thread->server->config;
    const struct parse_limits limits = {
        .bulk_len_max = atomic_load_explicit(&config->proto_max_bulk_len, memory_order_relaxed),
        .is_unauthenticated = !connection->session.is_authenticated &&
                       atomic_load_explicit(&config->has_password, memory_order_relaxed) != 0,
    };
    struct parsed parsed;
    struct bytes *words = &round->words[round->word_count];
    enum parse_status status = parser_next(&connection->parser, connection_input(connection), &limits, words,
                                           ROUND_WORDS - round->word_count, &parsed);
    if (status == PARSE_MORE) {
        return VERDICT_LATER;
    }
    if (UNLIKELY(status == PARSE_ERROR)) {
        protocol_error(thread, connection, window, round, parsed.error);
        return VERDICT_STOP;
    }
    if (UNLIKELY(parsed.count == 0)) {
        connection_consume(connection, parsed.consumed);
        return VERDICT_NEXT;
    }
    struct call *call = round_add_call(round, window);
    call->argv = parsed.words;
    call->argc = parsed.count;
    call->request_bytes = parsed.consumed;
    call->own_words = parsed.own_words;
    call->own_words_capacity = parsed.own_capacity;
    enum verdict verdict = dispatch_call(thread, connection, call, round);
    if (UNLIKELY(verdict == VERDICT_BEFORE || verdict == VERDICT_LATER)) {
        round_undo_call(round, window);
        return verdict;
    }
    if (parsed.own_words == NULL) {
        round->word_count += parsed.count;
    }
    connection_consume(connection, parsed.consumed);
    return verdict;
}

/* Takes as many commands from the connection's input as fit into the round. */
static void fill(struct thread *thread, struct connection *connection, struct round *round)
{
    struct window *window = round_add_window(round, &connection->session, connection->output.bytes);
    connection->window = window;
    enum verdict verdict = VERDICT_NEXT;
    while (verdict == VERDICT_NEXT && connection_input(connection).len > 0) {
        if (!round_has_room(round)) {
            break;
        }
        verdict = take_command(thread, connection, window, round);
    }
    chain_queue_window(&round->chain, round->batches, window);
    /* What a pause or unsent replies hold back is there: either may be over before this window is. */
    const bool is_there = verdict != VERDICT_LATER || connection->is_in_list[LIST_PAUSED] || connection->waits_for_room;
    connection->wants_more = is_there && connection_input(connection).len > 0;
}

/* --- windows that go on --- */

static void resume_exclusive(struct thread *thread, struct window *window, struct call *call, struct round *round)
{
    if (call != window_first_call(window)) {
        call_enter(call, CALL_DEFERRED);
        return;
    }
    run_here(thread, connection_of(window->session), call, round);
}

/* The catalogue may have changed since: a call that has waited and now goes to another shard has lost its place in the old one. */
static void route_again(struct thread *thread, struct call *call)
{
    call_route(thread, call);
    if (call->ticket != NULL && !call->is_exclusive && call->ticket->shard->number != call->shard) {
        ticket_give_up(call->ticket, thread);
        call->ticket = NULL;
    }
}

/* Runs the first call when it is exclusive; gives the others to batches, or their positions. Those that cannot try now keep no place in a
 * queue: they may have been told, and others would wait for their try. */
static void place_calls(struct thread *thread, struct window *window, struct round *round)
{
    const bool is_strict = chain_is_needed(thread);
    for (uint32_t i = window->flushed; i < window->count; i++) {
        struct call *call = &window->calls[i];
        if (call->state == CALL_DONE) {
            continue;
        }
        if (call->state >= CALL_STARTED) {
            return;
        }
        if (call->state == CALL_REROUTE || call->is_routed) {
            route_again(thread, call);
        }
        if (call->is_exclusive) {
            resume_exclusive(thread, window, call, round);
            if (call->state != CALL_DONE) {
                window_leave_queues(thread, window, i == window->flushed ? i + 1 : i);
                return;
            }
        } else if (is_strict && chain_has_room(thread, window)) {
            chain_place(thread, window, call);
        } else if (is_strict) {
            call_enter(call, CALL_DEFERRED); /* and all behind it */
            window_leave_queues(thread, window, i);
            return;
        } else {
            round_queue_call(round, call);
        }
    }
}

/* Gives calls of a parked window that may run again to the round. */
static void resume(struct thread *thread, struct window *window, struct round *round)
{
    round_resume_window(round, window, connection_of(window->session)->output.bytes);
    place_calls(thread, window, round);
    chain_queue_window(&round->chain, round->batches, window);
}

/* --- a round --- */

/* One round of what is ready. False: no memory for it. */
static bool run_round(struct thread *thread)
{
    struct round *round = round_get(thread);
    if (round == NULL) {
        return false;
    }
    access_clock_update(thread); /* the policy may have changed in the round before */
    struct connection *connection;
    while (round->window_count < ROUND_CALLS && round_has_room(round) &&
           (connection = connection_list_take(thread, LIST_READY)) != NULL) {
        if (connection_is_closing(connection)) {
            connection_list_add(connection, LIST_CLOSING); /* where it stands until it is in no other list */
            continue;
        }
        struct window *window = connection->window;
        if (window == NULL) {
            fill(thread, connection, round);
        } else if (window->state == WINDOW_PARKED) {
            resume(thread, window, round);
        }
    }
    round_run(thread, round);
    return true;
}

void dispatch_rounds(struct thread *thread)
{
    if (UNLIKELY(sessions_are_behind(thread))) {
        (void)sessions_follow_users(thread, NULL);
    }
    for (int rounds = 0; rounds < TURN_ROUNDS_MAX && thread->clients->list_first[LIST_READY] != NULL; rounds++) {
        if (!run_round(thread)) {
            break;
        }
    }
}
