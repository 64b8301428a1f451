"""Decode what the switch sent in c65of: `decode_c65of.py RECORDS...`; prints a JSON list of `[kind, trouble]`."""

import json
import struct
import sys
import traceback

from c65of.ofproto import base, parser  # noqa: F401  (the parser module registers the messages)

from wiretap import kind_of, read_records

results = []
for path in sys.argv[1:]:
    for from_switch, raw in read_records(path):
        if not from_switch:
            continue
        version, number, length, xid = struct.unpack_from("!BBHI", raw)
        trouble = ""
        try:
            cls = base._MSG_TYPES.lookup(number)
            if cls is None:
                trouble = "unknown"
            else:
                # The JSON form walks every member that was decoded.
                cls.parser(None, version, number, length, xid, raw).to_jsondict()
        except Exception:
            trouble = traceback.format_exc().strip().splitlines()[-1]
        results.append([kind_of(raw), trouble])
json.dump(results, sys.stdout)
