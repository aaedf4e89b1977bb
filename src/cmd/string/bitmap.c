/* bitmap.c - strings as arrays of bits: one bit, and counting and finding bits.
 *
 * What takes long goes in steps, with the string pinned: it stays as it is, whatever becomes of its key.
 *
 * Threads    The holder of the key's baton; steps of a job: the connection's thread.
 * Limits     Offsets within proto-max-bulk-len; BITMAP_STEP_BYTES between two looks at the clock.
 * Read on    encoding/bits.h; bitop.c, bitfield.c.  */
#include "cmd/string/bitmap.h"

#include "base/number.h"
#include "cmd/core/answers.h"
#include "cmd/core/find.h"
#include "cmd/core/pinned_job.h"
#include "cmd/string/string_rows.h"
#include "encoding/bits.h"
#include "shard/server.h"

#include <assert.h>

enum {
    BITMAP_INLINE_BYTES = 1024 * 1024, /* looked at without a job: about 50 us */
    BITMAP_STEP_BYTES = 128 * 1024,
};

/* --- one bit --- */

bool bitmap_offset_argument(struct exec *exec, uint32_t index, unsigned width, uint64_t *out)
{
    struct bytes word = exec->argv[index];
    const bool is_scaled = width > 0 && word.len > 0 && word.data[0] == '#';
    if (is_scaled) {
        word = (struct bytes){word.data + 1, word.len - 1};
    }
    const int64_t limit = atomic_load_explicit(&exec->server->config->proto_max_bulk_len, memory_order_relaxed);
    int64_t offset;
    if (!int64_parse(word, &offset) || (is_scaled && __builtin_mul_overflow(offset, (int64_t)width, &offset)) || offset < 0 ||
        offset / 8 >= limit) {
        reply_error(exec->reply, "ERR bit offset is not an integer or out of range");
        return false;
    }
    *out = (uint64_t)offset;
    return true;
}

bool bitmap_open(struct exec *exec, struct key key, uint64_t last_bit, struct open_string *out, bool *has_grown)
{
    struct entry *existing = exec_find_write(exec, key);
    if (!check_string(exec, existing)) {
        return false;
    }
    const size_t needed = last_bit / 8 + 1;
    const enum result result = keyspace_string_open(exec_keyspace(exec, key), key, existing, needed, out);
    if (UNLIKELY(result != RESULT_OK)) {
        reply_result_error(exec->reply, result);
        return false;
    }
    *has_grown = existing == NULL || out->len < needed;
    if (out->len < needed) {
        keyspace_string_set_len(out, needed);
    }
    return true;
}

static void command_setbit(struct exec *exec)
{
    static const char not_a_bit[] = "ERR bit is not an integer or out of range";
    uint64_t offset;
    if (!bitmap_offset_argument(exec, 2, 0, &offset)) {
        return;
    }
    int64_t bit;
    if (!int64_parse(exec->argv[3], &bit) || (bit & ~(int64_t)1) != 0) {
        reply_error(exec->reply, not_a_bit);
        return;
    }
    struct key key = exec_key(exec, 1);
    struct open_string string;
    bool has_grown;
    if (!bitmap_open(exec, key, offset, &string, &has_grown)) {
        return;
    }
    char *byte = &string.data[offset / 8];
    const unsigned mask = 0x80u >> offset % 8;
    const bool was_set = ((unsigned char)*byte & mask) != 0;
    if (has_grown || was_set != (bit != 0)) {
        *byte = (char)(bit != 0 ? (unsigned char)*byte | mask : (unsigned char)*byte & ~mask);
        exec_changed(exec, key, EVENT_SETBIT);
    }
    reply_integer(exec->reply, was_set);
}

static void command_getbit(struct exec *exec)
{
    uint64_t offset;
    if (!bitmap_offset_argument(exec, 2, 0, &offset)) {
        return;
    }
    struct entry *entry = exec_find_read(exec, exec_key(exec, 1));
    if (!check_string(exec, entry)) {
        return;
    }
    char scratch[STRING_SCRATCH];
    struct bytes text = entry == NULL ? BYTES("") : entry_string(entry, scratch);
    const uint64_t byte = offset / 8;
    reply_integer(exec->reply, byte < text.len && ((unsigned char)text.data[byte] >> (7 - offset % 8) & 1) != 0);
}

/* --- ranges --- */

enum unit { UNIT_BYTE, UNIT_BIT };

