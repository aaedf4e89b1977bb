/* entry.c - reading and writing the bytes of one key; the layout is drawn in entry.h.  */
#include "data/entry.h"

#include "base/number.h"
#include "data/entry_private.h"

#include <assert.h>

_Static_assert(offsetof(struct entry, rest) == 4, "head and access are four bytes");
_Static_assert((int)RAW_PINS_MAX == (1 << RAW_PIN_BITS) - 1, "the pins fit their bits");
_Static_assert((int)STRING_SCRATCH >= (int)INT64_TEXT_MAX, "the scratch holds any integer");

/* --- reading --- */

struct bytes entry_key(const struct entry *entry)
{
    return (struct bytes){entry_key_data(entry), entry_key_len(entry)};
}

enum value_type entry_type(const struct entry *entry)
{
    static const uint8_t types[ENTRY_KIND_COUNT] = {
        [ENTRY_INTEGER] = VALUE_STRING,   [ENTRY_INLINE] = VALUE_STRING,  [ENTRY_RAW] = VALUE_STRING,
        [ENTRY_LIST_PACKED] = VALUE_LIST, [ENTRY_LIST] = VALUE_LIST,      [ENTRY_SET_INTSET] = VALUE_SET,
        [ENTRY_SET_PACKED] = VALUE_SET,   [ENTRY_SET] = VALUE_SET,        [ENTRY_HASH_PACKED] = VALUE_HASH,
        [ENTRY_HASH] = VALUE_HASH,        [ENTRY_ZSET_PACKED] = VALUE_ZSET, [ENTRY_ZSET] = VALUE_ZSET,
        [ENTRY_STREAM] = VALUE_STREAM,
    };
    return (enum value_type)types[entry_kind(entry)];
}

const char *value_type_name(enum value_type type)
{
    assert(type < VALUE_TYPE_COUNT);
    static const char *const names[VALUE_TYPE_COUNT] = {"string", "list", "set", "zset", "hash", "stream"};
    return names[type];
}

const char *entry_encoding_name(const struct entry *entry)
{
    static const char *const names[ENCODING_NAME_COUNT] = {"quicklist", "listpack", "intset", "hashtable", "skiplist", "stream",
                                                             "listpackex"};
    static const uint8_t of_kinds[ENTRY_KIND_COUNT] = {
        [ENTRY_LIST_PACKED] = ENCODING_QUICKLIST, [ENTRY_SET_INTSET] = ENCODING_INTSET, [ENTRY_SET_PACKED] = ENCODING_HASHTABLE,
        [ENTRY_HASH_PACKED] = ENCODING_LISTPACK,  [ENTRY_ZSET_PACKED] = ENCODING_LISTPACK,
    };
    const enum entry_kind kind = entry_kind(entry);
    if (kind == ENTRY_INTEGER) {
        return "int";
    }
    if (kind == ENTRY_INLINE) {
        return entry_value_len(entry) <= ENTRY_EMBSTR_MAX ? "embstr" : "raw";
    }
    if (kind == ENTRY_RAW) {
        return "raw";
    }
    return names[entry_kind_is_collection(kind) ? entry_collection_unchecked(entry)->encoding : of_kinds[kind]];
}

/* Within entry->rest, behind the two lengths. */
static size_t expiry_offset(const struct entry *entry)
{
    return (entry->head & ENTRY_WIDE_LENGTHS) != 0 ? 2 * sizeof(uint32_t) : 2;
}

int64_t entry_expiry_near(const struct entry *entry, int64_t reference_ms)
{
    if (!entry_has_expiry(entry)) {
        return -1;
    }
    if ((entry->head & ENTRY_WIDE_EXPIRY) != 0) {
        int64_t expiry_ms;
        memcpy(&expiry_ms, entry->rest + expiry_offset(entry), sizeof expiry_ms);
        return expiry_ms;
    }
    uint32_t low;
    memcpy(&low, entry->rest + expiry_offset(entry), sizeof low);
    return reference_ms + (int32_t)(low - (uint32_t)reference_ms);
}

uint64_t entry_memory_bytes(const struct entry *entry)
{
    const uint64_t own = heap_block_bytes(entry_block_request(entry_own_bytes(entry)));
    const enum entry_kind kind = entry_kind(entry);
    if (entry_kind_is_collection(kind)) {
        return own + entry_collection_unchecked(entry)->bytes;
    }
    if (kind != ENTRY_RAW) {
        return own;
    }
    return own + heap_block_bytes(raw_string_bytes(entry_raw_string(entry)->capacity));
}

