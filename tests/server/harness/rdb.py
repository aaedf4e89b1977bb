"""Payloads as DUMP makes them, of all types that RESTORE takes, those of older versions, too: built from the format's description.

A payload is type, value, version (2 bytes) and checksum (8 bytes). Each function below gives type and value; seal() adds the rest.
"""

import struct

VERSION = 10
POLYNOMIAL = int("{:064b}".format(0xad93d23594c935a9)[::-1], 2)


def _table():
    rows = []
    for row in range(256):
        for _ in range(8):
            row = row >> 1 ^ (POLYNOMIAL if row & 1 else 0)
        rows.append(row)
    return rows


TABLE = _table()


def crc64(data):
    crc = 0
    for byte in data:
        crc = TABLE[(crc ^ byte) & 255] ^ crc >> 8
    return crc


def seal(value, version=VERSION):
    data = value + struct.pack("<H", version)
    return data + struct.pack("<Q", crc64(data))


# ---- lengths and strings ----

def length(number):
    if number < 64:
        return bytes([number])
    if number < 16384:
        return struct.pack(">H", 0x4000 | number)
    if number < 2**32:
        return b"\x80" + struct.pack(">I", number)
    return b"\x81" + struct.pack(">Q", number)


def text(data):
    return length(len(data)) + data


def number_text(number):
    """An integer in the shortest of the forms for small ones."""
    for form, (code, bits) in enumerate((("<b", 7), ("<h", 15), ("<i", 31))):
        if -2**bits <= number < 2**bits:
            return bytes([0xc0 | form]) + struct.pack(code, number)
    return text(b"%d" % number)


def packed_text(data):
    """LZF without any reference: literal runs of up to 32 bytes."""
    packed = b"".join(bytes([len(data[i:i + 32]) - 1]) + data[i:i + 32] for i in range(0, len(data), 32))
    return b"\xc3" + length(len(packed)) + length(len(data)) + packed


# ---- collections inside one string ----

def as_integer(item):
    """The integer that an item's text is, or None."""
    try:
        number = int(item)
    except ValueError:
        return None
    return number if b"%d" % number == item and -2**63 <= number < 2**63 else None


def ziplist(items):
    entries = b""
    last = 10
    previous = 0
    for item in items:
        number = as_integer(item) if len(item) < 32 else None
        if number is None:
            size = len(item)
            head = (bytes([size]) if size < 64 else struct.pack(">H", 0x4000 | size) if size < 16384
                    else b"\x80" + struct.pack(">I", size))
            body = head + item
        elif 0 <= number <= 12:
            body = bytes([0xf1 + number])
        elif -2**7 <= number < 2**7:
            body = b"\xfe" + struct.pack("<b", number)
        elif -2**15 <= number < 2**15:
            body = b"\xc0" + struct.pack("<h", number)
        elif -2**23 <= number < 2**23:
            body = b"\xf0" + struct.pack("<i", number)[:3]
        elif -2**31 <= number < 2**31:
            body = b"\xd0" + struct.pack("<i", number)
        else:
            body = b"\xe0" + struct.pack("<q", number)
        head = bytes([previous]) if previous < 254 else b"\xfe" + struct.pack("<I", previous)
        last = 10 + len(entries)
        entries += head + body
        previous = len(head + body)
    return struct.pack("<IIH", 11 + len(entries), last, len(items)) + entries + b"\xff"


def listpack(items):
    entries = b""
    for item in items:
        number = as_integer(item)
        if number is None:
            size = len(item)
            head = (bytes([0x80 | size]) if size < 64 else struct.pack(">H", 0xe000 | size) if size < 4096
                    else b"\xf0" + struct.pack("<I", size))
            body = head + item
        elif 0 <= number < 128:
            body = bytes([number])
        elif -4096 <= number < 4096:
            body = struct.pack(">H", 0xc000 | number & 0x1fff)
        elif -2**15 <= number < 2**15:
            body = b"\xf1" + struct.pack("<h", number)
        elif -2**23 <= number < 2**23:
            body = b"\xf2" + struct.pack("<i", number)[:3]
        elif -2**31 <= number < 2**31:
            body = b"\xf3" + struct.pack("<i", number)
        else:
            body = b"\xf4" + struct.pack("<q", number)
        size = len(body)
        back = bytes([size & 127])
        while size > 127:
            size >>= 7
            back = bytes([size & 127]) + bytes([back[0] | 128]) + back[1:]
        entries += body + back
    return struct.pack("<IH", 7 + len(entries), len(items)) + entries + b"\xff"


def zipmap(pairs):
    def part(data):
        return bytes([len(data)]) if len(data) < 254 else b"\xfe" + struct.pack("<I", len(data))
    body = b"".join(part(field) + field + part(value) + b"\x00" + value for field, value in pairs)
    return bytes([min(len(pairs), 254)]) + body + b"\xff"


def intset(numbers):
    numbers = sorted(numbers)
    width, code = next((width, code) for width, code in ((2, "h"), (4, "i"), (8, "q"))
                       if all(-2**(8 * width - 1) <= number < 2**(8 * width - 1) for number in numbers))
    return struct.pack("<II", width, len(numbers)) + struct.pack("<%d%s" % (len(numbers), code), *numbers)


# ---- values: type and what follows ----

def score_text(score):
    if score in (float("inf"), float("-inf")):
        return b"\xfe" if score > 0 else b"\xff"
    digits = b"%.17g" % score
    return bytes([len(digits)]) + digits


def counted(kind, parts):
    return bytes([kind]) + length(len(parts)) + b"".join(parts)


def string(data):
    return b"\x00" + data


def plain_list(items):
    return counted(1, [text(item) for item in items])


def plain_set(members):
    return counted(2, [text(member) for member in members])


def old_zset(pairs):
    return counted(3, [text(member) + score_text(score) for member, score in pairs])


def plain_hash(pairs):
    return counted(4, [text(field) + text(value) for field, value in pairs])


def plain_zset(pairs):
    return counted(5, [text(member) + struct.pack("<d", score) for member, score in pairs])


def blob(kind, data):
    return bytes([kind]) + text(data)


def old_quicklist(nodes):
    return counted(14, [text(ziplist(node)) for node in nodes])


def quicklist(nodes):
    """Nodes of many items, or one text for a plain one."""
    return counted(18, [b"\x01" + text(node) if isinstance(node, bytes) else b"\x02" + text(listpack(node)) for node in nodes])
