"""A busy application under the Pyroscope Python SDK, as a user configures it.

Arguments: the server's address, the application's name, its tags as JSON, for how many seconds it is busy, and
`slow` for the revision that taxes every order three times.
"""

import json
import sys
import time

import pyroscope

server, name, tags, seconds, revision = sys.argv[1:]


def add_up(count):
    return sum(n * n for n in range(count))


def price_order():
    return add_up(4_000)


def tax_order():
    return add_up(4_000)


def take_order():
    price_order()
    for _ in range(3 if revision == "slow" else 1):
        tax_order()


pyroscope.configure(application_name=name, server_address=server, sample_rate=100, tags=json.loads(tags))
until = time.time() + float(seconds)
while time.time() < until:
    take_order()
pyroscope.shutdown()
