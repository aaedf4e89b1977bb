/* join_run.c - see join_run.h.
 *
 * A part goes from level to level, one candidate a step, so that it can stop anywhere:
 *
 *     depth 0: the next row of the first level --> depth 1: a candidate of level 1 that matches --> ... --> depth = levels: the row is taken
 *     no candidate left: one back  */
#include "query/join_run.h"

#include "exec/part.h"
#include "expression/compare.h"
#include "mem/heap.h"

#include <assert.h>

enum { STEPS_A_LOOK = 32, SORT_STEPS = 1024 };

/* Where a part stands in a level. */
struct join_cursor {
    const struct join_entry *next;
    uint64_t hash;
    bool has_matched;
    bool is_over; /* nulls were given, too, if it is a LEFT JOIN without a match */
};

/* The rows of a level that an index has for the row that has come. */
struct join_lookup {
    struct where where;  /* the statement's, and the key */
    struct arena key;    /* its text */
    struct gather gather;
    uint32_t shard;      /* that is asked, or will be; the range's end: none is left */
    bool is_gathering;   /* it is */
    uint32_t rows[GATHER_ROWS];
    uint32_t row_count, row_at;
};

struct join_part {
    struct part part;
    struct join_run *run;
    uint32_t number;             /* of the part, and of the select's */
    bool is_gathering, is_joined;
    bool is_refused, is_too_large;
    struct gather gather;
    uint32_t rows[GATHER_ROWS];  /* that were found */
    uint32_t row_count, row_at;
    struct arena entries;        /* of all levels */
    struct join_entry *first;    /* those of this level that are not linked yet */
    uint64_t entry_count;
    uint32_t depth;
    struct join_cursor cursors[JOIN_TABLES_MAX];
    struct join_lookup *lookups[JOIN_TABLES_MAX]; /* in `entries`; NULL: the level has a hash table */
    struct row_ref refs[JOIN_TABLES_MAX]; /* in the order of the scope */
    struct arena scratch;        /* of programs: empty when they have run, since nothing that they make is kept */
    struct program_run_state state;
    struct scalar *slots;        /* the select's */
    uint64_t counted_bytes;      /* of the select's */
};

/* --- life --- */

/* The level at `from` or before it that has to be read: 0 at the end. */
static uint32_t level_to_read(const struct join *join, uint32_t from)
{
    while (from > 0 && join->levels[from].is_looked_up) {
        from--;
    }
    return from;
}

/* Room for the statement's conditions, and one. */
static struct join_lookup *make_lookup(struct arena *arena, const struct where *where)
{
    struct join_lookup *lookup = arena_alloc_zeroed(arena, sizeof *lookup);
    struct condition *conditions = arena_alloc(arena, (where->condition_count + 1u) * sizeof *conditions);
    struct where_node *nodes = arena_alloc(arena, (where->node_count + 2u) * sizeof *nodes);
    if (lookup == NULL || conditions == NULL || nodes == NULL) {
        return NULL;
    }
    arena_init(&lookup->key, MEM_QUERY_BUFFER, SELECT_BYTES_MAX);
    lookup->where.conditions = conditions;
    lookup->where.nodes = nodes;
    return lookup;
}

static bool make_lookups(struct join_part *part, const struct join *join)
{
    bool is_good = true;
    for (uint32_t i = 0; i < join->count && is_good; i++) {
        if (join->levels[i].is_looked_up) {
            part->lookups[i] = make_lookup(&part->entries, &join->levels[i].statement.where);
            is_good = part->lookups[i] != NULL;
        }
    }
    return is_good;
}

