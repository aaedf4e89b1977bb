"""Millions of things, made and deleted one by one: keys, rows, and members of one collection of each type.

Commands come as blobs of some hundred, formatted at once, so that the client is not what takes the time. Numbers have eight
digits and come in a scattered order, another one for deleting than for making.
"""

import loads

FIRST = 10_000_000
MOST = 90_000_000
BLOB = 1000
ITEMS_PER_COMMAND = 100
# Primes, so that every number comes once whatever the count is.
MAKE_STEP, REMOVE_STEP = 1_299_709, 15_485_863


def scattered(count, step):
    """Lists of up to BLOB numbers."""
    for start in range(0, count, BLOB):
        yield [FIRST + at * step % count for at in range(start, min(start + BLOB, count))]


def bulk(*words):
    """Words on the wire, as text."""
    return "".join("$%d\r\n%s\r\n" % (len(word), word) for word in words)


class Kind:
    """How one element is written in a command that takes many of them, and the command that removes one.

    head       words before the elements; None: a command for each element, which `element` is, whole
    element    text with places for its number
    removal    text of a whole command with one place for the number, or without any
    """

    def __init__(self, name, head, words, element, removal):
        self.name = name
        self.head = head
        self.words = words
        self.element = element
        self.places = element.count("%")
        self.removal = removal
        self.has_number = "%" in removal

    def _commands(self, numbers):
        elements = [self.element % ((number,) * self.places) for number in numbers]
        if self.head is None:
            return "".join(elements)
        parts = loads.chunks(elements, ITEMS_PER_COMMAND)
        return "".join("*%d\r\n%s%s" % (len(self.head) + self.words * len(part), bulk(*self.head), "".join(part))
                       for part in parts)

    def make(self, count):
        return (self._commands(numbers).encode() for numbers in scattered(count, 1 if self.name == "stream" else MAKE_STEP))

    def remove(self, count):
        for numbers in scattered(count, REMOVE_STEP):
            if self.has_number:
                yield "".join([self.removal % number for number in numbers]).encode()
            else:
                yield (self.removal * len(numbers)).encode()


def command(*words):
    return "*%d\r\n%s" % (len(words), bulk(*words))


def place(text):
    """`text` with # for the eight digits of a number, as one word with its length."""
    filled = text.replace("#", "8" * 8)
    return "$%d\r\n%s\r\n" % (len(filled), text.replace("#", "%d"))


KINDS = {kind.name: kind for kind in (
    Kind("keys", None, 0, "*3\r\n" + bulk("SET") + place("key:00#") + place("value-of-a-key-#"),
         "*2\r\n" + bulk("DEL") + place("key:00#")),
    Kind("hash", ("HSET", "hash"), 2, place("field#") + place("value#"), "*3\r\n" + bulk("HDEL", "hash") + place("field#")),
    Kind("set", ("SADD", "set"), 1, place("member#"), "*3\r\n" + bulk("SREM", "set") + place("member#")),
    Kind("zset", ("ZADD", "zset"), 2, place("#") + place("member#"), "*3\r\n" + bulk("ZREM", "zset") + place("member#")),
    Kind("list", ("RPUSH", "list"), 1, place("item0000#"), command("LPOP", "list")),
    Kind("stream", None, 0, "*5\r\n" + bulk("XADD", "stream") + place("#-1") + bulk("field") + place("value#"),
         "*3\r\n" + bulk("XDEL", "stream") + place("#-1")),
    Kind("rows", None, 0, "*5\r\n" + bulk("TABLE.INSERT", loads.TABLE) + place("id=#") + place("name=person-#") + place("city=#"),
         "*4\r\n" + bulk("TABLE.DELETE", loads.TABLE, "WHERE") + place("id=#")),
)}


def make_table(connection):
    connection.run("TABLE.NAMESPACE.CREATE", loads.TABLE.split(".", maxsplit=1)[0])
    connection.run("TABLE.SCHEMA.CREATE", loads.TABLE, "id:integer:hash", "name:string", "city:string")