/* The bits that BITCOUNT and BITPOS look at, and what for. */
struct search {
    uint64_t first, last; /* bits, inclusive */
    bool is_count;        /* BITCOUNT: set bits are counted; BITPOS: the first `is_set` one is wanted */
    bool is_set;
    bool is_end_given;    /* otherwise zero bits follow the string */
};

/* BYTE or BIT in argv[index]; replies the error. */
static bool unit_argument(struct exec *exec, uint32_t index, enum unit *out)
{
    if (bytes_equal_ignore_case(exec->argv[index], BYTES("BIT"))) {
        *out = UNIT_BIT;
    } else if (bytes_equal_ignore_case(exec->argv[index], BYTES("BYTE"))) {
        *out = UNIT_BYTE;
    } else {
        reply_error(exec->reply, ERROR_SYNTAX);
        return false;
    }
    return true;
}

/* From positions in units, negative ones from the end of `len` bytes, to bits. False: there are none between them. */
static bool set_range(struct search *search, size_t len, enum unit unit, int64_t start, int64_t end)
{
    const int64_t total = (int64_t)len * (unit == UNIT_BIT ? 8 : 1);
    start = start < 0 ? start + total : start;
    end = end < 0 ? end + total : end;
    start = start < 0 ? 0 : start;
    end = end < 0 ? 0 : end;
    end = end >= total ? total - 1 : end;
    if (start > end) {
        return false;
    }
    search->first = (uint64_t)start * (unit == UNIT_BIT ? 1 : 8);
    search->last = unit == UNIT_BIT ? (uint64_t)end : (uint64_t)end * 8 + 7;
    return true;
}

/* BITCOUNT's range in a string of `len` bytes; false: replied. */
static bool read_count(struct exec *exec, size_t len, struct search *out)
{
    int64_t start = 0;
    int64_t end = -1;
    enum unit unit = UNIT_BYTE;
    *out = (struct search){.is_count = true};
    if (exec->argc == 3 || exec->argc > 5) {
        reply_error(exec->reply, ERROR_SYNTAX);
        return false;
    }
    if (exec->argc >= 4) {
        if (!exec_int64_argument(exec, 2, &start) || !exec_int64_argument(exec, 3, &end)) {
            return false;
        }
        if (start < 0 && end < 0 && start > end) { /* Redis looks at this before the unit */
            reply_integer(exec->reply, 0);
            return false;
        }
        if (exec->argc == 5 && !unit_argument(exec, 4, &unit)) {
            return false;
        }
    }
    if (!set_range(out, len, unit, start, end)) {
        reply_integer(exec->reply, 0);
        return false;
    }
    return true;
}

/* BITPOS's range; false: replied. */
static bool read_find(struct exec *exec, size_t len, struct search *out)
{
    int64_t start = 0;
    int64_t end = -1;
    enum unit unit = UNIT_BYTE;
    *out = (struct search){.is_set = exec->argv[2].data[0] == '1', .is_end_given = exec->argc >= 5};
    if (exec->argc > 6) {
        reply_error(exec->reply, ERROR_SYNTAX);
        return false;
    }
    if ((exec->argc >= 4 && !exec_int64_argument(exec, 3, &start)) || (exec->argc == 6 && !unit_argument(exec, 5, &unit)) ||
        (exec->argc >= 5 && !exec_int64_argument(exec, 4, &end))) {
        return false;
    }
    if (!set_range(out, len, unit, start, end)) {
        reply_integer(exec->reply, -1);
        return false;
    }
    return true;
}

/* `result`: the count, or the place of the bit. */
static void reply_search(struct exec *exec, const struct search *search, uint64_t result)
{
    if (search->is_count || result != BITS_NONE) {
        reply_integer(exec->reply, (int64_t)result);
    } else {
        reply_integer(exec->reply, search->is_set || search->is_end_given ? -1 : (int64_t)search->last + 1);
    }
}

/* What the command is about: the text and the range. False: replied. */
static bool begin_search(struct exec *exec, const struct entry *entry, char scratch[STRING_SCRATCH], struct bytes *text,
                         struct search *search)
{
    const bool is_count = exec->spec->name[3] == 'c';
    if (entry == NULL) {
        const bool finds_set = !is_count && exec->argv[2].data[0] == '1';
        reply_integer(exec->reply, finds_set ? -1 : 0);
        return false;
    }
    if (!check_string(exec, entry)) {
        return false;
    }
    *text = entry_string(entry, scratch);
    return is_count ? read_count(exec, text->len, search) : read_find(exec, text->len, search);
}

/* --- in steps --- */

