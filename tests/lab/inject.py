#!/usr/bin/python3
"""The cable between a scanner and its targets, with somebody at work in it: inject.py TO-SCANNER TO-HOST PREFIX DELAY SECONDS

Passes every frame between the two interfaces; what the host sends arrives DELAY seconds later. What is done to a query is decided by the
last byte of the address asked, with PREFIX "10.x.y.":

    3  a forged DNS answer with the query's id, ahead of the real one: TXT "forged-1.0"
    4  the real answer comes twice (port 53), three times (port 123)
    5  a DNS answer as it should be, but from PREFIX 9
    6  whatever is asked is sent back, on every port, to a bad checksum too
    7  STUN: sees every source port 1000 higher, at 203.0.113.5
    8  a forged DNS answer with another id (a guess), from the right port
"""
import heapq
import select
import socket
import struct
import sys
import time

VERSION_TXT = b"\xc0\x0c\x00\x10\x00\x03\x00\x00\x00\x00"


def checksum(data):
    if len(data) % 2:
        data += b"\0"
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def datagram(src, dst, sport, dport, data):
    udp = struct.pack("!HHHH", sport, dport, 8 + len(data), 0) + data
    right = checksum(src + dst + struct.pack("!HH", 17, len(udp)) + udp) or 0xFFFF
    udp = udp[:6] + struct.pack("!H", right) + udp[8:]
    head = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(udp), 1, 0, 64, 17, 0, src, dst)
    return head[:10] + struct.pack("!H", checksum(head)) + head[12:] + udp


def dns_answer(query, text, id_change=0):
    """The same question, one TXT record."""
    query_id = struct.unpack("!H", query[:2])[0] ^ id_change
    return (struct.pack("!HHHHHH", query_id, 0x8580, 1, 1, 0, 0) + query[12:] + VERSION_TXT
            + struct.pack("!HB", len(text) + 1, len(text)) + text)


def stun_answer(query, sport):
    port = (sport + 1000) & 0xFFFF
    address = socket.inet_aton("203.0.113.5")
    cookie = query[4:8]
    xored = bytes(a ^ b for a, b in zip(address, cookie))
    return (struct.pack("!HH", 0x0101, 12) + query[4:20] + struct.pack("!HHBBH", 0x0020, 8, 0, 1, port ^ 0x2112) + xored)


def answers(who, dst, dport, sport, data, prefix):
    """What is injected for one query: (source address, data)."""
    is_version_query = dport == 53 and b"version" in data
    if who == 3 and is_version_query:
        return [(dst, dns_answer(data, b"forged-1.0"))]
    if who == 5 and is_version_query:
        return [(socket.inet_aton(prefix + "9"), dns_answer(data, b"elsewhere-2.0"))]
    if who == 6:
        return [(dst, data)]
    if who == 7 and dport == 3478 and len(data) >= 20:
        return [(dst, stun_answer(data, sport))]
    if who == 8 and is_version_query:
        return [(dst, dns_answer(data, b"guessed-1.0", 0x5555))]
    return []


def open_port(interface):
    sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
    sock.bind((interface, 0))
    return sock


def injected(frame, prefix):
    """The frames that answer this one in somebody's name."""
    if frame[12:14] != b"\x08\x00" or frame[23] != 17:
        return []
    head = 14 + (frame[14] & 15) * 4
    src, dst = frame[26:30], frame[30:34]
    sport, dport, length = struct.unpack("!HHH", frame[head:head + 6])
    if not socket.inet_ntoa(dst).startswith(prefix):
        return []
    data = frame[head + 8:head + length]
    return [frame[6:12] + frame[0:6] + b"\x08\x00" + datagram(source, src, dport, sport, answer)
            for source, answer in answers(dst[3], dst, dport, sport, data, prefix)]


def copies(frame):
    """How often an answer of the host arrives."""
    if frame[12:14] != b"\x08\x00" or frame[23] != 17 or frame[29] != 4:
        return 1
    head = 14 + (frame[14] & 15) * 4
    return {53: 2, 123: 3}.get(struct.unpack("!H", frame[head:head + 2])[0], 1)


def main():
    to_scanner, to_host, prefix, delay, seconds = sys.argv[1:]
    scanner, host = open_port(to_scanner), open_port(to_host)
    late = []  # (when, order, frame)
    order = 0
    end = time.monotonic() + float(seconds)
    print("ready", flush=True)
    while (now := time.monotonic()) < end:
        while late and late[0][0] <= now:
            scanner.send(heapq.heappop(late)[2])
        wait = min(0.2, late[0][0] - now) if late else 0.2
        for sock in select.select([scanner, host], [], [], max(wait, 0))[0]:
            frame, info = sock.recvfrom(65535)
            if info[2] == socket.PACKET_OUTGOING:
                continue
            if sock is scanner:
                for answer in injected(frame, prefix):
                    scanner.send(answer)
                host.send(frame)
                continue
            for _ in range(copies(frame)):
                order += 1
                heapq.heappush(late, (time.monotonic() + float(delay), order, frame))


if __name__ == "__main__":
    main()
