/* result.h - what a function that can be refused hands back. Outputs are set only on RESULT_OK;
 * on anything else nothing has changed. The text for the user is made in src/cmd alone.  */
#ifndef BASE_RESULT_H
#define BASE_RESULT_H

enum result {
    RESULT_OK = 0,
    RESULT_NO_MEMORY,   /* the allocator refused */
    RESULT_NOT_FOUND,   /* no such key, member, option */
    RESULT_EXISTS,      /* would overwrite what must not be overwritten */
    RESULT_WRONG_TYPE,  /* the key holds another type */
    RESULT_BAD_NUMBER,  /* not an integer, or out of the range of int64 */
    RESULT_BAD_FLOAT,   /* not a valid float */
    RESULT_OVERFLOW,    /* an increment would leave the range */
    RESULT_NAN,         /* an increment would give NaN or infinity */
    RESULT_TOO_LONG,    /* longer than a limit (proto-max-bulk-len) */
    RESULT_SYNTAX,      /* words that do not fit */
    RESULT_SYSTEM,      /* a system call failed; errno says how */
};

#endif
