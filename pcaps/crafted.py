#!/usr/bin/python3
"""Writes the captures that LIST marks "crafted": what a lab of Linux kernels does not send. Repeatable to the byte.

    pcaps/crafted.py        then: make golden, pcaps/judge, git diff"""
import os
import socket
import struct

SCANNER, HOST, ROUTER = "192.168.0.1", "192.168.0.100", "192.168.0.254"
MACS = {SCANNER: "024ec0a80001", HOST: "024ec0a80064", ROUTER: "024ec0a800fe"}
SCANNER6, HOST6, ROUTER6 = "2001:db8::1", "2001:db8::64", "2001:db8::fe"
ETHERNET, RAW = 1, 101  # LINKTYPE_RAW; libpcap calls it DLT_RAW, 12
ICMP, IGMP, TCP, UDP, ICMPV6 = 1, 2, 6, 17, 58


def checksum(data):
    data += b"\0" * (len(data) % 2)
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def address(text):
    return socket.inet_pton(socket.AF_INET6 if ":" in text else socket.AF_INET, text)


def filled(packet, at, value=None):
    """The packet with a checksum at `at`: its own right one, or `value`."""
    value = checksum(packet) if value is None else value
    return packet[:at] + struct.pack("!H", value) + packet[at + 2:]


def ip4(src, dst, protocol, body, ttl=64, tos=0, ident=0x4242, flags=0, offset=0, options=b"", total=None, words=None,
        right=None):
    options += b"\0" * (-len(options) % 4)
    total = 20 + len(options) + len(body) if total is None else total
    words = 5 + len(options) // 4 if words is None else words
    head = struct.pack("!BBHHHBBH4s4s", 0x40 | words, tos, total, ident, flags << 13 | offset, ttl, protocol, 0,
                       address(src), address(dst)) + options
    return filled(head, 10, right) + body


def ip6(src, dst, protocol, body, hops=64, traffic=0):
    return struct.pack("!IHBB16s16s", 6 << 28 | traffic << 20, len(body), protocol, hops, address(src), address(dst)) + body


def udp(src, dst, src_port, dst_port, data=b"", length=None, right=None):
    length = 8 + len(data) if length is None else length
    packet = struct.pack("!HHHH", src_port, dst_port, length, 0) + data
    pseudo = address(src) + address(dst) + struct.pack("!HH", UDP, len(packet))
    value = (checksum(pseudo + packet) or 0xFFFF) if right is None else right
    return packet[:6] + struct.pack("!H", value) + packet[8:]


def icmp(kind, code, rest, body=b"", right=None):
    return filled(struct.pack("!BBHI", kind, code, 0, rest) + body, 2, right)


def icmp6(src, dst, kind, code, rest, body=b""):
    packet = struct.pack("!BBHI", kind, code, 0, rest) + body
    pseudo = address(src) + address(dst) + struct.pack("!II", len(packet), ICMPV6)
    return packet[:2] + struct.pack("!H", checksum(pseudo + packet)) + packet[4:]


def ethernet(packet, src=HOST, kind=0x0800, tags=(), pad=b""):
    head = bytes.fromhex(MACS[SCANNER] + MACS[src])
    for tag, number in tags:
        head += struct.pack("!HH", tag, number)
    return head + struct.pack("!H", kind) + packet + pad


def arp(operation, sender, target, hardware=1, target_mac=MACS[SCANNER]):
    return struct.pack("!HHBBH6s4s6s4s", hardware, 0x0800, 6, 4, operation, bytes.fromhex(MACS[sender]), address(sender),
                       bytes.fromhex(target_mac), address(target))


def probe(data=b"nscan", **ip):
    """The datagram that the scanner sent, as an error quotes it."""
    return ip4(SCANNER, HOST, UDP, udp(SCANNER, HOST, 40000, 9, data), ident=0x1357, **ip)


def error(kind, code, quote, rest=0, src=HOST, **ip):
    return ethernet(ip4(src, SCANNER, ICMP, icmp(kind, code, rest, quote), **ip), src)


