/* tracker.c - see tracker.h.  */
#include "tracking/tracker.h"

#include "mem/heap.h"

#include <assert.h>

void tracker_hold(struct tracker *tracker)
{
    atomic_fetch_add_explicit(&tracker->holds, 1, memory_order_relaxed);
}

void tracker_release(struct tracker *tracker)
{
    if (atomic_fetch_sub_explicit(&tracker->holds, 1, memory_order_acq_rel) > 1) {
        return;
    }
    assert(tracker->is_closed && tracker->redirect == NULL && tracker->prefixes == NULL);
    thread_free(MEM_CLIENT, tracker, sizeof *tracker);
}
