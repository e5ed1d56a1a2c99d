#!/bin/bash
# record.sh: scans of the throw-away LAN (tests/lab) recorded with -w and read back with -r by a user without rights: the reports
# are the same to the last byte. Records stay readable after Ctrl-C, kill -9 and on a full disk. Needs root.
#
#     tests/live/record.sh              everything
#     tests/live/record.sh ports claim  only these scans
set -u
here=$(dirname "$(readlink -f "$0")")
lab=$here/../lab/lab
nscan=${NSCAN:-${NSCAN_BUILD:-$(readlink -f "$here/../..")/build}/release/nscan}
# shellcheck source=tests/support/tap.bash
. "$here/../support/tap.bash"

out=$(mktemp -d)
export LAB_PREFIX=r$$ LAB_OWNER=$$
cp "$nscan" "$out/nscan" # where an unprivileged user may run it
chmod 755 "$out" "$out/nscan"

finish()
{
	local job
	for job in $(jobs -rp); do
		kill "$job" 2>/dev/null
	done
	"$lab" down >/dev/null 2>&1
	mountpoint -q "$out/small" && umount "$out/small"
	rm -rf "$out"
}
trap finish EXIT
trap 'exit 130' INT TERM HUP

unprivileged() { setpriv --reuid=65534 --regid=65534 --clear-groups --bounding-set=-all --inh-caps=-all -- "$@"; }

formats="nscan xml gnmap jsonl"

# read_back NAME: what the record of NAME says, beside what the scan said: NAME.FORMAT and NAME.out.
read_back()
{
	local name=$1 format different=
	mkdir -p "$out/read" && chmod 777 "$out/read"
	chmod a+r "$out/$name.pcapng"
	unshare -n -- setpriv --reuid=65534 --regid=65534 --clear-groups --bounding-set=-all --inh-caps=-all -- \
		timeout 60 "$out/nscan" -r "$out/$name.pcapng" -oA "$out/read/$name" >"$out/read/$name.out" 2>"$out/read/$name.err" </dev/null
	equal "$name: -r ends with status 0, without rights" 0 $? "$out/read/$name.err" "$out/$name.err"
	for format in $formats out; do
		cmp -s "$out/$name.$format" "$out/read/$name.$format" || different="$different $format"
	done
	equal "$name: every report read back is the one of the scan" "" "$different" "$out/read/$name.err"
	for format in $different; do
		diff "$out/$name.$format" "$out/read/$name.$format" | head -20 | sed "s/^/#   $format: /"
	done
	expect "$name: tcpdump reads every packet of it" test "$(tcpdump -nr "$out/$name.pcapng" 2>/dev/null | wc -l)" -ge "${2:-2}"
}

# recorded NAME STATUS ARGS...: a scan with a record, and what reading it back says.
recorded()
{
	local name=$1 status=$2
	shift 2
	"$lab" exec timeout 60 "$nscan" -w "$out/$name.pcapng" -oA "$out/$name" "$@" >"$out/$name.out" 2>"$out/$name.err" </dev/null
	equal "$name: the scan ends with status $status" "$status" $? "$out/$name.err"
	read_back "$name"
}

# --- ten scans of different kinds ---------------------------------------------------------------------------------------------

scan_hosts() { recorded hosts 0 -n -sn 192.168.0.90-200; }
scan_ports() { recorded ports 0 -n -sU -p 53,69,123,161 192.168.0.101-112 192.168.0.121,181; }
scan_echo() { recorded echo 0 -n -sn -PE -PU40125,53 192.168.0.100-110,150,180-184; }
scan_unasked() { recorded unasked 0 -n -Pn -p 53,9999 --reason 192.168.0.120,125 192.168.0.131; }
scan_data() { recorded data 0 -n --data-length 600 --ttl 9 -p 7,53,4000 -d 192.168.0.101,110; }
scan_loopback() { recorded loopback 0 -n -p 1-400 --open 127.0.0.1-3; }
scan_sweep() { recorded sweep 0 -n -sn 127.0.0.0/18 127.9.9.1; }
scan_shard() { recorded shard 0 -n -sU -p 53,123 --shard 2/3 -v 192.168.0.98-125; }
scan_claim() { recorded claim 0 -n -p 1-12 --source-ips 192.168.0.1,192.168.0.30-33 --seed 5 192.168.0.150; }
scan_names() { recorded names 0 -sU -p 53,7 --dns-servers 192.168.0.103 192.168.0.98-112; }
scan_lists()
{
	printf '192.168.0.100\n192.168.0.101 # caf\xe9\n' >"$out/list"
	echo 192.168.0.101 >"$out/not"
	recorded lists 0 -n -iL "$out/list" --excludefile "$out/not" --exclude 192.168.0.103 192.168.0.103-104 -p 53,123
	rm "$out/list" "$out/not"
	read_back lists
}
scan_time() { recorded time 0 -n -sU -p 1-3000 --max-time 2 192.168.0.100,140,200; }
scan_interrupted()
{
	local name=interrupted
	"$lab" exec "$nscan" -n -w "$out/$name.pcapng" -oA "$out/$name" -p 1-2000 192.168.0.100-104 >"$out/$name.out" 2>"$out/$name.err" </dev/null &
	sleep 1.5
	kill -INT "$(pgrep -P $! || echo $!)"
	wait $!
	equal "$name: the scan ends with status 130" 130 $? "$out/$name.err"
	read_back $name
}

