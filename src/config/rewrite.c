/* rewrite.c - CONFIG REWRITE: the file again, with the values of now.
 *
 * Comments, empty lines, includes and the order stay. The first line of a parameter gets its value, its later lines go; what
 * has no line and differs from the default is appended below a comment. The new file replaces the old one by rename, after
 * fsync, with the old one's permissions: at any moment a whole file stands there.  */
#include "config/config_private.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

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

/* The new text for the old one. False: no memory. */
static bool rewrite_text(struct config *config, struct bytes old, struct buffer *out)
{
    bool is_written[CONFIG_PAIRS_MAX] = {false};
    bool has_comment = false;
    bool is_done = true;
    struct bytes line;
    while (is_done && config_next_line(&old, &line)) {
        const struct param *param = param_of_line(line);
        if (param == NULL) {
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
        if (!has_comment) {
            has_comment = true;
            is_done = buffer_append_format(out, "%s\n", appended_below);
        }
        is_done = is_done && append_param(config, &config_params[i], out);
    }
    return is_done;
}

static bool write_all(int descriptor, struct bytes text)
{
    while (text.len > 0) {
        ssize_t count = write(descriptor, text.data, text.len);
        if (count < 0 && errno == EINTR) {
            continue;
        }
        if (count < 0) {
            return false;
        }
        text.data += count;
        text.len -= (size_t)count;
    }
    return true;
}

/* Makes the rename itself durable. */
static bool sync_folder_of(const char *path)
{
    char folder[PATH_MAX];
    snprintf(folder, sizeof folder, "%s", path);
    char *slash = strrchr(folder, '/');
    assert(slash != NULL); /* the path is absolute */
    slash[slash == folder] = '\0';
    int descriptor = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (descriptor < 0) {
        return false;
    }
    bool is_done = fsync(descriptor) == 0;
    int error = errno;
    close(descriptor);
    errno = error;
    return is_done;
}

static bool replace_file(const char *path, mode_t mode, struct bytes text)
{
    char temporary[PATH_MAX + 16];
    snprintf(temporary, sizeof temporary, "%s.XXXXXX", path);
    int descriptor = mkostemp(temporary, O_CLOEXEC);
    if (descriptor < 0) {
        return false;
    }
    bool is_done = write_all(descriptor, text) && fchmod(descriptor, mode) == 0 && fsync(descriptor) == 0;
    int error = errno;
    close(descriptor);
    if (is_done) {
        is_done = rename(temporary, path) == 0;
        error = errno;
    }
    if (!is_done) {
        unlink(temporary);
        errno = error;
        return false;
    }
    return sync_folder_of(path);
}

/* What stands in the file now, and its permissions; no file is an empty one. */
static enum result read_old(const char *path, struct buffer *out, mode_t *mode)
{
    int descriptor = open(path, O_RDONLY | O_CLOEXEC);
    if (descriptor < 0) {
        *mode = 0644;
        return errno == ENOENT ? RESULT_OK : RESULT_SYSTEM;
    }
    struct stat status;
    enum result result = fstat(descriptor, &status) == 0 ? config_read_descriptor(descriptor, out) : RESULT_SYSTEM;
    int error = errno;
    *mode = status.st_mode & 07777;
    close(descriptor);
    errno = error;
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
    if (!replace_file(config->config_file, mode, buffer_bytes(&text))) {
        result = RESULT_SYSTEM;
    }
out:;
    int error = errno;
    buffer_release(&old);
    buffer_release(&text);
    errno = error;
    return result;
}
