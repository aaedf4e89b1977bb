"""cjson, cmsgpack and struct give what they give on redis-server: bytes, values and error texts, for random values, formats and inputs."""

import os
import random

import pytest

from harness.process import SLOWDOWN, Server

COUNT = int(600 / SLOWDOWN)

# Runs each argument as an expression; tells what it gives as text that is the same on both servers whatever the order of tables. A key of -0
# is that of 0: LuaJIT keeps it as 0, Lua 5.1 as it was given.
SHOW = rb"""
local function show(value, depth)
  local kind = type(value)
  if kind == 'string' then return '"' .. value:gsub('.', function(c) return ('%02x'):format(c:byte()) end) .. '"' end
  if kind == 'number' then
    local part, exponent = math.frexp(value)
    return value ~= value and 'nan' or part - part ~= 0 and tostring(value) or ('%.0fp%d'):format(part * 2^53, exponent)
  end
  if kind == 'userdata' then return value == cjson.null and 'null' or kind end
  if kind ~= 'table' then return tostring(value) end
  if depth > 30 then return '{deep}' end
  local keys = {}
  for key, item in pairs(value) do keys[#keys + 1] = show(key == 0 and 0 or key, depth + 1) .. '=' .. show(item, depth + 1) end
  table.sort(keys)
  return '{' .. table.concat(keys, ',') .. '}'
end
local out = {}
for i = 1, #ARGV do
  local call = assert(loadstring('local r = {' .. ARGV[i] .. '} return unpack(r, 1, table.maxn(r))', 'e'))
  local results = {pcall(call)}
  for k = 1, table.maxn(results) do results[k] = show(results[k], 0) end
  out[i] = table.concat(results, ' ')
end
return out
"""

NUMBERS = ["0", "1", "-1", "127", "128", "255", "256", "-32", "-33", "-128", "-129", "32767", "32768", "-32769", "65535", "65536", "2147483647",
           "2147483648", "-2147483649", "4294967295", "4294967296", "9007199254740993", "2^63", "-2^63", "2^63-1024", "2^64", "1e30", "-1e30",
           "1e300", "1/0", "-1/0", "0.5", "0.1", "3.4e38", "1e-45", "1e-320", '"12"', '"0x10"', '" 7 "']
VALUES = NUMBERS + ["nil", "true", "false", '"abc"', '""', '"a\\0b"', "{}", "{1,2}", "{a=1}", "cjson.null", "function() end"]
JSON_NUMBERS = ["0", "1", "-1", "1.5", "-0", "1e5", "1E+5", "1e", "01", "0x1f", "0x", "+1", ".5", "5.", "inf", "-inf", "nan", "Infinity", "1.",
                "--1", "1e400", "-", "+", "i", "n", "N"]
JSON_TEXTS = ["a", "\\n", "\\u0041", "\\u00e9", "\\u20ac", "\\ud83d\\ude00", '\\"', "\\\\", "\\/", "\\b", "\\f", "\\r", "\\t", "\xe9"]
JSON_WRONG = ["\\x", "\\ud800", "\\ude00", "\\u12", "\\ud800\\u0041", "\x01", "\n"]
JSON_WORDS = ["true", "false", "null"] * 4 + ["tru", "True", "nulll", "x", "*", "'a'"]
PACKED = {0xca: 4, 0xcb: 8, 0xcc: 1, 0xcd: 2, 0xce: 4, 0xcf: 8, 0xd0: 1, 0xd1: 2, 0xd2: 4, 0xd3: 8, 0xa3: 3, 0xc0: 0, 0xc2: 0, 0xc3: 0, 1: 0}


def quoted(data):
    return "'" + "".join("\\%03d" % byte for byte in data) + "'"


def random_text(rng, size):
    return quoted(bytes(rng.choice([0, 1, 34, 47, 92, 97, 98, 127, 128, 200, 255, 10]) for _ in range(size)))


