#!/bin/sh
# rfm against the machine: rfm_refresh beside hand-written SQL, the floors of reading and writing, pandas and DuckDB.
# shellcheck disable=SC1091,SC2034,SC2154,SC2317 # names shared with lib.sh; functions called by name

usage() {
	cat <<'END'
sh bench/run.sh [orders] [customers]     default: 10000000 orders of 1000000 customers
sh bench/run.sh quick                    2000000 orders of 200000 customers against the floors only: some two minutes

Builds rfm, starts a server of its own, and times everything side by side in one run. The table of results is shown and
written to bench/results.md, that of the quick form to bench/quick.md. What differs from the results that stand there by
more than the rounds of either differ is listed. At the default size this takes less than 15 minutes, and 15 GB in $TMPDIR or /tmp.

Settings from the environment:
  RFM_BENCH="first again changed sql floors pandas duckdb text uuid lines serial groups growth memory bound"
                       the sections to run; all, if not set
     first, again, changed   rfm_refresh into the empty target; with nothing changed; after 1 % of the customers ordered
     sql                     the best hand-written SQL upsert of the same rows, and the same again
     floors                  the scan of the orders, and COPY of the finished rows
     pandas, duckdb          the same scores by a script with pandas and psycopg2, and by DuckDB's own engine
     text, uuid, lines       customers of these types; invoice lines with distinct invoices; against the same SQL
     serial                  without parallel workers, against the same SQL and the same floors
     groups                  the customers in 500 groups, scored within each; against the same SQL
     growth                  a tenth of the orders and customers (RFM_BENCH_BIG=yes: and five times as many)
     memory                  peak memory of the backend and of its parallel workers
     bound                   half as many customers as orders, with rfm.work_mem = 64MB
  RFM_BENCH_ROUNDS=5     rounds of each, but at most two of hand-written SQL and one of pandas; medians are reported
  RFM_BENCH_BIG=yes      growth also at five times the orders and customers
  RFM_BENCH_RESULTS=FILE where the results are written (default: bench/results.md)
  PG_CONFIG=PROGRAM      the PostgreSQL to use (default: as for scripts/check.sh)
END
}

