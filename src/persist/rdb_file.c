/* rdb_file.c - one function per kind of item reads it; what goes wrong becomes the scan's fault, a sentence and an offset.  */
#include "persist/rdb_file.h"

#include "persist/rdb_format.h"
#include "persist/rdb_skip.h"
#include "persist/rdb_string.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>

enum {
    ROOM_KEPT = 4 << 20, /* of the room for unpacked texts, from item to item */
    SHOWN_NAME_MAX = 40, /* bytes of a key's name in a sentence */
};

/* --- faults --- */

static enum rdb_scan_status fail(struct rdb_scan *scan, size_t at, const char *format, ...) PRINTF_LIKE(3, 4);

static enum rdb_scan_status fail(struct rdb_scan *scan, size_t at, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    scan->fault.at = at;
    (void)vsnprintf(scan->fault.sentence, sizeof scan->fault.sentence, format, arguments);
    va_end(arguments);
    return RDB_SCAN_BAD;
}

/* `what` is the item, `wanted` a part of it. */
static enum rdb_scan_status fail_part(struct rdb_scan *scan, size_t at, const char *what, const char *wanted)
{
    return fail(scan, at, "%s is damaged or cut off: %s was expected here", what, wanted);
}

struct shown_name {
    char text[SHOWN_NAME_MAX + 4];
};

/* A name as a sentence can have it: no byte that a terminal would take amiss. */
static struct shown_name show_name(struct bytes name)
{
    struct shown_name shown = {0};
    const size_t len = name.len < SHOWN_NAME_MAX ? name.len : SHOWN_NAME_MAX;
    for (size_t i = 0; i < len; i++) {
        const char byte = name.data[i];
        shown.text[i] = byte >= ' ' && byte <= '~' ? byte : '?';
    }
    if (len < name.len) {
        memcpy(shown.text + len, "...", 3);
    }
    return shown;
}

/* --- strings --- */

/* The next string, unpacked into the room. */
static enum rdb_scan_status take_text(struct rdb_scan *scan, struct rdb_input *input, struct buffer *room, const char *what,
                                      struct bytes *out)
{
    struct rdb_text text;
    const size_t at = input->at;
    if (!rdb_read_text(input, &text)) {
        return fail_part(scan, at, what, "a string");
    }
    if (text.packed_from > RDB_DECODED_MAX) {
        return fail(scan, at, "%s would have %zu bytes when unpacked: %d are the limit", what, text.packed_from, RDB_DECODED_MAX);
    }
    if (text.packed_from == 0 && text.bytes.data == NULL) {
        char digits[INT64_TEXT_MAX];
        room->len = 0;
        if (!buffer_append(room, (struct bytes){digits, int64_format(text.integer, digits)})) {
            return RDB_SCAN_NO_MEMORY;
        }
        *out = buffer_bytes(room);
        return RDB_SCAN_ITEM;
    }
    const enum result result = rdb_text_unpack(&text, room);
    if (result == RESULT_NO_MEMORY) {
        return RDB_SCAN_NO_MEMORY;
    }
    if (result != RESULT_OK) {
        return fail(scan, at, "%s is damaged: its packed bytes do not unpack", what);
    }
    *out = text.bytes;
    return RDB_SCAN_ITEM;
}

static enum rdb_scan_status take_length(struct rdb_scan *scan, struct rdb_input *input, const char *what, uint64_t *out)
{
    const size_t at = input->at;
    return rdb_read_length(input, out) ? RDB_SCAN_ITEM : fail_part(scan, at, what, "a length");
}

/* --- items without a key: each is read from behind its opcode --- */

static enum rdb_scan_status read_aux(struct rdb_scan *scan, struct rdb_input *input, struct rdb_item *out)
{
    enum rdb_scan_status status = take_text(scan, input, &scan->rooms[0], "an AUX field", &out->aux.name);
    if (status == RDB_SCAN_ITEM) {
        status = take_text(scan, input, &scan->rooms[1], "an AUX field", &out->aux.value);
    }
    return status;
}

static enum rdb_scan_status read_select_db(struct rdb_scan *scan, struct rdb_input *input, struct rdb_item *out)
{
    return take_length(scan, input, "the number of a database", &out->database);
}

static enum rdb_scan_status read_resize_db(struct rdb_scan *scan, struct rdb_input *input, struct rdb_item *out)
{
    static const char what[] = "the size of a database";
    out->counts.slot = 0;
    const enum rdb_scan_status status = take_length(scan, input, what, &out->counts.keys);
    return status == RDB_SCAN_ITEM ? take_length(scan, input, what, &out->counts.expiring) : status;
}

