/* start_error.c - see start_error.h.  */
#include "shard/start_error.h"

#include "shard/log.h"

#include <stdarg.h>
#include <stdio.h>

enum { TEXT_MAX = 1024 };

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
