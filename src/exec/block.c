/* block.c - see block.h.  */
#include "exec/block.h"

#include "base/clock.h"
#include "exec/executor.h"
#include "exec/finish.h"
#include "mem/heap.h"
#include "shard/inbox.h"

#include <assert.h>
#include <stddef.h>
#include <string.h>

enum {
    DEADLINES_FIRST = 16,
    NO_PLACE = UINT32_MAX,
    LOOK_AGAIN_MS = 10, /* after a look: then whoever has served the key has said when the next one is */
};

#define ERROR_UNBLOCKED "UNBLOCKED client unblocked via CLIENT UNBLOCK"

static struct blocked *blocked_of(const struct call *call)
{
    assert(call->state == CALL_BLOCKED);
    return (struct blocked *)call->elsewhere;
}

/* --- deadlines: a binary heap, the one that is due first on top --- */

static void put_deadline(struct executor *executor, uint32_t place, struct blocked *blocked)
{
    executor->deadlines[place] = blocked;
    blocked->place = place;
}

static void sift_up(struct executor *executor, uint32_t place, struct blocked *blocked)
{
    while (place > 0 && executor->deadlines[(place - 1) / 2]->due_ms > blocked->due_ms) {
        put_deadline(executor, place, executor->deadlines[(place - 1) / 2]);
        place = (place - 1) / 2;
    }
    put_deadline(executor, place, blocked);
}

static void sift_down(struct executor *executor, uint32_t place, struct blocked *blocked)
{
    for (;;) {
        uint32_t child = 2 * place + 1;
        if (child >= executor->deadline_count) {
            break;
        }
        if (child + 1 < executor->deadline_count && executor->deadlines[child + 1]->due_ms < executor->deadlines[child]->due_ms) {
            child++;
        }
        if (executor->deadlines[child]->due_ms >= blocked->due_ms) {
            break;
        }
        put_deadline(executor, place, executor->deadlines[child]);
        place = child;
    }
    put_deadline(executor, place, blocked);
}

static bool add_deadline(struct thread *thread, struct blocked *blocked)
{
    struct executor *executor = thread->executor;
    if (executor->deadline_count == executor->deadline_capacity) {
        const uint32_t capacity = executor->deadline_capacity == 0 ? DEADLINES_FIRST : 2 * executor->deadline_capacity;
        struct blocked **deadlines = thread_alloc(MEM_CLIENT, capacity * sizeof(struct blocked *));
        if (deadlines == NULL) {
            return false;
        }
        if (executor->deadlines != NULL) {
            memcpy(deadlines, executor->deadlines, executor->deadline_count * sizeof(struct blocked *));
        }
        thread_free(MEM_CLIENT, executor->deadlines, executor->deadline_capacity * sizeof(struct blocked *));
        executor->deadlines = deadlines;
        executor->deadline_capacity = capacity;
    }
    sift_up(executor, executor->deadline_count++, blocked);
    stat_add(&thread->stats.blocked_timed, blocked->deadline_ms != 0);
    return true;
}

static void remove_deadline(struct thread *thread, struct blocked *blocked)
{
    struct executor *executor = thread->executor;
    stat_add(&thread->stats.blocked_timed, (uint64_t)0 - (blocked->deadline_ms != 0));
    const uint32_t place = blocked->place;
    assert(executor->deadlines[place] == blocked);
    struct blocked *last = executor->deadlines[--executor->deadline_count];
    blocked->place = NO_PLACE;
    if (last != blocked) {
        sift_down(executor, place, last);
        sift_up(executor, last->place, last);
    }
    if (executor->deadline_count == 0) {
        thread_free(MEM_CLIENT, executor->deadlines, executor->deadline_capacity * sizeof(struct blocked *));
        executor->deadlines = NULL;
        executor->deadline_capacity = 0;
    }
}

/* --- queues --- */

static void leave_queues(struct blocked *blocked)
{
    for (uint32_t i = 0; i < blocked->key_count; i++) {
        if (blocked->keys[i].queue != NULL) {
            blocked_key_remove(&blocked->keys[i]);
        }
    }
}

static struct shard_set shards_of(const struct blocked *blocked)
{
    struct shard_set set = {0};
    for (uint32_t i = 0; i < blocked->key_count; i++) {
        shard_set_add(&set, blocked->keys[i].shard->number);
    }
    return set;
}

