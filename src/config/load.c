/* load.c - the configuration at start: files, included files, standard input and the command line.
 *
 * Every source becomes lines, and every line words: the first one names the parameter. A later line wins. A start stops at the
 * first error, a check (--check-config) goes on behind it: what the load_ functions return is whether reading goes on.
 * Limits     TEXT_FILE_BYTES_MAX a source, CONFIG_INCLUDE_DEPTH_MAX files within files.  */
#include "config/config_private.h"
#include "config/text_file.h"
#include "mem/heap.h"

#include <assert.h>
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The errors of one load. */
struct report {
    struct buffer *text; /* all that is to be printed */
    unsigned count;
    unsigned count_max;  /* reading stops at so many */
};

/* Where a line stands, for the text of an error. */
struct source {
    const char *name; /* a file's; NULL: the command line */
    unsigned line;    /* from 1 */
    unsigned depth;   /* of includes */
    struct report *report;
};

/* Whether a line's first word says that passwords follow, also one that is misspelt at its end: they are not to stand in any log. */
static bool has_secret(struct bytes name)
{
    static const char *const parts[] = {"pass", "requirepa", "masterauth", "primaryauth"};
    char lower[32] = "";
    for (size_t i = 0; i < name.len && i < sizeof lower - 1; i++) {
        lower[i] = (char)tolower((unsigned char)name.data[i]);
    }
    bool is_secret = strcmp(lower, "user") == 0;
    for (size_t i = 0; i < sizeof parts / sizeof parts[0] && !is_secret; i++) {
        is_secret = strstr(lower, parts[i]) != NULL;
    }
    return is_secret;
}

/* Appends the line as an error shows it: without what may be a secret. False: no memory. */
static bool append_line(struct buffer *error, struct bytes line)
{
    size_t name_len = 0;
    while (name_len < line.len && !isspace((unsigned char)line.data[name_len])) {
        name_len++;
    }
    if (name_len < line.len && has_secret((struct bytes){line.data, name_len})) {
        return buffer_append_format(error, ">>> '%.*s (redacted)'\n", (int)name_len, line.data);
    }
    return buffer_append_format(error, ">>> '%.*s'\n", (int)(line.len > 512 ? 512 : line.len), line.data);
}

/* Writes an error. Returns whether reading goes on behind it. */
static bool fail(const struct source *source, struct bytes line, const char *reason)
{
    struct buffer *error = source->report->text;
    bool is_done = buffer_append_format(error, "\n*** FATAL CONFIG FILE ERROR (Tessera %s) ***\n", TESSERA_VERSION);
    if (is_done && source->name == NULL) {
        is_done = buffer_append(error, BYTES("Reading the command line\n"));
    } else if (is_done) {
        is_done = buffer_append_format(error, "Reading the configuration file '%s', at line %u\n", source->name, source->line);
    }
    if (is_done && line.len > 0) {
        is_done = append_line(error, line);
    }
    (void)(is_done && buffer_append_format(error, "%s\n", reason));
    assert(source->report->count < source->report->count_max); /* nothing is read behind the last one */
    return ++source->report->count < source->report->count_max;
}

struct bytes config_trim(struct bytes line)
{
    while (line.len > 0 && isspace((unsigned char)line.data[line.len - 1])) {
        line.len--;
    }
    while (line.len > 0 && isspace((unsigned char)line.data[0])) {
        line.data++;
        line.len--;
    }
    return line;
}

bool config_next_line(struct bytes *rest, struct bytes *line)
{
    if (rest->len == 0) {
        return false;
    }
    const char *end = memchr(rest->data, '\n', rest->len);
    line->data = rest->data;
    line->len = end == NULL ? rest->len : (size_t)(end - rest->data);
    size_t used = end == NULL ? line->len : line->len + 1;
    rest->data += used;
    rest->len -= used;
    return true;
}

static bool load_include(struct config *config, const struct source *source, struct bytes line, struct bytes pattern);

