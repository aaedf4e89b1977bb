/* manifest.c - the manifest as text and back; whatever is not as it should be is refused with its line.  */
#include "aof/manifest.h"

#include "base/crc32c.h"
#include "base/random.h"
#include "mem/heap.h"

#include <criterion/criterion.h>
#include <stdio.h>

#define LOG_7_0 "log 0 log.7.0 00000000000000a0 first 1"
#define LOG_7_1 "log 1 log.7.1 00000000000000a1 first 1"
#define LOG_8_0 "log 0 log.8.0 00000000000000b0"
#define LOG_8_1 "log 1 log.8.1 00000000000000b1"
#define HEAD "tessera-log 1\n"

static const char *const good[] = {
    HEAD "generation 7 shards 1\n" LOG_7_0 "\n",
    HEAD "base base.7.rdb 1234\nbase base.7.tables 0\ngeneration 7 shards 2\n" LOG_7_0 " end 120 8832\n" LOG_7_1 " end 0 64\n"
         "generation 8 shards 1\n" LOG_8_0 " first 1\n",
    HEAD "generation 7 shards 2\n" LOG_7_0 "\n" LOG_7_1 "\ngeneration 8 shards 2\n" LOG_8_0 " follows\n" LOG_8_1 " follows\n",
    HEAD "generation 7 shards 1\n" LOG_7_0 " end 5 640\ngeneration 8 shards 1\n" LOG_8_0 " follows end 5 64\n",
};

/* With a last line that is right. */
static struct bytes seal(const char *text, char out[4096])
{
    const uint32_t crc = crc32c(0, bytes_of_string(text));
    return (struct bytes){out, (size_t)snprintf(out, 4096, "%scrc32c %08x\n", text, crc)};
}

Test(manifest, comes_back_as_the_same_text)
{
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        char text[4096];
        struct aof_manifest manifest;
        struct aof_manifest copy;
        struct buffer again = BUFFER_EMPTY(MEM_SERVER);
        uint32_t line;
        const struct bytes sealed = seal(good[i], text);
        const char *fault = aof_manifest_read(sealed, &manifest, &line);
        cr_assert_null(fault, "row %zu, line %u: %s", i, line, fault);
        cr_assert(aof_manifest_copy(&manifest, &copy));
        cr_assert(aof_manifest_write(&copy, &again));
        cr_assert(bytes_equal(buffer_bytes(&again), sealed), "row %zu: %.*s", i, (int)again.len, again.data);
        buffer_release(&again);
        aof_manifest_destroy(&manifest);
        aof_manifest_destroy(&copy);
    }
    cr_assert_eq(thread_heaps_bytes(), 0);
}

static const struct {
    const char *text;
    uint32_t line;
    const char *fault;
} refused[] = {
    {"file appendonly.aof.1.base.rdb seq 1 type b\n", 1, "the first line is not that of a manifest of this version"},
    {"tessera-log 2\n", 1, "the first line is not that of a manifest of this version"},
    {HEAD "base base.7.rdb 1\n", 3, "there is no generation"},
    {HEAD "\n", 2, "a line that does not belong there"},
    {HEAD "generation 7 shards 1\n" LOG_7_0 "\nbase base.7.rdb 1\n", 4, "a line that does not belong there"},
    {HEAD "base ../etc 1\n", 2, "a base has a name that is none"},
    {HEAD "base base. 1\n", 2, "a base has a name that is none"},
    {HEAD "base base.1 1\nbase base.1 1\n", 3, "a base is named twice"},
    {HEAD "base base.1 x\n", 2, "a number is expected"},
    {HEAD "base base.1 1 \n", 2, "a line has more words than it should"},
    {HEAD "generation 0 shards 1\n" LOG_7_0 "\n", 2, "generations do not ascend"},
    {HEAD "generation 7 shards 0\n" LOG_7_0 "\n", 2, "a generation has fewer logs than shards, or too many"},
    {HEAD "generation 7 shards 1024\n" LOG_7_0 "\n", 2, "a generation has fewer logs than shards, or too many"},
    {HEAD "generation 7 shards 2\n" LOG_7_0 "\n" LOG_7_0 "\n", 4, "the log of the next shard is expected"},
    {HEAD "generation 7 shards 1\n" LOG_8_0 " first 1\n", 3, "a log is named after its generation and shard"},
    {HEAD "generation 7 shards 1\nlog 0 log.7.0 a0 first 1\n", 3, "a file id has 16 hexadecimal digits"},
    {HEAD "generation 7 shards 1\nlog 0 log.7.0 0000000000000000 first 1\n", 3, "a file has no id"},
    {HEAD "generation 7 shards 1\nlog 0 log.7.0 00000000000000a0 first 0\n", 3, "a log follows, or has a first frame"},
    {HEAD "generation 7 shards 1\nlog 0 log.7.0 00000000000000a0\n", 3, "a log follows, or has a first frame"},
    {HEAD "generation 7 shards 1\n" LOG_7_0 " end 5\n", 3, "a number is expected"},
    {HEAD "generation 7 shards 1\n" LOG_7_0 " end 5 0\n", 3, "the end of a log is a frame and an offset"},
    {HEAD "generation 7 shards 1\n" LOG_7_0 " end 5 8\n", 3, "a log ends where no frame can"},
    {HEAD "generation 7 shards 1\n" LOG_7_0 " end 5 65\n", 3, "a log ends where no frame can"},
    {HEAD "generation 7 shards 2\n" LOG_7_0 " end 5 640\n" LOG_7_1 "\n", 4, "a generation is sealed in part"},
    {HEAD "generation 7 shards 1\nlog 0 log.7.0 00000000000000a0 follows\n", 3,
     "a generation follows none, or one of another number of shards"},
    {HEAD "generation 7 shards 2\n" LOG_7_0 "\n" LOG_7_1 "\ngeneration 8 shards 1\n" LOG_8_0 " follows\n", 6,
     "a generation follows none, or one of another number of shards"},
    {HEAD "generation 7 shards 2\n" LOG_7_0 "\n" LOG_7_1 "\ngeneration 8 shards 2\n" LOG_8_0 " follows\n" LOG_8_1 " first 1\n", 7,
     "a generation follows in part"},
    {HEAD "generation 7 shards 1\n" LOG_7_0 "\ngeneration 8 shards 1\n" LOG_8_0 " first 1\n", 5,
     "a generation that is not sealed is in the middle"},
    {HEAD "generation 7 shards 1\n" LOG_7_0 " end 5 640\ngeneration 8 shards 1\n" LOG_8_0 " follows\n", 5,
     "a generation that is not sealed follows one that is"},
};

