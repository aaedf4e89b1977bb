/* permission.h - commands that a user may not run: refused, counted, and noted for ACL LOG.
 *
 * Threads    The connection's.  */
#ifndef CLIENT_PERMISSION_H
#define CLIENT_PERMISSION_H

#include "acl/check.h"
#include "base/attributes.h"
#include "net/reply.h"

struct session;
struct thread;
struct transaction;

/* The words that a session wants to run, and where they come from. */
struct permission_call {
    const struct command_spec *spec;
    const struct bytes *argv;
    uint32_t argc;
    const char *context; /* "toplevel", "multi", "lua" */
};
/* May it? If not, that is counted and noted. */
enum acl_outcome permission_check(struct thread *thread, const struct session *session, const struct permission_call *call);
/* Of a command that a client has sent. False: the reply has the reason. Asked only if the session is restricted. */
MUST_USE bool permission_allows(struct thread *thread, const struct session *session, const struct permission_call *call, struct reply *reply);
/* EXEC: queued commands that the user may not run any more are marked. */
void permission_look_again(struct thread *thread, const struct session *session, struct transaction *transaction);
/* Nobody of that name may log in so. */
void permission_note_login(struct thread *thread, const struct session *session, struct bytes user);

#endif
