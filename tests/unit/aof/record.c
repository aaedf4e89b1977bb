/* record.c - records to bytes and back; what is not a record is refused.  */
#include "aof/record.h"

#include "base/random.h"

#include <criterion/criterion.h>
#include <stdlib.h>

static const struct bytes words[] = {BYTES("SET"), BYTES(""), BYTES("value\0with zero")};
static const struct aof_participant participants[] = {{0, 1}, {3, UINT64_MAX}, {200, 12345678}};

static const struct aof_record examples[] = {
    {.kind = AOF_EFFECT, .db = 0, .count = 1, .words = words},
    {.kind = AOF_EFFECT, .db = UINT32_MAX, .count = 3, .words = words},
    {.kind = AOF_EFFECT, .unit = 1, .db = 3, .count = 3, .words = words},
    {.kind = AOF_EFFECT_OF_ALL, .unit = UINT64_MAX, .db = 3, .count = 2, .words = words},
    {.kind = AOF_UNIT_END, .unit = 300, .count = 1, .participants = participants},
    {.kind = AOF_UNIT_END, .unit = 300, .count = 3, .participants = participants},
    {.kind = AOF_FLUSH_END, .unit = 301, .count = 3, .participants = participants},
};
enum { EXAMPLES = sizeof examples / sizeof examples[0] };

static void expect_equal(const struct aof_record *a, const struct aof_record *b)
{
    cr_assert_eq(a->kind, b->kind);
    cr_assert_eq(a->unit, b->unit);
    cr_assert_eq(a->db, b->db);
    cr_assert_eq(a->count, b->count);
    for (uint32_t i = 0; i < a->count; i++) {
        if (aof_kind_ends(a->kind)) {
            cr_assert_eq(a->participants[i].shard, b->participants[i].shard);
            cr_assert_eq(a->participants[i].sequence, b->participants[i].sequence);
        } else {
            cr_assert(bytes_equal(a->words[i], b->words[i]));
        }
    }
}

static size_t write_examples(char *out)
{
    char *end = out;
    for (unsigned i = 0; i < EXAMPLES; i++) {
        const uint64_t bytes = aof_record_bytes(&examples[i]);
        cr_assert_eq(aof_record_write(&examples[i], bytes, end), end + bytes);
        end += bytes;
    }
    return (size_t)(end - out);
}

Test(record, comes_back_as_it_was)
{
    char payload[1024] = {0};
    const size_t len = write_examples(payload);
    struct aof_records records = {0};
    struct aof_record record;
    aof_records_open(&records, (struct bytes){payload, (len + 7) / 8 * 8});
    for (unsigned i = 0; i < EXAMPLES; i++) {
        cr_assert_eq(aof_records_next(&records, false, &record), AOF_RECORDS_OK);
        expect_equal(&record, &examples[i]);
    }
    cr_assert_eq(aof_records_next(&records, false, &record), AOF_RECORDS_END);
    aof_records_close(&records);
}

Test(record, of_any_length_says_how_long_it_is)
{
    static char text[70000];
    static char out[70100];
    for (size_t len = 0; len < sizeof text; len += len < 300 || (len > 16370 && len < 16400) ? 1 : 97) {
        const struct bytes word = {text, len};
        const struct aof_record record = {.kind = AOF_EFFECT, .count = 1, .words = &word};
        const uint64_t bytes = aof_record_bytes(&record);
        cr_assert_eq(aof_record_write(&record, bytes, out), out + bytes, "%zu", len);
    }
}

Test(record, that_is_cut_or_has_other_bits_is_refused_or_another_record)
{
    char payload[1024] = {0};
    const size_t len = write_examples(payload);
    uint64_t random = 7;
    for (unsigned round = 0; round < 20000; round++) {
        char changed[1024];
        struct aof_records records = {0};
        struct aof_record record;
        memcpy(changed, payload, sizeof changed);
        changed[random_below(&random, len)] ^= (char)(1 << random_below(&random, 8));
        aof_records_open(&records, (struct bytes){changed, random_below(&random, len + 8)});
        enum aof_records_status status;
        while ((status = aof_records_next(&records, round % 2 == 0, &record)) == AOF_RECORDS_OK) {
            cr_assert(record.kind == AOF_EFFECT || record.unit != 0, "seed 7, round %u", round);
        }
        cr_assert((status == AOF_RECORDS_BAD) == (records.fault != NULL), "seed 7, round %u", round);
        aof_records_close(&records);
    }
}

static const struct {
    struct bytes payload;
    const char *fault;
} refused[] = {
    {BYTES("\x80"), "a record is longer than its frame"},
    {BYTES("\x05\x01\x00\x01"), "a record is longer than its frame"},
    {BYTES("\x00\x00\x00\x01"), "a record of no length"},
    {BYTES("\x00\x00\x00\x00\x00\x00\x00\x00"), "a record of no length"},
    {BYTES("\x01\x00"), "a record of an unknown kind"},
    {BYTES("\x01\x05"), "a record of an unknown kind"},
    {BYTES("\x02\x81\x00"), "a record's unit is no number"},
    {BYTES("\x03\x02\x00\x01"), "a record of a kind that has a unit has none"},
    {BYTES("\x03\x01\x00\x00"), "a record without words"},
    {BYTES("\x04\x01\x00\x7f\x00"), "a record without words"},
    {BYTES("\x04\x01\x00\x01\x01"), "a word is longer than its record"},
    {BYTES("\x05\x01\x00\x01\x00\x00"), "a record is longer than its words"},
    {BYTES("\x03\x83\x01\x00"), "a unit without participants"},
    {BYTES("\x05\x83\x01\x01\x00\x00"), "the participants of a unit are not a list of shards and frames"},
};

Test(record, that_is_none_is_refused_with_the_reason)
{
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
        struct aof_records records = {0};
        struct aof_record record;
        aof_records_open(&records, refused[i].payload);
        cr_assert_eq(aof_records_next(&records, false, &record), AOF_RECORDS_BAD, "row %zu", i);
        cr_assert_str_eq(records.fault, refused[i].fault, "row %zu", i);
        aof_records_close(&records);
    }
}
