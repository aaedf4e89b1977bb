/* host.h - is a request meant for this machine, or for a name that somebody else made point to it?
 *
 * DNS rebinding: a page at evil.example has the browser of a person here ask evil.example again, whose address is 127.0.0.1 by now. The browser takes
 * the answer for that page's own, and lets it read it. Such a request's Host is the name; a person who opens an address sends an address, and one who
 * comes through a proxy a name that the server's administrator has listed.
 *
 * Threads    Any; pure functions.
 * Source     RFC 9110, 7.2; RFC 6761, 6.3 (localhost)  */
#ifndef HTTP_HOST_H
#define HTTP_HOST_H

#include "base/attributes.h"
#include "base/bytes.h"

#include <stdbool.h>

/* True for an address of IPv4, one of IPv6 in brackets, "localhost" and what ends with ".localhost", each with a port or without. */
bool host_is_address(struct bytes host);
/* True for one of `names`, which stand between blanks (metrics-hosts), with a port or without; letters' case is ignored. */
bool host_is_one_of(struct bytes host, struct bytes names);

#endif
