"""A migration from start to end: the words of the command line, the passes, what the user is told, the exit status."""

import argparse
import multiprocessing
import os
import signal
import sys
import time

from .copy import Copier
from .endpoint import (Abilities, Endpoint, Refused, add_tls_options, databases, info_fields, parse_address, password_for,
                       payload_version, tls_of)
from .follow import Notifications, glob_pattern
from .functions import copy_functions, differing_functions
from .pool import Pool
from .progress import Failures, Progress
from .verify import Verifier
from .wire import ErrorReply, Lost, encode

SCAN_COUNT = 500
TASK_KEYS = 256
FOLLOW_PAUSE = 0.05
PING_SECONDS = 10  # servers may have a timeout for silent clients
REPAIRS = 5
DONE, DIFFERENT, INCOMPLETE = 0, 1, 2


class Stopped(Exception):
    """SIGINT or SIGTERM."""


def say(text):
    sys.stderr.write(text + "\n")
    sys.stderr.flush()


# --- the command line ---

def add_endpoint_options(words, is_from):
    """Where both servers are, and who asks there: for endpoints()."""
    redis, ours = ("source", "target") if is_from else ("target", "source")
    words.add_argument("host", nargs="?", help="the Redis: its host")
    words.add_argument("port", nargs="?", type=int, default=6379)
    words.add_argument("--%s-unix" % ("from" if is_from else "to"), dest="unix", metavar="PATH",
                       help="the Redis by its unix socket")
    words.add_argument("--%s" % ("to" if is_from else "from"), dest="tessera", default="127.0.0.1:6379", metavar="HOST:PORT",
                       help="the Tessera server, or the path of its unix socket (default %(default)s)")
    words.add_argument("--user", help="a user of the %s; its password: environment REDIS_PASSWORD or --askpass" % redis)
    words.add_argument("--askpass", action="store_true", help="asks for the password of the %s" % redis)
    words.add_argument("--tessera-askpass", action="store_true",
                       help="asks for that of the %s (environment TESSERA_PASSWORD)" % ours)
    add_tls_options(words, "the Redis")


