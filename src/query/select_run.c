/* select_run.c - see select_run.h.  */
#include "query/select_run.h"

#include "mem/heap.h"
#include "query/group_pages.h"
#include "query/order_cut.h"

#include <assert.h>
#include <string.h>

enum stage { STAGE_MERGE, STAGE_LIST, STAGE_SORT, STAGE_OPEN, STAGE_SKIP, STAGE_READ };

/* What computes rows: one a part, the first one's for results, too. */
struct select_part {
    struct arena kept;             /* until the end: groups, texts of keys */
    struct arena scratch;          /* of a row, or some */
    struct program_run_state state;
    struct scalar *slots;          /* of a row or of a group */
    struct scalar *keys;           /* of its group; or the items that are told */
    struct found_row *candidate;
    struct found found;            /* without groups */
    struct groups groups;
    struct group_pages pages;      /* in front of the groups */
    bool groups_pages, cuts_pages; /* group_pages_fit, order_cut_fits */
    uint64_t joined;               /* rows of a join that were taken */
    enum expression_result failed;
    uint32_t failed_at;
};

/* --- life --- */

static size_t larger(size_t a, size_t b)
{
    return a > b ? a : b;
}

static bool open_part(struct select_part *part, const struct select *select, int64_t now_us)
{
    const struct group_shape *shape = &select->shape;
    const size_t slots = larger(select->input_count, shape->key_count + shape->aggregate_count) + 1;
    const size_t keys = larger(select->item_count, shape->key_count) + 1;
    arena_init(&part->kept, MEM_QUERY_BUFFER, SELECT_BYTES_MAX);
    arena_init(&part->scratch, MEM_QUERY_BUFFER, SELECT_BYTES_MAX);
    found_init(&part->found, &select->order);
    groups_begin(&part->groups, shape, &part->kept);
    part->groups_pages = select->joined.count == 0 && group_pages_fit(select);
    part->cuts_pages = select->joined.count == 0 && order_cut_fits(select);
    struct scalar *values = arena_alloc_zeroed(&part->kept, (slots + keys + select->temporary_count) * sizeof *values);
    part->candidate = arena_alloc_zeroed(&part->kept, sizeof *part->candidate + (select->order.count + select->order.carried) * sizeof *values);
    if (values == NULL || part->candidate == NULL) {
        return false;
    }
    part->slots = values;
    part->keys = values + slots;
    part->state = (struct program_run_state){
        .slots = part->slots, .parameters = select->parameters, .temporaries = part->keys + keys, .arena = &part->scratch, .now_us = now_us};
    return true;
}

bool select_run_create(struct select_run *run, const struct select *select, const struct table *table, uint32_t parts, int64_t now_us)
{
    *run = (struct select_run){.select = select, .table = table, .count = parts, .stage = select->is_grouped ? STAGE_MERGE : STAGE_OPEN};
    found_init(&run->result, &select->order);
    run->parts = thread_alloc_zeroed(MEM_QUERY_BUFFER, parts * sizeof *run->parts);
    bool is_good = run->parts != NULL && merge_create(&run->merge, parts, true);
    for (uint32_t i = 0; i < parts && is_good; i++) {
        is_good = open_part(&run->parts[i], select, now_us);
    }
    if (is_good) {
        run->distinct_shape = (struct group_shape){.key_count = select->item_count, .secret = select->shape.secret};
        groups_begin(&run->distinct, &run->distinct_shape, &run->parts[0].kept);
        run->merged = 1;
    } else {
        select_run_release(run);
    }
    return is_good;
}

void select_run_release(struct select_run *run)
{
    for (uint32_t i = 0; i < run->count && run->parts != NULL; i++) {
        found_release(&run->parts[i].found);
        arena_release(&run->parts[i].kept);
        arena_release(&run->parts[i].scratch);
    }
    thread_free(MEM_QUERY_BUFFER, run->parts, run->count * sizeof *run->parts);
    merge_release(&run->merge);
    found_release(&run->result);
    *run = (struct select_run){0};
}

/* --- rows --- */

static bool fail(struct select_part *part, enum expression_result result, uint32_t position)
{
    part->failed = result;
    part->failed_at = position;
    return false;
}

static bool compute(struct select_part *part, const struct program *program, struct scalar *out)
{
    if (program_is_slot(program)) {
        *out = part->slots[program->result];
        return true;
    }
    const enum expression_result result = program_run(program, &part->state, out);
    return result == EXPRESSION_OK || fail(part, result, part->state.position);
}

static bool compute_all(struct select_part *part, const struct program *const *programs, uint32_t count, struct scalar *out)
{
    bool is_good = true;
    for (uint32_t i = 0; i < count && is_good; i++) {
        is_good = compute(part, programs[i], &out[i]);
    }
    return is_good;
}

