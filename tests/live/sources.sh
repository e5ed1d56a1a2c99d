#!/bin/bash
# sources.sh: --source-ips with addresses claimed on a LAN (RFC 5227), and the ends that time sets, in network namespaces. Needs root.
#
# scan 10.77.0.1, host 10.77.0.2 and rival 10.77.0.60 hang on a switch. The host's kernel limits its refusals as it does by default.
set -u
here=$(dirname "$(readlink -f "$0")")
nscan=${NSCAN:-${NSCAN_BUILD:-$here/../../build}/release/nscan}
serve=$here/../lab/serve.py
# shellcheck source=tests/support/tap.bash
. "$here/../support/tap.bash"
# shellcheck source=tests/support/netns.bash
. "$here/../support/netns.bash"

out=$(mktemp -d)
pid='' # of what runs in the background

netns() { echo "nssrc$$-$1"; }

in_scan() { ip netns exec "$(netns scan)" "$@"; }
in_host() { ip netns exec "$(netns host)" "$@"; }
in_rival() { ip netns exec "$(netns rival)" "$@"; }

cleanup()
{
	remove_netns "$(netns scan)" "$(netns host)" "$(netns rival)" "$(netns switch)"
	rm -rf "$out"
}
trap cleanup EXIT
trap 'exit 1' INT TERM

# on_switch WHO ADDRESS: a namespace with one cable to the switch.
on_switch() { machine "$(netns "$1")" "$(netns switch)" "to-$1" "$2" master bridge; }

lan()
{
	ip netns add "$(netns switch)" &&
		ip -n "$(netns switch)" link add bridge type bridge mcast_snooping 0 forward_delay 0 &&
		ip -n "$(netns switch)" link set bridge up &&
		on_switch scan 10.77.0.1 && on_switch host 10.77.0.2 && on_switch rival 10.77.0.60 &&
		in_scan ping -q -c 1 -w 5 10.77.0.2 >/dev/null && in_scan ping -q -c 1 -w 5 10.77.0.60 >/dev/null
}

mac_of() { ip netns exec "$(netns "$1")" cat /sys/class/net/eth0/address; }

# A fresh peer for every scan: the host's kernel remembers for minutes how many refusals an address has had. Nobody has .60 to .69.
next_source=70
sources()
{
	echo "10.77.0.$next_source-$((next_source + $1 - 1))"
	next_source=$((next_source + $1))
}

# scan ARGS...: with JSON in $out/json. In the background when it is told so: sets pid.
scan() { in_scan timeout 120 "$nscan" -n -sU -oJ "$out/json" "$@" >"$out/stdout" 2>"$out/stderr" </dev/null; }
background()
{
	scan "$@" &
	pid=$!
}

# Ctrl-C for the scan in the background.
interrupt()
{
	local one
	for one in $(ip netns pids "$(netns scan)"); do
		[ "$(cat "/proc/$one/comm")" = nscan ] && kill -INT "$one"
	done
}

summary() { jq -r 'select(.type == "summary") | '"$1" "$out/json"; }
ports() { jq -r 'select(.type == "port") | "\(.port) \(.state) \(.reason)"' "$out/json" | sort -n; }
closed() { seq -f '%.0f closed port-unreach' "$1" "$2"; }

# capture FILTER: what the host's cable carries, until captured is called, which gives it as text.
capture()
{
	ip netns exec "$(netns host)" tcpdump -i eth0 -n -e --immediate-mode -w "$out/cable" "$1" 2>"$out/tcpdump" &
	capture_pid=$!
	for _ in $(seq 100); do
		grep -qs 'listening on' "$out/tcpdump" && return
		sleep 0.05
	done
}
captured()
{
	sleep 0.2
	kill -TERM "$capture_pid" # SIGINT is ignored in the background
	wait "$capture_pid"
	tcpdump -n -e -r "$out/cable" 2>/dev/null
}

# ICMP messages that the scanner's kernel has sent so far.
kernel_icmp() { in_scan awk '/^Icmp:/ { if (seen++) print $column; else for (i = 1; i <= NF; i++) if ($i == "OutMsgs") column = i }' /proc/net/snmp; }

# The hardware address that the host finds for an address of the LAN.
host_finds()
{
	in_host ip neigh flush dev eth0
	in_host ping -q -c 1 -W 1 "$1" >/dev/null
	in_host ip neigh show "$1" | awk '{ for (i = 1; i < NF; i++) if ($i == "lladdr") print $(i + 1) }'
}