me=bench
here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd) || exit 1
top=${here%/*}
. "$top/scripts/lib.sh"
. "$top/scripts/packages.sh"
. "$top/scripts/postgres.sh"
. "$top/scripts/server.sh"
prepare_shell

all_sections="first again changed sql floors pandas duckdb text uuid lines serial groups growth memory bound"
sections=${RFM_BENCH:-$all_sections}
rounds=${RFM_BENCH_ROUNDS:-5}
big=${RFM_BENCH_BIG:-no}
results_md=${RFM_BENCH_RESULTS:-$here/results.md}
orders=10000000
customers=1000000
run_date=2024-12-31              # the generated orders end that day
not_cancelled="status <> 'cancelled'"
group=                           # the column of the groups in the hand-written SQL
sampler_pid=

main() {
	case ${1:-} in
	-h | --help | help) usage; exit ;;
	quick)
		shift
		set -- 2000000 200000 "$@"
		rounds=${RFM_BENCH_ROUNDS:-3}
		sections=${RFM_BENCH:-first again changed floors text uuid serial groups bound}
		results_md=${RFM_BENCH_RESULTS:-$here/quick.md}
		;;
	esac
	[ $# -le 2 ] || { usage >&2; exit 2; }
	orders=${1:-$orders}
	customers=${2:-$customers}
	check_arguments
	trap on_exit EXIT
	# 15 GB at the default size
	begin_work build $((500 + orders / 700))
	begun=$(date +%s)
	results=$work/results
	: >"$results"
	load_before=$(cut -d ' ' -f 1-3 /proc/loadavg)

	step "Copying the sources and PostgreSQL's programs" copy_all || die "see above"
	step "Building the extension" build with_llvm=no || die "the extension does not build: see above"
	choose_settings
	step "Starting a server (Unix socket only)" start_bench_server || die "the server does not start: see above"
	say "Settings that are not PostgreSQL's defaults:"
	settings | sed 's/^/  /'
	step "Making $orders orders of $customers customers" make_orders orders "$orders" "$customers" || die "see above"
	make_model bench orders scores "$filtered"
	measure
	report
}

on_exit() {
	status=$?
	trap '' HUP INT PIPE TERM
	stop_ticker
	stop_sampler
	allow_main_cluster
	remove_work
	exit "$status"
}

check_arguments() {
	for number in "$orders" "$customers" "$rounds"; do
		case $number in
		'' | 0* | *[!0-9]* | ??????????*) die "orders, customers and RFM_BENCH_ROUNDS are whole numbers of up to nine digits" ;;
		esac
	done
	if [ "$customers" -lt 100 ] || [ "$orders" -lt "$customers" ]; then
		die "there must be at least 100 customers, and no fewer orders than customers"
	fi
	for section in $sections; do
		case " $all_sections " in
		*" $section "*) ;;
		*) die "no such section: $section (there are: $all_sections)" ;;
		esac
	done
	case $results_md in /*) ;; *) results_md=$PWD/$results_md ;; esac
}

wanted() { case " $sections " in *" $1 "*) ;; *) return 1 ;; esac; }

## the server

copy_all() { copy_source && copy_installation; }

# What a careful administrator sets on a small server of its own; durability stays as PostgreSQL ships it.
# No checkpoint and no autovacuum falls into a measurement: both are done by hand before each.
choose_settings() {
	memory_mb=$(awk '$1 == "MemTotal:" { print int($2 / 1024) }' /proc/meminfo)
	buffers_mb=$((memory_mb / 4))
	[ $buffers_mb -le 4096 ] || buffers_mb=4096
	big_mb=$((memory_mb / 8))
	[ $big_mb -le 2047 ] || big_mb=2047          # work_mem of the hand-written SQL
	maintenance_mb=$((memory_mb / 16))
	[ $maintenance_mb -le 1024 ] || maintenance_mb=1024
}

start_bench_server() {
	start_server \
		"shared_preload_libraries = ''" \
		"fsync = on" \
		"shared_buffers = ${buffers_mb}MB" \
		"effective_cache_size = $((memory_mb / 2))MB" \
		"work_mem = 64MB" \
		"maintenance_work_mem = ${maintenance_mb}MB" \
		"max_parallel_workers_per_gather = 2" \
		"random_page_cost = 1.1" \
		"max_wal_size = 16GB" \
		"checkpoint_timeout = 1h" \
		"autovacuum = off" || return
	postmaster=$(sed -n 1p "$work/data/postmaster.pid")
	as_owner "$bin/createdb" -h "$work/socket" -p "$port" -U postgres bench &&
		sql -c "CREATE SCHEMA bench" -c "CREATE EXTENSION rfm"
}

# sql ARGUMENTS: psql in the benchmark's database
sql() {
	as_owner "$bin/psql" -X -q -A -t -v ON_ERROR_STOP=1 -h "$work/socket" -p "$port" -U postgres -d bench "$@"
}

settings() {
	sql -c "SELECT format('%s = %s', name, current_setting(name)) FROM pg_settings
		WHERE name IN ('fsync', 'synchronous_commit', 'wal_level', 'jit', 'max_parallel_workers')
		   OR source = 'configuration file'
		      AND name !~ '^(listen_|port|unix_|log_|cron|shared_preload|lc_|default_text|DateStyle|TimeZone|dynamic_|max_connections)'
		ORDER BY name" </dev/null
}

make_orders() {    # TABLE ORDERS CUSTOMERS
	sql -v name="$1" -v orders="$2" -v customers="$3" -f - <"$here/orders.sql"
}

# make_model MODEL SOURCE TARGET [MORE PARAMETERS]: with its target, and an equal table for the SQL
make_model() {
	sql -c "SELECT rfm_create_model('$1', source => 'bench.$2', target => 'bench.$3'${4:+, $4})" \
		-c "CREATE TABLE bench.$3_sql (LIKE bench.$3 INCLUDING ALL)" >"$log" </dev/null || die "cannot create model $1"
}

filtered="filter => 'status <> ''cancelled'''"

drop_model() {    # MODEL SOURCE TARGET
	sql -c "SELECT rfm_drop_model('$1')" -c "DROP TABLE bench.$3, bench.$3_sql" -c "DROP TABLE bench.$2" -c CHECKPOINT \
		>"$log" 2>&1 </dev/null || die "cannot drop model $1"
}

## measuring

note() { printf 'note\t%s\n' "$1" >>"$results"; }

left_out() {
	say "$1: left out: $2"
	note "$1: left out: $2"
}

# calm TABLE...: what went before must not burden what is timed next; autovacuum, which is off, would see to it
calm() {
	{
		for table in "$@"; do echo "VACUUM (ANALYZE) bench.$table;"; done
		echo "CHECKPOINT;"
	} | sql -f - || die "see above"
}

# timed KEY ROUND TEXT [SETTING...]: the statement on standard input, in a session of its own
timed() {
	timed_key=$1 timed_round=$2
	printf '  round %s: %s ...' "$2" "$3"
	shift 3
	{
		for setting in "$@"; do printf '%s;\n' "$setting"; done
		cat <<'END'
SELECT pg_current_wal_insert_lsn() AS wal \gset
\timing on
END
		cat
		cat <<'END'

\timing off
SELECT 'wal ' || pg_current_wal_insert_lsn() - :'wal';
END
	} | sql -f - >"$work/timed" || die "see above"
	ms=$(sed -n 's/^Time: \([0-9.]*\) ms.*/\1/p' "$work/timed")
	[ -n "$ms" ] || die "no time came back"
	printf ' %s s\n' "$(seconds "$ms")"
}

