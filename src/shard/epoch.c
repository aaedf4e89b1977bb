/* epoch.c - see epoch.h.  */
#include "shard/epoch.h"

#include <sched.h>

static void yield_to_readers(ck_epoch_t *epoch, ck_epoch_record_t *record, void *arg)
{
    (void)epoch;
    (void)record;
    (void)arg;
    sched_yield();
}

void server_wait_readers(struct server *server)
{
    ck_epoch_synchronize_wait(server->epoch, yield_to_readers, NULL);
    EPOCH_IS_PASSED(server->epoch);
}
