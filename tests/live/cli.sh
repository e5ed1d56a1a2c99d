#!/bin/bash
# cli.sh: what only a running scan shows of the command line: interruption, --resume, outputs that fail, the progress line, rights.
# All on the loopback of a network namespace of its own. Needs root.
set -u
here=$(dirname "$(readlink -f "$0")")
if [ "${1:-}" != inside ]; then
	exec unshare --net "$here/$(basename "$0")" inside
fi
nscan=${NSCAN:-${NSCAN_BUILD:-$here/../../build}/release/nscan}
dtd=/usr/share/nmap/nmap.dtd
# shellcheck source=tests/support/tap.bash
. "$here/../support/tap.bash"
out=$(mktemp -d)
chmod 755 "$out"
server=
trap '[ -n "$server" ] && kill "$server"; rm -rf "$out"' EXIT
ip link set lo up

# Eight hosts on lo, of whose hundred ports one is open and the rest refuse; nothing limits refusals there.
hosts=127.0.0.1-8
ports=1000-1099
python3 - <<'END' &
import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.setsockopt(socket.IPPROTO_IP, 8, 1)  # IP_PKTINFO: answer from the address that was asked
s.bind(("", 1050))
while True:
    data, control, _, who = s.recvmsg(2048, 256)
    s.sendmsg([b"here"], [(0, 8, b"\0" * 4 + control[0][2][8:12] + b"\0" * 4)], 0, who)
END
server=$!
for _ in $(seq 100); do
	grep -q :041A /proc/net/udp && break
	sleep 0.05
done
truth()
{
	local host port
	for host in 1 2 3 4 5 6 7 8; do
		for port in $(seq 1000 1099); do
			echo "127.0.0.$host $port $([ "$port" = 1050 ] && echo open || echo closed)"
		done
	done | sort
}
truth >"$out/truth"

# The whole lines of a JSON file, and its last word on every port. A crash may leave half a line.
whole_lines() { jq -Rc 'fromjson?' "$1"; }
last_words() { jq -Rrn '[inputs | fromjson? | select(.type=="port")] | group_by([.addr,.port])[] | last | "\(.addr) \(.port) \(.state)"' "$1" | sort; }

# start SECONDS ARGS...: a scan that takes some seconds, in the background, given time to begin. Sets pid.
start()
{
	local seconds=$1
	shift
	"$nscan" -n -sU -PE -p $ports --max-rate 250 $hosts "$@" >"$out/stdout" 2>"$out/stderr" </dev/null &
	pid=$!
	sleep "$seconds"
}

# gone TENTHS: waits until pid has ended, at most that long.
gone()
{
	for _ in $(seq "$1"); do
		kill -0 "$pid" 2>/dev/null || return 0
		sleep 0.1
	done
	return 1
}

# ends NAME STATUS: waits for pid; a scan that hangs is a failure, not a hang of the test.
ends()
{
	gone 600 || kill -KILL "$pid"
	wait "$pid" 2>/dev/null
	equal "$1: exit status $2" "$2" "$?" "$out/stderr"
}

valid_xml() { expect "$1: the XML is whole and valid" xmllint --noout --nonet --dtdvalid $dtd "$2"; }

# --- a whole scan, and what does not belong into files -------------------------------------------------------------------------

start 0 -oA "$out/whole" --max-rate=100000 2>&1
ends "--max-rate given twice" 2
timeout 60 "$nscan" -n -p $ports $hosts -oA "$out/whole" >"$out/stdout" 2>"$out/stderr"
equal "a whole scan: exit status 0" 0 $? "$out/stderr"
expect "a whole scan: every port as it is" diff "$out/truth" <(last_words "$out/whole.jsonl")
equal "a whole scan: nothing on standard error, which is no terminal" "" "$(cat "$out/stderr")"
valid_xml "a whole scan" "$out/whole.xml"
expect "a whole scan: -oN is what standard output got" diff <(sed 1d "$out/stdout") <(sed 1d "$out/whole.nscan")

# nscan's own source ports are open and silent to itself: they must not turn up as somebody's.
for count in 1 2 3; do
	timeout 60 "$nscan" -n -p 30000-50000 127.0.0.1 >"$out/stdout" 2>"$out/stderr"
	equal "20001 ports of this machine, try $count: none is open|filtered" "0 1" \
		"$? $(grep -c 'Not shown: 20001 closed' "$out/stdout")" "$out/stdout"
