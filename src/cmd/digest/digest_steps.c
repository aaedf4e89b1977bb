/* digest_steps.c - see digest_steps.h.
 *
 * As Redis does it: the digest of a key begins with the key's name and its value; the keys of a database are added in, after the
 * database's number was mixed in, database by database. Keys whose time has come count until they are removed. The shards' keys
 * of one database are added one shard after the other: the sum is the same for any number of shards.  */
#include "cmd/digest/digest_steps.h"

#include "base/result.h"
#include "cmd/core/answers.h"
#include "cmd/digest/digest.h"
#include "cmd/digest/table_digest.h"
#include "cmd/digest/value_digest.h"
#include "shard/server.h"
#include "table/catalogue.h"
#include "exec/exec.h"

void reply_digest(struct exec *exec, const struct digest *digest)
{
    char text[DIGEST_TEXT_LEN];
    digest_format(digest, text);
    reply_simple(exec->reply, (struct bytes){text, sizeof text});
}

static void assert_all_batons(const struct server *server)
{
    for (uint32_t i = 0; i < server->shard_count; i++) {
        baton_assert_held(&server->shards[i].baton);
    }
}

/* --- DIGEST --- */

bool digest_of_key(struct digest *out, const struct keyspace *ks, const struct entry *entry)
{
    *out = (struct digest){0};
    digest_mix(out, entry_key(entry));
    return value_digest_mix(out, ks, entry);
}

struct key_sum {
    struct digest *digest;
    const struct keyspace *ks;
    bool is_refused;
};

static void add_key(struct entry *entry, void *arg)
{
    struct key_sum *sum = arg;
    struct digest own;
    sum->is_refused = !digest_of_key(&own, sum->ks, entry) || sum->is_refused;
    digest_add(sum->digest, digest_bytes(&own));
}

static bool database_is_empty(const struct server *server, uint32_t db)
{
    for (uint32_t i = 0; i < server->shard_count; i++) {
        if (server->shards[i].databases[db].key_count > 0) {
            return false;
        }
    }
    return true;
}

/* False: memory was refused. */
static bool add_database(struct digest *digest, const struct server *server, uint32_t db)
{
    struct key_sum sum = {.digest = digest};
    digest_mix_number(digest, db);
    for (uint32_t i = 0; i < server->shard_count; i++) {
        struct keyspace *ks = &server->shards[i].databases[db];
        sum.ks = ks;
        keyspace_visit_all(ks, add_key, &sum);
    }
    return !sum.is_refused;
}

bool digest_of_server(struct digest *out, const struct server *server)
{
    const uint32_t databases = (uint32_t)atomic_load_explicit(&server->config->databases, memory_order_relaxed);
    *out = (struct digest){0};
    assert_all_batons(server);
    for (uint32_t db = 0; db < databases; db++) {
        if (!database_is_empty(server, db) && !add_database(out, server, db)) {
            return false;
        }
    }
    table_digest_add(out, atomic_load_explicit(&server->catalogue, memory_order_acquire));
    return true;
}

enum job_status digest_step(struct job *job, struct exec *exec)
{
    (void)job;
    struct digest digest;
    if (!catalogue_may_read(atomic_load_explicit(&exec->server->catalogue, memory_order_acquire))) {
        return JOB_PAUSE;
    }
    if (digest_of_server(&digest, exec->server)) {
        reply_digest(exec, &digest);
    } else {
        reply_result_error(exec->reply, RESULT_NO_MEMORY);
    }
    return JOB_DONE;
}

/* --- DIGEST-VALUE --- */

enum job_status digest_value_step(struct job *job, struct exec *exec)
{
    enum { FIRST_KEY = 2 };
    (void)job;
    assert_all_batons(exec->server);
    reply_array(exec->reply, exec->argc - FIRST_KEY);
    for (uint32_t i = FIRST_KEY; i < exec->argc; i++) {
        struct digest digest = {0};
        const struct key key = exec_key(exec, i);
        const struct keyspace *ks = exec_keyspace(exec, key);
        const struct entry *entry = keyspace_peek(ks, key);
        if (entry != NULL && !value_digest_mix(&digest, ks, entry)) {
            reply_result_error(exec->reply, RESULT_NO_MEMORY);
        } else {
            reply_digest(exec, &digest);
        }
    }
    return JOB_DONE;
}
