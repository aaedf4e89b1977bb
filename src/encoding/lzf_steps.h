/* lzf_steps.h - LZF in steps, for texts that take long: the same bytes as lzf_text.h gives.
 *
 * The format is a run of pieces: 000nnnnn and n + 1 bytes as they are | nnnooooo oooooooo, n > 0: n + 2 bytes again, from o + 1 bytes
 * before | 111ooooo nnnnnnnn oooooooo: n + 9 bytes again.
 *
 * Threads    Any, one at a time.
 * Memory     A packer is 256 KiB and some, of the thread's memory; an unpacker is the caller's.
 * Read on    liblzf's lzf_c.c (its VERY_FAST way, with a table of 2^16 places), whose choices are made here, too.  */
#ifndef ENCODING_LZF_STEPS_H
#define ENCODING_LZF_STEPS_H

#include "base/attributes.h"
#include "base/bytes.h"

#include <stdbool.h>
#include <stddef.h>

enum lzf_status {
    LZF_MORE,
    LZF_DONE,
    LZF_UNFIT, /* packing: it would not be shorter than the room; unpacking: the packed bytes are damaged */
};

struct lzf_packer;

/* NULL: refused, or the text is longer than 4 GiB. Lends `text`, until lzf_packer_destroy. */
struct lzf_packer *lzf_packer_create(struct bytes text);
void lzf_packer_destroy(struct lzf_packer *packer); /* NULL is allowed */
/* Packs about `limit` bytes more of the text to `out`, which holds what earlier steps gave and has `room` bytes (the same each time).
 * LZF_DONE: *len is what was written in all.  */
enum lzf_status lzf_packer_step(struct lzf_packer *packer, char *out, size_t room, size_t limit, size_t *len);

/* lzf_text_compress for a text of 1 .. LZF_SHORT_MAX bytes: liblzf's table of 256 KiB is more to clear than such a text is to pack. */
enum { LZF_SHORT_MAX = 1024 };
size_t lzf_short_compress(struct bytes text, char *out, size_t room);

/* Zeroed at first. */
struct lzf_unpacker {
    size_t in, out; /* bytes read and written */
};

/* Unpacks about `limit` bytes more of `packed` to `out`, as lzf_text_decompress. Both may have moved since the last step. */
enum lzf_status lzf_unpacker_step(struct lzf_unpacker *unpacker, struct bytes packed, char *out, size_t len, size_t limit);

#endif
