#!/usr/bin/python3
"""Floods the scanner with answers that nobody gave: forge.py INTERFACE SCANNER-MAC SECONDS PER-SECOND PORT,PORT TARGET...

Half are ICMP port-unreachables "from" a target, quoting a datagram to it with guessed source port, checksum and IP ID; half are
UDP datagrams "from" a target's port to a guessed port of the scanner. Everything that can be known is right: addresses, ports asked,
lengths, checksums. Stops by itself; prints how many were sent."""
import random
import socket
import struct
import sys
import time

SCANNER = socket.inet_aton("192.168.0.1")


def checksum(data):
    if len(data) % 2:
        data += b"\0"
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def ip_header(src, dst, protocol, data_bytes, ttl=64):
    head = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + data_bytes, random.getrandbits(16), 0, ttl, protocol, 0, src, dst)
    return head[:10] + struct.pack("!H", checksum(head)) + head[12:]


def forged_unreachable(target, port):
    data_bytes = random.choice((0, 0, 12, 29, 40, 48, 60))
    udp = struct.pack("!HHHH", random.randint(1024, 65535), port, 8 + data_bytes, random.getrandbits(16))
    quote = ip_header(SCANNER, target, 17, 8 + data_bytes) + udp + bytes(data_bytes)
    icmp = struct.pack("!BBHI", 3, 3, 0, 0) + quote
    icmp = icmp[:2] + struct.pack("!H", checksum(icmp)) + icmp[4:]
    return ip_header(target, SCANNER, 1, len(icmp)) + icmp


def forged_answer(target, port):
    data = random.randbytes(random.choice((0, 12, 48)))
    udp = struct.pack("!HHHH", port, random.randint(1024, 65535), 8 + len(data), 0) + data
    pseudo = target + SCANNER + struct.pack("!HH", 17, len(udp))
    udp = udp[:6] + struct.pack("!H", checksum(pseudo + udp) or 0xFFFF) + udp[8:]
    return ip_header(target, SCANNER, 17, len(udp)) + udp


def main():
    interface, mac, seconds, rate, ports, *targets = sys.argv[1:]
    sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
    sock.bind((interface, 0))
    ethernet = bytes.fromhex(mac.replace(":", "")) + sock.getsockname()[4] + b"\x08\x00"
    ports = [int(port) for port in ports.split(",")]
    targets = [socket.inet_aton(target) for target in targets]
    start = time.monotonic()
    end = start + float(seconds)
    sent = 0
    while (now := time.monotonic()) < end:
        due = int((now - start) * float(rate)) - sent
        if due <= 0:
            time.sleep(0.001)
        for _ in range(min(due, 200)):
            make = random.choice((forged_unreachable, forged_answer))
            try:
                sock.send(ethernet + make(random.choice(targets), random.choice(ports)))
            except OSError:
                pass  # the queue is full
            sent += 1
    print(sent)


if __name__ == "__main__":
    main()
