# What all scripts share: the shell, messages, steps, the checkout's files; sourced by them, never run by itself.
# Beside it packages.sh installs, postgres.sh chooses a PostgreSQL, server.sh starts a private server, rootfs.sh makes fresh roots.
#
# The caller sets $me (its name in messages) and $top (the checkout), and calls prepare_shell.
# shellcheck shell=sh disable=SC2034,SC2154

work=                            # the directory of all files, see server.sh
ticker_pid=

say() { printf '%s\n' "$*"; }

warn() { printf '%s: %s\n' "$me" "$*" >&2; }

die() { warn "$@"; exit 1; }

# quoted WORD: as a shell wants it, where it has blanks or the like
quoted() {
	case $1 in
	*[!A-Za-z0-9_./+-]* | '') printf "'%s'\n" "$(printf '%s' "$1" | sed "s/'/'\\\\''/g")" ;;
	*) say "$1" ;;
	esac
}

# say_result PASSED FAILED SKIPPED: the last line of every script that tests
say_result() {
	if [ "$3" -gt 0 ]; then
		say "$1 passed, $2 failed, $3 skipped"
	else
		say "$1 passed, $2 failed"
	fi
}

prepare_shell() {
	umask 022
	LC_ALL=C.UTF-8
	PATH=$PATH:/usr/sbin:/sbin
	export LC_ALL PATH
	# no setting of the caller's may lead psql, make or the suites to another server or build
	pg_config=${PG_CONFIG:-}
	for v in $(env | sed -n 's/^\(PG[A-Z_]*\)=.*/\1/p') MAKEFLAGS MAKELEVEL MFLAGS LANGUAGE CDPATH; do
		unset "$v"
	done
	as_root=no
	[ "$(id -u)" -ne 0 ] || as_root=yes
	tty=no
	[ ! -t 1 ] || tty=yes
	trap 'exit 129' HUP
	trap 'exit 130' INT
	trap 'exit 141' PIPE
	trap 'exit 143' TERM
}

# step TEXT COMMAND...: runs it with its output in $log, shows the seconds it takes, and on failure the log's end
step() {
	step_text=$1
	shift
	step_start=$(date +%s)
	printf '%s ...' "$step_text"
	start_ticker "$step_text ..."
	"$@" >"$log" 2>&1 </dev/null
	step_status=$?
	stop_ticker
	step_end=$(date +%s) || exit 130
	if [ $step_status -eq 0 ]; then
		[ "$tty" = no ] || printf '\r%s ...' "$step_text"
		printf ' %s s\n' $((step_end - step_start))
	else
		printf ' failed\n'
		tail -n 40 "$log" >&2
		! grep -q 'No space left on device' "$log" || warn "a disk is full: $(df -Ph "${work:-${TMPDIR:-/tmp}}" | awk 'NR == 2 { print $6 " has " $4 " left" }')"
	fi
	return $step_status
}

start_ticker() {
	[ "$tty" = yes ] || return 0
	(
		n=0
		while sleep 1; do
			n=$((n + 1))
			printf '\r%s %s s' "$1" $n
		done
	) &
	ticker_pid=$!
}

stop_ticker() {
	[ -n "$ticker_pid" ] || return 0
	kill "$ticker_pid" 2>/dev/null
	wait "$ticker_pid" 2>/dev/null
	ticker_pid=
}

## where files may be put

# check_place DIR MEGABYTES: may a server's files and programs lie below DIR, and is there room for them? Ends the script otherwise
check_place() {
	elsewhere="${place:-TMPDIR=/var/tmp} sh $(quoted "$0")"
	case $1 in
	/*) ;;
	*) die "not an absolute path: $1" ;;
	esac
	case $1 in *[!A-Za-z0-9_./+-]*)
		die "the path must do without blanks and special characters: $1. Name another directory, for instance: $elsewhere" ;;
	esac
	[ ${#1} -le 70 ] || die "too long a path for a Unix socket in it: $1. Name another directory, for instance: $elsewhere"
	if [ ! -d "$1" ] || [ ! -w "$1" ]; then
		die "$1 is no directory that you may write to. Name another, for instance: $elsewhere"
	fi
	free=$(df -Pk "$1" | awk 'NR == 2 { print int($4 / 1024) }')
	[ "${free:-$2}" -ge "$2" ] || die "$1 has $free MB left, and this takes $2 MB. Make room there, or name another directory, for instance: $elsewhere"
	probe=$(mktemp "$1/rfm-probe.XXXXXX") && printf '#!/bin/sh\n' >"$probe" && chmod 700 "$probe" || exit 1
	"$probe" 2>/dev/null
	starts=$?
	rm -f "$probe"
	[ $starts -eq 0 ] || die "programs do not start in $1: it is mounted noexec. Name another directory, for instance: $elsewhere"
}

# awk's answer(): prints what stands in file output before the next line "@@", indented, after an empty line
# shellcheck disable=SC2034 # for the scripts that fill pages
awk_answer='
	function answer(  line, none) {
		none = 1
		while ((getline line < output) > 0 && line != "@@") {
			if (none) print ""
			none = 0
			print line == "" ? "" : "    " line
		}
	}
'

## data beside the project

find_data() {
	data=${RFM_DATA:-$top/../shared/data}
	data=$(CDPATH='' cd -- "$data" 2>/dev/null && pwd) || data=
	[ -n "$data" ] || [ -z "${RFM_DATA:-}" ] || die "RFM_DATA: there is no directory $RFM_DATA"
	unset RFM_DATA
}

# The checkout's files on standard output, without what a build left there; writable, so that they can be removed again
pack_source() {
	if git -C "$top" -c safe.directory='*' -c core.fsmonitor= ls-files -z -co --exclude-standard >/dev/null 2>&1; then
		git -C "$top" -c safe.directory='*' -c core.fsmonitor= ls-files -z -co --exclude-standard |
			tar -C "$top" --mode=u+rwX --null --no-recursion --ignore-failed-read -T - -cf - 2>/dev/null
	else
		tar -C "$top" --mode=u+rwX --exclude=./.git --exclude='*.o' --exclude='*.bc' --exclude='*.so' --exclude=./results \
			--exclude=./output_iso --exclude=./tmp_check --exclude=./tmp_check_iso --exclude=./log \
			--exclude=./regression.diffs --exclude=./regression.out -cf - .
	fi
}
