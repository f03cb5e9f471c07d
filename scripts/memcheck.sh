#!/bin/sh
# The regression tests on a server that watches memory, built from Debian's source package of PostgreSQL.
# shellcheck disable=SC2154,SC2317 # set in lib.sh; called through step and trap

usage() {
	cat <<'END'
sh scripts/memcheck.sh [valgrind|sanitizers|assertions]...   all three, unless told

The first time it fetches and builds PostgreSQL with assertions and for Valgrind (some two minutes), and keeps that.

Settings from the environment:
  RFM_CACHE=DIR        where (default: ~/.cache/rfm)
  RFM_TESTS="NAME..."  the regression tests to run after "install" (default: all)
END
}

me=memcheck
here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd) || exit 1
top=${here%/*}
. "$here/lib.sh"
prepare_shell

[ $# -gt 0 ] || set -- assertions valgrind sanitizers
for tool in "$@"; do
	case $tool in valgrind | sanitizers | assertions) ;; *) usage; exit 2 ;; esac
done
cache=${RFM_CACHE:-${HOME:-/tmp}/.cache/rfm}
prefix=$cache/postgresql-$pg_major-watched
source=$cache/source
failed=0

skip() { say "SKIPPED $*"; exit 0; }

# The source package, by way of a private list of sources: the machine's own stays as it is
fetch_source() {
	[ ! -f "$source/configure" ] || return 0
	rm -rf "$cache/apt" "$source"
	mkdir -p "$cache/apt/lists/partial" "$cache/apt/parts" "$source" || return
	# of the release itself: a mirror may not have the sources of what came later
	awk 'BEGIN { RS = "" } { sub(/Types:[^\n]*/, "Types: deb-src"); print; exit }' /etc/apt/sources.list.d/debian.sources >"$cache/apt/parts/source.sources" || return
	set -- -o Dir::Etc::sourcelist=/dev/null -o Dir::Etc::sourceparts="$cache/apt/parts" -o Dir::State::lists="$cache/apt/lists" -o APT::Sandbox::User=root
	apt-get "$@" update -q && cd "$cache/apt" && apt-get "$@" source -q --download-only "postgresql-$pg_major" &&
		tar -C "$source" --strip-components=1 -xf "$cache"/apt/postgresql-*.orig.tar.*
}

# Without Debian's patches, which would send it to the directories of the installed packages
build_server() {
	[ ! -x "$prefix/bin/postgres" ] || return 0
	cd "$source" && ./configure --prefix="$prefix" --enable-cassert --enable-debug --with-icu --without-readline --without-zlib \
		CPPFLAGS="-DUSE_VALGRIND" CFLAGS='-Og -g3 -fno-omit-frame-pointer' &&
		make -s -j2 && make -s -C contrib/postgres_fdw && make -s install && make -s -C contrib/postgres_fdw install &&
		cp "$source/src/tools/valgrind.supp" "$prefix/valgrind.supp"
}

# The server, by way of the command $by, if there is one
start() {
	# shellcheck disable=SC2086 # words
	as_owner $by "$bin/postgres" -D "$work/data" >"$work/tmp/server.out" 2>&1 &
	for n in $(seq 120); do
		! as_owner "$bin/pg_isready" -q -h "$work/socket" -p "$port" || return 0
		sleep 1
	done
	tail -n 20 "$work/tmp/server.out"
	return 1
}

# By the server's own means: under Valgrind its processes are not of the private tree's programs
stop() {
	[ -z "$work" ] || [ ! -f "$work/data/postmaster.pid" ] || as_owner "$bin/pg_ctl" -D "$work/data" -m fast -w -t 120 stop >/dev/null 2>&1
}

init() {
	as_owner "$bin/initdb" -D "$work/data" -U postgres -A trust -E UTF8 --locale=C.UTF-8 --no-sync --no-instructions || return
	as_owner tee -a "$work/data/postgresql.conf" >/dev/null <<END
listen_addresses = ''
port = $port
unix_socket_directories = '$work/socket'
timezone = 'UTC'
fsync = off
max_worker_processes = 16
END
}

