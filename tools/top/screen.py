"""The picture on a terminal, by curses, and the keys."""

import curses
import os

from .picture import CLIENT_ORDERS, COMMAND_ORDERS, draw, help_lines

POLL_MS = 100
COLOURS = {"good": curses.COLOR_GREEN, "warn": curses.COLOR_YELLOW, "bad": curses.COLOR_RED, "bar": curses.COLOR_CYAN}
PLAIN = {"plain": curses.A_NORMAL, "title": curses.A_BOLD, "strong": curses.A_BOLD, "section": curses.A_REVERSE, "heading": curses.A_BOLD,
         "dim": curses.A_DIM, "good": curses.A_NORMAL, "warn": curses.A_BOLD, "bad": curses.A_BOLD | curses.A_REVERSE, "bar": curses.A_NORMAL}


def attributes():
    """Those of each style; without colour where there is none, or where the environment has NO_COLOR (https://no-color.org)."""
    found = dict(PLAIN)
    if not os.environ.get("NO_COLOR") and curses.has_colors():
        curses.start_color()
        curses.use_default_colors()
        for number, (style, colour) in enumerate(COLOURS.items(), 1):
            curses.init_pair(number, colour, -1)
            found[style] = curses.color_pair(number) | (curses.A_BOLD if style == "bad" else 0)
    return found


class Screen:
    """Draws what a Watcher brings until q."""

    def __init__(self, window, view, watcher):
        self.window, self.view, self.watcher = window, view, watcher
        self.attributes = attributes()
        self.has_help = False
        window.timeout(POLL_MS)
        try:
            curses.curs_set(0)
        except curses.error:
            pass  # a terminal that cannot hide it

    def lines(self):
        height, width = self.window.getmaxyx()
        if self.has_help:
            return help_lines(width, height)
        with self.watcher.lock:
            self.view.trouble = self.watcher.trouble
            return draw(self.view, self.watcher.watch, width, height)

    def show(self, lines):
        self.window.erase()
        for y, line in enumerate(lines):
            x = 0
            for style, text in line:
                try:
                    self.window.addstr(y, x, text, self.attributes[style])
                except curses.error:
                    pass  # the last place of the last line, and lines of a size that is over
                x += len(text)
        self.window.refresh()

    def press(self, key):
        """False: the user wants to end."""
        view = self.view
        if key in ("q", "Q"):
            return False
        was_help, self.has_help = self.has_help, False
        if key == "p":
            view.is_paused = self.watcher.is_paused = not view.is_paused
        elif key == "s":
            view.next_order("commands", COMMAND_ORDERS)
        elif key == "c":
            view.next_order("clients", CLIENT_ORDERS)
        elif key == "?":
            self.has_help = not was_help
        elif key.isdigit() and 1 <= int(key) <= len(COMMAND_ORDERS):
            view.commands = list(COMMAND_ORDERS)[int(key) - 1]
        return True

    def run(self):
        shown = None
        while True:
            lines = self.lines()
            if lines != shown:
                self.show(lines)
                shown = lines
            key = self.window.getch()
            if key == curses.KEY_RESIZE:
                self.window.clear()
                shown = None
            elif key >= 0 and not self.press(chr(key)):
                return
