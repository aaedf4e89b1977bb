/* geo_search.c - GEOSEARCH, GEORADIUS and their kin: what lies within a circle or a box, replied or stored.
 *
 * Nine cells of the geohash grid at most cover the shape; their members are ranges of scores. Each member in them is looked at,
 * the hits are sorted if wanted, and replied or put into a new sorted set. When there is little to do it runs at once in the
 * handler; otherwise the same steps are a job.
 *
 *   COLLECT -> SORT -> BUILD -> STORE, or COLLECT -> SORT -> REPLY
 *
 * Threads    The holder of the batons of the source and the destination.
 * Memory     The search and its hits are the thread's; hits lend their members from the source, which is pinned in a job, until
 *            the end. A stored result is built in the destination's heap.
 * Read on    base/geohash.h, geo_hits.h.  */
#include "cmd/core/find.h"
#include "cmd/core/limits.h"
#include "cmd/core/reply_item.h"
#include "cmd/geo/geo_hits.h"
#include "cmd/geo/geo_private.h"
#include "cmd/geo/geo_rows.h"
#include "data/zset.h"
#include "mem/heap.h"

#include <assert.h>

enum {
    GEO_DIRECT_MEMBERS = 1000, /* so many are looked at in the handler */
    GEO_LOOK_MEMBERS = 32,     /* between two looks at the clock */
    GEO_SORT_STEPS = 256,      /* the same */
};

enum geo_start { START_POINT, START_MEMBER, START_OPTION };

/* What a command is. */
struct geo_kind {
    uint32_t takes;     /* enum geo_taking: which options it has */
    uint8_t key;        /* argv index of the source */
    uint8_t options;    /* of the first option */
    uint8_t start;      /* enum geo_start: where the centre is */
    enum event event;  /* of a stored result */
};

enum geo_taking { TAKES_STORE = 1 << 0, TAKES_SHAPE = 1 << 1, TAKES_STOREDIST = 1 << 2, TAKES_ALL = 1 << 3 };

enum geo_flag {
    GEO_WITHDIST = 1 << 0,
    GEO_WITHHASH = 1 << 1,
    GEO_WITHCOORD = 1 << 2,
    GEO_ANY = 1 << 3,
    GEO_ASC = 1 << 4,
    GEO_DESC = 1 << 5,
    GEO_FROMMEMBER = 1 << 6,
    GEO_FROMLONLAT = 1 << 7,
    GEO_BYRADIUS = 1 << 8,
    GEO_BYBOX = 1 << 9,
    GEO_STOREDIST = 1 << 10,
    GEO_COUNT = 1 << 11,
    GEO_STORE = 1 << 12,
    GEO_WITH = GEO_WITHDIST | GEO_WITHHASH | GEO_WITHCOORD,
    GEO_ORDER = GEO_ASC | GEO_DESC,
};

enum geo_phase { GEO_COLLECT, GEO_SORT, GEO_REPLY_HEAD, GEO_REPLY, GEO_BUILD, GEO_STORE_RESULT };

struct geo_search {
    struct job job;
    const struct geo_kind *kind;
    bool is_direct;                 /* in the handler: no looks at the clock */
    enum geo_phase phase;
    uint32_t flags;
    uint32_t store_key;             /* argv index; 0: replied */
    int64_t limit;                  /* COUNT; 0: none */
    struct geo_shape shape;
    const struct entry *entry;      /* the source while the handler runs; NULL: there is none */
    struct score_set *scores;       /* a large source */
    struct pin source_pin, store_pin;
    struct zset_ranks cells[GEO_CELLS_MAX];
    unsigned cell_count, at_cell;
    bool is_walking;
    uint64_t cell_left;             /* members of the cell still to be looked at */
    struct zset_walk walk;          /* a small source */
    struct score_walk score_walk;   /* a large one */
    struct geo_hits hits;
    size_t wanted, done;            /* hits that are replied or stored; how many were */
    struct encoding_limits limits;
    struct value result;
};

/* --- arguments --- */

static bool read_distance(struct exec *exec, uint32_t index, const char *not_a_number, double *out)
{
    if (double_parse(exec->argv[index], out)) {
        return true;
    }
    reply_errorf(exec->reply, "ERR need numeric %s", not_a_number);
    return false;
}

