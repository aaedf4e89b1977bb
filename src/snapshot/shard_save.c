/* shard_save.c - see shard_save.h.  */
#include "snapshot/shard_save.h"

#include "base/clock.h"
#include "data/access.h"
#include "persist/rdb_format.h"
#include "persist/rdb_string.h"
#include "persist/rdb_value.h"
#include "shard/limits.h"
#include "shard/thread.h"
#include "snapshot/save_output.h"
#include "snapshot/save_rows.h"
#include "snapshot/save_values.h"

#include <assert.h>

enum {
    STEP_GROUPS = 4,       /* between two looks at the clock */
    STEP_ITEMS = 64,       /* of a big value */
};

static bool select_database(struct shard_save *save, uint32_t db)
{
    if (save->out_db == (int64_t)db) {
        return true;
    }
    save->out_db = db;
    return rdb_write_byte(&save->out, RDB_OP_SELECT_DB) && rdb_write_length(&save->out, db);
}

/* --- keys --- */

static const struct keyspace *keyspace_of(const struct shard_save *save, uint32_t db)
{
    if (save->databases[db].is_emptied) {
        return save->databases[db].remains;
    }
    for (uint32_t i = 0; i < save->database_count; i++) {
        if (save->shard->databases[i].owner_tag == db) {
            return &save->shard->databases[i];
        }
    }
    return NULL;
}

/* The whole record at once. */
static bool write_whole(struct shard_save *save, const struct keyspace *ks, const struct entry *entry)
{
    if (!select_database(save, ks->owner_tag) || !save_write_attributes(save, &save->out, ks, entry)) {
        return false;
    }
    struct bytes name = entry_key(entry);
    char scratch[STRING_SCRATCH];
    if (entry_type(entry) == VALUE_STRING && entry_string_len(entry) < RDB_LONG_TEXT_MIN) {
        int64_t integer;
        const enum rdb_packing packing = save->limits.texts_stay_plain ? RDB_PLAIN : RDB_PACKED;
        return rdb_write_byte(&save->out, RDB_STRING) && rdb_write_text(&save->out, name, packing) &&
               (entry_integer(entry, &integer) ? rdb_write_integer(&save->out, integer)
                                               : rdb_write_text(&save->out, entry_string(entry, scratch), packing));
    }
    struct rdb_writer *writer = rdb_writer_create_for_file(entry, &save->limits, name);
    enum rdb_status status = writer == NULL ? RDB_NO_MEMORY : RDB_MORE;
    while (status == RDB_MORE) {
        status = rdb_writer_step(writer, &save->out, SIZE_MAX);
    }
    rdb_writer_destroy(writer);
    return status == RDB_DONE;
}

/* `at_once`: the hash of the key whose value nobody can wait for. */
struct group_visit {
    struct shard_save *save;
    const struct keyspace *ks;
    uint64_t at_once;
    bool has_at_once;
};

static void write_key(const struct entry *entry, uint64_t hash, void *arg)
{
    const struct group_visit *visit = arg;
    struct shard_save *save = visit->save;
    const bool is_at_once = visit->has_at_once && visit->at_once == hash;
    if (is_at_once || !save_is_big(entry) || !save_begin_value(save, visit->ks, entry, hash)) {
        save->has_failed |= !write_whole(save, visit->ks, entry);
        save_count_key(save);
    }
    save_hand_over(save, false);
}

static void write_group(struct saved_database *database, uint64_t group, struct group_visit *visit)
{
    assert(!save_bit(database->written, group));
    database->written[group / 64] |= UINT64_C(1) << (group % 64);
    if (!visit->save->has_failed) {
        key_groups_visit(visit->ks, database->groups, group, write_key, visit);
    }
}

/* --- what the keyspaces and commands ask --- */

static struct shard_save *save_of(void *context)
{
    return ((struct shard *)context)->snapshot;
}

static void before_change(void *context, struct keyspace *ks, uint64_t hash, struct bytes name, const struct entry *entry)
{
    (void)name;
    (void)entry;
    struct shard_save *save = save_of(context);
    struct saved_database *database = &save->databases[ks->owner_tag];
    if (database->group_count == 0 || database->is_emptied) {
        return;
    }
    const uint64_t group = key_groups_of(database->groups, hash);
    if (!save_bit(database->written, group)) {
        struct group_visit visit = {.save = save, .ks = ks, .at_once = hash, .has_at_once = true};
        write_group(database, group, &visit);
    }
}