# --- records that were not finished -------------------------------------------------------------------------------------------

scan_killed()
{
	local pid
	"$lab" exec "$nscan" -n -w "$out/killed.pcapng" -oJ "$out/killed.jsonl" -p 1-2000 192.168.0.100-104 >/dev/null 2>&1 </dev/null &
	sleep 1.5
	pid=$(pgrep -P $! || echo $!)
	kill -KILL "$pid"
	wait $! 2>/dev/null
	expect "killed: tcpdump reads what there is, fifty packets and more" eval "[ \$(tcpdump -nr $out/killed.pcapng 2>/dev/null | wc -l) -gt 50 ]"
	"$nscan" -r "$out/killed.pcapng" -oJ "$out/read.jsonl" >"$out/read.out" 2>"$out/read.err"
	equal "killed: -r reports what is there, says that it was cut off, and ends with status 1" "1 1" \
		"$? $(grep -c 'the record ends before the scan did' "$out/read.err")" "$out/read.err" "$out/read.out"
	# what the scan had told by then is in the record, but for the last 100 ms
	expect "killed: every host that was found is read back" eval \
		"[ -z \"\$(comm -23 <(jq -r 'select(.type==\"host\").addr' $out/killed.jsonl | sort -u) \
			<(jq -r 'select(.type==\"host\").addr' $out/read.jsonl | sort -u))\" ]"
}

scan_full()
{
	mkdir "$out/small"
	mount -t tmpfs -o size=64k tmpfs "$out/small"
	"$lab" exec timeout 60 "$nscan" -n -w "$out/small/full.pcapng" -oJ "$out/full.jsonl" -p 1-500 127.0.0.1 >"$out/full.out" 2>"$out/full.err" </dev/null
	equal "full: a full disk is said, and the status is 1" "1 1" "$? $(grep -c 'full.pcapng: No space left on device' "$out/full.err")" "$out/full.err"
	equal "full: the scan is whole all the same" 500 "$(jq -s '[.[] | select(.type=="port")] | length' "$out/full.jsonl")"
	expect "full: what is there is readable" eval "tcpdump -nr $out/small/full.pcapng >$out/full.text 2>$out/full.said && [ -s $out/full.text ]"
	equal "full: and ends with a whole packet" 0 "$(grep -c truncated "$out/full.said")" "$out/full.said"
	umount "$out/small"
}

# --- through a pipe, altered, selected ----------------------------------------------------------------------------------------

scan_pipe()
{
	"$lab" exec "$nscan" -n -sn -w - -oJ "$out/pipe.jsonl" 192.168.0.98-112 2>"$out/pipe.err" | "$nscan" -r - -oJ "$out/piped.jsonl" >"$out/pipe.out"
	equal "pipe: both ends end with status 0" "0 0" "${PIPESTATUS[*]}" "$out/pipe.err"
	expect "pipe: the reports are the same" cmp "$out/pipe.jsonl" "$out/piped.jsonl"
}

# What becomes known is told while the scan goes on, and Ctrl-C ends the reading.
scan_followed()
{
	local scanner reader waited=0
	mkfifo "$out/pipe"
	"$lab" exec "$nscan" -n -w - -p 1-2000 192.168.0.140 >"$out/pipe" 2>/dev/null </dev/null &
	scanner=$!
	"$nscan" -r - -oJ "$out/followed.jsonl" <"$out/pipe" >"$out/followed.out" 2>"$out/followed.err" &
	reader=$!
	until grep -qs '"type":"port"' "$out/followed.jsonl" || ((++waited > 100)); do
		sleep 0.05
	done
	expect "followed: ports are told while the scan goes on" kill -0 "$scanner"
	expect "followed: ... within five seconds" test $waited -le 100
	kill -INT $reader
	wait $reader
	equal "followed: Ctrl-C ends the reading with what is known" "130 1" "$? $(grep -c '"why":"interrupted"' "$out/followed.jsonl")" "$out/followed.err" "$out/followed.jsonl"
	kill -INT "$(pgrep -P $scanner || echo $scanner)" 2>/dev/null
	wait $scanner 2>/dev/null
}

