/* host.c - see host.h.  */
#include "http/host.h"

#include "base/number.h"

#include <arpa/inet.h>
#include <stdint.h>
#include <string.h>

enum { ADDRESS_TEXT = INET6_ADDRSTRLEN };

/* Takes ":9121" off the end. False: a colon has no number behind it. */
static bool drop_port(struct bytes *host)
{
    const char *colon = host->len == 0 ? NULL : memrchr(host->data, ':', host->len);
    const bool is_in_brackets = colon != NULL && memchr(colon, ']', host->len - (size_t)(colon - host->data)) != NULL;
    if (colon == NULL || is_in_brackets) {
        return true;
    }
    const size_t len = (size_t)(colon - host->data);
    uint64_t port;
    if (!uint64_parse((struct bytes){colon + 1, host->len - len - 1}, &port) || port > UINT16_MAX) {
        return false;
    }
    host->len = len;
    return true;
}

static bool is_address_of(int family, struct bytes text)
{
    char copy[ADDRESS_TEXT];
    struct in6_addr unused;
    if (text.len >= sizeof copy || memchr(text.data, '\0', text.len) != NULL) {
        return false;
    }
    memcpy(copy, text.data, text.len);
    copy[text.len] = '\0';
    return inet_pton(family, copy, &unused) == 1;
}

static bool is_localhost(struct bytes host)
{
    const struct bytes name = BYTES("localhost");
    if (host.len < name.len) {
        return false;
    }
    const size_t before = host.len - name.len;
    return bytes_equal_ignore_case((struct bytes){host.data + before, name.len}, name) && (before == 0 || host.data[before - 1] == '.');
}

bool host_is_address(struct bytes host)
{
    if (!drop_port(&host) || host.len == 0) {
        return false;
    }
    if (host.data[0] == '[') {
        return host.data[host.len - 1] == ']' && is_address_of(AF_INET6, (struct bytes){host.data + 1, host.len - 2});
    }
    return is_localhost(host) || is_address_of(AF_INET, host);
}

bool host_is_one_of(struct bytes host, struct bytes names)
{
    if (!drop_port(&host) || host.len == 0) {
        return false;
    }
    for (size_t from = 0, at = 0; at <= names.len; at++) {
        if (at < names.len && names.data[at] != ' ') {
            continue;
        }
        if (bytes_equal_ignore_case(host, (struct bytes){names.data + from, at - from})) {
            return true;
        }
        from = at + 1;
    }
    return false;
}
