"""The bytes of a value in DUMP payloads and RDB files: where a value ends, and how an older reader can have it.

A payload is a type (1 byte), the value, the version of the format (2 bytes) and a checksum (8). An RDB file has type, key and
value. skip_value() finds the end of a value of every type; lowered() makes a payload for a server that reads older versions only.
"""

import struct

from .crc64 import crc64

MODULE_TYPES = (6, 7)
NAMES = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
# The version of the format that brought a type; those that are not here have always been there or came by 10 (Redis 7.0).
SET_LISTPACK, STREAM_3, HASH_EARLY, HASH_PACKED_EARLY, HASH_TIMED, HASH_PACKED_TIMED = 20, 21, 22, 23, 24, 25
VERSION_OF = {SET_LISTPACK: 11, STREAM_3: 11, HASH_TIMED: 12, HASH_PACKED_TIMED: 12}
LAST_TYPE = HASH_PACKED_TIMED


class BadValue(Exception):
    """Bytes that are no value of their type, or a value that cannot be had elsewhere: says why."""


def module_name(number):
    """The nine characters of a module's type."""
    return "".join(NAMES[number >> 10 + 6 * (8 - at) & 63] for at in range(9))


# --- lengths and strings: each gives what it read and where the next thing begins ---

def read_length(data, at):
    first = data[at]
    kind = first >> 6
    if kind == 0:
        return first & 63, at + 1
    if kind == 1:
        return (first & 63) << 8 | data[at + 1], at + 2
    if first == 0x80:
        return struct.unpack_from(">I", data, at + 1)[0], at + 5
    if first == 0x81:
        return struct.unpack_from(">Q", data, at + 1)[0], at + 9
    raise BadValue("no length at byte %d" % at)


def skip_string(data, at):
    first = data[at]
    kind = first >> 6
    if kind == 0:
        return at + 1 + first
    if kind == 3:
        if first < 0xc3:
            return at + (2, 3, 5)[first & 3]
        if first != 0xc3:
            raise BadValue("no string at byte %d" % at)
        packed, at = read_length(data, at + 1)
        _, at = read_length(data, at)
        return at + packed
    length, at = read_length(data, at)
    return at + length


def read_string(data, at):
    """A string in each of its forms, as bytes."""
    first = data[at]
    if first >> 6 != 3:
        length, at = read_length(data, at)
        if at + length > len(data):
            raise BadValue("a string is longer than what there is")
        return bytes(data[at:at + length]), at + length
    if first < 0xc3:
        form = ("<b", "<h", "<i")[first & 3]
        return b"%d" % struct.unpack_from(form, data, at + 1)[0], at + 1 + struct.calcsize(form)
    end = skip_string(data, at)
    _, at = read_length(data, at + 1)
    length, at = read_length(data, at)
    return unpack_lzf(data[at:end], length), end


