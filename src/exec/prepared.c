/* prepared.c - see prepared.h.  */
#include "exec/prepared.h"

#include "exec/call.h"
#include "exec/exec.h"
#include "mem/heap.h"

#include <assert.h>
#include <string.h>

/* --- one statement --- */

static bool copy(struct arena *arena, struct bytes from, struct bytes *to)
{
    const char *text = arena_copy(arena, from);
    *to = (struct bytes){text, from.len};
    return text != NULL;
}

struct prepared *prepared_create(const struct prepared_set *set, struct bytes name, struct bytes text)
{
    assert(name.len <= PREPARED_NAME_MAX);
    struct prepared *statement = thread_alloc_zeroed(MEM_CLIENT, sizeof *statement);
    if (statement == NULL) {
        return NULL;
    }
    arena_init(&statement->arena, MEM_CLIENT, PREPARED_BYTES_MAX - (set != NULL ? set->bytes : 0));
    if (!copy(&statement->arena, name, &statement->name) || !copy(&statement->arena, text, &statement->text)) {
        prepared_destroy(statement);
        return NULL;
    }
    return statement;
}

void prepared_destroy(struct prepared *statement)
{
    if (statement != NULL) {
        arena_release(&statement->arena);
        thread_free(MEM_CLIENT, statement, sizeof *statement);
    }
}

/* --- all of a connection --- */

/* Names have an order, whichever. */
static int compare(struct bytes a, struct bytes b)
{
    if (a.len != b.len) {
        return a.len < b.len ? -1 : 1;
    }
    return memcmp(a.data, b.data, a.len);
}

/* Where the statement of that name is, or belongs. */
static uint32_t place_of(const struct prepared_set *set, struct bytes name, bool *is_there)
{
    uint32_t low = 0;
    uint32_t high = set->count;
    while (low < high) {
        const uint32_t middle = low + (high - low) / 2;
        if (compare(set->statements[middle]->name, name) < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    *is_there = low < set->count && compare(set->statements[low]->name, name) == 0;
    return low;
}

const struct prepared *prepared_find(const struct prepared_set *set, struct bytes name)
{
    bool is_there = false;
    const uint32_t at = set == NULL ? 0 : place_of(set, name, &is_there);
    return is_there ? set->statements[at] : NULL;
}

/* The statement leaves its place empty. */
static void drop(struct prepared_set *set, uint32_t at)
{
    assert(set->bytes >= set->statements[at]->arena.used_bytes);
    set->bytes -= set->statements[at]->arena.used_bytes;
    prepared_destroy(set->statements[at]);
}

enum prepared_result prepared_add(struct prepared_set **set, struct prepared *statement)
{
    if (*set == NULL) {
        *set = thread_alloc_zeroed(MEM_CLIENT, sizeof **set);
    }
    if (*set == NULL) {
        return PREPARED_NO_MEMORY;
    }
    bool is_there;
    struct prepared **all = (*set)->statements;
    const uint32_t at = place_of(*set, statement->name, &is_there);
    if (!is_there && (*set)->count == PREPARED_MAX) {
        return PREPARED_TOO_MANY;
    }
    if (is_there) {
        drop(*set, at);
    } else {
        memmove(&all[at + 1], &all[at], ((*set)->count - at) * sizeof(struct prepared *));
        (*set)->count++;
    }
    all[at] = statement;
    (*set)->bytes += statement->arena.used_bytes;
    return PREPARED_OK;
}

bool prepared_remove(struct prepared_set **set, struct bytes name)
{
    bool is_there = false;
    const uint32_t at = *set == NULL ? 0 : place_of(*set, name, &is_there);
    if (!is_there) {
        return false;
    }
    struct prepared **all = (*set)->statements;
    drop(*set, at);
    (*set)->count--;
    memmove(&all[at], &all[at + 1], ((*set)->count - at) * sizeof(struct prepared *));
    if ((*set)->count == 0) {
        prepared_end(set);
    }
    return true;
}

void prepared_end(struct prepared_set **set)
{
    for (uint32_t i = 0; *set != NULL && i < (*set)->count; i++) {
        prepared_destroy((*set)->statements[i]);
    }
    thread_free(MEM_CLIENT, *set, sizeof **set);
    *set = NULL;
}

size_t prepared_memory_bytes(const struct prepared_set *set)
{
    return set == NULL ? 0 : sizeof *set + set->count * sizeof *set->statements[0] + set->bytes;
}

/* --- of a command --- */

const struct prepared *exec_prepared(const struct exec *exec)
{
    const struct call *call = exec->call;
    const bool names_it = call != NULL && call->spec != NULL && (call->spec->flags & COMMAND_NAMES_PREPARED) != 0;
    return names_it ? call->prepared : NULL;
}