/* Those of the candidate's keys that no row has, but a program has made, are copied. */
static bool keep_texts(struct select_part *part, const struct select *select)
{
    for (uint32_t i = 0; i < select->order.count; i++) {
        struct scalar *key = &part->candidate->keys[i];
        if (!program_is_slot(select->order_keys[i]) && scalar_has_text(key)) {
            key->data = arena_copy(&part->kept, scalar_text(key));
            if (key->data == NULL) {
                return fail(part, EXPRESSION_NO_MEMORY, 0);
            }
        }
    }
    return true;
}

/* The candidate has its keys. */
static bool keep_candidate(struct select_part *part, const struct select *select, struct found *found)
{
    const uint64_t wanted = select_wanted(select);
    if (wanted == 0 || !found_wants(found, wanted, part->candidate)) {
        return true;
    }
    return keep_texts(part, select) && (found_keep(found, wanted, part->candidate) || fail(part, EXPRESSION_NO_MEMORY, 0));
}

static bool take_row(struct select_part *part, const struct select *select)
{
    return compute_all(part, select->order_keys, select->order.count, part->candidate->keys) &&
           keep_candidate(part, select, &part->found);
}

static bool take_into_group(struct select_part *part, const struct select *select)
{
    struct group *group;
    if (!compute_all(part, select->keys, select->shape.key_count, part->keys)) {
        return false;
    }
    enum expression_result result = groups_find(&part->groups, part->keys, select->copies, &group);
    if (result != EXPRESSION_OK) {
        return fail(part, result, 0);
    }
    for (uint32_t i = 0; i < select->shape.aggregate_count; i++) {
        struct scalar value = scalar_integer(1);
        if (select->arguments[i] != NULL && !compute(part, select->arguments[i], &value)) {
            return false;
        }
        result = aggregate_add(&group->aggregates[i], &value);
        if (result != EXPRESSION_OK) {
            return fail(part, result, 0);
        }
    }
    return true;
}

bool select_part_is_full(const struct select_run *run, uint32_t part)
{
    const struct select *select = run->select;
    return !select->is_grouped && select->order.count == 0 && run->parts[part].found.count >= select_wanted(select);
}

bool select_part_take(const struct select_run *run, uint32_t at, uint32_t shard, const uint32_t *rows, uint32_t count)
{
    const struct select *select = run->select;
    const struct table_slice *slice = run->table->slices[shard];
    struct select_part *part = &run->parts[at];
    bool is_good = part->failed == EXPRESSION_OK;
    for (uint32_t i = 0; i < count && is_good && !select_part_is_full(run, at); i++) {
        const struct page *page = slice_page_of(slice, rows[i]);
        row_load(select->inputs, select->input_count, page, row_slot(rows[i]), part->slots);
        *part->candidate = (struct found_row){.id = (uint64_t)cells_integer(&page->ids, row_slot(rows[i])), .shard = shard, .row = rows[i]};
        is_good = select->is_grouped ? take_into_group(part, select) : take_row(part, select);
    }
    arena_empty(&part->scratch);
    return is_good;
}

bool select_part_take_page(const struct select_run *run, uint32_t at, uint32_t shard, const struct page *page, const struct page_bits *matches)
{
    const struct select *select = run->select;
    struct select_part *part = &run->parts[at];
    uint32_t rows[PAGE_SLOTS];
    struct page_bits left = *matches;
    if (part->groups_pages && part->failed == EXPRESSION_OK) {
        const enum expression_result result = group_pages_take(&part->pages, select, &part->groups, page, matches);
        return result == EXPRESSION_OK || fail(part, result, 0);
    }
    if (part->cuts_pages) {
        order_cut_page(select, &part->found, run->table->slices[shard], page, &left);
    }
    return select_part_take(run, at, shard, rows, page_bits_rows(&left, page, rows));
}

/* --- rows of a join --- */

struct scalar *select_part_slots(const struct select_run *run, uint32_t part)
{
    return run->parts[part].slots;
}

bool select_part_fail(const struct select_run *run, uint32_t part, enum expression_result result, uint32_t position)
{
    return fail(&run->parts[part], result, position);
}

int64_t select_run_now(const struct select_run *run)
{
    return run->parts[0].state.now_us;
}

uint64_t select_part_bytes(const struct select_run *run, uint32_t at)
{
    enum { WHILE_SORTING = 2 };
    const struct select_part *part = &run->parts[at];
    return part->kept.used_bytes + WHILE_SORTING * (uint64_t)(part->found.capacity * part->found.row_bytes);
}

static uint64_t row_id_of(const struct table *table, struct row_ref ref)
{
    return (uint64_t)cells_integer(&slice_page_of(table->slices[ref.shard], ref.row)->ids, row_slot(ref.row));
}

