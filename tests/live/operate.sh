#!/bin/bash
# operate.sh: what an operator uses beside the scan itself: vendors, reverse names, shards and --merge, --wait, --watch. Each part has two
# network namespaces of its own, and all parts run side by side. Needs root.
set -u
here=$(dirname "$(readlink -f "$0")")
nscan=${NSCAN:-${NSCAN_BUILD:-$here/../../build}/release/nscan}
nscan_asan=${NSCAN_BUILD:-$here/../../build}/asan/nscan
dtd=/usr/share/nmap/nmap.dtd
# shellcheck source=tests/support/tap.bash
. "$here/../support/tap.bash"
prefix=nsop$$
out=$(mktemp -d)
chmod 755 "$out"

cleanup()
{
	local name
	for name in "$out"/*.pid; do
		[ -e "$name" ] && kill "$(cat "$name")" 2>/dev/null
	done
	for name in $(ip netns list 2>/dev/null | awk -v p="^$prefix" '$1 ~ p { print $1 }'); do
		ip netns del "$name" 2>/dev/null
		rm -rf "/etc/netns/$name"
	done
	rm -rf "$out"
}
trap cleanup EXIT
trap 'exit 1' INT TERM

# pair PART: the scanner's namespace (10.77.0.1) and the other side, which has no address yet.
pair()
{
	scanner=${prefix}$1a other=${prefix}$1b
	ip netns add "$scanner" && ip netns add "$other" && join_pair && ip -n "$scanner" link set lo up &&
		ip netns exec "$other" sysctl -qw net.ipv4.icmp_ratelimit=0 net.ipv4.icmp_msgs_per_sec=100000
}

join_pair()
{
	ip -n "$scanner" link add v0 address 00:1b:21:00:00:01 type veth peer name v0 address 00:1b:21:00:00:02 netns "$other" &&
		ip -n "$scanner" addr add 10.77.0.1/24 dev v0 && ip -n "$scanner" link set v0 up && ip -n "$other" link set v0 up
}

# hosts FIRST LAST: 10.77.0.FIRST to .LAST are up.
hosts()
{
	seq -f 'addr add 10.77.0.%g/24 dev v0' "$1" "$2" | ip -n "$other" -b -
}

# In the background these would put a shell between: there ip netns exec is called, which becomes the program.
in_scanner() { ip netns exec "$scanner" "$@"; }
in_other() { ip netns exec "$other" "$@"; }
milliseconds() { date +%s%3N; }

# --- vendors and names ------------------------------------------------------------------------------------------------------------

part_names()
{
	local dns started took
	pair n && hosts 2 6
	mkdir -p "/etc/netns/$scanner"
	echo 'nameserver 10.77.0.2' >"/etc/netns/$scanner/resolv.conf"
	sed 's/^/# /' /etc/hosts >"/etc/netns/$scanner/hosts"
	echo '10.77.0.4 from-hosts-file.lan' >>"/etc/netns/$scanner/hosts"
	ip netns exec "$other" dnsmasq -k --conf-file=/dev/null --no-resolv --no-hosts --user=root --listen-address=10.77.0.2 --bind-interfaces --log-queries \
		--log-facility="$out/queries" --pid-file= --ptr-record=3.0.77.10.in-addr.arpa,printer.lan \
		--ptr-record=2.0.77.10.in-addr.arpa,gate.lan --ptr-record=9.0.77.10.in-addr.arpa,gone.lan &
	dns=$!
	echo $dns >"$out/dns.pid"
	for _ in $(seq 100); do
		in_other ss -Huln | grep -q 10.77.0.2:53 && break
		sleep 0.05
	done

	in_scanner "$nscan" -sn 10.77.0.2-10 -oA "$out/names" >/dev/null 2>"$out/names.err"
	equal "names and vendors: exit status 0, nothing on standard error" "0 " "$? $(cat "$out/names.err")"
	expect "names: the normal report has name and address" grep -qx 'Nscan report for printer.lan (10.77.0.3)' "$out/names.nscan"
	expect "names: /etc/hosts is asked first" grep -qx 'Nscan report for from-hosts-file.lan (10.77.0.4)' "$out/names.nscan"
	equal "names: whoever has none is reported without" 2 "$(grep -cE '^Nscan report for 10\.77\.0\.[56]$' "$out/names.nscan")"
	expect "names: grepable has them" grep -q '^Host: 10.77.0.2 (gate.lan)' "$out/names.gnmap"
	equal "names: the last JSON line on a host has its name" '"gate.lan" "printer.lan" "from-hosts-file.lan" null null' \
		"$(jq -c 'select(.type=="host" and .state=="up")' "$out/names.jsonl" | jq -sr 'group_by(.addr)[] | last | .name | tojson' | paste -sd' ')"
	expect "names: the XML is valid" xmllint --noout --nonet --dtdvalid $dtd "$out/names.xml"
	equal "names: the XML has hostnames" "gate.lan printer.lan from-hosts-file.lan" \
		"$(xmllint --nonet --xpath '//hostname[@type="PTR"]/@name' "$out/names.xml" | sed 's/.*"\(.*\)"/\1/' | paste -sd' ')"
	equal "names: those who are inactive are not asked for" 0 "$(grep -c 'query\[PTR\] 9\.0\.77\.10' "$out/queries")"
	if [ -e /usr/share/ieee-data/oui.csv ] || [ -e /usr/share/nmap/nmap-mac-prefixes ]; then
		expect "vendor: normal report" grep -q '00:1B:21:00:00:02 (Intel' "$out/names.nscan"
		equal "vendor: XML" 5 "$(xmllint --nonet --xpath 'count(//address[starts-with(@vendor,"Intel")])' "$out/names.xml")"
		equal "vendor: JSON" 5 "$(jq -r 'select(.type=="host" and .vendor) | .addr' "$out/names.jsonl" | sort -u | wc -l)"
	else
		skip "vendor" "neither ieee-data nor nmap's list is installed"
	fi

	in_scanner "$nscan" -sn -R 10.77.0.2-10 -oJ "$out/all.jsonl" >"$out/all" 2>&1
	expect "-R: inactive hosts have names too" grep -q '^  10\.77\.0\.9 *gone\.lan$' "$out/all"
	equal "-R: in JSON as well" '"gone.lan"' "$(jq -c 'select(.addr=="10.77.0.9") | .name' "$out/all.jsonl" | tail -n 1)"
	: >"$out/queries"
	in_scanner "$nscan" -sn -n 10.77.0.2-10 >"$out/none" 2>&1
	equal "-n: no name server is asked, nobody has a name" "0 0" "$(grep -c PTR "$out/queries") $(grep -c 'lan' "$out/none")"
	in_scanner "$nscan" -sn --dns-servers 10.77.0.2:53 10.77.0.3 >"$out/some" 2>&1
	expect "--dns-servers: asks these" grep -q 'printer.lan' "$out/some"
	in_scanner "$nscan" -sn 10.77.0.0/21 -oA "$out/named" >/dev/null 2>&1
	equal "names of a sweep: normal, XML and JSON have them" "1 1 1" "$(grep -c '^Nscan report for printer.lan (10.77.0.3)' "$out/named.nscan") $(
		grep -c '<hostname name="printer.lan"' "$out/named.xml") $(grep -c '"name":"printer.lan"' "$out/named.jsonl")"
	if [ -x "$nscan_asan" ]; then
		in_scanner "$nscan_asan" -sn -R 10.77.0.2-10 -oX "$out/asan.xml" >"$out/asan" 2>&1
		equal "names under AddressSanitizer" "0 0" "$? $(grep -c Sanitizer "$out/asan")" "$out/asan"
	fi

	kill -STOP $dns
	started=$(milliseconds)
	in_scanner "$nscan" -sn 10.77.0.3-5 >"$out/dead" 2>"$out/dead.err"
	equal "a dead name server: the scan is whole" "0 3" "$? $(grep -c '^Host is up' "$out/dead")" "$out/dead.err"
	took=$(($(milliseconds) - started))
	expect "a dead name server: costs at most about two seconds ($took ms in all)" test $took -lt 3500
	equal "a dead name server: said once" 1 "$(grep -c 'no name server answers' "$out/dead.err")"
	kill -CONT $dns
	kill $dns
}

# --- shards ------------------------------------------------------------------------------------------------------------------------

# Without what differs from run to run: times, answers that came late, the limit (all addresses here share one bucket), and the command line.
same_text() { sed -E '/^Starting /d; / not verify and /d; /^ICMP errors limited /d; s/\([0-9.]+ ms, /(/; s/ in [0-9.]+ s$//' "$1"; }
same_xml()
{
	sed -E 's/ (args|start|startstr|starttime|endtime|time|timestr|summary|elapsed)="[^"]*"//g; /<times /d' "$1"
}

part_shards()
{
	local i n=7 targets="10.77.0.20-40 10.77.0.3,5,7-9 10.77.0.0/27 10.77.0.2" exclude="10.77.0.4,10.77.0.24-29"
	pair s && hosts 2 26
	in_other iptables -A INPUT -p udp --dport 161 -j DROP
	# shellcheck disable=SC2086
	in_scanner "$nscan" -n -sU -p 53,161,5000-5003 $targets --exclude "$exclude" -oA "$out/whole" >/dev/null 2>"$out/whole.err"
	for i in $(seq $n); do
		# shellcheck disable=SC2086
		in_scanner "$nscan" -n -sU -p 53,161,5000-5003 $targets --exclude "$exclude" --shard "$i/$n" --seed "$i" -oJ "$out/part$i.jsonl" \
			>/dev/null 2>>"$out/part.err" &
		[ $((i % 4)) != 0 ] || wait
	done
	wait
	equal "shards: nothing on standard error" "" "$(cat "$out/whole.err" "$out/part.err")"
	jq -r 'select(.type=="host") | .addr' "$out/whole.jsonl" | sort >"$out/addrs"
	jq -r 'select(.type=="host") | .addr' "$out"/part?.jsonl | sort >"$out/part.addrs"
	expect "shards 1/7 to 7/7: disjoint and together the whole" cmp "$out/addrs" "$out/part.addrs"
	equal "shards: each has its share" 0 "$(for i in $(seq $n); do jq -r 'select(.type=="host") | .addr' "$out/part$i.jsonl" | wc -l; done |
		awk -v all="$(wc -l <"$out/addrs")" '$1 < int(all / 7) || $1 > int(all / 7) + 1' | wc -l)"
	"$nscan" --merge "$out"/part?.jsonl -oX "$out/merged.xml" -oN - -oJ "$out/merged.jsonl" >"$out/merged.nscan" 2>"$out/merged.err"
	equal "--merge: exit status 0, nothing on standard error" "0 " "$? $(cat "$out/merged.err")"
	expect "--merge: the normal report is that of the whole" diff <(same_text "$out/whole.nscan") <(same_text "$out/merged.nscan")
	expect "--merge: the XML is that of the whole" diff <(same_xml "$out/whole.xml") <(same_xml "$out/merged.xml")
	expect "--merge: the XML is valid" xmllint --noout --nonet --dtdvalid $dtd "$out/merged.xml"
	"$nscan" --merge "$out/merged.jsonl" >"$out/again.nscan" 2>/dev/null
	equal "--merge of what --merge wrote" "$(grep -c '^Host is up' "$out/whole.nscan")" "$(grep -c '^Host is up' "$out/again.nscan")"
	"$nscan" --merge "$out"/part[1-57].jsonl >"$out/missing" 2>"$out/missing.err"
	equal "--merge: a missing shard is told, exit status 1" "1 1 1" \
		"$? $(grep -c '^PARTIAL: no report of shard 6/7' "$out/missing") $(grep -c 'partial: no report of shard 6/7' "$out/missing.err")" "$out/missing.err"

	# A sweep: other code scans, the same parts come out.
	for i in 1 2 3; do
		in_scanner "$nscan" -n -sn 10.77.0.0/21 --exclude 10.77.2.0/24 --shard "$i/3" -oJ "$out/sweep$i.jsonl" >/dev/null 2>&1 &
	done
	in_scanner "$nscan" -n -sn 10.77.0.0/21 --exclude 10.77.2.0/24 -oJ "$out/sweep.jsonl" >"$out/sweep.nscan" 2>&1
	wait
	"$nscan" --merge "$out"/sweep[123].jsonl >"$out/sweeps.nscan" 2>&1
	equal "shards of a sweep: each address once" 1792 "$(jq -r 'select(.type=="host") | .addr' "$out"/sweep[123].jsonl | sort -u | wc -l)"
	expect "shards of a sweep, merged: the same report" diff <(same_text "$out/sweep.nscan") <(same_text "$out/sweeps.nscan")
}

# --- --wait ------------------------------------------------------------------------------------------------------------------------

# waits NAME STATUS PATTERN ARGS...
waits()
{
	local name=$1 status=$2 pattern=$3 seen
	shift 3
	in_scanner timeout 20 "$nscan" "$@" >"$out/wait" 2>&1
	seen=$?
	equal "$name" "$status 1 1" "$seen $(wc -l <"$out/wait") $(grep -cE "$pattern" "$out/wait")" "$out/wait"
}

part_wait()
{
	pair w && hosts 2 2
	waits "--wait: a host that is up" 0 '^10\.77\.0\.2 is up \(arp-reply, [0-9.]+ ms\) after' --wait 10.77.0.2 --timeout 5
	waits "--wait: a closed port answers" 0 '^10\.77\.0\.2:domain is closed \(port-unreach' --wait 10.77.0.2:domain --timeout 5
	waits "--wait: nobody, in time" 1 '^nscan: 10\.77\.0\.9 did not answer within 1\.[0-9] s; last: down' --wait 10.77.0.9 --timeout 1.2s
	(sleep 1.3 && hosts 3 3) &
	waits "--wait: a host that comes up" 0 '^10\.77\.0\.3 is up .* after [123]\.[0-9] s' --wait 10.77.0.3 --timeout 10 -w "$out/wait.pcapng"
	expect "--wait -w: every attempt is in the capture" test \
		"$(tcpdump -nr "$out/wait.pcapng" 'arp and arp[7] = 1' 2>/dev/null | grep -c 'who-has 10.77.0.3 tell 10.77.0.1')" -ge 2
	equal "--wait -w: -r reports from it" "Host is up (arp-reply). 00:1B:21:00:00:02 (Intel Corporate)" \
		"$("$nscan" -r "$out/wait.pcapng" 2>&1 | grep '^Host is up')"
	in_other iptables -A INPUT -p udp --dport 77 -j DROP
	(sleep 1.3 && in_other iptables -F) &
	waits "--wait: a port that is silent first" 0 '^10\.77\.0\.2:77 is closed' --wait 10.77.0.2:77 --timeout 10
	ip -n "$scanner" link set v0 down
	(sleep 1.3 && ip -n "$scanner" link set v0 up) &
	waits "--wait: while the own interface is down" 0 '^10\.77\.0\.2 is up' --wait 10.77.0.2 --timeout 10
	mkdir -p "/etc/netns/$scanner"
	cp /etc/hosts "/etc/netns/$scanner/hosts"
	: >"/etc/netns/$scanner/resolv.conf"
	(sleep 1.3 && echo '10.77.0.2 late.lan' >>"/etc/netns/$scanner/hosts") &
	waits "--wait: a name that does not resolve yet" 0 '^late\.lan is up' --wait late.lan --timeout 10
}

# --- --watch -----------------------------------------------------------------------------------------------------------------------

# flip del|add HOST: the host goes or comes; when, and what must be told, is noted.
flip()
{
	ip -n "$other" addr "$1" "10.77.0.$2/24" dev v0
	echo "$(date +%s.%N) 10.77.0.$2 $([ "$1" = add ] && echo up || echo down)" >>"$out/flips"
}

rss_anon() { awk '/^RssAnon:/ { print $2 }' "/proc/$1/status"; }

part_watch()
{
	local pid early late
	pair t && hosts 100 129
	ip netns exec "$scanner" "$nscan" --watch 1.2s --count 14 10.77.0.100-200 -oJ "$out/watch.jsonl" >"$out/watch" 2>"$out/watch.err" &
	pid=$!
	echo $pid >"$out/watch.pid"
	sleep 2.4
	flip del 117
	flip del 118
	sleep 1.3
	flip add 140
	sleep 1.2
	early=$(rss_anon $pid)
	flip add 117
	flip del 120
	sleep 2.6
	flip del 140
	flip add 118
	sleep 1.5
	flip add 120
	flip add 141
	flip del 121
	sleep 3.1
	flip add 121
	sleep 2
	late=$(rss_anon $pid)
	wait $pid
	# On a busy machine a round may take longer than it should, which is said.
	equal "--watch: exit status 0, nothing on standard error" "0 " "$? $(grep -v 'takes longer' "$out/watch.err")"
	jq -r 'select(.type=="change") | "\(.addr) \(.to)"' "$out/watch.jsonl" | sort >"$out/changes"
	expect "--watch: every transition is told once, and nothing else" diff <(cut -d' ' -f2,3 "$out/flips" | sort) "$out/changes"
	expect "--watch: within one round" python3 - "$out/flips" "$out/watch.jsonl" <<'END'
import datetime, json, sys
changes = [c for c in map(json.loads, open(sys.argv[2])) if c["type"] == "change"]
for line in open(sys.argv[1]):
    at, addr, to = line.split()
    told = [datetime.datetime.fromisoformat(c["at"].replace("Z", "+00:00")).timestamp() - float(at)
            for c in changes if (c["addr"], c["to"]) == (addr, to)]
    # A round may have just asked it when it changes; the next one begins 1.2 s later, and takes about a second at most.
    if not any(-0.1 < t < 2.8 for t in told):
        sys.exit(f"{addr} {to}: told after {told}")
END
	expect "--watch: 14 rounds, each a multiple of 1.2 s after the first" python3 - "$out/watch.jsonl" <<'END'
import datetime, json, sys
at = [datetime.datetime.fromisoformat(r["at"].replace("Z", "+00:00")).timestamp() for r in map(json.loads, open(sys.argv[1])) if r["type"] == "round"]
off = [abs((t - at[0]) / 1.2 - round((t - at[0]) / 1.2)) * 1.2 for t in at]
sys.exit(f"{len(at)} rounds, off by {off}" if len(at) != 14 or max(off) > 0.15 else 0)
END
	expect "--watch: memory is flat ($early kB, then $late kB)" test $((late - early)) -lt 200
	expect "--watch: a line for each change" grep -qE '^[0-9:]{8} 10\.77\.0\.117 is down \(no-arp-reply\); was up for [0-9.]+ s$' "$out/watch"
	expect "--watch: the table at the end" grep -qE '^10\.77\.0\.121 +up +[0-9.]+ % +2  20..-..-.. ..:..:..$' "$out/watch"
	expect "--watch: who was always up" grep -q '^Always up: 10.77.0.100-.116, .119, .122-.129 (26 of 101)$' "$out/watch"
	expect "--watch: who was never up" grep -q '^Never up: 10.77.0.130-.139, .142-.200 (69 of 101)$' "$out/watch"
	equal "--watch: uptime lines for all" 101 "$(jq -r 'select(.type=="uptime") | .addr' "$out/watch.jsonl" | wc -l)"
}

part_link()
{
	local pid
	pair l && hosts 100 103
	ip netns exec "$other" python3 -c '
import socket, sys
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(("10.77.0.100", 5000))
while True:
    s.sendto(b"x", s.recvfrom(2000)[1])' &
	echo $! >"$out/answer.pid"
	for _ in $(seq 100); do
		in_other ss -Huln | grep -q 10.77.0.100:5000 && break
		sleep 0.05
	done
	ip netns exec "$scanner" "$nscan" --watch 500ms -p 5000 10.77.0.100-105 -oJ "$out/link.jsonl" -w "$out/link.pcapng" >"$out/link" 2>"$out/link.err" &
	pid=$!
	echo $pid >"$out/link.pid"
	sleep 2.2
	kill "$(cat "$out/answer.pid")"
	sleep 2.5
	ip -n "$scanner" link set v0 down
	sleep 2
	ip -n "$scanner" link set v0 up
	sleep 3
	ip -n "$scanner" link del v0 # and with it the other end
	sleep 1.5
	join_pair && hosts 100 103
	sleep 3
	ip -n "$other" addr del 10.77.0.102/24 dev v0
	sleep 2
	kill -INT $pid
	wait $pid
	equal "--watch: Ctrl-C ends it with exit status 130" 130 $? "$out/link.err"
	equal "--watch: changes of hosts and ports, and none for the own interface going down or away" \
		"10.77.0.100 5000 closed, 10.77.0.102 null down" \
		"$(jq -r 'select(.type=="change") | "\(.addr) \(.port) \(.to)"' "$out/link.jsonl" | paste -sd, | sed 's/,/, /g')" "$out/link"
	equal "--watch: the interface's going and coming is told once each" "2 2" \
		"$(grep -c 'watching goes on when it is back' "$out/link.err") $(grep -c 'the interface is back' "$out/link.err")" "$out/link.err"
	# The interface is another one in the end, and each has a section of its own; what came after that is there, too.
	"$nscan" -r "$out/link.pcapng" -oJ - >"$out/link.read" 2>&1
	equal "--watch -w: the capture is whole, and -r reports from it" "0 4" \
		"$? $(jq -r 'select(.type=="host" and .state=="up" and (.addr | test("^10.77.0.10"))) | .addr' "$out/link.read" | sort -u | wc -l)" "$out/link.read"
	expect "--watch: rounds without a statement are marked" test "$(jq -r 'select(.type=="round" and .sound==false) | .round' "$out/link.jsonl" | wc -l)" -ge 2
	expect "--watch: the table is there after Ctrl-C" grep -qE '^10\.77\.0\.102 +down ' "$out/link"
	equal "--watch: the JSON ends with its summary" summary "$(tail -n 1 "$out/link.jsonl" | jq -r .type)"
	if [ -x "$nscan_asan" ]; then
		in_scanner "$nscan_asan" --watch 500ms --count 4 -sn 10.77.0.100-105 >"$out/asan.watch" 2>&1
		equal "--watch under AddressSanitizer" "0 0" "$? $(grep -c Sanitizer "$out/asan.watch")" "$out/asan.watch"
	fi
}

if ! unshare --net true 2>/dev/null; then
	echo "1..0 # SKIP needs root and network namespaces"
	exit 0
fi
pids=()
parts=(names shards wait watch link)
for part in "${parts[@]}"; do
	part_"$part" >"$out/$part.tap" 2>"$out/$part.log" </dev/null &
	pids[${#pids[@]}]=$!
done
wait "${pids[@]}"
for part in "${parts[@]}"; do
	cat "$out/$part.tap"
	tap_count=$((tap_count + $(grep -cE '^(not )?ok' "$out/$part.tap")))
	tap_failures=$((tap_failures + $(grep -c '^not ok' "$out/$part.tap")))
	grep -q '^ok' "$out/$part.tap" || not_ok "$part: ran" "$out/$part.log"
done
plan
