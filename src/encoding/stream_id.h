/* stream_id.h - the id of a stream's entry: milliseconds and a sequence number, in this order.
 *
 * Threads    Any.  */
#ifndef ENCODING_STREAM_ID_H
#define ENCODING_STREAM_ID_H

#include <stdbool.h>
#include <stdint.h>

struct stream_id {
    uint64_t ms, seq;
};

#define STREAM_ID_MIN ((struct stream_id){0, 0})
#define STREAM_ID_MAX ((struct stream_id){UINT64_MAX, UINT64_MAX})

/* <0, 0, >0 */
static inline int stream_id_compare(struct stream_id a, struct stream_id b)
{
    if (a.ms != b.ms) {
        return a.ms < b.ms ? -1 : 1;
    }
    return a.seq == b.seq ? 0 : a.seq < b.seq ? -1 : 1;
}

static inline bool stream_id_is_zero(struct stream_id id)
{
    return (id.ms | id.seq) == 0;
}

/* The next id; false when there is none. */
static inline bool stream_id_increment(struct stream_id *id)
{
    if (id->seq == UINT64_MAX) {
        if (id->ms == UINT64_MAX) {
            return false;
        }
        id->ms++;
        id->seq = 0;
        return true;
    }
    id->seq++;
    return true;
}

/* The id before it; false when there is none. */
static inline bool stream_id_decrement(struct stream_id *id)
{
    if (id->seq == 0) {
        if (id->ms == 0) {
            return false;
        }
        id->ms--;
        id->seq = UINT64_MAX;
        return true;
    }
    id->seq--;
    return true;
}

#endif
