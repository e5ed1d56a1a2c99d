#!/bin/bash
# ping.sh: --ping and --echo-server beside ping(8), real services and a firewall, in network namespaces. Needs root.
#
# here 10.81.0.1 -- router 10.81.0.254, 10.82.0.254 -- there 10.82.0.2 and .3; twice, so that what is measured is not disturbed by
# what is merely tried. Everything is called nsping-PID-LAB-WHO. All runs go on at the same time; then they are judged.
# shellcheck disable=SC2016  # what looks like variables are those of jq
set -u
here=$(dirname "$(readlink -f "$0")")
nscan=${NSCAN:-${NSCAN_BUILD:-$here/../../build}/release/nscan}
# shellcheck source=tests/support/tap.bash
. "$here/../support/tap.bash"
# shellcheck source=tests/support/netns.bash
. "$here/../support/netns.bash"
out=$(mktemp -d)
chmod 755 "$out"

netns() { echo "nsping-$$-$1-$2"; }

# on LAB WHO COMMAND...
on() { ip netns exec "$(netns "$1" "$2")" "${@:3}"; }

cleanup()
{
	local lab
	for lab in measure try; do
		remove_netns "$(netns $lab here)" "$(netns $lab router)" "$(netns $lab there)"
	done
	rm -rf "$out"
}
trap cleanup EXIT
trap 'exit 1' INT TERM

# cable LAB WHO ADDRESS INTERFACE-OF-ROUTER ROUTERS-ADDRESS
cable()
{
	ip -n "$(netns "$1" router)" link add "$4" type veth peer name eth0 netns "$(netns "$1" "$2")" &&
		ip -n "$(netns "$1" router)" addr add "$5/24" dev "$4" &&
		ip -n "$(netns "$1" router)" link set "$4" up &&
		ip -n "$(netns "$1" "$2")" addr add "$3/24" dev eth0 &&
		ip -n "$(netns "$1" "$2")" link set eth0 up &&
		ip -n "$(netns "$1" "$2")" route add default via "$5"
}

lab()
{
	local who
	for who in here router there; do
		ip netns add "$(netns "$1" $who)" && on "$1" $who sysctl -qw net.ipv6.conf.all.disable_ipv6=1 &&
			ip -n "$(netns "$1" $who)" link set lo up || return
	done
	cable "$1" here 10.81.0.1 r0 10.81.0.254 && cable "$1" there 10.82.0.2 r1 10.82.0.254 &&
		ip -n "$(netns "$1" there)" addr add 10.82.0.3/24 dev eth0 &&
		on "$1" router sysctl -qw net.ipv4.ip_forward=1 net.ipv4.icmp_ratelimit=0 &&
		on "$1" here ping -q -c 1 -w 5 10.82.0.2 >/dev/null
}

# drop LAB WHO RULE...: a rule of the firewall there.
firewall() { on "$1" "$2" iptables "${@:3}"; }

# run LAB NAME ARGS...: a ping in the background; its text, JSON and status in $out/NAME.*
run()
{
	(
		on "$1" here timeout 60 "$nscan" --ping -oJ "$out/$2.json" "${@:3}" >"$out/$2.text" 2>"$out/$2.error" </dev/null
		echo $? >"$out/$2.status"
	) &
	pids+=($!)
}

# wait_for FILE: until a background program has written its first line.
wait_for()
{
	local i
	for ((i = 0; i < 100; i++)); do
		[ -s "$1" ] && return
		sleep 0.05
	done
	return 1
}

summary() { jq -r "select(.type == \"ping-summary\") | $2" "$out/$1.json"; }
probes() { jq -r "select(.type == \"ping\") | $2" "$out/$1.json"; }
status() { cat "$out/$1.status"; }

# interrupt LAB WHO: Ctrl-C for the nscan there that has this option among its arguments.
interrupt()
{
	local one
	for one in $(ip netns pids "$(netns "$1" "$2")"); do
		[ "$(cat "/proc/$one/comm" 2>/dev/null)" = nscan ] && tr '\0' ' ' <"/proc/$one/cmdline" | grep -q -e "$3" && kill -INT "$one"
	done
}

