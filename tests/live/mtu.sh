#!/bin/bash
# mtu.sh: path MTU and fragments, observed over real kernels and routers in namespaces, beside tracepath and ping. Needs root.
#
#     tests/live/mtu.sh               all of it
#     tests/live/mtu.sh path          one part; their names are the functions part_* below
#     MTU_KEEP=DIR ...                keeps in DIR what the scans wrote, and the rows of the table in the README (PART.table.md)
#
# A path is a row of machines, each cable with an MTU of its own: scan - r1 - r2 ... - host. Everything is named nsmtu-PID-PATH-WHO.
set -u
here=$(dirname "$(readlink -f "$0")")
build=${NSCAN_BUILD:-$here/../../build}
nscan=${NSCAN:-$build/release/nscan}
# shellcheck source=tests/support/tap.bash
. "$here/../support/tap.bash"

out=$(mktemp -d)
path=none target=none # being looked at

netns() { echo "nsmtu-$$-$path-$1"; }
in_ns() { ip netns exec "$(netns "$1")" "${@:2}"; }
namespaces() { ip netns list 2>/dev/null | sed -n "s/^\(nsmtu-$$-$1-[^ ]*\).*/\1/p"; }

remove()
{
	local ns one
	for ns in $(namespaces "$1"); do
		for one in $(ip netns pids "$ns" 2>/dev/null); do
			kill -KILL "$one" 2>/dev/null
		done
		ip netns del "$ns"
	done
}

cleanup()
{
	remove '[^ ]*'
	[ -z "${MTU_KEEP:-}" ] || cp -r "$out/." "$MTU_KEEP/"
	rm -rf "$out"
}
trap cleanup EXIT
trap 'exit 1' INT TERM

