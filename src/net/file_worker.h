/* file_worker.h - writes and syncs of a thread's files, done by another thread where the kernel's ring cannot be had: one behind the other, in
 * the order in which they were asked for.
 *
 * Threads    Everything is called by the one that opened it. The other one is started with the first request; where it cannot be had, requests
 *            are done at once by the caller.
 * Memory     The worker's own block; what was never needed of `nodes` is never touched.
 * Limits     FILE_REQUESTS_MAX under way: a log of a shard has three at most.  */
#ifndef NET_FILE_WORKER_H
#define NET_FILE_WORKER_H

#include "net/ring_event.h"

#include <pthread.h>
#include <stddef.h>

enum { FILE_REQUESTS_MAX = 4096 };

enum file_action { FILE_WRITE, FILE_WRITE_DURABLE, FILE_SYNC };

struct file_request {
    enum file_action action;
    int fd;
    const void *data;
    uint32_t len;
    uint64_t offset;
    bool is_followed; /* the next request is not done, -ECANCELED, unless this one has written all its bytes */
    uint8_t kind;
    struct ring_owner *owner;
};

struct file_node {
    struct file_request request;
    int32_t result;
    struct file_node *next;
};

/* Oldest first. */
struct file_queue {
    struct file_node *first, *last;
};

struct file_worker {
    int wake_fd;                /* an eventfd, written to when a request has ended */
    bool is_started;
    uint32_t under_way;         /* asked for and not told */
    uint32_t touched;           /* nodes that have ever been used */
    struct file_node *free;
    pthread_t thread;
    pthread_mutex_t lock;       /* for what follows, but the nodes that are free */
    pthread_cond_t is_asked;
    bool is_closing;
    bool is_chain_broken;       /* the request that ended last is followed, and has not written all */
    struct file_queue asked, ended;
    struct file_node nodes[FILE_REQUESTS_MAX];
};

/* Into a block of zeros. `wake_fd` is the caller's. */
void file_worker_open(struct file_worker *worker, int wake_fd);
/* What was asked for is done first, and not told. */
void file_worker_close(struct file_worker *worker);
/* `request` is borrowed, its bytes are lent until the completion. */
void file_worker_ask(struct file_worker *worker, const struct file_request *request);
/* Up to `capacity` completions, in order: those taken are gone. Returns how many. */
uint32_t file_worker_events(struct file_worker *worker, struct ring_event *events, uint32_t capacity);

#endif
