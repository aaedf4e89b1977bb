/* functions.c - see functions.h.  */
#include "script/functions.h"

#include "exec/exec.h"
#include "mem/heap.h"
#include "net/reply.h"
#include "script/engine.h"
#include "script/function_head.h"
#include "script/function_load.h"
#include "script/open.h"
#include "script/state.h"
#include "shard/server.h"
#include "shard/thread.h"

#include <assert.h>
#include <pthread.h>

/* A thread's. */
struct function_thread {
    struct script_state *state; /* NULL: none yet */
    struct function_set *set;   /* that it has looked at last; NULL: none */
    _Atomic uint64_t bytes;     /* of the state; relaxed */
};

struct functions {
    pthread_mutex_t lock;
    struct function_set *set;    /* under the lock */
    _Atomic uint64_t generation; /* of it */
    uint32_t thread_count;
    struct function_thread threads[];
};

static size_t functions_bytes(uint32_t thread_count)
{
    return sizeof(struct functions) + thread_count * sizeof(struct function_thread);
}

struct functions *functions_create(uint32_t thread_count)
{
    const struct function *twice;
    struct functions *functions = thread_alloc_zeroed(MEM_SCRIPT, functions_bytes(thread_count));
    struct function_set *set = function_set_create(NULL, 0, &twice);
    if (functions == NULL || set == NULL) {
        function_set_release(set);
        if (functions != NULL) {
            thread_free(MEM_SCRIPT, functions, functions_bytes(thread_count));
        }
        return NULL;
    }
    functions->thread_count = thread_count;
    functions->set = set;
    pthread_mutex_init(&functions->lock, NULL);
    return functions;
}

void functions_destroy(struct functions *functions)
{
    if (functions == NULL) {
        return;
    }
    for (uint32_t i = 0; i < functions->thread_count; i++) {
        script_state_destroy(functions->threads[i].state);
        function_set_release(functions->threads[i].set);
    }
    function_set_release(functions->set);
    pthread_mutex_destroy(&functions->lock);
    thread_free(MEM_SCRIPT, functions, functions_bytes(functions->thread_count));
}

struct function_set *functions_hold(struct functions *functions)
{
    pthread_mutex_lock(&functions->lock);
    struct function_set *set = functions->set;
    function_set_hold(set);
    pthread_mutex_unlock(&functions->lock);
    return set;
}

void functions_count(struct functions *functions, struct function_counts *out)
{
    struct function_set *set = functions_hold(functions);
    *out = (struct function_counts){
        .libraries = set->library_count,
        .functions = set->function_count,
        .bytes = set->library_count > 0 ? function_set_bytes(set) : 0,
    };
    function_set_release(set);
    for (uint32_t i = 0; i < functions->thread_count; i++) {
        out->state_bytes += atomic_load_explicit(&functions->threads[i].bytes, memory_order_relaxed);
    }
}

/* --- of a thread --- */

static struct functions *functions_of(const struct exec *exec)
{
    return exec->server->functions;
}

/* What is no longer in the set goes from the state; with the last library, or without memory to do that, the state goes. */
static void drop_old(struct function_thread *own, const struct function_set *set)
{
    if (own->state == NULL || own->set == NULL) {
        return;
    }
    if ((set->library_count == 0 || !script_state_is_ready(own->state)) && own->state->run == NULL) {
        script_state_destroy(own->state);
        own->state = NULL;
        return;
    }
    for (uint32_t i = 0; i < own->set->library_count; i++) {
        if (!function_set_has(set, own->set->libraries[i])) {
            function_load_forget(own->state->lua, own->set->libraries[i]);
        }
    }
}

/* The thread's part, with the set that holds now. */
static struct function_thread *look(struct exec *exec)
{
    struct functions *functions = functions_of(exec);
    struct function_thread *own = &functions->threads[exec->thread->number];
    const uint64_t generation = atomic_load_explicit(&functions->generation, memory_order_acquire);
    if (UNLIKELY(own->set == NULL || own->set->generation != generation)) {
        struct function_set *set = functions_hold(functions);
        drop_old(own, set);
        function_set_release(own->set);
        own->set = set;
    }
    return own;
}

