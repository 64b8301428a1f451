"""Multicast datagrams: `multicast.py join GROUP` counts them, `multicast.py send GROUP COUNT` sends some."""

import socket
import sys
import time

PORT = 7777
what, group = sys.argv[1:3]
with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
    if what == "join":
        sock.bind((group, PORT))
        member = socket.inet_aton(group) + socket.inet_aton("0.0.0.0")
        sock.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, member)
        count = 0
        while True:
            sock.recv(2048)
            count += 1
            print(f"got {count}", flush=True)
    for number in range(int(sys.argv[3])):
        sock.sendto(b"datagram %d" % number, (group, PORT))
        time.sleep(0.005)
