#!/usr/bin/python3
"""Writes every frame of the captures as a seed for fuzz_decode: frames.py FOLDER CAPTURE...

The first byte chooses the link type, as the table in fuzz_decode.c has them."""
import os
import struct
import sys

LINKS = {1: 0, 12: 1, 101: 1, 113: 2, 276: 3, 0: 4, 108: 5, 9: 6, 50: 7, 51: 8, 104: 9, 228: 10, 229: 11}

folder, captures = sys.argv[1], sys.argv[2:]
for path in captures:
    data = open(path, "rb").read()
    magic, link = struct.unpack("<I", data[:4])[0], struct.unpack("<I", data[20:24])[0] if len(data) >= 24 else -1
    if magic != 0xA1B2C3D4 or link not in LINKS:
        continue
    at, number = 24, 0
    while at + 16 <= len(data):
        captured = struct.unpack("<I", data[at + 8:at + 12])[0]
        frame = data[at + 16:at + 16 + captured]
        with open(os.path.join(folder, f"{os.path.basename(path)}-{number}"), "wb") as out:
            out.write(bytes([LINKS[link]]) + frame)
        at, number = at + 16 + captured, number + 1
