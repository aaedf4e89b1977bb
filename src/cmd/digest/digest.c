/* digest.c - see digest.h.  */
#include "cmd/digest/digest.h"

void digest_join(struct digest *digest, const struct digest *other)
{
    for (unsigned i = 0; i < SHA1_BYTES; i++) {
        digest->bytes[i] ^= other->bytes[i];
    }
}

void digest_add(struct digest *digest, struct bytes text)
{
    struct digest other;
    sha1(text, other.bytes);
    digest_join(digest, &other);
}

void digest_mix(struct digest *digest, struct bytes text)
{
    digest_add(digest, text);
    digest_mix_nothing(digest);
}

void digest_mix_number(struct digest *digest, uint32_t number)
{
    const char text[4] = {(char)(number >> 24), (char)(number >> 16), (char)(number >> 8), (char)number};
    digest_mix(digest, (struct bytes){text, sizeof text});
}

void digest_mix_nothing(struct digest *digest)
{
    sha1(digest_bytes(digest), digest->bytes);
}

void digest_format(const struct digest *digest, char out[DIGEST_TEXT_LEN])
{
    static const char digits[] = "0123456789abcdef";
    for (unsigned i = 0; i < SHA1_BYTES; i++) {
        out[2 * i] = digits[digest->bytes[i] >> 4];
        out[2 * i + 1] = digits[digest->bytes[i] & 15];
    }
}