static enum rdb_scan_status read_slot_info(struct rdb_scan *scan, struct rdb_input *input, struct rdb_item *out)
{
    static const char what[] = "the size of a slot";
    uint64_t *const numbers[] = {&out->counts.slot, &out->counts.keys, &out->counts.expiring};
    enum rdb_scan_status status = RDB_SCAN_ITEM;
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0] && status == RDB_SCAN_ITEM; i++) {
        status = take_length(scan, input, what, numbers[i]);
    }
    return status;
}

static enum rdb_scan_status read_function(struct rdb_scan *scan, struct rdb_input *input, struct rdb_item *out)
{
    return take_text(scan, input, &scan->rooms[0], "a library of functions", &out->code);
}

static enum rdb_scan_status refuse_old_function(struct rdb_scan *scan, struct rdb_input *input, struct rdb_item *out)
{
    (void)input;
    return fail(scan, out->at,
                "here is a function as release candidates of Redis 7.0 wrote it (opcode 246), which is not supported");
}

static enum rdb_scan_status read_module_aux(struct rdb_scan *scan, struct rdb_input *input, struct rdb_item *out)
{
    struct rdb_skip_fault fault;
    uint64_t id;
    const enum rdb_scan_status status = take_length(scan, input, "a module's data", &id);
    if (status != RDB_SCAN_ITEM) {
        return status;
    }
    out->module_aux.module = rdb_module_of_id(id);
    const size_t from = input->at;
    if (!rdb_skip_module(input, &fault)) {
        char what[sizeof "data of module " + sizeof out->module_aux.module.name];
        (void)snprintf(what, sizeof what, "data of module %s", out->module_aux.module.name);
        return fail_part(scan, fault.at, what, fault.wanted);
    }
    out->module_aux.value = (struct bytes){input->bytes.data + from, input->at - from};
    return RDB_SCAN_ITEM;
}

static enum rdb_scan_status read_end(struct rdb_scan *scan, struct rdb_input *input, struct rdb_item *out)
{
    out->last.summed = input->at;
    out->last.crc = 0;
    if (scan->version >= RDB_CRC_VERSION && !rdb_read_word(input, &out->last.crc)) {
        return fail(scan, input->at, "the file is cut off in its checksum");
    }
    out->last.has_crc = out->last.crc != 0;
    return RDB_SCAN_ITEM;
}

static const struct opcode {
    enum rdb_item_kind kind;
    enum rdb_scan_status (*read)(struct rdb_scan *scan, struct rdb_input *input, struct rdb_item *out);
} opcodes[256] = {
    [RDB_OP_SLOT_INFO] = {RDB_ITEM_SLOT_INFO, read_slot_info},
    [RDB_OP_FUNCTION] = {RDB_ITEM_FUNCTION, read_function},
    [RDB_OP_FUNCTION_OLD] = {RDB_ITEM_FUNCTION, refuse_old_function},
    [RDB_OP_MODULE_AUX] = {RDB_ITEM_MODULE_AUX, read_module_aux},
    [RDB_OP_AUX] = {RDB_ITEM_AUX, read_aux},
    [RDB_OP_RESIZE_DB] = {RDB_ITEM_RESIZE_DB, read_resize_db},
    [RDB_OP_SELECT_DB] = {RDB_ITEM_SELECT_DB, read_select_db},
    [RDB_OP_END] = {RDB_ITEM_END, read_end},
};

/* --- keys --- */

struct rdb_module rdb_module_of_id(uint64_t id)
{
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    enum { VERSION_BITS = 10, LETTER_BITS = 6 };
    struct rdb_module module = {.version = (uint16_t)(id & ((1 << VERSION_BITS) - 1))};
    id >>= VERSION_BITS;
    for (size_t i = sizeof module.name - 1; i-- > 0; id >>= LETTER_BITS) {
        module.name[i] = letters[id & ((1 << LETTER_BITS) - 1)];
    }
    return module;
}

static bool read_expiry_seconds(struct rdb_input *input, struct rdb_key *key)
{
    int32_t seconds;
    struct bytes raw;
    if (!rdb_read_raw(input, sizeof seconds, &raw)) {
        return false;
    }
    memcpy(&seconds, raw.data, sizeof seconds);
    key->has_expiry = seconds != -1; /* to Redis -1 is none */
    key->expiry_ms = (int64_t)seconds * 1000;
    return true;
}

static bool read_expiry_ms(struct rdb_input *input, struct rdb_key *key)
{
    uint64_t bits;
    if (!rdb_read_word(input, &bits)) {
        return false;
    }
    key->expiry_ms = (int64_t)bits;
    key->has_expiry = key->expiry_ms != -1;
    return true;
}

