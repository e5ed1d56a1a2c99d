#!/bin/bash
# services.sh: what services say, and answers that contradict each other, in network namespaces. Needs root.
#
# scan 10.78.0.1 asks 10.78.0.2 to .8, all of them one machine, whose answers take 30 ms. The cable between them is an injector
# (tests/lab/inject.py) that forges a DNS answer ahead of the real one (.3), repeats answers (.4), answers from another address (.5), sends
# back whatever is asked on any port (.6), sees the scanner elsewhere (.7), and guesses (.8). Of .2 everything is true.
set -u
here=$(dirname "$(readlink -f "$0")")
nscan=${NSCAN:-${NSCAN_BUILD:-$here/../../build}/release/nscan}
inject=$here/../lab/inject.py
dtd=/usr/share/nmap/nmap.dtd
# shellcheck source=tests/support/tap.bash
. "$here/../support/tap.bash"
# shellcheck source=tests/support/netns.bash
. "$here/../support/netns.bash"

out=$(mktemp -d)

netns() { echo "nssvc$$-$1"; }

in_scan() { ip netns exec "$(netns scan)" "$@"; }
in_host() { ip netns exec "$(netns host)" "$@"; }

cleanup()
{
	remove_netns "$(netns scan)" "$(netns host)" "$(netns switch)"
	rm -rf "$out"
}
trap cleanup EXIT
trap 'exit 1' INT TERM

# on_switch WHO ADDRESS: a namespace with one cable to the switch.
on_switch() { machine "$(netns "$1")" "$(netns switch)" "to-$1" "$2"; }

lan()
{
	local n
	ip netns add "$(netns switch)" &&
		ip netns exec "$(netns switch)" sysctl -qw net.ipv6.conf.all.disable_ipv6=1 net.ipv6.conf.default.disable_ipv6=1 &&
		on_switch scan 10.78.0.1 && on_switch host 10.78.0.2 || return 1
	for n in 3 4 5 6 7 8; do
		ip -n "$(netns host)" addr add "10.78.0.$n/24" dev eth0 || return 1
	done
	ip netns exec "$(netns switch)" "$inject" to-scan to-host 10.78.0. 0.03 90 >"$out/inject.log" 2>&1 &
	disown
	in_scan ping -q -c 1 -w 5 10.78.0.2 >/dev/null
}

# Of .5 nothing answers, and .6 and .7 say nothing themselves.
firewall()
{
	in_host iptables-restore --wait <<-'RULES'
		*filter
		-A INPUT -d 10.78.0.5 -p udp --dport 53 -j DROP
		-A INPUT -d 10.78.0.6 -p udp -j DROP
		-A INPUT -d 10.78.0.7 -p udp -j DROP
		-A INPUT -d 10.78.0.8 -p udp --dport 53 -j DROP
		COMMIT
	RULES
}

start()
{
	local name=$1
	shift
	in_host "$@" </dev/null >"$out/$name.log" 2>&1 &
	disown
}

daemons()
{
	start dnsmasq dnsmasq --keep-in-foreground --conf-file=/dev/null --pid-file --user=root --group=root --log-facility=- \
		--no-resolv --no-hosts --no-poll --port=53 --enable-tftp --tftp-root="$out"
	mkdir -p /run/chrony
	start chronyd chronyd -d -x -u root 'local stratum 8' 'allow all' 'cmdallow all' 'bindcmdaddress 0.0.0.0' 'bindcmdaddress /' \
		"pidfile /run/chrony/nssvc$$.pid"
	MIBS='' MIBDIRS='' SNMP_PERSISTENT_DIR=$out/snmp SNMPCONFPATH=/nonexistent \
		start snmpd snmpd -f -Lo -C --rocommunity=public udp:161
}

# Until everybody listens.
await()
{
	local tries=0 port
	for port in 0035 0045 007B 00A1 0143; do
		until in_host grep -q ":$port " /proc/net/udp; do
			((++tries > 500)) && return 1
			sleep 0.02
		done
	done
}

# scan NAME ARGS...: all formats to NAME.*
scan()
{
	local name=$1
	shift
	in_scan timeout 60 "$nscan" -n -sU -oA "$out/$name" "$@" >"$out/$name.out" 2>"$out/$name.err" </dev/null
}

