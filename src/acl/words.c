/* words.c - see words.h.  */
#include "acl/words.h"

bool acl_next_word(struct bytes *rest, struct bytes *word)
{
    while (rest->len > 0 && rest->data[0] == ' ') {
        rest->data++;
        rest->len--;
    }
    if (rest->len == 0) {
        return false;
    }
    const char *space = memchr(rest->data, ' ', rest->len);
    *word = (struct bytes){rest->data, space == NULL ? rest->len : (size_t)(space - rest->data)};
    rest->data += word->len;
    rest->len -= word->len;
    return true;
}

static bool ends_selector(struct bytes word)
{
    return word.len > 0 && word.data[word.len - 1] == ')';
}

/* How many words from the first on are one selector; 0: its parenthesis is not closed. */
static size_t selector_words(const struct bytes *words, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (ends_selector(words[i])) {
            return i + 1;
        }
    }
    return 0;
}

/* `texts` has room, so that what lies in it stays. */
static struct bytes join(const struct bytes *words, size_t count, struct buffer *texts)
{
    const size_t start = texts->len;
    for (size_t i = 0; i < count; i++) {
        if (i > 0) {
            texts->data[texts->len++] = ' ';
        }
        memcpy(texts->data + texts->len, words[i].data, words[i].len);
        texts->len += words[i].len;
    }
    return (struct bytes){texts->data + start, texts->len - start};
}

static bool make_room(struct acl_words *words, const struct bytes *source, size_t count)
{
    size_t bytes = 1;
    for (size_t i = 0; i < count; i++) {
        bytes += source[i].len + 1;
    }
    return buffer_reserve_exactly(&words->texts, bytes) && buffer_reserve_exactly(&words->items, (count + 1) * sizeof(struct bytes));
}

enum acl_words_result acl_words_merge(const struct bytes *source, size_t count, struct acl_words *words, struct bytes *culprit)
{
    words->items = words->texts = BUFFER_EMPTY(MEM_SERVER);
    if (!make_room(words, source, count)) {
        return ACL_WORDS_NO_MEMORY;
    }
    for (size_t i = 0; i < count;) {
        const bool begins = source[i].len > 0 && source[i].data[0] == '(';
        const size_t merged = begins ? selector_words(source + i, count - i) : 1;
        if (merged == 0) {
            *culprit = source[i];
            return ACL_WORDS_UNMATCHED;
        }
        const struct bytes word = merged == 1 ? source[i] : join(source + i, merged, &words->texts);
        ((struct bytes *)(void *)words->items.data)[words->items.len / sizeof word] = word;
        words->items.len += sizeof word;
        i += merged;
    }
    return ACL_WORDS_OK;
}

void acl_words_release(struct acl_words *words)
{
    buffer_release(&words->items);
    buffer_release(&words->texts);
}
