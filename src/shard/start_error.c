/* start_error.c - see start_error.h.  */
#include "shard/start_error.h"

#include "shard/log.h"

#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <unistd.h>

enum { TEXT_MAX = 1024 };

void start_error_be_first(void)
{
    static atomic_flag is_taken = ATOMIC_FLAG_INIT;
    while (atomic_flag_test_and_set(&is_taken)) {
        pause(); /* until the process ends */
    }
}

void start_error_say(struct config *config, const char *format, ...)
{
    char text[TEXT_MAX], logfile[2];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    config_text_copy(config, &config->logfile, logfile, sizeof logfile);
    fprintf(stderr, "tessera-server: %s\n", text);
    if (logfile[0] != 0) {
        log_write(config, LOG_LEVEL_WARNING, "%s", text);
    }
}
