/* file_worker.c - see file_worker.h.  */
#include "net/file_worker.h"

#include "base/attributes.h"

#include <assert.h>
#include <errno.h>
#include <sys/eventfd.h>
#include <sys/uio.h>
#include <unistd.h>

/* --- doing it --- */

static int32_t write_once(const struct file_request *request)
{
    const struct iovec piece = {.iov_base = (void *)(uintptr_t)request->data, .iov_len = request->len};
    const int flags = request->action == FILE_WRITE_DURABLE ? RWF_DSYNC : 0;
    ssize_t written;
    do {
        written = pwritev2(request->fd, &piece, 1, (off_t)request->offset, flags);
    } while (written < 0 && errno == EINTR);
    return written < 0 ? -errno : (int32_t)written;
}

static int32_t sync_once(const struct file_request *request)
{
    int result;
    do {
        result = fdatasync(request->fd);
    } while (result < 0 && errno == EINTR);
    return result < 0 ? -errno : 0;
}

/* `is_broken`: the request before should have written more, and this one follows it. */
static int32_t do_request(const struct file_request *request, bool is_broken)
{
    if (is_broken) {
        return -ECANCELED;
    }
    return request->action == FILE_SYNC ? sync_once(request) : write_once(request);
}

static bool breaks_chain(const struct file_request *request, int32_t result)
{
    const int32_t all = request->action == FILE_SYNC ? 0 : (int32_t)request->len;
    return request->is_followed && result != all;
}

/* --- queues --- */

static void queue_push(struct file_queue *queue, struct file_node *node)
{
    node->next = NULL;
    if (queue->first == NULL) {
        queue->first = node;
    } else {
        queue->last->next = node;
    }
    queue->last = node;
}

static struct file_node *queue_take(struct file_queue *queue)
{
    struct file_node *node = queue->first;
    if (node != NULL) {
        queue->first = node->next;
    }
    return node;
}

/* The caller's nodes, which need no lock. */
static struct file_node *node_get(struct file_worker *worker)
{
    struct file_node *node = worker->free;
    if (node != NULL) {
        worker->free = node->next;
        return node;
    }
    assert(worker->touched < FILE_REQUESTS_MAX);
    return &worker->nodes[worker->touched++];
}

static void node_put(struct file_worker *worker, struct file_node *node)
{
    node->next = worker->free;
    worker->free = node;
}

/* --- the other thread --- */

/* Under the lock. */
static void end_request(struct file_worker *worker, struct file_node *node)
{
    worker->is_chain_broken = breaks_chain(&node->request, node->result);
    queue_push(&worker->ended, node);
    const int error = eventfd_write(worker->wake_fd, 1);
    assert(error == 0);
    (void)error;
}

static void *work(void *arg)
{
    struct file_worker *worker = arg;
    pthread_setname_np(pthread_self(), "files");
    pthread_mutex_lock(&worker->lock);
    for (;;) {
        struct file_node *node = queue_take(&worker->asked);
        if (node != NULL) {
            const bool is_broken = worker->is_chain_broken;
            pthread_mutex_unlock(&worker->lock);
            node->result = do_request(&node->request, is_broken);
            pthread_mutex_lock(&worker->lock);
            end_request(worker, node);
        } else if (worker->is_closing) {
            break;
        } else {
            pthread_cond_wait(&worker->is_asked, &worker->lock);
        }
    }
    pthread_mutex_unlock(&worker->lock);
    return NULL;
}

/* --- the caller --- */

void file_worker_open(struct file_worker *worker, int wake_fd)
{
    worker->wake_fd = wake_fd;
    pthread_mutex_init(&worker->lock, NULL);
    pthread_cond_init(&worker->is_asked, NULL);
}

void file_worker_close(struct file_worker *worker)
{
    if (worker->is_started) {
        pthread_mutex_lock(&worker->lock);
        worker->is_closing = true;
        pthread_cond_signal(&worker->is_asked);
        pthread_mutex_unlock(&worker->lock);
        pthread_join(worker->thread, NULL);
    }
    pthread_cond_destroy(&worker->is_asked);
    pthread_mutex_destroy(&worker->lock);
}

void file_worker_ask(struct file_worker *worker, const struct file_request *request)
{
    struct file_node *node = node_get(worker);
    node->request = *request;
    worker->under_way++;
    if (!worker->is_started) {
        worker->is_started = pthread_create(&worker->thread, NULL, work, worker) == 0;
    }
    pthread_mutex_lock(&worker->lock);
    if (LIKELY(worker->is_started)) {
        queue_push(&worker->asked, node);
        pthread_cond_signal(&worker->is_asked);
    } else {
        node->result = do_request(&node->request, worker->is_chain_broken);
        end_request(worker, node);
    }
    pthread_mutex_unlock(&worker->lock);
}

uint32_t file_worker_events(struct file_worker *worker, struct ring_event *events, uint32_t capacity)
{
    uint32_t taken = 0;
    struct file_node *node;
    if (LIKELY(worker->under_way == 0)) {
        return 0;
    }
    pthread_mutex_lock(&worker->lock);
    while (taken < capacity && (node = queue_take(&worker->ended)) != NULL) {
        const struct file_request *request = &node->request;
        events[taken++] = (struct ring_event){.kind = request->kind, .owner = request->owner, .result = node->result, .is_last = true};
        node_put(worker, node);
    }
    pthread_mutex_unlock(&worker->lock);
    worker->under_way -= taken;
    return taken;
}
