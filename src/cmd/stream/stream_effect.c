/* stream_effect.c - see stream_effect.h; STREAM.APPLY.  */
#include "cmd/stream/stream_effect.h"

#include "cmd/stream/stream_rows.h"
#include "shard/server.h"

#include <assert.h>

enum {
    APPLY_HEAD = 7,  /* STREAM.APPLY key group last-id entries-read consumer seen-time */
    APPLY_NO_CONSUMER = 5,
    APPLY_DELIVERY = 3,
    ACK_HEAD = 3,    /* XACK key group */
};

/* --- making effects --- */

/* Words, and the text of those that are numbers. */
struct apply_words {
    struct bytes words[APPLY_HEAD + APPLY_DELIVERY * GROUP_EFFECT_PIECE];
    uint32_t count;
    size_t text_len;
    char text[(APPLY_HEAD + GROUP_EFFECT_PIECE) * (STREAM_ID_TEXT_MAX + 2 * INT64_TEXT_MAX)];
};

static void add_word(struct apply_words *out, struct bytes word)
{
    out->words[out->count++] = word;
}

/* The `len` bytes that were written behind the text so far. */
static void add_text(struct apply_words *out, size_t len)
{
    add_word(out, (struct bytes){out->text + out->text_len, len});
    out->text_len += len;
}

static void add_number(struct apply_words *out, int64_t number)
{
    add_text(out, int64_format(number, out->text + out->text_len));
}

static void add_unsigned(struct apply_words *out, uint64_t number)
{
    add_text(out, uint64_format(number, out->text + out->text_len));
}

static void add_id(struct apply_words *out, struct stream_id id)
{
    add_text(out, stream_id_format(id, out->text + out->text_len));
}

static void report_removed(struct group_effect *effect)
{
    struct apply_words words;
    words.count = 0;
    words.text_len = 0;
    add_word(&words, BYTES("XACK"));
    add_word(&words, effect->key.name);
    add_word(&words, stream_group_name(effect->group));
    for (uint32_t i = 0; i < effect->removed_count; i++) {
        add_id(&words, effect->removed[i]);
    }
    exec_effect(effect->exec, effect->key, words.words, words.count);
    effect->removed_count = 0;
}

static void report_state(struct group_effect *effect)
{
    struct apply_words words;
    words.count = 0;
    words.text_len = 0;
    add_word(&words, BYTES("STREAM.APPLY"));
    add_word(&words, effect->key.name);
    add_word(&words, stream_group_name(effect->group));
    add_id(&words, effect->group->last_id);
    add_number(&words, effect->group->entries_read);
    if (effect->consumer != NULL) {
        add_word(&words, stream_consumer_name(effect->consumer));
        add_number(&words, effect->consumer->seen_ms);
    }
    for (uint32_t i = 0; i < effect->delivered_count; i++) {
        add_id(&words, effect->delivered[i].id);
        add_number(&words, effect->delivered[i].delivery_ms);
        add_unsigned(&words, effect->delivered[i].delivery_count);
    }
    exec_effect(effect->exec, effect->key, words.words, words.count);
    effect->delivered_count = 0;
    effect->is_owed = false;
}

void group_effect_begin(struct group_effect *effect, struct exec *exec, struct key key, const struct stream_group *group)
{
    effect->exec = exec;
    effect->key = key;
    effect->group = group;
    effect->consumer = NULL;
    effect->is_wanted = exec_wants_effects(exec);
    effect->is_owed = false;
    effect->delivered_count = effect->removed_count = 0;
}

void group_effect_seen(struct group_effect *effect, const struct stream_consumer *consumer)
{
    effect->consumer = consumer;
    effect->is_owed = true;
}

void group_effect_delivered(struct group_effect *effect, struct stream_id id, const struct stream_nack *nack)
{
    if (LIKELY(!effect->is_wanted)) {
        return;
    }
    assert(nack->consumer == effect->consumer);
    effect->delivered[effect->delivered_count++] =
        (struct group_delivery){id, nack->delivery_ms, nack->delivery_count};
    effect->is_owed = true;
    if (effect->delivered_count == GROUP_EFFECT_PIECE) {
        report_state(effect);
    }
}

void group_effect_removed(struct group_effect *effect, struct stream_id id)
{
    if (LIKELY(!effect->is_wanted)) {
        return;
    }
    effect->removed[effect->removed_count++] = id;
    if (effect->removed_count == GROUP_EFFECT_PIECE) {
        report_removed(effect);
    }
}

void group_effect_end(struct group_effect *effect)
{
    if (LIKELY(!effect->is_wanted)) {
        return;
    }
    if (effect->removed_count > 0) {
        report_removed(effect);
    }
    if (effect->is_owed) {
        report_state(effect);
    }
}

/* --- STREAM.APPLY --- */

struct applied {
    struct stream_id last_id;
    int64_t entries_read, seen_ms;
    uint32_t delivery_count;
    struct group_delivery *deliveries;
};

