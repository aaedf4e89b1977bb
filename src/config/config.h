/* config.h - every parameter of the server: one row each, from file, command line or CONFIG SET.
 *
 * Threads    Numbers are _Atomic and read relaxed by any thread. Texts are read through config_text_copy.  */
#ifndef CONFIG_CONFIG_H
#define CONFIG_CONFIG_H

#include "base/attributes.h"
#include "base/bytes.h"
#include "base/result.h"
#include "mem/buffer.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

enum config_policy { POLICY_NOEVICTION, POLICY_ALLKEYS_LRU, POLICY_ALLKEYS_LFU, POLICY_ALLKEYS_RANDOM, POLICY_VOLATILE_LRU,
                     POLICY_VOLATILE_LFU, POLICY_VOLATILE_RANDOM, POLICY_VOLATILE_TTL };
enum config_appendfsync { APPENDFSYNC_ALWAYS, APPENDFSYNC_EVERYSEC, APPENDFSYNC_NO };
/* Who may do it? Local: who comes from this machine. */
enum config_allowance { ALLOWED_NO, ALLOWED_YES, ALLOWED_LOCAL };
enum config_supervised { SUPERVISED_NO, SUPERVISED_AUTO, SUPERVISED_SYSTEMD };
/* May a script use keys that it does not name? Then it has all shards, else an error where it has not the shard. */
enum undeclared_keys { UNDECLARED_LOCK_ALL, UNDECLARED_REFUSE };
#define CONFIG_APPENDFILENAME "appendonly.aof" /* the default */
enum pipeline_order { PIPELINE_STRICT, PIPELINE_RELAXED };
enum config_io_engine { IO_ENGINE_AUTO, IO_ENGINE_URING, IO_ENGINE_EPOLL };
enum config_where_precedence { WHERE_AND_BINDS_TIGHTER, WHERE_LEFT_TO_RIGHT };
/* Must clients show a certificate? Which of its names is that of their user? */
enum config_tls_clients { TLS_CLIENTS_NEED_NONE, TLS_CLIENTS_NEED_ONE, TLS_CLIENTS_MAY_HAVE_ONE };
enum config_tls_user { TLS_USER_OFF, TLS_USER_COMMON_NAME };
enum { CONFIG_TLS_CIPHERS_SIZE = 2048, CONFIG_TLS_PROTOCOLS_SIZE = 128, CONFIG_TLS_KEY_PASS_SIZE = 1024 }; /* with the NUL; of paths PATH_MAX */
enum { CONFIG_METRICS_HOSTS_SIZE = 1024 }; /* with the NUL */
enum { CONFIG_FOREIGN_WORDS = 3 }; /* of a set of bits, one for each directive that is no parameter */
enum { COMMAND_RENAME_MAX = 64 };  /* bytes of a new name */
struct command_rename;
enum config_output_class { OUTPUT_NORMAL, OUTPUT_REPLICA, OUTPUT_PUBSUB, OUTPUT_CLASS_COUNT };

struct config_output_limit {
    _Atomic uint64_t hard_bytes, soft_bytes, soft_seconds; /* 0: none */
};

