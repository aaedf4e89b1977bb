/* user.h - a user: a name, passwords, and selectors, the first of which is its own.
 *
 * A user that others see is never changed: what changes it makes another user of the same id, which takes its place (users.h).
 *
 * Threads    acl_user_hold, acl_user_drop: any. The others: whoever makes it, until it is given to users.h; then any thread reads.
 * Memory     thread_alloc, MEM_SERVER; it lives while somebody holds it.
 * Invariant  U1 there is a first selector; U2 a user with ACL_USER_NOPASS has no passwords; U3 no password is there twice.  */
#ifndef ACL_USER_H
#define ACL_USER_H

#include "acl/selector.h"
#include "base/sha256.h"

#include <stdatomic.h>

enum acl_user_flag {
    ACL_USER_ON = 1 << 0,
    ACL_USER_NOPASS = 1 << 1,
    ACL_USER_SKIP_SANITIZE = 1 << 2, /* kept for Redis's files: every payload is checked, whoever sends it */
    ACL_USER_SANITIZE = 1 << 3,
};

struct acl_user {
    _Atomic uint32_t holders;
    uint32_t flags;                  /* enum acl_user_flag */
    uint64_t id;                     /* of all that follow each other under one name until that is deleted; 0: not given yet */
    struct buffer name;
    struct buffer passwords;         /* SHA256_BYTES each */
    struct buffer selectors;         /* struct acl_selector */
};

enum { ACL_NAME_MAX = 1 << 16 };     /* bytes */

/* How new users begin: off, without passwords, and allowed nothing but, if `has_channels`, all channels (acl-pubsub-default). One holder.
 * NULL: no memory.  */
struct acl_user *acl_user_create(struct bytes name, bool has_channels) MUST_USE;
/* Another one like it; one holder. NULL: no memory. */
struct acl_user *acl_user_copy(const struct acl_user *user) MUST_USE;
struct acl_user *acl_user_hold(struct acl_user *user);
/* The last holder frees it. NULL: nothing. */
void acl_user_drop(struct acl_user *user);
/* May a user be called so? No spaces, no byte 0, ACL_NAME_MAX. */
bool acl_name_is_right(struct bytes name);

/* One rule: of the user, of its own selector, or "(rules of a further selector)". After an error the user can only be dropped. */
enum acl_rule_result acl_user_apply(struct acl_user *user, const struct acl_command_table *commands, struct bytes rule, bool has_channels);
/* A password becomes the only one; an empty one: none is needed (requirepass). */
enum acl_rule_result acl_user_require(struct acl_user *user, const struct acl_command_table *commands, struct bytes password);
/* May one log in with it? An off user never. Takes as long for each password that is wrong. */
bool acl_user_takes(const struct acl_user *user, struct bytes password);

static inline bool acl_user_needs_login(const struct acl_user *user)
{
    return (user->flags & (ACL_USER_ON | ACL_USER_NOPASS)) != (ACL_USER_ON | ACL_USER_NOPASS);
}
static inline size_t acl_user_selector_count(const struct acl_user *user)
{
    return user->selectors.len / sizeof(struct acl_selector);
}
static inline struct acl_selector *acl_user_selector(const struct acl_user *user, size_t index)
{
    return (struct acl_selector *)(void *)user->selectors.data + index;
}
/* It may do everything: nothing is to be checked. */
static inline bool acl_user_is_unrestricted(const struct acl_user *user)
{
    return acl_selector_is_unrestricted(acl_user_selector(user, 0));
}

/* Calls `visit` for each word of its flags: on or off first. */
void acl_user_visit_flags(const struct acl_user *user, void (*visit)(struct bytes word, void *arg), void *arg);
/* Appends a password as 64 hexadecimal digits. */
enum { ACL_HASH_TEXT = 2 * SHA256_BYTES };
void acl_user_password_text(const struct acl_user *user, size_t index, char out[ACL_HASH_TEXT]);
/* Appends "user bob on #... ~a* &* +@all (...)": what makes the same user again. False: no memory. */
MUST_USE bool acl_user_describe(const struct acl_user *user, struct buffer *out);

#endif
