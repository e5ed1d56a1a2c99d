#!/bin/bash
# pcaps.sh: what `nscan -r` reports from every capture of pcaps/LIST is what stands beside it. Needs no root.
#
#     tests/cli/pcaps.sh             compares
#     tests/cli/pcaps.sh golden      shows what has changed, asks, and rewrites pcaps/*.json (GOLDEN=yes: does not ask)
set -u
here=$(dirname "$(readlink -f "$0")")
build=$(readlink -f "${NSCAN_BUILD:-$here/../../build}")
nscan=${NSCAN:-$build/release/nscan}
# shellcheck source=tests/support/tap.bash
. "$here/../support/tap.bash"
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT
cd "$here/../.." || exit 1

names() { awk '!/^#/ && NF { print $1 }' pcaps/LIST; }

# report NAME PROGRAM: the JSON report, without what differs from build to build.
report()
{
	timeout 60 "$2" -r "pcaps/$1.pcap" -oJ - 2>"$out/said" | sed -E '/^\{"type":"scan"/ { s/"version":"[^"]*",//; s/"args":\[[^]]*\],//; '"$([ "$1" != empty ] || echo 's/"start":"[^"]*",//;')"' }'
	echo "exit status ${PIPESTATUS[0]}"
	sed 's/^/said: /' "$out/said"
}

golden()
{
	local name changed=()
	for name in $(names); do
		report "$name" "$nscan" >"$out/$name.json"
		cmp -s "$out/$name.json" "pcaps/$name.json" && continue
		changed+=("$name")
		diff -uN --label "pcaps/$name.json" --label new "pcaps/$name.json" "$out/$name.json"
	done
	if [ ${#changed[@]} = 0 ]; then
		echo "every report is as it was"
		return
	fi
	if [ "${GOLDEN:-}" != yes ]; then
		read -rp "Write these ${#changed[@]} reports? [y/N] " answer && [ "$answer" = y ] || exit 1
	fi
	for name in "${changed[@]}"; do
		cp "$out/$name.json" "pcaps/$name.json"
	done
}

if [ "${1:-}" = golden ]; then
	golden
	exit
fi

programs=("$nscan")
[ -z "${NSCAN_JUDGE:-}" ] || [ ! -x "$build/asan/nscan" ] || programs+=("$build/asan/nscan")
for program in "${programs[@]}"; do
	variant=$(basename "$(dirname "$program")")
	for name in $(names); do
		report "$name" "$program" >"$out/seen"
		if cmp -s "$out/seen" "pcaps/$name.json"; then
			ok "$name ($variant)"
		else
			diff -u "pcaps/$name.json" "$out/seen" >"$out/diff"
			not_ok "$name ($variant): make golden shows and rewrites" "$out/diff"
		fi
	done
done
equal "there are at least 40 captures" yes "$([ "$(names | wc -l)" -ge 40 ] && echo yes)"
if [ -z "${NSCAN_JUDGE:-}" ]; then
	echo "# NSCAN_JUDGE=yes: the sanitizer build too, and tshark decodes them all (20 s); \`make check\` does so"
elif command -v tshark >/dev/null; then
	expect "tshark decodes them the same way" pcaps/judge
else
	skip "tshark decodes them the same way" "tshark is not installed"
fi
plan