struct bytes entry_string(const struct entry *entry, char scratch[STRING_SCRATCH])
{
    assert(entry_type(entry) == VALUE_STRING);
    switch (entry_kind(entry)) {
    case ENTRY_INTEGER:
        return (struct bytes){scratch, int64_format((int64_t)entry_value_word(entry), scratch)};
    case ENTRY_INLINE:
        return (struct bytes){entry_value_data(entry), entry_value_len(entry)};
    default:
        return (struct bytes){entry_raw_string(entry)->data, entry_raw_string(entry)->len};
    }
}

bool entry_integer(const struct entry *entry, int64_t *out)
{
    if (entry_kind(entry) != ENTRY_INTEGER) {
        return false;
    }
    *out = (int64_t)entry_value_word(entry);
    return true;
}

size_t entry_string_len(const struct entry *entry)
{
    char scratch[STRING_SCRATCH];
    return entry_string(entry, scratch).len;
}

/* --- pins --- */

const void *entry_value_apart(const struct entry *entry)
{
    const enum entry_kind kind = entry_kind(entry);
    return kind == ENTRY_RAW || entry_kind_is_collection(kind) ? (const void *)(uintptr_t)entry_value_word(entry) : NULL;
}

uint32_t entry_pins(const struct entry *entry)
{
    const enum entry_kind kind = entry_kind(entry);
    if (kind == ENTRY_RAW) {
        return entry_raw_string(entry)->pins;
    }
    return entry_kind_is_collection(kind) ? entry_collection_unchecked(entry)->pins : 0;
}

struct raw_string *entry_long_string(const struct entry *entry)
{
    return entry_kind(entry) == ENTRY_RAW ? entry_raw_string(entry) : NULL;
}

struct bytes raw_string_text(const struct raw_string *raw)
{
    return (struct bytes){raw->data, raw->len};
}

bool raw_string_pin(struct raw_string *raw)
{
    if (raw->pins == RAW_PINS_MAX) {
        return false;
    }
    raw->pins++;
    return true;
}

void raw_string_unpin(struct raw_string *raw)
{
    assert(raw->pins > 0);
    raw->pins--;
}

/* --- access --- */

uint32_t entry_access(const struct entry *entry)
{
    return (uint32_t)entry->access[0] | (uint32_t)entry->access[1] << 8 | (uint32_t)entry->access[2] << 16;
}

void entry_set_access(struct entry *entry, uint32_t access)
{
    assert(access < 1 << 24);
    entry->access[0] = (uint8_t)access;
    entry->access[1] = (uint8_t)(access >> 8);
    entry->access[2] = (uint8_t)(access >> 16);
}

/* --- writing --- */

static uint8_t expiry_flags(int64_t expiry_ms, int64_t reference_ms)
{
    if (expiry_ms < 0) {
        return 0;
    }
    /* Without overflow for any two times: modulo 2^64 a small distance is one that is small. */
    const uint64_t distance = (uint64_t)expiry_ms - (uint64_t)reference_ms + ENTRY_EXPIRY_REACH_MS;
    const bool is_near = distance <= 2 * (uint64_t)ENTRY_EXPIRY_REACH_MS;
    return is_near ? ENTRY_HAS_EXPIRY : ENTRY_HAS_EXPIRY | ENTRY_WIDE_EXPIRY;
}

static void write_expiry(struct entry *entry, int64_t expiry_ms)
{
    uint8_t *field = entry->rest + expiry_offset(entry);
    if ((entry->head & ENTRY_WIDE_EXPIRY) != 0) {
        memcpy(field, &expiry_ms, sizeof expiry_ms);
    } else if (entry_has_expiry(entry)) {
        const uint32_t low = (uint32_t)expiry_ms;
        memcpy(field, &low, sizeof low);
    }
}

static void write_lengths(struct entry *entry, size_t key_len, size_t value_len)
{
    if (LIKELY((entry->head & ENTRY_WIDE_LENGTHS) == 0)) {
        debug_assert(key_len <= ENTRY_NARROW_LENGTH_MAX);
        debug_assert(value_len <= ENTRY_NARROW_LENGTH_MAX);
        entry->rest[0] = (uint8_t)key_len;
        entry->rest[1] = (uint8_t)value_len;
        return;
    }
    const uint32_t lengths[2] = {(uint32_t)key_len, (uint32_t)value_len};
    memcpy(entry->rest, lengths, sizeof lengths);
}

