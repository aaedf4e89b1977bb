/* score_set.h - a large sorted set: members with scores, in the order of (score, member), and found by member.
 *
 * Two structures over the same members. An order-statistic B+tree has them in order, packed into leaves of at most 1 KiB; it is
 * the only one with the members' bytes. A hash index leads from a member to its score: entries of 12 bytes, a part of the
 * member's hash and the score; whether one is the right one is seen in the tree. Some 40 bytes for a member of 14.
 *
 * Order      By score as doubles compare (-0 and 0 are equal), then by the members' bytes, as memcmp, the shorter first.
 * Threads    Under the baton of the shard whose heap it is in.
 * Memory     What is lent (members, places, walks) is valid until the set changes.
 * Errors     RESULT_NO_MEMORY: nothing has changed. Removing never fails.
 * Limits     SCORE_SET_COUNT_MAX members; scores are not NaN (asserted).
 * Read on    score_set_private.h (both layouts, drawn), score_tree.c, score_index.c, score_set.c.  */
#ifndef ENCODING_SCORE_SET_H
#define ENCODING_SCORE_SET_H

#include "base/attributes.h"
#include "base/bytes.h"
#include "base/hash.h"
#include "base/result.h"
#include "encoding/collection.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { SCORE_HEIGHT_MAX = 10 };
#define SCORE_SET_COUNT_MAX UINT32_C(0xffffffff)

struct score_set;
struct score_inner;
struct score_leaf;

/* A place in the order: the way to it from the root. Whoever has a walk or place sees no further than its functions. */
struct score_path {
    struct score_leaf *leaf;
    uint32_t index;  /* in the leaf */
    struct score_step {
        struct score_inner *node;
        uint32_t index;
    } steps[SCORE_HEIGHT_MAX]; /* [0] is the root */
};

struct score_item {
    struct bytes member;
    double score;
};

/* An empty one, which reports "skiplist". NULL: refused. Gives: collection_destroy, or a key that takes it. The secret outlives
 * it.  */
struct score_set *score_set_create(struct heap *heap, const struct hash_secret *secret) MUST_USE;
/* The same with blocks of another class: MEM_HASH, for the times of a hash's fields. */
struct score_set *score_set_create_in(struct heap *heap, const struct hash_secret *secret, enum mem_class which) MUST_USE;

/* The two ways between a set and the collection that it begins with. */
static inline struct collection *score_set_collection(struct score_set *set)
{
    return (struct collection *)set;
}

static inline struct score_set *score_set_of(struct collection *collection)
{
    return (struct score_set *)collection;
}

uint64_t score_set_count(const struct score_set *set);

/* --- one member --- */

/* Where a member is, or that it is not there. */
struct score_place {
    struct bytes member;    /* as asked for: borrowed until the place is used */
    uint32_t hash;
    bool is_found;
    double score;           /* when found */
    struct score_path path; /* when found */
};

/* Returns place->is_found. O(log n). */
bool score_set_find(const struct score_set *set, struct bytes member, struct score_place *place);
/* Adds a member that was not found, changes the score of one that was, or removes it. The place is used up. O(log n). */
MUST_USE enum result score_set_add(struct score_set *set, const struct score_place *place, double score);
MUST_USE enum result score_set_move(struct score_set *set, const struct score_place *place, double score);
void score_set_remove(struct score_set *set, const struct score_place *place);
/* How many are before it. O(log n). */
uint64_t score_place_rank(const struct score_set *set, const struct score_place *place);

/* find and add or move in one. */
MUST_USE enum result score_set_put(struct score_set *set, struct bytes member, double score);
/* Adds a member that is behind all others (asserted in debug builds) and not there yet: building from what is sorted. Leaves
 * are filled completely. */
MUST_USE enum result score_set_append(struct score_set *set, struct bytes member, double score);

/* --- places in the order: ranks 0 .. count --- */

/* How many have a score below this one (is_after: this one or below). O(log n). */
uint64_t score_set_rank_of_score(const struct score_set *set, double score, bool is_after);
/* How many are before (score, member) (is_after: before or equal to it). O(log n). For sets whose members all have one score
 * that is the place of `member` in their order.  */
uint64_t score_set_rank_of(const struct score_set *set, double score, struct bytes member, bool is_after);
/* The member at a rank < count. O(log n). */
struct score_item score_set_at(const struct score_set *set, uint64_t rank);

/* Walks that go on as long as the set does not change. They stand between two members: `next` hands out the one behind and
 * `previous` the one before, and step over it. O(1) a step.  */
struct score_walk {
    const struct score_set *set;
    struct score_path path;
};

/* Stands before the member at `rank` (count: behind the last). O(log n). */
void score_walk_begin(struct score_walk *walk, const struct score_set *set, uint64_t rank);
bool score_walk_next(struct score_walk *walk, struct score_item *out);
bool score_walk_previous(struct score_walk *walk, struct score_item *out);

/* Removes `count` members from `rank` on (all there). O(count + log n); about 0.2 us each: for not too many. */
void score_set_remove_range(struct score_set *set, uint64_t rank, uint64_t count);

/* The same for many, at once for everybody who looks and in steps for their memory: score_set_cut takes them out of the order,
 * score_set_clean frees them and takes them out of the index, as long as the set is not being walked. In between the set may be
 * used and changed, and every change cleans a little; the members count in `bytes`, but nowhere else.
 *
 * score_set_cut    not all members; nothing may be left of another cut. O(log n) and about two leaves. False: refused, as before.
 * score_set_clean  counts members off *limit, at least a leaf's; true when nothing is left.  */
MUST_USE bool score_set_cut(struct score_set *set, uint64_t rank, uint64_t count);
bool score_set_clean(struct score_set *set, size_t *limit);

/* --- scan: all members, while the set may change between the calls --- */

/* The order is that of the members' hashes, of which a cursor is one: so a member that is there throughout is visited at
 * least once, whatever its score, and whatever is added, removed or moved between the calls. See score_set.c for how members
 * are found from their hashes.
 *
 *   struct score_scan scan;
 *   score_scan_begin(&scan, set, cursor, count);
 *   while (score_scan_step(&scan, limit, visit, arg)) {}    ends a step when about `limit` members were looked at
 *   next = scan.cursor;                                     0: all were visited
 *
 * From begin to the last step the set must not change. The work is in proportion to `count` unless hundreds of members share
 * a score: then a call may look at all members and visits at least 1/128 of them. A cursor has SCORE_CURSOR_BITS bits.  */
enum { SCORE_CURSOR_BITS = 32 };
struct score_scan {
    const struct score_set *set;
    uint64_t cursor;
    uint64_t end;         /* of the hashes that a pass looks for */
    uint64_t wanted;
    bool is_pass;
    struct score_walk walk;
};
typedef void score_visit_fn(const struct score_item *item, void *arg);
void score_scan_begin(struct score_scan *scan, const struct score_set *set, uint64_t cursor, uint64_t count);
MUST_USE bool score_scan_step(struct score_scan *scan, size_t limit, score_visit_fn *visit, void *arg);

/* A copy in `heap`; NULL: refused. O(n). */
struct score_set *score_set_copy(const struct score_set *set, struct heap *heap) MUST_USE;
/* Walks everything: NULL, or the invariant that does not hold. O(n log n). */
const char *score_set_fault(const struct score_set *set);

#endif
