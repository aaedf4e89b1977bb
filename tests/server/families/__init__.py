"""Families of commands for the differential tester: one module each with ROWS and, where replies may differ, COMPARE."""

from . import key, string

FAMILIES = {"string": string, "key": key}
