/* client.c - CLIENT for the connection itself: its id, name, library, modes, and pauses of all clients.
 *
 * What looks at other connections (LIST, KILL) is in client_list.c.  */
#include "base/number.h"
#include "client/feed.h"
#include "client/session.h"
#include "cmd/client/client.h"
#include "cmd/client/client_list.h"
#include "cmd/client/client_rows.h"
#include "cmd/client/client_tracking.h"
#include "cmd/core/answers.h"
#include "exec/exec.h"
#include "shard/message.h"
#include "shard/server.h"
#include "shard/thread_stats.h"

/* --- what other files use --- */

static bool is_plain_text(struct bytes text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (text.data[i] < '!' || text.data[i] > '~') {
            return false;
        }
    }
    return true;
}

bool client_check_name(struct exec *exec, struct bytes name)
{
    if (!is_plain_text(name)) {
        reply_error(exec->reply, "ERR Client names cannot contain spaces, newlines or special characters.");
        return false;
    }
    if (name.len > SESSION_NAME_MAX) {
        reply_errorf(exec->reply, "ERR Client names cannot be longer than %d characters.", SESSION_NAME_MAX);
        return false;
    }
    return true;
}

bool client_set_text(struct exec *exec, struct buffer *field, struct bytes text)
{
    struct buffer fresh = BUFFER_EMPTY(field->which);
    if (text.len > 0 && !buffer_append(&fresh, text)) {
        reply_result_error(exec->reply, RESULT_NO_MEMORY);
        return false;
    }
    buffer_release(field);
    *field = fresh;
    return true;
}

void client_set_monitor(struct exec *exec, bool is_monitor)
{
    if (is_monitor) {
        feed_join(exec->thread, exec->session, FEED_MONITOR);
    } else {
        feed_leave(exec->thread, exec->session, FEED_MONITOR);
    }
}

/* --- the session's own --- */

static void command_client_id(struct exec *exec)
{
    reply_integer(exec->reply, (int64_t)exec->session->id);
}

static void command_client_getname(struct exec *exec)
{
    if (exec->session->name.len == 0) {
        reply_null(exec->reply);
    } else {
        reply_bulk(exec->reply, buffer_bytes(&exec->session->name));
    }
}

static void command_client_setname(struct exec *exec)
{
    if (client_check_name(exec, exec->argv[2]) && client_set_text(exec, &exec->session->name, exec->argv[2])) {
        reply_ok(exec->reply);
    }
}

static const struct {
    struct bytes option;
    const char *name;
    size_t offset;
} info_fields[] = {
    {{"LIB-NAME", 8}, "lib-name", offsetof(struct session, lib_name)},
    {{"LIB-VER", 7}, "lib-ver", offsetof(struct session, lib_version)},
};

static void command_client_setinfo(struct exec *exec)
{
    struct bytes text = exec->argv[3];
    for (size_t i = 0; i < sizeof info_fields / sizeof info_fields[0]; i++) {
        if (!bytes_equal_ignore_case(exec->argv[2], info_fields[i].option)) {
            continue;
        }
        struct buffer *field = (struct buffer *)((char *)exec->session + info_fields[i].offset);
        if (!is_plain_text(text)) {
            reply_errorf(exec->reply, "ERR %s cannot contain spaces, newlines or special characters.", info_fields[i].name);
        } else if (text.len > SESSION_NAME_MAX) {
            reply_errorf(exec->reply, "ERR %s cannot be longer than %d characters.", info_fields[i].name, SESSION_NAME_MAX);
        } else if (client_set_text(exec, field, text)) {
            reply_ok(exec->reply);
        }
        return;
    }
    reply_errorf(exec->reply, "ERR Unrecognized option '%.*s'", (int)exec->argv[2].len, exec->argv[2].data);
}

/* argv[2] as one of two words; false: replied a syntax error. */
static bool read_switch(struct exec *exec, bool *is_on)
{
    *is_on = bytes_equal_ignore_case(exec->argv[2], BYTES("ON"));
    if (*is_on || bytes_equal_ignore_case(exec->argv[2], BYTES("OFF"))) {
        return true;
    }
    reply_error(exec->reply, ERROR_SYNTAX);
    return false;
}

static void command_client_no_evict(struct exec *exec)
{
    bool is_on;
    if (read_switch(exec, &is_on)) {
        exec->session->is_no_evict = is_on;
        reply_ok(exec->reply);
    }
}

static void command_client_no_touch(struct exec *exec)
{
    bool is_on;
    if (read_switch(exec, &is_on)) {
        exec->session->is_no_touch = is_on;
        reply_ok(exec->reply);
    }
}

/* Only ON is answered: the other two begin their silence with themselves. SKIP changes nothing while replies are off. */
static void command_client_reply(struct exec *exec)
{
    struct session *session = exec->session;
    if (bytes_equal_ignore_case(exec->argv[2], BYTES("SKIP"))) {
        session->reply_mode = session->reply_mode == REPLY_OFF ? REPLY_OFF : REPLY_SKIP_NEXT;
        return;
    }
    bool is_on;
    if (!read_switch(exec, &is_on)) {
        return;
    }
    session->reply_mode = is_on ? REPLY_ON : REPLY_OFF;
    if (is_on) {
        exec_reply_always(exec); /* behind SKIP, too */
        reply_ok(exec->reply);
    }
}

