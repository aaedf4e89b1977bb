/* hash_change.c - see hash_change.h.  */
#include "cmd/hash/hash_change.h"

#include "mem/heap.h"

/* --- words --- */

bool change_read_time(struct exec *exec, uint32_t at, int64_t unit_ms, int64_t base_ms, int64_t *out)
{
    int64_t time;
    if (!exec_int64_argument(exec, at, &time)) {
        return false;
    }
    if (time < 0) {
        reply_error(exec->reply, "ERR invalid expire time, must be >= 0");
        return false;
    }
    if (time > TIMED_MS_MAX / unit_ms || time * unit_ms > TIMED_MS_MAX - base_ms) {
        reply_errorf(exec->reply, "ERR invalid expire time in '%s' command", exec->spec->name);
        return false;
    }
    *out = time * unit_ms + base_ms;
    return true;
}

/* --- changing --- */

enum result change_set_time(struct exec *exec, struct value *value, struct hash_change *change, uint32_t at, enum field_code *code)
{
    bool was_there;
    if (exec_is_past(exec, change->time_ms)) {
        *code = FIELD_DELETED;
        return hash_remove(value, exec->argv[at], &was_there, &change->is_empty);
    }
    *code = FIELD_CHANGED;
    return hash_set_time(value, exec->argv[at], change->time_ms);
}

/* The fields from argv[at] on, before argv[end]; then the value is closed, or its key removed. */
static void apply_some(struct exec *exec, struct hash_change *change, struct value *value, uint32_t at, uint32_t end)
{
    change->is_empty = value->entry == NULL;
    for (; at < end && change->result == RESULT_OK; at += change->step) {
        enum field_code code = FIELD_KEPT;
        change->result = change->kind->apply(exec, value, change, at, &code);
        if (change->result == RESULT_OK || code == FIELD_WITHOUT_TIME) {
            change->codes[change->done++] = (int8_t)code;
            change->changed += code == FIELD_CHANGED;
            change->deleted += code == FIELD_DELETED;
        }
    }
    if (change->is_empty && value->entry != NULL) {
        value_remove(value);
        change->is_gone = true;
        return;
    }
    const enum result closed = value_close(value);
    if (UNLIKELY(closed != RESULT_OK)) { /* the key was new: it is not there */
        change->result = closed;
        change->done = change->changed = 0;
    }
}

static void finish(struct exec *exec, const struct hash_change *change)
{
    change->kind->finish(exec, change);
    if (UNLIKELY(change->result != RESULT_OK)) {
        reply_rewind(exec->reply);
        reply_result_error(exec->reply, change->result);
    }
}

/* Whether the fields from argv[at] on, before argv[end], are as HSETEX's condition wants them. */
static bool is_allowed(const struct exec *exec, const struct hash_change *change, const struct entry *entry, uint32_t at, uint32_t end)
{
    const bool must_be_there = (change->flags & CHANGE_ALL_THERE) != 0;
    for (; at < end; at += change->step) {
        if ((entry != NULL && hash_get(entry, exec->argv[at], NULL)) != must_be_there) {
            return false;
        }
    }
    return true;
}

static bool has_condition(const struct hash_change *change)
{
    return (change->flags & (CHANGE_ALL_THERE | CHANGE_NONE_THERE)) != 0;
}

static uint32_t field_count(const struct exec *exec, const struct hash_change *change)
{
    return (exec->argc - change->first) / change->step;
}

void change_run(struct exec *exec, struct hash_change *change, struct value *value)
{
    change->codes = exec_scratch(exec, field_count(exec, change));
    if (change->codes == NULL) {
        reply_result_error(exec->reply, RESULT_NO_MEMORY);
        return;
    }
    change->is_refused = has_condition(change) && !is_allowed(exec, change, value->entry, change->first, exec->argc);
    if (change->kind->replies_values) {
        reply_array(exec->reply, field_count(exec, change));
    }
    if (!change->is_refused) {
        apply_some(exec, change, value, change->first, exec->argc);
    }
    finish(exec, change);
}

/* --- as a job --- */

