#!/bin/bash
# man.sh: the manual page and --help name the same options and the same values, and both belong to this version.
set -u
here=$(dirname "$(readlink -f "$0")")
nscan=${NSCAN:-${NSCAN_BUILD:-$here/../../build}/release/nscan}
page=$here/../../man/nscan.8
# shellcheck source=tests/support/tap.bash
. "$here/../support/tap.bash"
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT

# --help: "  -p PORTS   text", "  -h, --help   text", "  -PU[PORTS]   text" -> "-p PORTS", "-h", "--help", "-PU PORTS"
help_options()
{
	"$nscan" --help | sed -nE 's/^  (-[^ ]+(, -[^ ]+)?( [^ ]+)?)  .*/\1/p' | sed -E 's/, /\n/; s/\[(PORTS)\]/ \1/'
}

# The page: the tag of each .TP paragraph that begins with a dash. A macro joins its arguments; blanks count only inside quotes.
man_options()
{
	awk '
		tagged && /^\.B[IR]* \\-/ {
			text = ""
			quoted = 0
			line = substr($0, index($0, " ") + 1)
			gsub(/\\f[BIPR]/, "", line)
			gsub(/\\-/, "-", line)
			for (i = 1; i <= length(line); i++) {
				c = substr(line, i, 1)
				if (c == "\"")
					quoted = !quoted
				else if (c != " " || quoted)
					text = text c
			}
			print text
		}
		{ tagged = /^\.TP/ }' "$page" | sed -E 's/, /\n/; s/\[(PORTS)\]/ \1/'
}

if ! command -v man >/dev/null; then
	echo "1..0 # SKIP man is not installed"
	exit 0
fi
help_options | sort -u >"$out/help"
man_options | sort -u >"$out/man"
expect "--help lists the options" test "$(wc -l <"$out/help")" -ge 40
expect "man page and --help have the same options with the same values" diff "$out/help" "$out/man"
equal "the man page formats without warnings" "" "$(LC_ALL=C.UTF-8 man --warnings -l "$page" 2>&1 >/dev/null)"
equal "no quotation mark of the source is left in the text" "" "$(LC_ALL=C.UTF-8 MANWIDTH=200 man -l "$page" 2>/dev/null | grep '"')"
equal "the man page is of the program's version" "$("$nscan" --version)" \
	"$(sed -nE 's/^\.TH NSCAN 8 "[^"]*" "([^"]*)".*/\1/p' "$page")"
for part in NAME SYNOPSIS DESCRIPTION TARGETS PORTS 'STATES AND REASONS' IDENTITY 'RATE LIMITS' 'SOURCE ADDRESSES' RECORDS 'JSON LINES' 'EXIT STATUS' EXAMPLES \
	FILES 'SEE ALSO'; do
	expect "the man page has the section $part" grep -qx "\.SH $part" "$page"
done
plan
