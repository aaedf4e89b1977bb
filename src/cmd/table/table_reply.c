/* table_reply.c - see table_reply.h.  */
#include "cmd/table/table_reply.h"

#include "expression/scalar_text.h"

/* --- rows --- */

void table_reply_row_count(struct exec *exec, size_t count)
{
    reply_array(exec->reply, count);
}

void table_reply_row_id(struct exec *exec, uint64_t id)
{
    reply_bulk_integer(exec->reply, (int64_t)id);
}

/* [column, value, ...] in declared order, without nulls. */
void table_reply_row(struct exec *exec, const struct statement *statement, const struct found_row *row)
{
    const struct schema *schema = statement->schema;
    const struct table_slice *slice = statement->table->slices[row->shard];
    const struct page *page = slice_page_of(slice, row->row);
    uint32_t slot = row_slot(row->row);
    size_t count = 0;
    for (uint32_t i = 0; i < schema->column_count; i++) {
        const struct cells *cells = page_cells(page, schema->columns[i].slot);
        count += cells != NULL && cells_has_value(cells, page->capacity, slot) ? 1 : 0;
    }
    reply_map(exec->reply, count);
    for (uint32_t i = 0; i < schema->column_count; i++) {
        const struct cells *cells = page_cells(page, schema->columns[i].slot);
        struct typed_value value = cells == NULL ? (struct typed_value){.is_null = true} : cells_get(cells, page->capacity, slot);
        if (!value.is_null) {
            char scratch[TYPED_VALUE_TEXT_MAX];
            reply_bulk(exec->reply, schema_column_name(schema, i));
            reply_bulk(exec->reply, typed_value_format(column_form(&schema->columns[i]), &value, scratch));
        }
    }
}

static void reply_scalar(struct reply *reply, const struct scalar *value)
{
    char scratch[SCALAR_TEXT_MAX];
    switch ((enum scalar_type)value->type) {
    case SCALAR_NULL:
        reply_null(reply);
        break;
    case SCALAR_BOOLEAN:
        reply_bool(reply, value->integer != 0);
        break;
    case SCALAR_INTEGER:
        reply_integer(reply, value->integer);
        break;
    case SCALAR_FLOAT:
        reply_double_text(reply, scalar_format(value, scratch));
        break;
    default:
        reply_bulk(reply, scalar_format(value, scratch));
    }
}

/* [name, value, ...]: every item, nulls, too. */
void table_reply_items(struct exec *exec, const struct select *select, const struct scalar *items)
{
    reply_map(exec->reply, select->item_count);
    for (uint32_t i = 0; i < select->item_count; i++) {
        reply_bulk(exec->reply, select->items[i].name);
        reply_scalar(exec->reply, &items[i]);
    }
}

void table_reply_fault(struct exec *exec, const struct sql_fault *fault)
{
    reply_rewind(exec->reply);
    reply_errorf(exec->reply, "ERR %s", fault->text);
}
