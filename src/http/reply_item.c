/* reply_item.c - see reply_item.h.  */
#include "http/reply_item.h"

#include "base/number.h"

/* What a first byte says. */
enum item_form { FORM_LINE, FORM_LEN, FORM_COUNT, FORM_PAIRS };

static const struct item_type {
    char sign;
    enum item_form form;
    enum item_kind kind;
    size_t skipped; /* bytes in front of the text: "txt:" */
} types[] = {
    {'+', FORM_LINE, ITEM_TEXT, 0},
    {'-', FORM_LINE, ITEM_ERROR, 0},
    {':', FORM_LINE, ITEM_NUMBER, 0},
    {',', FORM_LINE, ITEM_NUMBER, 0},
    {'(', FORM_LINE, ITEM_NUMBER, 0},
    {'#', FORM_LINE, ITEM_BOOLEAN, 0},
    {'_', FORM_LINE, ITEM_NULL, 0},
    {'$', FORM_LEN, ITEM_TEXT, 0},
    {'=', FORM_LEN, ITEM_TEXT, 4},
    {'*', FORM_COUNT, ITEM_LIST, 0},
    {'~', FORM_COUNT, ITEM_LIST, 0},
    {'%', FORM_PAIRS, ITEM_MAP, 0},
};

static const struct item_type *type_of(char sign)
{
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
        if (types[i].sign == sign) {
            return &types[i];
        }
    }
    return NULL;
}

static enum reply_found read_len(struct bytes rest, const struct item_type *type, uint64_t len, size_t *at, struct reply_item *out)
{
    if (len > rest.len || rest.len - len < 2) {
        return REPLY_PARTIAL;
    }
    if (len < type->skipped || memcmp(rest.data + len, "\r\n", 2) != 0) {
        return REPLY_STRANGE;
    }
    *out = (struct reply_item){.kind = type->kind, .text = {rest.data + type->skipped, (size_t)len - type->skipped}};
    *at += (size_t)len + 2;
    return REPLY_FOUND;
}

enum reply_found reply_item_read(struct bytes received, size_t *at, struct reply_item *out)
{
    const struct bytes rest = {received.data + *at, received.len - *at};
    if (rest.len == 0) {
        return REPLY_PARTIAL;
    }
    const struct item_type *type = type_of(rest.data[0]);
    if (type == NULL) {
        return REPLY_STRANGE;
    }
    const char *end = memmem(rest.data, rest.len, "\r\n", 2);
    if (end == NULL) {
        return REPLY_PARTIAL;
    }
    const size_t line_len = (size_t)(end - rest.data);
    const struct bytes line = {rest.data + 1, line_len - 1};
    uint64_t number = 0;
    if (type->form == FORM_LINE || bytes_equal(line, BYTES("-1"))) {
        *out = (struct reply_item){.kind = type->form == FORM_LINE ? type->kind : ITEM_NULL, .text = line};
        *at += line_len + 2;
        return REPLY_FOUND;
    }
    if (!uint64_parse(line, &number) || (type->form != FORM_LEN && number > REPLY_COUNT_MAX / 2)) {
        return REPLY_STRANGE;
    }
    size_t behind = *at + line_len + 2;
    if (type->form == FORM_LEN) {
        const enum reply_found found = read_len((struct bytes){end + 2, rest.len - line_len - 2}, type, number, &behind, out);
        *at = found == REPLY_FOUND ? behind : *at;
        return found;
    }
    *out = (struct reply_item){.kind = type->kind, .count = type->form == FORM_PAIRS ? 2 * number : number};
    *at = behind;
    return REPLY_FOUND;
}

enum reply_found reply_walk_on(struct bytes received, struct reply_walk *walk)
{
    while (walk->pending > 0) {
        struct reply_item item;
        const enum reply_found found = reply_item_read(received, &walk->at, &item);
        if (found != REPLY_FOUND) {
            return found;
        }
        walk->pending += item.count;
        walk->pending--;
        if (walk->pending > REPLY_COUNT_MAX) {
            return REPLY_STRANGE;
        }
    }
    return REPLY_FOUND;
}
