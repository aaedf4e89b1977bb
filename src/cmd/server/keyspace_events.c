/* keyspace_events.c - see keyspace_events.h.
 *
 * Threads    The listener: under the baton of the change's shard. What it wants is changed by CONFIG SET, which holds no baton: a command that
 *            runs at the same time on another thread is told of or not.  */
#include "cmd/server/keyspace_events.h"

#include "base/number.h"
#include "config/event_classes.h"
#include "mem/buffer.h"
#include "pubsub/pubsub.h"
#include "shard/server.h"

#include <string.h>

static int64_t wanted_classes(const struct server *server)
{
    return atomic_load_explicit(&server->config->notify_keyspace_events, memory_order_relaxed);
}

static bool is_wanted(int64_t classes, char letter)
{
    return (classes & event_class_bits(letter)) != 0;
}

/* --- publishing --- */

/* To the channel `__<space>@<db>__:<name>`. */
static void publish(const struct change *change, const char *space, struct bytes name, struct bytes text)
{
    struct buffer channel = BUFFER_EMPTY(MEM_OUTPUT_BUFFER);
    if (buffer_append_format(&channel, "__%s@%u__:", space, change->db) && buffer_append(&channel, name)) {
        (void)pubsub_publish(change->thread, TOPIC_CHANNEL, buffer_bytes(&channel), text);
    }
    buffer_release(&channel);
}

static void publish_key_event(const struct change *change, int64_t classes)
{
    const struct bytes event = bytes_of_string(event_rows[change->event].name);
    if (is_wanted(classes, 'K')) {
        publish(change, "keyspace", change->key, event);
    }
    if (is_wanted(classes, 'E')) {
        publish(change, "keyevent", event, change->key);
    }
}

static void publish_table_event(const struct change *change)
{
    enum { EVENT_TEXT_MAX = 64 };
    char text[EVENT_TEXT_MAX];
    const struct bytes event = bytes_of_string(event_rows[change->event].name);
    size_t len = event.len;
    memcpy(text, event.data, len);
    if (change->row != CHANGE_OF_SCHEMA) {
        text[len++] = ' ';
        len += uint64_format(change->row, text + len);
    }
    publish(change, "table", change->key, (struct bytes){text, len});
}

static void tell(void *context, const struct change *change)
{
    const struct server *server = context;
    const int64_t classes = wanted_classes(server);
    if (!pubsub_is_used(server) || !is_wanted(classes, event_rows[change->event].class)) {
        return;
    }
    if (change->row == 0) {
        publish_key_event(change, classes);
    } else {
        publish_table_event(change);
    }
}

const struct effect_listener keyspace_events = {.name = "keyspace events", .change = tell, .notice = tell};

/* --- what is wanted --- */

/* K and E alone say where, not what; and the other way round. */
static uint32_t wants_of(int64_t classes)
{
    const bool has_place = is_wanted(classes, 'K') || is_wanted(classes, 'E');
    const bool has_notice = is_wanted(classes, 'n') || is_wanted(classes, 'm');
    const bool has_change = is_wanted(classes, 'A');
    return ((has_place && has_change) || is_wanted(classes, 'T') ? LISTEN_CHANGES : 0) | (has_place && has_notice ? LISTEN_NOTICES : 0);
}

static void apply(struct server *server, int64_t classes)
{
    const uint32_t wants = wants_of(classes);
    for (uint32_t i = 0; i < server->shard_count; i++) {
        atomic_store_explicit(&server->shards[i].owner.hears_of_new, (wants & LISTEN_NOTICES) != 0 && is_wanted(classes, 'n'),
                              memory_order_relaxed);
    }
    effects_want(&server->effects, &keyspace_events, wants);
}

/* Two threads may be here at once: whoever is last to look has applied what is there. */
void keyspace_events_configure(struct server *server)
{
    int64_t applied;
    do {
        applied = wanted_classes(server);
        apply(server, applied);
    } while (wanted_classes(server) != applied);
}