static void replace(struct functions *functions, struct function_set *set)
{
    pthread_mutex_lock(&functions->lock);
    struct function_set *old = functions->set;
    set->generation = old->generation + 1;
    functions->set = set;
    atomic_store_explicit(&functions->generation, set->generation, memory_order_release);
    pthread_mutex_unlock(&functions->lock);
    function_set_release(old);
}

void functions_change(struct exec *exec, struct function_set *set)
{
    replace(functions_of(exec), set);
    (void)look(exec); /* a library that this thread's state has must be in the thread's set, or nobody takes it out again */
}

static struct script_state *open_new(struct exec *exec, struct function_thread *own)
{
    struct script_state *state = script_open(&exec->server->config->lua_memory_limit, &own->bytes);
    if (state != NULL && !function_load_open(state->lua)) {
        script_state_destroy(state);
        state = NULL;
    }
    if (state != NULL) {
        state->runs = exec->server->scripts->runs;
    }
    if (state == NULL) {
        reply_error(exec->reply, "ERR out of memory");
    }
    return state;
}

/* The thread's state; another one while a function that has paused has that. NULL: replied that memory is out. */
static struct script_state *open_state(struct exec *exec, struct function_thread *own)
{
    if (own->state != NULL && own->state->run != NULL) {
        struct script_state *spare = open_new(exec, own);
        if (spare != NULL) {
            spare->is_spare = true;
        }
        return spare;
    }
    if (own->state == NULL) {
        own->state = open_new(exec, own);
    } else if (!script_state_is_ready(own->state)) {
        reply_error(exec->reply, "ERR out of memory");
        return NULL;
    }
    return own->state;
}

/* It is not used any more for now. */
static void leave_state(struct function_thread *own, struct script_state *state)
{
    if (state->is_spare) {
        script_state_destroy(state);
    } else if (own->set->library_count == 0) { /* they went while it was in use */
        script_state_destroy(state);
        own->state = NULL;
    }
}

const struct function_place *functions_find(struct exec *exec, struct bytes name)
{
    return function_set_find(look(exec)->set, name);
}

static void reply_load_error(struct exec *exec, enum function_load_status status, const char *error)
{
    switch (status) {
    case FUNCTION_LOAD_COMPILING:
        reply_errorf(exec->reply, "ERR Error compiling function: %s", error);
        break;
    case FUNCTION_LOAD_RUNNING:
        reply_errorf(exec->reply, "ERR Error registering functions: %s", error);
        break;
    case FUNCTION_LOAD_NO_MEMORY:
    case FUNCTION_LOAD_FINE:
        reply_error(exec->reply, "ERR out of memory");
        break;
    }
}

/* Pushes the function; its library is loaded first if it has to be. False: replied why not. */
static bool push(struct exec *exec, struct script_state *state, const struct function_place *place)
{
    char error[FUNCTION_LOAD_ERROR_MAX];
    if (LIKELY(function_load_push(state->lua, place->library, place->index))) {
        return true;
    }
    const enum function_load_status status = function_load_again(state, place->library, error);
    if (status != FUNCTION_LOAD_FINE) {
        reply_load_error(exec, status, error);
        return false;
    }
    if (!function_load_push(state->lua, place->library, place->index)) {
        reply_error(exec->reply, "ERR the library does not register this function any more");
        return false;
    }
    return true;
}

bool functions_begin(struct exec *exec, const struct function_place *place, struct function_call *call)
{
    struct function_thread *own = look(exec);
    struct script_state *state = open_state(exec, own);
    if (state == NULL) {
        return false;
    }
    if (!push(exec, state, place)) {
        leave_state(own, state);
        return false;
    }
    function_library_hold(place->library);
    *call = (struct function_call){state, place->library, place->function};
    return true;
}

