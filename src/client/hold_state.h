/* hold_state.h - what hold.c keeps in a connection.  */
#ifndef CLIENT_HOLD_STATE_H
#define CLIENT_HOLD_STATE_H

#include "shard/logged.h"

#include <stddef.h>

enum { HOLDS = 2 };

struct hold {
    struct log_mark mark; /* sequence 0: none */
    uint64_t *sequences;  /* of a mark of several: a frame of each shard; NULL: no memory, so whatever the logs have when it is looked at */
    size_t from;          /* bytes of the output that do not wait for it */
};

#endif