def parser(description, epilog, is_from):
    """Options of both directions. The words HOST PORT name the Redis."""
    words = argparse.ArgumentParser(description=description, epilog=epilog, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_endpoint_options(words, is_from)
    words.add_argument("--db", help="databases, as 0,3 (default: all that have keys)")
    words.add_argument("--match", metavar="PATTERN", help="only keys of this pattern, as in SCAN")
    words.add_argument("--replace", action="store_true", help="overwrites keys that the target has already")
    words.add_argument("--follow", action="store_true", help="copies what changes, too, until Ctrl-C or SIGTERM")
    words.add_argument("--delete", action="store_true", help="with --follow: deletes what only the target has, at the end")
    words.add_argument("--verify-only", action="store_true", help="copies nothing")
    words.add_argument("--no-verify", action="store_true", help="compares nothing")
    words.add_argument("--workers", type=int, default=max(2, min(8, os.cpu_count() or 2)),
                       help="processes (default %(default)s)")
    words.add_argument("--failed", metavar="FILE", help="a file for the keys that failed or differ")
    return words


def endpoints(options, is_from):
    """(source, target)."""
    if options.host is None and options.unix is None:
        raise Refused("HOST PORT of the Redis, or its unix socket, must be given")
    redis = Endpoint(options.host, options.port, options.unix, options.user,
                     password_for("REDIS_PASSWORD", options.askpass, "the Redis"), tls_of(options))
    host, port, path = parse_address(options.tessera)
    tessera = Endpoint(host, port, path, None, password_for("TESSERA_PASSWORD", options.tessera_askpass, "Tessera"))
    return (redis, tessera) if is_from else (tessera, redis)


def asked(endpoint, function):
    """What a function says of a connection."""
    connection = endpoint.connect(timeout=600)
    try:
        return function(connection)
    finally:
        connection.close()


class Migration:
    """One run; `results` add up here in the parent while workers work."""

    def __init__(self, options, source, target):
        self.options, self.source, self.target = options, source, target
        self.abilities, self.target_abilities = Abilities(source), Abilities(target)
        self.version = payload_version(target)
        self.databases = self._databases()
        self.there_before = asked(target, databases)
        self.pattern = None if options.match is None else glob_pattern(os.fsencode(options.match))
        self.failures = Failures(options.failed)
        self.copied = self.existing = self.gone = 0
        self.differing = []
        self.failed_keys = set()

    def _databases(self):
        """{database: keys}."""
        found = asked(self.source, databases)
        if self.options.db is None:
            if found is None:
                raise Refused("%s: the user may not run INFO, which says what databases there are: name them by --db"
                              % self.source)
            return found or {0: 0}
        try:
            return {int(word): (found or {}).get(int(word), 0) for word in self.options.db.split(",")}
        except ValueError:
            raise Refused("--db %s: numbers with commas between them are wanted" % self.options.db) from None

    def both(self, function, *more):
        """What a function says of new connections to source and target: old ones may have been closed for their silence."""
        source, target = self.source.connect(), self.target.connect(timeout=600)
        try:
            return function(source, target, *more)
        finally:
            source.close()
            target.close()

    def copy_functions(self):
        return self.both(copy_functions, self.version, self.options.replace or self.options.follow)

    def check_follow(self):
        """--follow makes the target's databases equal, so it must be wanted where there is something already."""
        if self.options.replace:
            return
        if self.there_before is None:
            raise Refused("%s: the user may not run INFO, so whether there are keys is not known: --follow needs --replace"
                          % self.target)
        used = [database for database in self.databases if self.there_before.get(database)]
        if used:
            raise Refused("%s has keys in database %s: --follow overwrites, so it needs --replace" % (
                self.target, ", ".join(map(str, used))))

    def total(self):
        return None if self.options.match else sum(self.databases.values())

    def matches(self, database, key):
        """For keys that notifications tell of."""
        if self.options.db is not None and database not in self.databases:
            return False
        return self.pattern is None or self.pattern.fullmatch(key) is not None

    # --- scans ---

    def _scan(self, endpoint, database):
        """Lists of keys of a database."""
        connection = endpoint.connect(database, timeout=600)
        more = ("MATCH", self.options.match) if self.options.match is not None else ()
        cursor, keys = b"0", []
        while True:
            reply = connection.call("SCAN", cursor, *more, "COUNT", SCAN_COUNT)
            if isinstance(reply, ErrorReply):
                raise Refused("%s: SCAN: %s" % (endpoint, reply))
            cursor, found = reply
            keys += found
            while len(keys) >= TASK_KEYS or (keys and cursor == b"0"):
                yield keys[:TASK_KEYS]
                del keys[:TASK_KEYS]
            if cursor == b"0":
                connection.close()
                return

    # --- copying ---

    def copy_pool(self, progress):
        big_lock = multiprocessing.get_context("fork").Lock()

        def make():
            return Copier(self.source, self.target, self.abilities, self.version, self.target_abilities.bulk_bytes, big_lock)

        def take(outcome):
            self.copied += outcome.copied
            self.existing += outcome.existing
            self.gone += outcome.gone
            self.failures.add("not copied", outcome.failures)
            self.failed_keys.update((database, key) for database, key, _ in outcome.failures)
            progress.add(outcome.looked_at, outcome.bytes)
        return Pool(self.options.workers, make, take)

    def copy_all(self, pool, mode):
        for database in self.databases:
            for keys in self._scan(self.source, database):
                pool.submit((database, keys, mode))
        pool.drain()

    def copy_changed(self, pool, changed):
        by_database = {}
        for database, key in changed:
            if self.matches(database, key):
                by_database.setdefault(database, []).append(key)
                self.databases.setdefault(database, 0)
        for database, keys in by_database.items():
            for at in range(0, len(keys), TASK_KEYS):
                pool.submit((database, keys[at:at + TASK_KEYS], "sync"))
        pool.drain()

    # --- comparing ---

    def verify(self, is_mirror):
        """Compares all; gives [(database, key, reason)]. is_mirror: keys that only the target has, count, too."""
        progress = Progress("compared", self.total())
        found = []

        def make():
            return Verifier(self.source, self.target, self.abilities, self.target_abilities, self.version)

        def take(comparison):
            found.extend(comparison.failures)
            progress.add(comparison.looked_at)
        with Pool(self.options.workers, make, take) as pool:
            for database in self.databases:
                for keys in self._scan(self.source, database):
                    pool.submit((database, keys))
            pool.drain()
        if is_mirror:
            found += self._only_at_target()
        progress.end()
        return found

    def _only_at_target(self):
        for database in self.databases:
            source = self.source.connect(database)
            for keys in self._scan(self.target, database):
                replies = source.pipeline([encode("EXISTS", key) for key in keys])
                yield from ((database, key, "only at the target") for key, reply in zip(keys, replies) if reply == 0)
            source.close()

    def may_delete(self, database):
        """Whether keys that only the target has may go: if the database was empty when we came, or --delete says so."""
        return self.options.delete or (self.there_before is not None and not self.there_before.get(database))


# --- the passes ---

def copy_once(migration):
    progress = Progress("copied", migration.total())
    with migration.copy_pool(progress) as pool:
        migration.copy_all(pool, "replace" if migration.options.replace else "new")
    progress.end()


def follow(migration):
    """Copies all, then what changes, until a signal comes; then what is left, compared and copied again until all is equal."""
    notifications = Notifications(migration.source)
    try:
        progress = Progress("copied", migration.total())
        with migration.copy_pool(progress) as pool:
            try:
                migration.copy_all(pool, "replace")
                progress.end()
                progress.total, progress.what = None, "copied so far"
                say("following the source; Ctrl-C, when nobody writes there any more, ends it")
                _follow_changes(migration, pool, notifications)
            except Stopped:
                say("\nstopping: what has changed is copied, then all is compared")
        return _finish_following(migration, notifications)
    finally:
        notifications.close()


def _follow_changes(migration, pool, notifications):
    pinged = time.monotonic()
    while True:
        changed, missed = notifications.taken()
        if missed:
            say("notifications were lost: all is copied again")
            migration.copy_all(pool, "replace")
        migration.copy_changed(pool, changed)
        if time.monotonic() > pinged + PING_SECONDS:
            pinged = time.monotonic()
            pool.submit_to_all((0, (), "sync"))
        if not changed:
            time.sleep(FOLLOW_PAUSE)


def _finish_following(migration, notifications):
    """Redis tells nothing of FLUSHALL, of consumer groups' reads, of PFCOUNT: the comparison finds these, and they are copied."""
    if migration.abilities.has_functions:
        migration.copy_functions()
    for _ in range(REPAIRS):
        notifications.wait_for_all()
        progress = Progress("copied again", None)
        with migration.copy_pool(progress) as pool:
            migration.copy_changed(pool, notifications.taken()[0])
            migration.copy_changed(pool, stream_keys(migration))
        differing = migration.verify(is_mirror=True)
        repairable = {(database, key) for database, key, reason in differing
                      if reason != "only at the target" or migration.may_delete(database)} - migration.failed_keys
        if not repairable:
            return differing
        with migration.copy_pool(progress) as pool:
            migration.copy_changed(pool, repairable)
    return differing


def stream_keys(migration):
    """All streams of the source: their consumer groups change without a notification."""
    found = set()
    for database in migration.databases:
        connection = migration.source.connect(database)
        for keys in migration._scan(migration.source, database):  # pylint: disable=protected-access
            types = connection.pipeline([encode("TYPE", key) for key in keys])
            found.update((database, key) for key, kind in zip(keys, types) if kind == b"stream")
        connection.close()
    return found


def change_count(migration):
    """How many changes the source has counted, and since when; None: it does not tell."""
    fields = asked(migration.source, lambda connection: info_fields(connection, "persistence"))
    if "rdb_changes_since_last_save" not in fields:
        return None
    return int(fields["rdb_changes_since_last_save"]), fields.get("rdb_last_save_time")


def changes_text(migration, before):
    after = change_count(migration)
    if before is not None and before == after:
        return None
    if before is None or after is None or before[1] != after[1]:
        return ("Whether the source was written meanwhile is not known; if so, this is a copy of moving data; --follow copies "
                "changes, too.")
    return ("The source was written meanwhile (%s changes): this is a copy of moving data; --follow copies changes, too."
            % format(after[0] - before[0], ","))


def run_passes(migration):
    options = migration.options
    before = change_count(migration)
    functions_failed = []
    differing = None
    if not options.verify_only:
        if migration.abilities.has_functions:
            count, functions_failed = migration.copy_functions()
            if count:
                say("functions: %d libraries" % count)
        migration.failures.add("function not copied", functions_failed)
        if options.follow:
            migration.check_follow()
            differing = follow(migration)
        else:
            copy_once(migration)
        if migration.existing:
            say("%s keys were at the target already and are as they were (--replace overwrites)" % format(migration.existing, ","))
    if differing is None and not options.no_verify:
        differing = migration.verify(is_mirror=False)
    return conclude(migration, differing, before)


def conclude(migration, differing, before):
    failures = migration.failures
    text = None if migration.options.follow else changes_text(migration, before)
    if differing is not None:
        known = migration.failed_keys
        failures.add("differs", [row for row in differing if (row[0], row[1]) not in known])
        if migration.abilities.has_functions:
            failures.add("function differs", migration.both(differing_functions))
    failures.show()
    if text:
        say(text)
    if failures.count:
        say("%s keys failed or differ" % format(failures.count, ","))
        return DIFFERENT
    if differing is None:
        say("copied; nothing was compared")
        return DIFFERENT if migration.existing else DONE
    say("all keys are equal")
    return DONE


def _stop(*_):
    raise Stopped


def main(description, epilog, is_from, before=None):
    """The exit status. `before` is called with the migration first."""
    options = parser(description, epilog, is_from).parse_args()
    signal.signal(signal.SIGINT, _stop)
    signal.signal(signal.SIGTERM, _stop)
    migration = None
    try:
        source, target = endpoints(options, is_from)
        migration = Migration(options, source, target)
        say("%s at %s -> %s at %s, databases %s" % (migration.abilities.name, source, migration.target_abilities.name, target,
                                                    ", ".join(map(str, migration.databases))))
        if before is not None:
            before(migration)
        return run_passes(migration)
    except (Refused, Lost) as error:
        say("\n%s: %s" % (os.path.basename(sys.argv[0]), error))
    except Stopped:
        say("\n%s: stopped" % os.path.basename(sys.argv[0]))
    if migration is not None:
        migration.failures.show()
        say("Not complete: %s keys were copied. The same command goes on from there." % format(migration.copied, ","))
    return INCOMPLETE
