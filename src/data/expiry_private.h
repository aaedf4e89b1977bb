/* expiry_private.h - the nodes of the expiry index, for expiry.c and its checks in expiry_check.c.  */
#ifndef DATA_EXPIRY_PRIVATE_H
#define DATA_EXPIRY_PRIVATE_H

#include "data/expiry.h"

/* The order of the tree: by time, then by address. */
struct expiry_key {
    int64_t expiry_ms;
    uintptr_t address;
};

struct expiry_inner {
    uint32_t count;
    struct expiry_key bounds[EXPIRY_INNER_MAX];
    void *children[EXPIRY_INNER_MAX];
};

struct expiry_leaf {
    uint16_t count, capacity;
    uint32_t unused;
    struct entry *entries[];
};

static inline bool expiry_key_is_below(struct expiry_key a, struct expiry_key b)
{
    return a.expiry_ms != b.expiry_ms ? a.expiry_ms < b.expiry_ms : a.address < b.address;
}

#endif
