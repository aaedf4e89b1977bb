/* client_list.c - CLIENT LIST, INFO and KILL: connections of all threads, each looked at on its own thread.
 *
 * Threads    A search runs on the threads one after the other (exec_call_threads); it belongs to the one that it runs on.
 * Memory     A search keeps copies of what it looks for: the command's words may be gone when the connection died meanwhile.
 *            It is freed by its finish function.  */
#include "acl/users.h"
#include "base/number.h"
#include "client/feed.h"
#include "client/session.h"
#include "client/session_line.h"
#include "client/session_user.h"
#include "client/sessions.h"
#include "client/subscription.h"
#include "cmd/client/client_list.h"
#include "cmd/core/answers.h"
#include "exec/exec.h"
#include "mem/heap.h"
#include "shard/server.h"

#include <assert.h>

/* Connections to find. */
struct search {
    size_t size;                       /* of this block */
    uint64_t self_id;                  /* the asking connection */
    int64_t now_ms;
    bool is_nobody;                    /* a type of client that this server never has */
    bool wants_subscribers, wants_others; /* neither: both */
    bool skips_self;
    bool replies_ok;                   /* the old form of KILL */
    bool found_self;
    bool ends_with_error;              /* UNBLOCK */
    uint64_t found;
    struct acl_user *user;             /* KILL USER: held; NULL: any */
    int64_t age_min_ms;                /* KILL MAXAGE: younger ones stay; 0: any */
    char address[SESSION_ADDRESS_MAX]; /* "": any */
    char local_address[SESSION_ADDRESS_MAX];
    struct buffer lines;               /* LIST */
    bool is_refused;                   /* no memory for lines */
    size_t id_count;                   /* 0: any */
    uint64_t ids[];
};

static struct search *search_create(struct exec *exec, size_t id_count)
{
    size_t size = sizeof(struct search) + id_count * sizeof(uint64_t);
    struct search *search = thread_alloc_zeroed(MEM_SERVER, size);
    if (search == NULL) {
        reply_result_error(exec->reply, RESULT_NO_MEMORY);
        return NULL;
    }
    search->size = size;
    search->self_id = exec->session->id;
    search->now_ms = exec->now_ms;
    search->lines = BUFFER_EMPTY(MEM_OUTPUT_BUFFER);
    return search;
}

static void search_destroy(struct search *search)
{
    buffer_release(&search->lines);
    acl_user_drop(search->user);
    thread_free(MEM_SERVER, search, search->size);
}

static bool has_wanted_id(const struct search *search, uint64_t id)
{
    for (size_t i = 0; i < search->id_count; i++) {
        if (search->ids[i] == id) {
            return true;
        }
    }
    return search->id_count == 0;
}

static bool is_wanted(const struct search *search, const struct session *session)
{
    const bool subscribes = session_subscribes(session);
    if (search->is_nobody || (subscribes ? search->wants_others : search->wants_subscribers)) {
        return false;
    }
    if (!has_wanted_id(search, session->id) || (search->skips_self && session->id == search->self_id)) {
        return false;
    }
    if (search->user != NULL && session->user->id != search->user->id) {
        return false;
    }
    if (search->age_min_ms > 0 && search->now_ms - session->created_ms < search->age_min_ms) {
        return false;
    }
    char address[SESSION_ADDRESS_MAX];
    if (search->address[0] != '\0') {
        session_peer_address(session, address);
        if (strcmp(address, search->address) != 0) {
            return false;
        }
    }
    if (search->local_address[0] != '\0') {
        session_local_address(session, address);
        if (strcmp(address, search->local_address) != 0) {
            return false;
        }
    }
    return true;
}

/* --- LIST and INFO --- */

void command_client_info(struct exec *exec)
{
    struct buffer line = BUFFER_EMPTY(MEM_OUTPUT_BUFFER);
    if (session_append_line(exec->session, exec->now_ms, &line)) {
        reply_verbatim(exec->reply, "txt", buffer_bytes(&line));
    } else {
        reply_result_error(exec->reply, RESULT_NO_MEMORY);
    }
    buffer_release(&line);
}

static void list_thread(struct thread *thread, void *arg)
{
    struct search *search = arg;
    struct session *session = NULL;
    while ((session = thread_session_next(thread, session)) != NULL) {
        if (is_wanted(search, session) && !session_append_line(session, search->now_ms, &search->lines)) {
            search->is_refused = true;
        }
    }
}

