/* foreign.c - directives of redis.conf 2.6 to 8.0 that are no parameters here: files of Redis's start the server all the same.
 *
 * One row a directive, sorted by name. Each is either taken, with a notice that says why it has no effect; or taken with one value only, which
 * says what is so anyway (`cluster-enabled no`); or refused, where ignoring it would be dangerous.  */
#include "config/config_private.h"

#include <assert.h>
#include <string.h>

/* `harmless` of a directive that is refused with any value. */
static const char never[] = "";

#define MEMORY "the server uses neither jemalloc nor Redis's tables, and counts its memory itself"
#define EXPIRE "keys whose time is over are looked for in a share of each turn"
#define TITLE "the process keeps its title, and the log has no logo"
#define AOF "files that a rewrite replaces are always removed"
#define THREADS "each shard has a thread: see shards and shard-affinity"
#define SYNC "files are written and synchronized in steps as they grow"
#define REPL "there are no replicas yet"
#define CLUSTER "there is no cluster mode: see shards and shard-ports"
#define NO_CLUSTER "there is no cluster mode: start without it, or give cluster clients the ports of the shards (shard-ports)"
#define CRASH "there is no report of a crash, nor a test of memory after one"
#define LINUX "the server leaves these settings of the system as they are"
#define MODULE "there are no modules"
#define IGNORE "a directive that is not known stops the start, whatever it is"
#define LATENCY "latencies of commands are always counted: see LATENCY HISTOGRAM"
#define LAZY "values are always freed in steps, without holding anybody up"
#define NO_MODULE "there are no modules, and data or commands of one would be missing"
#define WORDS "texts are compared byte by byte, whatever the locale"
#define ACCEPT "connections are taken in turns that are bounded anyway"
#define TLS_CLIENT "the server makes no TLS connections of its own: MIGRATE goes to plain ports"
#define NO_REPLICAS "there are no replicas yet that a write could wait for"
#define NO_ERRORS "only `ignore` is supported"
#define NO_REPLICA "this server cannot be a replica yet"
#define RDB "a file's payload is always checked before it is used"
#define NO_SIGTERM "only the default is supported: a signal saves if there are save points, and ends the server"
#define SHUTDOWN "nobody has to be waited for: there are no replicas yet"

