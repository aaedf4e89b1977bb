/* answer.c - users of basic authentication; what the server's answers mean.  */
#include "http/answer.h"
#include "http/basic.h"

#include <criterion/criterion.h>

static const struct {
    const char *authorization, *name, *password; /* name NULL: refused */
} users[] = {
    {"Basic dXNlcjpwYXNz", "user", "pass"},
    {"bAsIc   dXNlcjpwYTpzcw==", "user", "pa:ss"},
    {"Basic Og==", "", ""},
    {"Basic OnBhc3M=", "", "pass"},
    {"Basic dXNlcg==", NULL, NULL},
    {"Basic dXNlcjpwYXN", NULL, NULL},
    {"Basic dXNlcjpwYX=z", NULL, NULL},
    {"Basic dXNlcjpw====", NULL, NULL},
    {"Basic OnBhc3N=", NULL, NULL}, /* bits that no byte has */
    {"Basic", NULL, NULL},
    {"Basic ", NULL, NULL},
    {"Bearer dXNlcjpwYXNz", NULL, NULL},
    {"Basicx dXNlcjpwYXNz", NULL, NULL},
    {"", NULL, NULL},
};

Test(answer, users_are_read)
{
    for (size_t i = 0; i < sizeof users / sizeof users[0]; i++) {
        char text[BASIC_MAX];
        struct basic_user user;
        const bool is_read = basic_parse(bytes_of_string(users[i].authorization), text, &user);
        cr_assert_eq(is_read, users[i].name != NULL, "%s", users[i].authorization);
        if (is_read) {
            cr_assert(bytes_equal(user.name, bytes_of_string(users[i].name)));
            cr_assert(bytes_equal(user.password, bytes_of_string(users[i].password)));
        }
    }
}

static const struct {
    const char *received;
    uint32_t replies;
    enum http_status status;
    const char *text;
} answers[] = {
    {"$3\r\na\r\n\r\n", 1, HTTP_OK, "$3\r\na\r\n\r\n"},
    {"+OK\r\n%1\r\n+a\r\n*1\r\n:1\r\n*2\r\n_\r\n$0\r\n\r\n", 3, HTTP_OK, "*2\r\n_\r\n$0\r\n\r\n"},
    {"+OK\r\n-NOPERM no\r\n", 2, HTTP_FORBIDDEN, "NOPERM no"},
    {"-WRONGPASS no\r\n-NOAUTH no\r\n", 2, HTTP_UNAUTHORIZED, "WRONGPASS no"},
    {"-NOAUTH no\r\n", 1, HTTP_UNAUTHORIZED, "NOAUTH no"},
    {"-BUSY script\r\n", 1, HTTP_UNAVAILABLE, "BUSY script"},
    {"?1\r\n", 1, HTTP_UNAVAILABLE, "the server's answer cannot be read"},
    {"$x\r\n", 1, HTTP_UNAVAILABLE, "the server's answer cannot be read"},
    {"*99999999999\r\n", 1, HTTP_UNAVAILABLE, "the server's answer cannot be read"},
    {"$1\r\nabc", 1, HTTP_UNAVAILABLE, "the server's answer cannot be read"},
    {"+OK\r\n", 2, HTTP_MORE, NULL},
};

/* Whole, or byte by byte. */
Test(answer, has_a_status)
{
    for (size_t i = 0; i < sizeof answers / sizeof answers[0]; i++) {
        struct bytes text = {0}, part = {0};
        const struct bytes received = bytes_of_string(answers[i].received);
        struct answer_walk whole = answer_begin(answers[i].replies), slow = answer_begin(answers[i].replies);
        const enum http_status status = answer_read(received, &whole, &text);
        cr_assert_eq((int)status, (int)answers[i].status, "%s: %d", answers[i].received, (int)status);
        cr_assert(status == HTTP_MORE || bytes_equal(text, bytes_of_string(answers[i].text)), "%s", answers[i].received);
        enum http_status now = HTTP_MORE;
        for (size_t len = 0; now == HTTP_MORE && len <= received.len; len++) {
            now = answer_read((struct bytes){received.data, len}, &slow, &part);
            cr_assert(status != HTTP_OK || now == HTTP_MORE || len == received.len);
        }
        cr_assert_eq((int)now, (int)status, "%s", answers[i].received);
        cr_assert(status == HTTP_MORE || bytes_equal(text, part), "%s", answers[i].received);
    }
}
