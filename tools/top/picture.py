"""The picture: what a Watch knows, as lines of (style, text) for a width and a height."""

import time

from .pieces import age_text, bar, bytes_text, count_text, fit, history_bar, percent_text, safe, table, usec_text

WIDE = 132       # from so many columns on sections stand in two columns
GAP = [("plain", "  ")]
BUSY, FULL = 0.8, 0.94
LATENCY_NAMES = ("p50", "p99", "p99.9", "longest")
COMMAND_ORDERS = {"time": lambda row: -row["share"], "calls": lambda row: -row["calls"],
                  "p99": lambda row: -(row["percentiles"][1] or 0), "name": lambda row: row["name"]}
CLIENT_ORDERS = {"memory": lambda row: -row.get("tot-mem", 0), "idle": lambda row: row.get("idle", 0), "age": lambda row: -row.get("age", 0)}

HELP = """tessera-top: what a server does, a picture each few seconds.

  q    ends            p    pauses, and goes on
  s    the next order of commands: time, calls, p99, name; 1 to 4: this one
  c    the next order of clients: memory, idle, age
  ?    this help       any other key draws the picture anew

SHARDS    ops/s of its thread's connections; busy: the thread's share of time between
          waking and sleeping, in which sockets are not (CPU above has all);
          waiting: commands that wait now for a key, a lock or memory; waited/s:
          batches that waited for another thread
COMMANDS  time: its share of the time of all commands; percentiles in the server,
          without the network: the upper bounds of LATENCY HISTOGRAM's buckets
MEMORY    bytes by class; the bar has the last ten minutes, each against its most
CLIENTS   mem: all of a client's memory; unread: replies it has not read

What this program asks counts, too: some commands each picture."""


class View:
    """What the user has chosen."""

    def __init__(self, place, is_unicode):
        self.place, self.is_unicode = place, is_unicode
        self.commands, self.clients = "time", "memory"
        self.is_paused = False
        self.trouble = None  # why there are no new figures

    def next_order(self, what, orders):
        names = list(orders)
        setattr(self, what, names[(names.index(getattr(self, what)) + 1) % len(names)])


def level_style(share, high=BUSY):
    return "bad" if share >= FULL else "warn" if share >= high else "good"


# --- the head ---

def title_line(view, figures):
    sample = figures.newer
    version = sample.text("tessera_version")
    line = [("title", "Tessera %s" % version if version else "Redis %s" % sample.text("redis_version")), ("plain", "  %s  up %s" % (
        safe(view.place), age_text(sample.number("uptime_in_seconds")))), ("plain", "  %s" % time.strftime("%H:%M:%S"))]
    return line + [("warn", "  PAUSED" if view.is_paused else "")]


def traffic_line(figures):
    sample = figures.newer
    return [("plain", "ops/s "), ("strong", count_text(figures.ops)), ("plain", "  CPU %s  in %s/s out %s/s  clients %d, blocked %d  hits %s" % (
        percent_text(figures.cpu), bytes_text(figures.rate("total_net_input_bytes")), bytes_text(figures.rate("total_net_output_bytes")),
        sample.number("connected_clients"), sample.number("blocked_clients"), percent_text(figures.hits())))]


def memory_line(view, figures):
    number = figures.newer.number
    used, limit = number("used_memory"), number("maxmemory")
    line = [("plain", "memory "), ("strong", bytes_text(used))]
    if limit:
        line += [("plain", " of %s " % bytes_text(limit)), (level_style(used / limit), bar(used / limit, 12, view.is_unicode)),
                 ("plain", " " + percent_text(used / limit))]
    return line + [("plain", "  resident %s  peak %s  fragmentation %.2f" % (bytes_text(number("used_memory_rss")), bytes_text(
        number("used_memory_peak")), number("mem_fragmentation_ratio")))]


def latency_line(figures):
    words = ["%s %s" % pair for pair in zip(LATENCY_NAMES, [usec_text(value) for value in figures.latency])]
    return [("plain", "latency " + "  ".join(words))]


