/* typed_value.c - see typed_value.h.  */
#include "table/typed_value.h"

#include "base/decimal_text.h"
#include "base/float_text.h"
#include "base/json.h"
#include "base/moment.h"
#include "base/number.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

_Static_assert((int)FLOAT_TEXT_MAX <= (int)TYPED_VALUE_TEXT_MAX && (int)DECIMAL_TEXT_MAX <= (int)TYPED_VALUE_TEXT_MAX &&
                   (int)MOMENT_TEXT_MAX <= (int)TYPED_VALUE_TEXT_MAX && (int)UUID_TEXT_BYTES <= (int)TYPED_VALUE_TEXT_MAX &&
                   (int)INT64_TEXT_MAX <= (int)TYPED_VALUE_TEXT_MAX,
               "every text fits");

enum { DECIMAL_SCALE = 6 }; /* of a column that says no digits */

static const char *const type_names[COLUMN_TYPE_COUNT] = {"string",   "integer", "float", "date", "boolean",
                                                          "datetime", "decimal", "blob",  "uuid", "json"};

/* --- forms --- */

bool column_form_is_valid(struct column_form form)
{
    if (form.type != COLUMN_DECIMAL) {
        return form.type < COLUMN_TYPE_COUNT && form.digits == 0 && form.scale == 0;
    }
    return form.digits >= 1 && form.digits <= DECIMAL_DIGITS_MAX && form.scale <= form.digits;
}

/* "10" or "10,2", what stands between the parentheses. */
static bool digits_parse(struct bytes text, struct column_form *form)
{
    const char *comma = text.len == 0 ? NULL : memchr(text.data, ',', text.len);
    const size_t first = comma == NULL ? text.len : (size_t)(comma - text.data);
    uint64_t digits;
    uint64_t scale = 0;
    if (!uint64_parse((struct bytes){text.data, first}, &digits) ||
        (comma != NULL && !uint64_parse((struct bytes){comma + 1, text.len - first - 1}, &scale)) || digits > DECIMAL_DIGITS_MAX ||
        scale > DECIMAL_DIGITS_MAX) {
        return false;
    }
    form->digits = (uint8_t)digits;
    form->scale = (uint8_t)scale;
    return column_form_is_valid(*form);
}

enum column_form_found column_form_parse(struct bytes word, struct column_form *out)
{
    const char *open = word.len == 0 ? NULL : memchr(word.data, '(', word.len);
    const struct bytes name = {word.data, open == NULL ? word.len : (size_t)(open - word.data)};
    uint8_t type = 0;
    while (type < COLUMN_TYPE_COUNT && !bytes_equal_ignore_case(name, bytes_of_string(type_names[type]))) {
        type++;
    }
    struct column_form form = {.type = type};
    if (type == COLUMN_TYPE_COUNT || (open != NULL && type != COLUMN_DECIMAL)) {
        return COLUMN_FORM_UNKNOWN;
    }
    if (open != NULL && (word.data[word.len - 1] != ')' || !digits_parse((struct bytes){open + 1, word.len - name.len - 2}, &form))) {
        return COLUMN_FORM_BAD_DIGITS;
    }
    if (open == NULL && type == COLUMN_DECIMAL) {
        form.digits = DECIMAL_DIGITS_MAX;
        form.scale = DECIMAL_SCALE;
    }
    *out = form;
    return COLUMN_FORM_FOUND;
}

struct bytes column_form_text(struct column_form form, char scratch[COLUMN_FORM_TEXT_MAX])
{
    assert(column_form_is_valid(form));
    if (form.type != COLUMN_DECIMAL) {
        return bytes_of_string(type_names[form.type]);
    }
    const int len = snprintf(scratch, COLUMN_FORM_TEXT_MAX, "%s(%u,%u)", type_names[form.type], form.digits, form.scale);
    return (struct bytes){scratch, (size_t)len};
}

/* --- values --- */

