/* acl_file.c - ACL LOAD and SAVE: the file that `aclfile` names.  */
#include "acl/file.h"
#include "cmd/acl/acl_private.h"
#include "cmd/core/answers.h"
#include "shard/server.h"

#include <errno.h>
#include <limits.h>

/* False: replied that there is no such file. */
static bool find_file(struct exec *exec, char path[PATH_MAX])
{
    struct config *config = exec->server->config;
    config_text_copy(config, &config->aclfile, path, PATH_MAX);
    if (path[0] == '\0') {
        reply_error(exec->reply, "ERR This Redis instance is not configured to use an ACL file. You may want to specify users via the ACL SETUSER "
                                 "command and then issue a CONFIG REWRITE (assuming you have a Redis configuration file set) in order to store "
                                 "users in the Redis configuration.");
    }
    return path[0] != '\0';
}

void command_acl_load(struct exec *exec)
{
    char path[PATH_MAX];
    struct buffer errors = BUFFER_EMPTY(MEM_SERVER);
    if (!find_file(exec, path)) {
        return;
    }
    const enum result result = acl_load_file(exec->server->acl, path, &errors);
    if (result == RESULT_OK) {
        acl_users_changed(exec);
        reply_ok(exec->reply);
    } else if (result == RESULT_SYNTAX) {
        reply_errorf(exec->reply, "ERR %.*sWARNING: ACL errors detected, no change to the previously active ACL rules was performed",
                     (int)errors.len, errors.data);
    } else if (result == RESULT_SYSTEM) {
        reply_errorf(exec->reply, "ERR Error loading ACLs, opening file '%s': %s", path, strerror(errno));
    } else {
        reply_result_error(exec->reply, result);
    }
    buffer_release(&errors);
}

void command_acl_save(struct exec *exec)
{
    char path[PATH_MAX];
    if (!find_file(exec, path)) {
        return;
    }
    const enum result result = acl_save_file(exec->server->acl, path);
    if (result == RESULT_OK) {
        reply_ok(exec->reply);
    } else if (result == RESULT_SYSTEM) {
        reply_errorf(exec->reply, "ERR There was an error trying to save the ACLs: %s", strerror(errno));
    } else {
        reply_result_error(exec->reply, result);
    }
}
