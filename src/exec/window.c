/* window.c - windows that wait: see window.h.  */
#include "exec/window.h"

#include "mem/heap.h"
#include "net/parser.h"

#include <stdalign.h>
#include <stddef.h>
#include <string.h>

void call_drop(struct call *call)
{
    buffer_release(&call->own);
    parsed_words_free(call->own_words, call->own_words_capacity);
    call->own_words = NULL;
}

void window_drop(struct window *window)
{
    for (uint32_t i = window->flushed; i < window->count; i++) {
        struct call *call = &window->calls[i];
        assert(call->state != CALL_JOB && call->state != CALL_STARTED);
        if (call->state == CALL_ABROAD) {
            call->elsewhere->call = NULL;
        }
        call_drop(call);
    }
    if (window->parked_bytes > 0) {
        thread_free(MEM_CLIENT, window, window->parked_bytes);
    }
}

size_t window_memory_bytes(const struct window *window)
{
    size_t total = window->parked_bytes > 0 ? thread_block_bytes(window->parked_bytes) : 0;
    if (window->queued > 0) {
        return total; /* whoever runs these calls writes to them now */
    }
    for (uint32_t i = window->flushed; i < window->count; i++) {
        total += window->calls[i].own.capacity;
    }
    return total;
}

/* --- parking --- */

static bool own_replies(struct window *window)
{
    for (uint32_t i = window->flushed; i < window->count; i++) {
        struct call *call = &window->calls[i];
        if (call->state == CALL_DONE && call->own.capacity == 0 && call->reply_len > 0) {
            struct bytes text = {call->replies->data + call->reply_start, call->reply_len};
            if (!buffer_append(&call->own, text)) {
                return false;
            }
        }
    }
    return true;
}

static size_t parked_bytes_needed(const struct window *window, uint32_t *words)
{
    size_t bytes = 0;
    *words = 0;
    for (uint32_t i = window->flushed; i < window->count; i++) {
        *words += window->calls[i].argc;
        for (uint32_t j = 0; j < window->calls[i].argc; j++) {
            bytes += window->calls[i].argv[j].len;
        }
    }
    return sizeof(struct window) + (window->count - window->flushed) * sizeof(struct call) +
           *words * sizeof(struct bytes) + bytes + alignof(max_align_t);
}

static void copy_call(struct call *to, const struct call *from, struct window *window, struct bytes **words, char **text)
{
    *to = *from;
    to->window = window;
    to->next = NULL;
    to->argv = *words;
    to->own_words = NULL;
    if (from->state == CALL_ABROAD) {
        from->elsewhere->call = to;
    }
    for (uint32_t j = 0; j < from->argc; j++) {
        (*words)[j] = (struct bytes){*text, from->argv[j].len};
        if (from->argv[j].len > 0) {
            memcpy(*text, from->argv[j].data, from->argv[j].len);
        }
        *text += from->argv[j].len;
    }
    *words += from->argc;
}

/* Layout of the block: window, calls, words, the words' bytes. NULL: no memory. */
static struct window *copy_window(const struct window *window)
{
    uint32_t word_count;
    const size_t bytes = parked_bytes_needed(window, &word_count);
    struct window *parked = thread_alloc(MEM_CLIENT, bytes);
    if (parked == NULL) {
        return NULL;
    }
    *parked = (struct window){.session = window->session,
                              .calls = (struct call *)(parked + 1),
                              .count = window->count - window->flushed,
                              .state = window->state,
                              .parked_bytes = bytes};
    struct bytes *words = (struct bytes *)(parked->calls + parked->count);
    char *text = (char *)(words + word_count);
    for (uint32_t i = 0; i < parked->count; i++) {
        struct call *from = &window->calls[window->flushed + i];
        assert(from->state != CALL_JOB); /* a job is taken up in a parked window only */
        copy_call(&parked->calls[i], from, parked, &words, &text);
        parsed_words_free(from->own_words, from->own_words_capacity);
        from->own_words = NULL;
    }
    return parked;
}

struct window *window_park(struct window *window)
{
    if (!own_replies(window)) {
        return NULL;
    }
    struct window *parked = window->state == WINDOW_IN_ROUND ? copy_window(window) : window;
    if (parked != NULL) {
        window_enter(parked, WINDOW_PARKED);
    }
    return parked;
}
