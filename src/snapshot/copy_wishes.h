/* copy_wishes.h - what is to be in the file that a session will ask for: said first (REPLCONF rdb-filter-only), asked for later (SYNC).
 *
 * Threads    Any.
 * Limits     The last COPY_WISHES_MAX that were said and not asked for are known; older ones are as if they had not been said.  */
#ifndef SNAPSHOT_COPY_WISHES_H
#define SNAPSHOT_COPY_WISHES_H

#include <pthread.h>
#include <stdint.h>

enum copy_wish { COPY_OF_ALL, COPY_OF_FUNCTIONS, COPY_OF_NOTHING };

enum { COPY_WISHES_MAX = 256 };

struct copy_wishes {
    pthread_mutex_t lock;          /* all of it */
    uint32_t next;                 /* the oldest place */
    struct said {
        uint64_t session;          /* its id; 0: none */
        enum copy_wish wish;
    } said[COPY_WISHES_MAX];
};

/* Of zeroed ones; and before they go. */
void copy_wishes_init(struct copy_wishes *wishes);
void copy_wishes_release(struct copy_wishes *wishes);

void copy_wish_say(struct copy_wishes *wishes, uint64_t session, enum copy_wish wish);
/* What was said last, which is forgotten; COPY_OF_ALL: nothing was. */
enum copy_wish copy_wish_take(struct copy_wishes *wishes, uint64_t session);

#endif
