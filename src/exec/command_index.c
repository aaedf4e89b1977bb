/* command_index.c - an open hash table over the names of the commands; see command_index.h.
 *
 * Invariant  Each command has an entry by its own name; one that clients call by another has a second.  */
#include "exec/command_index.h"

#include "exec/exec.h"
#include "mem/heap.h"

#include <string.h>

enum { COMMAND_NAME_LIMIT = 64 };
_Static_assert((int)COMMAND_RENAME_MAX <= COMMAND_NAME_LIMIT, "a command is found by its new name");

struct command_entry {
    const char *name; /* NULL: the place is free */
    const struct command_spec *spec;
    bool is_for_clients;
};

static uint32_t name_hash(const char *lower, size_t len)
{
    uint32_t hash = 2166136261u;
    for (size_t i = 0; i < len; i++) {
        hash = (hash ^ (unsigned char)lower[i]) * 16777619u;
    }
    return hash;
}

static uint32_t index_size(const struct server *server)
{
    uint32_t size = 64;
    while (size < server->command_count * 4) {
        size *= 2;
    }
    return size;
}

static void add(struct server *server, const struct command_entry *entry)
{
    const uint32_t mask = index_size(server) - 1;
    uint32_t at = name_hash(entry->name, strlen(entry->name)) & mask;
    while (server->command_index[at].name != NULL) {
        at = (at + 1) & mask;
    }
    server->command_index[at] = *entry;
}

bool command_index_open(struct server *server)
{
    server->command_index = thread_alloc_zeroed(MEM_SERVER, index_size(server) * sizeof(*server->command_index));
    if (server->command_index == NULL) {
        return false;
    }
    for (uint32_t i = 0; i < server->command_count; i++) {
        const struct command_spec *spec = server->commands[i];
        if (spec->parent != NULL) {
            continue;
        }
        const char *now = config_command_name(server->config, spec->name);
        add(server, &(struct command_entry){spec->name, spec, now == spec->name});
        if (now != spec->name && now[0] != '\0') {
            add(server, &(struct command_entry){now, spec, true});
        }
    }
    return true;
}

/* False: no command's name is so long. */
static bool lower_name(struct bytes name, char lower[COMMAND_NAME_LIMIT])
{
    if (name.len > COMMAND_NAME_LIMIT) {
        return false;
    }
    for (size_t i = 0; i < name.len; i++) {
        char c = name.data[i];
        lower[i] = c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
    }
    return true;
}

/* By the names that clients use, or by the commands' own. */
static inline __attribute__((always_inline)) const struct command_spec *find(const struct server *server, struct bytes name, bool by_own)
{
    char lower[COMMAND_NAME_LIMIT];
    if (!lower_name(name, lower)) {
        return NULL;
    }
    const uint32_t mask = index_size(server) - 1;
    const struct command_entry *index = server->command_index;
    for (uint32_t at = name_hash(lower, name.len) & mask; index[at].name != NULL; at = (at + 1) & mask) {
        const char *here = by_own ? index[at].spec->name : index[at].name;
        if ((by_own || index[at].is_for_clients) && bytes_equal(bytes_of_string(here), (struct bytes){lower, name.len})) {
            return index[at].spec;
        }
    }
    return NULL;
}

const struct command_spec *server_find_command(const struct server *server, struct bytes name)
{
    return find(server, name, false);
}

const struct command_spec *server_find_own_command(const struct server *server, struct bytes name)
{
    return find(server, name, true);
}

void command_index_close(struct server *server)
{
    thread_free(MEM_SERVER, server->command_index, index_size(server) * sizeof(*server->command_index));
}
