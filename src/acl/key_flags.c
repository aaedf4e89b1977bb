/* key_flags.c - see key_flags.h.  */
#include "acl/key_flags.h"

#include <assert.h>
#include <string.h>

static size_t own_key_specs(const struct command_spec *spec, struct key_spec out[KEY_SPECS_MAX])
{
    size_t count = 0;
    for (const struct command_key_spec *row = spec->key_specs; row->flags != NULL; row++) {
        assert(count < KEY_SPECS_MAX);
        out[count] = (struct key_spec){bytes_of_string(row->flags), *row};
        out[count].place.step = row->step == 0 ? 1 : row->step;
        count++;
    }
    return count;
}

struct command_keys command_shown_keys(const struct command_spec *spec)
{
    return spec->names_table ? (struct command_keys){1, 1, 1} : spec->keys;
}

size_t command_key_specs(const struct command_spec *spec, struct key_spec out[KEY_SPECS_MAX])
{
    if (spec->key_specs != NULL) {
        return own_key_specs(spec, out);
    }
    const struct command_keys keys = command_shown_keys(spec);
    if (keys.first == 0) {
        return 0;
    }
    const char *by_flags = spec->flags & COMMAND_WRITE ? "RW update" : "RO access";
    struct bytes rest = bytes_of_string(spec->key_flags != NULL ? spec->key_flags : by_flags);
    size_t count = 0;
    while (rest.len > 0 && count < KEY_SPECS_MAX) {
        const char *bar = memchr(rest.data, '|', rest.len);
        size_t len = bar == NULL ? rest.len : (size_t)(bar - rest.data);
        out[count++] = (struct key_spec){.flags = {rest.data, len}};
        size_t used = bar == NULL ? len : len + 1;
        rest = (struct bytes){rest.data + used, rest.len - used};
    }
    for (size_t i = 0; i < count; i++) {
        struct command_key_spec *place = &out[i].place;
        const bool is_last = i + 1 == count;
        place->index = (int16_t)(keys.first + (int16_t)i * keys.step);
        place->last = !is_last ? 0 : keys.last < 0 ? keys.last : (int16_t)(keys.last - place->index);
        place->step = is_last ? keys.step : 1;
    }
    return count;
}

/* SET returns the old value with GET only. */
static const char *set_flags(const struct bytes *argv, uint32_t argc)
{
    for (uint32_t i = 3; i < argc; i++) {
        if (bytes_equal_ignore_case(argv[i], BYTES("get"))) {
            return "RW access update";
        }
    }
    return "OW update";
}

/* BITFIELD writes unless all of its operations are GET. */
static const char *bitfield_flags(const struct bytes *argv, uint32_t argc)
{
    for (uint32_t i = 2; i < argc; i++) {
        if (bytes_equal_ignore_case(argv[i], BYTES("get")) && argc - i > 2) {
            i += 2;
        } else if (bytes_equal_ignore_case(argv[i], BYTES("overflow")) && argc - i > 1) {
            i++;
        } else {
            return "RW access update";
        }
    }
    return "RO access";
}

static const struct {
    const char *name;
    const char *(*flags)(const struct bytes *argv, uint32_t argc);
} variable_flags[] = {{"set", set_flags}, {"bitfield", bitfield_flags}};

const char *command_variable_flags(const struct command_spec *spec, const struct bytes *argv, uint32_t argc)
{
    for (size_t i = 0; i < sizeof variable_flags / sizeof variable_flags[0]; i++) {
        if (strcmp(spec->name, variable_flags[i].name) == 0) {
            return variable_flags[i].flags(argv, argc);
        }
    }
    return NULL;
}
