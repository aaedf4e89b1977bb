/* keyspace_string.c - storing strings and changing them in place.
 *
 * A string is an int64 when its text is one, stands in its entry when that is short, or apart in a raw string. What was
 * modified in place stays a raw string with room to grow, until it is stored anew: OBJECT ENCODING shows it.  */
#include "data/keyspace.h"

#include "base/number.h"
#include "data/keyspace_private.h"

#include <assert.h>

enum {
    GROW_DOUBLE_MAX = 1024 * 1024, /* strings grow by doubling below this length, by as much above */
};

static bool is_same_block(const struct raw_string *raw, size_t len)
{
    return len <= raw->capacity && entry_block_request(raw_string_bytes(len)) == raw_string_bytes(raw->capacity);
}

/* True when it was done: a value that fills the same block and leaves the expiry alone goes where the old one was. */
static bool overwrite_in_place(struct keyspace *ks, struct entry *existing, struct bytes value,
                               const struct entry_plan *plan)
{
    if (plan->expiry_ms != keyspace_expiry_ms(ks, existing) || entry_kind(existing) != plan->kind) {
        return false;
    }
    keyspace_before_change(ks, existing);
    if (plan->kind == ENTRY_RAW) {
        struct raw_string *raw = entry_raw_string(existing);
        assert(raw->pins == 0);
        if (!is_same_block(raw, value.len)) {
            return false;
        }
        memcpy(raw->data, value.data, value.len);
        raw->len = value.len;
        return true;
    }
    if (plan->kind == ENTRY_INTEGER) {
        memcpy(entry_value_data(existing), &plan->word, sizeof plan->word);
        return true;
    }
    if (entry_value_len(existing) != value.len) {
        return false;
    }
    if (value.len > 0) {
        memcpy(entry_value_data(existing), value.data, value.len);
    }
    return true;
}

/* Text that begins as an integer may be one. */
static bool is_integer(struct bytes value, int64_t *out)
{
    if (value.len == 0 || value.len > INT64_TEXT_MAX || (unsigned char)value.data[0] > '9') {
        return false;
    }
    return int64_parse(value, out);
}

/* The value as bytes, also when they are digits; a raw string is not made yet. */
static void plan_text(struct entry_plan *plan, struct bytes value)
{
    plan->kind = ENTRY_INLINE;
    plan->text = value;
    if (value.len > ENTRY_EMBSTR_MAX) {
        size_t own_bytes;
        entry_plan_head(plan, &own_bytes);
        plan->kind = own_bytes > ENTRY_INLINE_MAX ? ENTRY_RAW : ENTRY_INLINE;
    }
}

/* Which kind the value is. */
static void plan_value(struct entry_plan *plan, struct bytes value)
{
    int64_t number;
    if (!is_integer(value, &number)) {
        plan_text(plan, value);
        return;
    }
    plan->kind = ENTRY_INTEGER;
    plan->word = (uint64_t)number;
}

/* Stores `value` as the plan says, which lacks only the raw string. */
static enum result put_planned(struct keyspace *ks, struct key key, struct entry *existing, struct bytes value,
                               struct entry_plan *plan)
{
    if (existing != NULL && overwrite_in_place(ks, existing, value, plan)) {
        return RESULT_OK;
    }
    if (LIKELY(plan->kind != ENTRY_RAW)) {
        return keyspace_store(ks, key, existing, plan);
    }
    struct raw_string *raw = keyspace_raw_create(ks, value.len);
    if (raw == NULL) {
        return RESULT_NO_MEMORY;
    }
    memcpy(raw->data, value.data, value.len);
    raw->len = value.len;
    plan->word = (uint64_t)(uintptr_t)raw;
    const enum result result = keyspace_store(ks, key, existing, plan);
    if (result != RESULT_OK) {
        keyspace_raw_free(ks, raw);
    }
    return result;
}

/* Absolute milliseconds, or KEYSPACE_NO_EXPIRY. */
static inline int64_t planned_expiry(const struct keyspace *ks, const struct entry *existing, enum expiry_mode mode, int64_t expiry_ms)
{
    assert(mode != EXPIRY_SET || expiry_ms >= 0);
    if (mode == EXPIRY_SET) {
        return expiry_ms;
    }
    return mode == EXPIRY_KEEP && existing != NULL ? entry_expiry_near(existing, ks->expiry.reference_ms) : KEYSPACE_NO_EXPIRY;
}

