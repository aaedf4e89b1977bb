/* standstill.c - see standstill.h.  */
#include "snapshot/standstill.h"

#include "shard/server.h"

#include <assert.h>

bool standstill_begin(struct standstill *standstill, struct server *server)
{
    assert(standstill->server == NULL);
    const int64_t until_ms = atomic_load_explicit(&server->pause_until_ms, memory_order_relaxed);
    if (atomic_exchange_explicit(&server->is_end_paused, true, memory_order_acq_rel)) {
        return false;
    }
    standstill->server = server;
    standstill->was_for_writes_only = atomic_load_explicit(&server->is_pause_for_writes_only, memory_order_relaxed);
    atomic_store_explicit(&server->pause_after_end_ms, until_ms, memory_order_relaxed);
    atomic_store_explicit(&server->is_pause_for_writes_only, true, memory_order_relaxed);
    atomic_store_explicit(&server->pause_until_ms, INT64_MAX, memory_order_release);
    return true;
}

void standstill_widen(struct standstill *standstill)
{
    assert(standstill->server != NULL);
    atomic_store_explicit(&standstill->server->is_pause_for_writes_only, false, memory_order_release);
}

void standstill_end(struct standstill *standstill)
{
    struct server *server = standstill->server;
    if (server == NULL) {
        return;
    }
    standstill->server = NULL;
    atomic_store_explicit(&server->is_pause_for_writes_only, standstill->was_for_writes_only, memory_order_relaxed);
    atomic_store_explicit(&server->is_end_paused, false, memory_order_release);
    atomic_store_explicit(&server->pause_until_ms, atomic_load_explicit(&server->pause_after_end_ms, memory_order_relaxed), memory_order_release);
}
