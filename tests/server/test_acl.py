"""ACL: users and what they may do. The same commands go to redis-server where it has them."""

import os

import pytest

from harness.process import StartError
from harness.resp import Closed, ReplyError, wait_until

HASH = "#2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881"

# Commands whose replies are those of redis-server 7.0; "@bob" in front: on the connection of that user.
SAME = """
ACL WHOAMI|ACL LIST|ACL USERS|ACL GETUSER default|ACL GETUSER nobody|AUTH x|AUTH default x|AUTH nobody x
ACL SETUSER|ACL SETUSER a\tb|ACL SETUSER bob|ACL LIST|AUTH bob x|ACL SETUSER bob >x|AUTH bob x|ACL SETUSER bob on|ACL USERS
ACL SETUSER bob +foo|ACL SETUSER bob (+get|ACL SETUSER bob +config_zz|ACL SETUSER bob -select_0|ACL SETUSER bob %X~a
ACL SETUSER bob <nope|ACL SETUSER bob #12|ACL SETUSER bob ~* ~a|ACL SETUSER bob &* &a|ACL SETUSER bob zzz|ACL SETUSER bob +config_get_x
ACL GETUSER bob|@bob AUTH bob x|@bob ACL WHOAMI|@bob GET a|@bob PING|ACL SETUSER bob ~a* %R~r* &ch* +@all -@dangerous
@bob GET b|@bob GET a|@bob SET a 1|@bob SET r 1|@bob GET r|@bob GETSET r 1|@bob DEL a b|@bob MGET a1 a2|@bob MGET a1 b|@bob GET
@bob NOSUCH x|@bob ACL LIST|@bob ACL WHOAMI|@bob ACL SETUSER bob on|@bob CONFIG GET x|@bob FLUSHALL|@bob KEYS *|@bob EXISTS r1
@bob PUBLISH ch1 x|@bob PUBLISH x x|@bob SPUBLISH x x|@bob SUBSCRIBE x|@bob PSUBSCRIBE ch1|@bob COPY r a5|@bob COPY a r5|@bob RENAME a b
@bob SORT a1|@bob SORT a1 BY x*|@bob SORT a1 GET x*|@bob SORT a1 BY x|@bob SORT a1 STORE b|@bob SORT a1 STORE a2 STORE b
@bob XREAD STREAMS a1 b 0 0|@bob ZUNIONSTORE a5 2 a6 b|@bob ZUNIONSTORE a5 1 a6|@bob LMPOP 1 b LEFT|@bob GEOADD b 1 1 x
@bob BITFIELD r1 GET u8 0|@bob BITFIELD r1 SET u8 0 1|@bob SET r GET|@bob OBJECT ENCODING b|@bob OBJECT ENCODING r
@bob EVAL return_1 0|@bob EVAL return_1 1 b|@bob MULTI|@bob SET a 1|@bob SET b 1|@bob EXEC
@bob MULTI|@bob SET a 1|@bob INCR a|ACL SETUSER bob -incr|@bob EXEC|@bob MULTI|@bob SET a2 1|ACL SETUSER bob resetkeys ~z*|@bob EXEC
@bob GET a|ACL SETUSER bob resetkeys ~a* +@all -@dangerous|@bob GET a|ACL SETUSER bob off|@bob GET a|AUTH bob x|ACL SETUSER bob on nopass|AUTH bob zz
AUTH default x|ACL WHOAMI|ACL DRYRUN bob GET x|ACL DRYRUN bob GET a|ACL DRYRUN bob GET|ACL DRYRUN bob FLUSHALL|ACL DRYRUN bob PUBLISH a b
ACL DRYRUN bob NOSUCH x|ACL DRYRUN nobody GET a|ACL DELUSER default|ACL DELUSER nobody|ACL GENPASS 0|ACL GENPASS 4097|ACL GENPASS x
ACL CAT nosuch|ACL SAVE|ACL LOAD|ACL NOSUCH|ACL SETUSER sel (~b +get) +set ~a|ACL GETUSER sel|ACL LIST|ACL SETUSER sel clearselectors reset
ACL LIST|ACL DELUSER sel|CONFIG SET requirepass y|ACL LIST|ACL WHOAMI|AUTH default y|AUTH y|AUTH x|CONFIG SET requirepass ""|ACL LIST
CLIENT KILL USER nobody|ACL DELUSER bob|ACL USERS
"""