enum result keyspace_put_string(struct keyspace *ks, struct key key, struct entry *existing, struct bytes value,
                                enum expiry_mode mode, int64_t expiry_ms)
{
    struct entry_plan plan = keyspace_plan(ks, key, NULL);
    plan.expiry_ms = planned_expiry(ks, existing, mode, expiry_ms);
    plan_value(&plan, value);
    return put_planned(ks, key, existing, value, &plan);
}

enum result keyspace_put_text(struct keyspace *ks, struct key key, struct entry *existing, struct bytes value)
{
    struct entry_plan plan = keyspace_plan(ks, key, existing);
    plan_text(&plan, value);
    return put_planned(ks, key, existing, value, &plan);
}

enum result keyspace_put_integer(struct keyspace *ks, struct key key, struct entry *existing, int64_t value)
{
    if (existing != NULL && entry_kind(existing) == ENTRY_INTEGER) {
        keyspace_before_change(ks, existing);
        memcpy(entry_value_data(existing), &value, sizeof value);
        return RESULT_OK;
    }
    struct entry_plan plan = keyspace_plan(ks, key, existing);
    plan.kind = ENTRY_INTEGER;
    plan.word = (uint64_t)value;
    return keyspace_store(ks, key, existing, &plan);
}

/* --- changing in place --- */

static size_t grown_capacity(size_t len)
{
    return len < GROW_DOUBLE_MAX ? 2 * len : len + GROW_DOUBLE_MAX;
}

enum rest { REST_ANY, REST_ZERO };

/* Gives an existing raw string room for `len` bytes. What comes to its capacity is 0 if `rest` says so. */
static enum result raw_reserve(struct keyspace *ks, struct entry *entry, size_t len, enum rest rest, struct raw_string **out)
{
    struct raw_string *raw = entry_raw_string(entry);
    assert(raw->len <= raw->capacity);
    if (len > raw->capacity) {
        assert(raw->pins == 0);
        const uint64_t old_bytes = entry_memory_bytes(entry);
        const size_t request = entry_block_request(raw_string_bytes(grown_capacity(len)));
        const size_t old_size = raw_string_bytes(raw->capacity);
        raw = rest == REST_ZERO ? heap_realloc_zeroed(ks->heap, MEM_STRING, raw, old_size, request)
                                : heap_realloc(ks->heap, MEM_STRING, raw, old_size, request);
        if (raw == NULL) {
            return RESULT_NO_MEMORY;
        }
        raw_string_set_capacity(raw, request);
        const uint64_t word = (uint64_t)(uintptr_t)raw;
        memcpy(entry_value_data(entry), &word, sizeof word);
        const uint64_t bytes = entry_memory_bytes(entry);
        counter_add(&ks->entry_bytes, bytes - old_bytes);
        keyspace_note_size(ks, entry, old_bytes, bytes);
    }
    *out = raw;
    return RESULT_OK;
}

/* A zeroed raw string; NULL when refused. A long one takes no pages until it is written. */
static struct raw_string *raw_create_zeroed(struct keyspace *ks, size_t capacity)
{
    const size_t request = entry_block_request(raw_string_bytes(capacity));
    struct raw_string *raw = heap_alloc_zeroed(ks->heap, MEM_STRING, request);
    if (raw != NULL) {
        raw_string_set_capacity(raw, request);
    }
    return raw;
}

/* Stores a raw string, which is taken on RESULT_OK. */
static enum result store_raw(struct keyspace *ks, struct key key, struct entry *existing, struct entry_plan *plan,
                             struct raw_string *raw)
{
    plan->kind = ENTRY_RAW;
    plan->word = (uint64_t)(uintptr_t)raw;
    return keyspace_store(ks, key, existing, plan);
}

/* From short to long: then a new string is zeroed already, and the copy is the smaller part of the work. */
static bool is_leap(size_t old_len, size_t len)
{
    return old_len < GROW_DOUBLE_MAX && len > 2 * GROW_DOUBLE_MAX;
}

/* The key's value as a raw string with room for `len` bytes, its text unchanged; an empty one for a new key. With REST_ZERO only what
 * was its capacity before may be something else than 0.  */
