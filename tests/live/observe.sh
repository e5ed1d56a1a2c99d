#!/bin/bash
# observe.sh: other programs scan and chatter in the throw-away LAN, tcpdump captures, nscan -r reports: it has to agree with the lab's
# truth wherever the packets contain the answer, and may be wrong nowhere. Needs root.
set -u
here=$(dirname "$(readlink -f "$0")")
repo=$(readlink -f "$here/../..")
lab=$here/../lab/lab
build=${NSCAN_BUILD:-$repo/build}
nscan=${NSCAN:-$build/release/nscan}
nscan_asan=${NSCAN_ASAN:-$build/asan/nscan}
# shellcheck source=tests/support/tap.bash
. "$here/../support/tap.bash"
if [ "$(id -u)" != 0 ]; then
	echo "1..0 # SKIP needs root and network namespaces"
	exit 0
fi
export LAB_PREFIX=obs$$ LAB_OWNER=$$
ports=7,53,69,123,161,514,31337
tmp=$(mktemp -d)
chmod 755 "$tmp"
finish()
{
	"$lab" down
	rm -rf "$tmp"
}
trap finish EXIT
trap 'exit 1' INT TERM HUP

# capture NAME INTERFACE CMD...: runs CMD as the scanner while that interface is captured.
capture()
{
	local name=$1 interface=$2 pid tries=0
	shift 2
	"$lab" exec tcpdump -Z root -U -n -B 8192 --immediate-mode -i "$interface" -w "$tmp/$name.pcap" >"$tmp/$name.log" 2>&1 </dev/null &
	pid=$!
	until grep -qs "listening on" "$tmp/$name.log"; do
		((++tries > 250)) && return 1
		sleep 0.02
	done
	"$@" >"$tmp/$name.said" 2>&1 </dev/null
	sleep 0.3
	kill -INT $pid
	wait $pid 2>/dev/null
	grep -q '^0 packets dropped by kernel' "$tmp/$name.log" || echo "# $name: $(grep dropped "$tmp/$name.log")"
}

# state NAME ADDRESS [PORT]: what the report says, "state reason".
state()
{
	jq -r --arg addr "$2" --arg port "${3:-}" 'select(.addr == $addr and
		(if $port == "" then .type == "host" else .type == "port" and (.port | tostring) == $port end)) | "\(.state) \(.reason)"' \
		"$tmp/$1.jsonl" | tail -n 1
}

read_capture() { "$nscan" -r "$tmp/$1.pcap" -oJ "$tmp/$1.jsonl" >"$tmp/$1.out" 2>"$tmp/$1.err"; }

# The judge, from tshark's fields and the lab's truth: what each port's packets say, and whether the report says so.
agrees()
{
	tshark -n -r "$tmp/$1.pcap" -Y 'udp && !(icmp.type == 11)' -T fields -E separator=, -E occurrence=a -E aggregator=';' -e ip.src -e ip.dst \
		-e udp.srcport -e udp.dstport -e icmp.type -e icmp.code 2>/dev/null >"$tmp/$1.fields"
	/usr/bin/python3 - "$tmp/$1.jsonl" "$tmp/$1.fields" "$here/../lab/truth.tsv" "$2" <<-'PYTHON'
		import json, sys
		report, fields, truth, ports = sys.argv[1:]
		true_hosts, true_ports, wrong, said = {}, {}, 0, 0
		for row in (line.rstrip("\n").split("\t") for line in open(truth)):
		    if row[0] == "host":
		        true_hosts[row[1]] = row[2]
		    elif row[0] == "port":
		        true_ports[row[1], row[2]] = row[3:]
		# What is in the capture: ports that answered, or that an error is about.
		answered, refused = set(), set()
		for line in open(fields):
		    src, dst, sport, dport, kind, code = line.rstrip("\n").split(",")
		    if kind:
		        refused.add((dst.split(";")[-1], dport))
		    elif dst == "192.168.0.1":
		        answered.add((src, sport))
		        tftp = (src, "69")
		        if true_ports.get(tftp, [""])[0] == "open" and sport not in ports.split(","):
		            answered.add(tftp)
		seen_hosts, seen_ports = {}, {}
		for entry in map(json.loads, open(report)):
		    if entry["type"] == "host":
		        seen_hosts[entry["addr"]] = entry["state"]
		    elif entry["type"] == "port":
		        seen_ports[entry["addr"], str(entry["port"])] = (entry["state"], entry["reason"])
		def differ(text):
		    global wrong
		    wrong += 1
		    print(text)
		for n in range(100, 201):
		    addr = f"192.168.0.{n}"
		    wanted = true_hosts.get(addr, true_hosts["*"])
		    if seen_hosts.get(addr) != wanted:
		        differ(f"{addr} is {wanted}, the report says {seen_hosts.get(addr)}")
		    if wanted != "up":
		        continue
		    for port in ports.split(","):
		        state, reason = (true_ports.get((addr, port)) or true_ports[addr, "*"])[:2]
		        seen = seen_ports.get((addr, port))
		        told = (addr, port) in answered or (addr, port) in refused
		        said += told
		        if seen is None:
		            differ(f"{addr} port {port}: asked, but not in the report")
		        elif told and seen[0] != state:
		            differ(f"{addr} port {port} is {state}, and the packets say so; the report says {seen}")
		        elif not told and seen[0] != "open|filtered":
		            differ(f"{addr} port {port}: nothing in the capture is about it; the report says {seen}")
		        elif seen[1] == "silent-while-refusing" and state != "open|filtered":
		            differ(f"{addr} port {port} is {state}; the report calls it {seen}")
		print(f"{said} ports of which the capture tells, {len(seen_ports) - said} that stayed silent")
		sys.exit(1 if wrong or said < 60 else 0)
	PYTHON
}

