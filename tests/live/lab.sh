#!/bin/bash
# lab.sh: whole scans of the throw-away LAN (tests/lab), compared with its truth table and judged by other programs. Needs root.
#
#     tests/live/lab.sh              everything, a few labs side by side (a scan is mostly waiting for ICMP limits)
#     tests/live/lab.sh checksums    one test; their names are the functions test_* below
set -u
here=$(dirname "$(readlink -f "$0")")
lab=$here/../lab/lab
compare=$here/../lab/compare.py
repo=$(readlink -f "$here/../..")
build=${NSCAN_BUILD:-$repo/build}
nscan=${NSCAN:-$build/release/nscan}
nscan_asan=${NSCAN_ASAN:-$build/asan/nscan}
dtd=/usr/share/nmap/nmap.dtd
side_by_side=${LAB_JOBS:-4}
scan_limit=120 # seconds after which a scan counts as hung
# shellcheck source=tests/support/tap.bash
. "$here/../support/tap.bash"

# Everything at once would only compete for the processor; the long ones come first.
tests="truth_one truth_two truth_three valgrind lossy forged interrupted asan drained without_discovery checksums hosts_only loopback tun
bad_cases first_probe by_name"

ports=$("$lab" ports)

# --- tools ---------------------------------------------------------------------------------------------------------------

# scan BASE ARGS...: the usual scan, all formats to BASE.*, what it prints to BASE.out and BASE.err.
scan()
{
	local base=$1
	shift
	"$lab" exec timeout "$scan_limit" "$nscan" -n -oA "$base" "$@" >"$base.out" 2>"$base.err" </dev/null
}

scan_all() { scan "$1" -sU -p "$ports" "${@:2}" 192.168.0.100-200; }

# capture FILE WHO INTERFACE FILTER...: tcpdump in a namespace, until capture_end. Returns when it is listening.
capture()
{
	local file=$1 who=$2 interface=$3 tries=0
	shift 3
	"$lab" in "$who" tcpdump -Z root -U -n -s 2048 -B 8192 --immediate-mode -i "$interface" -w "$file" "$@" >"$file.log" 2>&1 </dev/null &
	captures="$captures $!"
	capture_logs+=("$file.log")
	until grep -qs "listening on" "$file.log"; do
		((++tries > 250)) && return 1
		sleep 0.02
	done
}

capture_end()
{
	local pid
	sleep 0.3 # what is on its way
	for pid in $captures; do
		kill -INT "$pid"
		wait "$pid"
	done 2>/dev/null
	grep -L '^0 packets dropped by kernel' "${capture_logs[@]}" >"$tmp/incomplete"
	[ ! -s "$tmp/incomplete" ] || not_ok "the captures are complete" "${capture_logs[@]}"
	captures='' capture_logs=()
}

frames() { tcpdump -n -r "$1" "${@:2}" 2>/dev/null | wc -l; }

xml_is_valid() { xmllint --noout --nonet --dtdvalid "$dtd" "$1"; }

files_agree() { "$compare" formats "$1" && xml_is_valid "$1.xml"; }

is_true() { "$compare" truth "$@"; }

# --- tests: each runs in a lab of its own, with $tmp to write to -------------------------------------------------------------

# Some of the ten runs in a row. The next run begins where the last one left every host's bucket of ICMP errors: empty.
repeated_truth()
{
	local run runs=$1
	# What the scanner's kernel sends because of nscan's probes: answers to answers would be seen here.
	capture "$tmp/quiet.pcap" sw pscan 'src host 192.168.0.1 and icmp'
	for run in $(seq "$runs"); do
		scan_all "$tmp/$run"
		equal "run $run ends with status 0" 0 $? "$tmp/$run.err"
		expect "run $run: hosts and ports are exactly the truth" is_true "$tmp/$run"
		expect "run $run: XML is valid; XML, grepable and normal report agree with JSON" files_agree "$tmp/$run"
		expect "run $run: nothing was rejected, no send failed" \
			eval "$compare summary $tmp/$run rejected = 0 && $compare summary $tmp/$run send_errors = 0"
		expect "run $run: takes less than 60 s" "$compare" summary "$tmp/$run" elapsed_s "<" 60
		echo "# elapsed $("$compare" summary "$tmp/$run" elapsed_s) s, $("$compare" summary "$tmp/$run" sent) packets"
	done
	capture_end
	equal "no target got an ICMP error from the scanner" 0 "$(frames "$tmp/quiet.pcap" 'icmp[0] != 8 and icmp[0] != 13')"
	expect "... and the capture would have seen it: it has the echo requests" test "$(frames "$tmp/quiet.pcap")" -ge "$runs"
}

