/* Files, includes, the command line, and CONFIG REWRITE.  */
#include "config/config_private.h"
#include "config/text_file.h"
#include "mem/heap.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

static char folder[] = "/tmp/tessera-config-XXXXXX";

static void enter_folder(void)
{
    cr_assert_not_null(mkdtemp(folder));
    cr_assert_eq(chdir(folder), 0);
}

static void leave_folder(void)
{
    const char *const names[] = {"main.conf", "more.conf", "a.conf", "b.conf"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        char path[64];
        snprintf(path, sizeof path, "%s/%s", folder, names[i]);
        unlink(path);
    }
    cr_assert_eq(chdir("/"), 0);
    cr_assert_eq(rmdir(folder), 0);
}

TestSuite(load, .init = enter_folder, .fini = leave_folder);

static void write_file(const char *name, const char *text)
{
    FILE *file = fopen(name, "w");
    cr_assert_not_null(file);
    fputs(text, file);
    fclose(file);
}

static void read_file(const char *name, char *out, size_t size)
{
    FILE *file = fopen(name, "r");
    cr_assert_not_null(file);
    out[fread(out, 1, size - 1, file)] = '\0';
    fclose(file);
}

/* Loads words up to NULL; the error's text, if any, goes to `error`. */
static bool load(struct config *config, char **words, char error[1024])
{
    struct buffer text = BUFFER_EMPTY(MEM_SERVER);
    int count = 0;
    while (words[count] != NULL) {
        count++;
    }
    bool is_good = config_load_words(config, count, words, &text);
    snprintf(error, 1024, "%.*s", (int)text.len, text.len == 0 ? "" : text.data);
    buffer_release(&text);
    return is_good;
}

static int64_t number(const _Atomic int64_t *field)
{
    return atomic_load(field);
}

Test(load, reads_a_file_and_then_the_command_line)
{
    write_file("main.conf", "# a comment\n\n  PORT 7000\nbind 127.0.0.1   ::1\nmaxmemory 2mb\ndatabases 4\r\n"
                            "requirepass \"a \\\"b\\\"\"\nclient-output-buffer-limit normal 1mb 0 0\n"
                            "client-output-buffer-limit pubsub 2mb 1mb 9");
    struct config *config = config_create();
    char error[1024];
    char *words[] = {"main.conf", "--port", "7001", "--save", "", "--loglevel", "warning", "--bind", "10.0.0.1", "::2", NULL};
    cr_assert(load(config, words, error), "%s", error);
    cr_assert_eq(number(&config->port), 7001);
    cr_assert_eq(number(&config->maxmemory), 2 << 20);
    cr_assert_eq(number(&config->databases), 4);
    cr_assert_eq(number(&config->loglevel), 3);
    cr_assert_eq(atomic_load(&config->output_limits[OUTPUT_NORMAL].hard_bytes), 1 << 20);
    cr_assert_eq(atomic_load(&config->output_limits[OUTPUT_PUBSUB].soft_seconds), 9);
    cr_assert_str_eq(config->requirepass, "a \"b\"");
    cr_assert_str_eq(config->bind, "10.0.0.1 ::2");
    char expected[128];
    snprintf(expected, sizeof expected, "%s/main.conf", folder);
    cr_assert_str_eq(config->config_file, expected);
    config_destroy(config);
}

static const struct {
    char *words[6];
    int64_t port;
} command_lines[] = {
    {{NULL}, 6379},
    {{"--port", "1", NULL}, 1},
    {{"--port 2", NULL}, 2},
    {{"--save", "--port", "3", NULL}, 3},
    {{"--port", "4", "--save", NULL}, 4},
    {{"--save", "", "--port", "5", NULL}, 5},
    {{"--PORT", "6", NULL}, 6},
    {{"--port", "6", "--port", "7", NULL}, 7},
};

