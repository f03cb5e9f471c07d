#!/bin/sh
# Every test of rfm, on a private server that is gone afterwards.
# shellcheck disable=SC2154,SC2317 # set in lib.sh; called through step and trap

usage() {
	cat <<'END'
sh scripts/check.sh              builds with -Werror and runs every suite, side by side
sh scripts/check.sh SUITE...     only these: regress, isolation, tap, demo, pages

The last line counts the tests: N passed, N failed[, N skipped]

Settings from the environment:
  RFM_DATA=DIR         the data sets that some tests need (default: ../shared/data beside the checkout); without them those tests are skipped
  PG_CONFIG=PROGRAM    the PostgreSQL to use, 15 to 19 (default: the newest installed one, else this system's own)
END
}

me=check
here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd) || exit 1
top=${here%/*}
. "$here/lib.sh"
. "$here/packages.sh"
. "$here/postgres.sh"
. "$here/server.sh"
prepare_shell

suite_seconds=1500               # a suite that hangs is ended
pids=

main() {
	[ $# -gt 0 ] || set -- regress isolation tap demo pages
	for suite in "$@"; do
		case $suite in
		regress | isolation | tap | demo | pages) ;;
		-h | --help | help) usage; exit ;;
		*) warn "there is no suite $suite"; usage >&2; exit 2 ;;
		esac
	done
	suites=$*
	find_data
	trap on_exit EXIT
	begin_work tap 3000
	begun=$(date +%s)

	step "Copying the sources and PostgreSQL's programs" copy_all || give_up
	step "Building the extension with -Werror" build COPT=-Werror || give_up
	# a partition that autovacuum looks at is in use, and left for a later refresh: what tests expect would differ now and then
	step "Starting a server" start_server "max_worker_processes = 16" "autovacuum_naptime = 1d" || give_up
	say "Running $suites"
	for suite in $suites; do
		launch "$suite"
	done
	watch_suites
	close
}

copy_all() { copy_source && copy_installation && copy_data; }

give_up() { say "0 passed, 1 failed"; exit 1; }

on_exit() {
	status=$?
	trap '' HUP INT PIPE TERM
	stop_ticker
	allow_main_cluster
	for pid in $pids; do
		kill "$pid" 2>/dev/null
	done
	# shellcheck disable=SC2086
	[ -z "$pids" ] || wait $pids 2>/dev/null
	# a test script that outlived its suite could start another server
	[ -z "$work" ] || processes cwd | xargs -r kill 2>/dev/null
	remove_work
	exit "$status"
}

## running: each suite in the background, its output in SUITE.log, its exit status in SUITE.status

launch() {
	case $1 in
	regress) installcheck "$1" ISOLATION= TAP_TESTS= ;;
	isolation) installcheck "$1" REGRESS= TAP_TESTS= ;;
	tap) installcheck "$1" REGRESS= ISOLATION= PROVE_FLAGS='-v -j2' ;;
	demo) timeout -k 20 $suite_seconds sh "$here/check_demo.sh" "$work/demo" >"$work/demo.log" 2>&1 </dev/null & ;;
	pages) timeout -k 20 $suite_seconds sh "$here/check_pages.sh" "$work/pages" "$bin/psql" "$work/socket" "$port" >"$work/pages.log" 2>&1 </dev/null & ;;
	esac
	pids="$pids $!"
	eval "pid_$1=$!"
	: >"$work/$1.seen"
}

# installcheck SUITE VARIABLE=...: what a packager's make installcheck does, the other suites' variables emptied
installcheck() {
	suite=$1
	shift
	as_owner env PGHOST="$work/socket" PGPORT="$port" PGUSER=postgres \
		timeout -k 20 $suite_seconds make -s -C "$work/src" installcheck PG_CONFIG="$pg_config" "$@" >"$work/$suite.log" 2>&1 </dev/null &
}

# Prints what the suites get done while they run
watch_suites() {
	running=$suites
	while [ -n "$running" ]; do
		sleep 1
		left=
		for suite in $running; do
			eval "pid=\$pid_$suite"
			if kill -0 "$pid" 2>/dev/null; then
				left="$left $suite"
			else
				wait "$pid"
				echo $? >"$work/$suite.status"
			fi
		done
		for suite in $running; do
			results "$suite" >"$work/$suite.results"
			tail -n +$(($(wc -l <"$work/$suite.seen") + 1)) "$work/$suite.results" | sed "s/^[^ ]*/$suite: &/"
			mv "$work/$suite.results" "$work/$suite.seen"
		done
		running=${left# }
	done
	pids=
}

# results SUITE: one line a test on standard output: ok, FAILED or skipped, and its name
results() {
	case $1 in
	regress | isolation)
		# PostgreSQL 15: "test name   ... ok   12 ms", or "     name   ... FAILED" in a group; from 16 on TAP
		sed -n -e 's/^\(test\|    \) *\([^ ]*\) *\.\.\. \(ok\|FAILED\).*/\3 \2/p' \
			-e 's/^ok [0-9]* *[-+] \([^ ]*\).*/ok \1/p' -e 's/^not ok [0-9]* *[-+] \([^ ]*\).*/FAILED \1/p' "$work/$1.log" |
			while read -r result name; do
				# a test whose output starts with "skipped" found nothing to test with
				if [ "$result" = ok ] && [ "$1" = regress ] && head -n 20 "$work/src/results/$name.out" 2>/dev/null | grep -q '^skipped'; then
					result=skipped
				fi
				echo "$result $name"
			done
		;;
	*)
		awk '
			/^t\/[^ ]*\.pl \.\.+ skipped: / { print "skipped " $0; next }
			/^t\/[^ ]*\.pl \.\.+/ { file = $1 " " }
			/^(not )?ok [0-9]+/ {
				result = /^ok/ || / # TODO/ ? "ok" : "FAILED"
				if (/^ok [0-9]+ *(- .*)?# skip/) result = "skipped"
				sub(/^(not )?ok [0-9]+ *(- )?/, "")
				print result " " file $0
			}' "$work/$1.log"
		;;
	esac
}