def extension():
    """RFC 4884 7 and RFC 4950: one MPLS label stack entry."""
    objects = struct.pack("!HBB", 8, 1, 1) + struct.pack("!I", 16001 << 12 | 1 << 8 | 1)
    return filled(struct.pack("!BBH", 0x20, 0, 0) + objects, 2)


def write(name, frames, link=ETHERNET):
    path = os.path.join(os.path.dirname(os.path.abspath(__file__)), name + ".pcap")
    with open(path, "wb") as out:
        out.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, link))
        for i, frame in enumerate(frames):
            # A pair is (what was captured, the length on the wire).
            data, wire = frame if isinstance(frame, tuple) else (frame, len(frame))
            out.write(struct.pack("<IIII", 1767225600, i * 1000, len(data), wire) + data)


def port_unreach_bsd():
    host_order = probe(ttl=63)
    host_order = host_order[:2] + struct.pack("<H", 33 - 20) + host_order[4:]
    write("port-unreach-bsd", [
        error(3, 3, probe()[:28], ttl=255, flags=2),
        error(3, 3, probe(ttl=62)[:28], ttl=62),
        error(3, 3, host_order[:28]),                   # 4.2BSD: the quoted length in host order, header subtracted
        error(3, 3, filled(probe(), 10, 0)[:28]),       # quoted IP checksum zeroed
        error(3, 3, probe()[:28] + b"\0" * 4),          # four bytes more than the least
    ])


def frag_needed_old():
    large = probe(bytes(1472), flags=2)
    write("frag-needed-old", [
        error(3, 4, large[:28], src=ROUTER),                        # before RFC 1191: no MTU
        error(3, 4, large[:28], rest=1006, src=ROUTER),
        error(3, 4, large[:28], rest=0xdead0240, src=ROUTER),       # what stands before the MTU is unused
        error(3, 4, large[:28], rest=68, src=ROUTER),
        error(3, 4, large[:28], rest=65535, src=ROUTER),
    ])


def vlan():
    answer = ip4(HOST, SCANNER, UDP, udp(HOST, SCANNER, 53, 40000, b"tagged"))
    write("vlan", [
        ethernet(answer, tags=[(0x8100, 100)]),
        ethernet(answer, tags=[(0x8100, 0xE000)]),                  # priority only
        ethernet(answer, tags=[(0x88A8, 200), (0x8100, 100)]),      # QinQ, 802.1ad
        ethernet(answer, tags=[(0x8100, 200), (0x8100, 100)]),
        ethernet(answer, tags=[(0x9100, 200), (0x8100, 100)]),      # QinQ before there was a standard
        ethernet(arp(2, HOST, SCANNER), kind=0x0806, tags=[(0x8100, 100)]),
        ethernet(ip4(HOST, SCANNER, ICMP, icmp(3, 3, 0, probe())), tags=[(0x88A8, 200), (0x8100, 100)]),
        ethernet(answer, tags=[(0x88A8, 300), (0x8100, 200), (0x8100, 100)]),  # three tags: not looked behind
        ethernet(b"", tags=[(0x8100, 100)], kind=0x0800)[:16],      # ends inside the tag
    ])


def raw_ip():
    write("raw-ip", [
        ip4(HOST, SCANNER, ICMP, icmp(0, 0, 0x12340001, b"0123456789")),
        ip4(HOST, SCANNER, UDP, udp(HOST, SCANNER, 53, 40000, b"raw")),
        ip4(HOST, SCANNER, ICMP, icmp(3, 3, 0, probe())),
        ip6(HOST6, SCANNER6, UDP, udp(HOST6, SCANNER6, 53, 40000, b"raw6")),
        b"\x50" + ip4(HOST, SCANNER, UDP, udp(HOST, SCANNER, 53, 40000, b"raw"))[1:],  # version 5
        b"",
    ], RAW)


