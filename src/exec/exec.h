/* exec.h - what a command handler sees, and what a row of the command table says.
 *
 * This room runs commands without knowing any: src/cmd hands it the table at start (server_options.commands).
 *
 * Threads    A handler runs on the thread that holds the batons its scope promises; that need not be the thread of the
 *            connection. It must not keep `exec`, argv or anything lent past its return, except as a job does.  */
#ifndef EXEC_EXEC_H
#define EXEC_EXEC_H

#include "base/attributes.h"
#include "base/bytes.h"
#include "data/keyspace.h"
#include "effect/event.h"
#include "net/reply.h"
#include "shard/key_lock.h"
#include "shard/waits.h"

#include <stdbool.h>
#include <stdint.h>

struct call;
struct call_link;
struct collection;
struct errand;
struct exec;
struct job;
struct parts;
struct server;
struct session;
struct shard;
struct thread;

/* Redis's command flags (COMMAND INFO prints them under their names). */
enum command_flag {
    COMMAND_WRITE = 1 << 0,
    COMMAND_READONLY = 1 << 1,
    COMMAND_DENYOOM = 1 << 2,
    COMMAND_ADMIN = 1 << 3,
    COMMAND_PUBSUB = 1 << 4,
    COMMAND_NOSCRIPT = 1 << 5,
    COMMAND_BLOCKING = 1 << 6,
    COMMAND_LOADING = 1 << 7,
    COMMAND_STALE = 1 << 8,
    COMMAND_SKIP_MONITOR = 1 << 9,
    COMMAND_SKIP_SLOWLOG = 1 << 10,
    COMMAND_FAST = 1 << 11,
    COMMAND_NO_AUTH = 1 << 12,
    COMMAND_MAY_REPLICATE = 1 << 13, /* not a write, but others hear of it: not in read-only scripts, nor during CLIENT PAUSE WRITE */
    COMMAND_NO_MULTI = 1 << 14,
    COMMAND_MOVABLE_KEYS = 1 << 15,
    COMMAND_ALLOW_BUSY = 1 << 16,
    COMMAND_NO_ASYNC_LOADING = 1 << 17,
    COMMAND_SENTINEL = 1 << 18,
    COMMAND_NOT_QUEUED = 1 << 19, /* ours: runs at once after MULTI, too */
    COMMAND_FOR_SUBSCRIBERS = 1 << 20, /* ours: may be used while a connection in RESP2 has subscriptions */
    COMMAND_KEEPS_CACHING = 1 << 27, /* ours: behind it CLIENT CACHING still holds for the next command */
    COMMAND_NO_MANDATORY_KEYS = 1 << 22,
    COMMAND_NAMES_PREPARED = 1 << 23, /* ours: argv[1] as sent names a statement of the connection's; its text stands there when it is run: prepared.h */
    COMMAND_IN_ORDER = 1 << 21,   /* ours, SCOPE_INSTANT: not before what stands before it in its pipeline is done */
};

/* What a command needs, and so where and when it runs. */
enum command_scope {
    /* No data of any shard: runs on its connection's thread at the moment of parsing, in its place in the pipeline
     * (PING, ECHO, SELECT, COMMAND). exec->session is set. May change the session. Must be short.  */
    SCOPE_INSTANT,
    /* The keys that the row names. All on one shard: runs there in a batch, exec->shard set, exec->session NULL. On several:
     * waits for everything before it in its pipeline, then runs with all their batons. The code is the same: it reaches each
     * key through exec_keyspace().  */
    SCOPE_KEYS,
    /* route() names the shard: like SCOPE_KEYS on one shard; or ROUTE_ALL. */
    SCOPE_ROUTED,
    /* Waits for everything before it in its pipeline and runs exclusively, on the connection's thread, without any baton:
     * exec->session is set. It may start a job or call the other threads.  */
    SCOPE_SESSION,
    /* As SCOPE_SESSION, with all batons held: one short step over all shards (SWAPDB, table DDL). */
    SCOPE_ALL,
    /* As SCOPE_SESSION, with the batons of the keys that the row names (WATCH). */
    SCOPE_SESSION_KEYS,
    /* EXEC: the transaction's commands say what it needs. On one shard as SCOPE_KEYS, else as SCOPE_SESSION_KEYS. */
    SCOPE_TRANSACTION,
    /* A script: as SCOPE_SESSION, with the batons of the keys that the row names, or with all, as `needs_all` of the row says. */
    SCOPE_SCRIPT,
};