test_truth_one()
{
	repeated_truth 4
	expect "ndiff reads two of the XML files and finds the same hosts and ports" ndiff_same "$tmp/1.xml" "$tmp/2.xml"
}
test_truth_two() { repeated_truth 3; }
test_truth_three() { repeated_truth 3; }

# ndiff: 0 the same, 1 different, 2 error. Its header differs always when the times do, so only its host lines count.
ndiff_same()
{
	local out
	out=$(ndiff "$1" "$2")
	[ $? -lt 2 ] && ! grep -E '^[-+]' <<<"$out" | grep -vE '^[-+]Nmap '
}

# tshark's verdict on the packets of a capture: 0 bad, 1 good, 3 not there. Prints "COUNT ip,udp,icmp" for each combination.
verdicts()
{
	tshark -r "$1" -o ip.check_checksum:TRUE -o udp.check_checksum:TRUE -T fields \
		-E occurrence=f -E separator=, -e ip.checksum.status -e udp.checksum.status -e icmp.checksum.status 2>/dev/null | sort | uniq -c |
		sed 's/^ *//'
}

test_checksums()
{
	local seen
	capture "$tmp/good.pcap" 150 eth0 src host 192.168.0.1 and udp
	capture "$tmp/routed.pcap" 182 eth0 src host 192.168.0.1 and ip # answers neither echo nor timestamp: it gets UDP too
	scan "$tmp/good" -sU 192.168.0.150
	equal "default ports of a host" 0 $? "$tmp/good.err"
	scan "$tmp/routed" -sn 192.168.0.182
	equal "discovery of a host behind the router" 0 $? "$tmp/routed.err"
	capture_end
	seen=$(verdicts "$tmp/good.pcap")
	equal "tshark: IP and UDP checksums of every default UDP probe are right" 1,1, "$(cut -d' ' -f2 <<<"$seen")"
	expect "... of at least 100 probes" test "$(cut -d' ' -f1 <<<"$seen")" -ge 100
	seen=$(verdicts "$tmp/routed.pcap" | cut -d' ' -f2 | tr '\n' ' ')
	equal "tshark: IP, ICMP and UDP checksums of discovery are right" "1,,1 1,1, " "$seen"
	tcpdump -vv -n -r "$tmp/good.pcap" >"$tmp/good.txt" 2>/dev/null
	tcpdump -vv -n -r "$tmp/routed.pcap" >>"$tmp/good.txt" 2>/dev/null
	expect "tcpdump -vv finds at least 100 UDP checksums right" test "$(grep -c 'udp sum ok' "$tmp/good.txt")" -ge 100
	equal "tcpdump -vv finds none wrong" 0 "$(grep -cE 'bad (udp )?cksum|wrong icmp cksum|no cksum' "$tmp/good.txt")"
	expect "... and echo and timestamp requests were among them" \
		eval "grep -q 'ICMP echo request' $tmp/good.txt && grep -q 'ICMP time stamp query' $tmp/good.txt"

	checksums_as_asked --badsum "wrong" '^[0-9]+ 1,0,$'
	checksums_as_asked "--udp-checksum none" "absent" '^[0-9]+ 1,3,$'
	seen=$(tcpdump -vv -n -r "$tmp/absent.pcap" 2>/dev/null | grep -c 'no cksum')
	expect "tcpdump -vv says the same: no cksum" test "$seen" -gt 0
	checksums_as_asked "--udp-checksum beef" "beef" '^[0-9]+ 1,[01],$'
	seen=$(tshark -r "$tmp/beef.pcap" -T fields -e udp.checksum 2>/dev/null | sort -u | tr '\n' ' ')
	equal "every probe carries 0xbeef" "0xbeef " "$seen"
}

