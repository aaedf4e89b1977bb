/* request.c - see request.h.  */
#include "http/request.h"

#include "base/number.h"

#include <string.h>

/* The line at `*at` without its end; false: it has no CR LF yet. */
static bool next_line(struct bytes input, size_t *at, struct bytes *line)
{
    const char *start = input.data + *at;
    const char *end = memmem(start, input.len - *at, "\r\n", 2);
    if (end == NULL) {
        return false;
    }
    *line = (struct bytes){start, (size_t)(end - start)};
    *at += line->len + 2;
    return true;
}

static bool is_token_character(char character)
{
    const bool is_letter = (character >= 'a' && character <= 'z') || (character >= 'A' && character <= 'Z');
    const bool is_digit = character >= '0' && character <= '9';
    return is_letter || is_digit || (character != '\0' && strchr("!#$%&'*+-.^_`|~", character) != NULL);
}

static bool is_token(struct bytes text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (!is_token_character(text.data[i])) {
            return false;
        }
    }
    return text.len > 0;
}

/* Has it characters between `first` and '~', or of others than ASCII, or tabs if they may be there? No others. */
static bool is_visible(struct bytes text, char first, bool may_have_tabs)
{
    for (size_t i = 0; i < text.len; i++) {
        const unsigned char character = (unsigned char)text.data[i];
        if (character == 0x7f || (character < (unsigned char)first && !(may_have_tabs && character == '\t'))) {
            return false;
        }
    }
    return true;
}

static bool starts_with(struct bytes text, struct bytes start)
{
    return text.len >= start.len && memcmp(text.data, start.data, start.len) == 0;
}

/* Up to the first `end`, which is taken off *rest with it; all of it where there is none. */
static struct bytes take_until(struct bytes *rest, char end)
{
    const char *found = rest->len == 0 ? NULL : memchr(rest->data, end, rest->len);
    const size_t len = found == NULL ? rest->len : (size_t)(found - rest->data);
    const struct bytes taken = {rest->data, len};
    const size_t skipped = found == NULL ? len : len + 1;
    *rest = (struct bytes){rest->data + skipped, rest->len - skipped};
    return taken;
}

static struct bytes trimmed(struct bytes text)
{
    while (text.len > 0 && (text.data[0] == ' ' || text.data[0] == '\t')) {
        text = (struct bytes){text.data + 1, text.len - 1};
    }
    while (text.len > 0 && (text.data[text.len - 1] == ' ' || text.data[text.len - 1] == '\t')) {
        text.len--;
    }
    return text;
}

/* "/metrics?x=1" or "http://host/metrics". */
static enum http_status read_target(struct bytes target, struct http_request *out)
{
    struct bytes path = target;
    if (starts_with(target, BYTES("http://"))) {
        const char *end = target.data + target.len;
        const char *host = target.data + BYTES("http://").len;
        const char *slash = memchr(host, '/', (size_t)(end - host));
        path = slash == NULL ? BYTES("/") : (struct bytes){slash, (size_t)(end - slash)};
    }
    if (path.len == 0 || path.data[0] != '/' || !is_visible(target, '!', false)) {
        return HTTP_BAD_REQUEST;
    }
    out->path = take_until(&path, '?');
    out->query = path;
    return HTTP_OK;
}

/* "GET /metrics HTTP/1.1" */
static enum http_status read_first_line(struct bytes line, struct http_request *out, bool *is_old)
{
    struct bytes rest = line;
    const struct bytes method = take_until(&rest, ' ');
    const struct bytes target = take_until(&rest, ' ');
    const bool is_version = rest.len == 8 && starts_with(rest, BYTES("HTTP/")) && rest.data[5] >= '0' && rest.data[5] <= '9' &&
                            rest.data[6] == '.' && rest.data[7] >= '0' && rest.data[7] <= '9';
    if (!is_token(method) || !is_version) {
        return HTTP_BAD_REQUEST;
    }
    *is_old = bytes_equal(rest, BYTES("HTTP/1.0"));
    if (!*is_old && !bytes_equal(rest, BYTES("HTTP/1.1"))) {
        return HTTP_BAD_VERSION;
    }
    out->is_head = bytes_equal(method, BYTES("HEAD"));
    if (!out->is_head && !bytes_equal(method, BYTES("GET"))) {
        return HTTP_NOT_ALLOWED;
    }
    out->is_kept_alive = !*is_old;
    return read_target(target, out);
}

static bool has_item(struct bytes list, struct bytes item)
{
    while (list.len > 0) {
        if (bytes_equal_ignore_case(trimmed(take_until(&list, ',')), item)) {
            return true;
        }
    }
    return false;
}

struct seen_fields {
    unsigned hosts, authorizations;
};

static enum http_status read_field(struct bytes line, struct http_request *out, struct seen_fields *seen)
{
    struct bytes rest = line;
    const struct bytes name = take_until(&rest, ':');
    const struct bytes value = trimmed(rest);
    if (name.len == line.len || !is_token(name) || !is_visible(value, ' ', true)) {
        return HTTP_BAD_REQUEST;
    }
    if (bytes_equal_ignore_case(name, BYTES("host"))) {
        seen->hosts++;
        out->host = value;
    } else if (bytes_equal_ignore_case(name, BYTES("authorization"))) {
        seen->authorizations++;
        out->authorization = value;
    } else if (bytes_equal_ignore_case(name, BYTES("sec-fetch-site"))) {
        out->fetch_site = value;
    } else if (bytes_equal_ignore_case(name, BYTES("connection"))) {
        out->is_kept_alive = out->is_kept_alive && !has_item(value, BYTES("close"));
    } else if (bytes_equal_ignore_case(name, BYTES("transfer-encoding"))) {
        return HTTP_BODY_TOO_LARGE;
    } else if (bytes_equal_ignore_case(name, BYTES("content-length"))) {
        int64_t len;
        return !int64_parse(value, &len) || len < 0 ? HTTP_BAD_REQUEST : len > 0 ? HTTP_BODY_TOO_LARGE : HTTP_OK;
    }
    return HTTP_OK;
}

static enum http_status too_little(struct bytes input, enum http_status refusal)
{
    return input.len >= HTTP_REQUEST_MAX ? refusal : HTTP_MORE;
}

enum http_status http_request_parse(struct bytes input, struct http_request *out)
{
    struct http_request request = {0};
    struct seen_fields seen = {0};
    struct bytes line;
    bool is_old = false;
    size_t at = 0;
    if (!next_line(input, &at, &line)) {
        return too_little(input, HTTP_TARGET_TOO_LONG);
    }
    enum http_status status = read_first_line(line, &request, &is_old);
    while (status == HTTP_OK) {
        if (!next_line(input, &at, &line)) {
            return too_little(input, HTTP_HEAD_TOO_LARGE);
        }
        if (line.len == 0) {
            break;
        }
        status = read_field(line, &request, &seen);
    }
    if (status != HTTP_OK) {
        return status;
    }
    if (at > HTTP_REQUEST_MAX) {
        return HTTP_HEAD_TOO_LARGE;
    }
    if (seen.hosts > 1 || (seen.hosts == 0 && !is_old) || seen.authorizations > 1) {
        return HTTP_BAD_REQUEST;
    }
    request.consumed = at;
    *out = request;
    return HTTP_OK;
}
