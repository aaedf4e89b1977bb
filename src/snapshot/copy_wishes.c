/* copy_wishes.c - see copy_wishes.h.  */
#include "snapshot/copy_wishes.h"

#include <assert.h>

void copy_wishes_init(struct copy_wishes *wishes)
{
    pthread_mutex_init(&wishes->lock, NULL);
}

void copy_wishes_release(struct copy_wishes *wishes)
{
    pthread_mutex_destroy(&wishes->lock);
}

static enum copy_wish take_locked(struct copy_wishes *wishes, uint64_t session)
{
    for (uint32_t i = 0; i < COPY_WISHES_MAX; i++) {
        if (wishes->said[i].session == session) {
            wishes->said[i].session = 0;
            return wishes->said[i].wish;
        }
    }
    return COPY_OF_ALL;
}

void copy_wish_say(struct copy_wishes *wishes, uint64_t session, enum copy_wish wish)
{
    assert(session != 0);
    pthread_mutex_lock(&wishes->lock);
    (void)take_locked(wishes, session);
    wishes->said[wishes->next] = (struct said){session, wish};
    wishes->next = (wishes->next + 1) % COPY_WISHES_MAX;
    pthread_mutex_unlock(&wishes->lock);
}

enum copy_wish copy_wish_take(struct copy_wishes *wishes, uint64_t session)
{
    pthread_mutex_lock(&wishes->lock);
    const enum copy_wish wish = take_locked(wishes, session);
    pthread_mutex_unlock(&wishes->lock);
    return wish;
}
