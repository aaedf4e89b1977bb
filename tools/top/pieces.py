"""What a picture is made of: numbers and bars as short texts, tables. A line is a list of (style, text)."""

from migration.progress import size_text
from table_files.server import shown

LEVELS = {True: "\u2581\u2582\u2583\u2584\u2585\u2586\u2587\u2588", False: "_.:-=+*#"}
FULL, EMPTY = {True: "\u2588", False: "#"}, {True: "\u2591", False: "."}


def count_text(number):
    if number is None:
        return "-"
    for unit, size in (("G", 1e9), ("M", 1e6), ("k", 1e4)):
        if number >= size:
            return "%.3g%s" % (number / (1e3 if unit == "k" else size), unit)
    return "%d" % number if number >= 10 or number == int(number) else "%.1f" % number


def usec_text(usec):
    if usec is None:
        return "-"
    for unit, size in (("s", 1e6), ("ms", 1e3)):
        if usec >= size:
            return "%.3g %s" % (usec / size, unit)
    return "%.3g us" % usec


def bytes_text(count):
    return size_text(count).replace(" KiB", "K").replace(" MiB", "M").replace(" GiB", "G").replace(" TiB", "T").replace(" B", "")


def percent_text(share):
    return "-" if share is None else "%.0f %%" % (100 * share)


def age_text(seconds):
    """Days and hours, hours and minutes, or minutes and seconds."""
    seconds = int(seconds)
    if seconds >= 86400:
        return "%dd %02dh" % (seconds // 86400, seconds // 3600 % 24)
    return "%dh %02dm" % (seconds // 3600, seconds // 60 % 60) if seconds >= 3600 else "%dm %02ds" % (seconds // 60, seconds % 60)


def bar(share, width, is_unicode):
    filled = round(width * min(max(share, 0.0), 1.0))
    return FULL[is_unicode] * filled + EMPTY[is_unicode] * (width - filled)


def history_bar(values, width, is_unicode):
    """The values, the newest at the right, as columns: each is the highest of its part of them, of the highest of all."""
    if not values or width <= 0:
        return " " * max(width, 0)
    levels = LEVELS[is_unicode]
    width_used = min(width, len(values))
    parts = [max(values[len(values) * i // width_used:len(values) * (i + 1) // width_used]) for i in range(width_used)]
    most = max(parts) or 1
    return "".join(levels[min(len(levels) - 1, int(part * len(levels) / most))] for part in parts).rjust(width)


def safe(text):
    """What clients have named, for a terminal."""
    return shown(str(text).encode())


def fit(line, width):
    """The line, cut to the width or filled up with blanks."""
    out, left = [], width
    for style, text in line:
        if left <= 0:
            break
        out.append((style, text[:left]))
        left -= len(out[-1][1])
    return out + [("plain", " " * left)] if left > 0 else out


def table(columns, rows, width):
    """Lines of rows below a line of headings. A column is (heading, "<" or ">"); cells are texts or (style, text); a column of which a cell is a
    function of a width gets what is left of `width`, and stands last."""
    fixed = [index for index in range(len(columns)) if not any(callable(row[index]) for row in rows)]

    def text_of(cell):
        return cell[1] if isinstance(cell, tuple) else cell

    widths = {index: max([len(columns[index][0])] + [len(text_of(row[index])) for row in rows]) for index in fixed}
    left = width - sum(widths.values()) - 2 * len(fixed)

    def cell_segment(index, cell):
        if callable(cell):
            return "bar", cell(max(left, 0))
        style, text = cell if isinstance(cell, tuple) else ("plain", cell)
        return style, format(text, columns[index][1] + str(widths[index])) if index in widths else text

    def line_of(cells, style=None):
        line = []
        for index, cell in enumerate(cells):
            own, text = cell_segment(index, cell)
            line += [(style or own, text), (style or "plain", "  ")]
        return fit(line, width)

    return [line_of([heading for heading, _ in columns], "heading")] + [line_of(row) for row in rows]