static bool begin_change(struct words *words, struct exec *exec)
{
    struct hash_change *change = (struct hash_change *)words;
    if (!check_hash(exec, exec_find_write(exec, exec_key(exec, 1)))) {
        return false;
    }
    change->codes = thread_alloc(MEM_CLIENT, field_count(exec, change));
    if (change->codes == NULL) {
        reply_result_error(exec->reply, RESULT_NO_MEMORY);
        return false;
    }
    if (change->kind->replies_values) {
        reply_array(exec->reply, field_count(exec, change));
    }
    return true;
}

/* Looks at the fields before the first is changed. False: it is decided that none will be. */
static bool check_some(struct exec *exec, struct hash_change *change, const struct entry *entry, uint32_t end)
{
    struct words *words = &change->words;
    change->is_refused = has_condition(change) && !is_allowed(exec, change, entry, words->at, end);
    words->at = end;
    if (end == words->end || !has_condition(change)) {
        change->is_checked = true;
        words->at = change->first;
    }
    return !change->is_refused;
}

static bool run_change(struct words *words, struct exec *exec, uint32_t end)
{
    struct hash_change *change = (struct hash_change *)words;
    struct value value;
    if (!open_hash(exec, exec_key(exec, 1), &value)) {
        return false;
    }
    if (!change->is_checked) {
        return check_some(exec, change, value.entry, end);
    }
    apply_some(exec, change, &value, words->at, end);
    words->at = end;
    return change->result == RESULT_OK;
}

static void finish_change(struct words *words, struct exec *exec)
{
    finish(exec, (const struct hash_change *)words);
}

static void release_change(struct words *words, struct exec *exec)
{
    struct hash_change *change = (struct hash_change *)words;
    (void)exec;
    if (change->codes != NULL) {
        thread_free(MEM_CLIENT, change->codes, (words->end - change->first) / change->step);
    }
}

void change_start(struct exec *exec, const struct hash_change *change)
{
    static const struct words_kind kind = {.size = sizeof(struct hash_change), .mode = KEY_LOCK_EXCLUSIVE, .begin = begin_change,
                                           .run = run_change, .finish = finish_change, .release = release_change};
    struct hash_change started = *change;
    started.words = (struct words){.first = change->first, .step = change->step};
    words_start(exec, &kind, &started.words);
}

/* --- how to repeat it --- */

/* The fields with this code, each with what belongs to it, or bare. Returns how many words. */
static uint32_t put_fields(const struct exec *exec, const struct hash_change *change, struct bytes *words, enum field_code code,
                           bool is_bare)
{
    const uint32_t step = is_bare ? 1 : change->step;
    uint32_t count = 0;
    for (uint32_t i = 0; i < change->done; i++) {
        if (change->codes[i] == (int8_t)code) {
            memcpy(words + count, exec->argv + change->first + i * change->step, step * sizeof *words);
            count += step;
        }
    }
    return count;
}

void change_effect(struct exec *exec, const struct hash_change *change, const struct bytes *head, uint32_t head_count,
                   enum field_code code, bool is_bare)
{
    if (!exec_wants_effects(exec)) {
        return;
    }
    char digits[INT64_TEXT_MAX];
    struct bytes *words = exec_scratch(exec, (head_count + 2 + change->done * change->step) * sizeof *words);
    if (words == NULL) {
        exec_effect_lost(exec);
        return;
    }
    memcpy(words, head, head_count * sizeof *words);
    uint32_t count = head_count;
    if (!is_bare) {
        const uint32_t fields = code == FIELD_CHANGED ? change->changed : code == FIELD_DELETED ? change->deleted : 1;
        words[count++] = BYTES("FIELDS");
        words[count++] = (struct bytes){digits, int64_format(fields, digits)};
    }
    count += put_fields(exec, change, words + count, code, is_bare);
    exec_effect(exec, exec_key(exec, 1), words, count);
}

void change_effect_times(struct exec *exec, const struct hash_change *change)
{
    char digits[INT64_TEXT_MAX];
    const struct bytes head[] = {BYTES("HPEXPIREAT"), exec->argv[1], {digits, int64_format(change->time_ms, digits)}};
    change_effect(exec, change, head, 3, FIELD_CHANGED, false);
}

void change_effect_deleted(struct exec *exec, const struct hash_change *change)
{
    const struct bytes head[] = {BYTES("HDEL"), exec->argv[1]};
    change_effect(exec, change, head, 2, FIELD_DELETED, true);
}
