#!/bin/sh
# The suites on servers that watch every access to memory, built from Debian's source package of PostgreSQL.
# shellcheck disable=SC2154,SC2317 # set in lib.sh; called through step and trap

usage() {
	cat <<'END'
sh scripts/memcheck.sh [TOOL...]    all four, unless told; any finding fails

  assertions   every suite on a server with assertions
  smith        SQL made up by sqlsmith, as an ordinary user with a model, on that server
  sanitizers   the suites under AddressSanitizer and UndefinedBehaviorSanitizer
  valgrind     the suites under Valgrind, the largest tests with less data

The last line counts the tests: N passed, N failed[, N skipped]. The first time it fetches PostgreSQL's source and
builds it, with assertions and for Valgrind (some two minutes each), and keeps that.

Settings from the environment:
  RFM_CACHE=DIR        where (default: /var/cache/rfm for root, else ~/.cache/rfm)
  RFM_SUITES="SUITE..." of regress, isolation and tap only these
  RFM_TESTS="NAME..."  the regression tests to run after "install" (default: all)
  RFM_TAP="t/FILE..."  the TAP tests to run (default: all that the tool can run; under Valgrind two)
  RFM_FULL=1           the whole data under Valgrind, too: takes hours for the tests that make it
  RFM_SECONDS=N        a suite that takes longer is ended (default: 1800)
  RFM_QUERIES=N        of sqlsmith (default: 2000)
  RFM_SEED=N           of sqlsmith (default: from the clock)
  RFM_KEEP=DIR         keeps the logs there
END
}

me=memcheck
here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd) || exit 1
top=${here%/*}
. "$here/lib.sh"
. "$here/packages.sh"
. "$here/postgres.sh"
. "$here/server.sh"
prepare_shell

[ $# -gt 0 ] || set -- assertions smith sanitizers valgrind
for tool in "$@"; do
	case $tool in valgrind | sanitizers | assertions | smith) ;; *) usage; exit 2 ;; esac
done
if [ -z "${RFM_CACHE:-}" ]; then
	# user postgres, who runs the servers, cannot reach the home of root
	RFM_CACHE=/var/cache/rfm
	[ "$as_root" = yes ] || RFM_CACHE=${HOME:-/tmp}/.cache/rfm
fi
cache=$RFM_CACHE
source=$cache/source
seed=${RFM_SEED:-$(date +%s)}
unset RFM_SEED                   # which means something else to the TAP tests
suite_seconds=${RFM_SECONDS:-1800}
passed=0 failed=0 skipped=0
pids=

skip() {
	say "SKIPPED $*"
	skipped=$((skipped + 1))
}

## the servers

# The source package, by way of a private list of sources: the machine's own stays as it is
fetch_source() {
	[ ! -f "$source/configure" ] || return 0
	rm -rf "$cache/apt" "$source"
	mkdir -p "$cache/apt/lists/partial" "$cache/apt/parts" "$source" || return
	# of the release itself: a mirror may not have the sources of what came later
	if [ -f /etc/apt/sources.list.d/debian.sources ]; then
		awk 'BEGIN { RS = "" } { sub(/Types:[^\n]*/, "Types: deb-src"); print; exit }' /etc/apt/sources.list.d/debian.sources >"$cache/apt/parts/source.sources"
	else
		sed -n 's/^deb /deb-src /p' /etc/apt/sources.list | head -n 1 >"$cache/apt/parts/source.list"
	fi || return
	set -- -o Dir::Etc::sourcelist=/dev/null -o Dir::Etc::sourceparts="$cache/apt/parts" -o Dir::State::lists="$cache/apt/lists" -o APT::Sandbox::User=root
	apt-get "$@" update -q && cd "$cache/apt" && apt-get "$@" source -q --download-only "postgresql-$pg_major" &&
		tar -C "$source" --strip-components=1 -xf "$cache"/apt/postgresql-*.orig.tar.*
}

