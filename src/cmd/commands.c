/* commands.c - puts the families together: every row of every family, with its place and its container.
 *
 * Memory     One block with the copies of all rows (the end of each family's array included, so that `subcommands` works),
 *            one with pointers to them by index.
 * Invariant  rows[i]->index == i; a subcommand's parent is a container whose `subcommands` holds it.  */
#include "appendonly/listener.h"
#include "cmd/commands.h"

#include "cmd/acl/acl_rows.h"
#include "cmd/client/client_rows.h"
#include "cmd/geo/geo_rows.h"
#include "cmd/hash/hash_rows.h"
#include "cmd/info/info_rows.h"
#include "cmd/introspect/introspect_rows.h"
#include "cmd/key/key_rows.h"
#include "cmd/list/list_rows.h"
#include "cmd/memory/memory_rows.h"
#include "cmd/persistence/persistence_rows.h"
#include "cmd/prepare/prepare_rows.h"
#include "cmd/pubsub/pubsub_rows.h"
#include "cmd/script/script_rows.h"
#include "cmd/server/effect_feed.h"
#include "cmd/server/keyspace_events.h"
#include "cmd/server/server_rows.h"
#include "cmd/set/set_rows.h"
#include "cmd/slow/slow_rows.h"
#include "cmd/sort/sort_rows.h"
#include "cmd/stream/stream_rows.h"
#include "cmd/string/string_rows.h"
#include "cmd/table/table_effect.h"
#include "cmd/table/table_rows.h"
#include "cmd/transaction/transaction_rows.h"
#include "cmd/zset/zset_rows.h"
#include "mem/heap.h"
#include "shard/blocked.h"
#include "shard/watch.h"
#include "tracking/tracking.h"

#include <string.h>

const struct effect_listener *const command_listeners[] = {&effect_feed, &watch_listener, &blocked_listener, &tracking_listener, &keyspace_events, &appendonly_listener, NULL};

void command_listeners_begin(struct server *server)
{
    keyspace_events_configure(server);
}

static const struct command_spec *const families[] = {
    acl_commands, connection_commands, client_commands,       server_commands,        config_commands,     database_commands,
    debug_commands,      info_commands,         introspect_commands,    slowlog_commands,    commandlog_commands, latency_commands,    transaction_commands, subscribe_commands, pubsub_commands,
    cluster_commands,    memory_commands,       string_commands,        string_condition_commands, string_many_commands,  string_range_commands,
    string_number_commands, string_increx_commands,
    string_lcs_commands, key_commands,          expire_commands,        object_commands,     scan_commands,
    table_commands,      count_commands,      query_commands,      prepare_commands, table_effect_commands, schema_commands,
    list_commands,       list_move_many_commands, list_pop_commands,     list_read_commands,     list_edit_commands,
    hash_commands,       hash_number_commands,  hash_all_commands,      hash_scan_commands,  hash_random_commands,
    hash_time_commands,  hash_expire_commands,  hash_setex_commands,
    key_move_commands,
    set_commands,        set_all_commands,      set_random_commands,    set_pop_commands,    set_algebra_commands,
    bitmap_commands,     bitop_commands,        bitfield_commands,
    hyperloglog_commands, sort_commands,
    migrate_commands,
    dump_commands,       zset_algebra_commands, geo_commands,          geo_search_commands,
    zset_commands,       zset_range_commands,   zset_store_commands, zset_remove_commands, zset_random_commands,
    zset_scan_commands,
    stream_add_commands, stream_commands,       stream_delete_commands, stream_read_commands,  stream_group_commands,
    stream_deliver_commands, stream_pending_commands, stream_claim_commands, stream_info_commands,  stream_effect_commands,
    save_commands, sync_commands, backup_commands, shutdown_commands, append_only_commands,
    eval_commands,       script_commands,       fcall_commands,         function_commands,
};
enum { FAMILY_COUNT = sizeof families / sizeof families[0] };

