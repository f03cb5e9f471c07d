#!/bin/sh
# The shape of src/, and static analysis of it: nothing is built or changed.
# shellcheck disable=SC2034,SC2154 # for and from lib.sh

usage() {
	cat <<'END'
sh scripts/lint.sh [TOOL...]    sources (floors, includes, lengths: scripts/check_sources.pl), cppcheck (seconds) and
                                clang-tidy (minutes); any finding fails

A tool that is not here and cannot be installed is skipped, and said so. The last line counts the tools:
N passed, N failed[, N skipped]

Settings from the environment:
  PG_CONFIG=PROGRAM    the PostgreSQL whose headers clang-tidy reads (default: as for check.sh)
END
}

me=lint
here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd) || exit 1
top=${here%/*}
. "$here/lib.sh"
. "$here/packages.sh"
. "$here/postgres.sh"
prepare_shell

cd "$top" || exit 1
[ $# -gt 0 ] || set -- sources cppcheck clang-tidy
checks='-*,clang-analyzer-*,bugprone-*'
# two arguments of one type, widths of numbers, and macros like those of PostgreSQL itself are no findings here
for check in easily-swappable-parameters narrowing-conversions implicit-widening-of-multiplication-result \
	reserved-identifier macro-parentheses branch-clone assignment-in-if-condition; do
	checks="$checks,-bugprone-$check"
done
checks="$checks,-clang-analyzer-security.insecureAPI.DeprecatedOrUnsafeBufferHandling,-clang-analyzer-optin.performance.Padding"

# Server headers in cppcheck's path send it into thousands of configurations: it gets scripts/cppcheck.h instead
run_cppcheck() {
	cppcheck --quiet --enable=warning,performance,portability --std=c11 --error-exitcode=1 -Isrc --include=scripts/cppcheck.h \
		-DRFM_VERSION='"lint"' --suppress=missingInclude --suppressions-list=scripts/cppcheck.suppress src/*.c src/*/*.c
}

# Two files at a time
run_clang_tidy() {
	headers=$("$pg_config" --includedir-server) || return
	printf '%s\n' src/*.c src/*/*.c | xargs -P 2 -I FILE clang-tidy --quiet --header-filter='.*/src/[a-z_]*/[a-z_]*\.h' --warnings-as-errors='*' \
		--checks="$checks" FILE -- -std=gnu11 -Isrc -I"$headers" -DRFM_VERSION='"lint"' 2>/dev/null
}

run_tool() {
	case $1 in
	sources) perl scripts/check_sources.pl ;;
	cppcheck) run_cppcheck ;;
	clang-tidy) ensure_packages build && run_clang_tidy ;;
	esac
}

trap 'status=$?; stop_ticker; allow_main_cluster; exit $status' EXIT
passed=0 failed=0 skipped=0
for tool in "$@"; do
	case $tool in sources | cppcheck | clang-tidy) ;; *) usage; exit 2 ;; esac
	[ "$tool" = sources ] || wanted "$tool:$tool" || {
		say "SKIPPED $tool: it is not here, and could not be installed (Debian package $tool)"
		skipped=$((skipped + 1))
		continue
	}
	if run_tool "$tool"; then
		say "ok $tool"
		passed=$((passed + 1))
	else
		say "FAILED $tool"
		failed=$((failed + 1))
	fi
done
say_result "$passed" "$failed" "$skipped"
[ $failed -eq 0 ]
