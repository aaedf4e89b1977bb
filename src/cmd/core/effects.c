/* effects.c - see effects.h.  */
#include "cmd/core/effects.h"

#include "base/number.h"
#include "cmd/core/limits.h"
#include "mem/heap.h"
#include "persist/rdb_value.h"

#include <assert.h>

enum { ITEMS_PER_LOOK = 32 };

/* A number as a word. `digits` holds it. */
static struct bytes number_word(int64_t number, char digits[INT64_TEXT_MAX])
{
    return (struct bytes){digits, int64_format(number, digits)};
}

void exec_effect_set(struct exec *exec, uint32_t db, struct key key, struct bytes text, int64_t expiry_ms)
{
    if (!exec_wants_effects(exec)) {
        return;
    }
    char digits[INT64_TEXT_MAX];
    const struct bytes words[] = {BYTES("SET"), key.name, text, BYTES("PXAT"), number_word(expiry_ms, digits)};
    exec_effect_in(exec, db, key, words, expiry_ms == KEYSPACE_NO_EXPIRY ? 3 : 5);
}

static void give_string(struct exec *exec, uint32_t db, struct key key, const struct entry *entry, int64_t expiry_ms)
{
    char scratch[STRING_SCRATCH];
    exec_effect_set(exec, db, key, entry_string(entry, scratch), expiry_ms);
}

/* RESTORE key expiry payload REPLACE ABSTTL. */
static void give_payload(struct exec *exec, uint32_t db, struct key key, struct bytes payload, int64_t expiry_ms)
{
    char digits[INT64_TEXT_MAX];
    const int64_t time_ms = expiry_ms == KEYSPACE_NO_EXPIRY ? 0 : expiry_ms;
    const struct bytes words[] = {BYTES("RESTORE"), key.name,         number_word(time_ms, digits),
                                  payload,          BYTES("REPLACE"), BYTES("ABSTTL")};
    exec_effect_in(exec, db, key, words, sizeof words / sizeof words[0]);
}

/* About `items` more items. */
static enum rdb_status write_some(struct effect_payload *payload, struct exec *exec, const struct entry *entry, size_t items)
{
    if (payload->writer == NULL) {
        const struct encoding_limits limits = exec_limits(exec);
        payload->writer = rdb_writer_create(entry, &limits);
    }
    const enum rdb_status status =
        payload->writer == NULL ? RDB_NO_MEMORY : rdb_writer_step(payload->writer, &payload->bytes, items);
    payload->is_complete = status == RDB_DONE;
    if (status != RDB_MORE) {
        rdb_writer_destroy(payload->writer);
        payload->writer = NULL;
    }
    return status;
}

bool effect_payload_step(struct effect_payload *payload, struct exec *exec, const struct entry *entry)
{
    if (payload->is_complete || !exec->is_spread || !exec_wants_effects(exec)) {
        return true;
    }
    enum rdb_status status;
    do {
        status = write_some(payload, exec, entry, ITEMS_PER_LOOK);
    } while (status == RDB_MORE && !exec_step_is_over(exec));
    return status != RDB_MORE;
}

void effect_payload_release(struct effect_payload *payload)
{
    rdb_writer_destroy(payload->writer);
    buffer_release(&payload->bytes);
    *payload = EFFECT_PAYLOAD_EMPTY;
}

static void give_value(struct exec *exec, uint32_t db, struct key key, const struct entry *entry, int64_t expiry_ms)
{
    struct effect_payload payload = EFFECT_PAYLOAD_EMPTY;
    if (write_some(&payload, exec, entry, SIZE_MAX) == RDB_DONE) {
        give_payload(exec, db, key, buffer_bytes(&payload.bytes), expiry_ms);
    } else {
        exec_effect_lost(exec);
    }
    effect_payload_release(&payload);
}

void exec_effect_payload(struct exec *exec, uint32_t db, struct key key, const struct effect_payload *payload)
{
    if (!exec_wants_effects(exec)) {
        return;
    }
    struct keyspace *ks = exec_keyspace_in(exec, key, db);
    const struct entry *entry = keyspace_find(ks, key, exec->now_ms);
    if (entry == NULL) {
        exec_effect_del(exec, db, key);
        return;
    }
    const int64_t expiry_ms = keyspace_expiry_ms(ks, entry);
    if (entry_type(entry) == VALUE_STRING) {
        give_string(exec, db, key, entry, expiry_ms);
    } else if (payload->is_complete) {
        give_payload(exec, db, key, buffer_bytes(&payload->bytes), expiry_ms);
    } else {
        give_value(exec, db, key, entry, expiry_ms);
    }
}

void exec_effect_value(struct exec *exec, uint32_t db, struct key key)
{
    static const struct effect_payload none = {0};
    exec_effect_payload(exec, db, key, &none);
}

void exec_effect_begun(struct exec *exec, struct key key, uint32_t count)
{
    assert(count < exec->argc);
    exec_effect(exec, key, exec->argv, count);
}

void exec_effect_del(struct exec *exec, uint32_t db, struct key key)
{
    exec_effect_in(exec, db, key, (const struct bytes[]){BYTES("DEL"), key.name}, 2);
}

void exec_effect_number(struct exec *exec, struct key key, struct bytes name, int64_t number)
{
    if (!exec_wants_effects(exec)) {
        return;
    }
    char digits[INT64_TEXT_MAX];
    const struct bytes words[] = {name, key.name, number_word(number, digits)};
    exec_effect(exec, key, words, 3);
}

void exec_effect_expiry(struct exec *exec, struct key key, int64_t expiry_ms)
{
    if (!exec_wants_effects(exec)) {
        return;
    }
    char digits[INT64_TEXT_MAX];
    const bool is_none = expiry_ms == KEYSPACE_NO_EXPIRY;
    const struct bytes words[] = {is_none ? BYTES("PERSIST") : BYTES("PEXPIREAT"), key.name, number_word(expiry_ms, digits)};
    exec_effect(exec, key, words, is_none ? 2 : 3);
}