static bool read_apply(struct exec *exec, struct applied *out)
{
    *out = (struct applied){.delivery_count = 0};
    const bool has_consumer = exec->argc >= APPLY_HEAD;
    if (exec->argc != APPLY_NO_CONSUMER && (!has_consumer || (exec->argc - APPLY_HEAD) % APPLY_DELIVERY != 0)) {
        reply_arity_error(exec->reply, exec->spec);
        return false;
    }
    if (!exec_stream_id(exec, 3, &out->last_id) || !exec_int64_argument(exec, 4, &out->entries_read) ||
        (has_consumer && !exec_int64_argument(exec, 6, &out->seen_ms))) {
        return false;
    }
    const uint32_t count = has_consumer ? (exec->argc - APPLY_HEAD) / APPLY_DELIVERY : 0;
    out->deliveries = exec_scratch(exec, count * sizeof *out->deliveries);
    if (out->deliveries == NULL) {
        reply_result_error(exec->reply, RESULT_NO_MEMORY);
        return false;
    }
    for (uint32_t at = APPLY_HEAD; at < exec->argc; at += APPLY_DELIVERY) {
        struct group_delivery *delivery = &out->deliveries[out->delivery_count++];
        if (!exec_stream_id(exec, at, &delivery->id) || !exec_int64_argument(exec, at + 1, &delivery->delivery_ms)) {
            return false;
        }
        if (!uint64_parse(exec->argv[at + 2], &delivery->delivery_count)) {
            reply_error(exec->reply, ERROR_NOT_INTEGER);
            return false;
        }
    }
    return true;
}

static void apply_state(struct exec *exec, const struct stream_place *place, const struct applied *applied)
{
    place->group->last_id = applied->last_id;
    place->group->entries_read = applied->entries_read;
    exec_count_changes(exec, 1);
}

/* Its effect is what was done: less than the words say when memory is refused in the middle. */
static enum result apply_deliveries(struct exec *exec, struct stream_place place, const struct applied *applied)
{
    struct group_effect effect;
    struct stream_consumer *consumer;
    const struct key key = exec_key(exec, 1);
    enum result result = stream_touch_consumer(exec, key, place, exec->argv[5], &consumer);
    if (result != RESULT_OK) {
        return result;
    }
    consumer->seen_ms = applied->seen_ms;
    apply_state(exec, &place, applied);
    group_effect_begin(&effect, exec, key, place.group);
    group_effect_seen(&effect, consumer);
    for (uint32_t i = 0; i < applied->delivery_count && result == RESULT_OK; i++) {
        const struct group_delivery *delivery = &applied->deliveries[i];
        const struct stream_nack nack = {delivery->delivery_ms, delivery->delivery_count, consumer};
        result = stream_set_pending(place.stream, place.group, delivery->id, &nack);
        if (result == RESULT_OK) {
            group_effect_delivered(&effect, delivery->id, &nack);
        }
    }
    group_effect_end(&effect);
    return result;
}

static enum result apply(struct exec *exec, struct stream_place place, const struct applied *applied)
{
    if (exec->argc >= APPLY_HEAD) {
        return apply_deliveries(exec, place, applied);
    }
    apply_state(exec, &place, applied);
    return RESULT_OK;
}

static void command_apply(struct exec *exec)
{
    struct applied applied;
    struct value value;
    const struct key key = exec_key(exec, 1);
    struct entry *entry = exec_find_write(exec, key);
    if (!check_stream(exec, entry) || !read_apply(exec, &applied)) {
        return;
    }
    struct stream *stream = entry == NULL ? NULL : entry_stream(entry);
    struct stream_group *group = stream == NULL ? NULL : stream_find_group(stream, exec->argv[2]);
    if (group == NULL) {
        reply_no_group(exec, exec->argv[1], exec->argv[2], "");
        return;
    }
    value_open(&value, exec_keyspace(exec, key), key, entry);
    const enum result result = apply(exec, (struct stream_place){stream, group}, &applied);
    stream_value_close(&value);
    if (result != RESULT_OK) {
        reply_result_error(exec->reply, result);
        return;
    }
    reply_ok(exec->reply);
}

const struct command_spec stream_effect_commands[] = {
    {.name = "stream.apply", .run = command_apply, .arity = -5, .scope = SCOPE_KEYS, .flags = COMMAND_WRITE | COMMAND_ADMIN,
     .keys = {1, 1, 1}, .since = "1.0.0", .group = "stream",
     .complexity = "O(N log P), N the entries named, P those pending in the group",
     .summary = "Sets where a group stands, when a consumer was seen, and what is pending for it: the effect of XREADGROUP and XCLAIM.",
     .syntax = "key group last-id entries-read [consumer seen-time [id delivery-time deliveries ...]]", .key_flags = "RW update"},
    {0},
};
