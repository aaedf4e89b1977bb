/* introspect.h - what COMMAND's files share: categories and keys of a row.  */
#ifndef CMD_INTROSPECT_H
#define CMD_INTROSPECT_H

#include "exec/exec.h"

/* command_acl.c: ACL categories, a bit each. */
enum { ACL_CATEGORY_COUNT = 22 };
extern const char *const acl_category_names[ACL_CATEGORY_COUNT]; /* by bit, without "@" */
/* What follows from the row's flags and group, and what it names itself. */
uint32_t command_categories(const struct command_spec *spec);
/* The bit of a category, case ignored; 0: there is none of that name. */
uint32_t acl_category_find(struct bytes name);

/* command_keys.c: first, last and step as clients are told: the row's `keys`, or the name of a table. */
struct command_keys command_shown_keys(const struct command_spec *spec);
/* The row's key specifications, its own or those that follow from the keys that are shown and `key_flags`. */
enum { KEY_SPECS_MAX = 4 };
struct key_spec {
    struct bytes flags; /* "RW access delete", lent from the row */
    struct command_key_spec place; /* without flags */
};
/* Returns how many. */
size_t command_key_specs(const struct command_spec *spec, struct key_spec out[KEY_SPECS_MAX]);

/* Calls `visit` for every word of a text that spaces separate. */
typedef void word_visit_fn(struct bytes word, void *arg);
size_t words_visit(struct bytes text, word_visit_fn *visit, void *arg);
/* Replies the words of a text (NULL: none) as a set of simple strings. */
void reply_word_set(struct reply *reply, struct bytes text);
/* The same as bulk strings. */
void reply_bulk_set(struct reply *reply, struct bytes text);

/* COMMAND's handlers: command_info.c, command_docs.c, command_keys.c. */
command_fn command_command, command_command_info, command_command_docs, command_command_getkeys,
    command_command_getkeysandflags;

#endif
