#!/usr/bin/python3
"""Random expressions over random rows, computed by src/expression (tests/expressions/main.c) and by SQLite: where both have the same
semantics, the same results. Where they differ on purpose, what is expected is said by SQLite's result: see `expected`.

    tests/expressions/compare.py build/release/tests/expressions [--count 100000] [--seed N]
"""

import argparse
import math
import os
import random
import sqlite3
import subprocess
import sys

COLUMNS = {"a": "integer", "b": "integer", "x": "float", "y": "float", "s": "string", "t": "string"}
INTEGERS = [0, 1, -1, 2, 3, 5, 7, -7, 10, 100, 255, 2**31, 2**53, 2**53 + 1, -2**53 - 1, 2**62, 2**63 - 1, -2**63 + 1, -2**63]
FLOATS = [0.0, 0.5, -0.5, 1.0, 1.5, -2.25, 3.75, 1e10, -1e15, 9007199254740992.0, 9007199254740994.0, 1e-5, 0.1, 1e18, -9.3e18, 1e300]
TEXTS = ["", "a", "A", "ab", "abc", "b", "aXb", "a%b", "a_b", "äb", "ä", "日本", "aa", "aaa", "x", "xyz", "it's", " a ", "100"]
PATTERNS = ["%", "", "a", "a%", "%a", "%b%", "_", "_b", "a_b", "a%b", "%a%a%", "__", "%_", "_%", "%%", "a%_", "ä%", "%本", "!%", "a!%b", "!_%"]
PER_ROW = 50


