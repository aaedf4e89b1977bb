/* unit.c - see unit.h.
 *
 * Invariant  The cut hears of the unit before any log may close a frame with it: whatever becomes durable, it is waited for. A
 *            log that has failed never gets there.  */
#include "aof/unit.h"

#include "mem/heap.h"

#include <assert.h>
#include <errno.h>

static void fail_all(struct aof_writer *const *writers, uint32_t count, int error)
{
    for (uint32_t i = 0; i < count; i++) {
        aof_writer_fail(writers[i], error);
    }
}

static bool end_in_all(enum aof_kind kind, struct aof_writer *const *writers, uint32_t count, uint64_t unit, struct aof_cut *cut)
{
    struct aof_participant few[8];
    struct aof_participant *list = few;
    assert(count > 0 && unit != 0);
    if (count > sizeof few / sizeof few[0]) {
        list = thread_alloc(MEM_LOG_BUFFER, count * sizeof *list);
        if (list == NULL) {
            fail_all(writers, count, ENOMEM);
            return false;
        }
    }
    for (uint32_t i = 0; i < count; i++) {
        list[i] = (struct aof_participant){writers[i]->header.shard, aof_writer_open_sequence(writers[i])};
    }
    bool is_done = count == 1 || aof_cut_add_unit(cut, list, count);
    if (!is_done) {
        fail_all(writers, count, ENOMEM);
    }
    const struct aof_record record = {.kind = kind, .unit = unit, .count = count, .participants = list};
    for (uint32_t i = 0; i < count; i++) {
        is_done = aof_writer_append(writers[i], &record) && is_done;
    }
    if (list != few) {
        thread_free(MEM_LOG_BUFFER, list, count * sizeof *list);
    }
    return is_done;
}

bool aof_unit_end(struct aof_writer *const *writers, uint32_t count, uint64_t unit, struct aof_cut *cut)
{
    return end_in_all(AOF_UNIT_END, writers, count, unit, cut);
}

bool aof_flush_end(struct aof_writer *const *writers, uint32_t count, uint64_t unit, struct aof_cut *cut)
{
    return end_in_all(AOF_FLUSH_END, writers, count, unit, cut);
}
