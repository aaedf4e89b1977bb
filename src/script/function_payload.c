/* function_payload.c - see function_payload.h.  */
#include "script/function_payload.h"

#include "base/number.h"
#include "config/config.h"
#include "persist/crc64.h"
#include "persist/rdb_format.h"
#include "persist/rdb_string.h"
#include "script/function_set.h"

enum { MARK_LIBRARY = 0xf5, MARK_LIBRARY_OLD = 0xf6 };

bool function_payload_write_libraries(struct buffer *out, const struct function_set *set, const struct config *config)
{
    const bool stays_plain = atomic_load_explicit(&config->rdbcompression, memory_order_relaxed) == 0;
    bool is_done = true;
    for (uint32_t i = 0; i < set->library_count && is_done; i++) {
        is_done = rdb_write_byte(out, MARK_LIBRARY) && rdb_write_text(out, set->libraries[i]->code, stays_plain ? RDB_PLAIN : RDB_PACKED);
    }
    return is_done;
}

bool function_payload_write(struct buffer *out, const struct function_set *set, const struct config *config)
{
    const bool is_done = function_payload_write_libraries(out, set, config) && rdb_write_byte(out, RDB_VERSION) && rdb_write_byte(out, 0);
    return is_done && rdb_write_word(out, crc64(0, buffer_bytes(out)));
}

enum function_payload_status function_payload_begin(struct function_payload *payload, struct bytes bytes)
{
    *payload = (struct function_payload){.room = BUFFER_EMPTY(MEM_SCRIPT)};
    if (bytes.len < RDB_FOOTER) {
        return FUNCTION_PAYLOAD_DAMAGED;
    }
    payload->bytes = (struct bytes){bytes.data, bytes.len - RDB_FOOTER};
    struct rdb_input end = {{bytes.data, bytes.len}, payload->bytes.len};
    uint8_t low, high;
    uint64_t sum;
    if (!rdb_read_byte(&end, &low) || !rdb_read_byte(&end, &high) || !rdb_read_word(&end, &sum)) {
        return FUNCTION_PAYLOAD_DAMAGED;
    }
    const bool is_known = low + 256 * high <= RDB_VERSION_READ_MAX;
    const bool is_whole = crc64(0, (struct bytes){bytes.data, bytes.len - sizeof sum}) == sum;
    return is_known && is_whole ? FUNCTION_PAYLOAD_MORE : FUNCTION_PAYLOAD_DAMAGED;
}

/* An integer stands for its decimal text. */
static enum function_payload_status take_text(struct function_payload *payload, struct rdb_text *text, struct bytes *code)
{
    if (text->packed_from == 0 && text->bytes.data == NULL) {
        char digits[INT64_TEXT_MAX];
        payload->room.len = 0;
        if (!buffer_append(&payload->room, (struct bytes){digits, int64_format(text->integer, digits)})) {
            return FUNCTION_PAYLOAD_NO_MEMORY;
        }
        *code = buffer_bytes(&payload->room);
        return FUNCTION_PAYLOAD_MORE;
    }
    switch (rdb_text_unpack(text, &payload->room)) {
    case RESULT_OK:
        *code = text->bytes;
        return FUNCTION_PAYLOAD_MORE;
    case RESULT_NO_MEMORY:
        return FUNCTION_PAYLOAD_NO_MEMORY;
    default:
        return FUNCTION_PAYLOAD_CUT;
    }
}

enum function_payload_status function_payload_next(struct function_payload *payload, struct bytes *code)
{
    struct rdb_input input = {payload->bytes, payload->at};
    struct rdb_text text;
    uint8_t mark;
    if (!rdb_read_byte(&input, &mark)) {
        return FUNCTION_PAYLOAD_END;
    }
    if (mark != MARK_LIBRARY) {
        return mark == MARK_LIBRARY_OLD ? FUNCTION_PAYLOAD_OLD : FUNCTION_PAYLOAD_NO_LIBRARY;
    }
    if (!rdb_read_text(&input, &text)) {
        return FUNCTION_PAYLOAD_CUT;
    }
    payload->at = input.at;
    return take_text(payload, &text, code);
}

void function_payload_release(struct function_payload *payload)
{
    buffer_release(&payload->room);
}
