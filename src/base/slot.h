/* slot.h - Redis Cluster's hash slots: CRC16-XMODEM of the key or of its {hash tag}, modulo 16384.
 * Source: the Redis Cluster specification.  */
#ifndef BASE_SLOT_H
#define BASE_SLOT_H

#include "base/bytes.h"

#include <stdint.h>

enum { SLOT_COUNT = 16384 };

/* 0 .. SLOT_COUNT-1. The tag is what stands between the first '{' and the next '}', if it is not empty. */
uint16_t slot_of_key(struct bytes key);
uint16_t crc16_xmodem(struct bytes text);

/* The shard of `shard_count` (1 .. 1024) that owns a slot: contiguous ranges of equal size (+-1). */
static inline uint32_t slot_to_shard(uint16_t slot, uint32_t shard_count)
{
    return (uint32_t)slot * shard_count / SLOT_COUNT;
}

#endif
