/* hash_change.h - commands that change times of fields: HEXPIRE and its kin, HPERSIST, HGETEX, HSETEX.
 *
 * What came of each field is kept until the end: the reply is made of it, and so are the words that repeat the change, which name the
 * fields that were changed and no other. At most EXEC_WORDS_MAX words go at once; more are a job that locks the key (core/words.h).
 *
 * Threads    The holder of the key's baton.  */
#ifndef CMD_HASH_CHANGE_H
#define CMD_HASH_CHANGE_H

#include "cmd/core/words.h"
#include "cmd/hash/hash_private.h"

/* What came of a field; HEXPIRE and HPERSIST reply these numbers. */
enum field_code { FIELD_ABSENT = -2, FIELD_WITHOUT_TIME = -1, FIELD_KEPT = 0, FIELD_CHANGED = 1, FIELD_DELETED = 2 };

enum change_flag {
    CHANGE_NX = 1 << 0, /* HEXPIRE's conditions */
    CHANGE_XX = 1 << 1,
    CHANGE_GT = 1 << 2,
    CHANGE_LT = 1 << 3,
    CHANGE_TIME = 1 << 4,     /* fields get time_ms */
    CHANGE_PERSIST = 1 << 5,  /* they lose their times */
    CHANGE_KEEPTTL = 1 << 6,  /* HSETEX: they keep them */
    CHANGE_ALL_THERE = 1 << 7, /* HSETEX FXX: unless all fields are there nothing is done, */
    CHANGE_NONE_THERE = 1 << 8, /* FNX: unless none is */
};

struct hash_change;

struct change_kind {
    /* Does what is to be done with the field at argv[at]. `code` is set on RESULT_OK; FIELD_WITHOUT_TIME on RESULT_NO_MEMORY: HSETEX has put
     * the value, and could not give it the time. change->is_empty is kept up to date. */
    enum result (*apply)(struct exec *exec, struct value *value, struct hash_change *change, uint32_t at, enum field_code *code);
    /* Reports what was done, and replies. */
    void (*finish)(struct exec *exec, const struct hash_change *change);
    bool replies_values;      /* `apply` replies; otherwise `finish` does */
};

struct hash_change {
    struct words words;       /* of a job: the first */
    const struct change_kind *kind;
    uint32_t flags;           /* enum change_flag */
    int64_t time_ms;          /* absolute */
    uint32_t first, step;     /* the fields: argv[first], argv[first + step] ... */
    bool is_checked;          /* the conditions of HSETEX hold */
    bool is_refused;          /* they do not */
    bool is_empty;            /* no field is left: the key is to go, or was not there */
    bool is_gone;             /* the key has gone */
    int8_t *codes;            /* enum field_code, by field */
    uint32_t done;            /* fields */
    uint32_t changed, deleted; /* of these */
    enum result result;       /* not RESULT_OK: memory was refused behind `done` fields */
};

/* A time as a word; unit_ms 1000 or 1; base_ms 0 for one since 1970. False: it is none that a field may have, which was replied. */
bool change_read_time(struct exec *exec, uint32_t at, int64_t unit_ms, int64_t base_ms, int64_t *out);
/* Gives the field, which is there, change->time_ms; if that is past, it is deleted. */
enum result change_set_time(struct exec *exec, struct value *value, struct hash_change *change, uint32_t at, enum field_code *code);

/* Runs the command: at once, with `value` open, or as a job that opens it. */
void change_run(struct exec *exec, struct hash_change *change, struct value *value);
void change_start(struct exec *exec, const struct hash_change *change);

/* How to repeat it: the words before the fields, then the number of fields with this code, the fields (and what belongs to each). With `is_bare`
 * neither FIELDS, nor the number, nor what belongs to them.  */
void change_effect(struct exec *exec, const struct hash_change *change, const struct bytes *head, uint32_t head_count,
                   enum field_code code, bool is_bare);
/* The same for times: HPEXPIREAT key time FIELDS ...; and for fields that were deleted: HDEL key field ... */
void change_effect_times(struct exec *exec, const struct hash_change *change);
void change_effect_deleted(struct exec *exec, const struct hash_change *change);

#endif
