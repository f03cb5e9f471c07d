#!/bin/sh
# check.sh's suite "pages": the outputs in docs/ are what psql prints, and reports are valid HTML. Prints TAP.
#
#   check_pages.sh DIRECTORY PSQL SOCKET PORT      a new directory, and the way to a server that has the extension
#
# The validator is the Nu Html Checker, from the npm registry; RFM_VNU=FILE names a vnu.jar that is there already.
# shellcheck disable=SC2034,SC2154 # used or set in lib.sh

me=check_pages
here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd) || exit 1
top=${here%/*}
. "$here/lib.sh"
. "$here/packages.sh"
. "$here/pages.sh"
prepare_shell
base=$1 psql=$2 socket=$3 server_port=$4
mkdir "$base" && cd "$base" || exit 1
pages_tmp=$base
n=0
failures=0

psql_as() { "$psql" -X -q -v ON_ERROR_STOP=1 -h "$socket" -p "$server_port" -U postgres -d "$@"; }

# check NAME COMMAND...: one test, with what it said if it fails
check() {
	n=$((n + 1))
	name=$1
	shift
	if "$@" >"$base/said" 2>&1; then
		echo "ok $n - $name"
	else
		echo "not ok $n - $name"
		failures=$((failures + 1))
		head -n 40 "$base/said" | sed 's/^/# /'
	fi
}

skip() {
	n=$((n + 1))
	echo "ok $n - $1 # skip $2"
}

## outputs

is_true() { filled "$top/docs/$1" >"$base/$1" && diff -u "$top/docs/$1" "$base/$1"; }

## validity

# Sets $vnu, or $reason: there is none
find_validator() {
	reason=
	vnu=${RFM_VNU:-}
	[ -z "$vnu" ] || return 0
	if ! wanted java:default-jre-headless npm:npm; then
		reason="no validator of HTML: missing, by the names of their Debian packages: $packages"
		return 1
	fi
	npm install --prefix "$base/npm" --cache "$base/npm-cache" --ignore-scripts --no-save --no-audit --no-fund vnu-jar@26 >"$base/npm.log" 2>&1
	vnu=$base/npm/node_modules/vnu-jar/build/dist/vnu.jar
	[ -f "$vnu" ] || { sed 's/^/# /' "$base/npm.log"; reason="no validator of HTML: npm did not bring vnu-jar"; return 1; }
}

# Reports of many kinds: with and without snapshots, labels that are markup, two and ten buckets, large numbers
make_reports() {
	psql_as rfm_shop_scored -f "$here/check_pages.sql" >"$base/models" || return
	while read -r model; do
		psql_as rfm_shop_scored -At -c "SELECT rfm_report(model => '$model')" -o "$base/report-$model.html" || return
	done <"$base/models"
	ls "$base"/report-*.html
}

# Only a document with a fault the validator is known to find shows that it looks at all
finds_faults() {
	sed 's/<h2 /<h2 class="a" class="b" /' "$base/report-default.html" >"$base/faulty.html"
	! java -jar "$vnu" --errors-only --format text "$base/faulty.html" && grep -q 'Duplicate attribute' "$base/said"
}

##

check "a shop for the pages" make_shop "$here"
for page in analysis tutorial forecast; do
	check "outputs of docs/$page.md (else: sh scripts/docs.sh docs/$page.md)" is_true $page.md
done
check "reports of many kinds" make_reports
if find_validator; then
	check "they are valid HTML" java -jar "$vnu" --errors-only --format text "$base"/report-*.html
	check "what is not valid is found" finds_faults
else
	warn "$reason"
	skip "reports are valid HTML" "$reason"
fi
echo "1..$n"
[ $failures -eq 0 ]
