/* acl_show.c - ACL CAT, DRYRUN, GENPASS, GETUSER, LIST, USERS, WHOAMI: what there is, and what a user may do.  */
#include "acl/category.h"
#include "acl/check.h"
#include "acl/users.h"
#include "base/number.h"
#include "client/session_user.h"
#include "cmd/acl/acl_private.h"
#include "cmd/core/answers.h"
#include "cmd/core/command_name.h"
#include "exec/command_choose.h"
#include "shard/server.h"

#include <stdio.h>
#include <sys/random.h>

/* --- CAT --- */

static void reply_categories(struct exec *exec)
{
    reply_array(exec->reply, ACL_CATEGORY_COUNT);
    for (unsigned i = 0; i < ACL_CATEGORY_COUNT; i++) {
        reply_bulk_string(exec->reply, acl_category_names[i]);
    }
}

static void reply_commands_of(struct exec *exec, uint32_t category)
{
    const struct acl_command_table *commands = &exec->server->acl->commands;
    const size_t mark = reply_deferred_begin(exec->reply);
    size_t count = 0;
    for (uint32_t i = 0; i < commands->count; i++) {
        if ((commands->rows[i].categories & category) != 0) {
            char name[COMMAND_NAME_MAX];
            const size_t len = command_full_name(commands->rows[i].spec, name);
            reply_bulk(exec->reply, (struct bytes){name, len});
            count++;
        }
    }
    reply_deferred_end(exec->reply, mark, '*', count);
}

void command_acl_cat(struct exec *exec)
{
    if (exec->argc > 3) {
        reply_arity_error(exec->reply, exec->spec);
        return;
    }
    if (exec->argc == 2) {
        reply_categories(exec);
        return;
    }
    const uint32_t category = acl_category_find(exec->argv[2]);
    if (category == 0) {
        reply_errorf(exec->reply, "ERR Unknown category '%.*s'", (int)exec->argv[2].len, exec->argv[2].data);
        return;
    }
    reply_commands_of(exec, category);
}

/* --- DRYRUN --- */

static void reply_denial(struct reply *reply, const struct command_spec *spec, const struct acl_denial *denial)
{
    static const char *const kinds[] = {[ACL_DENIED_KEY] = "key", [ACL_DENIED_CHANNEL] = "channel"};
    char text[256], name[COMMAND_NAME_MAX];
    int len = 0;
    command_full_name(spec, name);
    switch (denial->outcome) {
    case ACL_DENIED_COMMAND: len = snprintf(text, sizeof text, "This user has no permissions to run the '%s' command", name); break;
    case ACL_DENIED_KEY:
    case ACL_DENIED_CHANNEL:
        len = snprintf(text, sizeof text, "This user has no permissions to access the '%.*s' %s",
                       (int)(denial->object.len < ACL_OBJECT_MAX ? denial->object.len : ACL_OBJECT_MAX), denial->object.data, kinds[denial->outcome]);
        break;
    case ACL_DENIED_BY: len = snprintf(text, sizeof text, "BY option of SORT denied due to insufficient ACL permissions."); break;
    case ACL_DENIED_GET: len = snprintf(text, sizeof text, "GET option of SORT denied due to insufficient ACL permissions."); break;
    case ACL_ALLOWED:
    case ACL_DENIED_NO_MEMORY: reply_result_error(reply, RESULT_NO_MEMORY); return;
    }
    reply_bulk(reply, (struct bytes){text, (size_t)len < sizeof text ? (size_t)len : sizeof text - 1});
}

/* The row of the command at argv[3]; NULL: replied that there is none, or that it does not take so many words. */
static const struct command_spec *choose_command(struct exec *exec)
{
    const struct acl_command *found = acl_command_find(&exec->server->acl->commands, exec->argv[3]);
    const uint32_t argc = exec->argc - 3;
    const struct command_spec *spec = found == NULL ? NULL : found->spec;
    if (spec != NULL && spec->subcommands != NULL && argc > 1) {
        const struct command_spec *below = command_find_below(spec, exec->argv[4]);
        spec = below != NULL ? below : spec->run != NULL ? spec : NULL;
    }
    if (spec == NULL) {
        reply_errorf(exec->reply, "ERR Command '%.*s' not found", (int)exec->argv[3].len, exec->argv[3].data);
        return NULL;
    }
    if (!command_takes(spec, argc)) {
        reply_arity_error(exec->reply, spec);
        return NULL;
    }
    return spec;
}

void command_acl_dryrun(struct exec *exec)
{
    struct acl_user *user = acl_find(exec->server->acl, exec->argv[2]);
    if (user == NULL) {
        reply_errorf(exec->reply, "ERR User '%.*s' not found", (int)exec->argv[2].len, exec->argv[2].data);
        return;
    }
    const struct command_spec *spec = choose_command(exec);
    struct acl_denial denial;
    if (spec != NULL && acl_check(user, &exec->server->acl->commands, spec, exec->argv + 3, exec->argc - 3, &denial) == ACL_ALLOWED) {
        reply_ok(exec->reply);
    } else if (spec != NULL) {
        reply_denial(exec->reply, spec, &denial);
    }
    acl_user_drop(user);
}

/* --- GENPASS --- */

enum { PASSWORD_BITS = 256, PASSWORD_BITS_MAX = 4096 };

