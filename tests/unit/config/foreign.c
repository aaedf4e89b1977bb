/* Directives of redis.conf that are no parameters here.  */
#include "config/config_private.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

Test(foreign, rows_are_sorted_and_none_is_a_parameter)
{
    for (size_t i = 0; i < config_foreign_count(); i++) {
        const char *name = config_foreign_name(i);
        cr_assert_null(param_find(bytes_of_string(name)), "%s", name);
        cr_assert(i == 0 || strcmp(config_foreign_name(i - 1), name) < 0, "%s", name);
        cr_assert_geq(strlen(config_foreign_reason(bytes_of_string(name))), 10, "%s", name);
    }
}

static const struct {
    const char *line;
    enum foreign_outcome outcome;
    bool is_noticed;
} lines[] = {
    {"always-show-logo no", FOREIGN_TAKEN, true},
    {"ALWAYS-SHOW-LOGO yes", FOREIGN_TAKEN, true},
    {"oom-score-adj-values 0 200 800", FOREIGN_TAKEN, true},
    {"cluster-enabled no", FOREIGN_TAKEN, false},
    {"cluster-enabled NO", FOREIGN_TAKEN, false},
    {"cluster-enabled yes", FOREIGN_REFUSED, false},
    {"cluster-enabled no no", FOREIGN_REFUSED, false},
    {"replicaof 10.0.0.1 6379", FOREIGN_REFUSED, false},
    {"loadmodule \"\"", FOREIGN_REFUSED, false},
    {"loadmodule /lib/a.so x", FOREIGN_REFUSED, false},
    {"tls-cluster yes", FOREIGN_TAKEN, true},
    {"tls-port 6380", FOREIGN_UNKNOWN, false},
    {"always-show-logo", FOREIGN_UNKNOWN, false},
    {"port 1", FOREIGN_UNKNOWN, false},
    {"no-such-thing yes", FOREIGN_UNKNOWN, false},
};

static void count_notice(struct bytes names, const char *reason, void *arg)
{
    (void)names;
    (void)reason;
    ++*(unsigned *)arg;
}

Test(foreign, are_taken_with_a_notice_or_by_their_one_value_or_refused)
{
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        struct config *config = config_create();
        struct words words;
        const char *reason = NULL;
        unsigned notices = 0;
        cr_assert_eq(words_split(bytes_of_string(lines[i].line), &words), RESULT_OK);
        cr_assert_eq(config_take_foreign(config, words.items, words.count, &reason), lines[i].outcome, "%s", lines[i].line);
        cr_assert_eq(reason == NULL, lines[i].outcome == FOREIGN_UNKNOWN, "%s", lines[i].line);
        cr_assert(config_visit_foreign(config, count_notice, &notices));
        cr_assert_eq(notices, lines[i].is_noticed, "%s", lines[i].line);
        words_release(&words);
        config_destroy(config);
    }
}

static void keep_names(struct bytes names, const char *reason, void *arg)
{
    cr_assert(strstr(reason, "freed in steps") != NULL);
    snprintf(arg, 256, "%.*s", (int)names.len, names.data);
}

Test(foreign, with_one_reason_are_one_notice)
{
    struct config *config = config_create();
    struct buffer error = BUFFER_EMPTY(MEM_SERVER);
    char names[256] = "";
    const char *text = "lazyfree-lazy-user-del no\nlazyfree-lazy-expire yes\nlazyfree-lazy-user-del yes\n";
    cr_assert(config_load_text(config, "a.conf", bytes_of_string(text), &error));
    cr_assert(config_visit_foreign(config, keep_names, names));
    cr_assert_str_eq(names, "lazyfree-lazy-expire, lazyfree-lazy-user-del");
    config_destroy(config);
}

Test(foreign, cannot_be_set_while_running)
{
    struct config *config = config_create();
    const struct bytes pairs[] = {BYTES("timeout"), BYTES("5"), BYTES("lazyfree-lazy-expire"), BYTES("yes")};
    const struct config_change change = {.pairs = pairs, .count = 2};
    struct bytes culprit;
    char reason[256];
    cr_assert_eq(config_set(config, &change, &culprit, reason), RESULT_SYNTAX);
    cr_assert(bytes_equal(culprit, pairs[2]));
    cr_assert_not_null(strstr(reason, "it has no effect here: values are always freed in steps"));
    cr_assert_eq(atomic_load(&config->timeout), 0);
    config_destroy(config);
}
