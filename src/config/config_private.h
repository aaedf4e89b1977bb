/* config_private.h - what the files of this room share: the row of a parameter, its value, and lines cut into words.  */
#ifndef CONFIG_CONFIG_PRIVATE_H
#define CONFIG_CONFIG_PRIVATE_H

#include "config/config.h"

enum {
    CONFIG_WORDS_MAX = 64,           /* words of one line, the name included */
    CONFIG_INCLUDE_DEPTH_MAX = 8,
    CONFIG_REASON_MAX = 256,
    CONFIG_ERRORS_MAX = 100,         /* that one check prints: files that include each other often give errors without end */
    CONFIG_PAIRS_MAX = 160,          /* of one CONFIG SET; there are fewer parameters */
};

enum param_kind { PARAM_INTEGER, PARAM_MEMORY, PARAM_OCTAL, PARAM_BOOLEAN, PARAM_ENUM, PARAM_TEXT, PARAM_OUTPUT_LIMITS,
                  PARAM_EVENT_CLASSES };

enum param_flag {
    PARAM_IMMUTABLE = 1 << 0,  /* only at start */
    PARAM_PROTECTED = 1 << 1,  /* CONFIG SET is refused unless enable-protected-configs allows it */
    PARAM_MANY_WORDS = 1 << 2, /* a line may give several words; they are kept as one text, a space between them */
    PARAM_CLAMPED = 1 << 3,    /* out of range means the nearest end */
    PARAM_CHOSEN = 1 << 4,     /* the server puts its own choice there at start: CONFIG REWRITE does not append it */
    PARAM_ALIAS = 1 << 5,      /* another name of the row with the same field, which CONFIG REWRITE writes */
    PARAM_PERCENT = 1 << 6,    /* PARAM_MEMORY: "5%" is possible, too, and kept as -5 */
    PARAM_ADDS = 1 << 7,       /* at start, a further line (not empty) adds its words to those of the lines before it */
};

struct param_word {
    const char *word; /* NULL ends */
    int64_t number;
};

struct param_value {
    int64_t number;
    struct buffer text; /* PARAM_TEXT: what adjust looks at */
    char *block;        /* PARAM_TEXT: the same with a NUL, in a block of just that size, for the configuration */
    uint64_t limits[OUTPUT_CLASS_COUNT][3];
};

/* Looks at a value that is well formed, and may change it. False: refused, the reason is written. */
typedef bool param_adjust_fn(struct param_value *value, char reason[CONFIG_REASON_MAX]);

struct param {
    const char *name;
    uint8_t kind;  /* enum param_kind */
    uint8_t flags; /* enum param_flag */
    size_t offset; /* of its field in struct config */
    int64_t initial, min, max;
    const char *initial_text;
    const struct param_word *words; /* PARAM_ENUM */
    param_adjust_fn *adjust;
    param_adjust_fn *adjust_running; /* the same, for CONFIG SET only */
    const char *help;                /* a parameter that Redis has not: what --help says about it, in one line; else NULL */
};

/* params.c: all rows, sorted by name. */
extern const struct param config_params[];
extern const size_t config_param_count;
/* Case is ignored. NULL: no such parameter. */
const struct param *param_find(struct bytes name);
/* The row that an alias is another name of; any other row is its own. */
const struct param *param_primary(const struct param *param);

/* value.c */
/* Reads `count` words. False: refused, `reason` says why; nothing to release. Starts from `config`'s value where words tell
 * only a part (client-output-buffer-limit).  */
MUST_USE bool param_parse(struct config *config, const struct param *param, const struct bytes *words, size_t count,
                          struct param_value *out, char reason[CONFIG_REASON_MAX]);
/* Puts the value into `config`; takes its text. Cannot fail. */
void param_commit(struct config *config, const struct param *param, struct param_value *value);
void param_value_release(struct param_value *value);
/* The initial value, into a config whose fields are still zero. False: no memory. */
MUST_USE bool param_commit_initial(struct config *config, const struct param *param);
/* Frees what the field owns. */
void param_clear(struct config *config, const struct param *param);
/* Appends the value as CONFIG GET prints it, or as a file needs it (quoted, with units). False: no memory. */
enum param_style { PARAM_FOR_GET, PARAM_FOR_FILE };
MUST_USE bool param_format(struct config *config, const struct param *param, enum param_style style, struct buffer *out);
bool param_is_initial(struct config *config, const struct param *param);

/* help.c */
/* The words that a value is one of, "yes|no"; nothing for other kinds. */
MUST_USE bool param_append_words(const struct param *param, struct buffer *out);

/* words.c */
struct words {
    struct bytes items[CONFIG_WORDS_MAX];
    size_t count;
    struct buffer text; /* what the items lie in */
};
/* Cuts a line at spaces; "..." knows \n \r \t \b \a \xHH and \c, '...' knows \'. RESULT_SYNTAX: a quote is not closed, or
 * something stands right behind it; RESULT_TOO_LONG: more than CONFIG_WORDS_MAX; RESULT_NO_MEMORY. `out` is overwritten; only
 * after RESULT_OK it needs words_release.  */
MUST_USE enum result words_split(struct bytes line, struct words *out);
void words_release(struct words *words);
/* Appends `text` so that words_split reads it as one word: as it is, or in double quotes. */
MUST_USE bool words_append_quoted(struct buffer *out, struct bytes text);

/* foreign.c: directives of redis.conf that are no parameters here. */
enum foreign_outcome { FOREIGN_UNKNOWN, FOREIGN_TAKEN, FOREIGN_REFUSED };
/* Takes one directive: `words` are its name and its values, `count` of them together. *reason is why it has no effect, or why it is
 * refused (a constant text); not set with FOREIGN_UNKNOWN, which a directive without a value is, too.  */
MUST_USE enum foreign_outcome config_take_foreign(struct config *config, const struct bytes *words, size_t count, const char **reason);
/* Why the directive of this name has no effect; NULL: none has that name. Any thread. */
const char *config_foreign_reason(struct bytes name);
/* All names, sorted, for tests: 0 <= at < config_foreign_count(). */
size_t config_foreign_count(void);
const char *config_foreign_name(size_t at);

/* rename.c: `rename-command`. */
/* One line: the command that is called `from` is called `to`. RESULT_NOT_FOUND: none is called `from`; RESULT_EXISTS: one is called
 * `to`; RESULT_TOO_LONG: `to` has more than COMMAND_RENAME_MAX bytes; RESULT_SYNTAX: it has a NUL; RESULT_NO_MEMORY.  */
MUST_USE enum result rename_command(struct config *config, struct bytes from, struct bytes to);
void rename_destroy(struct config *config);

/* config.c */
/* As param_parse, from one argument: a value of several words (client-output-buffer-limit) is split at blanks. */
MUST_USE bool param_parse_argument(struct config *config, const struct param *param, struct bytes argument,
                                   struct param_value *out, char reason[CONFIG_REASON_MAX]);

/* load.c */
/* Without blanks at both ends. */
struct bytes config_trim(struct bytes line);
/* Cuts the next line off *rest; false at the end. */
bool config_next_line(struct bytes *rest, struct bytes *line);
/* Lines of text, as from a file called `name`: what config_load does for each source. False: *error holds the whole text that
 * config_load prints.  */
MUST_USE bool config_load_text(struct config *config, const char *name, struct bytes text, struct buffer *error);
/* config_load without the printing. */
MUST_USE bool config_load_words(struct config *config, int argc, char **argv, struct buffer *error);
/* config_check without the printing. */
MUST_USE bool config_check_words(struct config *config, int argc, char **argv, struct buffer *errors);

#endif
