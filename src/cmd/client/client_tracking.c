/* client_tracking.c - see client_tracking.h.
 *
 * Whether a connection has the id behind REDIRECT is asked of all threads. As in Redis that comes before everything that is wrong behind it: what is
 * found wrong while the words are read is kept until then.
 *
 * Memory     A wish keeps copies of the command's words: they may be gone when the connection died while other threads were asked. It is
 *            freed by its finish function.
 * Source     Redis 7.0, networking.c: options, their conflicts and the texts of errors.  */
#include "cmd/client/client_tracking.h"

#include "base/number.h"
#include "client/session.h"
#include "client/session_cache.h"
#include "client/sessions.h"
#include "cmd/core/answers.h"
#include "exec/exec.h"
#include "mem/heap.h"
#include "shard/server.h"

#include <assert.h>
#include <string.h>

#define ERROR_NO_TARGET "ERR The client ID you want redirect to does not exist"

/* What a CLIENT TRACKING asks for. */
struct wish {
    size_t block_bytes;
    bool is_on;
    uint32_t mode;            /* enum tracker_mode */
    int64_t redirect;         /* an id; 0: none */
    bool has_redirect;
    bool has_no_memory;
    const char *error;        /* of the words behind REDIRECT; NULL: none */
    struct tracker *target;   /* of that connection, held; NULL: none was found */
    uint32_t prefix_count;
    struct bytes prefixes[];  /* their bytes stand behind them in this block */
};

static struct wish *wish_create(struct exec *exec)
{
    size_t bytes = sizeof(struct wish);
    for (uint32_t i = 3; i < exec->argc; i++) {
        bytes += sizeof(struct bytes) + exec->argv[i].len;
    }
    struct wish *wish = thread_alloc_zeroed(MEM_SERVER, bytes);
    if (wish == NULL) {
        reply_result_error(exec->reply, RESULT_NO_MEMORY);
        return NULL;
    }
    wish->block_bytes = bytes;
    return wish;
}

static void wish_destroy(struct wish *wish)
{
    if (wish->target != NULL) {
        tracker_release(wish->target);
    }
    thread_free(MEM_SERVER, wish, wish->block_bytes);
}

/* --- words --- */

static const struct {
    const char *name;
    uint32_t mode;
} mode_words[] = {{"BCAST", TRACKER_BCAST}, {"OPTIN", TRACKER_OPTIN}, {"OPTOUT", TRACKER_OPTOUT}, {"NOLOOP", TRACKER_NOLOOP}};

static uint32_t mode_of_word(struct bytes word)
{
    uint32_t mode = 0;
    for (size_t i = 0; i < sizeof mode_words / sizeof mode_words[0]; i++) {
        mode |= bytes_equal_ignore_case(word, bytes_of_string(mode_words[i].name)) ? mode_words[i].mode : 0;
    }
    return mode;
}

/* NULL, or what is wrong with it. */
static const char *read_redirect(struct wish *wish, struct bytes word)
{
    if (wish->redirect != 0) {
        return "ERR A client can only redirect to a single other client";
    }
    if (!int64_parse(word, &wish->redirect)) {
        wish->redirect = 0;
        return "ERR value is not an integer or out of range";
    }
    wish->has_redirect = true;
    return NULL;
}

/* `text`: where the bytes of the next prefix are copied to. */
static void read_prefix(struct wish *wish, struct bytes word, char **text)
{
    if (word.len > 0) {
        memcpy(*text, word.data, word.len);
    }
    wish->prefixes[wish->prefix_count++] = (struct bytes){*text, word.len};
    *text += word.len;
}

/* NULL, or what is wrong. */
static const char *read_options(const struct exec *exec, struct wish *wish)
{
    char *text = (char *)(wish->prefixes + (exec->argc - 3));
    for (uint32_t i = 3; i < exec->argc; i++) {
        const struct bytes word = exec->argv[i];
        const bool has_value = i + 1 < exec->argc;
        const uint32_t mode = mode_of_word(word);
        const char *error = NULL;
        if (has_value && bytes_equal_ignore_case(word, BYTES("REDIRECT"))) {
            error = read_redirect(wish, exec->argv[++i]);
        } else if (has_value && bytes_equal_ignore_case(word, BYTES("PREFIX"))) {
            read_prefix(wish, exec->argv[++i], &text);
        } else if (mode == 0) {
            error = ERROR_SYNTAX;
        }
        if (error != NULL) {
            return error;
        }
        wish->mode |= mode;
    }
    wish->is_on = bytes_equal_ignore_case(exec->argv[2], BYTES("ON"));
    return wish->is_on || bytes_equal_ignore_case(exec->argv[2], BYTES("OFF")) ? NULL : ERROR_SYNTAX;
}