static bool read_radius(struct exec *exec, struct geo_search *search, uint32_t index)
{
    if (!read_distance(exec, index, "radius", &search->shape.radius)) {
        return false;
    }
    if (search->shape.radius < 0) {
        reply_error(exec->reply, "ERR radius cannot be negative");
        return false;
    }
    search->shape.is_box = false;
    return geo_read_unit(exec, index + 1, &search->shape.unit_m);
}

static bool read_box(struct exec *exec, struct geo_search *search, uint32_t index)
{
    if (!read_distance(exec, index, "width", &search->shape.width) ||
        !read_distance(exec, index + 1, "height", &search->shape.height)) {
        return false;
    }
    if (search->shape.width < 0 || search->shape.height < 0) {
        reply_error(exec->reply, "ERR height or width cannot be negative");
        return false;
    }
    search->shape.is_box = true;
    return geo_read_unit(exec, index + 2, &search->shape.unit_m);
}

/* Without a source there is no member; then the reply is that of an empty one. */
static bool read_member(struct exec *exec, struct geo_search *search, uint32_t index)
{
    double score;
    if (search->entry == NULL) {
        return true;
    }
    if (!zset_score(search->entry, exec->argv[index], &score)) {
        reply_error(exec->reply, "ERR could not decode requested zset member");
        return false;
    }
    search->shape.centre = geo_point_of_score(score);
    return true;
}

static bool read_centre(struct exec *exec, struct geo_search *search, uint32_t index)
{
    return geo_read_point(exec, index, &search->shape.centre);
}

static bool read_count(struct exec *exec, struct geo_search *search, uint32_t index)
{
    if (!exec_int64_argument(exec, index, &search->limit)) {
        return false;
    }
    if (search->limit <= 0) {
        reply_error(exec->reply, "ERR COUNT must be > 0");
        return false;
    }
    return true;
}

static bool read_store(struct exec *exec, struct geo_search *search, uint32_t index)
{
    (void)exec;
    search->store_key = index;
    return true;
}

/* The last of several that contradict each other counts, except where they are excluded. */
static const struct geo_option {
    const char *name;
    uint32_t takers;   /* kinds that have one of these */
    uint32_t sets, clears, excluded_by;
    uint32_t values;   /* words behind it */
    bool (*read)(struct exec *exec, struct geo_search *search, uint32_t index);
} geo_options[] = {
    {"WITHDIST", TAKES_ALL, .sets = GEO_WITHDIST},
    {"WITHHASH", TAKES_ALL, .sets = GEO_WITHHASH},
    {"WITHCOORD", TAKES_ALL, .sets = GEO_WITHCOORD},
    {"ANY", TAKES_ALL, .sets = GEO_ANY},
    {"ASC", TAKES_ALL, .sets = GEO_ASC, .clears = GEO_DESC},
    {"DESC", TAKES_ALL, .sets = GEO_DESC, .clears = GEO_ASC},
    {"COUNT", TAKES_ALL, .sets = GEO_COUNT, .values = 1, .read = read_count},
    {"STORE", TAKES_STORE, .sets = GEO_STORE, .clears = GEO_STOREDIST, .values = 1, .read = read_store},
    {"STOREDIST", TAKES_STORE, .sets = GEO_STOREDIST, .values = 1, .read = read_store},
    {"FROMMEMBER", TAKES_SHAPE, .sets = GEO_FROMMEMBER, .excluded_by = GEO_FROMLONLAT, .values = 1, .read = read_member},
    {"FROMLONLAT", TAKES_SHAPE, .sets = GEO_FROMLONLAT, .excluded_by = GEO_FROMMEMBER, .values = 2, .read = read_centre},
    {"BYRADIUS", TAKES_SHAPE, .sets = GEO_BYRADIUS, .excluded_by = GEO_BYBOX, .values = 2, .read = read_radius},
    {"BYBOX", TAKES_SHAPE, .sets = GEO_BYBOX, .excluded_by = GEO_BYRADIUS, .values = 3, .read = read_box},
    {"STOREDIST", TAKES_STOREDIST, .sets = GEO_STOREDIST},
    {0},
};

