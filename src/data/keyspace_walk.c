/* keyspace_walk.c - what goes over many keys: scan, random keys, expiry in time, emptying, checking.  */
#include "data/keyspace.h"

#include "data/hash_value.h"
#include "data/keyspace_private.h"

#include <assert.h>
#include <stdio.h>

enum {
    RANDOM_PICKS_MAX = 1000,
    SAMPLE_INTERVAL_MS = 100,
    SAMPLE_KEYS = 16,
    SAMPLE_WEIGHT = 8, /* a sample moves the mean TTL by an eighth of the difference */
};

/* --- scan and random --- */

struct living_visit {
    const struct keyspace *ks;
    int64_t now_ms;
    keyspace_visit_fn *visit;
    void *arg;
};

static void visit_living(void *element, void *arg)
{
    const struct living_visit *visit = arg;
    if (!keyspace_is_over(visit->ks, element, visit->now_ms)) {
        visit->visit(element, visit->arg);
    }
}

void keyspace_scan(struct keyspace *ks, uint64_t *cursor, size_t count, int64_t now_ms, keyspace_visit_fn *visit, void *arg)
{
    struct living_visit living = {ks, now_ms, visit, arg};
    *cursor = dict_scan(&ks->dict, *cursor, count, visit_living, &living);
}

void keyspace_visit_all(struct keyspace *ks, keyspace_visit_fn *visit, void *arg)
{
    uint64_t cursor = 0;
    keyspace_scan(ks, &cursor, SIZE_MAX, BEFORE_ALL_EXPIRIES_MS, visit, arg);
    assert(cursor == 0);
}

struct entry *keyspace_random(struct keyspace *ks, uint64_t *random_state, int64_t now_ms)
{
    for (unsigned i = 0; i < RANDOM_PICKS_MAX; i++) {
        struct entry *entry = dict_random(&ks->dict, random_state);
        if (entry == NULL || !keyspace_is_over(ks, entry, now_ms)) {
            return entry;
        }
        if (keyspace_is_in_use(ks, keyspace_hash_of(ks, entry), entry)) {
            continue;
        }
        keyspace_remove_expired(ks, keyspace_hash_of(ks, entry), entry);
    }
    return NULL;
}

/* --- expiry in time --- */

struct ttl_sample {
    const struct keyspace *ks;
    int64_t now_ms;
    uint64_t sum_ms;
    uint64_t count;
};

static void sample_ttl(void *element, void *arg)
{
    struct ttl_sample *sample = arg;
    const int64_t expiry_ms = entry_expiry_near(element, sample->ks->expiry.reference_ms);
    if (expiry_ms > sample->now_ms) {
        sample->sum_ms += (uint64_t)(expiry_ms - sample->now_ms) / SAMPLE_KEYS;
        sample->count++;
    }
}

/* A few keys more of a walk that goes round and round move the mean. */
static void sample_ttls(struct keyspace *ks, int64_t now_ms)
{
    struct ttl_sample sample = {.ks = ks, .now_ms = now_ms};
    ks->sampled_ms = now_ms;
    ks->sample_cursor = dict_scan(&ks->dict, ks->sample_cursor, SAMPLE_KEYS, sample_ttl, &sample);
    if (sample.count == 0) {
        return;
    }
    const int64_t mean_ms = (int64_t)(sample.sum_ms / sample.count * SAMPLE_KEYS);
    const int64_t old_ms = (int64_t)ks->ttl_sum_hint_ms;
    counter_set(&ks->ttl_sum_hint_ms, (uint64_t)(old_ms == 0 ? mean_ms : old_ms + (mean_ms - old_ms) / SAMPLE_WEIGHT));
}

