"""Sends one frame again and again out of an interface at a steady pace: pace.py INTERFACE HEX PACKETS/S SECONDS

What is due by the clock is sent, so a busy machine offers as much as an idle one, if more unevenly. Prints how
many were sent, how long that took, and the longest time that nothing was.
"""

import socket
import sys
import time

# At most so many at once.
BURST = 200


def main(interface: str, frame: bytes, rate: float, seconds: float) -> None:
    link = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
    link.bind((interface, 0))
    sent, start, last, gap = 0, time.monotonic(), 0.0, 0.0
    while (passed := time.monotonic() - start) < seconds:
        due = min(int(passed * rate) + 1 - sent, BURST)
        for _ in range(due):
            link.send(frame)
        sent += due
        gap, last = max(gap, passed - last), passed
        if due < BURST:
            time.sleep(0.002)
    print(sent, passed, gap)


main(sys.argv[1], bytes.fromhex(sys.argv[2]), float(sys.argv[3]), float(sys.argv[4]))