struct config {
    /* numbers, booleans (0/1) and enums: read with relaxed order */
    _Atomic int64_t port;                  /* 0: no TCP */
    _Atomic int64_t shards;                /* set once at start; 0 = one per core */
    _Atomic int64_t io_engine;             /* enum config_io_engine; set at start, when it is no more AUTO */
    _Atomic int64_t shard_ports;
    _Atomic int64_t shard_affinity;
    _Atomic int64_t databases;
    _Atomic int64_t bind_retry_ms;         /* at start: how long a port in use is waited for */
    _Atomic int64_t tcp_backlog;
    _Atomic int64_t metrics_port;          /* HTTP: /metrics, /livez, /readyz; 0: none */
    _Atomic int64_t tcp_keepalive;         /* seconds, 0 off */
    _Atomic int64_t timeout;               /* seconds, 0 off */
    _Atomic int64_t maxclients;
    _Atomic int64_t client_query_buffer_limit;
    _Atomic int64_t pipeline_order;        /* enum pipeline_order */
    _Atomic int64_t clients_pending_limit; /* bytes of all clients' query and output buffers; 0 none */
    _Atomic int64_t proto_max_bulk_len;
    struct config_output_limit output_limits[OUTPUT_CLASS_COUNT];
    _Atomic int64_t protected_mode;
    _Atomic int64_t unixsocketperm;
    _Atomic int64_t hz;
    _Atomic int64_t activedefrag;
    _Atomic int64_t active_defrag_ignore_bytes;
    _Atomic int64_t active_defrag_threshold_lower, active_defrag_threshold_upper; /* percent of used bytes */
    _Atomic int64_t active_defrag_cycle_min, active_defrag_cycle_max;             /* percent of a core, each shard */
    _Atomic int64_t maxmemory;             /* bytes, 0 none */
    _Atomic int64_t maxmemory_policy;      /* enum config_policy */
    _Atomic int64_t maxmemory_samples;
    _Atomic int64_t maxmemory_eviction_tenacity; /* 0 .. 100: how long one command may evict */
    _Atomic int64_t maxmemory_clients;     /* bytes, 0 none; negative: percent of maxmemory */
    _Atomic int64_t lfu_log_factor;
    _Atomic int64_t lfu_decay_time;        /* minutes, 0 never */
    _Atomic int64_t busy_reply_threshold;  /* ms: how long a script may run before others are told that it does; 0 never */
    _Atomic int64_t script_undeclared_keys; /* enum undeclared_keys */
    _Atomic int64_t lua_memory_limit;      /* bytes of one Lua state; 0 none */
    _Atomic int64_t slowlog_log_slower_than; /* us; negative off */
    _Atomic int64_t slowlog_max_len;
    _Atomic int64_t commandlog_request_larger_than, commandlog_reply_larger_than; /* bytes; negative off */
    _Atomic int64_t commandlog_large_request_max_len, commandlog_large_reply_max_len;
    _Atomic int64_t latency_monitor_threshold; /* ms, 0 off */
    _Atomic int64_t tracking_table_max_keys; /* 0 none */
    _Atomic int64_t notify_keyspace_events; /* bits of event_classes.h */
    _Atomic int64_t table_where_precedence;
    _Atomic int64_t table_require_index;
    _Atomic int64_t table_max_scan_rows;   /* 0 none */
    _Atomic int64_t table_join_memory;     /* bytes that a SELECT of several tables may take; 0 no limit */
    /* what keeps collections small: struct encoding_limits */
    _Atomic int64_t hash_max_listpack_entries, hash_max_listpack_value;
    _Atomic int64_t set_max_intset_entries;
    _Atomic int64_t zset_max_listpack_entries, zset_max_listpack_value;
    _Atomic int64_t list_max_listpack_size; /* negative: -1 .. -5 are 4, 8, 16, 32, 64 KiB a node */
    _Atomic int64_t list_compress_depth;
    _Atomic int64_t stream_node_max_bytes, stream_node_max_entries;
    _Atomic int64_t hll_sparse_max_bytes;
    _Atomic int64_t enable_debug_command, enable_protected_configs; /* enum config_allowance */
    _Atomic int64_t daemonize;
    _Atomic int64_t supervised;            /* enum config_supervised */
    _Atomic int64_t syslog_enabled, syslog_facility; /* of syslog.h: LOG_LOCAL0 .. */
    _Atomic int64_t loglevel;              /* 0 debug, 1 verbose, 2 notice, 3 warning */
    _Atomic int64_t has_password;          /* the default user must log in: src/acl says so, from requirepass on */
    _Atomic int64_t acl_pubsub_default;    /* 1: new users may use all channels */
    _Atomic int64_t acllog_max_len;        /* entries of ACL LOG */
    _Atomic int64_t appendonly, aof_load_truncated, no_appendfsync_on_rewrite;
    _Atomic int64_t aof_use_rdb_preamble, aof_timestamp_enabled; /* how a log of Redis's looks; see src/config/README.md, C2 */
    _Atomic int64_t appendfsync;           /* enum config_appendfsync */
    _Atomic int64_t auto_aof_rewrite_percentage; /* 0 never */
    _Atomic int64_t auto_aof_rewrite_min_size;
    _Atomic int64_t rdbchecksum, rdbcompression, rdb_skip_module_data, stop_writes_on_bgsave_error;
    _Atomic int64_t rdb_key_save_delay, key_load_delay; /* us a key, for tests */
    _Atomic int64_t tls_port;              /* 0: no TLS */
    _Atomic int64_t tls_auth_clients;      /* enum config_tls_clients */
    _Atomic int64_t tls_auth_clients_user; /* enum config_tls_user */
    _Atomic int64_t tls_handshake_timeout; /* ms, from the connection's beginning */
    _Atomic int64_t tls_prefer_server_ciphers;
    _Atomic int64_t tls_session_caching, tls_session_cache_size, tls_session_cache_timeout; /* sessions; seconds */
    _Atomic int64_t repl_timeout;          /* seconds: SYNC to somebody who takes nothing for so long ends */
    /* texts: guarded by `lock` */
    pthread_mutex_t lock;
    char *bind;                            /* "127.0.0.1 -::1" */
    char *metrics_bind;                    /* as bind */
    char *metrics_hosts;                   /* names between blanks; CONFIG_METRICS_HOSTS_SIZE */
    char *unixsocket;                      /* "" none */
    char *requirepass;
    char *aclfile;                         /* users stand there: "" none */
    char *dir;
    char *logfile;
    char *syslog_ident;
    char *pidfile;
    char *save;                            /* "3600 1 300 100": pairs of seconds and changes; "" none */
    char *dbfilename;
    bool has_save_line;                    /* while the configuration is read: a line with `save` was there */
    char *appenddirname, *appendfilename;
    char *tls_cert_file, *tls_key_file, *tls_key_file_pass, *tls_ca_cert_file, *tls_ca_cert_dir; /* "" none */
    char *tls_protocols, *tls_ciphers, *tls_ciphersuites; /* "" what is usual */
    /* written while the configuration is read, by one thread */
    bool (*is_command)(struct bytes name); /* of a command's own name, in any case; set before anything is read. NULL: none is */
    struct buffer user_lines;              /* "user bob ...\n": as they were read; later, under `lock`, what CONFIG REWRITE is to write */
    struct command_rename *renames;        /* NULL: none; see config_command_name */
    uint64_t foreign[CONFIG_FOREIGN_WORDS]; /* the directives that were taken without effect */
    char *config_file;                     /* absolute path of the file read at start, "" none */
};

