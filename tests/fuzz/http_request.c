/* Fuzz target of http/request, http/basic and http/host: whatever arrives, in pieces or whole, is the same request or refused in the same way, and
 * texts lie in the input. */
#include "http/basic.h"
#include "http/host.h"
#include "http/request.h"

#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_inside(struct bytes part, struct bytes input)
{
    assert(part.len == 0 || (part.data >= input.data && part.data + part.len <= input.data + input.len) || bytes_equal(part, BYTES("/")));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size = size > HTTP_REQUEST_MAX + 1 ? HTTP_REQUEST_MAX + 1 : size;
    char *input = malloc(size + 1); /* no NUL behind it: overruns show */
    memcpy(input, data, size);
    struct http_request whole = {0}, part = {0};
    const enum http_status status = http_request_parse((struct bytes){input, size}, &whole);
    assert(size <= HTTP_REQUEST_MAX || status != HTTP_MORE);
    enum http_status first = HTTP_MORE;
    for (size_t len = 0; first == HTTP_MORE && len <= size; len++) {
        char *copy = malloc(len == 0 ? 1 : len);
        memcpy(copy, input, len);
        first = http_request_parse((struct bytes){copy, len}, &part);
        free(copy);
    }
    assert(first == status);
    if (status == HTTP_OK) {
        char text[BASIC_MAX];
        struct basic_user user;
        assert(part.consumed == whole.consumed && whole.consumed <= size && part.is_head == whole.is_head);
        check_inside(whole.path, (struct bytes){input, size});
        check_inside(whole.query, (struct bytes){input, size});
        check_inside(whole.host, (struct bytes){input, size});
        check_inside(whole.fetch_site, (struct bytes){input, size});
        check_inside(whole.authorization, (struct bytes){input, size});
        (void)host_is_address(whole.host);
        (void)host_is_one_of(whole.host, BYTES("memory.example a"));
        if (basic_parse(whole.authorization, text, &user)) {
            assert(user.name.len + user.password.len < BASIC_MAX);
        }
    }
    free(input);
    return 0;
}
