/* command_keys.c - which words of a command are keys: COMMAND GETKEYS, GETKEYSANDFLAGS, and key specifications.  */
#include "cmd/core/command_name.h"
#include "cmd/introspect/introspect.h"
#include "acl/key_flags.h"
#include "base/word_list.h"
#include "exec/command_index.h"
#include "exec/command_keys.h"
#include "exec/exec.h"
#include "shard/server.h"

#include <assert.h>

static void reply_word(struct bytes word, void *arg)
{
    reply_simple(arg, word);
}

static void reply_bulk_word(struct bytes word, void *arg)
{
    reply_bulk(arg, word);
}

static void ignore_word(struct bytes word, void *arg)
{
    (void)word;
    (void)arg;
}

void reply_word_set(struct reply *reply, struct bytes text)
{
    reply_set(reply, words_visit(text, ignore_word, NULL));
    words_visit(text, reply_word, reply);
}

void reply_bulk_set(struct reply *reply, struct bytes text)
{
    reply_set(reply, words_visit(text, ignore_word, NULL));
    words_visit(text, reply_bulk_word, reply);
}

/* --- GETKEYS --- */

static const struct command_spec *find_command_of(const struct exec *exec, uint32_t first)
{
    const struct command_spec *spec = server_find_command(exec->server, exec->argv[first]);
    if (spec == NULL || spec->subcommands == NULL || exec->argc == first + 1) {
        return spec;
    }
    return command_find_below(spec, exec->argv[first + 1]);
}

/* --- the answer --- */

/* The ranges of all specifications: found, when there is any; invalid, when one of them is. */
static enum key_find find_ranges(const struct exec *exec, uint32_t first, const struct key_spec *specs, size_t spec_count,
                          struct key_range ranges[KEY_SPECS_MAX])
{
    size_t found = 0;
    for (size_t i = 0; i < spec_count; i++) {
        ranges[i] = (struct key_range){1, 0, 1}; /* none */
        switch (command_keys_find(&specs[i].place, exec->argv + first, exec->argc - first, &ranges[i])) {
        case KEYS_FOUND: found++; break;
        case KEYS_NONE: break;
        case KEYS_INVALID: return KEYS_INVALID;
        }
    }
    return found > 0 ? KEYS_FOUND : KEYS_NONE;
}

/* Where Redis 7.0's xreadGetKeys finds the keys of XREAD and XREADGROUP. It is asked when their specifications are invalid, and gives no
 * flags. False: no keys.  */
static bool find_stream_keys(const struct bytes *argv, uint32_t argc, struct key_range *out)
{
    uint32_t at = 1;
    while (at < argc && !bytes_equal_ignore_case(argv[at], BYTES("streams"))) {
        if (bytes_equal_ignore_case(argv[at], BYTES("block")) || bytes_equal_ignore_case(argv[at], BYTES("count"))) {
            at += 2;
        } else if (bytes_equal_ignore_case(argv[at], BYTES("group"))) {
            at += 3;
        } else if (bytes_equal_ignore_case(argv[at], BYTES("noack"))) {
            at++;
        } else {
            return false;
        }
    }
    const uint32_t words = at < argc ? argc - at - 1 : 0;
    *out = (struct key_range){at + 1, at + words / 2, 1};
    return words > 0 && words % 2 == 0;
}

/* Where Redis 7.0's migrateGetKeys finds the keys of MIGRATE: behind KEYS, or else the one word. False: no keys. */
static bool find_migrate_keys(const struct bytes *argv, uint32_t argc, struct key_range *out)
{
    *out = (struct key_range){3, 3, 1};
    for (uint32_t at = 6; at < argc; at++) {
        if (bytes_equal_ignore_case(argv[at], BYTES("keys"))) {
            *out = (struct key_range){at + 1, argc - 1, 1};
            return argv[3].len == 0 && at + 1 < argc;
        }
        at += bytes_equal_ignore_case(argv[at], BYTES("auth")) + 2 * bytes_equal_ignore_case(argv[at], BYTES("auth2"));
    }
    return true;
}

