#!/bin/bash
# link.sh: the live link on real interfaces, in two network namespaces joined by a veth pair.
set -u
cd "$(dirname "$(readlink -f "$0")")/../.." || exit 1
# shellcheck source=tests/support/tap.bash
. tests/support/tap.bash

probe=${NSCAN_BUILD:-build}/release/tests/live/link_probe
[ -x "$probe" ] || probe=${NSCAN_BUILD:-build}/tests/live/link_probe
if [ ! -x "$probe" ]; then
	not_ok "$probe is not there: make tests-build"
	plan
	exit
fi
a=nslnk${BASHPID}a b=nslnk${BASHPID}b
out=$(mktemp -d)
port="" background_pid=""
mkfifo "$out/until"

cleanup()
{
	ip netns del "$a" 2>/dev/null
	ip netns del "$b" 2>/dev/null
	rm -rf "$out"
}
trap cleanup EXIT
trap 'exit 1' INT TERM

in_a() { ip netns exec "$a" "$@"; }
in_b() { ip netns exec "$b" "$@"; }
probe_a() { in_a "$probe" "$@"; }

# Joins the namespaces by a fresh pair: veth0 in a (10.98.0.1), veth0 in b (10.98.0.2).
join()
{
	ip -n "$a" link del veth0 2>/dev/null
	ip -n "$a" link add veth0 type veth peer name veth0 netns "$b" &&
		ip -n "$a" addr add 10.98.0.1/24 dev veth0 && ip -n "$a" link set veth0 up &&
		ip -n "$b" addr add 10.98.0.2/24 dev veth0 && ip -n "$b" link set veth0 up
}

# ICMP destination-unreachables that a has sent so far.
unreachables() { in_a awk '/^Icmp:/ { if (seen++) print $column; else for (i = 1; i <= NF; i++) if ($i == "OutDestUnreachs") column = i }' /proc/net/snmp; }

# says NAME TEXT CMD...: the command succeeds and its output contains TEXT, in one line.
says()
{
	local name=$1 text=$2 output
	shift 2
	output=$("$@" 2>&1)
	if [ $? = 0 ] && [[ $output == *"$text"* && $output != *$'\n'* ]]; then
		ok "$name"
	else
		not_ok "$name"
		printf '#   wanted: %s\n#   seen:   %s\n' "$text" "$output"
	fi
}

# Starts a probe that prints a port and then runs until `finish`. Sets $port.
background()
{
	: >"$out/text"
	in_a "$probe" "$@" <"$out/until" >"$out/text" &
	background_pid=$!
	exec 9>"$out/until"
	for _ in $(seq 500); do
		read -r port <"$out/text" && break
		sleep 0.01
	done
}

# Ends it; its status is the result.
finish()
{
	exec 9>&-
	wait "$background_pid"
}

send_udp() { in_b bash -c "echo x >/dev/udp/10.98.0.1/$1"; }

held_ports()
{
	local before
	background hold
	before=$(unreachables)
	for _ in 1 2 3; do
		send_udp "$port"
	done
	sleep 0.1
	equal "datagrams to a held port draw no port-unreachable" "$before" "$(unreachables)"
	finish
	equal "datagrams to a held port are not queued" 0 $? "$out/text"
	send_udp "$port"
	sleep 0.1
	equal "the same port, not held, draws one" $((before + 1)) "$(unreachables)"
}

filter()
{
	background listen veth0
	send_udp "$port"
	send_udp 9
	in_b ping -q -c1 -W1 -s 2000 10.98.0.1 >/dev/null
	finish
	equal "UDP to a held port passes, to another does not; both fragments pass" "$port udp $port fragment fragment" \
		"$(tr '\n' ' ' <"$out/text" | sed 's/ $//')"
}

if ! ip netns add "$a" || ! ip netns add "$b" || ! join; then
	echo "1..0 # SKIP needs root and network namespaces"
	exit 0
fi
ip -n "$a" link set lo up
in_b sysctl -qw net.ipv4.icmp_ratelimit=0
in_b sysctl -qw net.ipv4.icmp_msgs_per_sec=1000000 2>/dev/null
in_a sysctl -qw net.ipv4.icmp_ratelimit=0

expect "Ethernet: ARP and echo, each answer once with a sane time" probe_a exchange veth0 10.98.0.2 200
expect "loopback: raw IP, request and answer once each" probe_a exchange lo 127.0.0.1 200
expect "answers read late carry the time of their arrival" probe_a late lo 127.0.0.1
expect "nothing is lost or doubled when libpcap takes over" probe_a handover lo 127.0.0.1
for where in "lo 127.0.0.1" "veth0 10.98.0.2"; do
	interface=${where% *}
	name="$interface: what does not fit the interface's queue is reported"
	# About two packets at once, then next to none.
	if in_a tc qdisc add dev "$interface" root tbf rate 8bit burst 150 limit 300 2>/dev/null; then
		expect "$name" probe_a full "$interface" "${where#* }"
		in_a tc qdisc del dev "$interface" root
	else
		skip "$name" "no tbf in this kernel"
	fi
done
if [ -e /dev/net/tun ]; then
	expect "tun: raw IP both ways, too large a packet is reported" probe_a tun tun7
else
	skip "tun: raw IP both ways" "no /dev/net/tun"
fi
in_a iptables -A OUTPUT -o lo -p icmp -j DROP
expect "packets refused by the local firewall are reported" probe_a refused lo 127.0.0.1
in_a iptables -F OUTPUT
expect "interface down and up again" probe_a down veth0 10.98.0.2
held_ports
filter
expect "a signal ends the waiting and none is missed" probe_a signal lo
as_nobody=(setpriv --reuid 65534 --regid 65534 --clear-groups --inh-caps +net_raw --ambient-caps +net_raw)
cp "$probe" "$out/probe" && chmod 755 "$out" "$out/probe"
expect "CAP_NET_RAW alone is enough on Ethernet" in_a "${as_nobody[@]}" "$out/probe" exchange veth0 10.98.0.2 50
expect "CAP_NET_RAW alone is enough on loopback" in_a "${as_nobody[@]}" "$out/probe" exchange lo 127.0.0.1 50
says "no rights: says what to do" "raw sockets need root or CAP_NET_RAW: run with sudo, or: setcap cap_net_raw+ep nscan" \
	probe_a unprivileged veth0
ip -n "$b" link set veth0 down
says "no carrier: says so" "interface veth0 has no carrier" probe_a open veth0
ip -n "$b" link set veth0 up
ip -n "$a" link set veth0 down
says "interface down: says how to get it up" "interface veth0 is down: ip link set veth0 up" probe_a open veth0
ip -n "$a" link set veth0 up
expect "a deleted interface is an error that names it" probe_a gone veth0
join
expect "also when it was down before" probe_a gone veth0 down
plan
