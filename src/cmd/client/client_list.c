/* client_list.c - CLIENT LIST, INFO and KILL: connections of all threads, each looked at on its own thread.
 *
 * Threads    A search runs on the threads one after the other (exec_call_threads); it belongs to the one that it runs on.
 * Memory     A search is freed by its finish function.  */
#include "client/session.h"
#include "client/session_line.h"
#include "client/sessions.h"
#include "cmd/client/client_filter.h"
#include "cmd/client/client_list.h"
#include "cmd/core/answers.h"
#include "exec/exec.h"
#include "mem/heap.h"
#include "shard/server.h"

/* Connections to find. */
struct search {
    struct client_filters *filters;    /* own; UNBLOCK: NULL */
    uint64_t id;                       /* UNBLOCK: the one; otherwise the asking connection's */
    int64_t now_ms;
    bool replies_ok;                   /* the old form of KILL */
    bool found_self;
    bool ends_with_error;              /* UNBLOCK */
    uint64_t found;
    struct buffer lines;               /* LIST */
    bool is_refused;                   /* no memory for lines */
};

/* Takes the filters. NULL: no memory, replied. */
static struct search *search_create(struct exec *exec, struct client_filters *filters)
{
    struct search *search = thread_alloc_zeroed(MEM_SERVER, sizeof *search);
    if (search == NULL) {
        client_filters_destroy(filters);
        reply_result_error(exec->reply, RESULT_NO_MEMORY);
        return NULL;
    }
    search->filters = filters;
    search->id = exec->session->id;
    search->now_ms = exec->now_ms;
    search->lines = BUFFER_EMPTY(MEM_OUTPUT_BUFFER);
    return search;
}

static void search_destroy(struct search *search)
{
    buffer_release(&search->lines);
    client_filters_destroy(search->filters);
    thread_free(MEM_SERVER, search, sizeof *search);
}

/* --- LIST and INFO --- */

void command_client_info(struct exec *exec)
{
    struct buffer line = BUFFER_EMPTY(MEM_OUTPUT_BUFFER);
    if (session_append_line(exec->session, exec->now_ms, &line)) {
        reply_verbatim(exec->reply, "txt", buffer_bytes(&line));
    } else {
        reply_result_error(exec->reply, RESULT_NO_MEMORY);
    }
    buffer_release(&line);
}

static void list_thread(struct thread *thread, void *arg)
{
    struct search *search = arg;
    struct session *session = NULL;
    while ((session = thread_session_next(thread, session)) != NULL) {
        if (client_filters_want(search->filters, session) && !session_append_line(session, search->now_ms, &search->lines)) {
            search->is_refused = true;
        }
    }
}

static void list_finish(struct exec *exec, void *arg)
{
    struct search *search = arg;
    if (exec->session != NULL) {
        if (search->is_refused) {
            reply_result_error(exec->reply, RESULT_NO_MEMORY);
        } else {
            reply_verbatim(exec->reply, "txt", buffer_bytes(&search->lines));
        }
    }
    search_destroy(search);
}

void command_client_list(struct exec *exec)
{
    struct client_filters *filters = client_filters_read(exec, 2, false);
    struct search *search = filters == NULL ? NULL : search_create(exec, filters);
    if (search != NULL) {
        exec_call_threads(exec, list_thread, list_finish, search);
    }
}

/* --- KILL --- */

static void kill_thread(struct thread *thread, void *arg)
{
    struct search *search = arg;
    struct session *session = NULL;
    while ((session = thread_session_next(thread, session)) != NULL) {
        if (!client_filters_want(search->filters, session)) {
            continue;
        }
        search->found++;
        if (session->id == search->id) {
            search->found_self = true; /* it still gets its reply */
        } else {
            session_close(session);
        }
    }
}

static void kill_finish(struct exec *exec, void *arg)
{
    struct search *search = arg;
    if (exec->session != NULL) {
        if (!search->replies_ok) {
            reply_integer(exec->reply, (int64_t)search->found);
        } else if (search->found > 0) {
            reply_ok(exec->reply);
        } else {
            reply_error(exec->reply, "ERR No such client");
        }
        if (search->found_self) {
            exec_close_after_reply(exec);
        }
    }
    search_destroy(search);
}

void command_client_kill(struct exec *exec)
{
    const bool is_old_form = exec->argc == 3;
    struct client_filters *filters = is_old_form ? client_filters_of_address(exec, 2) : client_filters_read(exec, 2, true);
    struct search *search = filters == NULL ? NULL : search_create(exec, filters);
    if (search != NULL) {
        search->replies_ok = is_old_form;
        exec_call_threads(exec, kill_thread, kill_finish, search);
    }
}

/* --- UNBLOCK --- */

static void unblock_thread(struct thread *thread, void *arg)
{
    struct search *search = arg;
    struct session *session = NULL;
    while ((session = thread_session_next(thread, session)) != NULL) {
        if (session->id == search->id) {
            search->found += session_unblock(session, search->ends_with_error);
            return;
        }
    }
}

static void unblock_finish(struct exec *exec, void *arg)
{
    struct search *search = arg;
    if (exec->session != NULL) {
        reply_integer(exec->reply, (int64_t)search->found);
    }
    search_destroy(search);
}

void command_client_unblock(struct exec *exec)
{
    int64_t id;
    bool is_error = false;
    if (exec->argc == 4) {
        is_error = bytes_equal_ignore_case(exec->argv[3], BYTES("ERROR"));
        if (!is_error && !bytes_equal_ignore_case(exec->argv[3], BYTES("TIMEOUT"))) {
            reply_error(exec->reply, "ERR CLIENT UNBLOCK reason should be TIMEOUT or ERROR");
            return;
        }
    } else if (exec->argc > 4) {
        reply_arity_error(exec->reply, exec->spec);
        return;
    }
    if (!exec_int64_argument(exec, 2, &id)) {
        return;
    }
    struct search *search = search_create(exec, NULL);
    if (search != NULL) {
        search->id = (uint64_t)id;
        search->ends_with_error = is_error;
        exec_call_threads(exec, unblock_thread, unblock_finish, search);
    }
}
