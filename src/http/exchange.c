/* exchange.c - see exchange.h.  */
#include "http/exchange.h"

#include "http/explorer.h"
#include "http/host.h"
#include "http/reply_json.h"
#include "mem/heap.h"
#include "net/listener.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { ANSWER_CHUNK = 65536, PEER_NAME_MAX = 128 };

#define METRICS_TYPE "text/plain; version=0.0.4; charset=utf-8"
#define TEXT_TYPE "text/plain; charset=utf-8"
#define JSON_TYPE "application/json"
#define EXPLORER_TYPE "text/html; charset=utf-8"

struct exchange *exchange_create(const struct http_hooks *hooks, int fd, int64_t now_ms)
{
    struct exchange *exchange = thread_alloc(MEM_SERVER, sizeof *exchange);
    if (exchange != NULL) {
        memset(exchange, 0, offsetof(struct exchange, input));
        exchange->hooks = hooks;
        exchange->fd = fd;
        exchange->server_fd = -1;
        exchange->end_ms = now_ms + EXCHANGE_READ_MS;
        exchange->asked = exchange->received = exchange->output = BUFFER_EMPTY(MEM_SERVER);
    }
    return exchange;
}

static void hang_up_server(struct exchange *exchange)
{
    if (exchange->server_fd >= 0) {
        close(exchange->server_fd);
        exchange->server_fd = -1;
    }
    if (exchange->asked.capacity > 0) {
        explicit_bzero(exchange->asked.data, exchange->asked.capacity); /* a password may be in it */
    }
    buffer_release(&exchange->asked);
    buffer_release(&exchange->received);
}

void exchange_destroy(struct exchange *exchange)
{
    hang_up_server(exchange);
    buffer_release(&exchange->output);
    close(exchange->fd);
    thread_free(MEM_SERVER, exchange, sizeof *exchange);
}

bool exchange_is_idle(const struct exchange *exchange)
{
    return exchange->state == EXCHANGE_READING && exchange->input_len == 0;
}

struct pollfd exchange_awaits(const struct exchange *exchange)
{
    const bool asks = exchange->state == EXCHANGE_ASKING;
    const bool sends = exchange->state == EXCHANGE_WRITING || (asks && exchange->sent < exchange->asked.len);
    return (struct pollfd){.fd = asks ? exchange->server_fd : exchange->fd, .events = sends ? POLLOUT : POLLIN};
}

static void enter(struct exchange *exchange, enum exchange_state state, int64_t end_ms)
{
    assert(exchange->state != EXCHANGE_GONE);
    assert((state == EXCHANGE_ASKING) == (exchange->server_fd >= 0));
    exchange->state = state;
    exchange->end_ms = end_ms;
    exchange->sent = 0;
}

/* --- answering --- */

static const char *reason_of(enum http_status status)
{
    switch (status) {
    case HTTP_OK: return "OK";
    case HTTP_BAD_REQUEST: return "Bad Request";
    case HTTP_UNAUTHORIZED: return "Unauthorized";
    case HTTP_FORBIDDEN: return "Forbidden";
    case HTTP_NOT_FOUND: return "Not Found";
    case HTTP_NOT_ALLOWED: return "Method Not Allowed";
    case HTTP_BODY_TOO_LARGE: return "Content Too Large";
    case HTTP_TARGET_TOO_LONG: return "URI Too Long";
    case HTTP_HEAD_TOO_LARGE: return "Request Header Fields Too Large";
    case HTTP_UNAVAILABLE: return "Service Unavailable";
    case HTTP_BAD_VERSION: return "HTTP Version Not Supported";
    case HTTP_MORE: break;
    }
    return "";
}

/* What a status has besides. */
static const char *fields_of(enum http_status status)
{
    if (status == HTTP_UNAUTHORIZED) {
        return "WWW-Authenticate: Basic realm=\"tessera\", charset=\"UTF-8\"\r\n";
    }
    return status == HTTP_NOT_ALLOWED ? "Allow: GET, HEAD\r\n" : "";
}

