/* Fuzz target of http/answer and http/reply_json: an answer that comes in pieces is read as the whole one; what becomes JSON is good JSON. */
#include "http/answer.h"
#include "http/reply_json.h"

#include "base/json.h"

#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { PIECES_LEN_MAX = 4096 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_json(struct bytes reply)
{
    struct buffer out = BUFFER_EMPTY(MEM_SERVER);
    if (reply_json_append(&out, reply) == RESULT_OK) {
        assert(json_is_valid(buffer_bytes(&out)));
        for (size_t i = 0; i < out.len; i++) {
            assert((unsigned char)out.data[i] >= 0x20 && out.data[i] != 0x7f);
        }
    }
    buffer_release(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0) {
        return 0;
    }
    const uint32_t replies = 1u + data[0] % 4;
    size--;
    char *input = malloc(size + 1); /* no NUL behind it: overruns show */
    memcpy(input, data + 1, size);
    const struct bytes whole = {input, size};
    struct answer_walk walk = answer_begin(replies), pieces = answer_begin(replies);
    struct bytes text = {0}, part = {0};
    const enum http_status status = answer_read(whole, &walk, &text);
    enum http_status now = HTTP_MORE;
    for (size_t len = size > PIECES_LEN_MAX ? size : 0; now == HTTP_MORE && len <= size; len++) {
        now = answer_read((struct bytes){input, len}, &pieces, &part);
    }
    assert(now == status && (status == HTTP_MORE || bytes_equal(text, part)));
    if (status == HTTP_OK) {
        check_json(text);
    }
    check_json(whole);
    free(input);
    return 0;
}
