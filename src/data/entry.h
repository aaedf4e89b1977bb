/* entry.h - one key with its value: a single block for small strings.
 *
 * Layout (bytes)
 *   0      head: kind in the low 4 bits; HAS_EXPIRY, WIDE_EXPIRY, WIDE_LENGTHS above
 *   1..3   access: Redis's 24-bit LRU clock (seconds) or LFU field, by maxmemory-policy
 *   then   key length and inline value length: 1 + 1 byte, or 4 + 4 when WIDE_LENGTHS
 *   then   expiry: absent; 4 bytes, the low 32 bits of the absolute milliseconds (when it is less than 12 days away);
 *          or 8 bytes when WIDE_EXPIRY
 *   then   the key, then the value: inline bytes (a short string, a small collection), or 8 bytes (an int64, or a pointer to
 *          struct raw_string or struct collection)
 * A 14-byte key with an 8-byte value is 28 bytes, 32 with a TTL: one 32-byte block in both cases.
 *
 * Threads    Under the baton of its shard.  */
#ifndef DATA_ENTRY_H
#define DATA_ENTRY_H

#include "base/bytes.h"

#include <stdbool.h>
#include <stdint.h>

struct entry;

enum value_type { VALUE_STRING, VALUE_LIST, VALUE_SET, VALUE_ZSET, VALUE_HASH, VALUE_STREAM, VALUE_TYPE_COUNT };

enum { STRING_SCRATCH = 24 };

struct bytes entry_key(const struct entry *entry);
enum value_type entry_type(const struct entry *entry);
/* "string", "list" ...: TYPE's word. */
const char *value_type_name(enum value_type type);
/* "int", "embstr", "raw", "listpack" ...: OBJECT ENCODING's word, by Redis's rules (embstr: 44 bytes or fewer, never modified in
 * place).  */
const char *entry_encoding_name(const struct entry *entry);
/* Every block that this key owns, as the allocator counts it: exact, O(1). What MEMORY USAGE answers. */
uint64_t entry_memory_bytes(const struct entry *entry);

/* --- strings --- */
/* The value's text: lent from the entry, or made in `scratch` for an integer. */
struct bytes entry_string(const struct entry *entry, char scratch[STRING_SCRATCH]);
/* True and the number when the value is kept as one. */
bool entry_integer(const struct entry *entry, int64_t *out);
size_t entry_string_len(const struct entry *entry);

/* --- pins: jobs that read in steps what an entry holds outside of its block (exec/exec.h) --- */
struct raw_string;
/* The address of the collection or raw string, which stays while it is pinned; NULL: the value is in the entry. */
const void *entry_value_apart(const struct entry *entry);
/* How many jobs have pinned that. */
uint32_t entry_pins(const struct entry *entry);
/* The entry's string when it is one apart; NULL: it is none, or short. */
struct raw_string *entry_long_string(const struct entry *entry);
/* Its text, which stays where it is, and as it is, while it is pinned: to be read even without the baton. */
struct bytes raw_string_text(const struct raw_string *raw);
/* False: it has RAW_PINS_MAX pins. */
enum { RAW_PINS_MAX = 65535 };
bool raw_string_pin(struct raw_string *raw);
void raw_string_unpin(struct raw_string *raw);

/* --- access: raw 24 bits; what they mean is the eviction policy's business --- */
uint32_t entry_access(const struct entry *entry);
void entry_set_access(struct entry *entry, uint32_t access);

#endif
