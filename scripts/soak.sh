#!/bin/sh
# Random shops against the reference (t/shops), for as long as wanted, on a private server that is gone afterwards.
# shellcheck disable=SC2154,SC2317 # set in lib.sh; called through step and trap

usage() {
	cat <<'END'
sh scripts/soak.sh MINUTES [FIRST]   one random shop after another, from seed FIRST (default: from the clock) on
sh scripts/soak.sh --seed SEED       that one shop, with what is known of it where it fails
END
}

me=soak
here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd) || exit 1
top=${here%/*}
. "$here/lib.sh"
prepare_shell

case ${1:-} in
--seed) minutes=0 first=${2:-} step=1 ;;
*) minutes=${1:-} first=${2:-$(date +%s)000} step=50 ;;
esac
case $minutes in '' | *[!0-9]*) usage >&2; exit 2 ;; esac
case $first in '' | *[!0-9]*) usage >&2; exit 2 ;; esac

ask() {
	as_owner "$bin/psql" -XAtq -v ON_ERROR_STOP=1 -h "$work/socket" -p "$port" -U postgres -d postgres "$@"
}

load() {
	ask -c 'CREATE EXTENSION rfm' -f "$work/src/t/shops/reference.sql" -f "$work/src/t/shops/generator.sql" \
		-f "$work/src/t/shops/model.sql" -f "$work/src/t/shops/compare.sql"
}

trap 'status=$?; stop_ticker; allow_main_cluster; remove_work; exit $status' EXIT
ensure_packages build
tmp=${TMPDIR:-/tmp}
check_work_path "$tmp"
work=$(mktemp -d "$tmp/rfm-soak.XXXXXX") || exit 1
adopt_work "$work"
step "Copying the sources and PostgreSQL's programs" eval "copy_source && copy_installation" || exit 1
step "Building the extension with -Werror" build COPT=-Werror || exit 1
step "Starting a server" start_server "max_worker_processes = 16" || exit 1
step "Loading the reference and the generator" load || exit 1

say "From seed $first"
end=$(($(date +%s) + minutes * 60))
seed=$first
while :; do
	ask -c "CALL shops.run_all($seed, $step)" || { say "the server gave up between seeds $seed and $((seed + step - 1))"; break; }
	seed=$((seed + step))
	[ "$(ask -c 'SELECT count(*) FROM shops.failure')" = 0 ] && [ "$(date +%s)" -lt "$end" ] || break
done
ask -c "SELECT format('%s shops, %s customers, %s refreshes, %s previews, %s with a parallel plan', count(*), sum(customers), sum(refreshes), sum(previews),
                      count(*) FILTER (WHERE parallel)) FROM shops.tally"
grep -E -A 2 'terminated by signal|TRAP' "$work/data/server.log" | head -n 20
failed=$(ask -c "SELECT format(E'%s\n%s\n%s\n', message, detail, context), format('sh scripts/soak.sh --seed %s repeats it', seed) FROM shops.failure ORDER BY seed LIMIT 5") || failed="The server is gone."
[ -z "$failed" ] || { say "$failed"; exit 1; }
say "No difference."
