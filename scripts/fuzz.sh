#!/bin/sh
# Mutated states for the aggregates of rfm, in a private server that is gone afterwards.
# shellcheck disable=SC2154,SC2317 # set in lib.sh; called through step and trap

usage() {
	cat <<'END'
sh scripts/fuzz.sh [MUTANTS [SEED]]    spoils MUTANTS (default: 5000) copies of states of each of 23 kinds

What crashes the server, or is refused with any other error than that of malformed data, fails; the same SEED (default:
from the clock) makes the same mutants. The last line counts the kinds: N passed, N failed
END
}

me=fuzz
here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd) || exit 1
top=${here%/*}
. "$here/lib.sh"
. "$here/packages.sh"
. "$here/postgres.sh"
. "$here/server.sh"
prepare_shell

case ${1:-5000}${2:-} in *[!0-9]*) usage; exit 2 ;; esac
mutants=${1:-5000}
seed=${2:-$(date +%s)}

build_module() {
	as_owner make -s -C "$work/src/fuzz" PG_CONFIG="$pg_config" COPT=-Werror with_llvm=no
}

give_up() { say "0 passed, 1 failed"; exit 1; }

trap 'status=$?; stop_ticker; allow_main_cluster; remove_work; exit $status' EXIT
begin_work build 500
step "Copying the sources and PostgreSQL's programs" eval "copy_source && copy_installation" || give_up
step "Building the extension and the fuzz module" eval "build COPT=-Werror with_llvm=no && build_module" || give_up
step "Starting a server" start_server || give_up

psql="$bin/psql -XAtq -F : -h $work/socket -p $port -U postgres -d postgres"
say "Seed $seed, $mutants mutants of each kind: kind, states, taken, refused"
# shellcheck disable=SC2086
as_owner $psql -c 'CREATE EXTENSION rfm' || give_up
# shellcheck disable=SC2086
as_owner $psql -v module="$work/src/fuzz/rfm_fuzz" -v seed="$seed" -v mutants="$mutants" -f "$work/src/fuzz/fuzz.sql" >"$log"
status=$?
cat "$log"
kinds=$(awk -F: 'NF == 4 { n++ } END { print n + 0 }' "$log")
if [ $status -ne 0 ] || [ "$kinds" -eq 0 ] || grep -qE 'terminated by signal|TRAP' "$work/data/server.log"; then
	grep -E -A 2 'terminated by signal|TRAP' "$work/data/server.log" | head -n 20
	say "FAILED: sh scripts/fuzz.sh $mutants $seed repeats it"
	say_result "$kinds" 1 0
	exit 1
fi
awk -F: 'NF == 4 { t += $3; r += $4 } END { printf "%d mutants: %d taken, %d refused as malformed or out of range; no crash, no other error.\n", t + r, t, r }' "$log"
say_result "$kinds" 0 0
