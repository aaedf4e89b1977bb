/* lzf_steps.c - see lzf_steps.h.  */
#include "encoding/lzf_steps.h"

#include "mem/heap.h"

#include <assert.h>

#include <stdint.h>

enum {
    PLACE_BITS = 16,
    LITERALS_MAX = 1 << 5,
    OFFSET_MAX = 1 << 13,
    REPEAT_MAX = (1 << 8) + (1 << 3),
    REPEAT_SHORT = 7,  /* longer ones have their length in a byte of its own */
    LOOK_UNTESTED = 18, /* so far liblzf looks without asking for the end, when more than 16 bytes are there */
};

/*   out:  ... finished pieces | head of the run of literals | literals so far |   `at` is behind them  */
struct lzf_packer {
    struct bytes text;
    size_t in;
    size_t at;
    uint32_t literals;
    bool is_begun;
    uint32_t short_mask;  /* 0: `places` has one for each hash; else they are a table of that mask + 1, with room for all of a short text */
    uint32_t *places;     /* by the hash of three bytes: where they were last; 0: nowhere. Short: hash << 16 | where */
    uint32_t all[];
};

#define PACKER_BYTES (sizeof(struct lzf_packer) + (sizeof(uint32_t) << PLACE_BITS))

struct lzf_packer *lzf_packer_create(struct bytes text)
{
    struct lzf_packer *packer = text.len > UINT32_MAX ? NULL : thread_alloc_zeroed(MEM_CLIENT, PACKER_BYTES);
    if (packer != NULL) {
        packer->text = text;
        packer->places = packer->all;
    }
    return packer;
}

void lzf_packer_destroy(struct lzf_packer *packer)
{
    if (packer != NULL) {
        thread_free(MEM_CLIENT, packer, PACKER_BYTES);
    }
}

static uint32_t byte_at(const struct lzf_packer *packer, size_t at)
{
    return (unsigned char)packer->text.data[at];
}

/* Notes that the three bytes at `at` are there. Where bytes of their hash were before; 0: nowhere. */
static inline uint32_t note_place(struct lzf_packer *packer, size_t at)
{
    const uint32_t bytes = byte_at(packer, at) << 16 | byte_at(packer, at + 1) << 8 | byte_at(packer, at + 2);
    const uint32_t hash = ((bytes >> (24 - PLACE_BITS)) - bytes * 5) & ((1 << PLACE_BITS) - 1);
    if (packer->short_mask == 0) {
        const uint32_t before = packer->places[hash];
        packer->places[hash] = (uint32_t)at;
        return before;
    }
    uint32_t slot = hash & packer->short_mask;
    while (packer->places[slot] != 0 && packer->places[slot] >> PLACE_BITS != hash) {
        slot = (slot + 1) & packer->short_mask;
    }
    const uint32_t before = packer->places[slot] & ((1 << PLACE_BITS) - 1);
    packer->places[slot] = hash << PLACE_BITS | (uint32_t)at;
    return before;
}

/* Begins a run of literals. */
static void begin_run(struct lzf_packer *packer)
{
    packer->literals = 0;
    packer->at++;
}

/* Writes the head of the run; an empty one goes. */
static void end_run(struct lzf_packer *packer, char *out)
{
    out[packer->at - packer->literals - 1] = (char)(packer->literals - 1);
    packer->at -= packer->literals == 0;
}

static void put_literal(struct lzf_packer *packer, char *out)
{
    out[packer->at++] = packer->text.data[packer->in++];
    packer->literals++;
    if (packer->literals == LITERALS_MAX) {
        end_run(packer, out);
        begin_run(packer);
    }
}

/* How many bytes here are the same as at `from`, of which three are. */
static size_t repeat_len(const struct lzf_packer *packer, size_t from)
{
    const char *a = packer->text.data + from;
    const char *b = packer->text.data + packer->in;
    size_t most = packer->text.len - packer->in - 2;
    most = most > REPEAT_MAX ? (size_t)REPEAT_MAX : most;
    size_t len = 3;
    if (most > 16) {
        while (len <= LOOK_UNTESTED && a[len] == b[len]) {
            len++;
        }
        if (len <= LOOK_UNTESTED) {
            return len;
        }
    }
    while (len < most && a[len] == b[len]) {
        len++;
    }
    return len;
}

static void put_repeat(struct lzf_packer *packer, char *out, size_t offset, size_t len)
{
    const size_t coded = len - 2;
    if (coded < REPEAT_SHORT) {
        out[packer->at++] = (char)((offset >> 8) + (coded << 5));
    } else {
        out[packer->at++] = (char)((offset >> 8) + (REPEAT_SHORT << 5));
        out[packer->at++] = (char)(coded - REPEAT_SHORT);
    }
    out[packer->at++] = (char)offset;
}

