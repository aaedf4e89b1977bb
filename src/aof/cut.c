/* cut.c - queues of what units need, and the look for a larger cut.
 *
 * An entry says: this frame of this shard needs those frames of other shards. All entries of a unit share one list of
 * participants. The queue of a shard is a ring of entries in the order of their frames; `ready` of them are in frames that are
 * durable.
 *
 * Invariant  C1 an entry leaves its queue when its frame is committed. C2 the frames in a queue never descend.
 *            C3 `shrunk` has each shard once at most.  */
#include "aof/cut.h"

#include "aof/format.h"
#include "mem/heap.h"

#include <assert.h>
#include <pthread.h>
#include <stdatomic.h>

enum { QUEUE_FIRST = 16 };

struct list {
    uint32_t entries; /* that have it */
    uint32_t count;
    struct aof_participant participants[];
};

struct entry {
    uint64_t sequence;
    struct list *list;
};

struct shard_cut {
    _Atomic uint64_t committed; /* written under the mutex; release, pairs with the acquire in aof_cut_committed */
    uint64_t durable;
    struct entry *queue;        /* ring; the oldest is at `head` */
    uint32_t room, head, count; /* room: a power of two, or 0 */
    uint32_t ready;
    /* During a look: */
    uint64_t candidate;
    uint32_t inside;            /* entries in frames up to the candidate, or not yet looked at */
    bool is_shrunk;             /* it is in `shrunk` */
};

struct aof_cut {
    pthread_mutex_t mutex;
    uint32_t shard_count;
    uint32_t shrunk_count;
    uint32_t *shrunk; /* shards whose candidate went down, and that have entries behind it to be looked at */
    struct shard_cut shards[];
};

static size_t list_bytes(uint32_t count)
{
    return sizeof(struct list) + count * sizeof(struct aof_participant);
}

static size_t cut_bytes(uint32_t shard_count)
{
    return sizeof(struct aof_cut) + shard_count * sizeof(struct shard_cut);
}

struct aof_cut *aof_cut_create(uint32_t shard_count)
{
    assert(shard_count > 0 && shard_count <= AOF_SHARDS_MAX);
    struct aof_cut *cut = thread_alloc_zeroed(MEM_LOG_BUFFER, cut_bytes(shard_count));
    uint32_t *shrunk = thread_alloc_zeroed(MEM_LOG_BUFFER, shard_count * sizeof *shrunk);
    if (cut == NULL || shrunk == NULL) {
        thread_free(MEM_LOG_BUFFER, cut, cut_bytes(shard_count));
        thread_free(MEM_LOG_BUFFER, shrunk, shard_count * sizeof *shrunk);
        return NULL;
    }
    pthread_mutex_init(&cut->mutex, NULL);
    cut->shard_count = shard_count;
    cut->shrunk = shrunk;
    return cut;
}

static struct entry *entry_at(const struct shard_cut *shard, uint32_t at)
{
    debug_assert(at < shard->count);
    return &shard->queue[(shard->head + at) & (shard->room - 1)];
}

static void list_let_go(struct list *list)
{
    assert(list->entries > 0);
    list->entries--;
    if (list->entries == 0) {
        thread_free(MEM_LOG_BUFFER, list, list_bytes(list->count));
    }
}

static void pop_entry(struct shard_cut *shard)
{
    list_let_go(entry_at(shard, 0)->list);
    shard->head = (shard->head + 1) & (shard->room - 1);
    shard->count--;
    shard->ready -= shard->ready > 0;
}

void aof_cut_destroy(struct aof_cut *cut)
{
    if (cut == NULL) {
        return;
    }
    for (uint32_t i = 0; i < cut->shard_count; i++) {
        struct shard_cut *shard = &cut->shards[i];
        while (shard->count > 0) {
            pop_entry(shard);
        }
        thread_free(MEM_LOG_BUFFER, shard->queue, shard->room * sizeof *shard->queue);
    }
    pthread_mutex_destroy(&cut->mutex);
    thread_free(MEM_LOG_BUFFER, cut->shrunk, cut->shard_count * sizeof *cut->shrunk);
    thread_free(MEM_LOG_BUFFER, cut, cut_bytes(cut->shard_count));
}