static bool read_idle(struct rdb_input *input, struct rdb_key *key)
{
    key->has_idle = true;
    return rdb_read_length(input, &key->idle_s);
}

static bool read_frequency(struct rdb_input *input, struct rdb_key *key)
{
    key->has_frequency = true;
    return rdb_read_byte(input, &key->frequency);
}

static const struct attribute {
    const char *name;
    bool (*read)(struct rdb_input *input, struct rdb_key *key);
} attributes[256] = {
    [RDB_OP_EXPIRY_S] = {"an expiry in seconds", read_expiry_seconds},
    [RDB_OP_EXPIRY_MS] = {"an expiry in milliseconds", read_expiry_ms},
    [RDB_OP_IDLE] = {"an idle time", read_idle},
    [RDB_OP_FREQUENCY] = {"a frequency", read_frequency},
};

static enum rdb_scan_status refuse_type(struct rdb_scan *scan, size_t at, uint8_t type)
{
    switch (type) {
    case RDB_MODULE_OLD:
        return fail(scan, at,
                    "here is a module's value as release candidates of Redis 4.0 wrote it (type 6), which is not supported");
    default:
        return fail(scan, at, "byte %u begins neither a key nor any other item that is known here", type);
    }
}

/* What stands before the type, and the type. */
static enum rdb_scan_status read_attributes(struct rdb_scan *scan, struct rdb_input *input, struct rdb_key *key)
{
    const size_t first = input->at;
    size_t at = first;
    while (rdb_read_byte(input, &key->type)) {
        const struct attribute *attribute = &attributes[key->type];
        if (attribute->read == NULL) {
            if (at != first && opcodes[key->type].read != NULL) {
                return fail(scan, at, "a key was expected here, since its expiry, idle time or frequency stands before");
            }
            return rdb_skip_knows(key->type) ? RDB_SCAN_ITEM : refuse_type(scan, at, key->type);
        }
        if (!attribute->read(input, key)) {
            return fail(scan, at, "the file is cut off, or damaged: %s was expected here", attribute->name);
        }
        at = input->at;
    }
    return fail(scan, at, "the file is cut off: a key was expected here");
}

static enum rdb_scan_status read_value(struct rdb_scan *scan, struct rdb_input *input, struct rdb_key *key)
{
    struct rdb_skip_fault fault;
    const size_t from = input->at;
    if (!rdb_skip_value(key->type, input, &fault)) {
        return fail(scan, fault.at, "the value of key \"%s\" (%s, type %u) is damaged or cut off: %s was expected here",
                    show_name(key->name).text, rdb_type_name(key->type), key->type, fault.wanted);
    }
    key->value = (struct bytes){input->bytes.data + from, input->at - from};
    if (key->type == RDB_MODULE) {
        struct rdb_input id_input = {key->value, 0};
        uint64_t id;
        const bool is_read = rdb_read_length(&id_input, &id);
        assert(is_read); /* it was passed over just now */
        key->module = rdb_module_of_id(id);
    }
    return RDB_SCAN_ITEM;
}

static enum rdb_scan_status read_key(struct rdb_scan *scan, struct rdb_input *input, struct rdb_item *out)
{
    out->key = (struct rdb_key){0};
    enum rdb_scan_status status = read_attributes(scan, input, &out->key);
    if (status == RDB_SCAN_ITEM) {
        status = take_text(scan, input, &scan->rooms[0], "a key's name", &out->key.name);
    }
    return status == RDB_SCAN_ITEM ? read_value(scan, input, &out->key) : status;
}

/* --- the file --- */

/* What a value of the type is to its user. */
const char *rdb_type_name(uint8_t type)
{
    static const char *const names[] = {
        [RDB_STRING] = "string",
        [RDB_LIST] = "list",
        [RDB_SET] = "set",
        [RDB_ZSET_TEXT] = "zset",
        [RDB_HASH] = "hash",
        [RDB_ZSET] = "zset",
        [RDB_MODULE_OLD] = "module",
        [RDB_MODULE] = "module",
        [RDB_HASH_ZIPMAP] = "hash",
        [RDB_LIST_ZIPLIST] = "list",
        [RDB_SET_INTSET] = "set",
        [RDB_ZSET_ZIPLIST] = "zset",
        [RDB_HASH_ZIPLIST] = "hash",
        [RDB_LIST_QUICKLIST] = "list",
        [RDB_STREAM] = "stream",
        [RDB_HASH_LISTPACK] = "hash",
        [RDB_ZSET_LISTPACK] = "zset",
        [RDB_LIST_QUICKLIST_2] = "list",
        [RDB_STREAM_2] = "stream",
        [RDB_SET_LISTPACK] = "set",
        [RDB_STREAM_3] = "stream",
        [RDB_HASH_EXPIRING_OLD] = "hash",
        [RDB_HASH_EXPIRING_LISTPACK_OLD] = "hash",
        [RDB_HASH_EXPIRING] = "hash",
        [RDB_HASH_EXPIRING_LISTPACK] = "hash",
    };
    return type < sizeof names / sizeof names[0] ? names[type] : NULL;
}