seconds() { awk -v ms="$1" 'BEGIN { printf "%.3f", ms / 1000 }'; }

keep_time() { printf 'time\t%s\t%s\t%s\n' "$1" "$2" "$3" >>"$results"; }

keep() {
	keep_time "$timed_key" "$timed_round" "$ms"
	printf 'wal\t%s\t%s\t%s\n' "$timed_key" "$timed_round" "$(sed -n 's/^wal //p' "$work/timed")" >>"$results"
}

# refresh KEY ROUND TEXT MODEL [SETTING...]: one timed rfm_refresh, with what rfm_run says of it
refresh() {
	refresh_key=$1 refresh_round=$2 refresh_text=$3 refresh_model=$4
	shift 4
	timed "$refresh_key" "$refresh_round" "$refresh_text" "$@" <<END
SELECT rfm_refresh('$run_date', '$refresh_model');
END
	keep
	sql -v key="$refresh_key" -v round="$refresh_round" -F '	' >>"$results" -f - <<'END' || die "see above"
CREATE TEMP VIEW run AS SELECT * FROM rfm_run ORDER BY run_id DESC LIMIT 1;
SELECT 'rows', :'key', :'round', customers, orders, inserted, updated, deleted, unchanged FROM run;
SELECT 'phase', :'key', :'round', p.key, p.value FROM run, jsonb_each_text(phases) AS p;
END
}

# upsert KEY ROUND TEXT SOURCE TARGET ORDERED_AT AMOUNT ORDERS FILTER [SETTING...]: the hand-written SQL once
upsert() {
	upsert_key=$1 upsert_round=$2 upsert_text=$3
	{
		set_variable source "$4"
		set_variable target "bench.$5"
		set_variable ordered_at "$6"
		set_variable amount "$7"
		set_variable orders "$8"
		set_variable filter "$9"
		set_variable group "${group:+$group,}"
		set_variable score_group "${group:+score_group,}"
		set_variable within "${group:+PARTITION BY $group}"
		cat "$here/upsert.sql"
	} >"$work/upsert"
	shift 9
	timed "$upsert_key" "$upsert_round" "$upsert_text" "SET work_mem = '${big_mb}MB'" "$@" <"$work/upsert"
}

