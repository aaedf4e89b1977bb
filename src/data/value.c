/* value.c - where the value of a key is: in its entry or apart; see value.h.  */
#include "data/value.h"

#include "data/keyspace_private.h"

#include <assert.h>

_Static_assert((int)ENTRY_LIST_PACKED == (int)VALUE_FORM_LIST_PACKED + 1 && (int)ENTRY_STREAM == (int)VALUE_FORM_STREAM + 1,
               "kinds from lists on are forms plus one");

static enum entry_kind kind_of_form(enum value_form form)
{
    assert(form >= VALUE_FORM_LIST_PACKED && form < VALUE_FORM_COUNT);
    return (enum entry_kind)(form + 1);
}

enum value_form entry_form(const struct entry *entry)
{
    const enum entry_kind kind = entry_kind(entry);
    return kind <= ENTRY_RAW ? VALUE_FORM_STRING : (enum value_form)(kind - 1);
}

struct bytes entry_packed(const struct entry *entry)
{
    assert(entry_kind_is_inline(entry_kind(entry)));
    return (struct bytes){entry_value_data(entry), entry_value_len(entry)};
}

struct collection *entry_collection(const struct entry *entry)
{
    assert(entry_kind_is_collection(entry_kind(entry)));
    return entry_collection_unchecked(entry);
}

/* --- opening --- */

void value_open(struct value *value, struct keyspace *ks, struct key key, struct entry *entry)
{
    debug_assert(key.hash == hash_bytes(ks->secret, key.name));
    debug_assert(entry == keyspace_peek(ks, key));
    if (entry != NULL) {
        keyspace_before_change(ks, entry);
    }
    *value = (struct value){
        .ks = ks,
        .heap = ks->heap,
        .secret = ks->secret,
        .key = key,
        .entry = entry,
        .counted_bytes = entry == NULL ? 0 : entry_memory_bytes(entry),
        .is_new = entry == NULL,
    };
}

void value_open_detached(struct value *value, struct heap *heap, const struct hash_secret *secret)
{
    *value = (struct value){.heap = heap, .secret = secret, .is_new = true};
}

enum result value_clone(struct value *value, struct heap *heap, const struct hash_secret *secret, const struct entry *source)
{
    struct value clone;
    value_open_detached(&clone, heap, secret);
    const enum entry_kind kind = entry_kind(source);
    enum result result;
    if (entry_kind_is_inline(kind)) {
        const struct bytes bytes = entry_packed(source);
        result = value_resize(&clone, entry_form(source), bytes.len);
        if (result == RESULT_OK && bytes.len > 0) {
            memcpy(value_data(&clone), bytes.data, bytes.len);
        }
    } else {
        const struct collection *collection = entry_collection(source);
        struct collection *copy = collection->type->copy(collection, heap);
        if (copy == NULL) {
            return RESULT_NO_MEMORY;
        }
        result = value_set_collection(&clone, entry_form(source), copy);
        if (result != RESULT_OK) {
            collection_destroy(copy);
        }
    }
    if (result == RESULT_OK) {
        *value = clone;
    }
    return result;
}

/* --- changing --- */

char *value_data(const struct value *value)
{
    debug_assert(value->entry != NULL);
    return entry_value_data(value->entry);
}

size_t value_len(const struct value *value)
{
    return value->entry == NULL ? 0 : entry_value_len(value->entry);
}

/* The first block of a new value. */
static enum result make_entry(struct value *value, enum entry_kind kind, size_t len)
{
    const struct entry_plan plan = {
        .key = value->ks == NULL ? (struct bytes){0} : value->key.name,
        .kind = kind,
        .text = {NULL, len},
        .expiry_ms = KEYSPACE_NO_EXPIRY,
    };
    if (UNLIKELY(plan.key.len > UINT32_MAX)) {
        return RESULT_TOO_LONG;
    }
    size_t own_bytes;
    const uint8_t head = entry_plan_head(&plan, &own_bytes);
    struct entry *entry = heap_alloc(value->heap, entry_class(kind), entry_block_request(own_bytes));
    if (UNLIKELY(entry == NULL)) {
        return RESULT_NO_MEMORY;
    }
    entry_set_access(entry, 0);
    entry_write(entry, head, &plan);
    value->entry = entry;
    return RESULT_OK;
}

/* The same as keyspace_reshape, for an entry that no keyspace knows. */
static enum result reshape_new(struct value *value, enum entry_kind kind, size_t len)
{
    struct entry *old = value->entry;
    const size_t request = entry_block_request(entry_reshaped_bytes(old, len));
    const size_t old_request = entry_block_request(entry_own_bytes(old));
    const enum mem_class which = entry_class(kind);
    const enum mem_class old_class = entry_class(entry_kind(old));
    if (request == old_request) {
        entry_reshape(old, old, kind, len, 0);
        if (which != old_class) {
            heap_reclass(value->heap, old_class, which, request);
        }
        return RESULT_OK;
    }
    struct entry *moved = heap_alloc(value->heap, which, request);
    if (UNLIKELY(moved == NULL)) {
        return RESULT_NO_MEMORY;
    }
    entry_reshape(moved, old, kind, len, 0);
    heap_free(value->heap, old_class, old, old_request);
    value->entry = moved;
    return RESULT_OK;
}

