/* string_work.h - commands on long strings: what they copy goes in steps, and the rest is then done at once.
 *
 *   REPLY   what the key holds is replied (core/bulk_steps.h)
 *   COPY    the value that it shall hold becomes a string of its own (core/text_copy.h)
 *   RUN     when no other job reads the key's value: the command as always, with what has been done so far
 *
 * Threads    The holder of the key's baton; REPLY and COPY: the connection's thread. The key is pinned, so it stays as it is until
 *            RUN has changed it.  */
#ifndef CMD_STRING_WORK_H
#define CMD_STRING_WORK_H

#include "cmd/core/bulk_steps.h"
#include "cmd/core/text_copy.h"
#include "exec/exec.h"

struct string_work;

/* The command on argv[1]. `work` NULL: nothing has been done yet; it may call string_work_start and return. */
typedef void string_work_fn(struct exec *exec, struct string_work *work);

struct string_work {
    struct job job;
    string_work_fn *run;
    uint32_t value_at;       /* argv: what becomes a string; 0: nothing */
    bool is_replied;
    struct pin pin;
    int64_t now_ms;          /* the command sees this moment, so that what is replied is also changed */
    struct bulk_steps reply;
    struct text_copy copy;
};

/* Starts the job; what was replied so far is forgotten. `old`: its string is replied; NULL: nothing is. `value_at`: argv[value_at] is
 * copied if it is long; 0: nothing.  */
void string_work_start(struct exec *exec, string_work_fn *run, struct entry *old, uint32_t value_at);

/* Replies the string of `entry`, or a part of it, `text`: at once or by a job that does no more. */
void string_reply_text(struct exec *exec, struct entry *entry, struct bytes text);

static inline void string_reply(struct exec *exec, const struct entry *entry)
{
    char scratch[STRING_SCRATCH];
    reply_bulk(exec->reply, entry_string(entry, scratch));
}

static inline bool string_reply_is_long(const struct entry *entry)
{
    return entry_string_len(entry) > BULK_AT_ONCE_MAX;
}

#endif