set_variable() { printf "\\\\set %s '%s'\n" "$1" "$(printf %s "$2" | sed "s/'/''/g")"; }

# best_upsert KEY ROUND TEXT SOURCE TARGET ...: as upsert, into the empty target. Round 1 tries both ways to group
# and counts the faster one; the other rounds take that.
best_upsert() {
	best_key=$1 best_round=$2 best_text=$3 best_target=$5
	shift 3
	if [ "$best_round" = 1 ]; then
		empty "$best_target"
		upsert "$best_key" 1 "$best_text, grouping by hash" "$@"
		hash_ms=$ms
		empty "$best_target"
		upsert "$best_key" 1 "$best_text, grouping by sort" "$@" "SET enable_hashagg = off"
		hashagg=off
		if awk -v hash="$hash_ms" -v sort="$ms" 'BEGIN { exit !(hash < sort) }'; then
			ms=$hash_ms
			hashagg=on
		fi
		printf 'plan\t%s\t%s\n' "$best_key" "$hashagg" >>"$results"
	else
		best_hashagg "$best_key"
		empty "$best_target"
		upsert "$best_key" "$best_round" "$best_text" "$@" "SET enable_hashagg = $hashagg"
	fi
	keep
}

best_hashagg() {
	hashagg=$(awk -F '\t' -v key="$1" '$1 == "plan" && $2 == key { print $3 }' "$results")
}

empty() { sql -c "TRUNCATE bench.$1" -c CHECKPOINT </dev/null || die "see above"; }

columns="run_date, customer_id, recency_days, frequency_orders, monetary_value, r_score, f_score, m_score, rfm_score, rfm_segment, comments"

# same_rows TEXT TABLE TABLE [COLUMNS,]: but for the times of writing
same_rows() {
	printf '  comparing: %s ...' "$1"
	difference=$(sql -c "SET work_mem = '${big_mb}MB'" -c "SELECT count(*) FROM (
		(SELECT $4$columns FROM bench.$2 EXCEPT SELECT $4$columns FROM bench.$3) UNION ALL
		(SELECT $4$columns FROM bench.$3 EXCEPT SELECT $4$columns FROM bench.$2)) AS d" </dev/null) || die "see above"
	if [ "$difference" = 0 ]; then
		say " the same rows"
		note "$1: the same rows, by EXCEPT in both directions."
	else
		say " $difference rows differ"
		note "**$1: $difference rows differ.**"
	fi
}

## the sections

measure() {
	measure_main
	for type in text uuid; do
		! wanted $type || measure_type $type
	done
	! wanted serial || measure_serial
	! wanted groups || measure_groups
	! wanted lines || measure_lines
	if wanted growth || wanted memory; then
		measure_sizes
	fi
	! wanted bound || measure_bound
}

measure_main() {
	blocks=
	if wanted first || wanted again || wanted changed; then blocks=rfm; fi
	! wanted sql || blocks="$blocks sql"
	! wanted floors || blocks="$blocks read copy"
	! wanted pandas || ! prepare_pandas || blocks="$blocks pandas"
	! wanted duckdb || ! prepare_duckdb || blocks="$blocks duckdb"
	[ -n "$blocks" ] || return 0

	if wanted floors || wanted duckdb; then prepare_rows; fi
	say "Side by side, $rounds rounds of: $blocks"
	round=1
	while [ $round -le "$rounds" ]; do
		for block in $blocks; do
			[ $round -gt "$(rounds_of "$block")" ] || "main_$block" $round
		done
		if [ $round = 1 ] && wanted sql && case " $blocks " in *" rfm "*) ;; *) false ;; esac; then
			same_rows "rfm_refresh and the hand-written SQL" scores scores_sql
		fi
		# the next round begins with the second
		blocks="${blocks#* } ${blocks%% *}"
		round=$((round + 1))
	done
	sql -c "DROP TABLE IF EXISTS bench.scores_copy, bench.scores_pandas" -c "TRUNCATE bench.scores, bench.scores_sql" 2>"$log" </dev/null
	rm -rf "$work/duckdb"
	as_owner rm -f "$work/tmp/scores" "$work/tmp/orders.csv"
}

# rounds_of WHAT: what takes long has fewer, as nothing is decided by it
rounds_of() {
	case $1 in
	sql) most=2 ;;
	pandas) most=1 ;;
	*) most=$rounds ;;
	esac
	[ "$most" -le "$rounds" ] || most=$rounds
	echo "$most"
}

main_rfm() {
	empty scores
	refresh first.rfm "$1" "rfm_refresh, empty target" bench
	if wanted again; then
		calm scores
		refresh again.rfm "$1" "rfm_refresh, nothing changed" bench
	fi
	if wanted changed; then
		sql -c "INSERT INTO bench.orders SELECT $orders + c, c, '$run_date 12:00+00', 50, 'new' FROM generate_series(100, $customers, 100) AS c" </dev/null || die "see above"
		calm scores orders
		refresh changed.rfm "$1" "rfm_refresh, 1 % of the customers ordered" bench
		sql -c "DELETE FROM bench.orders WHERE status = 'new'" </dev/null || die "see above"
		calm orders
		if [ "$1" = 1 ]; then     # the rows to compare are those without these orders
			sql -c "SELECT rfm_refresh('$run_date', 'bench')" >"$log" </dev/null || die "see above"
		fi
	fi
}

main_sql() {
	best_upsert first.sql "$1" "hand-written SQL, empty target" \
		bench.orders scores_sql created_at total "count(*)" "$not_cancelled"
	if wanted again; then
		best_hashagg first.sql
		calm scores_sql
		upsert again.sql "$1" "hand-written SQL, nothing changed" \
			bench.orders scores_sql created_at total "count(*)" "$not_cancelled" "SET enable_hashagg = $hashagg"
		keep
	fi
}

