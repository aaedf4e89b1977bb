"""Which type a column has, by its values: the narrowest that takes them all and shows them as they are, or as the same moment or number.

Digits with zeros in front (postal codes), or more than a number holds, stay a `string`. `decimal` and options are never guessed, and
`blob` only for bytes that JSON lines write as base64.
"""

import datetime
import decimal
import re

from .json_rows import Digits, is_bytes

PREFERENCE = ("boolean", "integer", "float", "date", "datetime", "uuid", "json", "string", "blob")
TEXT = frozenset(["string"])
INTEGER = re.compile(r"0|-?[1-9][0-9]{0,18}")
FLOAT = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][-+]?[0-9]{1,4})?")
DAY, ZONE = r"([0-9]{4}-[0-9]{2}-[0-9]{2})", r"(?:Z|[-+][0-9]{2}(?::?[0-9]{2})?)"
MOMENT = re.compile(DAY + r"([T ]([0-9]{2}:[0-9]{2})(?:(:[0-9]{2})(?:\.[0-9]{1,6})?)?%s?)?" % ZONE)
UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
TEXT_BYTES_MAX = 64  # longer ones are nothing but texts


def _is_moment(match):
    day, _, minute, seconds = match.groups()
    try:
        datetime.datetime.fromisoformat("%sT%s%s" % (day, minute or "00:00", seconds or ":00"))
    except ValueError:
        return False
    return True


def _is_float(text):
    """Whether a double shows the same number."""
    number = float(text)
    return abs(number) != float("inf") and decimal.Decimal(repr(number)) == decimal.Decimal(text)


def _numbers(text):
    if not FLOAT.fullmatch(text):
        return []
    is_integer = INTEGER.fullmatch(text) and -(1 << 63) <= int(text) < 1 << 63
    return ["integer"] * bool(is_integer) + ["float"] * _is_float(text)


def kinds_of_text(text):
    """The types that a text may be of; always `string`."""
    if len(text) > TEXT_BYTES_MAX or not text:
        return TEXT
    found = ["string"]
    if text.lower() in ("true", "false"):
        found.append("boolean")
    found += _numbers(text)
    match = MOMENT.fullmatch(text)
    if match and _is_moment(match):
        found += ["datetime"] if match.group(2) else ["date", "datetime"]
    if UUID.fullmatch(text):
        found.append("uuid")
    return frozenset(found)


def kinds_of_json(value):
    """The same for a value of a JSON line, which says itself whether it is a number."""
    if isinstance(value, bool):
        return frozenset(["boolean", "json", "string"])
    if isinstance(value, (int, Digits)):
        return kinds_of_text(value.text if isinstance(value, Digits) else str(value)) | {"json"}
    if is_bytes(value):
        return frozenset(["blob"])
    if isinstance(value, (dict, list)):
        return frozenset(["json"])
    return kinds_of_text(value) - {"boolean", "integer", "float"} | {"blob"}


class Guess:
    """The types of all columns; take() each row, kinds() at the end. Columns are told in the order in which they came."""

    def __init__(self, kinds_of):
        self.kinds_of = kinds_of
        self.possible = {}

    def take(self, names, values):
        for name, value in zip(names, values):
            before = self.possible.setdefault(name, None)
            if value is None or before == TEXT:
                continue
            kinds = self.kinds_of(value)
            self.possible[name] = kinds if before is None else before & kinds

    def kinds(self):
        """{column: type}; a column without values, or with none that takes all of them, is a string."""
        return {name: next((kind for kind in PREFERENCE if kind in (possible or TEXT)), "string")
                for name, possible in self.possible.items()}