uint8_t entry_plan_head(const struct entry_plan *plan, size_t *own_bytes)
{
    const size_t value_len = entry_kind_is_inline(plan->kind) ? plan->text.len : ENTRY_WORD_BYTES;
    const bool is_wide = plan->key.len > ENTRY_NARROW_LENGTH_MAX || value_len > ENTRY_NARROW_LENGTH_MAX;
    const uint8_t head = (uint8_t)(plan->kind | expiry_flags(plan->expiry_ms, plan->reference_ms) |
                                   (is_wide ? ENTRY_WIDE_LENGTHS : 0));
    *own_bytes = entry_header_bytes(head) + plan->key.len + value_len;
    return head;
}

void entry_write(struct entry *entry, uint8_t head, const struct entry_plan *plan)
{
    assert((head & ENTRY_KIND_MASK) == (int)plan->kind);
    assert(entry_header_bytes(head) != 0);
    const bool is_inline = entry_kind_is_inline(plan->kind);
    char *key = (char *)entry + entry_header_bytes(head);
    /* The key first: it may stand in this very block, where the header is about to end elsewhere. */
    if (plan->key.len > 0) {
        memmove(key, plan->key.data, plan->key.len);
    }
    entry->head = head;
    write_lengths(entry, plan->key.len, is_inline ? plan->text.len : ENTRY_WORD_BYTES);
    write_expiry(entry, plan->expiry_ms);
    if (is_inline) {
        if (plan->text.len > 0 && plan->text.data != NULL) {
            memcpy(key + plan->key.len, plan->text.data, plan->text.len);
        }
    } else {
        memcpy(key + plan->key.len, &plan->word, sizeof plan->word);
    }
}

/* The head that `from` has with another value. */
static uint8_t reshaped_head(const struct entry *from, size_t value_len)
{
    const bool is_wide = entry_key_len(from) > ENTRY_NARROW_LENGTH_MAX || value_len > ENTRY_NARROW_LENGTH_MAX;
    const uint8_t kept = from->head & (ENTRY_HAS_EXPIRY | ENTRY_WIDE_EXPIRY);
    return (uint8_t)(kept | (is_wide ? ENTRY_WIDE_LENGTHS : 0));
}

size_t entry_reshaped_bytes(const struct entry *from, size_t value_len)
{
    return entry_header_bytes(reshaped_head(from, value_len)) + entry_key_len(from) + value_len;
}

void entry_reshape(struct entry *to, const struct entry *from, enum entry_kind kind, size_t value_len, int64_t reference_ms)
{
    const uint8_t head = (uint8_t)(reshaped_head(from, value_len) | kind);
    const size_t key_len = entry_key_len(from);
    const size_t old_len = entry_value_len(from);
    const size_t kept = old_len < value_len ? old_len : value_len;
    if (to == from && head == from->head) {
        write_lengths(to, key_len, value_len);
        return;
    }
    const uint32_t access = entry_access(from);
    const int64_t expiry_ms = entry_expiry_near(from, reference_ms);
    memmove((char *)to + entry_header_bytes(head), entry_key_data(from), key_len + kept);
    to->head = head;
    entry_set_access(to, access);
    write_lengths(to, key_len, value_len);
    write_expiry(to, expiry_ms);
}

uint8_t entry_head_with_expiry(const struct entry *entry, int64_t expiry_ms, int64_t reference_ms, size_t *own_bytes)
{
    const uint8_t kept = entry->head & (ENTRY_KIND_MASK | ENTRY_WIDE_LENGTHS);
    const uint8_t head = (uint8_t)(kept | expiry_flags(expiry_ms, reference_ms));
    *own_bytes = entry_own_bytes(entry) - entry_header_bytes(entry->head) + entry_header_bytes(head);
    return head;
}

void entry_copy_with_expiry(struct entry *to, const struct entry *from, uint8_t head, int64_t expiry_ms)
{
    const size_t key_len = entry_key_len(from);
    const size_t value_len = entry_value_len(from);
    const uint32_t access = entry_access(from);
    memmove((char *)to + entry_header_bytes(head), entry_key_data(from), key_len + value_len);
    to->head = head;
    entry_set_access(to, access);
    write_lengths(to, key_len, value_len);
    write_expiry(to, expiry_ms);
}