regress() {
	tests=$(as_owner make -s -C "$work/src" -f - PG_CONFIG="$pg_config" say <<'END'
include Makefile
say: ; @echo $(REGRESS)
END
)
	[ -z "${RFM_TESTS:-}" ] || tests="install $RFM_TESTS"
	# shellcheck disable=SC2086
	as_owner "$prefix/lib/pgxs/src/test/regress/pg_regress" --inputdir="$work/src" --outputdir="$work/tmp" --bindir="$bin" --host="$work/socket" \
		--port="$port" --user=postgres --dbname=contrib_regression $tests >"$work/tmp/regress.out" 2>&1
}

# run TOOL: one run of the suite, from the copied sources
run() {
	work=$(mktemp -d "${TMPDIR:-/tmp}/rfm-memcheck.XXXXXX") || exit 1
	adopt_work "$work"
	pg_config=$prefix/bin/pg_config
	step "$1: copying" eval "copy_source && copy_installation" || return 1
	tool=$1
	copt=-Werror
	by=
	case $tool in
	sanitizers)
		copt="-fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-wrapv -O1"
		by="env LD_PRELOAD=$(gcc -print-file-name=libasan.so):$(gcc -print-file-name=libubsan.so)"
		by="$by ASAN_OPTIONS=detect_leaks=0:detect_stack_use_after_return=0:abort_on_error=1 UBSAN_OPTIONS=print_stacktrace=1:abort_on_error=1"
		;;
	valgrind)
		by="valgrind --quiet --leak-check=no --track-origins=yes --trace-children=yes --error-markers=VALGRIND-BEGIN,VALGRIND-END"
		by="$by --suppressions=$prefix/valgrind.supp --log-file=$work/tmp/valgrind.%p.log"
		;;
	esac
	step "$tool: building the extension" build COPT="$copt" || return 1
	step "$tool: starting a server" eval 'init && start' || return 1
	step "$tool: running the regression tests" eval 'regress || :'
	tests=$(grep -cE '^(test|    ) *[^ ]+ *\.\.\. ' "$work/tmp/regress.out")
	differ=$(grep -E '\.\.\. FAILED' "$work/tmp/regress.out" | sed 's/^test *//; s/ *\.\.\. FAILED.*//' | tr '\n' ' ')
	found=$(cat "$work/tmp"/valgrind.*.log 2>/dev/null | grep -c VALGRIND-BEGIN)
	sanitized=$(grep -cE 'ERROR: AddressSanitizer|runtime error:' "$work/tmp/server.out")
	crashed=$(grep -cE 'TRAP|terminated by signal' "$work/tmp/server.out")
	say "$tool: $tests tests; errors of Valgrind: $found, of the sanitizers: $sanitized; crashes and assertions: $crashed; other output in: ${differ:-none}"
	if [ $((found + sanitized + crashed)) -gt 0 ]; then
		cat "$work/tmp"/valgrind.*.log 2>/dev/null | grep -A 25 VALGRIND-BEGIN | head -n 80
		grep -E -A 20 'ERROR: AddressSanitizer|runtime error:|TRAP|terminated by signal' "$work/tmp/server.out" | head -n 60
		failed=1
	fi
	[ "$tests" -gt 0 ] || { tail -n 20 "$work/tmp/regress.out"; failed=1; }
	[ -z "${RFM_KEEP:-}" ] || cp "$work/tmp"/*.out "$work/tmp"/regression.diffs "$RFM_KEEP" 2>/dev/null
	stop
	remove_work
	work=
}

trap 'status=$?; stop_ticker; stop; remove_work; exit $status' EXIT
mkdir -p "$cache" && chmod 755 "$cache" || exit 1
log=$(mktemp) || exit 1
if [ ! -x "$prefix/bin/postgres" ]; then
	[ -f /etc/apt/sources.list.d/debian.sources ] || [ -f "$source/configure" ] || skip "all: no list of Debian's packages to find PostgreSQL's source in; unpack it into $source"
	step "Fetching PostgreSQL's source" fetch_source || skip "all: PostgreSQL's source could not be fetched"
	step "Building PostgreSQL with assertions" build_server || exit 1
fi
rm -f "$log"
for tool in "$@"; do
	if [ "$tool" = valgrind ] && ! command -v valgrind >/dev/null; then
		say "SKIPPED valgrind: it is not installed (Debian package valgrind)"
		continue
	fi
	run "$tool" || { failed=1; stop; remove_work; work=; }
done
exit $failed
