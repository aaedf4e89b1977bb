/* scalar.h - one typed value: of a column, a literal, a parameter, a result. 16 bytes, with its type in it.
 *
 *     type      kept as
 *     null
 *     boolean   integer: 0 or 1
 *     integer   integer
 *     float     number: never NaN, never infinite but when a column holds that
 *     decimal   integer: the digits without their point, fewer than 10^18; scale: how many of them stand behind it
 *     string    data, len: UTF-8 as a rule, any bytes in fact
 *     blob      data, len
 *     date      integer: days since 1970-01-01, years 1 to 9999
 *     datetime  integer: microseconds since 1970-01-01T00:00:00Z, years 1 to 9999
 *     uuid      data: 16 bytes
 *     json      data, len: the text as it came
 *
 * Memory     data is borrowed, from a row, an arena or the client's words; it is never NULL (scalar_bytes).
 * Threads    Any.  */
#ifndef EXPRESSION_SCALAR_H
#define EXPRESSION_SCALAR_H

#include "base/bytes.h"
#include "base/uuid.h"

#include <stdbool.h>
#include <stdint.h>

enum scalar_type {
    SCALAR_NULL,
    SCALAR_BOOLEAN,
    SCALAR_INTEGER,
    SCALAR_FLOAT,
    SCALAR_DECIMAL,
    SCALAR_STRING,
    SCALAR_BLOB,
    SCALAR_DATE,
    SCALAR_DATETIME,
    SCALAR_UUID,
    SCALAR_JSON,
    /* Not of values, but of what is compiled: */
    SCALAR_NUMBER,  /* an integer, float or decimal, as it comes */
    SCALAR_UNKNOWN, /* a parameter of which nothing is known yet */
    SCALAR_TYPE_COUNT
};

enum { SCALAR_TEXT_BYTES_MAX = 1 << 30, SCALAR_SCALE_MAX = 18 };

struct scalar {
    uint8_t type; /* enum scalar_type, one of values */
    uint8_t scale;
    uint32_t len;
    union {
        int64_t integer;
        double number;
        const char *data;
    };
};

_Static_assert(sizeof(struct scalar) == 16, "rows are arrays of them");

/* What may go wrong with values, known only when they are there. */
enum expression_result {
    EXPRESSION_OK,
    EXPRESSION_NO_MEMORY,
    EXPRESSION_OVERFLOW,
    EXPRESSION_DIVISION_BY_ZERO,
    EXPRESSION_BAD_TEXT,     /* the text is none of the type */
    EXPRESSION_BAD_ARGUMENT, /* a function or LIKE cannot do with it */
    EXPRESSION_TOO_LONG,
    EXPRESSION_NOT_WHOLE,    /* an integer column gets what is none */
};

/* "division by zero": without a point at its end. */
const char *expression_result_text(enum expression_result result);

/* "integer", "datetime" ...; of SCALAR_NUMBER "number". */
const char *scalar_type_name(enum scalar_type type);
/* By its name or another that SQL knows (bigint, varchar, timestamp ...), case ignored. False: there is none. */
bool scalar_type_find(struct bytes name, enum scalar_type *out);

/* The type that both can have in one column (CASE, UNION): SCALAR_UNKNOWN when there is none. */
enum scalar_type scalar_types_join(enum scalar_type a, enum scalar_type b);

static inline struct scalar scalar_null(void)
{
    return (struct scalar){.type = SCALAR_NULL};
}

static inline struct scalar scalar_boolean(bool is_true)
{
    return (struct scalar){.type = SCALAR_BOOLEAN, .integer = is_true};
}

static inline struct scalar scalar_integer(int64_t integer)
{
    return (struct scalar){.type = SCALAR_INTEGER, .integer = integer};
}

static inline struct scalar scalar_float(double number)
{
    return (struct scalar){.type = SCALAR_FLOAT, .number = number};
}

/* type: SCALAR_STRING, SCALAR_BLOB, SCALAR_JSON; SCALAR_UUID with 16 bytes. text.len: SCALAR_TEXT_BYTES_MAX at most. */
static inline struct scalar scalar_bytes(enum scalar_type type, struct bytes text)
{
    return (struct scalar){.type = (uint8_t)type, .len = (uint32_t)text.len, .data = text.len == 0 ? "" : text.data};
}

static inline struct bytes scalar_text(const struct scalar *scalar)
{
    return (struct bytes){scalar->data, scalar->len};
}

/* Its bytes stand elsewhere: whoever keeps it has to keep them. */
static inline bool scalar_has_text(const struct scalar *scalar)
{
    return scalar->type == SCALAR_STRING || scalar->type == SCALAR_BLOB || scalar->type == SCALAR_JSON || scalar->type == SCALAR_UUID;
}

static inline bool scalar_is_number(enum scalar_type type)
{
    return type == SCALAR_INTEGER || type == SCALAR_FLOAT || type == SCALAR_DECIMAL || type == SCALAR_NUMBER;
}

static inline bool scalar_is_time(enum scalar_type type)
{
    return type == SCALAR_DATE || type == SCALAR_DATETIME;
}

#endif