done
timeout 60 "$nscan" -n -p 1400-1500 -g 1450 127.0.0.1 >"$out/stdout" 2>"$out/stderr"
expect "-g within the ports of this machine: a note says whose port that is" \
	grep -q '^Note: 1450/udp: nscan itself held this port.*(own-source-port)' "$out/stdout"

# Held source ports are open files; with few of them allowed there are fewer ports, not no scan.
timeout 20 prlimit --nofile=70:70 setpriv --bounding-set=-sys_resource -- "$nscan" -n -d -p 9 127.0.0.1 >"$out/stdout" 2>"$out/stderr"
equal "70 open files are enough" "0 1" "$? $(grep -c ' 6 source ports from' "$out/stderr")" "$out/stderr"

# --- interruption and --resume -----------------------------------------------------------------------------------------------

for signal in INT TERM HUP; do
	start 1.5 -oA "$out/cut$signal"
	kill -$signal "$pid"
	ends "SIG$signal" 130
	valid_xml "SIG$signal" "$out/cut$signal.xml"
	equal "SIG$signal: the JSON says that it is partial" true "$(tail -n 1 "$out/cut$signal.jsonl" | jq .partial)"
	expect "SIG$signal: the normal report says so too" grep -q '^PARTIAL: interrupted' "$out/stdout"
done

# resumed BASE: goes on with BASE.jsonl, and everything is as if nothing had happened.
resumed()
{
	local base=$1 name=$2 count
	last_words "$base.jsonl" | grep -v unknown >"$out/known"
	expect "$name: something is known, not all" test "$(wc -l <"$out/known")" -gt 50 -a "$(wc -l <"$out/known")" -lt 790
	cp "$base.jsonl" "$out/before"
	timeout 60 "$nscan" --resume "$base.jsonl" -w "$base.pcapng" >"$out/stdout" 2>"$out/stderr"
	equal "$name: exit status 0" 0 $? "$out/stderr"
	expect "$name: -w beside it captures what was left to ask" test "$(tcpdump -nr "$base.pcapng" udp 2>/dev/null | wc -l)" -gt 50
	expect "$name: every port as it is" diff "$out/truth" <(last_words "$base.jsonl")
	count=$(whole_lines "$out/before" | wc -l)
	expect "$name: what was there is still there" cmp <(whole_lines "$out/before") <(whole_lines "$base.jsonl" | head -n "$count")
	equal "$name: no port is asked again that was known" "" "$(tail -n +$((count + 1)) "$base.jsonl" |
		jq -r 'select(.type=="port") | "\(.addr) \(.port) \(.state)"' | sort | comm -12 - "$out/known")"
	expect "$name: no half line is left" jq -c . "$base.jsonl"
	valid_xml "$name" "$base.xml"
	equal "$name: all ports are in the XML" 800 "$(xmllint --nonet --xpath 'count(//port)+sum(//extraports/@count)' "$base.xml")"
	expect "$name: the normal report has the hosts in order" diff <(seq -f 'Nscan report for 127.0.0.%g' 8) \
		<(grep '^Nscan report for' "$out/stdout")
	equal "$name: eight hosts up" 8 "$(tail -n 1 "$base.jsonl" | jq .hosts_up)"
	"$nscan" --resume "$base.jsonl" >"$out/stdout" 2>"$out/stderr"
	equal "$name: once more finds nothing left" "0 1" "$? $(grep -c 'nothing left to ask' "$out/stderr")" "$out/stderr"
}
resumed "$out/cutINT" "--resume after Ctrl-C"

start 1.5 -oA "$out/killed"
kill -KILL "$pid"
ends "SIGKILL" 137
printf '{"type":"port","addr":"127.0.0.1","proto":"udp","po' >>"$out/killed.jsonl"
resumed "$out/killed" "--resume after a crash in the middle of a line"

start 1 -oJ - -oX "$out/piped.xml"
kill -INT "$pid"
ends "SIGINT with JSON on standard output" 130
mv "$out/stdout" "$out/piped.jsonl"
resumed "$out/piped" "--resume of what standard output was redirected to"

