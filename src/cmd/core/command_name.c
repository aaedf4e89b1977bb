/* command_name.c - the names of rows and their subcommands.  */
#include "cmd/core/command_name.h"

#include "exec/command_index.h"
#include "exec/exec.h"
#include "shard/server.h"

#include <stdio.h>
#include <string.h>

size_t command_full_name(const struct command_spec *spec, char out[COMMAND_NAME_MAX])
{
    int len = spec->parent == NULL ? snprintf(out, COMMAND_NAME_MAX, "%s", spec->name)
                                   : snprintf(out, COMMAND_NAME_MAX, "%s|%s", spec->parent->name, spec->name);
    return (size_t)len < COMMAND_NAME_MAX ? (size_t)len : COMMAND_NAME_MAX - 1;
}

const struct command_spec *command_find_below(const struct command_spec *container, struct bytes name)
{
    for (const struct command_spec *row = container->subcommands; row != NULL && row->name != NULL; row++) {
        if (bytes_equal_ignore_case(name, bytes_of_string(row->name))) {
            return row;
        }
    }
    return NULL;
}

const struct command_spec *command_find_full(const struct server *server, struct bytes name)
{
    const char *bar = name.len == 0 ? NULL : memchr(name.data, '|', name.len);
    if (bar == NULL) {
        return server_find_command(server, name);
    }
    size_t len = (size_t)(bar - name.data);
    const struct command_spec *container = server_find_command(server, (struct bytes){name.data, len});
    return container == NULL ? NULL : command_find_below(container, (struct bytes){bar + 1, name.len - len - 1});
}