def random_value(rng, depth=0):
    kind = rng.random()
    if kind < 0.35:
        return rng.choice(NUMBERS)
    if kind < 0.5:
        return random_text(rng, rng.choice([0, 1, 3, 31, 32, 255, 256, 300]))
    if kind < 0.6 or depth > 5:
        return rng.choice(["true", "false", "nil", "cjson.null"])
    if kind < 0.8:
        return "{%s}" % ",".join(random_value(rng, depth + 1) for _ in range(rng.choice([0, 1, 2, 3, 4, 15, 16, 17])))
    key = rng.choice(["1", "2", "3", "5", "11", "1.5", "-1", "0", '"a"', '"x y"', "true", "2^31", "2^40"])
    return "{[%s]=%s}" % (key, random_value(rng, depth + 1)) if rng.random() < 0.7 else "{}"


def random_format(rng):
    text = ""
    for letter in rng.choices("><!xbBhHlLTiIfdsc ", k=rng.randrange(7)):
        text += letter
        if letter in "!iIc" and rng.random() < 0.6:
            text += str(rng.choice([0, 1, 2, 3, 4, 7, 8, 9, 12, 16, 17, 31, 32, 33, 64, 2147483647, 2147483648]))
    return text + (rng.choice("yzZ%-") if rng.random() < 0.03 else "")


def random_json(rng, depth=0):
    kind = rng.random()
    if kind < 0.3:
        return rng.choice(JSON_NUMBERS)
    if kind < 0.45:
        return '"%s"' % "".join(rng.choice(JSON_TEXTS if rng.random() < 0.95 else JSON_WRONG) for _ in range(rng.choice([0, 1, 3, 700])))
    if kind < 0.55 or depth > 5:
        return rng.choice(JSON_WORDS)
    blank = rng.choice(["", "", "", " ", "\n\t\r "])
    if kind < 0.78:
        return "[%s]" % ("," + blank).join(random_json(rng, depth + 1) for _ in range(rng.randrange(4)))
    return "{%s}" % ",".join('%s"k%d"%s:%s' % (blank, rng.randrange(5), blank, random_json(rng, depth + 1)) for _ in range(rng.randrange(3)))


def random_packed(rng, depth=0):
    kind = rng.random()
    if kind < 0.2:
        return bytes([rng.randrange(256)])
    if kind < 0.7 or depth > 4:
        first = rng.choice(list(PACKED))
        return bytes([first]) + bytes(rng.choice([0, 1, 127, 128, 255, 33]) for _ in range(PACKED[first]))
    count, is_map = rng.randrange(4), rng.random() < 0.5
    head = rng.choice([bytes([(0x80 if is_map else 0x90) | count]), bytes([0xde if is_map else 0xdc, 0, count]),
                       bytes([0xdf if is_map else 0xdd, 0, 0, 0, count])])
    return head + b"".join(random_packed(rng, depth + 1) for _ in range(count * (2 if is_map else 1)))


def damaged(rng, data):
    data = bytearray(data)
    for _ in range(rng.choice([0, 0, 0, 1, 2])):
        data[rng.randrange(len(data)):] = bytes([rng.randrange(256)]) + data[rng.randrange(len(data)):]
    return bytes(data)


def expressions(rng):
    """One of each kind."""
    words = "".join("," + (random_text(rng, rng.randrange(8)) if rng.random() < 0.3 else rng.choice(VALUES)) for _ in range(rng.randrange(7)))
    data = quoted(bytes(rng.choice([0, 1, 5, 127, 128, 255]) for _ in range(rng.choice([0, 5, 20, 60]))))
    numbers = rng.choice(["0", "1", "2", "-1", "5", "nil", "2^31", "2^32"]), rng.choice(["0", "1", "2", "-1", "5", "nil", "100"])
    yield "struct.pack('%s'%s)" % (random_format(rng), words)
    yield "struct.unpack('%s',%s%s)" % (random_format(rng), data, rng.choice(["", "", ",1", ",2", ",0", ",-1", ",2^31", ",1.5", ",2^53"]))
    yield "struct.size('%s')" % random_format(rng)
    yield "cmsgpack.pack(%s)" % ",".join(random_value(rng) for _ in range(rng.randrange(1, 4)))
    yield "cmsgpack.unpack(%s)" % quoted(damaged(rng, random_packed(rng) + random_packed(rng)))
    yield "cmsgpack.%s(%s,%s,%s)" % (rng.choice(["unpack_one", "unpack_limit"]), quoted(random_packed(rng) * 2), *numbers)
    yield "cjson.encode(%s)" % random_value(rng)
    yield "cjson.decode(%s)" % quoted(damaged(rng, random_json(rng).encode("latin-1")))


