/* commands.c - see commands.h.  */
#include "acl/commands.h"

#include "acl/category.h"
#include "base/word_list.h"
#include "mem/heap.h"

#include <string.h>

/* What each word of a specification's flags says; RO, RW and the others ask nothing. */
static const struct {
    struct bytes word;
    uint8_t need;
} flag_needs[] = {{{"access", 6}, ACL_READ}, {{"insert", 6}, ACL_WRITE}, {{"delete", 6}, ACL_WRITE}, {{"update", 6}, ACL_WRITE}};

static void add_need(struct bytes word, void *arg)
{
    uint8_t *needs = arg;
    for (size_t i = 0; i < sizeof flag_needs / sizeof flag_needs[0]; i++) {
        if (bytes_equal(word, flag_needs[i].word)) {
            *needs |= flag_needs[i].need;
        }
    }
}

uint8_t acl_needs_of_flags(struct bytes flags)
{
    uint8_t needs = 0;
    words_visit(flags, add_need, &needs);
    return needs;
}

static const struct {
    const char *name;
    enum acl_channels channels;
} channel_commands[] = {
    {"publish", ACL_CHANNEL_FIRST},  {"spublish", ACL_CHANNEL_FIRST},      {"subscribe", ACL_CHANNELS_ALL},
    {"ssubscribe", ACL_CHANNELS_ALL}, {"psubscribe", ACL_CHANNEL_PATTERNS},
};

static uint8_t channels_of(const struct command_spec *spec)
{
    for (size_t i = 0; i < sizeof channel_commands / sizeof channel_commands[0]; i++) {
        if (spec->parent == NULL && strcmp(spec->name, channel_commands[i].name) == 0) {
            return (uint8_t)channel_commands[i].channels;
        }
    }
    return ACL_NO_CHANNELS;
}

static void describe(const struct command_spec *spec, struct acl_command *out)
{
    struct key_spec specs[KEY_SPECS_MAX];
    *out = (struct acl_command){.spec = spec, .categories = command_categories(spec), .channels = channels_of(spec)};
    const size_t count = command_key_specs(spec, specs);
    if (count > 0 && bytes_equal(specs[0].flags, BYTES("not_key"))) {
        return;
    }
    for (size_t i = 0; i < count; i++) {
        out->needs[i] = acl_needs_of_flags(specs[i].flags);
        out->has_hidden_keys |= specs[i].place.is_unknown && specs[i].place.keyword == NULL;
    }
    out->spec_count = (uint8_t)count;
    out->has_variable_flags = count > 0 && command_variable_flags(spec, NULL, 0) != NULL;
}

bool acl_commands_open(struct acl_command_table *commands, const struct command_spec *const *specs, uint32_t count)
{
    *commands = (struct acl_command_table){.rows = thread_alloc(MEM_SERVER, (count + 1) * sizeof *commands->rows), .count = count};
    if (commands->rows == NULL) {
        return false;
    }
    for (uint32_t i = 0; i < count; i++) {
        describe(specs[i], &commands->rows[i]);
    }
    return true;
}

void acl_commands_close(struct acl_command_table *commands)
{
    thread_free(MEM_SERVER, commands->rows, (commands->count + 1) * sizeof *commands->rows);
    *commands = (struct acl_command_table){0};
}

const struct acl_command *acl_command_find(const struct acl_command_table *commands, struct bytes name)
{
    const char *bar = name.len == 0 ? NULL : memchr(name.data, '|', name.len);
    const struct bytes own = bar == NULL ? name : (struct bytes){bar + 1, name.len - (size_t)(bar + 1 - name.data)};
    const struct bytes container = {name.data, bar == NULL ? 0 : (size_t)(bar - name.data)};
    for (uint32_t i = 0; i < commands->count; i++) {
        const struct command_spec *spec = commands->rows[i].spec;
        const struct command_spec *parent = spec->parent;
        if ((parent != NULL) == (bar != NULL) && bytes_equal_ignore_case(own, bytes_of_string(spec->name)) &&
            (parent == NULL || bytes_equal_ignore_case(container, bytes_of_string(parent->name)))) {
            return &commands->rows[i];
        }
    }
    return NULL;
}