void aof_cut_start(struct aof_cut *cut, uint32_t number, uint64_t sequence)
{
    struct shard_cut *shard = &cut->shards[number];
    assert(number < cut->shard_count && shard->count == 0);
    assert(shard->durable <= sequence);
    shard->durable = sequence;
    atomic_store_explicit(&shard->committed, sequence, memory_order_release);
}

static struct list *list_create(const struct aof_participant *participants, uint32_t count, uint32_t entries)
{
    struct list *list = thread_alloc(MEM_LOG_BUFFER, list_bytes(count));
    if (list != NULL) {
        list->entries = entries;
        list->count = count;
        memcpy(list->participants, participants, count * sizeof *participants);
    }
    return list;
}

/* Room for one more entry. */
static bool queue_reserve(struct shard_cut *shard)
{
    if (LIKELY(shard->count < shard->room)) {
        return true;
    }
    const uint32_t room = shard->room == 0 ? QUEUE_FIRST : shard->room * 2;
    struct entry *queue = room == 0 ? NULL : thread_alloc(MEM_LOG_BUFFER, room * sizeof *queue);
    if (queue == NULL) {
        return false;
    }
    for (uint32_t i = 0; i < shard->count; i++) {
        queue[i] = *entry_at(shard, i);
    }
    thread_free(MEM_LOG_BUFFER, shard->queue, shard->room * sizeof *queue);
    shard->queue = queue;
    shard->room = room;
    shard->head = 0;
    return true;
}

static void push_entry(struct shard_cut *shard, uint64_t sequence, struct list *list)
{
    assert(shard->count < shard->room);
    assert(shard->count == 0 || entry_at(shard, shard->count - 1)->sequence <= sequence);
    shard->count++;
    *entry_at(shard, shard->count - 1) = (struct entry){sequence, list};
    if (sequence <= shard->durable) { /* recovery only */
        shard->ready = shard->count;
    }
}

bool aof_cut_add_unit(struct aof_cut *cut, const struct aof_participant *participants, uint32_t count)
{
    assert(count > 1);
    struct list *list = list_create(participants, count, count);
    if (list == NULL) {
        return false;
    }
    pthread_mutex_lock(&cut->mutex);
    bool has_room = true;
    for (uint32_t i = 0; i < count && has_room; i++) {
        assert(participants[i].shard < cut->shard_count);
        assert(i == 0 || participants[i].shard > participants[i - 1].shard);
        assert(participants[i].sequence > cut->shards[participants[i].shard].durable);
        has_room = queue_reserve(&cut->shards[participants[i].shard]);
    }
    for (uint32_t i = 0; i < count && has_room; i++) {
        push_entry(&cut->shards[participants[i].shard], participants[i].sequence, list);
    }
    pthread_mutex_unlock(&cut->mutex);
    if (!has_room) {
        thread_free(MEM_LOG_BUFFER, list, list_bytes(count));
    }
    return has_room;
}

bool aof_cut_add_entry(struct aof_cut *cut, uint32_t number, const struct aof_participant *participants, uint32_t count)
{
    struct shard_cut *shard = &cut->shards[number];
    uint64_t sequence = 0;
    for (uint32_t i = 0; i < count; i++) {
        assert(participants[i].shard < cut->shard_count);
        sequence = participants[i].shard == number ? participants[i].sequence : sequence;
    }
    assert(sequence != 0);
    struct list *list = list_create(participants, count, 1);
    pthread_mutex_lock(&cut->mutex);
    const bool is_added = list != NULL && queue_reserve(shard);
    if (is_added) {
        push_entry(shard, sequence, list);
    }
    pthread_mutex_unlock(&cut->mutex);
    if (!is_added) {
        thread_free(MEM_LOG_BUFFER, list, list == NULL ? 0 : list_bytes(count));
    }
    return is_added;
}

/* --- the look --- */

/* The shard's candidate is less than that frame. */
static void shrink(struct aof_cut *cut, uint32_t number, uint64_t sequence)
{
    struct shard_cut *shard = &cut->shards[number];
    if (sequence > shard->candidate) {
        return;
    }
    shard->candidate = sequence - 1;
    if (!shard->is_shrunk) {
        shard->is_shrunk = true;
        cut->shrunk[cut->shrunk_count] = number;
        cut->shrunk_count++;
    }
}