# The last word about a port; the notes of a code, as text.
port() { jq -c "select(.type==\"port\" and .port==$2 and .addr==\"$3\")" "$out/$1.jsonl" | tail -n 1; }
notes() { jq -r "select(.type==\"note\" and .code==\"$2\" and .addr==\"$3\") | .text" "$out/$1.jsonl"; }
field() { jq -r "$1 // \"-\"" <<<"$2"; }

# matches NAME PATTERN TEXT
matches()
{
	if [[ $3 =~ $2 ]]; then
		ok "$1"
	else
		not_ok "$1"
		printf '#   pattern: %s\n#   seen:    %s\n' "$2" "$3"
	fi
}

test_readings()
{
	local line
	scan readings -p 53,69,123,161,323 10.78.0.2
	equal "a scan of real services ends well" 0 $? "$out/readings.err"
	line=$(port readings 53 10.78.0.2)
	equal "DNS: service, product" "domain dnsmasq" "$(field .service "$line") $(field .product "$line")"
	equal "DNS: version as dnsmasq itself tells it" "$(dnsmasq --version | sed -n '1s/.*version \([^ ]*\) .*/\1/p')" "$(field .version "$line")"
	equal "DNS: recursion offered" offered "$(field .details.recursion "$line")"
	line=$(port readings 123 10.78.0.2)
	equal "NTP: stratum and reference as configured" "8 127.127.1.1" "$(field .details.stratum "$line") $(field .details.reference "$line")"
	line=$(port readings 323 10.78.0.2)
	equal "chrony's control port" "chrony chrony" "$(field .service "$line") $(field .product "$line")"
	line=$(port readings 161 10.78.0.2)
	equal "SNMP: sysDescr, with the community public" "$(uname -snr | head -c 20)" "$(field '.details."sys-descr"' "$line" | head -c 20)"
	equal "SNMP: the engine's enterprise" "8072 Net-SNMP" "$(field .details.enterprise "$line")"
	line=$(port readings 69 10.78.0.2)
	equal "TFTP: the error" "1 file not found" "$(field .details.error "$line")"
	equal "no port is suspected of anything" "" "$(jq -c 'select(.type=="note")' "$out/readings.jsonl")"
	expect "XML is valid against nmap's DTD" xmllint --noout --nonet --dtdvalid "$dtd" "$out/readings.xml"
	equal "XML: product and version, as probed" "dnsmasq probed" \
		"$(xmllint --xpath 'concat(//port[@portid=53]/service/@product, " ", //port[@portid=53]/service/@method)' "$out/readings.xml")"
	expect "grepable: the version field" grep -q '53/open/udp//domain//dnsmasq-' "$out/readings.gnmap"
	expect "the table has the line" grep -qE '^53/udp +open +domain +udp-response +dnsmasq-' "$out/readings.nscan"
	expect "... as wide as a terminal" test "$(grep -E '^[0-9]+/udp' "$out/readings.nscan" | grep -v 'from port' | awk '{ if (length($0) > n) n = length($0) } END { print n }')" -le 120
}

# A forged answer ahead of the real one: both with their times.
test_conflict()
{
	local text real
	scan conflict -p 53 10.78.0.3
	text=$(notes conflict conflicting-replies 10.78.0.3)
	matches "a forged DNS answer ahead of the real one: both are shown, with the times" \
		'^two answers to one query: after ([0-9.]+) ms: forged-1.0.*; after ([0-9.]+) ms: dnsmasq-' "$text"
	real=${BASH_REMATCH[2]:-0}
	expect "... the real one as late as the network makes it (30 ms): after $real ms" \
		awk -v early="${BASH_REMATCH[1]:-99}" -v late="$real" 'BEGIN { exit !(early < late && late > 29) }'
	expect "... and on the terminal" grep -q '53/udp: two answers to one query: .*forged-1.0.*dnsmasq.*(conflicting-replies)' "$out/conflict.nscan"
	equal "the port is open all the same" open "$(field .state "$(port conflict 53 10.78.0.3)")"
}