/* A further line adds to what the lines before it have given, as `save` does, unless either is empty. False: no memory. */
static bool join_lines(struct config *config, const struct param *param, const struct bytes *words, size_t count, struct buffer *joined)
{
    bool is_joined = true;
    if (config->has_save_line && !(count == 1 && words[0].len == 0)) {
        is_joined = param_format(config, param, PARAM_FOR_GET, joined);
    }
    for (size_t i = 0; i < count && is_joined; i++) {
        is_joined = (joined->len == 0 || buffer_append(joined, BYTES(" "))) && buffer_append(joined, words[i]);
    }
    config->has_save_line = true;
    return is_joined;
}

static bool parse_added(struct config *config, const struct param *param, const struct bytes *words, size_t count, struct param_value *value,
                        char reason[CONFIG_REASON_MAX])
{
    struct buffer joined = BUFFER_EMPTY(MEM_SERVER);
    bool is_parsed = false;
    if (join_lines(config, param, words, count, &joined)) {
        const struct bytes word = joined.len == 0 ? BYTES("") : buffer_bytes(&joined);
        is_parsed = param_parse(config, param, &word, 1, value, reason);
    } else {
        snprintf(reason, CONFIG_REASON_MAX, "Out of memory");
    }
    buffer_release(&joined);
    return is_parsed;
}

static bool load_rename(struct config *config, const struct source *source, struct bytes line, const struct bytes *names)
{
    switch (rename_command(config, names[0], names[1])) {
    case RESULT_OK: return true;
    case RESULT_NOT_FOUND: return fail(source, line, "No such command in rename-command");
    case RESULT_EXISTS: return fail(source, line, "Target command name already exists");
    case RESULT_NO_MEMORY: return fail(source, line, "Out of memory");
    default: return fail(source, line, "The new name is too long, or has a byte 0");
    }
}

/* A user, for src/acl to read: its words with a space between them. */
static bool load_user(struct config *config, const struct source *source, struct bytes line, const struct bytes *words, size_t count)
{
    bool is_done = true;
    for (size_t i = 0; i < count && is_done; i++) {
        is_done = (i == 0 || buffer_append(&config->user_lines, BYTES(" "))) && buffer_append(&config->user_lines, words[i]);
    }
    is_done = is_done && buffer_append(&config->user_lines, BYTES("\n"));
    return is_done || fail(source, line, "Out of memory");
}

/* A directive that is no parameter. */
static bool load_foreign(struct config *config, const struct source *source, struct bytes line, const struct bytes *words, size_t count)
{
    const char *why = NULL;
    char reason[CONFIG_REASON_MAX];
    switch (config_take_foreign(config, words, count, &why)) {
    case FOREIGN_TAKEN: return true;
    case FOREIGN_REFUSED: snprintf(reason, sizeof reason, "This value cannot be honoured: %s", why); return fail(source, line, reason);
    case FOREIGN_UNKNOWN: break;
    }
    return fail(source, line, "Bad directive or wrong number of arguments");
}

/* One directive: its words are split already. `line` is for the error. */
static bool load_directive(struct config *config, const struct source *source, struct bytes line, const struct bytes *words,
                           size_t count)
{
    if (bytes_equal_ignore_case(words[0], BYTES("include")) && count == 2) {
        return load_include(config, source, line, words[1]);
    }
    if (bytes_equal_ignore_case(words[0], BYTES("rename-command")) && count == 3) {
        return load_rename(config, source, line, words + 1);
    }
    if (bytes_equal_ignore_case(words[0], BYTES("user")) && count >= 2) {
        return load_user(config, source, line, words, count);
    }
    const struct param *param = param_find(words[0]);
    if (param == NULL) {
        return load_foreign(config, source, line, words, count);
    }
    if (count < 2 || (count > 2 && !(param->flags & PARAM_MANY_WORDS))) {
        return fail(source, line, "Bad directive or wrong number of arguments");
    }
    struct param_value value;
    char reason[CONFIG_REASON_MAX];
    bool is_parsed = (param->flags & PARAM_ADDS) != 0 ? parse_added(config, param, words + 1, count - 1, &value, reason)
                     : count == 2 ? param_parse_argument(config, param, words[1], &value, reason)
                                : param_parse(config, param, words + 1, count - 1, &value, reason);
    if (!is_parsed) {
        return fail(source, line, reason);
    }
    param_commit(config, param, &value);
    return true;
}

