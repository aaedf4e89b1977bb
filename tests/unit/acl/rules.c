/* Rules make users, and users are written down as rules that make the same again.  */
#include "acl/check.h"
#include "acl/words.h"
#include "mem/heap.h"

#include <criterion/criterion.h>

static void run_nothing(struct exec *exec)
{
    (void)exec;
}

/* A table of commands as the server has it, but short. */
enum { GET, SET, DEL, PUBLISH, SELECT, AUTH, SORT, CONFIG, CONFIG_GET, CONFIG_SET, SPEC_COUNT };
static struct command_spec config_rows[3];
static const struct command_key_spec sort_keys[] = {{.flags = "RO access", .index = 1}, {.flags = "RO access", .is_unknown = true}, {.flags = NULL}};
static struct command_spec specs[SPEC_COUNT] = {
    [GET] = {.name = "get", .flags = COMMAND_READONLY | COMMAND_FAST, .keys = {1, 1, 1}, .group = "string", .arity = 2},
    [SET] = {.name = "set", .flags = COMMAND_WRITE, .keys = {1, 1, 1}, .group = "string", .arity = -3,
             .key_flags = "RW access update variable_flags"},
    [DEL] = {.name = "del", .flags = COMMAND_WRITE, .keys = {1, -1, 1}, .group = "generic", .arity = -2, .key_flags = "RM delete"},
    [PUBLISH] = {.name = "publish", .flags = COMMAND_PUBSUB, .group = "pubsub", .arity = 3},
    [SELECT] = {.name = "select", .group = "connection", .arity = 2},
    [AUTH] = {.name = "auth", .flags = COMMAND_NO_AUTH, .group = "connection", .arity = -2},
    [SORT] = {.name = "sort", .flags = COMMAND_WRITE, .keys = {1, 1, 1}, .key_specs = sort_keys, .group = "generic", .arity = -2},
    [CONFIG] = {.name = "config", .group = "server", .arity = -2},
};
static struct acl_command_table table;

static void open_table(void)
{
    static const struct command_spec *rows[SPEC_COUNT];
    specs[CONFIG].subcommands = config_rows;
    config_rows[0] = (struct command_spec){
        .name = "get", .flags = COMMAND_ADMIN, .group = "server", .arity = -3, .parent = &specs[CONFIG], .run = run_nothing};
    config_rows[1] = (struct command_spec){
        .name = "set", .flags = COMMAND_ADMIN, .group = "server", .arity = -4, .parent = &specs[CONFIG], .run = run_nothing};
    for (uint16_t i = 0; i < SPEC_COUNT; i++) {
        struct command_spec *spec = i == CONFIG_GET ? &config_rows[0] : i == CONFIG_SET ? &config_rows[1] : &specs[i];
        spec->index = i;
        spec->run = i == CONFIG ? NULL : run_nothing;
        rows[i] = spec;
    }
    cr_assert(acl_commands_open(&table, rows, SPEC_COUNT));
}

TestSuite(rules, .init = open_table);

static enum acl_rule_result apply(struct acl_user *user, const char *text)
{
    struct bytes rest = bytes_of_string(text), word;
    struct bytes source[32];
    size_t count = 0;
    struct acl_words words;
    enum acl_rule_result result = ACL_RULE_OK;
    while (acl_next_word(&rest, &word)) {
        source[count++] = word;
    }
    if (acl_words_merge(source, count, &words, &word) == ACL_WORDS_NO_MEMORY) {
        result = ACL_RULE_NO_MEMORY;
    }
    for (size_t i = 0; i < acl_words_count(&words) && result == ACL_RULE_OK; i++) {
        result = acl_user_apply(user, &table, acl_words_at(&words, i), false);
    }
    acl_words_release(&words);
    return result;
}

static struct acl_user *make(const char *rules)
{
    struct acl_user *user = acl_user_create(BYTES("u"), false);
    cr_assert_eq(apply(user, rules), ACL_RULE_OK, "%s", rules);
    return user;
}

static const struct {
    const char *rules, *described;
} descriptions[] = {
    {"", "user u off resetchannels -@all"},
    {"on nopass ~* &* +@all", "user u on nopass ~* &* +@all"},
    {"allkeys allchannels allcommands", "user u off ~* &* +@all"},
    {"~a* %R~b* %W~c %RW~d %r~c &x &y", "user u off ~a* %R~b* ~c ~d resetchannels &x &y -@all"},
    {"~* resetkeys ~k", "user u off ~k resetchannels -@all"},
    {"&* resetchannels &k", "user u off resetchannels &k -@all"},
    {"+get -get +GET +set", "user u off resetchannels -@all +get +set"},
    {"+config|get +config", "user u off resetchannels -@all +config"},
    {"+config -config|set +get", "user u off resetchannels -@all +config -config|set +get"},
    {"+@all -@write +set", "user u off resetchannels +@all -@write +set"},
    {"+@all +get", "user u off resetchannels +@all +get"},
    {"+@all -@all +get", "user u off resetchannels -@all +get"},
    {"+select|0 +select|1", "user u off resetchannels -@all +select|0 +select|1"},
    {"+select|0 +select", "user u off resetchannels -@all +select"},
    {"(~a +get) (%R~b &c +@all)", "user u off resetchannels -@all (~a resetchannels -@all +get) (%R~b resetchannels &c +@all)"},
    {"(~a) clearselectors", "user u off resetchannels -@all"},
    {"on >x ~a +get (~b) reset", "user u off sanitize-payload resetchannels -@all"},
    {">x", "user u off #2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881 resetchannels -@all"},
    {">x >x <x", "user u off resetchannels -@all"},
    {"nopass >x !2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881", "user u off resetchannels -@all"},
    {">x nopass", "user u off nopass resetchannels -@all"},
    {"sanitize-payload skip-sanitize-payload", "user u off skip-sanitize-payload resetchannels -@all"},
};

