/* typed_value.h - one typed value of a table: from text, to text, compared, hashed.
 *
 *     type      kept as                                             text
 *     string    any bytes
 *     integer   64 bits                                             a sign, digits
 *     float     a double, never NaN                                 the shortest that reads back
 *     date      days since 1970-01-01                               2024-02-29, years 1 to 9999
 *     boolean   0 or 1                                              true, false (also 1, 0)
 *     datetime  microseconds since 1970-01-01T00:00:00Z             base/moment.h, years 1 to 9999
 *     decimal   the digits without their point, fewer than 10^18    base/decimal_text.h; the column says how many are behind the point
 *     blob      any bytes
 *     uuid      16 bytes                                            base/uuid.h
 *     json      the text as it came                                 base/json.h
 *
 * Threads    Any; nothing here keeps state.  */
#ifndef TABLE_TYPED_VALUE_H
#define TABLE_TYPED_VALUE_H

#include "base/attributes.h"
#include "base/bytes.h"
#include "base/hash.h"
#include "base/uuid.h"

#include <stdbool.h>
#include <stdint.h>

/* Snapshots have these numbers: new types come behind the others. */
enum column_type {
    COLUMN_STRING,
    COLUMN_INTEGER,
    COLUMN_FLOAT,
    COLUMN_DATE,
    COLUMN_BOOLEAN,
    COLUMN_DATETIME,
    COLUMN_DECIMAL,
    COLUMN_BLOB,
    COLUMN_UUID,
    COLUMN_JSON,
    COLUMN_TYPE_COUNT
};

/* What a column's values look like: its type, and of a decimal how many digits there are. */
struct column_form {
    uint8_t type;   /* enum column_type */
    uint8_t digits; /* COLUMN_DECIMAL: in all, 1 .. DECIMAL_DIGITS_MAX; else 0 */
    uint8_t scale;  /* COLUMN_DECIMAL: behind the point, 0 .. digits; else 0 */
};

struct typed_value {
    bool is_null;
    bool is_uuid_read;         /* COLUMN_UUID, from text: the bytes are in `uuid` */
    union {
        int64_t integer;       /* all but the following */
        double number;         /* COLUMN_FLOAT; never NaN */
        struct bytes text;     /* COLUMN_STRING, COLUMN_BLOB, COLUMN_JSON, COLUMN_UUID from a row; borrowed: read it with typed_value_text */
        char uuid[UUID_BYTES];
    };
};

_Static_assert(sizeof(struct typed_value) == 24, "rows are arrays of them");

enum {
    TABLE_TEXT_MAX = 1 << 30,
    TYPED_VALUE_TEXT_MAX = 40, /* of whatever is written: the longest is a uuid */
    COLUMN_FORM_TEXT_MAX = 24, /* "decimal(18,18)" */
};

/* Is it kept, hashed and compared as bytes? */
static inline bool column_type_is_text(enum column_type type)
{
    return type == COLUMN_STRING || type == COLUMN_BLOB || type == COLUMN_JSON || type == COLUMN_UUID;
}

/* The bytes of a value whose type is a text; lent from it, and so is a uuid's own. */
static inline struct bytes typed_value_text(const struct typed_value *value)
{
    return value->is_uuid_read ? (struct bytes){value->uuid, UUID_BYTES} : value->text;
}

/* By its name, case ignored: "integer", "decimal", "decimal(10)", "decimal(10,2)". A decimal alone has 18 digits, 6 of them behind
 * the point; without a second number it has none there. *out is set on COLUMN_FORM_FOUND only.  */
enum column_form_found { COLUMN_FORM_FOUND, COLUMN_FORM_UNKNOWN, COLUMN_FORM_BAD_DIGITS };
MUST_USE enum column_form_found column_form_parse(struct bytes word, struct column_form *out);
/* "integer", "decimal(10,2)": what column_form_parse takes back. Lent, or written to `scratch`. */
struct bytes column_form_text(struct column_form form, char scratch[COLUMN_FORM_TEXT_MAX]);
/* Are the numbers in it ones that a column can have? */
bool column_form_is_valid(struct column_form form);

/* Strict: the whole text is one of the type, as the table above says; integers may have leading zeros and a plus sign. A decimal with more
 * digits behind the point than the column has is refused unless they are zeros. False and *out unchanged otherwise. Strings, blobs and
 * JSON borrow `text`.  */
MUST_USE bool typed_value_parse(struct column_form form, struct bytes text, struct typed_value *out);
/* Could typed_value_parse have given it, as far as the value alone tells? For values from files. JSON is not read again. */
bool typed_value_is_valid(struct column_form form, const struct typed_value *value);

/* The text of a value that is not null: lent from it (strings), of static storage, or written to `scratch`. What typed_value_parse takes back. */
struct bytes typed_value_format(struct column_form form, const struct typed_value *value, char scratch[TYPED_VALUE_TEXT_MAX]);

/* Keyed; equal values hash alike (-0 as 0). The value is not null. */
uint64_t typed_value_hash(const struct hash_secret *secret, enum column_type type, const struct typed_value *value);

/* <0, 0, >0; neither is null. Texts of all kinds by their bytes; false is below true. */
int typed_value_compare(enum column_type type, const struct typed_value *a, const struct typed_value *b);

#endif