static const struct foreign {
    const char *name;
    const char *harmless; /* the one value that is taken; NULL: any is */
    const char *reason;   /* why it has no effect, or why another value is refused */
} foreign_rows[] = {
    {"active-defrag-max-scan-fields", NULL, MEMORY},
    {"active-expire-effort", NULL, EXPIRE},
    {"activerehashing", NULL, MEMORY},
    {"always-show-logo", NULL, TITLE},
    {"aof-disable-auto-gc", NULL, AOF},
    {"aof-rewrite-cpulist", NULL, THREADS},
    {"aof-rewrite-incremental-fsync", NULL, SYNC},
    {"aof_rewrite_cpulist", NULL, THREADS},
    {"bgsave-cpulist", NULL, THREADS},
    {"bgsave_cpulist", NULL, THREADS},
    {"bind-source-addr", NULL, REPL},
    {"bio-cpulist", NULL, THREADS},
    {"bio_cpulist", NULL, THREADS},
    {"cluster-allow-pubsubshard-when-down", NULL, CLUSTER},
    {"cluster-allow-reads-when-down", NULL, CLUSTER},
    {"cluster-allow-replica-migration", NULL, CLUSTER},
    {"cluster-announce-bus-port", NULL, CLUSTER},
    {"cluster-announce-hostname", NULL, CLUSTER},
    {"cluster-announce-human-nodename", NULL, CLUSTER},
    {"cluster-announce-ip", NULL, CLUSTER},
    {"cluster-announce-port", NULL, CLUSTER},
    {"cluster-announce-tls-port", NULL, CLUSTER},
    {"cluster-compatibility-sample-ratio", NULL, CLUSTER},
    {"cluster-config-file", NULL, CLUSTER},
    {"cluster-enabled", "no", NO_CLUSTER},
    {"cluster-link-sendbuf-limit", NULL, CLUSTER},
    {"cluster-migration-barrier", NULL, CLUSTER},
    {"cluster-node-timeout", NULL, CLUSTER},
    {"cluster-port", NULL, CLUSTER},
    {"cluster-preferred-endpoint-type", NULL, CLUSTER},
    {"cluster-replica-no-failover", NULL, CLUSTER},
    {"cluster-replica-validity-factor", NULL, CLUSTER},
    {"cluster-require-full-coverage", NULL, CLUSTER},
    {"cluster-slave-no-failover", NULL, CLUSTER},
    {"cluster-slave-validity-factor", NULL, CLUSTER},
    {"crash-log-enabled", NULL, CRASH},
    {"crash-memcheck-enabled", NULL, CRASH},
    {"disable-thp", NULL, LINUX},
    {"dynamic-hz", NULL, EXPIRE},
    {"enable-module-command", NULL, MODULE},
    {"hash-max-zipmap-entries", NULL, MEMORY},
    {"hash-max-zipmap-value", NULL, MEMORY},
    {"hide-user-data-from-log", NULL, CRASH},
    {"ignore-warnings", NULL, IGNORE},
    {"io-threads", NULL, THREADS},
    {"io-threads-do-reads", NULL, THREADS},
    {"jemalloc-bg-thread", NULL, MEMORY},
    {"latency-tracking", NULL, LATENCY},
    {"latency-tracking-info-percentiles", NULL, LATENCY},
    {"lazyfree-lazy-eviction", NULL, LAZY},
    {"lazyfree-lazy-expire", NULL, LAZY},
    {"lazyfree-lazy-server-del", NULL, LAZY},
    {"lazyfree-lazy-user-del", NULL, LAZY},
    {"lazyfree-lazy-user-flush", NULL, LAZY},
    {"list-max-ziplist-entries", NULL, MEMORY},
    {"list-max-ziplist-value", NULL, MEMORY},
    {"loadmodule", never, NO_MODULE},
    {"loadmodule-ex", never, NO_MODULE},
    {"locale-collate", NULL, WORDS},
    {"masterauth", NULL, REPL},
    {"masteruser", NULL, REPL},
    {"max-new-connections-per-cycle", NULL, ACCEPT},
    {"max-new-tls-connections-per-cycle", NULL, ACCEPT},
    {"min-replicas-max-lag", NULL, REPL},
    {"min-replicas-to-write", "0", NO_REPLICAS},
    {"min-slaves-max-lag", NULL, REPL},
    {"min-slaves-to-write", "0", NO_REPLICAS},
    {"oom-score-adj", NULL, LINUX},
    {"oom-score-adj-values", NULL, LINUX},
    {"proc-title-template", NULL, TITLE},
    {"propagation-error-behavior", "ignore", NO_ERRORS},
    {"rdb-del-sync-files", NULL, REPL},
    {"rdb-save-incremental-fsync", NULL, SYNC},
    {"repl-backlog-size", NULL, REPL},
    {"repl-backlog-ttl", NULL, REPL},
    {"repl-disable-tcp-nodelay", NULL, REPL},
    {"repl-diskless-load", NULL, REPL},
    {"repl-diskless-sync", NULL, REPL},
    {"repl-diskless-sync-delay", NULL, REPL},
    {"repl-diskless-sync-max-replicas", NULL, REPL},
    {"repl-diskless-sync-period", NULL, REPL},
    {"repl-ping-replica-period", NULL, REPL},
    {"repl-ping-slave-period", NULL, REPL},
    {"repl-rdb-channel", NULL, REPL},
    {"replica-announce-ip", NULL, REPL},
    {"replica-announce-port", NULL, REPL},
    {"replica-announced", NULL, REPL},
    {"replica-full-sync-buffer-limit", NULL, REPL},
    {"replica-ignore-disk-write-errors", NULL, REPL},
    {"replica-ignore-maxmemory", NULL, REPL},
    {"replica-lazy-flush", NULL, REPL},
    {"replica-priority", NULL, REPL},
    {"replica-read-only", NULL, REPL},
    {"replica-serve-stale-data", NULL, REPL},
    {"replicaof", "", NO_REPLICA},
    {"sanitize-dump-payload", NULL, RDB},
    {"server-cpulist", NULL, THREADS},
    {"server_cpulist", NULL, THREADS},
    {"set-max-listpack-entries", NULL, MEMORY},
    {"set-max-listpack-value", NULL, MEMORY},
    {"set-proc-title", NULL, TITLE},
    {"shutdown-on-sigint", "default", NO_SIGTERM},
    {"shutdown-on-sigterm", "default", NO_SIGTERM},
    {"shutdown-timeout", NULL, SHUTDOWN},
    {"slave-announce-ip", NULL, REPL},
    {"slave-announce-port", NULL, REPL},
    {"slave-ignore-maxmemory", NULL, REPL},
    {"slave-lazy-flush", NULL, REPL},
    {"slave-priority", NULL, REPL},
    {"slave-read-only", NULL, REPL},
    {"slave-serve-stale-data", NULL, REPL},
    {"slaveof", "", NO_REPLICA},
    {"socket-mark-id", "0", "packets are not marked: the option of sockets is not set"},
    {"tls-client-cert-file", NULL, TLS_CLIENT},
    {"tls-client-key-file", NULL, TLS_CLIENT},
    {"tls-client-key-file-pass", NULL, TLS_CLIENT},
    {"tls-cluster", NULL, CLUSTER},
    {"tls-dh-params-file", NULL, "OpenSSL chooses parameters of Diffie-Hellman as long as the certificate's key is strong"},
    {"tls-replication", NULL, REPL},
};

