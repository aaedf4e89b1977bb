/* connection.c - commands about the connection itself: PING ECHO QUIT RESET SELECT AUTH HELLO.
 *
 * All of them are SCOPE_INSTANT: they touch their own session and nothing else.  */
#include "acl/users.h"
#include "base/number.h"
#include "client/session.h"
#include "client/permission.h"
#include "client/session_cache.h"
#include "client/session_user.h"
#include "client/subscription.h"
#include "cmd/client/client.h"
#include "cmd/client/client_rows.h"
#include "cmd/core/answers.h"
#include "exec/exec.h"
#include "exec/prepared.h"
#include "exec/transaction.h"
#include "shard/server.h"

/* What HELLO says about the server. Clients switch features on by this version; see docs/COMPATIBILITY.md. */
#define COMPATIBLE_VERSION "7.0.15"

static void command_ping(struct exec *exec)
{
    if (exec->argc > 2) {
        reply_arity_error(exec->reply, exec->spec);
    } else if (session_subscribes(exec->session) && exec->session->protocol == 2) {
        /* So that it cannot be taken for a message. */
        reply_array(exec->reply, 2);
        reply_bulk_string(exec->reply, "pong");
        reply_bulk(exec->reply, exec->argc == 2 ? exec->argv[1] : BYTES(""));
    } else if (exec->argc == 2) {
        reply_bulk(exec->reply, exec->argv[1]);
    } else {
        reply_simple(exec->reply, BYTES("PONG"));
    }
}

static void command_echo(struct exec *exec)
{
    reply_bulk(exec->reply, exec->argv[1]);
}

static void command_quit(struct exec *exec)
{
    session_deliver_messages(exec->thread, exec->session);
    reply_ok(exec->reply);
    exec_close_after_reply(exec);
}

static void command_reset(struct exec *exec)
{
    struct session *session = exec->session;
    session_unsubscribe(exec->thread, session); /* in the protocol of now */
    session->db = 0;
    session->protocol = exec->reply->protocol = 2;
    session->reply_mode = REPLY_ON;
    session_begin_user(exec->thread, session);
    session->is_no_evict = false;
    session->is_no_touch = false;
    client_set_monitor(exec, false);
    session_end_tracking(session);
    transaction_destroy(session->transaction);
    session->transaction = NULL;
    prepared_end(&session->prepared);
    buffer_release(&session->name);
    reply_simple(exec->reply, BYTES("RESET"));
}

static void command_select(struct exec *exec)
{
    uint32_t db;
    if (exec_database_argument(exec, 1, NULL, &db)) {
        exec->session->db = db;
        reply_ok(exec->reply);
    }
}

static bool login(struct exec *exec, struct bytes name, struct bytes password)
{
    struct acl_user *user = acl_authenticate(exec->server->acl, name, password);
    if (user == NULL) {
        permission_note_login(exec->thread, exec->session, name);
        reply_error(exec->reply, "WRONGPASS invalid username-password pair or user is disabled.");
        return false;
    }
    session_log_in(exec->session, user);
    return true;
}

static void command_auth(struct exec *exec)
{
    if (exec->argc > 3) {
        reply_error(exec->reply, ERROR_SYNTAX);
        return;
    }
    if (exec->argc == 2 && acl_default_takes_any(exec->server->acl)) {
        reply_error(exec->reply, "ERR AUTH <password> called without any password configured for the default user. "
                                 "Are you sure your configuration is correct?");
        return;
    }
    struct bytes user = exec->argc == 3 ? exec->argv[1] : BYTES("default");
    if (login(exec, user, exec->argv[exec->argc - 1])) {
        reply_ok(exec->reply);
    }
}

/* What a HELLO asks for. */
struct hello {
    int64_t protocol;
    bool has_login, has_name;
    struct bytes user, password, name;
};

enum hello_option { HELLO_AUTH, HELLO_SETNAME, HELLO_OPTION_COUNT };
static const struct {
    struct bytes name;
    uint32_t values;
} hello_options[HELLO_OPTION_COUNT] = {{{"AUTH", 4}, 2}, {{"SETNAME", 7}, 1}};

/* The option at argv[index] with all its values behind it; HELLO_OPTION_COUNT: none. */
static enum hello_option find_hello_option(const struct exec *exec, uint32_t index)
{
    int found = 0;
    while (found < HELLO_OPTION_COUNT && (!bytes_equal_ignore_case(exec->argv[index], hello_options[found].name) ||
                                          exec->argc - 1 - index < hello_options[found].values)) {
        found++;
    }
    return (enum hello_option)found;
}

/* False: replied an error. */
static bool read_hello_option(struct exec *exec, uint32_t index, enum hello_option option, struct hello *hello)
{
    const struct bytes *argv = exec->argv + index;
    switch (option) {
    case HELLO_AUTH:
        hello->has_login = true;
        hello->user = argv[1];
        hello->password = argv[2];
        return true;
    case HELLO_SETNAME:
        hello->has_name = true;
        hello->name = argv[1];
        return client_check_name(exec, hello->name);
    default:
        reply_errorf(exec->reply, "ERR Syntax error in HELLO option '%.*s'", (int)argv[0].len, argv[0].data);
        return false;
    }
}