Test(load, takes_options_as_redis_server_does)
{
    for (size_t i = 0; i < sizeof command_lines / sizeof command_lines[0]; i++) {
        struct config *config = config_create();
        char error[1024];
        char *words[6];
        memcpy(words, command_lines[i].words, sizeof words);
        cr_assert(load(config, words, error), "row %zu: %s", i, error);
        cr_assert_eq(number(&config->port), command_lines[i].port, "row %zu", i);
        cr_assert_str_eq(config->config_file, "");
        config_destroy(config);
    }
}

Test(load, takes_a_value_that_looks_like_an_option)
{
    struct config *config = config_create();
    char error[1024];
    char *words[] = {"--requirepass", "--secret", "--port", "9", NULL};
    cr_assert(load(config, words, error), "%s", error);
    cr_assert_str_eq(config->requirepass, "--secret");
    cr_assert_eq(number(&config->port), 9);
    config_destroy(config);
}

static const struct {
    const char *text;
    const char *place, *line, *reason;
} bad_files[] = {
    {"port 1\nprot 2\n", "Reading the configuration file 'main.conf', at line 2\n", ">>> 'prot 2'\n",
     "Bad directive or wrong number of arguments\n"},
    {"port\n", "'main.conf', at line 1\n", ">>> 'port'\n", "Bad directive or wrong number of arguments\n"},
    {"port 1 2\n", "'main.conf', at line 1\n", ">>> 'port 1 2'\n", "Bad directive or wrong number of arguments\n"},
    {"\n\nport abc", "'main.conf', at line 3\n", ">>> 'port abc'\n", "argument couldn't be parsed into an integer\n"},
    {"requirepass \"open\n", "at line 1\n", ">>> 'requirepass (redacted)'\n", "Unbalanced quotes in configuration line\n"},
    {"RequirePass a b\n", "at line 1\n", ">>> 'RequirePass (redacted)'\n", "Bad directive or wrong number of arguments\n"},
    {"requirepas\tsecret\n", "at line 1\n", ">>> 'requirepas (redacted)'\n", "Bad directive or wrong number of arguments\n"},
    {"requirepass\n", "at line 1\n", ">>> 'requirepass'\n", "Bad directive or wrong number of arguments\n"},
    {"user a \">open\n", "at line 1\n", ">>> 'user (redacted)'\n", "Unbalanced quotes in configuration line\n"},
    {"unixsocketperm 999\n", "at line 1\n", ">>> 'unixsocketperm 999'\n", "argument couldn't be parsed as an octal number\n"},
    {"unixsocketperm 1000\n", "at line 1\n", ">>>", "argument must be between 0 and 777 inclusive\n"},
    {"maxmemory-policy allkeys\n", "at line 1\n", ">>>", "argument(s) must be one of the following: volatile-lru"},
    {"save 60\n", "at line 1\n", ">>>", "Invalid save parameters\n"},
    {"save 60 1\nsave 3 a\n", "at line 2\n", ">>>", "Invalid save parameters\n"},
    {"dbfilename a/b\n", "at line 1\n", ">>>", "dbfilename can't be a path, just a filename\n"},
    {"appendfilename a/b\n", "at line 1\n", ">>>", "appendfilename can't be a path, just a filename\n"},
    {"appendfilename 'a\\b'\n", "at line 1\n", ">>>", "appendfilename can't be a path, just a filename\n"},
    {"appendfilename ''\n", "at line 1\n", ">>>", "appendfilename can't be empty\n"},
    {"appenddirname a/b\n", "at line 1\n", ">>>", "appenddirname can't be a path, just a dirname\n"},
    {"appenddirname ''\n", "at line 1\n", ">>>", "appenddirname can't be empty\n"},
    {"appendonly maybe\n", "at line 1\n", ">>>", "argument must be 'yes' or 'no'\n"},
    {"include missing.conf\n", "'main.conf', at line 1\n", ">>> 'include missing.conf'\n",
     "Can't open the configuration file 'missing.conf': No such file or directory\n"},
    {"include main.conf\n", "'main.conf', at line 1\n", ">>>", "Files include each other too deeply\n"},
    {"dir /no/such/folder\n", "at line 1\n", ">>>", "Can't chdir to '/no/such/folder': No such file or directory\n"},
    {"bind 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17\n", "at line 1\n", ">>>", "Too many bind addresses specified.\n"},
};