static bool load_line(struct config *config, const struct source *source, struct bytes line)
{
    line = config_trim(line);
    if (line.len == 0 || line.data[0] == '#') {
        return true;
    }
    struct words words;
    switch (words_split(line, &words)) {
    case RESULT_OK: break;
    case RESULT_SYNTAX: return fail(source, line, "Unbalanced quotes in configuration line");
    case RESULT_TOO_LONG: return fail(source, line, "Too many words in configuration line");
    default: return fail(source, line, "Out of memory");
    }
    bool goes_on = load_directive(config, source, line, words.items, words.count);
    words_release(&words);
    return goes_on;
}

static bool load_text(struct config *config, struct source *source, struct bytes text)
{
    struct bytes line;
    while (config_next_line(&text, &line)) {
        source->line++;
        if (!load_line(config, source, line)) {
            return false;
        }
    }
    return true;
}

/* `from`: the line that asks for the file, for the error when it cannot be read; line 0 when the command line did. */
static bool load_descriptor(struct config *config, const struct source *from, const char *name, int descriptor)
{
    struct buffer text = BUFFER_EMPTY(MEM_SERVER);
    struct source source = {.name = name, .depth = from->depth + 1, .report = from->report};
    bool goes_on = false;
    switch (text_file_read_descriptor(descriptor, &text)) {
    case RESULT_OK: goes_on = load_text(config, &source, buffer_bytes(&text)); break;
    case RESULT_TOO_LONG: goes_on = fail(&source, BYTES(""), "The file is too long"); break;
    case RESULT_SYSTEM: goes_on = fail(&source, BYTES(""), strerror(errno)); break;
    default: goes_on = fail(&source, BYTES(""), "Out of memory"); break;
    }
    buffer_release(&text);
    return goes_on;
}

static bool load_file(struct config *config, const struct source *from, struct bytes line, const char *name)
{
    int descriptor = open(name, O_RDONLY | O_CLOEXEC);
    if (descriptor < 0) {
        char reason[PATH_MAX + 128];
        snprintf(reason, sizeof reason, "Can't open the configuration file '%s': %s", name, strerror(errno));
        return fail(from, line, reason);
    }
    bool goes_on = load_descriptor(config, from, name, descriptor);
    close(descriptor);
    return goes_on;
}

/* style: recursion, bounded by CONFIG_INCLUDE_DEPTH_MAX. */
static bool load_include(struct config *config, const struct source *source, struct bytes line, struct bytes pattern)
{
    char path[PATH_MAX];
    if (source->depth >= CONFIG_INCLUDE_DEPTH_MAX) {
        return fail(source, line, "Files include each other too deeply");
    }
    if (pattern.len == 0 || pattern.len >= sizeof path || memchr(pattern.data, '\0', pattern.len) != NULL) {
        return fail(source, line, "Not the name of a file");
    }
    memcpy(path, pattern.data, pattern.len);
    path[pattern.len] = '\0';
    if (strpbrk(path, "*?[") == NULL) {
        return load_file(config, source, line, path);
    }
    glob_t found;
    int status = glob(path, 0, NULL, &found);
    if (status == GLOB_NOMATCH) {
        return true;
    }
    if (status != 0) {
        return fail(source, line, "Can't list the files to include");
    }
    bool goes_on = true;
    for (size_t i = 0; goes_on && i < found.gl_pathc; i++) {
        goes_on = load_file(config, source, line, found.gl_pathv[i]);
    }
    globfree(&found);
    return goes_on;
}

bool config_load_text(struct config *config, const char *name, struct bytes text, struct buffer *error)
{
    struct report report = {.text = error, .count_max = 1};
    struct source source = {.name = name, .report = &report};
    return load_text(config, &source, text);
}

static bool is_option(const char *word)
{
    return word[0] == '-' && word[1] == '-';
}

/* One "--name value ..." from argv[*at] on. The first value may itself begin with "--", except behind --save, which may stand
 * alone (it means ""). "--name value" in one word is taken, too.  */
