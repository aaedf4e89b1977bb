"""Families of commands for the differential tester: every other file here but arguments.py is one.

OWN_FAMILIES are of commands that redis-server does not have."""

import importlib
import os

OWN_FAMILIES = ["table"]
NOT_FAMILIES = {"__init__", "arguments", *OWN_FAMILIES}

FAMILIES = sorted(name[:-3] for name in os.listdir(os.path.dirname(os.path.abspath(__file__)))
                  if name.endswith(".py") and name[:-3] not in NOT_FAMILIES)


def load(name):
    """The module of a family; only this one is read, so that another's mistake does no harm."""
    return importlib.import_module("families." + name)
