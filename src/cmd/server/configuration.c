/* configuration.c - CONFIG GET, SET, RESETSTAT, REWRITE: the commands over src/config.  */
#include "acl/file.h"
#include "appendonly/log_set.h"
#include "cmd/core/answers.h"
#include "cmd/server/allowed.h"
#include "cmd/server/keyspace_events.h"
#include "cmd/server/server_rows.h"
#include "cmd/server/tls_change.h"
#include "exec/exec.h"
#include "shard/log.h"
#include "shard/server.h"
#include "shard/totals.h"

#include <errno.h>

/* A CONFIG GET being answered. */
struct listing {
    struct reply *reply;
    size_t count;
};

static void list_parameter(struct bytes name, struct bytes value, void *arg)
{
    struct listing *listing = arg;
    reply_bulk(listing->reply, name);
    reply_bulk(listing->reply, value);
    listing->count++;
}

static void command_config_get(struct exec *exec)
{
    struct listing listing = {exec->reply, 0};
    size_t mark = reply_deferred_begin(exec->reply);
    if (!config_visit(exec->server->config, exec->argv + 2, exec->argc - 2, list_parameter, &listing)) {
        reply_rewind(exec->reply);
        reply_result_error(exec->reply, RESULT_NO_MEMORY);
        return;
    }
    reply_deferred_end(exec->reply, mark, '%', listing.count);
}

/* Turns the log on, as far as that can be said at once: it has a directory. False: replied. */
static bool may_set_appendonly(struct exec *exec)
{
    char error[APPENDONLY_ERROR_MAX];
    bool wants_on = false;
    for (uint32_t i = 2; i + 1 < exec->argc; i += 2) {
        wants_on |= bytes_equal_ignore_case(exec->argv[i], BYTES("appendonly")) && bytes_equal_ignore_case(exec->argv[i + 1], BYTES("yes"));
    }
    if (!wants_on || exec->server->logged.appendonly == NULL || server_is_loading(exec->server) ||
        appendonly_take_folder(exec->server->logged.appendonly, error)) {
        return true;
    }
    log_write(exec->server->config, LOG_LEVEL_WARNING, "%s", error);
    reply_error(exec->reply, "ERR CONFIG SET failed (possibly related to argument 'appendonly') - Unable to turn on AOF. Check server logs.");
    return false;
}

/* The default user as `requirepass` among the parameters wants it; NULL: that is not among them. False: replied that memory is out. */
static bool draft_default_user(struct exec *exec, struct acl_user **user)
{
    *user = NULL;
    for (uint32_t i = 2; i + 1 < exec->argc; i += 2) {
        if (!bytes_equal_ignore_case(exec->argv[i], BYTES("requirepass"))) {
            continue;
        }
        *user = acl_draft_default(exec->server->acl, exec->argv[i + 1]);
        if (*user == NULL) {
            reply_result_error(exec->reply, RESULT_NO_MEMORY);
        }
        return *user != NULL;
    }
    return true;
}

static void command_config_set(struct exec *exec)
{
    if (exec->argc % 2 == 0 && !may_set_appendonly(exec)) {
        return;
    }
    if (exec->argc % 2 != 0) {
        reply_error(exec->reply, ERROR_SYNTAX);
        return;
    }
    struct acl_user *user;
    if (!draft_default_user(exec, &user)) {
        return;
    }
    struct bytes culprit;
    char reason[256];
    struct tls_change tls;
    tls_change_begin(&tls, exec->server);
    const struct config_change change = {.pairs = exec->argv + 2,
                                         .count = (exec->argc - 2) / 2,
                                         .may_set_protected = is_allowed_to(exec, &exec->server->config->enable_protected_configs),
                                         .preparation = &tls.preparation};
    switch (config_set(exec->server->config, &change, &culprit, reason)) {
    case RESULT_OK:
        tls_change_end(&tls);
        if (user != NULL) {
            acl_take_default(exec->server->acl, acl_user_hold(user));
        }
        keyspace_events_configure(exec->server);
        reply_ok(exec->reply);
        break;
    case RESULT_NOT_FOUND:
        reply_errorf(exec->reply, "ERR Unknown option or number of arguments for CONFIG SET - '%.*s'", (int)culprit.len,
                     culprit.data);
        break;
    default:
        reply_errorf(exec->reply, "ERR CONFIG SET failed (possibly related to argument '%.*s') - %s", (int)culprit.len,
                     culprit.data, reason);
        break;
    }
    acl_user_drop(user);
}

static void command_config_resetstat(struct exec *exec)
{
    server_reset_stats(exec->thread);
    reply_ok(exec->reply);
}

static void command_config_rewrite(struct exec *exec)
{
    struct buffer users = BUFFER_EMPTY(MEM_SERVER);
    if (!acl_append_lines(exec->server->acl, &users)) {
        buffer_release(&users);
        reply_result_error(exec->reply, RESULT_NO_MEMORY);
        return;
    }
    config_take_user_lines(exec->server->config, &users);
    enum result result = config_rewrite(exec->server->config);
    switch (result) {
    case RESULT_OK: reply_ok(exec->reply); break;
    case RESULT_NOT_FOUND: reply_error(exec->reply, "ERR The server is running without a config file"); break;
    case RESULT_SYSTEM: reply_errorf(exec->reply, "ERR Rewriting config file: %s", strerror(errno)); break;
    default: reply_result_error(exec->reply, result); break;
    }
}

#define CONFIG_FLAGS (COMMAND_ADMIN | COMMAND_NOSCRIPT | COMMAND_LOADING | COMMAND_STALE)

static const struct command_spec config_subcommands[] = {
    {.name = "get", .run = command_config_get, .arity = -3, .scope = SCOPE_INSTANT, .flags = CONFIG_FLAGS, .since = "2.0.0",
     .group = "server", .complexity = "O(N), N the number of patterns",
     .summary = "Returns the parameters whose names match one of the patterns.", .syntax = "parameter [parameter ...]"},
    {COMMAND_HELP_ROW, .since = "5.0.0", .group = "server"},
    {.name = "resetstat", .run = command_config_resetstat, .arity = 2, .scope = SCOPE_SESSION, .flags = CONFIG_FLAGS,
     .since = "2.0.0", .group = "server", .complexity = "O(1)", .summary = "Starts the counts that INFO shows from zero."},
    {.name = "rewrite", .run = command_config_rewrite, .arity = 2, .scope = SCOPE_SESSION, .flags = CONFIG_FLAGS,
     .since = "2.8.0", .group = "server", .complexity = "O(1)",
     .summary = "Writes the parameters of now into the configuration file."},
    {.name = "set", .run = command_config_set, .arity = -4, .scope = SCOPE_SESSION, .flags = CONFIG_FLAGS, .since = "2.0.0",
     .group = "server", .complexity = "O(N), N the number of parameters",
     .summary = "Changes parameters: all that are given, or none.", .syntax = "parameter value [parameter value ...]",
     .tips = "request_policy:all_nodes response_policy:all_succeeded"},
    {0},
};

const struct command_spec config_commands[] = {
    {.name = "config", .arity = -2, .since = "2.0.0", .group = "server", .complexity = "Depends on the subcommand.",
     .summary = "Commands about the server's parameters.", .subcommands = config_subcommands},
    {0},
};
