/* log.h - what users were refused of late: ACL LOG.
 *
 * An event that is like one of the ACL_LOG_LOOKED_AT newest entries, and not ACL_LOG_GROUP_MS away from it, is counted there.
 *
 * Threads    Any; it locks itself.
 * Memory     thread_alloc, MEM_SERVER: an entry is a block; acllog-max-len of them at most.
 * Source     Redis 7.2, acl.c.  */
#ifndef ACL_LOG_H
#define ACL_LOG_H

#include "base/bytes.h"

#include <pthread.h>
#include <stdint.h>

enum { ACL_LOG_LOOKED_AT = 10, ACL_LOG_GROUP_MS = 60000, ACL_LOG_TEXT_MAX = 512 };

struct acl_event {
    const char *reason;  /* "command", "key", "channel", "auth": constants, as the next */
    const char *context; /* "toplevel", "multi", "lua" */
    struct bytes object; /* this and the texts below: cut at ACL_LOG_TEXT_MAX */
    struct bytes user;
    struct bytes client; /* its line of CLIENT LIST */
};

struct acl_log_entry {
    struct acl_log_entry *next; /* an older one */
    uint64_t count, id;
    int64_t created_ms, updated_ms; /* wall */
    struct acl_event event;         /* its texts stand behind the entry, */
    size_t bytes;                   /* in a block of so many */
};

struct acl_log {
    pthread_mutex_t lock;
    struct acl_log_entry *newest;
    uint64_t count, next_id;
};

void acl_log_open(struct acl_log *log);
void acl_log_close(struct acl_log *log);
/* Without memory nothing is noted. `entries_max`: older ones go. */
void acl_log_add(struct acl_log *log, const struct acl_event *event, int64_t now_ms, uint64_t entries_max);
void acl_log_reset(struct acl_log *log);
/* Calls `visit` for the newest `count_max` entries, newest first, under the lock. Returns how many. */
typedef void acl_log_visit_fn(const struct acl_log_entry *entry, void *arg);
uint64_t acl_log_visit(struct acl_log *log, uint64_t count_max, acl_log_visit_fn *visit, void *arg);

#endif
