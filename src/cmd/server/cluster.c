/* cluster.c - CLUSTER, READONLY, READWRITE: every shard looks like a node of a Redis Cluster.
 *
 * With `shard-ports yes` shard i listens on port + 1 + i, and here it is a master with its range of slots. So any cluster
 * client sends each key to the thread that owns it. Nodes are called by the address that the client itself used.
 *
 * The plain port stands only in what NODES says on the plain port itself, as "myself": clients take the address that they connected
 * to for that node. It is a replica of shard 0, without slots. As a master its DBSIZE, the keys of all shards, would be added to
 * theirs (redis-cli --cluster info), and about a replica of nobody redis-cli warns. SLOTS and SHARDS, by which most clients go, and
 * NODES on the shards' own ports are about shards only.
 *
 * Ids are the run id with its last two digits replaced by the node's number: they stay while the process lives.
 * Read on    docs/COMPATIBILITY.md; the Redis Cluster specification for slots.  */
#include "base/number.h"
#include "base/slot.h"
#include "client/session.h"
#include "client/sessions.h"
#include "cmd/core/answers.h"
#include "cmd/server/cluster_node.h"
#include "cmd/server/cluster_slot_stats.h"
#include "cmd/server/server_rows.h"
#include "exec/exec.h"
#include "mem/heap.h"
#include "shard/server.h"
#include "shard/thread_stats.h"

#include <stdio.h>

enum { NODE_ID_LEN = 40, PLAIN_NODE = SHARD_COUNT_MAX };

static uint32_t last_slot(const struct server *server, uint32_t shard)
{
    return cluster_first_slot(server, shard + 1) - 1;
}

static void format_id(const struct server *server, uint32_t node, char out[NODE_ID_LEN + 1])
{
    snprintf(out, NODE_ID_LEN + 1, "%.38s%02x", server->run_id, node & 0xff);
}

static uint32_t my_node(const struct exec *exec)
{
    return exec->session->is_shard_port ? thread_number(exec->thread) : (uint32_t)PLAIN_NODE;
}

/* Clients that use TLS are told of ports for TLS. */
static int64_t node_port(const struct exec *exec, uint32_t node)
{
    const struct config *config = exec->server->config;
    const int64_t port = atomic_load_explicit(exec->session->is_tls ? &config->tls_port : &config->port, memory_order_relaxed);
    return node == PLAIN_NODE ? port : port + 1 + node;
}

/* The address, without port, that the client connected to. Through a unix socket it is this machine. */
static void format_host(const struct session *session, char out[SESSION_ADDRESS_MAX])
{
    session_local_address(session, out);
    char *colon = strrchr(out, ':');
    if (session->is_unix || colon == NULL) {
        snprintf(out, SESSION_ADDRESS_MAX, "127.0.0.1");
        return;
    }
    *colon = '\0';
    size_t len = strlen(out);
    if (len >= 2 && out[0] == '[' && out[len - 1] == ']') {
        memmove(out, out + 1, len - 2);
        out[len - 2] = '\0';
    }
}

/* --- who has which slots --- */

static void command_cluster_slots(struct exec *exec)
{
    if (!cluster_check_enabled(exec)) {
        return;
    }
    char host[SESSION_ADDRESS_MAX], id[NODE_ID_LEN + 1];
    format_host(exec->session, host);
    reply_array(exec->reply, exec->server->shard_count);
    for (uint32_t i = 0; i < exec->server->shard_count; i++) {
        format_id(exec->server, i, id);
        reply_array(exec->reply, 3);
        reply_integer(exec->reply, cluster_first_slot(exec->server, i));
        reply_integer(exec->reply, last_slot(exec->server, i));
        reply_array(exec->reply, 4);
        reply_bulk_string(exec->reply, host);
        reply_integer(exec->reply, node_port(exec, i));
        reply_bulk_string(exec->reply, id);
        reply_map(exec->reply, 0);
    }
}

