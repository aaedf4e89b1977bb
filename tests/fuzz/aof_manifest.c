/* Any text as a manifest, as it is and with a last line that is right: what is taken is written as the same text.  */
#include "aof/manifest.h"

#include "base/crc32c.h"
#include "mem/heap.h"

#include <assert.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void read_text(struct bytes text)
{
    struct aof_manifest manifest;
    uint32_t line;
    if (aof_manifest_read(text, &manifest, &line) == NULL) {
        struct buffer again = BUFFER_EMPTY(MEM_SERVER);
        const bool is_written = aof_manifest_write(&manifest, &again);
        assert(is_written && bytes_equal(buffer_bytes(&again), text));
        buffer_release(&again);
        aof_manifest_destroy(&manifest);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct bytes text = {(const char *)data, size};
    struct buffer sealed = BUFFER_EMPTY(MEM_CLIENT);
    read_text(text);
    const bool is_made = buffer_append(&sealed, text) && buffer_append_format(&sealed, "crc32c %08x\n", crc32c(0, text));
    assert(is_made);
    read_text(buffer_bytes(&sealed));
    buffer_release(&sealed);
    assert(thread_heaps_bytes() == 0);
    return 0;
}
