/* load_keys.c - a thread's share of the items of a file: its shard's keys are built, rows are given to their slices.
 *
 * The baton of the own shard is held for some keys at a time, so that threads that bring rows never wait long.  */
#include "snapshot/load_keys.h"

#include "base/clock.h"
#include "data/access.h"
#include "mem/heap.h"
#include "persist/rdb_format.h"
#include "persist/rdb_value.h"
#include "shard/access_clock.h"
#include "shard/inbox.h"
#include "shard/limits.h"
#include "shard/thread.h"
#include "snapshot/load_tables.h"
#include "snapshot/saved_tables.h"

#include <assert.h>
#include <stdio.h>

enum {
    HELD_KEYS = 64,        /* under the baton at a time */
    AHEAD_KEYS = 16,       /* whose places in the table are fetched at a time */
    SHOWN_NAME = 60,
    SENTENCE_MAX = 256,
};

/* --- one key --- */

static _Noreturn void fail_key(const struct loading *loading, const struct rdb_item *item, const char *why)
{
    char sentence[SENTENCE_MAX];
    const int shown = item->key.name.len < SHOWN_NAME ? (int)item->key.name.len : SHOWN_NAME;
    snprintf(sentence, sizeof sentence, "the key '%.*s': %.120s", shown, item->key.name.data, why);
    loading_fail(loading, item->at, sentence);
}

static void set_access(const struct loading *loading, struct keyspace *ks, struct key key, const struct rdb_key *read)
{
    if (!read->has_idle && !read->has_frequency) {
        return;
    }
    const int64_t policy = limit_load(&loading->server->config->maxmemory_policy);
    const bool is_lfu = policy == POLICY_ALLKEYS_LFU || policy == POLICY_VOLATILE_LFU;
    struct entry *entry = keyspace_peek(ks, key);
    if (is_lfu && read->has_frequency) {
        entry_set_access(entry, access_make_lfu(access_minutes(loading->now_ms), read->frequency));
    } else if (!is_lfu && read->has_idle) {
        entry_set_access(entry, (uint32_t)((uint64_t)(loading->now_ms / 1000) - read->idle_s) & ACCESS_SECONDS_MASK);
    }
}

static struct rdb_reader *reader_of(struct thread *thread, const struct loading *loading, struct share *share, uint64_t at)
{
    if (share->reader == NULL) {
        const struct encoding_limits limits = server_limits(loading->server);
        share->reader = rdb_reader_create(thread->shard->heap, &loading->server->secret, &limits);
        if (share->reader == NULL) {
            loading_fail(loading, at, "there is no memory");
        }
    }
    return share->reader;
}

/* False: it has no items, and is left out. */
static bool read_value(const struct loading *loading, struct rdb_reader *reader, const struct rdb_item *item)
{
    rdb_reader_begin(reader, item->key.type);
    enum rdb_status status = RDB_MORE;
    while (status == RDB_MORE) {
        status = rdb_reader_step_value(reader, item->key.value, SIZE_MAX);
    }
    if (status == RDB_NO_MEMORY) {
        fail_key(loading, item, "there is no memory");
    }
    if (status == RDB_BAD && rdb_reader_refusal(reader) != RDB_REFUSAL_EMPTY) {
        fail_key(loading, item, rdb_refusal_text(rdb_reader_refusal(reader)));
    }
    return status == RDB_DONE;
}

static enum result store(struct rdb_reader *reader, struct keyspace *ks, struct key key, const struct rdb_key *read)
{
    const int64_t expiry_ms = read->has_expiry ? read->expiry_ms : KEYSPACE_NO_EXPIRY;
    struct bytes text;
    if (rdb_reader_string(reader, read->value, &text)) {
        return keyspace_put_string(ks, key, NULL, text, read->has_expiry ? EXPIRY_SET : EXPIRY_CLEAR, expiry_ms);
    }
    return value_store_with_expiry(rdb_reader_value(reader), ks, key, NULL, expiry_ms);
}

