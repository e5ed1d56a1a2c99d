#!/bin/bash
# observe.sh: -r with captures of other programs, from the command line's side: several files, pipes, what cannot be read. Needs no root.
set -u
here=$(dirname "$(readlink -f "$0")")
nscan=$(readlink -f "${NSCAN:-${NSCAN_BUILD:-$here/../../build}/release/nscan}")
# shellcheck source=tests/support/tap.bash
. "$here/../support/tap.bash"
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT
cd "$here/../../pcaps" || exit 1

# read_captures STATUS NAME ARGS...: the report as JSON to $out/seen, with that exit status.
read_captures()
{
	local status=$1 name=$2
	shift 2
	timeout 20 "$nscan" "$@" -oJ "$out/seen" >"$out/stdout" 2>"$out/stderr"
	equal "$name: exit status $status" "$status" $? "$out/stderr"
}

count() { jq -r "select($1) | .addr" "$out/seen" | wc -l; }
last_words() { jq -sc 'map(select(.type == "port" or .type == "host")) | group_by([.addr, .port]) | map(last)' "$1"; }
body() { tail -n +2 "$1"; }

read_captures 0 "several files make one report" -r hosts.pcap -r services.pcap -r resolver.pcap
equal "... of the hosts of all" 9 "$(count '.type == "host"')" "$out/seen"
read_captures 0 "one file" -r resolver.pcap
cp "$out/seen" "$out/file"
read_captures 0 "the same from standard input" -r - <resolver.pcap
expect "... says the same" cmp <(body "$out/file") <(body "$out/seen")
mkfifo "$out/pipe"
cat resolver.pcap >"$out/pipe" &
read_captures 0 "the same from a pipe, which is followed" -r "$out/pipe"
wait
expect "... comes to the same, though in the order in which it became known" cmp <(last_words "$out/file") <(last_words "$out/seen")
read_captures 0 "targets and ports select" -r resolver.pcap -p 53 198.51.100.0/24 --exclude 198.51.100.54
equal "... one host, one port" "1 1" "$(count '.type == "host"') $(count '.type == "port"')" "$out/seen"
read_captures 0 "-sn: hosts only" -sn -r resolver.pcap
equal "... three, and no port" "3 0" "$(count '.type == "host"') $(count '.type == "port"')" "$out/seen"
read_captures 0 "--open: what cannot be open is left out" --open -r conflicting.pcap
equal "... two ports" 2 "$(count '.type == "port"')" "$out/seen"
expect "every format is written" "$nscan" -r conflicting.pcap -oA "$out/all"
expect "... XML is valid" xmllint --noout --nonet --dtdvalid /usr/share/nmap/nmap.dtd "$out/all.xml"
head -c 200 resolver.pcap >"$out/cut.pcap"
read_captures 1 "a capture that is cut off does not hold back the next one" -r "$out/cut.pcap" -r services.pcap
equal "... all of the second is there" 3 "$(count '.type == "port" and .addr == "192.168.0.110"')" "$out/seen"
expect "... and it is said which" grep -qE '^nscan: .*cut\.pcap: ends in the middle' "$out/stderr"
read_captures 1 "a file that is not there" -r "$out/none.pcap"
expect "... is named" grep -qE '^nscan: .*none\.pcap' "$out/stderr"
read_captures 1 "a second file that is not there, before the first is read" -r resolver.pcap -r "$out/none.pcap"
expect "... is named" grep -qE '^nscan: .*none\.pcap' "$out/stderr"
read_captures 1 "what is no capture" -r LIST
read_captures 1 "a folder" -r .
read_captures 2 "standard input twice" -r - -r - <resolver.pcap
"$nscan" -r resolver.pcap >/dev/full 2>"$out/stderr"
equal "a report that cannot be written: exit status 1" 1 $? "$out/stderr"
plan
