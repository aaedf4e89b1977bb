/* keyspace.c - finding, storing and removing keys: every change of a keyspace's structures is here.
 *
 * A change goes in two halves. First all that can be refused: the new block, room in the dictionary, spare blocks for the
 * expiry index. Then, when nothing can fail any more, the entry is written and the structures follow.  */
#include "data/keyspace.h"

#include "data/keyspace_private.h"

#include <assert.h>

static uint64_t entry_hash(const void *element, const void *context)
{
    return hash_bytes(context, entry_key(element));
}

static const struct dict_type entry_dict_type = {.which = MEM_KEY_TABLE, .hash = entry_hash};

void keyspace_init(struct keyspace *ks, struct heap *heap, const struct hash_secret *secret)
{
    static const struct keyspace_watch nobody = {
        .floors = {UINT64_MAX, UINT64_MAX, UINT64_MAX, UINT64_MAX, UINT64_MAX, UINT64_MAX, UINT64_MAX,
                   UINT64_MAX, UINT64_MAX, UINT64_MAX, UINT64_MAX, UINT64_MAX, UINT64_MAX},
    };
    static const struct keyspace_owner no_owner = {0};
    *ks = (struct keyspace){.heap = heap, .secret = secret, .watch = &nobody, .owner = &no_owner};
    dict_init(&ks->dict, heap, &entry_dict_type, secret);
    expiry_init(&ks->expiry, heap);
}

uint64_t keyspace_table_bytes(const struct keyspace *ks)
{
    return dict_memory_bytes(&ks->dict);
}

uint64_t keyspace_expiry_bytes(const struct keyspace *ks)
{
    return ks->expiry.bytes;
}

int64_t keyspace_expiry_ms(const struct keyspace *ks, const struct entry *entry)
{
    return entry_expiry_near(entry, ks->expiry.reference_ms);
}

int64_t keyspace_next_expiry_ms(const struct keyspace *ks)
{
    return ks->expiry.earliest_ms;
}

void keyspace_announce(struct keyspace *ks, const struct entry *entry)
{
    const struct keyspace_owner *owner = ks->owner;
    owner->before_change(owner->context, ks, keyspace_hash_of(ks, entry), entry_key(entry), entry);
}

/* --- taking out --- */

void keyspace_lazy_free(struct keyspace *ks, struct collection *collection)
{
    const struct keyspace_owner *owner = ks->owner;
    if (owner->lazy_free != NULL && collection->bytes > KEYSPACE_LAZY_FREE_BYTES) {
        owner->lazy_free(owner->context, collection);
    } else {
        collection_destroy(collection);
    }
}

void keyspace_release_collection(struct keyspace *ks, struct collection *collection)
{
    assert(collection->pins == 0);
    keyspace_lazy_free(ks, collection);
}

/* Frees what the entry has outside of its block. */
static void release_value(struct keyspace *ks, struct entry *entry)
{
    if (entry_kind(entry) == ENTRY_RAW) {
        keyspace_release_raw(ks, entry_raw_string(entry));
    } else if (UNLIKELY(entry_kind_is_collection(entry_kind(entry)))) {
        struct collection *collection = entry_collection_unchecked(entry);
        keyspace_forget_times(ks, collection);
        keyspace_release_collection(ks, collection);
    }
}

uint64_t keyspace_free_entry(struct keyspace *ks, struct entry *entry)
{
    const uint64_t bytes = entry_memory_bytes(entry);
    release_value(ks, entry);
    heap_free(ks->heap, entry_class(entry_kind(entry)), entry, entry_block_request(entry_own_bytes(entry)));
    return bytes;
}

static void leave_expiry_index(struct keyspace *ks, const struct entry *entry)
{
    if (entry_has_expiry(entry)) {
        assert(ks->expiring_count > 0);
        expiry_remove(&ks->expiry, keyspace_expiry_ms(ks, entry), entry);
        counter_add(&ks->expiring_count, (uint64_t)-1);
    }
}

/* Its owner knows. */
static void take_out(struct keyspace *ks, uint64_t hash, struct entry *entry)
{
    const bool was_there = dict_remove(&ks->dict, hash, entry);
    assert(was_there);
    leave_expiry_index(ks, entry);
    counter_add(&ks->entry_bytes, -keyspace_free_entry(ks, entry));
    counter_add(&ks->key_count, (uint64_t)-1);
    debug_assert(keyspace_is_valid_at(ks, hash));
}

