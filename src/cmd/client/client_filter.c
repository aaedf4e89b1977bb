/* client_filter.c - see client_filter.h.  */
#include "cmd/client/client_filter.h"

#include "acl/users.h"
#include "base/number.h"
#include "client/session.h"
#include "client/session_line.h"
#include "client/session_user.h"
#include "client/sessions.h"
#include "client/subscription.h"
#include "cmd/core/answers.h"
#include "mem/heap.h"
#include "shard/server.h"

#include <assert.h>

enum { MILLISECONDS = 1000 };

/* What is asked of a connection. */
struct condition {
    const struct filter *filter;
    bool is_negated;
    bool is_nobody;         /* TYPE: of clients that this server never has */
    int64_t number;         /* a database, an age; TYPE: 1 subscribers, 0 others */
    struct acl_user *user;  /* held; NULL: none */
    struct bytes text;      /* copied */
    uint32_t first_id, id_count; /* of the filters' ids */
};

struct client_filters {
    size_t size;            /* of this block */
    uint64_t self_id;       /* the asking connection */
    int64_t now_ms;
    bool skips_self;
    uint32_t condition_count, id_count;
    size_t text_len;
    uint64_t *ids;          /* behind the conditions */
    char *texts;            /* behind the ids */
    struct condition conditions[];
};

/* A kind of condition. `read` takes argv[*at], and as many more as are its own: *at becomes the last one. False: replied why not. */
struct filter {
    const char *name;
    bool (*read)(struct exec *exec, uint32_t *at, struct client_filters *filters, struct condition *out);
    bool (*holds)(const struct client_filters *filters, const struct condition *condition, const struct session *session);
    bool may_be_negated;    /* "NOT-" before the name */
    size_t offset;          /* of a text in struct session */
    const char *shown;      /* in errors about numbers */
};

/* --- reading values --- */

static bool refuse(struct exec *exec, const char *error)
{
    reply_error(exec->reply, error);
    return false;
}

static bool read_text(struct exec *exec, uint32_t *at, struct client_filters *filters, struct condition *out)
{
    const struct bytes word = exec->argv[*at];
    out->text = (struct bytes){filters->texts + filters->text_len, word.len};
    if (word.len > 0) {
        memcpy(filters->texts + filters->text_len, word.data, word.len);
    }
    filters->text_len += word.len;
    return true;
}

/* Ids up to the next filter's name. CLIENT KILL refuses what is no id in other words, as in Redis. */
static bool read_ids(struct exec *exec, uint32_t *at, struct client_filters *filters, struct condition *out);

/* A client with subscriptions is a "pubsub" one, every other is "normal", monitors included. */
static bool read_type(struct exec *exec, uint32_t *at, struct client_filters *filters, struct condition *out)
{
    static const char *const absent[] = {"master", "primary", "replica", "slave"};
    const struct bytes type = exec->argv[*at];
    (void)filters;
    out->number = bytes_equal_ignore_case(type, BYTES("pubsub"));
    if (out->number == 1 || bytes_equal_ignore_case(type, BYTES("normal"))) {
        return true;
    }
    for (size_t i = 0; i < sizeof absent / sizeof absent[0]; i++) {
        if (bytes_equal_ignore_case(type, bytes_of_string(absent[i]))) {
            out->is_nobody = true;
            return true;
        }
    }
    reply_errorf(exec->reply, "ERR Unknown client type '%.*s'", (int)type.len, type.data);
    return false;
}

static bool read_user(struct exec *exec, uint32_t *at, struct client_filters *filters, struct condition *out)
{
    const struct bytes name = exec->argv[*at];
    (void)filters;
    acl_user_drop(out->user);
    out->user = acl_find(exec->server->acl, name);
    if (out->user == NULL) {
        reply_errorf(exec->reply, "ERR No such user '%.*s'", (int)name.len, name.data);
    }
    return out->user != NULL;
}

