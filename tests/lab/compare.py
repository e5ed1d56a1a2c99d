#!/usr/bin/python3
"""Compares what nscan wrote (-oA BASE) with truth.tsv, and its formats with each other.

    compare.py truth BASE [--hosts 100-200] [--ports LIST] [--hosts-only] [--Pn] [--partial] [--loss]
    compare.py formats BASE [--resumed]
    compare.py summary BASE KEY [OP NUMBER]     prints the value, or checks it: summary BASE rejected '>' 0

`truth` wants exactly the asked hosts and ports, each with its true state, reason and sender. --partial: a host or port may also be
unknown, never wrong, and the summary says partial. --loss: what of echo, timestamp and UDP told first that a host behind the router is
up is left to chance. Prints every difference; exit status 1 when there is one."""
import argparse
import json
import operator
import os
import re
import sys
import xml.etree.ElementTree as ElementTree

HERE = os.path.dirname(os.path.abspath(__file__))
NETWORK = "192.168.0."
ANY_ANSWER = ("echo-reply", "timestamp-reply", "port-unreach")
differences = []


def differ(text):
    differences.append(text)


# --- the truth ---------------------------------------------------------------------------------------------------------


class Truth:
    """truth.tsv: rows "host" and "port"; rows "host-Pn" and "port-Pn" take their place in a scan with -Pn."""

    def __init__(self, pn):
        self.hosts, self.ports, self.port_list = {}, {}, []
        rows = [line.rstrip("\n").split("\t") for line in open(os.path.join(HERE, "truth.tsv"))]
        for kind, *rest in rows:
            if kind == "ports":
                self.port_list = [int(port) for port in rest[0].split(",")]
        for suffix in [""] + (["-Pn"] if pn else []):
            for kind, *rest in rows:
                if kind == "host" + suffix:
                    self.hosts[rest[0]] = tuple(rest[1:])
                elif kind == "port" + suffix:
                    self.ports[rest[0], rest[1]] = tuple(rest[2:])

    def host(self, addr):
        return self.hosts.get(addr, self.hosts["*"])

    def port(self, addr, port):
        return self.ports.get((addr, str(port))) or self.ports[addr, "*"]


def numbers(text):
    """"100-103,180" -> [100, 101, 102, 103, 180]"""
    out = []
    for piece in text.split(","):
        first, _, last = piece.partition("-")
        out += range(int(first), int(last or first) + 1)
    return out


# --- what nscan wrote: each reader gives {addr: (state, reason)}, {(addr, port): (state, reason)} -------------------------


class Json:
    def __init__(self, base):
        self.hosts, self.ports, self.summary, self.scans = {}, {}, None, 0
        for number, line in enumerate(open(base + ".jsonl", encoding="utf-8"), 1):
            try:
                self.read(json.loads(line))
            except (ValueError, KeyError) as error:
                differ(f"JSON line {number} does not hold: {error!r}: {line.strip()}")
        if self.summary is None:
            differ("JSON does not end in a summary")
            self.summary = {}

    def read(self, entry):
        kind = entry["type"]
        for key, value in entry.items():
            if value is None or value == "":
                differ(f"JSON: {key} is empty in {entry}")
        if self.summary is not None and kind != "scan":
            differ(f"JSON: {kind} after the summary")
        if kind == "scan":
            self.scans, self.summary = self.scans + 1, None
        elif kind == "host":
            if entry["addr"] in self.hosts and self.hosts[entry["addr"]][0] != "unknown" and self.scans == 1:
                differ(f"JSON: {entry['addr']} twice")
            self.hosts[entry["addr"]] = (entry["state"], entry["reason"], entry.get("from", "-"))
        elif kind == "port":
            self.ports[entry["addr"], entry["port"]] = (entry["state"], entry["reason"], entry.get("from", "-"))
        elif kind == "summary":
            self.summary = entry


