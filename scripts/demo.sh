#!/bin/sh
# rfm on a private throwaway server, scored by a job that pg_cron really runs.
# shellcheck disable=SC2154 # set in lib.sh

usage() {
	cat <<'END'
sh scripts/demo.sh               a made-up shop: builds rfm, starts a server of its own, schedules the job, shows its result
sh scripts/demo.sh orders.csv    the same with your orders; options may stand before or behind the file
sh scripts/demo.sh status        what runs
sh scripts/demo.sh stop          stops the server and removes everything

Settings from the environment:
  RFM_DEMO_ORDERS=100000  RFM_DEMO_CUSTOMERS=20000  RFM_DEMO_SEED=1   the made-up shop
  RFM_DEMO_DIR=DIR     the directory of all files (default: rfm-demo-UID in $TMPDIR or /tmp)
  PG_CONFIG=PROGRAM    the PostgreSQL to use, 15 to 19 (default: the newest installed one, else this system's own)

END
	orders_usage
}

me=demo
here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd) || exit 1
top=${here%/*}
. "$here/lib.sh"
. "$here/packages.sh"
. "$here/postgres.sh"
. "$here/server.sh"
. "$here/load_orders.sh"
prepare_shell

dir=${RFM_DEMO_DIR:-${TMPDIR:-/tmp}/rfm-demo-$(id -u)}
again="sh $(quoted "$0")"
[ -z "${RFM_DEMO_DIR:-}${TMPDIR:-}" ] || again="RFM_DEMO_DIR=$dir $again"
[ -z "${RFM_DEMO_DIR:-}" ] || place=RFM_DEMO_DIR=/var/tmp/${RFM_DEMO_DIR##*/}
orders=${RFM_DEMO_ORDERS:-100000}
customers=${RFM_DEMO_CUSTOMERS:-20000}
seed=${RFM_DEMO_SEED:-1}
database=shop
wait_at_most=90
stands=$PWD                      # where the user is, who gets the report there
csv=

main() {
	case ${1:-} in
	-h | --help | help) usage ;;
	stop) stop ;;
	status) status ;;
	*)
		[ $# -eq 0 ] || orders_arguments "$@"
		start
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
	begun=$(date +%s)
	[ -z "$orders_file" ] || check_orders_file
	check_settings
	check_place "${dir%/*}" 250
	if is_ours && starter_is_alive; then
		die "process $starter is just starting a demo in $dir"
	fi
	[ ! -e "$dir" ] || is_ours || die "$dir is in the way, and no demo made it: remove it, or name another directory in RFM_DEMO_DIR"
	trap on_exit EXIT
	ensure_packages demo
	if is_ours; then
		say "A demo is already there: it makes room for the new one."
		stop
	fi
	mkdir -m 700 "$dir" || die "cannot make the directory $dir"
	# from here on an interrupt removes the directory again
	work=$dir
	echo $$ >"$dir/.starting"
	: >"$dir/.rfm-demo"
	adopt_work "$dir"
	say "Everything is made in $dir; the system's PostgreSQL and its clusters stay as they are."

	step "Copying the sources and PostgreSQL's programs" copy_all || die "see above"
	echo "$bin" >"$dir/.bin"
	step "Starting a server (Unix socket only)" start_server "cron.database_name = '$database'" || die "the server does not start: see above"
	# orders first: who has to answer a question about a file does not wait for the build
	if [ -n "$csv" ]; then
		load_orders
	else
		step "Making a shop: $orders orders of $customers customers in ecom.orders" make_shop || die "see above"
	fi
	step "Building the extension" build with_llvm=no || die "the extension does not build: see above"
	rm -rf "$dir/src"
	run_job
	sql -q -f - <"$here/demo_report.sql" || die "see above"
	if [ -n "$csv" ]; then
		note_on_dates
		show_model_call
	fi
	write_report
	rm -f "$dir/.starting"
	trap - EXIT
	say "All of this took $(($(date +%s) - begun)) s. The job is now scheduled for every night at 2:00 UTC, and the server keeps running."
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

## the picture

# Writes rfm.html where the user stands. Only a report of ours that is there already gives way to it, and nothing is written
# through a link; where it cannot stand there, it goes into the demo's directory.
write_report() {
	page=$stands/rfm.html
	why=
	if [ -e "$page" ] || [ -L "$page" ]; then
		if [ -L "$page" ] || [ ! -f "$page" ] || ! head -c 4096 "$page" | grep -q '^<title>Customers by recency, frequency and monetary value'; then
			why="$page is there, and it is not a report of rfm's"
		fi
	fi
	new=
	if [ -z "$why" ]; then
		new=$(mktemp "$page.XXXXXX" 2>/dev/null) || why="nothing can be written in $stands"
	fi
	if [ -n "$why" ]; then
		why="$why; so the page goes with the demo"
		page=$dir/rfm.html
		new=$(mktemp "$page.XXXXXX") || die "see above"
	fi
	if ! sql -At -c "SELECT rfm_report()" >"$new" || ! chmod 644 "$new" || ! mv -f "$new" "$page"; then
		rm -f "$new"
		die "the report is not written: see above"
	fi
	say "All of it as one page with pictures, to look at, print or mail: $page"
	[ -z "$why" ] || say "($why.)"
	say "To open it: xdg-open \"$page\"   (or file://$page in a browser)
"
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