static bool load_option(struct config *config, struct source *source, int argc, char **argv, int *at)
{
    struct buffer line = BUFFER_EMPTY(MEM_SERVER);
    const char *name = argv[*at] + 2;
    bool is_save = strcmp(name, "save") == 0;
    bool has_value = strchr(name, ' ') != NULL;
    bool is_done = buffer_append(&line, bytes_of_string(name));
    (*at)++;
    while (is_done && *at < argc && (!is_option(argv[*at]) || (!has_value && !is_save))) {
        is_done = buffer_append(&line, BYTES(" ")) && words_append_quoted(&line, bytes_of_string(argv[*at]));
        has_value = true;
        (*at)++;
    }
    if (is_done && is_save && !has_value) {
        is_done = buffer_append(&line, BYTES(" \"\""));
    }
    bool goes_on = is_done ? load_line(config, source, buffer_bytes(&line)) : fail(source, BYTES(""), "Out of memory");
    buffer_release(&line);
    return goes_on;
}

/* The file that the command line names. Its absolute path is kept before `dir` can change what a relative one means. */
static bool load_named_file(struct config *config, const struct source *source, const char *name)
{
    char path[PATH_MAX];
    if (realpath(name, path) == NULL) {
        char reason[PATH_MAX + 128];
        snprintf(reason, sizeof reason, "Can't open the configuration file '%s': %s", name, strerror(errno));
        return fail(source, BYTES(""), reason);
    }
    char *copy = thread_alloc(MEM_SERVER, strlen(path) + 1);
    if (copy == NULL) {
        return fail(source, BYTES(""), "Out of memory");
    }
    strcpy(copy, path);
    thread_free(MEM_SERVER, config->config_file, strlen(config->config_file) + 1);
    config->config_file = copy;
    return load_file(config, source, BYTES(""), name);
}

static bool load_options(struct config *config, struct source *source, int argc, char **argv, int at)
{
    bool goes_on = true;
    while (goes_on && at < argc) {
        if (is_option(argv[at]) && argv[at][2] != '\0') {
            goes_on = load_option(config, source, argc, argv, &at);
        } else {
            goes_on = fail(source, bytes_of_string(argv[at++]), "Bad directive or wrong number of arguments");
        }
    }
    return goes_on;
}

/* All words of a start, until the report is full. True: no error. */
static bool load_words(struct config *config, int argc, char **argv, struct report *report)
{
    struct source source = {.report = report};
    bool goes_on = true;
    int at = 0;
    if (argc > 0 && argv[0][0] != '-') {
        goes_on = load_named_file(config, &source, argv[0]);
        at = 1;
    }
    if (goes_on && argc > at && strcmp(argv[argc - 1], "-") == 0) {
        argc--;
        goes_on = load_descriptor(config, &source, "standard input", STDIN_FILENO);
    }
    goes_on = goes_on && load_options(config, &source, argc, argv, at);
    assert(goes_on == (report->count < report->count_max));
    return report->count == 0;
}

bool config_load_words(struct config *config, int argc, char **argv, struct buffer *error)
{
    struct report report = {.text = error, .count_max = 1};
    return load_words(config, argc, argv, &report);
}

bool config_check_words(struct config *config, int argc, char **argv, struct buffer *errors)
{
    struct report report = {.text = errors, .count_max = CONFIG_ERRORS_MAX};
    const int folder = open(".", O_PATH | O_DIRECTORY | O_CLOEXEC);
    bool is_good = load_words(config, argc, argv, &report);
    if (report.count == report.count_max) {
        (void)!buffer_append_format(errors, "\nReading stopped at %u errors.\n", report.count);
    }
    if (folder < 0 || fchdir(folder) != 0) {
        is_good = false;
        (void)!buffer_append_format(errors, "\nCan't return to the working directory: %s\n", strerror(errno));
    }
    if (folder >= 0) {
        close(folder);
    }
    return is_good;
}

static bool print_errors(bool is_good, struct buffer *errors)
{
    if (!is_good) {
        fprintf(stderr, "%.*s", (int)errors->len, errors->len == 0 ? "" : errors->data);
    }
    buffer_release(errors);
    return is_good;
}

bool config_load(struct config *config, int argc, char **argv)
{
    struct buffer error = BUFFER_EMPTY(MEM_SERVER);
    const bool is_good = config_load_words(config, argc, argv, &error);
    return print_errors(is_good, &error);
}

bool config_check(struct config *config, int argc, char **argv)
{
    struct buffer errors = BUFFER_EMPTY(MEM_SERVER);
    const bool is_good = config_check_words(config, argc, argv, &errors);
    return print_errors(is_good, &errors);
}