static void list_finish(struct exec *exec, void *arg)
{
    struct search *search = arg;
    if (exec->session != NULL) {
        if (search->is_refused) {
            reply_result_error(exec->reply, RESULT_NO_MEMORY);
        } else {
            reply_verbatim(exec->reply, "txt", buffer_bytes(&search->lines));
        }
    }
    search_destroy(search);
}

/* A client with subscriptions is a "pubsub" one, every other is "normal", monitors included. False: replied that there is no such type. */
static bool read_type(struct exec *exec, uint32_t index, struct search *search)
{
    static const char *const absent[] = {"master", "replica", "slave"};
    struct bytes type = exec->argv[index];
    search->wants_subscribers = bytes_equal_ignore_case(type, BYTES("pubsub"));
    search->wants_others = bytes_equal_ignore_case(type, BYTES("normal"));
    if (search->wants_subscribers || search->wants_others) {
        return true;
    }
    for (size_t i = 0; i < sizeof absent / sizeof absent[0]; i++) {
        if (bytes_equal_ignore_case(type, bytes_of_string(absent[i]))) {
            search->is_nobody = true;
            return true;
        }
    }
    reply_errorf(exec->reply, "ERR Unknown client type '%.*s'", (int)type.len, type.data);
    return false;
}

static bool read_ids(struct exec *exec, uint32_t first, struct search *search)
{
    for (uint32_t i = first; i < exec->argc; i++) {
        int64_t id;
        if (!int64_parse(exec->argv[i], &id)) {
            reply_error(exec->reply, "ERR Invalid client ID");
            return false;
        }
        search->ids[search->id_count++] = (uint64_t)id;
    }
    return true;
}

/* False: replied an error. */
static bool read_list_filter(struct exec *exec, struct search *search)
{
    if (exec->argc == 2) {
        return true;
    }
    if (exec->argc == 4 && bytes_equal_ignore_case(exec->argv[2], BYTES("TYPE"))) {
        return read_type(exec, 3, search);
    }
    if (exec->argc > 3 && bytes_equal_ignore_case(exec->argv[2], BYTES("ID"))) {
        return read_ids(exec, 3, search);
    }
    reply_error(exec->reply, ERROR_SYNTAX);
    return false;
}

void command_client_list(struct exec *exec)
{
    struct search *search = search_create(exec, exec->argc);
    if (search == NULL) {
        return;
    }
    if (read_list_filter(exec, search)) {
        exec_call_threads(exec, list_thread, list_finish, search);
    } else {
        search_destroy(search);
    }
}

/* --- KILL --- */

static void kill_thread(struct thread *thread, void *arg)
{
    struct search *search = arg;
    struct session *session = NULL;
    while ((session = thread_session_next(thread, session)) != NULL) {
        if (!is_wanted(search, session)) {
            continue;
        }
        search->found++;
        if (session->id == search->self_id) {
            search->found_self = true; /* it still gets its reply */
        } else {
            session_close(session);
        }
    }
}

static void kill_finish(struct exec *exec, void *arg)
{
    struct search *search = arg;
    if (exec->session != NULL) {
        if (!search->replies_ok) {
            reply_integer(exec->reply, (int64_t)search->found);
        } else if (search->found > 0) {
            reply_ok(exec->reply);
        } else {
            reply_error(exec->reply, "ERR No such client");
        }
        if (search->found_self) {
            exec_close_after_reply(exec);
        }
    }
    search_destroy(search);
}

/* An address longer than any is nobody's. */
static void copy_address(struct bytes text, char out[SESSION_ADDRESS_MAX], struct search *search)
{
    if (text.len == 0 || text.len >= SESSION_ADDRESS_MAX) {
        search->is_nobody = true;
        return;
    }
    memcpy(out, text.data, text.len);
    out[text.len] = '\0';
}

static bool read_kill_id(struct exec *exec, uint32_t index, struct search *search)
{
    int64_t id;
    if (!int64_parse(exec->argv[index], &id) || id < 1) {
        reply_error(exec->reply, "ERR client-id should be greater than 0");
        return false;
    }
    search->ids[0] = (uint64_t)id;
    search->id_count = 1;
    return true;
}

static bool read_kill_user(struct exec *exec, uint32_t index, struct search *search)
{
    const struct bytes name = exec->argv[index];
    acl_user_drop(search->user);
    search->user = acl_find(exec->server->acl, name);
    if (search->user == NULL) {
        reply_errorf(exec->reply, "ERR No such user '%.*s'", (int)name.len, name.data);
    }
    return search->user != NULL;
}