static void check_description(const struct acl_user *user, const char *expected)
{
    struct buffer text = BUFFER_EMPTY(MEM_SERVER);
    cr_assert(acl_user_describe(user, &text));
    cr_assert(bytes_equal(buffer_bytes(&text), bytes_of_string(expected)), "%.*s, not %s", (int)text.len, text.data, expected);
    buffer_release(&text);
}

Test(rules, describe_a_user_that_they_make_again)
{
    for (size_t i = 0; i < sizeof descriptions / sizeof descriptions[0]; i++) {
        struct acl_user *user = make(descriptions[i].rules);
        check_description(user, descriptions[i].described);
        struct acl_user *copy = acl_user_copy(user);
        check_description(copy, descriptions[i].described);
        struct acl_user *again = make(descriptions[i].described + strlen("user u "));
        check_description(again, descriptions[i].described);
        acl_user_drop(user);
        acl_user_drop(copy);
        acl_user_drop(again);
    }
}

static const struct {
    const char *rules;
    enum acl_rule_result result;
} mistakes[] = {
    {"zzz", ACL_RULE_SYNTAX},          {"%~a", ACL_RULE_SYNTAX},         {"%X~a", ACL_RULE_SYNTAX},
    {"%RR~a", ACL_RULE_SYNTAX},        {"%R", ACL_RULE_SYNTAX},          {"~* ~a", ACL_RULE_KEYS_ARE_ALL},
    {"&* &a", ACL_RULE_CHANNELS_ARE_ALL}, {"+foo", ACL_RULE_UNKNOWN_COMMAND}, {"-foo", ACL_RULE_UNKNOWN_COMMAND},
    {"+", ACL_RULE_UNKNOWN_COMMAND},   {"+@foo", ACL_RULE_UNKNOWN_COMMAND}, {"+config|zz", ACL_RULE_UNKNOWN_COMMAND},
    {"-select|0", ACL_RULE_UNKNOWN_COMMAND}, {"+config|get|x", ACL_RULE_ARGUMENT_OF_SUBCOMMAND}, {"+select|", ACL_RULE_SYNTAX},
    {"<x", ACL_RULE_NO_SUCH_PASSWORD}, {"#12", ACL_RULE_BAD_HASH},       {"(~a zzz)", ACL_RULE_SYNTAX}, {"(~a))", ACL_RULE_SYNTAX},
    {"#2D711642B726B04401627CA9FBAC32F5C8530FB1903CC4DB02258717921A4881", ACL_RULE_BAD_HASH},
};

Test(rules, that_are_wrong_say_why)
{
    for (size_t i = 0; i < sizeof mistakes / sizeof mistakes[0]; i++) {
        struct acl_user *user = acl_user_create(BYTES("u"), false);
        cr_assert_eq(apply(user, mistakes[i].rules), mistakes[i].result, "%s", mistakes[i].rules);
        cr_assert(mistakes[i].result == ACL_RULE_OK || acl_rule_text(mistakes[i].result)[0] != 0);
        acl_user_drop(user);
    }
}

