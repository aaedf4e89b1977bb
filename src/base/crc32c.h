/* crc32c.h - CRC-32C (Castagnoli, as in iSCSI), which x86 has an instruction for: the checksum of the log.
 *
 * Threads    Any.
 * Read on    RFC 3720, appendix B.4; the polynomial is 0x1edc6f41, reflected, and the register is inverted before and after.  */
#ifndef BASE_CRC32C_H
#define BASE_CRC32C_H

#include "base/bytes.h"

#include <stdint.h>

/* The checksum of what `crc` is the checksum of (0: of nothing), followed by `text`. About 0.06 ns a byte from 1 KiB on and 0.2
 * ns below with the instruction (`bench-log`), 0.8 ns without.  */
uint32_t crc32c(uint32_t crc, struct bytes text);
/* The same without the instruction: what a processor that lacks it runs. */
uint32_t crc32c_by_tables(uint32_t crc, struct bytes text);

#endif