bool select_part_take_joined(const struct select_run *run, uint32_t at, const struct row_ref *rows)
{
    const struct select *select = run->select;
    struct select_part *part = &run->parts[at];
    if (part->failed != EXPRESSION_OK) {
        return false;
    }
    const bool is_alone = select->joined.count == 1; /* its rows come in the order of their ids, as those of one table do */
    part->candidate->id = is_alone ? row_id_of(run->joined[0], rows[0]) : part->joined++;
    for (uint32_t i = 0; i < select->order.carried; i++) {
        part->candidate->keys[select->order.count + i] = (struct scalar){.type = SCALAR_INTEGER, .len = rows[i].row, .integer = rows[i].shard};
    }
    const bool is_good = select->is_grouped ? take_into_group(part, select) : take_row(part, select);
    arena_empty(&part->scratch);
    return is_good;
}

/* Back from a row that was kept. */
static void load_joined(const struct select_run *run, const struct found_row *found, struct scalar *slots)
{
    const struct select *select = run->select;
    for (uint32_t i = 0; i < select->joined.count; i++) {
        const struct row_names *names = &select->joined.tables[i];
        const struct scalar *ref = &found->keys[select->order.count + i];
        if (ref->integer == ROW_REF_NONE) {
            row_load_nulls(names->count, slots + names->base);
        } else {
            const struct page *page = slice_page_of(run->joined[i]->slices[ref->integer], ref->len);
            row_load(names->inputs, names->count, page, row_slot(ref->len), slots + names->base);
        }
    }
}

enum found_status select_part_settle(const struct select_run *run, uint32_t at, size_t limit)
{
    struct select_part *part = &run->parts[at];
    const enum found_status status = run->select->is_grouped ? FOUND_SORTED : found_sort(&part->found, limit);
    if (status == FOUND_NO_MEMORY) {
        part->failed = EXPRESSION_NO_MEMORY;
    }
    return status;
}

/* --- groups --- */

/* Takes groups of one part after the other into those of the first. */
static bool merge_step(struct select_run *run, size_t *limit)
{
    struct select_part *first = &run->parts[0];
    while (run->merged < run->count && *limit > 0) {
        struct group *group = groups_next(&run->parts[run->merged].groups, &run->next_place);
        if (group == NULL) {
            run->merged++;
            run->next_place = 0;
            continue;
        }
        const enum expression_result result = groups_merge(&first->groups, group);
        if (result != EXPRESSION_OK) {
            return fail(first, result, 0);
        }
        --*limit;
    }
    return true;
}

/* Keys and results become the slots. */
static bool load_group(struct select_part *part, const struct group_shape *shape, const struct group *group)
{
    memcpy(part->slots, group->keys, shape->key_count * sizeof *part->slots);
    for (uint32_t i = 0; i < shape->aggregate_count; i++) {
        const enum expression_result result = aggregate_finish(&group->aggregates[i], &part->slots[shape->key_count + i]);
        if (result != EXPRESSION_OK) {
            return fail(part, result, 0);
        }
    }
    return true;
}

static bool compute_items(struct select_part *part, const struct select *select)
{
    bool is_good = true;
    for (uint32_t i = 0; i < select->item_count && is_good; i++) {
        is_good = compute(part, select->items[i].program, &part->keys[i]);
    }
    return is_good;
}

/* DISTINCT: no group before had the same items. */
static bool is_new(struct select_run *run, struct select_part *part, bool *is_wanted)
{
    const uint64_t before = run->distinct.count;
    struct group *group;
    if (!run->select->is_distinct) {
        return true;
    }
    if (!compute_items(part, run->select)) {
        return false;
    }
    const enum expression_result result = groups_find(&run->distinct, part->keys, run->select->distinct_copies, &group);
    *is_wanted = run->distinct.count > before;
    return result == EXPRESSION_OK || fail(part, result, 0);
}

static bool list_group(struct select_run *run, struct select_part *part, const struct group *group, uint64_t place)
{
    const struct select *select = run->select;
    bool is_wanted = true;
    if (!load_group(part, &select->shape, group)) {
        return false;
    }
    if (select->having != NULL) {
        const enum expression_result result = program_is_true(select->having, &part->state, &is_wanted);
        if (result != EXPRESSION_OK) {
            return fail(part, result, part->state.position);
        }
    }
    if (is_wanted && !is_new(run, part, &is_wanted)) {
        return false;
    }
    *part->candidate = (struct found_row){.id = place};
    return !is_wanted || (compute_all(part, select->order_keys, select->order.count, part->candidate->keys) &&
                          keep_candidate(part, select, &run->result));
}

/* Without GROUP BY there is one group, even of no rows. */
static bool make_only_group(struct select_run *run, struct select_part *part)
{
    const struct group_shape *shape = &run->select->shape;
    struct group *group;
    const enum expression_result result =
        shape->key_count == 0 ? groups_find(&part->groups, part->keys, run->select->copies, &group) : EXPRESSION_OK;
    return result == EXPRESSION_OK || fail(part, result, 0);
}

