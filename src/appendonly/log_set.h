/* log_set.h - all logs together: the folder, what is in it, and whether they count.
 *
 * Threads    As each function says.  */
#ifndef APPENDONLY_LOG_SET_H
#define APPENDONLY_LOG_SET_H

#include "aof/files.h"
#include "aof/manifest.h"
#include "appendonly/shard_log.h"

#include <pthread.h>

struct key_lock;
struct reloading;
struct replaying;
struct rewriting;

enum { APPENDONLY_ERROR_MAX = 1024, APPENDONLY_NAME_MAX = AOF_PREFIX_MAX + AOF_NAME_MAX, APPENDONLY_PATH_BYTES = 4096 + APPENDONLY_NAME_MAX + 2 };

enum appendonly_opened {
    APPENDONLY_NONE,    /* there is no log yet: the last snapshot is loaded, if there is one, and the log begins with that */
    APPENDONLY_FOUND,   /* server is loading; `base` has the file that comes first, or "" */
    APPENDONLY_REFUSED, /* `error` says why, in sentences for people */
};

enum appendonly_state { APPENDONLY_OFF, APPENDONLY_LOADING, APPENDONLY_ON };

struct appendonly {
    struct server *server;
    const struct effect_listener *listener; /* whom effects are told while the logs are on */
    _Atomic int state;              /* enum appendonly_state; release */
    char path[4096];                /* of the folder */
    pthread_mutex_t folder_lock;    /* while it is opened: by whoever turns the log on, or a rewrite */
    char prefix[AOF_PREFIX_MAX + 1]; /* of the names of files in it: of appendfilename; "" with its default */
    int lock_fd;                    /* of the folder: no other server has it; -1: not open */
    struct aof_folder *folder;      /* NULL: not open */
    struct aof_files files;
    struct aof_manifest manifest;   /* as it is on disk; of whoever begins or rewrites */
    struct aof_cut *cut;            /* of the logs that are written; NULL: none */
    uint64_t last_generation;       /* the largest number that was tried */
    uint64_t base_bytes;            /* of all files when the last base was made, or at the start; any thread, relaxed, as the next */
    uint64_t start_bytes;           /* of those that are not written any more: the base, and logs of before */
    struct replaying *replaying;    /* LOADING, the last one otherwise; NULL: there was none. Any thread may look for figures: acquire */
    struct rewriting *rewriting;
    struct reloading *reloading;    /* NULL: none; written under all batons */
    struct key_lock *reload_locks;  /* one a shard, under its baton; NULL: none */
    bool did_acknowledge;           /* server_acknowledges_log as it was when it was told last; thread 0 */
    bool has_told_preamble;         /* aof-use-rdb-preamble no was told of; thread 0 */
    uint64_t seen_errors;           /* of logged.error_changes; thread 0, as the next */
    int64_t error_since_us;         /* monotonic; 0: all logs can be written; written by thread 0, read relaxed by any, as the next */
    int64_t held_back_us;           /* for so long writes have waited for the disk since the start */
    int64_t held_back_at_us;        /* monotonic, of the last look that found them so; 0: none */
    int64_t looked_us;              /* monotonic, of the last look; thread 0 */
    struct shard_log logs[];        /* one a shard */
};

static inline enum appendonly_state appendonly_state(const struct appendonly *appendonly)
{
    return (enum appendonly_state)atomic_load_explicit(&appendonly->state, memory_order_acquire);
}

/* For who turns the log on: opens `appenddirname`, which nobody else may have open, and reads which generations there are. Nothing if it is open.
 * Any thread.
 * False: `error` says why. */
MUST_USE bool appendonly_take_folder(struct appendonly *appendonly, char error[APPENDONLY_ERROR_MAX]);
/* The same for a rewrite: if somebody has deleted the folder, it is made again. */
MUST_USE bool appendonly_retake_folder(struct appendonly *appendonly, char error[APPENDONLY_ERROR_MAX]);
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

/* Under the baton of the shard, which is given back before it is put back: the lock of reloading.h is none for the moment, for the records that
 * are repeated. Nothing if there is none. */
void appendonly_lift(struct appendonly *appendonly, uint32_t shard, bool is_lifted);

/* Writes "the log's directory PATH: WHY"; false. */
bool appendonly_refuse(char error[APPENDONLY_ERROR_MAX], const char *path, const char *why);
/* Opens `appenddirname`, which nobody else may have open. False: `error` says why. */
MUST_USE bool appendonly_open_folder(struct appendonly *appendonly, char error[APPENDONLY_ERROR_MAX]);
/* Nothing if it is not open. */
void appendonly_close_folder(struct appendonly *appendonly);
/* False: what is in the folder is not ours to replace; `error` says why. */
MUST_USE bool appendonly_check_folder(const struct appendonly *appendonly, char error[APPENDONLY_ERROR_MAX]);
/* Numbers of these generations are not given again. */
void appendonly_note_generations(struct appendonly *appendonly, const struct aof_manifest *manifest);
/* Of the base and all logs. Any thread. */
uint64_t appendonly_bytes_now(const struct appendonly *appendonly);
/* The first thread, every IDLE_US: whoever waits looks again when replies need not wait any more. */
void appendonly_tell_acknowledges(struct appendonly *appendonly);

/* As the file is called in the folder: behind the prefix. */
void appendonly_file_name(const struct appendonly *appendonly, const char *name, char out[APPENDONLY_NAME_MAX + 1]);
/* "folder/prefix name", without the blank. */
void appendonly_path(const struct appendonly *appendonly, const char *name, char out[APPENDONLY_PATH_BYTES]);
/* Headers of the logs of the next generation, whose number is never given again. False: errno. `out` has room for all shards. */
MUST_USE bool appendonly_draw_headers(struct appendonly *appendonly, struct aof_header *out);

#endif
