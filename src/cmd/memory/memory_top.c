/* memory_top.c - MEMORY TOP: the biggest keys and tables now, from the shards' lists of candidates (data/key_top.h).
 *
 * A job asks one shard after the other, type by type, and keeps the biggest of all. When a shard knows too few, because what it
 * knew was deleted, the job goes on with the walk that finds others, in steps. At the end, with all batons, each is looked up
 * again and the tables come in: bytes and names are those of one moment.
 *
 * Limits     KEY_TOP_COUNT_MAX of them. Twice as many are kept until the end, since some may go meanwhile.  */
#include "cmd/core/answers.h"
#include "cmd/core/option.h"
#include "cmd/memory/memory_private.h"

#include "data/key_top.h"
#include "exec/exec.h"
#include "table/table.h"

#include <assert.h>

enum { TOP_COUNT_DEFAULT = 10, TOP_FOUND_MAX = 2 * KEY_TOP_COUNT_MAX, TOP_FILL_KEYS = 64, TYPE_TABLE = VALUE_TYPE_COUNT };
enum { ALL_TYPES = (1 << (VALUE_TYPE_COUNT + 1)) - 1 };

struct top_found {
    uint64_t bytes;
    uint64_t hash;             /* a key's */
    const struct table *table; /* a table's, in the last step */
    uint32_t db;
    uint16_t shard;
    uint16_t type; /* enum value_type or TYPE_TABLE */
};

struct top_job {
    struct job job;
    uint32_t types;   /* bits */
    uint32_t limit;
    uint32_t type;    /* the next one of this shard */
    uint32_t count;
    struct top_found found[TOP_FOUND_MAX]; /* the biggest first */
};

/* --- gathering --- */

static void add_found(struct top_job *top, const struct top_found *found)
{
    uint32_t at = top->count;
    while (at > 0 && top->found[at - 1].bytes < found->bytes) {
        at--;
    }
    if (at == TOP_FOUND_MAX) {
        return;
    }
    const uint32_t moved = top->count < TOP_FOUND_MAX ? top->count : TOP_FOUND_MAX - 1;
    memmove(&top->found[at + 1], &top->found[at], (moved - at) * sizeof *found);
    top->found[at] = *found;
    top->count = moved + 1;
}

static uint64_t table_bytes(const struct table *table)
{
    struct table_memory memory;
    table_memory(table, &memory);
    return memory.row_bytes + memory.index_bytes + memory.catalogue_bytes;
}

static void visit_table(uint32_t db, const struct table *table, void *arg)
{
    add_found(arg, &(struct top_found){.bytes = table_bytes(table), .table = table, .db = db, .type = TYPE_TABLE});
}

/* True when the type's biggest of this shard are in. */
static bool gather_type(struct top_job *top, struct exec *exec)
{
    struct key_top_item items[KEY_TOP_COUNT_MAX];
    uint32_t count;
    const enum value_type type = (enum value_type)top->type;
    struct key_top *keys = exec->shard->top;
    if (!key_top_read(keys, type, exec->now_ms, top->limit, items, &count)) {
        while (!key_top_fill_step(keys, TOP_FILL_KEYS) && !exec_step_is_over(exec)) {
        }
        return false;
    }
    for (uint32_t i = 0; i < count; i++) {
        add_found(top, &(struct top_found){.bytes = items[i].bytes,
                                           .hash = items[i].hash,
                                           .db = items[i].db,
                                           .shard = (uint16_t)exec->shard->number,
                                           .type = (uint16_t)type});
    }
    return true;
}

/* --- writing --- */

static void write_row(struct reply *reply, struct bytes name, const struct top_found *found)
{
    const char *type = found->type == TYPE_TABLE ? "table" : value_type_name((enum value_type)found->type);
    reply_map(reply, 4);
    reply_bulk_string(reply, "name");
    reply_bulk(reply, name);
    reply_bulk_string(reply, "type");
    reply_bulk_string(reply, type);
    reply_bulk_string(reply, "bytes");
    reply_integer(reply, (int64_t)found->bytes);
    reply_bulk_string(reply, "db");
    reply_integer(reply, found->db);
}

/* Its name now, and its bytes into *found. False: it is gone. */
static bool look_up(struct exec *exec, struct top_found *found, struct bytes *name)
{
    if (found->type == TYPE_TABLE) {
        *name = table_name(found->table);
        return true;
    }
    const struct entry *entry = key_top_find(exec->server->shards[found->shard].top, found->hash, found->db, exec->now_ms);
    if (entry == NULL || entry_type(entry) != found->type) {
        return false;
    }
    found->bytes = entry_memory_bytes(entry);
    *name = entry_key(entry);
    return true;
}

