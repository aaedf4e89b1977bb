/* explained.c - see explained.h.
 *
 * Invariant  E1 each parameter that is no alias has one row here (tests/unit/config/explained.c).  */
#include "config/explained.h"

#include "config/config_private.h"

#include <limits.h>
#include <string.h>

enum { LINE_COLUMNS = 78 };

/* In the order of the file. */
struct explanation {
    const char *name; /* of a parameter; NULL: `text` is the heading of those behind it */
    const char *text; /* sentences, behind what the row's `help` says if it has one; NULL: nothing more than that */
};

static const struct explanation explanations[] = {
    {NULL, "Network"},
    {"bind", "Addresses to listen on; a minus in front of one: no error if the machine has it not. * and ::* are all of IPv4 and of IPv6."},
    {"protected-mode", "Without a password, clients of other machines are refused."},
    {"port", "The TCP port; 0: none."},
    {"bind-retry-ms", NULL},
    {"tcp-backlog", "Connections that wait to be accepted; /proc/sys/net/core/somaxconn bounds it."},
    {"unixsocket", "The path of a socket for clients of this machine; empty: none."},
    {"unixsocketperm", "Permissions of that socket, in octal; 0: those of the process's umask."},
    {"timeout", "Seconds after which a client that sends nothing is closed; 0: never."},
    {"tcp-keepalive", "Seconds between signs of life that the system asks of idle connections; 0: none."},
    {"maxclients", "Connections at the same time. At the start it comes down to what the limit of open files allows."},
    {"metrics-port", "/metrics is text for Prometheus, for users who may run METRICS; a user says who he is by HTTP's basic authentication."},
    {"metrics-bind", NULL},
    {"metrics-hosts", "For a proxy in front of it, which sends its own name as Host. Other names are refused: a site could make its own lead here (DNS rebinding)."},
    {"io-engine", "epoll needs more system calls; io_uring ends the start where it cannot be had."},
    {NULL, "TLS"},
    {"tls-port", "The TCP port of clients that use TLS; 0: none."},
    {"tls-cert-file", "The server's certificate, and those that lead to an authority behind it, as PEM."},
    {"tls-key-file", "The certificate's key, as PEM."},
    {"tls-key-file-pass", "The password of that file; empty: it has none."},
    {"tls-ca-cert-file", "Certificates of the authorities that have signed those of clients, as PEM."},
    {"tls-ca-cert-dir", "A folder with certificates of such authorities, named by their hashes (openssl rehash)."},
    {"tls-auth-clients", "Clients must show a certificate (yes), need none (no), or may show one, which must be good then (optional)."},
    {"tls-auth-clients-user", NULL},
    {"tls-protocols", "Which of TLSv1, TLSv1.1, TLSv1.2 and TLSv1.3 are spoken; empty: the last two."},
    {"tls-ciphers", "Ciphers up to TLS 1.2, as OpenSSL names them; empty: OpenSSL's own choice."},
    {"tls-ciphersuites", "Ciphers of TLS 1.3, the same way."},
    {"tls-prefer-server-ciphers", "The server's order of ciphers counts, not the client's."},
    {"tls-session-caching", "Clients may resume their sessions, which is cheaper than to begin new ones."},
    {"tls-session-cache-size", "Sessions that the server keeps for clients that take no tickets; 0: no limit."},
    {"tls-session-cache-timeout", "Seconds for which a session can be resumed."},
    {"tls-handshake-timeout", NULL},
    {NULL, "Process"},
    {"daemonize", "The server goes to the background."},
    {"supervised", "systemd is told when the server is ready, and when it stops; it is asked for time while the server loads and saves. auto: if "
                   "NOTIFY_SOCKET is set."},
    {"pidfile", "The process's number is written into this file while the server runs; empty: nowhere."},
    {"loglevel", "What the log leaves out is below this level."},
    {"logfile", "The log is appended to this file, which is opened for each line, so that it can be moved away at any time; empty: standard output."},
    {"syslog-enabled", "Lines of the log go to the system's log, too."},
    {"syslog-ident", "The name of their sender."},
    {"syslog-facility", "Their facility."},
    {"databases", "How many databases SELECT knows."},
    {"hz", "How often each second background work looks for something to do."},
    {NULL, "Shards"},
    {"shards", "Keys, and the rows of each table, are divided among them."},
    {"shard-affinity", NULL},
    {"shard-ports", NULL},
    {"pipeline-order", "relaxed: commands of one pipeline that go to different shards may overtake each other as others see it. "
                       "Replies keep their order."},
    {NULL, "Users"},
    {"requirepass", "The password of the user default; empty: none."},
    {"aclfile", "The file in which users stand, one a line; empty: they stand in the configuration, or nowhere."},
    {"acllog-max-len", "Entries that ACL LOG keeps."},
    {"acl-pubsub-default", "Which channels a new user may use before rules say so."},
    {"enable-debug-command", "Who may use DEBUG: nobody, everybody, or clients of this machine."},
    {"enable-protected-configs", "Who may change dir and dbfilename by CONFIG SET."},
    {NULL, "Memory"},
    {"maxmemory", "Bytes that the server may take; above them keys are evicted, or commands that need memory are refused. 0: no limit."},
    {"maxmemory-policy", "What is evicted: keys with a time to live (volatile-) or all (allkeys-), by use, at random "
                         "or by time to live; noeviction: nothing."},
    {"maxmemory-samples", "How many keys are looked at to find the one to evict: more are slower and exacter."},
    {"maxmemory-eviction-tenacity", "How long one command may evict for its sake: 0 shortest, 100 as long as needed."},
    {"maxmemory-clients", "Bytes, or percent of maxmemory, that all clients' buffers may take; above them the largest client is "
                          "closed. 0: no limit."},
    {"lfu-log-factor", "How many uses the counter of a key stands for at its end: 10 is about a million."},
    {"lfu-decay-time", "Minutes after which that counter goes down by one; 0: it stays."},
    {"activedefrag", "Pages of memory that are little used are emptied and given back."},
    {"active-defrag-ignore-bytes", "Unused bytes below which that does not begin."},
    {"active-defrag-threshold-lower", "Percent of unused bytes at which it begins."},
    {"active-defrag-threshold-upper", "Percent of unused bytes at which it does most."},
    {"active-defrag-cycle-min", "Percent of a core that it takes at least, each shard."},
    {"active-defrag-cycle-max", "Percent of a core that it takes at most, each shard."},
    {NULL, "Clients"},
    {"client-query-buffer-limit", "Bytes that one client's commands may take before they are run; it is closed above them."},
    {"client-output-buffer-limit", "For each class of clients: bytes of replies at which a client is closed, and those at which it is when "
                                   "they have stood so many seconds. 0: no limit."},
    {"clients-pending-limit", NULL},
    {"proto-max-bulk-len", "Bytes of one string at most."},
    {"tracking-table-max-keys", "Keys that the server remembers for CLIENT TRACKING; 0: no limit."},
    {"notify-keyspace-events", "Letters of the events that are published: K and E say in which form, A is all kinds. Empty: none."},
    {NULL, "Snapshots"},
    {"dir", "The folder of snapshots and of the log of changes; it becomes the working directory."},
    {"dbfilename", "The name of the snapshot in it."},
    {"save", "Pairs of seconds and changes: a snapshot is made when so many changes were made in so many seconds. An empty word: never."},
    {"stop-writes-on-bgsave-error", "Commands that write are refused after a snapshot has failed, until one succeeds."},
    {"rdbcompression", "Long strings in snapshots are packed."},
    {"rdbchecksum", "The checksum of a snapshot is made, and looked at when it is loaded."},
    {"rdb-skip-module-data", NULL},
    {"rdb-key-save-delay", NULL},
    {"key-load-delay", NULL},
    {"repl-timeout", "Seconds after which a program that asked for a copy (SYNC) and takes nothing is given up."},
    {NULL, "Log of changes"},
    {"appendonly", "Every change is logged, and the log is repeated at the start."},
    {"appendfsync", "When it is on the disk: before the reply (always), within a second (everysec), or when the system likes (no)."},
    {"appenddirname", "The folder of the log in dir."},
    {"appendfilename", "With what the names of its files begin."},
    {"no-appendfsync-on-rewrite", "While a snapshot or a new base of the log is written, the log is not synced."},
    {"auto-aof-rewrite-percentage", "The log is made anew when it has grown by so many percent since the last time; 0: never."},
    {"auto-aof-rewrite-min-size", "But not below so many bytes."},
    {"aof-load-truncated", "A log whose end is cut off is loaded up to there; no: the start ends."},
    {"aof-use-rdb-preamble", "Redis's; it changes nothing here: a base is always a snapshot."},
    {"aof-timestamp-enabled", "Redis's; it changes nothing here: the log always has times."},
    {NULL, "Scripts"},
    {"busy-reply-threshold", "Milliseconds that a script may run before other clients are told BUSY; 0: they wait."},
    {"lua-memory-limit", NULL},
    {"script-undeclared-keys", "lock-all: a script that declares no keys has all shards for itself."},
    {NULL, "Tables"},
    {"table-join-memory", NULL},
    {"table-max-scan-rows", NULL},
    {"table-require-index", NULL},
    {"table-where-precedence", "left-to-right: A OR B AND C means (A OR B) AND C."},
    {NULL, "Costly commands"},
    {"slowlog-log-slower-than", "Microseconds from which a command is in the slow log; negative: none is."},
    {"slowlog-max-len", "Entries of the slow log."},
    {"commandlog-request-larger-than", "COMMANDLOG large-request has them."},
    {"commandlog-large-request-max-len", NULL},
    {"commandlog-reply-larger-than", "COMMANDLOG large-reply has their commands."},
    {"commandlog-large-reply-max-len", NULL},
    {"latency-monitor-threshold", "Milliseconds from which LATENCY notes an event; 0: it notes none."},
    {NULL, "Small collections"},
    {"hash-max-listpack-entries", "Fields of a hash that OBJECT ENCODING calls a listpack, at most."},
    {"hash-max-listpack-value", "Bytes of each field and value of it, at most."},
    {"list-max-listpack-size", "Items of a list's node; -1 to -5: nodes of 4, 8, 16, 32 or 64 KiB."},
    {"list-compress-depth", "Nodes at both ends of a list that are not packed; 0: none is packed."},
    {"set-max-intset-entries", "Members of a set of integers that is kept sorted, at most."},
    {"zset-max-listpack-entries", "Members of a sorted set that OBJECT ENCODING calls a listpack, at most."},
    {"zset-max-listpack-value", "Bytes of each member of it, at most."},
    {"hll-sparse-max-bytes", "Bytes of a HyperLogLog in its sparse form, at most."},
    {"stream-node-max-bytes", "Bytes of a stream's node; 0: no limit."},
    {"stream-node-max-entries", "Entries of a stream's node; 0: no limit."},
};

