/* rewrite.c - CONFIG REWRITE: the file again, with the values of now.
 *
 * Comments, empty lines, includes and the order stay. The first line of a parameter gets its value, its later lines go; what
 * has no line and differs from the default is appended below a comment. The new file replaces the old one by rename, after
 * fsync, with the old one's permissions: at any moment a whole file stands there.  */
#include "config/config_private.h"
#include "config/text_file.h"

#include <errno.h>

static const char appended_below[] = "# Written by CONFIG REWRITE";

static bool append_param(struct config *config, const struct param *param, struct buffer *out)
{
    return buffer_append_format(out, "%s ", param->name) && param_format(config, param, PARAM_FOR_FILE, out) &&
           buffer_append(out, BYTES("\n"));
}

/* The parameter that a line sets; NULL for every other line. */
static const struct param *param_of_line(struct bytes line)
{
    line = config_trim(line);
    struct words words;
    if (line.len == 0 || line.data[0] == '#' || words_split(line, &words) != RESULT_OK) {
        return NULL;
    }
    const struct param *param = param_find(words.items[0]);
    words_release(&words);
    return param == NULL ? NULL : param_primary(param);
}

static bool is_user_line(struct bytes line)
{
    line = config_trim(line);
    return line.len > 4 && bytes_equal_ignore_case((struct bytes){line.data, 4}, BYTES("user")) && (line.data[4] == ' ' || line.data[4] == '\t');
}

/* The users of now, in place of a line of theirs. */
static bool append_users(struct config *config, struct buffer *out)
{
    pthread_mutex_lock(&config->lock);
    const bool is_done = buffer_append(out, buffer_bytes(&config->user_lines));
    pthread_mutex_unlock(&config->lock);
    return is_done;
}

static bool append_comment(bool *has_comment, struct buffer *out)
{
    const bool is_needed = !*has_comment;
    *has_comment = true;
    return !is_needed || buffer_append_format(out, "%s\n", appended_below);
}

/* The new text for the old one. False: no memory. */
static bool rewrite_text(struct config *config, struct bytes old, struct buffer *out)
{
    bool is_written[CONFIG_PAIRS_MAX] = {false};
    bool has_comment = false, has_users = false;
    bool is_done = true;
    struct bytes line;
    while (is_done && config_next_line(&old, &line)) {
        const struct param *param = param_of_line(line);
        if (is_user_line(line)) {
            is_done = has_users || append_users(config, out);
            has_users = true;
        } else if (param == NULL) {
            has_comment |= bytes_equal(config_trim(line), bytes_of_string(appended_below));
            is_done = buffer_append(out, line) && buffer_append(out, BYTES("\n"));
        } else if (!is_written[param - config_params]) {
            is_written[param - config_params] = true;
            is_done = append_param(config, param, out);
        }
    }
    for (size_t i = 0; is_done && i < config_param_count; i++) {
        bool is_wanted =
            !param_is_initial(config, &config_params[i]) && !(config_params[i].flags & (PARAM_CHOSEN | PARAM_ALIAS));
        if (is_written[i] || !is_wanted) {
            continue;
        }
        is_done = append_comment(&has_comment, out) && append_param(config, &config_params[i], out);
    }
    if (is_done && !has_users && config->user_lines.len > 0) {
        is_done = append_comment(&has_comment, out) && append_users(config, out);
    }
    return is_done;
}

/* What stands in the file now, and its permissions; no file is an empty one. */
static enum result read_old(const char *path, struct buffer *out, mode_t *mode)
{
    const enum result result = text_file_read(path, out, mode);
    if (result == RESULT_SYSTEM && errno == ENOENT) {
        *mode = 0644;
        return RESULT_OK;
    }
    return result;
}

enum result config_rewrite(struct config *config)
{
    if (config->config_file[0] == '\0') {
        return RESULT_NOT_FOUND;
    }
    struct buffer old = BUFFER_EMPTY(MEM_SERVER);
    struct buffer text = BUFFER_EMPTY(MEM_SERVER);
    mode_t mode = 0;
    enum result result = read_old(config->config_file, &old, &mode);
    if (result != RESULT_OK) {
        goto out;
    }
    if (!rewrite_text(config, buffer_bytes(&old), &text)) {
        result = RESULT_NO_MEMORY;
        goto out;
    }
    result = text_file_replace(config->config_file, mode, buffer_bytes(&text));
out:;
    int error = errno;
    buffer_release(&old);
    buffer_release(&text);
    errno = error;
    return result;
}
