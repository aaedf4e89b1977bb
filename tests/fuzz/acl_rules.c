/* Any text as lines of users: they are read or refused, and what is read is written down and read again as the same.  */
#include "acl/file.h"
#include "config/config.h"

#include <assert.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void run_nothing(struct exec *exec)
{
    (void)exec;
}

static const struct command_spec config_rows[] = {
    {.name = "get", .run = run_nothing, .flags = COMMAND_ADMIN, .group = "server", .arity = -3, .index = 4},
    {0},
};
static const struct command_spec specs[] = {
    {.name = "get", .run = run_nothing, .flags = COMMAND_READONLY, .keys = {1, 1, 1}, .group = "string", .arity = 2, .index = 0},
    {.name = "set", .run = run_nothing, .flags = COMMAND_WRITE, .keys = {1, 1, 1}, .group = "string", .arity = -3, .index = 1},
    {.name = "select", .run = run_nothing, .group = "connection", .arity = 2, .index = 2},
    {.name = "config", .group = "server", .arity = -2, .index = 3, .subcommands = config_rows},
};
static const struct command_spec *const rows[] = {&specs[0], &specs[1], &specs[2], &specs[3]};

static void append_user(const struct acl_user *user, void *arg)
{
    struct buffer *out = arg;
    const bool is_done = acl_user_describe(user, out) && buffer_append(out, BYTES("\n"));
    assert(is_done);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct config *config = config_create();
    struct acl *acl = acl_create(config, rows, sizeof rows / sizeof rows[0]);
    struct buffer errors = BUFFER_EMPTY(MEM_SERVER), first = BUFFER_EMPTY(MEM_SERVER), second = BUFFER_EMPTY(MEM_SERVER);
    if (acl_load_text(acl, (struct bytes){(const char *)data, size}, "input", &errors) == RESULT_OK) {
        acl_visit(acl, append_user, &first);
        const enum result again = acl_load_text(acl, buffer_bytes(&first), "again", &errors);
        assert(again == RESULT_OK);
        acl_visit(acl, append_user, &second);
        assert(bytes_equal(buffer_bytes(&first), buffer_bytes(&second)));
    } else {
        assert(errors.len > 0);
    }
    buffer_release(&errors);
    buffer_release(&first);
    buffer_release(&second);
    acl_destroy(acl);
    config_destroy(config);
    return 0;
}
