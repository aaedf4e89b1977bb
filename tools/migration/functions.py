"""Libraries of functions: FUNCTION DUMP and RESTORE, and whether both servers have the same."""

import struct

from .payload import lowered_footer
from .wire import ErrorReply


def libraries(connection):
    """{name: code} or an ErrorReply."""
    reply = connection.call("FUNCTION", "LIST", "WITHCODE")
    if isinstance(reply, ErrorReply):
        return reply
    found = {}
    for library in reply:
        fields = dict(zip(library[::2], library[1::2]))
        found[fields[b"library_name"]] = fields[b"library_code"]
    return found


def copy_functions(source, target, version, replace):
    """Gives (how many libraries were copied, failures)."""
    mine = libraries(source)
    if isinstance(mine, ErrorReply):
        return 0, [(0, b"", "FUNCTION LIST: %s" % mine)]
    if not mine or differing_functions(source, target) == []:
        return 0, []
    payload = source.call("FUNCTION", "DUMP")
    if isinstance(payload, ErrorReply):
        return 0, [(0, b"", "FUNCTION DUMP: %s" % payload)]
    before = struct.unpack_from("<H", payload, len(payload) - 10)[0]
    if before > version:
        payload = payload[:-10] + lowered_footer(payload[-10:], version)
    reply = target.call("FUNCTION", "RESTORE", payload, "REPLACE" if replace else "APPEND")
    if isinstance(reply, ErrorReply):
        return 0, [(0, name, "FUNCTION RESTORE: %s" % reply) for name in mine]
    return len(mine), []


def differing_functions(source, target):
    """Failures: libraries that the target lacks, or has with other code."""
    mine, others = libraries(source), libraries(target)
    if isinstance(mine, ErrorReply):
        return []
    if isinstance(others, ErrorReply):
        return [(0, name, "FUNCTION LIST: %s" % others) for name in mine]
    return [(0, name, "missing" if name not in others else "other code") for name in mine if others.get(name) != mine[name]]
