/* snapshot.h - snapshots of the whole server, one at a time: from the wish to save, or to have a copy (snapshot_copy.h), to the file.
 *
 *   IDLE --snapshots_open--> OPENING --snapshots_cut, all batons held--> RUNNING --all shards are written, and the saver is done--> IDLE
 *     ^                         | it could not be opened, or nobody wants it any more                |
 *     '-------------------------'<-------------------------------------------------------------------' (failed)
 *
 * The cut is one place in the order of all commands: no job is half-way through its changes, no statement through its rows. It copies nothing. Then
 * each shard's thread writes its part in steps (shard_save.h) and the saver's thread the file (saver.h). The first thread looks after all of it:
 * save points, what was scheduled, the copies that were asked for, the end.
 *
 * Threads    As each function says. What INFO asks is under the lock.
 * Invariant  N1 outside of RUNNING no shard has anything of a snapshot. N2 `changes` of a shard counts those since the cut of the last snapshot
 *            that succeeded.  */
#ifndef SNAPSHOT_SNAPSHOT_H
#define SNAPSHOT_SNAPSHOT_H

#include "shard/server.h"

struct buffer;
struct copy_wishes;
struct snapshot_copy;
struct snapshots;
struct thread;

/* Libraries of functions, from above (src/cmd/script). */
enum { SNAPSHOT_ERROR_MAX = 256 };
struct snapshot_hooks {
    /* Appends all of them, as a file has them; any thread. False: no memory. */
    bool (*write_functions)(struct server *server, struct buffer *out);
    /* One more, from its code; under all batons. False: `error` has a sentence. */
    bool (*load_function)(struct thread *thread, struct bytes code, char error[SNAPSHOT_ERROR_MAX]);
};

/* NULL: no memory. destroy: while no shard thread runs; what is being saved is given up. The hooks are lent. */
MUST_USE struct snapshots *snapshots_create(struct server *server, const struct snapshot_hooks *hooks);
void snapshots_destroy(struct snapshots *snapshots);
const struct snapshot_hooks *snapshots_hooks(const struct snapshots *snapshots);
struct copy_wishes *snapshots_wishes(struct snapshots *snapshots);

enum snapshot_opened {
    SNAPSHOT_BUSY,    /* there is one already */
    SNAPSHOT_OPENING, /* snapshots_opened says more */
    SNAPSHOT_READY,   /* the caller makes the cut, or snapshots_abandon */
    SNAPSHOT_FAILED,  /* errno in *error */
};
/* Any shard thread, without batons. The caller has to go on to snapshots_cut, or to snapshots_abandon. */
enum snapshot_opened snapshots_open(struct snapshots *snapshots, int *error);
enum snapshot_opened snapshots_opened(struct snapshots *snapshots, int *error);
void snapshots_abandon(struct snapshots *snapshots);

/* All batons are held. Could it be now? */
bool snapshots_may_cut(const struct server *server);
/* The number of this snapshot, for snapshots_outcome; 0: no memory, and it is abandoned. */
uint64_t snapshots_cut(struct thread *thread, struct snapshots *snapshots);

enum snapshot_outcome { SNAPSHOT_GOES_ON, SNAPSHOT_HAS_SUCCEEDED, SNAPSHOT_HAS_FAILED };
/* Of the one with this number; a later one may have begun. Any thread. */
enum snapshot_outcome snapshots_outcome(struct snapshots *snapshots, uint64_t number);

/* As soon as it is possible, one begins. Any thread. */
void snapshots_schedule(struct snapshots *snapshots);
/* The save that is being made, or scheduled, is given up. False: there is none. Any thread. */
bool snapshots_cancel(struct snapshots *snapshots);
/* A copy is made when those before it are, and no save is due; snapshot_copy_state says how far it is. Any thread. */
void snapshots_ask(struct snapshots *snapshots, struct snapshot_copy *copy);
/* Saves and copies are given up, also those that wait. Any thread. */
void snapshots_cancel_all(struct snapshots *snapshots);

/* A background task of each shard thread. In so many microseconds it wants to be called again; 0: at once. */
int64_t snapshots_work(struct thread *thread);

struct snapshot_figures {
    bool is_running, is_scheduled, last_is_good; /* running: a save or a copy; what says `last` is of saves */
    int64_t last_seconds, current_ms;      /* -1: there was none; there is none */
    uint64_t saves;                        /* that succeeded since the start */
    uint64_t keys, written_keys;           /* of the one that runs */
    uint64_t file_bytes, waiting_bytes;    /* the same */
    uint64_t last_bytes;                   /* of the file of the last one */
    uint64_t last_waiting_bytes;           /* the most memory that its chunks took */
};
void snapshots_figures(struct snapshots *snapshots, struct snapshot_figures *out);

#endif