void keyspace_remove(struct keyspace *ks, uint64_t hash, struct entry *entry)
{
    keyspace_before_change(ks, entry);
    take_out(ks, hash, entry);
}

void keyspace_remove_expired(struct keyspace *ks, uint64_t hash, struct entry *entry)
{
    if (ks->owner->expired != NULL) {
        ks->owner->expired(ks->owner->context, ks, hash, entry);
    }
    keyspace_remove(ks, hash, entry);
    counter_add(&ks->expired_total, 1);
}

/* --- finding --- */

static struct entry *find_expiring(struct keyspace *ks, uint64_t hash, struct entry *entry, int64_t now_ms)
{
    if (!keyspace_is_over(ks, entry, now_ms)) {
        return entry;
    }
    if (UNLIKELY(keyspace_is_in_use(ks, hash, entry))) {
        return NULL; /* a job still reads it: it goes later */
    }
    keyspace_remove_expired(ks, hash, entry);
    return NULL;
}

struct entry *keyspace_find(struct keyspace *ks, struct key key, int64_t now_ms)
{
    expiry_note_time(&ks->expiry, now_ms);
    struct entry *entry = dict_find(&ks->dict, key.hash, entry_key_matches, &key.name);
    if (entry == NULL || LIKELY(!entry_has_expiry(entry))) {
        return entry;
    }
    return find_expiring(ks, key.hash, entry, now_ms);
}

struct entry *keyspace_peek(const struct keyspace *ks, struct key key)
{
    return dict_find(&ks->dict, key.hash, entry_key_matches, &key.name);
}

bool keyspace_delete(struct keyspace *ks, struct key key, int64_t now_ms)
{
    struct entry *entry = keyspace_find(ks, key, now_ms);
    if (entry == NULL) {
        return false;
    }
    keyspace_remove(ks, key.hash, entry);
    return true;
}

/* --- storing --- */

static void join_expiry_index(struct keyspace *ks, int64_t expiry_ms, const struct entry *entry, struct expiry_spare *spare)
{
    if (expiry_ms >= 0) {
        expiry_insert(&ks->expiry, expiry_ms, entry, spare);
        counter_add(&ks->expiring_count, 1);
    }
}

/* A key that was not there. */
static enum result store_new(struct keyspace *ks, struct key key, const struct entry_plan *plan)
{
    keyspace_before_new(ks, key.hash, key.name);
    size_t own_bytes;
    const uint8_t head = entry_plan_head(plan, &own_bytes);
    const size_t request = entry_block_request(own_bytes);
    struct entry *entry = heap_alloc(ks->heap, entry_class(plan->kind), request);
    if (UNLIKELY(entry == NULL)) {
        return RESULT_NO_MEMORY;
    }
    struct expiry_spare spare;
    if (plan->expiry_ms >= 0 && !expiry_reserve(&ks->expiry, plan->expiry_ms, entry, &spare)) {
        goto refused;
    }
    if (UNLIKELY(!dict_insert(&ks->dict, key.hash, entry))) {
        if (plan->expiry_ms >= 0) {
            expiry_release(&ks->expiry, &spare);
        }
        goto refused;
    }
    entry_set_access(entry, ks->initial_access);
    entry_write(entry, head, plan);
    join_expiry_index(ks, plan->expiry_ms, entry, &spare);
    counter_add(&ks->key_count, 1);
    const uint64_t bytes = entry_memory_bytes(entry);
    counter_add(&ks->entry_bytes, bytes);
    keyspace_note_size(ks, entry, 0, bytes);
    debug_assert(keyspace_is_valid_at(ks, key.hash));
    keyspace_after_new(ks, key.hash, entry);
    return RESULT_OK;

refused:
    heap_free(ks->heap, entry_class(plan->kind), entry, request);
    return RESULT_NO_MEMORY;
}

