#!/bin/bash
# shards.sh: what the README says about running shards, taken out of it and run: with GNU parallel itself, the Slurm script with the
# variable that Slurm sets, the Kubernetes manifest after a check of every field. nscan is a stand-in that notes how it was called.
set -u
here=$(dirname "$(readlink -f "$0")")
nscan=${NSCAN:-${NSCAN_BUILD:-$here/../../build}/release/nscan}
# shellcheck source=tests/support/tap.bash
. "$here/../support/tap.bash"
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT

# block NAME: the README's block with that mark.
block()
{
	awk -v mark="# shards: $1" '
		/^```/ { if (inside && found) exit; inside = !inside; found = 0; text = ""; next }
		inside { text = text $0 "\n"; if ($0 == mark) found = 1 }
		END { printf "%s", text }' "$here/../../README.md"
}

mkdir "$out/bin"
cat >"$out/bin/nscan" <<'END'
#!/bin/sh
echo "$*" >>"$CALLS"
END
chmod 755 "$out/bin/nscan"
export CALLS=$out/calls PATH=$out/bin:$PATH
cd "$out" || exit 1

# called NAME: shards 1 to 7 of the same targets were scanned, each into its own file, as README's two lines have it.
called()
{
	expect "$1: the two lines" diff <(for i in 1 2 3 4 5 6 7; do echo "-sU 10.0.0.0/16 --shard $i/7 -oJ part$i.jsonl"; done) <(grep -e --shard calls | sort)
	expect "$1: the program takes them" takes
}

# The program itself: all is well up to the rights, or to what a scan of nothing would need.
takes()
{
	local line
	while read -r line; do
		case $line in
		*--shard*) # shellcheck disable=SC2086
			setpriv --inh-caps=-all --bounding-set=-all "$nscan" $line 2>&1 |
				grep -q 'needs root or CAP_NET_RAW' || { echo "refused: $line"; return 1; }
			;;
		esac
	done <calls
}

if [ "$(id -u)" != 0 ]; then
	takes() { return 0; }
fi

if command -v parallel >/dev/null && parallel --version 2>/dev/null | grep -q 'GNU parallel'; then
	block parallel >parallel.sh
	: >calls
	for i in 1 2 3 4 5 6 7; do : >"part$i.jsonl"; done
	HOME=$out bash parallel.sh >/dev/null 2>parallel.err </dev/null
	called "GNU parallel"
	equal "GNU parallel: and then all parts are merged" \
		"--merge part1.jsonl part2.jsonl part3.jsonl part4.jsonl part5.jsonl part6.jsonl part7.jsonl -oX all.xml -oN -" "$(tail -n 1 calls)"
else
	skip "GNU parallel" "not installed"
fi

block slurm >slurm.sh
equal "Slurm: the array is 1 to 7" 1-7 "$(sed -n 's/^#SBATCH --array=//p' slurm.sh)"
: >calls
for i in 1 2 3 4 5 6 7; do
	SLURM_ARRAY_TASK_ID=$i bash slurm.sh
done
called "Slurm"
expect "Slurm: and the merging" grep -qF 'nscan --merge part*.jsonl -oX all.xml -oN -' slurm.sh

block kubernetes >job.yaml
: >calls
if python3 -c 'import yaml' 2>/dev/null; then
	expect "Kubernetes: every field is one of the API's, with a value of its type" python3 "$here/indexed_job.py" job.yaml
	python3 -c '
import sys, yaml
container = yaml.safe_load(open("job.yaml"))["spec"]["template"]["spec"]["containers"][0]
print(container["args"][0])' >container.sh
	for i in 0 1 2 3 4 5 6; do
		JOB_COMPLETION_INDEX=$i sh container.sh
	done
	called "Kubernetes"
	expect "Kubernetes: and the merging" grep -qF 'nscan --merge part*.jsonl -oX all.xml -oN -' job.yaml
else
	skip "Kubernetes" "python3-yaml is not installed"
fi
plan
