/* supervisor.c - see supervisor.h.  */
#include "shard/supervisor.h"

#include "shard/log.h"

#include <stdlib.h>
#include <string.h>
#include <systemd/sd-daemon.h>

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
    say(config, "READY=1\nSTATUS=Ready to accept connections");
}

void supervisor_say_stopping(struct config *config)
{
    say(config, "STOPPING=1\nSTATUS=Stopping");
}
