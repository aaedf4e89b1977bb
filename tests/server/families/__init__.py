"""Families of commands for the differential tester: every other file here but arguments.py is one.

OWN_FAMILIES are of commands that redis-server does not have. What those of SESSION_FAMILIES mean depends on what the connection has
said before: a tester that puts commands of its own between them, or takes several connections, cannot play them. Those of
SEVERAL_CONNECTIONS have a tester of their own, which takes as many as they need."""

import importlib
import os

OWN_FAMILIES = ["table"]
SESSION_FAMILIES = ["multi", "script"]
SEVERAL_CONNECTIONS = ["blocking", "pubsub", "tracking"]
NOT_FAMILIES = {"__init__", "arguments", *OWN_FAMILIES, *SESSION_FAMILIES, *SEVERAL_CONNECTIONS}

FAMILIES = sorted(name[:-3] for name in os.listdir(os.path.dirname(os.path.abspath(__file__)))
                  if name.endswith(".py") and name[:-3] not in NOT_FAMILIES)


def load(name):
    """The module of a family; only this one is read, so that another's mistake does no harm."""
    return importlib.import_module("families." + name)
