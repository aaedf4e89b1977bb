/* token.h - a word of a statement's text, by its place. */
#ifndef SQL_TOKEN_H
#define SQL_TOKEN_H

#include <stdint.h>

struct sql_token {
    uint32_t position, len; /* bytes */
};

#endif