if [ "$(id -u)" != 0 ]; then
	echo "1..0 # SKIP needs root"
	exit 0
fi
if ! { lab measure && lab try; } >"$out/lab" 2>&1; then
	not_ok "the namespaces can be made" "$out/lab"
	plan
	exit 1
fi
pids=()

# ---- raised ---------------------------------------------------------------------------------------------------------------

# One packet of ten is lost, counted for each stream: ping(8)'s by its size, nscan's by another, the UDP one by its port.
lose="-m statistic --mode nth --every 10 --packet 0 -j DROP"
# shellcheck disable=SC2086  # words
{
	firewall measure there -A INPUT -p icmp --icmp-type echo-request -m length --length 84 $lose
	firewall measure there -A INPUT -p icmp --icmp-type echo-request -m length --length 92 $lose
	firewall measure there -A INPUT -p udp --dport 9001 $lose
	firewall measure there -A INPUT -p udp --dport 9002 $lose
	# Three of a hundred source ports do not get through, and one packet of ten of the others is lost.
	for port in 40005 40042 40099; do
		firewall measure router -A FORWARD -p udp --sport $port -j DROP
	done
	firewall measure router -A FORWARD -p udp --dport 9003 $lose
	firewall try router -A FORWARD -p udp --dport 9200 -j REJECT --reject-with icmp-admin-prohibited
	firewall try router -A FORWARD -p udp --dport 9201 -j REJECT --reject-with icmp-port-unreachable
	firewall try router -A FORWARD -p udp --dport 9202 -j DROP
} >"$out/firewall" 2>&1
equal "the firewall's rules are set" "" "$(cat "$out/firewall")"

on measure there "$nscan" --echo-server 9000-9003 >"$out/echo-measure" 2>&1 &
on try there "$nscan" -v --echo-server 7,9000 >"$out/echo-try" 2>&1 &
# The other end needs no rights for a port like this.
cp "$nscan" "$out/nscan"
chmod 755 "$out/nscan"
on try here setpriv --reuid=65534 --regid=65534 --clear-groups --bounding-set=-all --inh-caps=-all -- \
	"$out/nscan" --echo-server 9000 >"$out/echo-here" 2>&1 &
on try there python3 "$here/../lab/misecho.py" 10.82.0.2 >"$out/misecho" 2>&1 &
on try there dnsmasq --keep-in-foreground --port=53 --no-resolv --no-hosts --conf-file=/dev/null --listen-address=10.82.0.2 \
	--bind-interfaces --pid-file= --user=root >"$out/dnsmasq" 2>&1 &
for file in echo-measure echo-try echo-here misecho; do
	wait_for "$out/$file" || not_ok "$file is up" "$out/$file"
done

for ((i = 0; i < 100; i++)); do
	on try there ss -Huln 'sport = 53' | grep -q . && break
	sleep 0.05
done

# ---- measured: a thousand probes, ten milliseconds apart ------------------------------------------------------------------

on measure here ping -q -i 0.01 -c 1000 -s 56 10.82.0.2 >"$out/ping" 2>&1 &
pids+=($!)
run measure icmp --count 1000 --interval 10ms --max-retries 0 --timeout 3s --data-length 64 10.82.0.2
run measure udp -p 9001 --count 1000 --interval 10ms --max-retries 0 --timeout 3s 10.82.0.2
run measure repeated -p 9002 --count 1000 --interval 10ms --timeout 1s 10.82.0.2
run measure ports -p 9003 -g 40000-40099 --interval 20ms 10.82.0.2

# ---- tried ----------------------------------------------------------------------------------------------------------------

