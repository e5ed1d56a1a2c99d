#!/usr/bin/env python3
"""watch.py NSCAN SCANNER OTHER ROUNDS: --watch 1s over 192.168.0.100-200 of a LAN in which hosts come and go at random.

SCANNER and OTHER are network namespaces joined by eth0; OTHER gets the addresses. Prints one line of figures: transitions made, told, told
wrongly or not at all, seconds from the change to its report (median, latest), rounds late, slowest round, kB of memory early and late."""
import datetime
import json
import random
import statistics
import subprocess
import sys
import tempfile
import time

ALIVE = range(100, 130)
# The primary address stays: the kernel would take all others with it.
MOVING = [*range(101, 121), *range(131, 141)]
SETTLE_S = 2.3  # a state that lasts so long has a whole round of its own


def ip(namespace, *command):
    subprocess.run(["ip", "-n", namespace, *command], check=True)


def address(namespace, verb, host):
    ip(namespace, "addr", verb, f"192.168.0.{host}/24", "dev", "eth0")


def memory_kb(pid):
    for line in open(f"/proc/{pid}/status", encoding="ascii"):
        if line.startswith("RssAnon:"):
            return int(line.split()[1])
    return 0


def seconds(text):
    return datetime.datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()


def live(other, process, rounds):
    """Lets hosts come and go while the process watches; returns what was done, and the memory early and late."""
    chance = random.Random(4)
    done, last, early, late = [], {}, 0, 0
    up = set(ALIVE)
    start = time.time()
    while time.time() < start + rounds - 3:
        time.sleep(chance.uniform(0.05, 0.5))
        host = chance.choice(MOVING)
        if time.time() < start + 2 or time.time() - last.get(host, 0) < SETTLE_S:
            continue
        address(other, "del" if host in up else "add", host)
        last[host] = time.time()
        up ^= {host}
        done.append((last[host], f"192.168.0.{host}", "up" if host in up else "down"))
        if not early and time.time() > start + 6:
            early = memory_kb(process.pid)
        late = memory_kb(process.pid)
    process.wait()
    return done, early, late


def main():
    nscan, scanner, other, rounds = sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4])
    for host in ALIVE:
        address(other, "add", host)
    with tempfile.NamedTemporaryFile("r", suffix=".jsonl") as lines:
        process = subprocess.Popen(["ip", "netns", "exec", scanner, nscan, "--watch", "1s", "--count", str(rounds), "192.168.0.100-200",
                                    "-oJ", lines.name], stdout=subprocess.DEVNULL)
        done, early, late = live(other, process, rounds)
        report = [json.loads(line) for line in lines]
    told = [(seconds(line["at"]), line["addr"], line["to"]) for line in report if line["type"] == "change"]
    passed = [line for line in report if line["type"] == "round"]
    delays, wrong = [], 0
    for addr in {change[1] for change in done + told}:
        made_here = [change for change in done if change[1] == addr]
        told_here = [change for change in told if change[1] == addr]
        if [change[2] for change in made_here] != [change[2] for change in told_here]:
            wrong += 1
        delays += [b[0] - a[0] for a, b in zip(made_here, told_here)]
    print(len(done), len(told), wrong, f"{statistics.median(delays):.2f}", f"{max(delays):.2f}", sum(line["late"] for line in passed),
          f"{max(line['elapsed_s'] for line in passed):.2f}", early, late)


if __name__ == "__main__":
    main()