main_read() {
	calm orders
	timed read.floor "$1" "floor: parallel scan and aggregate" <<END
SELECT sum(total), max(created_at) FROM bench.orders WHERE $not_cancelled;
END
	keep
}

# The finished rows, for the floor of writing and for what DuckDB must arrive at
prepare_rows() {
	step "Finishing the rows for COPY" copy_out_rows || die "see above"
}

copy_out_rows() {
	sql -c "SELECT rfm_refresh('$run_date', 'bench')" \
		-c "COPY (SELECT * FROM bench.scores ORDER BY run_date, customer_id) TO '$work/tmp/scores' (FORMAT binary)" \
		-c "CREATE TABLE bench.scores_copy (LIKE bench.scores INCLUDING ALL)" &&
		sql -c "SELECT $checksum FROM bench.scores" >"$work/checksum"
}

checksum="concat_ws(' ', count(*), sum(customer_id * (100 * r_score + 10 * f_score + m_score)), sum(recency_days), sum(frequency_orders), sum(monetary_value))"

main_copy() {
	empty scores_copy
	timed copy.floor "$1" "floor: COPY of the finished rows, sorted" <<END
COPY bench.scores_copy FROM '$work/tmp/scores' (FORMAT binary);
END
	keep
}

prepare_pandas() {
	if ! /usr/bin/python3 -c 'import pandas, psycopg2' 2>/dev/null; then
		left_out "pandas and psycopg2" "they are not there (Debian: apt-get install python3-pandas python3-psycopg2)"
		return 1
	fi
	sql -c "CREATE TABLE bench.scores_pandas (LIKE bench.scores INCLUDING ALL)" </dev/null || die "see above"
	note "pandas $(/usr/bin/python3 -c 'import pandas, psycopg2; print(pandas.__version__ + ", psycopg2 " + psycopg2.__version__.split()[0])')."
}

main_pandas() {
	empty scores_pandas
	printf '  round %s: pandas and psycopg2 ...' "$1"
	ms=$(/usr/bin/python3 "$here/pandas_upsert.py" "host=$work/socket port=$port user=postgres dbname=bench" "$run_date" </dev/null) ||
		die "see above"
	printf ' %s s\n' "$(seconds "$ms")"
	keep_time first.pandas "$1" "$ms"
}

prepare_duckdb() {
	mkdir "$work/duckdb" || exit 1
	if ! command -v node >/dev/null || ! command -v npm >/dev/null; then
		left_out DuckDB "node and npm are not there"
		return 1
	fi
	if ! step "Fetching DuckDB for node" npm_install; then
		left_out DuckDB "npm could not install @duckdb/node-api"
		return 1
	fi
	step "Giving DuckDB the orders" load_duckdb || die "see above"
	note "DuckDB $(duckdb version), $(nproc) threads, its own file."
}

npm_install() {
	(cd "$work/duckdb" && echo '{"private": true}' >package.json &&
		npm install --no-audit --no-fund --cache "$work/duckdb/cache" @duckdb/node-api)
}

duckdb() { NODE_PATH=$work/duckdb/node_modules node "$here/duckdb.js" "$1" "$work/duckdb/orders.db" "$run_date" "$(nproc)" "$work/tmp/orders.csv"; }

load_duckdb() {
	sql -c "COPY (SELECT order_id, customer_id, created_at AT TIME ZONE 'UTC', total, status FROM bench.orders) TO '$work/tmp/orders.csv' (FORMAT csv)" &&
		duckdb load && as_owner rm "$work/tmp/orders.csv"
}

main_duckdb() {
	printf '  round %s: DuckDB ...' "$1"
	duckdb score >"$work/timed" </dev/null || die "see above"
	ms=$(sed -n 1p "$work/timed")
	printf ' %s s\n' "$(seconds "$ms")"
	keep_time first.duckdb "$1" "$ms"
	[ "$1" = 1 ] || return 0
	if [ "$(sed -n 2p "$work/timed")" = "$(cat "$work/checksum")" ]; then
		note "rfm_refresh and DuckDB: the same checksum of scores, days, orders and money."
	else
		note "**rfm_refresh and DuckDB differ: $(cat "$work/checksum") and $(sed -n 2p "$work/timed").**"
	fi
}

