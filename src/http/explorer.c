/* explorer.c - see explorer.h.  */
#include "http/explorer.h"

#include "base/sha256.h"
#include "http/explorer_bytes.h"

#include <assert.h>
#include <stdint.h>

enum { DIGEST_TEXT = (SHA256_BYTES + 2) / 3 * 4 };

struct bytes explorer_page(void)
{
    return (struct bytes){(const char *)explorer_bytes, sizeof explorer_bytes};
}

/* Between `start` and `end`, which are in the page. */
static struct bytes part_between(struct bytes start, struct bytes end)
{
    const struct bytes page = explorer_page();
    const char *found = memmem(page.data, page.len, start.data, start.len);
    assert(found != NULL);
    const char *first = found + start.len;
    const char *last = memmem(first, page.len - (size_t)(first - page.data), end.data, end.len);
    assert(last != NULL);
    return (struct bytes){first, (size_t)(last - first)};
}

static void encode_base64(const unsigned char digest[SHA256_BYTES], char out[DIGEST_TEXT + 1])
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    _Static_assert(SHA256_BYTES % 3 == 2, "one '=' at the end");
    for (unsigned i = 0; i < DIGEST_TEXT / 4; i++) {
        const uint32_t last = 3 * i + 2 < SHA256_BYTES ? digest[3 * i + 2] : 0;
        const uint32_t bits = (uint32_t)digest[3 * i] << 16 | (uint32_t)digest[3 * i + 1] << 8 | last;
        for (unsigned digit = 0; digit < 4; digit++) {
            out[4 * i + digit] = digits[bits >> (18 - 6 * digit) & 63];
        }
    }
    out[DIGEST_TEXT - 1] = '=';
    out[DIGEST_TEXT] = '\0';
}

bool explorer_append_fields(struct buffer *out)
{
    unsigned char digest[SHA256_BYTES];
    char style[DIGEST_TEXT + 1], script[DIGEST_TEXT + 1];
    if (!sha256(part_between(BYTES("<style>"), BYTES("</style>")), digest)) {
        return false;
    }
    encode_base64(digest, style);
    if (!sha256(part_between(BYTES("<script>"), BYTES("</script>")), digest)) {
        return false;
    }
    encode_base64(digest, script);
    return buffer_append_format(out, "Content-Security-Policy: default-src 'none'; style-src 'sha256-%s'; script-src 'sha256-%s'; "
                                "connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
                                "require-trusted-types-for 'script'; trusted-types 'none'\r\n"
                                "Cross-Origin-Opener-Policy: same-origin\r\nReferrer-Policy: no-referrer\r\n", style, script);
}