## the end

close() {
	passed=0 failed=0 skipped=0
	for suite in $suites; do
		ok=$(grep -c '^ok ' "$work/$suite.seen")
		bad=$(grep -c '^FAILED ' "$work/$suite.seen")
		skip=$(grep -c '^skipped ' "$work/$suite.seen")
		status=$(cat "$work/$suite.status")
		if [ $((ok + bad + skip)) -eq 0 ]; then
			warn "suite $suite ran no test (exit status $status)"
			bad=1
		elif [ "$bad" -eq 0 ] && [ "$status" -ne 0 ]; then
			warn "suite $suite ended with exit status $status"
			bad=1
		fi
		[ "$bad" -eq 0 ] || show_failure "$suite"
		passed=$((passed + ok)) failed=$((failed + bad)) skipped=$((skipped + skip))
	done
	[ $skipped -eq 0 ] || [ -n "$data" ] || say "Some tests need data sets, looked for in ../shared/data: name their directory in RFM_DATA."
	say "This took $(($(date +%s) - begun)) s."
	say_result $passed $failed $skipped
	[ $failed -eq 0 ]
	exit
}

show_failure() {
	say "---- $1 ----"
	case $1 in
	regress) diffs=$work/src/regression.diffs ;;
	isolation) diffs=$work/src/output_iso/regression.diffs ;;
	*) diffs= ;;
	esac
	if [ -s "$diffs" ]; then
		head -n 400 "$diffs"
	elif [ "$1" = tap ]; then
		# what failed, with what was got and expected, and how it ended
		grep -E '^(not ok |#)' "$work/$1.log" | head -n 200
		tail -n 20 "$work/$1.log"
	else
		tail -n 100 "$work/$1.log"
	fi
	case $1 in
	regress | isolation)
		# a crash, and what led to it
		grep -E -B 15 -A 1 'PANIC|terminated by signal|TRAP' "$work/data/server.log" | head -n 60
		;;
	tap)
		grep -lE '(^|\] )not ok |your test exited|^Died|Bail out' "$work"/src/tmp_check/log/regress_log_* 2>/dev/null | while read -r f; do
			say "---- ${f##*/}, its end ----"
			tail -n 40 "$f"
		done
		;;
	esac
}

main "$@"
