/* rdb_skip.c - a type's parts stand in a table, as a word of letters:
 *
 *   s  a string    l  a length    w  8 bytes    i  16 bytes (a stream's id)    t  a score as text
 *
 * Invariant  A count is only ever counted down, and each part takes a byte at least, so the end comes whatever is claimed.
 * Read on    rdb_format.h, rdb_write_stream.c (draws streams).  */
#include "persist/rdb_skip.h"

#include "persist/rdb_format.h"

#include <assert.h>

enum { SIZE_ID = 16, SIZE_WORD = 8, SIZE_FLOAT = 4 };

static bool skip_raw(struct rdb_input *input, size_t len)
{
    struct bytes raw;
    return rdb_read_raw(input, len, &raw);
}

static bool skip_length(struct rdb_input *input)
{
    uint64_t length;
    return rdb_read_length(input, &length);
}

static bool skip_text(struct rdb_input *input)
{
    struct rdb_text text;
    return rdb_read_text(input, &text);
}

static bool skip_text_score(struct rdb_input *input)
{
    uint8_t len;
    return rdb_read_byte(input, &len) && (len >= RDB_SCORE_NAN || skip_raw(input, len));
}

/* *wanted: what the part is called. */
static bool skip_part(struct rdb_input *input, char part, const char **wanted)
{
    switch (part) {
    case 's':
        *wanted = "a string";
        return skip_text(input);
    case 'l':
        *wanted = "a length";
        return skip_length(input);
    case 't':
        *wanted = "a score";
        return skip_text_score(input);
    case 'i':
        *wanted = "an id of 16 bytes";
        return skip_raw(input, SIZE_ID);
    default:
        assert(part == 'w');
        *wanted = "a number of 8 bytes";
        return skip_raw(input, SIZE_WORD);
    }
}

static bool skip_parts(struct rdb_input *input, const char *parts, struct rdb_skip_fault *fault)
{
    for (; *parts != 0; parts++) {
        fault->at = input->at;
        if (!skip_part(input, *parts, &fault->wanted)) {
            return false;
        }
    }
    return true;
}

static bool skip_count(struct rdb_input *input, uint64_t *out, struct rdb_skip_fault *fault)
{
    *fault = (struct rdb_skip_fault){input->at, "a length"};
    return rdb_read_length(input, out);
}

/* A count, and as many elements of these parts. */
static bool skip_many(struct rdb_input *input, const char *parts, struct rdb_skip_fault *fault)
{
    uint64_t count;
    bool is_fine = skip_count(input, &count, fault);
    for (; is_fine && count > 0; count--) {
        is_fine = skip_parts(input, parts, fault);
    }
    return is_fine;
}

/* --- streams --- */

/* Of what the forms of a stream are made: Redis 7.0 added counters, Redis 7.2 a time of each consumer. */
struct stream_parts {
    const char *counters, *group, *consumer;
};

static bool skip_consumers(struct rdb_input *input, const struct stream_parts *parts, struct rdb_skip_fault *fault)
{
    uint64_t count;
    bool is_fine = skip_count(input, &count, fault);
    for (; is_fine && count > 0; count--) {
        is_fine = skip_parts(input, parts->consumer, fault) && skip_many(input, "i", fault);
    }
    return is_fine;
}

static bool skip_stream(struct rdb_input *input, const struct stream_parts *parts, struct rdb_skip_fault *fault)
{
    uint64_t groups = 0;
    bool is_fine = skip_many(input, "ss", fault) && skip_parts(input, parts->counters, fault) &&
                   skip_count(input, &groups, fault);
    for (; is_fine && groups > 0; groups--) {
        is_fine = skip_parts(input, parts->group, fault) && skip_many(input, "iwl", fault) &&
                  skip_consumers(input, parts, fault);
    }
    return is_fine;
}

/* --- modules --- */

