/* log.c - see log.h.  */
#include "acl/log.h"

#include "mem/heap.h"

#include <string.h>

static struct bytes cut(struct bytes text)
{
    return (struct bytes){text.data, text.len < ACL_LOG_TEXT_MAX ? text.len : ACL_LOG_TEXT_MAX};
}

static struct bytes put(char **at, struct bytes text)
{
    const struct bytes copy = {*at, text.len};
    if (text.len > 0) {
        memcpy(*at, text.data, text.len);
    }
    *at += text.len;
    return copy;
}

/* NULL: no memory. */
static struct acl_log_entry *make_entry(const struct acl_event *event)
{
    const struct bytes object = cut(event->object), user = cut(event->user), client = cut(event->client);
    const size_t bytes = sizeof(struct acl_log_entry) + object.len + user.len + client.len;
    struct acl_log_entry *entry = thread_alloc(MEM_SERVER, bytes);
    if (entry == NULL) {
        return NULL;
    }
    char *at = (char *)(entry + 1);
    *entry = (struct acl_log_entry){.count = 1, .bytes = bytes};
    entry->event.reason = event->reason;
    entry->event.context = event->context;
    entry->event.object = put(&at, object);
    entry->event.user = put(&at, user);
    entry->event.client = put(&at, client);
    return entry;
}

static void free_entry(struct acl_log_entry *entry)
{
    thread_free(MEM_SERVER, entry, entry->bytes);
}

static bool is_alike(const struct acl_log_entry *a, const struct acl_log_entry *b)
{
    const int64_t apart_ms = a->updated_ms > b->updated_ms ? a->updated_ms - b->updated_ms : b->updated_ms - a->updated_ms;
    return apart_ms <= ACL_LOG_GROUP_MS && strcmp(a->event.reason, b->event.reason) == 0 && strcmp(a->event.context, b->event.context) == 0 &&
           bytes_equal(a->event.object, b->event.object) && bytes_equal(a->event.user, b->event.user);
}

/* Takes the entry that is like `fresh` out of the list; NULL: there is none. */
static struct acl_log_entry *take_alike(struct acl_log *log, const struct acl_log_entry *fresh)
{
    struct acl_log_entry **link = &log->newest;
    for (int looked_at = 0; *link != NULL && looked_at < ACL_LOG_LOOKED_AT; looked_at++) {
        struct acl_log_entry *entry = *link;
        if (is_alike(entry, fresh)) {
            *link = entry->next;
            log->count--;
            return entry;
        }
        link = &entry->next;
    }
    return NULL;
}

/* All behind the first `kept`. */
static void drop_old(struct acl_log *log, uint64_t kept)
{
    struct acl_log_entry **link = &log->newest;
    for (uint64_t i = 0; *link != NULL && i < kept; i++) {
        link = &(*link)->next;
    }
    while (*link != NULL) {
        struct acl_log_entry *entry = *link;
        *link = entry->next;
        free_entry(entry);
        log->count--;
    }
}

void acl_log_add(struct acl_log *log, const struct acl_event *event, int64_t now_ms, uint64_t entries_max)
{
    struct acl_log_entry *fresh = make_entry(event);
    if (fresh == NULL) {
        return;
    }
    fresh->created_ms = fresh->updated_ms = now_ms;
    pthread_mutex_lock(&log->lock);
    struct acl_log_entry *before = take_alike(log, fresh);
    if (before != NULL) {
        fresh->count = before->count + 1;
        fresh->created_ms = before->created_ms;
        fresh->id = before->id;
        free_entry(before);
    } else {
        fresh->id = log->next_id++;
    }
    fresh->next = log->newest;
    log->newest = fresh;
    log->count++;
    if (log->count > entries_max) {
        drop_old(log, entries_max);
    }
    pthread_mutex_unlock(&log->lock);
}

void acl_log_reset(struct acl_log *log)
{
    pthread_mutex_lock(&log->lock);
    drop_old(log, 0);
    pthread_mutex_unlock(&log->lock);
}

uint64_t acl_log_visit(struct acl_log *log, uint64_t count_max, acl_log_visit_fn *visit, void *arg)
{
    uint64_t count = 0;
    pthread_mutex_lock(&log->lock);
    for (const struct acl_log_entry *entry = log->newest; entry != NULL && count < count_max; entry = entry->next) {
        visit(entry, arg);
        count++;
    }
    pthread_mutex_unlock(&log->lock);
    return count;
}

void acl_log_open(struct acl_log *log)
{
    *log = (struct acl_log){0};
    pthread_mutex_init(&log->lock, NULL);
}

void acl_log_close(struct acl_log *log)
{
    drop_old(log, 0);
    pthread_mutex_destroy(&log->lock);
}