# --- a whole scan from claimed addresses -----------------------------------------------------------------------------------------

whole_scan()
{
	local list before configured icmp
	list=$(sources 32)
	configured=$(in_scan ip -o address)
	icmp=$(kernel_icmp)
	capture 'arp or udp or icmp'
	SECONDS=0
	scan -p 10001-10100 --source-ips "$list" 10.77.0.2
	equal "32 claimed sources: exit status 0, nothing on standard error" "0 " "$? $(cat "$out/stderr")" "$out/stdout"
	{
		closed 10001 10049
		echo '10050 open udp-response'
		closed 10051 10100
	} >"$out/truth"
	ports >"$out/ports"
	expect "32 claimed sources: every port is as it is" diff "$out/truth" "$out/ports"
	expect "32 claimed sources: a few seconds for what takes 94 from one address ($(summary .elapsed_s) s)" \
		jq -e 'select(.type == "summary") | .elapsed_s < 6' "$out/json"
	expect "32 claimed sources: JSON names no single source" jq -es '.[0].type == "scan" and (.[0] | has("source") | not)' "$out/json"
	captured >"$out/packets"
	equal "each address is probed for three times and announced once" "96 32" \
		"$(grep -c 'Request who-has .* tell 0\.0\.0\.0' "$out/packets") $(grep -cE 'Request who-has ([0-9.]+) .*tell \1,' "$out/packets")"
	before=$(awk '/tell 0\.0\.0\.0/ { last = NR } / > .*10\.77\.0\.2\.[0-9]+: UDP/ && !first { first = NR } END { print (first > last) }' "$out/packets")
	equal "no port is asked before the last probe" 1 "$before"
	expect "asks come from many addresses" test "$(grep -oE '10\.77\.0\.[0-9]+\.[0-9]+ > 10\.77\.0\.2\.' "$out/packets" | cut -d. -f4 | sort -u | wc -l)" -ge 16
	sleep 3.5 # a kernel that forwarded would now complain that nobody has the address
	equal "the scanner's kernel sends no ICMP message about any of it" "$icmp" "$(kernel_icmp)"
	equal "nothing is configured on the scanner" "$configured" "$(in_scan ip -o address)"
	equal "after the scan nobody answers for the addresses" "" "$(host_finds "${list%-*}")"
}

# --- while the scan runs ---------------------------------------------------------------------------------------------------------