static bool list_step(struct select_run *run, size_t *limit, bool *is_done)
{
    struct select_part *part = &run->parts[0];
    const struct group *group = NULL;
    bool is_good = run->next_place > 0 || make_only_group(run, part);
    while (is_good && *limit > 0 && (group = groups_next(&part->groups, &run->next_place)) != NULL) {
        is_good = list_group(run, part, group, run->next_place - 1);
        arena_empty(&part->scratch);
        --*limit;
    }
    *is_done = is_good && *limit > 0 && group == NULL;
    return is_good;
}

/* --- all of them --- */

static enum select_status fail_run(struct select_run *run)
{
    for (uint32_t i = 0; i < run->count && run->failed == EXPRESSION_OK; i++) {
        run->failed = run->parts[i].failed;
        run->failed_at = run->parts[i].failed_at;
    }
    assert(run->failed != EXPRESSION_OK);
    return SELECT_FAILED;
}

static bool has_failed(const struct select_run *run)
{
    bool has = false;
    for (uint32_t i = 0; i < run->count; i++) {
        has |= run->parts[i].failed != EXPRESSION_OK;
    }
    return has;
}

/* Reading can begin, but for the rows that OFFSET passes over. */
static void begin_reading(struct select_run *run)
{
    const struct select *select = run->select;
    uint64_t count = 0;
    for (uint32_t i = 0; i < run->count && !select->is_grouped; i++) {
        merge_add(&run->merge, &run->parts[i].found);
        count += run->parts[i].found.count;
    }
    if (select->is_grouped) {
        merge_add(&run->merge, &run->result);
        count = run->result.count;
    }
    merge_start(&run->merge);
    count = count > select->offset ? count - select->offset : 0;
    run->left = count < select->limit ? count : select->limit;
}

static enum select_status sort_result(struct select_run *run, size_t limit)
{
    switch (found_sort(&run->result, limit)) {
    case FOUND_MORE:
        return SELECT_MORE;
    case FOUND_SORTED:
        run->stage = STAGE_OPEN;
        return SELECT_MORE;
    case FOUND_NO_MEMORY:
        break;
    }
    run->failed = EXPRESSION_NO_MEMORY;
    return SELECT_FAILED;
}

static enum select_status skip_step(struct select_run *run, size_t limit)
{
    while (run->skipped < run->select->offset && run->left > 0 && limit > 0) {
        merge_advance(&run->merge);
        run->skipped++;
        limit--;
    }
    if (run->skipped < run->select->offset && run->left > 0) {
        return SELECT_MORE;
    }
    run->stage = STAGE_READ;
    return SELECT_DONE;
}

enum select_status select_run_settle(struct select_run *run, size_t limit)
{
    bool is_done = false;
    if (has_failed(run)) {
        return fail_run(run);
    }
    switch ((enum stage)run->stage) {
    case STAGE_MERGE:
        if (!merge_step(run, &limit)) {
            return fail_run(run);
        }
        run->stage = run->merged == run->count ? STAGE_LIST : STAGE_MERGE;
        return SELECT_MORE;
    case STAGE_LIST:
        if (!list_step(run, &limit, &is_done)) {
            return fail_run(run);
        }
        run->stage = is_done ? STAGE_SORT : STAGE_LIST;
        return SELECT_MORE;
    case STAGE_SORT:
        return sort_result(run, limit);
    case STAGE_OPEN:
        begin_reading(run);
        run->stage = STAGE_SKIP;
        return SELECT_MORE;
    case STAGE_SKIP:
        return skip_step(run, limit);
    case STAGE_READ:
        break;
    }
    return SELECT_DONE;
}

/* --- reading --- */

enum select_status select_run_next(struct select_run *run, const struct found_row **found, const struct scalar **items)
{
    const struct select *select = run->select;
    struct select_part *part = &run->parts[0];
    assert(run->stage == STAGE_READ);
    if (run->left == 0) {
        return SELECT_DONE;
    }
    const struct found_row *row = *found = merge_row(&run->merge);
    arena_empty(&part->scratch);
    if (select->is_grouped) {
        if (!load_group(part, &select->shape, part->groups.places[row->id])) {
            return fail_run(run);
        }
    } else if (select->joined.count > 0) {
        load_joined(run, row, part->slots);
    } else if (select->item_count > 0) {
        row_load(select->inputs, select->input_count, slice_page_of(run->table->slices[row->shard], row->row), row_slot(row->row), part->slots);
    }
    if (!compute_items(part, select)) {
        return fail_run(run);
    }
    *items = part->keys;
    merge_advance(&run->merge);
    run->left--;
    return SELECT_MORE;
}
