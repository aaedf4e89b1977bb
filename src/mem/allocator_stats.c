/* allocator_stats.c - collects what the allocator prints about itself.  */
#include "mem/allocator_stats.h"

#if !defined(TESSERA_LIBC_HEAP)

#include <mimalloc.h>

struct report {
    struct buffer *out;
    bool is_refused;
};

static void append_text(const char *text, void *arg)
{
    struct report *report = arg;
    report->is_refused |= !buffer_append(report->out, bytes_of_string(text));
}

bool mem_allocator_stats(struct buffer *out)
{
    struct report report = {out, false};
    mi_stats_print_out(append_text, &report);
    return !report.is_refused;
}

#else

#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>

bool mem_allocator_stats(struct buffer *out)
{
    char *text = NULL;
    size_t len = 0;
    FILE *stream = open_memstream(&text, &len);
    if (stream == NULL) {
        return false;
    }
    const bool is_made = malloc_info(0, stream) == 0;
    const bool is_closed = fclose(stream) == 0;
    const bool is_done = is_made && is_closed && buffer_append(out, (struct bytes){text, len});
    free(text);
    return is_done;
}

#endif
