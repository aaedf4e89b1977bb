/* words.h - the rules of a user as words: a further selector "(~a* +get)" is one, whether it came as one word or as several.
 *
 * Threads    Any.  */
#ifndef ACL_WORDS_H
#define ACL_WORDS_H

#include "mem/buffer.h"

/* Cuts the next word off *rest, at spaces. False: there is none. */
bool acl_next_word(struct bytes *rest, struct bytes *word);

/* Words, those of a selector merged into one. */
struct acl_words {
    struct buffer items; /* struct bytes: lent from the source, or in `texts` */
    struct buffer texts;
};
enum acl_words_result { ACL_WORDS_OK, ACL_WORDS_UNMATCHED, ACL_WORDS_NO_MEMORY };
/* acl_words_release follows, whatever the result. *culprit: the word whose parenthesis is not closed. */
enum acl_words_result acl_words_merge(const struct bytes *source, size_t count, struct acl_words *words, struct bytes *culprit);
void acl_words_release(struct acl_words *words);

static inline size_t acl_words_count(const struct acl_words *words)
{
    return words->items.len / sizeof(struct bytes);
}
static inline struct bytes acl_words_at(const struct acl_words *words, size_t index)
{
    return ((const struct bytes *)(const void *)words->items.data)[index];
}

#endif
