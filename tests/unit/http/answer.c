/* answer.c - users of basic authentication; what the server is asked, and what its answers mean.  */
#include "http/answer.h"

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

Test(answer, is_asked_for_behind_a_login)
{
    const struct http_commands commands = {.login = "auth", .metrics = "m"};
    const struct basic_user user = {.password = BYTES("p\r\n")};
    struct buffer out = BUFFER_EMPTY(MEM_SERVER);
    cr_assert(answer_ask(&out, &commands, NULL));
    cr_assert(bytes_equal(buffer_bytes(&out), BYTES("*1\r\n$1\r\nm\r\n")));
    out.len = 0;
    cr_assert(answer_ask(&out, &commands, &user));
    cr_assert(bytes_equal(buffer_bytes(&out), BYTES("*3\r\n$4\r\nauth\r\n$7\r\ndefault\r\n$3\r\np\r\n\r\n*1\r\n$1\r\nm\r\n")));
    buffer_release(&out);
}

static const struct {
    const char *received;
    bool has_user;
    enum http_status status;
    const char *text;
} answers[] = {
    {"$3\r\na\r\n\r\n", false, HTTP_OK, "a\r\n"},
    {"+OK\r\n$0\r\n\r\n", true, HTTP_OK, ""},
    {"+OK\r\n-NOPERM no\r\n", true, HTTP_FORBIDDEN, "NOPERM no"},
    {"-WRONGPASS no\r\n-NOAUTH no\r\n", true, HTTP_UNAUTHORIZED, "WRONGPASS no"},
    {"-NOAUTH no\r\n", false, HTTP_UNAUTHORIZED, "NOAUTH no"},
    {"-BUSY script\r\n", false, HTTP_UNAVAILABLE, "BUSY script"},
    {"*1\r\n", false, HTTP_UNAVAILABLE, "the server's answer cannot be read"},
    {"$x\r\n", false, HTTP_UNAVAILABLE, "the server's answer cannot be read"},
    {"$99999999999\r\n", false, HTTP_UNAVAILABLE, "the server's answer cannot be read"},
    {"+OK\r\n", false, HTTP_UNAVAILABLE, "the server's answer cannot be read"},
    {"+OK\r\n", true, HTTP_MORE, NULL},
};

Test(answer, has_a_status)
{
    for (size_t i = 0; i < sizeof answers / sizeof answers[0]; i++) {
        struct bytes text = {0}, unused;
        const struct bytes received = bytes_of_string(answers[i].received);
        const enum http_status status = answer_read(received, answers[i].has_user, &text);
        cr_assert_eq((int)status, (int)answers[i].status, "%s: %d", answers[i].received, (int)status);
        cr_assert(status == HTTP_MORE || bytes_equal(text, bytes_of_string(answers[i].text)), "%s", answers[i].received);
        for (size_t len = 0; status == HTTP_OK && len < received.len; len++) {
            cr_assert_eq((int)answer_read((struct bytes){received.data, len}, answers[i].has_user, &unused), HTTP_MORE);
        }
    }
}