/* --- all clients --- */

/* A pause that is still on is only ever made stricter and longer, as in Redis. */
/* Threads with connections that are held back look at the pause again. */
static void wake_all(struct exec *exec)
{
    for (uint32_t i = 0; i < exec->server->shard_count; i++) {
        thread_wake(exec->thread, server_thread(exec->server, i));
    }
}

static void command_client_pause(struct exec *exec)
{
    struct server *server = exec->server;
    int64_t timeout_ms;
    bool is_for_writes = exec->argc > 3 && bytes_equal_ignore_case(exec->argv[3], BYTES("WRITE"));
    if (exec->argc > 4) {
        reply_error(exec->reply, ERROR_SYNTAX);
        return;
    }
    if (exec->argc > 3 && !is_for_writes && !bytes_equal_ignore_case(exec->argv[3], BYTES("ALL"))) {
        reply_error(exec->reply, "ERR CLIENT PAUSE mode must be WRITE or ALL");
        return;
    }
    if (!int64_parse(exec->argv[2], &timeout_ms)) {
        reply_error(exec->reply, "ERR timeout is not an integer or out of range");
        return;
    }
    int64_t until_ms;
    if (timeout_ms < 0 || __builtin_add_overflow(timeout_ms, exec->now_ms, &until_ms)) {
        reply_error(exec->reply, timeout_ms < 0 ? "ERR timeout is negative" : "ERR timeout is out of range");
        return;
    }
    int64_t already_ms = atomic_load_explicit(&server->pause_until_ms, memory_order_relaxed);
    if (already_ms > exec->now_ms) {
        is_for_writes &= atomic_load_explicit(&server->is_pause_for_writes_only, memory_order_relaxed);
        until_ms = until_ms > already_ms ? until_ms : already_ms;
    }
    atomic_store_explicit(&server->is_pause_for_writes_only, is_for_writes, memory_order_relaxed);
    atomic_store_explicit(&server->pause_until_ms, until_ms, memory_order_release);
    wake_all(exec);
    reply_ok(exec->reply);
}

/* While the server ends, for what comes after if the end is taken back. */
static void command_client_unpause(struct exec *exec)
{
    struct server *server = exec->server;
    const bool is_end_paused = atomic_load_explicit(&server->is_end_paused, memory_order_acquire);
    atomic_store_explicit(is_end_paused ? &server->pause_after_end_ms : &server->pause_until_ms, 0, memory_order_release);
    wake_all(exec);
    reply_ok(exec->reply);
}

#define SESSION_FLAGS (COMMAND_NOSCRIPT | COMMAND_LOADING | COMMAND_STALE | COMMAND_KEEPS_CACHING)
#define ADMIN_FLAGS (COMMAND_ADMIN | SESSION_FLAGS)

#define CLIENT_TYPES "NORMAL|MASTER|PRIMARY|SLAVE|REPLICA|PUBSUB"
#define FILTERS_SYNTAX                                                                                                         \
    "[ID client-id [client-id ...]] [TYPE " CLIENT_TYPES "] [USER username] [ADDR ip:port] [LADDR ip:port] [IP ip] "            \
    "[SKIPME yes/no] [MAXAGE seconds] [IDLE seconds] [FLAGS flags] [NAME name] [LIB-NAME libname] [LIB-VER libver] [DB db] "    \
    "[NOT-ID client-id [client-id ...]] [NOT-TYPE " CLIENT_TYPES "] [NOT-USER username] [NOT-ADDR ip:port] "                    \
    "[NOT-LADDR ip:port] [NOT-IP ip] [NOT-FLAGS flags] [NOT-NAME name] [NOT-LIB-NAME libname] [NOT-LIB-VER libver] [NOT-DB db]"

