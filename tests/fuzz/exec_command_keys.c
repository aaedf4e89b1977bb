/* The words of a call, one a line, against a key specification made from the first bytes: no index lies outside of the call, the
 * walk ends, and has all that command_keys_find has.  */
#include "exec/command_keys.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { HEAD_BYTES = 8, WORDS_MAX = 400 };

/* Small numbers of either sign, as rows have them. */
static int16_t small(uint8_t byte)
{
    return (int16_t)((int)byte % 16 - 4);
}

static struct command_key_spec make_spec(const uint8_t head[HEAD_BYTES])
{
    static const char *const keywords[] = {NULL, "STREAMS", "STORE", "a"};
    struct command_key_spec spec = {.flags = "RO access", .keyword = keywords[head[0] % 4]};
    spec.search = head[1] & 1 ? KEYS_COUNTED : KEYS_RANGE;
    spec.is_unknown = spec.keyword != NULL && (head[1] & 6) == 6;
    spec.index = (int16_t)(spec.keyword != NULL && !spec.is_unknown ? small(head[2]) : 1 + head[2] % 8);
    spec.index = spec.index == 0 ? 1 : spec.index;
    spec.last = small(head[3]);
    spec.step = (int16_t)(head[4] % 4);
    spec.limit = (int16_t)(spec.last == -1 ? head[5] % 4 : 0);
    spec.count_index = (int16_t)(head[6] % 4);
    spec.first = (int16_t)(1 + head[7] % 4);
    return spec;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct bytes words[WORDS_MAX];
    bool walked[WORDS_MAX] = {false};
    if (size < HEAD_BYTES) {
        return 0;
    }
    const struct command_key_spec rows[] = {make_spec(data), {0}};
    const struct command_spec command = {.name = "x", .key_specs = rows};
    const char *text = (const char *)data + HEAD_BYTES;
    const char *end = (const char *)data + size;
    uint32_t count = 1;
    words[0] = BYTES("x");
    while (text < end && count < WORDS_MAX) {
        const char *stop = memchr(text, '\n', (size_t)(end - text));
        stop = stop == NULL ? end : stop;
        words[count++] = (struct bytes){text, (size_t)(stop - text)};
        text = stop + 1;
    }
    struct key_walk walk;
    uint32_t index;
    uint32_t steps = 0;
    key_walk_begin(&walk, &command, words, count);
    while (key_walk_next(&walk, &index)) {
        assert(index >= 1 && index < count);
        walked[index] = true;
        steps++;
        assert(steps <= (uint64_t)count * count);
    }
    struct key_range range;
    if (command_keys_find(&rows[0], words, count, &range) == KEYS_FOUND) {
        assert(range.first >= 1 && range.first <= range.last && range.last < count && range.step >= 1);
        for (uint32_t i = range.first; i <= range.last; i += range.step) {
            assert(walked[i]);
        }
    }
    return 0;
}
