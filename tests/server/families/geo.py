"""Places: added, measured, searched by circle and box, around points and members, replied and stored."""

from .arguments import few_or_many, index, integer, key, maybe, number, one_of, options, several

MEMBERS = [b"f", b"g", b"h", b"i", b"", b"1", b"-1", b"nul\x00", b"\xff", b"k" * 65]
UNITS = [b"m", b"km", b"ft", b"mi", b"M", b"KM"]
CENTRES = [(13.361389, 38.115556), (15.087269, 37.502669), (0, 0), (179.9, 10), (-179.9, -10), (2.35, 48.85), (-73.98, 40.75),
           (10, 84.9), (-120, -84.9), (180, 85.05112878), (-180, -85.05112878), (37.6, 67.2)]


def member(rng):
    return rng.choice(MEMBERS) if rng.random() < 0.5 else b"p%d" % rng.randrange(150)


def wide(rng):
    return b"wide:%d" % rng.randrange(4000)


def point(rng):
    """Longitude and latitude, mostly near one of a few centres, so that searches find something, and sometimes twice the same."""
    kind = rng.random()
    if kind < 0.05:
        return [rng.choice([b"181", b"-180.1", b"x", b"", b"nan", b"inf", b"1e3", b"0x10"]), b"10"]
    if kind < 0.1:
        return [b"10", rng.choice([b"85.06", b"-85.06", b"x", b"", b"nan", b"-inf"])]
    if kind < 0.2:
        return [b"%.4f" % rng.uniform(-180, 180), b"%.4f" % rng.uniform(-85, 85)]
    longitude, latitude = rng.choice(CENTRES)
    reach = rng.choice([0, 0.001, 0.01, 0.1, 1, 10])
    longitude = max(-180, min(180, longitude + rng.uniform(-reach, reach)))
    latitude = max(-85.05112878, min(85.05112878, latitude + rng.uniform(-reach, reach)))
    return [b"%.*f" % (rng.choice([1, 3, 8]), longitude), b"%.*f" % (rng.choice([1, 3, 6]), latitude)]


def length(rng):
    kind = rng.random()
    if kind < 0.07:
        return rng.choice([b"-1", b"x", b"", b"nan", b"0", b"1e300", b"inf"])
    return b"%.*f" % (rng.choice([0, 0, 3]), 10 ** rng.uniform(-1, 7.4))


def unit(rng):
    return rng.choice(UNITS) if rng.random() < 0.97 else rng.choice([b"", b"cm", b"x"])


def count(rng):
    return b"%d" % rng.choice([1, 1, 2, 3, 5, 10, 30, 100, 1000]) if rng.random() < 0.93 else integer(rng)


COUNT = (b"COUNT", count)
COUNT_ANY = (b"COUNT", count, b"ANY")
ORDER = (one_of(b"ASC", b"DESC", b"asc"),)
WITH = (one_of(b"WITHCOORD", b"WITHDIST", b"WITHHASH"),)
STORE = (one_of(b"STORE", b"STOREDIST"), key)
FROM = one_of([b"BOGUS"], lambda rng: [b"FROMMEMBER", member(rng)], lambda rng: [b"FROMMEMBER", member(rng)],
              *[lambda rng: [b"FROMLONLAT", *point(rng)]] * 4)
BY = one_of([b"BOGUS"], *[lambda rng: [b"BYRADIUS", length(rng), unit(rng)]] * 5,
            *[lambda rng: [b"BYBOX", length(rng), length(rng), unit(rng)]] * 5)
SHAPE = one_of(*[lambda rng: [*FROM(rng), *BY(rng)], lambda rng: [*BY(rng), *FROM(rng)]] * 12,
               lambda rng: [*BY(rng), *BY(rng)], lambda rng: [*FROM(rng), *BY(rng), *FROM(rng)], lambda rng: FROM(rng))

READ_OPTIONS = options(COUNT, COUNT, COUNT_ANY, ORDER, ORDER, WITH, WITH, WITH, (b"ANY",), (b"BOGUS",), STORE, most=4)
RADIUS_OPTIONS = options(COUNT, COUNT_ANY, ORDER, ORDER, WITH, WITH, STORE, (b"ANY",), (b"BOGUS",), (b"STORE",), most=4)
STORE_OPTIONS = options(COUNT, COUNT, COUNT_ANY, ORDER, ORDER, (b"STOREDIST",), (b"STOREDIST",), WITH, (b"BOGUS",), most=3)
ADD_OPTIONS = options((b"NX",), (b"XX",), (b"CH",), (b"CH",), most=2)

CONFIGS = ({}, {"zset-max-listpack-entries": "4"}, {"zset-max-listpack-entries": "2000"})

ROWS = [
    (24, b"GEOADD", key, ADD_OPTIONS, few_or_many(point, member, many=100)),
    (12, b"GEOADD", key, few_or_many(lambda rng: [b"%.5f" % rng.uniform(13, 16), b"%.5f" % rng.uniform(37, 39)], member)),
    (2, b"GEOADD", key, few_or_many(lambda rng: [b"%.3f" % rng.uniform(13, 15), b"%.3f" % rng.uniform(37, 38)], wide, many=2500,
                                    chance=0.5)),
    (3, b"ZADD", key, several(one_of(index, number, b"inf", b"-inf", b"1e19", b"4503599627370495", b"-5"), member)),
    (5, b"ZREM", key, several(member)),
    (1, b"SET", key, b"x"),
    (2, b"DEL", several(key, most=2)),
    (5, b"GEODIST", key, member, member, maybe(unit)),
    (4, b"GEOHASH", key, several(member, least=0)),
    (4, b"GEOPOS", key, several(member, least=0)),
    (16, b"GEOSEARCH", key, SHAPE, READ_OPTIONS),
    (8, b"GEOSEARCHSTORE", key, key, SHAPE, STORE_OPTIONS),
    (7, b"GEORADIUS", key, point, length, unit, RADIUS_OPTIONS),
    (3, b"GEORADIUS_RO", key, point, length, unit, READ_OPTIONS),
    (6, b"GEORADIUSBYMEMBER", key, member, length, unit, RADIUS_OPTIONS),
    (3, b"GEORADIUSBYMEMBER_RO", key, member, length, unit, READ_OPTIONS),
    (2, b"ZRANGE", key, b"0", b"-1", b"WITHSCORES"),
    (2, b"OBJECT", b"ENCODING", key),
]