typedef void command_fn(struct exec *exec);

enum { ROUTE_ALL = -1 };
/* Runs on the connection's thread inside an epoch section, without a baton: it may read the catalogue
 * (server->catalogue), nothing else. A shard's number, or ROUTE_ALL: the command then runs as with SCOPE_ALL. It may leave a
 * pointer in exec->routed: the handler gets it back only if no route changed in between (exec_routes_changed).  */
typedef int32_t command_route_fn(struct exec *exec);
/* Under all batons: would the command have to wait for a job? True: exec_wait_for was called. What a key of the row has pinned or
 * locked is looked at besides.  */
typedef bool command_waits_fn(struct exec *exec);

/* Which tables the words name, for a row whose tables stand elsewhere than in argv[1] (names_table): called for each, "ns.t", lent until it
 * returns. `needs`: enum command_table_need, together. Words that are no statement name none: their handler refuses them.
 *
 * Returns  false when the words could not be read for want of memory  */
enum command_table_need { TABLE_IS_READ = 1, TABLE_IS_WRITTEN = 2 };
typedef void command_table_fn(struct bytes table, uint32_t needs, void *arg);
typedef bool command_tables_fn(const struct bytes *argv, uint32_t argc, command_table_fn *tell, void *arg);

/* SCOPE_SCRIPT, on the connection's thread, without a baton: may it use keys that its words do not name? */
typedef bool command_needs_all_fn(const struct server *server, const struct bytes *argv, uint32_t argc);

/* Key positions as COMMAND INFO prints them: first 0 = no keys; last < 0 counts from the end. */
struct command_keys {
    int16_t first, last, step;
};

/* Where the keys of a command are, as Redis 7's key specifications say it, for commands that {first, last, step} cannot
 * describe: read by exec/command_keys.h. An array of them ends with a row without flags. When `keys` has a first one, it is
 * the first one here.  */
enum key_search {
    KEYS_RANGE,   /* from the first one to `last`, `step` apart, `limit` as in Redis */
    KEYS_COUNTED, /* as many as the word `count_index` behind the first one says, beginning `first` behind it, `step` apart */
};
struct command_key_spec {
    const char *flags;   /* "RO access", "OW update" ... */
    const char *keyword; /* they begin behind this word, looked for from `index` on (negative: from the end backwards);
                            NULL: at `index` */
    int16_t index;
    uint8_t search;      /* enum key_search */
    int16_t last;        /* relative to the first; negative: from the end, -1 the last word */
    int16_t step;        /* 0 means 1 */
    int16_t limit;       /* with last -1: the keys are the first 1/limit of the words that are left (XREAD: 2); 0: all */
    int16_t count_index, first;
    bool is_unknown;     /* COMMAND INFO says that the place is not known; with a keyword, as SORT's STORE is found; without, there
                            are no words for these keys (SORT's BY and GET) */
};

/* What a command does in one step at most, when it does something for each word. */
enum { EXEC_WORDS_MAX = 2048 };