/* Four digits to a number. False: they are none. */
static bool read_version(const char *digits, unsigned *out)
{
    *out = 0;
    for (size_t i = 0; i < 4; i++) {
        if (digits[i] < '0' || digits[i] > '9') {
            return false;
        }
        *out = *out * 10 + (unsigned)(digits[i] - '0');
    }
    return true;
}

bool rdb_scan_begin(struct rdb_scan *scan, struct bytes file)
{
    static const char magic[] = "REDIS";
    enum { MAGIC = sizeof magic - 1 };
    *scan = (struct rdb_scan){.file = file, .at = RDB_FILE_HEADER, .to = file.len};
    scan->rooms[0] = BUFFER_EMPTY(MEM_CLIENT);
    scan->rooms[1] = BUFFER_EMPTY(MEM_CLIENT);
    const size_t there = file.len < MAGIC ? file.len : MAGIC;
    if (file.len == 0) {
        (void)fail(scan, 0, "the file is empty");
    } else if (memcmp(file.data, magic, there) != 0) {
        (void)fail(scan, 0, "this is no RDB file of Redis: it does not begin with REDIS");
    } else if (file.len < RDB_FILE_HEADER) {
        (void)fail(scan, file.len, "the file is cut off in its header");
    } else if (!read_version(file.data + MAGIC, &scan->version)) {
        (void)fail(scan, MAGIC, "this is no RDB file of Redis: four digits were expected here");
    } else if (scan->version < 1 || scan->version > RDB_VERSION_READ_MAX) {
        (void)fail(scan, MAGIC, "RDB version %u is not supported: versions 1 to %d are", scan->version, RDB_VERSION_READ_MAX);
    }
    return scan->fault.sentence[0] == 0;
}

bool rdb_scan_begin_range(struct rdb_scan *scan, struct bytes file, uint64_t from, uint64_t to)
{
    if (!rdb_scan_begin(scan, file)) {
        return false;
    }
    if (from < RDB_FILE_HEADER || from > to || to > file.len) {
        (void)fail(scan, from, "no range of items begins here and ends at %llu", (unsigned long long)to);
        return false;
    }
    scan->at = from;
    scan->to = to;
    scan->is_range = to < file.len;
    return true;
}

/* An item that begins at scan->at, where there is a byte at least. */
static enum rdb_scan_status read_item(struct rdb_scan *scan, struct rdb_item *out)
{
    struct rdb_input input = {{scan->file.data, scan->to}, scan->at};
    const struct opcode *opcode = &opcodes[(uint8_t)scan->file.data[scan->at]];
    out->at = scan->at;
    out->kind = RDB_ITEM_KEY;
    if (opcode->read != NULL) {
        out->kind = opcode->kind;
        input.at++;
    }
    const enum rdb_scan_status status = opcode->read != NULL ? opcode->read(scan, &input, out) : read_key(scan, &input, out);
    if (status == RDB_SCAN_ITEM) {
        scan->at = input.at;
        out->end = input.at;
        scan->is_over = out->kind == RDB_ITEM_END;
    }
    return status;
}

enum rdb_scan_status rdb_scan_next(struct rdb_scan *scan, struct rdb_item *out)
{
    if (scan->fault.sentence[0] != 0) {
        return RDB_SCAN_BAD;
    }
    if (scan->is_refused || scan->is_over) {
        return scan->is_refused ? RDB_SCAN_NO_MEMORY : RDB_SCAN_OVER;
    }
    for (size_t i = 0; i < sizeof scan->rooms / sizeof scan->rooms[0]; i++) {
        scan->rooms[i].len = 0;
        buffer_shrink(&scan->rooms[i], ROOM_KEPT);
    }
    if (scan->at == scan->to) {
        scan->is_over = scan->is_range;
        return scan->is_range ? RDB_SCAN_OVER : fail(scan, scan->at, "the file is cut off: its end mark is missing");
    }
    const enum rdb_scan_status status = read_item(scan, out);
    scan->is_refused = status == RDB_SCAN_NO_MEMORY;
    return status;
}

void rdb_scan_release(struct rdb_scan *scan)
{
    buffer_release(&scan->rooms[0]);
    buffer_release(&scan->rooms[1]);
}