static bool skip_module_part(struct rdb_input *input, uint64_t op, const char **wanted)
{
    switch (op) {
    case RDB_MODULE_SIGNED:
    case RDB_MODULE_UNSIGNED:
        return skip_part(input, 'l', wanted);
    case RDB_MODULE_FLOAT:
        *wanted = "a number of 4 bytes";
        return skip_raw(input, SIZE_FLOAT);
    case RDB_MODULE_DOUBLE:
        return skip_part(input, 'w', wanted);
    case RDB_MODULE_TEXT:
        return skip_part(input, 's', wanted);
    default:
        *wanted = "a part of a module's value";
        return false;
    }
}

bool rdb_skip_module(struct rdb_input *input, struct rdb_skip_fault *fault)
{
    uint64_t op;
    while (skip_count(input, &op, fault)) {
        if (op == RDB_MODULE_END) {
            return true;
        }
        if (!skip_module_part(input, op, &fault->wanted)) {
            return false;
        }
    }
    return false;
}

/* --- any --- */

static const struct skip_plan {
    const char *head;     /* what comes first; NULL: nothing */
    const char *element;  /* NULL: there is no such type, or it is a stream or a module's */
    bool has_count;       /* of elements; otherwise there is one */
    bool is_module;
    const struct stream_parts *stream;
} plans[] = {
    [RDB_STRING] = {.element = "s"},
    [RDB_LIST] = {.element = "s", .has_count = true},
    [RDB_SET] = {.element = "s", .has_count = true},
    [RDB_ZSET_TEXT] = {.element = "st", .has_count = true},
    [RDB_HASH] = {.element = "ss", .has_count = true},
    [RDB_ZSET] = {.element = "sw", .has_count = true},
    [RDB_MODULE] = {.is_module = true},
    [RDB_HASH_ZIPMAP] = {.element = "s"},
    [RDB_LIST_ZIPLIST] = {.element = "s"},
    [RDB_SET_INTSET] = {.element = "s"},
    [RDB_ZSET_ZIPLIST] = {.element = "s"},
    [RDB_HASH_ZIPLIST] = {.element = "s"},
    [RDB_LIST_QUICKLIST] = {.element = "s", .has_count = true},
    [RDB_STREAM] = {.stream = &(const struct stream_parts){"lll", "sll", "sw"}},
    [RDB_HASH_LISTPACK] = {.element = "s"},
    [RDB_ZSET_LISTPACK] = {.element = "s"},
    [RDB_LIST_QUICKLIST_2] = {.element = "ls", .has_count = true},
    [RDB_STREAM_2] = {.stream = &(const struct stream_parts){"llllllll", "slll", "sw"}},
    [RDB_SET_LISTPACK] = {.element = "s"},
    [RDB_STREAM_3] = {.stream = &(const struct stream_parts){"llllllll", "slll", "sww"}},
    [RDB_HASH_EXPIRING_OLD] = {.element = "lss", .has_count = true},
    [RDB_HASH_EXPIRING_LISTPACK_OLD] = {.element = "s"},
    [RDB_HASH_EXPIRING] = {.head = "w", .element = "lss", .has_count = true},
    [RDB_HASH_EXPIRING_LISTPACK] = {.head = "w", .element = "s"},
};

bool rdb_skip_knows(uint8_t type)
{
    return type < sizeof plans / sizeof plans[0] &&
           (plans[type].element != NULL || plans[type].stream != NULL || plans[type].is_module);
}

bool rdb_skip_value(uint8_t type, struct rdb_input *input, struct rdb_skip_fault *fault)
{
    assert(rdb_skip_knows(type));
    const struct skip_plan *plan = &plans[type];
    if (plan->is_module) {
        return skip_parts(input, "l", fault) && rdb_skip_module(input, fault);
    }
    if (plan->stream != NULL) {
        return skip_stream(input, plan->stream, fault);
    }
    if (plan->head != NULL && !skip_parts(input, plan->head, fault)) {
        return false;
    }
    return plan->has_count ? skip_many(input, plan->element, fault) : skip_parts(input, plan->element, fault);
}
