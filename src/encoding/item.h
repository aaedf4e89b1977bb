/* item.h - one member, field, value or list item as the encodings hand it out: text, or an integer that is kept as one.
 *
 * Threads    Any. An item is lent from the structure it came from, until that changes.  */
#ifndef ENCODING_ITEM_H
#define ENCODING_ITEM_H

#include "base/bytes.h"
#include "base/number.h"

#include <stdbool.h>
#include <stdint.h>

enum { ITEM_SCRATCH = 24 };
_Static_assert((int)ITEM_SCRATCH >= (int)INT64_TEXT_MAX, "the scratch holds any integer");

struct item {
    const char *data; /* NULL: an integer */
    size_t len;
    int64_t integer;
};

static inline bool item_is_integer(const struct item *item)
{
    return item->data == NULL;
}

static inline struct item item_of_text(struct bytes text)
{
    return (struct item){.data = text.data == NULL ? "" : text.data, .len = text.len};
}

static inline struct item item_of_integer(int64_t integer)
{
    return (struct item){.integer = integer};
}

/* The item as text: lent as the item is, or made in `scratch`. */
static inline struct bytes item_text(const struct item *item, char scratch[ITEM_SCRATCH])
{
    if (item->data != NULL) {
        return (struct bytes){item->data, item->len};
    }
    return (struct bytes){scratch, int64_format(item->integer, scratch)};
}

/* True and the number when `text` is exactly what int64_format makes of it: then it may be kept as an integer. */
static inline bool item_text_is_integer(struct bytes text, int64_t *out)
{
    if (text.len == 0 || text.len > INT64_TEXT_MAX || (unsigned char)text.data[0] > '9') {
        return false;
    }
    return int64_parse(text, out);
}

#endif