/* Under the batons of all keys. False: no memory, and it is in no queue. */
static bool join_queues(struct server *server, struct blocked *blocked)
{
    for (uint32_t i = 0; i < blocked->key_count; i++) {
        if (!blocked_key_add(&blocked->keys[i])) {
            leave_queues(blocked);
            return false;
        }
    }
    if (blocked->key_count > 0) {
        blocked_count(server, true);
    }
    return true;
}

static void destroy(struct blocked *blocked)
{
    if (blocked->key_count > 0) {
        blocked_count(blocked->home->server, false);
    }
    buffer_release(&blocked->text);
    thread_free(MEM_CLIENT, blocked, blocked->bytes);
}

/* It leaves its queues for good, served or not. True: it was not served. */
static bool end_waiting(struct thread *thread, struct blocked *blocked)
{
    const struct shard_set set = shards_of(blocked);
    if (shard_set_is_empty(&set)) {
        return true; /* for the time alone */
    }
    shards_take_set(thread, &set);
    const uint8_t state = atomic_load_explicit(&blocked->state, memory_order_relaxed);
    assert(state == BLOCKED_WAITING || state == BLOCKED_SERVED);
    leave_queues(blocked);
    if (state == BLOCKED_WAITING) {
        atomic_store_explicit(&blocked->state, BLOCKED_ENDED, memory_order_relaxed);
    }
    shards_release_set(thread, &set);
    return state == BLOCKED_WAITING;
}

/* It has been served, so nobody else takes it out of a queue any more: of other shards than the one where it was served. */
static void leave_other_queues(struct thread *thread, struct blocked *blocked)
{
    struct shard_set set = {0};
    for (uint32_t i = 0; i < blocked->key_count; i++) {
        if (blocked->keys[i].queue != NULL) {
            shard_set_add(&set, blocked->keys[i].shard->number);
        }
    }
    if (!shard_set_is_empty(&set)) {
        shards_take_set(thread, &set);
        leave_queues(blocked);
        shards_release_set(thread, &set);
    }
}

/* It is not counted or timed any more. */
static void stop_counting(struct thread *thread, struct blocked *blocked)
{
    if (!blocked->is_begun) {
        return;
    }
    blocked->is_begun = false;
    stat_add(&thread->stats.blocked_current, (uint64_t)-1);
    if (blocked->place != NO_PLACE) {
        remove_deadline(thread, blocked);
    }
}

/* --- the end --- */

/* The reply is complete; it is in no queue, and no message is under way. */
static void finish(struct thread *thread, struct blocked *blocked, struct call *call)
{
    stop_counting(thread, blocked);
    call->logged = blocked->logged;
    call_finish_own(thread, call, &blocked->reply, &blocked->text, blocked->ticks);
    blocked->text = BUFFER_EMPTY(MEM_OUTPUT_BUFFER);
    destroy(blocked);
}

static void reply_end(struct blocked *blocked, const char *error)
{
    reply_begin(&blocked->reply, &blocked->text, blocked->protocol);
    if (error != NULL) {
        reply_error(&blocked->reply, error);
    } else if (blocked->when_over == BLOCK_OVER_NULL) {
        reply_null_array(&blocked->reply);
    } else {
        if (blocked->when_over == BLOCK_OVER_ZEROS) {
            reply_array(&blocked->reply, 2);
            reply_integer(&blocked->reply, 0);
        }
        reply_integer(&blocked->reply, 0);
    }
}

/* False: it has been served, and the message is under way. */
static bool end_unserved(struct thread *thread, struct blocked *blocked, const char *error)
{
    if (!end_waiting(thread, blocked)) {
        return false;
    }
    struct call *call = blocked->at.call;
    reply_end(blocked, error);
    finish(thread, blocked, call);
    thread->executor->window_is_back(thread, call->window);
    return true;
}

/* It has been served. */
static void deliver(struct thread *thread, struct message *message)
{
    struct blocked *blocked = (struct blocked *)((char *)message - offsetof(struct blocked, message));
    struct call *call = blocked->at.call;
    assert(thread == blocked->home);
    assert(atomic_load_explicit(&blocked->state, memory_order_relaxed) == BLOCKED_SERVED);
    leave_other_queues(thread, blocked);
    if (call == NULL) {
        buffer_release(&blocked->reply.own);
        destroy(blocked);
        return;
    }
    blocked->is_back = true;
    if (call->window->queued > 0) {
        return; /* the batch that it came from is not home yet: block_begin will see it */
    }
    finish(thread, blocked, call);
    thread->executor->window_is_back(thread, call->window);
}

