"""What the server tests stand on: server processes, raw RESP connections and transcripts."""
