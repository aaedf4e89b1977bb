/* scalar.c - names of types and results. See scalar.h.  */
#include "expression/scalar.h"

#include <assert.h>
#include <stddef.h>

const char *expression_result_text(enum expression_result result)
{
    static const char *const texts[] = {
        [EXPRESSION_OK] = "no error",
        [EXPRESSION_NO_MEMORY] = "no memory",
        [EXPRESSION_OVERFLOW] = "the number is out of range",
        [EXPRESSION_DIVISION_BY_ZERO] = "division by zero",
        [EXPRESSION_BAD_TEXT] = "the text cannot be read as that type",
        [EXPRESSION_BAD_ARGUMENT] = "a function cannot take that value",
        [EXPRESSION_TOO_LONG] = "the text is too long",
        [EXPRESSION_NOT_WHOLE] = "the number is not whole",
    };
    return texts[result];
}

/* The first name of a type is its own. */
static const struct {
    struct bytes name;
    enum scalar_type type;
} type_names[] = {
    {BYTES("null"), SCALAR_NULL},         {BYTES("boolean"), SCALAR_BOOLEAN},    {BYTES("bool"), SCALAR_BOOLEAN},
    {BYTES("integer"), SCALAR_INTEGER},   {BYTES("int"), SCALAR_INTEGER},        {BYTES("bigint"), SCALAR_INTEGER},
    {BYTES("smallint"), SCALAR_INTEGER},  {BYTES("float"), SCALAR_FLOAT},        {BYTES("double"), SCALAR_FLOAT},
    {BYTES("real"), SCALAR_FLOAT},        {BYTES("decimal"), SCALAR_DECIMAL},    {BYTES("numeric"), SCALAR_DECIMAL},
    {BYTES("string"), SCALAR_STRING},     {BYTES("text"), SCALAR_STRING},        {BYTES("varchar"), SCALAR_STRING},
    {BYTES("char"), SCALAR_STRING},       {BYTES("blob"), SCALAR_BLOB},          {BYTES("bytea"), SCALAR_BLOB},
    {BYTES("date"), SCALAR_DATE},         {BYTES("datetime"), SCALAR_DATETIME},  {BYTES("timestamp"), SCALAR_DATETIME},
    {BYTES("uuid"), SCALAR_UUID},         {BYTES("json"), SCALAR_JSON},          {BYTES("number"), SCALAR_NUMBER},
    {BYTES("unknown"), SCALAR_UNKNOWN},
};

const char *scalar_type_name(enum scalar_type type)
{
    for (size_t i = 0; i < sizeof type_names / sizeof type_names[0]; i++) {
        if (type_names[i].type == type) {
            return type_names[i].name.data;
        }
    }
    assert(false);
    return NULL;
}

bool scalar_type_find(struct bytes name, enum scalar_type *out)
{
    for (size_t i = 0; i < sizeof type_names / sizeof type_names[0]; i++) {
        const enum scalar_type type = type_names[i].type;
        if (type != SCALAR_NULL && type < SCALAR_NUMBER && bytes_equal_ignore_case(name, type_names[i].name)) {
            *out = type;
            return true;
        }
    }
    return false;
}

enum scalar_type scalar_types_join(enum scalar_type a, enum scalar_type b)
{
    if (a == b || b == SCALAR_NULL) {
        return a;
    }
    if (a == SCALAR_NULL) {
        return b;
    }
    if (scalar_is_time(a) && scalar_is_time(b)) {
        return SCALAR_DATETIME;
    }
    if (!scalar_is_number(a) || !scalar_is_number(b)) {
        return SCALAR_UNKNOWN;
    }
    if (a == SCALAR_FLOAT || b == SCALAR_FLOAT) {
        return SCALAR_FLOAT;
    }
    return a == SCALAR_NUMBER || b == SCALAR_NUMBER ? SCALAR_NUMBER : SCALAR_DECIMAL;
}
