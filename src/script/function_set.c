/* function_set.c - see function_set.h.  */
#include "script/function_set.h"

#include "mem/heap.h"

#include <assert.h>
#include <stdlib.h>

static char lower(char byte)
{
    return byte >= 'A' && byte <= 'Z' ? (char)(byte - 'A' + 'a') : byte;
}

static int compare_names(struct bytes a, struct bytes b)
{
    const size_t len = a.len < b.len ? a.len : b.len;
    for (size_t i = 0; i < len; i++) {
        if (lower(a.data[i]) != lower(b.data[i])) {
            return lower(a.data[i]) < lower(b.data[i]) ? -1 : 1;
        }
    }
    return (a.len > b.len) - (a.len < b.len);
}

static int compare_libraries(const void *a, const void *b)
{
    return bytes_compare((*(struct function_library *const *)a)->name, (*(struct function_library *const *)b)->name);
}

static int compare_places(const void *a, const void *b)
{
    return compare_names(((const struct function_place *)a)->function->name, ((const struct function_place *)b)->function->name);
}

/* Where in `libraries` it is. */
static uint32_t position(struct function_library *const *libraries, const struct function_library *library)
{
    uint32_t i = 0;
    while (libraries[i] != library) {
        i++;
    }
    return i;
}

static void fill_places(struct function_set *set)
{
    uint32_t filled = 0;
    for (uint32_t i = 0; i < set->library_count; i++) {
        struct function_library *library = set->libraries[i];
        for (uint32_t index = 0; index < library->count; index++) {
            set->places[filled++] = (struct function_place){&library->functions[index], library, index};
        }
    }
    assert(filled == set->function_count);
    if (filled > 0) {
        qsort(set->places, filled, sizeof *set->places, compare_places);
    }
}

/* NULL: no two have one name. */
static const struct function *find_twice(const struct function_set *set, struct function_library *const *libraries)
{
    for (uint32_t i = 1; i < set->function_count; i++) {
        const struct function_place *one = &set->places[i - 1], *other = &set->places[i];
        if (compare_names(one->function->name, other->function->name) == 0) {
            return position(libraries, one->library) > position(libraries, other->library) ? one->function : other->function;
        }
    }
    return NULL;
}

struct function_set *function_set_create(struct function_library *const *libraries, uint32_t count, const struct function **twice)
{
    uint32_t functions = 0;
    *twice = NULL;
    for (uint32_t i = 0; i < count; i++) {
        functions += libraries[i]->count;
    }
    const size_t library_bytes = count * sizeof *libraries;
    const size_t bytes = sizeof(struct function_set) + library_bytes + functions * sizeof(struct function_place);
    struct function_set *set = thread_alloc(MEM_SCRIPT, bytes);
    if (set == NULL) {
        return NULL;
    }
    *set = (struct function_set){.library_count = count, .function_count = functions, .block_bytes = bytes};
    atomic_init(&set->holds, 1);
    set->places = (struct function_place *)(void *)&set->libraries[count];
    for (uint32_t i = 0; i < count; i++) {
        set->libraries[i] = libraries[i];
        function_library_hold(libraries[i]);
    }
    if (count > 0) {
        qsort(set->libraries, count, sizeof *set->libraries, compare_libraries);
    }
    fill_places(set);
    *twice = find_twice(set, libraries);
    if (*twice != NULL) {
        function_set_release(set);
        return NULL;
    }
    return set;
}

void function_set_hold(struct function_set *set)
{
    atomic_fetch_add_explicit(&set->holds, 1, memory_order_relaxed);
}

void function_set_release(struct function_set *set)
{
    if (set == NULL || atomic_fetch_sub_explicit(&set->holds, 1, memory_order_acq_rel) > 1) {
        return;
    }
    for (uint32_t i = 0; i < set->library_count; i++) {
        function_library_release(set->libraries[i]);
    }
    thread_free(MEM_SCRIPT, set, set->block_bytes);
}

struct function_library *function_set_library(const struct function_set *set, struct bytes name)
{
    for (uint32_t low = 0, high = set->library_count; low < high;) {
        const uint32_t middle = low + (high - low) / 2;
        const int order = bytes_compare(set->libraries[middle]->name, name);
        if (order == 0) {
            return set->libraries[middle];
        }
        low = order < 0 ? middle + 1 : low;
        high = order < 0 ? high : middle;
    }
    return NULL;
}

bool function_set_has(const struct function_set *set, const struct function_library *library)
{
    return function_set_library(set, library->name) == library;
}

const struct function_place *function_set_find(const struct function_set *set, struct bytes name)
{
    for (uint32_t low = 0, high = set->function_count; low < high;) {
        const uint32_t middle = low + (high - low) / 2;
        const int order = compare_names(set->places[middle].function->name, name);
        if (order == 0) {
            return &set->places[middle];
        }
        low = order < 0 ? middle + 1 : low;
        high = order < 0 ? high : middle;
    }
    return NULL;
}

size_t function_set_bytes(const struct function_set *set)
{
    size_t bytes = thread_block_bytes(set->block_bytes);
    for (uint32_t i = 0; i < set->library_count; i++) {
        bytes += function_library_bytes(set->libraries[i]);
    }
    return bytes;
}
