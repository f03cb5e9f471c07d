#!/bin/sh
# README's first session on a server that is there, and a job that pg_cron really runs.

usage() {
	cat <<'END'
sh scripts/smoke.sh PSQL...    PSQL is a call of psql that reaches, as a superuser, a database without a shop where pg_cron may be created:
                               sh scripts/smoke.sh psql -d shop
                               sh scripts/smoke.sh podman exec -i shop psql -U postgres

Makes the demo's shop there, runs the SQL of README's first session, compares the outputs with README's, then schedules
the job for the next minute and waits for it. All of it stays there, the job at its daily schedule. Prints TAP.

Settings from the environment:
  RFM_FILES=DIR        where README.md and demo_shop.sql are (default: the checkout and its scripts)
END
}

here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd) || exit 1
case ${1:--h} in -h | --help | help) usage; exit ;; esac
readme=${RFM_FILES:-${here%/*}}/README.md
shop=${RFM_FILES:-$here}/demo_shop.sql
wait_at_most=90
dir=$(mktemp -d) || exit 1
trap 'rm -rf "$dir"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
n=0
failures=0

# check NAME COMMAND...: one test; what the command prints is shown if it fails
check() {
	n=$((n + 1))
	name=$1
	shift
	if "$@" >"$dir/out" 2>&1; then
		echo "ok $n - $name"
	else
		echo "not ok $n - $name"
		failures=$((failures + 1))
		sed 's/^/# /' "$dir/out"
	fi
}

# psql with the SQL of a file, or with one statement
run_file() {
	file=$1
	shift
	"$@" -X -q -v ON_ERROR_STOP=1 -P pager=off -f - <"$file" 2>&1 | sed 's/[[:space:]]*$//'
}

value_of() {
	echo "$1" >"$dir/value.sql"
	shift
	run_file "$dir/value.sql" "$@" -At
}

# The session's SQL as 1.sql, 2.sql ... and, as 1.out ..., what README says that the last statement in each prints
read_session() {
	awk -v dir="$dir" '
		BEGIN { RS = ""; FS = "\n" }
		/^#/ { on = $1 == "## A first session"; next }
		!on || !/^    / || /rfm_schedule/ { next }
		{
			file = /^    (CREATE|SELECT)/ ? dir "/" ++count ".sql" : dir "/" count ".out"
			for (i = 1; i <= NF; i++) {
				sub(/^    /, "", $i)
				sub(/ +$/, "", $i)
				sub(/^CREATE EXTENSION/, "CREATE EXTENSION IF NOT EXISTS", $i)
				print $i >file
			}
		}
		END { print count }' "$readme"
}

# says FILE PSQL...: its SQL ends with the output that README shows
says() {
	expected=${1%.sql}.out
	run_file "$@" | sed '/^$/d' >"$dir/printed"
	[ -s "$expected" ] || { echo "README shows no output"; return 1; }
	tail -n "$(wc -l <"$expected")" "$dir/printed" | diff "$expected" -
}

is() {
	expected=$1
	shift
	got=$(value_of "$@")
	[ "$got" = "$expected" ] || { echo "$got, expected: $expected"; return 1; }
}

make_shop() {
	run_file "$shop" "$@" -v orders=100000 -v customers=20000 -v seed=1 -v end_date=2026-01-31 >"$dir/shop"
	[ ! -s "$dir/shop" ] || { cat "$dir/shop"; return 1; }
}

# The next full minute may be 60 s away
job_succeeds() {
	value_of "SET client_min_messages = error; CREATE EXTENSION IF NOT EXISTS pg_cron; SELECT count(*) FROM (SELECT rfm_schedule('* * * * *')) s" "$@"
	waited=0
	while [ $waited -lt $wait_at_most ]; do
		state=$(value_of "SELECT last_status FROM rfm_jobs WHERE model = 'default' AND last_run_at IS NOT NULL" "$@")
		case $state in succeeded | failed) break ;; esac
		sleep 1
		waited=$((waited + 1))
	done
	value_of "SET client_min_messages = error; SELECT count(*) FROM (SELECT rfm_schedule()) s" "$@"
	value_of "SELECT * FROM cron.job_run_details" "$@"
	[ "$state" = succeeded ]
}

blocks=$(read_session)
check "README has a first session" [ "${blocks:-0}" -gt 3 ]
check "the shop of the demo is made" make_shop "$@"
for block in $(seq "${blocks:-0}"); do
	check "README's output of: $(head -n 1 "$dir/$block.sql" | cut -c 1-70)" says "$dir/$block.sql" "$@"
done
check "pg_cron runs the job" job_succeeds "$@"
# no more of the dates that were missed since README's than one call makes up for
check "it has made up for 31 dates" is 31 "SELECT count(*) FROM rfm_run WHERE run_date > '2026-01-31'" "$@"
check "today is scored" is 19703 "SELECT rfm_refresh()" "$@"
check "the job is left at its daily schedule" is '0 2 * * *' "SELECT schedule FROM rfm_jobs" "$@"
check "the report is made" is t "SELECT rfm_report() LIKE '<!DOCTYPE html>%'" "$@"
echo "1..$n"
[ $failures -eq 0 ]
