"""What tools/migrate-from-redis, tools/migrate-to-redis and tools/import-aof share.

In reading order: wire.py (connections), endpoint.py (where and who), payload.py with crc64.py (the bytes of DUMP and of RDB
files), pool.py (worker processes), progress.py; then copy.py, verify.py, follow.py and migrate.py, which put a migration
together; rdb_file.py, aof_file.py, replay.py and import_aof.py for files. Nothing here needs more than Python's own library.
"""
