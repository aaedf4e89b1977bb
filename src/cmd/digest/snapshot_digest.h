/* snapshot_digest.h - DEBUG SNAPSHOT-DIGEST BEGIN and END: the digest of a moment that is over.
 *
 * BEGIN replies DEBUG DIGEST. From then on each key that is about to change for the first time adds what it was (before_change of
 * struct keyspace_owner). END adds the keys that have not changed and replies: the same digest, unless a change was not
 * announced, or too late. Tables are taken as they are at the end.
 *
 * Memory     8 to 16 bytes a changed key, MEM_SERVER, until END.
 * Limits     One at a time. Keys are told apart by a 64-bit hash.  */
#ifndef CMD_SNAPSHOT_DIGEST_H
#define CMD_SNAPSHOT_DIGEST_H

#include "exec/exec.h"

/* A step of a job with JOB_ALL_SHARDS; argv[2] is BEGIN or END. */
enum job_status snapshot_digest_step(struct job *job, struct exec *exec);

#endif