bool join_run_create(struct join_run *run, const struct join *join, const struct select_run *select, uint32_t shards, uint64_t limit_bytes)
{
    *run = (struct join_run){.join = join, .select = select, .memory.limit_bytes = limit_bytes, .part_count = shards};
    run->level = level_to_read(join, join->count - 1);
    run->parts = thread_alloc_zeroed(MEM_QUERY_BUFFER, shards * sizeof *run->parts);
    run->hashes = thread_alloc_zeroed(MEM_QUERY_BUFFER, join->count * sizeof *run->hashes);
    bool is_good = run->parts != NULL && run->hashes != NULL;
    for (uint32_t i = 0; i < shards && is_good; i++) {
        struct join_part *part = &run->parts[i];
        arena_init(&part->entries, MEM_QUERY_BUFFER, SIZE_MAX);
        arena_init(&part->scratch, MEM_QUERY_BUFFER, SELECT_BYTES_MAX);
        part->run = run;
        part->number = i;
        part->slots = select_part_slots(select, i);
        struct scalar *temporaries = arena_alloc(&part->entries, (join->temporary_count + 1u) * sizeof *temporaries);
        part->state = (struct program_run_state){.slots = part->slots,
                                                 .parameters = select->select->parameters,
                                                 .temporaries = temporaries,
                                                 .arena = &part->scratch,
                                                 .now_us = select_run_now(select)};
        is_good = temporaries != NULL && make_lookups(part, join);
    }
    if (!is_good) {
        join_run_release(run);
    }
    return is_good;
}

static void release_lookups(struct join_part *part)
{
    for (uint32_t i = 0; i < JOIN_TABLES_MAX; i++) {
        if (part->lookups[i] != NULL) {
            arena_release(&part->lookups[i]->key);
        }
    }
}

void join_run_release(struct join_run *run)
{
    for (uint32_t i = 0; i < run->part_count && run->parts != NULL; i++) {
        release_lookups(&run->parts[i]); /* which are among the entries */
        arena_release(&run->parts[i].entries);
        arena_release(&run->parts[i].scratch);
    }
    for (uint32_t i = 0; run->hashes != NULL && i < run->join->count; i++) {
        join_hash_release(&run->hashes[i]);
    }
    thread_free(MEM_QUERY_BUFFER, run->parts, run->part_count * sizeof *run->parts);
    thread_free(MEM_QUERY_BUFFER, run->hashes, run->hashes != NULL ? run->join->count * sizeof *run->hashes : 0);
    *run = (struct join_run){0};
}

/* --- programs --- */

static bool fail(struct join_part *part, enum expression_result result, uint32_t position)
{
    part->is_refused = true;
    return select_part_fail(part->run->select, part->number, result, position);
}

static bool fail_limit(struct join_part *part)
{
    part->is_refused = true;
    part->is_too_large = true;
    return false;
}

/* *is_whole: none of the keys is null. */
static bool hash_keys(struct join_part *part, const struct join_programs *keys, uint64_t *hash, bool *is_whole)
{
    *hash = 0;
    *is_whole = true;
    for (uint32_t i = 0; i < keys->count && *is_whole; i++) {
        struct scalar key;
        const enum expression_result result = program_run(keys->programs[i], &part->state, &key);
        if (result != EXPRESSION_OK) {
            return fail(part, result, part->state.position);
        }
        *is_whole = key.type != SCALAR_NULL;
        *hash = (*hash << 27 | *hash >> 37) * UINT64_C(0x9e3779b97f4a7c15) ^ scalar_hash(part->run->select->select->shape.secret, &key);
    }
    arena_empty(&part->scratch);
    return true;
}

static bool are_true(struct join_part *part, const struct join_programs *conditions, bool *is_true)
{
    *is_true = true;
    for (uint32_t i = 0; i < conditions->count && *is_true; i++) {
        const enum expression_result result = program_is_true(conditions->programs[i], &part->state, is_true);
        if (result != EXPRESSION_OK) {
            return fail(part, result, part->state.position);
        }
    }
    arena_empty(&part->scratch);
    return true;
}

/* --- rows of a level --- */

static const struct join_level *level_of(const struct join_part *part)
{
    return &part->run->join->levels[part->run->level];
}

static void begin_gather(struct join_part *part)
{
    const struct join_level *level = level_of(part);
    statement_begin_gather(&level->statement, level->statement.table->slices[part->part.shard], &part->gather);
    for (uint32_t i = 0; i < level->key_input_count; i++) {
        gather_reads(&part->gather, level->key_inputs[i].cells); /* ROW_ID is no column's slot: nothing is asked for */
    }
    part->is_gathering = true;
}

static bool gather_more(struct join_part *part)
{
    const struct statement *statement = &level_of(part)->statement;
    struct row_failure failure;
    part->row_at = 0;
    part->row_count = gather_step(&part->gather, part->rows);
    if (!statement_keep(statement, part->gather.slice, part->rows, &part->row_count, &failure)) {
        part->row_count = 0;
        return fail(part, failure.result, failure.position);
    }
    return true;
}

