#!/bin/sh
# Runs every command in docs/migrating.md on a private server, and fills in what they print.
# shellcheck disable=SC2016,SC2034,SC2154,SC2317 # expanded by psql's shell; used or set in lib.sh; called through step

usage() {
	cat <<'END'
sh scripts/migrating.sh          writes the outputs into docs/migrating.md
sh scripts/migrating.sh check    fails if they are not those that stand there

In the page an indented block is SQL or, after "$ ", a shell command; the block after it, if it is neither, is what
it prints. Blocks between ``` are not run. Skips without the data sets (RFM_DATA), python3-pandas and python3-psycopg2, or DuckDB,
whose Node.js package npm installs in the private directory.
END
}

me=migrating
here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd) || exit 1
top=${here%/*}
. "$here/lib.sh"
. "$here/packages.sh"
. "$here/postgres.sh"
. "$here/server.sh"
. "$here/rootfs.sh"
page=$top/docs/migrating.md
export_dir=/srv/export           # as the page has it
case ${1:-fill} in fill | check) ;; *) usage; exit 2 ;; esac
data=${RFM_DATA:-$top/../shared/data}/online-retail/raw_trans.csv.gz
data=$(readlink -f "$data")
prepare_shell

# As the user who runs the server, where psql, python3 and duckdb are found and reach it
with_server() {
	as_owner env PATH="$work/tmp/bin:$bin:/usr/bin:/bin" PGHOST="$work/socket" PGPORT="$port" PGUSER=postgres PGDATABASE=shop PGTZ=UTC "$@"
}

# What bq extract would give: two files of CSV and two of Parquet
make_export() {
	mkdir -p "$work/tmp/export" "$work/tmp/bin" "$work/tmp/node" && cp -R "$top/docs" "$work/tmp/docs" &&
		npm install --silent --no-fund --no-audit --prefix "$work/tmp/node" @duckdb/node-api &&
		cp "$here/duckdb.js" "$work/tmp/node/duckdb.js" || return
	printf '#!/bin/sh\nexec "%s" "%s/duckdb.js" "$@"\n' "$(command -v node)" "$work/tmp/node" >"$work/tmp/bin/duckdb"
	chmod 755 "$work/tmp/bin/duckdb"
	cd "$work/tmp/export" && gzip -dc "$data" >all && { sed 270000q all; } >raw_trans-0.csv && { sed 1q all; sed 1,270000d all; } >raw_trans-1.csv && rm all &&
		chown -R --reference="$work/tmp" "$work/tmp/export" "$work/tmp/docs" &&
		for n in 0 1; do
			with_server duckdb -c "COPY (FROM '$work/tmp/export/raw_trans-$n.csv') TO '$work/tmp/export/raw_trans-$n.parquet' (FORMAT parquet)" || return
		done
}

# how a block of SQL begins in the page
sql='^    (SELECT|CREATE|DROP|WITH)'

# The page's commands as one psql script, what each prints after a line that marks it
session() {
	awk -v sql="$sql" '
		/^```/ { fenced = !fenced }
		fenced { next }
		/^    / {
			if (!inside) {
				inside = 1
				kind = /^    \$ / ? "shell" : $0 ~ sql ? "sql" : ""
				if (kind) print "\\echo @@"
			}
			line = substr($0, 5)
			if (kind == "shell") sub(/^\$ /, "\\! cd ~/tmp \\&\\& ", line)
			if (kind) print line
			next
		}
		{ inside = 0 }' "$page" | sed "s|$export_dir|$work/tmp/export|g"
}

# The page with the outputs in the file $1
filled() {
	awk -v output="$1" -v sql="$sql" "$awk_answer"'
		function close_block() { if (state == "command") { answer(); state = "answered" } }
		function gap() { if (blank) print ""; blank = 0 }
		BEGIN { getline line < output }
		/^```/ { fenced = !fenced }
		!fenced && /^    / {
			if (state == "command" && !blank) { print; next }
			if (/^    \$ / || $0 ~ sql) { close_block(); gap(); state = "command"; print; next }
			close_block()
			blank = 0
			next
		}
		/^$/ { blank = 1; next }
		{ close_block(); gap(); state = ""; print }
		END { close_block() }' "$page" | sed 's/[[:space:]]*$//' | cat -s
}

make_shop() {
	with_server psql -X -q -v ON_ERROR_STOP=1 -v orders=100000 -v customers=20000 -v seed=1 -v end_date=2026-01-31 -f "$work/src/scripts/demo_shop.sql"
}

run_session() {
	session >"$work/session.sql"
	# what a function without a result prints is left out
	with_server stdbuf -oL psql -X -q -v ON_ERROR_STOP=1 -P pager=off -f - <"$work/session.sql" >"$work/session.out" &&
		sed -e "s|$work/tmp/export|$export_dir|g" -e '/^ rfm_create_model *$/,/^(1 row)$/d' "$work/session.out" |
		awk '/^$/ { held = held "\n"; next } /^@@$/ { held = "" } { printf "%s%s\n", held, $0; held = "" }' >"$work/answers"
}

trap 'status=$?; stop_ticker; remove_work; exit $status' EXIT
[ -r "$data" ] || skip "there is no online-retail/raw_trans.csv.gz in RFM_DATA"
command -v npm >/dev/null || skip "there is no npm, to install DuckDB with"
need /usr/share/doc/python3-pandas:python3-pandas /usr/share/doc/python3-psycopg2:python3-psycopg2
begin_work build 1500
database=shop
step "Copying the sources and PostgreSQL's programs" eval 'copy_source && copy_installation' || exit
step "Building the extension" build with_llvm=no || exit
step "Starting a server" start_server "cron.database_name = 'shop'" || exit
step "Making the shop" make_shop || exit
step "Making the export" make_export || exit
step "Running the commands of docs/migrating.md" run_session || { tail -n 20 "$work/session.out" >&2; exit 1; }
filled "$work/answers" >"$work/filled.md"
if [ "${1:-fill}" = check ]; then
	diff "$page" "$work/filled.md" && say "docs/migrating.md is as it is printed"
else
	cat "$work/filled.md" >"$page"
	say "filled docs/migrating.md"
fi