/* --- comments --- */

/* Words of a text, in lines that begin with "# ". */
struct comment {
    struct buffer *out;
    size_t columns; /* of the line so far; 0: none is begun */
    bool is_done;   /* so far */
};

static void add_word(struct comment *comment, struct bytes word)
{
    const bool fits = comment->columns > 0 && comment->columns + 1 + word.len <= LINE_COLUMNS;
    const char *before = fits ? " " : comment->columns > 0 ? "\n# " : "# ";
    comment->is_done = comment->is_done && buffer_append(comment->out, bytes_of_string(before)) && buffer_append(comment->out, word);
    comment->columns = (fits ? comment->columns + 1 : 2) + word.len;
}

static void add_text(struct comment *comment, struct bytes text)
{
    while (text.len > 0) {
        const char *space = memchr(text.data, ' ', text.len);
        const size_t len = space == NULL ? text.len : (size_t)(space - text.data);
        if (len > 0) {
            add_word(comment, (struct bytes){text.data, len});
        }
        const size_t passed = space == NULL ? len : len + 1;
        text = (struct bytes){text.data + passed, text.len - passed};
    }
}

static bool end_comment(const struct comment *comment)
{
    return comment->is_done && (comment->columns == 0 || buffer_append(comment->out, BYTES("\n")));
}