class Maker:
    """Makes expressions of a type, as text."""

    def __init__(self, numbers):
        self.random = numbers

    def pick(self, *makers):
        return self.random.choice(makers)

    def text_literal(self, text):
        return "'%s'" % text.replace("'", "''")

    def integer(self, depth):
        if depth == 0 or self.random.random() < 0.2:
            return self.pick("a", "b", "a", "b", "NULL", self.integer_literal())
        kind = self.random.randrange(14)
        deeper = depth - 1
        if kind < 5:
            return "(%s %s %s)" % (self.integer(deeper), self.pick("+", "-", "*", "/", "%"), self.integer(deeper))
        if kind == 5:
            return "-(%s)" % self.integer(deeper)
        if kind == 6:
            return "abs(%s)" % self.integer(deeper)
        if kind == 7:
            return "length(%s)" % self.text(deeper)
        if kind == 8:
            return "coalesce(%s, %s)" % (self.integer(deeper), self.integer(deeper))
        if kind == 9:
            return "nullif(%s, %s)" % (self.integer(deeper), self.integer(deeper))
        if kind == 10:
            return "CASE WHEN %s THEN %s ELSE %s END" % (self.condition(deeper), self.integer(deeper), self.integer(deeper))
        if kind == 11:
            return "CASE %s WHEN %s THEN %s WHEN %s THEN %s END" % tuple(self.integer(deeper) for _ in range(5))
        if kind == 12:
            return "CAST(%s AS integer)" % self.float(deeper)
        return "(%s)" % self.integer(deeper)

    def integer_literal(self):
        return str(self.random.choice(INTEGERS) if self.random.random() < 0.7 else self.random.randrange(-1000, 1000))

    def float(self, depth):
        if depth == 0 or self.random.random() < 0.2:
            return self.pick("x", "y", "x", "NULL", self.float_literal())
        kind = self.random.randrange(9)
        deeper = depth - 1
        if kind == 8:
            return "round(%s%s)" % (self.float(deeper), self.pick("", ", %d" % self.random.randrange(-1, 5)))
        if kind < 4:
            operands = [self.float(deeper), self.pick(self.float, self.integer)(deeper)]
            self.random.shuffle(operands)
            return "(%s %s %s)" % (operands[0], self.pick("+", "-", "*", "/"), operands[1])
        if kind == 4:
            return "abs(%s)" % self.float(deeper)
        if kind == 5:
            return "coalesce(%s, %s)" % (self.float(deeper), self.float(deeper))
        if kind == 6:
            return "-(%s)" % self.float(deeper)
        return "CAST(%s AS float)" % self.integer(deeper)

    def float_literal(self):
        return repr(self.random.choice(FLOATS))

    def text(self, depth):
        if depth == 0 or self.random.random() < 0.25:
            return self.pick("s", "t", "s", "NULL", self.text_literal(self.random.choice(TEXTS)))
        kind = self.random.randrange(8)
        deeper = depth - 1
        if kind == 0:
            return "(%s || %s)" % (self.text(deeper), self.pick(self.text, self.integer)(deeper))
        if kind == 1:
            return "%s(%s)" % (self.pick("lower", "upper", "trim", "ltrim", "rtrim"), self.text(deeper))
        if kind == 2:
            return "substr(%s, %d)" % (self.text(deeper), self.random.randrange(-5, 6))
        if kind == 3:
            return "substr(%s, %d, %d)" % (self.text(deeper), self.random.randrange(-5, 6), self.random.randrange(-4, 6))
        if kind == 4:
            return "coalesce(%s, %s)" % (self.text(deeper), self.text(deeper))
        if kind == 5:
            return "CASE WHEN %s THEN %s END" % (self.condition(deeper), self.text(deeper))
        if kind == 6:
            return "CAST(%s AS text)" % self.integer(deeper)
        return "nullif(%s, %s)" % (self.text(deeper), self.text(deeper))

    def condition(self, depth):
        deeper = max(depth - 1, 0)
        kind = self.random.randrange(14) if depth > 0 else self.random.randrange(5)
        compared = self.pick("=", "<>", "<", "<=", ">", ">=", "==", "!=")
        if kind == 0:
            return "%s %s %s" % (self.integer(deeper), compared, self.pick(self.integer, self.float)(deeper))
        if kind == 1:
            return "%s %s %s" % (self.float(deeper), compared, self.pick(self.integer, self.float)(deeper))
        if kind == 2:
            return "%s %s %s" % (self.text(deeper), compared, self.text(deeper))
        if kind == 3:
            return "%s %sLIKE %s%s" % (self.text(deeper), self.pick("", "NOT "), self.text_literal(self.random.choice(PATTERNS)),
                                       self.pick("", " ESCAPE '!'"))
        if kind == 4:
            return "%s IS %sNULL" % (self.pick(self.integer, self.float, self.text)(deeper), self.pick("", "NOT "))
        if kind == 5:
            return "NOT (%s)" % self.condition(deeper)
        if kind in (6, 7):
            return "(%s)" % self.pick(" AND ", " OR ").join(self.condition(deeper) for _ in range(self.random.randrange(2, 5)))
        if kind == 8:
            return "%s %sBETWEEN %s AND %s" % (self.integer(deeper), self.pick("", "NOT "), self.integer(deeper),
                                               self.pick(self.integer, self.float)(deeper))
        if kind == 9:
            return "%s %sIN (%s)" % (self.integer(deeper), self.pick("", "NOT "),
                                     ", ".join(self.pick(self.integer_literal(), "NULL", self.integer_literal(), self.float_literal())
                                               for _ in range(self.random.randrange(1, 8))))
        if kind == 10:
            return "%s %sIN (%s)" % (self.integer(deeper), self.pick("", "NOT "),
                                     ", ".join(self.integer(deeper) for _ in range(self.random.randrange(1, 4))))
        if kind == 11:
            return "%s %sIN (%s)" % (self.text(deeper), self.pick("", "NOT "),
                                     ", ".join(self.text_literal(self.random.choice(TEXTS)) for _ in range(self.random.randrange(1, 6))))
        if kind == 12:
            return "%s LIKE %s" % (self.text(deeper), self.text(deeper))
        return "(%s) = (%s)" % (self.condition(deeper), self.condition(deeper))


def make_row(numbers):
    def value(values, extra):
        draw = numbers.random()
        return None if draw < 0.15 else numbers.choice(values) if draw < 0.8 else extra()
    return (value(INTEGERS, lambda: numbers.randrange(-10, 10)), value(INTEGERS, lambda: numbers.randrange(-10, 10)),
            value(FLOATS, numbers.random), value(FLOATS, lambda: numbers.uniform(-100, 100)),
            value(TEXTS, lambda: "".join(numbers.choice("abäx%_ ") for _ in range(6))), value(TEXTS, lambda: "ab"))


