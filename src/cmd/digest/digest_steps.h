/* digest_steps.h - DEBUG DIGEST and DEBUG DIGEST-VALUE: what the data are, in 40 hexadecimal digits.
 *
 * Both are one step under all batons, so that they show one moment: nobody else is served meanwhile. DEBUG is for tests. DIGEST
 * waits until no statement has a table half changed.
 *
 * Limits     About 4 s for a million small keys (redis-server needs as long), 3 s for a million rows of three columns.
 * Read on    docs/TABLES.md, "The digest".  */
#ifndef CMD_DIGEST_STEPS_H
#define CMD_DIGEST_STEPS_H

#include "exec/exec.h"
#include "cmd/digest/digest.h"
#include "exec/exec.h"

/* Steps of jobs with JOB_ALL_SHARDS. */
enum job_status digest_step(struct job *job, struct exec *exec);
enum job_status digest_value_step(struct job *job, struct exec *exec);

/* Under all batons, when catalogue_may_read: DEBUG DIGEST. False: memory was refused. */
MUST_USE bool digest_of_server(struct digest *out, const struct server *server);
/* What a key adds to it. False: memory was refused. */
MUST_USE bool digest_of_key(struct digest *out, const struct keyspace *ks, const struct entry *entry);
void reply_digest(struct exec *exec, const struct digest *digest);

#endif