/* When something is to be done for it; 0: never. */
static int64_t next_due(struct blocked *blocked)
{
    int64_t due_ms = blocked->deadline_ms;
    for (uint32_t i = 0; i < blocked->key_count; i++) {
        const int64_t look_ms = atomic_load_explicit(&blocked->keys[i].look_ms, memory_order_relaxed);
        if (look_ms != 0 && (due_ms == 0 || look_ms < due_ms)) {
            due_ms = look_ms;
        }
    }
    return due_ms;
}

bool block_begin(struct thread *thread, struct call *call)
{
    struct blocked *blocked = blocked_of(call);
    if (blocked->is_back) {
        finish(thread, blocked, call);
        return false;
    }
    if (blocked->is_begun) {
        return true;
    }
    blocked->is_begun = true;
    stat_add(&thread->stats.blocked_current, 1);
    blocked->due_ms = next_due(blocked);
    if (blocked->due_ms == 0 || add_deadline(thread, blocked) || !end_waiting(thread, blocked)) {
        return true;
    }
    reply_end(blocked, "ERR out of memory");
    finish(thread, blocked, call);
    return false;
}

void block_abandon(struct thread *thread, struct call *call)
{
    struct blocked *blocked = blocked_of(call);
    stop_counting(thread, blocked);
    if (blocked->is_back || end_waiting(thread, blocked)) {
        buffer_release(&blocked->reply.own);
        destroy(blocked);
    } else {
        blocked->at.call = NULL; /* `deliver` frees it */
    }
}

bool block_end(struct thread *thread, struct call *call, bool is_error)
{
    return end_unserved(thread, blocked_of(call), is_error ? ERROR_UNBLOCKED : NULL);
}

/* The queues of the keys that may have something become ready; each shard's own thread serves them. */
static void make_ready(struct thread *thread, struct blocked *blocked)
{
    const struct shard_set set = shards_of(blocked);
    shards_take_set(thread, &set);
    for (uint32_t i = 0; i < blocked->key_count; i++) {
        struct blocked_key *key = &blocked->keys[i];
        const int64_t look_ms = atomic_load_explicit(&key->look_ms, memory_order_relaxed);
        if (key->queue != NULL && look_ms != 0 && look_ms <= thread->now_ms) {
            baton_assert_held(&key->shard->baton);
            blocked_make_ready(&key->shard->blocked, key->queue);
            blocked_tell_late(thread, key->shard);
        }
    }
    shards_release_set(thread, &set);
}

/* The first one is due, and its time is not over: it is looked for something, unless that was done, and is in vain until later. */
static void look(struct thread *thread, struct blocked *blocked)
{
    const int64_t due_ms = next_due(blocked);
    assert(blocked->place == 0);
    if (due_ms <= thread->now_ms) {
        make_ready(thread, blocked);
    }
    const int64_t again_ms = thread->now_ms + LOOK_AGAIN_MS;
    blocked->due_ms = due_ms > thread->now_ms                                           ? due_ms
                      : blocked->deadline_ms != 0 && blocked->deadline_ms < again_ms ? blocked->deadline_ms
                                                                                        : again_ms;
    sift_down(thread->executor, 0, blocked);
}

void blocks_end_due(struct thread *thread)
{
    struct executor *executor = thread->executor;
    while (executor->deadline_count > 0 && executor->deadlines[0]->due_ms <= thread->now_ms) {
        struct blocked *blocked = executor->deadlines[0];
        if (blocked->deadline_ms == 0 || blocked->deadline_ms > thread->now_ms) {
            look(thread, blocked);
            continue;
        }
        if (!end_unserved(thread, blocked, NULL)) {
            remove_deadline(thread, blocked);
        }
    }
}

int64_t blocks_wait_ms(const struct thread *thread)
{
    const struct executor *executor = thread->executor;
    if (LIKELY(executor->deadline_count == 0)) {
        return INT64_MAX;
    }
    const int64_t left_ms = executor->deadlines[0]->due_ms - thread->now_ms;
    return left_ms > 0 ? left_ms : 0;
}

/* --- the beginning --- */

/* What a block of the call's takes: the words with their text, and the keys. */
struct sizes {
    size_t words, text;
};

static struct sizes measure(const struct exec *exec, const struct block *block)
{
    struct sizes sizes = {exec->argc, 1}; /* "1": the number of keys */
    for (uint32_t i = 0; i < exec->argc; i++) {
        sizes.text += exec->argv[i].len;
    }
    for (uint32_t i = 0; block->ids != NULL && i < block->key_count; i++) {
        sizes.words++;
        sizes.text += block->ids[i].len;
    }
    return sizes;
}