/* Without memory for it there is no answer: the exchange is gone. */
static void answer(struct exchange *exchange, enum http_status status, const char *type, struct bytes page, int64_t now_ms)
{
    const bool is_line = page.len == 0 || page.data[page.len - 1] != '\n';
    struct buffer *out = &exchange->output;
    const bool is_done =
        buffer_append_format(out, "HTTP/1.1 %d %s\r\nContent-Type: %s\r\nContent-Length: %zu\r\nCache-Control: no-store\r\n"
                             "X-Content-Type-Options: nosniff\r\nCross-Origin-Resource-Policy: same-origin\r\n%s%s", status, reason_of(status), type,
                             page.len + is_line, fields_of(status), exchange->is_kept_alive ? "" : "Connection: close\r\n") &&
        (strcmp(type, EXPLORER_TYPE) != 0 || explorer_append_fields(out)) && buffer_append(out, BYTES("\r\n")) &&
        (exchange->is_head || (buffer_append(out, page) && (!is_line || buffer_append(out, BYTES("\n")))));
    hang_up_server(exchange); /* the page may be in its answer */
    enter(exchange, is_done ? EXCHANGE_WRITING : EXCHANGE_GONE, now_ms + EXCHANGE_WRITE_MS);
}

static void answer_line(struct exchange *exchange, enum http_status status, const char *line, int64_t now_ms)
{
    answer(exchange, status, TEXT_TYPE, bytes_of_string(line), now_ms);
}

/* What cannot be read any further. */
static void refuse(struct exchange *exchange, enum http_status status, int64_t now_ms)
{
    exchange->is_head = exchange->is_kept_alive = false;
    answer_line(exchange, status, reason_of(status), now_ms);
}

/* What the server has replied, as the question's page has it. */
static void answer_reply(struct exchange *exchange, struct bytes reply, int64_t now_ms)
{
    struct reply_item item;
    struct buffer json = BUFFER_EMPTY(MEM_SERVER);
    size_t at = 0;
    if (exchange->question->format == QUESTION_JSON) {
        const enum result result = reply_json_append(&json, reply);
        if (result == RESULT_OK) {
            answer(exchange, HTTP_OK, JSON_TYPE, buffer_bytes(&json), now_ms);
        } else {
            answer_line(exchange, HTTP_UNAVAILABLE, result == RESULT_NO_MEMORY ? "out of memory" : "the server's answer cannot be read", now_ms);
        }
    } else if (reply_item_read(reply, &at, &item) == REPLY_FOUND && item.kind == ITEM_TEXT) {
        answer(exchange, HTTP_OK, METRICS_TYPE, item.text, now_ms);
    } else {
        answer_line(exchange, HTTP_UNAVAILABLE, "the server's answer cannot be read", now_ms);
    }
    buffer_release(&json);
}

/* --- requests --- */

/* Its answer comes when the server's has. Else a status: what the query asks for is nothing (400), or there is no connection, or no memory (503). */
static enum http_status ask(struct exchange *exchange, const struct http_request *request, const struct basic_user *user, int64_t now_ms)
{
    char name[PEER_NAME_MAX], peer[PEER_NAME_MAX - 8];
    uint32_t replies;
    socket_peer_text(exchange->fd, peer, sizeof peer);
    snprintf(name, sizeof name, "http:%s", peer);
    const struct http_hooks *hooks = exchange->hooks;
    const struct question_names names = {.context = hooks->context, .name_of = hooks->command_name};
    const enum http_status status = question_append(&exchange->asked, exchange->question, &names, request->query, user, &replies);
    if (status != HTTP_OK) {
        return status;
    }
    exchange->server_fd = hooks->connect(hooks->context, name);
    if (exchange->server_fd < 0) {
        return HTTP_UNAVAILABLE;
    }
    exchange->walk = answer_begin(replies);
    enter(exchange, EXCHANGE_ASKING, now_ms + exchange->question->ask_ms);
    return HTTP_OK;
}

/* Why the page is not for who asks, whoever the user is; NULL: it is. What /metrics tells may be asked for by name: monitoring does. */
static const char *refusal_of(const struct exchange *exchange, const struct http_request *request)
{
    const struct http_hooks *hooks = exchange->hooks;
    const enum question_format format = exchange->question->format;
    if (hooks->is_forbidden(hooks->context, exchange->fd)) {
        return "protected mode: without a password, only this machine is answered";
    }
    if (format != QUESTION_TEXT && !host_is_address(request->host) && !hooks->is_own_name(hooks->context, request->host)) {
        return "this page is asked for by an address, as localhost, or by a name of metrics-hosts: against DNS rebinding";
    }
    const bool is_of_others = bytes_equal(request->fetch_site, BYTES("cross-site")) || bytes_equal(request->fetch_site, BYTES("same-site"));
    return format == QUESTION_JSON && is_of_others ? "pages of other sites are not answered" : NULL;
}