/* When the second specification of MIGRATE, which says that it is incomplete, has found something, its words say which are keys. */
static enum key_find choose_migrate_keys(const struct bytes *argv, uint32_t argc, struct key_range ranges[KEY_SPECS_MAX])
{
    if (ranges[1].last < ranges[1].first) {
        return KEYS_FOUND;
    }
    ranges[1] = (struct key_range){1, 0, 1};
    return find_migrate_keys(argv, argc, &ranges[0]) ? KEYS_FOUND : KEYS_INVALID;
}

/* The first keyword of the specification is the last word: to Redis no keys, and nothing invalid. */
static bool ends_with_keyword(const struct key_spec *spec, const struct bytes *argv, uint32_t argc)
{
    uint32_t at = (uint32_t)spec->place.index;
    while (at < argc && !bytes_equal_ignore_case(argv[at], bytes_of_string(spec->place.keyword))) {
        at++;
    }
    return at + 1 == argc;
}

/* Flags that depend on the arguments. */
static void resolve_flags(const struct exec *exec, uint32_t first, const struct command_spec *spec, struct key_spec *key_spec)
{
    const char *flags = command_variable_flags(spec, exec->argv + first, exec->argc - first);
    if (flags != NULL) {
        key_spec->flags = bytes_of_string(flags);
    }
}

/* Replies the keys of the command that argv[2] begins; with their flags, if wanted. */
static void reply_keys(struct exec *exec, bool with_flags)
{
    const uint32_t first = 2;
    const struct command_spec *spec = find_command_of(exec, first);
    if (spec == NULL) {
        reply_error(exec->reply, "ERR Invalid command specified");
        return;
    }
    struct key_spec specs[KEY_SPECS_MAX];
    const size_t spec_count = command_key_specs(spec, specs);
    if (spec_count == 0 || bytes_equal(specs[0].flags, BYTES("not_key"))) {
        reply_error(exec->reply, "ERR The command has no key arguments");
        return;
    }
    int32_t argc = (int32_t)(exec->argc - first);
    if (spec->arity > 0 ? spec->arity != argc : argc < -spec->arity) {
        reply_error(exec->reply, "ERR Invalid number of arguments specified for command");
        return;
    }
    struct key_range ranges[KEY_SPECS_MAX];
    enum key_find found = find_ranges(exec, first, specs, spec_count, ranges);
    if (found == KEYS_FOUND && strcmp(spec->name, "migrate") == 0) {
        found = choose_migrate_keys(exec->argv + first, exec->argc - first, ranges);
    }
    if (found == KEYS_INVALID && strncmp(spec->name, "xread", 5) == 0 && !ends_with_keyword(specs, exec->argv + first, exec->argc - first) &&
        find_stream_keys(exec->argv + first, exec->argc - first, &ranges[0])) {
        specs[0].flags = BYTES("");
    } else if (found != KEYS_FOUND && (spec->flags & COMMAND_NO_MANDATORY_KEYS) != 0) {
        reply_array(exec->reply, 0);
        return;
    } else if (found != KEYS_FOUND) {
        reply_error(exec->reply, "ERR Invalid arguments specified for command");
        return;
    }
    resolve_flags(exec, first, spec, &specs[0]);
    size_t mark = reply_deferred_begin(exec->reply);
    size_t count = 0;
    for (size_t i = 0; i < spec_count; i++) {
        for (uint32_t at = ranges[i].first; at <= ranges[i].last; at += ranges[i].step) {
            if (with_flags) {
                reply_array(exec->reply, 2);
            }
            reply_bulk(exec->reply, exec->argv[first + at]);
            if (with_flags) {
                reply_word_set(exec->reply, specs[i].flags);
            }
            count++;
        }
    }
    reply_deferred_end(exec->reply, mark, '*', count);
}

void command_command_getkeys(struct exec *exec)
{
    reply_keys(exec, false);
}

void command_command_getkeysandflags(struct exec *exec)
{
    reply_keys(exec, true);
}