# checksums_as_asked OPTIONS NAME PATTERN: all UDP probes of a short scan have that verdict.
checksums_as_asked()
{
	local seen
	capture "$tmp/$2.pcap" 150 eth0 udp and src host 192.168.0.1
	# shellcheck disable=SC2086  # options, two words
	scan "$tmp/$2" -sU -p 7,53,161,40000 --max-retries 1 $1 192.168.0.150
	equal "$1: ends with status 0" 0 $? "$tmp/$2.err"
	capture_end
	seen=$(verdicts "$tmp/$2.pcap")
	if [ -n "$seen" ] && ! grep -vqE "$3" <<<"$seen"; then
		ok "$1: tshark finds every UDP checksum $2, every IP checksum right"
	else
		not_ok "$1: tshark finds every UDP checksum $2, every IP checksum right"
		printf '#   seen (count, IP,UDP,ICMP): %s\n' "$seen"
	fi
}

# Forged refusals and answers, right in all that can be known, guessing the rest, 20,000 a second all through the scan.
test_forged()
{
	local forger
	"$lab" in forger "$here/../lab/forge.py" eth0 02:4e:c0:a8:00:01 "$scan_limit" 20000 "$ports" \
		192.168.0.100 192.168.0.112 192.168.0.120 192.168.0.105 192.168.0.185 >"$tmp/forge.out" 2>&1 </dev/null &
	forger=$!
	sleep 0.3
	scan_all "$tmp/forged"
	equal "the scan ends with status 0" 0 $? "$tmp/forged.err"
	kill -0 "$forger" 2>/dev/null
	equal "the flood lasted longer than the scan" 0 $? "$tmp/forge.out"
	kill "$forger" 2>/dev/null
	wait "$forger" 2>/dev/null
	expect "no forgery changed a state" is_true "$tmp/forged"
	expect "forgeries were counted as rejected" "$compare" summary "$tmp/forged" rejected '>' 0
	echo "# rejected $("$compare" summary "$tmp/forged" rejected) of those that reached it, kernel drops" \
		"$("$compare" summary "$tmp/forged" kernel_drops), elapsed $("$compare" summary "$tmp/forged" elapsed_s) s"
}

# Ctrl-C after a moment, and going on from there.
test_interrupted()
{
	local after status seconds
	for after in 0.05 1 4; do
		sleep 7 # every bucket of ICMP errors is full again
		"$lab" exec timeout --preserve-status -s INT "$after" "$nscan" -n -sU -p "$ports" -oA "$tmp/cut" 192.168.0.100-200 \
			>"$tmp/cut.out" 2>"$tmp/cut.err" </dev/null
		equal "Ctrl-C after $after s: exit status 130" 130 $? "$tmp/cut.err"
		expect "Ctrl-C after $after s: every file is whole, the formats agree" files_agree "$tmp/cut"
		expect "Ctrl-C after $after s: every host and port is there, none wrong, marked partial" is_true "$tmp/cut" --partial
	done
	"$lab" exec timeout "$scan_limit" "$nscan" --resume "$tmp/cut.jsonl" >"$tmp/resume.out" 2>"$tmp/resume.err" </dev/null
	status=$?
	equal "--resume ends with status 0" 0 $status "$tmp/resume.err"
	expect "--resume gives the whole truth" is_true "$tmp/cut"
	seconds=$("$compare" summary "$tmp/cut" elapsed_s)
	echo "# resumed in $seconds s"
}

test_hosts_only()
{
	local base=$tmp/hosts
	scan "$base" -sn 192.168.0.100-200
	equal "-sn ends with status 0" 0 $? "$base.err"
	expect "-sn: exactly the live hosts, exactly the inactive ones" is_true "$base" --hosts-only
	expect "-sn: the formats agree" files_agree "$base"
	expect "-sn: takes less than 10 s" "$compare" summary "$base" elapsed_s '<' 10
	scan "$base" -sn -PE 192.168.0.180-182
	expect "-sn -PE: echo alone finds one of three behind the router" \
		test "$(grep -c '"state":"up","reason":"echo-reply"' "$base.jsonl")" = 1
	scan "$base" -sn -PU123 192.168.0.180-182
	expect "-sn -PU123: a UDP service tells that its host is up" \
		grep -q '"addr":"192.168.0.182","state":"up","reason":"udp-response"' "$base.jsonl"
}

