"""Passwords are in no log, whatever goes wrong with them: not in the log file, MONITOR, SLOWLOG, ACL LOG, CLIENT LIST, nor in errors of the start."""

import subprocess

from harness.process import SLOWDOWN, TESSERA

SECRET = "hush%d"


def secret_words(count=[0]):
    count[0] += 1
    return SECRET % count[0]


def commands():
    """Each with at least one secret: as it should be, and wrong in many ways."""
    word = secret_words
    return [
        ("CONFIG", "SET", "requirepass", word()), ("CONFIG", "SET", "requirepass", word(), "maxmemory", "many"), ("CONFIG", "SET", "requirepass"),
        ("config", "set", "MAXMEMORY", "0", "RequirePass", word()), ("CONFIG", "SET", "masterauth", word()),
        ("CONFIG", "SET", "tls-key-file-pass", word()), ("CONFIG", "SET", "requirepass", ""),
        ("ACL", "SETUSER", "bob", "on", ">" + word(), "~*", "+@all"), ("ACL", "SETUSER", "bob", ">" + word(), "badrule"),
        ("ACL", "SETUSER", "bob", "<" + word()), ("ACL", "SETUSER", "bob", "#" + word()), ("acl", "setuser", "b ob", ">" + word()),
        ("ACL", "SETUSER", "default", "+@all", "nopass"), ("AUTH", word()), ("AUTH", "bob", word()), ("AUTH", "bob", word(), "more"),
        ("HELLO", "3", "AUTH", "bob", word()), ("HELLO", "9", "AUTH", "bob", word()), ("HELLO", "2", "AUTH", "bob", word(), "SETNAME", "a b"),
        ("MIGRATE", "127.0.0.1", "1", "none", "0", "10", "AUTH", word()),
        ("MIGRATE", "127.0.0.1", "1", "", "0", "10", "AUTH2", "u", word(), "KEYS", "a"),
        ("EVAL", "return redis.call('auth', ARGV[1])", "0", "x"),
    ]


def test_no_secret_is_in_a_log(start, tmp_path):
    log = tmp_path / "log"
    config = tmp_path / "t.conf"
    first = secret_words()
    config.write_text("requirepass %s\nuser amy on >%s ~* +@all\n" % (first, secret_words()), encoding="ascii")
    server = start(str(config), "--loglevel", "debug", "--logfile", str(log), "--slowlog-log-slower-than", "0", "--latency-monitor-threshold", "1")
    server.password = first
    with server.connect() as client, server.connect() as monitor, server.connect(authenticate=False) as stranger:
        monitor.run("MONITOR")
        for words in commands():
            client.call(*words)
            stranger.call(*words)
        client.run("CONFIG", "REWRITE")
        server.password = None
        client.run("PING", "the end")
        seen = monitor.read_until(b'"the end"\r\n')
        seen += repr([client.call(*words) for words in (("SLOWLOG", "GET", "-1"), ("ACL", "LOG"), ("CLIENT", "LIST"), ("INFO", "everything"),
                                                       ("LATENCY", "LATEST"))]).encode()
    told = seen + server.output().encode()
    assert b"(redacted)" in seen and b"monitor" in seen and log.stat().st_size > 0
    assert SECRET[:4].encode() not in told, told[max(0, told.index(SECRET[:4].encode()) - 300):][:400]


def test_no_secret_is_in_an_error_of_the_start(tmp_path):
    config = tmp_path / "t.conf"
    lines = ['requirepass "%s', "requirepass %s too", "requirepas %s", "user amy on >%s 'x", "masterauth '%s",
             "tls-key-file-pass %s x\"", "USER amy >%s\""]
    for check in ([], ["--check-config"]):
        for line in lines:
            config.write_text(line % secret_words() + "\nport x\n", encoding="ascii")
            done = subprocess.run([TESSERA, *check, str(config)], capture_output=True, text=True, timeout=20 * SLOWDOWN, check=False)
            said = done.stdout + done.stderr
            assert done.returncode == 1 and "(redacted)" in said and SECRET[:4] not in said, (line, said)
    done = subprocess.run([TESSERA, "--port", "0", "--requirepass", secret_words(), secret_words()], capture_output=True, text=True,
                          timeout=20 * SLOWDOWN, check=False)
    assert done.returncode == 1 and SECRET[:4] not in done.stderr + done.stdout
