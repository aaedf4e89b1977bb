/* bytes.h - a borrowed run of bytes: text, keys and values are never NUL-terminated here.  */
#ifndef BASE_BYTES_H
#define BASE_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

struct bytes {
    const char *data; /* may be NULL only when len is 0 */
    size_t len;
};

#define BYTES(literal) ((struct bytes){(literal), sizeof(literal) - 1})

static inline struct bytes bytes_of_string(const char *text)
{
    return (struct bytes){text, strlen(text)};
}

static inline bool bytes_equal(struct bytes a, struct bytes b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.data, b.data, a.len) == 0);
}

/* ASCII case is ignored, as for command names and options. */
bool bytes_equal_ignore_case(struct bytes a, struct bytes b);

/* Order of memcmp, the shorter first when one is a prefix of the other. Returns <0, 0, >0. */
int bytes_compare(struct bytes a, struct bytes b);

#endif
