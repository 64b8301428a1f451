"""Accept TCP connections on a port, greet, and close: `tcp_listen.py PORT`."""

import socket
import sys

with socket.create_server(("", int(sys.argv[1]))) as server:
    while True:
        connection, _ = server.accept()
        with connection:
            connection.sendall(b"hello\n")