/* Rows that were found become entries, but those with a null among their keys. */
static bool keep_rows(struct join_part *part)
{
    const struct join_level *level = level_of(part);
    bool is_good = join_memory_take(&part->run->memory, part->row_count * sizeof(struct join_entry)) || fail_limit(part);
    for (uint32_t i = 0; i < part->row_count && is_good; i++) {
        const uint32_t row = part->rows[i];
        uint64_t hash;
        bool is_whole;
        row_load(level->key_inputs, level->key_input_count, slice_page_of(part->gather.slice, row), row_slot(row), part->slots);
        is_good = hash_keys(part, &level->inner_keys, &hash, &is_whole);
        if (!is_good || !is_whole) {
            continue;
        }
        struct join_entry *entry = arena_alloc(&part->entries, sizeof *entry);
        if (entry == NULL) {
            return fail(part, EXPRESSION_NO_MEMORY, 0);
        }
        *entry = (struct join_entry){.next = part->first, .hash = hash, .row = {part->part.shard, row}};
        part->first = entry;
        part->entry_count++;
    }
    part->row_at = part->row_count;
    return is_good;
}

/* --- from level to level --- */

static void load(struct join_part *part, uint32_t level, struct row_ref row)
{
    const uint32_t table = part->run->join->levels[level].table;
    const struct row_names *names = &part->run->select->select->joined.tables[table];
    struct scalar *slots = part->slots + names->base;
    part->refs[table] = row;
    if (row.shard == ROW_REF_NONE) {
        row_load_nulls(names->count, slots);
    } else {
        row_load(names->inputs, names->count, slice_page_of(part->run->join->tables[table]->slices[row.shard], row.row), row_slot(row.row), slots);
    }
}

/* The row's value of the key, as one of the column: lent until the level is opened again. */
static bool find_key(struct join_part *part, const struct join_level *level, struct join_lookup *lookup, struct typed_value *value)
{
    struct scalar key;
    enum expression_result result = program_run(level->outer_keys.programs[level->key], &part->state, &key);
    if (result == EXPRESSION_OK && level->key_column.type == COLUMN_STRING) {
        arena_empty(&lookup->key);
        const char *text = arena_copy(&lookup->key, scalar_text(&key));
        value->text = (struct bytes){text, key.len};
        result = text != NULL ? EXPRESSION_OK : EXPRESSION_NO_MEMORY;
    } else if (result == EXPRESSION_OK) {
        value->integer = key.integer;
    }
    arena_empty(&part->scratch);
    return result == EXPRESSION_OK || fail(part, result, part->state.position);
}

/* The key becomes a condition of the level's statement. */
static bool open_lookup(struct join_part *part, const struct join_level *level, struct join_lookup *lookup)
{
    const struct where *where = &level->statement.where;
    struct condition condition = condition_of(&level->key_column);
    struct operand operand = {.side = 0};
    if (!find_key(part, level, lookup, &operand.value)) {
        return false;
    }
    condition_set_value(&condition, COMPARE_EQUAL, &operand);
    for (uint32_t i = 0; i < where->condition_count; i++) {
        lookup->where.conditions[i] = where->conditions[i];
    }
    for (uint32_t i = 0; i < where->node_count; i++) {
        lookup->where.nodes[i] = where->nodes[i];
    }
    lookup->where.condition_count = where->condition_count;
    lookup->where.node_count = where->node_count;
    where_require(&lookup->where, &condition);
    lookup->shard = level->range.first;
    return true;
}

/* The row has come through level depth - 1: on to the next one. */
static bool open_level(struct join_part *part)
{
    const struct join_run *run = part->run;
    if (part->depth == run->join->count) {
        return true;
    }
    struct join_lookup *lookup = part->lookups[part->depth];
    struct join_cursor *cursor = &part->cursors[part->depth];
    bool is_whole;
    *cursor = (struct join_cursor){.next = NULL};
    if (!hash_keys(part, &run->join->levels[part->depth].outer_keys, &cursor->hash, &is_whole)) {
        return false;
    }
    if (lookup != NULL) {
        const struct join_level *level = &run->join->levels[part->depth];
        lookup->row_count = lookup->row_at = 0;
        lookup->is_gathering = false;
        lookup->shard = level->range.end;
        return !is_whole || open_lookup(part, level, lookup);
    }
    cursor->next = is_whole ? join_hash_find(&run->hashes[part->depth], cursor->hash) : NULL;
    return true;
}