# What random values hardly meet: limits and depths.
CORNERS = [
    "struct.pack('I2147483648',1)", "struct.pack('I33',1)", "struct.unpack(string.rep('b',8010),string.rep('a',8010))",
    "struct.size('c2147483647c2147483647')", "struct.unpack('!8bd',string.rep('a',20),-9)",
    "cmsgpack.unpack(string.rep('\\145',3999))", "cmsgpack.unpack(string.rep('\\145',10000))", "cmsgpack.unpack(string.rep('\\129',10000))",
    "cmsgpack.unpack(string.rep('\\221\\255\\255\\255\\255',10000))", "cmsgpack.unpack(string.rep('\\1',8010))",
    "(function() local t = {} for i = 1, 40 do t = {t} end local s = cmsgpack.pack(t) return s end)()",
    "(function() local t = {} t[1] = t local s = cjson.encode(t) return s end)()",
    "(function() local t = {} for i = 1, 999 do t = {t} end local s = cjson.encode(t) return s end)()",
    "cjson.decode(string.rep('[',10000))", "cjson.decode(string.rep('{\"a\":',1001))",
    "#cjson.encode(string.rep('\\1',1000000))", "#cjson.decode('\"' .. string.rep('\\\\u20ac',100000) .. '\"')",
    "(function() local c = cjson.new() c.encode_sparse_array(true) local s = c.encode{[100]=1} return s end)()",
    "(function() local c = cjson.new() c.decode_max_depth(2^31-1) local s = c.decode(string.rep('[',20000)) return s end)()",
    "(function() local c = cjson.new() c.encode_invalid_numbers('null') local s = c.encode{1/0} return s end)()",
    "pcall(cjson.encode_max_depth, 0)", "cjson.encode_max_depth()", "cjson.encode_number_precision()",
    "(function() local t = {} for k in pairs(cjson) do t[k] = type(cjson[k]) end return t end)()",
    "(function() local t = {} for k in pairs(cmsgpack) do t[k] = type(cmsgpack[k]) end return t end)()",
    "(function() local t = {} for k in pairs(struct) do t[k] = type(struct[k]) end return t end)()",
]


@pytest.fixture
def pair(start):
    """One shard has all that there is to compare: a library is its Lua state's."""
    ours = start().connect()
    theirs = Server("redis", 1)
    with ours, theirs.connect() as connection:
        yield ours, connection
    assert theirs.stop() == []


def differing(pair, texts):
    found = [side.run("EVAL", SHOW, 0, *[text.encode("latin-1") for text in texts]) for side in pair]
    return ["%s\n  tessera: %s\n  redis:   %s" % row for row in zip(texts, *found) if row[1] != row[2]]


def test_random_calls_give_what_they_give_on_redis_server(pair):
    seed = os.environ.get("TESSERA_SEED", str(random.randrange(10**9)))
    rng = random.Random(seed)
    for _ in range(COUNT // 50):
        wrong = differing(pair, [text for _ in range(50) for text in expressions(rng)])
        assert not wrong, "seed %s: %s" % (seed, "\n".join(wrong[:10]))


def test_limits_are_those_of_redis_server(pair):
    wrong = differing(pair, CORNERS)
    assert not wrong, "\n".join(wrong)