Test(load, stops_with_file_line_and_text)
{
    for (size_t i = 0; i < sizeof bad_files / sizeof bad_files[0]; i++) {
        write_file("main.conf", bad_files[i].text);
        struct config *config = config_create();
        char error[1024];
        char *words[] = {"main.conf", NULL};
        cr_assert_not(load(config, words, error), "row %zu", i);
        cr_assert_not_null(strstr(error, "*** FATAL CONFIG FILE ERROR (Tessera "), "%s", error);
        cr_assert_not_null(strstr(error, bad_files[i].place), "row %zu: %s", i, error);
        cr_assert_not_null(strstr(error, bad_files[i].line), "row %zu: %s", i, error);
        cr_assert_not_null(strstr(error, bad_files[i].reason), "row %zu: %s", i, error);
        config_destroy(config);
    }
}

Test(load, names_the_command_line_in_errors)
{
    char *bad[][4] = {{"--nonsense", "1", NULL}, {"--port", "x", NULL}, {"--port", NULL}, {"-x", NULL}, {"--", NULL}};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct config *config = config_create();
        char error[1024];
        cr_assert_not(load(config, bad[i], error));
        cr_assert_not_null(strstr(error, "Reading the command line\n"), "%s", error);
        config_destroy(config);
    }
}

Test(load, follows_includes_and_patterns)
{
    write_file("main.conf", "port 1\ninclude more.conf\ninclude [ab].conf\ninclude nothing-*.conf\ntimeout 9\n");
    write_file("more.conf", "port 2\nhz 20\n");
    write_file("a.conf", "databases 3\n");
    write_file("b.conf", "databases 5\n");
    struct config *config = config_create();
    char error[1024];
    char *words[] = {"main.conf", NULL};
    cr_assert(load(config, words, error), "%s", error);
    cr_assert_eq(number(&config->port), 2);
    cr_assert_eq(number(&config->hz), 20);
    cr_assert_eq(number(&config->databases), 5);
    cr_assert_eq(number(&config->timeout), 9);
    config_destroy(config);
}

Test(load, reads_standard_input)
{
    write_file("main.conf", "port 11\n");
    write_file("more.conf", "port 12\ntimeout 3\n");
    int descriptor = open("more.conf", O_RDONLY);
    cr_assert_eq(dup2(descriptor, STDIN_FILENO), STDIN_FILENO);
    close(descriptor);
    struct config *config = config_create();
    char error[1024];
    char *words[] = {"main.conf", "--hz", "50", "-", NULL};
    cr_assert(load(config, words, error), "%s", error);
    cr_assert_eq(number(&config->port), 12);
    cr_assert_eq(number(&config->timeout), 3);
    cr_assert_eq(number(&config->hz), 50);
    config_destroy(config);
}

Test(load, refuses_a_file_that_is_too_long)
{
    FILE *file = fopen("main.conf", "w");
    for (int i = 0; i < TEXT_FILE_BYTES_MAX / 8 + 1; i++) {
        fputs("# 45678\n", file);
    }
    fclose(file);
    struct config *config = config_create();
    char error[1024];
    char *words[] = {"main.conf", NULL};
    cr_assert_not(load(config, words, error));
    cr_assert_not_null(strstr(error, "The file is too long"), "%s", error);
    config_destroy(config);
}

/* --- CONFIG REWRITE --- */

static void set(struct config *config, const char *name, const char *value)
{
    struct bytes pair[] = {bytes_of_string(name), bytes_of_string(value)};
    struct bytes culprit;
    char reason[256];
    cr_assert_eq(config_set(config, &(struct config_change){.pairs = pair, .count = 1}, &culprit, reason), RESULT_OK, "%s", name);
}