def show(value):
    return "\\N" if value is None else repr(value) if isinstance(value, float) else str(value)


class Counts:
    same = numbers = errors = 0


def agrees(ours, sqlite, expression, counts):
    """Whether one answer of ours goes with SQLite's: (value,) or an error."""
    kind, _, text = ours.partition(" ")
    if kind == "!":
        # Ours are errors where SQLite gives null, a float in place of an integer, infinity, or does not look. They are believed only when
        # the expression has what can fail so.
        counts.errors += 1
        may_fail = (("division by zero" in text and ("/" in expression or "%" in expression)) or
                    ("out of range" in text and any(sign in expression for sign in "+-*/%") or "abs" in expression or "CAST" in expression) or
                    ("cannot take that value" in text and "LIKE" in expression) or
                    ("the pattern ends" in text and "ESCAPE" in expression))
        return may_fail
    if isinstance(sqlite, Exception):
        return "integer overflow" in str(sqlite) and "abs" in expression
    value = sqlite[0]
    if kind == "null":
        counts.same += 1
        return value is None
    if value is None:
        return False
    counts.same += 1
    if kind == "integer":
        return value == int(text)
    if kind == "boolean":
        return value == (text == "true")
    if kind == "string":
        return isinstance(value, str) and value.encode() == bytes.fromhex(text)
    counts.numbers += 1
    return kind == "float" and (float(value) == float(text) or math.isclose(float(value), float(text), rel_tol=1e-15))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program")
    parser.add_argument("--count", type=int, default=int(os.environ.get("TESSERA_EXPRESSIONS", "3000")))
    parser.add_argument("--seed", type=int, default=None)
    options = parser.parse_args()
    seed = options.seed if options.seed is not None else random.randrange(2**32)
    numbers = random.Random(seed)
    maker = Maker(numbers)
    rows = [make_row(numbers) for _ in range(max(1, options.count // PER_ROW))]
    work = [(row, numbers.choice([maker.integer, maker.float, maker.text, maker.condition, maker.condition])(numbers.randrange(1, 4)))
            for row in rows for _ in range(PER_ROW)]
    lines = []
    for at, (row, expression) in enumerate(work):
        if at % PER_ROW == 0:
            lines.append("row\t" + "\t".join(show(value) for value in row))
        lines.append("expr\t" + expression)
    done = subprocess.run([options.program], input="\n".join(lines) + "\n", capture_output=True, text=True, check=False)
    sys.stderr.write(done.stderr)
    answers = done.stdout.splitlines()
    if done.returncode != 0 or len(answers) != len(work):
        sys.exit("seed %d: status %d, %d answers of %d" % (seed, done.returncode, len(answers), len(work)))
    database = sqlite3.connect(":memory:")
    database.execute("PRAGMA case_sensitive_like = ON")
    database.execute("CREATE TABLE r (a INTEGER, b INTEGER, x REAL, y REAL, s TEXT, t TEXT)")
    counts = Counts()
    wrong = 0
    for at, (row, expression) in enumerate(work):
        if at % PER_ROW == 0:
            database.execute("DELETE FROM r")
            database.execute("INSERT INTO r VALUES (?, ?, ?, ?, ?, ?)", row)
        try:
            sqlite = database.execute("SELECT %s FROM r" % expression).fetchone()
        except sqlite3.Error as error:
            sqlite = error
        if not agrees(answers[at], sqlite, expression, counts):
            wrong += 1
            if wrong <= 10:
                print("%s\n  row %r\n  ours %s\n  SQLite %r" % (expression, row, answers[at], sqlite))
    print("seed %d: %d expressions, %d of them the same, %d refused by us alone, %d wrong" % (seed, len(work), counts.same, counts.errors, wrong))
    sys.exit(1 if wrong or counts.same < len(work) // 2 else 0)


if __name__ == "__main__":
    main()
