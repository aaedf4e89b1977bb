/* scalar_text.h - typed values from text and to text: what clients send, what they read.
 *
 * Threads    Any.  */
#ifndef EXPRESSION_SCALAR_TEXT_H
#define EXPRESSION_SCALAR_TEXT_H

#include "expression/scalar.h"
#include "mem/arena.h"

enum { SCALAR_TEXT_MAX = 40 };

/* Strict: the whole text is one of the type, without blanks around it.
 *
 *     boolean   true, false, case ignored, 1, 0            integer   a sign, digits
 *     float     as double_parse takes it                   decimal   digits with a point or without, perhaps an exponent
 *     string    any bytes                                  blob      any bytes, as they are
 *     date, datetime   moment.h                            uuid      32 hexadecimal digits, with hyphens 8-4-4-4-12 or without
 *     json      RFC 8259                                   number    an integer if it is one, else a float
 *
 * type       any but SCALAR_NULL and SCALAR_UNKNOWN
 * arena      for the bytes of a uuid; strings, blobs and JSON are borrowed from `text`
 * Returns    EXPRESSION_OK, EXPRESSION_BAD_TEXT, EXPRESSION_TOO_LONG, EXPRESSION_NO_MEMORY  */
MUST_USE enum expression_result scalar_parse(enum scalar_type type, struct bytes text, struct arena *arena, struct scalar *out);

/* The text that scalar_parse takes back, floats the shortest, moments in UTC. Lent from the value, or from `scratch`. Null is an empty text. */
struct bytes scalar_format(const struct scalar *scalar, char scratch[SCALAR_TEXT_MAX]);

#endif