/* --- what it may not ask for --- */

static bool is_beginning(struct bytes a, struct bytes b)
{
    const size_t len = a.len < b.len ? a.len : b.len;
    return len == 0 || memcmp(a.data, b.data, len) == 0;
}

static bool refuse_prefix(struct exec *exec, struct bytes prefix, const char *what, struct bytes other)
{
    reply_errorf(exec->reply, "ERR Prefix '%.*s' overlaps with %s prefix '%.*s'. Prefixes for a single client must not overlap.",
                 (int)prefix.len, prefix.data, what, (int)other.len, other.data);
    return false;
}

/* A key that two prefixes of one connection fit would be told twice. False: replied so. */
static bool check_prefixes(struct exec *exec, const struct wish *wish, const struct tracker *tracker)
{
    for (uint32_t i = 0; i < wish->prefix_count; i++) {
        const struct bytes prefix = wish->prefixes[i];
        for (uint32_t k = 0; tracker != NULL && k < tracker->prefix_count; k++) {
            if (is_beginning(prefix, tracker_prefix(tracker, k))) {
                return refuse_prefix(exec, prefix, "an existing", tracker_prefix(tracker, k));
            }
        }
        for (uint32_t k = i + 1; k < wish->prefix_count; k++) {
            if (is_beginning(prefix, wish->prefixes[k])) {
                return refuse_prefix(exec, prefix, "another provided", wish->prefixes[k]);
            }
        }
    }
    return true;
}

/* NULL, or why the modes do not go together, or not with those that it has. */
static const char *conflict(const struct wish *wish, uint32_t has)
{
    const uint32_t wants = wish->mode, options = TRACKER_OPTIN | TRACKER_OPTOUT;
    if ((wants & TRACKER_BCAST) == 0 && wish->prefix_count > 0) {
        return "ERR PREFIX option requires BCAST mode to be enabled";
    }
    if ((has & TRACKER_ON) != 0 && ((has ^ wants) & TRACKER_BCAST) != 0) {
        return "ERR You can't switch BCAST mode on/off before disabling tracking for this client, and then re-enabling it with a different mode.";
    }
    if ((wants & TRACKER_BCAST) != 0 && (wants & options) != 0) {
        return "ERR OPTIN and OPTOUT are not compatible with BCAST";
    }
    if ((wants & options) == options) {
        return "ERR You can't specify both OPTIN mode and OPTOUT mode";
    }
    if (((wants | has) & options) == options) {
        return "ERR You can't switch OPTIN/OPTOUT mode before disabling tracking for this client, and then re-enabling it with a different mode.";
    }
    return NULL;
}

/* --- doing it --- */

/* Inside EXEC, too: the commands behind it read for the new mode. */
static void act_from_now(struct exec *exec)
{
    if (exec->depth > 0) {
        const bool remembers = session_remembers(exec->session);
        tracking_act(exec->thread, session_tracker(exec->session), TRACKED_CALL | (remembers ? TRACKED_READ | TRACKED_REMEMBERS : 0));
    }
}

static void switch_on(struct exec *exec, struct wish *wish)
{
    struct session *session = exec->session;
    const struct bytes every_key[] = {{"", 0}};
    struct tracker *tracker = session_tracker(session);
    const char *error = conflict(wish, tracker == NULL ? 0 : tracker->mode);
    if (error != NULL) {
        reply_error(exec->reply, error);
        return;
    }
    if ((wish->mode & TRACKER_BCAST) != 0 && !check_prefixes(exec, wish, tracker)) {
        return;
    }
    const bool is_for_all = (wish->mode & TRACKER_BCAST) != 0 && wish->prefix_count == 0;
    tracker = session_make_tracker(exec->thread, session);
    if (tracker == NULL || !tracker_switch_on(tracker, wish->mode | TRACKER_ON, wish->target, is_for_all ? every_key : wish->prefixes,
                                              is_for_all ? 1 : wish->prefix_count)) {
        reply_result_error(exec->reply, RESULT_NO_MEMORY);
        return;
    }
    wish->target = NULL; /* it is the tracker's */
    session_tracking_changed(session);
    act_from_now(exec);
    reply_ok(exec->reply);
}

static void fulfil(struct exec *exec, struct wish *wish)
{
    if (wish->has_no_memory) {
        reply_result_error(exec->reply, RESULT_NO_MEMORY);
    } else if (wish->redirect != 0 && wish->target == NULL) {
        reply_error(exec->reply, ERROR_NO_TARGET);
    } else if (wish->error != NULL) {
        reply_error(exec->reply, wish->error);
    } else if (wish->is_on) {
        switch_on(exec, wish);
    } else {
        session_end_tracking(exec->session);
        reply_ok(exec->reply);
    }
}