static struct bytes copy_text(struct bytes word, char **text)
{
    const struct bytes copy = {*text, word.len};
    memcpy(*text, word.data, word.len);
    *text += word.len;
    return copy;
}

/* A key is there once, however often it is named. */
static bool has_key(const struct blocked *blocked, struct key key)
{
    uint32_t i = 0;
    while (i < blocked->key_count && (blocked->keys[i].key.hash != key.hash || !bytes_equal(blocked->keys[i].key.name, key.name))) {
        i++;
    }
    return i < blocked->key_count;
}

static void copy_keys(struct exec *exec, const struct block *block, struct blocked *blocked, char **text)
{
    struct bytes *ids = blocked->words + blocked->before_count + blocked->after_count;
    for (uint32_t i = 0; i < block->key_count; i++) {
        struct key key = exec_key(exec, block->first_key + i);
        if (has_key(blocked, key)) {
            continue;
        }
        if (block->ids != NULL) {
            ids[blocked->key_count] = copy_text(block->ids[i], text);
        }
        key.name = copy_text(key.name, text);
        blocked->keys[blocked->key_count++] = (struct blocked_key){
            .shard = exec->shard != NULL ? exec->shard : server_shard_of_key(exec->server, key.name),
            .owner = blocked,
            .type = block->type,
            .hears_end = block->ends_without,
            .look_ms = block->look_ms,
            .key = key,
            .db = exec->db,
        };
    }
}

static void copy_words(const struct exec *exec, const struct block *block, struct blocked *blocked, char **text)
{
    const uint32_t after = block->first_key + block->key_count;
    for (uint32_t i = 0; i < blocked->before_count; i++) {
        const bool is_count = block->count_at != 0 && i == block->count_at;
        blocked->words[i] = copy_text(is_count ? BYTES("1") : exec->argv[i], text);
    }
    for (uint32_t i = 0; i < blocked->after_count; i++) {
        blocked->words[blocked->before_count + i] = copy_text(exec->argv[after + i], text);
    }
}

/* NULL: no memory. */
static struct blocked *create(struct exec *exec, const struct block *block)
{
    const struct sizes sizes = measure(exec, block);
    const size_t keys_bytes = block->key_count * sizeof(struct blocked_key);
    const size_t bytes = sizeof(struct blocked) + keys_bytes + sizes.words * sizeof(struct bytes) + sizes.text;
    struct blocked *blocked = thread_alloc_zeroed(MEM_CLIENT, bytes);
    if (blocked == NULL) {
        return NULL;
    }
    const uint32_t after = block->first_key + block->key_count;
    blocked->at.call = exec->call;
    blocked->is_no_touch = exec->is_no_touch;
    blocked->when_over = block->when_over;
    blocked->has_ids = block->ids != NULL;
    blocked->protocol = exec->call->protocol;
    blocked->db = exec->db;
    blocked->spec = exec->spec;
    blocked->message.deliver = deliver;
    blocked->deadline_ms = block->timeout_ms == 0 ? 0 : clock_wall_ms() + block->timeout_ms + 1; /* never early */
    blocked->place = NO_PLACE;
    blocked->text = BUFFER_EMPTY(MEM_OUTPUT_BUFFER);
    blocked->bytes = bytes;
    blocked->before_count = block->key_count == 0 ? 0 : block->first_key;
    blocked->after_count = block->key_count == 0 || block->ids != NULL ? 0 : exec->argc - after;
    blocked->words = (struct bytes *)((char *)(blocked + 1) + keys_bytes);
    char *text = (char *)(blocked->words + sizes.words);
    copy_words(exec, block, blocked, &text);
    copy_keys(exec, block, blocked, &text);
    return blocked;
}

bool exec_block(struct exec *exec, const struct block *block)
{
    if (exec->depth > 0) {
        exec->block_state = BLOCK_BLOCKED;
        exec->look_ms = block->look_ms;
        return false;
    }
    assert(exec->call != NULL && exec->elsewhere == NULL && exec->effects == EFFECTS_NONE);
    struct blocked *blocked = create(exec, block);
    if (blocked == NULL || !join_queues(exec->server, blocked)) {
        if (blocked != NULL) {
            thread_free(MEM_CLIENT, blocked, blocked->bytes);
        }
        reply_error(exec->reply, "ERR out of memory");
        return true;
    }
    exec->elsewhere = &blocked->at;
    exec->block_state = BLOCK_BLOCKED;
    return true;
}