static void serve_question(struct exchange *exchange, const struct http_request *request, int64_t now_ms)
{
    char text[BASIC_MAX];
    struct basic_user user;
    const bool has_user = request->authorization.len > 0;
    const char *refusal = refusal_of(exchange, request);
    if (refusal != NULL) {
        answer_line(exchange, HTTP_FORBIDDEN, refusal, now_ms);
    } else if (has_user && !basic_parse(request->authorization, text, &user)) {
        answer_line(exchange, HTTP_UNAUTHORIZED, "basic authentication is needed", now_ms);
    } else {
        const enum http_status status = ask(exchange, request, has_user ? &user : NULL, now_ms);
        if (status != HTTP_OK) {
            const char *line = status == HTTP_BAD_REQUEST ? "the page takes db=0.. and depth=1..32" : "out of memory, or of descriptors";
            answer_line(exchange, status, line, now_ms);
        }
    }
    explicit_bzero(text, sizeof text);
}

static void serve_ready(struct exchange *exchange, int64_t now_ms)
{
    const char *reason = exchange->hooks->not_ready(exchange->hooks->context);
    answer_line(exchange, reason == NULL ? HTTP_OK : HTTP_UNAVAILABLE, reason == NULL ? "ready" : reason, now_ms);
}

static void serve(struct exchange *exchange, const struct http_request *request, int64_t now_ms)
{
    exchange->is_head = request->is_head;
    exchange->is_kept_alive = request->is_kept_alive;
    exchange->question = question_find(request->path);
    if (exchange->question != NULL) {
        serve_question(exchange, request, now_ms);
    } else if (bytes_equal(request->path, BYTES("/livez"))) {
        answer_line(exchange, HTTP_OK, "live", now_ms);
    } else if (bytes_equal(request->path, BYTES("/readyz"))) {
        serve_ready(exchange, now_ms);
    } else {
        answer_line(exchange, HTTP_NOT_FOUND, "there are / and /metrics, /livez and /readyz", now_ms);
    }
}

/* --- steps; each is true when the next one may follow at once --- */

/* What has arrived is a request, or will be one. */
static bool take_request(struct exchange *exchange, int64_t now_ms)
{
    struct http_request request;
    const enum http_status status = http_request_parse((struct bytes){exchange->input, exchange->input_len}, &request);
    if (status == HTTP_MORE) {
        return false;
    }
    if (status != HTTP_OK) {
        refuse(exchange, status, now_ms);
        return true;
    }
    serve(exchange, &request, now_ms);
    explicit_bzero(exchange->input, request.consumed); /* a password may be in it */
    memmove(exchange->input, exchange->input + request.consumed, exchange->input_len - request.consumed);
    exchange->input_len -= request.consumed;
    return true;
}

static bool was_put_off(ssize_t result)
{
    return result < 0 && (errno == EAGAIN || errno == EINTR);
}

static bool read_request(struct exchange *exchange, int64_t now_ms)
{
    const bool was_idle = exchange_is_idle(exchange);
    const ssize_t count = recv(exchange->fd, exchange->input + exchange->input_len, sizeof exchange->input - exchange->input_len, MSG_DONTWAIT);
    if (count <= 0) {
        if (!was_put_off(count)) {
            enter(exchange, EXCHANGE_GONE, now_ms);
        }
        return false;
    }
    exchange->input_len += (size_t)count;
    if (was_idle) {
        exchange->end_ms = now_ms + EXCHANGE_READ_MS;
    }
    return take_request(exchange, now_ms);
}

static bool send_question(struct exchange *exchange, int64_t now_ms)
{
    const ssize_t count = send(exchange->server_fd, exchange->asked.data + exchange->sent, exchange->asked.len - exchange->sent,
                               MSG_DONTWAIT | MSG_NOSIGNAL);
    if (count < 0 && !was_put_off(count)) {
        answer_line(exchange, HTTP_UNAVAILABLE, "the server has hung up", now_ms);
        return true;
    }
    exchange->sent += count > 0 ? (size_t)count : 0;
    return false;
}