static bool read_skipme(struct exec *exec, uint32_t *at, struct client_filters *filters, struct condition *out)
{
    (void)out;
    filters->skips_self = bytes_equal_ignore_case(exec->argv[*at], BYTES("yes"));
    return filters->skips_self || bytes_equal_ignore_case(exec->argv[*at], BYTES("no")) || refuse(exec, ERROR_SYNTAX);
}

/* Whole seconds. */
static bool read_seconds(struct exec *exec, uint32_t *at, struct client_filters *filters, struct condition *out)
{
    int64_t seconds;
    (void)filters;
    if (!int64_parse(exec->argv[*at], &seconds)) {
        reply_errorf(exec->reply, "ERR %s is not an integer or out of range", out->filter->shown);
        return false;
    }
    if (seconds <= 0) {
        reply_errorf(exec->reply, "ERR %s should be greater than 0", out->filter->shown);
        return false;
    }
    if (__builtin_mul_overflow(seconds, MILLISECONDS, &out->number)) {
        out->number = INT64_MAX; /* nobody's age */
    }
    return true;
}

static bool read_flags(struct exec *exec, uint32_t *at, struct client_filters *filters, struct condition *out)
{
    const struct bytes flags = exec->argv[*at];
    for (size_t i = 0; i < flags.len; i++) {
        if (flags.data[i] == '\0' || strchr(SESSION_FLAG_LETTERS, flags.data[i]) == NULL) {
            reply_errorf(exec->reply, "ERR Unknown flags found in the provided filter: %.*s", (int)flags.len, flags.data);
            return false;
        }
    }
    return read_text(exec, at, filters, out);
}

static bool read_db(struct exec *exec, uint32_t *at, struct client_filters *filters, struct condition *out)
{
    uint32_t db;
    (void)filters;
    if (!exec_database_argument(exec, *at, NULL, &db)) {
        return false;
    }
    out->number = db;
    return true;
}

/* --- looking at a connection --- */

static bool has_id(const struct client_filters *filters, const struct condition *condition, const struct session *session)
{
    for (uint32_t i = 0; i < condition->id_count; i++) {
        if (filters->ids[condition->first_id + i] == session->id) {
            return true;
        }
    }
    return false;
}

static bool is_of_type(const struct client_filters *filters, const struct condition *condition, const struct session *session)
{
    (void)filters;
    return !condition->is_nobody && session_subscribes(session) == (condition->number == 1);
}

static bool is_user(const struct client_filters *filters, const struct condition *condition, const struct session *session)
{
    (void)filters;
    return session->user->id == condition->user->id;
}

static bool has_address(const struct client_filters *filters, const struct condition *condition, const struct session *session)
{
    char address[SESSION_ADDRESS_MAX];
    (void)filters;
    session_peer_address(session, address);
    return bytes_equal(condition->text, bytes_of_string(address));
}

static bool has_local_address(const struct client_filters *filters, const struct condition *condition, const struct session *session)
{
    char address[SESSION_ADDRESS_MAX];
    (void)filters;
    session_local_address(session, address);
    return bytes_equal(condition->text, bytes_of_string(address));
}

/* The address without its port, "[::1]" with its brackets or without. */
static bool has_ip(const struct client_filters *filters, const struct condition *condition, const struct session *session)
{
    char address[SESSION_ADDRESS_MAX];
    (void)filters;
    session_peer_address(session, address);
    const char *port = strrchr(address, ':');
    const struct bytes ip = {address, port == NULL ? strlen(address) : (size_t)(port - address)};
    const bool has_brackets = ip.len > 2 && ip.data[0] == '[' && ip.data[ip.len - 1] == ']';
    return bytes_equal(condition->text, ip) || (has_brackets && bytes_equal(condition->text, (struct bytes){ip.data + 1, ip.len - 2}));
}

static bool is_old(const struct client_filters *filters, const struct condition *condition, const struct session *session)
{
    return filters->now_ms - session->created_ms >= condition->number;
}

