/* load_state.h - what loading knows, for the files that do it: loading.c (phases), load_keys.c (a thread's share of the items), load_tables.c.  */
#ifndef SNAPSHOT_LOAD_STATE_H
#define SNAPSHOT_LOAD_STATE_H

#include "persist/rdb_file.h"
#include "snapshot/chunk_index.h"
#include "shard/server.h"

#include <stdatomic.h>

struct rdb_reader;

enum loading_phase { LOADING_CHECKSUM, LOADING_HEAD, LOADING_KEYS, LOADING_FUNCTIONS, LOADING_OVER };

#define SHARE_NO_DB UINT32_MAX

/* What one thread reads: a range of the file after the other. */
struct share {
    struct rdb_scan scan;
    bool has_scan;
    uint64_t next_chunk;       /* in the index, where the file has one; else 0: the whole file, 1: it has begun */
    uint32_t db;               /* SHARE_NO_DB: none is selected yet */
    uint64_t rows_fields;      /* seen so far: who takes the next */
    struct rdb_reader *reader;
    int left;                  /* 1 + the last phase of which the thread's part is over; 0: none is */
    int64_t resume_us;         /* key-load-delay: not before */
    uint64_t sum_from, sum_at, sum_to, crc;
    /* written by the thread, read relaxed by any */
    uint64_t keys, expired, empty, rows, module_items, bytes;
};

/* A table of the file, by its number there. */
struct loaded_table {
    struct table *table;
    uint64_t last_id;
};

enum { LOADING_NAME_MAX = 4095 };

struct loading {
    struct server *server;
    struct loading *previous;       /* of an earlier DEBUG RELOAD: whoever asks for figures may still look at it */
    char name[LOADING_NAME_MAX + 1]; /* of the file */
    struct bytes file;              /* mapped */
    uint64_t total_bytes;           /* its length; stays */
    _Atomic int phase;              /* enum loading_phase; release by who ends a phase */
    _Atomic uint32_t threads_left;  /* in this phase */
    bool is_by_chunk;               /* the index is good for these shards, and begins where the head ends */
    uint64_t head_end;              /* what stands before keys stands before this */
    struct found_chunks chunks;
    int64_t started_ms, now_ms;
    bool skips_modules;
    bool is_followed;               /* what has changed since comes behind it: a key whose time is over by now may be given more there */
    bool keeps_existing;            /* keys that are there stay; else the file is damaged, since it has them twice */
    struct loaded_table *tables;
    uint32_t table_count, table_capacity;
    struct bytes *functions;        /* codes, copied */
    uint32_t function_count, function_capacity;
    struct share shares[];
};

static inline void figure_add(uint64_t *figure, uint64_t count)
{
    __atomic_store_n(figure, *figure + count, __ATOMIC_RELAXED);
}

/* The table of the shard's keys becomes as large as it will have to be, as far as the file can have so many. Under the shard's baton. */
void load_expect(const struct loading *loading, struct shard *shard, uint32_t db, uint64_t keys);
/* Ends the process: the log says why, and where in which file. */
_Noreturn void loading_fail(const struct loading *loading, uint64_t at, const char *sentence);

#endif
