/* info_text.h - what the sections of INFO share: the text being written, and fields as rows.
 *
 * A section fills a structure of figures and hands it over with its rows; a row says where in the structure its figure is
 * and how it is printed. What cannot be anything else in this server is a constant row: the value that Redis shows
 * for that feature at rest.  */
#ifndef CMD_INFO_TEXT_H
#define CMD_INFO_TEXT_H

#include "cmd/memory/memory_figures.h"
#include "exec/exec.h"
#include "mem/buffer.h"
#include "shard/server.h"

#include <stddef.h>

enum info_kind {
    INFO_CONSTANT, /* the row's own text */
    INFO_TEXT,     /* const char * */
    INFO_INTEGER,  /* int64_t */
    INFO_HUMAN,    /* int64_t bytes, as 1.50M */
    INFO_RATIO,    /* double, two digits */
    INFO_PERCENT,  /* double, two digits and % */
    INFO_SECONDS,  /* double, six digits */
};

struct info_field {
    const char *name;
    enum info_kind kind;
    size_t offset;        /* in the section's structure */
    const char *constant; /* INFO_CONSTANT */
};

#define INFO_FIELD_COUNT(fields) (sizeof(fields) / sizeof((fields)[0]))

/* An INFO being written. */
struct info {
    struct server *server;
    int64_t now_ms;
    const struct heap_walk *walks;    /* one for each shard, or NULL when no selected section wants them */
    const struct memory_figures *memory; /* the same */
    struct bytes keyspace;            /* the text of the section, of one moment; empty when it is not selected */
    struct buffer text;
    bool is_refused;                  /* memory was refused: the text is not complete */
};

void info_printf(struct info *info, const char *format, ...) PRINTF_LIKE(2, 3);
void info_write_fields(struct info *info, const struct info_field *fields, size_t count, const void *figures);

#endif
