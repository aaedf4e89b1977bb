/* word_list.c - see word_list.h.  */
#include "base/word_list.h"

size_t words_visit(struct bytes text, word_visit_fn *visit, void *arg)
{
    size_t count = 0;
    size_t at = 0;
    while (at < text.len) {
        size_t start = at;
        while (at < text.len && text.data[at] != ' ') {
            at++;
        }
        if (at > start) {
            visit((struct bytes){text.data + start, at - start}, arg);
            count++;
        }
        at += at < text.len;
    }
    return count;
}
