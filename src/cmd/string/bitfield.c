/* bitfield.c - strings as arrays of integers of any width: BITFIELD and BITFIELD_RO.
 *
 * All words are read before the first bit is written.
 *
 * Threads    The holder of the key's baton.
 * Read on    encoding/bits.h.  */
#include "base/number.h"
#include "cmd/core/answers.h"
#include "cmd/core/find.h"
#include "cmd/string/bitmap.h"
#include "cmd/string/string_rows.h"
#include "encoding/bits.h"
#include "exec/exec.h"

enum field_action { FIELD_GET, FIELD_SET, FIELD_INCRBY };

struct field {
    uint8_t action;   /* enum field_action */
    uint8_t overflow; /* enum bits_overflow */
    struct bits_type type;
    uint64_t offset;
    int64_t number; /* SET: the value; INCRBY: the increment */
};

struct fields {
    struct field *fields;
    uint32_t count;
    bool has_write;
    uint64_t last_written_bit;
};

static const struct {
    struct bytes name;
    enum bits_overflow overflow;
} overflow_names[] = {{BYTES("WRAP"), BITS_WRAP}, {BYTES("SAT"), BITS_SATURATE}, {BYTES("FAIL"), BITS_FAIL}};

static const struct {
    struct bytes name;
    enum field_action action;
    uint32_t words; /* behind the name */
} field_names[] = {{BYTES("GET"), FIELD_GET, 2}, {BYTES("SET"), FIELD_SET, 3}, {BYTES("INCRBY"), FIELD_INCRBY, 3}};

enum { OVERFLOW_NAMES = 3, FIELD_NAMES = 3 };

static bool overflow_argument(struct exec *exec, uint32_t index, uint8_t *out)
{
    for (size_t i = 0; i < OVERFLOW_NAMES; i++) {
        if (bytes_equal_ignore_case(exec->argv[index], overflow_names[i].name)) {
            *out = (uint8_t)overflow_names[i].overflow;
            return true;
        }
    }
    reply_error(exec->reply, "ERR Invalid OVERFLOW type specified");
    return false;
}

/* "i1" .. "i64", "u1" .. "u63"; replies the error. */
static bool type_argument(struct exec *exec, uint32_t index, struct bits_type *out)
{
    struct bytes word = exec->argv[index];
    const bool is_signed = word.len > 0 && word.data[0] == 'i';
    int64_t width;
    if (word.len < 2 || (!is_signed && word.data[0] != 'u') ||
        !int64_parse((struct bytes){word.data + 1, word.len - 1}, &width) || width < 1 || width > (is_signed ? 64 : 63)) {
        reply_error(exec->reply,
                    "ERR Invalid bitfield type. Use something like i16 u8. Note that u64 is not supported but i64 is.");
        return false;
    }
    *out = (struct bits_type){is_signed, (uint8_t)width};
    return true;
}

/* Which of field_names stands at argv[index] with all its words; FIELD_NAMES: none. */
static size_t find_field_name(const struct exec *exec, uint32_t index)
{
    size_t i = 0;
    while (i < FIELD_NAMES && (!bytes_equal_ignore_case(exec->argv[index], field_names[i].name) ||
                               exec->argc - index - 1 < field_names[i].words)) {
        i++;
    }
    return i;
}

/* Reads the words behind the name at argv[index]; replies the error. */
static bool read_field(struct exec *exec, uint32_t index, struct field *field)
{
    if (!type_argument(exec, index + 1, &field->type) ||
        !bitmap_offset_argument(exec, index + 2, field->type.width, &field->offset)) {
        return false;
    }
    return field->action == FIELD_GET || exec_int64_argument(exec, index + 3, &field->number);
}

static void note_written(struct fields *fields, const struct field *field)
{
    const uint64_t last = field->offset + field->type.width - 1;
    if (!fields->has_write || last > fields->last_written_bit) {
        fields->last_written_bit = last;
    }
    fields->has_write = true;
}

/* Reads argv[2...]; replies the error. */
static bool read_fields(struct exec *exec, struct fields *out)
{
    uint8_t overflow = BITS_WRAP;
    *out = (struct fields){.fields = exec_scratch(exec, (exec->argc / 3 + 1) * sizeof(struct field))};
    if (out->fields == NULL) {
        reply_result_error(exec->reply, RESULT_NO_MEMORY);
        return false;
    }
    uint32_t at = 2;
    while (at < exec->argc) {
        if (bytes_equal_ignore_case(exec->argv[at], BYTES("OVERFLOW")) && at + 1 < exec->argc) {
            if (!overflow_argument(exec, at + 1, &overflow)) {
                return false;
            }
            at += 2;
            continue;
        }
        const size_t name = find_field_name(exec, at);
        if (name == FIELD_NAMES) {
            reply_error(exec->reply, ERROR_SYNTAX);
            return false;
        }
        struct field *field = &out->fields[out->count++];
        *field = (struct field){.action = (uint8_t)field_names[name].action, .overflow = overflow};
        if (!read_field(exec, at, field)) {
            return false;
        }
        if (field->action != FIELD_GET) {
            note_written(out, field);
        }
        at += 1 + field_names[name].words;
    }
    return true;
}