static void load_key(struct thread *thread, struct loading *loading, struct share *share, const struct rdb_item *item, uint64_t hash)
{
    const struct rdb_key *read = &item->key;
    if (read->type == RDB_MODULE) {
        if (!loading->skips_modules) {
            char why[100];
            snprintf(why, sizeof why, "its value is one of the module '%s'; rdb-skip-module-data leaves it out", read->module.name);
            fail_key(loading, item, why);
        }
        figure_add(&share->module_items, 1);
        return;
    }
    if (read->has_expiry && read->expiry_ms < loading->now_ms && !loading->is_followed) {
        figure_add(&share->expired, 1);
        return;
    }
    if (share->db == SHARE_NO_DB) {
        fail_key(loading, item, "its chunk has not said of which database it is");
    }
    struct rdb_reader *reader = reader_of(thread, loading, share, item->at);
    if (!read_value(loading, reader, item)) {
        figure_add(&share->empty, 1);
        return;
    }
    struct keyspace *ks = &thread->shard->databases[share->db];
    const struct key key = {read->name, hash};
    if (keyspace_peek(ks, key) != NULL) {
        if (loading->keeps_existing) {
            return;
        }
        fail_key(loading, item, "it is there twice");
    }
    if (store(reader, ks, key, read) != RESULT_OK) {
        fail_key(loading, item, "there is no memory");
    }
    set_access(loading, ks, key, read);
    figure_add(&share->keys, 1);
}

/* --- the share --- */

static void select_database(const struct loading *loading, struct share *share, const struct rdb_item *item)
{
    if (item->database >= (uint64_t)limit_load(&loading->server->config->databases)) {
        loading_fail(loading, item->at, "it has more databases than `databases` says");
    }
    share->db = (uint32_t)item->database;
}

/* Which thread gives rows to their slices: whoever reads the chunk, or one after the other where all read everything. */
static bool takes_rows(const struct thread *thread, const struct loading *loading, struct share *share)
{
    return loading->is_by_chunk || share->rows_fields++ % loading->server->shard_count == thread->number;
}

static bool belongs_to_head(const struct rdb_item *item)
{
    return item->kind == RDB_ITEM_FUNCTION ||
           (item->kind == RDB_ITEM_AUX && (bytes_equal(item->aux.name, SAVED_NAMESPACE_FIELD) || bytes_equal(item->aux.name, SAVED_TABLE_FIELD)));
}

/* What is no key. Without a baton. */
static void load_other(struct thread *thread, struct loading *loading, struct share *share, const struct rdb_item *item)
{
    if (item->at >= loading->head_end && belongs_to_head(item)) {
        loading_fail(loading, item->at, "a library or table stands behind keys");
    }
    switch (item->kind) {
    case RDB_ITEM_SELECT_DB:
        select_database(loading, share, item);
        break;
    case RDB_ITEM_RESIZE_DB:
        if (share->db != SHARE_NO_DB) {
            baton_take(&thread->shard->baton);
            load_expect(loading, thread->shard, share->db, item->counts.keys);
            shard_release(thread, thread->shard);
        }
        break;
    case RDB_ITEM_AUX:
        if (bytes_equal(item->aux.name, SAVED_ROWS_FIELD) && takes_rows(thread, loading, share)) {
            figure_add(&share->rows, load_rows(thread, loading, item->at, item->aux.value));
        }
        break;
    case RDB_ITEM_MODULE_AUX:
        if (!loading->skips_modules) {
            char sentence[SENTENCE_MAX];
            snprintf(sentence, sizeof sentence, "it has data of the module '%s'; rdb-skip-module-data leaves them out", item->module_aux.module.name);
            loading_fail(loading, item->at, sentence);
        }
        figure_add(&share->module_items, thread->number == 0);
        break;
    default:
        break;
    }
}

/* The next range. False: there is none. */
static bool begin_range(const struct thread *thread, const struct loading *loading, struct share *share)
{
    bool is_begun = false;
    if (!loading->is_by_chunk) {
        is_begun = share->next_chunk++ == 0;
        share->has_scan = is_begun && rdb_scan_begin(&share->scan, loading->file);
        return share->has_scan;
    }
    const struct found_chunks *chunks = &loading->chunks;
    while (share->next_chunk < chunks->count && !is_begun) {
        const uint64_t at = share->next_chunk++;
        const struct chunk_place place = chunk_index_at(chunks, at);
        if (place.shard == thread->number) {
            const uint64_t end = at + 1 < chunks->count ? chunk_index_at(chunks, at + 1).offset : chunks->end;
            is_begun = true;
            share->db = SHARE_NO_DB;
            share->has_scan = rdb_scan_begin_range(&share->scan, loading->file, place.offset, end);
            if (!share->has_scan) {
                loading_fail(loading, place.offset, share->scan.fault.sentence);
            }
        }
    }
    return is_begun;
}

