"""Draws bytes over time as SVG: what tools/memory-profiler and bench/memory have in common."""

MIB = 1 << 20
WIDTH, HEIGHT, LEFT, RIGHT, TOP_MARGIN, BOTTOM = 1000, 520, 80, 190, 30, 50
COLOURS = ["#4e79a7", "#f28e2b", "#59a14f", "#e15759", "#76b7b2", "#edc948", "#b07aa1", "#9c755f"]


def nice_step(most, steps=6):
    raw = max(most, 1) / steps
    size = 10 ** len(str(int(raw))) / 10 if raw >= 1 else 10 ** -2
    while size * 10 < raw:
        size *= 10
    return next((size * factor for factor in (1, 2, 5, 10) if size * factor >= raw), size * 10)


def escaped(text):
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def thinned(points):
    """Of the points of one column of pixels the lowest and the highest, in their order: more cannot be seen."""
    kept, column = [], []
    for point in points + [None]:
        if column and (point is None or int(point[0]) != int(column[0][0])):
            ends = {column.index(min(column, key=lambda at: at[1])), column.index(max(column, key=lambda at: at[1]))}
            kept += [column[number] for number in sorted(ends)]
            column = []
        column.append(point)
    return kept


class Plot:
    """Builds an SVG: x is seconds, y is MiB."""

    def __init__(self, seconds, most_bytes):
        self.seconds = max(seconds, 0.001)
        self.most = max(most_bytes / MIB, 0.001) * 1.05
        self.parts = []

    def x(self, seconds):
        return LEFT + seconds / self.seconds * (WIDTH - LEFT - RIGHT)

    def y(self, size):
        return HEIGHT - BOTTOM - size / MIB / self.most * (HEIGHT - TOP_MARGIN - BOTTOM)

    def line(self, x1, y1, x2, y2, style):
        self.parts.append('<line x1="%.1f" y1="%.1f" x2="%.1f" y2="%.1f" %s/>' % (x1, y1, x2, y2, style))

    def text(self, x, y, text, more=""):
        self.parts.append('<text x="%.1f" y="%.1f" font-size="12" %s>%s</text>' % (x, y, more, escaped(text)))

    def curve(self, points, colour):
        path = " ".join("%.1f,%.1f" % point for point in thinned([(self.x(at), self.y(size)) for at, size in points]))
        self.parts.append('<polyline points="%s" fill="none" stroke="%s" stroke-width="2"/>' % (path, colour))

    def area(self, times, lower, upper, colour):
        points = [(self.x(at), self.y(size)) for at, size in zip(times, upper)]
        points += [(self.x(at), self.y(size)) for at, size in zip(reversed(times), reversed(lower))]
        path = " ".join("%.1f,%.1f" % point for point in points)
        self.parts.append('<polygon points="%s" fill="%s" fill-opacity="0.65"/>' % (path, colour))

    def axes(self):
        step = nice_step(self.most)
        tick = 0.0
        while tick <= self.most:
            y = self.y(tick * MIB)
            self.line(LEFT, y, WIDTH - RIGHT, y, 'stroke="#ddd"')
            self.text(LEFT - 6, y + 4, "%g MiB" % round(tick, 3), 'text-anchor="end"')
            tick += step
        step = nice_step(self.seconds, 10)
        tick = 0.0
        while tick <= self.seconds:
            self.text(self.x(tick), HEIGHT - BOTTOM + 18, "%g s" % round(tick, 3), 'text-anchor="middle"')
            tick += step

    def marks(self, marks):
        """(seconds, name): a line downwards each."""
        for at, name in marks:
            self.line(self.x(at), TOP_MARGIN, self.x(at), HEIGHT - BOTTOM, 'stroke="#888" stroke-dasharray="4 3"')
            self.text(self.x(at) + 3, TOP_MARGIN + 10, name, 'fill="#555"')

    def legend(self, entries):
        for number, (name, colour) in enumerate(entries):
            y = TOP_MARGIN + 18 * number
            self.parts.append('<rect x="%d" y="%d" width="12" height="12" fill="%s"/>' % (WIDTH - RIGHT + 14, y, colour))
            self.text(WIDTH - RIGHT + 32, y + 11, name)

    def document(self, title):
        head = '<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" font-family="sans-serif">' % (WIDTH, HEIGHT)
        return "\n".join([head, '<rect width="100%" height="100%" fill="white"/>',
                          '<text x="%d" y="20" font-size="14">%s</text>' % (LEFT, escaped(title))] + self.parts + ["</svg>\n"])