def read_xml(base):
    hosts, ports = {}, {}
    for host in ElementTree.parse(base + ".xml").getroot().iter("host"):
        addr = next(a.get("addr") for a in host.iter("address") if a.get("addrtype") == "ipv4")
        status = host.find("status")
        hosts[addr] = (status.get("state"), status.get("reason"), None)
        for port in host.iter("port"):
            state = port.find("state")
            ports[addr, int(port.get("portid"))] = (state.get("state"), state.get("reason"), state.get("reason_ip", "-"))
        for extra in host.iter("extraports"):
            for why in extra.iter("extrareasons"):
                for port in numbers(why.get("ports")):
                    ports[addr, port] = (extra.get("state"), why.get("reason"), None)
    return hosts, ports


def read_grepable(base):
    hosts, ports, ignored = {}, {}, {}
    for line in open(base + ".gnmap", encoding="utf-8"):
        if line.startswith("#"):
            continue
        fields = dict(field.split(": ", 1) for field in line.rstrip("\n").split("\t"))
        addr = fields["Host"].split()[0]
        if "Status" in fields:
            hosts[addr] = (fields["Status"].lower(), None, None)
        for entry in fields.get("Ports", "").split(", "):
            if entry:
                number, state = entry.split("/")[:2]
                ports[addr, int(number)] = (state, None, None)
        for state, count in re.findall(r"(\S+) \((\d+)\)", fields.get("Ignored State", "")):
            ignored[addr, state] = int(count)
    return hosts, ports, ignored


def expand(text):
    """"192.168.0.102, .104-.106" -> every address"""
    out, prefix = [], ""
    for piece in text.split(", "):
        first, _, last = piece.partition("-")
        if not first.startswith("."):
            prefix = first.rpartition(".")[0]
        low, high = first.rpartition(".")[2], (last or first).rpartition(".")[2]
        out += [f"{prefix}.{n}" for n in range(int(low), int(high) + 1)]
    return out


def read_normal(base):
    """Hosts and ports that are shown one by one, and how many ports of a host are told together."""
    hosts, ports, hidden, addr = {}, {}, {}, None
    for line in open(base + ".nscan", encoding="utf-8"):
        line = line.rstrip("\n")
        if match := re.match(r"Nscan report for (\S+)$", line):
            addr = match[1]
        elif match := re.match(r"Host is up \((?:[\d.]+ ms, )?([a-z-]+)(?: from (\S+))?\)", line):
            hosts[addr] = ("up", match[1], match[2] or "-")
        elif match := re.match(r"(\d+)/udp +(\S+) +(\S+) +([a-z-]+)(?: from (\S+))?(?: \(from port \d+\))?(?:  +\S.*)?$", line):
            ports[addr, int(match[1])] = (match[2], match[4], match[5] or "-")
        elif line.startswith("Not shown: ") or line.startswith("Not finished: ") and "(unresolved)" in line:
            for count, state in re.findall(r"(\d+) (closed|filtered|open\|filtered|unknown) \(", line):
                hidden[addr, state] = int(count)
        elif match := re.match(r"(Inactive|Not finished): (.*) \((\d+) of (\d+)\)$", line):
            listed = expand(match[2])
            if len(listed) != int(match[3]):
                differ(f"normal: {match[1]} says {match[3]}, lists {len(listed)}")
            for one in listed:
                hosts[one] = ("down" if match[1] == "Inactive" else "unknown", None, None)
    return hosts, ports, hidden


# --- comparing -----------------------------------------------------------------------------------------------------------


def fits(seen, wanted):
    """None stands for what a format does not say."""
    return all(a is None or b is None or a == b for a, b in zip(seen, wanted))


def compare_tables(name, seen, wanted, allow_unknown=False):
    for key in sorted(set(seen) | set(wanted), key=str):
        label = key if isinstance(key, str) else f"{key[0]} port {key[1]}"
        if key not in wanted:
            differ(f"{name}: {label}: nobody asked for it; says {seen[key]}")
        elif key not in seen:
            differ(f"{name}: {label}: missing; should be {wanted[key]}")
        elif allow_unknown and seen[key][0] == "unknown":
            continue
        elif not fits(seen[key], wanted[key]):
            differ(f"{name}: {label}: is {wanted[key]}, says {seen[key]}")


