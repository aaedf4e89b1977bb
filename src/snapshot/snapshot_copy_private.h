/* snapshot_copy_private.h - a copy as the snapshots see it, which make it.  */
#ifndef SNAPSHOT_SNAPSHOT_COPY_PRIVATE_H
#define SNAPSHOT_SNAPSHOT_COPY_PRIVATE_H

#include "snapshot/snapshot_copy.h"

#include <stdatomic.h>

struct saver;

struct snapshot_copy {
    struct snapshot_copy *next;   /* among those that wait for their turn; the snapshots' */
    _Atomic uint32_t holders;
    _Atomic int state;            /* release by the snapshots */
    _Atomic bool is_cancelled;
    bool has_name;
    int fd;                       /* -1: there is none */
    void (*at_cut)(void *context, struct thread *thread); /* NULL: nobody hears of it */
    void *cut_context;
    struct copy_figures figures;
    char folder[COPY_FOLDER_MAX]; /* "." without a name */
    char name[COPY_NAME_MAX];
    char error[COPY_ERROR_MAX];
};

/* Those that wait for their turn, the oldest first. */
struct copy_queue {
    struct snapshot_copy *first, *last;
};
/* Holds it. */
void copy_queue_add(struct copy_queue *queue, struct snapshot_copy *copy);
/* The first one, whose hold goes to the caller; NULL. */
struct snapshot_copy *copy_queue_take(struct copy_queue *queue);
/* Those that were cancelled fail, or `all`. */
void copy_queue_fail(struct copy_queue *queue, bool all);

/* The cut was made: under all batons. */
void snapshot_copy_begin(struct thread *thread, struct snapshot_copy *copy, const struct copy_figures *figures);
/* The saver has ended (NULL: there is none, for `error`, of errno's). It is DONE or FAILED, and the snapshots let go of it. */
void snapshot_copy_end(struct snapshot_copy *copy, struct saver *saver, int error);

#endif