# Where nothing that is found could be told any more, a scan ends; not where a file still hears of it.
unread()
{
	timeout 20 "$nscan" -n -v -p 1-800 $hosts --max-rate 200 "$@" 2>"$out/stderr" | head -n 1 >/dev/null
	echo "${PIPESTATUS[0]} $(grep -vc 'cannot write to.*any more' "$out/stderr")"
}
equal "the reader has gone: the scan ends, and says so" "1 1" "$(unread)" "$out/stderr"
equal "so it does with a record that nobody reads" "1 1" "$(unread -w -)" "$out/stderr"
equal "with a file beside it, it ends when it should" "1 1 max-time" \
	"$(unread -oJ "$out/gone.jsonl" --max-time 3) $(tail -n 1 "$out/gone.jsonl" | jq -r .why)" "$out/stderr"

# A report that nobody reads must not hold the process for ever.
mkfifo "$out/stuck"
exec 9<>"$out/stuck" # both ends: the pipe stays open, and nobody reads
"$nscan" -n -p 1-2000 $hosts --packet-trace >"$out/stuck" 2>"$out/stderr" </dev/null &
pid=$!
sleep 1
kill -INT "$pid"
sleep 0.5
kill -INT "$pid"
if ! gone 60; then
	not_ok "a pipe that nobody reads does not hold an interrupted scan"
	kill -KILL "$pid"
else
	ok "a pipe that nobody reads does not hold an interrupted scan"
fi
exec 9>&-
wait "$pid" 2>/dev/null

# --- outputs that fail ---------------------------------------------------------------------------------------------------------

few="-n -p 1045-1055 127.0.0.1"
for format in N X G J; do
	"$nscan" $few -o$format /dev/full >"$out/stdout" 2>"$out/stderr"
	equal "-o$format /dev/full: exit status 1, one message" "1 1" "$? $(grep -c '^nscan: /dev/full: No space left' "$out/stderr")" "$out/stderr"
	expect "-o$format /dev/full: the scan is reported all the same" grep -q '^1050/udp *open ' "$out/stdout"
done
start 1.5 -oJ /dev/full
equal "a full disk is told while the scan goes on" 1 "$(grep -c '^nscan: cannot write to /dev/full any more: No space left' "$out/stderr")"
kill -INT "$pid"
ends "a full disk, and Ctrl-C" 1
"$nscan" $few -oX "$out/good.xml" >/dev/full 2>"$out/stderr"
equal "standard output is full: exit status 1, one message" "1 1" "$? $(grep -c '^nscan: standard output: No space' "$out/stderr")"
valid_xml "standard output is full" "$out/good.xml"
"$nscan" $few -oX "$out/good.xml" >&- 2>"$out/stderr"
equal "standard output is closed: exit status 1, one message" "1 1" "$? $(grep -c '^nscan: standard output: ' "$out/stderr")"
valid_xml "standard output is closed" "$out/good.xml"
"$nscan" $few 2>"$out/stderr" | :
equal "standard output is a broken pipe: exit status 1" 1 "${PIPESTATUS[0]}" "$out/stderr"
"$nscan" $few -oX /no/such/folder/x >"$out/stdout" 2>"$out/stderr"
equal "-oX into no folder: exit status 1, and nothing is reported" "1 " "$? $(cat "$out/stdout")" "$out/stderr"

# --- what is shown while it runs ---------------------------------------------------------------------------------------------------

"$nscan" $few -oX - --packet-trace >"$out/trace.xml" 2>"$out/stderr"
valid_xml "--packet-trace beside -oX -" "$out/trace.xml"
equal "--packet-trace: a probe, with its payload" 1 \
	"$(grep -cE '^SENT \([0-9.]+s\) UDP 127\.0\.0\.1:[0-9]+ > 127\.0\.0\.1:1045 ttl=64 id=[0-9]+ len=28 csum=0x[0-9a-f]{4} payload=empty$' "$out/stderr")" \
	"$out/stderr"
expect "--packet-trace: an answer" grep -qE '^RCVD \([0-9.]+s\) UDP 127\.0\.0\.1:1050 > 127\.0\.0\.1:[0-9]+ data=4 ' "$out/stderr"
expect "--packet-trace: a refusal, with what it quotes" \
	grep -qE '^RCVD .* ICMP 127\.0\.0\.1 > 127\.0\.0\.1 port-unreach .*\(quotes UDP 127\.0\.0\.1:[0-9]+ > 127\.0\.0\.1:1045 ' "$out/stderr"