static const struct command_spec client_subcommands[] = {
    {.name = "caching", .run = command_client_caching, .arity = 3, .scope = SCOPE_INSTANT, .flags = SESSION_FLAGS, .since = "6.0.0",
     .group = "connection", .complexity = "O(1)",
     .summary = "Says whether the keys that the next command reads are to be remembered.", .syntax = "YES|NO"},
    {.name = "getname", .run = command_client_getname, .arity = 2, .scope = SCOPE_INSTANT, .flags = SESSION_FLAGS,
     .since = "2.6.9", .group = "connection", .complexity = "O(1)", .summary = "Returns the connection's name."},
    {.name = "getredir", .run = command_client_getredir, .arity = 2, .scope = SCOPE_INSTANT, .flags = SESSION_FLAGS, .since = "6.0.0",
     .group = "connection", .complexity = "O(1)",
     .summary = "Returns the id of the connection that is told about invalid keys in place of this one."},
    {COMMAND_HELP_ROW, .since = "5.0.0", .group = "connection"},
    {.name = "id", .run = command_client_id, .arity = 2, .scope = SCOPE_INSTANT, .flags = SESSION_FLAGS, .since = "5.0.0",
     .group = "connection", .complexity = "O(1)", .summary = "Returns the connection's id."},
    {.name = "info", .run = command_client_info, .arity = 2, .scope = SCOPE_INSTANT, .flags = SESSION_FLAGS,
     .since = "6.2.0", .group = "connection", .complexity = "O(1)", .summary = "Returns this connection's line of CLIENT LIST.",
     .tips = "nondeterministic_output"},
    {.name = "kill", .run = command_client_kill, .arity = -3, .scope = SCOPE_SESSION, .flags = ADMIN_FLAGS, .since = "2.4.0",
     .group = "connection", .complexity = "O(N), N the number of connections", .summary = "Closes connections.",
     .syntax = "ip:port|(" FILTERS_SYNTAX ")"},
    {.name = "list", .run = command_client_list, .arity = -2, .scope = SCOPE_SESSION, .flags = ADMIN_FLAGS, .since = "2.4.0",
     .group = "connection", .complexity = "O(N), N the number of connections",
     .summary = "Returns a line about each connection.",
     .syntax = FILTERS_SYNTAX, .tips = "nondeterministic_output"},
    {.name = "no-evict", .run = command_client_no_evict, .arity = 3, .scope = SCOPE_INSTANT, .flags = ADMIN_FLAGS,
     .since = "7.0.0", .group = "connection", .complexity = "O(1)",
     .summary = "Keeps the connection from being closed to save memory.", .syntax = "ON|OFF"},
    {.name = "no-touch", .run = command_client_no_touch, .arity = 3, .scope = SCOPE_INSTANT, .flags = SESSION_FLAGS,
     .since = "7.2.0", .group = "connection", .complexity = "O(1)",
     .summary = "Lets the connection's commands leave the keys' access times alone.", .syntax = "ON|OFF"},
    {.name = "pause", .run = command_client_pause, .arity = -3, .scope = SCOPE_SESSION, .flags = ADMIN_FLAGS,
     .since = "2.9.50", .group = "connection", .complexity = "O(1)",
     .summary = "Lets all commands, or only writing ones, wait for some milliseconds.", .syntax = "timeout [WRITE|ALL]"},
    {.name = "reply", .run = command_client_reply, .arity = 3, .scope = SCOPE_INSTANT, .flags = SESSION_FLAGS,
     .since = "3.2.0", .group = "connection", .complexity = "O(1)",
     .summary = "Chooses whether commands of this connection are answered.", .syntax = "ON|OFF|SKIP"},
    {.name = "setinfo", .run = command_client_setinfo, .arity = 4, .scope = SCOPE_INSTANT, .flags = SESSION_FLAGS,
     .since = "7.2.0", .group = "connection", .complexity = "O(1)",
     .summary = "Tells which client library, or which version of it, the connection uses.",
     .syntax = "LIB-NAME libname|LIB-VER libver", .tips = "request_policy:all_nodes response_policy:all_succeeded"},
    {.name = "setname", .run = command_client_setname, .arity = 3, .scope = SCOPE_INSTANT, .flags = SESSION_FLAGS,
     .since = "2.6.9", .group = "connection", .complexity = "O(1)", .summary = "Names the connection.",
     .syntax = "connection-name"},
    {.name = "tracking", .run = command_client_tracking, .arity = -3, .scope = SCOPE_SESSION, .flags = SESSION_FLAGS, .since = "6.0.0",
     .group = "connection", .complexity = "O(N), N the number of prefixes; with REDIRECT, of connections",
     .summary = "Turns messages about keys that change on or off, for clients that keep a cache.",
     .syntax = "ON|OFF [REDIRECT client-id] [PREFIX prefix [PREFIX prefix ...]] [BCAST] [OPTIN] [OPTOUT] [NOLOOP]"},
    {.name = "trackinginfo", .run = command_client_trackinginfo, .arity = 2, .scope = SCOPE_INSTANT, .flags = SESSION_FLAGS,
     .since = "6.2.0", .group = "connection", .complexity = "O(1)", .summary = "Returns how CLIENT TRACKING is set for the connection."},
    {.name = "unblock", .run = command_client_unblock, .arity = -3, .scope = SCOPE_SESSION, .flags = ADMIN_FLAGS, .since = "5.0.0",
     .group = "connection", .complexity = "O(N), N the number of connections",
     .summary = "Answers a connection's command that waits, as if its time was over or with an error.",
     .syntax = "client-id [TIMEOUT|ERROR]"},
    {.name = "unpause", .run = command_client_unpause, .arity = 2, .scope = SCOPE_SESSION, .flags = ADMIN_FLAGS,
     .since = "6.2.0", .group = "connection", .complexity = "O(1)", .summary = "Ends a pause."},
    {0},
};

const struct command_spec client_commands[] = {
    {.name = "client", .arity = -2, .since = "2.4.0", .group = "connection", .complexity = "Depends on the subcommand.",
     .summary = "Commands about client connections.", .subcommands = client_subcommands},
    {0},
};
