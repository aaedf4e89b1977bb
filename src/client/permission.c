/* permission.c - see permission.h.  */
#include "client/permission.h"

#include "acl/users.h"
#include "client/session.h"
#include "client/session_line.h"
#include "client/session_user.h"
#include "exec/transaction.h"
#include "shard/server.h"
#include "shard/thread.h"

/* What is said about each outcome. */
static const struct {
    const char *reason;      /* ACL LOG */
    const char *text;        /* a command that a client has sent; ACL_DENIED_COMMAND: with the command's name */
} outcomes[] = {
    [ACL_DENIED_COMMAND] = {"command", NULL},
    [ACL_DENIED_KEY] = {"key", "NOPERM this user has no permissions to access one of the keys used as arguments"},
    [ACL_DENIED_CHANNEL] = {"channel", "NOPERM this user has no permissions to access one of the channels used as arguments"},
    [ACL_DENIED_BY] = {"key", "ERR BY option of SORT denied due to insufficient ACL permissions."},
    [ACL_DENIED_GET] = {"key", "ERR GET option of SORT denied due to insufficient ACL permissions."},
    [ACL_DENIED_NO_MEMORY] = {NULL, "ERR out of memory"},
};

static void note(struct thread *thread, const struct session *session, const struct acl_event *event)
{
    struct acl *acl = thread->server->acl;
    struct buffer line = BUFFER_EMPTY(MEM_SERVER);
    struct acl_event noted = *event;
    if (session_append_line(session, thread->now_ms, &line) && line.len > 0) {
        noted.client = (struct bytes){line.data, line.len - 1}; /* without the newline */
    }
    const int64_t entries_max = atomic_load_explicit(&thread->server->config->acllog_max_len, memory_order_relaxed);
    acl_log_add(&acl->log, &noted, thread->now_ms, (uint64_t)entries_max);
    buffer_release(&line);
}

static void count(struct thread *thread, enum acl_outcome outcome)
{
    struct thread_stats *stats = &thread->stats;
    stat_add(outcome == ACL_DENIED_COMMAND   ? &stats->acl_denied_command
             : outcome == ACL_DENIED_CHANNEL ? &stats->acl_denied_channel
                                             : &stats->acl_denied_key,
             1);
}

enum acl_outcome permission_check(struct thread *thread, const struct session *session, const struct permission_call *call)
{
    struct acl_denial denial;
    const struct acl_command_table *commands = &thread->server->acl->commands;
    const enum acl_outcome outcome = acl_check(session->user, commands, call->spec, call->argv, call->argc, &denial);
    if (LIKELY(outcome == ACL_ALLOWED) || outcome == ACL_DENIED_NO_MEMORY) {
        return outcome;
    }
    char name[SESSION_COMMAND_MAX];
    session_command_text(call->spec, name);
    count(thread, outcome);
    note(thread, session, &(struct acl_event){.reason = outcomes[outcome].reason, .context = call->context, .user = session_user_name(session),
                                              .object = denial.object.len == 0 && outcome != ACL_DENIED_KEY ? bytes_of_string(name) : denial.object});
    return outcome;
}

bool permission_allows(struct thread *thread, const struct session *session, const struct permission_call *call, struct reply *reply)
{
    const enum acl_outcome outcome = permission_check(thread, session, call);
    if (LIKELY(outcome == ACL_ALLOWED)) {
        return true;
    }
    if (outcome == ACL_DENIED_COMMAND) {
        char name[SESSION_COMMAND_MAX];
        session_command_text(call->spec, name);
        reply_errorf(reply, "NOPERM this user has no permissions to run the '%s' command", name);
    } else {
        reply_error(reply, outcomes[outcome].text);
    }
    return false;
}

#define EXEC_TEXT                                                                                                              \
    "NOPERM ACLs rules changed between the moment the transaction was accumulated and the EXEC call. This command is no "     \
    "longer allowed for the following reason: "

/* The texts as constants, since a transaction may outlive the thread's look at it. */
static const char *text_of_exec(enum acl_outcome outcome)
{
    switch (outcome) {
    case ACL_ALLOWED: return NULL;
    case ACL_DENIED_COMMAND: return EXEC_TEXT "no permission to execute the command or subcommand";
    case ACL_DENIED_CHANNEL: return EXEC_TEXT "no permission to access one of the channels used as arguments to the command";
    case ACL_DENIED_NO_MEMORY: return "ERR out of memory";
    default: return EXEC_TEXT "no permission to touch the specified keys";
    }
}

void permission_look_again(struct thread *thread, const struct session *session, struct transaction *transaction)
{
    for (uint32_t i = 0; i < transaction->count; i++) {
        struct queued_command *command = &transaction->commands[i];
        const struct permission_call call = {command->spec, command->words, command->word_count, "multi"};
        command->refusal = text_of_exec(permission_check(thread, session, &call));
    }
}

void permission_note_login(struct thread *thread, const struct session *session, struct bytes user)
{
    stat_add(&thread->stats.acl_denied_auth, 1);
    note(thread, session, &(struct acl_event){.reason = "auth", .context = "toplevel", .object = BYTES("AUTH"), .user = user});
}
