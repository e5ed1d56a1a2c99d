#!/usr/bin/python3
"""Writes a capture of that many packets for the speed of -r: capture.py FILE PACKETS

What a busy network shows: name queries and their answers, ICMP errors, pings, ARP and TCP between 2000 hosts. The same 100,000 packets
over and over, each round later and with other client ports."""
import random
import struct
import sys

ROUND = 100000
rng = random.Random(1)


def checksum(data):
    data += b"\0" * (len(data) % 2)
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def addr(n):
    return struct.pack("!I", 0x0A000000 + n)


def mac(n):
    return struct.pack("!HI", 0x0200, n)


def ethernet(src, dst, kind, body):
    return mac(dst) + mac(src) + struct.pack("!H", kind) + body


def ip4(src, dst, protocol, body):
    head = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(body), rng.randrange(65536), 0, 64, protocol, 0, addr(src), addr(dst))
    return head[:10] + struct.pack("!H", checksum(head)) + head[12:] + body


def udp(src_port, dst_port, data):
    return struct.pack("!HHHH", src_port, dst_port, 8 + len(data), 0) + data


def icmp(kind, code, rest, body):
    packet = struct.pack("!BBHI", kind, code, 0, rest) + body
    return packet[:2] + struct.pack("!H", checksum(packet)) + packet[4:]


def conversation():
    client, server, port = rng.randrange(1000), 1000 + rng.randrange(1000), 1024 + rng.randrange(60000)
    what = rng.random()
    if what < 0.45:
        query = struct.pack("!HHHHHH", rng.randrange(65536), 0x100, 1, 0, 0, 0) + b"\4host\4test\0\0\1\0\1"
        yield ethernet(client, server, 0x800, ip4(client, server, 17, udp(port, 53, query)))
        answer = query[:2] + b"\x81\x80\0\1\0\1" + query[8:] + b"\xc0\x0c\0\1\0\1\0\0\0\x3c\0\4\x0a\0\0\1"
        yield ethernet(server, client, 0x800, ip4(server, client, 17, udp(53, port, answer)))
    elif what < 0.55:
        asked = ip4(client, server, 17, udp(port, rng.randrange(1, 200), b"x" * 20))
        yield ethernet(client, server, 0x800, asked)
        yield ethernet(server, client, 0x800, ip4(server, client, 1, icmp(3, 3, 0, asked)))
    elif what < 0.65:
        rest = rng.randrange(1 << 32)
        yield ethernet(client, server, 0x800, ip4(client, server, 1, icmp(8, 0, rest, bytes(56))))
        yield ethernet(server, client, 0x800, ip4(server, client, 1, icmp(0, 0, rest, bytes(56))))
    elif what < 0.70:
        head = struct.pack("!HHBBH", 1, 0x800, 6, 4, 1) + mac(client) + addr(client) + bytes(6) + addr(server)
        yield b"\xff" * 6 + mac(client) + b"\x08\x06" + head
        yield ethernet(server, client, 0x806, head[:7] + b"\2" + mac(server) + addr(server) + mac(client) + addr(client))
    else:
        segment = struct.pack("!HHIIBBHHH", port, 443, 1, 1, 0x50, 0x10, 1000, 0, 0)
        for _ in range(3):
            yield ethernet(client, server, 0x800, ip4(client, server, 6, segment + bytes(100)))


def main():
    path, wanted = sys.argv[1], int(sys.argv[2])
    block, starts, at = bytearray(), [], 0
    while len(starts) < ROUND:
        for frame in conversation():
            starts.append(len(block))
            block += struct.pack("<IIII", 0, 0, len(frame), len(frame)) + frame
    starts = starts[:ROUND] + [starts[ROUND] if len(starts) > ROUND else len(block)]
    with open(path, "wb") as out:
        out.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1))
        for first in range(0, wanted, ROUND):
            count = min(ROUND, wanted - first)
            for n in range(count):
                us = (first + n) * 10
                struct.pack_into("<II", block, starts[n], 1767225600 + us // 1000000, us % 1000000)
            out.write(memoryview(block)[:starts[count]])


main()
