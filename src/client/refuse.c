/* refuse.c - see refuse.h.  */
#include "client/refuse.h"

#include "client/input.h"
#include "exec/job.h"
#include "exec/window.h"

void connection_drop_window(struct connection *connection)
{
    struct window *window = connection->window;
    if (window != NULL && window->state == WINDOW_PARKED && !window_must_finish(connection->thread, window)) {
        jobs_abandon(connection->thread, window);
        window_drop(window);
        connection->window = NULL;
    }
}

void connection_refuse(struct connection *connection, const char *text)
{
    struct thread *thread = connection->thread;
    connection_drop_window(connection);
    if (connection->window != NULL) {
        connection_close(connection); /* others still work for it: its replies would not be in order */
        return;
    }
    connection_drop_input(connection);
    struct buffer line = BUFFER_EMPTY(MEM_OUTPUT_BUFFER);
    const bool is_made = buffer_append_format(&line, "-%s\r\n", text) &&
                         output_append(&connection->output, &thread->clients->chunks, buffer_bytes(&line));
    buffer_release(&line);
    if (is_made) {
        connection_linger(connection);
    } else {
        connection_close(connection);
    }
}