Test(load, rewrite_needs_a_file)
{
    struct config *config = config_create();
    cr_assert_eq(config_rewrite(config), RESULT_NOT_FOUND);
    config_destroy(config);
}

Test(load, rewrite_keeps_comments_and_order_and_appends_what_is_new)
{
    write_file("main.conf", "# mine\nmaxmemory 1mb\n\nhz 10\nmaxmemory 2mb\ninclude more.conf\n"
                            "zset-max-ziplist-entries 9\n# end");
    write_file("more.conf", "timeout 4\n");
    cr_assert_eq(chmod("main.conf", 0640), 0);
    struct config *config = config_create();
    char error[1024];
    char *words[] = {"main.conf", NULL};
    cr_assert(load(config, words, error), "%s", error);
    set(config, "maxmemory", "3145728");
    set(config, "requirepass", "a b");
    set(config, "hash-max-ziplist-value", "70");
    cr_assert_eq(config_rewrite(config), RESULT_OK);
    char text[2048], expected[2048];
    read_file("main.conf", text, sizeof text);
    snprintf(expected, sizeof expected,
             "# mine\nmaxmemory 3mb\n\nhz 10\ninclude more.conf\nzset-max-listpack-entries 9\n# end\n"
             "# Written by CONFIG REWRITE\ndir %s\nhash-max-listpack-value 70\nrequirepass \"a b\"\ntimeout 4\n", folder);
    cr_assert_str_eq(text, expected);
    struct stat status;
    cr_assert_eq(stat("main.conf", &status), 0);
    cr_assert_eq(status.st_mode & 0777, 0640);
    cr_assert_eq(config_rewrite(config), RESULT_OK);
    read_file("main.conf", text, sizeof text);
    cr_assert_str_eq(text, expected, "a second rewrite changes nothing");
    config_destroy(config);
}

Test(load, reads_back_all_that_rewrite_wrote)
{
    write_file("main.conf", "bind 127.0.0.1 ::1 \"odd \\\"  name\" #x\nunixsocketperm 755\nshard-ports yes\n");
    struct config *config = config_create();
    char error[1024];
    char *words[] = {"main.conf", NULL};
    cr_assert(load(config, words, error), "%s", error);
    set(config, "requirepass", "\x01 \"quoted\" \\ #");
    set(config, "client-output-buffer-limit", "normal 5 6 7");
    set(config, "table-where-precedence", "left-to-right");
    set(config, "slowlog-log-slower-than", "-1");
    cr_assert_eq(config_rewrite(config), RESULT_OK);
    struct config *again = config_create();
    cr_assert(load(again, words, error), "%s", error);
    for (size_t i = 0; i < config_param_count; i++) {
        struct buffer a = BUFFER_EMPTY(MEM_SERVER), b = BUFFER_EMPTY(MEM_SERVER);
        cr_assert(param_format(config, &config_params[i], PARAM_FOR_GET, &a));
        cr_assert(param_format(again, &config_params[i], PARAM_FOR_GET, &b));
        cr_assert(bytes_equal(buffer_bytes(&a), buffer_bytes(&b)), "%s", config_params[i].name);
        buffer_release(&a);
        buffer_release(&b);
    }
    config_destroy(config);
    config_destroy(again);
}

Test(load, rewrite_reports_what_the_system_refused)
{
    write_file("main.conf", "port 1\n");
    struct config *config = config_create();
    char error[1024];
    char *words[] = {"main.conf", NULL};
    cr_assert(load(config, words, error), "%s", error);
    thread_free(MEM_SERVER, config->config_file, strlen(config->config_file) + 1);
    config->config_file = thread_alloc(MEM_SERVER, sizeof "/no/such/folder/x");
    strcpy(config->config_file, "/no/such/folder/x");
    cr_assert_eq(config_rewrite(config), RESULT_SYSTEM);
    config_destroy(config);
}

/* --- config_check_words --- */

