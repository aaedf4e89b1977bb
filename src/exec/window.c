/* window.c - windows that wait: see window.h.  */
#include "exec/window.h"

#include "exec/transaction.h"
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
    transaction_destroy(call->transaction);
    call->transaction = NULL;
}

void window_drop(struct window *window)
{
    for (uint32_t i = window->flushed; i < window->count; i++) {
        struct call *call = &window->calls[i];
        assert(call->state != CALL_JOB && call->state != CALL_STARTED && call->state != CALL_BLOCKED);
        if (call->state == CALL_ABROAD) {
            call->elsewhere->call = NULL;
        }
        call_drop(call);
    }
    if (window->parked_bytes > 0) {
        buffer_release(&window->input);
        thread_free(MEM_CLIENT, window, window->parked_bytes);
    }
}

size_t window_memory_bytes(const struct window *window)
{
    size_t total = window->parked_bytes > 0 ? thread_block_bytes(window->parked_bytes) + window->input.capacity : 0;
    if (window->queued > 0) {
        return total; /* whoever runs these calls writes to them now */
    }
    for (uint32_t i = window->flushed; i < window->count; i++) {
        const struct call *call = &window->calls[i];
        const bool has_words = window->parked_bytes > 0 && call->own_words != NULL;
        total += call->own.capacity + transaction_memory_bytes(call->transaction) + (has_words ? call->own_words_capacity * sizeof(struct bytes) : 0);
    }
    return total;
}

/* --- parking --- */

static bool own_replies(struct window *window)
{
    for (uint32_t i = window->flushed; i < window->count; i++) {
        struct call *call = &window->calls[i];
        if (call->state == CALL_DONE && call->own.capacity == 0 && call->reply_len > 0) {
            struct bytes text = {buffer_at(call->replies, call->reply_start), call->reply_len};
            if (!buffer_append(&call->own, text)) {
                return false;
            }
        }
    }
    return true;
}

size_t window_words_bytes(const struct window *window)
{
    size_t bytes = 0;
    for (uint32_t i = window->flushed; i < window->count; i++) {
        const struct call *call = &window->calls[i];
        for (uint32_t j = 0; j < call->argc; j++) {
            bytes += call->argv[j].len;
        }
    }
    return bytes;
}

/* Words of calls that have no array of their own. */
static uint32_t loose_words(const struct window *window)
{
    uint32_t count = 0;
    for (uint32_t i = window->flushed; i < window->count; i++) {
        count += window->calls[i].own_words == NULL ? window->calls[i].argc : 0;
    }
    return count;
}

/* Loose words go to *words; the words' bytes to *text, unless that is NULL: then they stay where they are. */
static void move_call(struct call *to, struct call *from, struct window *window, struct bytes **words, char **text)
{
    *to = *from;
    to->window = window;
    to->next = NULL;
    from->own_words = NULL;
    from->transaction = NULL;
    if (from->state == CALL_ABROAD || from->state == CALL_BLOCKED) {
        from->elsewhere->call = to;
    }
    struct bytes *argv = to->own_words;
    if (argv == NULL) {
        argv = *words;
        *words += from->argc;
    }
    to->argv = argv;
    for (uint32_t j = 0; j < from->argc; j++) {
        argv[j] = from->argv[j];
        if (*text != NULL && argv[j].len > 0) {
            argv[j].data = memcpy(*text, argv[j].data, argv[j].len);
            *text += argv[j].len;
        }
    }
}

/* Layout of the block: window, calls, loose words, the words' bytes unless they are in `input`, which is taken. NULL: no memory. */
static struct window *move_window(const struct window *window, struct buffer *input)
{
    const uint32_t word_count = loose_words(window);
    const bool stays = input->capacity > 0;
    const size_t bytes = sizeof(struct window) + (window->count - window->flushed) * sizeof(struct call) +
                         word_count * sizeof(struct bytes) + (stays ? 0 : window_words_bytes(window)) + alignof(max_align_t);
    struct window *parked = thread_alloc(MEM_CLIENT, bytes);
    if (parked == NULL) {
        return NULL;
    }
    *parked = (struct window){.session = window->session,
                              .calls = (struct call *)(parked + 1),
                              .count = window->count - window->flushed,
                              .state = window->state,
                              .parked_bytes = bytes,
                              .input = *input};
    *input = BUFFER_EMPTY(input->which);
    struct bytes *words = (struct bytes *)(parked->calls + parked->count);
    char *text = stays ? NULL : (char *)(words + word_count);
    for (uint32_t i = 0; i < parked->count; i++) {
        struct call *from = &window->calls[window->flushed + i];
        assert(from->state != CALL_JOB); /* a job is taken up in a parked window only */
        move_call(&parked->calls[i], from, parked, &words, &text);
    }
    return parked;
}

struct window *window_park(struct window *window, struct buffer *input)
{
    if (!own_replies(window)) {
        return NULL;
    }
    struct window *parked = window->state == WINDOW_IN_ROUND ? move_window(window, input) : window;
    if (parked != NULL) {
        window_enter(parked, WINDOW_PARKED);
    }
    return parked;
}