/* A shard has not got what the list needs of it. */
static bool list_is_broken(const struct aof_cut *cut, const struct list *list)
{
    for (uint32_t i = 0; i < list->count; i++) {
        if (list->participants[i].sequence > cut->shards[list->participants[i].shard].durable) {
            return true;
        }
    }
    return false;
}

/* The first broken unit of each shard; those behind it go with it. */
static void shrink_to_whole_units(struct aof_cut *cut)
{
    for (uint32_t i = 0; i < cut->shard_count; i++) {
        struct shard_cut *shard = &cut->shards[i];
        for (uint32_t k = 0; k < shard->ready; k++) {
            if (list_is_broken(cut, entry_at(shard, k)->list)) {
                shrink(cut, i, entry_at(shard, k)->sequence);
                break;
            }
        }
    }
}

/* What the shard has behind its candidate is not in the cut: neither is it elsewhere. */
static void take_from_others(struct aof_cut *cut, struct shard_cut *shard)
{
    while (shard->inside > 0 && entry_at(shard, shard->inside - 1)->sequence > shard->candidate) {
        shard->inside--;
        const struct list *list = entry_at(shard, shard->inside)->list;
        for (uint32_t i = 0; i < list->count; i++) {
            shrink(cut, list->participants[i].shard, list->participants[i].sequence);
        }
    }
}

static void find_candidates(struct aof_cut *cut)
{
    for (uint32_t i = 0; i < cut->shard_count; i++) {
        cut->shards[i].candidate = cut->shards[i].durable;
        cut->shards[i].inside = cut->shards[i].ready;
    }
    shrink_to_whole_units(cut);
    while (cut->shrunk_count > 0) {
        cut->shrunk_count--;
        struct shard_cut *shard = &cut->shards[cut->shrunk[cut->shrunk_count]];
        shard->is_shrunk = false;
        take_from_others(cut, shard);
    }
}

/* True: the shard is committed further than before. */
static bool commit(struct shard_cut *shard, uint64_t sequence)
{
    const uint64_t before = atomic_load_explicit(&shard->committed, memory_order_relaxed);
    assert(sequence <= shard->durable);
    if (sequence <= before) {
        return false; /* recovery: what was known to be committed stays so */
    }
    while (shard->count > 0 && entry_at(shard, 0)->sequence <= sequence) {
        pop_entry(shard);
    }
    atomic_store_explicit(&shard->committed, sequence, memory_order_release);
    return true;
}

static uint32_t look(struct aof_cut *cut, uint32_t *moved)
{
    uint32_t count = 0;
    find_candidates(cut);
    for (uint32_t i = 0; i < cut->shard_count; i++) {
        if (commit(&cut->shards[i], cut->shards[i].candidate)) {
            moved[count] = i;
            count++;
        }
    }
    return count;
}

uint32_t aof_cut_durable(struct aof_cut *cut, uint32_t number, uint64_t sequence, uint32_t *moved)
{
    assert(number < cut->shard_count);
    struct shard_cut *shard = &cut->shards[number];
    uint32_t count = 0;
    pthread_mutex_lock(&cut->mutex);
    if (sequence > shard->durable) {
        shard->durable = sequence;
        while (shard->ready < shard->count && entry_at(shard, shard->ready)->sequence <= sequence) {
            shard->ready++;
        }
        if (shard->ready > 0) {
            count = look(cut, moved);
        } else if (commit(shard, sequence)) { /* no unit of it is under way there: nobody else depends on it */
            moved[0] = number;
            count = 1;
        }
    }
    pthread_mutex_unlock(&cut->mutex);
    return count;
}

uint64_t aof_cut_committed(const struct aof_cut *cut, uint32_t shard)
{
    assert(shard < cut->shard_count);
    return atomic_load_explicit(&cut->shards[shard].committed, memory_order_acquire);
}

uint32_t aof_cut_waiting(struct aof_cut *cut, uint32_t shard)
{
    assert(shard < cut->shard_count);
    pthread_mutex_lock(&cut->mutex);
    const uint32_t count = cut->shards[shard].count;
    pthread_mutex_unlock(&cut->mutex);
    return count;
}
