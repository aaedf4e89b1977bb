"""Tables: namespaces, tables, columns and indexes that come and go, rows that are added, changed, moved and deleted.

redis-server has none of it: these commands are for replays and for load.
"""

from .arguments import GARBAGE, Group, command, one_of, value

NAMESPACES = [b"shop", b"shop", b"log"]
TABLES = [b"shop.users", b"shop.users", b"shop.items", b"log.lines"]
KEYS = [b"a"]
COLUMNS = [b"id:integer", b"name:string", b"score:float", b"day:date", b"tag:string", b"note:string", b"size:integer",
           b"open:boolean", b"at:datetime", b"price:decimal(8,2)", b"raw:blob", b"key:uuid", b"doc:json"]
OPTIONS = [b"", b"", b"", b"", b":notnull", b":default=%s"]
INDEXES = [b"", b"", b":hash", b":btree", b":none"]


def table(rng):
    return rng.choice(TABLES)


def namespace(rng):
    return rng.choice(NAMESPACES)


def described(rng, word):
    """A column's word with options."""
    options = [rng.choice(INDEXES), rng.choice(OPTIONS)]
    rng.shuffle(options)
    return word + b"".join(option.replace(b"%s", text(rng, word.split(b":")[1])) for option in options)


def column(rng):
    """A column's word for CREATE and ADD."""
    return described(rng, rng.choice(COLUMNS))


def name(rng):
    return rng.choice(COLUMNS).split(b":")[0]


def text(rng, kind):
    """A value of a column of this type; sometimes of none."""
    if rng.random() < 0.01:
        return rng.choice(GARBAGE)
    if kind == b"integer":
        return rng.choice([b"%d" % rng.randrange(30), b"%d" % rng.randrange(30), b"9223372036854775807", b"-1", b"+7", b"007"])
    if kind == b"float":
        return rng.choice([b"0", b"-0", b"0.1", b"1e300", b"-2.5e-7", b"inf", b"0.30000000000000004", b"3.125", b"12345678901234567"])
    if kind == b"date":
        return b"20%02d-%02d-%02d" % (rng.randrange(100), rng.randrange(1, 13), rng.randrange(1, 29))
    if kind == b"boolean":
        return rng.choice([b"true", b"False", b"1", b"0"])
    if kind == b"datetime":
        return b"20%02d-%02d-%02d" % (rng.randrange(100), rng.randrange(1, 13), rng.randrange(1, 29)) + rng.choice(
            [b"", b"T12:30:00Z", b" 12:30:00", b"T00:00:00.000001+02:00", b"T23:59:59.5-0130"])
    if kind == b"decimal(8,2)":
        return rng.choice([b"0", b"-0.50", b"%d.%02d" % (rng.randrange(9), rng.randrange(99)), b"999999.99", b"12e2", b"0.001"])
    if kind == b"uuid":
        return rng.choice([b"%032x" % rng.randrange(20), b"00112233-4455-6677-8899-AABBCCDDEEFF"])
    if kind == b"json":
        return rng.choice([b"null", b"[1, 2]", b'{"a": {"b": %d}}' % rng.randrange(9), b'"' + b"x" * 200 + b'"'])
    return b"t%d" % rng.randrange(20) if rng.random() < 0.5 else value(rng)


def cell_of(rng, word, operator=b"="):
    column_name, kind = word.split(b":")
    return column_name + operator + text(rng, kind)


def cells(rng, most=4):
    """col=value words, each column once, mostly with the id."""
    chosen = rng.sample(COLUMNS[1:], rng.randrange(most))
    if rng.random() < 0.8 or not chosen:
        chosen.append(COLUMNS[0])
    return [cell_of(rng, word) for word in chosen]


def many_rows(rng):
    """COLUMNS ... VALUES ...: mostly a few rows, sometimes so many that it takes steps."""
    chosen = rng.sample(COLUMNS, rng.randrange(1, 4))
    words = [b"COLUMNS", *(word.split(b":")[0] for word in chosen), *onconflict(rng), b"VALUES"]
    for _ in range(rng.choice([1, 2, 3, 5, 20]) if rng.random() < 0.97 else 1500):
        words += [b"NULL" if rng.random() < 0.05 else text(rng, word.split(b":")[1]) for word in chosen]
    return words


COMPUTED = {b"id": [b"id + 1", b"id * 2"], b"name": [b"name || 'x'", b"upper(tag)"], b"score": [b"score / 2", b"score - 1.5"],
            b"size": [b"size + id", b"size * size", b"9 / size"], b"price": [b"price * 1.1"], b"open": [b"size > 4"]}


def assignment(rng, word):
    name = word.split(b":")[0]
    if rng.random() < 0.08:
        return name + rng.choice([b"=NULL", b":=NULL"])
    return name + b":=" + rng.choice(COMPUTED[name]) if name in COMPUTED and rng.random() < 0.2 else cell_of(rng, word)


def assignments(rng):
    return [assignment(rng, word) for word in rng.sample(COLUMNS, rng.choice([1, 1, 1, 2, 3]))]