def words_of(line):
    return [word.replace("_", "|") if word[0] in "+-" else word.replace("_", " ") if word == "return_1" else word.replace("\\t", "\t").strip('"')
            for word in line.split(" ")]


def replay(server):
    """Each command of SAME with its reply, or that the connection was closed."""
    replies = []
    with server.connect(authenticate=False) as admin, server.connect(authenticate=False) as bob:
        for line in SAME.strip().replace("\n", "|").split("|"):
            connection, text = (bob, line[5:]) if line.startswith("@bob ") else (admin, line)
            replies.append((line, connection.call(*words_of(text))))
        with pytest.raises((Closed, OSError)):
            bob.call("PING")
    return replies


def test_answers_as_redis(start, shards):
    ours, theirs = replay(start(shards=shards)), replay(start(kind="redis"))
    for (line, mine), (_, redis) in zip(ours, theirs):
        assert mine == redis, line


def test_denials_are_told_counted_and_noted(start, shards):
    server = start(shards=shards)
    with server.connect() as admin, server.connect() as bob:
        admin.run("ACL", "SETUSER", "bob", "on", ">x", "~a*", "+@all", "-del", "resetchannels", "&news")
        admin.run("SET", "b", "1")
        assert bob.call("AUTH", "bob", "wrong")[0] == "-"
        assert bob.run("HELLO", "3", "AUTH", "bob", "x")[b"proto"] == 3
        assert "user=bob" in admin.run("CLIENT", "LIST").decode()
        for words in (["DEL", "a"], ["DEL", "a"], ["GET", "b"], ["PUBLISH", "other", "x"]):
            assert bob.call(*words)[1].startswith(b"NOPERM")
        # scripts: each command is checked, and the script may ask
        for words, text in (("'get', 'b'", "can't access at least one of the keys"), ("'del', 'a'", "can't run this command"),
                            ("'publish', 'x', 'y'", "can't publish to the channel")):
            with pytest.raises(ReplyError, match=text):
                bob.run("EVAL", "return redis.call(%s)" % words, "0")
        assert bob.run("EVAL", "return redis.call('get', 'a')", "0") is None
        asked = "return {redis.acl_check_cmd('get', 'a'), redis.acl_check_cmd('get', 'b')}"
        assert bob.call("EVAL", asked, "0")[1] == [(":", 1), ("_", None)]
        # the log: newest first, equal ones together
        entries = admin.run("ACL", "LOG")
        found = [(dict(zip(entry[::2], entry[1::2]))) for entry in entries]
        told = [(entry[b"count"], entry[b"reason"], entry[b"context"], entry[b"object"], entry[b"username"]) for entry in found]
        assert told == [
            (1, b"channel", b"lua", b"x", b"bob"), (1, b"command", b"lua", b"del", b"bob"), (1, b"key", b"lua", b"b", b"bob"),
            (1, b"channel", b"toplevel", b"other", b"bob"), (1, b"key", b"toplevel", b"b", b"bob"),
            (2, b"command", b"toplevel", b"del", b"bob"), (1, b"auth", b"toplevel", b"AUTH", b"bob")]
        assert b"user=bob" in found[0][b"client-info"]
        assert len(admin.run("ACL", "LOG", "2")) == 2
        stats = admin.info("stats")
        assert [stats["acl_access_denied_" + kind] for kind in ("auth", "cmd", "key", "channel")] == ["1", "3", "2", "2"]
        admin.run("CONFIG", "SET", "acllog-max-len", "1")
        assert bob.call("SET", "z", "1")[0] == "-"
        assert len(admin.run("ACL", "LOG")) == 1
        admin.run("ACL", "LOG", "RESET")
        assert admin.run("ACL", "LOG") == []
        assert "get" in [name.decode() for name in admin.run("ACL", "CAT", "read")]
        assert b"table" in admin.run("ACL", "CAT") and len(admin.run("ACL", "GENPASS")) == 64


