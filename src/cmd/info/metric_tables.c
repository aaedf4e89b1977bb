/* metric_tables.c - see metric_tables.h.  */
#include "cmd/info/metric_tables.h"

#include "cmd/info/metric_text.h"
#include "table/catalogue.h"
#include "table/schema.h"
#include "table/table.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

enum { FULL_NAME_MAX = 2 * 64 + 1 };

struct table_figures {
    uint32_t db, name_len, column_len; /* column_len 0: of a table */
    char name[FULL_NAME_MAX], column[COLUMN_NAME_MAX];
    struct table_memory memory;
    uint64_t index_bytes;              /* of that column's index */
};

struct table_metric {
    const char *name, *help;
    size_t offset;
};

#define AT(field) offsetof(struct table_figures, field)

static const struct table_metric table_metrics[] = {
    {"table_rows", "Rows of the table.", AT(memory.row_count)},
    {"table_row_bytes", "Memory of the rows of the table.", AT(memory.row_bytes)},
    {"table_indexes_bytes", "Memory of the indexes of the table.", AT(memory.index_bytes)},
    {"table_schema_bytes", "Memory of the description of the table.", AT(memory.catalogue_bytes)},
    {0},
};

static const struct table_metric index_metrics[] = {
    {"table_index_bytes", "Memory of one index, by its column.", AT(index_bytes)},
    {0},
};

#undef AT

/* --- taking --- */

static uint32_t copy_name(char *out, size_t size, struct bytes name)
{
    const size_t len = name.len < size ? name.len : size;
    memcpy(out, name.data, len);
    return (uint32_t)len;
}

static bool look_at_indexes(struct metric_tables *tables, const struct table *table, struct table_figures *figures)
{
    const uint32_t count = table_column_count(table);
    bool is_done = true;
    for (uint32_t i = 0; is_done && i < count; i++) {
        bool is_indexed;
        const struct bytes column = table_column(table, i, &is_indexed);
        if (is_indexed && table_index_memory(table, column, &figures->index_bytes)) {
            figures->column_len = copy_name(figures->column, sizeof figures->column, column);
            is_done = buffer_append(&tables->indexes, (struct bytes){(const char *)figures, sizeof *figures});
        }
    }
    return is_done;
}

bool metric_tables_look(struct metric_tables *tables, const struct shard *shard)
{
    const struct catalogue *catalogue = atomic_load_explicit(&shard->server->catalogue, memory_order_acquire);
    const struct table *table;
    bool is_done = true;
    baton_assert_held(&shard->baton);
    for (uint32_t at = 0; is_done && (table = catalogue_table_at(catalogue, at)) != NULL; at++) {
        tables->count++;
        if (at >= METRIC_TABLES_MAX) {
            continue;
        }
        struct table_figures figures = {.db = catalogue_table_db(catalogue, at)};
        figures.name_len = copy_name(figures.name, sizeof figures.name, table_name(table));
        table_memory(table, &figures.memory);
        is_done = buffer_append(&tables->tables, (struct bytes){(const char *)&figures, sizeof figures}) && look_at_indexes(tables, table, &figures);
    }
    return is_done;
}

/* --- writing --- */

static bool write_labels(struct buffer *labels, const struct table_figures *figures)
{
    labels->len = 0;
    return buffer_append_format(labels, "db=\"%u\",", figures->db) &&
           metric_label(labels, "table", (struct bytes){figures->name, figures->name_len}) &&
           (figures->column_len == 0 ||
            (buffer_append(labels, BYTES(",")) && metric_label(labels, "index", (struct bytes){figures->column, figures->column_len})));
}

static bool write_metric(const struct table_metric *metric, struct bytes all, struct buffer *out)
{
    struct buffer labels = BUFFER_EMPTY(MEM_OUTPUT_BUFFER);
    bool is_done = metric_begin(out, metric->name, "gauge", metric->help);
    for (size_t at = 0; is_done && at < all.len; at += sizeof(struct table_figures)) {
        struct table_figures figures;
        uint64_t value;
        memcpy(&figures, all.data + at, sizeof figures);
        memcpy(&value, (const char *)&figures + metric->offset, sizeof value);
        is_done = write_labels(&labels, &figures) && metric_sample(out, metric->name, "", buffer_bytes(&labels), (double)value);
    }
    buffer_release(&labels);
    return is_done;
}

static bool write_metrics(const struct table_metric *metrics, struct bytes all, struct buffer *out)
{
    bool is_done = true;
    for (const struct table_metric *metric = metrics; is_done && all.len > 0 && metric->name != NULL; metric++) {
        is_done = write_metric(metric, all, out);
    }
    return is_done;
}

bool metric_tables_write(const struct metric_tables *tables, struct buffer *out)
{
    return metric_begin(out, "tables", "gauge", "Tables in all databases.") &&
           metric_sample(out, "tables", "", (struct bytes){0}, (double)tables->count) &&
           write_metrics(table_metrics, buffer_bytes(&tables->tables), out) &&
           write_metrics(index_metrics, buffer_bytes(&tables->indexes), out);
}

void metric_tables_release(struct metric_tables *tables)
{
    buffer_release(&tables->tables);
    buffer_release(&tables->indexes);
}