static void write_found(struct top_job *top, struct exec *exec)
{
    struct bytes names[TOP_FOUND_MAX];
    struct top_found living[TOP_FOUND_MAX];
    uint32_t count = 0;
    if ((top->types >> TYPE_TABLE & 1) != 0) {
        catalogue_visit(atomic_load_explicit(&exec->server->catalogue, memory_order_acquire), visit_table, top);
    }
    for (uint32_t i = 0; i < top->count; i++) {
        struct top_found found = top->found[i];
        struct bytes name;
        if (!look_up(exec, &found, &name)) {
            continue;
        }
        uint32_t at = count++;
        for (; at > 0 && living[at - 1].bytes < found.bytes; at--) {
            living[at] = living[at - 1];
            names[at] = names[at - 1];
        }
        living[at] = found;
        names[at] = name;
    }
    count = count < top->limit ? count : top->limit;
    reply_array(exec->reply, count);
    for (uint32_t i = 0; i < count; i++) {
        write_row(exec->reply, names[i], &living[i]);
    }
}

/* --- the job --- */

static enum job_status top_step(struct job *job, struct exec *exec)
{
    struct top_job *top = (struct top_job *)job;
    if (job->shard == JOB_ALL_SHARDS) {
        write_found(top, exec);
        return JOB_DONE;
    }
    for (; top->type < VALUE_TYPE_COUNT; top->type++) {
        if ((top->types >> top->type & 1) != 0 && !gather_type(top, exec)) {
            return JOB_MORE;
        }
        if (exec_step_is_over(exec)) {
            top->type++;
            return JOB_MORE;
        }
    }
    top->type = 0;
    job->shard = (uint32_t)job->shard + 1 < exec->server->shard_count ? job->shard + 1 : JOB_ALL_SHARDS;
    return JOB_MORE;
}

static void top_destroy(struct job *job, struct exec *exec)
{
    (void)exec;
    thread_free(MEM_SERVER, job, sizeof(struct top_job));
}

/* "string" .. "stream", "table" as a bit; 0: no such word. */
static uint32_t type_bit(struct bytes word)
{
    for (unsigned type = 0; type < VALUE_TYPE_COUNT; type++) {
        if (bytes_equal_ignore_case(word, bytes_of_string(value_type_name((enum value_type)type)))) {
            return 1u << type;
        }
    }
    return bytes_equal_ignore_case(word, BYTES("table")) ? 1u << TYPE_TABLE : 0;
}

bool memory_count_argument(struct exec *exec, uint32_t index, int64_t most, int64_t *out)
{
    if (!exec_int64_argument(exec, index, out)) {
        return false;
    }
    if (*out < 1 || *out > most) {
        reply_errorf(exec->reply, "ERR %.*s must be between 1 and %lld", (int)exec->argv[index - 1].len,
                     exec->argv[index - 1].data, (long long)most);
        return false;
    }
    return true;
}

enum { TOP_COUNT = 1, TOP_TYPE = 2 };
static const struct option top_options[] = {
    {"COUNT", .sets = TOP_COUNT, .excludes = TOP_COUNT, .has_value = true},
    {"TYPE", .sets = TOP_TYPE, .excludes = TOP_TYPE, .has_value = true},
    {0},
};

/* False: replied. */
static bool read_options(struct exec *exec, uint32_t *types, int64_t *limit)
{
    struct option_walk walk = {.at = 2};
    while (option_next(exec, top_options, &walk)) {
        if (walk.option->sets == TOP_COUNT) {
            if (!memory_count_argument(exec, walk.value, KEY_TOP_COUNT_MAX, limit)) {
                return false;
            }
        } else if ((*types = type_bit(exec->argv[walk.value])) == 0) {
            reply_error(exec->reply, "ERR unknown type name");
            return false;
        }
    }
    if (walk.at < exec->argc) {
        reply_error(exec->reply, ERROR_SYNTAX);
        return false;
    }
    return true;
}

void memory_top_run(struct exec *exec)
{
    uint32_t types = ALL_TYPES;
    int64_t limit = TOP_COUNT_DEFAULT;
    if (!read_options(exec, &types, &limit)) {
        return;
    }
    struct top_job *top = thread_alloc_zeroed(MEM_SERVER, sizeof *top);
    if (top == NULL) {
        reply_error(exec->reply, ERROR_NO_MEMORY);
        return;
    }
    top->job = (struct job){.step = top_step, .destroy = top_destroy, .shard = 0};
    top->types = types;
    top->limit = (uint32_t)limit;
    exec_start_job(exec, &top->job);
}