test_duplicates()
{
	scan duplicates -p 53,123 10.78.0.4
	matches "an answer that comes twice is a duplicate, no conflict" '^one query was answered twice alike: after [0-9.]+ ms and after [0-9.]+ ms' \
		"$(notes duplicates duplicate-replies 10.78.0.4 | grep twice | head -n 1)"
	matches "... three times: counted" 'answered 3 times alike' "$(notes duplicates duplicate-replies 10.78.0.4)"
	equal "... and nothing conflicts" "" "$(notes duplicates conflicting-replies 10.78.0.4)"
}

test_other_host()
{
	scan other -p 53 --max-retries 3 10.78.0.5
	matches "an answer from another address is noted" '^10\.78\.0\.9 answered what was asked of this host, and is not believed: elsewhere-2.0' \
		"$(notes other answer-from-other-host 10.78.0.5)"
	equal "... and the port is not open for it" "open|filtered" "$(field .state "$(port other 53 10.78.0.5)")"
	scan guess -p 53 --max-retries 3 10.78.0.8
	equal "an answer with another id: not open" "open|filtered" "$(field .state "$(port guess 53 10.78.0.8)")"
	expect "... counted as rejected" test "$(jq -r 'select(.type=="summary").rejected' "$out/guess.jsonl")" -gt 0
	equal "... and never said to be the service" "-" "$(field .product "$(port guess 53 10.78.0.8)")"
}

test_every_port()
{
	scan every -p 1000-1039 10.78.0.6
	matches "a host that answers on every port" '^40 of 40 ports asked are open and send back what they get' \
		"$(notes every answers-on-every-port 10.78.0.6)"
	equal "... each an echo" echo "$(field .service "$(port every 1007 10.78.0.6)")"
	scan badsum --badsum -p 1000-1003 10.78.0.6
	matches "an answer to a probe with a bad checksum" '^answers probes whose UDP checksum is wrong' "$(notes badsum answers-bad-checksum 10.78.0.6)"
	scan goodhost --badsum --max-retries 1 -p 53 10.78.0.2
	equal "... a real host gives none" "" "$(notes goodhost answers-bad-checksum 10.78.0.2)"
}

test_nat()
{
	scan nat -p 3478 10.78.0.7
	matches "STUN, asked from two source ports: an address translation that shifts ports" \
		'^10\.78\.0\.1 port [0-9]+ is seen as 203\.0\.113\.5 port [0-9]+, port [0-9]+ as 203\.0\.113\.5 port [0-9]+: .*shifts ports' \
		"$(notes nat nat-in-between 10.78.0.7)"
	equal "... also among the details" "shifts ports" "$(field .details.nat "$(port nat 3478 10.78.0.7)")"
}

# What was read survives an interrupted scan: the JSON of a resumed one says the same.
test_resumed()
{
	in_scan timeout 30 "$nscan" -n -sU -p 53,161 -oJ "$out/cut.jsonl" -oX "$out/cut.xml" 10.78.0.2-3 >/dev/null 2>&1
	sed -i '/"type":"summary"/d' "$out/cut.jsonl" # as if it had been cut off there
	in_scan timeout 30 "$nscan" --resume "$out/cut.jsonl" >"$out/cut.out" 2>&1
	expect "--resume: the report tells the service that the earlier run read" grep -qE '^53/udp +open +domain +udp-response +dnsmasq-' "$out/cut.out"
	equal "... in XML too" dnsmasq "$(xmllint --xpath 'string(//host[1]//port[@portid=53]/service/@product)' "$out/cut.xml" 2>/dev/null)"
}

[ "$(id -u)" = 0 ] || {
	echo "services.sh: needs root" >&2
	exit 1
}
if ! lan >"$out/lan.log" 2>&1 || ! firewall >>"$out/lan.log" 2>&1 || ! daemons || ! await; then
	not_ok "the LAN and its daemons come up" "$out"/*.log
	plan
	exit
fi
tests="readings conflict duplicates other_host every_port nat resumed"
# Side by side: each asks addresses of its own.
for name in $tests; do
	"test_$name" >"$out/$name.tap" 2>&1 &
done
wait # for these alone: the daemons are disowned
for name in $tests; do
	while IFS= read -r line; do
		case $line in
		ok*) tap_count=$((tap_count + 1)) ;;
		not*) tap_count=$((tap_count + 1)) tap_failures=$((tap_failures + 1)) ;;
		esac
		printf '%s\n' "$line"
	done <"$out/$name.tap"
done
plan
