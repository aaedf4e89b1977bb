"""The command line, and the picture as text (--once)."""

import argparse
import curses
import locale
import os
import shutil
import sys
import time

from migration.endpoint import Refused
from table_files.server import add_server_options, ended, endpoint

from .figures import Watch
from .picture import View, draw
from .sample import Sample
from .screen import Screen
from .watching import Watcher

INTERVALS = (0.1, 3600.0)
ONCE_HEIGHT = 60
TIMEOUT_SECONDS = 10.0


def interval(text):
    seconds = float(text)
    if not INTERVALS[0] <= seconds <= INTERVALS[1]:
        raise argparse.ArgumentTypeError("%s is not from %g to %g" % (text, *INTERVALS))
    return seconds


def size(text):
    width, _, height = text.partition("x")
    if not width.isdigit() or not height.isdigit() or not 0 < int(width) <= 1000 or not 0 < int(height) <= 1000:
        raise argparse.ArgumentTypeError("%s is no size such as 80x24" % text)
    return int(width), int(height)


def parser(description, epilog):
    words = argparse.ArgumentParser(description=description, epilog=epilog, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_server_options(words)
    words.add_argument("--interval", type=interval, default=1.0, metavar="SECONDS", help="between two pictures (default %(default)g)")
    words.add_argument("--once", action="store_true", help="prints one picture, of SECONDS, as text, and ends")
    words.add_argument("--size", type=size, metavar="WIDTHxHEIGHT", help="of the text of --once; else as wide as the terminal, or COLUMNS, or 80")
    words.add_argument("--ascii", action="store_true", help="bars of ASCII characters, also where the locale has others")
    return words


def print_once(server, view, seconds, size_wanted):
    connection = server.connect()
    watch = Watch()
    for pause in (seconds, 0):
        sample = Sample(connection, watch.history_count())
        if sample.info is None:
            raise Refused("%s: INFO: %s" % (server, sample.refused["info"]))
        watch.add(sample)
        time.sleep(pause)
    width, height = size_wanted or (shutil.get_terminal_size((80, 24)).columns, ONCE_HEIGHT)
    for line in draw(view, watch, width, height):
        print("".join(text for _, text in line).rstrip())
    return 0


def watch_on_screen(server, view, seconds):
    watcher = Watcher(server, Watch(), seconds)
    watcher.start()
    os.environ.setdefault("ESCDELAY", "25")
    curses.wrapper(lambda window: Screen(window, view, watcher).run())
    return 0


def main(description, epilog):
    options = parser(description, epilog).parse_args()
    locale.setlocale(locale.LC_ALL, "")
    server = endpoint(options, TIMEOUT_SECONDS)
    encoding = (sys.stdout.encoding or "").lower() if options.once else locale.nl_langinfo(locale.CODESET).lower()
    view = View(str(server), encoding.replace("-", "") == "utf8" and not options.ascii)
    if options.once:
        return ended(lambda: print_once(server, view, options.interval, options.size), "stopped")
    if not sys.stdout.isatty() or not sys.stdin.isatty():
        sys.exit("there is no terminal: --once prints the picture as text")
    return ended(lambda: watch_on_screen(server, view, options.interval), "")
