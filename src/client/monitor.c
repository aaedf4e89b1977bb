/* monitor.c - see monitor.h.  */
#include "client/monitor.h"

#include "base/clock.h"
#include "client/feed.h"
#include "client/sessions.h"
#include "exec/exec.h"
#include "exec/transaction.h"
#include "exec/window.h"
#include "shard/observer.h"
#include "shard/server.h"
#include "shard/thread.h"

#include <stdio.h>
#include <string.h>

/* "text" with C-like escapes, as Redis quotes it. */
static bool append_quoted(struct buffer *out, struct bytes text)
{
    static const char from[] = "\n\r\t\a\b\\\"", to[] = "nrtab\\\"";
    bool is_whole = buffer_append(out, BYTES("\""));
    for (size_t i = 0; i < text.len && is_whole; i++) {
        char c = text.data[i];
        const char *found = c != 0 ? strchr(from, c) : NULL;
        if (found != NULL) {
            is_whole = buffer_append(out, (struct bytes){(char[]){'\\', to[found - from]}, 2});
        } else if (c >= ' ' && c <= '~') {
            is_whole = buffer_append(out, (struct bytes){&text.data[i], 1});
        } else {
            is_whole = buffer_append_format(out, "\\x%02x", (unsigned char)c);
        }
    }
    return is_whole && buffer_append(out, BYTES("\""));
}

static bool format_line(const struct thread *thread, const struct monitored *line, struct buffer *out)
{
    const struct session *session = line->session;
    const struct command_observer *observer = thread->server->observer;
    char address[SESSION_ADDRESS_MAX];
    const bool is_unix = session->is_unix && line->origin == NULL;
    if (line->origin == NULL) {
        session_peer_address(session, address);
    } else {
        snprintf(address, sizeof address, "%s", line->origin);
    }
    int64_t now_us = clock_wall_us();
    bool is_whole = buffer_append_format(out, "+%lld.%06lld [%u %s]", (long long)(now_us / 1000000),
                                         (long long)(now_us % 1000000), session->db,
                                         is_unix ? "unix:" : address);
    if (is_unix && is_whole) {
        /* Redis writes "unix:path" without the port. */
        out->len -= strlen("unix:]");
        address[strcspn(address, ":")] = 0;
        is_whole = buffer_append_format(out, "unix:%s]", address);
    }
    for (uint32_t i = 0; i < line->argc && is_whole; i++) {
        bool is_secret = observer != NULL && observer->argument_is_secret != NULL &&
                         observer->argument_is_secret(line->spec, line->argv, line->argc, i);
        is_whole = buffer_append(out, BYTES(" ")) &&
                   append_quoted(out, is_secret ? BYTES("(redacted)") : line->argv[i]);
    }
    return is_whole && buffer_append(out, BYTES("\r\n"));
}

static void feed_line(struct thread *thread, const struct monitored *line)
{
    struct buffer text = BUFFER_EMPTY(MEM_OUTPUT_BUFFER);
    if (format_line(thread, line, &text)) {
        feed_send(thread, FEED_MONITOR, buffer_bytes(&text));
    } else {
        feed_break(thread, FEED_MONITOR);
    }
    buffer_release(&text);
}

static bool is_hidden(const struct command_spec *spec)
{
    return (spec->flags & (COMMAND_SKIP_MONITOR | COMMAND_ADMIN)) != 0;
}

void monitor_feed_words(struct thread *thread, const struct monitored *what)
{
    if (what->spec->scope == SCOPE_SCRIPT || !is_hidden(what->spec)) {
        feed_line(thread, what);
    }
}

void monitor_feed(struct thread *thread, const struct call *call)
{
    const struct session *session = call->window->session;
    const struct transaction *transaction = call->transaction;
    for (uint32_t i = 0; transaction != NULL && transaction->has_run && i < transaction->count; i++) {
        const struct queued_command *command = &transaction->commands[i];
        if (!is_hidden(command->spec)) {
            feed_line(thread, &(struct monitored){session, NULL, command->spec, command->words, command->word_count});
        }
    }
    if (!is_hidden(call->spec)) {
        feed_line(thread, &(struct monitored){session, NULL, call->spec, call->argv, call->argc});
    }
}