/* All defaults. NULL: no memory. */
struct config *config_create(void);
void config_destroy(struct config *config);

/* Reads `argc` words (without the program's name) as redis-server does: an optional file first, then --name value [value ...]
 * pairs; a last word "-" reads more lines from standard input, before the pairs count. `dir` changes the working directory at
 * once. On a mistake prints Redis-style text with file, line and the offending line to stderr and returns false.  */
MUST_USE bool config_load(struct config *config, int argc, char **argv);
/* Reads the same words in the same way, but goes on behind each error and prints all of them, CONFIG_ERRORS_MAX at most. True:
 * config_load would return true. Changes nothing but `config`: the working directory follows `dir` only until the return.  */
MUST_USE bool config_check(struct config *config, int argc, char **argv);
/* Appends the parameters as --help lists them: Redis's by name, Tessera's own with a line each. Defaults are the values of
 * `config`, which is as config_create made it. False: no memory.  */
MUST_USE bool config_append_help(struct config *config, struct buffer *out);

/* Copies a text parameter under the lock into `out` (NUL-terminated, cut at size). */
void config_text_copy(struct config *config, char *const *field, char *out, size_t size);
struct config_change {
    const struct bytes *pairs;      /* names and values */
    size_t count;
    bool may_set_protected;         /* enable-protected-configs allows it to whoever asks */
    struct config_preparation *preparation; /* NULL: none */
};
/* The parameters as they would be. */
struct config_proposal;
/* As config_text_copy and a relaxed load. `field` is one of the struct config that the proposal is about. */
void config_proposed_text(const struct config_proposal *proposal, char *const *field, char *out, size_t size);
int64_t config_proposed_number(const struct config_proposal *proposal, const _Atomic int64_t *field);
/* What must succeed before parameters are changed whose names begin with `prefix`: `prepare` is called when all values of a CONFIG SET are read and
 * none is taken. False: CONFIG SET is refused for the reason, and nothing has changed.  */
struct config_preparation {
    const char *prefix;
    bool (*prepare)(struct config_preparation *preparation, const struct config_proposal *proposal, char reason[256]);
};
/* Calls it with the parameters as they are. */
MUST_USE bool config_prepare(struct config *config, struct config_preparation *preparation, char reason[256]);
/* CONFIG SET: several name/value pairs, all or nothing. RESULT_NOT_FOUND: no parameter of the name *culprit. RESULT_SYNTAX:
 * refused, for the reason in `reason`, as Redis words it after "CONFIG SET failed (possibly related to argument '%s') - ".
 * RESULT_NO_MEMORY. *culprit is lent from `pairs`. maxclients raises the limit of open files (file_limit.h).  */
MUST_USE enum result config_set(struct config *config, const struct config_change *change, struct bytes *culprit, char reason[256]);
/* Visits every parameter whose name matches one of the patterns, each once, sorted by name. `name` as the first pattern that fits
 * writes it, when that is a name in full; `value` as CONFIG GET prints it. False: no memory for a value; it and those behind it were
 * not visited.  */
typedef void config_visit_fn(struct bytes name, struct bytes value, void *arg);
MUST_USE bool config_visit(struct config *config, const struct bytes *patterns, size_t pattern_count, config_visit_fn *visit,
                           void *arg);
/* Visits each reason for which directives of redis.conf were taken that have no effect, with the names of those, a comma and a space between
 * them. False: no memory.  */
typedef void config_foreign_fn(struct bytes names, const char *reason, void *arg);
MUST_USE bool config_visit_foreign(const struct config *config, config_foreign_fn *visit, void *arg);
/* What clients call the command `own` (`rename-command`), "" if they cannot; `own` itself when nothing was said about it. Lent as long as the
 * configuration is there; any thread.  */
const char *config_command_name(const struct config *config, const char *own);
/* The name of the eviction policy, as CONFIG GET prints it. */
const char *config_policy_name(const struct config *config);

/* What CONFIG REWRITE writes about users from now on: lines, taken. */
void config_take_user_lines(struct config *config, struct buffer *lines);
/* Rewrites the file it was started with (CONFIG REWRITE): keeps comments and order, changes values, adds what differs from
 * the default at the end, atomically by rename. RESULT_NOT_FOUND: started without a file; RESULT_SYSTEM: errno.  */
MUST_USE enum result config_rewrite(struct config *config);

#endif
