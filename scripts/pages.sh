# The shop of the pages in docs/, and their outputs; sourced by docs.sh and check_pages.sh, never run by itself.
#
# In such a page an indented block that begins with SELECT or \copy is SQL, and the indented block after it, if it begins
# otherwise, is what psql printed. The shop is that of the demo, with snapshots of three month's ends; for a page that calls
# rfm_refresh itself there are none beforehand.
#
# The caller defines psql_as DATABASE ARGUMENT..., and $pages_tmp, a directory of its own.
# shellcheck shell=sh disable=SC2154

# make_shop DIRECTORY: the databases rfm_shop, not scored yet, and rfm_shop_scored; DIRECTORY has demo_shop.sql
make_shop() {
	psql_as postgres -c "CREATE DATABASE rfm_shop" &&
		psql_as rfm_shop -v orders=100000 -v customers=20000 -v seed=1 -v end_date=2026-01-31 -f "$1/demo_shop.sql" &&
		psql_as rfm_shop -c "CREATE EXTENSION rfm" -c "VACUUM ANALYZE" &&
		psql_as postgres -c "CREATE DATABASE rfm_shop_scored TEMPLATE rfm_shop" &&
		psql_as rfm_shop_scored -c "SELECT rfm_refresh('2025-11-30'), rfm_refresh('2025-12-31'), rfm_refresh('2026-01-31')"
}

# filled PAGE: the page on standard output, with what psql prints now
filled() {
	from=rfm_shop_scored
	! grep -q '^    SELECT rfm_refresh' "$1" || from=rfm_shop
	psql_as postgres -c "CREATE DATABASE rfm_page TEMPLATE $from" &&
		sql_of "$1" >"$pages_tmp/page.sql" &&
		psql_as rfm_page <"$pages_tmp/page.sql" >"$pages_tmp/page.out" &&
		psql_as postgres -c "DROP DATABASE rfm_page" &&
		fill "$1" "$pages_tmp/page.out"
}

# The page's SQL, each block after a line that marks it
sql_of() {
	awk '
		/^    / { if (!inside) { inside = 1; sql = /^    (SELECT|\\copy)/; if (sql) print "\\echo @@" } if (sql) print substr($0, 5); next }
		{ inside = 0 }' "$1"
}

# fill PAGE OUTPUT
fill() {
	awk -v output="$2" "$awk_answer"'
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