/* Removes what is due in the first leaf. Returns how many; *is_more: there may be more beyond. */
static size_t expire_first_leaf(struct keyspace *ks, int64_t now_ms, size_t limit, bool *is_more)
{
    struct entry *entries[EXPIRY_LEAF_MAX];
    const size_t count = expiry_first(&ks->expiry, entries);
    for (size_t i = 0; i < count; i++) {
        __builtin_prefetch(entries[i]);
    }
    int64_t earliest_ms = INT64_MAX;
    size_t removed = 0;
    for (size_t i = 0; i < count && removed < limit; i++) {
        const int64_t expiry_ms = keyspace_expiry_ms(ks, entries[i]);
        const uint64_t hash = expiry_ms < now_ms ? keyspace_hash_of(ks, entries[i]) : 0;
        if (expiry_ms < now_ms && !keyspace_is_in_use(ks, hash, entries[i])) {
            keyspace_remove_expired(ks, hash, entries[i]);
            removed++;
        } else if (expiry_ms < earliest_ms) {
            earliest_ms = expiry_ms;
        }
    }
    *is_more = removed == limit || (removed == count && ks->expiry.count > 0);
    if (!*is_more) {
        ks->expiry.earliest_ms = earliest_ms;
    }
    return removed;
}

size_t keyspace_expire_due(struct keyspace *ks, int64_t now_ms, size_t limit)
{
    expiry_note_time(&ks->expiry, now_ms);
    if (ks->owner->is_expiry_off) {
        return 0;
    }
    if (ks->expiry.count == 0) {
        counter_set(&ks->ttl_sum_hint_ms, 0);
        return 0;
    }
    if (now_ms - ks->sampled_ms >= SAMPLE_INTERVAL_MS || now_ms < ks->sampled_ms) {
        sample_ttls(ks, now_ms);
    }
    size_t removed = 0;
    bool is_more = ks->expiry.earliest_ms < now_ms;
    while (is_more && removed < limit) {
        removed += expire_first_leaf(ks, now_ms, limit - removed, &is_more);
    }
    return removed;
}

/* --- emptying --- */

void keyspace_detach(struct keyspace *ks, struct keyspace *remains)
{
    const struct keyspace_owner *owner = ks->owner;
    if (UNLIKELY(owner->before_detach != NULL)) {
        owner->before_detach(owner->context, ks, remains);
    }
    *remains = *ks;
    dict_init(&ks->dict, ks->heap, remains->dict.type, ks->secret);
    expiry_init(&ks->expiry, ks->heap);
    ks->expiry.reference_ms = remains->expiry.reference_ms;
    ks->timed_hashes.root = NULL;
    counter_set(&ks->timed_hashes.count, 0);
    counter_set(&ks->key_count, 0);
    counter_set(&ks->expiring_count, 0);
    counter_set(&ks->entry_bytes, 0);
    counter_set(&ks->ttl_sum_hint_ms, 0);
    ks->sample_cursor = 0;
}

static void release_entry(void *element, void *arg)
{
    struct keyspace *ks = arg;
    counter_add(&ks->entry_bytes, -keyspace_free_entry(ks, element));
}

bool keyspace_free_step(struct keyspace *remains, size_t limit)
{
    const struct keyspace_owner *owner = remains->owner;
    if (UNLIKELY(owner->may_free != NULL) && !owner->may_free(owner->context, remains, limit)) {
        return false;
    }
    const bool is_dict_gone = dict_free_step(&remains->dict, &limit, release_entry, remains);
    counter_set(&remains->key_count, remains->dict.count);
    if (!is_dict_gone || !expiry_free_step(&remains->expiry, &limit)) {
        return false;
    }
    counter_set(&remains->expiring_count, 0);
    assert(remains->key_count == 0);
    assert(remains->entry_bytes == 0);
    return true;
}

void keyspace_clear(struct keyspace *ks)
{
    struct keyspace remains;
    keyspace_detach(ks, &remains);
    const bool is_gone = keyspace_free_step(&remains, SIZE_MAX);
    assert(is_gone);
}

/* --- checking --- */