void command_acl_genpass(struct exec *exec)
{
    int64_t bits = PASSWORD_BITS;
    if (exec->argc > 3) {
        reply_arity_error(exec->reply, exec->spec);
        return;
    }
    if (exec->argc == 3 && !exec_int64_argument(exec, 2, &bits)) {
        return;
    }
    if (bits <= 0 || bits > PASSWORD_BITS_MAX) {
        reply_errorf(exec->reply, "ERR ACL GENPASS argument must be the number of bits for the output password, a positive number up to %d",
                     PASSWORD_BITS_MAX);
        return;
    }
    unsigned char random[PASSWORD_BITS_MAX / 8];
    char text[PASSWORD_BITS_MAX / 4];
    const size_t digits = (size_t)(bits + 3) / 4, bytes = (digits + 1) / 2;
    for (size_t got = 0; got < bytes;) {
        const ssize_t count = getrandom(random + got, bytes - got, 0);
        got += count > 0 ? (size_t)count : 0; /* a signal may come in between */
    }
    for (size_t i = 0; i < digits; i++) {
        text[i] = "0123456789abcdef"[i % 2 == 0 ? random[i / 2] >> 4 : random[i / 2] & 15];
    }
    reply_bulk(exec->reply, (struct bytes){text, digits});
}

/* --- GETUSER --- */

/* Words replied one after the other, counted. */
struct word_list {
    struct reply *reply;
    size_t count;
};

static void reply_word(struct bytes word, void *arg)
{
    struct word_list *list = arg;
    reply_bulk(list->reply, word);
    list->count++;
}

static void reply_flags(struct reply *reply, const struct acl_user *user)
{
    struct word_list list = {reply, 0};
    const size_t mark = reply_deferred_begin(reply);
    acl_user_visit_flags(user, reply_word, &list);
    reply_deferred_end(reply, mark, reply->protocol == 2 ? '*' : '~', list.count);
}

static void reply_passwords(struct reply *reply, const struct acl_user *user)
{
    const size_t count = user->passwords.len / SHA256_BYTES;
    reply_array(reply, count);
    for (size_t i = 0; i < count; i++) {
        char text[ACL_HASH_TEXT];
        acl_user_password_text(user, i, text);
        reply_bulk(reply, (struct bytes){text, sizeof text});
    }
}

static const struct {
    const char *name;
    bool (*describe)(const struct acl_selector *selector, struct buffer *out);
} parts[] = {
    {"commands", acl_selector_describe_commands},
    {"keys", acl_selector_describe_keys},
    {"channels", acl_selector_describe_channels},
};
enum { PART_COUNT = sizeof parts / sizeof parts[0] };

/* False: no memory. */
static bool reply_selector(struct reply *reply, const struct acl_selector *selector)
{
    struct buffer text = BUFFER_EMPTY(MEM_SERVER);
    bool is_done = true;
    for (size_t i = 0; i < PART_COUNT && is_done; i++) {
        text.len = 0;
        is_done = parts[i].describe(selector, &text);
        reply_bulk_string(reply, parts[i].name);
        reply_bulk(reply, text.len == 0 ? BYTES("") : buffer_bytes(&text));
    }
    buffer_release(&text);
    return is_done;
}

static bool reply_user(struct reply *reply, const struct acl_user *user)
{
    reply_map(reply, 3 + PART_COUNT);
    reply_bulk_string(reply, "flags");
    reply_flags(reply, user);
    reply_bulk_string(reply, "passwords");
    reply_passwords(reply, user);
    bool is_done = reply_selector(reply, acl_user_selector(user, 0));
    const size_t count = acl_user_selector_count(user);
    reply_bulk_string(reply, "selectors");
    reply_array(reply, count - 1);
    for (size_t i = 1; i < count && is_done; i++) {
        reply_map(reply, PART_COUNT);
        is_done = reply_selector(reply, acl_user_selector(user, i));
    }
    return is_done;
}

void command_acl_getuser(struct exec *exec)
{
    struct acl_user *user = acl_find(exec->server->acl, exec->argv[2]);
    if (user == NULL) {
        reply_null(exec->reply);
        return;
    }
    if (!reply_user(exec->reply, user)) {
        reply_rewind(exec->reply);
        reply_result_error(exec->reply, RESULT_NO_MEMORY);
    }
    acl_user_drop(user);
}

/* --- all users --- */

/* A listing of users under way. */
struct user_list {
    struct reply *reply;
    size_t count;
    bool is_refused; /* no memory */
};

static void reply_name(const struct acl_user *user, void *arg)
{
    struct user_list *list = arg;
    reply_bulk(list->reply, buffer_bytes(&user->name));
    list->count++;
}

static void reply_line(const struct acl_user *user, void *arg)
{
    struct user_list *list = arg;
    struct buffer line = BUFFER_EMPTY(MEM_SERVER);
    list->is_refused |= !acl_user_describe(user, &line);
    reply_bulk(list->reply, buffer_bytes(&line));
    buffer_release(&line);
    list->count++;
}

static void reply_users(struct exec *exec, acl_visit_fn *visit)
{
    struct user_list list = {.reply = exec->reply};
    const size_t mark = reply_deferred_begin(exec->reply);
    acl_visit(exec->server->acl, visit, &list);
    if (list.is_refused) {
        reply_rewind(exec->reply);
        reply_result_error(exec->reply, RESULT_NO_MEMORY);
        return;
    }
    reply_deferred_end(exec->reply, mark, '*', list.count);
}

void command_acl_list(struct exec *exec)
{
    reply_users(exec, reply_line);
}

void command_acl_users(struct exec *exec)
{
    reply_users(exec, reply_name);
}

void command_acl_whoami(struct exec *exec)
{
    reply_bulk(exec->reply, session_user_name(exec->session));
}