test_without_discovery()
{
	local some=7,53,123,161
	scan "$tmp/pn" -sU -Pn -p $some 192.168.0.100-104,180-185
	equal "-Pn ends with status 0" 0 $? "$tmp/pn.err"
	expect "-Pn: the truth, what is behind the router taken as up" is_true "$tmp/pn" --Pn --hosts 100-104,180-185 --ports $some
	expect "-Pn: the formats agree" files_agree "$tmp/pn"
}

test_valgrind()
{
	local checked=$nscan
	nscan=$tmp/under-valgrind
	printf '#!/bin/sh\nexec valgrind --quiet --error-exitcode=99 --leak-check=full --show-leak-kinds=definite,indirect,possible --errors-for-leak-kinds=definite,indirect,possible \\\n--log-file=%s "%s" "$@"\n' \
		"$tmp/valgrind.log" "$checked" >"$nscan"
	chmod 755 "$nscan"
	scan_all "$tmp/valgrind"
	equal "a whole scan under valgrind: no error, no leak, status 0" 0 $? "$tmp/valgrind.err" "$tmp/valgrind.log"
	equal "valgrind has nothing to say" "" "$(head -n 20 "$tmp/valgrind.log")"
	expect "under valgrind, slow as it is: the truth" is_true "$tmp/valgrind"
}

test_asan()
{
	nscan=$nscan_asan
	ASAN_OPTIONS=detect_leaks=1:detect_stack_use_after_return=1 UBSAN_OPTIONS=print_stacktrace=1 scan_all "$tmp/asan"
	equal "a whole scan under AddressSanitizer and UBSan: status 0" 0 $? "$tmp/asan.err"
	equal "the sanitizers have nothing to say" 0 "$(grep -cE 'Sanitizer|runtime error' "$tmp/asan.err")"
	expect "under the sanitizers: the truth" is_true "$tmp/asan"
}

# A host scans itself: raw IP, no Ethernet, no limit on ICMP errors.
test_loopback()
{
	"$lab" in 110 timeout "$scan_limit" "$nscan" -n -sU -p "$ports" -oA "$tmp/lo" 127.0.0.1 >"$tmp/lo.out" 2>"$tmp/lo.err" </dev/null
	equal "a scan of 127.0.0.1 ends with status 0" 0 $? "$tmp/lo.err"
	expect "its files agree" files_agree "$tmp/lo"
	"$lab" in 110 timeout "$scan_limit" "$nscan" -n -sU -p "$ports" -oA "$tmp/own" 192.168.0.110 >"$tmp/own.out" 2>"$tmp/own.err" </dev/null
	equal "a scan of the machine's own address ends with status 0" 0 $? "$tmp/own.err"
	sed 's/127\.0\.0\.1/192.168.0.110/g' "$tmp/lo.jsonl" >"$tmp/lo-as-lan.jsonl"
	for base in lo-as-lan own; do
		equal "$base: ports open and silent" "7:open 53:open 123:open 161:open 514:open|filtered" "$(not_closed "$tmp/$base.jsonl")"
	done
}

# "PORT:STATE" of every port that is not closed.
not_closed()
{
	jq -r 'select(.type == "port" and .state != "closed") | "\(.port):\(.state)"' "$1" | sort -n | uniq | tr '\n' ' ' | sed 's/ $//'
}

test_tun()
{
	local tun
	"$lab" exec "$here/../lab/tun.py" tun0 10.77.0.1/24 10.77.0.5 >"$tmp/tun.log" 2>&1 </dev/null &
	tun=$!
	until grep -q ready "$tmp/tun.log"; do
		kill -0 $tun 2>/dev/null || { skip "raw IP through a tun device" "no tun device here" && return; }
		sleep 0.02
	done
	scan "$tmp/tun" -sU -p 7,9,53,514 10.77.0.5-6
	equal "a scan through a tun device ends with status 0" 0 $? "$tmp/tun.err"
	equal "its ports" "7:open 9:open|filtered 514:open|filtered" "$(not_closed "$tmp/tun.jsonl")"
	equal "its closed port" 53 "$(jq -r 'select(.type == "port" and .state == "closed").port' "$tmp/tun.jsonl")"
	equal "who is up" "10.77.0.5:up:echo-reply 10.77.0.6:down:no-response" \
		"$(jq -r 'select(.type == "host") | "\(.addr):\(.state):\(.reason)"' "$tmp/tun.jsonl" | sort | tr '\n' ' ' | sed 's/ $//')"
	expect "its files agree" files_agree "$tmp/tun"
	kill $tun
	wait $tun 2>/dev/null
}

