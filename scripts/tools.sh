#!/bin/sh
# The tools that find what tests alone do not, one after the other, on any machine: each script installs what it needs and
# says loudly what it skips.
# shellcheck disable=SC2034 # for lib.sh

usage() {
	cat <<'END'
sh scripts/tools.sh [TOOL...]   all of these in this order, unless told:

  lint         cppcheck and clang-tidy (lint.sh)
  assertions   every suite on a server with assertions (memcheck.sh)
  smith        sqlsmith on that server (memcheck.sh)
  sanitizers   the suites under AddressSanitizer and UndefinedBehaviorSanitizer (memcheck.sh)
  coverage     the lines of src/ that the suites run, at least 90 % (coverage.sh)
  valgrind     the suites under Valgrind (memcheck.sh)

also check, every suite on the server as it is (check.sh), and fresh, the scripts on a few machines that nobody prepared
(fresh.sh few), where they are named. The last line counts what passed in all of
them: N passed, N failed[, N skipped]

Settings from the environment:
  RFM_MINUTES=N        no tool is started later than that after the first (default: no limit)
  RFM_VALGRIND="NAME..." under Valgrind only these regression tests, after "install"
END
}

me=tools
here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd) || exit 1
. "$here/lib.sh"
[ $# -gt 0 ] || set -- lint assertions smith sanitizers coverage valgrind
for tool in "$@"; do
	case $tool in
	check | fresh | lint | assertions | smith | sanitizers | coverage | valgrind) ;;
	*) usage; exit 2 ;;
	esac
done

script_of() {
	case $1 in
	check) echo check.sh ;;
	fresh) echo fresh.sh few ;;
	lint) echo lint.sh ;;
	coverage) echo coverage.sh ;;
	*) say "memcheck.sh $1" ;;
	esac
}

# the number before WORD in the line $last
number() { echo "$last" | sed -n "s/.*\(^\|[ ,]\)\([0-9][0-9]*\) $1.*/\2/p"; }

passed=0 failed=0 skipped=0
begun=$(date +%s)
output=$(mktemp) || exit 1
trap 'rm -f "$output"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
for tool in "$@"; do
	start=$(date +%s)
	if [ -n "${RFM_MINUTES:-}" ] && [ $((start - begun)) -gt $((RFM_MINUTES * 60)) ]; then
		say "SKIPPED $tool: $RFM_MINUTES minutes have passed"
		skipped=$((skipped + 1))
		continue
	fi
	say "==== $tool"
	# shellcheck disable=SC2046 # a script and its argument
	if [ "$tool" = valgrind ] && [ -n "${RFM_VALGRIND:-}" ]; then
		RFM_SUITES=regress RFM_TESTS=$RFM_VALGRIND sh "$here"/$(script_of "$tool") 2>&1 | tee "$output"
	else
		sh "$here"/$(script_of "$tool") 2>&1 | tee "$output"
	fi
	last=$(tail -n 1 "$output")
	case $last in
	*[0-9]" passed, "[0-9]*" failed"*)
		passed=$((passed + $(number passed))) failed=$((failed + $(number failed)))
		s=$(number skipped)
		skipped=$((skipped + ${s:-0}))
		;;
	*)
		say "FAILED $tool: it ended without its last line"
		failed=$((failed + 1))
		;;
	esac
	say "==== $tool took $(($(date +%s) - start)) s"
done
say "All of it took $(($(date +%s) - begun)) s."
say_result $passed $failed $skipped
[ $failed -eq 0 ]
