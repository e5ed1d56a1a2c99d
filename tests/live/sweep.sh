#!/bin/bash
# sweep.sh: -sn over many addresses on real kernels, in network namespaces: everybody answering, loss, a directly connected /16.
set -u
cd "$(dirname "$(readlink -f "$0")")/../.." || exit 1
# shellcheck source=tests/support/tap.bash
. tests/support/tap.bash

nscan=$(readlink -f "${NSCAN:-./nscan}")
p=nsswp${BASHPID}
out=$(mktemp -d)

cleanup()
{
	local name pids
	for name in "$p-s" "$p-t" "$p-a" "$p-b"; do
		pids=$(ip netns pids "$name" 2>/dev/null)
		# shellcheck disable=SC2086  # a list of numbers
		[ -z "$pids" ] || kill -9 $pids 2>/dev/null
		ip netns del "$name" 2>/dev/null
	done
	rm -rf "$out"
}
trap cleanup EXIT
trap 'exit 1' INT TERM

# Two namespaces joined by a cable: PAIR SCANNER-ADDRESS TARGET-ADDRESS PREFIX-BITS
pair()
{
	local s=$p-$1 t=$p-$2 name
	for name in "$s" "$t"; do
		ip netns add "$name" || return 1
		ip -n "$name" link set lo up
		[ ! -d /proc/sys/net/ipv6 ] || ip netns exec "$name" sh -c 'echo 1 >/proc/sys/net/ipv6/conf/default/disable_ipv6'
	done
	ip link add eth0 netns "$s" type veth peer name eth0 netns "$t" && ip -n "$s" addr add "$3" dev eth0 &&
		ip -n "$t" addr add "$4" dev eth0 && ip -n "$s" link set eth0 up && ip -n "$t" link set eth0 up
}

