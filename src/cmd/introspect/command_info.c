/* command_info.c - COMMAND and COMMAND INFO: each row as Redis's array of ten elements.  */
#include "acl/category.h"
#include "acl/key_flags.h"
#include "cmd/core/command_name.h"
#include "cmd/introspect/introspect.h"
#include "exec/exec.h"
#include "shard/server.h"

static const struct {
    uint32_t flag;
    const char *name;
} flag_names[] = {
    {COMMAND_WRITE, "write"},
    {COMMAND_READONLY, "readonly"},
    {COMMAND_DENYOOM, "denyoom"},
    {COMMAND_ADMIN, "admin"},
    {COMMAND_PUBSUB, "pubsub"},
    {COMMAND_NOSCRIPT, "noscript"},
    {COMMAND_BLOCKING, "blocking"},
    {COMMAND_LOADING, "loading"},
    {COMMAND_STALE, "stale"},
    {COMMAND_SKIP_MONITOR, "skip_monitor"},
    {COMMAND_SKIP_SLOWLOG, "skip_slowlog"},
    {COMMAND_NO_MANDATORY_KEYS, "no_mandatory_keys"},
    {COMMAND_FAST, "fast"},
    {COMMAND_NO_AUTH, "no_auth"},
    {COMMAND_NO_MULTI, "no_multi"},
    {COMMAND_MOVABLE_KEYS, "movablekeys"},
    {COMMAND_ALLOW_BUSY, "allow_busy"},
    {COMMAND_NO_ASYNC_LOADING, "no_async_loading"},
    {COMMAND_SENTINEL, "sentinel"},
};
enum { FLAG_NAME_COUNT = sizeof flag_names / sizeof flag_names[0] };

static void reply_flags(struct reply *reply, uint32_t flags)
{
    size_t count = 0;
    for (size_t i = 0; i < FLAG_NAME_COUNT; i++) {
        count += (flags & flag_names[i].flag) != 0;
    }
    reply_set(reply, count);
    for (size_t i = 0; i < FLAG_NAME_COUNT; i++) {
        if (flags & flag_names[i].flag) {
            reply_simple(reply, bytes_of_string(flag_names[i].name));
        }
    }
}

static void reply_categories(struct reply *reply, uint32_t categories)
{
    reply_set(reply, (size_t)__builtin_popcount(categories));
    for (unsigned i = 0; i < ACL_CATEGORY_COUNT; i++) {
        if (categories & (UINT32_C(1) << i)) {
            char name[32] = "@";
            strncat(name, acl_category_names[i], sizeof name - 2);
            reply_simple(reply, bytes_of_string(name));
        }
    }
}

static void reply_named_integer(struct reply *reply, const char *name, int64_t value)
{
    reply_bulk_string(reply, name);
    reply_integer(reply, value);
}

/* The words of a specification whose place is not known. */
static const char *place_notes(const struct command_key_spec *place)
{
    return place->keyword != NULL ? "The key behind the optional STORE, which may stand anywhere among the options."
                                  : "The keys that BY and GET read: their names are made from what the sorted key holds.";
}

static void begin_type(struct reply *reply, const char *name, const char *type, size_t fields)
{
    reply_bulk_string(reply, name);
    reply_map(reply, 2);
    reply_bulk_string(reply, "type");
    reply_bulk_string(reply, type);
    reply_bulk_string(reply, "spec");
    reply_map(reply, fields);
}

static void reply_begin_search(struct reply *reply, const struct command_key_spec *place)
{
    if (place->is_unknown) {
        begin_type(reply, "begin_search", "unknown", 0);
    } else if (place->keyword == NULL) {
        begin_type(reply, "begin_search", "index", 1);
        reply_named_integer(reply, "index", place->index);
    } else {
        begin_type(reply, "begin_search", "keyword", 2);
        reply_bulk_string(reply, "keyword");
        reply_bulk_string(reply, place->keyword);
        reply_named_integer(reply, "startfrom", place->index);
    }
}

