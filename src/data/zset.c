/* zset.c - both forms of a sorted set, and the ways between them; see zset.h.  */
#include "data/zset.h"

#include "data/value_edit.h"

#include <assert.h>

enum { PAIR = 2, SCORE_TEXT_BYTES = sizeof(double) };

static bool is_large(const struct entry *entry)
{
    return entry_form(entry) == VALUE_FORM_ZSET;
}

static struct score_set *set_of(const struct entry *entry)
{
    return score_set_of(entry_collection(entry));
}

/* --- scores as items --- */

/* -0 becomes 0, as in a listpack of Redis. */
static struct item score_to_item(double score, char text[SCORE_TEXT_BYTES])
{
    assert(score == score);
    if (score >= (double)INT64_MIN && score < -(double)INT64_MIN) {
        const int64_t integer = (int64_t)score;
        if ((double)integer == score) {
            return item_of_integer(integer);
        }
    }
    memcpy(text, &score, SCORE_TEXT_BYTES);
    return (struct item){.data = text, .len = SCORE_TEXT_BYTES};
}

static double item_to_score(const struct item *item)
{
    if (item_is_integer(item)) {
        return (double)item->integer;
    }
    double score;
    memcpy(&score, item->data, sizeof score);
    return score;
}

/* The score of the member at `at`. */
static double score_at(struct bytes run, size_t at)
{
    const struct item item = packed_read(run.data + at + packed_size(run.data + at));
    return item_to_score(&item);
}

/* The next pair of a small value. */
static bool pair_next(struct bytes run, size_t *at, struct item *member, double *score)
{
    struct item item;
    if (!packed_next(run, at, member) || !packed_next(run, at, &item)) {
        return false;
    }
    *score = item_to_score(&item);
    return true;
}

static int compare_member(const struct item *item, struct bytes member)
{
    char scratch[ITEM_SCRATCH];
    return bytes_compare(item_text(item, scratch), member);
}

/* --- reading --- */

uint64_t zset_count(const struct entry *entry)
{
    return is_large(entry) ? score_set_count(set_of(entry)) : packed_count(entry_packed(entry)) / PAIR;
}

bool zset_rank(const struct entry *entry, struct bytes member, uint64_t *rank, double *score)
{
    double found;
    if (is_large(entry)) {
        struct score_place place;
        if (!score_set_find(set_of(entry), member, &place)) {
            return false;
        }
        *rank = score_place_rank(set_of(entry), &place);
        found = place.score;
    } else {
        const struct bytes run = entry_packed(entry);
        const struct item wanted = packed_item(member);
        size_t at, index;
        if (!packed_find(run, PAIR, &wanted, &at, &index)) {
            return false;
        }
        *rank = index / PAIR;
        found = score_at(run, at);
    }
    if (score != NULL) {
        *score = found;
    }
    return true;
}

bool zset_score(const struct entry *entry, struct bytes member, double *out)
{
    if (is_large(entry)) {
        struct score_place place;
        if (!score_set_find(set_of(entry), member, &place)) {
            return false;
        }
        *out = place.score;
        return true;
    }
    uint64_t rank;
    return zset_rank(entry, member, &rank, out);
}

void zset_walk_begin(struct zset_walk *walk, const struct entry *entry, uint64_t rank)
{
    walk->back_count = 0;
    if (is_large(entry)) {
        const struct score_set *set = set_of(entry);
        const uint64_t count = score_set_count(set);
        walk->run = (struct bytes){0};
        score_walk_begin(&walk->large, set, rank < count ? rank : count);
        return;
    }
    walk->run = entry_packed(entry);
    walk->at = rank >= walk->run.len ? walk->run.len : packed_skip(walk->run, 0, (size_t)rank * PAIR);
}

static bool give(const struct score_item *found, struct item *member, double *score)
{
    *member = item_of_text(found->member);
    *score = found->score;
    return true;
}

