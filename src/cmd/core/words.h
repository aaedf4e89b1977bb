/* words.h - commands with very many words: a job that takes some words a step, with its keys locked, so that it is one command for
 * everybody else.
 *
 *   CHECK   the words alone are looked at, some a step: what is wrong is replied before anything has changed
 *   KEYS    where words are keys: they are put into the lock
 *   LOCK    until the lock is granted
 *   RUN     begin once, then some words a step, then finish: under the keys' batons
 *
 * Handlers do as many words as EXEC_WORDS_MAX at once; of more they call words_start and return. Their rows say .locks_when_long.
 *
 * Threads    RUN: the holder of the keys' batons. CHECK and KEYS: the connection's thread.
 * Read on    exec/exec.h, "jobs".  */
#ifndef CMD_WORDS_H
#define CMD_WORDS_H

#include "base/attributes.h"
#include "data/keyspace.h"
#include "exec/exec.h"

struct words;

/* What has come of some words. */
struct word_tally {
    int64_t count;          /* added, removed, found */
    enum result result;     /* not RESULT_OK: it ended before argv[end] */
    uint32_t end;
};

struct words_kind {
    size_t size;            /* of the structure that begins with struct words; 0: of that */
    enum key_lock_mode mode;
    bool are_keys;          /* the words are keys; otherwise argv[1] is the only one */
    /* Looks at the word at `at`, without a baton. False: it is wrong, which was replied. NULL: nothing is to be looked at. */
    bool (*check)(struct words *words, struct exec *exec, uint32_t at);
    /* Before the first word. False: there is nothing to be done, which was replied. NULL: nothing is to be begun. */
    bool (*begin)(struct words *words, struct exec *exec);
    /* Handles the words from words->at up to `end`, which is not beyond the last one, and moves words->at behind what it has done.
     * False: finish is next.  */
    bool (*run)(struct words *words, struct exec *exec, uint32_t end);
    /* Reports the change and replies. NULL: that has been done. */
    void (*finish)(struct words *words, struct exec *exec);
    /* Frees what it has made besides, under the batons. NULL: nothing. */
    void (*release)(struct words *words, struct exec *exec);
};

struct words {
    struct job job;
    const struct words_kind *kind;
    struct key_lock lock;
    int32_t shard;          /* that has the keys, or JOB_ALL_SHARDS */
    uint32_t first, step;   /* the words: argv[first], argv[first + step] ... */
    uint32_t end;           /* behind the last of them, which may be what belongs to a word; words_start makes argc of 0 */
    uint32_t at;            /* the next word */
    bool is_begun;
    struct word_tally tally; /* the command's own */
};

static inline bool words_are_many(const struct exec *exec)
{
    return UNLIKELY(exec->argc > EXEC_WORDS_MAX);
}

/* What is at argv[1], of the type that `begin` has found: nothing that is locked becomes another. */
static inline struct entry *words_entry(const struct exec *exec)
{
    const struct key key = exec_key(exec, 1);
    return keyspace_find(exec_keyspace(exec, key), key, exec->now_ms);
}

/* Starts the job; what was replied so far is forgotten. `what` is copied; it begins with a struct words whose `first` and `step` are set.
 * When memory is refused that is replied.  */
void words_start(struct exec *exec, const struct words_kind *kind, const struct words *what);

/* Replies the count, or the error that the result is. */
void reply_tally(struct exec *exec, const struct word_tally *tally);
/* Reports `changes` (0: none) of the key at argv[1], with what repeats those that were made before memory was refused. */
void report_tally(struct exec *exec, const struct word_tally *tally, enum event event, uint64_t changes);
/* `finish` of who takes members out of argv[1]: reports `event` if any went, and "del" if the key is gone; replies. */
void words_finish_removal(struct words *words, struct exec *exec, enum event event);

#endif
