/* params.c - every parameter: one row each.
 *
 * Names, defaults, ranges and error texts are Redis 7's where Redis has the parameter. A value that this version cannot
 * honour is refused by the row's adjust function, never taken and ignored.
 *
 * Invariant  C1 rows are sorted by name (config_visit and param_find rely on it).  */
#include "config/config_private.h"
#include "base/number.h"
#include "config/file_limit.h"

#include <assert.h>
#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/un.h>
#include <syslog.h>
#include <unistd.h>

#define MEGABYTE (INT64_C(1) << 20)
#define FIELD(field) offsetof(struct config, field)

static const struct param_word allowance_words[] = {{"no", ALLOWED_NO}, {"yes", ALLOWED_YES}, {"local", ALLOWED_LOCAL}, {0}};

static const struct param_word loglevel_words[] = {{"debug", 0}, {"verbose", 1}, {"notice", 2}, {"warning", 3}, {0}};

static const struct param_word appendfsync_words[] = {
    {"everysec", APPENDFSYNC_EVERYSEC}, {"always", APPENDFSYNC_ALWAYS}, {"no", APPENDFSYNC_NO}, {0}};

static const struct param_word acl_channel_words[] = {{"resetchannels", 0}, {"allchannels", 1}, {0}};

static const struct param_word order_words[] = {{"strict", PIPELINE_STRICT}, {"relaxed", PIPELINE_RELAXED}, {0}};

static const struct param_word io_engine_words[] = {{"auto", IO_ENGINE_AUTO}, {"io_uring", IO_ENGINE_URING}, {"epoll", IO_ENGINE_EPOLL}, {0}};

static const struct param_word undeclared_words[] = {{"lock-all", UNDECLARED_LOCK_ALL}, {"refuse", UNDECLARED_REFUSE}, {0}};

enum { SUPERVISED_UPSTART = 3 }; /* refused */
static const struct param_word supervised_words[] = {
    {"upstart", SUPERVISED_UPSTART}, {"systemd", SUPERVISED_SYSTEMD}, {"auto", SUPERVISED_AUTO}, {"no", SUPERVISED_NO}, {0}};

static const struct param_word facility_words[] = {
    {"user", LOG_USER},     {"local0", LOG_LOCAL0}, {"local1", LOG_LOCAL1}, {"local2", LOG_LOCAL2}, {"local3", LOG_LOCAL3},
    {"local4", LOG_LOCAL4}, {"local5", LOG_LOCAL5}, {"local6", LOG_LOCAL6}, {"local7", LOG_LOCAL7}, {0}};

enum { SAVE_TEXT_MAX = 1024, FILE_NAME_MAX = 200, APPEND_NAME_MAX = 180 };

static const struct param_word policy_words[] = {
    {"volatile-lru", POLICY_VOLATILE_LRU},       {"volatile-lfu", POLICY_VOLATILE_LFU},
    {"volatile-random", POLICY_VOLATILE_RANDOM}, {"volatile-ttl", POLICY_VOLATILE_TTL},
    {"allkeys-lru", POLICY_ALLKEYS_LRU},         {"allkeys-lfu", POLICY_ALLKEYS_LFU},
    {"allkeys-random", POLICY_ALLKEYS_RANDOM},   {"noeviction", POLICY_NOEVICTION},
    {0},
};

static const struct param_word tls_clients_words[] = {
    {"no", TLS_CLIENTS_NEED_NONE}, {"yes", TLS_CLIENTS_NEED_ONE}, {"optional", TLS_CLIENTS_MAY_HAVE_ONE}, {0}};

static const struct param_word tls_user_words[] = {{"off", TLS_USER_OFF}, {"CN", TLS_USER_COMMON_NAME}, {0}};

static const struct param_word precedence_words[] = {
    {"and-before-or", WHERE_AND_BINDS_TIGHTER}, {"left-to-right", WHERE_LEFT_TO_RIGHT}, {0}};

static bool refuse(char reason[CONFIG_REASON_MAX], const char *text)
{
    snprintf(reason, CONFIG_REASON_MAX, "%s", text);
    return false;
}