void functions_end(struct exec *exec, struct function_call *call)
{
    leave_state(&functions_of(exec)->threads[exec->thread->number], call->state);
    function_library_release(call->library);
}

static bool is_taken(const struct function_others *others, struct bytes name)
{
    bool is_found = false;
    for (uint32_t i = 0; i < others->count && !is_found; i++) {
        is_found = bytes_equal(others->libraries[i]->name, name);
    }
    return is_found;
}

/* The library of a head, without functions. NULL: replied what is wrong. */
static struct function_library *make_library(struct exec *exec, struct bytes code, const struct function_head *head,
                                             const struct function_others *others)
{
    const struct bytes name = buffer_bytes(&head->name), engine = buffer_bytes(&head->engine);
    struct function_library *library = NULL;
    if (!function_name_is_valid(name)) {
        reply_error(exec->reply, "ERR " FUNCTION_ERROR_NAME);
    } else if (!bytes_equal_ignore_case(engine, BYTES("lua"))) {
        reply_errorf(exec->reply, "ERR Engine '%.*s' not found", (int)engine.len, engine.len == 0 ? "" : engine.data);
    } else if (is_taken(others, name)) {
        reply_errorf(exec->reply, "ERR Library '%.*s' already exists", (int)name.len, name.data);
    } else {
        library = function_library_create(name, code, head->code_start);
        if (library == NULL) {
            reply_error(exec->reply, "ERR out of memory");
        }
    }
    return library;
}

/* The same from the code. */
static struct function_library *read_head(struct exec *exec, struct bytes code, const struct function_others *others)
{
    static const char *const texts[] = {
        [FUNCTION_HEAD_MISSING] = "ERR Missing library metadata",
        [FUNCTION_HEAD_INVALID] = "ERR Invalid library metadata",
        [FUNCTION_HEAD_TWICE] = "ERR Invalid metadata value, name argument was given multiple times",
        [FUNCTION_HEAD_NAMELESS] = "ERR Library name was not given",
        [FUNCTION_HEAD_NO_MEMORY] = "ERR out of memory",
    };
    struct function_head head;
    struct function_library *library = NULL;
    const enum function_head_status status = function_head_read(code, &head);
    if (status == FUNCTION_HEAD_FINE) {
        library = make_library(exec, code, &head, others);
    } else if (status == FUNCTION_HEAD_UNKNOWN) {
        reply_errorf(exec->reply, "ERR Invalid metadata value given: %.*s", (int)head.name.len, head.name.data);
    } else {
        reply_error(exec->reply, texts[status]);
    }
    function_head_release(&head);
    return library;
}

/* False: replied why the library is not loaded in the state. */
static bool load(struct exec *exec, struct script_state *state, struct function_library *library)
{
    char error[FUNCTION_LOAD_ERROR_MAX];
    const enum function_load_status status = function_load_first(state, library, error);
    if (status != FUNCTION_LOAD_FINE) {
        reply_load_error(exec, status, error);
        return false;
    }
    if (library->count == 0) {
        function_load_forget(state->lua, library);
        reply_error(exec->reply, "ERR No functions registered");
        return false;
    }
    return true;
}

struct function_library *functions_load(struct exec *exec, struct bytes code, const struct function_others *others)
{
    struct function_library *library = read_head(exec, code, others);
    if (library == NULL) {
        return NULL;
    }
    struct script_state *state = open_state(exec, look(exec));
    const bool is_loaded = state != NULL && load(exec, state, library);
    if (state != NULL && state->is_spare) {
        script_state_destroy(state);
    }
    if (!is_loaded) {
        function_library_release(library);
        library = NULL;
    }
    return library;
}

void functions_forget(struct exec *exec, const struct function_library *library)
{
    struct function_thread *own = &functions_of(exec)->threads[exec->thread->number];
    if (own->state != NULL) {
        function_load_forget(own->state->lua, library);
    }
}
