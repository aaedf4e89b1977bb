/* answer.c - see answer.h.  */
#include "http/answer.h"

#include "base/number.h"

#include <string.h>

/* --- asking --- */

static bool append_word(struct buffer *out, struct bytes word)
{
    return buffer_append_format(out, "$%zu\r\n", word.len) && buffer_append(out, word) && buffer_append(out, BYTES("\r\n"));
}

static bool append_login(struct buffer *out, const char *command, const struct basic_user *user)
{
    return buffer_append(out, BYTES("*3\r\n")) && append_word(out, bytes_of_string(command)) &&
           append_word(out, user->name.len == 0 ? BYTES("default") : user->name) && append_word(out, user->password);
}

bool answer_ask(struct buffer *out, const struct http_commands *commands, const struct basic_user *user)
{
    return (user == NULL || append_login(out, commands->login, user)) && buffer_append(out, BYTES("*1\r\n")) &&
           append_word(out, bytes_of_string(commands->metrics));
}

/* --- answered --- */

enum reply_kind { REPLY_PARTIAL, REPLY_STATUS, REPLY_ERROR, REPLY_TEXT, REPLY_STRANGE };

/* A simple string, an error or a bulk string at *at, which goes behind it. */
static enum reply_kind read_reply(struct bytes received, size_t *at, struct bytes *text)
{
    const struct bytes rest = {received.data + *at, received.len - *at};
    const char *end = rest.len == 0 ? NULL : memmem(rest.data, rest.len, "\r\n", 2);
    if (end == NULL) {
        return REPLY_PARTIAL;
    }
    const size_t line_len = (size_t)(end - rest.data);
    const struct bytes line = {rest.data + 1, line_len == 0 ? 0 : line_len - 1};
    uint64_t len;
    if (rest.data[0] == '+' || rest.data[0] == '-') {
        *text = line;
        *at += line_len + 2;
        return rest.data[0] == '+' ? REPLY_STATUS : REPLY_ERROR;
    }
    if (rest.data[0] != '$' || !uint64_parse(line, &len) || len > ANSWER_MAX) {
        return REPLY_STRANGE;
    }
    if (rest.len - line_len - 2 < len + 2) {
        return REPLY_PARTIAL;
    }
    *text = (struct bytes){end + 2, len};
    *at += line_len + 2 + len + 2;
    return REPLY_TEXT;
}

static bool has_code(struct bytes error, struct bytes code)
{
    return error.len > code.len && memcmp(error.data, code.data, code.len) == 0 && error.data[code.len] == ' ';
}

static enum http_status status_of(struct bytes error)
{
    if (has_code(error, BYTES("NOAUTH")) || has_code(error, BYTES("WRONGPASS"))) {
        return HTTP_UNAUTHORIZED;
    }
    return has_code(error, BYTES("NOPERM")) ? HTTP_FORBIDDEN : HTTP_UNAVAILABLE;
}

enum http_status answer_read(struct bytes received, bool has_user, struct bytes *text)
{
    size_t at = 0;
    enum reply_kind kind = REPLY_STATUS;
    if (has_user) {
        kind = read_reply(received, &at, text);
    }
    if (kind == REPLY_STATUS) {
        kind = read_reply(received, &at, text);
    }
    switch (kind) {
    case REPLY_PARTIAL:
        return received.len > ANSWER_MAX + HTTP_REQUEST_MAX ? HTTP_UNAVAILABLE : HTTP_MORE;
    case REPLY_TEXT:
        return HTTP_OK;
    case REPLY_ERROR:
        return status_of(*text);
    case REPLY_STATUS:
    case REPLY_STRANGE:
        break;
    }
    *text = BYTES("the server's answer cannot be read");
    return HTTP_UNAVAILABLE;
}
