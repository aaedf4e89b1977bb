"""Scripts: random ones, made of random commands and of what scripts do with their replies."""

from .arguments import key, value

SESSION_ENDS = ([b"SCRIPT", b"FLUSH"],)

COMMANDS = ["'set', {k}, {v}", "'get', {k}", "'incr', {k}", "'append', {k}, {v}", "'del', {k}", "'exists', {k}", "'type', {k}",
            "'rpush', {k}, {v}, {v}", "'lrange', {k}, 0, -1", "'lpop', {k}", "'hset', {k}, 'f', {v}", "'hgetall', {k}",
            "'sadd', {k}, {v}", "'scard', {k}", "'sismember', {k}, {v}", "'zadd', {k}, 1.5, {v}", "'zscore', {k}, {v}",
            "'zrange', {k}, 0, -1, 'withscores'", "'rename', {k}, {k}", "'mget', {k}, {k}", "'mset', {k}, {v}, {k}, {v}",
            "'setrange', {k}, 2, {v}", "'getrange', {k}, 0, 3", "'strlen', {k}", "'ping'", "'select', 1", "'nosuch', {k}", "'get'",
            "'multi'", "'expire', {k}, 1000", "'persist', {k}", "'dbsize'", "'lmpop', 1, {k}, 'left'"]
FRAMES = ["return redis.call({c})", "return redis.pcall({c})", "redis.call({c}) return redis.call({c})", "local r = redis.call({c}) return {{r, type(r)}}",
          "redis.setresp(3) return redis.call({c})", "redis.setresp(3) local r = redis.call({c}) return type(r)",
          "local ok, e = pcall(redis.call, {c}) return {{tostring(ok), e}}", "for i = 1, 3 do redis.pcall({c}) end return redis.call({c})",
          "local t = {{}} for i = 1, 2 do t[i] = redis.pcall({c}) end return t", "if redis.call({c}) then return redis.pcall({c}) end return 'no'",
          "local r = redis.call({c}) return cjson.encode(type(r) == 'table' and r[1] or r)", "return #tostring(redis.call({c}) and 1 or 0)", "local r = redis.pcall({c}) error(type(r) == 'table' and {{err = r.err or 'none'}} or tostring(r))",
          "local a, b = redis.pcall({c}), redis.pcall({c}) return {{b, a, a}}"]
NAMES = ["KEYS[1]", "KEYS[2]", "ARGV[1]", "'a'", "'b' .. tostring(ARGV[2])"]
VALUES = ["ARGV[1]", "ARGV[2]", "5", "2.5", "'text'", "KEYS[1]"]


def script(rng):
    def command():
        return rng.choice(COMMANDS)

    text = rng.choice(FRAMES)
    while "{c}" in text:
        text = text.replace("{c}", command(), 1)
    while "{k}" in text:
        text = text.replace("{k}", rng.choice(NAMES), 1)
    while "{v}" in text:
        text = text.replace("{v}", rng.choice(VALUES), 1)
    return text.replace("{{", "{").replace("}}", "}").encode()


ROWS = [
    (30, b"EVAL", script, b"2", key, key, value, value),
    (8, b"EVAL", script, b"0", value, value),
    (4, b"EVAL_RO", script, b"2", key, key, value, value),
    (2, b"EVAL", script, b"3", key, key),
    (2, b"SCRIPT", b"LOAD", script),
    (1, b"SCRIPT", b"FLUSH"),
    (4, b"SET", key, value),
    (3, b"GET", key),
    (2, b"DEL", key),
]