/* The option at argv[at], or NULL. */
static const struct geo_option *find_option(const struct exec *exec, const struct geo_search *search, uint32_t at)
{
    for (const struct geo_option *row = geo_options; row->name != NULL; row++) {
        if ((row->takers & search->kind->takes) != 0 && (row->excluded_by & search->flags) == 0 &&
            exec->argc - at > row->values && bytes_equal_ignore_case(exec->argv[at], bytes_of_string(row->name))) {
            return row;
        }
    }
    return NULL;
}

static bool read_options(struct exec *exec, struct geo_search *search)
{
    for (uint32_t at = search->kind->options; at < exec->argc;) {
        const struct geo_option *row = find_option(exec, search, at);
        if (row == NULL) {
            reply_error(exec->reply, ERROR_SYNTAX);
            return false;
        }
        search->flags = (search->flags & ~row->clears) | row->sets;
        if (row->read != NULL && !row->read(exec, search, at + 1)) {
            return false;
        }
        at += 1 + row->values;
    }
    return true;
}

/* What stands before the options: the centre and radius of the older commands. */
static bool read_start(struct exec *exec, struct geo_search *search)
{
    switch ((enum geo_start)search->kind->start) {
    case START_POINT:
        return read_centre(exec, search, 2) && read_radius(exec, search, 4);
    case START_MEMBER: /* without a source nothing is looked at */
        return search->entry == NULL || (read_member(exec, search, 2) && read_radius(exec, search, 3));
    case START_OPTION:
        return true;
    }
    return false;
}

/* Options that need each other or exclude each other; replies the error. */
static bool check_options(struct exec *exec, const struct geo_search *search)
{
    const bool is_search = (search->kind->takes & TAKES_SHAPE) != 0;
    const struct bytes name = exec->argv[0];
    if (search->store_key != 0 && (search->flags & GEO_WITH) != 0) {
        reply_errorf(exec->reply, "ERR %s is not compatible with WITHDIST, WITHHASH and WITHCOORD options",
                     is_search ? "GEOSEARCHSTORE" : "STORE option in GEORADIUS");
        return false;
    }
    if (is_search && (search->flags & (GEO_FROMMEMBER | GEO_FROMLONLAT)) == 0) {
        reply_errorf(exec->reply, "ERR exactly one of FROMMEMBER or FROMLONLAT can be specified for %.*s", (int)name.len,
                     name.data);
        return false;
    }
    if (is_search && (search->flags & (GEO_BYRADIUS | GEO_BYBOX)) == 0) {
        reply_errorf(exec->reply, "ERR exactly one of BYRADIUS and BYBOX can be specified for %.*s", (int)name.len, name.data);
        return false;
    }
    if ((search->flags & GEO_ANY) != 0 && search->limit == 0) {
        reply_error(exec->reply, "ERR the ANY argument requires COUNT argument");
        return false;
    }
    return true;
}

/* --- collecting --- */

/* Finds the ranks of the cells' members. Returns how many there are. */
static uint64_t find_cells(struct geo_search *search)
{
    struct geo_cell cells[GEO_CELLS_MAX];
    uint64_t total = 0;
    search->cell_count = geo_shape_cells(&search->shape, cells);
    for (unsigned i = 0; i < search->cell_count; i++) {
        const struct zset_score_range range = {
            .min = (double)cells[i].min, .max = (double)cells[i].end, .is_max_exclusive = true};
        search->cells[i] = zset_ranks_by_score(search->entry, &range);
        total += search->cells[i].end - search->cells[i].first;
    }
    return total;
}

static void begin_cell(struct geo_search *search)
{
    const struct zset_ranks *ranks = &search->cells[search->at_cell];
    search->is_walking = true;
    search->cell_left = ranks->end - ranks->first;
    if (search->cell_left == 0) {
        return;
    }
    if (search->scores != NULL) {
        score_walk_begin(&search->score_walk, search->scores, ranks->first);
    } else {
        zset_walk_begin(&search->walk, search->entry, ranks->first);
    }
}

static bool next_member(struct geo_search *search, struct item *member, double *score)
{
    if (search->scores == NULL) {
        return zset_walk_next(&search->walk, member, score);
    }
    struct score_item item;
    if (!score_walk_next(&search->score_walk, &item)) {
        return false;
    }
    *member = item_of_text(item.member);
    *score = item.score;
    return true;
}

