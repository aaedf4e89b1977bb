#!/usr/bin/python3 -B
"""Seeds for cmd_stream: the commands of the transcripts (tests/server/*.resp), as lines and as RESP arrays, the statements of plan_statement and the
scripts of script_text.

    tests/fuzz/cmd_stream_seeds.py FOLDER
"""
import pathlib
import sys

FUZZ = pathlib.Path(__file__).resolve().parent
SERVER = FUZZ.parent / "server"
sys.path.insert(0, str(SERVER))

from harness.resp import encode  # noqa: E402
from harness.transcript import unquote  # noqa: E402

COMMANDS_OF_A_SEED = 12
TABLE = ["TABLE.NAMESPACE.CREATE t",
         "TABLE.SCHEMA.CREATE t.t n:integer:hash s:string f:float d:date p:decimal(8,2) b:boolean",
         "TABLE.INSERT t.t n=1 s=a f=1.5 d=2024-02-29 p=2.25 b=true", "TABLE.INSERT t.t n=2 s=b f=2"]


def quoted(text):
    return '"%s"' % text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def array(line):
    return encode(*unquote(line, 0))


def lines(commands):
    return b"".join(command.encode() + b"\r\n" for command in commands)


def transcripts(folder):
    for path in sorted(SERVER.glob("*.resp")):
        commands = [line[2:] for line in path.read_text().splitlines() if line.startswith("> ") and len(line) < 2000]
        for at in range(0, len(commands), COMMANDS_OF_A_SEED):
            part = commands[at:at + COMMANDS_OF_A_SEED]
            (folder / ("%s_%d" % (path.stem, at))).write_bytes(lines(part))
            (folder / ("%s_%d_array" % (path.stem, at))).write_bytes(b"".join(map(array, part)))


def statements(folder):
    for path in sorted((FUZZ / "corpus" / "plan_statement").iterdir()):
        command = "TABLE.QUERY %s 1 2 3 4" % quoted(path.read_text())
        (folder / ("statement_%s" % path.name)).write_bytes(lines(TABLE + [command]))


def scripts(folder):
    for path in sorted((FUZZ / "corpus" / "script_text").iterdir()):
        command = "EVAL %s 1 k a b" % quoted(path.read_text(errors="replace"))
        (folder / ("script_%s" % path.name)).write_bytes(lines(["SET k 1", command]))


def main():
    folder = pathlib.Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    transcripts(folder)
    statements(folder)
    scripts(folder)


if __name__ == "__main__":
    main()