# build_server NAME CONFIGURE'S ARGUMENT...: into a directory of its own in the cache.
# Without Debian's patches, which would send it to the directories of the installed packages.
build_server() {
	prefix=$cache/postgresql-$pg_major-$1
	build=$cache/build-$1
	shift
	rm -rf "$build" "$prefix" && mkdir "$build" && cd "$build" &&
		"$source/configure" --prefix="$prefix" --enable-debug --enable-tap-tests --with-icu --with-libxml --without-readline --without-zlib \
			CPPFLAGS=-DUSE_VALGRIND "$@" &&
		make -s -j2 && make -s -C contrib/postgres_fdw && make -s -C contrib/postgres_fdw install && make -s install &&
		cp "$source/src/tools/valgrind.supp" "$prefix/valgrind.supp" && cd / && rm -rf "$build"
}

# server NAME CONFIGURE'S ARGUMENT...: sets $prefix; what is not in the cache is built. Status 1: there is nothing to build it from
server() {
	prefix=$cache/postgresql-$pg_major-$1
	[ ! -f "$prefix/valgrind.supp" ] || return 0
	wanted pkg-config:pkg-config /usr/include/unicode/utypes.h:libicu-dev /usr/include/libxml2/libxml/parser.h:libxml2-dev \
		bzip2:bzip2 bison:bison flex:flex || return 1
	log=$(mktemp) || return 1
	step "Fetching PostgreSQL's source" fetch_source || { rm -f "$log"; return 1; }
	step "Building PostgreSQL, $1" build_server "$@" || { rm -f "$log"; return 2; }
	rm -f "$log"
}

## running

# In the place of the private tree's server: one that starts it by way of the command $by. What makes a cluster needs no watching.
wrap_server() {
	[ -n "$by" ] || return 0
	as_owner mv "$bin/postgres" "$bin/postgres.bin" && as_owner tee "$bin/postgres" >/dev/null <<END && as_owner chmod +x "$bin/postgres"
#!/bin/sh
case \$1 in
--boot | --single | --check | --version | -V | -C) exec "$bin/postgres.bin" "\$@" ;;
esac
exec $by "$bin/postgres.bin" $name_it_has "\$@"
END
}

# Under Valgrind no process is of a program of the private tree; but each has its current directory there
end_servers() {
	[ -n "$work" ] || return 0
	for pid in $pids; do
		kill "$pid" 2>/dev/null
	done
	pids=
	[ ! -f "$work/data/postmaster.pid" ] || as_owner "$bin/pg_ctl" -D "$work/data" -m fast -w -t 120 stop >/dev/null 2>&1
	processes cwd | xargs -r kill 2>/dev/null
}

run_suite() {
	case $1 in
	regress)
		tests=$(printf 'include Makefile\nsay: ; @echo $(REGRESS)\n' | as_owner make -s -C "$work/src" -f - PG_CONFIG="$pg_config" say)
		[ -z "${RFM_TESTS:-}" ] || tests="install $RFM_TESTS"
		echo "$tests" >"$work/regress.tests"
		installcheck ISOLATION= TAP_TESTS= REGRESS="$tests"
		;;
	isolation) installcheck REGRESS= TAP_TESTS= ;;
	tap) installcheck REGRESS= ISOLATION= PROVE_TESTS="$tap_tests" PROVE_FLAGS=-v ;;
	esac
}

installcheck() {
	# waiting for a lock takes longer where everything does
	as_owner env PGHOST="$work/socket" PGPORT="$port" PGUSER=postgres RFM_SMALL="$small" RFM_SHOPS="$shops" PGISOLATIONTIMEOUT=900 PG_TEST_TIMEOUT_DEFAULT=900 \
		timeout -k 20 "$suite_seconds" make -s -C "$work/src" installcheck PG_CONFIG="$pg_config" "$@"
}

