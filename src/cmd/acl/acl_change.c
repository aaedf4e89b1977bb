/* acl_change.c - ACL SETUSER and DELUSER, and what follows when users have changed.  */
#include "acl/users.h"
#include "acl/words.h"
#include "client/session_user.h"
#include "cmd/acl/acl_private.h"
#include "cmd/core/answers.h"
#include "shard/message.h"
#include "shard/server.h"

void acl_users_changed(struct exec *exec)
{
    if (sessions_follow_users(exec->thread, exec->session)) {
        exec_close_after_reply(exec);
    }
    for (uint32_t i = 0; i < exec->server->shard_count; i++) {
        thread_wake(exec->thread, server_thread(exec->server, i));
    }
}

static void set_user(struct exec *exec, const struct acl_words *rules)
{
    size_t bad;
    const struct bytes *items = (const struct bytes *)(const void *)rules->items.data;
    const enum acl_rule_result result = acl_set_user(exec->server->acl, exec->argv[2], items, acl_words_count(rules), &bad);
    if (result == ACL_RULE_OK) {
        acl_users_changed(exec);
        reply_ok(exec->reply);
    } else if (result == ACL_RULE_NO_MEMORY) {
        reply_result_error(exec->reply, RESULT_NO_MEMORY);
    } else {
        const struct bytes rule = acl_words_at(rules, bad);
        reply_errorf(exec->reply, "ERR Error in ACL SETUSER modifier '%.*s': %s", (int)rule.len, rule.data, acl_rule_text(result));
    }
}

void command_acl_setuser(struct exec *exec)
{
    struct acl_words rules;
    struct bytes culprit;
    if (!acl_name_is_right(exec->argv[2])) {
        reply_error(exec->reply, "ERR Usernames can't contain spaces or null characters");
        return;
    }
    switch (acl_words_merge(exec->argv + 3, exec->argc - 3, &rules, &culprit)) {
    case ACL_WORDS_OK: set_user(exec, &rules); break;
    case ACL_WORDS_NO_MEMORY: reply_result_error(exec->reply, RESULT_NO_MEMORY); break;
    case ACL_WORDS_UNMATCHED:
        reply_errorf(exec->reply, "ERR Unmatched parenthesis in acl selector starting at '%.*s'.", (int)culprit.len, culprit.data);
        break;
    }
    acl_words_release(&rules);
}

void command_acl_deluser(struct exec *exec)
{
    int64_t count = 0;
    for (uint32_t i = 2; i < exec->argc; i++) {
        if (bytes_equal(exec->argv[i], BYTES("default"))) {
            reply_error(exec->reply, "ERR The 'default' user cannot be removed");
            return;
        }
    }
    for (uint32_t i = 2; i < exec->argc; i++) {
        count += acl_delete_user(exec->server->acl, exec->argv[i]);
    }
    if (count > 0) {
        acl_users_changed(exec);
    }
    reply_integer(exec->reply, count);
}
