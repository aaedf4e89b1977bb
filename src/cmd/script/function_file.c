/* function_file.c - see function_file.h.  */
#include "cmd/script/function_file.h"

#include "exec/exec.h"
#include "mem/buffer.h"
#include "mem/heap.h"
#include "script/function_payload.h"
#include "script/functions.h"
#include "shard/server.h"
#include "shard/thread.h"

#include <stdio.h>
#include <string.h>

bool function_file_write(struct server *server, struct buffer *out)
{
    struct function_set *set = functions_hold(server->functions);
    const bool is_written = function_payload_write_libraries(out, set, server->config);
    function_set_release(set);
    return is_written;
}

/* The set with one library more. NULL: `error` says why not. */
static struct function_set *add(const struct function_set *old, struct function_library *library, char error[256])
{
    const size_t size = (old->library_count + 1) * sizeof(struct function_library *);
    struct function_library **list = thread_alloc(MEM_SCRIPT, size);
    const struct function *twice = NULL;
    struct function_set *set = NULL;
    if (list != NULL) {
        memcpy(list, old->libraries, size - sizeof *list);
        list[old->library_count] = library;
        set = function_set_create(list, old->library_count + 1, &twice);
        thread_free(MEM_SCRIPT, list, size);
    }
    if (set == NULL) {
        snprintf(error, 256, "%s", twice == NULL ? "there is no memory" : "two functions have one name");
    }
    return set;
}

bool function_file_load(struct thread *thread, struct bytes code, char error[256])
{
    struct buffer replies = BUFFER_EMPTY(MEM_SCRIPT);
    struct reply reply;
    reply_begin(&reply, &replies, 2);
    struct exec exec = {.server = thread->server, .thread = thread, .reply = &reply, .now_ms = thread->now_ms};
    struct function_set *old = functions_hold(thread->server->functions);
    const struct function_others others = {old->libraries, old->library_count};
    struct function_library *library = functions_load(&exec, code, &others);
    struct function_set *set = NULL;
    if (library == NULL) {
        const size_t len = replies.len > 5 ? replies.len - 5 : 0; /* -ERR, and the end of the line */
        snprintf(error, 256, "a library of functions: %.*s", (int)(len < 200 ? len : 200), len == 0 ? "" : replies.data + 1);
    } else {
        set = add(old, library, error);
        if (set == NULL) {
            functions_forget(&exec, library);
        }
        function_library_release(library);
    }
    function_set_release(old);
    if (set != NULL) {
        functions_change(&exec, set);
    }
    buffer_release(&replies);
    return set != NULL;
}
