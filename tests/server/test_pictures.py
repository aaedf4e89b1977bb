"""The pictures of docs/: they are there, in the sizes that their names say, and short; and what makes them short changes no pixel it need not."""

import os
import re
import struct
import zlib

import pytest

from harness import png
from harness.process import TOP

BYTES_MAX = 150_000


def size_of(path):
    with open(path, "rb") as file:
        return struct.unpack(">II", file.read(24)[16:])


def test_the_guides_pictures_are_there():
    found = set()
    for name in ("README.md", "docs/OPERATIONS.md"):
        with open(os.path.join(TOP, name), encoding="utf-8") as file:
            for link in re.findall(r"\]\(((?!https?:)[^)]*\.png)\)", file.read()):
                path = os.path.normpath(os.path.join(TOP, os.path.dirname(name), link))
                assert os.path.getsize(path) < BYTES_MAX, link
                width, height = size_of(path)
                assert width == int(re.search(r"-(\d+)\.png$", link).group(1)) and height > 1000, link
                found.add(os.path.basename(path))
    assert found == {"explorer-%s-%d.png" % (scheme, width) for scheme in ("light", "dark") for width in (400, 1600)}


def filtered(kind, line, above):
    """A line of RGB as filter `kind` writes it."""
    left, corner = bytes(3) + line, bytes(3) + above
    return bytes([kind]) + bytes((line[i] - png.PREDICTIONS[kind](left[i], above[i], corner[i])) & 255 for i in range(len(line)))


def write_rgb(path, lines):
    data, above = b"", bytes(len(lines[0]))
    for number, line in enumerate(lines):
        data += filtered(number % 5, line, above)
        above = line
    header = struct.pack(">IIBBBBB", len(lines[0]) // 3, len(lines), 8, 2, 0, 0, 0)
    parts = ((b"IHDR", header), (b"IDAT", zlib.compress(data)), (b"IEND", b""))
    path.write_bytes(png.SIGNATURE + b"".join(png.chunk(*part) for part in parts))


def read_palette(path):
    parts = dict(png.chunks(path.read_bytes()))
    width = struct.unpack(">I", parts[b"IHDR"][:4])[0]
    raw, palette = zlib.decompress(parts[b"IDAT"]), parts[b"PLTE"]
    return [b"".join(palette[3 * place:3 * place + 3] for place in raw[at + 1:at + 1 + width]) for at in range(0, len(raw), width + 1)]


@pytest.mark.parametrize("colours", (2, 256, 300))
def test_a_palette_has_the_pixels(tmp_path, colours):
    lines = [b"".join(struct.pack(">I", (x * y * 7919) % colours * 55_555)[1:] for x in range(31)) for y in range(23)]
    write_rgb(tmp_path / "picture.png", lines)
    png.shrink(tmp_path / "picture.png")
    found = read_palette(tmp_path / "picture.png")
    used = {line[at:at + 3] for line in lines for at in range(0, len(line), 3)}
    if len(used) <= png.COLOURS:
        assert found == lines
    else:
        pixels = [(a[at:at + 3], b[at:at + 3]) for a, b in zip(lines, found) for at in range(0, len(a), 3)]
        assert sum(a != b for a, b in pixels) < len(used) and len({b for _, b in pixels}) == png.COLOURS