def is_closed(connection):
    try:
        connection.call("PING")
        return False
    except (Closed, OSError):
        return True


def test_connections_follow_their_users(start, shards):
    server = start(shards=shards)
    with server.connect() as admin:
        admin.run("ACL", "SETUSER", "bob", "on", "nopass", "+@all", "~*", "&a", "&b")
        bobs = [server.connect() for _ in range(6)]
        for number, bob in enumerate(bobs):
            bob.run("AUTH", "bob", "")
            bob.call("SUBSCRIBE", "ab"[number % 2])
        # who has a subscription that is not allowed any more is closed
        admin.run("ACL", "SETUSER", "bob", "resetchannels", "&a")
        assert [is_closed(bob) for bob in bobs] == [False, True] * 3
        # a change holds for the next command, wherever its connection is
        plain = [server.connect() for _ in range(4)]
        for connection in plain:
            connection.run("AUTH", "bob", "")
        for keys in ("~x", "~y", "~x"):
            admin.run("ACL", "SETUSER", "bob", "resetkeys", keys)
            assert {connection.call("GET", "x")[0] for connection in plain} == {"$" if keys == "~x" else "-"}
        # in a transaction, too; who is waiting is closed with the user, made again or not
        plain[0].send("BLPOP", "x", "0")
        wait_until(lambda: admin.info("clients")["blocked_clients"] == "1", what="the blocked client")
        assert admin.pipeline([["MULTI"], ["ACL", "DELUSER", "bob"], ["ACL", "SETUSER", "bob", "on"], ["EXEC"]])[-1][0] == "*"
        assert all(is_closed(connection) for connection in plain + bobs[::2])
        # somebody who deletes himself is answered first
        admin.run("ACL", "SETUSER", "me", "on", "nopass", "+@all")
        with server.connect() as myself:
            myself.run("AUTH", "me", "")
            assert myself.call("ACL", "DELUSER", "me") == (":", 1)
            assert is_closed(myself)
        assert admin.run("CLIENT", "KILL", "USER", "default") == 0


def test_files_of_users(start, shards, tmp_path):
    path = tmp_path / "users.acl"
    path.write_text("user default on nopass ~* &* +@all\n\n# bob\nuser bob on >x ~a* +get (~b +set)\nuser eve off\n")
    server = start("--aclfile", str(path), shards=shards)
    with server.connect() as admin, server.connect() as bob, server.connect() as eve:
        assert admin.run("ACL", "USERS") == [b"bob", b"default", b"eve"]
        bob.run("AUTH", "bob", "x")
        admin.run("ACL", "SETUSER", "eve", "on", "nopass", "+ping")
        eve.run("AUTH", "eve", "")
        assert admin.run("ACL", "SAVE") == b"OK"
        lines = path.read_text()
        assert "user bob on %s ~a* resetchannels -@all +get (~b resetchannels -@all +set)" % HASH in lines
        # wrong lines change nothing
        path.write_text(lines + "user mallory on +nosuch\nuser bob on\nwho\n")
        with pytest.raises(ReplyError, match="no change to the previously active ACL rules"):
            admin.run("ACL", "LOAD")
        assert admin.run("ACL", "USERS") == [b"bob", b"default", b"eve"]
        # who is as before stays connected, who is not is closed
        path.write_text(lines.replace("+ping", "+get"))
        assert admin.run("ACL", "LOAD") == b"OK"
        assert bob.run("GET", "a") is None
        assert is_closed(eve)
        with pytest.raises(ReplyError, match="can't set immutable"):
            admin.run("CONFIG", "SET", "aclfile", "x")
    config = tmp_path / "tessera.conf"
    config.write_text("user default on nopass ~* &* +@all\nuser bob on %s ~a* +get\n" % HASH)
    server = start(str(config), shards=shards)
    with server.connect() as admin:
        admin.run("ACL", "SETUSER", "bob", "-get", "+set")
        admin.run("ACL", "SETUSER", "ann", "on")
        assert admin.run("CONFIG", "REWRITE") == b"OK"
        text = config.read_text()
        assert "user bob on %s ~a* resetchannels -@all -get +set\n" % HASH in text and "user ann on resetchannels -@all\n" in text
    server.restart_after_kill()
    with server.connect() as admin:
        assert admin.run("ACL", "USERS") == [b"ann", b"bob", b"default"]
    for wrong in ("user bob +nosuch\n", "user bob on\nuser bob on\n", "user bob on\naclfile %s\n" % path):
        config.write_text(wrong)
        with pytest.raises(StartError, match="cannot start: .*users"):
            start(str(config), shards=shards)
        assert os.path.exists(config)


