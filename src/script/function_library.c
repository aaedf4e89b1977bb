/* function_library.c - see function_library.h.  */
#include "script/function_library.h"

#include "mem/heap.h"
#include "script/registry.h"

#include <assert.h>
#include <string.h>

enum { FIRST_FUNCTIONS = 4 };

const struct function_flag_name function_flag_names[FUNCTION_FLAGS] = {
    {"no-writes", SCRIPT_NO_WRITES},
    {"allow-oom", SCRIPT_ALLOW_OOM},
    {"allow-stale", SCRIPT_ALLOW_STALE},
    {"no-cluster", SCRIPT_NO_CLUSTER},
    {"allow-cross-slot-keys", SCRIPT_ALLOW_CROSS_SLOT},
};

struct function_library *function_library_create(struct bytes name, struct bytes code, size_t code_start)
{
    const size_t bytes = sizeof(struct function_library) + name.len + code.len;
    struct function_library *library = thread_alloc_zeroed(MEM_SCRIPT, bytes);
    if (library == NULL) {
        return NULL;
    }
    char *text = (char *)(library + 1);
    memcpy(text, name.data, name.len);
    memcpy(text + name.len, code.data, code.len);
    library->name = (struct bytes){text, name.len};
    library->code = (struct bytes){text + name.len, code.len};
    library->code_start = code_start;
    library->block_bytes = bytes;
    atomic_init(&library->holds, 1);
    return library;
}

void function_library_hold(struct function_library *library)
{
    atomic_fetch_add_explicit(&library->holds, 1, memory_order_relaxed);
}

static size_t text_bytes(const struct function *function)
{
    return function->name.len + function->description.len + 1;
}

void function_library_release(struct function_library *library)
{
    if (library == NULL || atomic_fetch_sub_explicit(&library->holds, 1, memory_order_acq_rel) > 1) {
        return;
    }
    for (uint32_t i = 0; i < library->count; i++) {
        struct function *function = &library->functions[i];
        thread_free(MEM_SCRIPT, (void *)(uintptr_t)function->name.data, text_bytes(function));
    }
    if (library->functions != NULL) {
        thread_free(MEM_SCRIPT, library->functions, library->capacity * sizeof *library->functions);
    }
    thread_free(MEM_SCRIPT, library, library->block_bytes);
}

size_t function_library_bytes(const struct function_library *library)
{
    size_t bytes = thread_block_bytes(library->block_bytes);
    for (uint32_t i = 0; i < library->count; i++) {
        bytes += thread_block_bytes(text_bytes(&library->functions[i]));
    }
    return library->capacity == 0 ? bytes : bytes + thread_block_bytes(library->capacity * sizeof *library->functions);
}

int64_t function_library_find(const struct function_library *library, struct bytes name)
{
    for (uint32_t i = 0; i < library->count; i++) {
        if (bytes_equal_ignore_case(library->functions[i].name, name)) {
            return i;
        }
    }
    return -1;
}

static bool make_room(struct function_library *library)
{
    if (library->count < library->capacity) {
        return true;
    }
    const uint32_t capacity = library->capacity == 0 ? FIRST_FUNCTIONS : 2 * library->capacity;
    const size_t old_bytes = library->capacity * sizeof *library->functions, bytes = capacity * sizeof *library->functions;
    struct function *grown = library->functions == NULL ? thread_alloc(MEM_SCRIPT, bytes)
                                                        : thread_realloc(MEM_SCRIPT, library->functions, old_bytes, bytes);
    if (grown == NULL) {
        return false;
    }
    library->functions = grown;
    library->capacity = capacity;
    return true;
}

enum result function_library_add(struct function_library *library, const struct function *function)
{
    assert(atomic_load_explicit(&library->holds, memory_order_relaxed) == 1);
    if (function_library_find(library, function->name) >= 0) {
        return RESULT_EXISTS;
    }
    char *text = make_room(library) ? thread_alloc(MEM_SCRIPT, text_bytes(function)) : NULL;
    if (text == NULL) {
        return RESULT_NO_MEMORY;
    }
    struct function *added = &library->functions[library->count++];
    *added = *function;
    memcpy(text, function->name.data, function->name.len);
    text[function->name.len] = '\0';
    added->name.data = text;
    if (function->description.data != NULL) {
        memcpy(text + function->name.len + 1, function->description.data, function->description.len);
        added->description.data = text + function->name.len + 1;
    }
    return RESULT_OK;
}
