"""The parts of bench/memory, one a file: each has a TITLE and a `measure(start, options)` that gives Figures for one server."""