"$nscan" $few --packet-trace >"$out/stdout" 2>"$out/stderr"
expect "--packet-trace: on standard output with the normal report" grep -q '^SENT ' "$out/stdout"
start 0 --stats-every 1s
ends "--stats-every" 0
expect "--stats-every: a plain line each time" test "$(grep -cE '^After [1-9]\.0 s: [0-9]+% [0-9]+/8 hosts done, [0-9]+ up, .* packets/s' "$out/stderr")" -ge 2

# On a terminal (script makes one) the line is kept in place, is no wider than the terminal, and is gone in the end.
timeout 60 script -qec "stty cols 50; $nscan -n -p $ports --max-rate 250 $hosts" "$out/terminal" </dev/null >"$out/screen" 2>&1
equal "on a terminal: exit status 0" 0 $?
expect "on a terminal: a progress line" grep -qE '[0-9]+% [0-9]+/8 hosts done, ' "$out/screen"
equal "on a terminal: it fits" "" "$(tr '\r' '\n' <"$out/screen" | sed 's/\x1b\[K//g' | grep '% [0-9]*/8 hosts' | awk 'length > 49')"
expect "on a terminal: no report line has rests of it" \
	test "$(tr -d '\r' <"$out/screen" | grep -c '^Nscan report for 127')" = "$(tr '\r' '\n' <"$out/screen" | sed 's/\x1b\[K//g' | grep -c '^Nscan report for 127')"

# --- what is in the probe --------------------------------------------------------------------------------------------------------

# Each way of choosing the data: every probe can be built and sent, and the closed port next to the open one is found closed.
for data in "--data-length 1" "--data-length 2" "--data-length 24" "--data-length 1400" "--data-string hello" "--data 00ff17" "--badsum" \
	"--udp-checksum none" "--udp-checksum beef"; do
	# shellcheck disable=SC2086
	timeout 60 "$nscan" -n -p 1060 $data 127.0.0.1 >"$out/stdout" 2>"$out/stderr"
	status=$?
	case $data in
	--badsum | *beef) state='(open.filtered|closed)' ;; # the kernel discards them, or the loopback does not look
	*) state=closed ;;
	esac
	equal "$data: sent, and answered" "0 1 0" "$status $(grep -cE "^1060/udp *$state" "$out/stdout") $(grep -c . "$out/stderr")" "$out/stdout" "$out/stderr"
done

# --- rights and interfaces ---------------------------------------------------------------------------------------------------------

start 1
equal "once open, only CAP_NET_RAW is left" 0000000000002000 "$(awk '/^CapEff/ { print $2 }' "/proc/$pid/status")"
kill -INT "$pid"
ends "rights" 130
cp "$nscan" "$out/nscan"
setpriv --reuid=65534 --regid=65534 --clear-groups --inh-caps=-all,+net_raw --ambient-caps=+net_raw -- "$out/nscan" $few \
	>"$out/stdout" 2>"$out/stderr"
equal "CAP_NET_RAW alone is enough" "0 1" "$? $(grep -c '^1050/udp *open ' "$out/stdout")" "$out/stderr"

ip link add nscli0 type veth peer name nscli1
ip addr add 10.88.0.1/24 dev nscli0
"$nscan" -e nscli0 10.88.0.2 >"$out/stdout" 2>"$out/stderr"
equal "an interface that is down: exit status 1, one line" "1 1" "$? $(grep -c '^nscan: interface nscli0 is down; bring it up' "$out/stderr")" "$out/stderr"
"$nscan" 198.51.100.1 >"$out/stdout" 2>"$out/stderr"
equal "no route: exit status 1, one line" "1 1" "$? $(grep -c '^nscan: .*198\.51\.100\.1' "$out/stderr")" "$out/stderr"
"$nscan" -p 53 --data-length 1472 -e nscli0 10.88.0.2 >"$out/stdout" 2>"$out/stderr"
ip link set nscli0 up mtu 600
ip link set nscli1 up
"$nscan" -p 53 --data-length 1000 -e nscli0 10.88.0.2 >"$out/stdout" 2>"$out/stderr"
equal "data larger than the MTU: exit status 2" "2 1" "$? $(grep -c 'do not fit the MTU of nscli0 .600 bytes.; give at most 572' "$out/stderr")" "$out/stderr"
plan
