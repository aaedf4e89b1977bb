/* effects.c - see effects.h.  */
#include "cmd/core/effects.h"

#include "base/number.h"
#include "cmd/core/limits.h"
#include "mem/heap.h"
#include "persist/rdb_value.h"

#include <assert.h>

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
static void give_payload(struct exec *exec, uint32_t db, struct key key, const struct entry *entry, int64_t expiry_ms)
{
    const struct encoding_limits limits = exec_limits(exec);
    struct buffer payload = BUFFER_EMPTY(MEM_CLIENT);
    struct rdb_writer *writer = rdb_writer_create(entry, &limits);
    if (writer != NULL && rdb_writer_step(writer, &payload, SIZE_MAX) == RDB_DONE) {
        char digits[INT64_TEXT_MAX];
        const int64_t time_ms = expiry_ms == KEYSPACE_NO_EXPIRY ? 0 : expiry_ms;
        const struct bytes words[] = {BYTES("RESTORE"),      key.name,         number_word(time_ms, digits),
                                      buffer_bytes(&payload), BYTES("REPLACE"), BYTES("ABSTTL")};
        exec_effect_in(exec, db, key, words, sizeof words / sizeof words[0]);
    } else {
        exec_effect_lost(exec);
    }
    rdb_writer_destroy(writer);
    buffer_release(&payload);
}

void exec_effect_value(struct exec *exec, uint32_t db, struct key key)
{
    if (!exec_wants_effects(exec)) {
        return;
    }
    struct keyspace *ks = exec_keyspace_in(exec, key, db);
    const struct entry *entry = keyspace_find(ks, key, exec->now_ms);
    if (entry == NULL) {
        exec_effect_del(exec, db, key);
    } else if (entry_type(entry) == VALUE_STRING) {
        give_string(exec, db, key, entry, keyspace_expiry_ms(ks, entry));
    } else {
        give_payload(exec, db, key, entry, keyspace_expiry_ms(ks, entry));
    }
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
