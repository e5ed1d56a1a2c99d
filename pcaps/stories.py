#!/usr/bin/python3
"""Writes the captures that LIST marks "story": who asks, who answers, and when. Repeatable to the byte.

    pcaps/stories.py        then: make golden, pcaps/judge, git diff

Each is small and about one thing that a report from anybody's capture has to get right; NAME.json is that report."""
import os
import struct

from crafted import (ETHERNET, HOST, HOST6, ICMP, MACS, RAW, ROUTER, ROUTER6, SCANNER, SCANNER6, UDP, address, arp, checksum, ethernet,
                     filled, icmp, icmp6, ip4, ip6, udp)

HERE = os.path.dirname(os.path.abspath(__file__))
OTHER, THIRD = "192.168.0.2", "192.168.0.101"
MACS.update({OTHER: "024ec0a80002", THIRD: "024ec0a80065", "192.168.0.102": "024ec0a80066"})
ICMPV6, TCP = 58, 6
BROADCAST_MAC = "ffffffffffff"
MS, S = 1000, 1000000
START = 1767225600


class Story:
    """Frames with their times in microseconds."""

    def __init__(self, link=ETHERNET):
        self.link, self.frames, self.ident = link, [], 0x1000

    def at(self, us, frame, wire=None):
        self.frames.append((us, frame, wire or len(frame)))
        return self

    def frame(self, packet, src, dst):
        if self.link == ETHERNET:
            kind = 0x86DD if packet[0] >> 4 == 6 else 0x0800
            to = MACS.get(dst, BROADCAST_MAC if dst.endswith(".255") else "024ec0a800fe")
            return bytes.fromhex(to + MACS.get(src, "024ec0a800fe")) + struct.pack("!H", kind) + packet
        return packet

    def next_ident(self):
        self.ident += 1
        return self.ident

    def datagram(self, us, src, src_port, dst, dst_port, data=b"", **ip):
        """Returns the packet, for an error to quote."""
        ip.setdefault("ident", self.next_ident())
        packet = ip4(src, dst, UDP, udp(src, dst, src_port, dst_port, data), **ip)
        self.at(us, self.frame(packet, src, dst))
        return packet

    def error(self, us, kind, code, quote, src=HOST, dst=SCANNER, rest=0):
        packet = ip4(src, dst, ICMP, icmp(kind, code, rest, quote), ident=self.next_ident())
        self.at(us, self.frame(packet, src, dst))

    def asked(self, us, port, src=SCANNER, dst=HOST, src_port=40000, data=b"nscan"):
        return self.datagram(us, src, src_port, dst, port, data)

    def refused(self, us, port, after=200, **ask):
        quote = self.asked(us, port, **ask)
        self.error(us + after, 3, 3, quote, src=ask.get("dst", HOST), dst=ask.get("src", SCANNER))

    def answered(self, us, port, after=200, data=b"answer", src=SCANNER, dst=HOST, src_port=40000):
        self.asked(us, port, src, dst, src_port)
        self.datagram(us + after, dst, port, src, src_port, data)

    def arp(self, us, operation, sender, target, to=None):
        packet = arp(operation, sender, target, target_mac=MACS[target] if operation == 2 else "000000000000")
        head = bytes.fromhex(to or (MACS[target] if operation == 2 else BROADCAST_MAC)) + bytes.fromhex(MACS[sender])
        self.at(us, head + struct.pack("!H", 0x0806) + packet)

    def echo(self, us, src, dst, sequence, reply=False, data=b"ping"):
        packet = ip4(src, dst, ICMP, icmp(0 if reply else 8, 0, 0x77 << 16 | sequence, data), ident=self.next_ident())
        self.at(us, self.frame(packet, src, dst))
        return packet

    def tcp(self, us, src, src_port, dst, dst_port, flags):
        body = struct.pack("!HHIIBBHHH", src_port, dst_port, 1, 0, 0x50, flags, 1024, 0, 0)
        pseudo = address(src) + address(dst) + struct.pack("!HH", TCP, len(body))
        body = body[:16] + struct.pack("!H", checksum(pseudo + body)) + body[18:]
        self.at(us, self.frame(ip4(src, dst, TCP, body, ident=self.next_ident()), src, dst))

    def write(self, name, cut=0):
        out = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, self.link)
        for us, frame, wire in self.frames:
            out += struct.pack("<IIII", START + us // S, us % S, len(frame), wire) + frame
        with open(os.path.join(HERE, name + ".pcap"), "wb") as file:
            file.write(out[:len(out) - cut])


def dns(answer, ident=0x1234, name=b"\x05nscan\x04test\x00"):
    head = struct.pack("!HHHHHH", ident, 0x8180 if answer else 0x0100, 1, 1 if answer else 0, 0, 0)
    record = b"\xc0\x0c" + struct.pack("!HHIH", 1, 1, 60, 4) + bytes([192, 0, 2, 1]) if answer else b""
    return head + name + struct.pack("!HH", 1, 1) + record


# --- the ICMP table ---------------------------------------------------------------------------------------------------------------


ICMP_ROWS = [(3, code) for code in range(17)] + [(4, 0), (5, 1), (11, 0), (11, 1), (12, 0)]


def icmp_table(name, src):
    """One port for each row; the port's number is 1000 * type + code."""
    story = Story()
    for n, (kind, code) in enumerate(ICMP_ROWS):
        port = 1000 * kind + code
        quote = story.asked(n * 20 * MS, port)
        story.error(n * 20 * MS + 200, kind, code, quote, src=src, rest=1400 if (kind, code) == (3, 4) else 0)
    story.write(name)


def icmp6_table():
    story = Story()
    rows = [(1, code) for code in range(8)] + [(2, 0), (3, 0), (3, 1), (4, 0), (4, 1)]
    for who, base in ((HOST6, 0), (ROUTER6, 100)):
        for n, (kind, code) in enumerate(rows):
            port = 1000 * kind + base + code
            us = base * 10 * MS + n * 20 * MS
            asked = ip6(SCANNER6, HOST6, UDP, udp(SCANNER6, HOST6, 40000, port, b"nscan"))
            error = ip6(who, SCANNER6, ICMPV6, icmp6(who, SCANNER6, kind, code, 1280 if kind == 2 else 0, asked))
            story.at(us, story.frame(asked, SCANNER, HOST)).at(us + 200, story.frame(error, HOST, SCANNER))
    story.write("icmp6-table")


# --- what silence means -------------------------------------------------------------------------------------------------------------


def silence():
    proved = Story()  # 514 is asked in three volleys, each time with refusals in front and close behind
    for volley in range(3):
        us = volley * 20 * S
        for n, port in enumerate((1000, 1001, 514, 1002, 1003)):
            if port == 514:
                proved.asked(us + n * 20, port)
            else:
                proved.refused(us + n * 20, port + volley * 10)
    proved.write("silent-while-refusing")

    unproved = Story()  # refusals only before it, and much later
    for n in range(4):
        unproved.refused(n * 100, 1000 + n)
    unproved.asked(500, 514)
    unproved.asked(1 * S, 514)
    unproved.refused(20 * S, 1010)
    unproved.write("silent-unproved")

    empty = Story()  # the bucket of six is empty when 2000 and 514 are asked; 2000 is refused later
    for n in range(6):
        empty.refused(n * 50, 1000 + n)
    for port in (2000, 514, 2001):
        empty.asked(400, port)
    empty.refused(1500 * MS, 2000)
    empty.asked(1501 * MS, 514)
    empty.asked(1502 * MS, 2001)
    empty.refused(3 * S, 2001)
    empty.write("silent-empty-bucket")

    alone = Story()
    for n in range(5):
        alone.asked(n * S, 100 + n)
    alone.write("silent-host")


def limit():
    """Closed ports asked every 250 ms: a bucket of six, one a second."""
    story, level, last = Story(), 6.0, 0
    for n in range(120):
        us = n * 250 * MS
        level, last = min(6.0, level + (us - last) / S), us
        if level >= 1:
            level -= 1
            story.refused(us, 1000 + n // 4)
        else:
            story.asked(us, 1000 + n // 4)
    story.write("limit")


# --- answers ------------------------------------------------------------------------------------------------------------------------


def other_port():
    story = Story()
    story.datagram(0, SCANNER, 40001, HOST, 69, b"\0\1file\0octet\0")
    story.datagram(300, HOST, 51000, SCANNER, 40001, b"\0\3\0\1data")
    story.datagram(500, SCANNER, 40001, HOST, 51000, b"\0\4\0\1")
    story.datagram(1000, SCANNER, 40002, HOST, 7777, b"hello")  # nobody's protocol: the only port asked from 40002
    story.datagram(1300, HOST, 51001, SCANNER, 40002, b"from elsewhere")
    story.write("other-port")

    shared = Story()  # one source port for many questions, as nmap does it: only TFTP's content tells
    for n, port in enumerate((53, 69, 161)):
        shared.asked(n * 10, port)
    shared.datagram(300, HOST, 51000, SCANNER, 40000, b"\0\5\0\1File not found\0")
    shared.datagram(400, HOST, 51001, SCANNER, 40000, b"something else")
    shared.write("other-port-shared")


def disagreement():
    story = Story()
    story.refused(0, 4500)
    story.answered(1 * S, 4500)  # answers outweigh refusals
    story.answered(2 * S, 500)
    story.refused(3 * S, 500)
    quote = story.asked(4 * S, 161)
    story.error(4 * S + 100, 3, 13, quote, src=ROUTER)
    story.error(4 * S + 200, 3, 3, quote)  # the target outweighs a router
    quote = story.asked(5 * S, 162)
    story.error(5 * S + 100, 3, 3, quote)
    story.error(5 * S + 200, 3, 10, quote, src=ROUTER)
    quote = story.asked(6 * S, 163)
    story.error(6 * S + 100, 3, 10, quote, src=ROUTER)
    story.error(6 * S + 200, 3, 13, quote, src=ROUTER)
    story.write("conflicting")

    askers = Story()
    askers.refused(0, 161, src=SCANNER)
    quote = askers.asked(1 * S, 161, src=OTHER)
    askers.error(1 * S + 100, 3, 13, quote, src=ROUTER, dst=OTHER)
    askers.answered(2 * S, 53, src=OTHER)
    askers.answered(3 * S, 53, src=SCANNER)
    askers.write("askers-differ")


def duplicates():
    story = Story()
    story.asked(0, 53)
    answer = ip4(HOST, SCANNER, UDP, udp(HOST, SCANNER, 53, 40000, b"twice"), ident=7)
    for us in (200, 300, 5 * MS):
        story.at(us, story.frame(answer, HOST, SCANNER))
    quote = story.asked(10 * MS, 9)
    for us in (200, 300):
        story.error(10 * MS + us, 3, 3, quote)
    story.echo(20 * MS, SCANNER, HOST, 1)
    for us in (200, 300):
        story.echo(20 * MS + us, HOST, SCANNER, 1, reply=True)
    story.write("duplicates")

    mirrored = Story()  # every packet captured twice: on both interfaces of the router, say
    once = Story()
    for n, port in enumerate((53, 123, 161)):
        once.answered(n * S, port)
    once.refused(4 * S, 9)
    for us, frame, wire in once.frames:
        mirrored.at(us, frame, wire).at(us + 20, frame, wire)
    mirrored.write("mirrored")


# --- who is believed ------------------------------------------------------------------------------------------------------------------


def forged():
    story = Story()
    for n in range(5):  # the beginning, after which questions are known to be in the capture
        story.refused(n * S, 1000 + n)
    story.asked(10 * S, 161)
    story.datagram(10 * S + 50, HOST, 161, SCANNER, 40999, b"wrong port")
    story.datagram(10 * S + 60, HOST, 5353, SCANNER, 40000, b"never asked")
    fake = ip4(SCANNER, HOST, UDP, udp(SCANNER, HOST, 40000, 162, b"nscan"), ident=0x999)
    story.error(10 * S + 70, 3, 3, fake)  # quotes what was never sent
    real = story.asked(11 * S, 123)
    wrong = ip4(SCANNER, HOST, UDP, udp(SCANNER, HOST, 40000, 123, b"nscan", right=0x1111), ident=0x998)
    story.error(11 * S + 50, 3, 3, wrong)  # right ports, wrong checksum and identification
    story.datagram(11 * S + 300, HOST, 123, SCANNER, 40000, b"real")
    story.at(12 * S, story.frame(ip4(HOST, SCANNER, ICMP, icmp(3, 3, 0, real, right=0xBAD)), HOST, SCANNER))
    story.write("forged")


def nat():
    story = Story()
    asked = story.asked(0, 161)
    head, rest = asked[:20], asked[20:]
    quote = head + rest[:6] + struct.pack("!H", 0x4321) + rest[8:]  # the checksum that another address made necessary
    story.error(300, 3, 3, quote)
    asked = story.asked(1 * S, 162)
    outside = ip4("203.0.113.5", HOST, UDP, udp("203.0.113.5", HOST, 61000, 162, b"nscan"), ident=struct.unpack("!H", asked[4:6])[0])
    story.error(1 * S + 300, 3, 3, outside)  # not even the addresses were put back
    story.write("nat")


def quotes():
    story = Story()
    for n, size in enumerate((28, 36, 33, 548, 24)):
        port = 2000 + size
        asked = story.datagram(n * 20 * MS, SCANNER, 40000, HOST, port, b"q" * 700)
        story.error(n * 20 * MS + 200, 3, 3, asked[:size])
    story.write("quotes")

    only = Story()  # a capture of ICMP alone: every question is known from its quote
    for n in range(4):
        quote = ip4(SCANNER, HOST, UDP, udp(SCANNER, HOST, 40000, 3000 + n, b"nscan"), ident=100 + n)
        only.error(n * S * 3, 3, 3 if n < 2 else 13, quote, src=HOST if n != 3 else ROUTER)
    only.write("icmp-only")


# --- hosts ----------------------------------------------------------------------------------------------------------------------------


def hosts():
    story = Story()
    story.arp(0, 1, SCANNER, HOST)
    story.arp(100, 2, HOST, SCANNER)
    for n in range(3):
        story.arp(n * S, 1, SCANNER, THIRD)
    story.echo(4 * S, SCANNER, "192.168.0.103", 1)
    story.echo(5 * S, SCANNER, HOST, 2)
    story.echo(5 * S + 150, HOST, SCANNER, 2, reply=True)
    quote = story.echo(6 * S, SCANNER, "192.168.0.104", 3)
    story.error(6 * S + 100, 3, 1, quote, src=ROUTER)
    story.tcp(7 * S, SCANNER, 50000, "192.168.0.105", 443, 2)
    story.tcp(7 * S + 100, "192.168.0.105", 443, SCANNER, 50000, 0x14)
    story.tcp(8 * S, SCANNER, 50000, "192.168.0.106", 80, 2)
    story.tcp(8 * S + 100, "192.168.0.106", 80, SCANNER, 50000, 0x12)
    story.write("hosts")

    elsewhere = Story()  # seen from 192.168.0.1: other stations' broadcasts are here, the answers to them are not
    elsewhere.answered(0, 53)
    elsewhere.arp(1 * S, 1, OTHER, THIRD)
    elsewhere.arp(2 * S, 1, OTHER, THIRD)
    elsewhere.answered(3 * S, 123, dst=ROUTER)
    elsewhere.arp(4 * S, 1, SCANNER, "192.168.0.102")
    elsewhere.write("arp-elsewhere")

    twice = Story()
    twice.arp(0, 1, SCANNER, HOST)
    twice.arp(100, 2, HOST, SCANNER)
    MACS[HOST], mac = "024ec0a80099", MACS[HOST]
    twice.arp(150, 2, HOST, SCANNER)
    MACS[HOST] = mac
    twice.write("duplicate-address")

    neighbours = Story()
    group = "333300000064"
    solicit = icmp6(SCANNER6, "ff02::1:ff00:64", 135, 0, 0, address(HOST6))
    packet = ip6(SCANNER6, "ff02::1:ff00:64", ICMPV6, solicit, hops=255)
    neighbours.at(0, bytes.fromhex(group + MACS[SCANNER] + "86dd") + packet)
    advert = icmp6(HOST6, SCANNER6, 136, 0, 0x60000000, address(HOST6))
    neighbours.at(100, neighbours.frame(ip6(HOST6, SCANNER6, ICMPV6, advert, hops=255), HOST, SCANNER))
    solicit = icmp6(SCANNER6, "ff02::1:ff00:65", 135, 0, 0, address("2001:db8::65"))
    for n in range(3):
        neighbours.at((n + 1) * S, bytes.fromhex(group + MACS[SCANNER] + "86dd") +
                      ip6(SCANNER6, "ff02::1:ff00:65", ICMPV6, solicit, hops=255))
    neighbours.write("neighbours")


# --- the path -------------------------------------------------------------------------------------------------------------------------


def fragments_of(story, us, src, src_port, dst, dst_port, data, piece, reverse=False, without=None):
    body, ident, frames = udp(src, dst, src_port, dst_port, data), story.next_ident(), []
    for at in range(0, len(body), piece):
        more = at + piece < len(body)
        frames.append(ip4(src, dst, UDP, body[at:at + piece], ident=ident, flags=1 if more else 0, offset=at // 8))
    for n, packet in enumerate(reversed(frames) if reverse else frames):
        if n != without:
            story.at(us + n * 10, story.frame(packet, src, dst))
    return frames


def path():
    claim = Story()  # a router says 1400, and nothing of that size is seen to arrive
    quote = claim.datagram(0, SCANNER, 40000, HOST, 7, bytes(1472), flags=2)
    claim.error(200, 3, 4, quote[:548], src=ROUTER, rest=1400)
    claim.answered(1 * S, 7)
    claim.write("mtu-claimed")

    verified = Story()
    quote = verified.datagram(0, SCANNER, 40000, HOST, 7, bytes(1472), flags=2)
    verified.error(200, 3, 4, quote[:548], src=ROUTER, rest=1400)
    verified.datagram(1 * S, SCANNER, 40000, HOST, 7, bytes(1372), flags=2)
    verified.datagram(1 * S + 300, HOST, 7, SCANNER, 40000, bytes(1372))
    verified.write("mtu-verified")

    twice = Story()  # the narrower place is further on
    quote = twice.datagram(0, SCANNER, 40000, HOST, 7, bytes(1472), flags=2)
    twice.error(200, 3, 4, quote[:548], src=ROUTER, rest=1400)
    quote = twice.datagram(1 * S, SCANNER, 40000, HOST, 7, bytes(1372), flags=2)
    twice.error(1 * S + 200, 3, 4, quote[:548], src="192.0.2.9", rest=1280)
    fragments_of(twice, 2 * S, SCANNER, 40000, HOST, 7, bytes(2000), 1256)
    fragments_of(twice, 2 * S + 500, HOST, 7, SCANNER, 40000, bytes(2000), 1480)
    twice.write("mtu-twice")

    lost = Story()  # fragments do not get through
    frames = fragments_of(lost, 0, SCANNER, 40000, HOST, 7, bytes(2000), 1480)
    lost.error(30 * S, 11, 1, frames[0][:548])
    lost.answered(31 * S, 7)
    lost.write("fragments-lost")

    back = Story()
    back.asked(0, 161)
    fragments_of(back, 300, HOST, 161, SCANNER, 40000, bytes(3000), 1480, reverse=True)
    back.asked(1 * S, 162)
    fragments_of(back, 1 * S + 300, HOST, 162, SCANNER, 40000, bytes(3000), 1480, without=1)  # never whole
    back.write("fragments-answer")

    overlap = Story()  # RFC 5722: refused with all that belongs to it
    overlap.asked(0, 161)
    body = udp(HOST, SCANNER, 161, 40000, bytes(range(200)))
    for at, end, more in ((0, 104, 1), (96, 200, 1), (200, len(body), 0)):
        packet = ip4(HOST, SCANNER, UDP, body[at:end], ident=77, flags=more, offset=at // 8)
        overlap.at(300 + at, overlap.frame(packet, HOST, SCANNER))
    overlap.write("fragments-overlap")

    six = Story()
    asked = ip6(SCANNER6, HOST6, UDP, udp(SCANNER6, HOST6, 40000, 7, bytes(1400)))
    six.at(0, six.frame(asked, SCANNER, HOST))
    six.at(200, six.frame(ip6(ROUTER6, SCANNER6, ICMPV6, icmp6(ROUTER6, SCANNER6, 2, 0, 1280, asked[:1232])), HOST, SCANNER))
    asked = ip6(SCANNER6, HOST6, UDP, udp(SCANNER6, HOST6, 40000, 7, bytes(1232)))
    six.at(1 * S, six.frame(asked, SCANNER, HOST))
    six.at(1 * S + 200, six.frame(ip6(HOST6, SCANNER6, UDP, udp(HOST6, SCANNER6, 7, 40000, bytes(1232))), HOST, SCANNER))
    six.write("mtu-ipv6")


# --- ordinary chatter -------------------------------------------------------------------------------------------------------------------


def chatter():
    resolver = Story()  # a resolver: asked by a client on the LAN, asks others itself
    for n in range(6):
        us = n * 100 * MS
        resolver.datagram(us, OTHER, 41000 + n, HOST, 53, dns(False, n))
        resolver.datagram(us + 10, HOST, 42000 + n, "198.51.100.53", 53, dns(False, 100 + n))
        resolver.datagram(us + 20 * MS, "198.51.100.53", 53, HOST, 42000 + n, dns(True, 100 + n))
        resolver.datagram(us + 21 * MS, HOST, 53, OTHER, 41000 + n, dns(True, n))
    resolver.datagram(1 * S, HOST, 53, "198.51.100.54", 53, dns(False, 7))  # from port 53 itself, as old servers do
    resolver.datagram(1 * S + 9 * MS, "198.51.100.54", 53, HOST, 53, dns(True, 7))
    quote = resolver.datagram(2 * S, HOST, 53, OTHER, 41000, dns(True, 0))  # late: the client's socket is gone
    resolver.error(2 * S + 50, 3, 3, quote, src=OTHER, dst=HOST)
    resolver.write("resolver")

    groups = Story()
    groups.datagram(0, "0.0.0.0", 68, "255.255.255.255", 67, b"\1\1\6\0" + bytes(240))
    groups.datagram(500, ROUTER, 67, OTHER, 68, b"\2\1\6\0" + bytes(240))
    groups.datagram(1 * S, OTHER, 5353, "224.0.0.251", 5353, dns(False))
    groups.datagram(1 * S + 300, HOST, 5353, OTHER, 5353, dns(True))
    groups.datagram(1 * S + 400, THIRD, 5353, "224.0.0.251", 5353, dns(True))
    groups.datagram(2 * S, OTHER, 43000, "239.255.255.250", 1900, b"M-SEARCH * HTTP/1.1\r\n\r\n")
    groups.datagram(2 * S + 300, HOST, 1900, OTHER, 43000, b"HTTP/1.1 200 OK\r\n\r\n")
    groups.datagram(3 * S, OTHER, 137, "192.168.0.255", 137, dns(False))
    groups.write("groups")

    ntp = Story()
    ntp.datagram(0, OTHER, 123, HOST, 123, b"\x23" + bytes(47))
    ntp.datagram(300, HOST, 123, OTHER, 123, b"\x24" + bytes(47))
    ntp.datagram(1 * S, HOST, 123, ROUTER, 123, b"\x23" + bytes(47))
    ntp.datagram(1 * S + 300, ROUTER, 123, HOST, 123, b"\x24" + bytes(47))
    ntp.datagram(2 * S, OTHER, 51820, HOST, 44000, b"high")  # both high, one with a name
    ntp.datagram(2 * S + 10, HOST, 44000, OTHER, 51820, b"high")
    ntp.datagram(2 * S + 20, OTHER, 51820, HOST, 44000, b"high")
    ntp.datagram(3 * S, OTHER, 45000, HOST, 46000, b"both nameless")  # who speaks first asks
    ntp.datagram(3 * S + 10, HOST, 46000, OTHER, 45000, b"both nameless")
    ntp.write("who-asks")

    trace = Story()
    for hop, router in enumerate((ROUTER, "192.0.2.1", "192.0.2.2"), 1):
        quote = trace.datagram(hop * 50 * MS, SCANNER, 44444, "198.51.100.7", 33433 + hop, b"@" * 32, ttl=hop)
        trace.error(hop * 50 * MS + 900, 11, 0, quote[:28], src=router)
    quote = trace.datagram(200 * MS, SCANNER, 44444, "198.51.100.7", 33437, b"@" * 32, ttl=4)
    trace.error(210 * MS, 3, 3, quote[:28], src="198.51.100.7")
    for hop, router in enumerate((ROUTER, "192.0.2.1"), 1):  # the same port each time: the furthest router is told
        quote = trace.datagram(S + hop * 50 * MS, SCANNER, 44445, "198.51.100.8", 33434, b"@" * 32, ttl=hop)
        trace.error(S + hop * 50 * MS + 900, 11, 0, quote[:28], src=router)
    trace.write("traceroute")


# --- the file ---------------------------------------------------------------------------------------------------------------------------


def ordinary():
    story = Story()
    story.refused(0, 9)
    story.answered(10 * MS, 53)
    story.echo(20 * MS, SCANNER, HOST, 1)
    story.echo(20 * MS + 90, HOST, SCANNER, 1, reply=True)
    return story


def order():
    story, mixed = ordinary(), Story()
    for us, frame, wire in reversed(story.frames):  # as bad as it can be: every answer before its question
        mixed.at(us, frame, wire)
    mixed.write("out-of-order")

    answers = Story()  # only what came back was captured
    for us, frame, wire in ordinary().frames:
        if frame[26:30] != address(SCANNER):
            answers.at(us, frame, wire)
    answers.write("answers-only")

    questions = Story()
    for us, frame, wire in ordinary().frames:
        if frame[26:30] == address(SCANNER):
            questions.at(us, frame, wire)
    questions.write("questions-only")

    late = Story()  # begins in the middle of a scan
    for n in range(3):
        quote = ip4(SCANNER, HOST, UDP, udp(SCANNER, HOST, 40000, 1000 + n, b"nscan"), ident=50 + n)
        late.error(n * MS, 3, 3, quote)
    for n in range(3):
        late.refused(100 * MS + n * MS, 2000 + n)
    late.write("begins-late")

    cut = ordinary()
    cut.write("cut", cut=20)

    snapped = Story()
    for us, frame, wire in ordinary().frames:
        snapped.at(us, frame[:68], wire)
    snapped.write("snapped")

    tiny = Story()
    for us, frame, wire in ordinary().frames:
        tiny.at(us, frame[:44], wire)
    tiny.write("snapped-short")

    Story().write("empty")


def links():
    def with_header(name, link, header4, header6=None):
        story = Story(link)
        for us, frame, _ in ordinary().frames:
            story.at(us, header4(frame) + frame[14:])
        if header6:
            asked = ip6(SCANNER6, HOST6, UDP, udp(SCANNER6, HOST6, 40000, 53, b"six"))
            answer = ip6(HOST6, SCANNER6, UDP, udp(HOST6, SCANNER6, 53, 40000, b"six"))
            story.at(30 * MS, header6 + asked).at(30 * MS + 100, header6 + answer)
        story.write(name)

    def cooked(frame):
        ours = frame[26:30] == address(SCANNER)
        return struct.pack("!HHH6sHH", 4 if ours else 0, 1, 6, frame[6:12], 0, 0x0800)

    def cooked2(frame):
        ours = frame[26:30] == address(SCANNER)
        return struct.pack("!HHIHBB6sH", 0x0800, 0, 3, 1, 4 if ours else 0, 6, frame[6:12], 0)

    def constant(text):
        return lambda frame: bytes.fromhex(text)

    with_header("cooked", 113, cooked)
    with_header("cooked2", 276, cooked2)
    with_header("loopback-null", 0, constant("02000000"), bytes.fromhex("1e000000"))
    with_header("loopback-loop", 108, constant("00000002"), bytes.fromhex("00000018"))
    with_header("ppp", 9, constant("ff030021"), bytes.fromhex("0057"))
    with_header("ppp-hdlc", 50, constant("ff030021"), bytes.fromhex("8f0086dd"))
    with_header("cisco-hdlc", 104, constant("0f000800"), bytes.fromhex("0f0086dd"))
    with_header("ipv4-only", 228, constant(""))
    with_header("ipv6-only", 229, lambda frame: b"", b"")  # IPv4 in it is not believed
    pppoe = Story(51)
    for us, frame, _ in ordinary().frames:
        pppoe.at(us, struct.pack("!BBHHH", 0x11, 0, 5, len(frame) - 14 + 2, 0x0021) + frame[14:])
    pppoe.write("pppoe")
    qinq = Story()
    for us, frame, _ in ordinary().frames:
        qinq.at(us, frame[:12] + bytes.fromhex("88a800c88100000a") + frame[12:])
    qinq.write("qinq")
    unknown = Story(105)  # IEEE 802.11: said, not guessed
    for us, frame, _ in ordinary().frames:
        unknown.at(us, frame)
    unknown.write("link-unknown")


def block(kind, body):
    body += bytes(-len(body) % 4)
    return struct.pack("<II", kind, len(body) + 12) + body + struct.pack("<I", len(body) + 12)


def pcapng():
    """Two interfaces of different link types and time resolutions, two sections, a comment, a packet without a time."""
    def interface(link, resolution):
        return block(1, struct.pack("<HHI", link, 0, 0) + struct.pack("<HHB3xHH", 9, 1, resolution, 0, 0))

    def packet(number, ticks, frame, comment=b""):
        options = struct.pack("<HH", 1, len(comment)) + comment + bytes(-len(comment) % 4) + bytes(4) if comment else b""
        body = struct.pack("<IIIII", number, ticks >> 32, ticks & 0xFFFFFFFF, len(frame), len(frame)) + frame
        return block(6, body + bytes(-len(body) % 4) + options)

    section = block(0x0A0D0D0A, struct.pack("<IHHq", 0x1A2B3C4D, 1, 0, -1))
    frames = ordinary().frames
    out = section + interface(ETHERNET, 6) + interface(101, 9)
    for us, frame, _ in frames[:4]:
        out += packet(0, START * S + us, frame)
    for us, frame, _ in frames[4:]:
        out += packet(1, (START * S + us) * 1000, frame[14:], b"without its Ethernet header")
    out += section + interface(ETHERNET, 6)
    story = Story()
    story.refused(2 * S, 161)
    for us, frame, _ in story.frames:
        out += packet(0, START * S + us, frame)
    out += block(3, struct.pack("<I", len(frames[0][1])) + frames[0][1])  # simple packet: no time
    with open(os.path.join(HERE, "pcapng.pcap"), "wb") as file:
        file.write(out)


icmp_table("icmp-table", HOST)
icmp_table("icmp-table-router", ROUTER)
for make in (icmp6_table, silence, limit, other_port, disagreement, duplicates, forged, nat, quotes, hosts, path, chatter, order, links,
             pcapng):
    make()
