/* save_state.h - what a shard's part in a snapshot knows, for the files that make it: shard_save.c (keys), save_values.c (big values), save_rows.c
 * (tables), save_output.c (chunks).  */
#ifndef SNAPSHOT_SAVE_STATE_H
#define SNAPSHOT_SAVE_STATE_H

#include "data/key_groups.h"
#include "encoding/collection.h"
#include "exec/pin.h"
#include "shard/server.h"
#include "snapshot/save_limits.h"
#include "snapshot/saver.h"

struct rdb_writer;

enum { SAVE_NO_DB = -1 };

/* One database as it was at the cut; its keyspace is the one with this owner_tag, until it is emptied. */
struct saved_database {
    struct key_groups groups;
    uint64_t group_count, next;  /* 0 groups: it was empty */
    uint64_t *written;           /* a bit a group; NULL: 0 groups */
    bool is_emptied;             /* the keyspace has other keys than it had; those that are to be written are in `remains` */
    const struct keyspace *remains; /* NULL: all of them are */
};

/* A big value that is being written, or waits for its turn. */
struct saved_value {
    struct saved_value *next;
    struct pin pin;              /* none: the value is in a keyspace's remains */
    uint32_t db;
    struct rdb_writer *writer;
    struct buffer out;
};

/* A table's slice in this shard. */
struct saved_slice {
    const struct table_slice *slice; /* sorted by this */
    uint32_t number;             /* in saved_tables */
    uint32_t page_count, next;   /* ids at the cut; the next one to be looked at */
    uint32_t last_page, last_used; /* rows behind these were added later */
    uint64_t *pending;           /* a bit a page that is to be written; NULL: none */
    uint64_t words;
    bool is_over;                /* nothing is left, and the slice may be gone */
};

struct shard_save {
    struct shard *shard;
    struct saver *saver;
    struct encoding_limits limits;
    bool has_idle, has_frequency;
    uint32_t idle_now;           /* seconds, of the access clock */
    bool has_failed;
    struct buffer out;
    int64_t out_db;              /* the database that `out` has selected; SAVE_NO_DB */
    struct saved_value *first_value, *last_value;
    const struct saved_tables *tables;
    struct saved_slice *slices;
    uint32_t slice_count, slice_at;
    uint32_t database_at;
    uint64_t keys, written_keys; /* read relaxed */
    uint32_t database_count;
    struct saved_database databases[];
};

static inline bool save_bit(const uint64_t *bits, uint64_t at)
{
    return (bits[at / 64] >> (at % 64) & 1) != 0;
}

#endif