# complains NAME STATUS PATTERN ARGS...: one line on standard error that fits, that exit status.
complains()
{
	local name=$1 status=$2 pattern=$3
	shift 3
	"$lab" exec timeout 30 "$nscan" "$@" >"$tmp/bad.out" 2>"$tmp/bad.err" </dev/null
	equal "$name: exit status $status" "$status" $? "$tmp/bad.err"
	if [ "$(wc -l <"$tmp/bad.err")" = 1 ] && grep -qiE "$pattern" "$tmp/bad.err"; then
		ok "$name: one line that says why"
	else
		not_ok "$name: one line that says why ($pattern)" "$tmp/bad.err" "$tmp/bad.out"
	fi
}

test_bad_cases()
{
	"$lab" exec ip link add down0 type veth peer name down1
	"$lab" exec ip addr add 10.88.0.1/24 dev down0
	capture "$tmp/sent.pcap" scan any
	complains "an interface that does not exist" 2 'nosuch0' -n -e nosuch0 -p 53 192.168.0.100
	complains "an interface that is down" 1 'down0.*down' -n -e down0 -p 53 10.88.0.2
	complains "a report that cannot be written" 1 '/nonexistent/x\.xml' -n -p 53 -oX /nonexistent/x.xml 192.168.0.100
	complains "a folder as report" 1 "$tmp" -n -p 53 -oX "$tmp" 192.168.0.100
	complains "a target without a route" 1 '203\.0\.113\.1|route' -n -p 53 203.0.113.1
	complains "port 0" 2 '0' -n -p 0 192.168.0.100
	complains "port 70000" 2 '70000' -n -p 70000 192.168.0.100
	complains "192.168.0.300" 2 '192\.168\.0\.300' -n -p 53 192.168.0.300
	complains "10.0.0.0/33" 2 '10\.0\.0\.0/33' -n -p 53 10.0.0.0/33
	complains "no targets" 2 'target' -n -p 53
	cp "$nscan" "$tmp/nscan" && chmod 755 "$tmp" "$tmp/nscan"
	"$lab" exec setpriv --reuid 65534 --regid 65534 --clear-groups "$tmp/nscan" -n -p 53 192.168.0.100 >"$tmp/bad.out" 2>"$tmp/bad.err"
	equal "no root: exit status 1" 1 $? "$tmp/bad.err"
	expect "no root: one line that names the remedy" \
		eval "test \$(wc -l <$tmp/bad.err) = 1 && grep -qE 'root|CAP_NET_RAW|sudo' $tmp/bad.err"
	"$lab" exec ping -q -c 1 192.168.0.200 >"$tmp/ping.out" 2>&1
	capture_end
	equal "in none of these cases anything was sent" 0 "$(frames "$tmp/sent.pcap" not host 192.168.0.200)"
	expect "... and the capture would have seen it: it has a ping" test "$(frames "$tmp/sent.pcap" icmp)" -ge 2

	for option in -oX -oJ -oG -oN; do
		complains "$option /dev/full" 1 '/dev/full' -n -p 53 $option /dev/full 192.168.0.101
	done
	"$lab" exec timeout 30 "$nscan" -n -p 53 192.168.0.101 >/dev/full 2>"$tmp/bad.err" </dev/null
	equal "standard output full: exit status 1" 1 $? "$tmp/bad.err"
	expect "standard output full: one line" test "$(wc -l <"$tmp/bad.err")" = 1
	"$lab" exec timeout 30 "$nscan" -n -p 7 -oX /dev/full -oJ "$tmp/kept.jsonl" 192.168.0.101 >/dev/null 2>&1 </dev/null
	expect "one report is lost, the other is whole" grep -q '"partial":false' "$tmp/kept.jsonl"
}

