# shellcheck shell=bash
# tap.bash: what the shell tests share. Results as TAP lines; a failure shows what was seen.
tap_count=0
tap_failures=0

ok()
{
	tap_count=$((tap_count + 1))
	echo "ok - $*"
}

# not_ok NAME [FILE...]: the files' ends explain.
not_ok()
{
	local file
	tap_count=$((tap_count + 1))
	tap_failures=$((tap_failures + 1))
	echo "not ok - $1"
	shift
	for file in "$@"; do
		[ -s "$file" ] && tail -n 40 "$file" | sed 's/^/#   /'
	done
	return 0
}

skip()
{
	tap_count=$((tap_count + 1))
	echo "ok - $1 # SKIP $2"
}

# expect NAME CMD...: ok when the command succeeds; else its output is shown.
expect()
{
	local name=$1 output
	shift
	if output=$("$@" 2>&1); then
		ok "$name"
	else
		not_ok "$name"
		printf '%s\n' "command: $*" "$output" | tail -n 40 | sed 's/^/#   /'
	fi
}

# equal NAME WANTED SEEN [FILE...]
equal()
{
	local name=$1 wanted=$2 seen=$3
	shift 3
	if [ "$wanted" = "$seen" ]; then
		ok "$name"
	else
		not_ok "$name" "$@"
		printf '#   wanted: %s\n#   seen:   %s\n' "$wanted" "$seen"
	fi
}

plan()
{
	echo "1..$tap_count"
	[ $tap_failures = 0 ]
}
