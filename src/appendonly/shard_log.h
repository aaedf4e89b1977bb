/* shard_log.h - one shard's log: its writer (aof/writer.h) and the requests to the disk.
 *
 * Whoever has appended to a log, or has a request of it in its ring, looks at it at the end of its turn, under the shard's baton: what has ended is
 * told to the writer, and what is to be done next is requested from that thread's own ring. So no thread is woken for another's writes, and there is
 * always somebody who looks again: L2.
 *
 *     a file's write:  none -> under way -> back (any thread may take it in) -> none           the same for its sync and its zeros
 *
 * Threads    All under the baton of the shard but `on_event`, which is its ring's thread's.
 * Memory     Writers: MEM_LOG_BUFFER; files: MEM_SERVER.
 * Invariant  L2 while records are not written, a write is under way, or the log stands in some thread's `due`, or it is FULL or FAILED.  */
#ifndef APPENDONLY_SHARD_LOG_H
#define APPENDONLY_SHARD_LOG_H

#include "aof/cut.h"
#include "aof/writer.h"
#include "appendonly/direct_write.h"
#include "net/ring.h"
#include "shard/server.h"

/* Requests of a file: kinds in the ring, and bits. */
enum log_request { LOG_WRITE, LOG_SYNC, LOG_ZERO, LOG_REQUESTS };

struct log_file {
    struct ring_owner owner;
    struct shard_log *log;
    struct log_file *next;                 /* of those that are retired */
    bool is_retired;
    struct aof_writer writer;
    int fd, direct_fd;                     /* direct_fd: O_DIRECT; -1: the file system has none, so nothing is prepared either */
    struct direct_write direct;
    bool is_direct;                        /* the write under way is: when it has ended all of it is on disk */
    bool is_direct_refused;                /* by the file system, whatever it said when it opened the file */
    bool is_direct_put_off;                /* until a frame has been written the other way */
    bool is_under_way[LOG_REQUESTS];       /* under the baton */
    int64_t asked[LOG_REQUESTS];           /* bytes; under the baton */
    bool is_sync_taken;                    /* the sync under way is the writer's; a linked one becomes it when its write is back */
    int64_t sync_began_us;                 /* monotonic: of the last one */
    const char *events[LOG_REQUESTS];      /* of LATENCY, for requests under way that are measured; NULL: it is not */
    int64_t began_us[LOG_REQUESTS];        /* monotonic: when one that is measured was made; both are its ring's thread's */
    int32_t results[LOG_REQUESTS];         /* written by the ring's thread before the bit in `back` */
    _Atomic uint32_t back;                 /* 1 << enum log_request: its result is there; release */
};

struct shard_log {
    struct server *server;
    struct aof_cut *cut;                   /* of all */
    uint32_t shard;
    struct log_file *file;                 /* NULL: the log is off */
    struct log_file *previous;             /* its frames come first; NULL: none */
    struct log_file *retired;              /* not needed any more, but for requests that are under way */
    bool is_unnamed;                       /* no manifest names the file yet: nothing in it counts */
    int unnamed_error;                     /* errno: why the log begins anew; it goes on to be refused until it is named. 0: it was off */
    bool is_behind;                        /* more is to be written than may be: counted in logged.behind */
    int full_error;                        /* errno: a writer was FULL, and the frame is not written yet; 0: no */
    int64_t retried_us;                    /* monotonic: when it was tried last */
    int64_t looked_us;                     /* monotonic: when the file was last known to have a name */
    /* read by any thread, relaxed; written under the baton */
    uint64_t written_bytes, pending_bytes, frames, syncs, delayed_syncs;
    int error;                             /* errno, while the log cannot be written */
    bool has_previous, has_failed, is_syncing;
};

/* Opens the file `path`, which has its header. `last`: aof_writer_open. NULL: errno. */
MUST_USE struct log_file *log_file_open(struct shard_log *log, const char *path, const struct aof_header *header, uint64_t last);
/* The same without a writer yet: for shard_log_go_over. */
MUST_USE struct log_file *log_file_prepare(struct shard_log *log, const char *path);
void log_file_close(struct log_file *file);

/* Under the baton: tells the writers what has ended, and requests what is to be done, from the thread's ring. */
void shard_log_advance(struct thread *thread, struct shard_log *log);
/* Frames are closed by shard_logs_flush only: what survives a crash is of one moment, also where a client has sent a command to another shard before
 * it had the answer to the one before, or did not wait for the disk; and of one in which no command of many steps is half-way. */
enum shard_logs_flushed {
    LOGS_FLUSHED,
    LOGS_BUSY,     /* a frame is being written still; whoever is told that it has been tries again */
    LOGS_HALF_DONE, /* a command is half-way: try again later, nobody is told */
};
/* Under all batons: the frames of `count` logs that have records are closed at this moment. `has_waited`: also when a command is half-way. */
MUST_USE enum shard_logs_flushed shard_logs_flush(struct thread *thread, struct shard_log *logs, uint32_t count, bool has_waited);
/* Under all batons, before no more records come to these frames: they belong together, if frames do. */
void shard_logs_bind(struct shard_log *logs, uint32_t count);
/* The same as shard_log_advance each IDLE_US: also syncs whose time has come, marks before a pause, tries when the disk was full. */
void shard_log_tend(struct thread *thread, struct shard_log *log);
/* Under all batons: from here on records go to `file` (log_file_prepare). `cut` NULL: it follows the log's file, whose frames come first; else the
 * log begins anew with that cut, which nothing is told of before shard_log_settle.  */
void shard_log_go_over(struct shard_log *log, struct log_file *file, const struct aof_header *header, struct aof_cut *cut);
/* Under the baton: a base has all frames up to `sequence`, and the manifest names it and the file. */
void shard_log_settle(struct thread *thread, struct shard_log *log, uint64_t sequence);
/* Under the baton: no records come any more; what is not written is dropped. */
void shard_log_turn_off(struct thread *thread, struct shard_log *log);
/* Under the baton: all that was appended is in the file, and no request is under way. */
bool shard_log_is_written(struct shard_log *log);
/* errno, or 0: the log can be written. Under the baton. */
int shard_log_error(const struct shard_log *log);
/* Under the baton; the log is on: all that was appended is on disk. */
bool shard_log_is_synced(const struct shard_log *log);
/* Without threads: what is left is written and synced, by plain calls. */
void shard_log_end(struct shard_log *log);
/* The cut has moved for `count` shards, whose numbers are in `moved`: tells who waits. */
void shard_log_publish(struct thread *thread, struct server *server, struct aof_cut *cut, const uint32_t *moved, uint32_t count);

#endif