def unpack_lzf(packed, length):
    """LZF: runs of literal bytes, and references back into what has been unpacked."""
    out = bytearray()
    at, end = 0, len(packed)
    while at < end:
        control = packed[at]
        at += 1
        if control < 32:
            out += packed[at:at + control + 1]
            at += control + 1
            continue
        count = control >> 5
        if count == 7:
            count += packed[at]
            at += 1
        start = len(out) - ((control & 31) << 8 | packed[at]) - 1
        at += 1
        count += 2
        if start < 0 or len(out) + count > length:
            raise BadValue("bad compression")
        piece = out[start:start + count]
        out += piece * (count // len(piece)) + piece[:count % len(piece)]
    if len(out) != length:
        raise BadValue("bad compression")
    return bytes(out)


# --- the end of a value, by type ---

def _skip_strings(count, data, at):
    for _ in range(count):
        at = skip_string(data, at)
    return at


def _skip_items(per_item):
    def skip(data, at):
        count, at = read_length(data, at)
        return _skip_strings(count * per_item, data, at)
    return skip


def _skip_text_scores(data, at):
    count, at = read_length(data, at)
    for _ in range(count):
        at = skip_string(data, at)
        at += 1 if data[at] >= 253 else 1 + data[at]
    return at


def _skip_scores(data, at):
    count, at = read_length(data, at)
    for _ in range(count):
        at = skip_string(data, at) + 8
    return at


def _skip_nodes(data, at):
    count, at = read_length(data, at)
    for _ in range(count):
        _, at = read_length(data, at)
        at = skip_string(data, at)
    return at


def _skip_lengths(count, data, at):
    for _ in range(count):
        _, at = read_length(data, at)
    return at


def _skip_timed_hash(data, at):
    count, at = read_length(data, at + 8)
    for _ in range(count):
        _, at = read_length(data, at)
        at = _skip_strings(2, data, at)
    return at


def _skip_module(data, at):
    """A value of RDB_TYPE_MODULE_2: things with a code each, up to code 0."""
    _, at = read_length(data, at)
    return skip_module_things(data, at)


def skip_module_things(data, at):
    while True:
        code, at = read_length(data, at)
        if code == 0:
            return at
        if code in (1, 2):
            _, at = read_length(data, at)
        elif code in (3, 4):
            at += 4 if code == 3 else 8
        elif code == 5:
            at = skip_string(data, at)
        else:
            raise BadValue("a module's value with the unknown code %d" % code)


def _stream_skipper(kind):
    second, third = kind >= 19, kind >= STREAM_3

    def skip(data, at, times=None):
        count, at = read_length(data, at)
        at = _skip_strings(2 * count, data, at)
        at = _skip_lengths(3 + (5 if second else 0), data, at)
        groups, at = read_length(data, at)
        for _ in range(groups):
            at = skip_string(data, at)
            pending, at = read_length(data, _skip_lengths(3 if second else 2, data, at))
            for _ in range(pending):
                _, at = read_length(data, at + 24)
            consumers, at = read_length(data, at)
            for _ in range(consumers):
                at = skip_string(data, at) + 8
                if third:
                    if times is not None:
                        times.append(at)
                    at += 8
                pending, at = read_length(data, at)
                at += 16 * pending
        return at
    return skip


SKIPPERS = {0: skip_string, 1: _skip_items(1), 2: _skip_items(1), 3: _skip_text_scores, 4: _skip_items(2), 5: _skip_scores,
            7: _skip_module, 14: _skip_items(1), 15: _stream_skipper(15), 18: _skip_nodes, 19: _stream_skipper(19),
            21: _stream_skipper(21), 24: _skip_timed_hash, 25: lambda data, at: skip_string(data, at + 8)}
SKIPPERS.update({kind: skip_string for kind in (9, 10, 11, 12, 13, 16, 17, 20)})


def skip_value(kind, data, at):
    """Where a value of this type ends."""
    skip = SKIPPERS.get(kind)
    if skip is None:
        raise BadValue("a value of the unknown type %d" % kind)
    end = skip(data, at)
    if end > len(data):
        raise BadValue("a value is longer than what there is")
    return end


# --- listpacks ---

def _listpack_integer(data, at):
    """(integer or None, bytes of the item without its backward length)."""
    first = data[at]
    if first < 0x80:
        return first, 1
    if first & 0xe0 == 0xc0:
        number = (first & 31) << 8 | data[at + 1]
        return number - (number >> 12 << 13), 2
    size = {0xf1: 2, 0xf2: 3, 0xf3: 4, 0xf4: 8}.get(first)
    if size is None:
        return None, 0
    return int.from_bytes(data[at + 1:at + 1 + size], "little", signed=True), 1 + size


def listpack_items(data):
    """The items of a listpack, as bytes."""
    items = []
    at = 6
    while data[at] != 0xff:
        number, size = _listpack_integer(data, at)
        first = data[at]
        if number is not None:
            items.append(b"%d" % number)
        else:
            if first & 0xc0 == 0x80:
                head, length = 1, first & 63
            elif first & 0xf0 == 0xe0:
                head, length = 2, (first & 15) << 8 | data[at + 1]
            elif first == 0xf0:
                head, length = 5, struct.unpack_from("<I", data, at + 1)[0]
            else:
                raise BadValue("bad listpack")
            size = head + length
            items.append(bytes(data[at + head:at + size]))
        at += size + (1 if size < 128 else 2 if size < 16384 else 3 if size < 2097152 else 4 if size < 268435456 else 5)
    return items


# --- payloads ---

def length_bytes(number):
    if number < 64:
        return bytes([number])
    if number < 16384:
        return struct.pack(">H", 0x4000 | number)
    return b"\x80" + struct.pack(">I", number) if number < 2**32 else b"\x81" + struct.pack(">Q", number)


def _counted(kind, count, strings):
    return b"%c%b%b" % (kind, length_bytes(count), b"".join(length_bytes(len(item)) + item for item in strings))


def _plain_set(value):
    items = listpack_items(read_string(value, 1)[0])
    return _counted(2, len(items), items)


def _stream_without_active_times(value):
    times = []
    _stream_skipper(STREAM_3)(value, 1, times)
    pieces, at = [b"\x13"], 1
    for time in times:
        pieces.append(value[at:time])
        at = time + 8
    return b"".join(pieces) + value[at:]


def _hash_without_times(value):
    if value[0] == HASH_PACKED_TIMED:
        items = listpack_items(read_string(value, 9)[0])
        times, strings = items[2::3], [item for at, item in enumerate(items) if at % 3 != 2]
        has_times = any(time != b"0" for time in times)
    else:
        count, at = read_length(value, 9)
        strings, has_times = [], False
        for _ in range(count):
            time, at = read_length(value, at)
            field, at = read_string(value, at)
            text, at = read_string(value, at)
            strings += [field, text]
            has_times = has_times or time != 0
    if has_times:
        return value  # Tessera takes it, whatever the version says; an older Redis refuses it
    return _counted(4, len(strings) // 2, strings)


LOWERED = {SET_LISTPACK: _plain_set, STREAM_3: _stream_without_active_times, HASH_TIMED: _hash_without_times,
           HASH_PACKED_TIMED: _hash_without_times}


def lowered_value(value, version):
    """Type and value as a reader of `version` knows them. BadValue: it cannot."""
    kind = value[0]
    if kind in MODULE_TYPES:
        raise BadValue("a value of the module type %s" % module_name(read_length(value, 1)[0]))
    if kind in (HASH_EARLY, HASH_PACKED_EARLY) or kind > LAST_TYPE:
        raise BadValue("a value of the unknown type %d" % kind)
    if VERSION_OF.get(kind, 0) <= version:
        return value
    try:
        return LOWERED[kind](value)
    except (IndexError, struct.error):
        raise BadValue("a damaged value of type %d" % kind) from None


def sealed(value, version):
    """A payload from type and value."""
    data = value + struct.pack("<H", version)
    return data + struct.pack("<Q", crc64(data))


def lowered_footer(footer, version):
    """The footer of the same value with a lower version. The checksum of a sum is the sum of the checksums (it begins with 0), so
    that of the two versions' difference is all that is needed; the value is not read again."""
    before, crc = struct.unpack("<HQ", footer)
    if before <= version:
        return footer
    return struct.pack("<HQ", version, crc ^ crc64(struct.pack("<H", before ^ version)))


def is_known_everywhere(kind):
    """Types that need no look at the value: only the version may have to be lowered."""
    return kind < SET_LISTPACK and kind not in MODULE_TYPES


def lowered(payload, version):
    """A payload that a reader of `version` takes. BadValue: there is none."""
    if len(payload) < 11:
        raise BadValue("a payload of %d bytes" % len(payload))
    if is_known_everywhere(payload[0]):
        before = payload[-10] | payload[-9] << 8
        return payload if before <= version else payload[:-10] + lowered_footer(payload[-10:], version)
    if VERSION_OF.get(payload[0], 99) <= version:
        return payload[:-10] + lowered_footer(payload[-10:], version)
    return sealed(lowered_value(payload[:-10], version), version)


def probe(version):
    """A payload whose version and checksum are right and whose type does not exist: RESTORE says of which kind its fault is."""
    return sealed(b"\xf9", version)