static enum result store_over(struct keyspace *ks, struct key key, struct entry *existing, const struct entry_plan *plan)
{
    keyspace_before_change(ks, existing);
    size_t own_bytes;
    const uint8_t head = entry_plan_head(plan, &own_bytes);
    const size_t request = entry_block_request(own_bytes);
    const size_t old_request = entry_block_request(entry_own_bytes(existing));
    const uint64_t old_bytes = entry_memory_bytes(existing);
    const bool is_in_place = request == old_request;
    const enum mem_class which = entry_class(plan->kind);
    const enum mem_class old_class = entry_class(entry_kind(existing));
    struct entry *entry = is_in_place ? existing : heap_alloc(ks->heap, which, request);
    if (entry == NULL) {
        return RESULT_NO_MEMORY;
    }
    const bool is_index_right = is_in_place && plan->expiry_ms == keyspace_expiry_ms(ks, existing);
    struct expiry_spare spare = {0};
    if (!is_index_right && plan->expiry_ms >= 0 && !expiry_reserve(&ks->expiry, plan->expiry_ms, entry, &spare)) {
        if (!is_in_place) {
            heap_free(ks->heap, which, entry, request);
        }
        return RESULT_NO_MEMORY;
    }
    if (!is_index_right) {
        leave_expiry_index(ks, existing);
    }
    release_value(ks, existing);
    entry_set_access(entry, entry_access(existing));
    entry_write(entry, head, plan);
    if (!is_in_place) {
        dict_replace(&ks->dict, key.hash, existing, entry);
        heap_free(ks->heap, old_class, existing, old_request);
    } else if (UNLIKELY(which != old_class)) {
        heap_reclass(ks->heap, old_class, which, request);
    }
    if (!is_index_right) {
        join_expiry_index(ks, plan->expiry_ms, entry, &spare);
    }
    const uint64_t bytes = entry_memory_bytes(entry);
    counter_add(&ks->entry_bytes, bytes - old_bytes);
    keyspace_note_size(ks, entry, which == old_class ? old_bytes : 0, bytes);
    debug_assert(keyspace_is_valid_at(ks, key.hash));
    return RESULT_OK;
}

enum result keyspace_store(struct keyspace *ks, struct key key, struct entry *existing, const struct entry_plan *plan)
{
    if (UNLIKELY(key.name.len > UINT32_MAX)) {
        return RESULT_TOO_LONG;
    }
    debug_assert(key.hash == hash_bytes(ks->secret, key.name));
    debug_assert(existing == keyspace_peek(ks, key));
    return existing == NULL ? store_new(ks, key, plan) : store_over(ks, key, existing, plan);
}

/* --- values that change their size --- */

enum result keyspace_attach(struct keyspace *ks, uint64_t hash, struct entry *entry)
{
    assert(!entry_has_expiry(entry));
    debug_assert(hash == keyspace_hash_of(ks, entry));
    keyspace_before_new(ks, hash, entry_key(entry));
    if (UNLIKELY(!dict_insert(&ks->dict, hash, entry))) {
        return RESULT_NO_MEMORY;
    }
    entry_set_access(entry, ks->initial_access);
    counter_add(&ks->key_count, 1);
    const uint64_t bytes = entry_memory_bytes(entry);
    counter_add(&ks->entry_bytes, bytes);
    keyspace_note_size(ks, entry, 0, bytes);
    debug_assert(keyspace_is_valid_at(ks, hash));
    keyspace_after_new(ks, hash, entry);
    return RESULT_OK;
}

/* Moves an entry that expires, or not, to another block: all that can be refused. */
static struct entry *move_block(struct keyspace *ks, const struct entry *entry, enum mem_class which, size_t request,
                                struct expiry_spare *spare)
{
    struct entry *moved = heap_alloc(ks->heap, which, request);
    if (moved == NULL || !entry_has_expiry(entry)) {
        return moved;
    }
    if (!expiry_reserve(&ks->expiry, keyspace_expiry_ms(ks, entry), moved, spare)) {
        heap_free(ks->heap, which, moved, request);
        return NULL;
    }
    return moved;
}