def test_tables_are_matched_by_name(start, shards):
    server = start(shards=shards)
    with server.connect() as admin, server.connect() as bob:
        for space in ("shop", "secret"):
            admin.run("TABLE.NAMESPACE.CREATE", space)
            admin.run("TABLE.SCHEMA.CREATE", space + ".t", "a:string", "n:integer")
        admin.run("ACL", "SETUSER", "bob", "on", "nopass", "+@table", "~shop.*", "%R~secret.*")
        bob.run("AUTH", "bob", "")
        allowed = [["TABLE.INSERT", "shop.t", "a=x", "n=1"], ["TABLE.SELECT", "shop.t"], ["TABLE.SELECT", "secret.t"],
                   ["TABLE.QUERY", "SELECT a FROM shop.t"], ["TABLE.QUERY", "SELECT a FROM secret.t"],
                   ["TABLE.QUERY", "UPDATE shop.t SET n = 2"], ["TABLE.UPDATE", "shop.t", "SET", "n=3"]]
        refused = [["TABLE.INSERT", "secret.t", "a=x", "n=1"], ["TABLE.UPDATE", "secret.t", "SET", "n=3"], ["TABLE.DELETE", "secret.t"],
                   ["TABLE.QUERY", "UPDATE secret.t SET n = 2"], ["TABLE.QUERY", "DELETE FROM secret.t"],
                   ["TABLE.QUERY", "INSERT INTO secret.t (a) VALUES ('x')"], ["TABLE.QUERY", "DROP TABLE secret.t"],
                   ["TABLE.SCHEMA.DROP", "secret.t", "FORCE"], ["TABLE.NAMESPACE.DROP", "secret", "FORCE"], ["TABLE.SELECT", "other.t"],
                   ["TABLE.WATCH", "shop.t", "other.t"], ["TABLE.QUERY", "SELECT a FROM other.t"]]
        for words in allowed:
            assert bob.call(*words)[0] != "-", words
        for words in refused:
            assert bob.call(*words)[1].startswith(b"NOPERM"), words
        assert bob.call("TABLE.QUERY", "no statement")[1].startswith(b"ERR")
        assert bob.call("GET", "shop.t")[1].startswith(b"NOPERM")
        assert admin.run("ACL", "DRYRUN", "bob", "TABLE.SELECT", "other.t") == b"This user has no permissions to access the 'other.t' key"
        assert admin.run("ACL", "LOG", "1")[0][7] == b"shop.t" or admin.run("ACL", "LOG", "1")[0][7] == b"get"
        admin.run("ACL", "SETUSER", "writer", "on", "nopass", "+table.insert", "+table.query", "%W~shop.*")
        with server.connect() as writer:
            writer.run("AUTH", "writer", "")
            assert writer.call("TABLE.INSERT", "shop.t", "a=y", "n=1")[0] != "-"
            assert writer.call("TABLE.QUERY", "INSERT INTO shop.t (a) VALUES ('x')")[0] != "-"
            assert writer.call("TABLE.INSERT", "shop.t", "a=y", "n=1", "ONCONFLICT", "IGNORE")[1].startswith(b"NOPERM")
            assert writer.call("TABLE.QUERY", "INSERT OR IGNORE INTO shop.t (a) VALUES ('x')")[1].startswith(b"NOPERM")
            assert writer.call("TABLE.QUERY", "SELECT a FROM shop.t")[1].startswith(b"NOPERM")