static enum result raw_open(struct keyspace *ks, struct key key, struct entry *existing, size_t len, enum rest rest,
                            struct raw_string **out)
{
    const size_t old_len = existing == NULL ? 0 : entry_string_len(existing);
    if (len > RAW_LEN_MAX) {
        return RESULT_TOO_LONG;
    }
    if (existing != NULL && entry_kind(existing) == ENTRY_RAW && !is_leap(old_len, len)) {
        keyspace_before_change(ks, existing);
        return raw_reserve(ks, existing, len, rest, out);
    }
    struct raw_string *raw = raw_create_zeroed(ks, existing == NULL ? len : grown_capacity(len));
    if (raw == NULL) {
        return RESULT_NO_MEMORY;
    }
    if (existing != NULL) {
        char scratch[STRING_SCRATCH];
        const struct bytes text = entry_string(existing, scratch);
        raw->len = text.len;
        if (text.len > 0) {
            memcpy(raw->data, text.data, text.len);
        }
    }
    struct entry_plan plan = keyspace_plan(ks, key, existing);
    const enum result result = store_raw(ks, key, existing, &plan, raw);
    if (result != RESULT_OK) {
        keyspace_raw_free(ks, raw);
        return result;
    }
    *out = raw;
    return RESULT_OK;
}

static struct open_string open_raw(struct raw_string *raw)
{
    return (struct open_string){.raw = raw, .data = raw->data, .len = raw->len, .room = raw->capacity};
}

enum result keyspace_string_open(struct keyspace *ks, struct key key, struct entry *existing, size_t room,
                                 struct open_string *out)
{
    const size_t old_len = existing == NULL ? 0 : entry_string_len(existing);
    if (room < old_len) {
        room = old_len;
    }
    const bool was_raw = existing != NULL && entry_kind(existing) == ENTRY_RAW && !is_leap(old_len, room);
    const size_t old_capacity = was_raw ? entry_raw_string(existing)->capacity : old_len;
    struct raw_string *raw;
    const enum result result = raw_open(ks, key, existing, room, REST_ZERO, &raw);
    if (result != RESULT_OK) {
        return result;
    }
    const size_t dirty_end = room < old_capacity ? room : old_capacity;
    if (dirty_end > old_len) {
        memset(raw->data + old_len, 0, dirty_end - old_len);
    }
    *out = open_raw(raw);
    return RESULT_OK;
}

void keyspace_string_set_len(struct open_string *open, size_t len)
{
    assert(len <= open->room);
    open->raw->len = len;
    open->len = len;
}

enum result keyspace_string_create(struct keyspace *ks, size_t room, struct open_string *out)
{
    struct raw_string *raw = room > RAW_LEN_MAX ? NULL : raw_create_zeroed(ks, room);
    if (raw == NULL) {
        return RESULT_NO_MEMORY;
    }
    *out = open_raw(raw);
    return RESULT_OK;
}

enum result keyspace_string_store(struct keyspace *ks, struct key key, struct entry *existing, struct open_string *string,
                                  enum expiry_mode mode, int64_t expiry_ms)
{
    assert(string->raw != NULL);
    struct entry_plan plan = keyspace_plan(ks, key, NULL);
    plan.expiry_ms = planned_expiry(ks, existing, mode, expiry_ms);
    const enum result result = store_raw(ks, key, existing, &plan, string->raw);
    if (result == RESULT_OK) {
        *string = (struct open_string){0};
    }
    return result;
}

void keyspace_string_discard(struct keyspace *ks, struct open_string *string)
{
    if (string->raw != NULL) {
        keyspace_release_raw(ks, string->raw);
    }
    *string = (struct open_string){0};
}

enum result keyspace_string_append(struct keyspace *ks, struct key key, struct entry *existing, struct bytes tail,
                                   size_t *new_len)
{
    assert(existing != NULL);
    assert(entry_type(existing) == VALUE_STRING);
    size_t len;
    if (__builtin_add_overflow(entry_string_len(existing), tail.len, &len)) {
        return RESULT_TOO_LONG;
    }
    struct raw_string *raw;
    const enum result result = raw_open(ks, key, existing, len, REST_ANY, &raw);
    if (result != RESULT_OK) {
        return result;
    }
    if (tail.len > 0) {
        memcpy(raw->data + raw->len, tail.data, tail.len);
    }
    raw->len = len;
    *new_len = len;
    return RESULT_OK;
}

enum result keyspace_string_set_range(struct keyspace *ks, struct key key, struct entry *existing, size_t offset,
                                      struct bytes patch, size_t *new_len)
{
    assert(patch.len > 0);
    size_t end;
    if (__builtin_add_overflow(offset, patch.len, &end)) {
        return RESULT_TOO_LONG;
    }
    struct open_string string;
    const enum result result = keyspace_string_open(ks, key, existing, end, &string);
    if (result != RESULT_OK) {
        return result;
    }
    memcpy(string.data + offset, patch.data, patch.len);
    if (end > string.len) {
        keyspace_string_set_len(&string, end);
    }
    *new_len = string.len;
    return RESULT_OK;
}
