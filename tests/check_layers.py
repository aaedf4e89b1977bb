#!/usr/bin/python3
"""check_layers.py - tools/check-layers finds what made-up trees do wrong: upward includes and calls, circles by both, READMEs that do not
name what is there."""

import pathlib
import subprocess
import tempfile
import unittest

TOOL = pathlib.Path(__file__).resolve().parent.parent / "tools" / "check-layers"
LAYERS = "low:\nhigh/inner: low\nhigh: low high/inner\nlibrary stdio.h: high\n"
CLEAN = "the rooms of src/ keep to tools/layers.txt\n"

UPWARD = {"low/a.c": '#include "high/top.h"\n', "high/top.h": ""}
INCLUDE_CIRCLE = {"low/a.h": '#include "low/b.h"\n', "low/b.h": "", "low/b.c": '#include "low/c_private.h"\n',
                  "low/c_private.h": '#include "low/a.h"\n', "low/d.c": '#include "low/a.h"\n'}
CALL_CIRCLE = {"low/a.c": "void b(void); void a(void) { b(); }\n", "low/b.c": "void a(void); void b(void) { a(); }\n"}


def readme(names):
    """A README that names these files."""
    return "".join("`%s`\n" % name.rpartition("/")[2] for name in names)


class CheckLayers(unittest.TestCase):
    def check(self, files, circles="", objects=False):
        """Gives what the tool prints about a tree of these files; its status must agree."""
        with tempfile.TemporaryDirectory() as folder:
            top = pathlib.Path(folder)
            layers = {"tools/layers.txt": LAYERS + circles, "src/high/inner/x.h": "",
                      "src/low/README.md": readme([name for name in files if name.startswith("low/")]),
                      "src/high/README.md": readme([name for name in files if name.startswith("high/")] + ["high/inner/x.h"])}
            for name, text in {**layers, **{"src/" + name: text for name, text in files.items()}}.items():
                path = top / name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(text)
            options = ["--top", top]
            if objects:
                options += ["--objects", top / "build"]
                for source in sorted((top / "src").rglob("*.c")):
                    path = top / "build/CMakeFiles/room.dir" / source.relative_to(top).with_name(source.name + ".o")
                    path.parent.mkdir(parents=True, exist_ok=True)
                    subprocess.run(["cc", "-c", source, "-I", top / "src", "-o", path], check=True)
            run = subprocess.run([TOOL, *options], capture_output=True, text=True, check=False)
            self.assertEqual(run.stderr, "")
            self.assertEqual(run.returncode, 0 if run.stdout == CLEAN else 1)
            return run.stdout

    def test_rooms_and_folders_in_rooms_may_include_what_their_line_lists(self):
        self.assertEqual(self.check({"high/a.c": '#include <stdio.h>\n#include "high/inner/x.h"\n#include "low/y.h"\n',
                                     "high/inner/b.c": '#include "high/inner/x.h"\n#include "low/y.h"\n', "low/y.h": ""}), CLEAN)

    def test_a_folder_without_sources_is_no_room(self):
        self.assertEqual(self.check({"low/page/a.js": ""}), CLEAN)

    def test_an_upward_include_is_refused(self):
        self.assertEqual(self.check(UPWARD), "src/low/a.c:1: low may not include high (high/top.h)\n")

    def test_what_re2c_and_lemon_read_is_looked_at(self):
        self.assertEqual(self.check({"low/a.y": '%include {\n#include "high/top.h"\n}\n', "low/b.re": "", "high/top.h": ""}),
                         "src/low/a.y:2: low may not include high (high/top.h)\n")

    def test_a_folder_may_not_include_the_room_around_it(self):
        self.assertEqual(self.check({"high/inner/b.c": '\n#include "high/top.h"\n', "high/top.h": ""}),
                         "src/high/inner/b.c:2: high/inner may not include high (high/top.h)\n")

    def test_private_headers_libraries_and_unknown_rooms_are_refused(self):
        rows = [
            ({"high/a.c": '#include "low/b_private.h"\n'}, "src/high/a.c:1: low/b_private.h is private to low\n"),
            ({"low/a.c": "#include <stdio.h>\n"}, "src/low/a.c:1: <stdio.h> belongs to high\n"),
            ({"low/a.c": '#include "b.h"\n'}, 'src/low/a.c:1: "b.h" must be named with its room\n'),
            ({"other/a.c": ""}, "src/other is not in tools/layers.txt\n"),
            ({"low/a.c": "\n" * 1001}, "src/low/a.c: 1001 lines, 1000 are the limit: which two ideas does it hold?\n"),
        ]
        for files, output in rows:
            with self.subTest(output):
                self.assertEqual(self.check(files), output)

    def test_a_readme_names_the_modules_of_its_room_and_of_folders_without_one(self):
        files = {"low/a.c": "", "low/b.c": "", "low/b.h": "", "low/b_private.h": "", "high/inner/part_one.c": ""}
        self.assertEqual(self.check({**files, "low/README.md": "`a.c` a\n`b.h`", "high/README.md": "`part_*.c`, `x.h`"}), CLEAN)
        self.assertEqual(self.check({**files, "low/README.md": "`a.c`, b.h", "high/README.md": "`x.h`"}),
                         "src/high/README.md does not name part_one\nsrc/low/README.md does not name b\n")
        self.assertEqual(self.check({**files, "high/README.md": "`x.h`", "high/inner/README.md": "`x.h`, `part_one.c`"}), CLEAN)

    def test_readmes_and_docs_name_no_file_that_is_not_there(self):
        files = {"low/a.c": "", "low/README.md": "`a.c`, `gone.c`, `x.h`, `inner/x.h`", "../docs/TEXT.md": "`low/a.c`, `src/low/b.c`, `x.h`"}
        self.assertEqual(self.check(files), "src/low/README.md: there is no gone.c\nsrc/low/README.md: x.h is in another room\n"
                                            "docs/TEXT.md: there is no low/b.c\n")

    def test_a_circle_of_includes_is_refused_unless_it_is_known(self):
        self.assertEqual(self.check(INCLUDE_CIRCLE),
                         "src/low: 3 modules in circles of includes, tools/layers.txt says 0:\n"
                         "  low/a: low/b\n  low/b: low/c\n  low/c: low/a\n")
        self.assertEqual(self.check(INCLUDE_CIRCLE, circles="circles low: includes 3, calls 0\n"), CLEAN)

    def test_known_circles_may_only_shrink(self):
        self.assertEqual(self.check(INCLUDE_CIRCLE, circles="circles low: includes 4, calls 0\n"),
                         "src/low: 3 modules in circles of includes, tools/layers.txt says 4: lower it\n")
        self.assertIn("says 2:\n", self.check(INCLUDE_CIRCLE, circles="circles low: includes 2, calls 0\n"))

    def test_calls_are_seen_without_an_include(self):
        self.assertEqual(self.check(CALL_CIRCLE), CLEAN)
        self.assertEqual(self.check(CALL_CIRCLE, objects=True),
                         "src/low: 2 modules in circles of calls, tools/layers.txt says 0:\n  low/a: low/b\n  low/b: low/a\n")
        self.assertEqual(self.check({"low/a.c": "void top(void); void a(void) { top(); }\n",
                                     "high/top.c": "void top(void); void top(void) {}\n"}, objects=True),
                         "src/low/a.c: low may not use top of src/high/top.c\n")


if __name__ == "__main__":
    unittest.main()
