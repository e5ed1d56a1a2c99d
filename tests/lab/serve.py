#!/usr/bin/python3
"""Opens UDP sockets of simple characters: serve.py echo:7 answer:40000 silent:514,1900

echo sends back what came, answer says "hello" to anything, silent reads and says nothing."""
import selectors
import socket
import sys


def main():
    ready = selectors.DefaultSelector()
    for piece in sys.argv[1:]:
        character, ports = piece.split(":")
        if character not in ("echo", "answer", "silent"):
            sys.exit(f"serve.py: what is '{character}'? echo, answer or silent")
        for port in ports.split(","):
            sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            sock.bind(("0.0.0.0", int(port)))
            ready.register(sock, selectors.EVENT_READ, character)
    while True:
        for key, _ in ready.select():
            try:
                data, peer = key.fileobj.recvfrom(65535)
                if key.data != "silent":
                    key.fileobj.sendto(data if key.data == "echo" else b"hello\n", peer)
            except OSError:
                pass  # EPERM: the lab drops some packets on purpose


if __name__ == "__main__":
    main()
