/* command_choose.c - see command_choose.h.  */
#include "exec/command_choose.h"

#include <stdio.h>
#include <string.h>

static const struct command_spec *find_subcommand(const struct command_spec *container, struct bytes name)
{
    for (const struct command_spec *row = container->subcommands; row->name != NULL; row++) {
        if (bytes_equal_ignore_case(bytes_of_string(row->name), name)) {
            return row;
        }
    }
    return NULL;
}

/* --- refusals --- */

static void refuse_unknown(struct reply *reply, const struct bytes *argv, uint32_t argc)
{
    char text[512];
    size_t used = (size_t)snprintf(text, sizeof text, "ERR unknown command '%.*s', with args beginning with: ",
                                   argv[0].len > 128 ? 128 : (int)argv[0].len, argv[0].data);
    /* Redis cuts the list of arguments at 128 characters. */
    size_t listed = 0;
    for (uint32_t i = 1; i < argc && listed < 128 && used < sizeof text - 140; i++) {
        size_t room = 128 - listed;
        int len = (int)(argv[i].len < room ? argv[i].len : room);
        int put = snprintf(text + used, sizeof text - used, "'%.*s' ", len, argv[i].data);
        used += (size_t)put;
        listed += (size_t)put;
    }
    reply_error(reply, text);
}

static void full_name(const struct command_spec *spec, char out[80])
{
    if (spec->parent != NULL) {
        snprintf(out, 80, "%s|%s", spec->parent->name, spec->name);
    } else {
        snprintf(out, 80, "%s", spec->name);
    }
}

static void refuse_arity(struct reply *reply, const struct command_spec *spec)
{
    char name[80];
    full_name(spec, name);
    reply_errorf(reply, "ERR wrong number of arguments for '%s' command", name);
}

/* The container is called as the client has called it: it may have been renamed. */
static void refuse_subcommand(struct reply *reply, struct bytes container, struct bytes name)
{
    char upper[64];
    const size_t len = container.len < sizeof upper ? container.len : sizeof upper;
    for (size_t i = 0; i < len; i++) {
        char c = container.data[i];
        upper[i] = c >= 'a' && c <= 'z' ? (char)(c - 32) : c;
    }
    reply_errorf(reply, "ERR unknown subcommand '%.*s'. Try %.*s HELP.",
                 name.len > 128 ? 128 : (int)name.len, name.data, (int)len, upper);
}

bool command_choose_slowly(const struct command_spec *row, const struct bytes *argv, uint32_t argc, struct reply *reply,
                           const struct command_spec **chosen)
{
    *chosen = row;
    if (UNLIKELY(row == NULL)) {
        refuse_unknown(reply, argv, argc);
        return false;
    }
    if (UNLIKELY(row->subcommands != NULL) && argc >= 2) {
        const struct command_spec *subcommand = find_subcommand(row, argv[1]);
        if (subcommand == NULL && row->run == NULL) {
            *chosen = NULL;
            refuse_subcommand(reply, argv[0], argv[1]);
            return false;
        }
        *chosen = subcommand != NULL ? subcommand : row;
    }
    if (UNLIKELY(!command_takes(*chosen, argc) || (*chosen)->run == NULL)) {
        refuse_arity(reply, *chosen);
        return false;
    }
    return true;
}