struct command_spec {
    const char *name;          /* lower case; "table.insert"; containers ("config|get") are not separate rows: see subcommands */
    command_fn *run;
    command_route_fn *route;   /* SCOPE_ROUTED only */
    command_needs_all_fn *needs_all; /* SCOPE_SCRIPT only */
    command_tables_fn *tables; /* NULL: none but what names_table says */
    command_waits_fn *waits;   /* asked before it runs inside a transaction; NULL: it waits for nothing but keys */
    int16_t arity;             /* with the name; negative: at least */
    uint8_t scope;             /* enum command_scope */
    uint32_t flags;            /* enum command_flag */
    struct command_keys keys;
    const char *since;         /* "1.0.0": Redis's; Tessera's own commands say "1.0.0" */
    const char *group;         /* "string", "generic", "server", "connection", "table" ... */
    const char *acl;           /* categories beyond those that follow from flags and group, "keyspace dangerous", "-keyspace" for
                                  one that does follow but is not its; NULL none */
    const char *complexity;    /* "O(1)" */
    const char *summary;       /* one sentence, ours */
    const char *syntax;        /* arguments, for COMMAND DOCS and HELP: "key value [NX|XX] [EX seconds|PX milliseconds]" */
    const char *tips;          /* COMMAND INFO's tips, "nondeterministic_output request_policy:all_shards"; NULL none */
    const char *key_flags;     /* COMMAND INFO's flags of each key specification, in order, between them '|': "RW access delete |
                                  OW update". One: it covers all the keys; several: one key each, the last one all that are left. NULL: by
                                  the flags, "RO access" or "RW update".  */
    const struct command_key_spec *key_specs; /* instead of key_flags where `keys` cannot say it; NULL: `keys` says it. `keys` are
                                                 then what COMMAND INFO prints as first, last and step.  */
    const struct command_spec *subcommands; /* rows named "get", "set"; ended by a row without a name. NULL: none. When set, the
                                               dispatcher looks up argv[1] here; run answers the bare name (COMMAND), NULL: an
                                               arity error.  */
    bool names_table;          /* argv[1] is a table's name. To the server that is no key; COMMAND says that it is, so that the client libraries of
                                  clusters send the command somewhere */
    bool locks_when_long;      /* a call of more than EXEC_WORDS_MAX words is a job that locks its keys itself: before that nobody looks
                                  at them */
    uint16_t index;            /* set at start: its place in statistics */
    const struct command_spec *parent; /* set at start */
};

/* For what a command waits. */
struct exec_wait {
    struct shard *shard;
    uint64_t number;
    uint8_t kind, group; /* enum wait_kind, wait_group */
};

enum block_state {
    BLOCK_NONE,
    BLOCK_BLOCKED, /* the handler has called exec_block: there was nothing for it */
    BLOCK_SERVED,  /* it runs for a client that is blocked, by the words for one of its keys */
};

/* One command being run. */
struct exec {
    struct server *server;
    struct thread *thread;          /* that runs it */
    struct shard *shard;            /* the one shard of SCOPE_KEYS and SCOPE_ROUTED; a job's current shard; else NULL */
    struct session *session;        /* SCOPE_INSTANT, SCOPE_SESSION, SCOPE_ALL and jobs; else NULL */
    const struct command_spec *spec;
    const struct bytes *argv;       /* argv[0] is the command's name as sent; lent until the reply is done */
    uint32_t argc;
    uint32_t db;                    /* the selected database when it was sent */
    uint64_t first_key_hash;        /* of argv[spec->keys.first], or of the first key that the specifications give; 0 when not
                                       computed */
    void *routed;
    uint64_t routed_number;         /* route() may leave it for the handler; 0 at first, and kept when the command is routed again, */
    uint64_t routed_of;             /* with what it belongs to, by route()'s own numbering */
    struct reply *reply;
    int64_t now_ms;                 /* wall clock, one value for the whole command */
    struct call *call;              /* the room's own; NULL in a finish function whose connection died */
    struct job *job;                /* exec_start_job */
    struct parts *parts;            /* exec_start_parts of part.h */
    struct errand *errand;          /* exec_send_errand of errand.h */
    struct call_link *elsewhere;    /* exec_call_threads, exec_block */
    bool must_wait;                 /* exec_wait_for, which sets `wait` */
    struct exec_wait wait;
    struct ticket *ticket;          /* of a call or job that has waited; NULL: it has not. exec/waiting.h */
    uint32_t pause_ms;              /* JOB_PAUSE */
    bool must_finish;               /* a job says so: half of it would be seen, so it goes on when its client has gone (not when the
                                       server stops) */
    bool is_no_touch;               /* CLIENT NO-TOUCH: leave access fields alone */
    bool is_out_of_memory;          /* SCOPE_SCRIPT: there is no room for what needs memory; else not set */
    bool is_spread;                 /* SCOPE_KEYS over several shards */
    uint8_t depth;                  /* how many commands it runs inside of: exec_run_inside */
    uint8_t effects;                /* enum exec_effects */
    uint8_t block_state;            /* enum block_state */
    uint64_t unit;                  /* of its effects; 0: it has none yet, or one shard */
    int64_t look_ms;                /* BLOCK_BLOCKED inside another: what exec_block was given; else not set */
};

