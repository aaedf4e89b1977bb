/* Fuzz target of net/parser: whatever arrives, in pieces or whole, gives the same commands and leaves no memory behind. */
#include "net/parser.h"

#include "mem/heap.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct digest {
    uint64_t commands, words, bytes, sum;
    uint64_t is_wrong;
};

static void note(struct digest *digest, const struct parsed *parsed)
{
    digest->commands++;
    digest->words += parsed->count;
    for (uint32_t i = 0; i < parsed->count; i++) {
        digest->bytes += parsed->words[i].len;
        for (size_t b = 0; b < parsed->words[i].len; b++) {
            digest->sum = digest->sum * 31 + (unsigned char)parsed->words[i].data[b];
        }
    }
}

/* Feeds the bytes so that `step` more are there at each look; each look has a block of its own, so overruns show. */
static struct digest feed(const uint8_t *data, size_t size, size_t step, const struct parse_limits *limits)
{
    struct digest digest = {0};
    struct parser parser = {0};
    struct bytes words[8];
    size_t at = 0, have = 0;
    while (!digest.is_wrong && have < size) {
        have = size - have < step ? size : have + step;
        char *copy = malloc(have);
        memcpy(copy, data, have);
        for (;;) {
            struct parsed parsed;
            enum parse_status status =
                parser_next(&parser, (struct bytes){copy + at, have - at}, limits, words, 8, &parsed);
            if (status == PARSE_MORE) {
                break;
            }
            if (status == PARSE_ERROR) {
                digest.is_wrong = true;
                break;
            }
            assert(parsed.consumed > 0 && parsed.consumed <= have - at);
            note(&digest, &parsed);
            parsed_words_free(parsed.own_words, parsed.own_capacity);
            at += parsed.consumed;
        }
        free(copy);
    }
    parser_reset(&parser);
    return digest;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0) {
        return 0;
    }
    const struct parse_limits limits = {.bulk_len_max = 4096, .is_unauthenticated = data[0] == '!'};
    struct digest whole = feed(data, size, size, &limits);
    struct digest split = feed(data, size, 1 + data[size - 1] % 7, &limits);
    assert(memcmp(&whole, &split, sizeof whole) == 0);
    struct mem_counters total = {0};
    thread_heaps_total(&total);
    assert(mem_counters_total(&total) == 0);
    return 0;
}