/* The name of something in `dir`. */
static bool is_plain_name(const struct param_value *value)
{
    return value->text.len > 0 && value->text.len < FILE_NAME_MAX && memchr(value->text.data, '/', value->text.len) == NULL;
}

static bool is_base_name(const struct param_value *value)
{
    return is_plain_name(value) && memchr(value->text.data, '\\', value->text.len) == NULL && memchr(value->text.data, '\0', value->text.len) == NULL;
}

static bool adjust_appenddirname(struct param_value *value, char reason[CONFIG_REASON_MAX])
{
    if (value->text.len == 0) {
        return refuse(reason, "appenddirname can't be empty");
    }
    return is_base_name(value) || refuse(reason, "appenddirname can't be a path, just a dirname");
}

/* More is to come behind it in the names of files. */
static bool adjust_appendfilename(struct param_value *value, char reason[CONFIG_REASON_MAX])
{
    if (value->text.len == 0) {
        return refuse(reason, "appendfilename can't be empty");
    }
    if (value->text.len > APPEND_NAME_MAX) {
        return refuse(reason, "appendfilename is too long");
    }
    return is_base_name(value) || refuse(reason, "appendfilename can't be a path, just a filename");
}

/* Pairs of seconds and changes, in the form that src/snapshot/save_points.c reads; "" is none. */
static bool adjust_save(struct param_value *value, char reason[CONFIG_REASON_MAX])
{
    struct bytes rest = buffer_bytes(&value->text);
    size_t words = 0;
    while (rest.len > 0) {
        const char *space = memchr(rest.data, ' ', rest.len);
        const struct bytes word = {rest.data, space == NULL ? rest.len : (size_t)(space - rest.data)};
        int64_t number;
        if (!int64_parse(word, &number) || number < (words % 2 == 0 ? 1 : 0)) {
            return refuse(reason, "Invalid save parameters");
        }
        words++;
        rest = space == NULL ? (struct bytes){0} : (struct bytes){space + 1, rest.len - word.len - 1};
    }
    return (words % 2 == 0 && value->text.len < SAVE_TEXT_MAX) || refuse(reason, "Invalid save parameters");
}

static bool adjust_dbfilename(struct param_value *value, char reason[CONFIG_REASON_MAX])
{
    return is_plain_name(value) || refuse(reason, "dbfilename can't be a path, just a filename");
}

/* Makes the directory the working one, and its absolute path the value. */
static bool adjust_dir(struct param_value *value, char reason[CONFIG_REASON_MAX])
{
    char path[PATH_MAX];
    snprintf(path, sizeof path, "%.*s", (int)value->text.len, value->text.data);
    if (value->text.len >= sizeof path || chdir(path) != 0 || getcwd(path, sizeof path) == NULL) {
        snprintf(reason, CONFIG_REASON_MAX, "Can't chdir to '%.160s': %s", path, strerror(errno));
        return false;
    }
    value->text.len = 0;
    return buffer_append(&value->text, bytes_of_string(path)) || refuse(reason, "out of memory");
}

static bool adjust_bind(struct param_value *value, char reason[CONFIG_REASON_MAX])
{
    enum { ADDRESSES_MAX = 16 };
    size_t count = value->text.len > 0;
    for (size_t i = 0; i < value->text.len; i++) {
        count += value->text.data[i] == ' ';
    }
    return count <= ADDRESSES_MAX || refuse(reason, "Too many bind addresses specified.");
}

static bool adjust_unixsocket(struct param_value *value, char reason[CONFIG_REASON_MAX])
{
    return value->text.len < sizeof((struct sockaddr_un *)NULL)->sun_path || refuse(reason, "the socket's path is too long");
}

static bool adjust_supervised(struct param_value *value, char reason[CONFIG_REASON_MAX])
{
    return value->number != SUPERVISED_UPSTART || refuse(reason, "upstart is not supported: use systemd, auto or no");
}

/* Whoever reads these copies them into as much room. */
static bool is_shorter(const struct param_value *value, size_t size, char reason[CONFIG_REASON_MAX])
{
    if (value->text.len < size) {
        return true;
    }
    snprintf(reason, CONFIG_REASON_MAX, "argument must be shorter than %zu bytes", size);
    return false;
}

