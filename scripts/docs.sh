#!/bin/sh
# Fills the outputs in pages of docs/ by running their SQL on the demo's shop, on a private server that is gone afterwards.
#
#   sh scripts/docs.sh docs/analysis.md
#
# In such a page an indented block that begins with SELECT or \copy is SQL, and the indented block after it, if it begins
# otherwise, is what psql printed: it is replaced. The shop has snapshots of three month's ends.
# shellcheck disable=SC2034,SC2154,SC2317 # used or set in lib.sh; called through step and trap

me=docs
here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd) || exit 1
top=${here%/*}
. "$here/lib.sh"
prepare_shell

[ $# -gt 0 ] || { sed -n 's/^# \{0,1\}//p' "$0" | sed -n 2,7p >&2; exit 2; }
for page in "$@"; do
	[ -w "$page" ] || die "cannot write $page"
	pages="${pages:-} $(CDPATH='' cd -- "$(dirname -- "$page")" && pwd)/${page##*/}"
done

psql_shop() { as_owner "$bin/psql" -X -q -v ON_ERROR_STOP=1 -h "$work/socket" -p "$port" -U postgres -d shop "$@"; }

load_shop() {
	psql_shop -v orders=200000 -v customers=20000 -v seed=1 -v end_date=2026-01-31 -f "$work/src/scripts/demo_shop.sql" &&
		psql_shop -c "CREATE EXTENSION rfm" -c "CREATE INDEX ON ecom.orders (customer_id)" -c "VACUUM ANALYZE" \
			-c "SELECT rfm_refresh('2025-11-30'), rfm_refresh('2025-12-31'), rfm_refresh('2026-01-31')"
}

# The page's SQL, each block after a line that marks it
sql_of() {
	awk '
		/^    / { if (!inside) { inside = 1; sql = /^    (SELECT|\\copy)/; if (sql) print "\\echo @@" } if (sql) print substr($0, 5); next }
		{ inside = 0 }' "$1"
}

# fill PAGE OUTPUT
fill() {
	awk -v output="$2" '
		function answer(  line, none) {
			none = 1
			while ((getline line < output) > 0 && line != "@@") {
				if (none) print ""
				none = 0
				print line == "" ? "" : "    " line
			}
		}
		function close_block() { if (state == "sql") { answer(); state = "answered" } }
		BEGIN { getline line < output }
		/^    / {
			if (state == "sql") { print; next }
			if (/^    (SELECT|\\copy)/) { if (blank) print ""; blank = 0; state = "sql"; print; next }
			if (state == "answered" || state == "old") { state = "old"; blank = 0; next }
			if (blank) print ""
			blank = 0; state = "other"; print; next
		}
		/^$/ { close_block(); blank = 1; next }
		{ close_block(); if (blank) print ""; blank = 0; state = ""; print }
		END { close_block() }' "$1" | sed 's/[[:space:]]*$//' | cat -s
}

trap 'status=$?; stop_ticker; remove_work; exit $status' EXIT
ensure_packages build
check_work_path "${TMPDIR:-/tmp}"
adopt_work "$(mktemp -d "${TMPDIR:-/tmp}/rfm-docs.XXXXXX")"
database=shop
step "Copying the sources and PostgreSQL's programs" eval 'copy_source && copy_installation' || exit
step "Building the extension" build || exit
step "Starting a server" start_server "cron.database_name = 'shop'" || exit
step "Loading the shop" load_shop || exit
for page in $pages; do
	sql_of "$page" >"$work/page.sql"
	psql_shop <"$work/page.sql" >"$work/page.out" || die "the SQL of $page failed"
	fill "$page" "$work/page.out" >"$work/page.md" && cat "$work/page.md" >"$page"
	say "filled $page"
done
