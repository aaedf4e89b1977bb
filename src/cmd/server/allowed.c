/* allowed.c - see allowed.h.  */
#include "cmd/server/allowed.h"

#include "client/session.h"
#include "client/sessions.h"
#include "config/config.h"

#include <string.h>

bool is_allowed_to(const struct exec *exec, const _Atomic int64_t *allowance)
{
    char address[SESSION_ADDRESS_MAX];
    switch ((enum config_allowance)atomic_load_explicit(allowance, memory_order_relaxed)) {
    case ALLOWED_YES: return true;
    case ALLOWED_NO: return false;
    case ALLOWED_LOCAL: break;
    }
    session_peer_address(exec->session, address);
    return exec->session->is_unix || strncmp(address, "127.", 4) == 0 || strncmp(address, "[::1]:", 6) == 0;
}
