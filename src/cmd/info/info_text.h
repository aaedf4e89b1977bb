/* info_text.h - what the sections of INFO share: the text being written, and fields as rows.
 *
 * A section fills a structure of figures and hands it over with its rows; a row says where in the structure its figure is
 * and how it is printed. What cannot be anything else in this server is a constant row: the value that Redis shows
 * for that feature at rest. The same rows make the text of METRICS: a row with a `metric` is there, too.
 *
 * Read on    Prometheus, "Text-based format"; metric_text.h  */
#ifndef CMD_INFO_TEXT_H
#define CMD_INFO_TEXT_H

#include "cmd/memory/memory_figures.h"
#include "exec/exec.h"
#include "mem/buffer.h"
#include "shard/server.h"

#include <stddef.h>

struct info_tables; /* info_tables.h */

enum info_kind {
    INFO_CONSTANT, /* the row's own text */
    INFO_TEXT,     /* const char * */
    INFO_INTEGER,  /* int64_t */
    INFO_STATUS,   /* int64_t, as ok (not 0) or err */
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
    const char *metric;   /* its name in METRICS without "tessera_", a counter if it ends with _total; of a text: a label of the section's
                           * own metric "..._info". NULL: METRICS leaves it out */
    const char *help;     /* a sentence for METRICS; NULL of texts */
    double scale;         /* METRICS shows the figure times this, so that its unit is seconds or bytes; 0: as it is */
};

#define INFO_FIELD_COUNT(fields) (sizeof(fields) / sizeof((fields)[0]))

/* An INFO being written, or METRICS. */
struct info {
    struct server *server;
    int64_t now_ms;
    const struct heap_walk *walks;    /* one for each shard, or NULL when no selected section wants them */
    const struct memory_figures *memory; /* the same */
    struct bytes keyspace;            /* the text of the section, of one moment; empty when it is not selected */
    const struct info_tables *tables; /* their figures; NULL when the section is not selected */
    const char *section;              /* that is being written */
    struct buffer text;
    bool is_metrics;                  /* the text is METRICS's */
    bool is_refused;                  /* memory was refused: the text is not complete */
};

/* Of INFO alone: METRICS has no free text. */
void info_printf(struct info *info, const char *format, ...) PRINTF_LIKE(2, 3);
void info_write_fields(struct info *info, const struct info_field *fields, size_t count, const void *figures);

/* Things with figures each: shards, databases, commands. INFO has a line for each, "db0:keys=1,expires=0"; METRICS a metric for each field, with
 * a label that says whose figure it is.  */
enum { INFO_NAME_MAX = 64 };
struct info_group {
    const char *line;      /* what a line begins with, before the name of the thing */
    const char *label;
    const struct info_field *fields;
    size_t field_count, figures_size;
    const void *context;   /* the filler's own */
    /* Names the thing and fills its figures, which are zero. False: it is left out. */
    bool (*fill)(const struct info *info, const void *context, uint32_t index, char name[INFO_NAME_MAX], void *figures);
};
enum { INFO_FIGURES_MAX = 256 };
/* Things 0 .. count-1; figures_size <= INFO_FIGURES_MAX. */
void info_write_group(struct info *info, const struct info_group *group, uint32_t count);

#endif
