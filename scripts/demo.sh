#!/bin/sh
# rfm on a private throwaway server, scored by a job that pg_cron really runs.
# shellcheck disable=SC2154 # set in lib.sh

usage() {
	cat <<'END'
sh scripts/demo.sh               a made-up shop: builds rfm, starts a server of its own, schedules the job, shows its result
sh scripts/demo.sh orders.csv    the same with your orders: CSV with a header, columns order_id, customer_id, created_at,
                                 total and, if you have it, status, in any order; other columns are passed over
sh scripts/demo.sh status        what runs
sh scripts/demo.sh stop          stops the server and removes everything

Settings from the environment:
  RFM_DEMO_ORDERS=200000  RFM_DEMO_CUSTOMERS=20000  RFM_DEMO_SEED=1   the made-up shop
  RFM_DEMO_DIR=DIR     the directory of all files (default: rfm-demo-UID in $TMPDIR or /tmp)
  PG_CONFIG=PROGRAM    the PostgreSQL to use, 15 to 19 (default: the newest installed one, else this system's own)
END
}

me=demo
here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd) || exit 1
top=${here%/*}
. "$here/lib.sh"
. "$here/packages.sh"
. "$here/postgres.sh"
. "$here/server.sh"
prepare_shell

dir=${RFM_DEMO_DIR:-${TMPDIR:-/tmp}/rfm-demo-$(id -u)}
again="sh $(quoted "$0")"
[ -z "${RFM_DEMO_DIR:-}${TMPDIR:-}" ] || again="RFM_DEMO_DIR=$dir $again"
[ -z "${RFM_DEMO_DIR:-}" ] || place=RFM_DEMO_DIR=/var/tmp/${RFM_DEMO_DIR##*/}
orders=${RFM_DEMO_ORDERS:-200000}
customers=${RFM_DEMO_CUSTOMERS:-20000}
seed=${RFM_DEMO_SEED:-1}
database=shop
wait_at_most=90
csv=

main() {
	case ${1:-} in
	-h | --help | help) usage ;;
	stop) stop ;;
	status) status ;;
	*)
		[ $# -le 1 ] || { usage >&2; exit 2; }
		start "${1:-}"
		;;
	esac
}

## the directory: ours only if we own it and our mark is in it

is_ours() { [ -O "$dir" ] && [ -f "$dir/.rfm-demo" ]; }

starter_is_alive() {
	starter=$(cat "$dir/.starting" 2>/dev/null) && [ -n "$starter" ] && kill -0 "$starter" 2>/dev/null
}

# Takes $work back from an earlier call's $dir
reenter() {
	work=$dir
	bin=$(cat "$dir/.bin" 2>/dev/null)
}

stop() {
	if ! is_ours; then
		say "No demo of yours is in $dir: nothing to stop."
		return
	fi
	reenter
	remove_work
	[ ! -e "$dir" ] || die "could not remove all of $dir"
	say "The demo's server is stopped and $dir is removed."
}

status() {
	if ! is_ours; then
		say "No demo of yours is in $dir."
		return
	fi
	reenter
	if ! server_is_up "$dir/data"; then
		say "There is a demo in $dir, but its server does not run. Remove it: $again stop"
		return
	fi
	say "The demo's server runs in $dir, process $pid."
	cd "$dir" && sql -c "
		SELECT (SELECT count(*) FROM ecom.orders) AS orders, max(run_date) AS newest_snapshot, count(DISTINCT run_date) AS snapshots
		FROM ecom.customer_rfm_daily" -c "SELECT jobname, schedule, command, active FROM cron.job"
	how_to_look
}

## starting

