/* direct_write.c - whatever is appended, and whichever way, the file has those bytes and zeros up to the end of their last block.  */
#include "appendonly/direct_write.h"

#include "mem/heap.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { EXPECTED_MAX = 1 << 22, HEADER = 64 };

struct trial {
    struct direct_write direct;
    int file;
    char *expected;
    uint64_t end;
};

static void open_trial(struct trial *trial)
{
    char name[] = "/tmp/direct-write-XXXXXX";
    *trial = (struct trial){.file = mkstemp(name), .expected = calloc(1, EXPECTED_MAX), .end = HEADER};
    cr_assert(trial->file >= 0 && trial->expected != NULL);
    unlink(name);
    memset(trial->expected, 'h', HEADER);
    cr_assert_eq(pwrite(trial->file, trial->expected, HEADER, 0), HEADER);
}

static void close_trial(struct trial *trial)
{
    direct_write_close(&trial->direct);
    close(trial->file);
    free(trial->expected);
}

static struct bytes draw(struct trial *trial, uint32_t len)
{
    char *bytes = trial->expected + trial->end;
    for (uint32_t i = 0; i < len; i++) {
        bytes[i] = (char)(1 + rand() % 255);
    }
    return (struct bytes){bytes, len};
}

/* What would be written is written, but `kept` bytes of it only. */
static int64_t write_direct(struct trial *trial, struct bytes bytes, size_t kept)
{
    uint64_t offset;
    const struct bytes blocks = direct_write_begin(&trial->direct, trial->file, bytes, trial->end, &offset);
    cr_assert_neq(blocks.len, 0);
    cr_assert_eq((uintptr_t)blocks.data % DIRECT_BLOCK, 0);
    cr_assert_eq(blocks.len % DIRECT_BLOCK, 0);
    cr_assert_eq(offset % DIRECT_BLOCK, 0);
    cr_assert(offset <= trial->end && offset + blocks.len >= trial->end + bytes.len);
    const size_t len = kept < blocks.len ? kept : blocks.len;
    cr_assert_eq(pwrite(trial->file, blocks.data, len, (off_t)offset), (ssize_t)len);
    return direct_write_ended(&trial->direct, (int64_t)len);
}

static void expect_file(const struct trial *trial)
{
    char *found = calloc(1, EXPECTED_MAX);
    const ssize_t len = pread(trial->file, found, EXPECTED_MAX, 0);
    cr_assert(len >= (ssize_t)trial->end);
    cr_assert_eq(memcmp(found, trial->expected, trial->end), 0);
    for (ssize_t i = (ssize_t)trial->end; i < len; i++) {
        cr_assert_eq(found[i], 0);
    }
    free(found);
}

Test(direct_write, appends_whatever_the_lengths)
{
    struct trial trial;
    open_trial(&trial);
    srand(11);
    for (int i = 0; i < 400; i++) {
        const uint32_t len = 8 * (uint32_t)(1 + rand() % (i % 20 == 0 ? DIRECT_MAX / 16 : 900));
        const struct bytes bytes = draw(&trial, len);
        if (i % 7 == 3) { /* by another way */
            cr_assert_eq(pwrite(trial.file, bytes.data, len, (off_t)trial.end), (ssize_t)len);
        } else {
            cr_assert_eq(write_direct(&trial, bytes, SIZE_MAX), (int64_t)len);
        }
        trial.end += len;
        if (i % 7 != 3) {
            expect_file(&trial);
        }
    }
    close_trial(&trial);
}

Test(direct_write, tells_what_of_a_short_write_is_there)
{
    struct trial trial;
    open_trial(&trial);
    cr_assert_eq(write_direct(&trial, draw(&trial, 6000), HEADER), -EAGAIN); /* only what was there before */
    cr_assert_eq(write_direct(&trial, draw(&trial, 6000), DIRECT_BLOCK), DIRECT_BLOCK - HEADER);
    trial.end += DIRECT_BLOCK - HEADER;
    expect_file(&trial);
    cr_assert_eq(write_direct(&trial, draw(&trial, 100), SIZE_MAX), 100);
    trial.end += 100;
    expect_file(&trial);
    uint64_t offset;
    cr_assert_neq(direct_write_begin(&trial.direct, trial.file, draw(&trial, 8), trial.end, &offset).len, 0);
    cr_assert_eq(direct_write_ended(&trial.direct, -EIO), -EIO);
    cr_assert_eq(write_direct(&trial, draw(&trial, 200), SIZE_MAX), 200);
    trial.end += 200;
    expect_file(&trial);
    close_trial(&trial);
}

Test(direct_write, leaves_to_others_what_it_cannot_do)
{
    struct trial trial;
    uint64_t offset;
    open_trial(&trial);
    cr_assert_eq(direct_write_begin(&trial.direct, trial.file, draw(&trial, DIRECT_MAX + 8), trial.end, &offset).len, 0);
#if defined(TESSERA_DEBUG_ASSERT)
    thread_heap_refuse_after(0);
    cr_assert_eq(direct_write_begin(&trial.direct, trial.file, draw(&trial, 8), trial.end, &offset).len, 0);
    thread_heap_refuse_after(-1);
#endif
    cr_assert_eq(direct_write_begin(&trial.direct, trial.file, draw(&trial, 8), trial.end + DIRECT_BLOCK, &offset).len, 0); /* the file ends before */
    cr_assert_eq(write_direct(&trial, draw(&trial, DIRECT_MAX), SIZE_MAX), DIRECT_MAX);
    trial.end += DIRECT_MAX;
    expect_file(&trial);
    close_trial(&trial);
}
