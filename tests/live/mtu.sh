#!/bin/bash
# mtu.sh: path MTU and fragments, observed over real kernels and routers in namespaces, beside tracepath and ping. Needs root.
#
#     tests/live/mtu.sh               all of it
#     tests/live/mtu.sh path          one part; their names are the functions part_* below
#     MTU_KEEP=DIR ...                keeps in DIR what the scans wrote, and the table for the README (table.md)
#
# A path is a row of machines, each cable with an MTU of its own: scan - r1 - r2 ... - host. Everything is named nsmtu-PID-PATH-WHO.
set -u
here=$(dirname "$(readlink -f "$0")")
build=${NSCAN_BUILD:-$here/../../build}
nscan=${NSCAN:-$build/release/nscan}
# shellcheck source=tests/support/tap.bash
. "$here/../support/tap.bash"

out=$(mktemp -d)
path=none # the one being looked at

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
		[ $i = 1 ] || ip -n "$(netns "$next")" route add default via "10.66.$i.1" || return
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