/* Names, neither addresses, which need not be listed, nor ports, of which any will do; "*" would let in every site that DNS rebinding brings. */
static bool adjust_hosts(struct param_value *value, char reason[CONFIG_REASON_MAX])
{
    for (size_t i = 0; i < value->text.len; i++) {
        const unsigned char byte = (unsigned char)value->text.data[i];
        if (!isalnum(byte) && byte != '-' && byte != '.' && byte != '_' && byte != ' ') {
            return refuse(reason, "names have letters, digits, '-', '_' and '.', and no port");
        }
    }
    return is_shorter(value, CONFIG_METRICS_HOSTS_SIZE, reason);
}

static bool adjust_path(struct param_value *value, char reason[CONFIG_REASON_MAX])
{
    return is_shorter(value, PATH_MAX, reason);
}

static bool adjust_ciphers(struct param_value *value, char reason[CONFIG_REASON_MAX])
{
    return is_shorter(value, CONFIG_TLS_CIPHERS_SIZE, reason);
}

static bool adjust_protocols(struct param_value *value, char reason[CONFIG_REASON_MAX])
{
    return is_shorter(value, CONFIG_TLS_PROTOCOLS_SIZE, reason);
}

static bool adjust_key_pass(struct param_value *value, char reason[CONFIG_REASON_MAX])
{
    return is_shorter(value, CONFIG_TLS_KEY_PASS_SIZE, reason);
}

/* At start the server itself lowers maxclients to what is possible. */
static bool adjust_maxclients(struct param_value *value, char reason[CONFIG_REASON_MAX])
{
    int64_t possible = file_limit_raise(value->number);
    if (possible >= value->number) {
        return true;
    }
    snprintf(reason, CONFIG_REASON_MAX,
             "The operating system is not able to handle the specified number of clients, try with %lld", (long long)possible);
    return false;
}