/* With ANY the search ends when there are enough hits. */
static bool has_enough(const struct geo_search *search)
{
    return (search->flags & GEO_ANY) != 0 && search->hits.count >= (uint64_t)search->limit;
}

/* Looks at the next member. False: memory was refused. */
static bool look_at_member(struct geo_search *search)
{
    struct geo_hit hit;
    search->cell_left--;
    if (!next_member(search, &hit.member, &hit.score)) {
        search->cell_left = 0;
        return true;
    }
    if (!geo_shape_contains(&search->shape, geo_point_of_score(hit.score), &hit.distance_m)) {
        return true;
    }
    return geo_hits_add(&search->hits, &hit);
}

static bool is_over(const struct geo_search *search, const struct exec *exec)
{
    return !search->is_direct && exec_step_is_over(exec);
}

/* RESULT_OK and *is_done: all members of the cells were looked at. */
static enum result collect(struct geo_search *search, struct exec *exec, bool *is_done)
{
    *is_done = false;
    for (unsigned i = 1; search->at_cell < search->cell_count && !has_enough(search); i++) {
        if (!search->is_walking) {
            begin_cell(search);
        }
        if (search->cell_left == 0) {
            search->is_walking = false;
            search->at_cell++;
            continue;
        }
        if (!look_at_member(search)) {
            return RESULT_NO_MEMORY;
        }
        if (i % GEO_LOOK_MEMBERS == 0 && is_over(search, exec)) {
            return RESULT_OK;
        }
    }
    *is_done = true;
    return RESULT_OK;
}

/* The closest ones are meant when only some are wanted, unless any will do. */
static bool is_sorted(const struct geo_search *search)
{
    return (search->flags & GEO_ORDER) != 0 || (search->limit != 0 && (search->flags & GEO_ANY) == 0);
}

static enum result sort(struct geo_search *search, struct exec *exec, bool *is_done)
{
    bool is_refused = false;
    *is_done = !is_sorted(search);
    while (!*is_done && !is_refused) {
        *is_done = geo_hits_sort(&search->hits, search->wanted, GEO_SORT_STEPS, &is_refused);
        if (!*is_done && is_over(search, exec)) {
            break;
        }
    }
    return is_refused ? RESULT_NO_MEMORY : RESULT_OK;
}

/* --- replying --- */

static void reply_hit(const struct geo_search *search, struct reply *reply, const struct geo_hit *hit)
{
    const unsigned extras = (unsigned)__builtin_popcount(search->flags & GEO_WITH);
    if (extras > 0) {
        reply_array(reply, 1 + extras);
    }
    reply_item(reply, &hit->member);
    if ((search->flags & GEO_WITHDIST) != 0) {
        geo_reply_distance(reply, hit->distance_m / search->shape.unit_m);
    }
    if ((search->flags & GEO_WITHHASH) != 0) {
        reply_integer(reply, (int64_t)hit->score);
    }
    if ((search->flags & GEO_WITHCOORD) != 0) {
        geo_reply_point(reply, geo_point_of_score(hit->score));
    }
}

static enum job_status reply_hits(struct geo_search *search, struct exec *exec)
{
    while (search->done < search->wanted) {
        reply_hit(search, exec->reply, &search->hits.hits[search->done++]);
        if (search->done % GEO_LOOK_MEMBERS == 0 && is_over(search, exec)) {
            return JOB_MORE;
        }
    }
    return JOB_DONE;
}

/* --- storing --- */

/* A result that will be large is so from the start: a small one would make 0 of a score of -0. */
static enum result start_result(struct geo_search *search)
{
    uint64_t count = search->wanted;
    for (size_t i = 0; i < search->wanted; i++) {
        if ((int64_t)search->hits.hits[i].member.len > search->limits.zset_max_listpack_value) {
            count = UINT64_MAX;
        }
    }
    return zset_start(&search->result, &search->limits, count);
}

