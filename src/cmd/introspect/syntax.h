/* syntax.h - the small language of struct command_spec's `syntax`, read into a tree for COMMAND DOCS.
 *
 *   key              an argument (it has a small letter)
 *   NX               a word to be written as it is (no small letter)
 *   EX seconds       a word and what follows it: seconds with the token EX; several arguments become a block with that token
 *   [x]              may be left out
 *   (x)              a group
 *   a|b              one of them: all that stands before and behind the bar, up to the bracket
 *   NX|XX            a bar right between two words without small letters binds only these two
 *   x [x ...]        one or more times; [x ...] alone: any number of times
 *
 * Threads    Any. The tree points into the text.  */
#ifndef CMD_SYNTAX_H
#define CMD_SYNTAX_H

#include "base/attributes.h"
#include "base/bytes.h"

#include <stdbool.h>
#include <stdint.h>

enum { SYNTAX_NODES_MAX = 96, SYNTAX_DEPTH_MAX = 8, SYNTAX_SEQUENCE_MAX = 32 };

enum syntax_kind { SYNTAX_ARGUMENT, SYNTAX_TOKEN, SYNTAX_ONEOF, SYNTAX_BLOCK };

struct syntax_node {
    uint8_t kind;            /* enum syntax_kind */
    bool is_optional;
    bool is_multiple;
    bool is_token_multiple;  /* the token is repeated with each one */
    struct bytes name;       /* an argument's; empty for the others */
    struct bytes token;      /* empty: none */
    uint16_t first_child, next; /* places in nodes; 0: none */
};

struct syntax {
    struct syntax_node nodes[SYNTAX_NODES_MAX]; /* nodes[0] is a block of the whole */
    uint16_t count;
};

/* Reads `text` (NULL: nothing). False: it is not of this language, or too big for the limits above. */
MUST_USE bool syntax_parse(const char *text, struct syntax *out);

#endif
