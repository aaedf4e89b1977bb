/* keys_used.c - see keys_used.h: the text in words, and which of them stand around `redis` and KEYS.  */
#include "script/keys_used.h"

#include "exec/command_index.h"
#include "exec/exec.h"
#include "script/lua_text.h"

#include <stdint.h>

enum { LOCALS_MAX = 32 };

struct reading {
    struct lua_text text;
    struct word last, before;        /* the two words before the next one */
    struct bytes locals[LOCALS_MAX]; /* that are KEYS[...] and nothing else */
    uint32_t local_count;
};

static struct word take(struct reading *reading)
{
    const struct word word = lua_text_next(&reading->text);
    reading->before = reading->last;
    reading->last = word;
    return word;
}

static struct word look(struct reading *reading)
{
    const size_t at = reading->text.at;
    const struct word word = lua_text_next(&reading->text);
    reading->text.at = at;
    return word;
}

static bool takes(struct reading *reading, enum word_kind kind, const char *text)
{
    return word_is(take(reading), kind, text);
}

/* --- keys --- */

static bool is_local_key(const struct reading *reading, struct bytes name)
{
    bool is_found = false;
    for (uint32_t i = 0; i < reading->local_count && !is_found; i++) {
        is_found = bytes_equal(reading->locals[i], name);
    }
    return is_found;
}

/* Behind KEYS: [number] or [name], and no change of it. */
static bool takes_index(struct reading *reading)
{
    if (!takes(reading, WORD_SIGN, "[")) {
        return false;
    }
    const struct word index = take(reading);
    return (index.kind == WORD_NUMBER || index.kind == WORD_NAME) && takes(reading, WORD_SIGN, "]");
}

static bool is_changed_next(struct reading *reading)
{
    struct reading ahead = *reading;
    return word_is(take(&ahead), WORD_SIGN, "=") && !word_is(take(&ahead), WORD_SIGN, "=");
}

/* One argument that is a key: it ends at a comma or the bracket, so nothing is put behind it. */
static bool takes_key(struct reading *reading)
{
    const struct word word = take(reading);
    const bool is_key = word_is(word, WORD_NAME, "KEYS") ? takes_index(reading)
                                                         : word.kind == WORD_NAME && is_local_key(reading, word.text);
    const struct word next = look(reading);
    return is_key && (word_is(next, WORD_SIGN, ",") || word_is(next, WORD_SIGN, ")"));
}

/* `redis` was read: true when what follows uses declared keys, or none. */
static bool takes_redis(struct reading *reading, const struct server *server)
{
    static const char *const harmless[] = {"error_reply", "status_reply", "sha1hex", "log", "setresp", "LOG_DEBUG", "LOG_VERBOSE",
                                           "LOG_NOTICE", "LOG_WARNING", "replicate_commands"};
    if (!takes(reading, WORD_SIGN, ".")) {
        return false;
    }
    const struct word name = take(reading);
    for (size_t i = 0; i < sizeof harmless / sizeof harmless[0]; i++) {
        if (word_is(name, WORD_NAME, harmless[i])) {
            return true;
        }
    }
    if ((!word_is(name, WORD_NAME, "call") && !word_is(name, WORD_NAME, "pcall")) || !takes(reading, WORD_SIGN, "(")) {
        return false;
    }
    const struct word command = take(reading);
    const struct word next = look(reading);
    const bool has_more = word_is(next, WORD_SIGN, ",");
    if (command.kind != WORD_TEXT || (!has_more && !word_is(next, WORD_SIGN, ")"))) {
        return false;
    }
    const struct command_spec *spec = server_find_command(server, command.text);
    if (spec == NULL || spec->subcommands != NULL || spec->key_specs != NULL) {
        return spec == NULL && !has_more; /* an error, whatever it was to be */
    }
    if (spec->scope == SCOPE_INSTANT) {
        return true;
    }
    if (spec->scope != SCOPE_KEYS || spec->keys.first != 1 || spec->keys.last != 1) {
        return false;
    }
    return !has_more || (takes(reading, WORD_SIGN, ",") && takes_key(reading));
}

/* A name that is given to something, or given anew. */
static bool takes_name(struct reading *reading, struct word name, const struct server *server)
{
    static const char *const unclear[] = {"_G", "load", "loadstring", "setmetatable", "rawset", "unpack"};
    if (word_is(reading->before, WORD_SIGN, ".") || word_is(reading->before, WORD_SIGN, ":")) {
        return true; /* a field of something else */
    }
    if (word_is(name, WORD_NAME, "redis")) {
        return takes_redis(reading, server);
    }
    if (word_is(name, WORD_NAME, "KEYS")) {
        return word_is(reading->before, WORD_SIGN, "#") || (takes_index(reading) && !is_changed_next(reading));
    }
    for (size_t i = 0; i < sizeof unclear / sizeof unclear[0]; i++) {
        if (word_is(name, WORD_NAME, unclear[i])) {
            return false;
        }
    }
    return true;
}

/* `local name = KEYS[...]`, the name once: where the reading stands behind `local`. */
static void note_local(struct reading *reading)
{
    struct reading ahead = *reading;
    const struct word name = take(&ahead);
    if (name.kind != WORD_NAME || reading->local_count == LOCALS_MAX || !takes(&ahead, WORD_SIGN, "=") ||
        !takes(&ahead, WORD_NAME, "KEYS") || !takes_index(&ahead)) {
        return;
    }
    const struct word next = look(&ahead);
    const bool goes_on = next.kind == WORD_SIGN && !word_is(next, WORD_SIGN, ";");
    if (!goes_on && !word_is(next, WORD_NAME, "and") && !word_is(next, WORD_NAME, "or")) {
        reading->locals[reading->local_count++] = name.text;
    }
}

/* A local key is named where nothing but its value can be used: it is not given another value, nor is its name used twice. */
static bool locals_are_constant(const struct reading *reading)
{
    for (uint32_t i = 0; i < reading->local_count; i++) {
        struct reading again = {.text = {.code = reading->text.code}};
        uint32_t given = 0;
        for (struct word word = take(&again); word.kind != WORD_END; word = take(&again)) {
            if (!word_is(word, WORD_NAME, "function") && word.kind == WORD_NAME && bytes_equal(word.text, reading->locals[i])) {
                const struct word next = look(&again);
                const bool is_field = word_is(again.before, WORD_SIGN, ".");
                const bool is_listed = word_is(again.before, WORD_NAME, "local") || word_is(again.before, WORD_NAME, "for");
                given += !is_field && (is_changed_next(&again) || is_listed || word_is(next, WORD_NAME, "in"));
            }
        }
        if (given != 1) {
            return false;
        }
    }
    return true;
}

/* A list of names that get values at once, or parameters of a function, may give a local key's name another value: none is taken as one. */
static bool has_lists(const struct reading *reading)
{
    struct reading again = {.text = {.code = reading->text.code}};
    bool is_found = false;
    for (struct word word = take(&again); word.kind != WORD_END && !is_found; word = take(&again)) {
        is_found = word_is(word, WORD_NAME, "function");
    }
    return is_found;
}

bool script_keeps_to_keys(const struct server *server, struct bytes code)
{
    struct reading reading = {.text = {.code = code}};
    const bool takes_locals = !has_lists(&reading);
    for (struct word word = take(&reading); word.kind != WORD_END; word = take(&reading)) {
        if (takes_locals && word_is(word, WORD_NAME, "local")) {
            note_local(&reading);
        } else if (word.kind == WORD_NAME && !takes_name(&reading, word, server)) {
            return false;
        }
    }
    return locals_are_constant(&reading);
}
