"""Try a TCP connection and print what became of it: `tcp_connect.py ADDRESS PORT SECONDS`."""

import socket
import sys

address, port, seconds = sys.argv[1], int(sys.argv[2]), float(sys.argv[3])
try:
    with socket.create_connection((address, port), seconds) as connection:
        connection.settimeout(seconds)
        print("connected" if connection.recv(6) == b"hello\n" else "closed")
except TimeoutError:
    print("timeout")
except OSError as error:
    print(error)