struct key exec_key_of(const struct exec *exec, struct bytes name);
/* The key in argv[index], with its hash. Inline: returned by a call, in pieces, and then copied as a whole, it costs SET 4 % of its time. */
static inline struct key exec_key(const struct exec *exec, uint32_t index)
{
    if (LIKELY((int32_t)index == exec->spec->keys.first && exec->first_key_hash != 0)) {
        return (struct key){exec->argv[index], exec->first_key_hash};
    }
    return exec_key_of(exec, exec->argv[index]);
}
/* The keyspace that holds `key` in the selected database, or in database `db`. Its shard's baton is held. */
struct keyspace *exec_keyspace(const struct exec *exec, struct key key);
struct keyspace *exec_keyspace_in(const struct exec *exec, struct key key, uint32_t db);
/* keyspace_find for reading: counts a hit or a miss (INFO stats) and notes the access. */
struct entry *exec_find_read(struct exec *exec, struct key key);
/* The same for a command that asks about the key itself: no access is noted, and no miss is told as an event. */
struct entry *exec_find_quietly(struct exec *exec, struct key key);
/* keyspace_find for writing. */
struct entry *exec_find_write(struct exec *exec, struct key key);

/* --- the report of a change: src/effect --- */

enum exec_effects {
    EFFECTS_NONE,  /* nothing was changed */
    EFFECTS_OWED,  /* something was: the command's words repeat it, reported when the handler or step returns */
    EFFECTS_GIVEN, /* the handler, or the loop after an earlier step, has reported them */
};

/* The one report of a change of a key: it counts, and watchers, notifications, log and replicas follow from it. In the step that
 * changes, after the change, under the baton.  */
void exec_changed(struct exec *exec, struct key key, enum event event);
/* The same for a change in another database. */
void exec_changed_in(struct exec *exec, uint32_t db, struct key key, enum event event);
/* The same for a change that Redis counts as `count`: one for each member added or removed. 0: an event that changes nothing. */
void exec_changed_by(struct exec *exec, struct key key, enum event event, uint64_t count);
/* What happens to a key besides by a change that is reported already, and counted: SET with a time is an "expire", too, and a
 * list that has become empty a "del".  */
void exec_event(struct exec *exec, struct key key, enum event event);
void exec_event_in(struct exec *exec, uint32_t db, struct key key, enum event event);
/* A notice: EVENT_NEW where the new value of a key has replaced another one but counts as a new key, as in Redis (the keyspaces tell of those that
 * were not there); EVENT_KEYMISS where a reader has missed it (exec_find_read tells it itself).  */
void exec_notice_in(const struct exec *exec, uint32_t db, struct key key, enum event event);
bool exec_wants_notices(const struct exec *exec);
/* For changes that are no event of Redis's (XACK), or not one key's (FLUSHALL, table rows): adds to rdb_changes_since_last_save. With
 * count 0, too, the command is to be repeated.  */
void exec_count_changes(struct exec *exec, uint64_t count);

/* How to repeat what was changed. Unless the handler says it, by the command's own words: as soon as the handler, or the step of a
 * job, returns in which the first change was reported. So a job that changes a key in several steps pins it meanwhile.
 *
 * A handler says it when its words would not do the same again at another time, on another server (INCRBYFLOAT, SPOP, a TTL
 * from now), or when its keys are on several shards (exec->is_spread: each shard's effects stand for themselves). It calls
 * exec_effect right after each change; then its own words are not reported.
 *
 * exec_wants_effects  somebody listens: false saves making words that nobody reads
 * exec_effect         words[0..count) on the shard of `key`, in database exec->db; borrowed
 * exec_effect_in      the same in another database
 * exec_effect_none    what was reported as a change needs no repetition, or stands in effects that are given already
 * exec_effect_lost    memory for the words was refused: whoever listens is told that it has a gap  */