enum { FOREIGN_COUNT = sizeof foreign_rows / sizeof foreign_rows[0] };
_Static_assert(FOREIGN_COUNT <= CONFIG_FOREIGN_WORDS * 64, "each directive has a bit in struct config");

static const struct foreign *find(struct bytes name)
{
    for (size_t i = 0; i < FOREIGN_COUNT; i++) {
        if (bytes_equal_ignore_case(name, bytes_of_string(foreign_rows[i].name))) {
            return &foreign_rows[i];
        }
    }
    return NULL;
}

static bool is_harmless(const struct foreign *row, const struct bytes *values, size_t count)
{
    if (row->harmless == NULL) {
        return true;
    }
    return row->harmless != never && count == 1 && bytes_equal_ignore_case(values[0], bytes_of_string(row->harmless));
}

enum foreign_outcome config_take_foreign(struct config *config, const struct bytes *words, size_t count, const char **reason)
{
    const struct foreign *row = find(words[0]);
    if (row == NULL || count < 2) {
        return FOREIGN_UNKNOWN;
    }
    *reason = row->reason;
    if (!is_harmless(row, words + 1, count - 1)) {
        return FOREIGN_REFUSED;
    }
    if (row->harmless == NULL) { /* else the value says what is so anyway */
        const size_t at = (size_t)(row - foreign_rows);
        config->foreign[at / 64] |= UINT64_C(1) << (at % 64);
    }
    return FOREIGN_TAKEN;
}

const char *config_foreign_reason(struct bytes name)
{
    const struct foreign *row = find(name);
    return row == NULL ? NULL : row->reason;
}

static bool is_taken(const struct config *config, size_t at)
{
    return (config->foreign[at / 64] >> (at % 64) & 1) != 0;
}

/* Is there one with the same reason in front of `at`? Then that one's notice names this one, too. */
static bool is_told(const struct config *config, size_t at)
{
    for (size_t i = 0; i < at; i++) {
        if (is_taken(config, i) && strcmp(foreign_rows[i].reason, foreign_rows[at].reason) == 0) {
            return true;
        }
    }
    return false;
}

static bool append_names(const struct config *config, size_t from, struct buffer *out)
{
    const char *reason = foreign_rows[from].reason;
    bool is_done = true;
    for (size_t i = from; i < FOREIGN_COUNT && is_done; i++) {
        if (is_taken(config, i) && strcmp(foreign_rows[i].reason, reason) == 0) {
            is_done = buffer_append_format(out, "%s%s", i == from ? "" : ", ", foreign_rows[i].name);
        }
    }
    return is_done;
}

bool config_visit_foreign(const struct config *config, config_foreign_fn *visit, void *arg)
{
    struct buffer names = BUFFER_EMPTY(MEM_SERVER);
    bool is_done = true;
    for (size_t i = 0; i < FOREIGN_COUNT && is_done; i++) {
        if (!is_taken(config, i) || is_told(config, i)) {
            continue;
        }
        names.len = 0;
        is_done = append_names(config, i, &names);
        if (is_done) {
            visit(buffer_bytes(&names), foreign_rows[i].reason, arg);
        }
    }
    buffer_release(&names);
    return is_done;
}

size_t config_foreign_count(void)
{
    return FOREIGN_COUNT;
}

const char *config_foreign_name(size_t at)
{
    assert(at < FOREIGN_COUNT);
    return foreign_rows[at].name;
}
