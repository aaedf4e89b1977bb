/* zset.h - the value of a key that is a sorted set, small (in its entry) or large (a struct score_set).
 *
 * Small      VALUE_FORM_ZSET_PACKED: member, score, member, score ... as src/encoding/packed.h writes items, in the order of
 *            (score, member). A score is an integer item when it is one (-0 becomes 0, as in Redis), otherwise text: 8 bytes.
 * Large      VALUE_FORM_ZSET, as Redis decides: more members than zset_max_listpack_entries or a member longer than
 *            zset_max_listpack_value; and when COLLECTION_INLINE_MAX does not hold it. It goes back only by zset_settle.
 * Threads    Under the baton of the key's shard.
 * Memory     Members that walks hand out are lent until the value changes.
 * Limits     Scores are never NaN: callers refuse it before (zset_sum).
 * Read on    encoding/score_set.h for the order and the large form.  */
#ifndef DATA_ZSET_H
#define DATA_ZSET_H

#include "data/value.h"
#include "encoding/item.h"
#include "encoding/packed.h"
#include "encoding/score_set.h"

static inline bool entry_is_zset(const struct entry *entry)
{
    const enum value_form form = entry_form(entry);
    return form == VALUE_FORM_ZSET || form == VALUE_FORM_ZSET_PACKED;
}

/* --- reading: entries of type zset, with or without an open value --- */

/* O(1), small: O(n). */
uint64_t zset_count(const struct entry *entry);
bool zset_score(const struct entry *entry, struct bytes member, double *out);
/* How many are before the member. False: it is not there. O(log n), small: O(n). `score` may be NULL. */
bool zset_rank(const struct entry *entry, struct bytes member, uint64_t *rank, double *score);

/* Walks in order. They stand between two members, `next` hands out the one behind, `previous` the one before. They go on in a
 * later step when the value is large and pinned.  */
enum { ZSET_WALK_BACK = 64 };
struct zset_walk {
    struct bytes run;                 /* small; data NULL: large */
    size_t at;                        /* small: where the walk stands */
    uint32_t back_count;              /* small: offsets of the members before `at`, as many as are known */
    uint32_t back[ZSET_WALK_BACK];
    struct score_walk large;
};

/* Stands before the member at `rank`; behind the last when there are not so many. */
void zset_walk_begin(struct zset_walk *walk, const struct entry *entry, uint64_t rank);
bool zset_walk_next(struct zset_walk *walk, struct item *member, double *score);
bool zset_walk_previous(struct zset_walk *walk, struct item *member, double *score);

/* The members from rank `first` to before rank `end`; first == end: none. */
struct zset_ranks {
    uint64_t first, end;
};

/* ZRANGEBYSCORE's and ZRANGEBYLEX's intervals. */
struct zset_score_range {
    double min, max;
    bool is_min_exclusive, is_max_exclusive;
};

enum lex_bound { LEX_INCLUSIVE, LEX_EXCLUSIVE, LEX_LOWEST, LEX_HIGHEST };
struct zset_lex_range {
    struct bytes min, max; /* borrowed; of no meaning with LEX_LOWEST and LEX_HIGHEST */
    enum lex_bound min_bound, max_bound;
    bool is_backward;      /* looked for from the end: another result only when scores differ, in a small value */
};

/* The members within an interval. Large: O(log n). Lexical intervals mean something only when all scores are the same. */
struct zset_ranks zset_ranks_by_score(const struct entry *entry, const struct zset_score_range *range);
struct zset_ranks zset_ranks_by_lex(const struct entry *entry, const struct zset_lex_range *range);

/* --- changing: values opened by value_open (or detached ones); entry form zset, or none yet --- */

/* Where a member is in an open value. Used up by the next change. */
struct zset_place {
    struct bytes member;       /* as asked for: borrowed until the place is used */
    bool is_found;
    double score;              /* when found */
    struct item item;          /* small: the member as it is kept */
    size_t at;                 /* small: its offset */
    size_t items;              /* small: how many items the run has, when it was not found */
    struct score_place large;
};

/* Returns place->is_found; a value without a form has no members. */
bool zset_find(const struct value *value, struct bytes member, struct zset_place *place);
/* RESULT_NO_MEMORY: nothing has changed. add: was not found; a new value takes a form. move, remove: was found. A value that
 * became empty (zset_is_empty) is to be removed by value_remove.  */
MUST_USE enum result zset_add(struct value *value, const struct encoding_limits *limits, const struct zset_place *place,
                              double score);
MUST_USE enum result zset_move(struct value *value, const struct zset_place *place, double score);
MUST_USE enum result zset_remove(struct value *value, const struct zset_place *place);
/* find and add or move. */
MUST_USE enum result zset_put(struct value *value, const struct encoding_limits *limits, struct bytes member, double score);
/* Adds a member that is behind all others: building from what is sorted, the cheapest way. */
MUST_USE enum result zset_append(struct value *value, const struct encoding_limits *limits, struct bytes member, double score);
/* A new value that is about to get `count` members is large from the start when so many have to be. */
MUST_USE enum result zset_start(struct value *value, const struct encoding_limits *limits, uint64_t count);
/* Removes whole ranks. O(removed + log n) when large. */
MUST_USE enum result zset_remove_ranks(struct value *value, struct zset_ranks ranks);
/* The same for many of a large value, but not all: they are gone at once, and zset_clean frees in steps what is left of them: see
 * score_set_cut. Nothing must be left of an earlier cut. False: refused, as before.  */
MUST_USE bool zset_cut_ranks(struct value *value, struct zset_ranks ranks);
/* Counts members off *limit. True: nothing is left of a cut. */
bool zset_clean(struct value *value, size_t *limit);
bool zset_is_empty(const struct value *value);
uint64_t zset_value_count(const struct value *value);

/* As ZUNIONSTORE, RESTORE and others end: a large value within the limits becomes small, and reports what it is. */
MUST_USE enum result zset_settle(struct value *value, const struct encoding_limits *limits);

/* a + b into *out; false when that is NaN (inf - inf). */
static inline MUST_USE bool zset_sum(double a, double b, double *out)
{
    const double sum = a + b;
    if (sum != sum) {
        return false;
    }
    *out = sum;
    return true;
}

/* For DEBUG and audits of small values: NULL, or what is wrong with a run. */
const char *zset_packed_fault(struct bytes run);

#endif
