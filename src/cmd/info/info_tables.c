/* info_tables.c - see info_tables.h.  */
#include "cmd/info/info_tables.h"

#include "cmd/info/info_sections.h"
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
    uint64_t index_count;
};

/* A figure of a table, or of an index. */
struct table_metric {
    const char *name, *help;
    size_t offset;
    const char *field; /* its name in a line of INFO; NULL: METRICS alone tells it */
};

#define AT(field) offsetof(struct table_figures, field)

static const struct table_metric table_metrics[] = {
    {"table_rows", "Rows of the table.", AT(memory.row_count), "rows"},
    {"table_row_bytes", "Memory of the rows of the table.", AT(memory.row_bytes), "row_bytes"},
    {"table_indexes_bytes", "Memory of the indexes of the table.", AT(memory.index_bytes), "index_bytes"},
    {"table_schema_bytes", "Memory of the description of the table.", AT(memory.catalogue_bytes), "schema_bytes"},
    {"table_indexes", "Indexes of the table.", AT(index_count), "indexes"},
    {0},
};

static const struct table_metric index_metrics[] = {
    {"table_index_bytes", "Memory of one index, by its column.", AT(index_bytes), NULL},
    {0},
};

#undef AT
#define AT(field) offsetof(struct table_totals, field)

static const struct info_field total_fields[] = {
    {"table_namespaces", INFO_INTEGER, AT(namespaces), .metric = "table_namespaces", .help = "Namespaces of tables in all databases."},
    {"tables", INFO_INTEGER, AT(tables), .metric = "tables", .help = "Tables in all databases."},
    {"tables_left_out", INFO_INTEGER, AT(left_out), .metric = "tables_left_out", .help = "Tables that are not told of one by one."},
    {"tables_rows", INFO_INTEGER, AT(rows), .metric = "tables_rows", .help = "Rows of all tables."},
    {"tables_row_bytes", INFO_INTEGER, AT(row_bytes), .metric = "tables_row_bytes", .help = "Memory of the rows of all tables."},
    {"tables_index_bytes", INFO_INTEGER, AT(index_bytes), .metric = "tables_index_bytes", .help = "Memory of the indexes of all tables."},
    {"tables_schema_bytes", INFO_INTEGER, AT(schema_bytes), .metric = "tables_schema_bytes", .help = "Memory of the descriptions of all tables."},
};

#undef AT

/* --- taking --- */

static uint32_t copy_name(char *out, size_t size, struct bytes name)
{
    const size_t len = name.len < size ? name.len : size;
    memcpy(out, name.data, len);
    return (uint32_t)len;
}

static bool look_at_indexes(struct info_tables *tables, const struct table *table, struct table_figures *figures)
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

static uint64_t count_indexes(const struct table *table)
{
    const uint32_t count = table_column_count(table);
    uint64_t indexed = 0;
    for (uint32_t i = 0; i < count; i++) {
        bool is_indexed;
        (void)table_column(table, i, &is_indexed);
        indexed += is_indexed;
    }
    return indexed;
}

static bool look_at_table(struct info_tables *tables, const struct table *table, struct table_figures *figures)
{
    figures->name_len = copy_name(figures->name, sizeof figures->name, table_name(table));
    figures->index_count = count_indexes(table);
    return buffer_append(&tables->tables, (struct bytes){(const char *)figures, sizeof *figures}) && look_at_indexes(tables, table, figures);
}

static void add_to_totals(struct table_totals *totals, const struct table_memory *memory)
{
    totals->tables++;
    totals->rows += (int64_t)memory->row_count;
    totals->row_bytes += (int64_t)memory->row_bytes;
    totals->index_bytes += (int64_t)memory->index_bytes;
    totals->schema_bytes += (int64_t)memory->catalogue_bytes;
}

bool info_tables_look(struct info_tables *tables, uint32_t most, const struct shard *shard)
{
    const struct catalogue *catalogue = atomic_load_explicit(&shard->server->catalogue, memory_order_acquire);
    const struct table *table;
    bool is_done = true;
    baton_assert_held(&shard->baton);
    tables->totals = (struct table_totals){.namespaces = catalogue_namespace_count(catalogue)};
    for (uint32_t at = 0; is_done && (table = catalogue_table_at(catalogue, at)) != NULL; at++) {
        struct table_figures figures = {.db = catalogue_table_db(catalogue, at)};
        table_memory(table, &figures.memory);
        add_to_totals(&tables->totals, &figures.memory);
        tables->totals.left_out += at >= most;
        is_done = at >= most || look_at_table(tables, table, &figures);
    }
    return is_done;
}

/* --- METRICS --- */

static uint64_t figure_at(const struct table_figures *figures, const struct table_metric *metric)
{
    uint64_t value;
    memcpy(&value, (const char *)figures + metric->offset, sizeof value);
    return value;
}

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
        memcpy(&figures, all.data + at, sizeof figures);
        is_done = write_labels(&labels, &figures) &&
                  metric_sample(out, metric->name, "", buffer_bytes(&labels), (double)figure_at(&figures, metric));
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

/* --- INFO --- */

/* What could end a line, or the name before a line's colon, stands as \xNN. */
static void write_name(struct info *info, struct bytes name)
{
    for (size_t i = 0; i < name.len; i++) {
        const char c = name.data[i];
        const bool is_plain = c > ' ' && c <= '~' && c != ':' && c != '\\';
        if (is_plain) {
            info_printf(info, "%c", c);
        } else {
            info_printf(info, "\\x%02x", (unsigned char)c);
        }
    }
}

/* table_db0_shop.users:rows=5,row_bytes=... */
static void write_line(struct info *info, const struct table_figures *figures)
{
    info_printf(info, "table_db%u_", figures->db);
    write_name(info, (struct bytes){figures->name, figures->name_len});
    for (const struct table_metric *metric = table_metrics; metric->name != NULL; metric++) {
        info_printf(info, "%c%s=%llu", metric == table_metrics ? ':' : ',', metric->field, (unsigned long long)figure_at(figures, metric));
    }
    info_printf(info, "\r\n");
}

void info_write_tables(struct info *info)
{
    const struct bytes tables = buffer_bytes(&info->tables->tables);
    info_write_fields(info, total_fields, INFO_FIELD_COUNT(total_fields), &info->tables->totals);
    if (info->is_metrics) {
        info->is_refused |= !write_metrics(table_metrics, tables, &info->text) ||
                            !write_metrics(index_metrics, buffer_bytes(&info->tables->indexes), &info->text);
        return;
    }
    for (size_t at = 0; at < tables.len; at += sizeof(struct table_figures)) {
        struct table_figures figures;
        memcpy(&figures, tables.data + at, sizeof figures);
        write_line(info, &figures);
    }
}

void info_tables_release(struct info_tables *tables)
{
    buffer_release(&tables->tables);
    buffer_release(&tables->indexes);
}