static bool read_kill_address(struct exec *exec, uint32_t index, struct search *search)
{
    copy_address(exec->argv[index], search->address, search);
    return true;
}

static bool read_kill_local_address(struct exec *exec, uint32_t index, struct search *search)
{
    copy_address(exec->argv[index], search->local_address, search);
    return true;
}

static bool read_kill_skipme(struct exec *exec, uint32_t index, struct search *search)
{
    search->skips_self = bytes_equal_ignore_case(exec->argv[index], BYTES("yes"));
    if (search->skips_self || bytes_equal_ignore_case(exec->argv[index], BYTES("no"))) {
        return true;
    }
    reply_error(exec->reply, ERROR_SYNTAX);
    return false;
}

/* Whole seconds; a number beyond all time is nobody's age. */
static bool read_kill_age(struct exec *exec, uint32_t index, struct search *search)
{
    int64_t seconds;
    if (!int64_parse(exec->argv[index], &seconds)) {
        reply_error(exec->reply, "ERR maxage is not an integer or out of range");
        return false;
    }
    if (seconds <= 0) {
        reply_error(exec->reply, "ERR maxage should be greater than 0");
        return false;
    }
    if (__builtin_mul_overflow(seconds, 1000, &search->age_min_ms)) {
        search->is_nobody = true;
    }
    return true;
}

/* Reads the value at argv[index]; false: replied an error. */
static const struct {
    const char *name;
    bool (*read)(struct exec *exec, uint32_t index, struct search *search);
} kill_filters[] = {
    {"ID", read_kill_id},           {"TYPE", read_type},
    {"USER", read_kill_user},       {"ADDR", read_kill_address},
    {"LADDR", read_kill_local_address}, {"SKIPME", read_kill_skipme},
    {"MAXAGE", read_kill_age},
};
enum { KILL_FILTER_COUNT = sizeof kill_filters / sizeof kill_filters[0] };

static bool read_kill_filters(struct exec *exec, struct search *search)
{
    search->skips_self = true;
    for (uint32_t i = 2; i < exec->argc; i += 2) {
        size_t found = 0;
        while (found < KILL_FILTER_COUNT &&
               !bytes_equal_ignore_case(exec->argv[i], bytes_of_string(kill_filters[found].name))) {
            found++;
        }
        if (found == KILL_FILTER_COUNT || i + 1 == exec->argc) {
            reply_error(exec->reply, ERROR_SYNTAX);
            return false;
        }
        if (!kill_filters[found].read(exec, i + 1, search)) {
            return false;
        }
    }
    return true;
}

void command_client_kill(struct exec *exec)
{
    struct search *search = search_create(exec, 1);
    if (search == NULL) {
        return;
    }
    bool is_good = true;
    if (exec->argc == 3) {
        search->replies_ok = true;
        copy_address(exec->argv[2], search->address, search);
    } else {
        is_good = read_kill_filters(exec, search);
    }
    if (is_good) {
        exec_call_threads(exec, kill_thread, kill_finish, search);
    } else {
        search_destroy(search);
    }
}

/* --- UNBLOCK --- */

static void unblock_thread(struct thread *thread, void *arg)
{
    struct search *search = arg;
    struct session *session = NULL;
    while ((session = thread_session_next(thread, session)) != NULL) {
        if (session->id == search->ids[0]) {
            search->found += session_unblock(session, search->ends_with_error);
            return;
        }
    }
}

static void unblock_finish(struct exec *exec, void *arg)
{
    struct search *search = arg;
    if (exec->session != NULL) {
        reply_integer(exec->reply, (int64_t)search->found);
    }
    search_destroy(search);
}

void command_client_unblock(struct exec *exec)
{
    int64_t id;
    bool is_error = false;
    if (exec->argc == 4) {
        is_error = bytes_equal_ignore_case(exec->argv[3], BYTES("ERROR"));
        if (!is_error && !bytes_equal_ignore_case(exec->argv[3], BYTES("TIMEOUT"))) {
            reply_error(exec->reply, "ERR CLIENT UNBLOCK reason should be TIMEOUT or ERROR");
            return;
        }
    } else if (exec->argc > 4) {
        reply_arity_error(exec->reply, exec->spec);
        return;
    }
    if (!exec_int64_argument(exec, 2, &id)) {
        return;
    }
    struct search *search = search_create(exec, 1);
    if (search != NULL) {
        search->ids[0] = (uint64_t)id;
        search->ends_with_error = is_error;
        exec_call_threads(exec, unblock_thread, unblock_finish, search);
    }
}