static void reply_shard_node(struct exec *exec, uint32_t shard, const char *host)
{
    struct reply *reply = exec->reply;
    char id[NODE_ID_LEN + 1];
    format_id(exec->server, shard, id);
    reply_map(reply, 7);
    reply_bulk_string(reply, "id");
    reply_bulk_string(reply, id);
    reply_bulk_string(reply, "port");
    reply_integer(reply, node_port(exec, shard));
    reply_bulk_string(reply, "ip");
    reply_bulk_string(reply, host);
    reply_bulk_string(reply, "endpoint");
    reply_bulk_string(reply, host);
    reply_bulk_string(reply, "role");
    reply_bulk_string(reply, "master");
    reply_bulk_string(reply, "replication-offset");
    reply_integer(reply, 0);
    reply_bulk_string(reply, "health");
    reply_bulk_string(reply, "online");
}

static void command_cluster_shards(struct exec *exec)
{
    if (!cluster_check_enabled(exec)) {
        return;
    }
    char host[SESSION_ADDRESS_MAX];
    format_host(exec->session, host);
    reply_array(exec->reply, exec->server->shard_count);
    for (uint32_t i = 0; i < exec->server->shard_count; i++) {
        reply_map(exec->reply, 2);
        reply_bulk_string(exec->reply, "slots");
        reply_array(exec->reply, 2);
        reply_integer(exec->reply, cluster_first_slot(exec->server, i));
        reply_integer(exec->reply, last_slot(exec->server, i));
        reply_bulk_string(exec->reply, "nodes");
        reply_array(exec->reply, 1);
        reply_shard_node(exec, i, host);
    }
}

/* A line is "id host:port@0 flags master-id 0 0 0 connected first-last"; there is no cluster bus, so its port is 0. */
static bool append_shard(const struct exec *exec, uint32_t shard, const char *host, struct buffer *out)
{
    char id[NODE_ID_LEN + 1];
    format_id(exec->server, shard, id);
    return buffer_append_format(out, "%s %s:%lld@0 %smaster - 0 0 0 connected %u-%u\n", id, host,
                                (long long)node_port(exec, shard), shard == my_node(exec) ? "myself," : "",
                                cluster_first_slot(exec->server, shard), last_slot(exec->server, shard));
}

static bool append_plain_port(const struct exec *exec, const char *host, struct buffer *out)
{
    char id[NODE_ID_LEN + 1], master_id[NODE_ID_LEN + 1];
    format_id(exec->server, PLAIN_NODE, id);
    format_id(exec->server, 0, master_id);
    return buffer_append_format(out, "%s %s:%lld@0 myself,slave %s 0 0 0 connected\n", id, host,
                                (long long)node_port(exec, PLAIN_NODE), master_id);
}

static void command_cluster_nodes(struct exec *exec)
{
    if (!cluster_check_enabled(exec)) {
        return;
    }
    char host[SESSION_ADDRESS_MAX];
    format_host(exec->session, host);
    struct buffer text = BUFFER_EMPTY(MEM_OUTPUT_BUFFER);
    bool is_done = my_node(exec) != PLAIN_NODE || append_plain_port(exec, host, &text);
    for (uint32_t i = 0; is_done && i < exec->server->shard_count; i++) {
        is_done = append_shard(exec, i, host, &text);
    }
    if (is_done) {
        reply_verbatim(exec->reply, "txt", buffer_bytes(&text));
    } else {
        reply_result_error(exec->reply, RESULT_NO_MEMORY);
    }
    buffer_release(&text);
}

static void command_cluster_info(struct exec *exec)
{
    if (!cluster_check_enabled(exec)) {
        return;
    }
    char text[512];
    const uint32_t shard_count = exec->server->shard_count;
    int len = snprintf(text, sizeof text,
                       "cluster_state:ok\r\ncluster_slots_assigned:%d\r\ncluster_slots_ok:%d\r\ncluster_slots_pfail:0\r\n"
                       "cluster_slots_fail:0\r\ncluster_known_nodes:%u\r\ncluster_size:%u\r\ncluster_current_epoch:0\r\n"
                       "cluster_my_epoch:0\r\ncluster_stats_messages_sent:0\r\ncluster_stats_messages_received:0\r\n"
                       "total_cluster_links_buffer_limit_exceeded:0\r\n",
                       SLOT_COUNT, SLOT_COUNT, shard_count + (my_node(exec) == PLAIN_NODE), shard_count);
    reply_verbatim(exec->reply, "txt", (struct bytes){text, (size_t)len});
}

static void command_cluster_myid(struct exec *exec)
{
    char id[NODE_ID_LEN + 1];
    if (cluster_check_enabled(exec)) {
        format_id(exec->server, my_node(exec), id);
        reply_bulk_string(exec->reply, id);
    }
}

