#!/usr/bin/python3
"""A network behind a tun device, which has no Ethernet header: tun.py NAME ADDRESS/BITS HOST

HOST answers echo requests and, over UDP, echoes on port 7, is silent on 9 and 514, and has every other port closed. Nobody else answers.
Runs until it is killed; prints "ready" when the device is up."""
import fcntl
import os
import socket
import struct
import subprocess
import sys

TUNSETIFF, IFF_TUN, IFF_NO_PI = 0x400454CA, 1, 0x1000
ECHO_PORT, SILENT_PORTS = 7, (9, 514)


def checksum(data):
    if len(data) % 2:
        data += b"\0"
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def packet(src, dst, protocol, data):
    head = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(data), 1, 0, 64, protocol, 0, src, dst)
    return head[:10] + struct.pack("!H", checksum(head)) + head[12:] + data


def icmp(kind, code, rest):
    data = struct.pack("!BBH", kind, code, 0) + rest
    return data[:2] + struct.pack("!H", checksum(data)) + data[4:]


def answer(request):
    """What the host says to an IP packet; None: nothing."""
    header_bytes = (request[0] & 15) * 4
    protocol, src, dst = request[9], request[12:16], request[16:20]
    data = request[header_bytes : struct.unpack("!H", request[2:4])[0]]
    if protocol == 1 and data[0] == 8:
        return packet(dst, src, 1, icmp(0, 0, data[4:]))
    if protocol != 17:
        return None
    src_port, dst_port = struct.unpack("!HH", data[:4])
    if dst_port in SILENT_PORTS:
        return None
    if dst_port == ECHO_PORT:
        return packet(dst, src, 17, struct.pack("!HHHH", dst_port, src_port, len(data), 0) + data[8:])
    return packet(dst, src, 1, icmp(3, 3, bytes(4) + request[:548]))


def main():
    name, address, host = sys.argv[1:]
    tun = os.open("/dev/net/tun", os.O_RDWR)
    fcntl.ioctl(tun, TUNSETIFF, struct.pack("16sH22x", name.encode(), IFF_TUN | IFF_NO_PI))
    for words in (["addr", "add", address, "dev", name], ["link", "set", name, "up"]):
        subprocess.run(["ip", *words], check=True)
    print("ready", flush=True)
    while True:
        request = os.read(tun, 65535)
        if request[0] >> 4 == 4 and request[16:20] == socket.inet_aton(host):
            reply = answer(request)
            if reply:
                os.write(tun, reply)


if __name__ == "__main__":
    main()
