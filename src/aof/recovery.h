/* recovery.h - pass 1 over the logs: where each one ends, and the consistent cut. run.h makes it final.
 *
 * Logs that are sealed are not looked at: pass 2 (replay.h) reads them up to their seals. Of the last run's logs each is read to
 * its valid end, generation by generation. What its frames say of units goes into a cut (cut.h) that begins at the largest
 * `committed` that was seen.
 *
 * A torn tail (reader.h) is cut with a warning, or refused if the options say so. Refused as damage: a frame that is invalid and
 * that a later one of its log, or a committed unit of another log, knows to have been on disk; a file that the manifest names
 * and that is not there, or is another one.
 *
 * Threads    One at a time.
 * Memory     16 bytes for each frame behind the last `committed`, and the units in these; class MEM_SNAPSHOT.
 * Invariant  What was committed when it was acknowledged is within the cut, if the disk has kept what it said it had.  */
#ifndef AOF_RECOVERY_H
#define AOF_RECOVERY_H

#include "aof/files.h"

/* What pass 1 has found of a log of the last run. */
struct aof_log_end {
    uint64_t last;          /* valid frame; the sequence before the first one's: none */
    uint64_t last_offset;   /* the end of it */
    uint64_t cut;           /* the last frame that counts */
    uint64_t cut_offset;    /* the end of it */
    uint64_t synced_offset; /* up to there later frames know it to be on disk */
    uint64_t frames_cut, records_cut; /* valid frames behind the cut, and what is in them */
    uint64_t torn_bytes;    /* behind last_offset; 0: the log ends as it should */
};

struct aof_recovery {
    struct aof_manifest manifest; /* as it was read */
    uint32_t run;                 /* its first generation that is not sealed, or of the last run (until_ms, salvages);
                                   * generation_count: all are sealed */
    struct aof_log_end **ends;    /* [generation - run][shard] */
    uint64_t units_cut;           /* incomplete ones, and whole ones that come behind them */
    uint64_t frames_cut, records_cut, torn_bytes;
    uint32_t torn_count;          /* logs with a torn tail */
    bool is_past;                 /* options.until_ms: some log has frames that are later, or is itself */
    /* Of the first thing that was refused: */
    char file[AOF_NAME_MAX + 1];
    uint64_t offset;
    const char *fault;
    int error;                    /* errno of AOF_RECOVERY_SYSTEM */
    int64_t before_ms;            /* the latest wall clock of the whole frames before it, of its shard in that run; INT64_MIN: none */
};

struct aof_recovery_options {
    bool refuses_torn; /* aof-load-truncated no */
    bool goes_on;      /* at damage: for the tool that shows it all. The log ends there, and the recovery is refused in the end */
    bool salvages;     /* at damage: for the tool that repairs. The last run is read, though it may be sealed, up to its seals; a damaged
                        * log ends there; what frames say of others that were on disk is not believed */
    /* Not 0: of the manifest's last run, sealed or not, up to its seals, a log ends before its first frame that was closed later
     * (or at its start, if its header is later). What frames say of others that were committed is only believed of shards of which
     * nothing is later. until.h does that for all runs; memory: 16 bytes for each frame of the run, and all its units.  */
    int64_t until_ms;
    /* A warning, for people: which file, where, how much. NULL: none. */
    void (*warn)(void *context, const char *text);
    void *context;
};

enum aof_recovery_status {
    AOF_RECOVERY_OK,
    AOF_RECOVERY_NONE,   /* no manifest: there are no data */
    AOF_RECOVERY_DAMAGE, /* file, offset (of the manifest: line) and fault say where and what */
    AOF_RECOVERY_TORN,   /* the same; refuses_torn */
    AOF_RECOVERY_SYSTEM, /* file and error */
    AOF_RECOVERY_NO_MEMORY,
};

/* Reads the manifest and the last run. aof_recovery_close in any case. */
MUST_USE enum aof_recovery_status aof_recovery_open(struct aof_recovery *recovery, const struct aof_files *files,
                                                    const struct aof_recovery_options *options);
/* The same with a manifest that is given, which the recovery takes. */
MUST_USE enum aof_recovery_status aof_recovery_open_manifest(struct aof_recovery *recovery, const struct aof_manifest *manifest,
                                                             const struct aof_files *files, const struct aof_recovery_options *options);
void aof_recovery_close(struct aof_recovery *recovery);

#endif