static void command_cluster_keyslot(struct exec *exec)
{
    if (cluster_check_enabled(exec)) {
        reply_integer(exec->reply, slot_of_key(exec->argv[2]));
    }
}

static void command_cluster_help(struct exec *exec)
{
    if (cluster_check_enabled(exec)) {
        command_help(exec);
    }
}

/* --- the keys of a slot: a walk over its shard's keys, in steps --- */

struct slot_job {
    struct job job;
    uint16_t slot;
    bool replies_keys;     /* GETKEYSINSLOT */
    uint64_t limit, found;
    uint64_t cursor;
    bool has_begun;
    size_t mark;           /* of the array of keys */
    struct reply *reply;
};

enum { SLOT_SCAN_KEYS = 128 };

static void visit_key(struct entry *entry, void *arg)
{
    struct slot_job *slots = arg;
    struct bytes key = entry_key(entry);
    if (slots->found == slots->limit || slot_of_key(key) != slots->slot) {
        return;
    }
    slots->found++;
    if (slots->replies_keys) {
        reply_bulk(slots->reply, key);
    }
}

static enum job_status slot_step(struct job *job, struct exec *exec)
{
    struct slot_job *slots = (struct slot_job *)job;
    slots->reply = exec->reply;
    if (!slots->has_begun && slots->replies_keys) {
        slots->mark = reply_deferred_begin(exec->reply);
    }
    slots->has_begun = true;
    struct keyspace *keyspace = &exec->shard->databases[exec->db];
    do {
        keyspace_scan(keyspace, &slots->cursor, SLOT_SCAN_KEYS, exec->now_ms, visit_key, slots);
        if (slots->cursor == 0 || slots->found == slots->limit) {
            if (slots->replies_keys) {
                reply_deferred_end(exec->reply, slots->mark, '*', slots->found);
            } else {
                reply_integer(exec->reply, (int64_t)slots->found);
            }
            return JOB_DONE;
        }
    } while (!exec_step_is_over(exec));
    return JOB_MORE;
}

static void slot_destroy(struct job *job, struct exec *exec)
{
    (void)exec;
    thread_free(MEM_SERVER, job, sizeof(struct slot_job));
}

static void start_slot_job(struct exec *exec, int64_t slot, uint64_t limit, bool replies_keys)
{
    struct slot_job *slots = thread_alloc_zeroed(MEM_SERVER, sizeof *slots);
    if (slots == NULL) {
        reply_result_error(exec->reply, RESULT_NO_MEMORY);
        return;
    }
    uint32_t shard = slot_to_shard((uint16_t)slot, exec->server->shard_count);
    slots->job = (struct job){.step = slot_step, .destroy = slot_destroy, .shard = (int32_t)shard};
    slots->slot = (uint16_t)slot;
    slots->limit = limit;
    slots->replies_keys = replies_keys;
    exec_start_job(exec, &slots->job);
}

static void command_cluster_countkeysinslot(struct exec *exec)
{
    int64_t slot;
    if (!cluster_check_enabled(exec) || !exec_int64_argument(exec, 2, &slot)) {
        return;
    }
    if (slot < 0 || slot >= SLOT_COUNT) {
        reply_error(exec->reply, "ERR Invalid slot");
        return;
    }
    start_slot_job(exec, slot, UINT64_MAX, false);
}

static void command_cluster_getkeysinslot(struct exec *exec)
{
    int64_t slot, limit;
    if (!cluster_check_enabled(exec) || !exec_int64_argument(exec, 2, &slot) || !exec_int64_argument(exec, 3, &limit)) {
        return;
    }
    if (slot < 0 || slot >= SLOT_COUNT || limit < 0) {
        reply_error(exec->reply, "ERR Invalid slot or number of keys");
        return;
    }
    start_slot_job(exec, slot, (uint64_t)limit, true);
}

/* Every node is a master and takes reads anyway. */
static void command_read_mode(struct exec *exec)
{
    if (cluster_check_enabled(exec)) {
        reply_ok(exec->reply);
    }
}