static void reply_find_keys(struct reply *reply, const struct command_key_spec *place)
{
    if (place->is_unknown) {
        begin_type(reply, "find_keys", "unknown", 0);
        return;
    }
    bool is_counted = place->search == KEYS_COUNTED;
    begin_type(reply, "find_keys", is_counted ? "keynum" : "range", 3);
    if (is_counted) {
        reply_named_integer(reply, "keynumidx", place->count_index);
        reply_named_integer(reply, "firstkey", place->first);
        reply_named_integer(reply, "keystep", place->step);
    } else {
        reply_named_integer(reply, "lastkey", place->last);
        reply_named_integer(reply, "keystep", place->step);
        reply_named_integer(reply, "limit", place->limit);
    }
}

/* {flags, begin_search: {type: index, spec: {index}}, find_keys: {type: range, spec: {lastkey, keystep, limit}}} */
static void reply_key_spec(struct reply *reply, const struct key_spec *spec)
{
    reply_map(reply, spec->place.is_unknown ? 4 : 3);
    if (spec->place.is_unknown) {
        reply_bulk_string(reply, "notes");
        reply_bulk_string(reply, place_notes(&spec->place));
    }
    reply_bulk_string(reply, "flags");
    reply_word_set(reply, spec->flags);
    reply_begin_search(reply, &spec->place);
    reply_find_keys(reply, &spec->place);
}

static void reply_key_specs(struct reply *reply, const struct command_spec *row)
{
    struct key_spec specs[KEY_SPECS_MAX];
    size_t count = command_key_specs(row, specs);
    reply_set(reply, count);
    for (size_t i = 0; i < count; i++) {
        reply_key_spec(reply, &specs[i]);
    }
}

static size_t subcommand_count(const struct command_spec *row)
{
    size_t count = 0;
    while (row->subcommands != NULL && row->subcommands[count].name != NULL) {
        count++;
    }
    return count;
}

/* style: recursion, one level deep: a subcommand has no subcommands. */
static void reply_info(struct reply *reply, const struct command_spec *row)
{
    char name[COMMAND_NAME_MAX];
    command_full_name(row, name);
    reply_array(reply, 10);
    reply_bulk_string(reply, name);
    reply_integer(reply, row->arity);
    reply_flags(reply, row->flags);
    const struct command_keys keys = command_shown_keys(row);
    reply_integer(reply, keys.first);
    reply_integer(reply, keys.last);
    reply_integer(reply, keys.step);
    reply_categories(reply, command_categories(row));
    reply_bulk_set(reply, bytes_of_string(row->tips == NULL ? "" : row->tips));
    reply_key_specs(reply, row);
    size_t below = subcommand_count(row);
    if (below == 0) {
        reply_set(reply, 0);
        return;
    }
    reply_array(reply, below);
    for (size_t i = 0; i < below; i++) {
        reply_info(reply, &row->subcommands[i]);
    }
}

static void reply_all(struct exec *exec)
{
    const struct server *server = exec->server;
    size_t count = 0;
    size_t mark = reply_deferred_begin(exec->reply);
    for (uint32_t i = 0; i < server->command_count; i++) {
        if (server->commands[i]->parent == NULL) {
            reply_info(exec->reply, server->commands[i]);
            count++;
        }
    }
    reply_deferred_end(exec->reply, mark, '*', count);
}

/* The dispatcher brings a second word here only when it is no subcommand. */
void command_command(struct exec *exec)
{
    if (exec->argc > 1) {
        size_t len = exec->argv[1].len < 128 ? exec->argv[1].len : 128;
        reply_errorf(exec->reply, "ERR unknown subcommand '%.*s'. Try COMMAND HELP.", (int)len, exec->argv[1].data);
        return;
    }
    reply_all(exec);
}

void command_command_info(struct exec *exec)
{
    if (exec->argc == 2) {
        reply_all(exec);
        return;
    }
    reply_array(exec->reply, exec->argc - 2);
    for (uint32_t i = 2; i < exec->argc; i++) {
        const struct command_spec *row = command_find_full(exec->server, exec->argv[i]);
        if (row == NULL) {
            reply_null(exec->reply);
        } else {
            reply_info(exec->reply, row);
        }
    }
}