static unsigned headers_in(const char *text)
{
    unsigned count = 0;
    while ((text = strstr(text, "*** FATAL CONFIG FILE ERROR (Tessera ")) != NULL) {
        count++;
        text++;
    }
    return count;
}

/* Checks words up to NULL; the errors' text, if any, goes to `errors`. */
static bool check(char **words, char *errors, size_t size)
{
    struct config *config = config_create();
    struct buffer text = BUFFER_EMPTY(MEM_SERVER);
    int count = 0;
    while (words[count] != NULL) {
        count++;
    }
    bool is_good = config_check_words(config, count, words, &text);
    cr_assert_eq(is_good, text.len == 0);
    snprintf(errors, size, "%.*s", (int)text.len, text.len == 0 ? "" : text.data);
    buffer_release(&text);
    config_destroy(config);
    return is_good;
}

Test(load, check_finds_in_a_bad_file_what_stops_a_start)
{
    for (size_t i = 0; i < sizeof bad_files / sizeof bad_files[0]; i++) {
        write_file("main.conf", bad_files[i].text);
        struct config *config = config_create();
        char first[1024], errors[1024];
        char *words[] = {"main.conf", NULL};
        cr_assert_not(load(config, words, first), "row %zu", i);
        cr_assert_not(check(words, errors, sizeof errors), "row %zu", i);
        cr_assert_str_eq(errors, first, "row %zu", i);
        config_destroy(config);
    }
}

Test(load, check_goes_on_behind_each_error)
{
    write_file("main.conf", "port abc\ninclude more.conf\ninclude missing.conf\nhz x\nport 1\n");
    write_file("more.conf", "prot 1\ntimeout 3\nrequirepass \"open\n");
    char errors[4096];
    char *words[] = {"main.conf", "-x", "--databases", "0", "--hz", "20", "--timeout", NULL};
    cr_assert_not(check(words, errors, sizeof errors));
    const char *const lines[] = {"'port abc'", "'prot 1'", "'requirepass (redacted)'", "'include missing.conf'",
                                 "'hz x'",     "'-x'",     "'databases 0'",           "'timeout'"};
    const char *at = errors;
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        at = strstr(at, lines[i]);
        cr_assert_not_null(at, "%s, in this order, in: %s", lines[i], errors);
    }
    cr_assert_eq(headers_in(errors), sizeof lines / sizeof lines[0], "%s", errors);
}

Test(load, check_stops_at_so_many_errors)
{
    static char errors[1 << 16];
    char text[CONFIG_ERRORS_MAX * 8 + 64] = "";
    for (int i = 0; i < CONFIG_ERRORS_MAX + 1; i++) {
        strcat(text, "hz x\n");
    }
    write_file("main.conf", text);
    char *words[] = {"main.conf", NULL};
    cr_assert_not(check(words, errors, sizeof errors));
    cr_assert_eq(headers_in(errors), CONFIG_ERRORS_MAX);
    cr_assert_not_null(strstr(errors, "\nReading stopped at 100 errors.\n"));
}

Test(load, check_leaves_folder_and_limits_as_they_were)
{
    write_file("main.conf", "dir /\nmaxclients 900\ninclude usr\n");
    const struct rlimit low = {64, 4096};
    cr_assert_eq(setrlimit(RLIMIT_NOFILE, &low), 0);
    char errors[1024], here[256];
    char *words[] = {"main.conf", "--dir", "/tmp", NULL};
    cr_assert_not(check(words, errors, sizeof errors));
    cr_assert_not_null(strstr(errors, "'usr'"), "behind `dir` a name is relative to that folder, as at a start: %s", errors);
    cr_assert_not_null(strstr(errors, "Is a directory"), "%s", errors);
    cr_assert_str_eq(getcwd(here, sizeof here), folder);
    struct rlimit limit;
    cr_assert_eq(getrlimit(RLIMIT_NOFILE, &limit), 0);
    cr_assert_eq(limit.rlim_cur, low.rlim_cur);
    cr_assert_eq(limit.rlim_max, low.rlim_max);
}
