#!/bin/bash
# usage.sh: whatever is wrong with a command line is one line on standard error that names it, with the right exit status, and nothing
# on standard output. Needs no root; what needs the absence of it gives it away first.
set -u
here=$(dirname "$(readlink -f "$0")")
nscan=${NSCAN:-${NSCAN_BUILD:-$here/../../build}/release/nscan}
# shellcheck source=tests/support/tap.bash
. "$here/../support/tap.bash"
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT
cp "$nscan" "$out/nscan" # where an unprivileged user may run it
chmod 755 "$out" "$out/nscan"

# Runs nscan as a user without rights, in a network of its own when there is root to make one: nothing may leave.
unprivileged()
{
	if [ "$(id -u)" = 0 ]; then
		unshare -n -- setpriv --reuid=65534 --regid=65534 --clear-groups --bounding-set=-all --inh-caps=-all -- "$@"
	else
		"$@"
	fi
}

# refused STATUS PATTERN ARGS...: that exit status, one line that begins with "nscan: " and matches the pattern, no output.
refused()
{
	local status=$1 pattern=$2 seen name
	shift 2
	name="nscan $(printf "%q " "$@")"
	unprivileged timeout 20 "$out/nscan" "$@" >"$out/stdout" 2>"$out/stderr" </dev/null
	seen=$?
	if [ $seen != "$status" ]; then
		not_ok "$name: exit status $status" "$out/stderr"
		echo "#   exit status was $seen"
	elif [ -s "$out/stdout" ]; then
		not_ok "$name: nothing on standard output" "$out/stdout"
	elif [ "$(wc -l <"$out/stderr")" != 1 ] || ! grep -qE "^nscan: .*($pattern)" "$out/stderr"; then
		not_ok "$name: one line that says '$pattern'" "$out/stderr"
	else
		ok "$name: $(cut -c 1-120 "$out/stderr")"
	fi
}

# --- what a person gets wrong --------------------------------------------------------------------------------------------