def head(view, watch, width):
    figures = watch.figures
    label = "ops/s, at most %s " % count_text(max(watch.ops))
    lines = [title_line(view, figures), traffic_line(figures), memory_line(view, figures), latency_line(figures),
             [("plain", label), ("bar", history_bar(watch.ops, min(width - len(label), 2 * width // 3), view.is_unicode))]]
    lines += [[("warn", "! " + "; ".join(figures.alerts))]] if figures.alerts else []
    return lines + ([[("bad", "! " + safe(view.trouble))]] if view.trouble else [])


# --- the sections: (columns, the first of which is headed by the title; rows; why there are none) ---

def shards_section(view, figures):
    def row_of(row):
        busy = row["busy"]
        return [row["name"], count_text(row["ops"]), (level_style(busy), percent_text(busy)), count_text(row["keys"]), bytes_text(row["bytes"]),
                count_text(row["clients"]), ("warn" if row["waiting"] else "plain", count_text(row["waiting"])), count_text(row["waited"]),
                lambda width: bar(busy, min(width, 30), view.is_unicode)]

    columns = [("SHARDS", ">"), ("ops/s", ">"), ("busy", ">"), ("keys", ">"), ("memory", ">"), ("clients", ">"), ("waiting", ">"),
               ("waited/s", ">"), ("", "<")]
    return columns, [row_of(row) for row in figures.shards], "the server has none"


def commands_section(view, figures):
    rows = sorted(figures.commands, key=lambda row: (COMMAND_ORDERS[view.commands](row), row["name"]))
    columns = [("COMMANDS by %s" % view.commands, "<"), ("calls/s", ">"), ("time", ">"), ("mean", ">"), ("p50", ">"), ("p99", ">"), ("p99.9", ">"),
               ("errors/s", ">")]
    cells = [[safe(row["name"]), count_text(row["calls"]), percent_text(row["share"]), usec_text(row["mean"]),
              *[usec_text(value) for value in row["percentiles"][:3]], ("warn" if row["errors"] else "plain", count_text(row["errors"]))]
             for row in rows]
    return columns, cells, "none"


def memory_section(view, watch):
    def row_of(name, values):
        return [name.replace("_", " "), bytes_text(values[-1]), lambda width: history_bar(values, min(width, 60), view.is_unicode)]

    minutes = (watch.memory[-1]["time"] - watch.memory[0]["time"]) / 60000 if watch.memory else 0
    columns = [("MEMORY by class", "<"), ("bytes", ">"), ("the last %.0f min" % minutes if minutes >= 1 else "the last minute", "<")]
    return columns, [row_of(*row) for row in watch.classes()], watch.last.refused.get("history")


def clients_section(view, figures):
    rows = sorted(figures.clients or [], key=lambda row: (CLIENT_ORDERS[view.clients](row), row.get("id", 0)))
    columns = [("CLIENTS by %s" % view.clients, "<"), ("id", ">"), ("user", "<"), ("mem", ">"), ("unread", ">"), ("idle", ">"), ("command", "<"),
               ("name", "<")]
    cells = [[safe(row.get("addr") or ""), str(row.get("id")), safe(row.get("user", "")), bytes_text(row.get("tot-mem", 0)),
              bytes_text(row.get("omem", 0)), age_text(row.get("idle", 0)), safe(row.get("cmd", "")), safe(row.get("name", ""))] for row in rows]
    return columns, cells, figures.newer.refused.get("clients") or "there are too many to list"


def sections(view, watch):
    return [shards_section(view, watch.figures), commands_section(view, watch.figures), memory_section(view, watch),
            clients_section(view, watch.figures)]


# --- together ---

def shared_heights(wanted, height):
    """How many lines each gets: what it wants, if that is there; else the smallest wishes first, and the rest in equal parts."""
    given = [0] * len(wanted)
    left = height
    for place, index in enumerate(sorted(range(len(wanted)), key=lambda index: wanted[index])):
        given[index] = max(0, min(wanted[index], left // (len(wanted) - place)))
        left -= given[index]
    return given


def section_lines(section, width, height):
    """The section's headings and rows, in `height` lines."""
    columns, rows, why = section
    if not rows:
        return [fit([("section", columns[0][0]), ("plain", ": %s" % (safe(why) or "none"))], width)][:height]
    lines = table(columns, rows[:max(height - 1, 0)], width)
    heading = "".join(text for _, text in lines[0]).rstrip()
    more = len(rows) - (height - 1)
    note = ("%d more" % more if more > 0 else "").rjust(max(width - len(heading), 0))
    lines[0] = fit([("section", heading), ("dim", note)], width)
    return lines[:height]


def stacked(parts, width, height):
    heights = shared_heights([len(part[1]) + 1 for part in parts], height)
    return [line for part, lines in zip(parts, heights) for line in section_lines(part, width, lines)]


def draw(view, watch, width, height):
    """At most `height` lines, each of `width` characters."""
    if watch.figures is None:
        return [fit([("bad" if view.trouble else "plain", safe(view.trouble or "%s: the first figures come" % view.place))], width)]
    lines = [fit(line, width) for line in head(view, watch, width)]
    parts = sections(view, watch)
    left = height - len(lines)
    if width < WIDE:
        return (lines + stacked(parts, width, left))[:height]
    half = (width - 2) // 2
    first, second = stacked(parts[:2], half, left), stacked(parts[2:], width - 2 - half, left)
    count = max(len(first), len(second))
    both = zip(first + [fit([], half)] * (count - len(first)), second + [fit([], width - 2 - half)] * (count - len(second)))
    return (lines + [one + GAP + other for one, other in both])[:height]


def help_lines(width, height):
    return [fit([("plain", line)], width) for line in HELP.split("\n")][:height]
