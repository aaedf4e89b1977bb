/* log.c - see log.h.  */
#include "shard/log.h"

#include "base/clock.h"

#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

enum { LOG_LINE_MAX = 1024 };

static size_t format_head(char *line, size_t size, enum log_level level)
{
    static const char marks[] = ".-*#";
    int64_t now_ms = clock_wall_ms();
    time_t seconds = (time_t)(now_ms / 1000);
    struct tm parts;
    char date[64];
    localtime_r(&seconds, &parts);
    strftime(date, sizeof date, "%d %b %Y %H:%M:%S", &parts);
    return (size_t)snprintf(line, size, "%d:M %s.%03d %c ", (int)getpid(), date, (int)(now_ms % 1000), marks[level]);
}

void log_open(struct config *config)
{
    static char ident[256]; /* syslog keeps the pointer */
    if (atomic_load_explicit(&config->syslog_enabled, memory_order_relaxed) != 0) {
        config_text_copy(config, &config->syslog_ident, ident, sizeof ident);
        openlog(ident, LOG_PID | LOG_NDELAY | LOG_NOWAIT, (int)atomic_load_explicit(&config->syslog_facility, memory_order_relaxed));
    }
}

static void write_to_syslog(enum log_level level, const char *text)
{
    static const int priorities[] = {LOG_DEBUG, LOG_INFO, LOG_NOTICE, LOG_WARNING};
    syslog(priorities[level], "%s", text);
}

void log_write(struct config *config, enum log_level level, const char *format, ...)
{
    if ((int64_t)level < atomic_load_explicit(&config->loglevel, memory_order_relaxed)) {
        return;
    }
    char line[LOG_LINE_MAX], path[4096];
    const size_t head = format_head(line, sizeof line, level);
    size_t used = head;
    va_list arguments;
    va_start(arguments, format);
    int added = vsnprintf(line + used, sizeof line - used - 1, format, arguments);
    va_end(arguments);
    used += added < 0 ? 0 : (size_t)added;
    if (used > sizeof line - 2) {
        used = sizeof line - 2;
    }
    line[used] = '\0';
    if (atomic_load_explicit(&config->syslog_enabled, memory_order_relaxed) != 0) {
        write_to_syslog(level, line + head);
    }
    line[used++] = '\n';
    config_text_copy(config, &config->logfile, path, sizeof path);
    int fd = path[0] == 0 ? STDOUT_FILENO : open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0644);
    if (fd < 0) {
        return;
    }
    ssize_t written = write(fd, line, used);
    (void)written; /* a log that cannot be written has nobody to tell */
    if (fd != STDOUT_FILENO) {
        close(fd);
    }
}