/* What has been received is the answer, or will be one. */
static void take_answer(struct exchange *exchange, int64_t now_ms)
{
    struct bytes reply;
    const enum http_status status = answer_read(buffer_bytes(&exchange->received), &exchange->walk, &reply);
    if (status == HTTP_MORE) {
        return;
    }
    if (exchange->question->format == QUESTION_EXPLORER && status != HTTP_UNAUTHORIZED) { /* it says itself what the user may not see */
        answer(exchange, HTTP_OK, EXPLORER_TYPE, explorer_page(), now_ms);
    } else if (status == HTTP_OK) {
        answer_reply(exchange, reply, now_ms);
    } else {
        answer(exchange, status, TEXT_TYPE, reply, now_ms);
    }
}

static bool read_answer(struct exchange *exchange, int64_t now_ms)
{
    struct buffer *received = &exchange->received;
    if (!buffer_reserve(received, ANSWER_CHUNK)) {
        answer_line(exchange, HTTP_UNAVAILABLE, "out of memory", now_ms);
        return true;
    }
    const ssize_t count = recv(exchange->server_fd, received->data + received->len, received->capacity - received->len, MSG_DONTWAIT);
    if (count <= 0) {
        if (!was_put_off(count)) {
            answer_line(exchange, HTTP_UNAVAILABLE, "the server has hung up", now_ms);
        }
        return !was_put_off(count);
    }
    received->len += (size_t)count;
    take_answer(exchange, now_ms);
    return exchange->state != EXCHANGE_ASKING;
}

static bool write_output(struct exchange *exchange, int64_t now_ms)
{
    const ssize_t count = send(exchange->fd, exchange->output.data + exchange->sent, exchange->output.len - exchange->sent,
                               MSG_DONTWAIT | MSG_NOSIGNAL);
    if (count < 0 && !was_put_off(count)) {
        enter(exchange, EXCHANGE_GONE, now_ms);
        return false;
    }
    exchange->sent += count > 0 ? (size_t)count : 0;
    if (exchange->sent < exchange->output.len) {
        return false;
    }
    buffer_release(&exchange->output);
    if (!exchange->is_kept_alive) {
        (void)shutdown(exchange->fd, SHUT_WR);
        enter(exchange, EXCHANGE_LINGERING, now_ms + EXCHANGE_LINGER_MS);
        return false;
    }
    enter(exchange, EXCHANGE_READING, now_ms + (exchange->input_len > 0 ? EXCHANGE_READ_MS : EXCHANGE_IDLE_MS));
    return exchange->input_len > 0 && take_request(exchange, now_ms);
}

static bool drop_input(struct exchange *exchange, int64_t now_ms)
{
    const ssize_t count = recv(exchange->fd, exchange->input, sizeof exchange->input, MSG_DONTWAIT);
    if (count <= 0 && !was_put_off(count)) {
        enter(exchange, EXCHANGE_GONE, now_ms);
    }
    return false;
}

static bool step(struct exchange *exchange, int64_t now_ms)
{
    switch (exchange->state) {
    case EXCHANGE_READING: return read_request(exchange, now_ms);
    case EXCHANGE_ASKING: return exchange->sent < exchange->asked.len ? send_question(exchange, now_ms) : read_answer(exchange, now_ms);
    case EXCHANGE_WRITING: return write_output(exchange, now_ms);
    case EXCHANGE_LINGERING: return drop_input(exchange, now_ms);
    case EXCHANGE_GONE: break;
    }
    return false;
}

/* Its time is over. */
static void end_wait(struct exchange *exchange, int64_t now_ms)
{
    if (exchange->state == EXCHANGE_ASKING) {
        answer_line(exchange, HTTP_UNAVAILABLE, "the server does not answer in time", now_ms);
    } else {
        enter(exchange, EXCHANGE_GONE, now_ms);
    }
}

bool exchange_go_on(struct exchange *exchange, bool is_ready, int64_t now_ms)
{
    enum { STEPS_MAX = 16 }; /* pipelined requests: others have their turn, too */
    for (int i = 0; is_ready && i < STEPS_MAX; i++) {
        is_ready = step(exchange, now_ms);
    }
    if (exchange->state != EXCHANGE_GONE && now_ms >= exchange->end_ms) {
        end_wait(exchange, now_ms);
    }
    return exchange->state != EXCHANGE_GONE;
}
