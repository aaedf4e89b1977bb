/* crc64_fold.h - a long text becomes 16 bytes with the same checksum, by carry-less multiplication (x86-64 with PCLMULQDQ).
 *
 * Threads    Any.
 * Source     Gopal et al., "Fast CRC Computation for Generic Polynomials Using PCLMULQDQ Instruction", Intel 2009.  */
#ifndef PERSIST_CRC64_FOLD_H
#define PERSIST_CRC64_FOLD_H

#include "base/bytes.h"

#include <stdint.h>

enum { CRC64_FOLDED = 16, CRC64_FOLD_MIN = 256 };

/* Folds the first bytes of a text of CRC64_FOLD_MIN bytes or more: crc64(0, folded) is then what crc64(crc, those bytes) is.
 * Returns how many they are, all but 63 at most; 0: this processor cannot.  */
size_t crc64_fold(uint64_t crc, struct bytes text, char folded[CRC64_FOLDED]);

#endif
