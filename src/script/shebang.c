/* shebang.c - see shebang.h.  */
#include "script/shebang.h"

#include "script/registry.h"

#include <stdio.h>

static const struct {
    const char *name;
    uint32_t flag;
} flags_known[] = {
    {"no-writes", SCRIPT_NO_WRITES},
    {"allow-oom", SCRIPT_ALLOW_OOM},
    {"allow-stale", SCRIPT_ALLOW_STALE},
    {"no-cluster", SCRIPT_NO_CLUSTER},
    {"allow-cross-slot-keys", SCRIPT_ALLOW_CROSS_SLOT},
};

/* The part of *text before `separator`, which goes off it with it. */
static struct bytes cut(struct bytes *text, char separator)
{
    size_t len = 0;
    while (len < text->len && text->data[len] != separator) {
        len++;
    }
    const struct bytes part = {text->data, len};
    const size_t taken = len < text->len ? len + 1 : len;
    *text = (struct bytes){text->data + taken, text->len - taken};
    return part;
}

static bool refuse(char error[SHEBANG_ERROR_MAX], const char *what, struct bytes word)
{
    snprintf(error, SHEBANG_ERROR_MAX, "%s: %.*s", what, word.len > 128 ? 128 : (int)word.len, word.data);
    return false;
}

static bool read_flags(struct bytes list, uint32_t *flags, char error[SHEBANG_ERROR_MAX])
{
    const char *const end = list.data + list.len;
    bool has_more = list.len > 0;
    while (has_more) {
        const struct bytes name = cut(&list, ',');
        has_more = name.data + name.len < end; /* a comma, if nothing else */
        uint32_t flag = 0;
        for (size_t i = 0; i < sizeof flags_known / sizeof flags_known[0]; i++) {
            flag |= bytes_equal(name, bytes_of_string(flags_known[i].name)) ? flags_known[i].flag : 0;
        }
        if (flag == 0) {
            return refuse(error, "Unexpected flag in script shebang", name);
        }
        *flags |= flag;
    }
    return true;
}

bool shebang_read(struct bytes text, size_t *code_start, uint32_t *flags, char error[SHEBANG_ERROR_MAX])
{
    static const struct bytes option = {"flags=", 6};
    *code_start = 0;
    *flags = SCRIPT_IS_PLAIN;
    if (text.len < 2 || memcmp(text.data, "#!", 2) != 0) {
        return true;
    }
    const char *end = memchr(text.data, '\n', text.len);
    if (end == NULL) {
        snprintf(error, SHEBANG_ERROR_MAX, "Invalid script shebang");
        return false;
    }
    struct bytes line = {text.data, (size_t)(end - text.data)};
    *code_start = line.len;
    *flags = 0;
    const struct bytes engine = cut(&line, ' ');
    if (!bytes_equal(engine, BYTES("#!lua"))) {
        return refuse(error, "Unexpected engine in script shebang", engine);
    }
    while (line.len > 0) {
        const struct bytes word = cut(&line, ' ');
        if (word.len >= option.len && memcmp(word.data, option.data, option.len) == 0) {
            if (!read_flags((struct bytes){word.data + option.len, word.len - option.len}, flags, error)) {
                return false;
            }
        } else if (word.len > 0) {
            return refuse(error, "Unknown lua shebang option", word);
        }
    }
    return true;
}
