#!/bin/bash
# daemons.sh: more than thirty real UDP servers, as Debian packages them, on one host: every one that answers strangers is found open, on
# unexpected ports too, and none is claimed that is not there. What nmap makes of the same host is printed beside it. Needs root.
set -u
here=$(dirname "$(readlink -f "$0")")
nscan=${NSCAN:-${NSCAN_BUILD:-$here/../../build}/release/nscan}
# shellcheck source=tests/support/tap.bash
. "$here/../support/tap.bash"
# shellcheck source=tests/support/netns.bash
. "$here/../support/netns.bash"
out=$(mktemp -d)
chmod 755 "$out"
run=$out/run
mkdir "$run"
host=10.79.0.2

netns() { echo "nsdmn$$-$1"; }
in_scan() { ip netns exec "$(netns scan)" "$@"; }
in_host() { ip netns exec "$(netns host)" "$@"; }

cleanup()
{
	remove_netns "$(netns scan)" "$(netns host)"
	rm -rf "$out"
}
trap cleanup EXIT
trap 'exit 1' INT TERM

network()
{
	local who
	ip netns add "$(netns scan)" && ip netns add "$(netns host)" &&
		ip -n "$(netns scan)" link add eth0 type veth peer name eth0 netns "$(netns host)" &&
		ip -n "$(netns host)" link add ext0 type veth peer name ext1 || return 1
	for who in scan host; do
		ip netns exec "$(netns $who)" sysctl -qw net.ipv6.conf.all.disable_ipv6=1
		ip -n "$(netns $who)" link set lo up
		ip -n "$(netns $who)" link set eth0 up
	done
	ip -n "$(netns scan)" addr add 10.79.0.1/24 dev eth0
	ip -n "$(netns host)" addr add $host/24 dev eth0
	ip -n "$(netns host)" link set ext1 up
	ip -n "$(netns host)" link set ext0 up
	ip -n "$(netns host)" addr add 198.51.100.1/24 dev ext0
	ip -n "$(netns host)" route add 224.0.0.0/4 dev eth0
}

# UDP ports that somebody has bound, on all addresses or on the host's.
bound() { in_host ss -ulnH | awk '{ print $4 }' | grep -E "^(\*|0\.0\.0\.0(%eth0)?|\[::\]|${host//./\\.}):" | sed 's/.*://' | sort -nu; }

ports_of() { awk -v name="$1" '$1 == name { gsub(",", " ", $3); print $3 }' "$out/table"; }

expect "two namespaces" network
"$here/../lab/daemons" table >"$out/table"
in_host "$here/../lab/daemons" run "$run" $host
# Ports that are there and silent: nothing may be claimed of them.
silent='514 51820'
# shellcheck disable=SC2086  # a list of numbers
ip netns exec "$(netns host)" python3 -c '
import socket, sys, time
sockets = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in sys.argv[1:]]
for s, port in zip(sockets, sys.argv[1:]):
    s.bind(("", int(port)))
time.sleep(1000)' $silent &
# Understands one request only, which no table has: the operator names it.
ip netns exec "$(netns host)" python3 -c '
import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(("", 9999))
while True:
    data, who = s.recvfrom(2048)
    if data == b"\x00open sesame":
        s.sendto(b"come in", who)' &
disown -a

# Which daemons are there, and their ports; those not installed are skipped and counted.
wanted=
while read -r name program ports; do
	if [ ! -e "$run/$name.pid" ]; then
		skip "$name" "$program is not installed"
	else
		wanted="$wanted $(tr , ' ' <<<"$ports")"
	fi
done <"$out/table"
for _ in $(seq 60); do
	missing=$(comm -23 <(tr ' ' '\n' <<<"$wanted $silent 9999" | grep . | sort) <(bound | sort))
	[ -z "$missing" ] && break
	sleep 0.5
done
for port in $missing; do
	name=$(awk -v port="$port" '("," $3 ",") ~ ("," port ",") { print $1 }' "$out/table")
	not_ok "$name serves port $port" "$run/$name.log"
done
sleep 1 # bound is not yet ready

closed='9 99 1434 6000'
all=$(tr ' ' '\n' <<<"$wanted $silent 9999 $closed" | grep . | sort -nu | paste -sd,)

# What each is called, and a piece of what it says of itself.
says='
7 echo sends back
13 daytime UTC
19 chargen characters
37 time 20[0-9][0-9]-
53 domain dnsmasq-[0-9]
67 bootps DHCP ack.*server-id 10.79.0.2
69 tftp error 1
88 kerberos KDC_ERR_
111 sunrpc RPC
123 ntp stratum 8
137 netbios-ns EXAMPLE.*LAB
161 snmp Net-SNMP
177 xdmcp willing
323 chrony chronyd
443 https QUIC
500 isakmp IKEv2
623 asf-rmcp ASF pong
1194 openvpn OpenVPN
1701 l2tp lab-lns
1812 radius Access-
1813 radius-acct Accounting-
1900 ssdp MiniUPnPd
2123 gtp-control GTP
2152 gtp-user GTP
2427 mgcp-gateway 500
3478 stun Coturn.*10.79.0.1 port
3671 knxnet-ip knxd
3702 ws-discovery wsdp:Device
4433 dtls DTLS
4500 ipsec-nat-t IKEv2
5060 sip kamailio
5300 domain BIND 9
5351 nat-pmp NAT-PMP
5353 mdns _workstation._tcp
5683 coap CoAP
5684 coaps DTLS
6881 bittorrent-dht A2
8303 teeworlds Teeworlds 0.7
11211 memcache memcached 1
27960 quake3 map lab
30000 luanti Minetest
64738 mumble Mumble 1'