/* A piece more, at a place where three bytes are left. False: there is no room. */
static bool pack_one(struct lzf_packer *packer, char *out, size_t room)
{
    const size_t from = note_place(packer, packer->in);
    const bool is_repeat = from > 0 && packer->in - from - 1 < OFFSET_MAX &&
                           memcmp(packer->text.data + from, packer->text.data + packer->in, 3) == 0;
    if (!is_repeat) {
        if (packer->at >= room) {
            return false;
        }
        put_literal(packer, out);
        return true;
    }
    if (packer->at - (packer->literals == 0) + 4 >= room) {
        return false;
    }
    const size_t len = repeat_len(packer, from);
    end_run(packer, out);
    put_repeat(packer, out, packer->in - from - 1, len);
    begin_run(packer);
    packer->in += len;
    if (packer->in + 2 < packer->text.len) { /* of what was passed over, the last two places are known */
        (void)note_place(packer, packer->in - 2);
        (void)note_place(packer, packer->in - 1);
    }
    return true;
}

enum lzf_status lzf_packer_step(struct lzf_packer *packer, char *out, size_t room, size_t limit, size_t *len)
{
    const size_t end = packer->text.len;
    const size_t stop = end - packer->in > limit ? packer->in + limit : end;
    if (end == 0 || room == 0) {
        return LZF_UNFIT;
    }
    if (!packer->is_begun) {
        begin_run(packer);
        packer->is_begun = true;
    }
    while (packer->in + 2 < end) {
        if (packer->in >= stop) {
            return LZF_MORE;
        }
        if (!pack_one(packer, out, room)) {
            return LZF_UNFIT;
        }
    }
    if (packer->at + 3 > room) {
        return LZF_UNFIT;
    }
    while (packer->in < end) {
        put_literal(packer, out);
    }
    end_run(packer, out);
    *len = packer->at;
    return LZF_DONE;
}

size_t lzf_short_compress(struct bytes text, char *out, size_t room)
{
    assert(text.len > 0 && text.len <= LZF_SHORT_MAX);
    uint32_t places[2 * LZF_SHORT_MAX];
    uint32_t count = 64;
    while (count < 2 * text.len) {
        count *= 2;
    }
    memset(places, 0, count * sizeof *places);
    struct lzf_packer packer = {.text = text, .short_mask = count - 1, .places = places};
    size_t len;
    return lzf_packer_step(&packer, out, room, SIZE_MAX, &len) == LZF_DONE ? len : 0;
}

/* --- unpacking --- */

/* The next piece; false: it is damaged. */
static bool unpack_one(struct lzf_unpacker *unpacker, struct bytes packed, char *out, size_t len)
{
    const unsigned char *in = (const unsigned char *)packed.data;
    const size_t left = packed.len - unpacker->in;
    const unsigned head = in[unpacker->in];
    if (head < LITERALS_MAX) {
        const size_t count = head + 1;
        if (left < 1 + count || len - unpacker->out < count) {
            return false;
        }
        memcpy(out + unpacker->out, in + unpacker->in + 1, count);
        unpacker->in += 1 + count;
        unpacker->out += count;
        return true;
    }
    const bool is_long = head >> 5 == REPEAT_SHORT;
    if (left < (is_long ? 3u : 2u)) {
        return false;
    }
    const size_t count = 2 + (head >> 5) + (is_long ? in[unpacker->in + 1] : 0);
    const size_t back = ((size_t)(head & 31) << 8 | in[unpacker->in + (is_long ? 2 : 1)]) + 1;
    if (back > unpacker->out || len - unpacker->out < count) {
        return false;
    }
    char *to = out + unpacker->out;
    const char *from = to - back;
    for (size_t i = 0; i < count; i++) { /* what it repeats may be made by it */
        to[i] = from[i];
    }
    unpacker->in += is_long ? 3 : 2;
    unpacker->out += count;
    return true;
}

enum lzf_status lzf_unpacker_step(struct lzf_unpacker *unpacker, struct bytes packed, char *out, size_t len, size_t limit)
{
    const size_t stop = len - unpacker->out > limit ? unpacker->out + limit : len;
    while (unpacker->in < packed.len) {
        if (unpacker->out >= stop && stop < len) {
            return LZF_MORE;
        }
        if (!unpack_one(unpacker, packed, out, len)) {
            return LZF_UNFIT;
        }
    }
    return unpacker->out == len && len > 0 ? LZF_DONE : LZF_UNFIT;
}
