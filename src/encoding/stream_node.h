/* stream_node.h - a run of a stream's entries in one block: a listpack, laid out as Redis lays it out.
 *
 *   | bytes (4) | elements (2) | master | entry | entry ... | FF |
 *
 *   master:   live  deleted  fields  field-1 ... field-n  0
 *   entry:    flags  ms  seq  value-1 ... value-n  length                       when it has the master's fields (SAME_FIELDS)
 *             flags  ms  seq  n  field-1  value-1 ... field-n  value-n  length
 *
 * Each word is an item as in packed.h, followed by its length, to be read backwards (7 bits a byte, all but the first with the
 * high bit set). ms and seq are relative to the id under which the stream keeps the node; the length of an entry is the number of
 * its elements before it. Deleted entries stay, marked in their flags.
 *
 * Threads    Under the baton of the shard whose heap it is in.
 * Memory     The block is counted in the collection's bytes. What walks hand out is lent until the node changes.
 * Limits     STREAM_NODE_BYTES_MAX bytes of text in an entry, and in a node that gets another entry.
 * Read on    the stream and listpack layouts in the Redis sources (t_stream.c, listpack.c).  */
#ifndef ENCODING_STREAM_NODE_H
#define ENCODING_STREAM_NODE_H

#include "base/attributes.h"
#include "base/bytes.h"
#include "base/result.h"
#include "encoding/collection.h"
#include "encoding/item.h"
#include "encoding/packed.h"
#include "encoding/stream_id.h"

enum {
    STREAM_NODE_BYTES_MAX = 1 << 30,
    STREAM_NODE_HEADER_BYTES = 6,
    STREAM_NODE_END = 0xff,
    STREAM_NODE_ELEMENTS_MAX = 65535, /* in the header: so many or more */
};

enum stream_entry_flag { STREAM_ENTRY_DELETED = 1, STREAM_ENTRY_SAME_FIELDS = 2 };

/* What a stream's tree keeps of a node. */
struct stream_node {
    char *data;
    uint32_t capacity; /* bytes of the block */
    uint32_t live;     /* entries that are not deleted: the first number of the master */
};

/* What XADD adds: field, value, field, value ... */
struct stream_words {
    const struct bytes *words;
    uint32_t pair_count;
};

static inline uint32_t stream_node_len(const struct stream_node *node)
{
    uint32_t len;
    memcpy(&len, node->data, sizeof len);
    debug_assert(len <= node->capacity);
    return len;
}

/* --- reading --- */

struct stream_entry {
    struct stream_id id;
    uint64_t pair_count;
    const char *at;      /* where the next field or value is */
    const char *fields;  /* where the next of the master's fields is; NULL: the entry has its own */
    const char *start;   /* the flags */
    bool is_deleted;
};

/* The next pair; at most pair_count times. */
void stream_entry_next_pair(struct stream_entry *entry, struct item *field, struct item *value);

struct stream_node_walk {
    struct stream_id base;
    uint64_t field_count;  /* of the master */
    const char *fields;
    const char *entries;   /* the first of them */
    const char *end;       /* the FF */
    const char *at;        /* between two entries */
};

/* Begins before the first entry. `base`: the id that the stream keeps the node under. */
void stream_node_walk_begin(struct stream_node_walk *walk, const struct stream_node *node, struct stream_id base);
static inline void stream_node_walk_to_end(struct stream_node_walk *walk)
{
    walk->at = walk->end;
}
/* The next entry, or the one before; deleted ones as well. False: there is none. */
bool stream_node_walk_next(struct stream_node_walk *walk, struct stream_entry *out);
bool stream_node_walk_previous(struct stream_node_walk *walk, struct stream_entry *out);
/* The id of the last entry, deleted or not; false: there is none. */
bool stream_node_last_id(const struct stream_node *node, struct stream_id base, struct stream_id *out);
/* The second number of the master. */
uint64_t stream_node_deleted_count(const struct stream_node *node);

/* --- changing; RESULT_NO_MEMORY: as before --- */

/* Makes a node with its first entry, which has the id that the node is kept under. */
MUST_USE enum result stream_node_create(struct stream_node *out, struct collection *owner, struct stream_words words);
/* Adds an entry with an id above all others. */
MUST_USE enum result stream_node_append(struct stream_node *node, struct collection *owner, struct stream_id relative,
                                        struct stream_words words);
/* Makes the block as small as it may be; when memory is refused it stays. */
void stream_node_shrink(struct stream_node *node, struct collection *owner);
/* Room for what stream_node_count_deleted needs for `count`: walks must begin anew. */
MUST_USE enum result stream_node_reserve(struct stream_node *node, struct collection *owner, uint32_t count);
/* Marks an entry that a walk handed out. The numbers of the master follow by stream_node_count_deleted. */
void stream_node_mark_deleted(struct stream_node *node, const struct stream_entry *entry);
/* Tells the master that `count` more entries are deleted. After stream_node_reserve. */
void stream_node_count_deleted(struct stream_node *node, uint32_t count);
/* A copy of somebody else's node that stream_node_check found right. */
MUST_USE enum result stream_node_copy(struct stream_node *out, struct collection *owner, struct bytes listpack, uint32_t live);
void stream_node_free(struct stream_node *node, struct collection *owner);

/* --- bytes from outside --- */

struct stream_node_facts {
    uint32_t live, deleted;
    struct stream_id first_id;     /* deleted or not; of no meaning when there is no entry */
    struct stream_id last_live_id; /* of no meaning when none is live */
};

/* True when `listpack` is a node whose every byte is in its place, with no id below `base` and live ones that ascend. Deleted
 * ones may stand among higher ones, when XSETID took a stream's last id back. O(bytes).  */
MUST_USE bool stream_node_check(struct bytes listpack, struct stream_id base, struct stream_node_facts *out);

#endif