quick=(--count 4 --interval 50ms --timeout 3s)
run try echo -p 9000 "${quick[@]}" -w "$out/echo.pcapng" 10.82.0.2
run try rfc862 -p 9108 "${quick[@]}" 10.82.0.2
run try long -p 9000 "${quick[@]}" --data-length 1472 10.82.0.2
run try short -p 9108 "${quick[@]}" --data-length 2 10.82.0.2
run try text -p 9108 "${quick[@]}" --data-string hello 10.82.0.2
run try second -p 9000 "${quick[@]}" 10.82.0.3
run try altered -p 9101 "${quick[@]}" 10.82.0.2
run try cut -p 9102 "${quick[@]}" 10.82.0.2
run try twice -p 9103 "${quick[@]}" 10.82.0.2
run try swapped -p 9104 "${quick[@]}" 10.82.0.2
run try late -p 9105 --count 16 --interval 50ms --timeout 100ms --max-retries 1 10.82.0.2
run try other -p 9106 "${quick[@]}" 10.82.0.2
run try foreign -p 9107 "${quick[@]}" 10.82.0.2
run try slow -p 9109 "${quick[@]}" 10.82.0.2
run try dns -p 53 "${quick[@]}" 10.82.0.2
run try closed -p 9999 "${quick[@]}" 10.82.0.2
run try prohibited -p 9200 --count 2 10.82.0.2
run try router -p 9201 --count 2 10.82.0.2
run try silent -p 9202 --count 2 --interval 100ms --timeout 100ms 10.82.0.2
run try ttl --ttl 1 --count 2 10.82.0.2
run try nobody --count 2 10.81.0.77
run try badsum -p 9000 --badsum --count 1 --timeout 100ms 10.82.0.2
run try nosum -p 9000 --udp-checksum none "${quick[@]}" 10.82.0.2
run try myself -p 9000 "${quick[@]}" 127.0.0.1
run try max_time --max-time 1s --interval 200ms 10.82.0.2
run try ctrl_c -p 9000 --interval 200ms --tos 8 10.82.0.2
run try ctrl_c_silent -p 9202 --interval 200ms --tos 4 10.82.0.2
sleep 1.5
interrupt try here 'tos 8'
interrupt try here 'tos 4'

# Where a process may not open that many files, a range is refused in plain words, not with what comes of it later.
on try here prlimit --nofile=200:200 setpriv --bounding-set=-sys_resource -- "$nscan" --ping -p 9000 -g 40000-40999 10.82.0.2 \
	>"$out/files" 2>&1
equal "a range of more ports than files" "1" "$?" "$out/files"
expect "and why" grep -qx 'nscan: 1000 source ports (-g) take as many open files, and 200 are allowed: give a smaller range, .*' "$out/files"
for full in '--max-time 1s' '-oJ /dev/full'; do
	# shellcheck disable=SC2086  # two words
	on try here "$nscan" --ping -p 9000 --count 2 --interval 10ms $full 10.82.0.2 >/dev/full 2>"$out/full"
	equal "a full disk is told ($full)" 1 "$?" "$out/full"
	expect "and named" grep -q 'No space left on device; what is missing there is lost' "$out/full"
done

# Two echo servers, brought to talk to each other by a forged request; then one of ours and an RFC 862 one.
expect "forged requests can be sent" on try here python3 - <<'PYTHON'
import socket, struct