scan_selected()
{
	[ -e "$out/ports.pcapng" ] || scan_ports
	"$nscan" -r "$out/ports.pcapng" -p 53 192.168.0.103 192.168.0.110 -oJ - >"$out/selected.jsonl"
	equal "selected: targets and -p choose from the record" "192.168.0.103:53 192.168.0.110:53" \
		"$(jq -r 'select(.type=="port") | "\(.addr):\(.port)"' "$out/selected.jsonl" | sort -u | xargs)"
}

scan_altered()
{
	[ -e "$out/hosts.pcapng" ] || scan_hosts
	# the identity key of the run, one digit of it another
	python3 - "$out/hosts.pcapng" "$out/altered.pcapng" <<-'PYTHON'
		import re, sys
		data = open(sys.argv[1], "rb").read()
		at = re.search(rb'"key":"([0-9a-f])', data).start(1)
		open(sys.argv[2], "wb").write(data[:at] + (b"1" if data[at:at + 1] == b"0" else b"0") + data[at + 1:])
	PYTHON
	"$nscan" -r "$out/altered.pcapng" >"$out/altered.out" 2>"$out/altered.err"
	equal "altered: a record that the engine does not reproduce is told as such" "1 1" \
		"$? $(grep -c 'this nscan does not do what the recorded one did' "$out/altered.err")" "$out/altered.err"
}

scan_foreign()
{
	[ -e "$out/ports.pcapng" ] || scan_ports
	sed 's/"version":"[0-9.]*"/"version":"9.9.9"/' "$out/ports.pcapng" | # as long as before: a version of five characters
		"$nscan" -r - -oJ "$out/foreign.jsonl" >"$out/foreign.out" 2>"$out/foreign.err"
	equal "foreign: the record of another version is read like a capture, and that is said" "0 1" \
		"$? $(grep -c "recorded by nscan 9.9.9.*like anybody's capture" "$out/foreign.err")" "$out/foreign.err"
	equal "foreign: ports that answered are open all the same" "$(jq -r 'select(.type=="port" and .state=="open") | "\(.addr):\(.port)"' "$out/ports.jsonl" | sort -u | xargs)" \
		"$(jq -r 'select(.type=="port" and .state=="open") | "\(.addr):\(.port)"' "$out/foreign.jsonl" | sort -u | xargs)"
}

scan_lossy()
{
	"$lab" loss 20
	recorded lossy 0 -n -p 53,123,1000 192.168.0.103-107
	"$lab" loss 0
}

if [ "$(id -u)" != 0 ]; then
	echo "1..0 # SKIP needs root for network namespaces"
	exit 0
fi
"$lab" up >"$out/up.log" 2>&1 || not_ok "raise the lab" "$out/up.log"
scans="hosts ports echo unasked data loopback sweep shard claim names lists time interrupted killed full pipe followed"
[ $# -gt 0 ] && scans="$*"
for scan in $scans; do
	[ "$(type -t "scan_$scan")" = function ] || { echo "no scan '$scan'" >&2 && exit 2; }
	(
		trap - EXIT
		SECONDS=0
		"scan_$scan"
		echo "# $scan took $SECONDS s"
		plan
	) >"$out/$scan.tap" 2>&1 </dev/null &
done
wait
if [ $# = 0 ]; then # these read what others recorded, or change the lab
	for scan in selected altered foreign lossy; do
		("scan_$scan"; plan) >"$out/$scan.tap" 2>&1 </dev/null
	done
	scans="$scans selected altered foreign lossy"
fi
for scan in $scans; do
	grep -v '^1\.\.' "$out/$scan.tap"
	planned=$(sed -n 's/^1\.\.//p' "$out/$scan.tap")
	[ -n "$planned" ] || not_ok "$scan: ended before its plan"
	tap_count=$((tap_count + ${planned:-0}))
	tap_failures=$((tap_failures + $(grep -c '^not ok' "$out/$scan.tap")))
done
plan
