/* word_list.h - texts of words with spaces between them: "RW access update".  */
#ifndef BASE_WORD_LIST_H
#define BASE_WORD_LIST_H

#include "base/bytes.h"

/* Calls `visit` for every word, which is not empty. Returns how many there are. */
typedef void word_visit_fn(struct bytes word, void *arg);
size_t words_visit(struct bytes text, word_visit_fn *visit, void *arg);

#endif