bool zset_walk_next(struct zset_walk *walk, struct item *member, double *score)
{
    if (walk->run.data == NULL) {
        struct score_item found;
        return score_walk_next(&walk->large, &found) && give(&found, member, score);
    }
    walk->back_count = 0;
    return pair_next(walk->run, &walk->at, member, score);
}

/* Notes the offsets of the last members before `at`. */
static void look_back(struct zset_walk *walk)
{
    uint32_t ring[ZSET_WALK_BACK];
    uint32_t count = 0;
    for (size_t at = 0; at < walk->at; at = packed_skip(walk->run, at, PAIR)) {
        ring[count % ZSET_WALK_BACK] = (uint32_t)at;
        count++;
    }
    walk->back_count = count < ZSET_WALK_BACK ? count : ZSET_WALK_BACK;
    for (uint32_t i = 0; i < walk->back_count; i++) {
        walk->back[i] = ring[(count - walk->back_count + i) % ZSET_WALK_BACK];
    }
}

bool zset_walk_previous(struct zset_walk *walk, struct item *member, double *score)
{
    if (walk->run.data == NULL) {
        struct score_item found;
        return score_walk_previous(&walk->large, &found) && give(&found, member, score);
    }
    if (walk->at == 0) {
        return false;
    }
    if (walk->back_count == 0) {
        look_back(walk);
    }
    walk->back_count--;
    walk->at = walk->back[walk->back_count];
    size_t at = walk->at;
    return pair_next(walk->run, &at, member, score);
}

/* --- intervals --- */

static struct zset_ranks ranks_of(uint64_t first, uint64_t end)
{
    return (struct zset_ranks){first, end < first ? first : end};
}

struct zset_ranks zset_ranks_by_score(const struct entry *entry, const struct zset_score_range *range)
{
    if (is_large(entry)) {
        const struct score_set *set = set_of(entry);
        return ranks_of(score_set_rank_of_score(set, range->min, range->is_min_exclusive),
                        score_set_rank_of_score(set, range->max, !range->is_max_exclusive));
    }
    const struct bytes run = entry_packed(entry);
    uint64_t first = 0, end = 0;
    struct item member;
    double score;
    for (size_t at = 0; pair_next(run, &at, &member, &score);) {
        first += score < range->min || (range->is_min_exclusive && score == range->min);
        end += score < range->max || (!range->is_max_exclusive && score == range->max);
    }
    return ranks_of(first, end);
}

static bool is_from_min(const struct zset_lex_range *range, const struct item *member)
{
    switch (range->min_bound) {
    case LEX_LOWEST:
        return true;
    case LEX_HIGHEST:
        return false;
    case LEX_EXCLUSIVE:
        return compare_member(member, range->min) > 0;
    default:
        return compare_member(member, range->min) >= 0;
    }
}

static bool is_to_max(const struct zset_lex_range *range, const struct item *member)
{
    switch (range->max_bound) {
    case LEX_LOWEST:
        return false;
    case LEX_HIGHEST:
        return true;
    case LEX_EXCLUSIVE:
        return compare_member(member, range->max) < 0;
    default:
        return compare_member(member, range->max) <= 0;
    }
}

/* True when no member at all can be within. */
static bool lex_range_is_empty(const struct zset_lex_range *range)
{
    if (range->min_bound == LEX_LOWEST || range->max_bound == LEX_HIGHEST) {
        return range->min_bound == LEX_HIGHEST || range->max_bound == LEX_LOWEST;
    }
    if (range->min_bound == LEX_HIGHEST || range->max_bound == LEX_LOWEST) {
        return true;
    }
    const int order = bytes_compare(range->min, range->max);
    return order > 0 || (order == 0 && (range->min_bound == LEX_EXCLUSIVE || range->max_bound == LEX_EXCLUSIVE));
}