static void find_target(struct thread *thread, void *arg)
{
    struct wish *wish = arg;
    struct session *session = NULL;
    while ((session = thread_session_next(thread, session)) != NULL) {
        if (session->id == (uint64_t)wish->redirect) {
            wish->target = session_make_tracker(thread, session);
            wish->has_no_memory = wish->target == NULL;
            break;
        }
    }
    if (wish->target != NULL && session != NULL) {
        tracker_hold(wish->target);
    }
}

static void target_is_found(struct exec *exec, void *arg)
{
    struct wish *wish = arg;
    if (exec->session != NULL) {
        fulfil(exec, wish);
    }
    wish_destroy(wish);
}

void command_client_tracking(struct exec *exec)
{
    struct wish *wish = wish_create(exec);
    if (wish == NULL) {
        return;
    }
    wish->error = read_options(exec, wish);
    if (wish->redirect != 0) {
        exec_call_threads(exec, find_target, target_is_found, wish);
        return;
    }
    if (wish->has_redirect && wish->error == NULL) {
        wish->error = ERROR_NO_TARGET; /* nobody has the id 0 */
    }
    fulfil(exec, wish);
    wish_destroy(wish);
}

/* --- the others --- */

void command_client_caching(struct exec *exec)
{
    const struct tracker *tracker = session_tracker(exec->session);
    const uint32_t mode = tracker == NULL ? 0 : tracker->mode;
    const bool is_yes = bytes_equal_ignore_case(exec->argv[2], BYTES("YES"));
    if ((mode & TRACKER_ON) == 0) {
        reply_error(exec->reply, "ERR CLIENT CACHING can be called only when the client is in tracking mode with OPTIN or OPTOUT mode enabled");
    } else if (!is_yes && !bytes_equal_ignore_case(exec->argv[2], BYTES("NO"))) {
        reply_error(exec->reply, ERROR_SYNTAX);
    } else if (is_yes && (mode & TRACKER_OPTIN) == 0) {
        reply_error(exec->reply, "ERR CLIENT CACHING YES is only valid when tracking is enabled in OPTIN mode.");
    } else if (!is_yes && (mode & TRACKER_OPTOUT) == 0) {
        reply_error(exec->reply, "ERR CLIENT CACHING NO is only valid when tracking is enabled in OPTOUT mode.");
    } else {
        session_set_caching(exec->session);
        act_from_now(exec);
        reply_ok(exec->reply);
    }
}

/* An id; 0: to itself; -1: it is off. */
static int64_t redirection(const struct tracker *tracker)
{
    if (tracker == NULL || (tracker->mode & TRACKER_ON) == 0) {
        return -1;
    }
    return tracker->redirect == NULL ? 0 : (int64_t)tracker->redirect->id;
}

void command_client_getredir(struct exec *exec)
{
    reply_integer(exec->reply, redirection(session_tracker(exec->session)));
}

static void reply_modes(struct exec *exec, uint32_t mode)
{
    const bool is_caching = session_has_caching(exec->session);
    const struct {
        bool is_set;
        const char *word;
    } words[] = {
        {(mode & TRACKER_ON) != 0, "on"},
        {(mode & TRACKER_ON) == 0, "off"},
        {(mode & TRACKER_BCAST) != 0, "bcast"},
        {(mode & TRACKER_OPTIN) != 0, "optin"},
        {(mode & TRACKER_OPTIN) != 0 && is_caching, "caching-yes"},
        {(mode & TRACKER_OPTOUT) != 0, "optout"},
        {(mode & TRACKER_OPTOUT) != 0 && is_caching, "caching-no"},
        {(mode & TRACKER_NOLOOP) != 0, "noloop"},
        {(mode & TRACKER_BROKEN) != 0, "broken_redirect"},
    };
    size_t count = 0;
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        count += words[i].is_set;
    }
    reply_set(exec->reply, count);
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        if (words[i].is_set) {
            reply_bulk_string(exec->reply, words[i].word);
        }
    }
}

void command_client_trackinginfo(struct exec *exec)
{
    const struct tracker *tracker = session_tracker(exec->session);
    reply_map(exec->reply, 3);
    reply_bulk_string(exec->reply, "flags");
    reply_modes(exec, tracker == NULL ? 0 : tracker->mode);
    reply_bulk_string(exec->reply, "redirect");
    reply_integer(exec->reply, redirection(tracker));
    reply_bulk_string(exec->reply, "prefixes");
    const uint32_t count = tracker == NULL ? 0 : tracker->prefix_count;
    reply_array(exec->reply, count);
    for (uint32_t i = 0; i < count; i++) {
        reply_bulk(exec->reply, tracker_prefix(tracker, i));
    }
}