# scan NAME ARGS...: the last word on each port, as "port state service info".
scan()
{
	local name=$1
	shift
	in_scan timeout 60 "$nscan" -n -sU -p "$all" $host -oJ "$out/$name.jsonl" "$@" >"$out/$name.txt" 2>&1
	jq -rs '[.[] | select(.type == "port")] | group_by(.port)[] | last | "\(.port) \(.state) \(.service) \(.info)"' "$out/$name.jsonl" >"$out/$name.ports"
}
state() { awk -v port="$2" '$1 == port { print $2 }' "$out/$1.ports"; }

# A daemon that has bound its port may need a moment more until it serves; but no scan may claim what is not there.
tries=0 false_claims=
for _ in 1 2 3; do
	tries=$((tries + 1))
	scan safe
	false_claims="$false_claims$(comm -23 <(awk '$2 == "open" { print $1 }' "$out/safe.ports" | sort) <(tr ' ' '\n' <<<"$wanted" | sort))"
	waiting=
	for port in $wanted; do
		[ "$(state safe "$port")" = open ] || waiting="$waiting $port"
	done
	[ -z "$waiting" ] && break
	sleep 2
done
while read -r name _; do
	[ -e "$run/$name.pid" ] || continue
	for port in $(ports_of "$name"); do
		line=$(grep "^$port " "$out/safe.ports")
		read -r _ service words < <(grep "^$port " <<<"$says")
		if grep -qE "^$port open $service .*$words" <<<"$line"; then
			ok "$name: $line"
		else
			not_ok "$name: '$line', wanted: open, $service, $words" "$run/$name.log"
		fi
	done
done <"$out/table"
equal "nothing else is claimed to be open, in $tries scans" "" "$false_claims" "$out/safe.txt"
for port in $closed; do
	equal "port $port, where nobody is, is closed" closed "$(state safe "$port")"
done
for port in $silent 9999; do
	equal "port $port, where somebody is silent, is open|filtered" 'open|filtered' "$(state safe "$port")"
done

# --- the options ---------------------------------------------------------------------------------------------------------------
known=$(grep -cE ' open ' "$out/safe.ports")
saved=$all
all=13,53,161,5300
scan none --payloads none
all=$saved
equal "--payloads none: only what answers any datagram is open" \
	"open,open|filtered,open|filtered,open|filtered" "$(for port in 13 53 161 5300; do state none $port; done | paste -sd,)"
scan own --payload 9999=@<(printf '\0wrong') --payload 9999=006f70656e20736573616d65
equal "--payload: a request of the operator's opens port 9999" open "$(state own 9999)"
equal "--payload: the other ports get what they get" open "$(state own 53)"
for try in "27960 quake3-status" "5683 coap-core"; do
	read -r port name <<<"$try"
	[[ " $wanted " == *" $port "* ]] || continue
	in_scan "$nscan" -n -p "$port" $host --packet-trace >"$out/trace" 2>&1
	equal "$name is not sent by default" 0 "$(grep -c "payload=$name" "$out/trace")"
	in_scan "$nscan" -n -p "$port" $host --packet-trace --payloads all >"$out/trace" 2>&1
	expect "$name is sent with --payloads all" grep -q "SENT.*payload=$name" "$out/trace"
	expect "$name is answered" grep -qE "RCVD.* UDP $host:$port > " "$out/trace"
done

# --- beside nmap ------------------------------------------------------------------------------------------------------------------
if command -v nmap >/dev/null; then
	in_scan timeout 120 nmap -n -Pn -sU -p "$all" $host -oG "$out/nmap" >/dev/null 2>&1
	# Of the ports where a daemon is.
	nmap_state() { grep -oE "[ 	]$1/[^/]*/" "$out/nmap" | cut -d/ -f2; }
	open=0 unsure=0 wrong=
	for port in $wanted; do
		case $(nmap_state "$port") in
		open) open=$((open + 1)) ;;
		'open|filtered') unsure=$((unsure + 1)) ;;
		*) wrong="$wrong $port" ;;
		esac
	done
	echo "# $(wc -w <<<"$wanted") ports of $(grep -c . "$out/table") daemons; nscan: $known open; $(nmap --version | head -n 1 | cut -d' ' -f1-3): $open open, $unsure open|filtered, called closed:${wrong:- none}"
	expect "nmap finds no more open ports than nscan" test "$open" -le "$known"
fi
plan
