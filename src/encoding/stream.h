/* stream.h - a stream: entries by ascending ids, in nodes of many entries, and the consumer groups that read it.
 *
 * Threads    Under the baton of the shard whose heap it is in.
 * Memory     All blocks are counted in collection.bytes. What walks hand out is lent until the stream changes.
 * Invariant  S1 the nodes are in order, each under the id of its first entry (deleted or not), and live entries ascend over
 *            them; S2 length is the sum of the nodes' live entries; S3 no live entry is above last_id; S4 groups ascend by
 *            name, and each holds G1 of stream_group.h.
 * Read on    stream_node.h (a node), id_tree.h (what keeps them), stream_group.h.  */
#ifndef ENCODING_STREAM_H
#define ENCODING_STREAM_H

#include "encoding/id_tree.h"
#include "encoding/stream_node.h"

struct stream_group;

struct stream {
    struct collection collection;
    struct id_tree nodes;               /* values: struct stream_node */
    uint64_t length;                    /* live entries */
    struct stream_id last_id;           /* the highest there ever was; XSETID sets it */
    struct stream_id first_id;          /* of the first live entry as Redis keeps it; 0-0: none */
    struct stream_id max_deleted_id;    /* the highest that XDEL took out */
    uint64_t entries_added;             /* ever, or what XSETID said */
    bool has_strays;                    /* deleted entries may be above live ones behind them: XSETID took last_id back */
    struct stream_group **groups;       /* ascending by name */
    uint32_t group_count, group_capacity;
};

/* NULL: no memory. */
struct stream *stream_create(struct heap *heap);
/* The same, for streams that are made from another, whose collection.type is handed down: copies, and remains to be freed. */
struct stream *stream_create_typed(struct heap *heap, const struct collection_type *type);

static inline struct stream *stream_of_collection(struct collection *collection)
{
    return (struct stream *)collection;
}

/* --- entries --- */

/* Adds an entry behind all others. `id` is above last_id. A new node is begun when the last one is full by
 * limits->stream_node_max_bytes or -entries. RESULT_TOO_LONG: the words are over STREAM_NODE_BYTES_MAX together. On anything but
 * RESULT_OK all is as before. Cost: O(words), and O(log nodes) for a new node.  */
MUST_USE enum result stream_append(struct stream *stream, struct stream_id id, struct stream_words words,
                                   const struct encoding_limits *limits);

/* What XTRIM and XADD shall cut off at the front. */
struct stream_trim {
    bool by_id;                 /* what is below min_id; otherwise what is over max_length */
    bool is_approximate;        /* whole nodes only */
    struct stream_id min_id;
    uint64_t max_length;
    uint64_t limit;             /* entries; a node that would pass it stays; 0: none */
};
/* Trims and returns how many entries went. When many nodes did they are given in *remains (otherwise NULL), for the caller to
 * free, lazily or at once; its bytes are not the stream's any more. Cost: O(nodes cut off), some ns each, and O(one node).  */
uint64_t stream_trim(struct stream *stream, const struct stream_trim *trim, struct stream **remains);

/* For a trim that looks at each entry: the node with the first entry, live or not, that is not below `from` goes as a whole by an approximate trim
 * that has taken `gone` entries so far. *last: its last entry's id. False: it stays, or there is none. O(log nodes).  */
bool stream_trim_node(const struct stream *stream, const struct stream_trim *trim, struct stream_id from, uint64_t gone,
                      struct stream_id *last);

/* Deletes an entry, and notes it for max_deleted_id and first_id. RESULT_NOT_FOUND: there is none. RESULT_NO_MEMORY: as before.
 * Cost: O(log nodes + one node).  */
MUST_USE enum result stream_delete(struct stream *stream, struct stream_id id);

/* XSETID: `id` is not below any live entry. The ids of deleted entries above it may come again. */
void stream_set_last_id(struct stream *stream, struct stream_id id);

/* The first or last live entry's id; false: there is none. */
bool stream_edge_id(const struct stream *stream, bool is_last, struct stream_id *out);
/* Is there a live entry with this id? */
bool stream_has(const struct stream *stream, struct stream_id id);
/* Live entries from `first` to `last`, both included. O(nodes in between). */
uint64_t stream_count(const struct stream *stream, struct stream_id first, struct stream_id last);
/* How many nodes Redis's radix tree would have for these keys: what XINFO STREAM reports. O(nodes), a few ns each. */
uint64_t stream_radix_nodes(const struct stream *stream);

/* A walk over the live entries of a range, both ends included. Good while the stream does not change. */
struct stream_walk {
    const struct stream *stream;
    struct stream_id first, last;
    struct id_cursor node;
    struct stream_node_walk entries;
    bool is_reverse;
};
/* Are the first `count` entries of such a walk (UINT64_MAX: all) few and small enough to be read in one step? O(1). */
enum { STREAM_SHORT_ENTRIES = 500, STREAM_SHORT_BYTES = 1 << 18 };
bool stream_walk_is_short(const struct stream_walk *walk, uint64_t count);
void stream_walk_begin(struct stream_walk *walk, const struct stream *stream, struct stream_id first, struct stream_id last,
                       bool is_reverse);
/* The next entry; false at the end. A step costs more than an entry only over deleted ones. */
bool stream_walk_next(struct stream_walk *walk, struct stream_entry *out);

/* --- counters, as Redis reckons them --- */

enum { STREAM_READ_UNKNOWN = -1 };
/* How many entries were added up to `id`; STREAM_READ_UNKNOWN when deletions hide it. */
int64_t stream_entries_read_at(const struct stream *stream, struct stream_id id);
/* Was an entry behind `id` deleted, as far as max_deleted_id tells? */
bool stream_has_tombstones_behind(const struct stream *stream, struct stream_id id);

/* --- for those that write and read dumps --- */

/* The node at `cursor` of stream->nodes: its first id, and the listpack. */
static inline struct bytes stream_listpack(const struct stream *stream, struct id_cursor cursor)
{
    const struct stream_node *node = id_cursor_value(&stream->nodes, cursor);
    return (struct bytes){node->data, stream_node_len(node)};
}
/* Adds a node that comes from outside behind all others: checked, copied, its live entries added to length. RESULT_SYNTAX: it is
 * malformed, empty, or not behind the last one. last_id and the counters are the caller's to set, S3 to be kept.  */
MUST_USE enum result stream_add_listpack(struct stream *stream, struct stream_id base, struct bytes listpack);

#endif
