"""Decode and encode again in python-openflow: `decode_pyof.py RECORDS...`; prints a JSON list of `[kind, trouble]`."""

import json
import sys
import traceback

from pyof.v0x04.common.utils import unpack_message

from wiretap import kind_of, read_records

results = []
for path in sys.argv[1:]:
    for from_switch, raw in read_records(path):
        # Its time grows with the square of the length: a full 64 KiB would take most of a minute.
        if not from_switch or len(raw) > 16384:
            continue
        trouble = ""
        try:
            again = unpack_message(raw).pack()
            if again != raw:
                trouble = f"{raw.hex()} becomes {again.hex()}"
        except Exception:
            trouble = traceback.format_exc().strip().splitlines()[-1]
        results.append([kind_of(raw), trouble])
json.dump(results, sys.stdout)
