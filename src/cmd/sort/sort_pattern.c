/* sort_pattern.c - patterns parsed, and the keys that they name looked up.  */
#include "cmd/sort/sort_pattern.h"

#include "cmd/core/find.h"
#include "data/hash_value.h"

_Static_assert((int)STRING_SCRATCH <= (int)ITEM_SCRATCH, "a string's text fits where an item's does");

enum { NAME_INLINE_MAX = 256 };

/* As far as the first NUL, where Redis stops looking. */
static struct bytes until_nul(struct bytes word)
{
    const char *nul = word.len == 0 ? NULL : memchr(word.data, '\0', word.len);
    return nul == NULL ? word : (struct bytes){word.data, (size_t)(nul - word.data)};
}

bool sort_is_pattern(struct bytes word)
{
    word = until_nul(word);
    return word.len > 0 && memchr(word.data, '*', word.len) != NULL;
}

struct sort_pattern sort_pattern_parse(struct bytes word)
{
    const struct bytes seen = until_nul(word);
    const char *star = seen.len == 0 ? NULL : memchr(seen.data, '*', seen.len);
    if (star == NULL) {
        const bool is_element = bytes_equal(seen, BYTES("#"));
        return (struct sort_pattern){.is_element = is_element, .is_nothing = !is_element};
    }
    const char *end = word.data + word.len;
    const char *rest = star + 1;
    const size_t seen_len = (size_t)(seen.data + seen.len - rest);
    const char *arrow = seen_len < 2 ? NULL : memmem(rest, seen_len, "->", 2);
    struct sort_pattern pattern = {.prefix = {word.data, (size_t)(star - word.data)}, .suffix = {rest, (size_t)(end - rest)}};
    if (arrow != NULL && arrow + 2 < seen.data + seen.len) {
        pattern.suffix.len = (size_t)(arrow - rest);
        pattern.field = (struct bytes){arrow + 2, (size_t)(end - arrow - 2)};
    }
    return pattern;
}

static char *append(char *to, struct bytes text)
{
    if (text.len > 0) {
        memcpy(to, text.data, text.len);
    }
    return to + text.len;
}

enum sort_found sort_pattern_find(struct exec *exec, const struct sort_pattern *pattern, struct bytes element,
                                  char scratch[ITEM_SCRATCH], struct bytes *out)
{
    char stack[NAME_INLINE_MAX];
    if (pattern->is_element) {
        *out = element;
        return SORT_FOUND;
    }
    if (pattern->is_nothing) {
        return SORT_FOUND_NOTHING;
    }
    const size_t len = pattern->prefix.len + element.len + pattern->suffix.len;
    char *name = len <= sizeof stack ? stack : exec_scratch(exec, len);
    if (name == NULL) {
        return SORT_FOUND_NO_MEMORY;
    }
    append(append(append(name, pattern->prefix), element), pattern->suffix);
    const struct key key = exec_key_of(exec, (struct bytes){name, len});
    const struct entry *entry = expire_fields(exec, key, exec_find_read(exec, key));
    if (entry == NULL) {
        return SORT_FOUND_NOTHING;
    }
    if (pattern->field.len == 0) {
        if (entry_type(entry) != VALUE_STRING) {
            return SORT_FOUND_NOTHING;
        }
        *out = entry_string(entry, scratch);
        return SORT_FOUND;
    }
    struct item item;
    if (entry_type(entry) != VALUE_HASH || !hash_get(entry, pattern->field, &item)) {
        return SORT_FOUND_NOTHING;
    }
    *out = item_text(&item, scratch);
    return SORT_FOUND;
}
