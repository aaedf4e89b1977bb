/* host.c - which hosts are this machine's by address.  */
#include "http/host.h"

#include <criterion/criterion.h>

static const struct {
    const char *host;
    bool is_address;
} hosts[] = {
    {"127.0.0.1", true}, {"127.0.0.1:9121", true}, {"10.1.2.3:1", true}, {"[::1]", true}, {"[::1]:9121", true}, {"[fe80::1]:80", true},
    {"localhost", true}, {"LocalHost:9121", true}, {"a.localhost:1", true},
    {"", false}, {":9121", false}, {"evil.example", false}, {"evil.example:9121", false}, {"127.0.0.1.evil.example", false}, {"127.0.0.1:", false},
    {"127.0.0.1:x", false}, {"127.0.0.1:65536", false}, {"::1", false}, {"[::1", false}, {"[::1]x", false}, {"[evil]", false}, {"[", false},
    {"xlocalhost", false}, {"localhost.evil.example", false}, {"127.0.0.1@evil", false}, {"2130706433", false},
};

Test(host, is_an_address_or_localhost)
{
    for (size_t i = 0; i < sizeof hosts / sizeof hosts[0]; i++) {
        cr_assert_eq(host_is_address(bytes_of_string(hosts[i].host)), hosts[i].is_address, "%s", hosts[i].host);
    }
}

static const struct {
    const char *host, *names;
    bool is_one;
} names[] = {
    {"memory.example", "memory.example", true}, {"Memory.Example:443", "a.b memory.example", true}, {"a", "a b c", true}, {"b:1", "a b c", true},
    {"c", "a b  c", true},
    {"", "", false}, {"", "a  b", false}, {":80", "a  b", false}, {"a", "", false}, {"a b", "a b", false}, {"evil.example", "memory.example", false},
    {"x.memory.example", "memory.example", false}, {"memory.example.evil", "memory.example", false}, {"memory", "memory.example", false},
    {"memory.example:x", "memory.example", false}, {"memory.example:65536", "memory.example", false}, {"memory.example.", "memory.example", false},
};

Test(host, is_one_of_the_names_as_a_whole)
{
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        cr_assert_eq(host_is_one_of(bytes_of_string(names[i].host), bytes_of_string(names[i].names)), names[i].is_one, "%s in %s", names[i].host,
                     names[i].names);
    }
}