static enum result build(struct geo_search *search, struct exec *exec, bool *is_done)
{
    char scratch[ITEM_SCRATCH];
    *is_done = false;
    if (search->done == 0 && search->wanted > 0) {
        const enum result result = start_result(search);
        if (result != RESULT_OK) {
            return result;
        }
    }
    while (search->done < search->wanted) {
        const struct geo_hit *hit = &search->hits.hits[search->done++];
        const bool is_distance = (search->flags & GEO_STOREDIST) != 0;
        const double score = is_distance ? hit->distance_m / search->shape.unit_m : hit->score;
        const enum result result = zset_put(&search->result, &search->limits, item_text(&hit->member, scratch), score);
        if (result != RESULT_OK) {
            return result;
        }
        if (search->done % GEO_LOOK_MEMBERS == 0 && is_over(search, exec)) {
            return RESULT_OK;
        }
    }
    *is_done = true;
    return RESULT_OK;
}

/* Puts the result, or nothing, at the destination. It is repeated by its value: another machine's sines, or with ANY another
 * form of the source, could find something else.  */
static void store_result(struct geo_search *search, struct exec *exec)
{
    const struct key key = exec_key(exec, search->store_key);
    struct keyspace *ks = exec_keyspace(exec, key);
    struct entry *existing = exec_find_write(exec, key);
    if (search->result.entry != NULL) {
        const enum result result = value_store(&search->result, ks, key, existing);
        if (result != RESULT_OK) {
            reply_result_error(exec->reply, result);
            return;
        }
        exec_changed_by(exec, key, search->kind->event, search->wanted);
        exec_effect_value(exec, exec->db, key);
    } else if (existing != NULL) {
        delete_found(exec, key);
    }
    reply_integer(exec->reply, (int64_t)search->wanted);
}

static enum job_status store(struct geo_search *search, struct exec *exec)
{
    exec_unpin(exec, &search->source_pin);
    if (!exec_claim(exec, exec_key(exec, search->store_key), &search->store_pin)) {
        return JOB_WAIT;
    }
    exec_unpin(exec, &search->store_pin);
    store_result(search, exec);
    return JOB_DONE;
}

/* --- one phase after the other --- */

static void after_collecting(struct geo_search *search)
{
    const bool is_limited = search->limit != 0 && search->hits.count > (uint64_t)search->limit;
    search->wanted = is_limited ? (size_t)search->limit : search->hits.count;
    search->hits.is_descending = (search->flags & GEO_DESC) != 0;
    search->phase = GEO_SORT;
}

/* Runs the phases before the reply. *is_done: they are over. */
static enum result search_some(struct geo_search *search, struct exec *exec, bool *is_done)
{
    enum result result = RESULT_OK;
    *is_done = true;
    if (search->phase == GEO_COLLECT) {
        result = collect(search, exec, is_done);
        if (result != RESULT_OK || !*is_done) {
            return result;
        }
        after_collecting(search);
    }
    if (search->phase == GEO_SORT) {
        result = sort(search, exec, is_done);
        if (result != RESULT_OK || !*is_done) {
            return result;
        }
        search->phase = search->store_key != 0 ? GEO_BUILD : GEO_REPLY_HEAD;
    }
    if (search->phase == GEO_BUILD) {
        result = build(search, exec, is_done);
        search->phase = *is_done ? GEO_STORE_RESULT : GEO_BUILD;
    }
    return result;
}

static enum job_status search_step(struct job *job, struct exec *exec)
{
    struct geo_search *search = (struct geo_search *)job;
    bool is_done;
    const enum result result = search_some(search, exec, &is_done);
    if (result != RESULT_OK) {
        reply_result_error(exec->reply, result);
        return JOB_DONE;
    }
    if (!is_done) {
        return JOB_MORE;
    }
    if (search->phase == GEO_STORE_RESULT) {
        return store(search, exec);
    }
    if (search->phase == GEO_REPLY_HEAD) {
        reply_array(exec->reply, search->wanted);
        search->phase = GEO_REPLY;
    }
    return reply_hits(search, exec);
}

static void search_end(struct geo_search *search, struct exec *exec)
{
    geo_hits_release(&search->hits);
    if (search->result.entry != NULL) {
        value_remove(&search->result);
    }
    exec_unpin(exec, &search->source_pin);
    exec_unpin(exec, &search->store_pin);
}

static void search_destroy(struct job *job, struct exec *exec)
{
    struct geo_search *search = (struct geo_search *)job;
    search_end(search, exec);
    thread_free(MEM_CLIENT, search, sizeof *search);
}

