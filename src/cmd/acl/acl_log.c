/* acl_log.c - ACL LOG.  */
#include "acl/users.h"
#include "base/number.h"
#include "cmd/acl/acl_private.h"
#include "cmd/core/answers.h"
#include "shard/server.h"

enum { LOG_ENTRIES = 10 }; /* unless more or fewer are asked for */

/* A listing under way. */
struct log_list {
    struct reply *reply;
    int64_t now_ms;
};

static void reply_text(struct reply *reply, const char *name, struct bytes value)
{
    reply_bulk_string(reply, name);
    reply_bulk(reply, value);
}

static void reply_number(struct reply *reply, const char *name, int64_t value)
{
    reply_bulk_string(reply, name);
    reply_integer(reply, value);
}

static void reply_entry(const struct acl_log_entry *entry, void *arg)
{
    const struct log_list *list = arg;
    struct reply *reply = list->reply;
    reply_map(reply, 10);
    reply_number(reply, "count", (int64_t)entry->count);
    reply_text(reply, "reason", bytes_of_string(entry->event.reason));
    reply_text(reply, "context", bytes_of_string(entry->event.context));
    reply_text(reply, "object", entry->event.object);
    reply_text(reply, "username", entry->event.user);
    reply_bulk_string(reply, "age-seconds");
    reply_double(reply, (double)(list->now_ms - entry->updated_ms) / 1000);
    reply_text(reply, "client-info", entry->event.client);
    reply_number(reply, "entry-id", (int64_t)entry->id);
    reply_number(reply, "timestamp-created", entry->created_ms);
    reply_number(reply, "timestamp-last-updated", entry->updated_ms);
}

void command_acl_log(struct exec *exec)
{
    int64_t count = LOG_ENTRIES;
    struct acl_log *log = &exec->server->acl->log;
    if (exec->argc > 3) {
        reply_arity_error(exec->reply, exec->spec);
        return;
    }
    if (exec->argc == 3 && bytes_equal_ignore_case(exec->argv[2], BYTES("RESET"))) {
        acl_log_reset(log);
        reply_ok(exec->reply);
        return;
    }
    if (exec->argc == 3 && !exec_int64_argument(exec, 2, &count)) {
        return;
    }
    struct log_list list = {exec->reply, exec->now_ms};
    const size_t mark = reply_deferred_begin(exec->reply);
    const uint64_t found = acl_log_visit(log, count < 0 ? 0 : (uint64_t)count, reply_entry, &list);
    reply_deferred_end(exec->reply, mark, '*', found);
}
