/* question.c - what the server is asked for a page, by whom and with which query.  */
#include "http/question.h"

#include <criterion/criterion.h>

static const char *name_of(void *context, const char *own)
{
    return strcmp(own, "metrics") == 0 ? context : own;
}

static const struct {
    const char *path, *query;
    bool has_user;
    uint32_t replies; /* 0: the query is bad */
    const char *asked;
} questions[] = {
    {"/metrics", "a=b", false, 1, "*1\r\n$1\r\nm\r\n"},
    {"/metrics", "", true, 2, "*3\r\n$4\r\nauth\r\n$7\r\ndefault\r\n$3\r\np\r\n\r\n*1\r\n$1\r\nm\r\n"},
    {"/", "", false, 1, "*1\r\n$4\r\nping\r\n"},
    {"/api/doctor", "", false, 2, "*2\r\n$5\r\nhello\r\n$1\r\n3\r\n*2\r\n$6\r\nmemory\r\n$6\r\nDOCTOR\r\n"},
    {"/api/prefixes", "", false, 2,
     "*2\r\n$5\r\nhello\r\n$1\r\n3\r\n*6\r\n$6\r\nmemory\r\n$6\r\nPREFIX\r\n$5\r\nCOUNT\r\n$3\r\n200\r\n$5\r\nDEPTH\r\n$1\r\n1\r\n"},
    {"/api/prefixes", "depth=32&db=9", false, 3,
     "*2\r\n$5\r\nhello\r\n$1\r\n3\r\n*2\r\n$6\r\nselect\r\n$1\r\n9\r\n"
     "*6\r\n$6\r\nmemory\r\n$6\r\nPREFIX\r\n$5\r\nCOUNT\r\n$3\r\n200\r\n$5\r\nDEPTH\r\n$2\r\n32\r\n"},
    {"/api/prefixes", "depth=0", false, 0, ""},
    {"/api/prefixes", "depth=33", false, 0, ""},
    {"/api/prefixes", "db=-1", false, 0, ""},
    {"/api/prefixes", "db=2147483647", false, 0, ""},
    {"/api/prefixes", "db=1&db=2", false, 0, ""},
    {"/api/prefixes", "db=1%0d%0a", false, 0, ""},
    {"/api/prefixes", "count=1", false, 0, ""},
    {"/api/prefixes", "&", false, 0, ""},
};

Test(question, is_a_login_and_a_command)
{
    const struct question_names names = {.context = "m", .name_of = name_of};
    const struct basic_user user = {.password = BYTES("p\r\n")};
    for (size_t i = 0; i < sizeof questions / sizeof questions[0]; i++) {
        struct buffer out = BUFFER_EMPTY(MEM_SERVER);
        uint32_t replies = 0;
        const struct question *question = question_find(bytes_of_string(questions[i].path));
        cr_assert_not_null(question);
        const enum http_status status = question_append(&out, question, &names, bytes_of_string(questions[i].query),
                                                        questions[i].has_user ? &user : NULL, &replies);
        cr_assert_eq((int)status, questions[i].replies == 0 ? HTTP_BAD_REQUEST : HTTP_OK, "%s", questions[i].query);
        cr_assert_eq(replies, questions[i].replies);
        cr_assert(bytes_equal(buffer_bytes(&out), bytes_of_string(questions[i].asked)), "%.*s", (int)out.len, out.data);
        buffer_release(&out);
    }
    cr_assert_null(question_find(BYTES("/api/")));
    cr_assert_null(question_find(BYTES("/metric")));
}