def compare_truth(args):
    truth, seen = Truth(args.Pn), Json(args.base)
    asked = numbers(args.ports) if args.ports else truth.port_list
    hosts = {NETWORK + str(n): truth.host(NETWORK + str(n)) for n in numbers(args.hosts)}
    if args.loss:
        hosts = {addr: (state, None if reason in ANY_ANSWER else reason, who) for addr, (state, reason, who) in hosts.items()}
        chance = {addr for addr, (_, reason, _) in hosts.items() if reason is None}
        for addr, (_, reason, _) in seen.hosts.items():
            if addr in chance and reason not in ANY_ANSWER:
                differ(f"host: {addr}: {reason} is no answer to an ICMP request or a UDP probe")
    up = [addr for addr, (state, *_) in hosts.items() if state == "up"]
    if args.partial:
        up = [addr for addr in up if seen.hosts.get(addr, ("unknown",))[0] == "up"]
    ports = {} if args.hosts_only else {(addr, port): truth.port(addr, port) for addr in up for port in asked}
    compare_tables("host", seen.hosts, hosts, args.partial)
    compare_tables("port", seen.ports, ports, args.partial)
    if seen.summary.get("partial") is not args.partial:
        differ(f"summary: partial is {seen.summary.get('partial')}")
    for state in ("up", "down"):
        count = sum(1 for value in seen.hosts.values() if value[0] == state)
        if seen.summary.get("hosts_" + state) != count:
            differ(f"summary: hosts_{state} is {seen.summary.get('hosts_' + state)}, there are {count}")


def count_hidden(seen, shown, addr, state):
    return sum(1 for (a, port), value in seen.items() if a == addr and value[0] == state and (a, port) not in shown)


def compare_formats(args):
    seen = Json(args.base)
    hosts, ports = read_xml(args.base)
    compare_tables("XML, host", hosts, seen.hosts)
    compare_tables("XML, port", ports, seen.ports)
    for name, reader in (("grepable", read_grepable), ("normal", read_normal)):
        hosts, ports, hidden = reader(args.base)
        compare_tables(f"{name}, host", hosts, seen.hosts)
        for (addr, state), count in hidden.items():
            if count != count_hidden(seen.ports, ports, addr, state):
                differ(f"{name}: {addr}: {count} {state} told together, JSON has {count_hidden(seen.ports, ports, addr, state)}")
        told_together = {key for key, value in seen.ports.items() if (key[0], value[0]) in hidden and key not in ports}
        compare_tables(f"{name}, port", ports, {k: v for k, v in seen.ports.items() if k not in told_together})


def compare_summary(args):
    value = Json(args.base).summary.get(args.key)
    if not args.operator:
        print(value)
        return
    compare = {">": operator.gt, "<": operator.lt, "=": operator.eq, ">=": operator.ge, "<=": operator.le}[args.operator]
    if value is None or not compare(value, args.number):
        differ(f"summary: {args.key} is {value}, should be {args.operator} {args.number:g}")


def main():
    parser = argparse.ArgumentParser()
    verbs = parser.add_subparsers(required=True)
    truth = verbs.add_parser("truth")
    truth.set_defaults(run=compare_truth)
    truth.add_argument("base")
    truth.add_argument("--hosts", default="100-200")
    truth.add_argument("--ports")
    for flag in ("--hosts-only", "--Pn", "--partial", "--loss"):
        truth.add_argument(flag, action="store_true")
    formats = verbs.add_parser("formats")
    formats.set_defaults(run=compare_formats)
    formats.add_argument("base")
    summary = verbs.add_parser("summary")
    summary.set_defaults(run=compare_summary)
    summary.add_argument("base")
    summary.add_argument("key")
    summary.add_argument("operator", nargs="?")
    summary.add_argument("number", nargs="?", type=float)
    args = parser.parse_args()
    try:
        args.run(args)
    except (OSError, ElementTree.ParseError) as error:
        differ(str(error))
    for line in differences[:60]:
        print(line)
    if len(differences) > 60:
        print(f"... and {len(differences) - 60} more")
    sys.exit(1 if differences else 0)


if __name__ == "__main__":
    main()
