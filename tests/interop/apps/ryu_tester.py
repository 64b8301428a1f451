"""Ryu's switch tester, mended in three places, as an application for ryu-manager.

* Its SCTP checksum is taken, on Python 3, over the text that Python prints for the bytes; here over the bytes.
* Its stream of packets is paced by sleeping, so a busy machine offers less than the case says, and is then
  blamed on the switch; here what is due by the clock is sent.
* A case file that cannot be read stops it for ever; here it ends, and says why.

Runs under the Python of Ryu's environment. `RYU_TESTER_INTERVAL` is how many seconds a missed packet is waited for.
"""

import os
import time
import traceback

from ryu.lib import hub
from ryu.lib.packet.sctp import sctp
from ryu.tests.switch import tester

tester.INTERVAL = float(os.environ.get("RYU_TESTER_INTERVAL", tester.INTERVAL))
# At most so many packets before others get their turn.
BURST = 200
over_text = sctp._checksum


class Text(bytes):
    """Bytes that are themselves as text, as on Python 2."""

    def __str__(self):
        return self.decode("latin-1")


sctp._checksum = lambda self, data: over_text(self, Text(data))


class Tester(tester.OfTester):
    """The tester."""

    def _test_sequential_execute(self, test_dir):
        try:
            super()._test_sequential_execute(test_dir)
        except Exception:
            self._test_end("broken: " + traceback.format_exc())

    def _send_packet_thread(self, arg):
        rate = arg["packet_counter_inc"] / tester.CONTINUOUS_THREAD_INTVL
        event, start, sent = self.ingress_event, time.monotonic(), 0
        while self.ingress_event is event and not event._cond:
            missing = int((time.monotonic() - start) * rate) + 1 - sent
            for _ in range(min(missing, BURST)):
                data = arg["packet_binary"]
                if arg["randomize"]:
                    packet = eval("/".join(arg["packet_text"]), vars(tester))
                    packet.serialize()
                    data = packet.data
                try:
                    self.tester_sw.send_packet_out(data)
                except Exception as error:
                    self.thread_msg = error
                    event.set()
                    return
            sent += max(0, min(missing, BURST))
            hub.sleep(0.005 if missing < BURST else 0)
