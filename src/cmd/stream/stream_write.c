/* stream_write.c - jobs that change streams in steps; see stream_write.h.  */
#include "cmd/stream/stream_write.h"

#include "exec/exec.h"
#include "mem/heap.h"
#include "shard/server.h"

static size_t pins_offset(size_t size)
{
    return (size + _Alignof(struct pin) - 1) / _Alignof(struct pin) * _Alignof(struct pin);
}

static void stream_job_destroy(struct job *job, struct exec *exec)
{
    struct stream_job *work = (struct stream_job *)job;
    for (uint32_t i = 0; i < work->pin_count; i++) {
        exec_unpin(exec, &work->pins[i]);
    }
    if (work->release != NULL) {
        work->release(work);
    }
    thread_free(MEM_CLIENT, work, work->bytes);
}

void *stream_job_create(struct exec *exec, size_t size, uint32_t first_key_at, uint32_t key_count)
{
    const size_t bytes = pins_offset(size) + key_count * sizeof(struct pin);
    struct stream_job *work = thread_alloc_zeroed(MEM_CLIENT, bytes);
    if (work == NULL) {
        reply_result_error(exec->reply, RESULT_NO_MEMORY);
        return NULL;
    }
    work->bytes = bytes;
    work->pins = (struct pin *)((char *)work + pins_offset(size));
    work->pin_count = key_count;
    work->first_key_at = first_key_at;
    work->job = (struct job){NULL, stream_job_destroy,
                             exec->shard == NULL ? JOB_ALL_SHARDS : (int32_t)exec->shard->number};
    for (uint32_t i = 0; i < key_count; i++) {
        const struct key key = exec_key(exec, first_key_at + i);
        struct entry *entry = keyspace_find(exec_keyspace(exec, key), key, exec->now_ms);
        if (entry != NULL && !exec_pin(exec, key, entry, &work->pins[i])) {
            stream_job_destroy(&work->job, exec);
            return NULL;
        }
    }
    return work;
}

struct stream *stream_job_stream(const struct stream_job *job, uint32_t index)
{
    return stream_of_collection(job->pins[index].collection);
}

/* Does anybody else have a pin on it? */
static bool is_read(const struct stream_job *job, const struct collection *collection)
{
    uint32_t own = 0;
    for (uint32_t i = 0; i < job->pin_count; i++) {
        own += job->pins[i].collection == collection;
    }
    return collection->pins > own;
}

enum stream_write_state stream_job_open(struct stream_job *job, struct exec *exec, uint32_t index, struct stream_write *out)
{
    struct collection *collection = job->pins[index].collection;
    const struct key key = exec_key(exec, job->first_key_at + index);
    struct keyspace *ks = exec_keyspace(exec, key);
    if (is_read(job, collection)) {
        exec_wait_for(exec, job->pins[index].shard, WAIT_KEY, key.hash, WAIT_HOLDING);
        return STREAM_WRITE_WAIT;
    }
    struct entry *entry = keyspace_find(ks, key, exec->now_ms);
    if (entry == NULL || entry_form(entry) != VALUE_FORM_STREAM || entry_collection(entry) != collection) {
        return STREAM_WRITE_GONE;
    }
    value_open(&out->value, ks, key, entry);
    out->stream = stream_of_collection(collection);
    return STREAM_WRITE_OPEN;
}
