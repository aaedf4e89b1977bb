/* patience.c - see patience.h.  */
#include "loop/patience.h"

#include "appendonly/appendonly.h"
#include "base/clock.h"
#include "shard/server.h"
#include "shard/supervisor.h"
#include "snapshot/ending.h"

#include <stdio.h>

_Static_assert(10 * (int)PATIENCE_MS <= 1000 * (int)SUPERVISOR_EXTENSION_S, "many wishes may be late before systemd's patience ends");

static void ask(const struct server *server, bool is_loading)
{
    char status[SUPERVISOR_STATUS_MAX] = "Saving before the end";
    if (is_loading) {
        struct loading_figures loading;
        appendonly_loading_figures(server, &loading);
        snprintf(status, sizeof status, "Loading: %.1f of %.1f MB", (double)loading.loaded_bytes / 1e6, (double)loading.total_bytes / 1e6);
    }
    supervisor_ask_for_time(server->config, status);
}

void patience_look(struct patience *patience, const struct server *server)
{
    const int64_t now_ms = clock_monotonic_us() / 1000;
    const bool is_loading = server_is_loading(server);
    const bool is_needed = is_loading || ending_is_under_way(server->ending);
    if (!is_needed && patience->is_asking) {
        supervisor_say_running(server->config);
    }
    if (is_needed && (!patience->is_asking || now_ms - patience->asked_ms >= PATIENCE_MS)) {
        ask(server, is_loading);
        patience->asked_ms = now_ms;
    }
    patience->is_asking = is_needed;
}