start() {
	[ -z "$1" ] || read_header "$1"
	check_settings
	check_place "${dir%/*}" 250
	if is_ours && starter_is_alive; then
		die "process $starter is just starting a demo in $dir"
	fi
	[ ! -e "$dir" ] || is_ours || die "$dir is in the way, and no demo made it: remove it, or name another directory in RFM_DEMO_DIR"
	trap on_exit EXIT
	ensure_packages build
	if is_ours; then
		say "A demo is already there: it makes room for the new one."
		stop
	fi
	begun=$(date +%s)
	mkdir -m 700 "$dir" || die "cannot make the directory $dir"
	# from here on an interrupt removes the directory again
	work=$dir
	echo $$ >"$dir/.starting"
	: >"$dir/.rfm-demo"
	adopt_work "$dir"
	say "Everything is made in $dir; the system's PostgreSQL and its clusters stay as they are."

	step "Copying the sources and PostgreSQL's programs" copy_all || die "see above"
	echo "$bin" >"$dir/.bin"
	step "Building the extension" build with_llvm=no || die "the extension does not build: see above"
	rm -rf "$dir/src"
	step "Starting a server (Unix socket only)" start_server "cron.database_name = '$database'" || die "the server does not start: see above"
	if [ -n "$csv" ]; then
		load_csv
	else
		step "Making a shop: $orders orders of $customers customers in ecom.orders" make_shop || die "see above"
	fi
	run_job
	sql -q -f - <"$here/demo_report.sql" || die "see above"
	[ -z "$csv" ] || note_on_dates
	rm -f "$dir/.starting"
	trap - EXIT
	say "This took $(($(date +%s) - begun)) s. The job is now scheduled for every night at 2:00 UTC, and the server keeps running."
	how_to_look
}

on_exit() {
	status=$?
	trap '' HUP INT PIPE TERM
	stop_ticker
	allow_main_cluster
	if [ -n "$work" ]; then
		remove_work
		warn "stopped before the end; the server and $dir are removed again"
	fi
	exit "$status"
}

check_settings() {
	for setting in "$orders" "$customers" "$seed"; do
		case $setting in
		'' | *[!0-9]* | ?????????*) die "RFM_DEMO_ORDERS, RFM_DEMO_CUSTOMERS and RFM_DEMO_SEED take whole numbers of up to eight digits" ;;
		esac
	done
	[ "$customers" -ge 1 ] || die "RFM_DEMO_CUSTOMERS must be at least 1"
	[ "$orders" -ge "$customers" ] ||
		die "RFM_DEMO_ORDERS must be no less than RFM_DEMO_CUSTOMERS: everyone has an order"
}

copy_all() { copy_source && copy_installation; }

# sql ARGUMENTS: psql in the demo's database
sql() {
	as_owner "$bin/psql" -X -v ON_ERROR_STOP=1 -P pager=off -h "$work/socket" -p "$port" -U postgres -d $database "$@"
}

make_shop() {
	sql -q -v orders="$orders" -v customers="$customers" -v seed="$seed" -f - <"$here/demo_shop.sql"
}

## a CSV file

