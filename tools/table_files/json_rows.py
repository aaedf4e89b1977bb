"""Rows of JSON lines: an object on each line, whose names are columns.

    text                   the value
    number, true, false    the value, with the digits that stand there
    null, or no such name  null
    {"base64": "..."}      bytes that are no UTF-8, for all columns but those of JSON
    object, array          for columns of JSON; a text is the JSON itself there, as it stands
"""

import base64
import binascii
import json
import sys

from .server import shown

BYTES_NAME = "base64"
RECURSION_MAX = 4000  # more than the 512 levels that a column of JSON takes


class BadValue(Exception):
    """A value that no column takes, or not this one: a sentence."""


class Digits(float):
    """A number with a point or an exponent, and its digits as they stood."""

    def __new__(cls, text):
        number = super().__new__(cls, text)
        number.text = text
        return number


def _no_number(text):
    raise ValueError("%s is no JSON" % text)


DECODER = json.JSONDecoder(parse_float=Digits, parse_constant=_no_number)


def bytes_as_text(text):
    return text if text.isascii() else text.encode("utf-8").decode("latin-1")


def as_json(value):
    """A value as JSON without blanks; numbers keep their digits."""
    if isinstance(value, Digits):
        return value.text
    if isinstance(value, dict):
        return "{%s}" % ",".join("%s:%s" % (json.dumps(name, ensure_ascii=False), as_json(member)) for name, member in value.items())
    if isinstance(value, list):
        return "[%s]" % ",".join(map(as_json, value))
    return json.dumps(value, ensure_ascii=False)


def is_bytes(value):
    return isinstance(value, dict) and len(value) == 1 and isinstance(value.get(BYTES_NAME), str)


def value_text(value, is_json):
    """A value as bytes as text; None is a null. is_json: for a column of JSON."""
    if value is None or isinstance(value, str):
        return value and bytes_as_text(value)
    if is_bytes(value) and not is_json:
        try:
            return base64.b64decode(value[BYTES_NAME], validate=True).decode("latin-1")
        except (binascii.Error, ValueError) as error:
            raise BadValue("bad base64: %s" % error) from None
    if isinstance(value, (dict, list)) and not is_json:
        raise BadValue("an object or array is for a column of type json")
    return bytes_as_text(as_json(value))


def records(lines):
    """(line, object as a dict or None, what is wrong or None) of each line that has something."""
    sys.setrecursionlimit(max(RECURSION_MAX, sys.getrecursionlimit()))
    number = 0
    for line in lines:
        lines.record.clear()
        number += 1
        text = line.strip()
        if not text:
            continue
        try:
            found = DECODER.decode(text if text.isascii() else text.encode("latin-1").decode("utf-8"))
            if not isinstance(found, dict):
                raise ValueError("an object is wanted")
            found = {bytes_as_text(name): value for name, value in found.items()}
        except (ValueError, RecursionError) as error:
            yield number, None, "no JSON of a row: %s" % error
            continue
        yield number, found, None


class Rows:
    """Objects to rows of a table: row(object) gives the values in the order of `columns`. Names of `passed_over` say nothing."""

    def __init__(self, columns, passed_over=()):
        self.passed_over = passed_over
        self.places = {column.name: (place, column.base_kind() == "json") for place, column in enumerate(columns)}

    def row(self, found):
        values = [None] * len(self.places)
        for name, value in found.items():
            if name in self.passed_over:
                continue
            if name not in self.places:
                raise BadValue("unknown column '%s'" % shown(name))
            place, is_json = self.places[name]
            try:
                values[place] = value_text(value, is_json)
            except UnicodeEncodeError:
                raise BadValue("half a surrogate pair is no text (column '%s')" % shown(name)) from None
            except RecursionError:
                raise BadValue("nested too deep (column '%s')" % shown(name)) from None
        return values