static bool go_down(struct join_part *part)
{
    part->depth++;
    return open_level(part);
}

static bool begin_row(struct join_part *part)
{
    load(part, 0, (struct row_ref){part->part.shard, part->rows[part->row_at++]});
    return go_down(part);
}

static bool end_level(struct join_part *part, const struct join_level *level, struct join_cursor *cursor)
{
    bool is_true = level->is_left && !cursor->has_matched && !cursor->is_over;
    cursor->is_over = true;
    if (!is_true) {
        part->depth--;
        return true;
    }
    load(part, part->depth, (struct row_ref){.shard = ROW_REF_NONE});
    return are_true(part, &level->later, &is_true) && (!is_true || go_down(part));
}

static bool try_row(struct join_part *part, const struct join_level *level, struct join_cursor *cursor, struct row_ref row)
{
    bool is_true;
    load(part, part->depth, row);
    if (!are_true(part, &level->conditions, &is_true)) {
        return false;
    }
    if (is_true) {
        cursor->has_matched = true;
        if (!are_true(part, &level->later, &is_true)) {
            return false;
        }
    }
    return !is_true || go_down(part);
}

/* One candidate of a hash table. */
static bool try_entry(struct join_part *part, const struct join_level *level, struct join_cursor *cursor)
{
    const struct join_entry *entry = cursor->next;
    cursor->next = entry->next;
    return entry->hash != cursor->hash || try_row(part, level, cursor, entry->row);
}

/* Asks the next slice, or the one that is asked for more. */
static bool look_up_more(struct join_part *part, const struct join_level *level, struct join_lookup *lookup)
{
    const struct table_slice *slice = level->statement.table->slices[lookup->shard];
    struct row_failure failure;
    if (!lookup->is_gathering) {
        gather_begin(&lookup->gather, slice, level->statement.schema, &lookup->where);
        lookup->is_gathering = true;
    }
    lookup->row_at = 0;
    lookup->row_count = lookup->gather.is_done ? 0 : gather_step(&lookup->gather, lookup->rows); /* an index may know at once that there are none */
    if (!statement_keep(&level->statement, slice, lookup->rows, &lookup->row_count, &failure)) {
        lookup->row_count = 0;
        return fail(part, failure.result, failure.position);
    }
    return true;
}

/* One row that was looked up, or some more of them. */
static bool lookup_step(struct join_part *part, const struct join_level *level, struct join_cursor *cursor)
{
    struct join_lookup *lookup = part->lookups[part->depth];
    if (lookup->row_at < lookup->row_count) {
        return try_row(part, level, cursor, (struct row_ref){lookup->shard, lookup->rows[lookup->row_at++]});
    }
    if (lookup->is_gathering && lookup->gather.is_done) {
        lookup->is_gathering = false;
        lookup->shard++;
    }
    return lookup->shard < level->range.end ? look_up_more(part, level, lookup) : end_level(part, level, cursor);
}

static bool join_step(struct join_part *part)
{
    const struct join_run *run = part->run;
    if (part->depth == run->join->count) {
        part->depth--;
        part->is_refused = !select_part_take_joined(run->select, part->number, part->refs);
        return !part->is_refused;
    }
    const struct join_level *level = &run->join->levels[part->depth];
    struct join_cursor *cursor = &part->cursors[part->depth];
    if (level->is_looked_up) {
        return lookup_step(part, level, cursor);
    }
    return cursor->next != NULL ? try_entry(part, level, cursor) : end_level(part, level, cursor);
}

/* What the select has kept is counted with the rest. */
static bool count_bytes(struct join_part *part)
{
    const uint64_t bytes = select_part_bytes(part->run->select, part->number);
    const uint64_t before = part->counted_bytes;
    part->counted_bytes = bytes > before ? bytes : before;
    return bytes <= before || join_memory_take(&part->run->memory, bytes - before) || fail_limit(part);
}

/* Some steps of rows that were found. */
static bool join_rows(struct join_part *part)
{
    bool is_good = true;
    for (uint32_t i = 0; i < STEPS_A_LOOK && is_good && (part->depth > 0 || part->row_at < part->row_count); i++) {
        is_good = part->depth > 0 ? join_step(part) : begin_row(part);
    }
    return is_good && count_bytes(part);
}

