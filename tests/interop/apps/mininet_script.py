"""Mininet by its Python interface: `mininet_script.py FOLDER-OF-THE-CLASS PORT...`; prints what was seen as JSON.

Two switches in a row with a host each, under the controllers that listen on the PORTs of the loopback address.
"""

import json
import os
import sys
import time

from mininet.log import setLogLevel
from mininet.net import Mininet
from mininet.node import RemoteController
from mininet.topo import LinearTopo

sys.path.insert(0, sys.argv[1])
from rumpswitch import RumpSwitch  # noqa: E402

ports = [int(word) for word in sys.argv[2:]]
seen = {}


def alive(pid):
    try:
        os.kill(pid, 0)
    except OSError:
        return False
    return True


def passes(net, wanted, seconds):
    """Whether a ping comes to pass (or no longer does) within a time."""
    h1, h2 = net.get("h1", "h2")
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if (" 1 received" in h1.cmd(f"ping -n -c 1 -W 1 {h2.IP()}")) == wanted:
            return True
    return False


def iperf(client, server):
    """Bits a second, as the client tells. (Mininet's own iperf test waits forever for iperf 2.1's server.)"""
    listener = server.popen(["iperf", "-s"])
    try:
        for _ in range(50):
            line = client.cmd(f"iperf -y C -t 2 -c {server.IP()} 2>/dev/null").strip().splitlines()
            if line and line[-1].count(",") >= 8 and line[-1].split(",")[8].isdigit():
                return int(line[-1].split(",")[8])
            time.sleep(0.1)
        return 0
    finally:
        listener.terminate()
        listener.wait()


setLogLevel("warning")
net = Mininet(topo=LinearTopo(2), switch=RumpSwitch, controller=None, autoSetMacs=True, waitConnected=10)
for number, port in enumerate(ports):
    net.addController(f"c{number}", controller=RemoteController, ip="127.0.0.1", port=port)
net.start()
try:
    s1, s2 = net.get("s1", "s2")
    seen["connected"] = [s1.connected(), s2.connected()]
    seen["dpids"] = [s1.dpid, s2.dpid]
    seen["ping"] = net.pingAll()
    seen["show"] = s1.dpctl("show")
    seen["flows"] = s1.dpctl("dump-flows")
    h1, h2 = net.get("h1", "h2")
    seen["iperf"] = [iperf(h1, h2), iperf(h2, h1)]
    net.configLinkStatus("s1", "s2", "down")
    seen["down"] = passes(net, False, 10)
    seen["ports while down"] = s1.dpctl("dump-ports-desc")
    net.configLinkStatus("s1", "s2", "up")
    seen["up"] = passes(net, True, 20)
    seen["log"] = s1.lines()
    # The end of one switch is the end of its process alone.
    pids = s1.process.pid, s2.process.pid
    folder = s1.folder
    seen["running"] = [alive(pid) for pid in pids]
    s1.stop(deleteIntfs=False)
    seen["after stop"] = [alive(pid) for pid in pids]
    seen["leftovers"] = os.path.exists(folder)
    s1.start(net.controllers)
    seen["again"] = passes(net, True, 20)
finally:
    net.stop()
seen["after the net"] = [alive(pids[1]), os.path.exists(folder)]
print(json.dumps(seen))
