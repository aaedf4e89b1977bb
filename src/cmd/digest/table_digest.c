/* table_digest.c - see table_digest.h.  */
#include "cmd/digest/table_digest.h"

#include "base/number.h"
#include "query/gather.h"
#include "query/where.h"
#include "table/catalogue.h"

/* What a digest of this kind begins with. */
static struct digest digest_of(struct bytes kind, uint32_t db, struct bytes name)
{
    struct digest digest = {0};
    digest_mix(&digest, kind);
    digest_mix_number(&digest, db);
    digest_mix(&digest, name);
    return digest;
}

static void mix_row_id(struct digest *digest, uint64_t id)
{
    char text[INT64_TEXT_MAX];
    digest_mix(digest, (struct bytes){text, uint64_format(id, text)});
}

static void add_namespace(uint32_t db, struct bytes name, void *arg)
{
    const struct digest own = digest_of(BYTES("namespace"), db, name);
    digest_add(arg, digest_bytes(&own));
}

static void add_definition(struct digest *digest, uint32_t db, const struct table *table)
{
    const struct schema *schema = table_schema(table);
    struct digest own = digest_of(BYTES("table"), db, table_name(table));
    mix_row_id(&own, table_highest_row_id(table));
    for (uint32_t i = 0; i < schema->column_count; i++) {
        const struct column *column = &schema->columns[i];
        digest_mix(&own, schema_column_name(schema, i));
        char form[COLUMN_FORM_TEXT_MAX];
        digest_mix(&own, column_form_text(column_form(column), form));
        digest_mix(&own, bytes_of_string(index_kind_name((enum index_kind)column->index)));
        if (column->is_not_null) {
            digest_mix(&own, BYTES("notnull"));
        }
        if (column->is_unique) {
            digest_mix(&own, column->is_primary ? BYTES("primary") : BYTES("unique"));
        }
        if (column->is_auto) {
            digest_mix(&own, BYTES("auto"));
        }
        if (column->has_default) {
            char scratch[TYPED_VALUE_TEXT_MAX];
            digest_mix(&own, BYTES("default"));
            digest_mix(&own, typed_value_format(column_form(column), schema_default(schema, i), scratch));
        }
    }
    digest_add(digest, digest_bytes(&own));
}

/* `begun`: what all digests of this table's rows begin with. */
static void add_row(struct digest *digest, struct digest begun, const struct gather *gather, uint32_t row)
{
    mix_row_id(&begun, slice_row_id(gather->slice, row));
    for (uint32_t i = 0; i < gather->schema->column_count; i++) {
        const struct column *column = &gather->schema->columns[i];
        const struct typed_value value = slice_value(gather->slice, row, column->slot);
        if (value.is_null) {
            digest_mix_nothing(&begun);
        } else {
            char scratch[TYPED_VALUE_TEXT_MAX];
            digest_mix(&begun, typed_value_format(column_form(column), &value, scratch));
        }
    }
    digest_add(digest, digest_bytes(&begun));
}

static void add_rows(struct digest *digest, uint32_t db, const struct table *table)
{
    const struct digest begun = digest_of(BYTES("row"), db, table_name(table));
    struct where all;
    where_init(&all);
    for (uint32_t shard = 0; shard < table->shard_count; shard++) {
        struct gather gather;
        gather_begin(&gather, table->slices[shard], table_schema(table), &all);
        while (!gather.is_done) {
            uint32_t rows[GATHER_ROWS];
            const uint32_t count = gather_step(&gather, rows);
            for (uint32_t i = 0; i < count; i++) {
                add_row(digest, begun, &gather, rows[i]);
            }
        }
    }
}

static void add_table(uint32_t db, const struct table *table, void *arg)
{
    add_definition(arg, db, table);
    add_rows(arg, db, table);
}

void table_digest_add(struct digest *digest, const struct catalogue *catalogue)
{
    catalogue_visit_namespaces(catalogue, add_namespace, digest);
    catalogue_visit(catalogue, add_table, digest);
}
