/* secret.c - the commands with passwords, a row each.  */
#include "cmd/slow/secret.h"

#include <string.h>

/* AUTH [username] password: both, as in Redis. */
static bool auth_is_secret(const struct bytes *argv, uint32_t index)
{
    (void)argv;
    return index >= 1;
}

/* HELLO ... AUTH username password */
static bool hello_is_secret(const struct bytes *argv, uint32_t index)
{
    return (index >= 3 && bytes_equal_ignore_case(argv[index - 1], BYTES("AUTH"))) ||
           (index >= 4 && bytes_equal_ignore_case(argv[index - 2], BYTES("AUTH")));
}

static bool ends_with(struct bytes name, struct bytes end)
{
    return name.len >= end.len && bytes_equal_ignore_case((struct bytes){name.data + name.len - end.len, end.len}, end);
}

/* CONFIG SET ... requirepass password, and other parameters whose names end so. */
static bool config_set_is_secret(const struct bytes *argv, uint32_t index)
{
    return index >= 3 && index % 2 == 1 && (ends_with(argv[index - 1], BYTES("pass")) || ends_with(argv[index - 1], BYTES("auth")));
}

/* ACL SETUSER and its like: the user's name, too, as in Redis. */
static bool acl_is_secret(const struct bytes *argv, uint32_t index)
{
    (void)argv;
    return index >= 2;
}

/* MIGRATE host port key db timeout ... AUTH password, AUTH2 user password ... KEYS key ... */
static bool migrate_is_secret(const struct bytes *argv, uint32_t index)
{
    uint32_t at = 6, behind = 6;
    while (at <= index && !bytes_equal_ignore_case(argv[at], BYTES("KEYS"))) {
        behind = at + 1 + bytes_equal_ignore_case(argv[at], BYTES("AUTH")) + 2 * bytes_equal_ignore_case(argv[at], BYTES("AUTH2"));
        if (index > at && index < behind) {
            return true;
        }
        at = behind;
    }
    return false;
}

static const struct {
    const char *name, *parent;
    bool (*is_secret)(const struct bytes *argv, uint32_t index);
} secrets[] = {
    {"auth", NULL, auth_is_secret},
    {"hello", NULL, hello_is_secret},
    {"migrate", NULL, migrate_is_secret},
    {"set", "config", config_set_is_secret},
    {"setuser", "acl", acl_is_secret},
    {"getuser", "acl", acl_is_secret},
    {"deluser", "acl", acl_is_secret},
};

bool argument_is_secret(const struct command_spec *spec, const struct bytes *argv, uint32_t argc, uint32_t index)
{
    (void)argc;
    for (size_t i = 0; i < sizeof secrets / sizeof secrets[0]; i++) {
        const char *parent = spec->parent == NULL ? NULL : spec->parent->name;
        bool is_same_parent = parent == NULL ? secrets[i].parent == NULL
                                             : secrets[i].parent != NULL && strcmp(parent, secrets[i].parent) == 0;
        if (is_same_parent && strcmp(spec->name, secrets[i].name) == 0) {
            return secrets[i].is_secret(argv, index);
        }
    }
    return false;
}