/* --- a parameter --- */

struct explained {
    struct config *config, *defaults;
    struct buffer *out;
};

/* How its value is written; *text is empty for free text. */
static bool append_range(const struct param *param, struct buffer *text)
{
    const bool has_max = param->max < INT_MAX;
    switch ((enum param_kind)param->kind) {
    case PARAM_BOOLEAN:
    case PARAM_ENUM: return param_append_words(param, text);
    case PARAM_MEMORY: return buffer_append(text, BYTES("bytes, or with kb, mb or gb")) &&
                              (!(param->flags & PARAM_PERCENT) || buffer_append(text, BYTES(", or percent as 5%")));
    case PARAM_OCTAL: return buffer_append_format(text, "0 .. %llo", (unsigned long long)param->max);
    case PARAM_INTEGER:
        return has_max                    ? buffer_append_format(text, "%lld .. %lld", (long long)param->min, (long long)param->max)
               : param->min == INT_MIN    ? buffer_append(text, BYTES("an integer"))
                                          : buffer_append_format(text, "%lld or more", (long long)param->min);
    case PARAM_TEXT:
    case PARAM_EVENT_CLASSES:
    case PARAM_OUTPUT_LIMITS: return true;
    }
    return true;
}

/* "(0 .. 65535; only at the start; older name: ...)" */
static bool append_notes(const struct param *param, struct buffer *text)
{
    bool is_done = buffer_append(text, BYTES("("));
    const size_t begin = text->len;
    is_done = is_done && append_range(param, text);
    const char *when = param->flags & PARAM_IMMUTABLE ? "only at the start" : "CONFIG SET changes it";
    is_done = is_done && buffer_append_format(text, "%s%s", text->len > begin ? "; " : "", when);
    for (size_t i = 0; is_done && i < config_param_count; i++) {
        const struct param *row = &config_params[i];
        if ((row->flags & PARAM_ALIAS) && param_primary(row) == param) {
            is_done = buffer_append_format(text, "; older name: %s", row->name);
        }
    }
    return is_done && buffer_append(text, BYTES(")"));
}