/* As Redis looks through a listpack, one by one: so that what it finds among differing scores is the same, too. */
static struct zset_ranks small_by_lex(struct bytes run, const struct zset_lex_range *range)
{
    struct item member, last = {0};
    double score;
    uint64_t rank = 0, first = UINT64_MAX, end = 0, run_first = 0;
    bool is_in = false, begins_in = false;
    for (size_t at = 0; pair_next(run, &at, &member, &score); rank++) {
        const bool from_min = is_from_min(range, &member), to_max = is_to_max(range, &member);
        begins_in |= rank == 0 && to_max;
        if (!range->is_backward) {
            first = first == UINT64_MAX && from_min ? rank : first;
            is_in = rank == first ? to_max : is_in && to_max;
            end = is_in ? rank + 1 : end;
        } else {
            /* The last one up to max, and those before it without one below min in between. */
            run_first = from_min ? run_first : rank + 1;
            first = to_max ? run_first : first;
            end = to_max ? rank + 1 : end;
        }
        last = member;
    }
    if (rank == 0 || !begins_in || !is_from_min(range, &last) || first >= end) {
        return (struct zset_ranks){0, 0};
    }
    return (struct zset_ranks){first, end};
}

struct zset_ranks zset_ranks_by_lex(const struct entry *entry, const struct zset_lex_range *range)
{
    if (lex_range_is_empty(range)) {
        return (struct zset_ranks){0, 0};
    }
    if (!is_large(entry)) {
        return small_by_lex(entry_packed(entry), range);
    }
    const struct score_set *set = set_of(entry);
    const uint64_t count = score_set_count(set);
    if (count == 0) {
        return (struct zset_ranks){0, 0};
    }
    const double score = score_set_at(set, 0).score;
    uint64_t first = 0, end = count;
    if (range->min_bound != LEX_LOWEST) {
        first = score_set_rank_of(set, score, range->min, range->min_bound == LEX_EXCLUSIVE);
    }
    if (range->max_bound != LEX_HIGHEST) {
        end = score_set_rank_of(set, score, range->max, range->max_bound == LEX_INCLUSIVE);
    }
    return ranks_of(first, end);
}

/* --- from small to large and back --- */

static bool is_over(uint64_t number, int64_t limit)
{
    return limit < 0 || number > (uint64_t)limit;
}

/* Puts the members of a small run into an empty set. */
static enum result append_run(struct score_set *set, struct bytes run)
{
    enum result result = RESULT_OK;
    struct item member;
    double score;
    for (size_t at = 0; result == RESULT_OK && pair_next(run, &at, &member, &score);) {
        char scratch[ITEM_SCRATCH];
        result = score_set_append(set, item_text(&member, scratch), score);
    }
    return result;
}

/* Gives the value `set`, which is destroyed when that is refused or `result` says so. */
static enum result take_set(struct value *value, struct score_set *set, enum result result)
{
    if (result == RESULT_OK) {
        result = value_set_collection(value, VALUE_FORM_ZSET, score_set_collection(set));
    }
    if (result != RESULT_OK) {
        collection_destroy(score_set_collection(set));
    }
    return result;
}

/* Makes a small value, or none, a large one with one more member. RESULT_NO_MEMORY: as before. */
static enum result make_large(struct value *value, enum encoding_name encoding, struct bytes member, double score)
{
    struct score_set *set = score_set_create(value->heap, value->secret);
    if (set == NULL) {
        return RESULT_NO_MEMORY;
    }
    score_set_collection(set)->encoding = (uint8_t)encoding;
    enum result result = RESULT_OK;
    if (value->entry != NULL) {
        result = append_run(set, entry_packed(value->entry));
    }
    if (result == RESULT_OK) {
        result = score_set_put(set, member, score);
    }
    return take_set(value, set, result);
}

enum result zset_start(struct value *value, const struct encoding_limits *limits, uint64_t count)
{
    assert(value->entry == NULL);
    if (!is_over(count, limits->zset_max_listpack_entries)) {
        return RESULT_OK;
    }
    struct score_set *set = score_set_create(value->heap, value->secret);
    return set == NULL ? RESULT_NO_MEMORY : take_set(value, set, RESULT_OK);
}

