/* JSON: what is good, what is at a path, what stands in a string. */
#include "base/json.h"

#include <criterion/criterion.h>
#include <string.h>

static const struct {
    const char *text;
    bool is_valid;
} documents[] = {
    {"1", true},          {"-0.5e+3", true},     {"\"a\\\"b\\n\"", true}, {"[]", true},       {"{}", true},         {"[[],{}]", true},
    {"{\"a\":{\"b\":[1]}}", true}, {"true", true}, {"null", true},        {" [ 1 , 2 ] ", true}, {"", false},        {"01", false},
    {"1.", false},        {"[1,]", false},       {"[,1]", false},         {"{\"a\"}", false}, {"{\"a\":}", false},  {"{\"a\":1,}", false},
    {"[1", false},        {"]", false},          {"[1}", false},          {"\"\n\"", false},  {"\"\\x\"", false},   {"\"\\u12\"", false},
    {"tru", false},       {"1 2", false},        {"{1:2}", false},        {"\"a", false},     {"-", false},         {"nul", false},
};

Test(json, is_checked)
{
    for (size_t i = 0; i < sizeof documents / sizeof documents[0]; i++) {
        cr_assert_eq(json_is_valid(bytes_of_string(documents[i].text)), documents[i].is_valid, "%s", documents[i].text);
    }
    char deep[2 * JSON_DEPTH_MAX + 2];
    memset(deep, '[', JSON_DEPTH_MAX);
    memset(deep + JSON_DEPTH_MAX, ']', JSON_DEPTH_MAX);
    cr_assert(json_is_valid((struct bytes){deep, 2 * JSON_DEPTH_MAX}));
    memset(deep, '[', JSON_DEPTH_MAX + 1);
    memset(deep + JSON_DEPTH_MAX + 1, ']', JSON_DEPTH_MAX + 1);
    cr_assert(!json_is_valid((struct bytes){deep, 2 * JSON_DEPTH_MAX + 2}));
}

static const struct {
    const char *text, *path, *found; /* NULL: absent; "!": a bad path; "?": bad text */
} paths[] = {
    {"{\"a\": 1, \"b\": [10, {\"c\": \"x\"}]}", "a", "1"},
    {"{\"a\": 1, \"b\": [10, {\"c\": \"x\"}]}", "$.b[1].c", "\"x\""},
    {"{\"a\": 1, \"b\": [10, {\"c\": \"x\"}]}", "$", "{\"a\": 1, \"b\": [10, {\"c\": \"x\"}]}"},
    {"{\"a\": 1, \"b\": [10, {\"c\": \"x\"}]}", "$.b[2]", NULL},
    {"{\"a\": 1, \"b\": [10, {\"c\": \"x\"}]}", "$.c", NULL},
    {"{\"a\": 1, \"b\": [10, {\"c\": \"x\"}]}", "$.a.b", NULL},
    {"{\"a.b\": {\"\\u00e4\": 5}}", "$.\"a.b\".\303\244", "5"},
    {"{\"a.b\": 2}", "a.b", "2"},
    {"[1, 2]", "$[0]", "1"},
    {"[1, 2]", "$[x]", "!"},
    {"[1, 2]", "$1", "!"},
    {"[1, 2]", "$[0", "!"},
    {"{\"a\": 1}", "$.", "!"},
    {"{\"a\" 1}", "a", "?"},
    {"{\"b\": tru, \"a\": 1}", "a", "?"},
    {"", "a", NULL},
};

Test(json, is_found_by_paths)
{
    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
        struct bytes found = {NULL, 0};
        const enum json_found what = json_find(bytes_of_string(paths[i].text), bytes_of_string(paths[i].path), &found);
        const char *expected = paths[i].found;
        if (expected == NULL) {
            cr_assert_eq(what, JSON_ABSENT, "%s", paths[i].path);
        } else if (*expected == '!' || *expected == '?') {
            cr_assert_eq(what, *expected == '!' ? JSON_BAD_PATH : JSON_BAD_TEXT, "%s", paths[i].path);
        } else {
            cr_assert_eq(what, JSON_FOUND, "%s", paths[i].path);
            cr_assert(bytes_equal(found, bytes_of_string(expected)), "%s: %.*s", paths[i].path, (int)found.len, found.data);
        }
    }
}

Test(json, strings_lose_their_quotes)
{
    char out[64];
    size_t len;
    cr_assert(json_unquote(BYTES("\"a\\n\\u00e4\\ud83d\\ude00\\ud800x\\\\\""), out, &len));
    cr_assert(bytes_equal((struct bytes){out, len}, BYTES("a\n\303\244\360\237\230\200\357\277\275x\\")), "%.*s", (int)len, out);
    cr_assert(!json_unquote(BYTES("\"a"), out, &len));
}