# Answering, and giving way: the rival takes one of the addresses in the middle of the scan.
running()
{
	local list first second
	list=$(sources 16)
	first=${list%-*}
	second=10.77.0.$((${first##*.} + 1))
	background -p 20001-20400 --source-ips "$list" --max-time 9s 10.77.0.2
	sleep 2
	equal "the host finds a claimed address at the scanner" "$(mac_of scan)" "$(host_finds "$first")"
	equal "an address that is not claimed it does not find" "" "$(host_finds 10.77.0.61)"
	in_host ping -q -c 1 -W 1 "$first" >/dev/null
	equal "a claimed address answers no ping" 1 $?
	expect "who wants to use a claimed address is told that it is taken" grep -q . <(in_rival_probes "$first")
	ip -n "$(netns rival)" address add "$second/24" dev eth0
	in_rival ping -q -c 1 -W 1 -I "$second" 10.77.0.2 >/dev/null
	in_rival ping -q -c 1 -W 1 -I "$second" 10.77.0.1 >/dev/null
	equal "an address that somebody took is left to him" "$(mac_of rival)" "$(host_finds "$second")"
	wait "$pid"
	equal "--max-time: exit status 0" 0 $? "$out/stderr"
	ip -n "$(netns rival)" address del "$second/24" dev eth0
	equal "the conflict is told once" 1 "$(grep -c "^nscan: $second, claimed by --source-ips, is now used by" "$out/stderr")" "$out/stderr"
	expect "with the rival's hardware address" grep -qi "$(mac_of rival)" "$out/stderr"
	equal "nothing else is on standard error" 1 "$(wc -l <"$out/stderr")" "$out/stderr"
	expect "the summary has a note of it" grep -q "\"note\":\"$second, claimed by --source-ips, was used by" "$out/json"
	expect "the normal report too" grep -q "^Note: $second, claimed by --source-ips, was used by" "$out/stdout"
	equal "--max-time: the summary says partial, and why" "true max-time" "$(summary '"\(.partial) \(.why)"')"
	expect "--max-time: over in time ($(summary .elapsed_s) s)" jq -e 'select(.type == "summary") | .elapsed_s >= 8.9 and .elapsed_s < 9.5' "$out/json"
	equal "--max-time: what was not settled is unknown, nothing is guessed" "closed port-unreach,unknown unresolved" \
		"$(ports | cut -d' ' -f2- | sort -u | paste -sd,)"
	equal "--max-time: every port is there" 400 "$(ports | wc -l)"
}

# An ARP probe (sender 0.0.0.0), as a machine sends one before it takes an address; prints who answers.
in_rival_probes()
{
	in_rival python3 - "$1" <<'END'
import socket, sys
s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(0x0806))
s.bind(("eth0", 0x0806))
s.settimeout(1)
own = s.getsockname()[4]
wanted = socket.inet_aton(sys.argv[1])
head = b"\x08\x06\x00\x01\x08\x00\x06\x04\x00"
s.send(b"\xff" * 6 + own + head + b"\x01" + own + bytes(4) + bytes(6) + wanted)
try:
    while True:
        frame = s.recv(2000)
        if frame[20:22] == b"\x00\x02" and frame[28:32] == wanted:
            print(frame[22:28].hex(":"))
            break
except TimeoutError:
    pass
END
}

# --- addresses that cannot be had --------------------------------------------------------------------------------------------------

refusals()
{
	local mac
	mac=$(mac_of rival)
	capture "ether src $(mac_of scan)"
	scan -p 10001-10100 --source-ips 10.77.0.58-62 10.77.0.2
	equal "an address that somebody has: exit status 1" 1 $? "$out/stderr"
	equal "an address that somebody has: one line says whose it is" "nscan: 10.77.0.60 is in use by ${mac^^}: leave it out of --source-ips" \
		"$(cat "$out/stderr")"
	equal "an address that somebody has: nothing on standard output" "" "$(cat "$out/stdout")"
	captured >"$out/packets"
	expect "an address that somebody has: ARP probes were sent" grep -q 'who-has 10\.77\.0\.60 tell 0\.0\.0\.0' "$out/packets"
	equal "an address that somebody has: nothing else was sent" "" "$(grep -v 'who-has 10\.77\.0\.[0-9]* tell 0\.0\.0\.0' "$out/packets")"
	two_scanners
	capture "ether src $(mac_of scan)"
	usage 'in no subnet of eth0 \(10\.77\.0\.1/24\)' --source-ips 10.78.0.1 10.77.0.2
	usage 'network or broadcast address' --source-ips 10.77.0.240-255 10.77.0.2
	usage 'this machine has 127\.0\.0\.1, but not on eth0' --source-ips 127.0.0.1 10.77.0.2
	usage 'in no subnet of lo' --source-ips 10.77.0.70 127.0.0.1
	usage 'several interfaces.*-e' --source-ips 10.77.0.70 10.77.0.1-2
	captured >"$out/packets"
	equal "wrong usage sends nothing" "" "$(cat "$out/packets")"
}

usage()
{
	local pattern=$1
	shift
	scan -p 10001 "$@"
	equal "wrong sources: exit status 2, one line that says '$pattern'" "2 1" "$? $(grep -cE "^nscan: --source-ips: .*$pattern" "$out/stderr")" "$out/stderr"
}

# Two that probe for the same addresses at the same time must not both get them.
two_scanners()
{
	local list first second
	list=$(sources 8)
	in_rival timeout 60 "$nscan" -n -sU -p 10001-10010 --source-ips "$list" 10.77.0.2 >"$out/rival" 2>&1 </dev/null &
	pid=$!
	scan -p 10001-10010 --source-ips "$list" 10.77.0.2
	first=$?
	wait "$pid"
	second=$?
	expect "two scanners that claim the same addresses: not both get them (exit status $first and $second)" test $((first + second)) -gt 0
}

# --- beside the addresses that are configured ---------------------------------------------------------------------------------------

configured_ones()
{
	local list
	list=$(sources 3)
	ip -n "$(netns scan)" address add 10.77.0.5/24 dev eth0
	capture 'arp'
	scan -p 10001-10020 -e eth0 --source-ips "10.77.0.5,$list" --packet-trace 10.77.0.2
	equal "configured and claimed addresses together: exit status 0" 0 $? "$out/stderr"
	captured >"$out/packets"
	equal "a configured address is not probed for" "0 3" \
		"$(grep -c 'who-has 10\.77\.0\.5 tell 0\.0\.0\.0' "$out/packets") $(grep -oE 'who-has [0-9.]+ tell 0\.0\.0\.0' "$out/packets" | sort -u | wc -l)"
	expect "configured and claimed addresses together: every port is as it is" diff <(closed 10001 10020) <(ports)
	expect "--packet-trace shows the claim" grep -qE "^SENT .* ARP announcement ${list%-*} is-at" "$out/stdout"
	ip -n "$(netns scan)" address del 10.77.0.5/24 dev eth0
	list=$(sources 1)
	list=${list%-*}
	scan -p 10001-10003 --source-ips "$list" 10.77.0.2
	equal "a single source is named in JSON" "$list" "$(jq -r 'select(.type == "scan") | .source' "$out/json")"
	in_scan sysctl -qw net.ipv4.conf.eth0.forwarding=1
	scan -p 10001-10003 --source-ips "$(sources 2)" 10.77.0.2
	equal "a machine that forwards is warned of it, and scans" "0 1" \
		"$? $(grep -c '^nscan: this machine forwards packets.*net/ipv4/conf/eth0/forwarding=0' "$out/stderr")" "$out/stderr"
	in_scan sysctl -qw net.ipv4.conf.eth0.forwarding=0
}

# --- a source that hears nothing -----------------------------------------------------------------------------------------------

# A firewall lets one source down from the start, and another one in the middle: what they had to ask, others have to ask.
deaf_sources()
{
	local list first n
	list=$(sources 8)
	first=${list%-*}
	n=${first##*.}
	in_host iptables --wait -A INPUT -p udp --dport 30040:30059 -j DROP
	in_host iptables --wait -I INPUT -s "10.77.0.$((n + 1))" -j DROP
	in_host iptables --wait -I INPUT -s "10.77.0.$((n + 2))" -j DROP
	background -p 30001-30120 --source-ips "$list" --max-time 60s 10.77.0.2
	wait "$pid"
	in_host iptables --wait -F INPUT
	equal "two sources of eight hear nothing: the scan comes to its end ($(summary .elapsed_s) s)" false "$(summary .partial)" "$out/stderr"
	{
		closed 30001 30039
		seq -f '%.0f open|filtered silent-while-refusing' 30040 30059
		closed 30060 30120
	} >"$out/truth"
	ports >"$out/ports"
	expect "two sources of eight hear nothing: every port is as it is" diff "$out/truth" "$out/ports"
}

# --- the other bounds ---------------------------------------------------------------------------------------------------------------

bounds()
{
	scan -p 30001-30100 --host-timeout 3s --source-ips "$(sources 2)" 10.77.0.2
	equal "--host-timeout: exit status 0" 0 $? "$out/stderr"
	expect "--host-timeout: over in time ($(summary .elapsed_s) s)" jq -e 'select(.type == "summary") | .elapsed_s < 4.5' "$out/json"
	equal "--host-timeout: what was not settled is unknown, nothing is guessed" "closed port-unreach,unknown unresolved" \
		"$(ports | cut -d' ' -f2- | sort -u | paste -sd,)"
	scan -T polite -p 30001-30012 --source-ips "$(sources 4)" 10.77.0.2
	expect "-T polite: twelve ports of one host take four seconds and more ($(summary .elapsed_s) s)" \
		jq -e 'select(.type == "summary") | .elapsed_s >= 4' "$out/json"
	expect "-T polite: every port is as it is" diff <(closed 30001 30012) <(ports)
	background -T0 -p 30001-30100 --source-ips "$(sources 8)" 10.77.0.2
	sleep 1
	capture "ether src $(mac_of scan)"
	sleep 8
	interrupt
	wait "$pid"
	equal "interrupted while it claims: exit status 130" 130 $? "$out/stderr"
	captured >"$out/packets"
	expect "-T paranoid: one packet in five seconds, those of the claim too" test "$(wc -l <"$out/packets")" -ge 1 -a "$(wc -l <"$out/packets")" -le 2
	equal "interrupted while it claims: the reports are whole, and say so" "true interrupted" "$(summary '"\(.partial) \(.why)"')"
}

if [ "$(id -u)" != 0 ] || ! lan 2>"$out/lan"; then
	echo "1..0 # SKIP needs root and network namespaces"
	exit 0
fi
in_host "$serve" answer:10050 >"$out/serve" 2>&1 </dev/null &
for _ in $(seq 100); do
	in_host grep -q ':2742 ' /proc/net/udp && break
	sleep 0.05
done
whole_scan
running
refusals
configured_ones
bounds
deaf_sources
plan