struct audit {
    struct keyspace *ks;
    struct keyspace_tally tally;
    const char *fault; /* of a collection; NULL: none */
    uint64_t timed;  /* hashes that are in timed_hashes, */
    uint64_t untold; /* and those that should be in it and are not, or the other way round */
    uint64_t strays; /* entries that a search by their own name does not find */
};

static void audit_times(struct audit *audit, const struct entry *entry)
{
    const struct timed_table *timed = hash_timed(entry);
    if (timed != NULL) {
        audit->timed += due_is_linked(&timed->due);
        audit->untold += due_is_linked(&timed->due) != (timed_table_timed(timed) > 0);
    }
}

static void audit_key(void *element, void *arg)
{
    struct audit *audit = arg;
    const struct entry *entry = element;
    const struct bytes name = entry_key(entry);
    const void *found = dict_find(&audit->ks->dict, keyspace_hash_of(audit->ks, entry), entry_key_matches, &name);
    audit->tally.keys++;
    audit->tally.expiring += entry_has_expiry(entry);
    audit->tally.entry_bytes += entry_memory_bytes(entry);
    audit->strays += found != entry;
    audit_times(audit, entry);
    if (entry_kind_is_collection(entry_kind(entry)) && audit->fault == NULL) {
        const struct collection *collection = entry_collection_unchecked(entry);
        audit->fault = collection->type->fault(collection);
    }
}

static void audit_expiring(struct entry *entry, void *arg)
{
    struct audit *audit = arg;
    const struct bytes name = entry_key(entry);
    const void *found = dict_find(&audit->ks->dict, keyspace_hash_of(audit->ks, entry), entry_key_matches, &name);
    audit->strays += found != entry;
}

/* The first that fails of what should be equal; NULL when all are. */
static const char *tally_fault(const struct keyspace *ks, const struct audit *audit)
{
    const struct {
        uint64_t seen, kept;
        const char *fault;
    } pairs[] = {
        {audit->strays, 0, "K1: an entry is not found under its name"},
        {audit->tally.keys, ks->key_count, "K1: key_count is not the number of entries"},
        {audit->tally.expiring, ks->expiry.count, "K2: the entries with an expiry are not those of the expiry index"},
        {audit->tally.expiring, ks->expiring_count, "K2: expiring_count is not the number of entries with an expiry"},
        {audit->untold, 0, "K6: timed_hashes and the times of a hash do not agree"},
        {audit->timed, ks->timed_hashes.count, "K6: timed_hashes are not the hashes with times"},
        {audit->tally.entry_bytes, ks->entry_bytes, "K3: entry_bytes is not the sum over the entries"},
    };
    for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
        if (pairs[i].seen != pairs[i].kept) {
            return pairs[i].fault;
        }
    }
    return NULL;
}

bool keyspace_audit(struct keyspace *ks, struct keyspace_tally *seen, char finding[200])
{
    struct audit audit = {.ks = ks};
    const char *fault = dict_fault(&ks->dict);
    if (fault == NULL) {
        (void)!dict_scan(&ks->dict, 0, SIZE_MAX, audit_key, &audit);
        fault = expiry_fault(&ks->expiry, audit_expiring, &audit);
    }
    if (fault == NULL) {
        fault = due_heap_fault(&ks->timed_hashes);
    }
    if (fault == NULL) {
        fault = audit.fault != NULL ? audit.fault : tally_fault(ks, &audit);
    }
    seen->keys += audit.tally.keys;
    seen->expiring += audit.tally.expiring;
    seen->entry_bytes += audit.tally.entry_bytes;
    seen->table_bytes += keyspace_table_bytes(ks);
    seen->expiry_bytes += keyspace_expiry_bytes(ks);
    if (fault == NULL) {
        return true;
    }
    snprintf(finding, 200, "%s (%llu keys seen, %llu counted)", fault, (unsigned long long)audit.tally.keys,
             (unsigned long long)ks->key_count);
    return false;
}
