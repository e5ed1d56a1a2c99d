#!/usr/bin/python3
"""Runs scanners beside each other and says how each did: race.py [--in-turn] TRUTH -- NAME NETNS HOSTS CMD... [-- NAME ...]

TRUTH is what every host has: "closed:1-50,60 open:53 silent:514". The hosts are 10.99.0.101 and on, HOSTS of them. masscan writes its
list, any other CMD nmap's XML, to the path that takes the place of @. All start at once, or each after the other with --in-turn.
The same NAME again is another run of the same.

time: from starting the program to its end, LIMIT_SECONDS at most. packets: all that left the scanner's interface, ARP too, by the
kernel's counter. Of both the median; ratios are against the first name's. states right: ports with the true state, in each run; what
masscan does not mention counts as open|filtered. memory: the largest resident set, from time(1).
RACE_RESULTS names a file for the figures alone: name, median time, slowest, most wrong states in a run."""
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
import xml.etree.ElementTree as xml

LIMIT_SECONDS = 400
GRACE_SECONDS = 5
WRONG_SHOWN = 5
STATES = {"closed": "closed", "open": "open", "silent": "open|filtered"}
TIME = "/usr/bin/time"


def numbers(text):
    for piece in text.split(","):
        low, _, high = piece.partition("-")
        yield from range(int(low), int(high or low) + 1)


def read_truth(text):
    parts = (part.partition(":") for part in text.split())
    return {port: STATES[kind] for kind, _, ports in parts for port in numbers(ports)}


def read_xml(path):
    said = {}
    for host in xml.parse(path).iter("host"):
        addr = host.find("address").get("addr")
        for port in host.iter("port"):
            said[addr, int(port.get("portid"))] = port.find("state").get("state")
        for extra in host.iter("extraports"):
            for reasons in extra.iter("extrareasons"):
                said.update(((addr, port), extra.get("state")) for port in numbers(reasons.get("ports")))
    return said


def read_list(path):
    with open(path, encoding="ascii") as lines:
        found = [line.split() for line in lines if not line.startswith("#")]
    return {(addr, int(port)): state for state, _, port, addr, *_ in found}


class Runner:
    """One scanner in one namespace, from its start to what it said."""

    def __init__(self, name, netns, hosts, *command):
        self.name, self.netns, self.command = name.replace("_", " "), netns, command
        self.is_masscan = command[0].endswith("masscan")
        self.addresses = [f"10.99.0.{101 + host}" for host in range(int(hosts))]
        self.folder = tempfile.TemporaryDirectory(prefix="nscan-bench")
        self.out, self.memory, self.errors = (os.path.join(self.folder.name, name) for name in ("out", "memory", "errors"))

    def sent(self):
        counter = ["ip", "netns", "exec", self.netns, "cat", "/sys/class/net/eth0/statistics/tx_packets"]
        return int(subprocess.run(counter, check=True, capture_output=True).stdout)

    def start(self):
        measured = [TIME, "-q", "-f", "%M", "-o", self.memory] if os.path.exists(TIME) else []
        command = [self.out if piece == "@" else piece for piece in self.command]
        self.sent_before = self.sent()
        with open(self.errors, "wb") as errors:
            self.started = time.monotonic()
            self.process = subprocess.Popen(["ip", "netns", "exec", self.netns, *measured, *command], start_new_session=True,
                                            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=errors)

    def running(self):
        if self.process.poll() is None and time.monotonic() - self.started < LIMIT_SECONDS:
            return True
        self.end()
        self.seconds = time.monotonic() - self.started
        self.packets = self.sent() - self.sent_before
        return False

    def end(self):
        for number in (signal.SIGTERM, signal.SIGKILL):
            if self.process.poll() is None:
                os.killpg(self.process.pid, number)
                try:
                    self.process.wait(GRACE_SECONDS)
                except subprocess.TimeoutExpired:
                    pass

    def said(self):
        try:
            return (read_list if self.is_masscan else read_xml)(self.out)
        except (OSError, xml.ParseError, ValueError, AttributeError, TypeError):
            self.complain(f"no report that could be read, status {self.process.returncode}")
            return {}

    def complain(self, *what):
        with open(self.errors, encoding="utf-8", errors="replace") as lines:
            last = lines.read().strip().splitlines()[-1:]
        print(f"race.py: {self.name}", *what, *last, sep="; ", file=sys.stderr)

    def judge(self, truth):
        said = self.said()
        unsaid = "open|filtered" if self.is_masscan else "nothing"
        asked = [(addr, port, said.get((addr, port), unsaid)) for addr in self.addresses for port in truth]
        wrong = [f"{addr} {port}: {truth[port]}, said {state}" for addr, port, state in asked if state != truth[port]]
        self.asked, self.right = len(asked), len(asked) - len(wrong)
        if self.name.startswith("nscan") and (wrong or self.process.returncode != 0):
            self.complain(f"status {self.process.returncode}, {len(wrong)} wrong", *wrong[:WRONG_SHOWN])

    def peak_mb(self):
        try:
            with open(self.memory, encoding="ascii") as lines:
                return int(lines.read().split()[-1]) / 1024
        except (OSError, ValueError, IndexError):
            return 0