# in_turn COMMAND COMMAND [WHAT]: both each round, the other one first in even rounds; as many as of WHAT
in_turn() {
	round=1
	while [ $round -le "$(rounds_of "${3:-rfm}")" ]; do
		if [ $((round % 2)) = 1 ]; then
			$1 $round
			$2 $round
		else
			$2 $round
			$1 $round
		fi
		round=$((round + 1))
	done
}

measure_type() {
	case $1 in
	text) expression="'cus_' || substr(md5(customer_id::text), 1, 14)" ;;
	uuid) expression="md5(customer_id::text)::uuid" ;;
	esac
	step "Making the same orders with $1 customers" retype_orders "$1" || die "see above"
	make_model bench_type "orders_$1" scores_type "$filtered"
	in_turn type_rfm type_integer
	if wanted sql; then
		in_turn type_sql : sql
		same_rows "$1 customers, rfm_refresh and the SQL" scores_type scores_type_sql
	fi
	drop_model bench_type "orders_$1" scores_type
}

type_integer() {
	empty scores
	refresh "$type.integer" "$1" "rfm_refresh, integer customers" bench
}

retype_orders() { sql -v name="orders_$1" -v customer="$expression" -f - <"$here/orders_retyped.sql"; }

type_rfm() {
	empty scores_type
	refresh "$type.rfm" "$1" "rfm_refresh, $type customers" bench_type
}

type_sql() {
	best_upsert "$type.sql" "$1" "hand-written SQL, $type customers" \
		"bench.orders_$type" scores_type_sql created_at total "count(*)" "$not_cancelled"
}

measure_serial() {
	in_turn serial_read serial_rfm
	! wanted sql || in_turn serial_sql : sql
}

serial_read() {
	calm orders
	timed serial.read "$1" "floor: serial scan and aggregate" "SET max_parallel_workers_per_gather = 0" <<END
SELECT sum(total), max(created_at) FROM bench.orders WHERE $not_cancelled;
END
	keep
}

serial_rfm() {
	empty scores
	refresh serial.rfm "$1" "rfm_refresh, no parallel workers" bench "SET max_parallel_workers_per_gather = 0"
}

serial_sql() {
	upsert_serially="SET max_parallel_workers_per_gather = 0"
	best_upsert serial.sql "$1" "hand-written SQL, no parallel workers" \
		bench.orders scores_sql created_at total "count(*)" "$not_cancelled" "$upsert_serially"
}

measure_groups() {
	step "Making the same orders in 500 groups" group_orders || die "see above"
	make_model bench_groups orders_groups scores_groups "$filtered, score_within => 'shop_id'"
	make_model bench_together orders_groups scores_together "$filtered"
	in_turn groups_rfm groups_one
	if wanted sql; then
		group=shop_id
		in_turn groups_sql : sql
		group=
		same_rows "500 groups, rfm_refresh and the SQL" scores_groups scores_groups_sql "score_group, "
	fi
	sql -c "SELECT rfm_drop_model('bench_together')" -c "DROP TABLE bench.scores_together, bench.scores_together_sql" >"$log" </dev/null || die "see above"
	drop_model bench_groups orders_groups scores_groups
}

# each customer is in one of them
group_orders() {
	sql -c "SET max_parallel_workers_per_gather = 0" \
		-c "CREATE TABLE bench.orders_groups AS SELECT *, (customer_id % 500)::int AS shop_id FROM bench.orders" \
		-c "VACUUM (FREEZE, ANALYZE) bench.orders_groups"
}

groups_rfm() {
	empty scores_groups
	refresh groups.rfm "$1" "rfm_refresh, 500 groups" bench_groups
}

groups_sql() {
	best_upsert groups.sql "$1" "hand-written SQL, 500 groups" \
		bench.orders_groups scores_groups_sql created_at total "count(*)" "$not_cancelled"
}

groups_one() {
	empty scores_together
	refresh groups.one "$1" "rfm_refresh, the same in one" bench_together
}

measure_lines() {
	step "Making $orders invoice lines" make_lines || die "see above"
	make_model bench_lines lines scores_lines \
		"ordered_at => 'invoice_date', amount => 'quantity * unit_price', order_id => 'invoice_no', filter => '$bought'"
	in_turn lines_rfm :
	in_turn lines_sql : sql
	same_rows "invoice lines, rfm_refresh and the SQL" scores_lines scores_lines_sql
	drop_model bench_lines lines scores_lines
}