static bool needs_rows(const struct join_part *part)
{
    const bool is_left = !part->gather.is_done || part->depth > 0 || part->row_at < part->row_count;
    return is_left && (part->run->level > 0 || !select_part_is_full(part->run->select, part->number));
}

static enum part_status settle(struct join_part *part, const struct thread *thread)
{
    do {
        switch (select_part_settle(part->run->select, part->number, SORT_STEPS)) {
        case FOUND_MORE:
            break;
        case FOUND_SORTED:
            return PART_DONE;
        case FOUND_NO_MEMORY:
            part->is_refused = true;
            return PART_FAILED;
        }
    } while (!part_step_is_over(thread));
    return PART_MORE;
}

static enum part_status step_part(struct part *base, struct thread *thread)
{
    struct join_part *part = (struct join_part *)base;
    const bool is_first_level = part->run->level == 0;
    if (!part->is_gathering) {
        begin_gather(part);
    }
    while (!part->is_joined && needs_rows(part)) {
        const bool has_rows = part->depth > 0 || part->row_at < part->row_count;
        if (!(has_rows ? join_rows(part) : gather_more(part)) || (!is_first_level && !keep_rows(part))) {
            return PART_FAILED;
        }
        if (part_step_is_over(thread)) {
            return PART_MORE;
        }
    }
    part->is_joined = true;
    return is_first_level ? settle(part, thread) : PART_DONE;
}

/* --- all parts --- */

bool join_run_start(struct join_run *run, struct exec *exec)
{
    const struct shard_range range = run->join->levels[run->level].range;
    for (uint32_t i = 0; i < run->part_count; i++) {
        struct join_part *part = &run->parts[i];
        part->part = (struct part){.step = step_part, .shard = i};
        part->is_gathering = part->is_joined = false;
        part->gather.examined = 0;
        part->row_count = part->row_at = part->depth = 0;
    }
    return exec_start_parts(exec, &run->parts[range.first].part, range.end - range.first, sizeof run->parts[0], PARTS_MAY_BE_SHORT);
}

bool join_run_finish(struct join_run *run, uint64_t *examined)
{
    bool is_good = true;
    *examined = 0;
    for (uint32_t i = 0; i < run->part_count; i++) {
        run->is_too_large |= run->parts[i].is_too_large;
        is_good = is_good && !run->parts[i].is_refused;
        *examined += run->parts[i].gather.examined;
    }
    run->linking = 0;
    return is_good;
}

static enum join_status link_result(struct join_run *run, enum join_hash_result result)
{
    if (result == JOIN_HASH_OK) {
        return JOIN_MORE;
    }
    run->is_too_large = result == JOIN_HASH_LIMIT;
    if (result == JOIN_HASH_NO_MEMORY) {
        (void)select_part_fail(run->select, 0, EXPRESSION_NO_MEMORY, 0);
    }
    return JOIN_FAILED;
}

static enum join_hash_result open_hash(struct join_run *run, struct join_hash *hash)
{
    uint64_t count = 0;
    for (uint32_t i = 0; i < run->part_count; i++) {
        count += run->parts[i].entry_count;
        run->parts[i].entry_count = 0;
    }
    return count > 0 ? join_hash_create(hash, count, &run->memory) : JOIN_HASH_OK;
}

enum join_status join_run_link(struct join_run *run, size_t limit)
{
    struct join_hash *hash = &run->hashes[run->level];
    enum join_hash_result result = hash->pages == NULL ? open_hash(run, hash) : JOIN_HASH_OK;
    while (result == JOIN_HASH_OK && limit > 0 && run->linking < run->part_count) {
        struct join_part *part = &run->parts[run->linking];
        struct join_entry *entry = part->first;
        if (entry == NULL) {
            run->linking++;
            continue;
        }
        part->first = entry->next;
        result = join_hash_add(hash, entry, &run->memory);
        limit--;
    }
    if (result != JOIN_HASH_OK || run->linking < run->part_count) {
        return link_result(run, result);
    }
    assert(run->level > 0);
    run->level = level_to_read(run->join, run->level - 1);
    return JOIN_DONE;
}