static const struct {
    const char *rules, *command;
    int spec;
    enum acl_outcome outcome;
} checks[] = {
    {"~* &* +@all", "get a", GET, ACL_ALLOWED},
    {"", "auth x", AUTH, ACL_ALLOWED},
    {"", "get a", GET, ACL_DENIED_COMMAND},
    {"+get", "get a", GET, ACL_DENIED_KEY},
    {"+get ~a*", "get abc", GET, ACL_ALLOWED},
    {"+get ~a*", "get ba", GET, ACL_DENIED_KEY},
    {"+get ~a", "get ab", GET, ACL_DENIED_KEY},
    {"+get ~a?c", "get abc", GET, ACL_ALLOWED},
    {"+get ~a?c", "get abd", GET, ACL_DENIED_KEY},
    {"+get ~a\\*", "get a*", GET, ACL_ALLOWED},
    {"+get ~a\\*", "get ab", GET, ACL_DENIED_KEY},
    {"+@all %R~a", "get a", GET, ACL_ALLOWED},
    {"+@all %W~a", "get a", GET, ACL_DENIED_KEY},
    {"+@all %W~a", "set a 1", SET, ACL_ALLOWED},
    {"+@all %W~a", "set a 1 get", SET, ACL_DENIED_KEY},
    {"+@all %W~a %R~a", "set a 1 get", SET, ACL_ALLOWED},
    {"+@all %R~a", "del a", DEL, ACL_DENIED_KEY},
    {"+@all ~a ~b", "del a b", DEL, ACL_ALLOWED},
    {"+@all ~a ~b", "del a c", DEL, ACL_DENIED_KEY},
    {"+@all &a*", "publish abc x", PUBLISH, ACL_ALLOWED},
    {"+@all &a*", "publish b x", PUBLISH, ACL_DENIED_CHANNEL},
    {"+select|0", "select 0", SELECT, ACL_ALLOWED},
    {"+select|0", "select 1", SELECT, ACL_DENIED_COMMAND},
    {"+@admin", "config get x", CONFIG_GET, ACL_ALLOWED},
    {"+config -config|set", "config set x y", CONFIG_SET, ACL_DENIED_COMMAND},
    {"+@all -config|set", "config get x", CONFIG_GET, ACL_ALLOWED},
    {"+@all -@admin", "config get x", CONFIG_GET, ACL_DENIED_COMMAND},
    {"+@read ~*", "get a", GET, ACL_ALLOWED},
    {"+@read ~*", "set a 1", SET, ACL_DENIED_COMMAND},
    {"(~a +get) (~b +set)", "set b 1", SET, ACL_ALLOWED},
    {"(~a +get) (~b +set)", "set a 1", SET, ACL_DENIED_KEY},
    {"(~a +get) (~b +set)", "get b", GET, ACL_DENIED_KEY},
    {"+sort ~a", "sort a by x*", SORT, ACL_DENIED_BY},
    {"+sort ~a", "sort a by x", SORT, ACL_ALLOWED},
    {"+sort ~a", "sort a get x", SORT, ACL_DENIED_GET},
    {"+sort %R~*", "sort a by x* get #", SORT, ACL_ALLOWED},
};

static struct acl_denial check(const struct acl_user *user, int spec, const char *text)
{
    struct bytes rest = bytes_of_string(text), argv[8];
    uint32_t argc = 0;
    struct acl_denial denial = {.outcome = ACL_ALLOWED};
    while (acl_next_word(&rest, &argv[argc])) {
        argc++;
    }
    const struct command_spec *row = table.rows[spec].spec;
    if (row->parent != NULL) {
        /* words begin with the container's name, as a client sends them */
        cr_assert(bytes_equal(argv[0], bytes_of_string(row->parent->name)));
    }
    denial.outcome = acl_check(user, &table, row, argv, argc, &denial);
    return denial;
}

Test(rules, decide_what_a_user_may_run)
{
    for (size_t i = 0; i < sizeof checks / sizeof checks[0]; i++) {
        struct acl_user *user = make(checks[i].rules);
        cr_assert_eq(check(user, checks[i].spec, checks[i].command).outcome, checks[i].outcome, "%s: %s", checks[i].rules, checks[i].command);
        acl_user_drop(user);
    }
}

Test(rules, name_the_key_that_is_refused)
{
    struct acl_user *user = make("+del ~a");
    const struct acl_denial denial = check(user, DEL, "del a key");
    cr_assert(bytes_equal(denial.object, BYTES("key")));
    acl_user_drop(user);
}

Test(rules, let_only_whoever_is_on_and_knows_a_password_in)
{
    struct acl_user *user = make(">x >y");
    cr_assert_not(acl_user_takes(user, BYTES("x")));
    cr_assert_eq(apply(user, "on"), ACL_RULE_OK);
    cr_assert(acl_user_takes(user, BYTES("x")));
    cr_assert(acl_user_takes(user, BYTES("y")));
    cr_assert_not(acl_user_takes(user, BYTES("z")));
    cr_assert_eq(apply(user, "nopass"), ACL_RULE_OK);
    cr_assert(acl_user_takes(user, BYTES("z")));
    cr_assert_eq(apply(user, "resetpass"), ACL_RULE_OK);
    cr_assert_not(acl_user_takes(user, BYTES("")));
    acl_user_drop(user);
}

#if defined(TESSERA_DEBUG_ASSERT)
/* Every allocation is refused once: nothing is lost. */
Test(rules, that_find_no_memory_leave_nothing)
{
    struct mem_counters before = {0}, after = {0};
    thread_heaps_total(&before);
    for (int64_t refused = 0; refused < 200; refused++) {
        thread_heap_refuse_after(refused);
        struct acl_user *user = acl_user_create(BYTES("u"), false);
        if (user != NULL && apply(user, "on >x ~a* &c +get +select|0") == ACL_RULE_OK) {
            acl_user_drop(acl_user_copy(user));
        }
        thread_heap_refuse_after(-1);
        acl_user_drop(user);
    }
    thread_heaps_total(&after);
    cr_assert_eq(after.class_bytes[MEM_SERVER], before.class_bytes[MEM_SERVER]);
}
#endif