Test(manifest, that_contradicts_itself_is_refused)
{
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
        char text[4096];
        struct aof_manifest manifest;
        uint32_t line;
        const char *fault = aof_manifest_read(seal(refused[i].text, text), &manifest, &line);
        cr_assert_not_null(fault, "row %zu", i);
        cr_assert_str_eq(fault, refused[i].fault, "row %zu: %s", i, fault);
        cr_assert_eq(line, refused[i].line, "row %zu: line %u", i, line);
    }
    cr_assert_eq(thread_heaps_bytes(), 0);
}

Test(manifest, that_is_cut_or_has_other_bits_is_refused)
{
    char text[4096];
    struct aof_manifest manifest;
    uint32_t line;
    const struct bytes sealed = seal(good[1], text);
    for (size_t len = 0; len < sealed.len; len++) {
        cr_assert_not_null(aof_manifest_read((struct bytes){text, len}, &manifest, &line), "%zu", len);
    }
    for (size_t bit = 0; bit < sealed.len * 8; bit++) {
        text[bit / 8] ^= (char)(1 << bit % 8);
        cr_assert_not_null(aof_manifest_read(sealed, &manifest, &line), "%zu", bit);
        text[bit / 8] ^= (char)(1 << bit % 8);
    }
    cr_assert_eq(thread_heaps_bytes(), 0);
}

Test(manifest, has_a_limit_of_generations)
{
    struct aof_manifest manifest;
    cr_assert(aof_manifest_create(&manifest));
    for (uint64_t i = 1; i <= AOF_GENERATIONS_MAX; i++) {
        cr_assert_not_null(aof_manifest_add(&manifest, i, 1));
    }
    cr_assert_null(aof_manifest_add(&manifest, AOF_GENERATIONS_MAX + 1, 1));
    aof_manifest_drop(&manifest, AOF_GENERATIONS_MAX - 1);
    cr_assert_eq(manifest.generations[0].number, AOF_GENERATIONS_MAX);
    aof_manifest_destroy(&manifest);
    cr_assert_eq(thread_heaps_bytes(), 0);
}

static const struct {
    const char *name;
    bool is_own;
    uint64_t generation;
} own_names[] = {
    {"log.7.0", true, 7}, {"log.12.1023", true, 12}, {"base.3.rdb", true, 3}, {"log.18446744073709551615.0", true, UINT64_MAX},
    {"log.7.1024", false, 0}, {"log.7", false, 0}, {"log.7.", false, 0}, {"log..0", false, 0}, {"log.07.0", false, 0}, {"log.7.00", false, 0},
    {"log.7.0.before-fix", false, 0}, {"log.+7.0", false, 0}, {"log.18446744073709551616.0", false, 0}, {"base.rdb", false, 0}, {"base..rdb", false, 0},
    {"base.3.rdb.old", false, 0}, {"base.3.aof", false, 0}, {"base.x.rdb", false, 0}, {"jobs.log.7.0", false, 0}, {"tessera.manifest", false, 0}, {"", false, 0},
};

Test(manifest, knows_names_that_are_its_own)
{
    for (size_t i = 0; i < sizeof own_names / sizeof own_names[0]; i++) {
        uint64_t generation = 0;
        cr_assert_eq(aof_own_name(own_names[i].name, &generation), own_names[i].is_own, "%s", own_names[i].name);
        cr_assert(!own_names[i].is_own || generation == own_names[i].generation, "%s", own_names[i].name);
    }
}

Test(manifest, knows_which_files_it_names)
{
    struct aof_manifest manifest;
    cr_assert(aof_manifest_create(&manifest));
    cr_assert_not_null(aof_manifest_add(&manifest, 7, 2));
    cr_assert_not_null(aof_manifest_add(&manifest, 9, 1));
    aof_base_name(7, manifest.bases[0].name);
    manifest.base_count = 1;
    cr_assert(aof_manifest_names(&manifest, "log.7.1") && aof_manifest_names(&manifest, "log.9.0") && aof_manifest_names(&manifest, "base.7.rdb"));
    cr_assert(!aof_manifest_names(&manifest, "log.9.1") && !aof_manifest_names(&manifest, "log.8.0") && !aof_manifest_names(&manifest, "base.9.rdb"));
    aof_manifest_destroy(&manifest);
}