/* Writes the members of `set` to `out` as a small value, or with NULL only measures. */
static size_t pack(const struct score_set *set, char *out)
{
    size_t len = 0;
    struct score_walk walk;
    struct score_item found;
    score_walk_begin(&walk, set, 0);
    while (score_walk_next(&walk, &found)) {
        char text[SCORE_TEXT_BYTES];
        const struct item member = packed_item(found.member);
        const struct item score = score_to_item(found.score, text);
        if (out != NULL) {
            packed_write(out + len, &member);
            packed_write(out + len + packed_item_size(&member), &score);
        }
        len += packed_item_size(&member) + packed_item_size(&score);
    }
    return len;
}

static bool has_long_member(const struct score_set *set, int64_t limit)
{
    struct score_walk walk;
    struct score_item found;
    score_walk_begin(&walk, set, 0);
    while (score_walk_next(&walk, &found)) {
        if (is_over(found.member.len, limit)) {
            return true;
        }
    }
    return false;
}

enum result zset_settle(struct value *value, const struct encoding_limits *limits)
{
    if (value_form(value) != VALUE_FORM_ZSET) {
        return RESULT_OK;
    }
    struct score_set *set = set_of(value->entry);
    uint8_t *encoding = &score_set_collection(set)->encoding;
    if (is_over(score_set_count(set), limits->zset_max_listpack_entries) ||
        has_long_member(set, limits->zset_max_listpack_value)) {
        *encoding = ENCODING_SKIPLIST;
        return RESULT_OK;
    }
    const size_t len = pack(set, NULL);
    if (len > COLLECTION_INLINE_MAX || len == 0) {
        *encoding = ENCODING_LISTPACK;
        return RESULT_OK;
    }
    char *packed = thread_alloc(MEM_SERVER, len);
    if (packed == NULL) {
        return RESULT_NO_MEMORY;
    }
    pack(set, packed);
    const enum result result = value_set_packed(value, VALUE_FORM_ZSET_PACKED, (struct bytes){packed, len});
    thread_free(MEM_SERVER, packed, len);
    return result;
}

/* --- changing --- */

static struct bytes run_of(const struct value *value)
{
    return value->entry == NULL ? BYTES("") : entry_packed(value->entry);
}

uint64_t zset_value_count(const struct value *value)
{
    return value->entry == NULL ? 0 : zset_count(value->entry);
}

bool zset_is_empty(const struct value *value)
{
    if (value->entry == NULL) {
        return true;
    }
    return is_large(value->entry) ? score_set_count(set_of(value->entry)) == 0 : value_len(value) == 0;
}

bool zset_find(const struct value *value, struct bytes member, struct zset_place *place)
{
    place->member = member;
    if (value_form(value) == VALUE_FORM_ZSET) {
        place->is_found = score_set_find(set_of(value->entry), member, &place->large);
        place->score = place->is_found ? place->large.score : 0;
        return place->is_found;
    }
    const struct bytes run = run_of(value);
    place->item = packed_item(member);
    place->is_found = packed_find(run, PAIR, &place->item, &place->at, &place->items);
    place->score = place->is_found ? score_at(run, place->at) : 0;
    return place->is_found;
}

/* Where (score, member) belongs in a small value. */
static size_t seek(struct bytes run, double score, struct bytes member)
{
    size_t at = 0;
    while (at < run.len) {
        size_t next = at;
        struct item other;
        double other_score;
        pair_next(run, &next, &other, &other_score);
        if (other_score > score || (other_score == score && compare_member(&other, member) > 0)) {
            return at;
        }
        at = next;
    }
    return at;
}

/* A member on its way into a small value, or into none. */
struct addition {
    struct bytes member;
    struct item item; /* the member as it is to be kept */
    double score;
    size_t at;        /* where it belongs */
    uint64_t count;   /* members before */
};

