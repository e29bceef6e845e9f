"""Looks for secrets in a data directory: in every file as bytes, in every SQLite
value (a value may be spread over pages), and inside every zstd frame of those.

    scan.py DIRECTORY SECRET...      prints one line per find, exits 0
"""

import pathlib
import sqlite3
import sys

import zstandard

MAGIC = b"\x28\xb5\x2f\xfd"


def unpacked(data):
    """The bytes, then the content of every zstd frame that begins in them."""
    yield data
    at = data.find(MAGIC)
    while at >= 0:
        try:
            reader = zstandard.ZstdDecompressor().decompressobj()
            yield reader.decompress(data[at:])
        except zstandard.ZstdError:
            pass  # The magic number by chance, or a frame with a dictionary.
        at = data.find(MAGIC, at + 1)


def values(path):
    """Every value of every table of a database, as bytes with its place."""
    database = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    database.text_factory = bytes
    tables = [row[0].decode() for row in database.execute("select name from sqlite_master where type='table'")]
    for table in tables:
        try:
            for row in database.execute(f'select * from "{table}"'):
                for value in row:
                    if isinstance(value, bytes):
                        yield f"{path.name}/{table}", value
        except sqlite3.Error:
            continue  # A virtual table whose module is not built in.
    database.close()


def places(path):
    data = path.read_bytes()
    yield path.name, data
    if data.startswith(b"SQLite format 3\0"):
        yield from values(path)


directory, *secrets = sys.argv[1:]
for path in sorted(pathlib.Path(directory).rglob("*")):
    if not path.is_file():
        continue
    for place, data in places(path):
        for content in unpacked(data):
            for secret in secrets:
                if secret.encode() in content:
                    print(f"{place}: {secret}")
