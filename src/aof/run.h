/* run.h - the manifest as it changes: a run begins with what recovery found, a rewrite adds a generation, a base takes the place
 * of what was before it.
 *
 *     begin        {base 5, logs 5..6}             -> {base 5, logs 5..6 sealed, logs 7}; of 6 it may be that nothing counts: then it goes
 *     rewrite      {..., logs 7}                   -> {..., logs 7, logs 8 follow}
 *                  then all shards go over at one moment, and the base of that moment is made
 *     base is done {..., logs 7, logs 8}           -> {base 8, logs 8}
 *                  then the files of before are removed
 *     after a log has failed {..., logs 7}         -> base 8 and logs 8 are made, of one moment; then {base 8, logs 8}
 *
 * Each is decided by one rename. An error says nothing about which of both manifests is on disk: the files of both must stay,
 * and the number of a generation that was tried is never used again.
 *
 * Threads    One at a time.  */
#ifndef AOF_RUN_H
#define AOF_RUN_H

#include "aof/recovery.h"

/* Seals what was read, and begins generation `number` with a log for each of `headers`. What no frame knows to be on disk is
 * written again before it is synced: a process that died after a failed fsync has left pages that the kernel takes for clean. 0,
 * or an errno (E2BIG: there are AOF_GENERATIONS_MAX); *out is created on 0. `number` is larger than any in the recovery's manifest.  */
int aof_run_begin(const struct aof_recovery *recovery, const struct aof_files *files, const struct aof_header *headers, uint32_t count,
                  struct aof_manifest *out) MUST_USE;
/* Only seals: for the tool that repairs. */
int aof_run_seal(const struct aof_recovery *recovery, const struct aof_files *files) MUST_USE;
/* Adds a generation that follows the last one, with as many logs. On an error *manifest is as before. E2BIG: there are
 * AOF_GENERATIONS_FOLLOW_MAX, since bases were not made; the way of a log that has failed is left: logs that no manifest names
 * yet, and a base.  */
int aof_run_add(struct aof_manifest *manifest, const struct aof_files *files, const struct aof_header *headers) MUST_USE;
/* Makes and syncs the files of a generation that no manifest names yet: after a log has failed the next ones may be written
 * while their base is made. */
int aof_run_create_logs(const struct aof_files *files, const struct aof_header *headers, uint32_t count) MUST_USE;
/* Bases, whose files are on disk, that have all that is before a generation. The manifest has that generation, or its files are
 * there. */
struct aof_cover {
    const struct aof_base *bases;
    uint32_t base_count;
    const struct aof_header *headers; /* of the generation's logs */
    const uint64_t *first;            /* the sequence of the first frame of each */
};
/* The bases take the place of what they cover. On an error *manifest is as before. */
int aof_run_set_base(struct aof_manifest *manifest, const struct aof_files *files, const struct aof_cover *cover) MUST_USE;
/* Removes the files that `before` names and `after`, which is on disk, does not. Errors leave files behind. */
void aof_run_remove(const struct aof_files *files, const struct aof_manifest *before, const struct aof_manifest *after);

#endif