static enum result reshape(struct value *value, enum entry_kind kind, size_t len)
{
    if (value->entry == NULL) {
        return make_entry(value, kind, len);
    }
    if (value->is_new) {
        return reshape_new(value, kind, len);
    }
    return keyspace_reshape(value->ks, value->key.hash, &value->entry, kind, len);
}

enum result value_resize(struct value *value, enum value_form form, size_t len)
{
    assert(value->entry == NULL || entry_kind_is_inline(entry_kind(value->entry)));
    assert(entry_kind_is_inline(kind_of_form(form)));
    return reshape(value, kind_of_form(form), len);
}

static void write_word(struct value *value, uint64_t word)
{
    memcpy(entry_value_data(value->entry), &word, sizeof word);
}

enum result value_set_collection(struct value *value, enum value_form form, struct collection *collection)
{
    assert(value->entry == NULL || entry_kind_is_inline(entry_kind(value->entry)));
    assert(entry_kind_is_collection(kind_of_form(form)));
    assert(collection->heap == value->heap);
    const enum result result = reshape(value, kind_of_form(form), ENTRY_WORD_BYTES);
    if (result == RESULT_OK) {
        write_word(value, (uint64_t)(uintptr_t)collection);
    }
    return result;
}

void value_note_moved(struct value *value, struct collection *collection)
{
    assert(entry_kind_is_collection(entry_kind(value->entry)));
    assert(collection->heap == value->heap);
    write_word(value, (uint64_t)(uintptr_t)collection);
}

enum result value_set_packed(struct value *value, enum value_form form, struct bytes bytes)
{
    struct collection *collection = entry_collection(value->entry);
    assert(entry_kind_is_inline(kind_of_form(form)));
    assert(collection->pins == 0);
    const enum result result = reshape(value, kind_of_form(form), bytes.len);
    if (result != RESULT_OK) {
        return result;
    }
    if (bytes.len > 0) {
        memcpy(value_data(value), bytes.data, bytes.len);
    }
    collection_destroy(collection);
    return RESULT_OK;
}

/* --- ending --- */

static void free_new(struct value *value)
{
    struct entry *entry = value->entry;
    value->entry = NULL;
    if (entry == NULL) {
        return;
    }
    const enum entry_kind kind = entry_kind(entry);
    struct keyspace *ks = value->ks != NULL ? value->ks : value->home;
    if (entry_kind_is_collection(kind) && ks != NULL) {
        keyspace_release_collection(ks, entry_collection_unchecked(entry));
    } else if (entry_kind_is_collection(kind)) {
        collection_destroy(entry_collection_unchecked(entry));
    }
    heap_free(value->heap, entry_class(kind), entry, entry_block_request(entry_own_bytes(entry)));
}

/* For debug asserts: a collection says what its blocks are. */
bool value_is_valid(const struct value *value)
{
    const bool is_apart = entry_kind_is_collection(entry_kind(value->entry));
    return !is_apart || collection_is_valid(entry_collection_unchecked(value->entry));
}

static void settle(struct value *value)
{
    debug_assert(value_is_valid(value));
    const uint64_t bytes = entry_memory_bytes(value->entry);
    counter_add(&value->ks->entry_bytes, bytes - value->counted_bytes);
    keyspace_note_size(value->ks, value->entry, value->counted_bytes, bytes);
    keyspace_note_times(value->ks, value->entry);
    value->counted_bytes = bytes;
}

enum result value_close(struct value *value)
{
    if (value->ks == NULL || value->entry == NULL) {
        return RESULT_OK;
    }
    if (!value->is_new) {
        settle(value);
        return RESULT_OK;
    }
    const enum result result = keyspace_attach(value->ks, value->key.hash, value->entry);
    if (UNLIKELY(result != RESULT_OK)) {
        free_new(value);
    } else {
        keyspace_note_times(value->ks, value->entry);
    }
    return result;
}

void value_remove(struct value *value)
{
    if (value->is_new) {
        free_new(value);
        return;
    }
    settle(value);
    keyspace_remove(value->ks, value->key.hash, value->entry);
    value->entry = NULL;
}

enum result value_store_with_expiry(struct value *value, struct keyspace *ks, struct key key, struct entry *existing,
                                    int64_t expiry_ms)
{
    assert(value->ks == NULL);
    assert(value->entry != NULL);
    assert(value->heap == ks->heap);
    debug_assert(value_is_valid(value));
    struct entry *entry = value->entry;
    struct entry_plan plan = keyspace_plan(ks, key, NULL);
    plan.kind = entry_kind(entry);
    plan.expiry_ms = expiry_ms;
    if (entry_kind_is_inline(plan.kind)) {
        plan.text = entry_packed(entry);
    } else {
        plan.word = entry_value_word(entry);
    }
    const enum result result = keyspace_store(ks, key, existing, &plan);
    if (result != RESULT_OK) {
        return result;
    }
    heap_free(value->heap, entry_class(plan.kind), entry, entry_block_request(entry_own_bytes(entry)));
    value->entry = NULL;
    if (plan.kind == ENTRY_HASH) {
        keyspace_place_times(ks, keyspace_peek(ks, key));
    }
    return RESULT_OK;
}

enum result value_store(struct value *value, struct keyspace *ks, struct key key, struct entry *existing)
{
    return value_store_with_expiry(value, ks, key, existing, KEYSPACE_NO_EXPIRY);
}
