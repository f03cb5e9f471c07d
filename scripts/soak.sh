#!/bin/sh
# Random shops against the reference (t/shops), for as long as wanted, on a private server that is gone afterwards.
# shellcheck disable=SC2154,SC2317 # set in lib.sh; called through step and trap

usage() {
	cat <<'END'
sh scripts/soak.sh MINUTES [FIRST]   one random shop after another, from seed FIRST (default: from the clock) on, on all cores; ends with a report by option
sh scripts/soak.sh --seed SEED       that one shop, with what is known of it where it fails
END
}

me=soak
here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd) || exit 1
top=${here%/*}
. "$here/lib.sh"
. "$here/packages.sh"
. "$here/postgres.sh"
. "$here/server.sh"
prepare_shell

case ${1:-} in
--seed) minutes=0 first=${2:-} step=1 jobs=1 ;;
*) minutes=${1:-} first=${2:-$(date +%s)000} step=20 jobs=$(nproc) ;;
esac
case $minutes in '' | *[!0-9]*) usage >&2; exit 2 ;; esac
case $first in '' | *[!0-9]*) usage >&2; exit 2 ;; esac

databases=$(seq -f 'shops_%.0f' "$jobs")

# ask DATABASE [psql's arguments]
ask() {
	ask_database=$1
	shift
	as_owner "$bin/psql" -XAtq -v ON_ERROR_STOP=1 -h "$work/socket" -p "$port" -U postgres -d "$ask_database" "$@"
}

load() {
	for d in $databases; do
		ask postgres -c "CREATE DATABASE $d" || return
		ask "$d" -c 'CREATE EXTENSION rfm' -f "$work/src/t/shops/reference.sql" -f "$work/src/t/shops/generator.sql" \
			-f "$work/src/t/shops/model.sql" -f "$work/src/t/shops/tally.sql" -f "$work/src/t/shops/compare.sql" -f "$work/src/t/shops/history.sql" || return
	done
}

# soak DATABASE SEED: every $jobs-th batch of seeds, from SEED on
soak() {
	seed=$2
	while :; do
		ask "$1" -c "CALL shops.run_all($seed, $step)" || { say "between seeds $seed and $((seed + step - 1)) a call failed" | tee -a "$work/broken"; break; }
		seed=$((seed + step * jobs))
		[ "$(ask "$1" -c 'SELECT count(*) FROM shops.failure')" = 0 ] && [ "$(date +%s)" -lt "$end" ] || break
	done
}

# of_all QUERY: its rows in every database
of_all() {
	for d in $databases; do
		ask "$d" -c "$1" || say "database $d is gone"
	done
}

trap 'status=$?; stop_ticker; allow_main_cluster; remove_work; exit $status' EXIT
begin_work build 2000
step "Copying the sources and PostgreSQL's programs" eval "copy_source && copy_installation" || exit 1
step "Building the extension with -Werror" build COPT=-Werror || exit 1
step "Starting a server" start_server "max_worker_processes = 16" || exit 1
step "Loading the reference and the generator" load || exit 1

say "From seed $first"
end=$(($(date +%s) + minutes * 60))
n=0
for d in $databases; do
	soak "$d" $((first + n * step)) &
	n=$((n + 1))
done
wait
say "By option: each value with the number of shops that drew it, and of those among them that failed:"
of_all "SELECT concat_ws(E'\t', option, value, shops, failed) FROM shops.report" | sort | awk -F '\t' '
	function finish() { if (value != "") line = line sprintf("%s %s %d%s", line == "" ? "" : ",", value, shops, failed ? " (failed: " failed ")" : ""); value = "" }
	$1 != option { finish(); if (option != "") print option ":" line; option = $1; line = "" }
	$2 != value { finish(); value = $2; shops = failed = 0 }
	{ shops += $3; failed += $4 }
	END { finish(); print option ":" line }'
of_all "SELECT concat_ws(' ', count(*), sum(customers), sum(refreshes), sum(previews), (SELECT sum(shops) FROM shops.report WHERE option = 'shop: history')) FROM shops.tally" |
	awk '{ for (i = 1; i <= 5; i++) n[i] += $i }
		END { printf "%d shops, %d customers, %d refreshes, %d previews; %d histories\n", n[1], n[2], n[3], n[4], n[5] }'
grep -E -A 2 'terminated by signal|TRAP' "$work/data/server.log" | head -n 20
failed=$(of_all "SELECT format(E'%s\n%s\n%s\nsh scripts/soak.sh --seed %s repeats it\n', message, detail, context, seed) FROM shops.failure ORDER BY seed LIMIT 5")
[ -z "$failed" ] || { say "$failed"; exit 1; }
[ ! -e "$work/broken" ] || exit 1
say "No difference."
