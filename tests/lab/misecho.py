#!/usr/bin/python3
"""misecho.py: UDP servers that answer an nscan ping well or badly, one way on each port.

    misecho.py ADDRESS          answers on ADDRESS until it is killed; says "ready" when every port is bound

    9101 altered    byte 40 and byte 41 come back inverted
    9102 cut        the first 40 bytes come back
    9103 twice      everything comes back twice
    9104 swapped    of two requests the second is answered first
    9105 late       the answer comes 0.6 s later
    9106 other      eight bytes of its own
    9107 foreign    the answer comes from another port
    9108 plain      what RFC 862 says
    9109 slow       the answer comes 50 ms later
"""
import heapq
import select
import socket
import sys
import time

ALTERED, CUT, TWICE, SWAPPED, LATE, OTHER, FOREIGN, PLAIN, SLOW = range(9101, 9110)


def main():
    address = sys.argv[1]
    sockets = {}
    for port in range(ALTERED, SLOW + 1):
        one = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        one.bind((address, port))
        sockets[one] = port
    elsewhere = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    elsewhere.bind((address, 0))
    print("ready", flush=True)
    later, held, number = [], None, 0

    def put_off(seconds, one, data, peer):
        nonlocal number
        number += 1
        heapq.heappush(later, (time.monotonic() + seconds, number, one, data, peer))

    while True:
        wait = max(0, later[0][0] - time.monotonic()) if later else None
        for one in select.select(list(sockets), [], [], wait)[0]:
            data, peer = one.recvfrom(65536)
            port = sockets[one]
            if port == ALTERED:
                one.sendto(data[:40] + bytes(b ^ 255 for b in data[40:42]) + data[42:], peer)
            elif port == CUT:
                one.sendto(data[:40], peer)
            elif port == TWICE:
                one.sendto(data, peer)
                one.sendto(data, peer)
            elif port == SWAPPED and held is None:
                held = data, peer
            elif port == SWAPPED:
                one.sendto(data, peer)
                one.sendto(*held)
                held = None
            elif port == LATE:
                put_off(0.6, one, data, peer)
            elif port == OTHER:
                one.sendto(b"whatever", peer)
            elif port == FOREIGN:
                elsewhere.sendto(data, peer)
            elif port == PLAIN:
                one.sendto(data, peer)
            elif port == SLOW:
                put_off(0.05, one, data, peer)
        while later and later[0][0] <= time.monotonic():
            _, _, one, data, peer = heapq.heappop(later)
            one.sendto(data, peer)


main()