def ipv6():
    sent = ip6(SCANNER6, HOST6, UDP, udp(SCANNER6, HOST6, 40000, 9, b"nscan"), hops=63)
    fragment = struct.pack("!BBHI", UDP, 0, 1, 0xCAFE1234)

    def from_(src, kind, code, rest=0, body=sent):
        packet = ip6(src, SCANNER6, ICMPV6, icmp6(src, SCANNER6, kind, code, rest, body))
        return ethernet(packet, ROUTER if src == ROUTER6 else HOST, 0x86DD)

    write("ipv6", [
        from_(HOST6, 129, 0, 0x12340007, b"echo"),
        from_(HOST6, 1, 4),
        from_(ROUTER6, 1, 0),
        from_(ROUTER6, 1, 1),
        from_(ROUTER6, 1, 3),
        from_(ROUTER6, 2, 0, 1280),
        from_(ROUTER6, 3, 0),
        from_(HOST6, 4, 1, 6),
        ethernet(ip6(HOST6, SCANNER6, UDP, udp(HOST6, SCANNER6, 53, 40000, b"whole"), traffic=0xB8), kind=0x86DD),
        ethernet(ip6(HOST6, SCANNER6, 44, fragment + udp(HOST6, SCANNER6, 53, 40000, b"half ofit")), kind=0x86DD),
        ethernet(ip6(HOST6, SCANNER6, 0, bytes([UDP, 0, 1, 4, 0, 0, 0, 0]) + udp(HOST6, SCANNER6, 53, 40000, b"hop")),
                 kind=0x86DD),
        ethernet(ip6(HOST6, SCANNER6, UDP, udp(HOST6, SCANNER6, 53, 40000, b"whole")), kind=0x0800),  # says IPv4
    ])


def ip_options():
    record_route = bytes([7, 11, 4]) + bytes(8)
    router_alert = bytes([148, 4, 0, 0])
    timestamp = bytes([68, 36, 5, 0]) + bytes(32)
    write("ip-options", [
        ethernet(ip4(HOST, SCANNER, UDP, udp(HOST, SCANNER, 53, 40000, b"options"), options=router_alert)),
        ethernet(ip4(HOST, SCANNER, ICMP, icmp(0, 0, 0x12340001, b"full"), options=timestamp + bytes([1] * 4))),  # IHL 15
        error(3, 3, probe(), options=record_route),
        error(3, 3, probe(options=router_alert)),                       # IHL 6 in the quote
        error(3, 3, probe(options=record_route)[:32 + 8]),              # and 8 bytes after it, no more
        error(3, 13, probe(options=router_alert), options=router_alert, src=ROUTER),
        error(3, 3, probe(options=record_route)[:28]),                  # the quote ends inside the options
    ])


def rfc4884():
    short = probe()
    padded = short + b"\0" * (128 - len(short))
    long = probe(bytes(range(200)))
    write("rfc4884", [
        error(11, 0, long[:128] + extension(), rest=32 << 16, src=ROUTER),      # 32 words of quote, then MPLS
        error(11, 0, padded + extension(), rest=32 << 16, src=ROUTER),          # a short datagram, padded
        error(11, 0, padded + extension(), src=ROUTER),                         # before the RFC: no length
        error(11, 0, long[:128] + extension(), src=ROUTER),
        error(3, 3, long[:128] + extension(), rest=32 << 16),
        error(3, 13, long[:160] + extension(), rest=40 << 16, src=ROUTER),
        error(11, 0, long[:128] + extension(), rest=2 << 16, src=ROUTER),       # a length that cannot be
        error(11, 0, long[:128], rest=255 << 16, src=ROUTER),                   # and one beyond the end
        error(12, 0, long[:128] + extension(), rest=20 << 24 | 32 << 16, src=ROUTER),
        error(3, 4, long[:128] + extension(), rest=32 << 16 | 1400, src=ROUTER),
    ])