# Side by side; each suite's output in SUITE.out, its exit status in SUITE.status
run_suites() {
	for suite in $suites; do
		{ run_suite "$suite"; echo $? >"$work/$suite.status"; } >"$work/$suite.out" 2>&1 </dev/null &
		pids="$pids $!"
	done
	# shellcheck disable=SC2086
	wait $pids
	pids=
}

prepare() {
	copy_source && copy_installation && copy_data && wrap_server || return
	build COPT="$copt"
}

start() {
	as_owner "$bin/initdb" -D "$work/data" -U postgres -A trust -E UTF8 --locale=C.UTF-8 --no-sync --no-instructions || return
	as_owner tee -a "$work/data/postgresql.conf" >/dev/null <<END
listen_addresses = ''
port = $port
unix_socket_directories = '$work/socket'
timezone = 'UTC'
fsync = off
max_worker_processes = 16
log_error_verbosity = verbose
autovacuum = off
track_functions = all
END
	# what Valgrind and the sanitizers say goes where the server's standard error does
	as_owner "$bin/pg_ctl" -D "$work/data" -l "$work/tmp/server.out" -w -t 180 start
}

## sqlsmith

smith() {
	psql="$bin/psql -Xq -v ON_ERROR_STOP=1 -h $work/socket -p $port -U postgres"
	# shellcheck disable=SC2086
	as_owner $psql -d postgres -c 'CREATE ROLE smith LOGIN' -c 'CREATE DATABASE smith' -c 'ALTER ROLE smith SET statement_timeout = 2000' &&
		as_owner $psql -d smith -f "$here/smith.sql" || return
	queries=${RFM_QUERIES:-2000}
	as_owner timeout -k 20 1200 sqlsmith --target="host=$work/socket port=$port dbname=smith user=smith" --max-queries="$queries" --seed="$seed" --verbose \
		>"$work/smith.out" 2>&1 </dev/null
	return 0
}

# An internal error is a finding where code of rfm raised it or had a part in it; PostgreSQL's own functions have some
count_smith() {
	queries=$(sed -n "s/^queries: \([0-9]*\).*/\1/p" "$work/smith.out" | tail -n 1)
	if [ "${queries:-0}" -gt 0 ]; then ok=1; else bad=1; tail -n 20 "$work/smith.out"; fi
	# the log of one error, by lines: ERROR, then its DETAIL, HINT, CONTEXT, LOCATION
	for file in "$work"/src/src/*.c "$work"/src/src/*/*.c; do
		sed -n "s/^\([a-z0-9_]*\)(.*/\1, ${file##*/}/p" "$file"
	done >"$work/tmp/functions"
	awk -v functions="$work/tmp/functions" '
		function done() { if (error != "" && ours) print error; error = ""; ours = 0 }
		BEGIN { while ((getline name <functions) > 0) is_ours[name] = 1 }
		/ (LOG|STATEMENT|ERROR|FATAL|PANIC|WARNING|NOTICE):  / { done() }
		/ (ERROR|FATAL|PANIC):  XX/ { error = $0 }
		/ CONTEXT:  .*rfm_/ { ours = 1 }
		/ LOCATION:  / { name = $(NF - 1) " " $NF; sub(/:[0-9]*$/, "", name); if (name in is_ours) ours = 1 }
		END { done() }' "$work/tmp/server.out" >"$work/internal.out"
	n=$(wc -l <"$work/internal.out")
	bad=$((bad + n))
	grep -E ' (ERROR|FATAL|PANIC):  XX' "$work/tmp/server.out" | sort -u | head -n 20
	others=$(grep -cE ' (ERROR|FATAL|PANIC):  XX' "$work/tmp/server.out")
	calls=$(as_owner "$bin/psql" -XAtq -h "$work/socket" -p "$port" -U postgres -d smith \
		-c "SELECT format('%s calls of %s functions of rfm', sum(calls), count(*)) FROM pg_stat_user_functions WHERE funcname LIKE 'rfm%'")
	counts="$counts queries $queries, $calls, internal errors $n (of PostgreSQL's own functions $((others - n))),"
}