# cables NAME MTU...: the machines of the path and their cables. Cable i has the addresses 10.66.i.1 and 10.66.i.2.
cables()
{
	local i last=$(($# - 1)) who=scan next
	path=$1
	shift
	ip netns add "$(netns scan)" || return
	for ((i = 1; i <= last; i++)); do
		next=r$i
		[ $i = $last ] && next=host
		ip netns add "$(netns "$next")" &&
			ip -n "$(netns "$who")" link add right mtu "${!i}" type veth peer name left mtu "${!i}" netns "$(netns "$next")" &&
			ip -n "$(netns "$who")" addr add "10.66.$i.1/24" dev right && ip -n "$(netns "$next")" addr add "10.66.$i.2/24" dev left &&
			ip -n "$(netns "$who")" link set right up && ip -n "$(netns "$next")" link set left up &&
			ip -n "$(netns "$next")" link set lo up && in_ns "$next" sysctl -qw net.ipv4.ip_forward=1 || return
		[ $i = 1 ] || ip -n "$(netns "$next")" route add 10.66.1.0/24 via "10.66.$i.1" || return
		who=$next
	done
	ip -n "$(netns scan)" link set lo up
	target=10.66.$last.2
	for ((i = last - 1; i >= 1; i--)); do
		who=r$((i - 1))
		[ $i = 1 ] && who=scan
		[ $i = $last ] || ip -n "$(netns "$who")" route add default via "10.66.$i.2" || return
	done
	in_ns scan ping -q -c 1 -w 5 "$target" >/dev/null
}

# scan NAME ARGS...: a scan on the path, JSON in $out/PATH.NAME.json.
scan()
{
	local name=$1
	shift
	in_ns scan timeout 60 "$nscan" -n -oJ "$out/$path.$name.json" -oN "$out/$path.$name.txt" -oX "$out/$path.$name.xml" "$@" "$target" \
		>/dev/null 2>"$out/$path.$name.err" </dev/null
}

# mtu NAME FILTER: what the mtu line of that scan says.
mtu() { jq -r "select(.type == \"mtu\") | $2" "$out/$path.$1.json"; }
notes() { jq -r 'select(.type == "note") | .code' "$out/$path.$1.json" | sort -u | tr '\n' ' '; }

# stands NAME CMD...: as expect, but in this shell: the command sets variables.
stands()
{
	if "${@:2}" >"$out/stands" 2>&1; then
		ok "$1"
	else
		not_ok "$1" "$out/stands"
	fi
}

echo_off() { in_ns host sysctl -qw net.ipv4.icmp_echo_ignore_all=1; }
# The router before the narrow cable says nothing.
silence() { in_ns "$1" iptables -A OUTPUT -p icmp --icmp-type fragmentation-needed -j DROP; }

# carries BYTES: a ping of that length, which must not be fragmented, is answered.
carries() { in_ns scan ping -q -n -M "do" -c 2 -i 0.2 -W 1 -s "$(($1 - 28))" "$target" >/dev/null 2>&1; }

tracepath_says() { in_ns scan timeout 4 tracepath -n "$target" 2>/dev/null | sed -nE 's/.*Resume: (pmtu [0-9]+).*/\1/p'; }

# row WHAT TRACEPATH PING: of the table.
row()
{
	printf '| %s | %s, %s s | %s | %s |\n' "$1" "$(mtu one '"\(.path_mtu) (\(.how)), \(.probes) packets"')" \
		"$(jq -r 'select(.type == "summary").elapsed_s' "$out/$path.one.json")" "$2" "$3" >>"$out/$part.table.md"
}

# agrees WHAT MTU: ping and nscan say the same; a row of the table.
agrees()
{
	local says ping=no
	says=$(tracepath_says)
	carries "$2" && ! carries $(($2 + 1)) && ping=$2
	equal "$1: ping -M do carries $2 bytes and no more" "$2" "$ping"
	row "$1" "${says:-no answer}" "$ping"
	[ "${3:-}" = unlike ] || equal "$1: tracepath says the same" "pmtu $2" "$says"
}

# observed NAME SCAN WANTED: path_mtu, how, from, verified, black_hole and both fragment directions of the mtu line.
observed()
{
	equal "$1" "$3" \
		"$(mtu "$2" '"\(.path_mtu) \(.how) \(.from // "-") verified=\(.verified) hole=\(.black_hole) \(.fragments_to_host)/\(.fragments_from_host)"')" \
		"$out/$path.$2.json" "$out/$path.$2.err"
}

# within NAME SCAN SECONDS PACKETS
within()
{
	# shellcheck disable=SC2016  # jq's variables
	expect "$1: at most $3 s and $4 packets" jq -se --argjson s "$3" --argjson n "$4" \
		'([.[] | select(.type == "summary").elapsed_s] | max) <= $s and ([.[] | select(.type == "mtu").probes] | max) <= $n' "$out/$path.$2.json"
}

# --- the parts ---------------------------------------------------------------------------------------------------------------

part_path()
{
	local name wanted
	while read -r name wanted _ mtus; do
		# shellcheck disable=SC2086  # a list of MTUs
		stands "$name: the path stands" cables "$name" $mtus
		scan one -sn --pmtu
		observed "$name" one "$(tr , ' ' <<<"$wanted") pass/pass"
		within "$name" one 2 12
		agrees "cables of $mtus" "${wanted%%,*}"
		equal "$name: nothing noted" "" "$(notes one)"
		remove "$name"
	done <<-'PATHS'
		direct 1500,interface,-,verified=true,hole=false - 1500
		narrow 1400,frag-needed,10.66.1.2,verified=true,hole=false - 1500 1400
		narrower 1280,frag-needed,10.66.2.2,verified=true,hole=false - 1500 1400 1280
		odd 1443,frag-needed,10.66.2.2,verified=true,hole=false - 9000 9000 1443 1500
		jumbo 9000,interface,-,verified=true,hole=false - 9000 9000
	PATHS
}

part_hole()
{
	stands "hole: the path stands" cables hole 1500 1400
	silence r1
	scan one -sn --pmtu
	observed "a router that drops its own fragmentation-needed" one "1400 search - verified=true hole=true pass/pass"
	within hole one 5 24
	equal "hole: noted" "mtu-black-hole " "$(notes one)"
	agrees "1500, 1400 behind a router that says nothing" 1400 unlike
	scan ports -sU -p 20000-20003
	observed "the same beside ports" ports "1400 search - verified=true hole=true pass/pass"
	remove hole
	stands "hole in the middle: the path stands" cables odd 1500 1480 1457 1480
	silence r2
	scan one -sn --pmtu
	observed "a claim leads into a silent hole: 1457" one "1457 search - verified=true hole=true pass/pass"
	within "hole in the middle" one 5 40
	remove odd
}

part_quiet()
{
	stands "quiet: the path stands" cables quiet 1500 1400
	echo_off
	scan one -sn --pmtu
	observed "echo ignored: by UDP" one "1400 frag-needed 10.66.1.2 verified=true hole=false pass/unknown"
	within quiet one 2 12
	scan ports -sU -p 20000-20003
	observed "echo ignored: by UDP, beside ports" ports "1400 frag-needed 10.66.1.2 verified=true hole=false pass/unknown"
	equal "all of them are still closed" 4 "$(jq -r 'select(.type == "port" and .state == "closed").port' "$out/$path.ports.json" | wc -l)"
	expect "asked by udp" test "$(mtu ports .method)" = udp
	equal "the kernel's route to the host has no MTU of its own" "" "$(in_ns scan ip -o route get "$target" | grep -o ' mtu [0-9]*')"
	carries 1500
	equal "(ping leaves one there)" " mtu 1400" "$(in_ns scan ip -o route get "$target" | grep -o ' mtu [0-9]*')"
	row "1500, 1400, a host that ignores echo" "$(tracepath_says)" "no answer"
	equal "quiet: tracepath says the same" "pmtu 1400" "$(tracepath_says)"
	remove quiet
	stands "quiet hole: the path stands" cables quiethole 1500 1400
	echo_off
	silence r1
	scan one -sn --pmtu
	observed "echo ignored and a silent router" one "1400 search - verified=true hole=true pass/unknown"
	within "quiet hole" one 5 24
	remove quiethole
	stands "mute: the path stands" cables mute 1500
	echo_off
	in_ns host iptables -A INPUT -p udp -j DROP
	scan one -sn --pmtu
	equal "a host that answers nothing but ARP: nothing is made up" "null 1500" "$(mtu one '"\(.path_mtu) \(.interface_mtu)"')"
	within mute one 5 12
	remove mute
}

part_fragments()
{
	local name interface wanted
	while read -r name interface wanted; do
		stands "$name: the path stands" cables "$name" 1500 1500
		in_ns r1 iptables -A FORWARD -o "$interface" -f -j DROP
		scan one -sn --pmtu
		observed "$name" one "1500 interface - verified=true hole=false $wanted"
		within "$name" one 2 16
		remove "$name"
	done <<-'WAYS'
		there right dropped/unknown
		back left pass/dropped
	WAYS
	stands "detail: the path stands" cables detail 1500 1400
	scan one -sn --pmtu=full
	equal "--pmtu=full: reversed, 8 bytes in the first" "pass pass" "$(mtu one '"\(.fragments_reversed) \(.fragments_tiny_first)"')"
	expect "its XML is valid" xmllint --noout --dtdvalid /usr/share/nmap/nmap.dtd "$out/$path.one.xml"
	expect "its report says so" grep -q '^Path MTU 1400 (fragmentation-needed from 10.66.1.2, verified); fragments pass both ways' "$out/$path.one.txt"
	# The way back is narrower than the way there.
	in_ns r1 ip route replace 10.66.1.1/32 dev left mtu lock 1333
	in_ns r1 ip route flush cache
	scan back -sn --pmtu
	observed "a narrower way back" back "1400 frag-needed 10.66.1.2 verified=true hole=false pass/pass"
	equal "is told by itself" 1333 "$(mtu back .return_mtu)"
	remove detail
}

# lan NAME OWN_MTU HOST_MTU: scan 10.67.0.1, host 10.67.0.2 and rival 10.67.0.3 on a switch that takes 9000.
lan()
{
	local who n=0
	path=$1
	ip netns add "$(netns switch)" && ip -n "$(netns switch)" link add bridge type bridge mcast_snooping 0 forward_delay 0 ageing_time 0 &&
		ip -n "$(netns switch)" link set bridge up mtu 9000 || return
	for who in scan host rival; do
		n=$((n + 1))
		ip netns add "$(netns $who)" &&
			ip -n "$(netns switch)" link add "to-$who" mtu 9000 type veth peer name eth0 netns "$(netns $who)" &&
			ip -n "$(netns switch)" link set "to-$who" master bridge up && ip -n "$(netns $who)" link set lo up &&
			ip -n "$(netns $who)" addr add 10.67.0.$n/24 dev eth0 && ip -n "$(netns $who)" link set eth0 up || return
	done
	ip -n "$(netns scan)" link set eth0 mtu "$2" && ip -n "$(netns host)" link set eth0 mtu "$3" &&
		ip -n "$(netns rival)" link set eth0 mtu "$2" || return
	target=10.67.0.2
	in_ns scan ping -q -c 1 -w 5 "$target" >/dev/null
}

part_lan()
{
	stands "mixed: the LAN stands" lan mixed 9000 1500
	scan one -sn --pmtu
	observed "1500 on a LAN of 9000" one "1500 search - verified=true hole=false pass/pass"
	within mixed one 2 12
	equal "mixed: noted" "mtu-mismatch " "$(notes one)"
	agrees_on_lan
	echo_off
	scan quiet -sn --pmtu
	observed "the same by UDP" quiet "1500 search - verified=true hole=false pass/unknown"
	within "mixed, by UDP" quiet 2 12
	remove mixed
	stands "larger: the LAN stands" lan larger 1500 9000
	scan one -sn --pmtu
	observed "9000 on a LAN of 1500" one "1500 interface - verified=true hole=false pass/unknown"
	equal "its own MTU shows in the tail of a long reply" "9000" "$(mtu one .host_mtu)"
	equal "larger: noted" "mtu-mismatch " "$(notes one)"
	remove larger
}

# The card of a virtual cable takes 4 bytes more than its MTU (a VLAN tag's room): ping, which takes replies in fragments, too.
agrees_on_lan()
{
	local ping=no
	carries 1500 && ! carries 1505 && ping=1500
	equal "mixed: ping -M do agrees" 1500 "$ping"
	row "9000, a host of 1500 on the same switch" "$(tracepath_says | grep . || echo 'no answer')" "1500 (to 1504, back in fragments)"
}

part_forged()
{
	local how forger wanted
	stands "forged: the LAN stands" lan forged 1500 1500
	# The true replies take longer than the forged errors: the host's cable is slow, and busy.
	in_ns host tc qdisc add dev eth0 root tbf rate 400kbit burst 1600 latency 400ms
	in_ns host ping -q -i 0.02 -s 900 10.67.0.3 >/dev/null 2>&1 &
	while read -r how wanted; do
		coproc forger { exec ip netns exec "$(netns rival)" python3 "$here/frag_forger.py" eth0 10.67.0.1 10.67.0.2 600 "$how"; }
		read -r -t 10 <&"${forger[0]}"
		scan "$how" -sU -p 20000-20007 --pmtu
		# shellcheck disable=SC2154  # bash sets forger_PID
		kill "$forger_PID"
		wait "$forger_PID" 2>/dev/null
		observed "forged $how: not believed" "$how" "1500 interface - verified=true hole=false pass/pass"
		equal "forged $how: noted" "$wanted " "$(notes "$how")"
		expect "forged $how: who did it is named" grep -q '10\.67\.0\.3' "$out/$path.$how.json"
	done <<-'KINDS'
		seen forged-frag-needed
		blind unverified-frag-needed
	KINDS
	remove forged
}

# What a router does to the headers shows in the quotes of the host's errors.
part_altered()
{
	stands "altered: the path stands" cables altered 1500 1500
	in_ns r1 iptables -t mangle -A FORWARD -o right -j TTL --ttl-set 200
	in_ns r1 iptables -t mangle -A FORWARD -o right -j TOS --set-tos 0x20
	scan one -sU -p 20000-20003
	equal "TTL and TOS rewritten on the way: noted" "tos-rewritten ttl-raised " "$(notes one)"
	equal "and the ports are right" 4 "$(jq -r 'select(.type == "port" and .state == "closed").port' "$out/$path.one.json" | wc -l)"
	remove altered
}

part_loopback()
{
	stands "loopback: the namespace stands" lan loopback 1500 1500
	target=127.0.0.1
	scan one -sU -p 20000,20001
	observed "loopback, without Ethernet" one "65536 interface - verified=true hole=false pass/unknown"
	scan off -sU -p 20000,20001 --no-pmtu
	equal "--no-pmtu: no line" "" "$(mtu off .path_mtu)"
	remove loopback
}

if [ "$(id -u)" != 0 ]; then
	echo "1..0 # SKIP needs root"
	exit 0
fi
all_parts='path hole quiet fragments lan forged altered loopback'
if [ $# -gt 0 ]; then
	for part; do
		"part_$part"
	done
	plan
	exit
fi
# Mostly waiting: side by side, each with a plan of its own.
for part in $all_parts; do
	MTU_KEEP=$out "$0" "$part" >"$out/$part.tap" 2>&1 &
done
wait
for part in $all_parts; do
	cat "$out/$part.tap"
	grep -q '^1\.\.' "$out/$part.tap" || not_ok "part $part came to an end"
done
[ $tap_failures = 0 ] && ! grep -q '^not ok' "$out"/*.tap