static bool append_comment(const struct param *param, const char *explanation, struct buffer *out)
{
    struct buffer text = BUFFER_EMPTY(MEM_SERVER);
    const char *help = param->help == NULL ? "" : param->help;
    const char *more = explanation == NULL ? "" : explanation;
    struct comment comment = {.out = out};
    comment.is_done = buffer_append_format(&text, "%s%s%s ", help, *help != '\0' && *more != '\0' ? "; " : "", more) && append_notes(param, &text);
    if (comment.is_done) {
        add_text(&comment, buffer_bytes(&text));
    }
    buffer_release(&text);
    return end_comment(&comment);
}

/* Is the value of both the same? False, too: no memory. */
static bool has_default(struct config *config, struct config *defaults, const struct param *param)
{
    struct buffer values[2] = {BUFFER_EMPTY(MEM_SERVER), BUFFER_EMPTY(MEM_SERVER)};
    const bool is_same = param_format(config, param, PARAM_FOR_FILE, &values[0]) && param_format(defaults, param, PARAM_FOR_FILE, &values[1]) &&
                         bytes_equal(buffer_bytes(&values[0]), buffer_bytes(&values[1]));
    buffer_release(&values[0]);
    buffer_release(&values[1]);
    return is_same;
}

static bool append_param(const struct explained *explained, const struct param *param, const char *explanation)
{
    struct buffer *out = explained->out;
    const bool is_default = has_default(explained->config, explained->defaults, param);
    /* A default as its row has it: `dir` is "." there, and what that means now in the configuration. */
    const bool is_word = is_default && param->kind == PARAM_TEXT && !(param->flags & PARAM_MANY_WORDS);
    return append_comment(param, explanation, out) && buffer_append_format(out, "%s%s ", is_default ? "# " : "", param->name) &&
           (is_word ? words_append_quoted(out, bytes_of_string(param->initial_text)) : param_format(explained->config, param, PARAM_FOR_FILE, out)) &&
           buffer_append(out, BYTES("\n\n"));
}

static bool is_explained(const struct param *param)
{
    for (size_t i = 0; i < sizeof explanations / sizeof explanations[0]; i++) {
        if (explanations[i].name != NULL && strcmp(explanations[i].name, param->name) == 0) {
            return true;
        }
    }
    return false;
}

/* What has no row above stands at the end, with what its own row says. */
static bool append_others(const struct explained *explained)
{
    bool is_done = true, has_heading = false;
    for (size_t i = 0; is_done && i < config_param_count; i++) {
        const struct param *param = &config_params[i];
        if (!(param->flags & PARAM_ALIAS) && !is_explained(param)) {
            is_done = (has_heading || buffer_append(explained->out, BYTES("# --- Others ---\n\n"))) && append_param(explained, param, NULL);
            has_heading = true;
        }
    }
    return is_done;
}

bool config_append_explained(struct config *config, struct config *defaults, struct buffer *out)
{
    const struct explained explained = {config, defaults, out};
    bool is_done = buffer_append(out, BYTES("# Configuration of Tessera " TESSERA_VERSION ": every parameter. A line that is a comment shows "
                                            "the default.\n"
                                            "# What is read later wins; `include FILE` reads another file.\n\n"));
    for (size_t i = 0; is_done && i < sizeof explanations / sizeof explanations[0]; i++) {
        const struct explanation *row = &explanations[i];
        if (row->name == NULL) {
            is_done = buffer_append_format(out, "# --- %s ---\n\n", row->text);
            continue;
        }
        const struct param *param = param_find(bytes_of_string(row->name));
        is_done = param == NULL || append_param(&explained, param, row->text);
    }
    return is_done && append_others(&explained);
}

bool config_has_more_than_parameters(const struct config *config)
{
    bool has_foreign = false;
    for (size_t i = 0; i < CONFIG_FOREIGN_WORDS; i++) {
        has_foreign = has_foreign || config->foreign[i] != 0;
    }
    return has_foreign || config->user_lines.len > 0 || config->renames != NULL;
}
