/* lzf_text.h - LZF, the compression that Redis uses within lists and snapshots: fast, weak, byte-oriented.
 *
 * Threads    Any; nothing is kept. Compressing takes some 256 KiB of stack.
 * Read on    liblzf; the format is a run of literals (000nnnnn) and of references to at most 8 KiB before.  */
#ifndef ENCODING_LZF_TEXT_H
#define ENCODING_LZF_TEXT_H

#include "base/attributes.h"
#include "base/bytes.h"

#include <stdbool.h>
#include <stddef.h>

/* Writes the compressed text to `out`, `room` bytes. Returns its length, at most room; 0: it does not fit there, or is empty.
 * O(len).  */
size_t lzf_text_compress(struct bytes text, char *out, size_t room);
/* The same by liblzf, of any length, for comparing. */
size_t lzf_library_compress(struct bytes text, char *out, size_t room);
/* Writes what was compressed to `out`. False unless that is exactly `len` bytes (or when the input is damaged: any input is
 * allowed). len > 0.  */
MUST_USE bool lzf_text_decompress(struct bytes compressed, char *out, size_t len);

#endif
