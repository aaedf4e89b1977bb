/* until.h - the manifest of an earlier moment: the same files, with seals that say what of them was there then.
 *
 * Run by run (manifest.h): what was closed at or before the moment counts, by the wall clocks in the frames, and of that the largest
 * consistent cut (recovery.h), so a unit is there whole or not at all. The first thing that is later, a frame or a header, ends its log:
 * also where the clock was set back behind it. The first run of which something is later is the last one that counts.
 *
 *     {base 5, logs 5..6 sealed, logs 7, logs 8}  -> {base 5, logs 5 sealed, logs 6 sealed earlier}   a moment during 6
 *
 * What base and logs have from before the first generation is not looked at: the moment has to be later than the base's.
 *
 * Threads    One at a time. Reads only.
 * Memory     16 bytes for each frame of a run, and all its units; class MEM_SNAPSHOT.  */
#ifndef AOF_UNTIL_H
#define AOF_UNTIL_H

#include "aof/recovery.h"

struct aof_until {
    struct aof_manifest manifest; /* all sealed; without the generations behind the last one of which something counts */
    bool is_past;                 /* something is later than the moment */
    uint64_t units_cut, frames_cut, records_cut; /* not later themselves, but they need what is, or what was not on disk */
    uint32_t torn_count;          /* logs with a torn tail (the last run's only) */
    /* Of what was refused: */
    char file[AOF_NAME_MAX + 1];
    uint64_t offset;
    const char *fault;
    int error;
    int64_t before_ms;            /* a moment before that may be found all the same; INT64_MIN: none is known */
};

/* Of options until_ms (INT64_MAX: everything), warn and context count. Borrows the manifest. AOF_RECOVERY_OK: out->manifest is there,
 * and aof_until_release is to be called; anything else: it is not.  */
MUST_USE enum aof_recovery_status aof_until_find(struct aof_until *out, const struct aof_manifest *manifest, const struct aof_files *files,
                                                 const struct aof_recovery_options *options);
void aof_until_release(struct aof_until *until);

#endif
