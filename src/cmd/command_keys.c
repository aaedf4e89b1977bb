/* command_keys.c - which words of a command are keys: COMMAND GETKEYS, GETKEYSANDFLAGS, and key specifications.  */
#include "cmd/commands.h"
#include "cmd/introspect.h"
#include "shard/server.h"

size_t words_visit(struct bytes text, word_visit_fn *visit, void *arg)
{
    size_t count = 0;
    size_t at = 0;
    while (at < text.len) {
        size_t start = at;
        while (at < text.len && text.data[at] != ' ') {
            at++;
        }
        if (at > start) {
            visit((struct bytes){text.data + start, at - start}, arg);
            count++;
        }
        at += at < text.len;
    }
    return count;
}

static void reply_word(struct bytes word, void *arg)
{
    reply_simple(arg, word);
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

size_t command_key_specs(const struct command_spec *spec, struct key_spec out[KEY_SPECS_MAX])
{
    if (spec->keys.first == 0) {
        return 0;
    }
    const char *by_flags = spec->flags & COMMAND_WRITE ? "RW update" : "RO access";
    struct bytes rest = bytes_of_string(spec->key_flags != NULL ? spec->key_flags : by_flags);
    size_t count = 0;
    while (rest.len > 0 && count < KEY_SPECS_MAX) {
        const char *bar = memchr(rest.data, '|', rest.len);
        size_t len = bar == NULL ? rest.len : (size_t)(bar - rest.data);
        out[count++] = (struct key_spec){.flags = {rest.data, len}};
        size_t used = bar == NULL ? len : len + 1;
        rest = (struct bytes){rest.data + used, rest.len - used};
    }
    for (size_t i = 0; i < count; i++) {
        int32_t first = spec->keys.first + (int32_t)i * spec->keys.step;
        out[i].first = first;
        out[i].last = count > 1 ? first : spec->keys.last;
        out[i].step = count > 1 ? 1 : spec->keys.step;
    }
    return count;
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

/* Replies the keys of the command that argv[2] begins; with their flags, if wanted. */
static void reply_keys(struct exec *exec, bool with_flags)
{
    const uint32_t first = 2;
    const struct command_spec *spec = find_command_of(exec, first);
    if (spec == NULL) {
        reply_error(exec->reply, "ERR Invalid command specified");
        return;
    }
    if (spec->keys.first == 0) {
        reply_error(exec->reply, "ERR The command has no key arguments");
        return;
    }
    int32_t argc = (int32_t)(exec->argc - first);
    if (spec->arity > 0 ? spec->arity != argc : argc < -spec->arity) {
        reply_error(exec->reply, "ERR Invalid number of arguments specified for command");
        return;
    }
    struct key_spec specs[KEY_SPECS_MAX];
    size_t spec_count = command_key_specs(spec, specs);
    size_t mark = reply_deferred_begin(exec->reply);
    size_t count = 0;
    for (size_t i = 0; i < spec_count; i++) {
        int32_t last = specs[i].last < 0 ? argc + specs[i].last : specs[i].last;
        for (int32_t at = specs[i].first; at <= last && at < argc; at += specs[i].step) {
            if (with_flags) {
                reply_array(exec->reply, 2);
            }
            reply_bulk(exec->reply, exec->argv[first + (uint32_t)at]);
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
