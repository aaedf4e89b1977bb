/* command_docs.c - COMMAND DOCS: what each row says about itself, its arguments as the tree that syntax.h makes.  */
#include "acl/key_flags.h"
#include "base/word_list.h"
#include "cmd/core/command_name.h"
#include "cmd/introspect/introspect.h"
#include "cmd/introspect/syntax.h"
#include "exec/exec.h"
#include "shard/server.h"

#include <assert.h>
#include <ctype.h>
#include <stdio.h>

enum { ARGUMENT_NAME_MAX = 160 };

/* What kind of value an argument takes: by its name in some commands (a space between them), else by its name; every other one is
 * a string.  */
static const struct {
    const char *name, *type, *commands;
} argument_types_of_some[] = {
    {"start", "string", "xrange xrevrange xpending xautoclaim zrange"},
    {"end", "string", "xrange xrevrange xpending"},
    {"stop", "string", "zrange"},
    {"min", "double", "zcount zrangebyscore zrevrangebyscore zremrangebyscore"},
    {"max", "double", "zcount zrangebyscore zrevrangebyscore zremrangebyscore"},
    {"increment", "double", "incrbyfloat hincrbyfloat"},
    {"value", "integer", "setbit bitfield"},
    {"min-idle-time", "integer", "xpending"},
    {"timeout", "double", "blmove blmpop blpop brpop brpoplpush bzmpop bzpopmax bzpopmin"},
};
/* clang-format off */
static const struct {
    const char *name, *type;
} argument_types[] = {
    {"key", "key"}, {"newkey", "key"}, {"source", "key"}, {"sourcekey", "key"}, {"destination", "key"}, {"destkey", "key"},
    {"key1", "key"}, {"key2", "key"}, {"namespace.table", "key"}, {"pattern", "pattern"}, {"seconds", "integer"}, {"milliseconds", "integer"},
    {"ms", "integer"}, {"ttl", "integer"}, {"frequency", "integer"}, {"index", "integer"}, {"index1", "integer"},
    {"index2", "integer"}, {"db", "integer"}, {"destination-db", "integer"}, {"offset", "integer"}, {"count", "integer"},
    {"limit", "integer"}, {"start", "integer"}, {"end", "integer"}, {"stop", "integer"}, {"cursor", "integer"},
    {"increment", "integer"}, {"decrement", "integer"}, {"min-match-len", "integer"}, {"numkeys", "integer"},
    {"weight", "integer"}, {"score", "double"}, {"longitude", "double"}, {"latitude", "double"}, {"radius", "double"},
    {"width", "double"}, {"height", "double"}, {"bit", "integer"}, {"rank", "integer"}, {"num-matches", "integer"},
    {"numreplicas", "integer"}, {"bits", "integer"}, {"numlocal", "integer"}, {"port", "integer"},
    {"len", "integer"}, {"entries-added", "integer"}, {"entries-read", "integer"}, {"slot", "integer"},
    {"timeout", "integer"}, {"client-id", "integer"}, {"protover", "integer"}, {"samples", "integer"},
    {"unix-time-seconds", "unix-time"}, {"unix-time-milliseconds", "unix-time"},
};
/* clang-format on */

struct word_search {
    struct bytes wanted;
    bool is_found;
};

static void compare_word(struct bytes word, void *arg)
{
    struct word_search *search = arg;
    search->is_found |= bytes_equal(word, search->wanted);
}

static bool is_word_of(const char *words, const char *name)
{
    struct word_search search = {.wanted = bytes_of_string(name)};
    words_visit(bytes_of_string(words), compare_word, &search);
    return search.is_found;
}

static const char *argument_type(const struct command_spec *row, const struct syntax_node *node)
{
    switch ((enum syntax_kind)node->kind) {
    case SYNTAX_TOKEN: return "pure-token";
    case SYNTAX_ONEOF: return "oneof";
    case SYNTAX_BLOCK: return "block";
    case SYNTAX_ARGUMENT: break;
    }
    for (size_t i = 0; i < sizeof argument_types_of_some / sizeof argument_types_of_some[0]; i++) {
        if (bytes_equal(node->name, bytes_of_string(argument_types_of_some[i].name)) &&
            is_word_of(argument_types_of_some[i].commands, row->name)) {
            return argument_types_of_some[i].type;
        }
    }
    for (size_t i = 0; i < sizeof argument_types / sizeof argument_types[0]; i++) {
        if (bytes_equal(node->name, bytes_of_string(argument_types[i].name))) {
            bool is_key = strcmp(argument_types[i].type, "key") == 0;
            bool has_keys = command_shown_keys(row).first != 0 || row->key_specs != NULL;
            return is_key && !has_keys ? "string" : argument_types[i].type;
        }
    }
    return "string";
}

/* One COMMAND DOCS of one row. */
struct docs {
    struct reply *reply;
    const struct command_spec *row;
    struct syntax syntax;
    struct key_spec key_specs[KEY_SPECS_MAX];
    size_t key_spec_count;
    size_t key_spec; /* of the next argument of type key: the i-th one belongs to the i-th specification, if there are so many */
};

/* A group is called by its members: "nx_xx". */
static size_t append_name(const struct docs *docs, const struct syntax_node *node, char *out, size_t len)
{
    struct bytes name = node->kind == SYNTAX_TOKEN ? node->token : node->name;
    for (size_t i = 0; i < name.len && len < ARGUMENT_NAME_MAX - 1; i++) {
        out[len++] = (char)tolower((unsigned char)name.data[i]);
    }
    for (uint16_t child = node->first_child; child != 0; child = docs->syntax.nodes[child].next) {
        if (len > 0 && out[len - 1] != '_' && len < ARGUMENT_NAME_MAX - 1) {
            out[len++] = '_';
        }
        len = append_name(docs, &docs->syntax.nodes[child], out, len);
    }
    out[len] = '\0';
    return len;
}