refused 2 'no targets.*-iL'
refused 2 'no targets' -sU
refused 2 "unknown option '-Q'" -Q 127.0.0.1
refused 2 "unknown option '--sourceips'" --sourceips x 127.0.0.1
refused 2 'did you mean --packet-trace' -packet-trace 127.0.0.1
refused 2 "unknown option '--no-such-rate'" --no-such-rate 5 127.0.0.1
refused 2 '--min-rate is for sweeps \(-sn\)' --min-rate 5 127.0.0.1
refused 2 '--min-rate is for sweeps \(-sn\)' --watch 1s --min-rate 5 -p 53 127.0.0.1
refused 2 '--wait 127\.0\.0\.1:53: the port alone is asked; leave .* -P away' --wait 127.0.0.1:53 -PE
refused 2 "--min-rate 5 is more than --max-rate allows" -sn --min-rate 5 --max-rate 4 127.0.0.1
refused 2 '--ping asks one host; give exactly one' --ping
refused 2 "--ping asks one host; '127\.0\.0\.0/30' are several" --ping 127.0.0.0/30
refused 2 'no-such-host\.invalid' --ping no-such-host.invalid
refused 2 '--ping reports .* leave -oG away' --ping -oG - 127.0.0.1
refused 2 '--count goes with --ping only' --count 5 127.0.0.1
refused 1 'root or CAP_NET_RAW' --ping 127.0.0.1
refused 2 '--echo-server asks nobody' --echo-server 9000 127.0.0.1
refused 2 '-e: there is no such interface' --echo-server 9000 -e no-such-if
refused 1 '--echo-server 53: .*root' --echo-server 53
refused 1 '-S 192\.0\.2\.1: this machine has no such address' --echo-server 9000 -S 192.0.2.1
refused 2 '-p: .*\b0\b' -p 0 127.0.0.1
refused 2 '-p: .*70000' -p 70000 127.0.0.1
refused 2 '-p: .*no-such-service' -p no-such-service 127.0.0.1
refused 2 '-p: ' -p 20-10 127.0.0.1
refused 2 '-p needs a value' 127.0.0.1 -p
refused 2 '192\.168\.0\.300' 192.168.0.300
refused 2 '10\.0\.0\.0/33' 10.0.0.0/33
refused 2 '192\.168\.0\.200-100' 192.168.0.200-100
refused 2 'no-such-host\.invalid' no-such-host.invalid
refused 2 "'53'" -PU 53
refused 2 'IPv6' ::1
refused 2 'IPv6' fe80::1-fe80::9
refused 2 'no targets are left' --exclude 127.0.0.0/8 127.0.0.1
refused 2 'exclude.*300|300.*exclude' --exclude 10.0.0.300 127.0.0.1
refused 2 '-iL .*/no/such/file: No such file' -iL /no/such/file
refused 2 'no targets are left' -iL /dev/null
refused 2 '--excludefile /no/such/file' --excludefile /no/such/file 127.0.0.1
refused 2 '-e no-such-if: there is no such interface; there are: .*lo' -e no-such-if 127.0.0.1
refused 2 '-S 1\.2\.3: not an address' -S 1.2.3 127.0.0.1
refused 2 '-sn and -p do not go together' -sn -p 53 127.0.0.1
refused 2 '--data and --data-string' --data 00 --data-string x 127.0.0.1
refused 2 '--data is given twice' --data 00 --data 01 127.0.0.1
refused 2 '--ttl 0' --ttl 0 127.0.0.1
refused 2 '-T 6: give 0 to 5' -T6 127.0.0.1
refused 2 '-T .*paranoid' -T 127.0.0.1
refused 2 '--host-timeout 0' --host-timeout 0 127.0.0.1
refused 2 '--max-time 5d' --max-time 5d 127.0.0.1
refused 2 '-S and --source-ips do not go together' -S 127.0.0.1 --source-ips 127.0.0.1 127.0.0.1
refused 2 '-sn and --source-ips do not go together' -sn --source-ips 127.0.0.1 127.0.0.1
refused 2 "--source-ips: .*10\.0\.0\.300" --source-ips 10.0.0.1,10.0.0.300 127.0.0.1
refused 2 '--source-ips: more than 1024' --source-ips 10.0.0.0/21 127.0.0.1
refused 2 '--source-ips: .*IPv6' --source-ips ::1 127.0.0.1
refused 2 '--stats-every 5x' --stats-every 5x 127.0.0.1
refused 2 'standard output' -oX - -oG - 127.0.0.1
refused 2 '--resume .*alone' --resume x -v
refused 2 '--resume /no/such/file: No such file' --resume /no/such/file
refused 2 '-iL /no/.xc2.x9b2J: No such file' -iL "$(printf '/no/\302\2332J')"
refused 2 'x0a' "$(printf 'bad\nname.invalid')"

# --- a list of targets in a file -----------------------------------------------------------------------------------------

printf '10.0.0.1\n10.0.0.2 # fine\n10.0.0.300\n' >"$out/list"
chmod 644 "$out/list"
refused 2 'list.*3.*10\.0\.0\.300|10\.0\.0\.300.*list.*3' -iL "$out/list"

# --- what is read is not written over, by whatever name --------------------------------------------------------------------

printf '127.0.0.1\n' >"$out/hosts"
chmod 666 "$out/hosts"
refused 2 'hosts: is to be read \(-iL\) and written over' -iL "$out/hosts" -oN "$out/./hosts"
refused 2 'hosts: is to be read \(-iL\) and written over' -iL "$out/hosts" -w "$out/hosts"
refused 2 'hosts: is to be read \(--excludefile\) and written over' --excludefile "$out/hosts" -oJ "$out/hosts" 127.0.0.2
refused 2 'hosts: is to be read \(-r\) and written over' -r "$out/hosts" -oX "$out/./hosts"
refused 2 'hosts: is to be read \(--merge\) and written over' --merge "$out/hosts" -oJ "$out/./hosts"
equal "the list is as it was" "127.0.0.1" "$(cat "$out/hosts")"
ln -s "$out/resumed" "$out/same"
resumed='{"type":"scan","seed":1,"args":["nscan","127.0.0.1","-oN","'$out/same'","-oJ","-"]}'
printf '%s\n' "$resumed" >"$out/resumed"
chmod 666 "$out/resumed"
refused 2 'same: is to be read \(--resume\) and written over' --resume "$out/resumed"
equal "so is what is to be resumed" "$resumed" "$(cat "$out/resumed")"

# --- files that --resume cannot use --------------------------------------------------------------------------------------

