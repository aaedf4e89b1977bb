/* client_list.c - CLIENT LIST, INFO and KILL: connections of all threads, each looked at on its own thread.
 *
 * Threads    A search runs on the threads one after the other (exec_call_threads); it belongs to the one that it runs on.
 * Memory     A search keeps copies of what it looks for: the command's words may be gone when the connection died meanwhile.
 *            It is freed by its finish function.  */
#include "base/number.h"
#include "client/feed.h"
#include "client/session.h"
#include "client/session_cache.h"
#include "client/sessions.h"
#include "client/subscription.h"
#include "cmd/client/client_list.h"
#include "cmd/core/answers.h"
#include "cmd/core/command_name.h"
#include "exec/exec.h"
#include "exec/transaction.h"
#include "mem/heap.h"
#include "shard/server.h"

#include <assert.h>

enum { FLAGS_MAX = 16 };

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

/* --- lines --- */

static bool has_tracker_mode(const struct session *session, uint32_t mode)
{
    const struct tracker *tracker = session_tracker(session);
    return tracker != NULL && (tracker->mode & mode) != 0;
}

/* The connection that is told of its invalid keys: 0 itself; -1: it does not track. */
static int64_t redirection(const struct session *session)
{
    const struct tracker *tracker = session_tracker(session);
    if (tracker == NULL || (tracker->mode & TRACKER_ON) == 0) {
        return -1;
    }
    return tracker->redirect == NULL ? 0 : (int64_t)tracker->redirect->id;
}

static size_t client_flags(const struct session *session, char out[FLAGS_MAX])
{
    const struct transaction *transaction = session->transaction;
    const bool is_open = transaction_is_open(transaction);
    const struct {
        bool is_set;
        char letter;
    } flags[] = {
        {session_is_in_feed(session, FEED_MONITOR), 'O'}, {session_is_in_feed(session, FEED_EFFECTS) || session->is_copying, 'S'}, {session_subscribes(session), 'P'},
        {has_tracker_mode(session, TRACKER_ON), 't'}, {has_tracker_mode(session, TRACKER_BROKEN), 'R'},
        {has_tracker_mode(session, TRACKER_BCAST), 'B'}, {session->is_unix, 'U'},
        {session->is_no_evict, 'e'}, {session->is_no_touch, 'T'}, {is_open, 'x'}, {session_is_blocked(session), 'b'},
        {transaction != NULL && watcher_is_marked(&transaction->watcher), 'd'},
    };
    _Static_assert(sizeof flags / sizeof flags[0] <= FLAGS_MAX, "room for all");
    size_t len = 0;
    for (size_t i = 0; i < sizeof flags / sizeof flags[0]; i++) {
        if (flags[i].is_set) {
            out[len++] = flags[i].letter;
        }
    }
    if (len == 0) {
        out[len++] = 'N';
    }
    return len;
}

/* Redis's fields in Redis's order. Commands' arguments lie in the query buffer (argv-mem 0); replies have no fixed buffer
 * (rbs, rbp, obl 0): all of them are counted in oll and omem.  */
static bool append_line(struct buffer *out, const struct session *session, int64_t now_ms)
{
    char address[SESSION_ADDRESS_MAX], local_address[SESSION_ADDRESS_MAX], flags[FLAGS_MAX], command[COMMAND_NAME_MAX] = "NULL";
    session_peer_address(session, address);
    session_local_address(session, local_address);
    struct session_memory memory;
    session_memory(session, &memory);
    if (session->last_command != NULL) {
        command_full_name(session->last_command, command);
    }
    const struct transaction *transaction = session->transaction;
    const int multi = !transaction_is_open(transaction) ? -1 : (int)transaction->count;
    struct bytes name = buffer_bytes(&session->name);
    struct bytes library = buffer_bytes(&session->lib_name), version = buffer_bytes(&session->lib_version);
    return buffer_append_format(
        out,
        "id=%llu addr=%s laddr=%s fd=%d name=%.*s age=%lld idle=%lld flags=%.*s db=%u sub=%u psub=%u ssub=%u multi=%d qbuf=%zu "
        "qbuf-free=%zu argv-mem=0 multi-mem=%zu rbs=0 rbp=0 obl=0 oll=%zu omem=%zu tot-mem=%zu events=%s cmd=%s user=default "
        "redir=%lld resp=%u lib-name=%.*s lib-ver=%.*s watch=%u\n",
        (unsigned long long)session->id, address, local_address, session_fd(session), (int)name.len,
        name.len == 0 ? "" : name.data, (long long)(now_ms - session->created_ms) / 1000,
        (long long)(now_ms - session->active_ms) / 1000, (int)client_flags(session, flags), flags, session->db,
        session_subscriptions(session, TOPIC_CHANNEL), session_subscriptions(session, TOPIC_PATTERN),
        session_subscriptions(session, TOPIC_SHARD_CHANNEL), multi,
        memory.query_used, memory.query_free, transaction == NULL ? 0 : transaction->bytes, memory.output_chunks, memory.output_bytes,
        memory.total_bytes, memory.output_bytes > 0 ? "rw" : "r", command, (long long)redirection(session), session->protocol, (int)library.len,
        library.len == 0 ? "" : library.data, (int)version.len, version.len == 0 ? "" : version.data,
        transaction == NULL ? 0 : transaction->watcher.count);
}

void command_client_info(struct exec *exec)
{
    struct buffer line = BUFFER_EMPTY(MEM_OUTPUT_BUFFER);
    if (append_line(&line, exec->session, exec->now_ms)) {
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
        if (is_wanted(search, session) && !append_line(&search->lines, session, search->now_ms)) {
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
    (void)search; /* the only user is everybody's */
    struct bytes user = exec->argv[index];
    if (bytes_equal(user, BYTES("default"))) {
        return true;
    }
    reply_errorf(exec->reply, "ERR No such user '%.*s'", (int)user.len, user.data);
    return false;
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
