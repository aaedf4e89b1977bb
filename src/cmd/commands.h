/* commands.h - the families of the command table: one file each, its handlers with a row below each.
 *
 * A family is an array of rows ended by one without a name. commands.c puts them together; shard/ gets them at start.  */
#ifndef CMD_COMMANDS_H
#define CMD_COMMANDS_H

#include "base/result.h"
#include "shard/exec.h"

struct command_observer;

extern const struct command_spec connection_commands[]; /* cmd/connection.c: PING ECHO QUIT RESET SELECT AUTH HELLO */
extern const struct command_spec client_commands[];     /* cmd/client.c: CLIENT */
extern const struct command_spec server_commands[];     /* cmd/server.c: TIME SHUTDOWN MONITOR ROLE ... */
extern const struct command_spec config_commands[];     /* cmd/configuration.c: CONFIG */
extern const struct command_spec database_commands[];   /* cmd/database.c: DBSIZE FLUSHDB FLUSHALL SWAPDB */
extern const struct command_spec debug_commands[];      /* cmd/debug.c: DEBUG */
extern const struct command_spec info_commands[];       /* cmd/info.c: INFO */
extern const struct command_spec introspect_commands[]; /* cmd/introspect.c: COMMAND */
extern const struct command_spec slowlog_commands[];    /* cmd/slowlog.c: SLOWLOG */
extern const struct command_spec latency_commands[];    /* cmd/latency.c: LATENCY */
extern const struct command_spec cluster_commands[];    /* cmd/cluster.c: CLUSTER READONLY READWRITE */
extern const struct command_spec memory_commands[];     /* cmd/memory.c: MEMORY */
extern const struct command_spec string_commands[];     /* cmd/string.c */
extern const struct command_spec string_range_commands[];  /* cmd/string_range.c: APPEND GETRANGE SETRANGE STRLEN SUBSTR */
extern const struct command_spec string_number_commands[]; /* cmd/string_number.c: INCR family */
extern const struct command_spec string_lcs_commands[]; /* cmd/string_lcs.c: LCS */
extern const struct command_spec hash_commands[];       /* cmd/hash.c: HSET HGET HDEL ... */
extern const struct command_spec hash_number_commands[]; /* cmd/hash_number.c: HINCRBY HINCRBYFLOAT */
extern const struct command_spec hash_all_commands[];   /* cmd/hash_all.c: HGETALL HKEYS HVALS */
extern const struct command_spec hash_scan_commands[];  /* cmd/hash_scan.c: HSCAN */
extern const struct command_spec hash_random_commands[]; /* cmd/hash_random.c: HRANDFIELD */
extern const struct command_spec set_commands[];        /* cmd/set.c: SADD SREM SMOVE SISMEMBER ... */
extern const struct command_spec set_all_commands[];    /* cmd/set_all.c: SMEMBERS SSCAN */
extern const struct command_spec set_random_commands[]; /* cmd/set_random.c: SRANDMEMBER */
extern const struct command_spec set_pop_commands[];    /* cmd/set_pop.c: SPOP */
extern const struct command_spec set_algebra_commands[]; /* cmd/set_algebra.c: SINTER SUNION SDIFF ... */
extern const struct command_spec list_commands[];       /* cmd/list.c: LPUSH RPUSH LPUSHX RPUSHX LLEN LMOVE RPOPLPUSH */
extern const struct command_spec list_pop_commands[];   /* cmd/list_pop.c: LPOP RPOP LMPOP */
extern const struct command_spec list_read_commands[];  /* cmd/list_read.c: LRANGE LINDEX LPOS */
extern const struct command_spec list_edit_commands[];  /* cmd/list_edit.c: LSET LINSERT LREM LTRIM */
extern const struct command_spec key_commands[];        /* cmd/key.c: DEL UNLINK EXISTS TOUCH TYPE */
extern const struct command_spec key_move_commands[];   /* cmd/key_move.c: RENAME RENAMENX COPY MOVE */
extern const struct command_spec expire_commands[];     /* cmd/expire.c: EXPIRE family, TTL family, PERSIST */
extern const struct command_spec object_commands[];     /* cmd/object.c: OBJECT */
extern const struct command_spec scan_commands[];       /* cmd/scan.c: KEYS SCAN RANDOMKEY */
extern const struct command_spec dump_commands[];       /* cmd/dump.c: DUMP RESTORE */
extern const struct command_spec zset_algebra_commands[]; /* cmd/zset_algebra.c: ZUNION ZINTER ZDIFF, their STORE forms, ZINTERCARD */
extern const struct command_spec zset_commands[];        /* cmd/zset.c: single members of sorted sets */
extern const struct command_spec zset_range_commands[];  /* cmd/zset_range.c: ZRANGE and its forms, ZCOUNT, ZLEXCOUNT */
extern const struct command_spec zset_store_commands[];  /* cmd/zset_store.c: ZRANGESTORE */
extern const struct command_spec zset_remove_commands[]; /* cmd/zset_remove.c: ZREMRANGEBY..., ZPOPMIN, ZPOPMAX, ZMPOP */
extern const struct command_spec zset_random_commands[]; /* cmd/zset_random.c: ZRANDMEMBER */
extern const struct command_spec zset_scan_commands[];   /* cmd/zset_scan.c: ZSCAN */
extern const struct command_spec geo_commands[];        /* cmd/geo.c: GEOADD GEODIST GEOHASH GEOPOS */
extern const struct command_spec geo_search_commands[]; /* cmd/geo_search.c: GEOSEARCH GEORADIUS and kin */
extern const struct command_spec table_commands[];      /* cmd/table.c: TABLE.* rows */
extern const struct command_spec schema_commands[];     /* cmd/table_schema.c: TABLE.NAMESPACE.* TABLE.SCHEMA.* */
extern const struct command_spec bitmap_commands[];     /* cmd/bitmap.c: SETBIT GETBIT BITCOUNT BITPOS */
extern const struct command_spec bitop_commands[];      /* cmd/bitop.c: BITOP */
extern const struct command_spec bitfield_commands[];   /* cmd/bitfield.c: BITFIELD BITFIELD_RO */
extern const struct command_spec hyperloglog_commands[]; /* cmd/hyperloglog.c */
extern const struct command_spec sort_commands[];       /* cmd/sort.c: SORT SORT_RO */
extern const struct command_spec stream_commands[];     /* cmd/stream.c: XADD XDEL XLEN XSETID XTRIM */
extern const struct command_spec stream_read_commands[]; /* cmd/stream_read.c: XRANGE XREVRANGE XREAD */
extern const struct command_spec stream_group_commands[]; /* cmd/stream_group.c: XGROUP */
extern const struct command_spec stream_deliver_commands[]; /* cmd/stream_deliver.c: XREADGROUP */
extern const struct command_spec stream_pending_commands[]; /* cmd/stream_pending.c: XPENDING XACK */
extern const struct command_spec stream_claim_commands[]; /* cmd/stream_claim.c: XCLAIM XAUTOCLAIM */
extern const struct command_spec stream_info_commands[]; /* cmd/stream_info.c: XINFO */