bool exec_wants_effects(const struct exec *exec);
void exec_effect(struct exec *exec, struct key key, const struct bytes *words, uint32_t count);
void exec_effect_in(struct exec *exec, uint32_t db, struct key key, const struct bytes *words, uint32_t count);
void exec_effect_none(struct exec *exec);
/* This room's own: the command's words are reported as its effect, since exec->effects is EFFECTS_OWED. Before the batons are given up. */
void exec_report_words(struct exec *exec);
void exec_effect_lost(struct exec *exec);

/* Of rows of tables: what they report on several shards until exec_end_unit belongs together. Where one shard's baton is held these
 * do nothing.  */
void exec_begin_unit(const struct exec *exec);
void exec_end_unit(const struct exec *exec);

/* Has this time come, so that a key with it as its expiry goes at once? Never where keys go only when another server says so. */
bool exec_is_past(const struct exec *exec, int64_t expiry_ms);

/* Scratch memory, 16-byte aligned, gone when the handler (or a job's step) returns. NULL when refused. */
void *exec_scratch(struct exec *exec, size_t size) MUST_USE;

/* What the command needs is locked by another one that goes on in steps. First come, first served, by subject: `kind` and `number` (a key's
 * hash, a table's address) in `shard`, whose baton is held.
 *
 * exec_must_queue    somebody else waits there who came earlier, with whom one of `group` may not go together: so this one may not come before
 * exec_wait_for      a handler returns after it, and is run again as a whole; a step returns JOB_WAIT after it. Nothing was changed or replied
 * exec_call_waiters  whoever gives something up says so: those who are next try again  */
MUST_USE bool exec_must_queue(const struct exec *exec, const struct shard *shard, enum wait_kind kind, uint64_t number,
                              enum wait_group group);
void exec_wait_for(struct exec *exec, struct shard *shard, enum wait_kind kind, uint64_t number, enum wait_group group);
void exec_call_waiters(const struct exec *exec, struct shard *shard, enum wait_kind kind, uint64_t number);
/* Under all batons, after a change of what route functions read: commands already routed are routed again. */
void exec_routes_changed(struct exec *exec);
/* This command is answered, whatever CLIENT REPLY said before it. */
void exec_reply_always(struct exec *exec);
/* The connection ends when the reply of this command has been sent. */
void exec_close_after_reply(struct exec *exec);
/* What there is to say was pushed to the session (client/sessions.h). */
void exec_reply_nothing(struct exec *exec);
/* For commands that run beside a script that holds shards, and should not once it takes long. True: it does, and BUSY was replied. */
MUST_USE bool exec_refuse_busy(struct exec *exec);

/* --- commands inside commands --- */

/* Runs a command at once, under the batons that the outer one (`exec`: a handler's, or a step's) holds, and replies into `reply`, which was
 * begun for it alone, in RESP2 or RESP3. Steps of its job follow each other without a pause. Memory for it is the outer command's
 * care: nothing is evicted. It is counted and reported as slow like any other; its effects are of the outer one's unit.
 *
 * An error in its place: ERR, it needs a shard that is not held, or all threads, or is the EXEC_DEPTH_MAXth inside another; TRYAGAIN, it would have to wait for a job that has pinned
 * its keys, or for a locked table. Nothing was changed then, except by a job that had to wait in the middle.
 *
 * `words` are lent until the return. SCOPE_INSTANT and SCOPE_SESSION commands need exec->session.  */
enum { EXEC_DEPTH_MAX = 4 };
void exec_run_inside(struct exec *exec, struct bytes *words, uint32_t word_count, struct reply *reply);
/* The same with the row that command_choose has found for the words. */
void exec_run_chosen_inside(struct exec *exec, const struct command_spec *spec, struct bytes *words, uint32_t word_count, struct reply *reply);

/* --- jobs: commands that take many steps --- */