bool command_is_known(struct bytes name)
{
    for (size_t f = 0; f < FAMILY_COUNT; f++) {
        for (const struct command_spec *row = families[f]; row->name != NULL; row++) {
            if (bytes_equal_ignore_case(name, bytes_of_string(row->name))) {
                return true;
            }
        }
    }
    return false;
}

static size_t row_count(const struct command_spec *rows)
{
    size_t count = 0;
    while (rows[count].name != NULL) {
        count++;
    }
    return count;
}

/* Rows and array ends of all families and containers. */
static size_t slots_needed(size_t *rows_in_all)
{
    size_t slots = 0;
    *rows_in_all = 0;
    for (size_t f = 0; f < FAMILY_COUNT; f++) {
        size_t count = row_count(families[f]);
        slots += count + 1;
        *rows_in_all += count;
        for (size_t i = 0; i < count; i++) {
            const struct command_spec *subcommands = families[f][i].subcommands;
            size_t below = subcommands == NULL ? 0 : row_count(subcommands);
            slots += subcommands == NULL ? 0 : below + 1;
            *rows_in_all += below;
        }
    }
    return slots;
}

/* Being filled. */
struct filling {
    struct command_spec *next_slot;
    const struct command_spec **rows;
    uint16_t count;
};

/* Copies an array with its end; returns the copy. The caller numbers the rows. */
static struct command_spec *copy_rows(struct filling *filling, const struct command_spec *rows, size_t count)
{
    struct command_spec *copy = filling->next_slot;
    memcpy(copy, rows, (count + 1) * sizeof *rows);
    filling->next_slot += count + 1;
    return copy;
}

static void number_row(struct filling *filling, struct command_spec *row, const struct command_spec *parent)
{
    row->index = filling->count;
    row->parent = parent;
    filling->rows[filling->count++] = row;
}

static void add_family(struct filling *filling, const struct command_spec *family)
{
    size_t count = row_count(family);
    struct command_spec *rows = copy_rows(filling, family, count);
    for (size_t i = 0; i < count; i++) {
        number_row(filling, &rows[i], NULL);
        if (rows[i].subcommands == NULL) {
            continue;
        }
        size_t below = row_count(rows[i].subcommands);
        struct command_spec *subcommands = copy_rows(filling, rows[i].subcommands, below);
        rows[i].subcommands = subcommands;
        for (size_t k = 0; k < below; k++) {
            number_row(filling, &subcommands[k], &rows[i]);
        }
    }
}

bool command_table_create(struct command_table *out)
{
    size_t row_total;
    size_t slots = slots_needed(&row_total);
    struct command_spec *copies = thread_alloc(MEM_SERVER, slots * sizeof *copies);
    const struct command_spec **rows = thread_alloc_zeroed(MEM_SERVER, (row_total + 1) * sizeof(*rows));
    if (copies == NULL || rows == NULL) {
        thread_free(MEM_SERVER, copies, slots * sizeof *copies);
        thread_free(MEM_SERVER, rows, (row_total + 1) * sizeof(*rows));
        return false;
    }
    struct filling filling = {copies, rows, 0};
    for (size_t f = 0; f < FAMILY_COUNT; f++) {
        add_family(&filling, families[f]);
    }
    *out = (struct command_table){rows, filling.count};
    return true;
}

void command_table_destroy(struct command_table *table)
{
    if (table->rows == NULL) {
        return;
    }
    size_t row_total;
    size_t slots = slots_needed(&row_total);
    /* The first row of all stands at the start of the block of copies. */
    thread_free(MEM_SERVER, (void *)(uintptr_t)table->rows[0], slots * sizeof(struct command_spec));
    thread_free(MEM_SERVER, (void *)(uintptr_t)table->rows, (row_total + 1) * sizeof(struct command_spec *));
    *table = (struct command_table){0};
}

void command_row_changed(void *shard, const struct row_change *change)
{
    table_row_changed(shard, change);
}