/* What is left of it is written from the remains, in steps. */
static void before_detach(void *context, struct keyspace *ks, struct keyspace *remains)
{
    struct shard_save *save = save_of(context);
    struct saved_database *database = &save->databases[ks->owner_tag];
    if (database->group_count > 0 && !database->is_emptied) {
        save_unpin_values(thread_self(), save, ks->owner_tag);
        database->is_emptied = true;
        database->remains = remains;
    }
}

/* A big value whose group is not written yet is pinned with the others of the group; or, for a command that cannot wait, written now, so that a change
 * of one of the command's keys does not pin another one of them. True: the command must wait, since too much is waiting for the disk. */
static bool write_group_of_big(struct shard_save *save, uint32_t db, struct key key, bool may_wait)
{
    const struct keyspace *ks = &save->shard->databases[db];
    struct saved_database *database = &save->databases[ks->owner_tag];
    if (database->group_count == 0 || database->is_emptied) {
        return false;
    }
    const uint64_t group = key_groups_of(database->groups, key.hash);
    if (save_bit(database->written, group)) {
        return false;
    }
    if (may_wait && saver_waiting_bytes(save->saver) > SAVE_CHANGED_BYTES_MAX && !save->has_failed &&
        saver_state(save->saver) != SAVER_FAILED) {
        return true;
    }
    const struct entry *entry = keyspace_peek(ks, key);
    if (entry != NULL && save_is_big(entry)) {
        struct group_visit visit = {.save = save, .ks = ks, .at_once = key.hash, .has_at_once = !may_wait};
        write_group(database, group, &visit);
    }
    return false;
}

static bool guard(struct shard *shard, uint32_t db, struct key key, bool may_wait)
{
    struct shard_save *save = shard->snapshot;
    const bool must_wait = write_group_of_big(save, db, key, may_wait);
    if (!may_wait) {
        save_finish_value(thread_self(), save, key.hash);
    }
    return must_wait;
}

/* --- groups in turn --- */

/* Some groups of a database. False: there is none left. */
static bool write_groups(struct shard_save *save, uint32_t db, uint32_t groups)
{
    struct saved_database *database = &save->databases[db];
    struct group_visit visit = {.save = save, .ks = keyspace_of(save, db)};
    uint32_t written = 0;
    while (database->next < database->group_count && written < groups) {
        const uint64_t group = database->next++;
        if (!save_bit(database->written, group)) {
            write_group(database, group, &visit);
            written++;
        }
    }
    return database->next < database->group_count;
}

/* Of the next database. False: there is none left. */
static bool write_next_groups(struct shard_save *save, uint32_t groups)
{
    if (save->database_at == save->database_count) {
        return false;
    }
    save->database_at += !write_groups(save, save->database_at, groups);
    return true;
}

/* --- what was emptied --- */

/* Some more of a database's keys. False: none is left. */
static bool write_remains(struct shard_save *save, uint32_t db, size_t items)
{
    if (save_has_values_of(save, db)) {
        (void)save_value_step(thread_self(), save, items);
        return true;
    }
    return write_groups(save, db, 1) || save_has_values_of(save, db);
}

/* Its keys are written first, some at a time; while the disk is behind, they stay. */
static bool may_free(void *context, const struct keyspace *remains, size_t limit)
{
    struct shard_save *save = save_of(context);
    const uint32_t db = remains->owner_tag;
    struct saved_database *database = &save->databases[db];
    if (database->remains != remains) {
        return true;
    }
    const bool is_all = limit == SIZE_MAX;
    bool is_more = true;
    while (is_more && !save->has_failed) {
        if (!is_all && !save_may_add(save)) {
            return false;
        }
        is_more = write_remains(save, db, is_all ? SIZE_MAX : STEP_ITEMS);
        if (is_more && !is_all) {
            return false;
        }
    }
    if (save->has_failed) {
        save_drop_values(thread_self(), save); /* the snapshot is given up, and they are going to be freed */
    }
    database->remains = NULL;
    return true;
}

/* --- begin and end --- */

static bool begin_database(struct shard_save *save, uint32_t db)
{
    struct keyspace *ks = &save->shard->databases[db];
    struct saved_database *database = &save->databases[db];
    ks->owner_tag = db;
    if (ks->key_count == 0) {
        return true;
    }
    database->groups = key_groups_choose(ks);
    const uint64_t groups = key_groups_count(database->groups);
    database->written = thread_alloc_zeroed(MEM_SNAPSHOT, (groups + 63) / 64 * sizeof *database->written);
    if (database->written == NULL) {
        return false;
    }
    database->group_count = groups;
    save->keys += ks->key_count;
    return true;
}

