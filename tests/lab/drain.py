#!/usr/bin/python3
"""Uses up what ICMP errors hosts have for this address: drain.py N..., sends datagrams to closed ports of 192.168.0.N."""
import socket
import sys

CLOSED_PORT, DATAGRAMS = 40999, 12

sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
for _ in range(DATAGRAMS):
    for host in sys.argv[1:]:
        sock.sendto(b"", (f"192.168.0.{host}", CLOSED_PORT))