/* clang-format off */
const struct param config_params[] = {
    {"acl-pubsub-default", PARAM_ENUM, 0, FIELD(acl_pubsub_default), .initial = 0, .words = acl_channel_words},
    {"aclfile", PARAM_TEXT, PARAM_IMMUTABLE, FIELD(aclfile), .initial_text = ""},
    {"acllog-max-len", PARAM_INTEGER, 0, FIELD(acllog_max_len), .initial = 128, .min = 0, .max = INT64_MAX},
    {"active-defrag-cycle-max", PARAM_INTEGER, 0, FIELD(active_defrag_cycle_max), .initial = 25, .min = 1, .max = 99},
    {"active-defrag-cycle-min", PARAM_INTEGER, 0, FIELD(active_defrag_cycle_min), .initial = 1, .min = 1, .max = 99},
    {"active-defrag-ignore-bytes", PARAM_MEMORY, 0, FIELD(active_defrag_ignore_bytes),
     .initial = 2 * MEGABYTE, .min = 1, .max = INT64_MAX},
    {"active-defrag-threshold-lower", PARAM_INTEGER, 0, FIELD(active_defrag_threshold_lower),
     .initial = 10, .min = 0, .max = 1000},
    {"active-defrag-threshold-upper", PARAM_INTEGER, 0, FIELD(active_defrag_threshold_upper),
     .initial = 100, .min = 0, .max = 1000},
    {"activedefrag", PARAM_BOOLEAN, 0, FIELD(activedefrag), .initial = 1},
    {"aof-load-truncated", PARAM_BOOLEAN, 0, FIELD(aof_load_truncated), .initial = 1},
    {"aof-timestamp-enabled", PARAM_BOOLEAN, 0, FIELD(aof_timestamp_enabled), .initial = 0},
    {"aof-use-rdb-preamble", PARAM_BOOLEAN, 0, FIELD(aof_use_rdb_preamble), .initial = 1},
    {"appenddirname", PARAM_TEXT, PARAM_IMMUTABLE, FIELD(appenddirname), .initial_text = "appendonlydir", .adjust = adjust_appenddirname},
    {"appendfilename", PARAM_TEXT, PARAM_IMMUTABLE, FIELD(appendfilename), .initial_text = CONFIG_APPENDFILENAME, .adjust = adjust_appendfilename},
    {"appendfsync", PARAM_ENUM, 0, FIELD(appendfsync), .initial = APPENDFSYNC_EVERYSEC, .words = appendfsync_words},
    {"appendonly", PARAM_BOOLEAN, 0, FIELD(appendonly), .initial = 0},
    {"auto-aof-rewrite-min-size", PARAM_MEMORY, 0, FIELD(auto_aof_rewrite_min_size), .initial = 64 * MEGABYTE, .min = 0, .max = INT64_MAX},
    {"auto-aof-rewrite-percentage", PARAM_INTEGER, 0, FIELD(auto_aof_rewrite_percentage), .initial = 100, .min = 0, .max = INT_MAX},
    {"bind", PARAM_TEXT, PARAM_IMMUTABLE | PARAM_MANY_WORDS, FIELD(bind), .initial_text = "* -::*", .adjust = adjust_bind},
    {"bind-retry-ms", PARAM_INTEGER, PARAM_IMMUTABLE, FIELD(bind_retry_ms), .initial = 2000, .min = 0, .max = INT_MAX,
     .help = "how many milliseconds the start waits for a port in use"},
    {"busy-reply-threshold", PARAM_INTEGER, 0, FIELD(busy_reply_threshold), .initial = 5000, .min = 0, .max = INT64_MAX},
    {"client-output-buffer-limit", PARAM_OUTPUT_LIMITS, PARAM_MANY_WORDS, FIELD(output_limits), .initial_text = NULL},
    {"client-query-buffer-limit", PARAM_MEMORY, 0, FIELD(client_query_buffer_limit),
     .initial = 1024 * MEGABYTE, .min = MEGABYTE, .max = INT64_MAX},
    {"clients-pending-limit", PARAM_MEMORY, 0, FIELD(clients_pending_limit), .initial = 256 * MEGABYTE, .min = 0, .max = INT64_MAX,
     .help = "sum of all clients' buffers above which nobody is read ahead; 0: none"},
    {"commandlog-execution-slower-than", PARAM_INTEGER, PARAM_ALIAS, FIELD(slowlog_log_slower_than),
     .initial = 10000, .min = -1, .max = INT64_MAX},
    {"commandlog-large-reply-max-len", PARAM_INTEGER, 0, FIELD(commandlog_large_reply_max_len), .initial = 128, .min = 0, .max = INT64_MAX,
     .help = "how many commands with large replies are kept for COMMANDLOG"},
    {"commandlog-large-request-max-len", PARAM_INTEGER, 0, FIELD(commandlog_large_request_max_len), .initial = 128, .min = 0, .max = INT64_MAX,
     .help = "how many large commands are kept for COMMANDLOG"},
    {"commandlog-reply-larger-than", PARAM_INTEGER, 0, FIELD(commandlog_reply_larger_than), .initial = MEGABYTE, .min = -1, .max = INT64_MAX,
     .help = "replies of so many bytes or more are large; -1: none is"},
    {"commandlog-request-larger-than", PARAM_INTEGER, 0, FIELD(commandlog_request_larger_than), .initial = MEGABYTE, .min = -1, .max = INT64_MAX,
     .help = "commands of so many bytes or more are large; -1: none is"},
    {"commandlog-slow-execution-max-len", PARAM_INTEGER, PARAM_ALIAS, FIELD(slowlog_max_len), .initial = 128, .min = 0, .max = INT64_MAX},
    {"daemonize", PARAM_BOOLEAN, PARAM_IMMUTABLE, FIELD(daemonize), .initial = 0},
    {"databases", PARAM_INTEGER, PARAM_IMMUTABLE, FIELD(databases), .initial = 16, .min = 1, .max = 65536},
    {"dbfilename", PARAM_TEXT, PARAM_PROTECTED, FIELD(dbfilename), .initial_text = "dump.rdb", .adjust = adjust_dbfilename},
    {"dir", PARAM_TEXT, PARAM_PROTECTED, FIELD(dir), .initial_text = ".", .adjust = adjust_dir},
    {"enable-debug-command", PARAM_ENUM, PARAM_IMMUTABLE, FIELD(enable_debug_command),
     .initial = ALLOWED_LOCAL, .words = allowance_words},
    {"enable-protected-configs", PARAM_ENUM, PARAM_IMMUTABLE, FIELD(enable_protected_configs), .initial = ALLOWED_NO, .words = allowance_words},
    {"hash-max-listpack-entries", PARAM_INTEGER, 0, FIELD(hash_max_listpack_entries), .initial = 512, .min = 0, .max = INT64_MAX},
    {"hash-max-listpack-value", PARAM_MEMORY, 0, FIELD(hash_max_listpack_value), .initial = 64, .min = 0, .max = INT64_MAX},
    {"hash-max-ziplist-entries", PARAM_INTEGER, PARAM_ALIAS, FIELD(hash_max_listpack_entries),
     .initial = 512, .min = 0, .max = INT64_MAX},
    {"hash-max-ziplist-value", PARAM_MEMORY, PARAM_ALIAS, FIELD(hash_max_listpack_value),
     .initial = 64, .min = 0, .max = INT64_MAX},
    {"hll-sparse-max-bytes", PARAM_MEMORY, 0, FIELD(hll_sparse_max_bytes), .initial = 3000, .min = 0, .max = INT64_MAX},
    {"hz", PARAM_INTEGER, PARAM_CLAMPED, FIELD(hz), .initial = 10, .min = 1, .max = 500},
    {"io-engine", PARAM_ENUM, PARAM_IMMUTABLE, FIELD(io_engine), .initial = IO_ENGINE_AUTO, .words = io_engine_words,
     .help = "auto: epoll where io_uring is forbidden"},
    {"key-load-delay", PARAM_INTEGER, 0, FIELD(key_load_delay), .initial = 0, .min = 0, .max = INT_MAX,
     .help = "for tests: microseconds that loading waits for each key"},
    {"latency-monitor-threshold", PARAM_INTEGER, 0, FIELD(latency_monitor_threshold), .initial = 0, .min = 0, .max = INT64_MAX},
    {"lfu-decay-time", PARAM_INTEGER, 0, FIELD(lfu_decay_time), .initial = 1, .min = 0, .max = INT_MAX},
    {"lfu-log-factor", PARAM_INTEGER, 0, FIELD(lfu_log_factor), .initial = 10, .min = 0, .max = INT_MAX},
    {"list-compress-depth", PARAM_INTEGER, 0, FIELD(list_compress_depth), .initial = 0, .min = 0, .max = INT_MAX},
    {"list-max-listpack-size", PARAM_INTEGER, 0, FIELD(list_max_listpack_size), .initial = -2, .min = INT_MIN, .max = INT_MAX},
    {"list-max-ziplist-size", PARAM_INTEGER, PARAM_ALIAS, FIELD(list_max_listpack_size),
     .initial = -2, .min = INT_MIN, .max = INT_MAX},
    {"logfile", PARAM_TEXT, PARAM_IMMUTABLE, FIELD(logfile), .initial_text = ""},
    {"loglevel", PARAM_ENUM, 0, FIELD(loglevel), .initial = 2, .words = loglevel_words},
    {"lua-memory-limit", PARAM_MEMORY, 0, FIELD(lua_memory_limit), .initial = 512 * MEGABYTE, .min = 0, .max = INT64_MAX,
     .help = "bytes that the scripts of one thread may take; 0: any"},
    {"lua-time-limit", PARAM_INTEGER, PARAM_ALIAS, FIELD(busy_reply_threshold), .initial = 5000, .min = 0, .max = INT64_MAX},
    {"maxclients", PARAM_INTEGER, 0, FIELD(maxclients),
     .initial = 10000, .min = 1, .max = UINT32_MAX, .adjust_running = adjust_maxclients},
    {"maxmemory", PARAM_MEMORY, 0, FIELD(maxmemory), .initial = 0, .min = 0, .max = INT64_MAX},
    {"maxmemory-clients", PARAM_MEMORY, PARAM_PERCENT, FIELD(maxmemory_clients), .initial = 0, .min = -100, .max = INT64_MAX},
    {"maxmemory-eviction-tenacity", PARAM_INTEGER, 0, FIELD(maxmemory_eviction_tenacity), .initial = 10, .min = 0, .max = 100},
    {"maxmemory-policy", PARAM_ENUM, 0, FIELD(maxmemory_policy), .initial = POLICY_NOEVICTION, .words = policy_words},
    {"maxmemory-samples", PARAM_INTEGER, 0, FIELD(maxmemory_samples), .initial = 5, .min = 1, .max = INT_MAX},
    {"metrics-bind", PARAM_TEXT, PARAM_IMMUTABLE | PARAM_MANY_WORDS, FIELD(metrics_bind), .initial_text = "127.0.0.1 -::1", .adjust = adjust_bind,
     .help = "addresses to which metrics-port is bound"},
    {"metrics-hosts", PARAM_TEXT, PARAM_MANY_WORDS, FIELD(metrics_hosts), .initial_text = "", .adjust = adjust_hosts,
     .help = "names, beside addresses, under which metrics-port has its page for browsers"},
    {"metrics-port", PARAM_INTEGER, PARAM_IMMUTABLE, FIELD(metrics_port), .initial = 0, .min = 0, .max = 65535,
     .help = "HTTP for monitoring: /metrics, /livez, /readyz; 0: none"},
    {"no-appendfsync-on-rewrite", PARAM_BOOLEAN, 0, FIELD(no_appendfsync_on_rewrite), .initial = 0},
    {"notify-keyspace-events", PARAM_EVENT_CLASSES, 0, FIELD(notify_keyspace_events), .initial = 0},
    {"pidfile", PARAM_TEXT, PARAM_IMMUTABLE, FIELD(pidfile), .initial_text = ""},
    {"pipeline-order", PARAM_ENUM, 0, FIELD(pipeline_order), .initial = PIPELINE_STRICT, .words = order_words,
     .help = "whether other clients see the commands of a pipeline in their order"},
    {"port", PARAM_INTEGER, PARAM_IMMUTABLE, FIELD(port), .initial = 6379, .min = 0, .max = 65535},
    {"protected-mode", PARAM_BOOLEAN, 0, FIELD(protected_mode), .initial = 1},
    {"proto-max-bulk-len", PARAM_MEMORY, 0, FIELD(proto_max_bulk_len),
     .initial = 512 * MEGABYTE, .min = MEGABYTE, .max = INT64_MAX},
    {"rdb-key-save-delay", PARAM_INTEGER, 0, FIELD(rdb_key_save_delay), .initial = 0, .min = 0, .max = INT_MAX,
     .help = "for tests: microseconds that a snapshot waits for each key"},
    {"rdb-skip-module-data", PARAM_BOOLEAN, 0, FIELD(rdb_skip_module_data), .initial = 0,
     .help = "files with modules' data are loaded without these"},
    {"rdbchecksum", PARAM_BOOLEAN, PARAM_IMMUTABLE, FIELD(rdbchecksum), .initial = 1},
    {"rdbcompression", PARAM_BOOLEAN, 0, FIELD(rdbcompression), .initial = 1},
    {"repl-timeout", PARAM_INTEGER, 0, FIELD(repl_timeout), .initial = 60, .min = 1, .max = INT_MAX},
    {"requirepass", PARAM_TEXT, 0, FIELD(requirepass), .initial_text = ""},
    {"save", PARAM_TEXT, PARAM_MANY_WORDS | PARAM_ADDS, FIELD(save), .initial_text = "3600 1 300 100 60 10000", .adjust = adjust_save},
    {"script-undeclared-keys", PARAM_ENUM, 0, FIELD(script_undeclared_keys), .initial = UNDECLARED_LOCK_ALL, .words = undeclared_words,
     .help = "scripts with keys that they do not declare are run, or refused"},
    {"set-max-intset-entries", PARAM_INTEGER, 0, FIELD(set_max_intset_entries), .initial = 512, .min = 0, .max = INT64_MAX},
    {"shard-affinity", PARAM_BOOLEAN, PARAM_IMMUTABLE, FIELD(shard_affinity), .initial = 0,
     .help = "keeps the thread of each shard on a core of its own"},
    {"shard-ports", PARAM_BOOLEAN, PARAM_IMMUTABLE, FIELD(shard_ports), .initial = 0,
     .help = "each shard listens, too, on port + 1 + its number, for cluster clients"},
    {"shards", PARAM_INTEGER, PARAM_IMMUTABLE | PARAM_CHOSEN, FIELD(shards), .initial = 0, .min = 0, .max = 256,
     .help = "how many shards, each with a thread; 0: one for each core"},
    {"slowlog-log-slower-than", PARAM_INTEGER, 0, FIELD(slowlog_log_slower_than),
     .initial = 10000, .min = -1, .max = INT64_MAX},
    {"slowlog-max-len", PARAM_INTEGER, 0, FIELD(slowlog_max_len), .initial = 128, .min = 0, .max = INT64_MAX},
    {"stop-writes-on-bgsave-error", PARAM_BOOLEAN, 0, FIELD(stop_writes_on_bgsave_error), .initial = 1},
    {"stream-node-max-bytes", PARAM_MEMORY, 0, FIELD(stream_node_max_bytes), .initial = 4096, .min = 0, .max = INT64_MAX},
    {"stream-node-max-entries", PARAM_INTEGER, 0, FIELD(stream_node_max_entries), .initial = 100, .min = 0, .max = INT64_MAX},
    {"supervised", PARAM_ENUM, PARAM_IMMUTABLE, FIELD(supervised), .initial = SUPERVISED_NO, .words = supervised_words, .adjust = adjust_supervised},
    {"syslog-enabled", PARAM_BOOLEAN, PARAM_IMMUTABLE, FIELD(syslog_enabled), .initial = 0},
    {"syslog-facility", PARAM_ENUM, PARAM_IMMUTABLE, FIELD(syslog_facility), .initial = LOG_LOCAL0, .words = facility_words},
    {"syslog-ident", PARAM_TEXT, PARAM_IMMUTABLE, FIELD(syslog_ident), .initial_text = "tessera"},
    {"table-join-memory", PARAM_MEMORY, 0, FIELD(table_join_memory), .initial = 256 * MEGABYTE, .min = 0, .max = INT64_MAX,
     .help = "how many bytes a SELECT of several tables may take; 0: no limit"},
    {"table-max-scan-rows", PARAM_INTEGER, 0, FIELD(table_max_scan_rows), .initial = 0, .min = 0, .max = INT64_MAX,
     .help = "how many rows a statement may look at; 0: no limit"},
    {"table-require-index", PARAM_BOOLEAN, 0, FIELD(table_require_index), .initial = 0,
     .help = "refuses equalities on columns without an index"},
    {"table-where-precedence", PARAM_ENUM, 0, FIELD(table_where_precedence),
     .initial = WHERE_AND_BINDS_TIGHTER, .words = precedence_words,
     .help = "how AND and OR bind in WHERE"},
    {"tcp-backlog", PARAM_INTEGER, PARAM_IMMUTABLE, FIELD(tcp_backlog), .initial = 511, .min = 0, .max = INT_MAX},
    {"tcp-keepalive", PARAM_INTEGER, 0, FIELD(tcp_keepalive), .initial = 300, .min = 0, .max = INT_MAX},
    {"timeout", PARAM_INTEGER, 0, FIELD(timeout), .initial = 0, .min = 0, .max = INT_MAX},
    {"tls-auth-clients", PARAM_ENUM, 0, FIELD(tls_auth_clients), .initial = TLS_CLIENTS_NEED_ONE, .words = tls_clients_words},
    {"tls-auth-clients-user", PARAM_ENUM, 0, FIELD(tls_auth_clients_user), .initial = TLS_USER_OFF, .words = tls_user_words,
     .help = "CN: a client is the user that its certificate's common name says"},
    {"tls-ca-cert-dir", PARAM_TEXT, 0, FIELD(tls_ca_cert_dir), .initial_text = "", .adjust = adjust_path},
    {"tls-ca-cert-file", PARAM_TEXT, 0, FIELD(tls_ca_cert_file), .initial_text = "", .adjust = adjust_path},
    {"tls-cert-file", PARAM_TEXT, 0, FIELD(tls_cert_file), .initial_text = "", .adjust = adjust_path},
    {"tls-ciphers", PARAM_TEXT, 0, FIELD(tls_ciphers), .initial_text = "", .adjust = adjust_ciphers},
    {"tls-ciphersuites", PARAM_TEXT, 0, FIELD(tls_ciphersuites), .initial_text = "", .adjust = adjust_ciphers},
    {"tls-handshake-timeout", PARAM_INTEGER, 0, FIELD(tls_handshake_timeout), .initial = 10000, .min = 1, .max = INT_MAX,
     .help = "milliseconds that a TLS connection has to finish its handshake"},
    {"tls-key-file", PARAM_TEXT, 0, FIELD(tls_key_file), .initial_text = "", .adjust = adjust_path},
    {"tls-key-file-pass", PARAM_TEXT, 0, FIELD(tls_key_file_pass), .initial_text = "", .adjust = adjust_key_pass},
    {"tls-port", PARAM_INTEGER, PARAM_IMMUTABLE, FIELD(tls_port), .initial = 0, .min = 0, .max = 65535},
    {"tls-prefer-server-ciphers", PARAM_BOOLEAN, 0, FIELD(tls_prefer_server_ciphers), .initial = 0},
    {"tls-protocols", PARAM_TEXT, 0, FIELD(tls_protocols), .initial_text = "", .adjust = adjust_protocols},
    {"tls-session-cache-size", PARAM_INTEGER, 0, FIELD(tls_session_cache_size), .initial = 20480, .min = 0, .max = INT_MAX},
    {"tls-session-cache-timeout", PARAM_INTEGER, 0, FIELD(tls_session_cache_timeout), .initial = 300, .min = 0, .max = INT_MAX},
    {"tls-session-caching", PARAM_BOOLEAN, 0, FIELD(tls_session_caching), .initial = 1},
    {"tracking-table-max-keys", PARAM_INTEGER, 0, FIELD(tracking_table_max_keys), .initial = 1000000, .min = 0, .max = INT64_MAX},
    {"unixsocket", PARAM_TEXT, PARAM_IMMUTABLE, FIELD(unixsocket), .initial_text = "", .adjust = adjust_unixsocket},
    {"unixsocketperm", PARAM_OCTAL, PARAM_IMMUTABLE, FIELD(unixsocketperm), .initial = 0, .min = 0, .max = 0777},
    {"zset-max-listpack-entries", PARAM_INTEGER, 0, FIELD(zset_max_listpack_entries), .initial = 128, .min = 0, .max = INT64_MAX},
    {"zset-max-listpack-value", PARAM_MEMORY, 0, FIELD(zset_max_listpack_value), .initial = 64, .min = 0, .max = INT64_MAX},
    {"zset-max-ziplist-entries", PARAM_INTEGER, PARAM_ALIAS, FIELD(zset_max_listpack_entries),
     .initial = 128, .min = 0, .max = INT64_MAX},
    {"zset-max-ziplist-value", PARAM_MEMORY, PARAM_ALIAS, FIELD(zset_max_listpack_value),
     .initial = 64, .min = 0, .max = INT64_MAX},
};
/* clang-format on */
const size_t config_param_count = sizeof config_params / sizeof config_params[0];
_Static_assert(sizeof config_params / sizeof config_params[0] <= CONFIG_PAIRS_MAX, "one CONFIG SET may name every parameter");

const struct param *param_primary(const struct param *param)
{
    const struct param *row = param;
    if (param->flags & PARAM_ALIAS) {
        row = config_params;
        while (row->offset != param->offset || (row->flags & PARAM_ALIAS)) {
            row++;
            assert(row < config_params + config_param_count); /* every alias has a row that it names */
        }
    }
    return row;
}

const char *config_policy_name(const struct config *config)
{
    const int64_t policy = atomic_load_explicit(&config->maxmemory_policy, memory_order_relaxed);
    for (const struct param_word *word = policy_words; word->word != NULL; word++) {
        if (word->number == policy) {
            return word->word;
        }
    }
    assert(false); /* an enumeration has a value of its words */
    return "";
}

const struct param *param_find(struct bytes name)
{
    for (size_t i = 0; i < config_param_count; i++) {
        if (bytes_equal_ignore_case(name, bytes_of_string(config_params[i].name))) {
            return &config_params[i];
        }
    }
    return NULL;
}