enum job_status {
    JOB_MORE, /* call step again, in this turn or a later one; other connections are served in between */
    JOB_WAIT, /* something is locked, exec_wait_for has said what: call again when it may be free */
    JOB_PAUSE, /* something is not ready that tells nobody when it is: call again in exec->pause_ms, 1 unless the step says otherwise */
    JOB_PARTS, /* it has started parts (exec/part.h): call again when they are done */
    JOB_AWAY, /* it has sent an errand (exec/errand.h): call again when that is back */
    JOB_DONE, /* the reply is complete */
};
/* JOB_OWN_SHARDS: for paused.c of this room, whose steps take and give up their batons themselves, and go on when the client has gone. */
enum { JOB_NO_SHARD = -1, JOB_ALL_SHARDS = -2, JOB_OWN_SHARDS = -3, JOB_STEP_US = 50 };

/* Embedded as the first member of the maker's own structure (from thread_alloc). Runs on the connection's thread; its
 * connection waits. Each step gets the baton of `shard` (it may change `shard` for the next step), should end after about
 * JOB_STEP_US, and adds to exec->reply, which stays the same reply over all steps. The words of the command move before the
 * first step: a step reads exec->argv, and keeps no pointer that the handler took from it.  */
struct job {
    enum job_status (*step)(struct job *job, struct exec *exec);
    /* Frees the job and gives up what it holds (pins, locks): after JOB_DONE, with the batons that a step would get; or when the
     * connection died in between, with all batons (then `exec` has no session and no shard).  */
    void (*destroy)(struct job *job, struct exec *exec);
    int32_t shard; /* a shard's number, JOB_NO_SHARD or JOB_ALL_SHARDS */
};

/* Replaces the rest of this command by `job`; the handler returns at once. From SCOPE_SESSION and SCOPE_ALL handlers, and
 * from SCOPE_KEYS and SCOPE_ROUTED ones (which then must not have changed or replied anything before).  */
void exec_start_job(struct exec *exec, struct job *job);

/* A job that reads collections or long strings in steps pins their keys: until they are unpinned no command may write them (the
 * loop lets writers wait), and their structures stay as they are, so that a walk may go on from step to step. A job that keeps a
 * detached value in a shard's heap between its steps pins a key there as well (with entry NULL: the audit waits for it).
 *
 * exec_pin     under the baton of the key's shard, in the handler or a step. `entry`: the key's; NULL: there is none. A collection
 *              or raw string stays even when it expires or its database is swapped; what stands in its entry may then go. False:
 *              a writer waits for the key, it is locked, or no memory; exec_wait_for was called. The caller unpins what it has and
 *              returns (a step: JOB_WAIT).
 * exec_claim   in a step, before what is at `key` is changed or replaced: true when no job but the caller's reads it, of which `own`
 *              may be on it, too (NULL: none). False: exec_wait_for was called; the caller returns JOB_WAIT and asks again; no new readers come before it, nor those who
 *              wait for the caller's own pin.
 * exec_pin_locked  exec_pin, in a step, of a key that a granted shared lock of the job's own has: nobody is waited for. False: no memory.
 * exec_unpin   under the same baton (or all); in `destroy`, too. Does nothing when there is no pin.  */
struct pin {
    struct shard *shard;           /* NULL: no pin */
    struct collection *collection; /* of the entry; NULL: it has none */
    struct raw_string *raw;        /* the same; raw_string_text may be read without the baton */
    uint64_t hash;
    bool is_guarded;               /* the saving's: pin_put of pin.h */
};
MUST_USE bool exec_pin(struct exec *exec, struct key key, struct entry *entry, struct pin *out);
MUST_USE bool exec_pin_locked(struct exec *exec, struct key key, struct entry *entry, struct pin *out);
MUST_USE bool exec_claim(struct exec *exec, struct key key, const struct pin *own);
void exec_unpin(struct exec *exec, struct pin *pin);

