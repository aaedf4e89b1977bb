/* request.c - requests of HTTP: what is taken, and with which status the rest is refused.  */
#include "http/request.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HOST "Host: a\r\n"

static const struct {
    const char *text;
    enum http_status status;
    const char *path;
    bool is_head, is_kept_alive;
} examples[] = {
    {"GET /metrics HTTP/1.1\r\n" HOST "\r\n", HTTP_OK, "/metrics", false, true},
    {"HEAD /livez?x=1 HTTP/1.1\r\n" HOST "Connection: close\r\n\r\n", HTTP_OK, "/livez", true, false},
    {"GET / HTTP/1.0\r\n\r\n", HTTP_OK, "/", false, false},
    {"GET http://a:1/metrics HTTP/1.1\r\n" HOST "\r\n", HTTP_OK, "/metrics", false, true},
    {"GET http://a HTTP/1.1\r\n" HOST "\r\n", HTTP_OK, "/", false, true},
    {"GET / HTTP/1.1\r\nhOsT:\t a \t\r\nContent-Length: 0\r\n\r\n", HTTP_OK, "/", false, true},
    {"GET / HTTP/1.1\r\n" HOST "Connection: x, CLOSE\r\n\r\n", HTTP_OK, "/", false, false},
    {"GET / HTTP/1.1\r\n" HOST, HTTP_MORE, NULL, false, false},
    {"", HTTP_MORE, NULL, false, false},
    {"GET / HTTP/1.1\r\n\r\n", HTTP_BAD_REQUEST, NULL, false, false},
    {"GET / HTTP/1.1\r\n" HOST HOST "\r\n", HTTP_BAD_REQUEST, NULL, false, false},
    {"GET / HTTP/1.1\r\n" HOST "Authorization: a\r\nAuthorization: b\r\n\r\n", HTTP_BAD_REQUEST, NULL, false, false},
    {"GET / HTTP/1.1\r\nHost : a\r\n\r\n", HTTP_BAD_REQUEST, NULL, false, false},
    {"GET / HTTP/1.1\r\n" HOST " folded\r\n\r\n", HTTP_BAD_REQUEST, NULL, false, false},
    {"GET / HTTP/1.1\r\nHost\r\n\r\n", HTTP_BAD_REQUEST, NULL, false, false},
    {"GET / HTTP/1.1\r\nHost: a\x01\r\n\r\n", HTTP_BAD_REQUEST, NULL, false, false},
    {"GET / HTTP/1.1\r\nHost: a\n\r\n\r\n", HTTP_BAD_REQUEST, NULL, false, false},
    {"GET  / HTTP/1.1\r\n", HTTP_BAD_REQUEST, NULL, false, false},
    {"GET / HTTP/1.1 \r\n", HTTP_BAD_REQUEST, NULL, false, false},
    {"GET metrics HTTP/1.1\r\n", HTTP_BAD_REQUEST, NULL, false, false},
    {"GET /\x7f HTTP/1.1\r\n", HTTP_BAD_REQUEST, NULL, false, false},
    {"GET /\r\n", HTTP_BAD_REQUEST, NULL, false, false},
    {"\r\nGET / HTTP/1.1\r\n", HTTP_BAD_REQUEST, NULL, false, false},
    {"(GET) / HTTP/1.1\r\n", HTTP_BAD_REQUEST, NULL, false, false},
    {"GET / HTTP/2.0\r\n", HTTP_BAD_VERSION, NULL, false, false},
    {"POST / HTTP/1.1\r\n", HTTP_NOT_ALLOWED, NULL, false, false},
    {"get / HTTP/1.1\r\n", HTTP_NOT_ALLOWED, NULL, false, false},
    {"GET / HTTP/1.1\r\n" HOST "Content-Length: 1\r\n\r\n", HTTP_BODY_TOO_LARGE, NULL, false, false},
    {"GET / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n", HTTP_BODY_TOO_LARGE, NULL, false, false},
    {"GET / HTTP/1.1\r\n" HOST "Content-Length: x\r\n\r\n", HTTP_BAD_REQUEST, NULL, false, false},
};

Test(request, is_taken_or_refused_with_a_status)
{
    for (size_t i = 0; i < sizeof examples / sizeof examples[0]; i++) {
        struct http_request request = {0};
        const struct bytes input = bytes_of_string(examples[i].text);
        const enum http_status status = http_request_parse(input, &request);
        cr_assert_eq((int)status, (int)examples[i].status, "%s: %d", examples[i].text, (int)status);
        if (status == HTTP_OK) {
            cr_assert(bytes_equal(request.path, bytes_of_string(examples[i].path)), "%s", examples[i].text);
            cr_assert_eq(request.is_head, examples[i].is_head);
            cr_assert_eq(request.is_kept_alive, examples[i].is_kept_alive);
            cr_assert_eq(request.consumed, input.len);
        }
    }
}

Test(request, has_what_the_pages_need)
{
    struct http_request request = {0};
    const struct bytes input = BYTES("GET /a?db=1&b?c HTTP/1.1\r\nHost: [::1]:9\r\nSec-Fetch-Site: cross-site\r\nauthorization: Basic x\r\n\r\n");
    cr_assert_eq((int)http_request_parse(input, &request), (int)HTTP_OK);
    cr_assert(bytes_equal(request.path, BYTES("/a")));
    cr_assert(bytes_equal(request.query, BYTES("db=1&b?c")));
    cr_assert(bytes_equal(request.host, BYTES("[::1]:9")));
    cr_assert(bytes_equal(request.fetch_site, BYTES("cross-site")));
    cr_assert(bytes_equal(request.authorization, BYTES("Basic x")));
}

Test(request, is_found_in_pieces_with_another_behind_it)
{
    static const char text[] = "GET /readyz HTTP/1.1\r\nHost: a\r\nAuthorization: Basic eDp5\r\n\r\n";
    struct http_request request;
    for (size_t len = 0; len < sizeof text - 1; len++) {
        cr_assert_eq((int)http_request_parse((struct bytes){text, len}, &request), HTTP_MORE);
    }
    char two[2 * sizeof text];
    snprintf(two, sizeof two, "%s%s", text, text);
    cr_assert_eq((int)http_request_parse(bytes_of_string(two), &request), HTTP_OK);
    cr_assert_eq(request.consumed, sizeof text - 1);
    cr_assert(bytes_equal(request.authorization, BYTES("Basic eDp5")));
}

Test(request, is_refused_when_it_is_too_long)
{
    char *text = malloc(HTTP_REQUEST_MAX + 1);
    struct http_request request;
    memset(text, 'a', HTTP_REQUEST_MAX + 1);
    cr_assert_eq((int)http_request_parse((struct bytes){text, HTTP_REQUEST_MAX - 1}, &request), HTTP_MORE);
    cr_assert_eq((int)http_request_parse((struct bytes){text, HTTP_REQUEST_MAX}, &request), HTTP_TARGET_TOO_LONG);
    memcpy(text, "GET / HTTP/1.1\r\n", 16);
    cr_assert_eq((int)http_request_parse((struct bytes){text, HTTP_REQUEST_MAX}, &request), HTTP_HEAD_TOO_LARGE);
    free(text);
}