# Checks the file before anything is made; sets $csv, $delimiter and $columns, in the file's order
read_header() {
	case $1 in
	/*) csv=$1 ;;
	*) csv=$PWD/$1 ;;
	esac
	[ -e "$csv" ] || die "there is no file $1 (a command? $again --help)"
	if [ ! -f "$csv" ] || [ ! -r "$csv" ]; then
		die "cannot read $1"
	fi
	header=$(LC_ALL=C sed -n '1{s/^\xef\xbb\xbf//;s/\r$//;p;q}' "$csv")
	[ -n "$header" ] || die "$1, line 1: empty; a header like order_id,customer_id,created_at,total,status must stand there"
	tab=$(printf '\t')
	case $header in
	*,*) delimiter=, ;;
	*\;*) delimiter=\; ;;
	*"$tab"*) delimiter=$tab ;;
	*) delimiter=, ;;
	esac
	columns=$(printf '%s\n' "$header" | awk -F "$delimiter" '{
		for (i = 1; i <= NF; i++) {
			name = tolower($i)
			gsub(/^[ \t"]+|[ \t"]+$/, "", name)
			if (name !~ /^(order_id|customer_id|created_at|total|status)$/) name = "other_" i
			printf "%s%s", (i > 1 ? "," : ""), name
		}
	}')
	for column in order_id customer_id created_at total; do
		case ",$columns," in
		*",$column,"*",$column,"*) die "$1, line 1: column $column appears twice" ;;
		*",$column,"*) ;;
		*) die "$1, line 1: no column $column; the header must name order_id, customer_id, created_at and total, and may name status. It is: $(printf %.200s "$header" | LC_ALL=C tr -cd ' -~')" ;;
		esac
	done
}

load_csv() {
	step "Loading $csv into ecom.orders (times without a zone are read as UTC)" copy_csv || {
		! grep -q 'unterminated CSV quoted field' "$log" || warn "a quote is opened and never closed, perhaps many lines before that"
		die "$csv was not loaded: the CONTEXT above names the line (the header is line 1)"
	}
	[ "$(sql -At -c "SELECT count(*) FROM ecom.orders")" -gt 0 ] || die "$csv has a header, but no orders"
	say "Only orders with the status 'cancelled' are left out:"
	sql -P footer=off -c "SELECT status, count(*) AS orders, count(DISTINCT customer_id) AS customers, min(created_at)::date AS first, max(created_at)::date AS last
		FROM ecom.orders GROUP BY status ORDER BY count(*) DESC LIMIT 10"
}

copy_csv() {
	# ids may be anything; the first line with a bad amount or time stops COPY, which names it
	definition="order_id text PRIMARY KEY, customer_id text, created_at timestamptz, total numeric, status text NOT NULL DEFAULT 'completed'"
	for column in $(echo "$columns" | tr , ' '); do
		case $column in other_*) definition="$definition, $column text" ;; esac
	done
	force=
	case ",$columns," in *,status,*) force=", FORCE_NOT_NULL (status)" ;; esac
	sql -q -c "CREATE SCHEMA ecom" -c "CREATE TABLE ecom.orders ($definition)" &&
		# empty lines at the end are no orders
		LC_ALL=C awk '/^\r?$/ { held = held $0 "\n"; next } { printf "%s%s\n", held, $0; held = "" }' "$csv" |
		sql -q -c "COPY ecom.orders ($columns) FROM STDIN WITH (FORMAT csv, HEADER, DELIMITER '$delimiter' $force)" &&
		sql -q -f - <"$here/load_orders.sql"
}

# The job scores today, and real orders may end long before it
note_on_dates() {
	last=$(sql -At -c "SELECT max(created_at)::date FROM ecom.orders WHERE created_at < now() HAVING max(created_at) < now() - interval '30 days'")
	[ -z "$last" ] || say "The last order is of $last, so recency_days, counted up to today, is large for everyone. For the scores of that day:
    SELECT rfm_refresh('$last');
"
	later=$(sql -At -c "SELECT count(*) FROM ecom.orders WHERE created_at > now()")
	[ "$later" = 0 ] || say "Not counted yet: $later orders with a time after now.
"
}

## the job

run_job() {
	sql -q -c "CREATE EXTENSION pg_cron" -c "CREATE EXTENSION rfm" || die "see above"
	say "SELECT rfm_schedule('* * * * *');   -- pg_cron starts jobs at the full minute"
	sql -q -At -c "SELECT rfm_schedule('* * * * *')" >"$log" 2>&1 || { cat "$log" >&2; die "see above"; }
	waited=0
	state=
	while :; do
		state=$(sql -At -c "SELECT status FROM cron.job_run_details WHERE status IN ('succeeded', 'failed') ORDER BY runid LIMIT 1") || die "see above"
		[ -z "$state" ] || break
		[ $waited -lt $wait_at_most ] || break
		if [ "$tty" = yes ]; then
			printf '\rWaiting for pg_cron ... %s s' $waited
		elif [ $((waited % 10)) -eq 0 ]; then
			say "Waiting for pg_cron ... $waited s"
		fi
		sleep 1
		waited=$((waited + 1))
	done
	[ "$tty" = no ] || printf '\rWaiting for pg_cron ... %s s\n' $waited
	if [ "$state" != succeeded ]; then
		[ -n "$state" ] || warn "pg_cron has not run the job within $wait_at_most s"
		sql -P footer=off -x -c "SELECT command, status, return_message, start_time, end_time FROM cron.job_run_details ORDER BY runid" >&2
		warn "the end of the server's log:"
		tail -n 30 "$dir/data/server.log" >&2
		die "the job did not succeed"
	fi
	sql -q -At -c "SELECT rfm_schedule()" >"$log" 2>&1 || { cat "$log" >&2; die "see above"; }
	say "pg_cron ran the job:"
	sql -P footer=off -c "SELECT command, status, return_message, start_time::time(0) AS started, round(extract(epoch FROM end_time - start_time) * 1000) AS ms
		FROM cron.job_run_details WHERE status = 'succeeded' ORDER BY runid LIMIT 1" || die "see above"
}

how_to_look() {
	psql=$(command -v psql) && psql=psql || psql=$bin/psql
	cat <<END

Look further:
    $psql -h $dir/socket -p $port -U postgres $database
    SELECT * FROM ecom.customer_rfm_daily WHERE comments = 'Champions' ORDER BY monetary_value DESC LIMIT 20;
    SELECT rfm_refresh(current_date - 30);   -- any past day, scored as it was then
The server's log: $dir/data/server.log
When you have seen enough, this stops the server and removes everything:
    $again stop
END
}

main "$@"
