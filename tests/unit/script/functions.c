/* functions.c - heads of libraries, sets of them, and payloads of FUNCTION DUMP; memory is given back.  */
#include "config/config.h"
#include "mem/counters.h"
#include "mem/heap.h"
#include "script/function_head.h"
#include "script/function_payload.h"
#include "script/function_set.h"
#include "script/registry.h"

#include <criterion/criterion.h>

static int64_t script_bytes(void)
{
    struct mem_counters total = {0};
    thread_heaps_total(&total);
    return mem_counters_total(&total);
}

Test(functions, reads_heads)
{
    static const struct {
        struct bytes code;
        enum function_head_status status;
        struct bytes engine, name;
    } rows[] = {
        {BYTES("#!lua name=lib\nx"), FUNCTION_HEAD_FINE, BYTES("lua"), BYTES("lib")},
        {BYTES("#!LUA \t NAME='a b' \r\n"), FUNCTION_HEAD_FINE, BYTES("LUA"), BYTES("a b")},
        {BYTES("#!\"lua\" \"name=\\x6c\\n\\\"\"\n"), FUNCTION_HEAD_FINE, BYTES("lua"), BYTES("l\n\"")},
        {BYTES("#!lua name='it\\'s'\n"), FUNCTION_HEAD_FINE, BYTES("lua"), BYTES("it's")},
        {BYTES("#!lua name=\n"), FUNCTION_HEAD_FINE, BYTES("lua"), BYTES("")},
        {BYTES("#! name=lib\n"), FUNCTION_HEAD_FINE, BYTES(""), BYTES("lib")},
        {BYTES(""), FUNCTION_HEAD_MISSING, BYTES(""), BYTES("")},
        {BYTES("#"), FUNCTION_HEAD_MISSING, BYTES(""), BYTES("")},
        {BYTES("lua name=lib\n"), FUNCTION_HEAD_MISSING, BYTES(""), BYTES("")},
        {BYTES("#!lua name=lib"), FUNCTION_HEAD_INVALID, BYTES(""), BYTES("")},
        {BYTES("#!lua name=li\0b\n"), FUNCTION_HEAD_INVALID, BYTES(""), BYTES("")},
        {BYTES("#!lua name=\"lib\n"), FUNCTION_HEAD_INVALID, BYTES("lua"), BYTES("")},
        {BYTES("#!lua name=\"li\"b\n"), FUNCTION_HEAD_INVALID, BYTES("lua"), BYTES("")},
        {BYTES("#!lua name='lib\\\n"), FUNCTION_HEAD_INVALID, BYTES("lua"), BYTES("")},
        {BYTES("#!lua\n"), FUNCTION_HEAD_NAMELESS, BYTES("lua"), BYTES("")},
        {BYTES("#!\n"), FUNCTION_HEAD_NAMELESS, BYTES(""), BYTES("")},
        {BYTES("#!lua name=a name=b\n"), FUNCTION_HEAD_TWICE, BYTES("lua"), BYTES("a")},
        {BYTES("#!lua name= name=b\n"), FUNCTION_HEAD_TWICE, BYTES("lua"), BYTES("")},
        {BYTES("#!lua names=a\n"), FUNCTION_HEAD_UNKNOWN, BYTES("lua"), BYTES("names=a")},
        {BYTES("#!lua x\n"), FUNCTION_HEAD_UNKNOWN, BYTES("lua"), BYTES("x")},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct function_head head;
        cr_expect_eq(function_head_read(rows[i].code, &head), rows[i].status, "%s", rows[i].code.data);
        cr_expect(bytes_equal(buffer_bytes(&head.engine), rows[i].engine), "%s", rows[i].code.data);
        cr_expect(bytes_equal(buffer_bytes(&head.name), rows[i].name), "%s", rows[i].code.data);
        if (rows[i].status == FUNCTION_HEAD_FINE) {
            cr_expect_eq(rows[i].code.data[head.code_start], '\n');
        }
        function_head_release(&head);
    }
    cr_assert_eq(script_bytes(), 0);
}

Test(functions, knows_valid_names)
{
    static const struct bytes valid[] = {BYTES("a"), BYTES("Az_09"), BYTES("_")};
    static const struct bytes invalid[] = {BYTES(""), BYTES("a-b"), BYTES("a b"), BYTES("a\0b"), BYTES("\xc3\xa9")};
    for (size_t i = 0; i < sizeof valid / sizeof valid[0]; i++) {
        cr_expect(function_name_is_valid(valid[i]), "%s", valid[i].data);
    }
    for (size_t i = 0; i < sizeof invalid / sizeof invalid[0]; i++) {
        cr_expect_not(function_name_is_valid(invalid[i]), "%s", invalid[i].data);
    }
}

static struct function_library *make_library(struct bytes name, struct bytes code, struct bytes first, struct bytes second)
{
    struct function_library *library = function_library_create(name, code, 0);
    cr_assert_not_null(library);
    cr_assert_eq(function_library_add(library, &(struct function){.name = first, .flags = SCRIPT_NO_WRITES}), RESULT_OK);
    cr_assert_eq(function_library_add(library, &(struct function){.name = second, .description = BYTES("what it does")}), RESULT_OK);
    return library;
}