resume_file()
{
	printf '%s\n' "${@:3}" >"$out/$1"
	chmod 644 "$out/$1"
	refused 2 "$2" --resume "$out/$1"
}
resume_file xml 'is not JSON' '<?xml version="1.0"?>' '<nmaprun/>'
resume_file foreign 'no line of type "scan"' '{"hello":"world"}'
resume_file noargs 'no args' '{"type":"scan","seed":1}'
resume_file noseed 'no seed' '{"type":"scan","args":["nscan","127.0.0.1","-oJ","x"]}'
resume_file badline 'line 2 is not JSON' '{"type":"scan","seed":1,"args":["nscan","127.0.0.1","-oJ","x"]}' 'oops' '{"type":"x"}'
resume_file badargs 'not understood.*--nonsense' '{"type":"scan","seed":1,"args":["nscan","127.0.0.1","-oJ","x","--nonsense"]}'
resume_file nojson 'no -oJ' '{"type":"scan","seed":1,"args":["nscan","127.0.0.1","-oX","x"]}'
resume_file stdin 'standard input' '{"type":"scan","seed":1,"args":["nscan","-iL","-","-oJ","x"]}'
resume_file noscan 'not that of a scan' '{"type":"scan","seed":1,"args":["nscan","--iflist","-oJ","x"]}'
: >"$out/empty"
chmod 644 "$out/empty"
refused 2 'no line of type' --resume "$out/empty"
refused 2 'not a regular file' --resume /dev/null
refused 2 'not a regular file' --resume /

# --- captures that cannot be read ----------------------------------------------------------------------------------------

refused 1 'nowhere.pcap: cannot be opened: No such file' -r "$out/nowhere.pcap"
refused 1 'standard input: is empty' -r -
refused 1 "$out: is a directory" -r "$out"
cp "$here/../../pcaps/snapped-short.pcap" "$out/capture"
chmod 644 "$out/capture"
refused 2 'hosts: stands among the targets, but is a file; put -r before each' -r "$out/capture" "$out/hosts"
ln -s "$out/hosts" "$out/hosts.invalid"
was=$PWD
cd "$out" || exit 1
refused 2 'hosts\.invalid: is no name of a host.*-iL hosts\.invalid' hosts.invalid
cd "$was" || exit 1
refused 2 '-r -: standard input can be read once' -r "$out/capture" -r - -r -
refused 1 'neither pcap nor pcapng' -r "$here/usage.sh"
refused 2 '-r reads a capture and never sends: leave --ttl away' -r "$out/nowhere.pcap" --ttl 3
refused 2 '-r reads a capture and never sends: leave -Pn away' -Pn -r "$out/nowhere.pcap"

# --- records --------------------------------------------------------------------------------------------------------------

refused 2 '-r and -w do not go together' -r a -w b
refused 2 '-w x: another option writes there' -w x -oJ x 127.0.0.1
refused 2 '-w - \(standard output\): another option writes there' -w - -oJ - 127.0.0.1
refused 2 '-w needs a value' 127.0.0.1 -w

# --- right usage, but no rights: only then is that what is wrong ------------------------------------------------------------

if [ "$(id -u)" = 0 ] || ! getcap "$nscan" 2>/dev/null | grep -q net_raw; then
	refused 1 'root or CAP_NET_RAW.*sudo' -sU 127.0.0.1
	refused 1 'root or CAP_NET_RAW' -sn -oX "$out/never-written.xml" 127.0.0.1
	expect "no file is touched before the rights are checked" test ! -e "$out/never-written.xml"
fi

# --- what needs no rights -----------------------------------------------------------------------------------------------------

expect "nscan --help" "$out/nscan" --help
expect "nscan -h is the same" cmp <("$out/nscan" -h) <("$out/nscan" --help)
expect "nscan --version" "$out/nscan" -V
equal "--help fits 120 columns" "" "$("$out/nscan" --help | awk 'length > 120')"
unprivileged "$out/nscan" --iflist >"$out/iflist" 2>&1
grep -qE '^lo +loopback ' "$out/iflist" && ok "nscan --iflist shows lo, without rights" || not_ok "nscan --iflist shows lo, without rights" "$out/iflist"
for option in --help --version --iflist; do
	"$out/nscan" $option >/dev/full 2>"$out/stderr"
	equal "nscan $option >/dev/full: exit status 1 and a message" "1 1" "$? $(grep -c '^nscan: .*standard output' "$out/stderr")" "$out/stderr"
done
plan