bool typed_value_parse(struct column_form form, struct bytes text, struct typed_value *out)
{
    struct typed_value value = {.is_null = false};
    bool is_good = false;
    switch ((enum column_type)form.type) {
    case COLUMN_STRING:
    case COLUMN_BLOB:
        value.text = text;
        is_good = text.len <= TABLE_TEXT_MAX;
        break;
    case COLUMN_JSON:
        value.text = text;
        is_good = text.len <= TABLE_TEXT_MAX && json_is_valid(text);
        break;
    case COLUMN_UUID:
        value.is_uuid_read = true;
        is_good = uuid_parse(text, value.uuid);
        break;
    case COLUMN_INTEGER:
        is_good = int64_parse_loose(text, &value.integer);
        break;
    case COLUMN_FLOAT:
        is_good = double_parse(text, &value.number);
        break;
    case COLUMN_DATE:
        is_good = date_text_parse(text, &value.integer);
        break;
    case COLUMN_BOOLEAN:
        is_good = boolean_parse(text, &value.integer);
        break;
    case COLUMN_DATETIME:
        is_good = moment_parse(text, &value.integer);
        break;
    case COLUMN_DECIMAL:
        is_good = decimal_text_parse(text, form.digits, form.scale, &value.integer);
        break;
    case COLUMN_TYPE_COUNT:
        break;
    }
    if (is_good) {
        *out = value;
    }
    return is_good;
}

bool typed_value_is_valid(struct column_form form, const struct typed_value *value)
{
    static const int64_t tens[] = {1, 10, 100, 1000, 10000, 100000, 1000000, 10000000, 100000000, 1000000000};
    switch ((enum column_type)form.type) {
    case COLUMN_FLOAT:
        return !isnan(value->number);
    case COLUMN_DATE:
        return date_is_valid(value->integer);
    case COLUMN_BOOLEAN:
        return value->integer == 0 || value->integer == 1;
    case COLUMN_DATETIME:
        return moment_is_valid(value->integer);
    case COLUMN_DECIMAL: {
        const int64_t limit = tens[form.digits / 2] * tens[form.digits - form.digits / 2];
        return value->integer < limit && value->integer > -limit;
    }
    case COLUMN_UUID:
        return typed_value_text(value).len == UUID_BYTES;
    case COLUMN_STRING:
    case COLUMN_BLOB:
    case COLUMN_JSON:
        return value->text.len <= TABLE_TEXT_MAX;
    default:
        return form.type == COLUMN_INTEGER;
    }
}

struct bytes typed_value_format(struct column_form form, const struct typed_value *value, char scratch[TYPED_VALUE_TEXT_MAX])
{
    assert(!value->is_null);
    switch ((enum column_type)form.type) {
    case COLUMN_INTEGER:
        return (struct bytes){scratch, int64_format(value->integer, scratch)};
    case COLUMN_FLOAT:
        return (struct bytes){scratch, double_format_shortest(value->number, scratch)};
    case COLUMN_DATE:
        return (struct bytes){scratch, date_text_format(value->integer, scratch)};
    case COLUMN_BOOLEAN:
        return value->integer != 0 ? BYTES("true") : BYTES("false");
    case COLUMN_DATETIME:
        return (struct bytes){scratch, moment_format(value->integer, scratch)};
    case COLUMN_DECIMAL:
        return (struct bytes){scratch, decimal_text_format(value->integer, form.scale, scratch)};
    case COLUMN_UUID:
        return (struct bytes){scratch, uuid_format(typed_value_text(value).data, scratch)};
    default:
        assert(column_type_is_text((enum column_type)form.type));
        return value->text;
    }
}

uint64_t typed_value_hash(const struct hash_secret *secret, enum column_type type, const struct typed_value *value)
{
    if (column_type_is_text(type)) {
        return hash_bytes(secret, typed_value_text(value));
    }
    struct typed_value plain = *value;
    if (type == COLUMN_FLOAT && plain.number == 0) {
        plain.number = 0; /* -0 */
    }
    return hash_bytes(secret, (struct bytes){(const char *)&plain.integer, sizeof plain.integer});
}

int typed_value_compare(enum column_type type, const struct typed_value *a, const struct typed_value *b)
{
    if (column_type_is_text(type)) {
        return bytes_compare(typed_value_text(a), typed_value_text(b));
    }
    if (type == COLUMN_FLOAT) {
        return (a->number > b->number) - (a->number < b->number);
    }
    return (a->integer > b->integer) - (a->integer < b->integer);
}