def total(data):
    words = sum(struct.unpack(">%dH" % (len(data) // 2), data))
    while words >> 16:
        words = (words & 0xffff) + (words >> 16)
    return words ^ 0xffff

raw = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
request = b"nscan?01" + bytes(48)
for source in 9000, 7:
    udp = struct.pack(">HHHH", source, 9000, 8 + len(request), 0) + request
    ip = struct.pack(">BBHHHBBH4s4s", 0x45, 0, 20 + len(udp), 1, 0, 64, 17, 0, socket.inet_aton("10.81.0.1"), socket.inet_aton("10.82.0.2"))
    raw.sendto(ip[:10] + struct.pack(">H", total(ip)) + ip[12:] + udp, ("10.82.0.2", 0))
PYTHON

wait "${pids[@]}"
server=$(ip netns pids "$(netns try there)" | while read -r one; do
	[ "$(cat "/proc/$one/comm" 2>/dev/null)" = nscan ] && echo "$one"
done)
cp "/proc/$server/status" "$out/server"
for who in here there; do
	interrupt try $who echo-server
done
interrupt measure there echo-server
sleep 0.3

# ---- judged: measured -----------------------------------------------------------------------------------------------------

read -r sent received < <(sed -nE 's/^([0-9]+) packets transmitted, ([0-9]+) received.*/\1 \2/p' "$out/ping")
IFS=/ read -r p_min p_avg p_max p_mdev < <(sed -nE 's/^rtt .* = ([0-9./]+) ms.*/\1/p' "$out/ping")
equal "ping(8) loses one of ten" "1000 900" "$sent $received" "$out/ping"
equal "nscan's ICMP ping counts the same as ping(8)" "$sent $received" "$(summary icmp '"\(.sent) \(.received)"')" "$out/icmp.text"
equal "and the same loss" "$(sed -nE 's/.* ([0-9.]+)% packet loss.*/\1/p' "$out/ping")" "$(summary icmp '.loss_percent | round')" "$out/icmp.text"
equal "UDP: one of ten, exactly" "1000 900 100 10" "$(summary udp '"\(.sent) \(.received) \(.lost) \(.loss_percent | round)"')" "$out/udp.text"
equal "the probes say the same as the summary" "900 100" \
	"$(probes udp .result | grep -c echo) $(probes udp .result | grep -c nothing)" "$out/udp.text"

# close_to NAME: the least and the middle round trip are those of ping(8), but for what a busy machine does to two programs; the echo
# server is a third, and the mean has its longest pauses in it.
close_to()
{
	jq -se --argjson min "$p_min" --argjson avg "$p_avg" '
		map(select(.type == "ping" and .rtt_us) | .rtt_us / 1000) | sort
		| (.[0] - $min | fabs) <= 0.1 + $min / 2 and (.[length / 2 | floor] - $avg | fabs) <= 0.2 + $avg / 2' "$out/$1.json" >/dev/null
}
for name in icmp udp; do
	expect "$name: round trips as ping(8) has them: $p_min/$p_avg/$p_max/$p_mdev ms; $(summary $name '.rtt_us | "\(.min)/\(.avg)/\(.max)/\(.mdev) us"')" \
		close_to $name
	# The mean and deviation of the lines are those of the summary.
	expect "$name: the statistics are those of the lines" jq -se '
		(map(select(.type == "ping" and .rtt_us) | .rtt_us)) as $t | ($t | add / length) as $mean
		| ($t | map((. - $mean) * (. - $mean)) | add / length | sqrt) as $mdev
		| map(select(.type == "ping-summary"))[0].rtt_us
		| (.avg - $mean | fabs) < 0.01 and (.mdev - $mdev | fabs) < 0.01 and .min == ($t | min) and .max == ($t | max)' \
		"$out/$name.json"
done
expect "repetition: every tenth packet is lost, repetitions among them" jq -se '
	map(select(.type == "ping-summary"))[0]
	| .sent == 1000 + .repetitions and .lost == (.sent / 10 | ceil) and .probes == 1000 and .results.echo >= 990' "$out/repeated.json"
equal "exactly the three source ports that are stopped are named" "40005 40042 40099" \
	"$(summary ports '.silent_source_ports | map(tostring) | join(" ")')" "$out/ports.text"
expect "and in the text" grep -qx 'Source ports without a reply: 40005,40042,40099 (3 of 100)' "$out/ports.text"
equal "each source port once" "100 100" "$(probes ports .source_port | sort -u | wc -l) $(probes ports .seq | wc -l)" "$out/ports.text"

# ---- judged: what came back -------------------------------------------------------------------------------------------------

# comes NAME STATUS RESULT [RECEIVED]: every probe came to that, and so did the end.
comes()
{
	equal "$1: $3, status $2" "$2 $3${4:+ $4}" "$(status "$1") $(probes "$1" .result | sort -u | paste -sd ' ')${4:+ $(summary "$1" .received)}" \
		"$out/$1.text" "$out/$1.error"
}
for name in echo rfc862 long text second slow nosum myself; do
	comes $name 0 echo 4
done
comes short 0 echo 4
equal "-w: the capture has every ping and its answer" "4 4" "$(tcpdump -nr "$out/echo.pcapng" udp dst port 9000 2>/dev/null | grep -c .) \
$(tcpdump -nr "$out/echo.pcapng" udp src port 9000 2>/dev/null | grep -c .)"
comes altered 0 altered 4
equal "altered: which bytes" "40 2" "$(probes altered '"\(.first_wrong) \(.wrong_bytes)"' | sort -u)"
comes cut 0 truncated 4
expect "cut: said in the text" grep -q 'echo truncated, 40 of 56 bytes' "$out/cut.text"
comes twice 0 echo 4
# The last one may come when the last answer has ended the ping.
expect "twice: duplicates are counted" test "$(summary twice .duplicates)" -ge 3
equal "twice: and marked" "$(summary twice .duplicates)" "$(grep -c 'DUP!' "$out/twice.text")"
comes swapped 0 echo 4
equal "swapped: two were overtaken" 2 "$(summary swapped .reordered)" "$out/swapped.text"
expect "late: given up after 0.3 s, answered 0.3 s later after all" jq -se '
	(map(select(.type == "ping" and .seq == 1)) | .[0].result == "nothing" and .[1].result == "echo" and .[1].late and .[1].rtt_us >= 600000)
	and (map(select(.type == "ping-summary"))[0] | .late >= 3 and .results.echo >= 3)' "$out/late.json"
comes other 0 answer 4
comes foreign 0 echo 4
expect "foreign: says which port" grep -q ' from port ' "$out/foreign.text"
expect "slow: 50 ms are measured" jq -se 'map(select(.type == "ping-summary"))[0].rtt_us | .min >= 50000 and .min < 200000' "$out/slow.json"
comes dns 0 answer 4
expect "dns: who answers is told" grep -q 'answer, .* bytes (domain: dnsmasq' "$out/dns.text"
comes closed 0 refused 4
expect "closed: by whom" grep -q 'port-unreach from 10.82.0.2, ' "$out/closed.text"
equal "closed: refusals have times of their own" "true false" "$(summary closed '"\(.refusal_rtt_us != null) \(.rtt_us != null)"')"
comes prohibited 1 error 0
expect "prohibited: the error and the router" grep -q 'admin-prohibited from 10.81.0.254' "$out/prohibited.text"
comes router 1 error 0
expect "router: its port-unreach is not the host's" grep -q 'port-unreach from 10.81.0.254' "$out/router.text"
comes silent 1 nothing 0
equal "silent: three packets each, patience doubled" "6 3 3" "$(summary silent .sent) $(probes silent .tries | paste -sd ' ')" "$out/silent.text"
comes ttl 1 error 0
expect "ttl: by the router" grep -q 'time-exceeded from 10.81.0.254' "$out/ttl.text"
comes nobody 1 no-arp-reply 0
comes badsum 1 nothing 0
equal "max-time: ends it, well" "0 max-time true" "$(status max_time) $(summary max_time '"\(.why) \(.partial)"')" "$out/max_time.text"
equal "Ctrl-C: status 0 with an answer, 1 without" "0 1" "$(status ctrl_c) $(status ctrl_c_silent)" "$out/ctrl_c.error"
expect "Ctrl-C: the statistics follow" grep -q 'packets sent, .* received' "$out/ctrl_c.text"
equal "nothing went wrong on the way" "" "$(cat "$out"/*.error)"

# ---- judged: the echo server ------------------------------------------------------------------------------------------------

expect "it has given up root" grep -qE '^Uid:\s+65534\s+65534\s+65534\s+65534' "$out/server"
expect "and every capability" grep -qE '^CapEff:\s+0+$' "$out/server"
expect "it counts what it answered, and says who asked" grep -qE '^10\.81\.0\.1 asks port' "$out/echo-try"
expect "two echo servers do not talk to each other" grep -qE ', 4 answered .*, 1 answers of another echo server' "$out/echo-here"
plan
