/* save_values.c - big values, written in steps while their keys are pinned; and what stands before any value in the file.
 *
 * Each has a buffer of its own; full ones go to the shard's second queue, where a record may be cut between chunks.  */
#include "snapshot/save_values.h"

#include "data/access.h"
#include "data/value.h"
#include "mem/heap.h"
#include "persist/rdb_format.h"
#include "persist/rdb_string.h"
#include "persist/rdb_value.h"
#include "snapshot/save_output.h"

#include <assert.h>

bool save_is_big(const struct entry *entry)
{
    if (form_is_apart(entry_form(entry))) {
        return entry_collection(entry)->bytes >= SAVE_BIG_BYTES;
    }
    return entry_long_string(entry) != NULL && entry_string_len(entry) >= SAVE_BIG_BYTES;
}

bool save_write_attributes(const struct shard_save *save, struct buffer *out, const struct keyspace *ks, const struct entry *entry)
{
    const int64_t expiry_ms = keyspace_expiry_ms(ks, entry);
    if (expiry_ms != KEYSPACE_NO_EXPIRY &&
        !(rdb_write_byte(out, RDB_OP_EXPIRY_MS) && rdb_write_word(out, (uint64_t)expiry_ms))) {
        return false;
    }
    if (save->has_idle) {
        return rdb_write_byte(out, RDB_OP_IDLE) && rdb_write_length(out, access_idle_seconds(entry_access(entry), save->idle_now));
    }
    return !save->has_frequency || (rdb_write_byte(out, RDB_OP_FREQUENCY) &&
                                    rdb_write_byte(out, (uint8_t)(entry_access(entry) & ACCESS_COUNTER_MAX)));
}

static void destroy_value(struct thread *thread, struct saved_value *value)
{
    pin_give_up(thread, &value->pin);
    rdb_writer_destroy(value->writer);
    buffer_release(&value->out);
    thread_free(MEM_SNAPSHOT, value, sizeof *value);
}

static bool write_head(const struct shard_save *save, struct saved_value *value, const struct keyspace *ks, const struct entry *entry)
{
    struct buffer *out = &value->out;
    return rdb_write_byte(out, RDB_OP_SELECT_DB) && rdb_write_length(out, ks->owner_tag) &&
           save_write_attributes(save, out, ks, entry) && rdb_writer_step(value->writer, out, 1) == RDB_MORE;
}

bool save_begin_value(struct shard_save *save, const struct keyspace *ks, const struct entry *entry, uint64_t hash)
{
    struct shard *shard = save->shard;
    const struct key key = {entry_key(entry), hash};
    const bool is_pinned = ks != save->databases[ks->owner_tag].remains;
    if (is_pinned && shard->lock_count > 0) {
        return false;
    }
    struct saved_value *value = thread_alloc_zeroed(MEM_SNAPSHOT, sizeof *value);
    if (value == NULL) {
        return false;
    }
    value->out = (struct buffer)BUFFER_EMPTY(MEM_SNAPSHOT);
    value->db = ks->owner_tag;
    value->writer = rdb_writer_create_for_file(entry, &save->limits, key.name);
    if (value->writer == NULL || !write_head(save, value, ks, entry) || (is_pinned && !pin_put(shard, key, entry, &value->pin))) {
        rdb_writer_destroy(value->writer);
        buffer_release(&value->out);
        thread_free(MEM_SNAPSHOT, value, sizeof *value);
        return false;
    }
    if (save->last_value == NULL) {
        save->first_value = value;
    } else {
        save->last_value->next = value;
    }
    save->last_value = value;
    return true;
}

static void push(struct shard_save *save, struct saved_value *value, bool is_open)
{
    save->has_failed |= !saver_push(save->saver, save_queue_of_shard(save) + 1, &value->out, is_open);
}

/* True: it is complete. */
static bool write_some(struct shard_save *save, struct saved_value *value, size_t items)
{
    const enum rdb_status status = rdb_writer_step(value->writer, &value->out, items);
    if (status == RDB_DONE) {
        push(save, value, false);
        return true;
    }
    save->has_failed |= status != RDB_MORE;
    if (value->out.len >= SAVER_CHUNK_BYTES && rdb_writer_may_move(value->writer)) {
        push(save, value, true);
    }
    return save->has_failed;
}

bool save_value_step(struct thread *thread, struct shard_save *save, size_t items)
{
    struct saved_value *value = save->first_value;
    if (value == NULL) {
        return false;
    }
    if (write_some(save, value, items)) {
        save->first_value = value->next;
        save->last_value = save->first_value == NULL ? NULL : save->last_value;
        destroy_value(thread, value);
        save_count_key(save);
    }
    return true;
}

/* The last one of this key, which may be there in several databases. */
static const struct saved_value *last_of(const struct shard_save *save, uint64_t hash)
{
    const struct saved_value *last = NULL;
    for (const struct saved_value *value = save->first_value; value != NULL; value = value->next) {
        last = value->pin.shard != NULL && value->pin.hash == hash ? value : last;
    }
    return last;
}

void save_finish_value(struct thread *thread, struct shard_save *save, uint64_t hash)
{
    const struct saved_value *last = last_of(save, hash);
    if (last == NULL) {
        return;
    }
    /* What stands before it in the queue may be cut in the middle, and comes first. */
    while (save->first_value != last) {
        (void)save_value_step(thread, save, SIZE_MAX);
    }
    while (save->first_value == last) {
        (void)save_value_step(thread, save, SIZE_MAX);
    }
}

void save_unpin_values(struct thread *thread, struct shard_save *save, uint32_t db)
{
    for (struct saved_value *value = save->first_value; value != NULL; value = value->next) {
        if (value->db == db) {
            pin_give_up(thread, &value->pin);
            value->pin = (struct pin){0};
        }
    }
}

bool save_has_values_of(const struct shard_save *save, uint32_t db)
{
    const struct saved_value *value = save->first_value;
    while (value != NULL && value->db != db) {
        value = value->next;
    }
    return value != NULL;
}

void save_drop_values(struct thread *thread, struct shard_save *save)
{
    while (save->first_value != NULL) {
        struct saved_value *value = save->first_value;
        save->first_value = value->next;
        destroy_value(thread, value);
    }
    save->last_value = NULL;
}
