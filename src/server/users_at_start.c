/* users_at_start.c - see users_at_start.h.  */
#include "server/users_at_start.h"

#include "acl/file.h"
#include "config/config.h"

#include <errno.h>
#include <stdio.h>

static bool refuse(const struct buffer *errors)
{
    fprintf(stderr, "tessera-server: %.*sthe users are not as they should be\n", (int)errors->len, errors->len == 0 ? "" : errors->data);
    return false;
}

static bool report(enum result result, const char *path, const struct buffer *errors)
{
    switch (result) {
    case RESULT_OK: return true;
    case RESULT_SYNTAX: return refuse(errors);
    case RESULT_SYSTEM: fprintf(stderr, "tessera-server: cannot read aclfile %s: %s\n", path, strerror(errno)); return false;
    case RESULT_TOO_LONG: fprintf(stderr, "tessera-server: aclfile %s is too long\n", path); return false;
    default: fprintf(stderr, "tessera-server: out of memory\n"); return false;
    }
}

bool users_load(struct acl *acl)
{
    const struct config *config = acl->config;
    const bool has_lines = config->user_lines.len > 0, has_file = config->aclfile[0] != '\0';
    struct buffer errors = BUFFER_EMPTY(MEM_SERVER);
    if (has_lines && has_file) {
        fprintf(stderr, "tessera-server: users stand in the configuration and in aclfile: give one of them only\n");
        return false;
    }
    bool is_good = true;
    if (has_file) {
        is_good = report(acl_load_file(acl, config->aclfile, &errors), config->aclfile, &errors);
    } else if (has_lines) {
        is_good = report(acl_load_text(acl, buffer_bytes(&config->user_lines), "users of the configuration", &errors), "", &errors);
    }
    buffer_release(&errors);
    return is_good;
}