static enum result add_small(struct value *value, const struct encoding_limits *limits, const struct addition *addition)
{
    const struct bytes member = addition->member;
    if (is_over(addition->count + 1, limits->zset_max_listpack_entries) ||
        is_over(member.len, limits->zset_max_listpack_value)) {
        return make_large(value, ENCODING_SKIPLIST, member, addition->score);
    }
    char text[SCORE_TEXT_BYTES];
    const struct item pair[PAIR] = {addition->item, score_to_item(addition->score, text)};
    const struct packed_edit edit = {.at = addition->at, .items = pair, .count = PAIR};
    if (packed_edited_len(value_len(value), &edit) > COLLECTION_INLINE_MAX) {
        return make_large(value, ENCODING_LISTPACK, member, item_to_score(&pair[1]));
    }
    return value_edit(value, VALUE_FORM_ZSET_PACKED, &edit);
}

/* A score as a large value keeps it: while that reports the small name, as the small one would. */
static double kept_score(struct score_set *set, double score)
{
    return score_set_collection(set)->encoding == ENCODING_LISTPACK ? score + 0.0 : score;
}

/* A large value that still reports the small name does so while the limits allow it. */
static void note_limits(struct score_set *set, const struct encoding_limits *limits, struct bytes member)
{
    if (is_over(score_set_count(set), limits->zset_max_listpack_entries) ||
        is_over(member.len, limits->zset_max_listpack_value)) {
        score_set_collection(set)->encoding = ENCODING_SKIPLIST;
    }
}

enum result zset_add(struct value *value, const struct encoding_limits *limits, const struct zset_place *place, double score)
{
    assert(!place->is_found);
    if (value_form(value) == VALUE_FORM_ZSET) {
        struct score_set *set = set_of(value->entry);
        const enum result result = score_set_add(set, &place->large, kept_score(set, score));
        if (result == RESULT_OK) {
            note_limits(set, limits, place->member);
        }
        return result;
    }
    const struct addition addition = {
        place->member, place->item, score, seek(run_of(value), score, place->member), place->items / PAIR};
    return add_small(value, limits, &addition);
}

enum result zset_append(struct value *value, const struct encoding_limits *limits, struct bytes member, double score)
{
    if (value_form(value) == VALUE_FORM_ZSET) {
        struct score_set *set = set_of(value->entry);
        const enum result result = score_set_append(set, member, kept_score(set, score));
        if (result == RESULT_OK) {
            note_limits(set, limits, member);
        }
        return result;
    }
    const struct bytes run = run_of(value);
    const struct addition addition = {member, packed_item(member), score, run.len, packed_count(run) / PAIR};
    return add_small(value, limits, &addition);
}

/* Takes the pair at `from` (`len` bytes) out of a small value and puts `pair` in its place by the order. Returns the new length.
 * There is room.  */
static size_t shift(char *data, size_t len, size_t from, size_t pair_len, const struct item pair[PAIR])
{
    const struct packed_edit take = {.at = from, .old_len = pair_len};
    len = packed_apply(data, len, &take);
    char scratch[ITEM_SCRATCH];
    const size_t to = seek((struct bytes){data, len}, item_to_score(&pair[1]), item_text(&pair[0], scratch));
    const struct packed_edit put = {.at = to, .items = pair, .count = PAIR};
    return packed_apply(data, len, &put);
}

static size_t pair_size(const struct item pair[PAIR])
{
    return packed_item_size(&pair[0]) + packed_item_size(&pair[1]);
}