/* False: replied an error. */
static bool read_hello(struct exec *exec, struct hello *hello)
{
    *hello = (struct hello){.protocol = exec->session->protocol};
    if (exec->argc > 1 && !int64_parse(exec->argv[1], &hello->protocol)) {
        reply_error(exec->reply, "ERR Protocol version is not an integer or out of range");
        return false;
    }
    if (hello->protocol != 2 && hello->protocol != 3) {
        reply_error(exec->reply, "NOPROTO unsupported protocol version");
        return false;
    }
    for (uint32_t i = 2; i < exec->argc; i++) {
        enum hello_option option = find_hello_option(exec, i);
        if (!read_hello_option(exec, i, option, hello)) {
            return false;
        }
        i += hello_options[option].values;
    }
    return true;
}

static void reply_hello(struct exec *exec)
{
    bool is_cluster = atomic_load_explicit(&exec->server->config->shard_ports, memory_order_relaxed) != 0;
    struct reply *reply = exec->reply;
    reply_map(reply, 7);
    reply_bulk_string(reply, "server");
    reply_bulk_string(reply, "redis");
    reply_bulk_string(reply, "version");
    reply_bulk_string(reply, COMPATIBLE_VERSION);
    reply_bulk_string(reply, "proto");
    reply_integer(reply, exec->session->protocol);
    reply_bulk_string(reply, "id");
    reply_integer(reply, (int64_t)exec->session->id);
    reply_bulk_string(reply, "mode");
    reply_bulk_string(reply, is_cluster ? "cluster" : "standalone");
    reply_bulk_string(reply, "role");
    reply_bulk_string(reply, "master");
    reply_bulk_string(reply, "modules");
    reply_array(reply, 0);
}

static void command_hello(struct exec *exec)
{
    struct hello hello;
    if (!read_hello(exec, &hello)) {
        return;
    }
    if (hello.has_login && !login(exec, hello.user, hello.password)) {
        return;
    }
    if (!exec->session->is_authenticated) {
        reply_error(exec->reply, "NOAUTH HELLO must be called with the client already authenticated, otherwise the HELLO AUTH "
                                 "<user> <pass> option can be used to authenticate the client and select the RESP protocol "
                                 "version at the same time");
        return;
    }
    if (hello.has_name && !client_set_text(exec, &exec->session->name, hello.name)) {
        return;
    }
    session_deliver_messages(exec->thread, exec->session);
    exec->session->protocol = exec->reply->protocol = (uint8_t)hello.protocol;
    reply_hello(exec);
}

#define LOGIN_FLAGS                                                                                                            \
    (COMMAND_NOSCRIPT | COMMAND_LOADING | COMMAND_STALE | COMMAND_FAST | COMMAND_NO_AUTH | COMMAND_ALLOW_BUSY)

const struct command_spec connection_commands[] = {
    {.name = "auth", .run = command_auth, .arity = -2, .scope = SCOPE_INSTANT, .flags = LOGIN_FLAGS, .since = "1.0.0",
     .group = "connection", .complexity = "O(N), N the length of the password",
     .summary = "Logs the connection in.", .syntax = "[username] password"},
    {.name = "echo", .run = command_echo, .arity = 2, .scope = SCOPE_INSTANT,
     .flags = COMMAND_LOADING | COMMAND_STALE | COMMAND_FAST, .since = "1.0.0", .group = "connection", .complexity = "O(1)",
     .summary = "Returns what it was given.", .syntax = "message"},
    {.name = "hello", .run = command_hello, .arity = -1, .scope = SCOPE_SESSION, .flags = LOGIN_FLAGS, .since = "6.0.0",
     .group = "connection", .complexity = "O(1)",
     .summary = "Chooses the protocol, logs in and names the connection in one go; tells about the server.",
     .syntax = "[protover [AUTH username password] [SETNAME clientname]]"},
    {.name = "ping", .run = command_ping, .arity = -1, .scope = SCOPE_INSTANT, .flags = COMMAND_FOR_SUBSCRIBERS | COMMAND_FAST, .since = "1.0.0",
     .group = "connection", .complexity = "O(1)", .summary = "Answers PONG, or returns what it was given.",
     .syntax = "[message]", .tips = "request_policy:all_shards response_policy:all_succeeded"},
    {.name = "quit", .run = command_quit, .arity = -1, .scope = SCOPE_SESSION, .flags = LOGIN_FLAGS | COMMAND_NOT_QUEUED | COMMAND_FOR_SUBSCRIBERS, .since = "1.0.0",
     .group = "connection", .complexity = "O(1)", .summary = "Closes the connection after the replies so far."},
    {.name = "reset", .run = command_reset, .arity = 1, .scope = SCOPE_SESSION, .flags = LOGIN_FLAGS | COMMAND_NOT_QUEUED | COMMAND_FOR_SUBSCRIBERS, .since = "6.2.0",
     .group = "connection", .complexity = "O(1)", .summary = "Makes the connection as if it had just been opened."},
    {.name = "select", .run = command_select, .arity = 2, .scope = SCOPE_INSTANT,
     .flags = COMMAND_LOADING | COMMAND_STALE | COMMAND_FAST, .since = "1.0.0", .group = "connection", .complexity = "O(1)",
     .summary = "Selects the database that later commands of this connection use.", .syntax = "index"},
    {0},
};
