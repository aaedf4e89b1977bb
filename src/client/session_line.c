/* session_line.c - see session_line.h.  */
#include "client/session_line.h"

#include "client/feed.h"
#include "client/session.h"
#include "client/session_cache.h"
#include "client/session_user.h"
#include "client/sessions.h"
#include "client/subscription.h"
#include "exec/transaction.h"

#include <stdio.h>

void session_command_text(const struct command_spec *spec, char out[SESSION_COMMAND_MAX])
{
    const struct command_spec *parent = spec->parent;
    snprintf(out, SESSION_COMMAND_MAX, "%s%s%s", parent == NULL ? "" : parent->name, parent == NULL ? "" : "|", spec->name);
}

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

size_t session_flags_text(const struct session *session, char out[SESSION_FLAGS_MAX])
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
    _Static_assert(sizeof flags / sizeof flags[0] <= SESSION_FLAGS_MAX, "room for all");
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
bool session_append_line(const struct session *session, int64_t now_ms, struct buffer *out)
{
    char address[SESSION_ADDRESS_MAX], local_address[SESSION_ADDRESS_MAX], flags[SESSION_FLAGS_MAX], command[SESSION_COMMAND_MAX] = "NULL";
    session_peer_address(session, address);
    session_local_address(session, local_address);
    struct session_memory memory;
    session_memory(session, &memory);
    if (session->last_command != NULL) {
        session_command_text(session->last_command, command);
    }
    const struct transaction *transaction = session->transaction;
    const int multi = !transaction_is_open(transaction) ? -1 : (int)transaction->count;
    const struct bytes name = buffer_bytes(&session->name), user = session_user_name(session);
    struct bytes library = buffer_bytes(&session->lib_name), version = buffer_bytes(&session->lib_version);
    return buffer_append_format(
        out,
        "id=%llu addr=%s laddr=%s fd=%d name=%.*s age=%lld idle=%lld flags=%.*s db=%u sub=%u psub=%u ssub=%u multi=%d qbuf=%zu "
        "qbuf-free=%zu argv-mem=0 multi-mem=%zu rbs=0 rbp=0 obl=0 oll=%zu omem=%zu tot-mem=%zu events=%s cmd=%s user=%.*s "
        "redir=%lld resp=%u lib-name=%.*s lib-ver=%.*s watch=%u\n",
        (unsigned long long)session->id, address, local_address, session_fd(session), (int)name.len,
        name.len == 0 ? "" : name.data, (long long)(now_ms - session->created_ms) / 1000,
        (long long)(now_ms - session->active_ms) / 1000, (int)session_flags_text(session, flags), flags, session->db,
        session_subscriptions(session, TOPIC_CHANNEL), session_subscriptions(session, TOPIC_PATTERN),
        session_subscriptions(session, TOPIC_SHARD_CHANNEL), multi,
        memory.query_used, memory.query_free, transaction == NULL ? 0 : transaction->bytes, memory.output_chunks, memory.output_bytes,
        memory.total_bytes, memory.output_bytes > 0 ? "rw" : "r", command, (int)user.len, user.data, (long long)redirection(session),
        session->protocol, (int)library.len,
        library.len == 0 ? "" : library.data, (int)version.len, version.len == 0 ? "" : version.data,
        transaction == NULL ? 0 : transaction->watcher.count);
}
