/* users.h - all users of the server, and the rules' table of commands.
 *
 * The set changes under its lock; users in it never do. Who is connected as one holds it, and looks at the version: when that has grown,
 * acl_find says who follows (client/session_user.h does so before a thread runs further commands).
 *
 * Threads    Any, but for create and destroy.
 * Memory     thread_alloc, MEM_SERVER.
 * Invariant  A1 there is a user "default", always with the same id; A2 users are sorted by name, each once; A3 an id is given once;
 *            A4 config->has_password is 1 exactly when the default user must log in.
 * Source     Redis 7.0 and 7.2, acl.c.  */
#ifndef ACL_USERS_H
#define ACL_USERS_H

#include "acl/log.h"
#include "acl/user.h"

#include <pthread.h>

struct config;

struct acl {
    struct acl_command_table commands;
    struct config *config;
    struct acl_log log;        /* locks itself */
    _Atomic uint64_t version;  /* counts changes; release */
    pthread_mutex_t lock;      /* of what follows */
    struct acl_user **users;   /* `count` of them, each held */
    uint32_t count, capacity;
    uint64_t next_id;
};

/* The default user alone, as `requirepass` wants it. `specs`: the rows of the command table by index, lent. NULL: no memory. */
struct acl *acl_create(struct config *config, const struct command_spec *const *specs, uint32_t count) MUST_USE;
void acl_destroy(struct acl *acl);

/* The user of that name, held for the caller; NULL: there is none. */
struct acl_user *acl_find(struct acl *acl, struct bytes name) MUST_USE;
/* The default user, held for the caller. */
struct acl_user *acl_hold_default(struct acl *acl) MUST_USE;
/* The user that may log in so, held for the caller; NULL: none may. */
struct acl_user *acl_authenticate(struct acl *acl, struct bytes name, struct bytes password) MUST_USE;
/* Does the default user log in with any password (nopass)? */
bool acl_default_takes_any(struct acl *acl);
/* Calls `visit` for each user by name, under the lock: it must not call this room. */
typedef void acl_visit_fn(const struct acl_user *user, void *arg);
void acl_visit(struct acl *acl, acl_visit_fn *visit, void *arg);

/* Makes the user, if there is none of that name, and applies the rules one after the other: all, or nothing is changed. `rules`: selectors merged
 * (words.h). *bad: the index of the rule that is wrong.  */
enum acl_rule_result acl_set_user(struct acl *acl, struct bytes name, const struct bytes *rules, size_t count, size_t *bad);
/* False: there is none. Never asked for the default user. */
bool acl_delete_user(struct acl *acl, struct bytes name);
/* `requirepass`: the default user with this as its one password; empty: it needs none. NULL: no memory. acl_take_default makes it the
 * default user, and cannot fail; acl_user_drop forgets it.  */
struct acl_user *acl_draft_default(struct acl *acl, struct bytes password) MUST_USE;
void acl_take_default(struct acl *acl, struct acl_user *user);

/* Another set in place of this one, as ACL LOAD reads it. acl_set_add adds a user as acl_set_user makes it, `name` not there yet. */
struct acl_set {
    struct acl_user **users;
    uint32_t count, capacity;
};
MUST_USE bool acl_set_has(const struct acl_set *set, struct bytes name);
enum acl_rule_result acl_set_add(struct acl *acl, struct acl_set *set, struct bytes name, const struct bytes *rules, size_t count, size_t *bad);
void acl_set_release(struct acl_set *set);
/* Takes the users of `set`; without a default user among them there is one as at the start. Who is described as before keeps its id, so that its
 * connections stay. False: no memory; nothing is changed, and `set` is still the caller's.  */
MUST_USE bool acl_replace(struct acl *acl, struct acl_set *set);

/* Is there only the default user, as `requirepass` makes it? False: no memory. */
MUST_USE bool acl_is_plain(struct acl *acl, bool *is_plain);

static inline uint64_t acl_version(const struct acl *acl)
{
    return atomic_load_explicit(&acl->version, memory_order_acquire);
}

#endif