bought="quantity > 0 AND unit_price > 0"
# on one line, for psql's \set
invoices="(SELECT customer_id, invoice_no, max(invoice_date) AS invoice_date, sum(quantity * unit_price) AS amount"
invoices="$invoices FROM bench.lines WHERE $bought GROUP BY customer_id, invoice_no) AS invoices"

make_lines() { sql -v lines="$orders" -v customers="$customers" -f - <"$here/lines.sql"; }

lines_rfm() {
	empty scores_lines
	refresh lines.rfm "$1" "rfm_refresh, distinct invoices" bench_lines
}

# count(DISTINCT) can only sort; the same in two steps of GROUP BY need not
lines_sql() {
	empty scores_lines_sql
	upsert lines.sql "$1" "hand-written SQL, count(DISTINCT invoice)" \
		bench.lines scores_lines_sql invoice_date "quantity * unit_price" "count(DISTINCT invoice_no)" "$bought"
	keep
	best_upsert lines.steps "$1" "hand-written SQL, invoices first" \
		"$invoices" scores_lines_sql invoice_date amount "count(*)" true
}

## other sizes

measure_sizes() {
	sizes="small normal"
	make_size small $((orders / 10)) $((customers / 10))
	if [ "$big" = yes ]; then
		sizes="$sizes big"
		make_size big $((orders * 5)) $((customers * 5))
	elif wanted growth; then
		left_out "Growth to five times the orders" "it takes long; RFM_BENCH_BIG=yes measures it"
	fi
	if wanted growth; then
		round=1
		while [ $round -le "$rounds" ]; do
			for size in $sizes; do
				size_names "$size"
				empty "$size_target"
				refresh "growth.$size" $round "rfm_refresh, $(size_orders "$size") orders" "$size_model"
			done
			sizes="${sizes#* } ${sizes%% *}"
			round=$((round + 1))
		done
	fi
	if wanted memory; then
		for size in $sizes; do measure_memory "$size"; done
	fi
	drop_model bench_small orders_small scores_small
	[ "$big" != yes ] || drop_model bench_big orders_big scores_big
}

make_size() {
	step "Making $2 orders of $3 customers" make_orders "orders_$1" "$2" "$3" || die "see above"
	make_model "bench_$1" "orders_$1" "scores_$1" "$filtered"
}

size_names() {
	size_model=bench size_target=scores
	[ "$1" = normal ] || { size_model=bench_$1 size_target=scores_$1; }
}

size_orders() {
	case $1 in
	small) echo $((orders / 10)) ;;
	normal) echo "$orders" ;;
	big) echo $((orders * 5)) ;;
	esac
}

# Peak of what the processes have for themselves: without shared buffers and program text, which are not theirs
measure_memory() {
	size_names "$1"
	empty "$size_target"
	printf '  memory: rfm_refresh, %s orders ...' "$(size_orders "$1")"
	rm -f "$work/backend" "$work/peaks" "$work/enough"
	sample_memory &
	sampler_pid=$!
	# the backend names itself, and waits for the sampler to know
	sql -c "SELECT pg_backend_pid()" -c "SELECT pg_sleep(0.5)" -c "SELECT rfm_refresh('$run_date', '$size_model')" </dev/null |
		{ read -r backend; echo "$backend" >"$work/backend"; cat >"$log"; }
	: >"$work/enough"
	wait $sampler_pid
	sampler_pid=
	scored=$(sql -c "SELECT customers FROM rfm_run ORDER BY run_id DESC LIMIT 1" </dev/null) || die "see above"
	printf 'memory\t%s\t%s\t%s\n' "$1" "$scored" "$(cat "$work/peaks")" >>"$results"
	awk '{ printf " backend %.0f MB, largest worker %.0f MB, all together %.0f MB\n", $1 / 1024, $2 / 1024, $3 / 1024 }' "$work/peaks"
}