struct search_job {
    struct pinned_job pinned;
    struct search search;
    struct bytes text;         /* stays where it is, and as it is */
    uint64_t at;               /* the next bit */
    uint64_t count;
};

/* Goes on until the step is over. True: *result is known. */
static bool search_some(struct search_job *run, struct exec *exec, uint64_t *result)
{
    const struct search *search = &run->search;
    do {
        const uint64_t left = search->last - run->at;
        const uint64_t last = left < BITMAP_STEP_BYTES * 8 ? search->last : run->at + BITMAP_STEP_BYTES * 8 - 1;
        if (search->is_count) {
            run->count += bits_count_range(run->text, run->at, last);
        } else {
            *result = bits_find(run->text, run->at, last, search->is_set);
            if (*result != BITS_NONE) {
                return true;
            }
        }
        run->at = last + 1;
        if (run->at > search->last) {
            *result = search->is_count ? run->count : BITS_NONE;
            return true;
        }
    } while (!exec_step_is_over(exec));
    return false;
}

static enum job_status search_step(struct job *job, struct exec *exec)
{
    struct search_job *run = (struct search_job *)job;
    uint64_t result;
    if (!search_some(run, exec, &result)) {
        return JOB_MORE;
    }
    reply_search(exec, &run->search, result);
    pinned_job_return(&run->pinned);
    return JOB_DONE;
}

static void start_search(struct exec *exec, struct entry *entry, struct bytes text, const struct search *search)
{
    struct search_job *run = pinned_job_create(exec, exec_key(exec, 1), entry, search_step, sizeof *run);
    if (run == NULL) {
        return;
    }
    run->search = *search;
    run->text = text;
    run->at = search->first;
    pinned_job_leave_shard(&run->pinned);
    exec_start_job(exec, &run->pinned.job);
}

static void search_bits(struct exec *exec)
{
    struct entry *entry = exec_find_read(exec, exec_key(exec, 1));
    char scratch[STRING_SCRATCH];
    struct bytes text;
    struct search search;
    if (!begin_search(exec, entry, scratch, &text, &search)) {
        return;
    }
    if (UNLIKELY(search.last - search.first > BITMAP_INLINE_BYTES * 8)) {
        start_search(exec, entry, text, &search);
        return;
    }
    reply_search(exec, &search,
                 search.is_count ? bits_count_range(text, search.first, search.last)
                                 : bits_find(text, search.first, search.last, search.is_set));
}

static void command_bitpos(struct exec *exec)
{
    int64_t bit;
    if (!exec_int64_argument(exec, 2, &bit)) {
        return;
    }
    if (bit != 0 && bit != 1) {
        reply_error(exec->reply, "ERR The bit argument must be 1 or 0.");
        return;
    }
    search_bits(exec);
}

const struct command_spec bitmap_commands[] = {
    {.name = "bitcount", .run = search_bits, .arity = -2, .scope = SCOPE_KEYS, .flags = COMMAND_READONLY, .keys = {1, 1, 1},
     .since = "2.6.0", .group = "bitmap", .complexity = "O(N), N the bytes looked at",
     .summary = "Counts the set bits of a string, or of a part of it.", .syntax = "key [start end [BYTE|BIT]]"},
    {.name = "bitpos", .run = command_bitpos, .arity = -3, .scope = SCOPE_KEYS, .flags = COMMAND_READONLY, .keys = {1, 1, 1},
     .since = "2.8.7", .group = "bitmap", .complexity = "O(N), N the bytes looked at",
     .summary = "Finds the first bit of a string, or of a part of it, that is set or clear.",
     .syntax = "key bit [start [end [BYTE|BIT]]]"},
    {.name = "getbit", .run = command_getbit, .arity = 3, .scope = SCOPE_KEYS, .flags = COMMAND_READONLY | COMMAND_FAST,
     .keys = {1, 1, 1}, .since = "2.2.0", .group = "bitmap", .complexity = "O(1)", .summary = "Returns one bit of a string.",
     .syntax = "key offset"},
    {.name = "setbit", .run = command_setbit, .arity = 4, .scope = SCOPE_KEYS, .flags = COMMAND_WRITE | COMMAND_DENYOOM,
     .keys = {1, 1, 1}, .since = "2.2.0", .group = "bitmap", .complexity = "O(1)",
     .summary = "Sets or clears one bit of a string, with zero bytes between its end and there, and returns what it was.",
     .syntax = "key offset value", .key_flags = "RW access update"},
    {0},
};
