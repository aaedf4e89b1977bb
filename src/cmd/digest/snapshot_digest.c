/* snapshot_digest.c - see snapshot_digest.h.
 *
 * Each shard keeps its own part: what its keys have added so far, by the database in which they were at the beginning, and which
 * keys that were. A keyspace's owner_tag is that database; it goes along when databases are swapped.  */
#include "cmd/digest/snapshot_digest.h"

#include "cmd/core/answers.h"
#include "cmd/digest/digest_steps.h"
#include "cmd/digest/noted_keys.h"
#include "cmd/digest/table_digest.h"
#include "mem/heap.h"
#include "shard/server.h"
#include "table/catalogue.h"

/* Of one shard. */
struct part {
    struct noted_keys noted;
    bool is_refused;       /* memory: the sum means nothing any more */
    uint32_t databases;
    struct database_sum {
        struct digest sum; /* of the keys seen so far */
        bool had_keys;
    } sums[];
};

static size_t part_bytes(uint32_t databases)
{
    return sizeof(struct part) + databases * sizeof(struct database_sum);
}

/* --- keys --- */

/* A key of a database among those of all databases. */
static uint64_t mark_of(const struct keyspace *ks, uint64_t hash)
{
    return hash ^ (ks->owner_tag + 1) * UINT64_C(0x9e3779b97f4a7c15);
}

static void add_entry(struct part *part, const struct keyspace *ks, const struct entry *entry)
{
    struct digest own;
    part->is_refused = !digest_of_key(&own, ks, entry) || part->is_refused;
    digest_add(&part->sums[ks->owner_tag].sum, digest_bytes(&own));
}

/* `entry` NULL: the key was not there at the beginning. */
static void note_change(void *context, struct keyspace *ks, uint64_t hash, struct bytes name, const struct entry *entry)
{
    struct part *part = ((struct shard *)context)->snapshot;
    (void)name;
    const enum note note = noted_keys_add(&part->noted, mark_of(ks, hash));
    part->is_refused |= note == NOTE_NO_MEMORY;
    if (note == NOTE_NEW && entry != NULL) {
        add_entry(part, ks, entry);
    }
}

struct rest {
    struct part *part;
    struct keyspace *ks;
};

static void note_going(struct entry *entry, void *arg)
{
    const struct rest *rest = arg;
    note_change(rest->ks->owner->context, rest->ks, hash_bytes(rest->ks->secret, entry_key(entry)), entry_key(entry), entry);
}

static void note_detach(void *context, struct keyspace *ks, struct keyspace *remains)
{
    (void)remains;
    struct rest rest = {((struct shard *)context)->snapshot, ks};
    keyspace_visit_all(ks, note_going, &rest);
}

static void add_unchanged(struct entry *entry, void *arg)
{
    const struct rest *rest = arg;
    const uint64_t hash = hash_bytes(rest->ks->secret, entry_key(entry));
    if (!noted_keys_has(&rest->part->noted, mark_of(rest->ks, hash))) {
        add_entry(rest->part, rest->ks, entry);
    }
}

/* --- begin --- */

static void forget(struct server *server)
{
    for (uint32_t i = 0; i < server->shard_count; i++) {
        struct shard *shard = &server->shards[i];
        struct part *part = shard->snapshot;
        shard->owner.before_change = NULL;
        shard->owner.before_detach = NULL;
        shard->snapshot = NULL;
        if (part != NULL) {
            noted_keys_release(&part->noted);
            thread_free(MEM_SERVER, part, part_bytes(part->databases));
        }
    }
}

/* False: memory was refused. */
static bool begin_shard(struct shard *shard, uint32_t databases)
{
    struct part *part = thread_alloc_zeroed(MEM_SERVER, part_bytes(databases));
    if (part == NULL) {
        return false;
    }
    part->databases = databases;
    for (uint32_t db = 0; db < databases; db++) {
        part->sums[db].had_keys = shard->databases[db].key_count > 0;
        shard->databases[db].owner_tag = db;
    }
    shard->snapshot = part;
    shard->owner.before_change = note_change;
    shard->owner.before_detach = note_detach;
    return true;
}

static void begin(struct exec *exec)
{
    struct server *server = exec->server;
    const uint32_t databases = (uint32_t)atomic_load_explicit(&server->config->databases, memory_order_relaxed);
    struct digest digest = {0};
    bool is_begun = digest_of_server(&digest, server);
    for (uint32_t i = 0; i < server->shard_count && is_begun; i++) {
        is_begun = begin_shard(&server->shards[i], databases);
    }
    if (is_begun) {
        reply_digest(exec, &digest);
    } else {
        forget(server);
        reply_result_error(exec->reply, RESULT_NO_MEMORY);
    }
}

/* --- end --- */

/* What was in database `db` at the beginning. */
static void add_database_then(struct digest *digest, const struct server *server, uint32_t db)
{
    bool had_keys = false;
    for (uint32_t i = 0; i < server->shard_count; i++) {
        had_keys |= ((const struct part *)server->shards[i].snapshot)->sums[db].had_keys;
    }
    if (!had_keys) {
        return;
    }
    digest_mix_number(digest, db);
    for (uint32_t i = 0; i < server->shard_count; i++) {
        digest_join(digest, &((const struct part *)server->shards[i].snapshot)->sums[db].sum);
    }
}

static void end(struct exec *exec)
{
    struct server *server = exec->server;
    const uint32_t databases = ((const struct part *)server->shards[0].snapshot)->databases;
    struct digest digest = {0};
    bool is_refused = false;
    for (uint32_t i = 0; i < server->shard_count; i++) {
        struct rest rest = {.part = server->shards[i].snapshot};
        for (uint32_t db = 0; db < databases; db++) {
            rest.ks = &server->shards[i].databases[db];
            keyspace_visit_all(rest.ks, add_unchanged, &rest);
        }
        is_refused |= rest.part->is_refused;
    }
    for (uint32_t db = 0; db < databases; db++) {
        add_database_then(&digest, server, db);
    }
    table_digest_add(&digest, atomic_load_explicit(&server->catalogue, memory_order_acquire));
    forget(server);
    if (is_refused) {
        reply_result_error(exec->reply, RESULT_NO_MEMORY);
    } else {
        reply_digest(exec, &digest);
    }
}

/* A job is changing keys step by step, and reports that at its end: no moment to begin. */
static bool has_locks(const struct server *server)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < server->shard_count; i++) {
        count += server->shards[i].lock_count;
    }
    return count > 0;
}

enum job_status snapshot_digest_step(struct job *job, struct exec *exec)
{
    (void)job;
    const bool is_begin = bytes_equal_ignore_case(exec->argv[2], BYTES("BEGIN"));
    const bool is_end = bytes_equal_ignore_case(exec->argv[2], BYTES("END"));
    const struct shard *first = &exec->server->shards[0];
    const bool has_begun = first->snapshot != NULL && first->owner.before_change == note_change; /* else it is being saved */
    if (is_begin && !has_begun) {
        if (exec->server->shards[0].owner.before_change != NULL || !catalogue_may_read(atomic_load_explicit(&exec->server->catalogue, memory_order_acquire)) || has_locks(exec->server)) {
            return JOB_PAUSE;
        }
        begin(exec);
    } else if (is_end && has_begun) {
        end(exec);
    } else {
        reply_error(exec->reply, is_begin || is_end ? "ERR SNAPSHOT-DIGEST goes from one BEGIN to one END" : ERROR_SYNTAX);
    }
    return JOB_DONE;
}