enum result keyspace_reshape(struct keyspace *ks, uint64_t hash, struct entry **entry, enum entry_kind kind, size_t value_len)
{
    struct entry *old = *entry;
    const size_t request = entry_block_request(entry_reshaped_bytes(old, value_len));
    const size_t old_request = entry_block_request(entry_own_bytes(old));
    const enum mem_class which = entry_class(kind);
    const enum mem_class old_class = entry_class(entry_kind(old));
    if (LIKELY(request == old_request)) {
        entry_reshape(old, old, kind, value_len, ks->expiry.reference_ms);
        if (UNLIKELY(which != old_class)) {
            heap_reclass(ks->heap, old_class, which, request);
        }
        return RESULT_OK;
    }
    struct expiry_spare spare = {0};
    struct entry *moved = move_block(ks, old, which, request, &spare);
    if (moved == NULL) {
        return RESULT_NO_MEMORY;
    }
    const int64_t expiry_ms = keyspace_expiry_ms(ks, old);
    leave_expiry_index(ks, old);
    entry_reshape(moved, old, kind, value_len, ks->expiry.reference_ms);
    dict_replace(&ks->dict, hash, old, moved);
    join_expiry_index(ks, expiry_ms, moved, &spare);
    heap_free(ks->heap, old_class, old, old_request);
    debug_assert(keyspace_is_valid_at(ks, hash));
    *entry = moved;
    return RESULT_OK;
}

void keyspace_move_entry(struct keyspace *ks, struct entry *entry)
{
    const size_t request = entry_block_request(entry_own_bytes(entry));
    const enum mem_class which = entry_class(entry_kind(entry));
    struct expiry_spare spare = {0};
    struct entry *moved = heap_is_sparse(ks->heap, entry) ? move_block(ks, entry, which, request, &spare) : NULL;
    heap_count_move(ks->heap, moved != NULL);
    if (moved == NULL) {
        return;
    }
    memcpy(moved, entry, entry_own_bytes(entry));
    const int64_t expiry_ms = keyspace_expiry_ms(ks, entry);
    leave_expiry_index(ks, entry);
    dict_replace(&ks->dict, keyspace_hash_of(ks, entry), entry, moved);
    join_expiry_index(ks, expiry_ms, moved, &spare);
    heap_free(ks->heap, which, entry, request);
    debug_assert(keyspace_is_valid_at(ks, keyspace_hash_of(ks, moved)));
}

/* --- expiry of a key --- */

enum result keyspace_set_expiry(struct keyspace *ks, struct entry **entry, int64_t expiry_ms)
{
    struct entry *old = *entry;
    if (expiry_ms < 0) {
        expiry_ms = KEYSPACE_NO_EXPIRY;
    }
    if (expiry_ms == keyspace_expiry_ms(ks, old)) {
        return RESULT_OK;
    }
    keyspace_before_change(ks, old);
    size_t own_bytes;
    const uint8_t head = entry_head_with_expiry(old, expiry_ms, ks->expiry.reference_ms, &own_bytes);
    const size_t request = entry_block_request(own_bytes);
    const size_t old_request = entry_block_request(entry_own_bytes(old));
    const enum mem_class which = entry_class(entry_kind(old));
    struct entry *moved = request == old_request ? old : heap_alloc(ks->heap, which, request);
    if (moved == NULL) {
        return RESULT_NO_MEMORY;
    }
    struct expiry_spare spare = {0};
    if (expiry_ms >= 0 && !expiry_reserve(&ks->expiry, expiry_ms, moved, &spare)) {
        if (moved != old) {
            heap_free(ks->heap, which, moved, request);
        }
        return RESULT_NO_MEMORY;
    }
    leave_expiry_index(ks, old);
    const uint64_t old_bytes = entry_memory_bytes(old);
    entry_copy_with_expiry(moved, old, head, expiry_ms);
    const uint64_t bytes = entry_memory_bytes(moved);
    counter_add(&ks->entry_bytes, bytes - old_bytes);
    keyspace_note_size(ks, moved, old_bytes, bytes);
    if (moved != old) {
        dict_replace(&ks->dict, keyspace_hash_of(ks, moved), old, moved);
        heap_free(ks->heap, which, old, old_request);
    }
    join_expiry_index(ks, expiry_ms, moved, &spare);
    debug_assert(keyspace_is_valid_at(ks, keyspace_hash_of(ks, moved)));
    *entry = moved;
    return RESULT_OK;
}

/* --- copying --- */

