/* appendonly.h - the log of changes while the server runs: from its start to its end, and what others ask of it.
 *
 *   OFF --appendonly_open: the folder is read--> LOADING --all of it is repeated: replaying.h--> ON
 *    '---- CONFIG SET appendonly yes ---------------> ON, when the first base is there: rewriting.h
 *
 * Each shard has a log (shard_log.h); together they have one consistent cut (aof/cut.h), which says what is committed. Changes come from the effects
 * (listener.h). Threads look at the logs at the end of their turns (appendonly_turn), and every IDLE_US (appendonly_work).
 *
 * Threads    As each function says.
 * Format     docs/design/log.md.  */
#ifndef APPENDONLY_APPENDONLY_H
#define APPENDONLY_APPENDONLY_H

#include "appendonly/log_set.h"
#include "shard/server.h"
#include "snapshot/loading.h"

#include <stdint.h>

struct thread;

enum { APPENDONLY_IDLE = -1 };

/* NULL: no memory. The main thread, before appendonly_open. */
MUST_USE struct appendonly *appendonly_create(struct server *server);
/* After appendonly_end. NULL is allowed. */
void appendonly_destroy(struct appendonly *appendonly);

/* The main thread, before the shard threads run; with `appendonly yes`. */
enum appendonly_opened appendonly_open(struct appendonly *appendonly, char base[APPENDONLY_PATH_BYTES], char error[APPENDONLY_ERROR_MAX]);

/* The end of a thread's turn: what it has appended is written, and what has ended is taken in. In so many microseconds it wants to be called again;
 * APPENDONLY_IDLE: not for the log's sake.  */
int64_t appendonly_turn(struct thread *thread);
/* A background task of each shard thread: replays at the start; then syncs, marks and retries of its own shard's log. */
int64_t appendonly_work(struct thread *thread);
/* The main thread, when no shard thread runs any more: all that was appended is on disk, unless the disk refuses. */
void appendonly_end(struct appendonly *appendonly);

/* Under all batons: changes are not logged until the next call, with `is_heard` true; whoever makes them sees to a new base afterwards. */
void appendonly_hear(struct appendonly *appendonly, bool is_heard);
/* A new base is begun; the log is on. False: one is being made. Any thread, without batons or with them. */
MUST_USE bool appendonly_rewrite(struct appendonly *appendonly);
/* The same when no snapshot is being saved any more. Any thread. */
void appendonly_schedule_rewrite(struct appendonly *appendonly);

struct appendonly_figures {
    bool is_on, is_rewriting, last_rewrite_is_good, last_write_is_good;
    bool is_rewrite_scheduled; /* appendonly_schedule_rewrite */
    bool is_copying;           /* the snapshot that is being written is the next base */
    int error;                 /* errno of the last failure, while it lasts */
    int64_t last_rewrite_seconds, current_rewrite_seconds; /* -1: none */
    uint64_t base_bytes;       /* of the files when the last rewrite, or the start, was done */
    uint64_t bytes;            /* of base and logs now */
    uint64_t pending_bytes;    /* not written yet */
    uint64_t rewrites;         /* that succeeded since the start */
    uint64_t rewrite_failures; /* since one has succeeded */
    uint64_t delayed_syncs;    /* that took longer than two seconds */
    uint64_t frames, syncs;    /* since the start */
    uint64_t syncs_under_way;
    int64_t error_seconds;     /* for so long a log could not be written; 0 without an error */
    bool is_held_back;         /* writes wait: more is to be written than may be */
    int64_t held_back_ms;      /* since the start: for so long they have waited, by looks each 100 ms, */
    int64_t held_back_ago_s;   /* and so many seconds ago for the last time; -1: never */
};
/* Any thread. */
void appendonly_figures(const struct server *server, struct appendonly_figures *out);

/* loading_figures, to which the logs are added that are repeated behind the file: at the start, or by DEBUG LOADAOF. Any thread. */
void appendonly_loading_figures(const struct server *server, struct loading_figures *out);

#endif
