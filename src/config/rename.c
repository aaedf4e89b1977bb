/* rename.c - `rename-command`: the names that commands have for clients, where these differ from their own.
 *
 * Rules are redis-server's: the lines count one after the other, each about the names as they are by then; "" takes a command
 * away from clients. What the server itself repeats (its log) goes by the commands' own names.
 * Memory     A list of blocks, freed by config_destroy.
 * Threads    A single one while the configuration is read; any may read afterwards.  */
#include "config/config_private.h"
#include "mem/heap.h"

#include <assert.h>
#include <ctype.h>
#include <string.h>

struct command_rename {
    struct command_rename *next; /* the one of a line before */
    size_t bytes;                /* of this block */
    const char *own;             /* lower case, as all names here */
    const char *now;             /* "": it has none */
    char text[];
};

static bool is_called(const char *name, struct bytes word)
{
    return bytes_equal_ignore_case(word, bytes_of_string(name));
}

static struct command_rename *find_own(const struct config *config, struct bytes own)
{
    struct command_rename *rename = config->renames;
    while (rename != NULL && !is_called(rename->own, own)) {
        rename = rename->next;
    }
    return rename;
}

/* The rename whose command is called `name` now. */
static struct command_rename *find_now(const struct config *config, struct bytes name)
{
    struct command_rename *rename = config->renames;
    while (rename != NULL && (rename->now[0] == '\0' || !is_called(rename->now, name))) {
        rename = rename->next;
    }
    return rename;
}

/* Is it a command's own name, and has it kept it? */
static bool is_unchanged(const struct config *config, struct bytes name)
{
    return config->is_command != NULL && config->is_command(name) && find_own(config, name) == NULL;
}

static char *append_lower(char *at, struct bytes text)
{
    for (size_t i = 0; i < text.len; i++) {
        *at++ = (char)tolower((unsigned char)text.data[i]);
    }
    *at++ = '\0';
    return at;
}

static enum result add(struct config *config, struct bytes own, struct bytes now)
{
    const size_t bytes = sizeof(struct command_rename) + own.len + now.len + 2;
    struct command_rename *rename = thread_alloc(MEM_SERVER, bytes);
    if (rename == NULL) {
        return RESULT_NO_MEMORY;
    }
    char *second = append_lower(rename->text, own);
    append_lower(second, now);
    rename->next = config->renames;
    rename->bytes = bytes;
    rename->own = rename->text;
    rename->now = second;
    config->renames = rename;
    return RESULT_OK;
}

static void take_out(struct config *config, struct command_rename *rename)
{
    struct command_rename **link = &config->renames;
    while (*link != rename) {
        link = &(*link)->next;
        assert(*link != NULL);
    }
    *link = rename->next;
    thread_free(MEM_SERVER, rename, rename->bytes);
}

enum result rename_command(struct config *config, struct bytes from, struct bytes to)
{
    struct command_rename *before = find_now(config, from);
    if (before == NULL && !is_unchanged(config, from)) {
        return RESULT_NOT_FOUND;
    }
    if (to.len > COMMAND_RENAME_MAX) {
        return RESULT_TOO_LONG;
    }
    if (to.len > 0 && memchr(to.data, '\0', to.len) != NULL) {
        return RESULT_SYNTAX;
    }
    /* redis-server takes the old name away first: a command may be called what it is called. */
    const bool is_same = bytes_equal_ignore_case(from, to);
    if (to.len > 0 && !is_same && (find_now(config, to) != NULL || is_unchanged(config, to))) {
        return RESULT_EXISTS;
    }
    enum result result = add(config, before == NULL ? from : bytes_of_string(before->own), to);
    if (result == RESULT_OK && before != NULL) {
        take_out(config, before);
    }
    return result;
}

const char *config_command_name(const struct config *config, const char *own)
{
    const struct command_rename *rename = find_own(config, bytes_of_string(own));
    return rename == NULL ? own : rename->now;
}

void rename_destroy(struct config *config)
{
    while (config->renames != NULL) {
        take_out(config, config->renames);
    }
}
