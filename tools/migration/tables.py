"""Which tables a Tessera server has: they stay when its keys go to Redis, so each is named with its rows."""

import sys

from .endpoint import Refused
from .wire import ErrorReply


def plain_fields(reply):
    """MEMORY STATS in RESP2: names and values in turn."""
    return dict(zip(reply[::2], reply[1::2]))


def tables(connection):
    """[(database, table, rows)] of all databases."""
    reply = connection.call("MEMORY", "STATS")
    if isinstance(reply, ErrorReply):
        raise Refused("MEMORY STATS, which lists the tables: %s" % reply)
    found = []
    for name, value in plain_fields(reply).items():
        words = name.decode("utf-8", "replace")
        database = 0
        if words.startswith("db.") and ".table." in words:
            number, _, words = words[3:].partition(".")
            database = int(number)
        if words.startswith("table.") and isinstance(value, list):
            found.append((database, words[6:], plain_fields(value).get(b"rows.count", 0)))
    return sorted(found)


def tell_of_tables(migration, out=sys.stderr):
    """Names what is left out, before anything is copied."""
    connection = migration.source.connect()
    found = tables(connection)
    connection.close()
    for database, table, rows in found:
        out.write("left out: database %d, table %s, %s rows\n" % (database, table, format(rows, ",")))
    if found:
        out.write("Redis has no tables: %d tables with %s rows stay here\n"
                  % (len(found), format(sum(rows for _, _, rows in found), ",")))
