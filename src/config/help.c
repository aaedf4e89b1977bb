/* help.c - the parameters as --help lists them: a line each for Tessera's own, the names of those that are redis.conf's.  */
#include "config/config_private.h"

#include <string.h>

enum { NAME_COLUMNS = 23, LINE_COLUMNS_MAX = 100 };

bool param_append_words(const struct param *param, struct buffer *out)
{
    if (param->kind == PARAM_BOOLEAN) {
        return buffer_append(out, BYTES("yes|no"));
    }
    bool is_done = true;
    for (const struct param_word *row = param->kind == PARAM_ENUM ? param->words : NULL; is_done && row != NULL && row->word != NULL; row++) {
        is_done = buffer_append_format(out, "%s%s", row->word, row[1].word == NULL ? "" : "|");
    }
    return is_done;
}

static bool append_own(struct config *config, const struct param *param, struct buffer *out)
{
    const bool has_words = param->kind == PARAM_BOOLEAN || param->kind == PARAM_ENUM;
    return buffer_append_format(out, "  --%-*s %s (", NAME_COLUMNS, param->name, param->help) && param_append_words(param, out) &&
           buffer_append_format(out, "%sdefault ", has_words ? ", " : "") && param_format(config, param, PARAM_FOR_FILE, out) &&
           buffer_append(out, BYTES(")\n"));
}

/* Names with commas between them, in lines of LINE_COLUMNS_MAX at most. */
static bool append_shared(struct buffer *out)
{
    bool is_done = true;
    size_t columns = 0; /* of the last line so far; 0: nothing is written yet */
    for (size_t i = 0; is_done && i < config_param_count; i++) {
        const struct param *param = &config_params[i];
        if (param->help != NULL || (param->flags & PARAM_ALIAS)) {
            continue;
        }
        const size_t len = strlen(param->name);
        const bool is_first = columns == 0;
        const bool fits = !is_first && columns + 2 + len + 1 <= LINE_COLUMNS_MAX; /* ", " in front; a comma may follow */
        is_done = buffer_append_format(out, "%s%s", is_first ? "  " : fits ? ", " : ",\n  ", param->name);
        columns = (fits ? columns : 0) + 2 + len;
    }
    return is_done && buffer_append(out, BYTES("\n"));
}

bool config_append_help(struct config *config, struct buffer *out)
{
    bool is_done = buffer_append(out, BYTES("Options of Tessera:\n"));
    for (size_t i = 0; is_done && i < config_param_count; i++) {
        if (config_params[i].help != NULL) {
            is_done = append_own(config, &config_params[i], out);
        }
    }
    return is_done && buffer_append(out, BYTES("\nOptions of redis.conf (docs/COMPATIBILITY.md says what differs):\n")) && append_shared(out);
}
