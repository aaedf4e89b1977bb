/* users_at_start.c - see users_at_start.h.  */
#include "server/users_at_start.h"

#include "acl/file.h"
#include "config/config.h"

#include <errno.h>
#include <stdio.h>

static bool report(enum result result, const char *path, const struct buffer *errors, char error[USERS_ERROR_MAX])
{
    switch (result) {
    case RESULT_OK: return true;
    case RESULT_SYNTAX:
        snprintf(error, USERS_ERROR_MAX, "the users are not as they should be: %.*s", (int)errors->len, errors->len == 0 ? "" : errors->data);
        break;
    case RESULT_SYSTEM: snprintf(error, USERS_ERROR_MAX, "cannot read aclfile %s: %s", path, strerror(errno)); break;
    case RESULT_TOO_LONG: snprintf(error, USERS_ERROR_MAX, "aclfile %s is too long", path); break;
    default: snprintf(error, USERS_ERROR_MAX, "out of memory"); break;
    }
    return false;
}

bool users_load(struct acl *acl, char error[USERS_ERROR_MAX])
{
    const struct config *config = acl->config;
    const bool has_lines = config->user_lines.len > 0, has_file = config->aclfile[0] != '\0';
    struct buffer errors = BUFFER_EMPTY(MEM_SERVER);
    if (has_lines && has_file) {
        snprintf(error, USERS_ERROR_MAX, "users stand in the configuration and in aclfile: give one of them only");
        return false;
    }
    bool is_good = true;
    if (has_file) {
        is_good = report(acl_load_file(acl, config->aclfile, &errors), config->aclfile, &errors, error);
    } else if (has_lines) {
        is_good = report(acl_load_text(acl, buffer_bytes(&config->user_lines), "users of the configuration", &errors), "", &errors, error);
    }
    buffer_release(&errors);
    return is_good;
}