static void reply_argument_flags(struct reply *reply, const struct syntax_node *node)
{
    const struct {
        bool is_set;
        const char *name;
    } flags[] = {
        {node->is_optional, "optional"}, {node->is_multiple, "multiple"}, {node->is_token_multiple, "multiple_token"}};
    size_t count = 0;
    for (size_t i = 0; i < sizeof flags / sizeof flags[0]; i++) {
        count += flags[i].is_set;
    }
    reply_bulk_string(reply, "flags");
    reply_set(reply, count);
    for (size_t i = 0; i < sizeof flags / sizeof flags[0]; i++) {
        if (flags[i].is_set) {
            reply_simple(reply, bytes_of_string(flags[i].name));
        }
    }
}

static size_t child_count(const struct docs *docs, const struct syntax_node *node)
{
    size_t count = 0;
    for (uint16_t child = node->first_child; child != 0; child = docs->syntax.nodes[child].next) {
        count++;
    }
    return count;
}

static void reply_children(struct docs *docs, const struct syntax_node *node);

/* Those without words of their own are passed over (SORT's BY and GET). */
static size_t next_key_spec(struct docs *docs)
{
    size_t spec = docs->key_spec;
    while (spec + 1 < docs->key_spec_count && docs->key_specs[spec].place.is_unknown &&
           docs->key_specs[spec].place.keyword == NULL) {
        spec++;
    }
    docs->key_spec = spec + 1 < docs->key_spec_count ? spec + 1 : spec;
    return spec;
}

/* style: recursion, as deep as the brackets of our own text: SYNTAX_DEPTH_MAX. */
static void reply_argument(struct docs *docs, const struct syntax_node *node)
{
    struct reply *reply = docs->reply;
    const char *type = argument_type(docs->row, node);
    bool is_key = strcmp(type, "key") == 0;
    bool has_flags = node->is_optional || node->is_multiple;
    char name[ARGUMENT_NAME_MAX];
    append_name(docs, node, name, 0);
    reply_map(reply, 2 + (size_t)is_key + (node->token.len > 0) + (size_t)has_flags + (node->first_child != 0));
    reply_bulk_string(reply, "name");
    reply_bulk_string(reply, name);
    reply_bulk_string(reply, "type");
    reply_bulk_string(reply, type);
    if (is_key) {
        reply_bulk_string(reply, "key_spec_index");
        reply_integer(reply, (int64_t)next_key_spec(docs));
    }
    if (node->token.len > 0) {
        reply_bulk_string(reply, "token");
        reply_bulk(reply, node->token);
    }
    if (has_flags) {
        reply_argument_flags(reply, node);
    }
    if (node->first_child != 0) {
        reply_bulk_string(reply, "arguments");
        reply_children(docs, node);
    }
}

static void reply_children(struct docs *docs, const struct syntax_node *node)
{
    reply_array(docs->reply, child_count(docs, node));
    for (uint16_t child = node->first_child; child != 0; child = docs->syntax.nodes[child].next) {
        reply_argument(docs, &docs->syntax.nodes[child]);
    }
}

static void reply_text_field(struct reply *reply, const char *name, const char *text, size_t *pairs)
{
    if (text != NULL) {
        reply_bulk_string(reply, name);
        reply_bulk_string(reply, text);
        (*pairs)++;
    }
}

/* The row's name and its map. style: recursion, one level deep. */
static void reply_docs(struct reply *reply, const struct command_spec *row)
{
    struct docs docs = {.reply = reply, .row = row};
    docs.key_spec_count = command_key_specs(row, docs.key_specs);
    bool is_syntax = syntax_parse(row->syntax, &docs.syntax);
    assert(is_syntax);
    char name[COMMAND_NAME_MAX];
    command_full_name(row, name);
    reply_bulk_string(reply, name);
    size_t pairs = 0;
    size_t mark = reply_deferred_begin(reply);
    reply_text_field(reply, "summary", row->summary, &pairs);
    reply_text_field(reply, "since", row->since, &pairs);
    reply_text_field(reply, "group", row->group, &pairs);
    reply_text_field(reply, "complexity", row->complexity, &pairs);
    if (docs.syntax.nodes[0].first_child != 0) {
        reply_bulk_string(reply, "arguments");
        reply_children(&docs, &docs.syntax.nodes[0]);
        pairs++;
    }
    if (row->subcommands != NULL) {
        reply_bulk_string(reply, "subcommands");
        size_t below_mark = reply_deferred_begin(reply);
        size_t below = 0;
        for (; row->subcommands[below].name != NULL; below++) {
            reply_docs(reply, &row->subcommands[below]);
        }
        reply_deferred_end(reply, below_mark, '%', below);
        pairs++;
    }
    reply_deferred_end(reply, mark, '%', pairs);
}

void command_command_docs(struct exec *exec)
{
    const struct server *server = exec->server;
    size_t count = 0;
    size_t mark = reply_deferred_begin(exec->reply);
    for (uint32_t i = 0; exec->argc == 2 && i < server->command_count; i++) {
        if (server->commands[i]->parent == NULL) {
            reply_docs(exec->reply, server->commands[i]);
            count++;
        }
    }
    for (uint32_t i = 2; i < exec->argc; i++) {
        const struct command_spec *row = command_find_full(server, exec->argv[i]);
        if (row != NULL) {
            reply_docs(exec->reply, row);
            count++;
        }
    }
    reply_deferred_end(exec->reply, mark, '%', count);
}
