#!/usr/bin/env python3
"""captures.py: how fast captures are read: nscan -r beside tcpdump -nr and tshark -nr, on the same file.

    captures.py NSCAN FOLDER [PACKETS]

Makes a capture of a scan, 10 million packets unless told otherwise, in FOLDER, and reads it with each program, output thrown
away, the file in the page cache. Prints a row for each: NAME, packets per second of processor time, those seconds, seconds on the
clock, peak memory in MB. tshark reads the first tenth only (its memory grows with the packets). nscan also reads the first
tenth, to show that its memory does not.
"""
import os
import shutil
import struct
import subprocess
import sys
import time

HOSTS, PORTS = 200, 100  # as many ports as a scan asks by default


def checksum(data):
    if len(data) % 2:
        data += b"\0"
    total = sum(struct.unpack(f">{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def ipv4(protocol, src, dst, number, body):
    head = struct.pack(">BBHHHBBH4s4s", 0x45, 0, 20 + len(body), number, 0, 64, protocol, 0, src, dst)
    return head[:10] + struct.pack(">H", checksum(head)) + head[12:] + body


def ethernet(dst, src, body):
    return bytes([2, 0, 0, 0, 0, dst]) + bytes([2, 0, 0, 0, 0, src]) + b"\x08\x00" + body


def round_of_packets():
    """One round: every port of every host asked, most refuse, some answer."""
    scanner = bytes([10, 1, 0, 250])
    for host in range(1, HOSTS + 1):
        target = bytes([10, 1, 0, host])
        for port in range(1000, 1000 + PORTS):
            source_port = 40000 + port % 64
            data = b"hello" if port % 10 == 0 else b""
            probe = ipv4(17, scanner, target, port, struct.pack(">HHHH", source_port, port, 8 + len(data), 0) + data)
            yield ethernet(host, 250, probe)
            if port % 10 == 0:
                body = struct.pack(">HHHH", port, source_port, 8 + len(data), 0) + data
                yield ethernet(250, host, ipv4(17, target, scanner, port, body))
            else:
                error = struct.pack(">BBHI", 3, 3, 0, 0) + probe[:28]
                error = error[:2] + struct.pack(">H", checksum(error)) + error[4:]
                yield ethernet(250, host, ipv4(1, target, scanner, port, error))


def write(path, packets):
    """The rounds one after the other, a microsecond between packets."""
    frames = list(round_of_packets())
    block = bytearray()
    places = []
    for frame in frames:
        places.append(len(block))
        block += struct.pack("<IIII", 0, 0, len(frame), len(frame)) + frame
    with open(path, "wb") as out:
        out.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1))
        written = 0
        while written < packets:
            count = min(len(frames), packets - written)
            for i in range(count):
                s, us = divmod(written + i, 1000000)
                struct.pack_into("<II", block, places[i], 1700000000 + s, us)
            out.write(block if count == len(frames) else block[: places[count]])
            written += count


def measure(command):
    with open(os.devnull, "w") as nowhere:
        start = time.monotonic()
        child = subprocess.Popen(command, stdout=nowhere, stderr=nowhere, stdin=subprocess.DEVNULL)
        _, status, usage = os.wait4(child.pid, 0)
        elapsed = time.monotonic() - start
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode != 0:
        sys.exit(f"{command[0]} ended with status {child.returncode}")
    return usage.ru_utime + usage.ru_stime, elapsed, usage.ru_maxrss / 1024


def main():
    nscan, folder = sys.argv[1:3]
    packets = int(sys.argv[3]) if len(sys.argv) > 3 else 10_000_000
    whole, tenth = os.path.join(folder, "whole.pcap"), os.path.join(folder, "tenth.pcap")
    write(whole, packets)
    write(tenth, packets // 10)
    for path in (whole, tenth):
        with open(path, "rb") as file:  # into the page cache
            while file.read(1 << 20):
                pass
    rows = [
        ("nscan", packets, [nscan, "-r", whole]),
        ("tcpdump", packets, ["tcpdump", "-nr", whole]),
        ("nscan-tenth", packets // 10, [nscan, "-r", tenth]),
        ("tshark-tenth", packets // 10, ["tshark", "-nr", tenth]),
    ]
    for name, count, command in rows:
        if not shutil.which(command[0]):
            continue
        used, elapsed, megabytes = measure(command)
        print(f"{name} {count / used:.0f} {used:.2f} {elapsed:.2f} {megabytes:.0f}", flush=True)


main()
