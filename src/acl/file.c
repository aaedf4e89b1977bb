/* file.c - see file.h.  */
#include "acl/file.h"

#include "acl/words.h"
#include "config/text_file.h"

#include <stdio.h>

enum { FILE_MODE = 0600 }; /* it has the digests of passwords */

/* A text of lines being read. */
struct reading {
    struct acl *acl;
    struct acl_set set;
    const char *name;
    unsigned line;
    struct buffer *errors;
    enum result result;
};

static void fail(struct reading *reading, struct bytes what, const char *why)
{
    reading->result = RESULT_SYNTAX;
    if (!buffer_append_format(reading->errors, "%s:%u: %s%.*s%s. ", reading->name, reading->line, what.len == 0 ? "" : "'", (int)what.len,
                              what.len == 0 ? "" : what.data, why)) {
        reading->result = RESULT_NO_MEMORY;
    }
}

static void add_user(struct reading *reading, struct bytes name, const struct acl_words *rules)
{
    size_t bad;
    const struct bytes *items = (const struct bytes *)(const void *)rules->items.data;
    const enum acl_rule_result result = acl_set_add(reading->acl, &reading->set, name, items, acl_words_count(rules), &bad);
    if (result == ACL_RULE_NO_MEMORY) {
        reading->result = RESULT_NO_MEMORY;
    } else if (result != ACL_RULE_OK) {
        char why[256];
        snprintf(why, sizeof why, "': %s", acl_rule_text(result));
        fail(reading, acl_words_at(rules, bad), why);
    }
}

/* The words behind `user`. */
static void read_user(struct reading *reading, const struct bytes *words, size_t count)
{
    struct acl_words rules;
    struct bytes culprit;
    if (!acl_name_is_right(words[0])) {
        fail(reading, words[0], "': username contains invalid characters");
        return;
    }
    if (acl_set_has(&reading->set, words[0])) {
        fail(reading, words[0], "': Duplicate user found. A user can only be defined once in config files");
        return;
    }
    switch (acl_words_merge(words + 1, count - 1, &rules, &culprit)) {
    case ACL_WORDS_OK: add_user(reading, words[0], &rules); break;
    case ACL_WORDS_UNMATCHED: fail(reading, culprit, "': Unmatched parenthesis in selector definition"); break;
    case ACL_WORDS_NO_MEMORY: reading->result = RESULT_NO_MEMORY; break;
    }
    acl_words_release(&rules);
}

static void read_line(struct reading *reading, struct bytes line)
{
    struct buffer words = BUFFER_EMPTY(MEM_SERVER);
    struct bytes rest = line, word;
    while (acl_next_word(&rest, &word) && reading->result != RESULT_NO_MEMORY) {
        if (!buffer_append(&words, (struct bytes){(const char *)&word, sizeof word})) {
            reading->result = RESULT_NO_MEMORY;
        }
    }
    const struct bytes *items = (const struct bytes *)(const void *)words.data;
    const size_t count = words.len / sizeof *items;
    if (reading->result != RESULT_NO_MEMORY && count > 0) {
        if (count < 2 || !bytes_equal_ignore_case(items[0], BYTES("user"))) {
            fail(reading, (struct bytes){0}, "line should start with user keyword followed by the username");
        } else {
            read_user(reading, items + 1, count - 1);
        }
    }
    buffer_release(&words);
}

/* Without blanks at both ends; tabs between words count as spaces nowhere. */
static struct bytes trim(struct bytes line)
{
    while (line.len > 0 && memchr(" \t\r\n", line.data[line.len - 1], 4) != NULL) {
        line.len--;
    }
    while (line.len > 0 && memchr(" \t\r\n", line.data[0], 4) != NULL) {
        line.data++;
        line.len--;
    }
    return line;
}

enum result acl_load_text(struct acl *acl, struct bytes text, const char *name, struct buffer *errors)
{
    struct reading reading = {.acl = acl, .name = name, .errors = errors, .result = RESULT_OK};
    while (text.len > 0 && reading.result != RESULT_NO_MEMORY) {
        const char *end = memchr(text.data, '\n', text.len);
        const size_t len = end == NULL ? text.len : (size_t)(end - text.data);
        const struct bytes line = trim((struct bytes){text.data, len});
        const size_t used = len + (end != NULL);
        reading.line++;
        text = (struct bytes){text.data + used, text.len - used};
        if (line.len > 0 && line.data[0] != '#') {
            read_line(&reading, line);
        }
    }
    if (reading.result == RESULT_OK && !acl_replace(acl, &reading.set)) {
        reading.result = RESULT_NO_MEMORY;
    }
    acl_set_release(&reading.set);
    return reading.result;
}

enum result acl_load_file(struct acl *acl, const char *path, struct buffer *errors)
{
    struct buffer text = BUFFER_EMPTY(MEM_SERVER);
    mode_t mode;
    enum result result = text_file_read(path, &text, &mode);
    if (result == RESULT_OK) {
        result = acl_load_text(acl, buffer_bytes(&text), path, errors);
    }
    buffer_release(&text);
    return result;
}

/* Lines being written. */
struct writing {
    struct buffer *out;
    bool is_done;
};

static void append_line(const struct acl_user *user, void *arg)
{
    struct writing *writing = arg;
    writing->is_done = writing->is_done && acl_user_describe(user, writing->out) && buffer_append(writing->out, BYTES("\n"));
}

enum result acl_save_file(struct acl *acl, const char *path)
{
    struct buffer text = BUFFER_EMPTY(MEM_SERVER);
    struct writing writing = {&text, true};
    acl_visit(acl, append_line, &writing);
    const enum result result = writing.is_done ? text_file_replace(path, FILE_MODE, buffer_bytes(&text)) : RESULT_NO_MEMORY;
    buffer_release(&text);
    return result;
}

bool acl_append_lines(struct acl *acl, struct buffer *out)
{
    struct writing writing = {out, true};
    bool is_plain;
    if (!acl_is_plain(acl, &is_plain)) {
        return false;
    }
    if (!is_plain) {
        acl_visit(acl, append_line, &writing);
    }
    return writing.is_done;
}