scan() { timeout 60 ip netns exec "$p-$1" "$nscan" "${@:2}"; }
# The value of KEY in the summary line of FILE.
summary() { jq -r "select(.type == \"summary\") | .$2" <"$1"; }
# How often the kernel found its neighbour table full.
overflows()
{
	local sum=0 value
	for value in $(awk 'NR == 1 { for (i = 1; i <= NF; i++) if ($i == "table_fulls") column = i; next } { print $column }' /proc/net/stat/arp_cache); do
		sum=$((sum + 16#$value))
	done
	echo $sum
}

if ! pair s t 172.31.0.1/24 172.31.0.2/24; then
	echo "1..0 # SKIP needs root and network namespaces"
	exit 0
fi
command -v jq >/dev/null || { echo "1..0 # SKIP needs jq"; exit 0; }
ip -n "$p-s" route add 10.0.0.0/8 via 172.31.0.2

# --- everybody answers ---
ip -n "$p-t" route add local 10.0.0.0/16 dev lo
scan s -sn -n -oJ "$out/all.jsonl" -oG "$out/all.gnmap" -oX "$out/all.xml" 10.0.0.0/16 >"$out/all.txt" 2>"$out/all.err"
equal "65,536 of 65,536 are found" "0 65536 0" "$? $(summary "$out/all.jsonl" hosts_up) $(summary "$out/all.jsonl" hosts_down)" "$out/all.err"
equal "each has its line in every report" "65536 65536 65536 65536" \
	"$(grep -c '^Host is up' "$out/all.txt") $(grep -c '"state":"up"' "$out/all.jsonl") $(grep -c 'Status: Up' "$out/all.gnmap") $(grep -c '<status state="up"' "$out/all.xml")"
equal "each once, with time and TTL" 65536 "$(jq -r 'select(.type == "host" and .rtt_us >= 0 and .ttl == 64) | .addr' <"$out/all.jsonl" | sort -u | wc -l)"
equal "hosts are in ascending order" "$(grep '^Nscan report' "$out/all.txt" | sha256sum)" \
	"$(grep '^Nscan report' "$out/all.txt" | sort -s -t. -k1,1 -k2,2n -k3,3n -k4,4n | sha256sum)"
expect "one device that answers for all is noted" grep -q 'all 65536 addresses 10.0.0.0-10.0.255.255 answer with TTL 64.*(one-answers-for-all)' "$out/all.txt"
equal "one probe each, and few canaries" yes "$(awk -v n="$(summary "$out/all.jsonl" sent)" 'BEGIN { if (n >= 65536 && n < 66600) print "yes"; else print n }')"
expect "the XML is well-formed" xmllint --noout "$out/all.xml"

# --- interrupted ---
timeout -s INT 0.3 ip netns exec "$p-s" "$nscan" -sn -n --max-rate 20000 -oJ "$out/cut.jsonl" 10.0.0.0/16 >"$out/cut.txt" 2>&1
equal "interrupted, it tells what it knows and guesses nothing" "true 0 65536" "$(summary "$out/cut.jsonl" partial) $(summary "$out/cut.jsonl" hosts_down) \
$(jq -r 'select(.type == "summary") | .hosts_up + .hosts_unknown' <"$out/cut.jsonl")" "$out/cut.txt"
found=$(summary "$out/cut.jsonl" hosts_up)
scan s --resume "$out/cut.jsonl" >"$out/resumed.txt" 2>&1
equal "resumed, it finds the others" "65536 65536" "$(jq -r 'select(.type == "host" and .state == "up") | .addr' <"$out/cut.jsonl" | sort -u | wc -l) \
$(jq -rs 'map(select(.type == "summary")) | last | .hosts_up' <"$out/cut.jsonl")" "$out/resumed.txt"
equal "without asking those again" yes "$(jq -rs "map(select(.type == \"summary\")) | last | if .sent < 66600 - $found then \"yes\" else .sent end" <"$out/cut.jsonl")"

# --- few of many, with loss ---
ip -n "$p-t" route del local 10.0.0.0/16 dev lo
awk 'BEGIN { srand(7); while (n < 200) { a = int(rand() * 131072); if (!(a in seen)) { seen[a] = 1; n++; printf "10.%d.%d.%d\n", a / 65536, a / 256 % 256, a % 256 } } }' |
	sort >"$out/alive"
sed 's/.*/route add local &\/32 dev lo/' "$out/alive" | ip -n "$p-t" -batch -
ip -n "$p-t" route add blackhole 10.0.0.0/15
ip -n "$p-t" route add unreachable 10.7.0.0/24
ip netns exec "$p-t" sh -c 'echo 1 >/proc/sys/net/ipv4/ip_forward; echo 0 >/proc/sys/net/ipv4/icmp_ratelimit; echo 1000000 >/proc/sys/net/ipv4/icmp_msgs_per_sec'
if ip netns exec "$p-t" iptables --wait -A INPUT -p icmp -m statistic --mode random --probability 0.01 -j DROP 2>/dev/null; then
	scan s -sn -n -oJ "$out/few.jsonl" -oG "$out/few.gnmap" 10.0.0.0/15 10.7.0.0/24 >"$out/few.txt" 2>"$out/few.err"
	equal "200 of 131,072 at 1 % loss: all of them, and no other" "$(sha256sum <"$out/alive")" \
		"$(jq -r 'select(.type == "host" and .state == "up") | .addr' <"$out/few.jsonl" | sort | sha256sum)" "$out/few.err"
	equal "inactive addresses are told as ranges that add up" 131128 "$(jq -rs 'map(select(.type == "range" and .state == "down") | .addresses) | add' <"$out/few.jsonl")"
	# Linux sends few of them a second, whatever its settings say.
	equal "a router's word about an address is told with who said it" "true 172.31.0.2" \
		"$(jq -rs 'map(select(.type == "range" and .reason == "host-unreach")) | "\((map(.addresses) | add) > 0) \(map(.from) | unique | join(","))"' <"$out/few.jsonl")" "$out/few.err"
	expect "the screen lists them as ranges" grep -q '^Inactive: 10.0.0.0.*(131128 of 131328)' "$out/few.txt"
else
	skip "200 of 131,072 at 1 % loss" "no iptables statistic match here"
fi

# --- a directly connected /16 ---
pair a b 10.9.0.1/16 10.9.255.254/16
seq 0 498 | awk '{ a = ($1 * 131 + 7) % 65024 + 256; printf "addr add 10.9.%d.%d/16 dev eth0\n", a / 256, a % 256 }' | ip -n "$p-b" -batch -
before=$(overflows)
scan a -sn -n -oJ "$out/lan.jsonl" 10.9.0.0/16 >"$out/lan.txt" 2>"$out/lan.err"
equal "500 of a directly connected /16, by ARP" "$(ip -n "$p-b" -o -4 addr show dev eth0 | awk '{ sub("/16", "", $4); print $4 }' | sort | sha256sum)" \
	"$(jq -r 'select(.type == "host" and .reason == "arp-reply") | .addr' <"$out/lan.jsonl" | sort | sha256sum)" "$out/lan.err"
equal "each with its hardware address" 500 "$(jq -r 'select(.type == "host" and .mac) | .mac' <"$out/lan.jsonl" | wc -l)"
equal "the neighbour table is not used" "0 $before" "$(($(ip -n "$p-a" neigh show | wc -l) > 2)) $(overflows)"
expect "network and broadcast addresses are not asked, and said to be what they are" \
	jq -es 'map(select(.addr == "10.9.255.255" and .reason == "broadcast-address")) | length == 1' "$out/lan.jsonl"
ip netns exec "$p-b" sh -c 'echo 0 >/proc/sys/net/ipv4/icmp_echo_ignore_broadcasts'
scan a --broadcast-ping -n -oJ "$out/broadcast.jsonl" 10.9.0.0/16 >"$out/broadcast.txt" 2>&1
equal "one datagram to everybody is answered" "0 1 10.9.255.254 echo-reply" \
	"$? $(summary "$out/broadcast.jsonl" sent) $(jq -r 'select(.type == "host") | "\(.addr) \(.reason)"' <"$out/broadcast.jsonl")" "$out/broadcast.txt"
expect "one's own address is up" jq -es 'map(select(.addr == "10.9.0.1" and .state == "up")) | length == 1' "$out/lan.jsonl"
plan
