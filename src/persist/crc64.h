/* crc64.h - the checksum of Redis's RDB files and DUMP payloads: CRC-64 with Jones's polynomial, reflected, from 0, not inverted.
 *
 * Threads    Any.
 * Read on    "A painless guide to CRC error detection algorithms"; the polynomial is 0xad93d23594c935a9.  */
#ifndef PERSIST_CRC64_H
#define PERSIST_CRC64_H

#include "base/bytes.h"

#include <stdint.h>

/* The checksum of what `crc` is the checksum of (0: of nothing), followed by `text`. About 0.6 ns a byte. */
uint64_t crc64(uint64_t crc, struct bytes text);

#endif
