"""Families of commands for the differential tester: one module each, with its ROWS."""

from . import key, string

FAMILIES = {"string": string, "key": key}
