/* appendonly_state.h - what the files of this room share: the logs, the folder, and what it is that is in it.  */
#ifndef APPENDONLY_APPENDONLY_STATE_H
#define APPENDONLY_APPENDONLY_STATE_H

#include "aof/files.h"
#include "aof/manifest.h"
#include "appendonly/appendonly.h"
#include "appendonly/shard_log.h"

#include <pthread.h>

struct replaying;
struct rewriting;

enum appendonly_state { APPENDONLY_OFF, APPENDONLY_LOADING, APPENDONLY_ON };

struct appendonly {
    struct server *server;
    _Atomic int state;              /* enum appendonly_state; release */
    char path[4096];                /* of the folder */
    int lock_fd;                    /* of the folder: no other server has it; -1: not open */
    struct aof_folder *folder;      /* NULL: not open */
    struct aof_files files;
    struct aof_manifest manifest;   /* as it is on disk; of whoever begins or rewrites */
    struct aof_cut *cut;            /* of the logs that are written; NULL: none */
    uint64_t last_generation;       /* the largest number that was tried */
    uint64_t base_bytes;            /* of all files when the last base was made, or at the start; any thread, relaxed, as the next */
    uint64_t start_bytes;           /* of those that are not written any more: the base, and logs of before */
    struct replaying *replaying;    /* LOADING; NULL: there is no log yet */
    struct rewriting *rewriting;
    _Atomic bool is_named;          /* the manifest has the logs that are written: they count */
    uint64_t seen_errors;           /* of logged.error_changes; thread 0, as the next */
    int64_t error_since_us;         /* monotonic; 0: all logs can be written */
    struct shard_log logs[];        /* one a shard */
};

static inline enum appendonly_state appendonly_state(const struct appendonly *appendonly)
{
    return (enum appendonly_state)atomic_load_explicit(&appendonly->state, memory_order_acquire);
}

/* For who turns the log on: opens `appenddirname`, which nobody else may have open, and reads which generations there are. Nothing if it is open.
 * False: `error` says why. */
MUST_USE bool appendonly_take_folder(struct appendonly *appendonly, char error[APPENDONLY_ERROR_MAX]);
/* errno of the first log that cannot be written; 0: all can. Any thread. */
int appendonly_error(const struct appendonly *appendonly);
/* A log has failed for good, or is behind one that has: only a new base helps. Any thread. */
bool appendonly_has_failed(const struct appendonly *appendonly);
/* Under all batons. */
void appendonly_replace_cut(struct appendonly *appendonly, struct aof_cut *cut);
/* Under all batons: changes are logged from now on. */
void appendonly_turn_on(struct thread *thread, struct appendonly *appendonly);
/* The manifest names the base and the logs. Any thread. */
void appendonly_be_named(struct appendonly *appendonly);
/* The first thread, without batons. */
void appendonly_turn_off(struct thread *thread, struct appendonly *appendonly);

/* "folder/name" */
void appendonly_path(const struct appendonly *appendonly, const char *name, char out[4096 + AOF_NAME_MAX + 2]);
/* Headers of the logs of the next generation, whose number is never given again. False: errno. `out` has room for all shards. */
MUST_USE bool appendonly_draw_headers(struct appendonly *appendonly, struct aof_header *out);

#endif