def lying_lengths():
    answer = udp(HOST, SCANNER, 53, 40000, b"twelve bytes")
    whole = ethernet(ip4(HOST, SCANNER, UDP, answer))

    def lie(length):
        return ethernet(ip4(HOST, SCANNER, UDP, udp(HOST, SCANNER, 53, 40000, b"twelve bytes", length=length)))

    write("lying-lengths", [
        ethernet(ip4(HOST, SCANNER, UDP, answer, total=400)),       # IP: more than there is
        ethernet(ip4(HOST, SCANNER, UDP, answer, total=30)),        # IP: less; UDP says more than IP
        ethernet(ip4(HOST, SCANNER, UDP, answer, total=19)),        # IP: less than its header
        ethernet(ip4(HOST, SCANNER, UDP, answer, total=0)),         # IP: none (segmentation offload)
        ethernet(ip4(HOST, SCANNER, UDP, answer, words=4)),         # IHL 4
        ethernet(ip4(HOST, SCANNER, UDP, answer, words=15)),        # IHL 15: reaches past the end
        lie(7),                                                     # UDP: less than its header
        lie(0),
        lie(8),                                                     # UDP: no data, though there is some
        lie(14),
        lie(21),                                                    # UDP: one byte more than there is
        lie(65535),
        ethernet(ip4(HOST, SCANNER, UDP, answer[:6])),              # ends inside the UDP header
        error(3, 3, probe()[:28]),                                  # the least quote, then ever less:
        error(3, 3, probe()[:26]),                                  # without the UDP checksum
        error(3, 3, probe()[:24]),                                  # ports only
        error(3, 3, probe()[:22]),                                  # half of the ports
        error(3, 3, probe()[:20]),                                  # the IP header only
        error(3, 3, probe()[:19]),                                  # not even that
        error(3, 3, b""),
        ethernet(ip4(HOST, SCANNER, ICMP, icmp(3, 3, 0)[:6])),      # ends inside the ICMP header
        error(3, 3, probe(words=4)),                                # IHL 4 in the quote
        error(3, 3, b"\x65" + probe()[1:]),                         # IPv6 quoted in an IPv4 error, so it says
        (whole[:46], len(whole)),                                   # cut by the snap length, not by the sender
        whole[:33],                                                 # ends inside the IP header
        whole[:13],                                                 # ends inside the Ethernet header
        ethernet(arp(2, HOST, SCANNER)[:27], kind=0x0806),          # ends inside the ARP packet
    ])


def padding():
    noise = b"left over from some other frame" * 2
    answers = [
        ip4(HOST, SCANNER, UDP, udp(HOST, SCANNER, 7, 40000, b"x")),
        ip4(HOST, SCANNER, UDP, udp(HOST, SCANNER, 7, 40000)),
        ip4(HOST, SCANNER, ICMP, icmp(0, 0, 0x12340001)),
        ip4(HOST, SCANNER, ICMP, icmp(14, 0, 0x12340001, struct.pack("!III", 1000, 2000, 2000))),
        ip4(HOST, SCANNER, ICMP, icmp(3, 3, 0, probe()[:28])),
    ]
    frames = [ethernet(answer, pad=b"\0" * max(0, 46 - len(answer))) for answer in answers]
    frames += [ethernet(answer, pad=noise) for answer in answers]   # a network card that pads with what it has at hand
    frames.append(ethernet(arp(2, HOST, SCANNER), kind=0x0806, pad=b"\0" * 18))
    write("padding", frames)


