/* rdb_write_private.h - a writer's insides, for rdb_write.c and the types that have files of their own.  */
#ifndef PERSIST_RDB_WRITE_PRIVATE_H
#define PERSIST_RDB_WRITE_PRIVATE_H

#include "data/hash_value.h"
#include "data/list.h"
#include "data/set.h"
#include "data/zset.h"
#include "encoding/lzf_steps.h"
#include "encoding/stream_group.h"
#include "persist/blob_write.h"
#include "persist/rdb_string.h"
#include "persist/rdb_value.h"

enum write_kind {
    WRITE_STRING,
    WRITE_LIST,
    WRITE_INTSET,
    WRITE_SET,
    WRITE_HASH_LISTPACK,
    WRITE_HASH,
    WRITE_HASH_TIMED,
    WRITE_ZSET_LISTPACK,
    WRITE_ZSET,
    WRITE_STREAM,
};

/* A list is walked twice: its nodes are counted before they are written. */
struct list_writer {
    struct list_walk walks[2];
    int64_t node_limit;    /* list-max-listpack-size */
    bool is_counting;      /* with the first walk; written is with the second */
    uint64_t nodes;
    size_t node_bytes;     /* of the node in the making, 0: there is none */
    uint64_t node_items;
    struct item item;      /* comes next */
    bool has_item;
};

enum stream_writing { WRITING_NODE, WRITING_GROUP, WRITING_PENDING, WRITING_CONSUMER, WRITING_OWNED };

struct stream_writer {
    const struct stream *stream;
    enum stream_writing state;
    bool is_begun;
    uint32_t group, consumer;  /* the group being written; its next consumer */
    struct id_cursor cursor;   /* the next node or pending entry */
};

/*   NONE   there is none
 *   PACK   the text is packed behind the end of the output, where it will stand
 *   SEND   what was packed becomes output
 *   PLAIN  the text is written as it is  */
enum text_writing { TEXT_NONE, TEXT_BEGIN, TEXT_PACK, TEXT_SEND, TEXT_PLAIN };

/* A long text in the middle of the output: nothing else is written before its end. Short ones are written in one step. */
struct text_writer {
    enum text_writing state;
    struct bytes text;
    struct lzf_packer *packer;
    size_t at;                 /* SEND: bytes to come; PLAIN: bytes written */
};

/* A text counts as so many items as it has bytes of these: 1 us. */
enum { RDB_BYTES_AN_ITEM = 256 };

struct rdb_writer {
    enum write_kind kind;
    const struct entry *entry;   /* values that are written in one step */
    uint64_t count;              /* members, fields */
    struct blob_writer blob;     /* one string in the making */
    struct text_writer text;
    enum rdb_packing packing;
    size_t left;                 /* items of this step */
    const struct timed_table *timed; /* of a hash with times */
    struct item second;          /* of a hash: the text of a field that is written */
    double score;                /* of a member that is written */
    bool has_second;             /* `second` or `score` comes next */
    bool is_begun, is_last;      /* last: nothing comes behind `text` */
    bool is_for_file;            /* without checksum and footer */
    struct bytes name;           /* of the key, for a file, until it is begun */
    uint64_t crc;                /* of the first `summed` bytes of the output */
    size_t summed;
    union {
        struct set_walk set;
        struct hash_walk hash;
        struct zset_walk zset;
        struct list_writer list;
        struct stream_writer stream;
    } walk;
};

/* For each item of a step's loop. False: the step is over, or a long text comes first. */
static inline bool rdb_takes_item(struct rdb_writer *writer)
{
    if (writer->left == 0 || writer->text.state != TEXT_NONE) {
        return false;
    }
    writer->left--;
    return true;
}

static inline enum rdb_status rdb_status_of(bool is_written, enum rdb_status next)
{
    return is_written ? next : RDB_NO_MEMORY;
}

void rdb_list_begin(struct rdb_writer *writer, const struct entry *entry, const struct encoding_limits *limits);
enum rdb_status rdb_list_step(struct rdb_writer *writer, struct buffer *out);
void rdb_list_end(struct rdb_writer *writer);

/* Writes a text, or begins with it if it is long: then the step function ends with RDB_MORE, or with RDB_DONE if nothing comes behind it. The
 * text is lent until it is written. False: no memory.  */
MUST_USE bool rdb_put_text(struct rdb_writer *writer, struct buffer *out, struct bytes text);
MUST_USE bool rdb_put_item(struct rdb_writer *writer, struct buffer *out, const struct item *item);
/* For a text of RDB_LONG_TEXT_MIN bytes or more. */
void rdb_text_begin(struct rdb_writer *writer, struct bytes text);
enum rdb_status rdb_text_step(struct rdb_writer *writer, struct buffer *out, size_t items);
void rdb_text_end(struct rdb_writer *writer);

void rdb_stream_begin(struct rdb_writer *writer, const struct entry *entry, const struct encoding_limits *limits);
enum rdb_status rdb_stream_step(struct rdb_writer *writer, struct buffer *out);

#endif
