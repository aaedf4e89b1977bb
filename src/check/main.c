/* main.c - tessera-check-rdb: words, mapping, exit status. What it finds is for survey.c, how that looks for print.c.  */
#include "base/clock.h"
#include "check/print.h"
#include "mem/heap.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { STATUS_WHOLE = 0, STATUS_DAMAGED = 1, STATUS_UNREAD = 2 };

static const char usage[] =
    "Usage: tessera-check-rdb [--fast] FILE\n"
    "\n"
    "Says what is in an RDB file of Redis 2.6 to 8.0 or of Tessera, and whether it is whole. Every value is read, unless --fast is\n"
    "said: then values are passed over by their lengths.\n"
    "\n"
    "Exit status: 0 the file is whole, 1 it is damaged (offset and sentence say where and how), 2 it cannot be read.\n";

/* The file was cut shorter while it was mapped, or the disk failed. */
static void end_at_bus_error(int signal)
{
    static const char text[] = "tessera-check-rdb: the file cannot be read any more: it became shorter, or the disk failed\n";
    (void)signal;
    (void)!write(STDERR_FILENO, text, sizeof text - 1);
    _exit(STATUS_UNREAD);
}

static int complain(const char *path, const char *what)
{
    fprintf(stderr, "tessera-check-rdb: %s: %s\n", path, what);
    return STATUS_UNREAD;
}

static int check(const char *path, const struct survey_options *options)
{
    struct bytes file;
    const char *complaint = survey_map_file(path, &file);
    if (complaint != NULL) {
        return complain(path, complaint);
    }
    struct survey *survey = thread_alloc_zeroed(MEM_SERVER, sizeof *survey);
    if (survey == NULL || survey_run(survey, file, options) == SURVEY_NO_MEMORY) {
        return complain(path, "out of memory");
    }
    print_survey(survey, path);
    const bool is_whole = survey->fault_count == 0;
    thread_free(MEM_SERVER, survey, sizeof *survey);
    if (fflush(stdout) != 0 || ferror(stdout)) {
        return complain(path, "the report cannot be written");
    }
    return is_whole ? STATUS_WHOLE : STATUS_DAMAGED;
}

int main(int argc, char **argv)
{
    struct survey_options options = {.reads_values = true, .now_ms = clock_wall_ms()};
    int at = 1;
    if (at < argc && (strcmp(argv[at], "--help") == 0 || strcmp(argv[at], "-h") == 0)) {
        fputs(usage, stdout);
        return STATUS_WHOLE;
    }
    if (at < argc && strcmp(argv[at], "--fast") == 0) {
        options.reads_values = false;
        at++;
    }
    if (at + 1 != argc || argv[at][0] == '-') {
        fputs(usage, stderr);
        return STATUS_UNREAD;
    }
    struct sigaction action = {.sa_handler = end_at_bus_error};
    (void)sigaction(SIGBUS, &action, NULL);
    (void)thread_heap_register();
    return check(argv[at], &options);
}