## the end

# count SUITE: adds its tests to $ok and $bad and says what failed
count() {
	case $1 in
	regress | isolation)
		good=$(grep -cE '^(test|    ) *[^ ]+ *\.\.\. ok' "$work/$1.out")
		failures=$(sed -n -E 's/^(test|    ) *([^ ]+) *\.\.\. FAILED.*/\2/p' "$work/$1.out")
		;;
	tap)
		good=$(grep -cE '^ok ' "$work/$1.out")
		failures=$(grep -E '^not ok ' "$work/$1.out" | sed 's/ /_/g')
		;;
	esac
	status=$(cat "$work/$1.status")
	if [ "$status" -eq 124 ]; then
		skip "$tool, the rest of $1: not done within $suite_seconds seconds"
	elif [ "$good" -eq 0 ] || { [ "$status" -ne 0 ] && [ -z "$failures$small" ]; }; then
		failures="exit_status_$status $failures"
		tail -n 20 "$work/$1.out"
	fi
	# shellcheck disable=SC2086
	if [ "$1" = regress ] && [ "$status" -ne 124 ] && [ $((good + $(set -- $failures; echo $#))) -lt "$(wc -w <"$work/regress.tests")" ]; then
		failures="$failures tests_that_did_not_run"
		tail -n 20 "$work/$1.out"
	fi
	counts="$counts $1 $good,"
	ok=$((ok + good))
	for failure in $failures; do
		bad=$((bad + 1))
		say "FAILED $tool $1: $failure"
	done
}

# A test whose data is smaller counts less: it passes when it ends and raises the errors that it should, and no others
forgive_small() {
	[ -n "$small" ] || return 0
	for name in $(sed -n -E 's/^(test|    ) *([^ ]+) *\.\.\. FAILED.*/\2/p' "$work/regress.out"); do
		grep -q RFM_SMALL "$work/src/sql/$name.sql" || continue
		as_owner grep -E '^(ERROR|WARNING|FATAL|PANIC)|server closed' "$work/src/expected/$name.out" >"$work/tmp/errors.expected"
		as_owner grep -E '^(ERROR|WARNING|FATAL|PANIC)|server closed' "$work/src/results/$name.out" >"$work/tmp/errors.results"
		! cmp -s "$work/tmp/errors.expected" "$work/tmp/errors.results" ||
			sed -i -E "s/^(test|    )( *$name *)\.\.\. FAILED/\1\2... ok, with less data/" "$work/regress.out"
	done
}

# logs: what servers wrote, ours and those of the TAP tests
logs() { find "$work/tmp" "$work/src/tmp_check" -name server.out -o -name '*.log' 2>/dev/null; }

# found WHAT REGULAR-EXPRESSION: how often it stands in the logs; shown, and counted as failures
found() {
	n=$(logs | xargs -r cat | grep -cE "$2")
	counts="$counts $1 $n,"
	[ "$n" -gt 0 ] || return 0
	bad=$((bad + n))
	logs | xargs -r cat | grep -E -A 25 "$2" | head -n 100
}

run() {
	tool=$1
	work=$(mktemp -d "${TMPDIR:-/tmp}/rfm-memcheck.XXXXXX") || exit 1
	adopt_work "$work"
	pg_config=$prefix/bin/pg_config
	copt=-Werror by="" name_it_has="" small="" tap_tests='t/*.pl' shops=120 suites="regress isolation tap"
	case $tool in
	sanitizers)
		copt="-fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-wrapv -O1"
		by="env LD_PRELOAD=$(gcc -print-file-name=libasan.so):$(gcc -print-file-name=libubsan.so)"
		by="$by ASAN_OPTIONS=detect_leaks=0:detect_stack_use_after_return=0:abort_on_error=1 UBSAN_OPTIONS=print_stacktrace=1:abort_on_error=1"
		# a server that pg_ctl restarts is started by the name it had: that must be ours
		by="$by perl -e 'exec { shift } @ARGV'" name_it_has=$work/pg$prefix/bin/postgres
		shops=40
		# not those that bound the address space, of which the sanitizers take terabytes
		tap_tests=$(cd "$top" && echo t/*.pl | sed 's,t/008_random_faults.pl,,')
		;;
	valgrind)
		by="valgrind --quiet --leak-check=no --trace-children=yes --error-markers=VALGRIND-BEGIN,VALGRIND-END"
		by="$by --suppressions=$prefix/valgrind.supp --log-file=$work/tmp/valgrind.%p.log"
		tap_tests="t/006_standby.pl t/009_backfill.pl"
		[ -n "${RFM_FULL:-}" ] || small=1
		;;
	smith) suites= ;;
	esac
	[ -z "${RFM_TAP:-}" ] || tap_tests=$RFM_TAP
	[ -z "${RFM_SUITES:-}" ] || [ "$tool" = smith ] || suites=$RFM_SUITES
	step "$tool: building the extension" prepare || return 1
	step "$tool: starting a server" start || return 1
	ok=0 bad=0 counts=
	if [ "$tool" = smith ]; then
		step "$tool: running sqlsmith, seed $seed" smith || return 1
		count_smith
	else
		step "$tool: running $suites" run_suites
		[ ! -f "$work/regress.out" ] || forgive_small
		for suite in $suites; do
			count "$suite"
		done
	fi
	found "findings of Valgrind" VALGRIND-BEGIN
	found "of the sanitizers" 'ERROR: AddressSanitizer|runtime error:'
	found "failed assertions" TRAP:
	# the TAP tests kill sessions themselves
	crashed=$(grep -c 'terminated by signal' "$work/tmp/server.out")
	counts="$counts crashes $crashed"
	[ "$crashed" -eq 0 ] || grep -B 5 -A 5 'terminated by signal' "$work/tmp/server.out" | head -n 60
	bad=$((bad + crashed))
	say "$tool:$counts"
	passed=$((passed + ok)) failed=$((failed + bad))
	keep
	end_servers
	remove_work
	work=
}

keep() {
	[ -n "${RFM_KEEP:-}" ] || return 0
	mkdir -p "$RFM_KEEP/$tool" && cp -R "$work"/*.out "$work"/tmp/*.out "$work"/tmp/*.log "$work"/src/regression.diffs "$work"/src/output_iso "$work"/src/tmp_check/log \
		"$RFM_KEEP/$tool" 2>/dev/null
}

trap 'status=$?; trap "" HUP INT PIPE TERM; stop_ticker; allow_main_cluster; end_servers; remove_work; exit $status' EXIT
find_data
check_place "${TMPDIR:-/tmp}" 3000
ensure_packages tap
mkdir -p "$cache" && chmod 755 "$cache" || exit 1
for tool in "$@"; do
	name=assertions
	set -- --enable-cassert CFLAGS='-Og -g3 -fno-omit-frame-pointer'
	case $tool in
	valgrind)
		wanted valgrind:valgrind || { skip "valgrind: it is not here, and could not be installed (Debian package valgrind)"; continue; }
		# assertions of the server itself would take more time than all else
		name=valgrind
		set -- CFLAGS='-O1 -g3 -fno-omit-frame-pointer'
		;;
	smith)
		wanted sqlsmith:sqlsmith || { skip "smith: sqlsmith is not here, and could not be installed (Debian package sqlsmith)"; continue; }
		;;
	esac
	server $name "$@"
	case $? in
	0) run "$tool" ;;
	1) skip "$tool: PostgreSQL's source, or what it takes to build it, could not be fetched" ;;
	*) false ;;
	esac || { failed=$((failed + 1)); say "FAILED $tool"; end_servers; remove_work; work=; }
done
say_result $passed $failed $skipped
[ $failed -eq 0 ]