static const struct command_spec cluster_subcommands[] = {
    {.name = "countkeysinslot", .run = command_cluster_countkeysinslot, .arity = 3, .scope = SCOPE_SESSION,
     .flags = COMMAND_STALE, .since = "3.0.0", .group = "cluster", .complexity = "O(N), N the number of the shard's keys",
     .summary = "Counts the keys of a slot.", .syntax = "slot"},
    {.name = "getkeysinslot", .run = command_cluster_getkeysinslot, .arity = 4, .scope = SCOPE_SESSION,
     .flags = COMMAND_STALE, .since = "3.0.0", .group = "cluster", .complexity = "O(N), N the number of the shard's keys",
     .summary = "Returns keys of a slot.", .syntax = "slot count", .tips = "nondeterministic_output"},
    {.name = "help", .run = command_cluster_help, .arity = 2, .scope = SCOPE_INSTANT,
     .flags = COMMAND_LOADING | COMMAND_STALE, .since = "5.0.0", .group = "cluster", .complexity = "O(1)",
     .summary = "Lists the subcommands."},
    {.name = "info", .run = command_cluster_info, .arity = 2, .scope = SCOPE_INSTANT, .flags = COMMAND_STALE,
     .since = "3.0.0", .group = "cluster", .complexity = "O(1)", .summary = "Returns the state of the cluster of shards.",
     .tips = "nondeterministic_output"},
    {.name = "keyslot", .run = command_cluster_keyslot, .arity = 3, .scope = SCOPE_INSTANT, .flags = COMMAND_STALE,
     .since = "3.0.0", .group = "cluster", .complexity = "O(N), N the number of bytes in the key",
     .summary = "Returns the slot of a key.", .syntax = "key"},
    {.name = "myid", .run = command_cluster_myid, .arity = 2, .scope = SCOPE_INSTANT, .flags = COMMAND_STALE,
     .since = "3.0.0", .group = "cluster", .complexity = "O(1)", .summary = "Returns the id of the node that this port is."},
    {.name = "nodes", .run = command_cluster_nodes, .arity = 2, .scope = SCOPE_INSTANT, .flags = COMMAND_STALE,
     .since = "3.0.0", .group = "cluster", .complexity = "O(N), N the number of shards",
     .summary = "Returns a line about each node: every shard, and the plain port if that is asked.",
     .tips = "nondeterministic_output"},
    {.name = "shards", .run = command_cluster_shards, .arity = 2, .scope = SCOPE_INSTANT, .flags = COMMAND_STALE,
     .since = "7.0.0", .group = "cluster", .complexity = "O(N), N the number of shards",
     .summary = "Returns the shards with their slots and nodes.", .tips = "nondeterministic_output"},
    {.name = "slot-stats", .run = command_cluster_slot_stats, .arity = -4, .scope = SCOPE_SESSION, .flags = COMMAND_STALE,
     .since = "8.0.0", .group = "cluster", .complexity = "O(K + N log N), K the number of the shards' keys, N that of the slots",
     .summary = "Returns the number of keys and bytes of slots.",
     .syntax = "(SLOTSRANGE start-slot end-slot)|(ORDERBY metric [LIMIT limit] [ASC|DESC])", .tips = "nondeterministic_output"},
    {.name = "slots", .run = command_cluster_slots, .arity = 2, .scope = SCOPE_INSTANT, .flags = COMMAND_STALE,
     .since = "3.0.0", .group = "cluster", .complexity = "O(N), N the number of shards",
     .summary = "Returns the ranges of slots with their nodes.", .tips = "nondeterministic_output"},
    {0},
};

const struct command_spec cluster_commands[] = {
    {.name = "cluster", .arity = -2, .since = "3.0.0", .group = "cluster", .complexity = "Depends on the subcommand.",
     .summary = "Commands about the cluster that the shards form.", .subcommands = cluster_subcommands},
    {.name = "readonly", .run = command_read_mode, .arity = 1, .scope = SCOPE_INSTANT,
     .flags = COMMAND_LOADING | COMMAND_STALE | COMMAND_FAST, .since = "3.0.0", .group = "cluster", .acl = "connection",
     .complexity = "O(1)", .summary = "Allows reads from nodes that are replicas; here no node is one."},
    {.name = "readwrite", .run = command_read_mode, .arity = 1, .scope = SCOPE_INSTANT,
     .flags = COMMAND_LOADING | COMMAND_STALE | COMMAND_FAST, .since = "3.0.0", .group = "cluster", .acl = "connection",
     .complexity = "O(1)", .summary = "Takes READONLY back."},
    {0},
};
