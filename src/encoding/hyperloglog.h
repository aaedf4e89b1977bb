/* hyperloglog.h - counts distinct elements in a string of 12 KiB or less, byte for byte the string that Redis 7 keeps.
 *
 * Layout
 *   0      "HYLL"
 *   4      0 dense, 1 sparse
 *   5..7   unused
 *   8..15  the cached count, little endian; the highest bit says that it is out of date
 *   16     dense: 16384 registers of 6 bits, register i in the bits from 6 * i on, the lowest bit of a byte first
 *          sparse: runs of registers
 *            00nnnnnn            n + 1 registers are 0
 *            01nnnnnn nnnnnnnn   n + 1 registers are 0, the higher bits first
 *            1vvvvvnn            n + 1 registers are v + 1
 *
 * An element's hash (MurmurHash64A) chooses the register by its low 14 bits; the register keeps the longest run of zero bits
 * that was seen in the other 50, plus one. A sparse string becomes dense when a register exceeds 32, or when it would become
 * longer than the limit (hll-sparse-max-bytes). The count is estimated from how many registers have which value: Otmar Ertl, "New
 * cardinality estimation algorithms for HyperLogLog sketches", arXiv:1702.01284.
 *
 * Threads    Any. The bytes are the caller's.
 * Invariant  Strings come from users: runs that do not make up 16384 registers are reported, and nothing is read or written
 *            outside of the string.  */
#ifndef ENCODING_HYPERLOGLOG_H
#define ENCODING_HYPERLOGLOG_H

#include "base/attributes.h"
#include "base/bytes.h"

#include <stdbool.h>
#include <stdint.h>

enum {
    HLL_REGISTERS = 16384,
    HLL_HEADER_BYTES = 16,
    HLL_DENSE_BYTES = HLL_HEADER_BYTES + HLL_REGISTERS * 6 / 8,
    HLL_EMPTY_BYTES = HLL_HEADER_BYTES + 2,
    HLL_GROWTH_MAX = 3,                              /* bytes that one more element may take, while it stays sparse */
    HLL_SPARSE_BYTES_MAX = HLL_HEADER_BYTES + 2 * HLL_REGISTERS, /* no sparse string needs more */
};

/* True when the header is one, and a dense string has its length. The runs are not looked at. O(1). */
bool hll_is_valid(struct bytes text);

/* In what follows `text` is valid, and false means: its runs do not make up the registers; outputs are not set. */

bool hll_is_dense(struct bytes text);
/* The estimate. About 10 us. */
MUST_USE bool hll_count(struct bytes text, uint64_t *out);
/* registers[i] = max(registers[i], the text's). */
MUST_USE bool hll_merge(struct bytes text, uint8_t registers[HLL_REGISTERS]);
uint64_t hll_count_registers(const uint8_t registers[HLL_REGISTERS]);
/* The cached count; false: it is out of date. */
MUST_USE bool hll_cached_count(struct bytes text, uint64_t *out);
void hll_set_cached_count(char *data, uint64_t count);
void hll_forget_cached_count(char *data);

/* The next run of a sparse string. *at begins at HLL_HEADER_BYTES. False: the string ends. */
struct hll_run {
    uint32_t len;   /* registers */
    uint8_t value;  /* of each of them, 0: zeros */
    uint8_t bytes;  /* 1, or 2: the long form of zeros */
};
MUST_USE bool hll_next_run(struct bytes text, size_t *at, struct hll_run *out);

/* --- writing --- */

/* A string being written, in memory of the caller. */
struct hll {
    char *data;
    size_t len;
    size_t room;       /* at least HLL_DENSE_BYTES, and while it is sparse HLL_GROWTH_MAX more than len for each element */
    size_t sparse_max; /* longer ones become dense */
};

/* An empty one. Returns its length. */
size_t hll_write_empty(char out[HLL_EMPTY_BYTES]);

enum hll_change { HLL_SAME, HLL_CHANGED, HLL_CORRUPT };
/* Adds an element. HLL_CORRUPT: as before. The cached count is left alone. */
MUST_USE enum hll_change hll_add(struct hll *hll, struct bytes element);
/* Makes it dense, if it is not. False: corrupt, as before. */
MUST_USE bool hll_make_dense(struct hll *hll);
/* Raises registers to those given, as adding elements would: the result of PFMERGE. `room` is HLL_SPARSE_BYTES_MAX more than
 * len. False: corrupt.  */
MUST_USE bool hll_raise(struct hll *hll, const uint8_t registers[HLL_REGISTERS]);

/* Which register an element concerns, and to what it is raised. */
struct hll_mark {
    uint32_t index;
    uint8_t value; /* 1 .. 51 */
};
struct hll_mark hll_mark_of(struct bytes element);

#endif
