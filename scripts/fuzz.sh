#!/bin/sh
# Mutated states for the aggregates of rfm, in a private server that is gone afterwards.
# shellcheck disable=SC2154,SC2317 # set in lib.sh; called through step and trap

usage() {
	cat <<'END'
sh scripts/fuzz.sh [MUTANTS [SEED]]    spoils MUTANTS (default: 5000) copies of states of each of 19 kinds

What crashes the server, or is refused with any other error than that of malformed data, fails; the same SEED (default:
from the clock) makes the same mutants.
END
}

me=fuzz
here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd) || exit 1
top=${here%/*}
. "$here/lib.sh"
prepare_shell

case ${1:-5000}${2:-} in *[!0-9]*) usage; exit 2 ;; esac
mutants=${1:-5000}
seed=${2:-$(date +%s)}

build_module() {
	as_owner make -s -C "$work/src/fuzz" PG_CONFIG="$pg_config" COPT=-Werror
}

trap 'status=$?; stop_ticker; allow_main_cluster; remove_work; exit $status' EXIT
ensure_packages build
tmp=${TMPDIR:-/tmp}
check_work_path "$tmp"
work=$(mktemp -d "$tmp/rfm-fuzz.XXXXXX") || exit 1
adopt_work "$work"
step "Copying the sources and PostgreSQL's programs" eval "copy_source && copy_installation" || exit 1
step "Building the extension and the fuzz module" eval "build COPT=-Werror && build_module" || exit 1
step "Starting a server" start_server || exit 1

psql="$bin/psql -XAtq -F : -h $work/socket -p $port -U postgres -d postgres"
say "Seed $seed, $mutants mutants of each kind: kind, states, taken, refused"
# shellcheck disable=SC2086
as_owner $psql -c 'CREATE EXTENSION rfm' && as_owner $psql -v module="$work/src/fuzz/rfm_fuzz" -v seed="$seed" -v mutants="$mutants" -f "$work/src/fuzz/fuzz.sql"
status=$?
crashes=$(grep -cE 'terminated by signal|TRAP' "$work/data/server.log")
if [ $status -ne 0 ] || [ "$crashes" -ne 0 ]; then
	grep -E -A 2 'terminated by signal|TRAP' "$work/data/server.log" | head -n 20
	say "FAILED: sh scripts/fuzz.sh $mutants $seed repeats it"
	exit 1
fi
say "No crash, no error but of malformed data."
