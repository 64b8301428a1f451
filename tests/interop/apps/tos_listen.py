"""Print the DSCP of each datagram that comes to a port: `tos_listen.py PORT`."""

import socket
import sys

with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
    sock.setsockopt(socket.IPPROTO_IP, socket.IP_RECVTOS, 1)
    sock.bind(("", int(sys.argv[1])))
    print("ready", flush=True)
    while True:
        _, ancillary, _, _ = sock.recvmsg(2048, 64)
        for _, kind, data in ancillary:
            if kind == socket.IP_TOS:
                print(f"dscp {data[0] >> 2}", flush=True)
