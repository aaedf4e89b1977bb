/* typed_value.h - one typed value of a table: from text, to text, compared, hashed.
 *
 * Threads    Any; nothing here keeps state.  */
#ifndef TABLE_TYPED_VALUE_H
#define TABLE_TYPED_VALUE_H

#include "base/attributes.h"
#include "base/bytes.h"
#include "base/hash.h"
#include "base/number.h"

#include <stdbool.h>
#include <stdint.h>

enum column_type { COLUMN_STRING, COLUMN_INTEGER, COLUMN_FLOAT, COLUMN_DATE, COLUMN_TYPE_COUNT };

struct typed_value {
    bool is_null;
    union {
        int64_t integer;   /* COLUMN_INTEGER; COLUMN_DATE: days since 1970-01-01 */
        double number;     /* COLUMN_FLOAT; never NaN */
        struct bytes text; /* COLUMN_STRING; borrowed */
    };
};

enum { TABLE_TEXT_MAX = 1 << 30, TYPED_VALUE_TEXT_MAX = 32 /* FLOAT_TEXT_MAX */ };

/* "string", "integer", "float", "date". */
const char *column_type_name(enum column_type type);
/* By its name, case ignored; false: no such type. */
MUST_USE bool column_type_parse(struct bytes word, enum column_type *out);

/* Strict: an integer of 64 bits (leading zeros and a plus sign are allowed), a float as double_parse takes it, a date as
 * YYYY-MM-DD that the Gregorian calendar has, years 0001 .. 9999. False and *out unchanged otherwise. A string borrows `text`.  */
MUST_USE bool typed_value_parse(enum column_type type, struct bytes text, struct typed_value *out);

/* The text of a value that is not null: lent from it (strings) or written to `scratch`. What typed_value_parse takes back. */
struct bytes typed_value_format(enum column_type type, const struct typed_value *value, char scratch[TYPED_VALUE_TEXT_MAX]);

/* Keyed; equal values hash alike (-0 as 0). The value is not null. */
uint64_t typed_value_hash(const struct hash_secret *secret, enum column_type type, const struct typed_value *value);

/* <0, 0, >0; neither is null. Strings by their bytes. */
int typed_value_compare(enum column_type type, const struct typed_value *a, const struct typed_value *b);

/* Days since 1970-01-01 of a date in the Gregorian calendar; false when there is no such day. */
MUST_USE bool date_to_days(int year, int month, int day, int64_t *days);

#endif
