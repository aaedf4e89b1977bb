/* question.h - what the server is asked for a page, in RESP.
 *
 *     AUTH and HELLO 3 and SELECT, each if it is needed, and the page's command. The replies come in this order, one each.
 *
 * Threads    Any.  */
#ifndef HTTP_QUESTION_H
#define HTTP_QUESTION_H

#include "http/basic.h"
#include "http/request.h"
#include "mem/buffer.h"

#include <stdint.h>

enum { QUESTION_WORDS_MAX = 8 };

enum question_format {
    QUESTION_TEXT,     /* the reply is a text, and the page */
    QUESTION_JSON,     /* the page is the reply as JSON */
    QUESTION_EXPLORER, /* the page is the explorer's; the reply says who may have it */
};

struct question {
    const char *path;
    enum question_format format;
    bool has_place;                         /* the page takes ?db=N and ?depth=N */
    int64_t ask_ms;                         /* the server's time for its answer */
    const char *words[QUESTION_WORDS_MAX];  /* the command's own name first, NULL behind the last */
};

/* Under which name clients know a command (rename-command): lent; "" when they cannot run it. */
struct question_names {
    void *context;
    const char *(*name_of)(void *context, const char *own);
};

/* The one of a page; NULL: it has none. */
const struct question *question_find(struct bytes path);

/* Appends the question of a user (NULL: of nobody that says who it is; without a name: "default"). *replies: how many come. HTTP_OK;
 * HTTP_BAD_REQUEST: the query has something that the page does not take, *out is as it was; HTTP_UNAVAILABLE: no memory. */
MUST_USE enum http_status question_append(struct buffer *out, const struct question *question, const struct question_names *names,
                                          struct bytes query, const struct basic_user *user, uint32_t *replies);

#endif
