/* ready.c - see ready.h.  */
#include "client/ready.h"

#include "exec/exec.h"
#include "exec/pending.h"
#include "exec/window.h"

bool connection_has_room_for(const struct connection *connection, const struct command_spec *spec)
{
    const size_t unsent = connection->output.bytes;
    if (LIKELY(unsent <= OUTPUT_SOFT_UNAUTHENTICATED)) {
        return true;
    }
    if (connection_is_unauthenticated(connection)) {
        return false;
    }
    return !pending_is_full(connection->thread, unsent) ||
           ((spec->flags & COMMAND_WRITE) != 0 && unsent <= OUTPUT_WRITES_MAX);
}

bool connection_has_output_room(const struct connection *connection)
{
    const size_t unsent = connection->output.bytes;
    if (LIKELY(unsent <= OUTPUT_SOFT_UNAUTHENTICATED)) {
        return true;
    }
    if (connection_is_unauthenticated(connection)) {
        return false;
    }
    /* Over the soft limit it is tried until its next command is known to be one that has no room. */
    return !pending_is_full(connection->thread, unsent) || (!connection->waits_for_room && unsent <= OUTPUT_WRITES_MAX);
}

void connection_look_for_room(struct connection *connection)
{
    if (UNLIKELY(connection->waits_for_room) && !pending_is_full(connection->thread, connection->output.bytes)) {
        connection->waits_for_room = false;
    }
}

void connection_continue(struct connection *connection)
{
    if (!connection_is_open(connection) || !connection_has_output_room(connection)) {
        return;
    }
    const struct window *window = connection->window;
    if (window == NULL) {
        if (connection->wants_more && !connection->is_in_list[LIST_PAUSED]) {
            connection_list_add(connection, LIST_READY);
        }
    } else if (window->state == WINDOW_PARKED) {
        uint8_t state = window_first_call(window)->state;
        if (state == CALL_DEFERRED || state == CALL_REROUTE) {
            connection_list_add(connection, LIST_READY);
        }
    }
}
