/* effect_feed.c - see effect_feed.h.  */
#include "cmd/server/effect_feed.h"

#include "client/feed.h"
#include "exec/exec.h"
#include "mem/buffer.h"
#include "shard/server.h"

#include <stdio.h>

static bool append_command(struct buffer *out, const struct bytes *words, uint32_t count)
{
    bool is_whole = buffer_append_format(out, "*%u\r\n", count);
    for (uint32_t i = 0; i < count && is_whole; i++) {
        is_whole = buffer_append_format(out, "$%zu\r\n", words[i].len) && buffer_append(out, words[i]) &&
                   buffer_append(out, BYTES("\r\n"));
    }
    return is_whole;
}

static bool append_select(struct buffer *out, uint32_t db)
{
    char text[12];
    const int len = snprintf(text, sizeof text, "%u", db);
    return append_command(out, (const struct bytes[]){BYTES("SELECT"), {text, (size_t)len}}, 2);
}

/* Effects of several shards come one among the other, so each is complete: the database stays 0 between them. */
static bool append_effect(struct buffer *out, const struct effect *effect)
{
    return (effect->db == 0 || append_select(out, effect->db)) && append_command(out, effect->words, effect->count) &&
           (effect->db == 0 || append_select(out, 0));
}

static void send_effect(void *context, const struct effect *effect)
{
    struct server *server = context;
    if (!feed_is_wanted(server, FEED_EFFECTS)) {
        effects_want(&server->effects, &effect_feed, 0);
        return;
    }
    struct buffer text = BUFFER_EMPTY(MEM_OUTPUT_BUFFER);
    if (append_effect(&text, effect)) {
        feed_send(effect->thread, FEED_EFFECTS, buffer_bytes(&text));
    } else {
        feed_break(effect->thread, FEED_EFFECTS);
    }
    buffer_release(&text);
}

static void end_feed(void *context, struct thread *thread)
{
    (void)context;
    feed_break(thread, FEED_EFFECTS);
}

const struct effect_listener effect_feed = {.name = "feed", .effect = send_effect, .lost = end_feed};

void effect_feed_begin(struct exec *exec)
{
    feed_join(exec->thread, exec->session, FEED_EFFECTS);
    effects_want(&exec->server->effects, &effect_feed, LISTEN_EFFECTS);
}