/* A job that changes keys over several steps, or that has to see many keys at one moment, locks them: then nobody sees half of it.
 * Commands that name one of the keys wait (shared: those that write it), and the keys neither expire nor are evicted: the job's steps
 * set exec->now_ms to what it was when the lock was granted.
 *
 * key_lock_open, key_lock_add   (shard/key_lock.h) before that, without a baton; key_lock_close at the end. Or key_lock_open_all, for whoever does
 *                not know the keys: then all that write wait, on the shards whose batons are held
 * exec_lock      in a step, under the batons of all the keys' shards (one shard's, or all), again and again until it is true: the
 *                lock is granted. False: exec_wait_for was called; return JOB_WAIT. Not together with pins,
 *                but those of exec_pin_locked; and whoever has it waits for nothing else
 * exec_unlock    under the same batons (or all): in destroy. Does nothing when it was not asked for.  */
MUST_USE bool exec_lock(struct exec *exec, struct key_lock *lock);
void exec_unlock(struct exec *exec, struct key_lock *lock);
/* Under all batons, for a command that sees more than the keys that it names: a job is changing keys over several steps, and would be seen half
 * done. True: exec_wait_for was called.  */
bool exec_waits_for_changes(struct exec *exec);
/* The same for one that reads what other keys have: also while a job only keeps others from reading some. */
bool exec_waits_for_hidden_keys(struct exec *exec);

/* True once about JOB_STEP_US have passed since this step began: it must end. Cheap (a time-stamp read). */
bool exec_step_is_over(const struct exec *exec);

/* --- blocking --- */

enum block_over {
    BLOCK_OVER_NULL,
    BLOCK_OVER_ZERO,  /* WAIT */
    BLOCK_OVER_ZEROS, /* WAITAOF: an array of two */
};

/* What a handler waits for that has found nothing. As soon as one of the keys has something, the command is run again for this key alone: the
 * others leave its words, so that argv[first_key] is the key, argv[count_at] is 1, and its id is the last word.  */
struct block {
    uint32_t first_key, key_count; /* in argv; 0 keys: for the time alone */
    uint32_t count_at;             /* argv index of the number of keys; 0: none */
    const struct bytes *ids;       /* XREAD: one for each key, in place of those that end the command; NULL: none */
    uint8_t type;                  /* enum value_type of what it waits for: while a key holds another one, nothing happens */
    bool ends_without;             /* XREADGROUP: it is run, too, when the key has gone or holds something else */
    uint8_t when_over;             /* enum block_over: the reply when the time is over */
    int64_t timeout_ms;            /* 0: for ever */
    int64_t look_ms;               /* wall: it is run again then, also when no key has changed; 0: never */
};
/* From SCOPE_KEYS and SCOPE_SESSION handlers that have changed and replied nothing; the handler returns at once. False: it may not block (inside
 * another command, or run for a blocked client): the handler replies as if the time was over.  */
MUST_USE bool exec_block(struct exec *exec, const struct block *block);
/* Does it run for a blocked client? */
static inline bool exec_is_for_blocked(const struct exec *exec)
{
    return exec->block_state == BLOCK_SERVED;
}

/* --- handlers that may run long: scope SCOPE_SCRIPT, and what EXEC runs with one; paused.h ---
 *
 * Asked again and again, where no command of the handler's is in its middle:
 * exec_pause_is_due   it has run long enough for now
 * exec_pause          others have their turn; then it goes on. False: it has not paused, and goes on
 * exec_must_end       the server stops, or the connection is gone before anybody knew that this takes long: to be returned from as soon as
 *                     it can  */
bool exec_pause_is_due(const struct thread *thread);
bool exec_pause(struct thread *thread);
bool exec_must_end(const struct thread *thread);

/* --- all threads in turn --- */

/* From SCOPE_SESSION handlers: `run` runs on each thread, 0 .. N-1, one after the other, each between two of its turns and
 * without a baton; then `finish` runs on the connection's thread with the reply. `arg` belongs to whoever it runs on.
 * Instead of replying, finish may start a job. When the connection died meanwhile it is called with exec->session NULL: then it
 * frees arg and does no more.  */
typedef void threads_call_fn(struct thread *thread, void *arg);
typedef void threads_finish_fn(struct exec *exec, void *arg);
void exec_call_threads(struct exec *exec, threads_call_fn *run, threads_finish_fn *finish, void *arg);

#endif
