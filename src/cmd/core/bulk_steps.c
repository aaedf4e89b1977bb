/* bulk_steps.c - see bulk_steps.h.  */
#include "cmd/core/bulk_steps.h"

#include <stdio.h>

enum { BULK_LOOK_BYTES = 16384 }; /* between two looks at the clock */

/* The head of a bulk string, and room for what follows in pieces. */
static void begin(struct bulk_steps *bulk, struct exec *exec)
{
    char head[32];
    const int head_len = snprintf(head, sizeof head, "$%zu\r\n", bulk->text.len);
    reply_reserve(exec->reply, bulk->text.len + sizeof head);
    reply_raw(exec->reply, (struct bytes){head, (size_t)head_len});
    bulk->is_begun = true;
}

bool bulk_steps_run(struct bulk_steps *bulk, struct exec *exec)
{
    if (!bulk->is_begun) {
        begin(bulk, exec);
    }
    while (bulk->at < bulk->text.len && !exec->reply->is_broken) {
        const size_t left = bulk->text.len - bulk->at;
        const size_t some = left < BULK_LOOK_BYTES ? left : BULK_LOOK_BYTES;
        reply_raw(exec->reply, (struct bytes){bulk->text.data + bulk->at, some});
        bulk->at += some;
        if (exec_step_is_over(exec)) {
            return false;
        }
    }
    reply_raw(exec->reply, BYTES("\r\n"));
    return true;
}