/* The source's value as a plan of its own; a raw string or collection is copied. False: refused. */
static bool plan_value_of(struct keyspace *ks, const struct entry *source, struct entry_plan *plan)
{
    plan->kind = entry_kind(source);
    if (entry_kind_is_inline(plan->kind)) {
        plan->text = (struct bytes){entry_value_data(source), entry_value_len(source)};
        return true;
    }
    if (entry_kind_is_collection(plan->kind)) {
        const struct collection *collection = entry_collection_unchecked(source);
        struct collection *copy = collection->type->copy(collection, ks->heap);
        plan->word = (uint64_t)(uintptr_t)copy;
        return copy != NULL;
    }
    plan->word = entry_value_word(source);
    if (plan->kind != ENTRY_RAW) {
        return true;
    }
    const struct raw_string *raw = entry_raw_string(source);
    struct raw_string *copy = keyspace_raw_create(ks, raw->len);
    if (copy == NULL) {
        return false;
    }
    memcpy(copy->data, raw->data, raw->len);
    copy->len = raw->len;
    plan->word = (uint64_t)(uintptr_t)copy;
    return true;
}

enum result keyspace_copy_from(struct keyspace *ks, struct key key, const struct keyspace *from, const struct entry *source,
                               int64_t now_ms)
{
    struct entry *existing = keyspace_find(ks, key, now_ms);
    if (existing == source) {
        return RESULT_OK;
    }
    struct entry_plan plan = keyspace_plan(ks, key, NULL);
    plan.expiry_ms = keyspace_expiry_ms(from, source);
    if (!plan_value_of(ks, source, &plan)) {
        return RESULT_NO_MEMORY;
    }
    const enum result result = keyspace_store(ks, key, existing, &plan);
    if (result == RESULT_OK && plan.kind == ENTRY_HASH) {
        keyspace_place_times(ks, keyspace_peek(ks, key));
    } else if (result != RESULT_OK && plan.kind == ENTRY_RAW) {
        keyspace_raw_free(ks, (struct raw_string *)(uintptr_t)plan.word);
    } else if (result != RESULT_OK && entry_kind_is_collection(plan.kind)) {
        collection_destroy((struct collection *)(uintptr_t)plan.word);
    }
    return result;
}

/* --- moving --- */

/* The raw string or collection of `source`, from a keyspace of the same heap, becomes `key`'s; the source keeps the address as a
 * number.  */
static enum result take_word(struct keyspace *ks, struct key key, struct keyspace *from, struct entry *source, int64_t now_ms)
{
    struct entry_plan plan = keyspace_plan(ks, key, NULL);
    plan.kind = entry_kind(source);
    plan.word = entry_value_word(source);
    plan.expiry_ms = keyspace_expiry_ms(from, source);
    const enum result result = keyspace_store(ks, key, keyspace_find(ks, key, now_ms), &plan);
    if (result != RESULT_OK) {
        return result;
    }
    assert(ks->heap == from->heap);
    if (plan.kind == ENTRY_HASH) {
        keyspace_forget_times(from, entry_collection_unchecked(source));
        keyspace_place_times(ks, keyspace_peek(ks, key));
    }
    const uint64_t old_bytes = entry_memory_bytes(source);
    heap_reclass(from->heap, entry_class(plan.kind), MEM_STRING, entry_block_request(entry_own_bytes(source)));
    source->head = (uint8_t)((source->head & ~ENTRY_KIND_MASK) | ENTRY_INTEGER);
    counter_add(&from->entry_bytes, entry_memory_bytes(source) - old_bytes);
    return RESULT_OK;
}

enum result keyspace_move_from(struct keyspace *ks, struct key key, struct keyspace *from, struct key from_key, int64_t now_ms)
{
    struct entry *source = keyspace_find(from, from_key, now_ms);
    assert(source != NULL);
    if (ks == from && bytes_equal(key.name, from_key.name)) {
        return RESULT_OK;
    }
    keyspace_before_change(from, source);
    const enum entry_kind kind = entry_kind(source);
    const bool can_take = ks->heap == from->heap && (kind == ENTRY_RAW || entry_kind_is_collection(kind));
    const enum result result =
        can_take ? take_word(ks, key, from, source, now_ms) : keyspace_copy_from(ks, key, from, source, now_ms);
    if (result == RESULT_OK) {
        take_out(from, from_key.hash, source);
    }
    return result;
}