# One packet in ten is lost, each way.
test_lossy()
{
	"$lab" loss 10
	scan_all "$tmp/lossy"
	equal "10 % loss each way: ends with status 0" 0 $? "$tmp/lossy.err"
	expect "10 % loss each way: still exactly the truth" is_true "$tmp/lossy" --loss
	echo "# elapsed $("$compare" summary "$tmp/lossy" elapsed_s) s, $("$compare" summary "$tmp/lossy" sent) packets"
}

# Somebody has just used up every host's ICMP errors for the scanner's address: for the first second, closed ports are silent.
test_drained()
{
	# shellcheck disable=SC2046  # one word for each host
	"$lab" exec "$here/../lab/drain.py" $("$lab" hosts)
	scan_all "$tmp/drained"
	equal "hosts that have no ICMP errors left at the start: status 0" 0 $? "$tmp/drained.err"
	expect "hosts that have no ICMP errors left at the start: still exactly the truth" is_true "$tmp/drained"
}

test_first_probe()
{
	local median fastest slowest
	read -r median fastest slowest < <("$lab" exec "$here/../bench/first_probe.py" eth0 20 "$nscan" -n -sU -p 53 192.168.0.100)
	echo "# median $median ms, fastest $fastest ms, slowest $slowest ms"
	expect "from start to the first probe on the wire: less than 20 ms (median of 20 runs)" \
		awk "BEGIN { exit !($median < 20) }"
}

test_by_name()
{
	scan "$tmp/name" -sU -p 53 host103.lab
	equal "a target by its name" "192.168.0.103 53 open" \
		"$(jq -r 'select(.type == "port") | "\(.addr) \(.port) \(.state)"' "$tmp/name.jsonl" | sort -u)"
	complains "a name that does not exist" 2 'nobody\.lab' -n -p 53 nobody.lab
}

# --- running -------------------------------------------------------------------------------------------------------------

# Runs one test in a lab of its own.
alone()
{
	local name=$1
	tmp=$all/$name
	captures='' capture_logs=()
	mkdir "$tmp"
	export LAB_PREFIX=l$$x$2 LAB_OWNER=$$
	if "$lab" up >"$tmp/up.log" 2>&1; then
		"test_$name"
	else
		not_ok "raise the lab" "$tmp/up.log"
	fi
	"$lab" down || not_ok "remove the lab"
	[ "$tap_failures" = 0 ] || cp -r "$tmp" "$kept" 2>/dev/null
}

finish()
{
	local job
	for job in $(jobs -rp); do
		kill "$job" 2>/dev/null
	done
	for prefix in $("$lab" list | grep "^l$$x"); do
		"$lab" down --prefix "$prefix"
	done
	rm -rf "$all"
}

[ -x "$nscan" ] || { echo "Bail out! no program $nscan: make it first" && exit 1; }
all=$(mktemp -d)
kept=${LAB_KEEP:-/dev/null}
trap finish EXIT
trap 'exit 130' INT TERM HUP
[ $# -gt 0 ] && tests="$*"
index=0
for name in $tests; do
	[ "$(type -t "test_$name")" = function ] || { echo "no test '$name'; there are: $tests" >&2 && exit 2; }
	while [ "$(jobs -rp | wc -l)" -ge "$side_by_side" ]; do
		wait -n
	done
	index=$((index + 1))
	(
		trap - EXIT
		SECONDS=0
		alone "$name" $index
		echo "# $name took $SECONDS s"
		plan
	) >"$all/$name.tap" 2>&1 </dev/null &
done
wait
for name in $tests; do
	echo "# --- $name"
	sed -E "s/^((not )?ok) - /\1 - $name: /" "$all/$name.tap" | grep -v '^1\.\.'
	planned=$(sed -n 's/^1\.\.//p' "$all/$name.tap")
	[ -n "$planned" ] || not_ok "$name: ended before its plan"
	tap_count=$((tap_count + ${planned:-0}))
	tap_failures=$((tap_failures + $(grep -c '^not ok' "$all/$name.tap")))
done
plan