def race(runners):
    for runner in runners:
        runner.start()
    while runners:
        time.sleep(0.002)
        runners = [runner for runner in runners if runner.running()]


class Figures:
    """What the runs of one name came to."""

    def __init__(self, name, runs):
        self.name, self.command = name, runs[0].command
        times = sorted(run.seconds for run in runs)
        self.slowest = times[-1]
        self.seconds, self.packets = statistics.median(times), statistics.median(run.packets for run in runs)
        self.span = f"{times[0]:.1f}-{times[-1]:.1f}" if len(runs) > 1 else ""
        self.right = f"{' '.join(str(run.right) for run in runs)} of {runs[0].asked}"
        self.wrong = max(run.asked - run.right for run in runs)
        self.memory = f"{max(run.peak_mb() for run in runs):.1f} MB" if runs[0].peak_mb() else "-"


def show(all_figures):
    first, wide = all_figures[0], max(14, *(len(figures.right) + 2 for figures in all_figures))
    print(f"  {'':14}{'time':>9}{'ratio':>7}{'from-to':>13}{'packets':>9}{'ratio':>7}{'states right':>{wide}}{'memory':>10}".rstrip())
    for figures in all_figures:
        print(f"  {figures.name:14}{figures.seconds:7.2f} s{figures.seconds / first.seconds:7.2f}{figures.span:>13}"
              f"{figures.packets:9.0f}{figures.packets / first.packets:7.2f}{figures.right:>{wide}}{figures.memory:>10}")
    for figures in all_figures:
        command = (os.path.basename(figures.command[0]), *figures.command[1:])
        print(f"  # {figures.name}: {' '.join('FILE' if piece == '@' else piece for piece in command)}")


def main():
    arguments = sys.argv[1:]
    in_turn = arguments[0] == "--in-turn"
    places = [i for i, argument in enumerate(arguments) if argument == "--"] + [len(arguments)]
    truth = read_truth(arguments[places[0] - 1])
    runners = [Runner(*arguments[start + 1:end]) for start, end in zip(places, places[1:])]
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        for group in [[runner] for runner in runners] if in_turn else [runners]:
            race(group)
        for runner in runners:
            runner.judge(truth)
    finally:
        for runner in runners:
            if hasattr(runner, "process"):
                runner.end()
    names = dict.fromkeys(runner.name for runner in runners)
    all_figures = [Figures(name, [runner for runner in runners if runner.name == name]) for name in names]
    show(all_figures)
    if "RACE_RESULTS" in os.environ:
        with open(os.environ["RACE_RESULTS"], "w", encoding="ascii") as results:
            for figures in all_figures:
                results.write(f"{figures.name.replace(' ', '_')} {figures.seconds:.3f} {figures.slowest:.3f} {figures.wrong}\n")


if __name__ == "__main__":
    main()
