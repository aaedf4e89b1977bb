"""What tools/table-load, tools/table-dump and tools/table-import-redistable share.

In reading order: server.py (which server, and who), schema.py (columns of a table); csv_rows.py and json_rows.py (rows of a file),
source.py (the file), guess.py (types of columns), send.py (rows to the server), load.py; pages.py (rows from the server), writers.py,
dump.py; redistable.py. Connections and progress are those of tools/migration. Nothing here needs more than Python's own library.

Values, names and commands are "bytes as text" wherever rows go to the server: each character is one byte (latin-1). So bytes that are no
UTF-8 pass through unchanged, and the length of a text is its length on the wire.
"""
