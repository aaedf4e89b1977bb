/* The cut of the logs under threads: each shard's thread appends, ends units over several shards under their locks, and tells
 * the cut what is durable, while all read what is committed. In the end everything is.  */
#include "aof/unit.h"
#include "base/random.h"
#include "mem/heap.h"

#include <assert.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

enum { SHARDS = 4, ROUNDS = 20000 };

struct shard {
    pthread_mutex_t baton;
    struct aof_writer writer;
};

static struct shard shards[SHARDS];
static struct aof_cut *cut;
static _Atomic uint64_t units;

static void append(struct aof_writer *writer, uint64_t unit)
{
    const struct bytes word = BYTES("word");
    const struct aof_record record = {.kind = AOF_EFFECT, .unit = unit, .count = 1, .words = &word};
    const bool is_appended = aof_writer_append(writer, &record);
    assert(is_appended);
}

static void end_unit(uint64_t *random)
{
    struct aof_writer *writers[SHARDS];
    uint32_t count = 0;
    const uint64_t chosen = 1 + random_below(random, (1 << SHARDS) - 1);
    for (unsigned i = 0; i < SHARDS; i++) {
        if ((chosen >> i & 1) != 0) {
            pthread_mutex_lock(&shards[i].baton);
            writers[count] = &shards[i].writer;
            count++;
        }
    }
    const uint64_t unit = atomic_fetch_add(&units, 1) + 1;
    for (uint32_t i = 0; i < count; i++) {
        append(writers[i], unit);
    }
    const bool is_ended = aof_unit_end(writers, count, unit, cut);
    assert(is_ended);
    for (unsigned i = 0; i < SHARDS; i++) {
        if ((chosen >> i & 1) != 0) {
            pthread_mutex_unlock(&shards[i].baton);
        }
    }
}

/* Writes and syncs what there is, and tells the cut when the baton is free again. */
static void settle(unsigned number)
{
    struct aof_write write;
    uint32_t moved[SHARDS];
    struct shard *shard = &shards[number];
    pthread_mutex_lock(&shard->baton);
    if (aof_writer_take(&shard->writer, aof_cut_committed(cut, number), 0, &write) == AOF_WRITE) {
        aof_writer_written(&shard->writer, (int64_t)write.bytes.len);
        const bool is_due = aof_writer_take_sync(&shard->writer);
        assert(is_due);
        aof_writer_synced(&shard->writer, 0);
    }
    const uint64_t synced = shard->writer.synced;
    pthread_mutex_unlock(&shard->baton);
    aof_cut_durable(cut, number, synced, moved);
}

static void *run(void *arg)
{
    const unsigned number = (unsigned)(uintptr_t)arg;
    uint64_t random = number;
    uint64_t committed[SHARDS] = {0};
    thread_heap_register();
    for (unsigned i = 0; i < ROUNDS; i++) {
        if (random_below(&random, 4) == 0) {
            end_unit(&random);
        } else if (random_below(&random, 2) == 0) {
            pthread_mutex_lock(&shards[number].baton);
            append(&shards[number].writer, 0);
            pthread_mutex_unlock(&shards[number].baton);
        } else {
            settle(number);
        }
        const unsigned other = i % SHARDS;
        const uint64_t now = aof_cut_committed(cut, other);
        assert(now >= committed[other]);
        committed[other] = now;
    }
    return NULL;
}

int main(void)
{
    pthread_t threads[SHARDS];
    cut = aof_cut_create(SHARDS);
    assert(cut != NULL);
    for (unsigned i = 0; i < SHARDS; i++) {
        const struct aof_header header = {.file_id = 1 + i, .generation = 1, .shard = i, .shard_count = SHARDS};
        pthread_mutex_init(&shards[i].baton, NULL);
        aof_writer_open(&shards[i].writer, &header, 0, AOF_HEADER_BYTES, 0);
    }
    for (unsigned i = 0; i < SHARDS; i++) {
        pthread_create(&threads[i], NULL, run, (void *)(uintptr_t)i);
    }
    for (unsigned i = 0; i < SHARDS; i++) {
        pthread_join(threads[i], NULL);
    }
    for (unsigned i = 0; i < SHARDS; i++) {
        settle(i);
    }
    for (unsigned i = 0; i < SHARDS; i++) {
        assert(aof_cut_committed(cut, i) == shards[i].writer.closed);
        assert(aof_cut_waiting(cut, i) == 0);
        aof_writer_close(&shards[i].writer);
    }
    aof_cut_destroy(cut);
    printf("%lu units\n", (unsigned long)atomic_load(&units));
    return 0;
}