chatter()
{
	"$lab" exec /usr/bin/python3 -c '
import socket, time
query = bytes.fromhex("123401000001000000000000") + b"\x07host100\x03lab\x00\x00\x01\x00\x01"
for port in range(3):
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.settimeout(2)
    s.sendto(query, ("192.168.0.103", 53))
    s.recv(512)
ntp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
ntp.settimeout(2)
ntp.sendto(b"\x23" + bytes(47), ("192.168.0.104", 123))
ntp.recv(512)
closed = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
closed.sendto(b"log", ("192.168.0.100", 514))
big = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
big.settimeout(2)
big.sendto(bytes(4000), ("192.168.0.101", 7))
big.recv(65535)
time.sleep(2)  # nmap may have taken the errors that this host has to give
for port in range(33434, 33437):  # traceroute of two hops
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.setsockopt(socket.IPPROTO_IP, socket.IP_TTL, port - 33433)
    s.sendto(bytes(32), ("192.168.0.180", port))'
	"$lab" exec ping -qc 2 -i 0.2 192.168.0.184
	"$lab" exec ping -qc 1 -W 1 192.168.0.199
	"$lab" exec ping -qc 1 -W 1 192.168.0.183
}

follow()
{
	local pid tries=0
	mkfifo "$tmp/live"
	"$nscan" -r - -oJ "$tmp/live.jsonl" <"$tmp/live" >"$tmp/live.out" 2>"$tmp/live.err" &
	pid=$!
	"$lab" exec timeout 20 tcpdump -Z root -U -n --immediate-mode -i eth0 -w - udp or icmp >"$tmp/live" 2>"$tmp/live.log" </dev/null &
	until grep -qs "listening on" "$tmp/live.log"; do
		((++tries > 250)) && break
		sleep 0.02
	done
	"$lab" exec /usr/bin/python3 -c '
import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.sendto(b"hello", ("192.168.0.101", 7))
s.recv(512)'
	for tries in $(seq 100); do
		grep -q '"port":7' "$tmp/live.jsonl" 2>/dev/null && break
		sleep 0.05
	done
	equal "following a live capture: the answer is told while tcpdump still runs" "open udp-response" "$(state live 192.168.0.101 7)" "$tmp/live.err"
	expect "... and the report is not finished yet" eval "! grep -q summary '$tmp/live.jsonl'"
	kill -INT $pid
	wait $pid
	equal "Ctrl-C finishes the report: exit status 130" 130 $? "$tmp/live.err"
	expect "... marked partial" grep -q '"type":"summary".*"partial":true,"why":"interrupted"' "$tmp/live.jsonl"
	expect "... and in the terminal's report too" grep -q '^7/udp *open' "$tmp/live.out"
	wait
}

"$lab" up >/dev/null || exit 1

capture nmap eth0 "$lab" exec nmap -n -sU -p $ports --max-retries 2 192.168.0.100-200
expect "a capture of nmap -sU is read" read_capture nmap
expect "... the report is the truth wherever the packets tell, and never wrong" agrees nmap $ports
expect "... the sanitizer build says the same" eval "$nscan_asan -r $tmp/nmap.pcap -oJ - | tail -n +2 | cmp - <(tail -n +2 $tmp/nmap.jsonl)"
expect "... selected hosts and ports only" eval "[ \"\$($nscan -r $tmp/nmap.pcap -p 53,123 -oJ - 192.168.0.103-104 | grep -c '\"type\":\"port\"')\" = 4 ]"
"$nscan" -r "$tmp/nmap.pcap" -sn -oJ "$tmp/hosts.jsonl" >/dev/null 2>&1
equal "... hosts only" "0 101" \
	"$(grep -c '"type":"port"' "$tmp/hosts.jsonl") $(jq -r 'select(.type == "host") | .addr' "$tmp/hosts.jsonl" | grep -cE '\.(1[0-9][0-9]|200)$')"
head -c $(($(stat -c %s "$tmp/nmap.pcap") - 7)) "$tmp/nmap.pcap" >"$tmp/cut.pcap"
read_capture cut
status=$?
equal "... cut off in the middle: exit status 1, and all but the last packet" "1 $(grep -c . "$tmp/nmap.jsonl")" \
	"$status $(grep -c . "$tmp/cut.jsonl")" "$tmp/cut.err"

capture chatter any chatter
expect "chatter on the \"any\" interface is read" read_capture chatter
equal "... the name server answers" "open udp-response" "$(state chatter 192.168.0.103 53)" "$tmp/chatter.out"
equal "... so does the time server" "open udp-response" "$(state chatter 192.168.0.104 123)"
equal "... the log server refuses" "closed port-unreach" "$(state chatter 192.168.0.100 514)"
equal "... 4000 bytes in fragments each way" "open udp-response" "$(state chatter 192.168.0.101 7)"
expect "... and they pass" grep -q '"fragments_to_host":"pass","fragments_from_host":"pass"' "$tmp/chatter.jsonl"
equal "... traceroute: the router where it ran out" "filtered time-exceeded" "$(state chatter 192.168.0.180 33434)"
equal "... and the host's own word" "closed port-unreach" "$(state chatter 192.168.0.180 33435)"
equal "... ping is answered" "up echo-reply" "$(state chatter 192.168.0.184)"
equal "... or not: nobody answers ARP" "down no-arp-reply" "$(state chatter 192.168.0.199)"
equal "... or a router says so" "down host-unreach" "$(state chatter 192.168.0.183)"
equal "... the asker is asked nothing but ARP" "" "$(jq -r 'select(.type == "port" and .addr == "192.168.0.1")' "$tmp/chatter.jsonl")"

follow
plan