/* All families in one table: copies of the rows, subcommands right behind their container, index and parent set. */
struct command_table {
    const struct command_spec *const *rows; /* by index; NULL-ended */
    uint32_t count;
};
/* False: no memory. Gives: command_table_destroy, after the server that uses it. */
MUST_USE bool command_table_create(struct command_table *out);
void command_table_destroy(struct command_table *table);

/* "get", "config|get": cut at COMMAND_NAME_MAX with the NUL. Returns the length. */
enum { COMMAND_NAME_MAX = 64 };
size_t command_full_name(const struct command_spec *spec, char out[COMMAND_NAME_MAX]);

/* Looks up "get", "config" or "config|get", case ignored; NULL. */
const struct command_spec *command_find_full(const struct server *server, struct bytes name);
/* The subcommand of a container, case ignored; NULL. */
const struct command_spec *command_find_below(const struct command_spec *container, struct bytes name);

/* What the loop tells about slow commands goes to the slow log and the latency log (cmd/observer.c). */
extern const struct command_observer command_observer;

/* Error texts that several families share. */
#define ERROR_SYNTAX "ERR syntax error"
#define ERROR_WRONG_TYPE "WRONGTYPE Operation against a key holding the wrong kind of value"
#define ERROR_NOT_INTEGER "ERR value is not an integer or out of range"
#define ERROR_NOT_INT32 "ERR value is out of range, value must between -2147483648 and 2147483647"
#define ERROR_NOT_FLOAT "ERR value is not a valid float"
#define ERROR_NO_MEMORY "OOM command not allowed when used memory > 'maxmemory'."
#define ERROR_NO_KEY "ERR no such key"
#define ERROR_OUT_OF_RANGE "ERR index out of range"
#define ERROR_NAN "ERR increment would produce NaN or Infinity"
#define ERROR_OVERFLOW "ERR increment or decrement would overflow"
#define ERROR_TOO_LONG "ERR string exceeds maximum allowed size (proto-max-bulk-len)"

/* The one table from result to text; RESULT_OK must not be asked for. */
const char *result_error_text(enum result result);
/* Replies the text of `result`. */
void reply_result_error(struct reply *reply, enum result result);
/* "ERR wrong number of arguments for 'get' command" / 'config|get'. */
void reply_arity_error(struct reply *reply, const struct command_spec *spec);
/* Integer argument, or replies ERROR_NOT_INTEGER and returns false. */
bool exec_int64_argument(struct exec *exec, uint32_t index, int64_t *out);
/* The number of an existing database, or replies `not_a_number` (NULL: ERROR_NOT_INTEGER, ERROR_NOT_INT32) or that it is out of
 * range.  */
bool exec_database_argument(struct exec *exec, uint32_t index, const char *not_a_number, uint32_t *out);

/* A container's HELP: a line for each of its rows with syntax and summary. */
void command_help(struct exec *exec);
/* The row of it, without what differs from container to container. */
#define COMMAND_HELP_ROW                                                                                                       \
    .name = "help", .run = command_help, .arity = 2, .scope = SCOPE_INSTANT, .flags = COMMAND_LOADING | COMMAND_STALE,         \
    .complexity = "O(1)", .summary = "Lists the subcommands."

#endif