static void search_in_steps(struct exec *exec, const struct geo_search *prepared)
{
    struct geo_search *search = thread_alloc(MEM_CLIENT, sizeof *search);
    if (search == NULL) {
        reply_result_error(exec->reply, RESULT_NO_MEMORY);
        return;
    }
    *search = *prepared;
    search->entry = NULL; /* it may go, the collection does not */
    search->job = (struct job){search_step, search_destroy,
                               exec->shard == NULL ? JOB_ALL_SHARDS : (int32_t)exec->shard->number};
    const struct key source = exec_key(exec, search->kind->key);
    struct entry *entry = keyspace_find(exec_keyspace(exec, source), source, exec->now_ms);
    bool is_pinned = exec_pin(exec, source, entry, &search->source_pin);
    if (is_pinned && search->store_key != 0) {
        const struct key key = exec_key(exec, search->store_key);
        entry = keyspace_find(exec_keyspace(exec, key), key, exec->now_ms);
        is_pinned = exec_pin(exec, key, entry, &search->store_pin);
    }
    if (is_pinned) {
        exec_start_job(exec, &search->job);
    } else {
        search_destroy(&search->job, exec);
    }
}

/* The source is not there: nothing is found. */
static void search_nothing(struct geo_search *search, struct exec *exec)
{
    if (search->store_key == 0) {
        reply_array(exec->reply, 0);
    } else {
        store_result(search, exec);
    }
}

static void run_search(struct exec *exec, const struct geo_kind *kind, uint32_t store_key)
{
    struct geo_search search = {.kind = kind, .store_key = store_key, .limits = exec_limits(exec)};
    search.entry = exec_find_read(exec, exec_key(exec, kind->key));
    if (!check_type(exec, search.entry, VALUE_ZSET) || !read_start(exec, &search) || !read_options(exec, &search) ||
        !check_options(exec, &search)) {
        return;
    }
    if (search.entry == NULL) {
        search_nothing(&search, exec);
        return;
    }
    if (search.store_key != 0) {
        struct keyspace *ks = exec_keyspace(exec, exec_key(exec, search.store_key));
        value_open_detached_for(&search.result, ks);
    }
    const bool is_large = form_is_apart(entry_form(search.entry));
    search.scores = is_large ? score_set_of(entry_collection(search.entry)) : NULL;
    if (find_cells(&search) > GEO_DIRECT_MEMBERS && is_large) {
        search_in_steps(exec, &search);
        return;
    }
    search.is_direct = true;
    const enum job_status status = search_step(&search.job, exec);
    assert(status == JOB_DONE);
    search_end(&search, exec);
}

/* --- commands --- */

static void command_geosearch(struct exec *exec)
{
    static const struct geo_kind kind = {TAKES_ALL | TAKES_SHAPE, .key = 1, .options = 2, .start = START_OPTION};
    run_search(exec, &kind, 0);
}

static void command_geosearchstore(struct exec *exec)
{
    static const struct geo_kind kind = {TAKES_ALL | TAKES_SHAPE | TAKES_STOREDIST, .key = 2, .options = 3, .start = START_OPTION,
                                         .event = EVENT_GEOSEARCHSTORE};
    run_search(exec, &kind, 1);
}

static void command_georadius(struct exec *exec)
{
    static const struct geo_kind kind = {TAKES_ALL | TAKES_STORE, .key = 1, .options = 6, .start = START_POINT,
                                         .event = EVENT_GEORADIUSSTORE};
    run_search(exec, &kind, 0);
}

static void command_georadius_ro(struct exec *exec)
{
    static const struct geo_kind kind = {TAKES_ALL, .key = 1, .options = 6, .start = START_POINT};
    run_search(exec, &kind, 0);
}

static void command_georadiusbymember(struct exec *exec)
{
    static const struct geo_kind kind = {TAKES_ALL | TAKES_STORE, .key = 1, .options = 5, .start = START_MEMBER,
                                         .event = EVENT_GEORADIUSSTORE};
    run_search(exec, &kind, 0);
}

