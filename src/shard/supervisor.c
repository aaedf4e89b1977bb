/* supervisor.c - see supervisor.h.  */
#include "shard/supervisor.h"

#include "shard/log.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <systemd/sd-daemon.h>

#define STATUS_RUNNING "STATUS=Ready to accept connections"

bool supervisor_is_there(const struct config *config)
{
    return atomic_load_explicit(&config->supervised, memory_order_relaxed) != SUPERVISED_NO && getenv("NOTIFY_SOCKET") != NULL;
}

static void say(struct config *config, const char *state)
{
    const int sent = supervisor_is_there(config) ? sd_notify(0, state) : 0;
    if (sent < 0) {
        log_write(config, LOG_LEVEL_WARNING, "systemd cannot be told how the server is: %s", strerror(-sent));
    }
}

void supervisor_say_ready(struct config *config)
{
    say(config, "READY=1\n" STATUS_RUNNING);
}

void supervisor_say_running(struct config *config)
{
    say(config, STATUS_RUNNING);
}

void supervisor_ask_for_time(struct config *config, const char *status)
{
    enum { US_PER_S = 1000000, FIELDS = 64 };
    char state[FIELDS + SUPERVISOR_STATUS_MAX];
    snprintf(state, sizeof state, "EXTEND_TIMEOUT_USEC=%lld\nSTATUS=%s", (long long)SUPERVISOR_EXTENSION_S * US_PER_S, status);
    say(config, state);
}

void supervisor_say_stopping(struct config *config)
{
    say(config, "STOPPING=1\nSTATUS=Stopping");
}