def bad_checksums():
    echo = struct.pack("!BBHI", 0, 0, 0xBAD0, 0x12340001) + b"damaged"
    wrong_in_quote = filled(probe(), 10, 0xBAD0)
    write("bad-checksums", [
        ethernet(ip4(HOST, SCANNER, ICMP, icmp(0, 0, 0x12340001, b"sound"))),
        ethernet(ip4(HOST, SCANNER, ICMP, echo)),                                                   # ICMP
        ethernet(ip4(HOST, SCANNER, ICMP, icmp(3, 3, 0, probe(), right=0x1234))),                   # ICMP error
        ethernet(ip4(HOST, SCANNER, ICMP, icmp(14, 0, 1, bytes(12), right=0))),                     # ICMP timestamp
        ethernet(ip4(HOST, SCANNER, UDP, udp(HOST, SCANNER, 53, 40000, b"x"), right=0xBAD0)),       # IP
        ethernet(ip4(HOST, SCANNER, ICMP, icmp(3, 3, 0, probe()), right=0xBAD0)),                   # IP, an error in it
        ethernet(ip4(HOST, SCANNER, UDP, udp(HOST, SCANNER, 53, 40000, b"x"), right=0)),            # IP: left to the card
        ethernet(ip4(HOST, SCANNER, UDP, udp(HOST, SCANNER, 53, 40000, b"x", right=0xBAD0))),       # UDP: not judged
        ethernet(ip4(HOST, SCANNER, UDP, udp(HOST, SCANNER, 53, 40000, b"x", right=0))),            # UDP: none
        ethernet(ip4(HOST, SCANNER, ICMP, icmp(3, 3, 0, wrong_in_quote))),                          # the quoted header's
    ])


def others():
    redirect = icmp(5, 1, struct.unpack("!I", address(ROUTER))[0], probe())
    reset = filled(struct.pack("!HHIIBBHHH", 80, 40000, 0, 1, 0x50, 0x14, 0, 0, 0), 16, 0x1234)
    write("others", [
        ethernet(ip4(ROUTER, SCANNER, ICMP, redirect), ROUTER),
        ethernet(ip4(HOST, SCANNER, ICMP, icmp(4, 0, 0, probe()))),                     # source quench
        ethernet(ip4(HOST, SCANNER, ICMP, icmp(8, 0, 0x00070001, b"whoami"))),          # somebody else's echo request
        ethernet(ip4(HOST, SCANNER, ICMP, icmp(13, 0, 0x00070001, bytes(12)))),         # and timestamp request
        ethernet(ip4(HOST, SCANNER, TCP, reset)),
        ethernet(ip4(HOST, "224.0.0.22", IGMP, filled(struct.pack("!BBHI", 0x22, 0, 0, 0), 2), ttl=1)),
        ethernet(arp(1, HOST, SCANNER, target_mac="000000000000"), kind=0x0806),
        ethernet(arp(2, HOST, HOST), kind=0x0806),                                      # gratuitous
        ethernet(arp(1, "192.168.0.100", SCANNER, hardware=6), kind=0x0806),            # not Ethernet
        ethernet(arp(3, HOST, SCANNER), kind=0x0806),                                   # RARP's operation
        ethernet(bytes.fromhex("0207 04 024ec0a80064 0403 07 7031 0602 0078 0000".replace(" ", "")), kind=0x88CC),  # LLDP
        ethernet(bytes.fromhex("424203") + bytes(35), kind=38),                         # 802.3: spanning tree
        error(3, 16, probe(), src=ROUTER),                                              # a code that nobody defined
        error(3, 3, ip4(SCANNER, HOST, ICMP, icmp(8, 0, 0x12340001, b"ping")), src=HOST),
        error(3, 1, ip4(SCANNER, HOST, ICMP, icmp(13, 0, 0x12340002, bytes(12))), src=ROUTER),
        error(3, 1, ip4(SCANNER, HOST, TCP, reset), src=ROUTER),                        # about somebody's TCP
        error(3, 2, ip4(SCANNER, HOST, 132, bytes(8))),                                 # SCTP
        error(3, 1, probe(bytes(600), flags=1)[:28], src=ROUTER),                       # quotes a first fragment
        error(3, 1, ip4(SCANNER, HOST, UDP, bytes(64), offset=185), src=ROUTER),        # and a later one
    ])


if __name__ == "__main__":
    for make in (port_unreach_bsd, frag_needed_old, vlan, raw_ip, ipv6, ip_options, rfc4884, lying_lengths, padding, bad_checksums,
                 others):
        make()