static bool is_own(const struct thread *thread, const struct loading *loading, struct bytes name)
{
    return server_shard_of_key(loading->server, name) == thread->shard;
}

/* Keys whose places in the table are being fetched. */
struct ahead {
    uint32_t count;
    uint64_t hashes[AHEAD_KEYS];
    struct rdb_item items[AHEAD_KEYS];
};

static void load_ahead(struct thread *thread, struct loading *loading, struct share *share, struct ahead *ahead)
{
    for (uint32_t i = 0; i < ahead->count; i++) {
        load_key(thread, loading, share, &ahead->items[i], ahead->hashes[i]);
    }
    ahead->count = 0;
}

/* A name that is packed in the file is the scan's until the next item: that key cannot wait. */
static void take_key(struct thread *thread, struct loading *loading, struct share *share, struct ahead *ahead, const struct rdb_item *item)
{
    const uint64_t hash = hash_bytes(&loading->server->secret, item->key.name);
    const char *name = item->key.name.data;
    if (share->db == SHARE_NO_DB || name < loading->file.data || name >= loading->file.data + loading->file.len) {
        load_key(thread, loading, share, item, hash);
        return;
    }
    keyspace_prefetch_bucket(&thread->shard->databases[share->db], hash);
    ahead->hashes[ahead->count] = hash;
    ahead->items[ahead->count++] = *item;
    if (ahead->count == AHEAD_KEYS) {
        load_ahead(thread, loading, share, ahead);
    }
}

/* Some items, the keys under the baton. False: the range is over. */
static bool load_items(struct thread *thread, struct loading *loading, struct share *share, uint32_t keys)
{
    struct rdb_item item;
    enum rdb_scan_status status = RDB_SCAN_ITEM;
    uint32_t held = 0;
    const uint64_t before = share->scan.at;
    struct ahead ahead;
    ahead.count = 0;
    baton_take(&thread->shard->baton);
    shard_note_access(thread, thread->shard); /* no call has been run on it yet, maybe */
    while (held < keys && (status = rdb_scan_next(&share->scan, &item)) == RDB_SCAN_ITEM) {
        if (item.kind == RDB_ITEM_KEY) {
            held++;
            if (is_own(thread, loading, item.key.name)) {
                take_key(thread, loading, share, &ahead, &item);
            } else if (loading->is_by_chunk) {
                loading_fail(loading, item.at, "a chunk has a key of another shard");
            }
        } else {
            load_ahead(thread, loading, share, &ahead);
            shard_release(thread, thread->shard);
            load_other(thread, loading, share, &item);
            baton_take(&thread->shard->baton);
        }
    }
    load_ahead(thread, loading, share, &ahead);
    shard_release(thread, thread->shard);
    if (status == RDB_SCAN_BAD || status == RDB_SCAN_NO_MEMORY) {
        loading_fail(loading, share->scan.fault.at, status == RDB_SCAN_BAD ? share->scan.fault.sentence : "there is no memory");
    }
    figure_add(&share->bytes, share->scan.at - before);
    return status == RDB_SCAN_ITEM;
}

static void end_share(struct thread *thread, const struct loading *loading, struct share *share)
{
    baton_take(&thread->shard->baton);
    for (int64_t db = 0; db < limit_load(&loading->server->config->databases); db++) {
        keyspace_expect_no_more(&thread->shard->databases[db]);
    }
    shard_release(thread, thread->shard);
    if (share->reader != NULL) {
        baton_take(&thread->shard->baton);
        rdb_reader_destroy(share->reader);
        shard_release(thread, thread->shard);
        share->reader = NULL;
    }
}

bool load_share(struct thread *thread, struct loading *loading, struct share *share, uint64_t end_ticks, bool is_slow)
{
    while (clock_ticks() < end_ticks) {
        if (!share->has_scan && !begin_range(thread, loading, share)) {
            end_share(thread, loading, share);
            return true;
        }
        if (!load_items(thread, loading, share, is_slow ? 1 : HELD_KEYS)) {
            rdb_scan_release(&share->scan);
            share->has_scan = false;
        }
        if (is_slow) {
            break;
        }
    }
    return false;
}