Test(functions, a_library_keeps_names_apart_whatever_their_case)
{
    struct function_library *library = make_library(BYTES("lib"), BYTES("code"), BYTES("one"), BYTES("two"));
    cr_assert_eq(function_library_add(library, &(struct function){.name = BYTES("ONE")}), RESULT_EXISTS);
    cr_assert_eq(function_library_find(library, BYTES("Two")), 1);
    cr_assert_eq(function_library_find(library, BYTES("three")), -1);
    cr_assert_null(library->functions[0].description.data);
    cr_assert(bytes_equal(library->functions[1].description, BYTES("what it does")));
    cr_assert_eq((int64_t)function_library_bytes(library), script_bytes());
    function_library_release(library);
    cr_assert_eq(script_bytes(), 0);
}

Test(functions, a_set_finds_libraries_and_functions)
{
    struct function_library *libraries[] = {
        make_library(BYTES("b"), BYTES("code"), BYTES("zwei"), BYTES("EINS")),
        make_library(BYTES("a"), BYTES("code"), BYTES("two"), BYTES("one")),
        make_library(BYTES("B"), BYTES("code"), BYTES("deux"), BYTES("un")),
    };
    const struct function *twice;
    struct function_set *set = function_set_create(libraries, 3, &twice);
    cr_assert_not_null(set);
    for (unsigned i = 0; i < 3; i++) {
        cr_assert_eq(function_set_library(set, libraries[i]->name), libraries[i]);
        cr_assert(function_set_has(set, libraries[i]));
        function_library_release(libraries[i]); /* the set has them */
    }
    cr_assert_null(function_set_library(set, BYTES("c")));
    cr_assert_eq(function_set_find(set, BYTES("eins"))->library, libraries[0]);
    cr_assert_eq(function_set_find(set, BYTES("ONE"))->index, 1);
    cr_assert_eq(function_set_find(set, BYTES("un"))->library, libraries[2]);
    cr_assert_null(function_set_find(set, BYTES("u")));
    cr_assert_null(function_set_find(set, BYTES("una")));
    cr_assert_eq((int64_t)function_set_bytes(set), script_bytes());
    function_set_hold(set);
    function_set_release(set);
    function_set_release(set);
    cr_assert_eq(script_bytes(), 0);
}

Test(functions, a_set_refuses_a_function_that_two_libraries_have)
{
    struct function_library *libraries[] = {
        make_library(BYTES("z"), BYTES("code"), BYTES("one"), BYTES("two")),
        make_library(BYTES("a"), BYTES("code"), BYTES("three"), BYTES("TWO")),
    };
    const struct function *twice;
    cr_assert_null(function_set_create(libraries, 2, &twice));
    cr_assert_eq(twice, &libraries[1]->functions[1]);
    function_library_release(libraries[0]);
    function_library_release(libraries[1]);
    cr_assert_eq(script_bytes(), 0);
}

/* The second payload is redis-server's own. */
Test(functions, payloads_come_back)
{
    char longer[2000];
    memset(longer, 'x', sizeof longer);
    struct function_library *libraries[] = {
        make_library(BYTES("a"), (struct bytes){longer, sizeof longer}, BYTES("one"), BYTES("two")),
        make_library(BYTES("b"), BYTES("12345"), BYTES("three"), BYTES("four")),
    };
    const struct function *twice;
    struct function_set *set = function_set_create(libraries, 2, &twice);
    struct buffer out = BUFFER_EMPTY(MEM_SCRIPT);
    struct config config = {.rdbcompression = 0};
    cr_assert(function_payload_write(&out, set, &config));
    cr_assert_gt(out.len, sizeof longer);
    out.len = 0;
    config.rdbcompression = 1;
    cr_assert(function_payload_write(&out, set, &config));
    cr_assert_lt(out.len, 200);
    struct function_payload payload;
    struct bytes code;
    cr_assert_eq(function_payload_begin(&payload, buffer_bytes(&out)), FUNCTION_PAYLOAD_MORE);
    for (unsigned i = 0; i < 2; i++) {
        cr_assert_eq(function_payload_next(&payload, &code), FUNCTION_PAYLOAD_MORE);
        cr_assert(bytes_equal(code, libraries[i]->code));
        function_library_release(libraries[i]);
    }
    cr_assert_eq(function_payload_next(&payload, &code), FUNCTION_PAYLOAD_END);
    function_payload_release(&payload);
    for (size_t i = 0; i < out.len; i++) { /* no byte may change */
        out.data[i] ^= 1;
        cr_expect_eq(function_payload_begin(&payload, buffer_bytes(&out)), FUNCTION_PAYLOAD_DAMAGED, "byte %zu", i);
        out.data[i] ^= 1;
        function_payload_release(&payload);
    }
    buffer_release(&out);
    function_set_release(set);

    static const struct bytes empty = BYTES("\n\x00]\x9b\\@\x0f\x7f\xa2\xda");
    cr_assert_eq(function_payload_begin(&payload, empty), FUNCTION_PAYLOAD_MORE);
    cr_assert_eq(function_payload_next(&payload, &code), FUNCTION_PAYLOAD_END);
    function_payload_release(&payload);
    cr_assert_eq(script_bytes(), 0);
}
