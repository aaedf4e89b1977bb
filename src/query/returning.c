/* returning.c - see returning.h.  */
#include "query/returning.h"

#include "expression/evaluate.h"
#include "query/select_run.h"

/* --- the plan --- */

/* position: of the items, in the text. */
static enum sql_fault_kind check(const struct select *select, uint32_t position, struct sql_fault *fault)
{
    const bool is_of_rows = !select->is_grouped && select->order.count == 0 && select->limit == UINT64_MAX && select->offset == 0;
    if (is_of_rows) {
        return SQL_FAULT_NONE;
    }
    sql_fault_set(fault, SQL_FAULT_MEANING, select->text, position, "RETURNING takes items of a row: no aggregates, DISTINCT, order or limit");
    if (select->shows_text) {
        select_fault_show(fault, select->text);
    }
    return SQL_FAULT_MEANING;
}

enum sql_fault_kind returning_plan(const struct select_source *source, struct arena *arena, struct select **out, struct sql_fault *fault)
{
    const enum sql_fault_kind kind = select_plan(source, arena, out, fault);
    return kind == SQL_FAULT_NONE ? check(*out, source->query->position, fault) : kind;
}

enum sql_fault_kind returning_plan_words(const struct select_words *words, const struct bytes *argv, const struct schema *schema,
                                         const struct hash_secret *secret, struct arena *arena, struct select **out, struct sql_fault *fault)
{
    const enum sql_fault_kind kind = select_words_plan(words, argv, schema, secret, arena, out, fault);
    return kind == SQL_FAULT_NONE ? check(*out, 0, fault) : kind;
}

/* --- a row --- */

void returning_begin(struct returning *returning, const struct select *select, const struct table *table, int64_t now_us)
{
    *returning = (struct returning){.select = select, .table = table, .now_us = now_us};
    arena_init(&returning->arena, MEM_QUERY_BUFFER, SELECT_BYTES_MAX);
}

void returning_release(struct returning *returning)
{
    if (returning->select != NULL) {
        arena_release(&returning->arena);
    }
    *returning = (struct returning){.select = NULL};
}

/* The row's values in the slots become those that it is given. */
static void put_set(const struct select *select, const struct assignment *set, uint32_t set_count, struct scalar *slots)
{
    for (uint32_t i = 0; i < set_count; i++) {
        const uint16_t cells = select->schema->columns[set[i].column].slot;
        for (uint32_t at = 0; at < select->input_count; at++) {
            if (select->inputs[at].cells == cells) {
                slots[at] = row_input_scalar(select->inputs[at], &set[i].value);
            }
        }
    }
}

/* SET was tried for the row before, so that memory alone can fail. */
static bool put_update(struct returning *returning, const struct unique_update *update, const struct table_slice *slice, uint32_t row,
                       struct scalar *slots)
{
    const uint32_t computed = update->work != NULL ? update->work->set_count : 0;
    if (computed > 0) {
        struct row_failure failure;
        struct assignment *set = arena_alloc(&returning->arena, computed * sizeof *set);
        if (set == NULL || !row_work_set(update->work, slice, row, &returning->arena, set, &failure)) {
            return false;
        }
        put_set(returning->select, set, computed, slots);
    }
    put_set(returning->select, update->set, update->set_count, slots);
    return true;
}

static enum table_result fail(const struct returning *returning, enum expression_result result, uint32_t position, struct sql_fault *fault)
{
    if (result == EXPRESSION_NO_MEMORY) {
        return TABLE_NO_MEMORY;
    }
    select_fault(returning->select, result, position, fault);
    return TABLE_FAULT;
}

enum table_result returning_row(struct returning *returning, uint32_t shard, uint32_t row, const struct unique_update *update,
                                const struct scalar **items, struct sql_fault *fault)
{
    const struct select *select = returning->select;
    const struct table_slice *slice = returning->table->slices[shard];
    arena_empty(&returning->arena);
    struct scalar *slots = arena_alloc(&returning->arena, (select->input_count + select->item_count + select->temporary_count + 1u) * sizeof *slots);
    if (slots == NULL) {
        return TABLE_NO_MEMORY;
    }
    row_load(select->inputs, select->input_count, slice_page_of(slice, row), row_slot(row), slots);
    if (update != NULL && !put_update(returning, update, slice, row, slots)) {
        return TABLE_NO_MEMORY;
    }
    struct scalar *values = slots + select->input_count;
    struct program_run_state run = {.slots = slots,
                                    .parameters = select->parameters,
                                    .temporaries = values + select->item_count,
                                    .arena = &returning->arena,
                                    .now_us = returning->now_us};
    for (uint32_t i = 0; i < select->item_count; i++) {
        const enum expression_result result = program_run(select->items[i].program, &run, &values[i]);
        if (result != EXPRESSION_OK) {
            return fail(returning, result, run.position, fault);
        }
    }
    *items = values;
    return TABLE_OK;
}