static enum result move_small(struct value *value, const struct zset_place *place, double score)
{
    char text[SCORE_TEXT_BYTES], old_text[SCORE_TEXT_BYTES];
    const struct item pair[PAIR] = {place->item, score_to_item(score, text)};
    const struct item old_pair[PAIR] = {place->item, score_to_item(place->score, old_text)};
    const size_t len = value_len(value);
    const size_t old_size = pair_size(old_pair), size = pair_size(pair);
    const size_t new_len = len - old_size + size;
    if (new_len > len) {
        const enum result result = value_resize(value, VALUE_FORM_ZSET_PACKED, new_len);
        if (result != RESULT_OK) {
            return result;
        }
    }
    shift(value_data(value), len, place->at, old_size, pair);
    if (new_len < len && value_resize(value, VALUE_FORM_ZSET_PACKED, new_len) != RESULT_OK) {
        char *data = value_data(value);
        size_t at, index;
        const bool is_there = packed_find((struct bytes){data, new_len}, PAIR, &place->item, &at, &index);
        assert(is_there);
        shift(data, new_len, at, size, old_pair);
        return RESULT_NO_MEMORY;
    }
    return RESULT_OK;
}

enum result zset_move(struct value *value, const struct zset_place *place, double score)
{
    assert(place->is_found);
    if (value_form(value) == VALUE_FORM_ZSET) {
        struct score_set *set = set_of(value->entry);
        return score_set_move(set, &place->large, kept_score(set, score));
    }
    return place->score == score ? RESULT_OK : move_small(value, place, score);
}

enum result zset_remove(struct value *value, const struct zset_place *place)
{
    assert(place->is_found);
    if (value_form(value) == VALUE_FORM_ZSET) {
        score_set_remove(set_of(value->entry), &place->large);
        return RESULT_OK;
    }
    const struct bytes run = run_of(value);
    const struct packed_edit edit = {.at = place->at, .old_len = packed_skip(run, place->at, PAIR) - place->at};
    return value_edit(value, VALUE_FORM_ZSET_PACKED, &edit);
}

enum result zset_put(struct value *value, const struct encoding_limits *limits, struct bytes member, double score)
{
    struct zset_place place;
    if (zset_find(value, member, &place)) {
        return zset_move(value, &place, score);
    }
    return zset_add(value, limits, &place, score);
}

enum result zset_remove_ranks(struct value *value, struct zset_ranks ranks)
{
    if (ranks.first >= ranks.end) {
        return RESULT_OK;
    }
    if (is_large(value->entry)) {
        score_set_remove_range(set_of(value->entry), ranks.first, ranks.end - ranks.first);
        return RESULT_OK;
    }
    const struct bytes run = run_of(value);
    const size_t at = packed_skip(run, 0, (size_t)ranks.first * PAIR);
    const size_t end = packed_skip(run, at, (size_t)(ranks.end - ranks.first) * PAIR);
    const struct packed_edit edit = {.at = at, .old_len = end - at};
    return value_edit(value, VALUE_FORM_ZSET_PACKED, &edit);
}

bool zset_cut_ranks(struct value *value, struct zset_ranks ranks)
{
    return score_set_cut(set_of(value->entry), ranks.first, ranks.end - ranks.first);
}

bool zset_clean(struct value *value, size_t *limit)
{
    return score_set_clean(set_of(value->entry), limit);
}

const char *zset_packed_fault(struct bytes run)
{
    size_t count;
    if (!packed_is_valid(run, &count) || count == 0 || count % PAIR != 0) {
        return "a small sorted set is not pairs of items";
    }
    struct item member, last;
    double score, last_score = 0;
    bool has_last = false;
    char scratch[ITEM_SCRATCH];
    for (size_t at = 0; at < run.len;) {
        const size_t value_at = packed_skip(run, at, 1);
        const struct item item = packed_read(run.data + value_at);
        if (!item_is_integer(&item) && item.len != SCORE_TEXT_BYTES) {
            return "a small sorted set has a score that is none";
        }
        pair_next(run, &at, &member, &score);
        if (has_last && !(last_score < score ||
                          (last_score == score && compare_member(&last, item_text(&member, scratch)) < 0))) {
            return "a small sorted set is out of order";
        }
        last = member;
        last_score = score;
        has_last = true;
    }
    return NULL;
}
