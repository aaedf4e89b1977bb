/* fault.h - which word of a statement is wrong, and what should stand there: the result says of what kind the mistake is.
 *
 * Memory     The words are borrowed from the command.  */
#ifndef QUERY_FAULT_H
#define QUERY_FAULT_H

#include "base/bytes.h"
#include "table/typed_value.h"

#include <stdbool.h>
#include <stdint.h>

enum fault_expected {
    EXPECTED_NOTHING, /* the result says it all, with the words */
    EXPECTED_CONDITION,
    EXPECTED_OPERATOR,
    EXPECTED_VALUE,
    EXPECTED_AND,
    EXPECTED_AND_OR,
    EXPECTED_OPEN,
    EXPECTED_CLOSE,
    EXPECTED_NULL,
    EXPECTED_FIELD,   /* col=value */
    EXPECTED_VALUES,  /* the keyword */
    EXPECTED_DEED,    /* of ONCONFLICT */
    EXPECTED_COUNT
};

/* All zero: nothing is known but the result. */
struct table_fault {
    uint8_t expected;    /* enum fault_expected */
    struct column_form form; /* TABLE_BAD_VALUE, TABLE_NOT_UNIQUE, TABLE_REPEATED: of the column */
    bool is_known;       /* the words below are set */
    bool is_end;         /* the words end where something is expected */
    uint32_t row;        /* of an INSERT of several rows: the one at fault, from 1; 0: none */
    struct bytes word;   /* the one at fault, or the part of it that is */
    struct bytes beside; /* EXPECTED_*: the word before it; TABLE_UNKNOWN_COLUMN: the whole word; TABLE_BAD_VALUE: the column's name;
                            TABLE_NOT_UNIQUE, TABLE_REPEATED: the table's, and `word` is the column's */
    struct typed_value value; /* of these two: what two rows would have, or have */
};

#endif
