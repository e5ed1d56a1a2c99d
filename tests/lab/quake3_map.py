#!/usr/bin/env python3
"""quake3_map.py FILE: the smallest map that the Quake III engine loads (IBSP 46): one empty leaf, one shader, one plane."""
import struct
import sys

ENTITIES, SHADERS, PLANES, NODES, LEAFS = range(5)
MODELS, VISIBILITY = 7, 16
LUMPS = 17

lumps = [b""] * LUMPS
lumps[ENTITIES] = b'{ "classname" "worldspawn" }\n{ "classname" "info_player_deathmatch" "origin" "0 0 24" }\n\0'
lumps[SHADERS] = struct.pack("<64sii", b"noshader", 0, 0)
lumps[PLANES] = struct.pack("<4f", 0, 0, 1, 0) * 2
lumps[NODES] = struct.pack("<i2i3i3i", 0, -1, -1, -64, -64, -64, 64, 64, 64)
lumps[LEAFS] = struct.pack("<12i", 0, 0, -64, -64, -64, 64, 64, 64, 0, 0, 0, 0)
lumps[MODELS] = struct.pack("<6f4i", -64, -64, -64, 64, 64, 64, 0, 0, 0, 0)

head, body = b"IBSP" + struct.pack("<i", 46), b""
at = len(head) + LUMPS * 8
for lump in lumps:
    lump += b"\0" * (-len(lump) % 4)
    head += struct.pack("<ii", at + len(body), len(lump))
    body += lump
with open(sys.argv[1], "wb") as out:
    out.write(head + body)
