"""Crash rounds: clients that write, a server that is killed, and what must be there afterwards (../crash_rounds.py)."""
