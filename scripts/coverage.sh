#!/bin/sh
# Line coverage of src/ by the suites, measured with gcov on a private server that is gone afterwards.
# shellcheck disable=SC2154,SC2317 # set in lib.sh; called through step and trap

usage() {
	cat <<'END'
sh scripts/coverage.sh [LINES]    runs the suites and prints the lines covered, by file and in all; the lines that
                                  are not covered go to the file LINES. Less than 90 % in all fails. The last line says
                                  1 passed, 0 failed, or 0 passed, 1 failed.
END
}

me=coverage
here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd) || exit 1
top=${here%/*}
. "$here/lib.sh"
. "$here/packages.sh"
. "$here/postgres.sh"
. "$here/server.sh"
prepare_shell

case ${1:-} in -*) usage; exit 2 ;; esac
lines=${1:-/dev/null}
case $lines in /*) ;; *) lines=$PWD/$lines ;; esac

# suite VARIABLE=...: one of them; what fails is check.sh's business
suite() {
	as_owner env PGHOST="$work/socket" PGPORT="$port" PGUSER=postgres \
		timeout -k 20 1500 make -s -C "$work/src" installcheck PG_CONFIG="$pg_config" "$@"
	return 0
}

# Every file of src that gcov knows: its lines, and how many of them ran
measure() {
	cd "$work/src" || return
	as_owner sh -c 'gcov -o src src/*.c >gcov.out 2>&1' || return
	awk -F: '{
			if (FILENAME != last) { last = FILENAME; file = ""; ignore = 0 }
			count = $1; gsub(/[ *]/, "", count)
			if ($2 + 0 == 0) { if ($3 == "Source") file = $4; next }
			if (file !~ /^src\// || count == "-") next
			key = file ":" ($2 + 0)
			if (!(key in all)) { all[key] = 1; n[file]++; text[key] = $0; sub(/^[^:]*:[^:]*:/, "", text[key]) }
			if (count !~ /#|=/ && !(key in ran)) { ran[key] = 1; r[file]++ }
		}
		END {
			for (key in all) if (!(key in ran)) print "line " key ": " text[key]
			for (file in n) { printf "%-24s %5d lines %5d run %6.1f %%\n", file, n[file], r[file], 100 * r[file] / n[file]; a += n[file]; b += r[file] }
			printf "total: %d lines, %d run, %.1f %%\n", a, b, 100 * b / a
		}' *.gcov >"$work/tmp/measured"
}

give_up() { say "0 passed, 1 failed"; exit 1; }

trap 'status=$?; stop_ticker; allow_main_cluster; remove_work; exit $status' EXIT
find_data
begin_work tap 3000
step "Copying the sources and PostgreSQL's programs" eval "copy_source && copy_installation && copy_data" || give_up
step "Building the extension with gcov's counters" build COPT="-Og --coverage" with_llvm=no || give_up
step "Starting a server" start_server "max_worker_processes = 16" || give_up
step "Running the regression tests" suite ISOLATION= TAP_TESTS= || give_up
step "Running the isolation tests" suite REGRESS= TAP_TESTS= || give_up
step "Running the TAP tests" suite REGRESS= ISOLATION= PROVE_FLAGS=-j2 RFM_SHOPS=400 || give_up
# counters are written when a process ends
as_owner "$bin/pg_ctl" -D "$work/data" -m fast -w stop >"$log" 2>&1
step "Reading the counters" measure || give_up
grep '^line ' "$work/tmp/measured" | sort -t: -k1,1 -k2,2n >"$lines"
grep '^src' "$work/tmp/measured" | sort
grep '^total' "$work/tmp/measured"
awk '/^total/ { exit !($NF == "%" && $(NF - 1) >= 90) }' "$work/tmp/measured" || { warn "less than 90 %"; give_up; }
say "1 passed, 0 failed"
