/* Fuzz target of script's functions: any bytes as the libraries of a payload, and each library's code for its head. A payload that is taken
 * as a whole is written again and read the same; what is refused leaves nothing behind.  */
#include "config/config.h"
#include "mem/counters.h"
#include "mem/heap.h"
#include "persist/crc64.h"
#include "persist/rdb_format.h"
#include "script/function_head.h"
#include "script/function_payload.h"
#include "script/function_set.h"

#include <assert.h>
#include <stdio.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { LIBRARIES_MAX = 32 };

struct libraries {
    struct function_library *each[LIBRARIES_MAX];
    uint32_t count;
};

/* The bytes with an end that is right. */
static struct buffer seal(const uint8_t *data, size_t size)
{
    struct buffer payload = BUFFER_EMPTY(MEM_CLIENT);
    const char version[2] = {RDB_VERSION, 0};
    bool is_done = buffer_append(&payload, (struct bytes){(const char *)data, size}) &&
                   buffer_append(&payload, (struct bytes){version, sizeof version});
    const uint64_t crc = crc64(0, buffer_bytes(&payload));
    is_done = is_done && buffer_append(&payload, (struct bytes){(const char *)&crc, sizeof crc});
    assert(is_done);
    return payload;
}

/* The library has a name of its own, so that a set takes it, whatever its head says. */
static void take(struct libraries *libraries, struct bytes code)
{
    struct function_head head;
    if (function_head_read(code, &head) == FUNCTION_HEAD_FINE) {
        assert(head.code_start < code.len && code.data[head.code_start] == '\n');
        (void)function_name_is_valid(buffer_bytes(&head.name));
    }
    function_head_release(&head);
    char name[16];
    const int len = snprintf(name, sizeof name, "%04u", libraries->count);
    if (libraries->count < LIBRARIES_MAX) {
        libraries->each[libraries->count] = function_library_create((struct bytes){name, (size_t)len}, code, 0);
        assert(libraries->each[libraries->count] != NULL);
    }
    libraries->count++;
}

static enum function_payload_status read_all(struct bytes bytes, struct libraries *libraries)
{
    struct function_payload payload;
    struct bytes code;
    enum function_payload_status status = function_payload_begin(&payload, bytes);
    while (status == FUNCTION_PAYLOAD_MORE) {
        status = function_payload_next(&payload, &code);
        if (status == FUNCTION_PAYLOAD_MORE) {
            take(libraries, code);
        }
    }
    function_payload_release(&payload);
    return status;
}

static void release(struct libraries *libraries)
{
    for (uint32_t i = 0; i < libraries->count && i < LIBRARIES_MAX; i++) {
        function_library_release(libraries->each[i]);
    }
}

static void check_again(const struct libraries *libraries)
{
    const struct function *twice;
    struct function_set *set = function_set_create(libraries->each, libraries->count, &twice);
    struct buffer out = BUFFER_EMPTY(MEM_CLIENT);
    struct libraries again = {.count = 0};
    const struct config config = {.rdbcompression = 1};
    const bool is_written = set != NULL && function_payload_write(&out, set, &config);
    assert(is_written);
    const enum function_payload_status status = read_all(buffer_bytes(&out), &again);
    assert(status == FUNCTION_PAYLOAD_END && again.count == libraries->count);
    for (uint32_t i = 0; i < again.count; i++) {
        assert(bytes_equal(again.each[i]->code, libraries->each[i]->code));
    }
    release(&again);
    buffer_release(&out);
    function_set_release(set);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct libraries libraries = {.count = 0};
    struct buffer payload = seal(data, size);
    if (read_all(buffer_bytes(&payload), &libraries) == FUNCTION_PAYLOAD_END && libraries.count <= LIBRARIES_MAX) {
        check_again(&libraries);
    }
    release(&libraries);
    buffer_release(&payload);
    struct mem_counters total = {0};
    thread_heaps_total(&total);
    assert(mem_counters_total(&total) == 0);
    return 0;
}