static void reply_fields(struct exec *exec, const struct fields *fields, struct bytes text)
{
    reply_array(exec->reply, fields->count);
    for (uint32_t i = 0; i < fields->count; i++) {
        reply_integer(exec->reply, bits_read(text, fields->fields[i].offset, fields->fields[i].type));
    }
}

/* What SET wants to be stored. Negative numbers are taken for large unsigned ones; and for a narrow signed field the lowest ones
 * of all are taken for large ones, too, as by Redis, whose distance from the field's maximum to them overflows: SAT tells.  */
static __int128 number_to_set(const struct field *field)
{
    const __int128 whole = (__int128)1 << 64;
    const __int128 number = field->number;
    if (!field->type.is_signed) {
        return number < 0 ? number + whole : number;
    }
    const __int128 lowest = field->type.width == 64 ? INT64_MIN : INT64_MIN + ((__int128)1 << (field->type.width - 1));
    return number < lowest ? number + whole : number;
}

/* SET replies the old number, INCRBY the new one, either null when it overflowed under FAIL. True: the bits have changed, or
 * are in a string that `has_grown` for them.  */
static bool write_field(struct exec *exec, const struct field *field, const struct open_string *string, bool has_grown)
{
    const int64_t old = bits_read((struct bytes){string->data, string->len}, field->offset, field->type);
    const __int128 wanted = field->action == FIELD_SET ? number_to_set(field) : (__int128)old + field->number;
    int64_t new;
    if (!bits_fit(field->type, wanted, (enum bits_overflow)field->overflow, &new)) {
        reply_null(exec->reply);
        return false;
    }
    bits_write(string->data, field->offset, field->type, new);
    reply_integer(exec->reply, field->action == FIELD_SET ? old : new);
    return has_grown || new != old;
}

/* Each write counts. A string that has only grown, for a number that was refused, is no event, as in Redis. */
static void report_fields(struct exec *exec, struct key key, uint64_t changes, bool has_grown)
{
    if (changes > 0) {
        exec_changed(exec, key, EVENT_SETBIT);
        exec_count_changes(exec, changes - 1);
    } else if (has_grown) {
        exec_count_changes(exec, 0);
    }
}

static void run_fields(struct exec *exec, struct key key, const struct fields *fields)
{
    struct open_string string;
    bool has_grown;
    uint64_t changes = 0;
    if (!bitmap_open(exec, key, fields->last_written_bit, &string, &has_grown)) {
        return;
    }
    reply_array(exec->reply, fields->count);
    for (uint32_t i = 0; i < fields->count; i++) {
        const struct field *field = &fields->fields[i];
        if (field->action == FIELD_GET) {
            reply_integer(exec->reply, bits_read((struct bytes){string.data, string.len}, field->offset, field->type));
        } else {
            changes += write_field(exec, field, &string, has_grown);
        }
    }
    report_fields(exec, key, changes, has_grown);
}

static void command_bitfield(struct exec *exec)
{
    struct fields fields;
    if (!read_fields(exec, &fields)) {
        return;
    }
    struct key key = exec_key(exec, 1);
    if (!fields.has_write) {
        struct entry *entry = exec_find_read(exec, key);
        char scratch[STRING_SCRATCH];
        if (check_string(exec, entry)) {
            reply_fields(exec, &fields, entry == NULL ? BYTES("") : entry_string(entry, scratch));
        }
        return;
    }
    if ((exec->spec->flags & COMMAND_READONLY) != 0) {
        reply_error(exec->reply, "ERR BITFIELD_RO only supports the GET subcommand");
        return;
    }
    run_fields(exec, key, &fields);
}

const struct command_spec bitfield_commands[] = {
    {.name = "bitfield", .run = command_bitfield, .arity = -2, .scope = SCOPE_KEYS, .flags = COMMAND_WRITE | COMMAND_DENYOOM,
     .keys = {1, 1, 1}, .since = "3.2.0", .group = "bitmap", .complexity = "O(N), N the integers read and written",
     .summary = "Reads and writes integers of any width inside of a string.",
     .syntax = "key [GET encoding offset|[OVERFLOW WRAP|SAT|FAIL] SET encoding offset value|"
               "INCRBY encoding offset increment ...]",
     .key_flags = "RW access update variable_flags"},
    {.name = "bitfield_ro", .run = command_bitfield, .arity = -2, .scope = SCOPE_KEYS,
     .flags = COMMAND_READONLY | COMMAND_FAST, .keys = {1, 1, 1}, .since = "6.0.0", .group = "bitmap",
     .complexity = "O(N), N the integers read", .summary = "Reads integers of any width inside of a string.",
     .syntax = "key [GET encoding offset ...]"},
    {0},
};
