#!/usr/bin/python3
"""Time from starting a scanner to its first frame on the wire: first_probe.py INTERFACE RUNS CMD...

The kernel's own time stamp of the first frame that leaves INTERFACE, minus the moment before the program is started. Prints median,
fastest and slowest in milliseconds. To be run where nothing else sends."""
import select
import socket
import statistics
import subprocess
import sys
import time

SO_TIMESTAMPNS = 35
PACKET_OUTGOING = 4
WAIT_SECONDS = 10


def first_frame_ns(sock):
    deadline = time.monotonic() + WAIT_SECONDS
    while select.select([sock], [], [], max(0, deadline - time.monotonic()))[0]:
        _, ancillary, _, address = sock.recvmsg(2048, 64)
        if address[2] == PACKET_OUTGOING:
            seconds, nanoseconds = memoryview(ancillary[0][2]).cast("q")
            return seconds * 1_000_000_000 + nanoseconds
    return None


def measure(interface, command):
    sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
    sock.bind((interface, 3))
    sock.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
    start = time.time_ns()
    scanner = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    first = first_frame_ns(sock)
    scanner.terminate()
    scanner.wait()
    sock.close()
    if first is None:
        sys.exit(f"first_probe.py: {command[0]} sent nothing within {WAIT_SECONDS} s")
    return (first - start) / 1e6


def main():
    interface, runs, *command = sys.argv[1:]
    times = [measure(interface, command) for _ in range(int(runs))]
    print(f"{statistics.median(times):.1f} {min(times):.1f} {max(times):.1f}")


if __name__ == "__main__":
    main()
