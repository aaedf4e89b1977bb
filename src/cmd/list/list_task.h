/* list_task.h - what goes through the items of a list: at once when it is short, otherwise as a job with the list pinned.
 *
 * The handler fills a task in and calls list_task_run; `look` sees one item after the other, `finish` ends it.
 *
 * Threads    The holder of the key's baton; between the steps of a job nobody changes the list.  */
#ifndef CMD_LIST_TASK_H
#define CMD_LIST_TASK_H

#include "data/list.h"
#include "exec/exec.h"

enum {
    LIST_TASK_ITEMS = 1024, /* so many are looked at in one step */
    LIST_TASK_NODES = 1024, /* of such a list any item may be gone to in one step */
};

struct list_task;

struct list_task_kind {
    size_t size;           /* of the structure that begins with the task; it must not hold its own address */
    bool replies_at_once;  /* begin and look reply: then a job does all of it, not only what is left */
    bool changes;          /* finish changes the list: it waits until no other job reads it */
    /* Before the first item. NULL: nothing is to be done. */
    void (*begin)(struct list_task *task, struct exec *exec);
    /* False: no more items are wanted. */
    bool (*look)(struct list_task *task, struct exec *exec, const struct item *item);
    /* After the last one: replies, changes. False: go on with what it has set up, another kind and walk. NULL: all is done. */
    bool (*finish)(struct list_task *task, struct exec *exec);
    /* Frees what a job keeps besides. NULL: nothing. */
    void (*release)(struct list_task *task, struct exec *exec);
};

struct list_task {
    struct job job;
    const struct list_task_kind *kind;
    uint32_t key_at;            /* argv index of the key */
    enum list_end from;
    uint64_t first;             /* index of the first item, counted from the head */
    uint64_t left;              /* items to look at */
    /* list_task_run's own: */
    struct entry *entry;        /* NULL: a job */
    struct collection *collection;
    struct pin pin;
    struct list_walk walk;      /* `look` may ask for the place of its item */
    bool is_begun;
    bool is_looked;             /* all items were: `finish` is next */
};

/* Runs the task, or starts a job that does. `entry` is a list that is not empty. */
void list_task_run(struct exec *exec, struct list_task *task, struct entry *entry);
/* For a `finish` that goes on, of a list apart: the next item is the first. */
void list_task_restart(struct list_task *task);
/* For `finish`: the list's entry, to be changed; then the task has no walk any more. NULL: the key has expired meanwhile. */
struct entry *list_task_take(struct list_task *task, struct exec *exec);

/* A word of the command as items are compared with it; the word itself moves from step to step. */
struct list_word {
    int64_t integer;
    bool is_integer;
};

static inline struct list_word list_word_of(struct bytes text)
{
    struct list_word word = {0};
    word.is_integer = item_text_is_integer(text, &word.integer);
    return word;
}

static inline bool list_is_word(const struct item *item, const struct list_word *word, struct bytes text)
{
    if (item->data == NULL) {
        return word->is_integer && item->integer == word->integer;
    }
    return item->len == text.len && memcmp(item->data, text.data, text.len) == 0;
}

/* An index as commands give it, negative ones from the tail. False: there is no such item among `count`. */
static inline bool list_index_of(uint64_t count, int64_t index, uint64_t *out)
{
    *out = index < 0 ? (uint64_t)index + count : (uint64_t)index;
    return *out < count;
}

struct list_range {
    uint64_t first, count;
};
/* The items that two such indexes, the last one included, mean: possibly none. */
struct list_range list_range_of(uint64_t count, int64_t first, int64_t last);

/* True when `entry` is a list or NULL; otherwise replies WRONGTYPE. */
bool check_list(struct exec *exec, const struct entry *entry);
/* Ends a change of `count` items: removes the key when the list is empty, and reports `event` (and "del"). Or replies the error. */
bool list_end_change(struct exec *exec, struct value *value, enum result result, enum event event, uint64_t count);
/* A list is emptied of `count` items by `event`. */
void list_delete_key(struct exec *exec, struct key key, enum event event, uint64_t count);
/* "LEFT", "RIGHT"; otherwise replies that the syntax is wrong. */
bool list_end_argument(struct exec *exec, uint32_t index, enum list_end *out);

#endif
