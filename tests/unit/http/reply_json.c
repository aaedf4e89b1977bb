/* reply_json.c - replies of every type as JSON; what is none; and bytes that are no text.  */
#include "http/reply_json.h"

#include "base/json.h"

#include <criterion/criterion.h>

static const struct {
    struct bytes reply;
    const char *json; /* NULL: refused */
} replies[] = {
    {BYTES("+OK\r\n"), "\"OK\""},
    {BYTES(":-12\r\n"), "-12"},
    {BYTES(",1.5e+30\r\n"), "1.5e+30"},
    {BYTES(",inf\r\n"), "\"inf\""},
    {BYTES("(3492890328409238509324850943850943825024385\r\n"), "3492890328409238509324850943850943825024385"},
    {BYTES("#t\r\n"), "true"},
    {BYTES("#f\r\n"), "false"},
    {BYTES("_\r\n"), "null"},
    {BYTES("$-1\r\n"), "null"},
    {BYTES("=6\r\ntxt:a\n\r\n"), "\"a\\u000a\""},
    {BYTES("*0\r\n"), "[]"},
    {BYTES("%0\r\n"), "{}"},
    {BYTES("*3\r\n:1\r\n~1\r\n+a\r\n*0\r\n"), "[1,[\"a\"],[]]"},
    {BYTES("%2\r\n+a\r\n%1\r\n:7\r\n_\r\n$1\r\nb\r\n*1\r\n:1\r\n"), "{\"a\":{\"7\":null},\"b\":[1]}"},
    {BYTES("$4\r\n\"\\\0\x7f\r\n"), "\"\\\"\\\\\\u0000\\u007f\""},
    {BYTES("$4\r\n\xc3\xa4\xff\x80\r\n"), "\"\xc3\xa4\\udcff\\udc80\""},
    {BYTES("$3\r\n\xed\xb2\x80\r\n"), "\"\\udced\\udcb2\\udc80\""},           /* a surrogate is no UTF-8 */
    {BYTES("$2\r\n\xc0\xaf\r\n"), "\"\\udcc0\\udcaf\""},                      /* nor is a '/' in two bytes */
    {BYTES("$4\r\n\xf4\x8f\xbf\xbf\r\n"), "\"\xf4\x8f\xbf\xbf\""},
    {BYTES("$4\r\n\xf4\x90\x80\x80\r\n"), "\"\\udcf4\\udc90\\udc80\\udc80\""}, /* behind the last character */
    {BYTES("$2\r\n\xe2\x82\r\n"), "\"\\udce2\\udc82\""},
    {BYTES("-ERR no\r\n"), NULL},
    {BYTES("*1\r\n-ERR no\r\n"), NULL},
    {BYTES("%1\r\n*0\r\n:1\r\n"), NULL},
    {BYTES("%1\r\n_\r\n:1\r\n"), NULL},
    {BYTES("*2\r\n:1\r\n"), NULL},
    {BYTES("+a\r\n+b\r\n"), NULL},
    {BYTES("|1\r\n+a\r\n+b\r\n+c\r\n"), NULL},
    {BYTES("=3\r\ntxt\r\n"), NULL},
    {BYTES(""), NULL},
};

Test(reply_json, of_each_type)
{
    for (size_t i = 0; i < sizeof replies / sizeof replies[0]; i++) {
        struct buffer out = BUFFER_EMPTY(MEM_SERVER);
        const enum result result = reply_json_append(&out, replies[i].reply);
        cr_assert_eq(result, replies[i].json == NULL ? RESULT_SYNTAX : RESULT_OK, "row %zu", i);
        cr_assert(replies[i].json == NULL || bytes_equal(buffer_bytes(&out), bytes_of_string(replies[i].json)), "row %zu: %.*s", i, (int)out.len,
                  out.data);
        cr_assert(replies[i].json == NULL || json_is_valid(buffer_bytes(&out)));
        buffer_release(&out);
    }
}

Test(reply_json, is_so_deep_and_no_deeper)
{
    for (int depth = REPLY_DEPTH_MAX; depth <= REPLY_DEPTH_MAX + 1; depth++) {
        struct buffer reply = BUFFER_EMPTY(MEM_SERVER), out = BUFFER_EMPTY(MEM_SERVER);
        for (int i = 0; i < depth; i++) {
            cr_assert(buffer_append(&reply, BYTES("*1\r\n")));
        }
        cr_assert(buffer_append(&reply, BYTES("_\r\n")));
        cr_assert_eq(reply_json_append(&out, buffer_bytes(&reply)), depth == REPLY_DEPTH_MAX ? RESULT_OK : RESULT_SYNTAX);
        buffer_release(&reply);
        buffer_release(&out);
    }
}