static bool is_idle(const struct client_filters *filters, const struct condition *condition, const struct session *session)
{
    return filters->now_ms - session->active_ms >= condition->number;
}

/* All of them. */
static bool has_flags(const struct client_filters *filters, const struct condition *condition, const struct session *session)
{
    char flags[SESSION_FLAGS_MAX];
    const size_t count = session_flags_text(session, flags);
    (void)filters;
    for (size_t i = 0; i < condition->text.len; i++) {
        if (memchr(flags, condition->text.data[i], count) == NULL) {
            return false;
        }
    }
    return true;
}

static bool has_text(const struct client_filters *filters, const struct condition *condition, const struct session *session)
{
    (void)filters;
    const struct buffer *field = (const struct buffer *)((const char *)session + condition->filter->offset);
    return bytes_equal(condition->text, buffer_bytes(field));
}

static bool is_in_db(const struct client_filters *filters, const struct condition *condition, const struct session *session)
{
    (void)filters;
    return session->db == (uint32_t)condition->number;
}

/* --- all filters --- */

#define TEXT_OF(field) .read = read_text, .holds = has_text, .may_be_negated = true, .offset = offsetof(struct session, field)

static const struct filter filter_rows[] = {
    {"ID", .read = read_ids, .holds = has_id, .may_be_negated = true},
    {"TYPE", .read = read_type, .holds = is_of_type, .may_be_negated = true},
    {"USER", .read = read_user, .holds = is_user, .may_be_negated = true},
    {"ADDR", .read = read_text, .holds = has_address, .may_be_negated = true},
    {"LADDR", .read = read_text, .holds = has_local_address, .may_be_negated = true},
    {"IP", .read = read_text, .holds = has_ip, .may_be_negated = true},
    {"SKIPME", .read = read_skipme},
    {"MAXAGE", .read = read_seconds, .holds = is_old, .shown = "maxage"},
    {"IDLE", .read = read_seconds, .holds = is_idle, .shown = "idle"},
    {"FLAGS", .read = read_flags, .holds = has_flags, .may_be_negated = true},
    {"NAME", TEXT_OF(name)},
    {"LIB-NAME", TEXT_OF(lib_name)},
    {"LIB-VER", TEXT_OF(lib_version)},
    {"DB", .read = read_db, .holds = is_in_db, .may_be_negated = true},
};
enum { FILTER_COUNT = sizeof filter_rows / sizeof filter_rows[0], CONDITIONS_MAX = 2 * FILTER_COUNT, ADDRESS_FILTER = 3 };

/* NULL: no filter has that name. */
static const struct filter *find_filter(struct bytes word, bool *is_negated)
{
    static const struct bytes negation = BYTES("NOT-");
    *is_negated = word.len > negation.len && bytes_equal_ignore_case((struct bytes){word.data, negation.len}, negation);
    const struct bytes name = *is_negated ? (struct bytes){word.data + negation.len, word.len - negation.len} : word;
    for (size_t i = 0; i < FILTER_COUNT; i++) {
        if (bytes_equal_ignore_case(name, bytes_of_string(filter_rows[i].name))) {
            return *is_negated && !filter_rows[i].may_be_negated ? NULL : &filter_rows[i];
        }
    }
    return NULL;
}

static bool read_ids(struct exec *exec, uint32_t *at, struct client_filters *filters, struct condition *out)
{
    const bool is_kill = bytes_equal_ignore_case(exec->argv[1], BYTES("KILL"));
    out->first_id = filters->id_count;
    out->id_count = 0;
    for (; *at < exec->argc; ++*at) {
        int64_t id;
        bool is_negated;
        if (!int64_parse(exec->argv[*at], &id) || (is_kill && id < 1)) {
            if (out->id_count > 0 && find_filter(exec->argv[*at], &is_negated) != NULL) {
                break;
            }
            return refuse(exec, is_kill ? "ERR client-id should be greater than 0" : "ERR Invalid client ID");
        }
        filters->ids[filters->id_count++] = (uint64_t)id;
        out->id_count++;
    }
    --*at;
    return true;
}