def condition(rng):
    operator = rng.choice([b"=", b"=", b"=", b"<", b">", b"!=", b">=", b"<="])
    return cell_of(rng, rng.choice(COLUMNS[:1] * 3 + COLUMNS), operator)


def where(rng):
    kind = rng.random()
    if kind < 0.05:
        return []
    if kind < 0.7:
        return [b"WHERE", condition(rng)]
    return [b"WHERE", condition(rng), rng.choice([b"AND", b"OR"]), condition(rng)]


def schema(rng):
    """The columns of a new table: with a routing column or without."""
    chosen = [described(rng, word) for word in rng.sample(COLUMNS[1:], rng.randrange(2, 9))]
    return [COLUMNS[0] + rng.choice([b":hash", b":hash", b":hash", b":hash:unique", b":btree", b""])] + chosen


def big_table(rng):
    """A table whose statements, and whose indexes, take many steps."""
    target = rng.choice(TABLES)
    size = rng.choice([300, 1500, 4000])
    commands = [[b"TABLE.NAMESPACE.CREATE", target.split(b".")[0]], [b"TABLE.DROP", target, b"FORCE"],
                [b"TABLE.SCHEMA.CREATE", target, b"id:integer:hash", b"name:string:hash", b"note:string", b"score:float",
                 b"size:integer", b"tag:string"]]
    for number in range(size):
        commands.append([b"TABLE.INSERT", target, b"id=%d" % number, b"name=n%d" % (number % 50), b"size=%d" % (number % 9),
                         b"note=" + b"x" * (number % 211 if number % 7 else 0)])
    changes = [[b"TABLE.UPDATE", target, b"SET", b"score=%d.5" % rng.randrange(9)],
               [b"TABLE.UPDATE", target, b"WHERE", b"size>=4", b"SET", b"tag=" + b"y" * rng.choice([3, 150]), b"size=2"],
               [b"TABLE.UPDATE", target, b"WHERE", b"size=3", b"SET", b"id=%d" % rng.randrange(9)],
               [b"TABLE.UPDATE", target, b"WHERE", b"id<%d" % rng.randrange(size), b"SET", b"id=%d" % rng.randrange(99), b"size=5"],
               [b"TABLE.DELETE", target, b"WHERE", b"id>%d" % rng.randrange(size)],
               [b"TABLE.DELETE", target, b"WHERE", b"size=%d" % rng.randrange(9)],
               [b"TABLE.SCHEMA.ALTER", target, b"ADD", b"INDEX", rng.choice([b"size", b"tag", b"note:btree"])],
               [b"TABLE.SCHEMA.ALTER", target, b"DROP", b"COLUMN", rng.choice([b"id", b"name", b"score"])],
               [b"TABLE.SCHEMA.ALTER", target, b"ADD", b"COLUMN", b"day:date:hash"],
               [b"TABLE.INSERT", target, b"name=behind"], [b"SWAPDB", b"0", b"1"],
               rng.choice([[b"TABLE.DELETE", target], [b"TABLE.DROP", target, b"FORCE"], [b"FLUSHDB"]])]
    rng.shuffle(changes)
    return commands + changes[:rng.randrange(4, len(changes))], None


def returning(rng):
    """RETURNING, sometimes."""
    return [b"RETURNING", *rng.choice([[b"*"], [b"_id", b"id"], [b"name"], [b"size / (size - 3)"]])] if rng.random() < 0.2 else []


def onconflict(rng):
    """ONCONFLICT, sometimes."""
    return [b"ONCONFLICT", *rng.choice([[b"IGNORE"], [b"REPLACE"], [b"ERROR"], [b"UPDATE", *assignments(rng)], [b"UPDATE", b"size:=id+excluded.id"]])] \
        if rng.random() < 0.2 else []


ALTER = one_of(command(b"ADD", b"COLUMN", column), command(b"DROP", b"COLUMN", name), command(b"ADD", b"INDEX", column),
               command(b"ADD", b"INDEX", name), command(b"DROP", b"INDEX", name))

ROWS = [
    (60, b"TABLE.INSERT", table, cells, onconflict, returning),
    (8, b"TABLE.INSERT", table, many_rows),
    (14, b"TABLE.UPDATE", table, where, b"SET", assignments, returning),
    (8, b"TABLE.DELETE", table, where, returning),
    (1, b"TABLE.SELECT", table, where),
    (6, b"TABLE.SCHEMA.CREATE", table, schema),
    (5, b"TABLE.SCHEMA.ALTER", table, ALTER),
    (2, b"TABLE.SCHEMA.ALTER", table, b"RENAME", b"TO", table),
    (3, b"TABLE.NAMESPACE.CREATE", namespace),
    (0.4, b"TABLE.NAMESPACE.DROP", namespace, b"FORCE"),
    (0.8, one_of(b"TABLE.DROP", b"TABLE.SCHEMA.DROP"), table, b"FORCE"),
    (0.5, b"SELECT", one_of(b"0", b"0", b"1")),
    (0.3, b"SWAPDB", b"0", b"1"),
    (0.1, b"FLUSHDB"),
    (0.15, Group(big_table)),
]
