/* migrate_trip.h - MIGRATE's conversation with the target: connect, AUTH and SELECT once, then for each trip a batch of RESTOREs and their replies.
 *
 * Threads    The job fills it and looks at it while it is at home; trip_run has it while it is away (exec/errand.h).
 * Memory     All that the thread touches is the trip's own, since the job may end before it is back.
 * Invariant  A key's fate is FATE_DONE only if the target has replied +OK to its RESTORE.
 * Limits     A reply is a line of PEER_LINE_MAX bytes; whatever is neither +OK nor an error ends the trip.  */
#ifndef CMD_MIGRATE_TRIP_H
#define CMD_MIGRATE_TRIP_H

#include "exec/errand.h"
#include "mem/buffer.h"
#include "net/peer.h"

enum fate {
    FATE_MISSING, /* it is not there, or has expired */
    FATE_THERE,
    FATE_SENT,    /* its RESTORE is in the batch, or was, without an OK */
    FATE_DONE,
};

enum trip_end { TRIP_FINE, TRIP_NOT_CONNECTED, TRIP_NOT_WRITTEN, TRIP_NOT_READ };

struct trip {
    struct errand errand;       /* first */
    struct peer peer;
    /* of the request */
    struct buffer host;         /* ends with a NUL */
    int64_t port;
    int64_t timeout_ms;
    struct buffer greeting;     /* AUTH and SELECT as RESP */
    uint32_t greeting_count;
    /* the batch: RESTOREs in RESP, the last one's payload perhaps apart */
    struct buffer text, payload;
    struct bytes tail;          /* behind an apart payload; constant */
    uint64_t first, end;        /* whose keys' fates it may change */
    uint8_t *fates;             /* enum fate, one a key */
    uint64_t key_count;
    /* what has become of it */
    bool is_greeted;
    enum trip_end ended;
    uint32_t error_len;         /* the target's first error reply; 0: none */
    char error[PEER_LINE_MAX];
};

/* For `key_count` keys, all missing so far. NULL: no memory, or no descriptor. It is not open as an errand. */
MUST_USE struct trip *trip_create(uint64_t key_count);
/* Before it was opened as an errand; afterwards errand_release does it. */
void trip_destroy(struct trip *trip);

static inline bool trip_goes_on(const struct trip *trip)
{
    return trip->ended == TRIP_FINE && !trip->errand.has_failed && (trip->error_len == 0 || trip->is_greeted);
}

#endif
