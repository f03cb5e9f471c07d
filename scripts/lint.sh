#!/bin/sh
# Static analysis of src/ with cppcheck and clang-tidy, where they are installed: neither builds nor changes anything.

usage() {
	cat <<'END'
sh scripts/lint.sh [TOOL...]    cppcheck (seconds) and clang-tidy (minutes); any finding fails

A tool that is not installed is skipped, and said so.
Settings from the environment:
  PG_CONFIG=PROGRAM    the PostgreSQL whose headers clang-tidy reads (default: pg_config)
END
}

cd "$(dirname -- "$0")/.." || exit 1
[ $# -gt 0 ] || set -- cppcheck clang-tidy
status=0
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
		-DRFM_VERSION='"lint"' --suppress=missingInclude --suppressions-list=scripts/cppcheck.suppress src/*.c
}

run_clang_tidy() {
	headers=$("${PG_CONFIG:-pg_config}" --includedir-server) || return
	found=0
	for file in src/*.c; do
		clang-tidy --quiet --header-filter='.*/src/[a-z_]*\.h' --warnings-as-errors='*' --checks="$checks" "$file" -- \
			-std=gnu11 -Isrc -I"$headers" -DRFM_VERSION='"lint"' 2>/dev/null || found=1
	done
	return $found
}

for tool in "$@"; do
	case $tool in cppcheck | clang-tidy) ;; *) usage; exit 2 ;; esac
	if ! command -v "$tool" >/dev/null; then
		echo "SKIPPED $tool: it is not installed (Debian package $tool)"
		continue
	fi
	case $tool in
	cppcheck) run_cppcheck ;;
	clang-tidy) run_clang_tidy ;;
	esac && echo "ok $tool" || { echo "FAILED $tool"; status=1; }
done
exit $status
