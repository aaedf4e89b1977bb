/* Prepared statements of a connection, against a naive model: found by their names, replaced, removed; limits; refused memory; memory to the byte. */
#include "exec/prepared.h"

#include "mem/heap.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

enum { NAMES = 300, ROUNDS = 20000, TEXT_MAX = 32 };

static uint64_t state = 20240501;

static uint32_t draw(uint32_t below)
{
    state = state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(state >> 33) % below;
}

static int64_t client_bytes(void)
{
    struct mem_counters total = {0};
    thread_heaps_total(&total);
    return total.class_bytes[MEM_CLIENT];
}

/* Names of several lengths, some of which begin alike. */
static struct bytes name_of(uint32_t number, char text[TEXT_MAX])
{
    const int len = snprintf(text, TEXT_MAX, "%.*s%u", (int)(number % 5), "nnnnn", number);
    return (struct bytes){text, (size_t)len};
}

static struct bytes text_of(uint32_t number, char text[TEXT_MAX])
{
    return (struct bytes){text, (size_t)snprintf(text, TEXT_MAX, "SELECT %u", number)};
}

static enum prepared_result add(struct prepared_set **set, uint32_t name, uint32_t text)
{
    char name_text[TEXT_MAX];
    char statement_text[TEXT_MAX];
    struct prepared *statement = prepared_create(*set, name_of(name, name_text), text_of(text, statement_text));
    cr_assert_not_null(statement);
    const enum prepared_result result = prepared_add(set, statement);
    if (result != PREPARED_OK) {
        prepared_destroy(statement);
    }
    return result;
}

static void expect(const struct prepared_set *set, uint32_t name, uint32_t text)
{
    char scratch[TEXT_MAX];
    const struct prepared *found = prepared_find(set, name_of(name, scratch));
    if (text == 0) {
        cr_assert_null(found, "name %u", name);
        return;
    }
    cr_assert_not_null(found, "name %u", name);
    cr_assert(bytes_equal(found->name, name_of(name, scratch)));
    cr_assert(bytes_equal(found->text, text_of(text, scratch)));
}

Test(prepared, is_found_by_its_name)
{
    static uint32_t texts[NAMES]; /* 0: there is none */
    const int64_t before = client_bytes();
    struct prepared_set *set = NULL;
    char scratch[TEXT_MAX];
    uint32_t count = 0;
    for (uint32_t round = 1; round <= ROUNDS; round++) {
        const uint32_t name = draw(NAMES);
        if (draw(4) == 0) {
            cr_assert_eq(prepared_remove(&set, name_of(name, scratch)), texts[name] != 0);
            count -= texts[name] != 0;
            texts[name] = 0;
        } else {
            const bool is_full = count == PREPARED_MAX && texts[name] == 0;
            cr_assert_eq(add(&set, name, round), is_full ? PREPARED_TOO_MANY : PREPARED_OK);
            count += !is_full && texts[name] == 0;
            texts[name] = is_full ? 0 : round;
        }
        cr_assert_eq(set != NULL ? set->count : 0, count);
        expect(set, name, texts[name]);
        const uint32_t other = draw(NAMES);
        expect(set, other, texts[other]);
    }
    for (uint32_t name = 0; name < NAMES; name++) {
        expect(set, name, texts[name]);
    }
    cr_assert_leq(prepared_memory_bytes(set), (size_t)(client_bytes() - before));
    cr_assert_geq(prepared_memory_bytes(set) * 2, (size_t)(client_bytes() - before));
    prepared_end(&set);
    cr_assert_null(set);
    cr_assert_eq(prepared_memory_bytes(set), 0);
    expect(set, 1, 0);
    cr_assert_eq(client_bytes(), before);
}

Test(prepared, has_a_limit_in_all)
{
    static char text[PREPARED_BYTES_MAX / 4];
    const struct bytes quarter = {memset(text, 'x', sizeof text), sizeof text};
    struct prepared_set *set = NULL;
    char scratch[TEXT_MAX];
    uint32_t count = 0;
    struct prepared *statement;
    while ((statement = prepared_create(set, name_of(count, scratch), quarter)) != NULL) {
        cr_assert_eq(prepared_add(&set, statement), PREPARED_OK);
        count++;
    }
    cr_assert_eq(count, 3); /* names and the like take some of the rest */
    cr_assert_leq(set->bytes, PREPARED_BYTES_MAX);
    cr_assert(prepared_remove(&set, name_of(1, scratch)));
    statement = prepared_create(set, name_of(1, scratch), quarter);
    cr_assert_not_null(statement);
    cr_assert_eq(prepared_add(&set, statement), PREPARED_OK);
    prepared_end(&set);
}

#if defined(TESSERA_DEBUG_ASSERT)
Test(prepared, is_as_it_was_where_memory_is_refused)
{
    const int64_t before = client_bytes();
    struct prepared_set *set = NULL;
    struct prepared *statement = NULL;
    char scratch[TEXT_MAX];
    int64_t number = 0;
    do {
        thread_heap_refuse_after(number++);
        statement = prepared_create(set, name_of(1, scratch), BYTES("SELECT 1"));
        thread_heap_refuse_after(-1);
        cr_assert(statement != NULL || client_bytes() == before);
    } while (statement == NULL && number < 10);
    cr_assert_not_null(statement);
    cr_assert_gt(number, 2);
    thread_heap_refuse_after(0);
    cr_assert_eq(prepared_add(&set, statement), PREPARED_NO_MEMORY);
    thread_heap_refuse_after(-1);
    cr_assert_null(set);
    cr_assert_eq(prepared_add(&set, statement), PREPARED_OK);
    prepared_end(&set);
    cr_assert_eq(client_bytes(), before);
}
#endif