static size_t save_size(uint32_t databases)
{
    return sizeof(struct shard_save) + databases * sizeof(struct saved_database);
}

static void release(struct shard_save *save)
{
    for (uint32_t db = 0; db < save->database_count; db++) {
        const struct saved_database *database = &save->databases[db];
        if (database->written != NULL) {
            thread_free(MEM_SNAPSHOT, database->written, (database->group_count + 63) / 64 * sizeof *database->written);
        }
    }
    save_slices_end(save);
    buffer_release(&save->out);
    thread_free(MEM_SNAPSHOT, save, save_size(save->database_count));
}

static void note_policy(struct shard_save *save)
{
    const struct server *server = save->shard->server;
    const int64_t policy = limit_load(&server->config->maxmemory_policy);
    save->has_idle = policy == POLICY_ALLKEYS_LRU || policy == POLICY_VOLATILE_LRU;
    save->has_frequency = policy == POLICY_ALLKEYS_LFU || policy == POLICY_VOLATILE_LFU;
    save->idle_now = access_seconds(clock_wall_ms());
}

struct shard_save *shard_save_begin(struct shard *shard, struct saver *saver, const struct saved_tables *tables)
{
    baton_assert_held(&shard->baton);
    assert(shard->snapshot == NULL && shard->owner.before_change == NULL);
    const uint32_t databases = (uint32_t)limit_load(&shard->server->config->databases);
    struct shard_save *save = thread_alloc_zeroed(MEM_SNAPSHOT, save_size(databases));
    if (save == NULL) {
        return NULL;
    }
    save->shard = shard;
    save->saver = saver;
    save->tables = tables;
    save->limits = server_limits(shard->server);
    save->out = (struct buffer)BUFFER_EMPTY(MEM_SNAPSHOT);
    save->out_db = SAVE_NO_DB;
    save->database_count = databases;
    note_policy(save);
    bool is_begun = save_slices_begin(save);
    for (uint32_t db = 0; db < databases && is_begun; db++) {
        is_begun = begin_database(save, db);
    }
    if (!is_begun) {
        release(save);
        return NULL;
    }
    shard->snapshot = save;
    shard->owner.before_change = before_change;
    shard->owner.before_detach = before_detach;
    shard->owner.may_free = may_free;
    shard->guard = guard;
    shard->guard_count = 1;
    return save;
}

/* --- steps and the end --- */

bool shard_save_may_step(const struct shard_save *save)
{
    return save_may_add(save);
}

bool shard_save_step(struct thread *thread, struct shard_save *save, uint64_t end_ticks, bool is_slow)
{
    baton_assert_held(&save->shard->baton);
    bool is_more = true;
    while (is_more && !save->has_failed && clock_ticks() < end_ticks) {
        if (!shard_save_may_step(save)) {
            return false;
        }
        is_more = save_value_step(thread, save, STEP_ITEMS) || write_next_groups(save, is_slow ? 1 : STEP_GROUPS) || save_rows_step(save);
        if (is_slow) {
            break;
        }
    }
    if (!is_more) {
        save_hand_over(save, true);
    }
    return !is_more;
}

bool shard_save_has_failed(const struct shard_save *save)
{
    return save->has_failed;
}

bool shard_save_has_values(const struct shard_save *save)
{
    return save->first_value != NULL;
}

void shard_save_end(struct thread *thread, struct shard_save *save)
{
    struct shard *shard = save->shard;
    baton_assert_held(&shard->baton);
    shard->owner.before_change = NULL;
    shard->owner.before_detach = NULL;
    shard->owner.may_free = NULL;
    shard->guard = NULL;
    shard->guard_count = 0;
    shard->snapshot = NULL;
    save_drop_values(thread, save);
    saver_close(save->saver, save_queue_of_shard(save));
    saver_close(save->saver, save_queue_of_shard(save) + 1);
    release(save);
}

uint64_t shard_save_keys(const struct shard_save *save)
{
    return save->keys;
}

uint64_t shard_save_written_keys(const struct shard_save *save)
{
    return __atomic_load_n(&save->written_keys, __ATOMIC_RELAXED);
}