/* The condition of that kind, in place of an earlier one: the last one counts. */
static struct condition *put_condition(struct client_filters *filters, const struct filter *filter, bool is_negated)
{
    for (uint32_t i = 0; i < filters->condition_count; i++) {
        if (filters->conditions[i].filter == filter && filters->conditions[i].is_negated == is_negated) {
            filters->conditions[i].is_nobody = false;
            return &filters->conditions[i];
        }
    }
    assert(filters->condition_count < CONDITIONS_MAX);
    struct condition *condition = &filters->conditions[filters->condition_count++];
    *condition = (struct condition){.filter = filter, .is_negated = is_negated};
    return condition;
}

/* Room for whatever the words from argv[first] on may say. */
static struct client_filters *filters_create(struct exec *exec, uint32_t first)
{
    const size_t ids_at = sizeof(struct client_filters) + CONDITIONS_MAX * sizeof(struct condition);
    const size_t texts_at = ids_at + (exec->argc - first) * sizeof(uint64_t);
    size_t size = texts_at;
    for (uint32_t i = first; i < exec->argc; i++) {
        size += exec->argv[i].len;
    }
    struct client_filters *filters = thread_alloc_zeroed(MEM_SERVER, size);
    if (filters == NULL) {
        reply_result_error(exec->reply, RESULT_NO_MEMORY);
        return NULL;
    }
    filters->size = size;
    filters->self_id = exec->session->id;
    filters->now_ms = exec->now_ms;
    filters->ids = (uint64_t *)((char *)filters + ids_at);
    filters->texts = (char *)filters + texts_at;
    return filters;
}

static bool read_all(struct exec *exec, uint32_t first, struct client_filters *filters)
{
    for (uint32_t at = first; at < exec->argc; at++) {
        bool is_negated;
        const struct filter *filter = find_filter(exec->argv[at], &is_negated);
        if (filter == NULL || ++at == exec->argc) {
            return refuse(exec, ERROR_SYNTAX);
        }
        struct condition *condition = put_condition(filters, filter, is_negated);
        if (!filter->read(exec, &at, filters, condition)) {
            return false;
        }
    }
    return true;
}

struct client_filters *client_filters_read(struct exec *exec, uint32_t first, bool skips_self)
{
    struct client_filters *filters = filters_create(exec, first);
    if (filters == NULL) {
        return NULL;
    }
    filters->skips_self = skips_self;
    if (!read_all(exec, first, filters)) {
        client_filters_destroy(filters);
        return NULL;
    }
    return filters;
}

struct client_filters *client_filters_of_address(struct exec *exec, uint32_t index)
{
    struct client_filters *filters = filters_create(exec, index);
    if (filters != NULL) {
        const bool is_read = read_text(exec, &index, filters, put_condition(filters, &filter_rows[ADDRESS_FILTER], false));
        assert(is_read);
    }
    return filters;
}

void client_filters_destroy(struct client_filters *filters)
{
    if (filters == NULL) {
        return;
    }
    for (uint32_t i = 0; i < filters->condition_count; i++) {
        acl_user_drop(filters->conditions[i].user);
    }
    thread_free(MEM_SERVER, filters, filters->size);
}

bool client_filters_want(const struct client_filters *filters, const struct session *session)
{
    if (filters->skips_self && session->id == filters->self_id) {
        return false;
    }
    for (uint32_t i = 0; i < filters->condition_count; i++) {
        const struct condition *condition = &filters->conditions[i];
        const struct filter *filter = condition->filter;
        if (filter->holds != NULL && filter->holds(filters, condition, session) == condition->is_negated) {
            return false;
        }
    }
    return true;
}
