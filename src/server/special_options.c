/* special_options.c - see special_options.h. One row an option.  */
#include "server/special_options.h"

#include "acl/users.h"
#include "cmd/commands.h"
#include "config/config.h"
#include "config/explained.h"
#include "mem/buffer.h"
#include "mem/heap.h"
#include "server/tls_at_start.h"
#include "server/users_at_start.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char usage_text[] =
    "Usage: tessera-server [/path/to/tessera.conf] [options] [-]\n"
    "       tessera-server - (reads the configuration from standard input)\n"
    "       tessera-server -v or --version\n"
    "       tessera-server -h or --help\n"
    "       tessera-server --check-config /path/to/tessera.conf [options] [-]\n"
    "       tessera-server --print-config [options]\n"
    "\n"
    "Examples:\n"
    "       tessera-server (runs the server with the default configuration)\n"
    "       echo 'maxmemory 128mb' | tessera-server -\n"
    "       tessera-server /etc/tessera.conf\n"
    "       tessera-server --port 7777 --shards 4\n"
    "       tessera-server /etc/tessera.conf --loglevel verbose -\n"
    "       tessera-server --check-config /etc/tessera.conf (prints every error, or that there is none; starts nothing)\n"
    "       tessera-server --print-config --port 7777 (prints a configuration file that explains every parameter)\n"
    "\n"
    "An option is a parameter: --name value on the command line, `name value` in a file; what is read later wins.\n"
    "\n";

/* What could not be written (a full disk, a closed pipe) is no success. */
static int status_of_output(bool is_good)
{
    return is_good && fflush(stdout) == 0 && !ferror(stdout) ? EXIT_SUCCESS : EXIT_FAILURE;
}

static int out_of_memory(void)
{
    fprintf(stderr, "tessera-server: out of memory\n");
    return EXIT_FAILURE;
}

/* To standard output and with status 0: it was asked for. redis-server writes to standard error and ends with 1. */
static int print_help(int argc, char **argv)
{
    (void)argc;
    (void)argv;
    struct config *defaults = config_create();
    struct buffer options = BUFFER_EMPTY(MEM_SERVER);
    const bool is_done = defaults != NULL && config_append_help(defaults, &options);
    if (is_done) {
        fputs(usage_text, stdout);
        fwrite(options.data, 1, options.len, stdout);
    }
    buffer_release(&options);
    config_destroy(defaults);
    return is_done ? status_of_output(true) : out_of_memory();
}

static int print_version(int argc, char **argv)
{
    (void)argc;
    (void)argv;
    printf("Tessera server v=%s malloc=%s bits=%d\n", TESSERA_VERSION, mem_allocator_name(), (int)sizeof(void *) * CHAR_BIT);
    return status_of_output(true);
}

static void print_notice(struct bytes names, const char *reason, void *arg)
{
    (void)arg;
    printf("no effect: %.*s: %s\n", (int)names.len, names.data, reason);
}

/* Rules need the table of commands. */
static bool check_users(struct config *config)
{
    struct command_table commands;
    if (!command_table_create(&commands)) {
        return false;
    }
    struct acl *acl = acl_create(config, commands.rows, commands.count);
    char error[USERS_ERROR_MAX] = "out of memory";
    const bool is_good = acl != NULL && users_load(acl, error);
    if (!is_good) {
        fprintf(stderr, "tessera-server: %s\n", error);
    }
    acl_destroy(acl);
    command_table_destroy(&commands);
    return is_good;
}

static bool check_tls(struct config *config)
{
    char error[TLS_ERROR_MAX];
    struct tls *tls = tls_at_start(config, error);
    if (tls == NULL) {
        fprintf(stderr, "tessera-server: %s\n", error);
    }
    tls_destroy(tls);
    return tls != NULL;
}

/* The words behind the option are those of a start. */
static int check_config(int argc, char **argv)
{
    if (argc == 0) {
        fprintf(stderr, "usage: tessera-server --check-config /path/to/tessera.conf [options] [-]\n");
        return EXIT_FAILURE;
    }
    struct config *config = config_create();
    if (config == NULL) {
        return out_of_memory();
    }
    config->is_command = command_is_known;
    bool is_good = config_check(config, argc, argv);
    is_good = is_good && check_users(config) && check_tls(config);
    is_good = config_visit_foreign(config, print_notice, NULL) && is_good;
    config_destroy(config);
    if (is_good) {
        printf("tessera-server: the configuration is good\n");
    }
    return status_of_output(is_good);
}

/* A file as first word would be read for its parameters, and lose all else that stands there. */
static int print_config(int argc, char **argv)
{
    if (argc > 0 && strncmp(argv[0], "--", 2) != 0) {
        fprintf(stderr, "usage: tessera-server --print-config [options]\n");
        return EXIT_FAILURE;
    }
    struct config *defaults = config_create(), *config = config_create();
    if (defaults == NULL || config == NULL) {
        config_destroy(defaults);
        config_destroy(config);
        return out_of_memory();
    }
    config->is_command = command_is_known;
    struct buffer text = BUFFER_EMPTY(MEM_SERVER);
    int status = EXIT_FAILURE;
    const bool is_loaded = config_load(config, argc, argv); /* else it has said why */
    if (is_loaded && config_has_more_than_parameters(config)) {
        fprintf(stderr, "tessera-server: --print-config takes parameters only: no users, no rename-command, no directive that has no effect here\n");
    } else if (is_loaded && !config_append_explained(config, defaults, &text)) {
        status = out_of_memory();
    } else if (is_loaded) {
        fwrite(text.data, 1, text.len, stdout);
        status = status_of_output(true);
    }
    buffer_release(&text);
    config_destroy(defaults);
    config_destroy(config);
    return status;
}

static const struct {
    const char *name;
    int (*run)(int argc, char **argv); /* the words behind the option; gives the exit status */
} special_options[] = {
    {"--help", print_help},       {"-h", print_help},
    {"--version", print_version}, {"-v", print_version},
    {"--check-config", check_config}, {"--print-config", print_config},
};

bool special_option_run(int argc, char **argv, int *status)
{
    for (size_t i = 0; argc > 1 && i < sizeof special_options / sizeof special_options[0]; i++) {
        if (strcmp(argv[1], special_options[i].name) == 0) {
            *status = special_options[i].run(argc - 2, argv + 2);
            return true;
        }
    }
    return false;
}