# shellcheck disable=SC2013,SC2086 # numbers
sample_memory() {
	backend_peak=0 worker_peak=0 together_peak=0 backend_rss=0 worker_rss=0 workers=0
	backend=
	while [ ! -e "$work/enough" ]; do
		[ -n "$backend" ] || backend=$(cat "$work/backend" 2>/dev/null)
		together=0 running=0
		for process in $(cat "/proc/$postmaster/task/$postmaster/children" 2>/dev/null); do
			if [ "$process" != "$backend" ]; then
				title=
				IFS= read -r title <"/proc/$process/cmdline"
				case $title in *"parallel worker"*) ;; *) continue ;; esac
			fi
			private=0 rss=0
			while read -r name value _; do
				case $name in
				VmHWM:) rss=$value ;;
				RssAnon:) private=$value; break ;;
				esac
			done <"/proc/$process/status"
			together=$((together + private))
			if [ "$process" = "$backend" ]; then
				[ "$private" -le $backend_peak ] || backend_peak=$private
				[ "$rss" -le $backend_rss ] || backend_rss=$rss
			else
				running=$((running + 1))
				[ "$private" -le $worker_peak ] || worker_peak=$private
				[ "$rss" -le $worker_rss ] || worker_rss=$rss
			fi
		done 2>/dev/null
		[ $together -le $together_peak ] || together_peak=$together
		[ $running -le $workers ] || workers=$running
		sleep 0.02
	done
	printf '%s\t%s\t%s\t%s\t%s\t%s\n' $backend_peak $worker_peak $together_peak "$backend_rss" "$worker_rss" $workers >"$work/peaks"
}

stop_sampler() {
	[ -z "$sampler_pid" ] || kill "$sampler_pid" 2>/dev/null
	sampler_pid=
}

measure_bound() {
	# a setting of the library is known once that is loaded
	has_bound=$(sql -c "SELECT count(*) FROM rfm_preview('$run_date', 'bench') LIMIT 0" \
		-c "SELECT count(*) FROM pg_settings WHERE name = 'rfm.work_mem'" </dev/null | tail -n 1) || die "see above"
	if [ "$has_bound" != 1 ]; then
		left_out "Bounded memory" "this build of rfm has no setting rfm.work_mem"
		return
	fi
	step "Making $orders orders of $((orders / 2)) customers" make_orders orders_wide "$orders" $((orders / 2)) || die "see above"
	make_model bench_free orders_wide scores_free "$filtered"
	make_model bench_bound orders_wide scores_bound "$filtered"
	in_turn bound_free bound_bound
	same_rows "unbounded and rfm.work_mem = 64MB" scores_free scores_bound
	sql -c "SELECT rfm_drop_model('bench_bound')" -c "DROP TABLE bench.scores_bound, bench.scores_bound_sql" >"$log" </dev/null || die "see above"
	drop_model bench_free orders_wide scores_free
}

bound_free() {
	empty scores_free
	refresh bound.free "$1" "rfm_refresh, $((orders / 2)) customers, unbounded" bench_free "SET rfm.work_mem = '2097151kB'"
}

bound_bound() {
	empty scores_bound
	refresh bound.bound "$1" "rfm_refresh, $((orders / 2)) customers, 64 MB" bench_bound "SET rfm.work_mem = '64MB'"
}

## the report

report() {
	{
		say "# Results of bench/run.sh"
		say
		say "$(date -u +%Y-%m-%d), $orders orders, $customers customers, $rounds rounds ($(rounds_of sql) of SQL, $(rounds_of pandas) of pandas), sections: $sections"
		say
		say "- Machine: $(nproc) cores ($(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | sed -n 1p)), $((memory_mb / 1024)) GB of memory, $(uname -sr)"
		say "- Load average before and after: $load_before, $(cut -d ' ' -f 1-3 /proc/loadavg)"
		say "- PostgreSQL $(sql -c "SHOW server_version" </dev/null), rfm $(sql -c "SELECT extversion FROM pg_extension WHERE extname = 'rfm'" </dev/null); $(size_of_tables)"
		say "- Settings: $(settings | paste -s -d , | sed 's/,/, /g'); the hand-written SQL has work_mem = ${big_mb}MB"
		say "- Tables have no other index than the target's key. Before each measurement: VACUUM and ANALYZE where rows were written, CHECKPOINT."
		say
		awk -f "$here/report.awk" -v orders="$orders" "$results"
	} >"$work/report" || die "the report could not be written"
	if [ -e "$results_md" ]; then
		awk -f "$here/compare.awk" "$results_md" "$work/report" >"$work/comparison" && cat "$work/comparison" >>"$work/report"
	fi
	say
	cat "$work/report"
	cp "$work/report" "$results_md" || die "cannot write $results_md"
	say
	say "This took $((($(date +%s) - begun) / 60)) minutes. The results are also in ${results_md##*/}."
}

size_of_tables() {
	sql -c "SELECT format('the table of orders has %s MB', pg_relation_size('bench.orders') / 1048576)" </dev/null
}

main "$@"; exit
