/* command_index.c - an open hash table over the names of the commands; see command_index.h.  */
#include "exec/command_index.h"

#include "exec/exec.h"
#include "mem/heap.h"

#include <string.h>

enum { COMMAND_NAME_LIMIT = 64 };

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

bool command_index_open(struct server *server)
{
    uint32_t size = index_size(server);
    server->command_index = thread_alloc_zeroed(MEM_SERVER, size * sizeof(*server->command_index));
    if (server->command_index == NULL) {
        return false;
    }
    for (uint32_t i = 0; i < server->command_count; i++) {
        const struct command_spec *spec = server->commands[i];
        if (spec->parent != NULL) {
            continue;
        }
        uint32_t at = name_hash(spec->name, strlen(spec->name)) & (size - 1);
        while (server->command_index[at] != NULL) {
            at = (at + 1) & (size - 1);
        }
        server->command_index[at] = spec;
    }
    return true;
}

const struct command_spec *server_find_command(const struct server *server, struct bytes name)
{
    char lower[COMMAND_NAME_LIMIT];
    if (name.len > sizeof lower) {
        return NULL;
    }
    for (size_t i = 0; i < name.len; i++) {
        char c = name.data[i];
        lower[i] = c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
    }
    uint32_t mask = index_size(server) - 1;
    for (uint32_t at = name_hash(lower, name.len) & mask; server->command_index[at] != NULL; at = (at + 1) & mask) {
        const struct command_spec *spec = server->command_index[at];
        if (bytes_equal(bytes_of_string(spec->name), (struct bytes){lower, name.len})) {
            return spec;
        }
    }
    return NULL;
}

void command_index_close(struct server *server)
{
    thread_free(MEM_SERVER, server->command_index, index_size(server) * sizeof(*server->command_index));
}