static void command_georadiusbymember_ro(struct exec *exec)
{
    static const struct geo_kind kind = {TAKES_ALL, .key = 1, .options = 5, .start = START_MEMBER};
    run_search(exec, &kind, 0);
}

static const struct command_key_spec georadius_key_specs[] = {
    {.flags = "RO access", .index = 1, .search = KEYS_RANGE, .step = 1},
    {.flags = "OW update", .keyword = "STORE", .index = 6, .search = KEYS_RANGE, .step = 1},
    {.flags = "OW update", .keyword = "STOREDIST", .index = 6, .search = KEYS_RANGE, .step = 1},
    {0},
};

static const struct command_key_spec georadiusbymember_key_specs[] = {
    {.flags = "RO access", .index = 1, .search = KEYS_RANGE, .step = 1},
    {.flags = "OW update", .keyword = "STORE", .index = 5, .search = KEYS_RANGE, .step = 1},
    {.flags = "OW update", .keyword = "STOREDIST", .index = 5, .search = KEYS_RANGE, .step = 1},
    {0},
};

#define GEO_READ .scope = SCOPE_KEYS, .flags = COMMAND_READONLY, .keys = {1, 1, 1}, .group = "geo", .complexity = GEO_COST
#define GEO_WRITE .scope = SCOPE_KEYS, .flags = COMMAND_WRITE | COMMAND_DENYOOM | COMMAND_MOVABLE_KEYS, .keys = {1, 1, 1}, \
                  .group = "geo", .complexity = GEO_COST, .since = "3.2.0"
#define GEO_COST "O(N+log(M)), N the members in the cells around the shape, M all members"
#define GEO_SYNTAX_SHAPE                                                                                                       \
    "(FROMMEMBER member|FROMLONLAT longitude latitude) "                                                                       \
    "(BYRADIUS radius (M|KM|FT|MI)|BYBOX width height (M|KM|FT|MI)) [ASC|DESC] [COUNT count [ANY]]"
#define GEO_SYNTAX_WITH "[WITHCOORD] [WITHDIST] [WITHHASH]"
#define GEO_SYNTAX_RADIUS "radius M|KM|FT|MI " GEO_SYNTAX_WITH " [COUNT count [ANY]] [ASC|DESC]"
#define GEO_SYNTAX_STORE " [STORE key] [STOREDIST key]"

const struct command_spec geo_search_commands[] = {
    {.name = "georadius", .run = command_georadius, .arity = -6, GEO_WRITE, .key_specs = georadius_key_specs,
     .summary = "Returns or stores the members within a radius around a place.",
     .syntax = "key longitude latitude " GEO_SYNTAX_RADIUS GEO_SYNTAX_STORE},
    {.name = "georadius_ro", .run = command_georadius_ro, .arity = -6, GEO_READ, .since = "3.2.10",
     .summary = "Returns the members within a radius around a place.", .syntax = "key longitude latitude " GEO_SYNTAX_RADIUS},
    {.name = "georadiusbymember", .run = command_georadiusbymember, .arity = -5, GEO_WRITE,
     .key_specs = georadiusbymember_key_specs, .summary = "Returns or stores the members within a radius around a member.",
     .syntax = "key member " GEO_SYNTAX_RADIUS GEO_SYNTAX_STORE},
    {.name = "georadiusbymember_ro", .run = command_georadiusbymember_ro, .arity = -5, GEO_READ, .since = "3.2.10",
     .summary = "Returns the members within a radius around a member.", .syntax = "key member " GEO_SYNTAX_RADIUS},
    {.name = "geosearch", .run = command_geosearch, .arity = -7, GEO_READ, .since = "6.2.0",
     .summary = "Returns the members within a circle or a box.", .syntax = "key " GEO_SYNTAX_SHAPE " " GEO_SYNTAX_WITH},
    {.name = "geosearchstore", .run = command_geosearchstore, .arity = -8, .scope = SCOPE_KEYS,
     .flags = COMMAND_WRITE | COMMAND_DENYOOM, .keys = {1, 2, 1}, .since = "6.2.0", .group = "geo", .complexity = GEO_COST,
     .summary = "Stores the members within a circle or a box.", .syntax = "destination source " GEO_SYNTAX_SHAPE " [STOREDIST]",
     .key_flags = "OW update|RO access"},
    {0},
};
