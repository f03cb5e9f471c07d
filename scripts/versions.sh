#!/bin/sh
# The suites on other major versions of PostgreSQL, each in a Debian of its own in a directory.
# shellcheck disable=SC2016,SC2034,SC2154,SC2317 # set or read in lib.sh; called through step and trap

usage() {
	cat <<'END'
sh scripts/versions.sh [VERSION...]   of 15 to 19; without any: 17 18 19. As root.

Makes a small Debian with that PostgreSQL in a directory (the first time; some minutes over the network), builds the
extension there with -Werror and runs the suites regress, isolation and tap. The last lines count the tests of each version.

No release of Debian has 16: any root with its packages, put into the directory postgresql-16-root, serves. 19 is a
release candidate, in experimental, without pg_cron. Debian comes from where this machine has its packages from.

Settings from the environment:
  RFM_CACHE=DIR        where these directories are kept (default: ~/.cache/rfm); to be removed by hand
  RFM_DATA=DIR         as for check.sh
END
}

me=versions
here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd) || exit 1
top=${here%/*}
. "$here/lib.sh"
. "$here/packages.sh"
. "$here/rootfs.sh"
prepare_shell

# suite VERSION: the release of Debian that has it
suite() {
	case $1 in
	15) echo bookworm ;;
	17) echo trixie ;;
	18) echo forky ;;
	19) echo sid ;;
	esac
}

[ $# -gt 0 ] || set -- 17 18 19
for version in "$@"; do
	case $version in 1[5-9]) ;; *) usage; exit 2 ;; esac
done
cache=${RFM_CACHE:-${HOME:-/tmp}/.cache/rfm}
find_data
suite_seconds=1800               # the suites of one version, together
log=
pack=
new=
suites_pid=
totals=
failed=0

ensure_root() {
	root=$cache/postgresql-$1-root
	[ ! -d "$root" ] || return 0
	[ -n "$(suite "$1")" ] || { warn "no release of Debian has PostgreSQL $1, and there is no $root"; return 1; }
	new=$cache/new.$$
	packages="postgresql-$1,postgresql-server-dev-$1,make,gcc,libc6-dev,perl,libipc-run-perl"
	[ "$1" = 19 ] || packages="$packages,postgresql-$1-cron"
	step "PostgreSQL $1: making a Debian $(suite "$1")" \
		make_root "$new" "$(suite "$1")" "$packages" || return
	mv "$new" "$root"
	new=
}

# All that the suites write lies in memory, and goes with the last process
run_suites() {
	pack_source >"$pack" || return
	mounts='mount -t tmpfs tmpfs "$root/tmp" && chmod 1777 "$root/tmp"'
	set -- "PG_CONFIG=/usr/lib/postgresql/$1/bin/pg_config"
	if [ -n "$data" ]; then
		export data
		mounts="$mounts"' && mkdir "$root/tmp/data" && mount --bind "$data" "$root/tmp/data"'
		set -- "$@" RFM_DATA=/tmp/data
	fi
	exec_in_root "$root" timeout -k 60 $suite_seconds env "$@" sh -c '
		mkdir /tmp/rfm && tar -C /tmp/rfm -xf - && exec sh /tmp/rfm/scripts/check.sh regress isolation tap </dev/null' <"$pack" >"$log" 2>&1 &
	suites_pid=$!
	wait "$suites_pid"
	status=$?
	suites_pid=
	return $status
}

on_exit() {
	status=$?
	trap '' HUP INT PIPE TERM
	stop_ticker
	if [ -n "$suites_pid" ]; then
		kill -s KILL "$suites_pid" 2>/dev/null
		wait "$suites_pid"
	fi
	rm -rf -- ${log:+"$log"} ${pack:+"$pack"} ${new:+"$new"}
	exit "$status"
}

run() {
	ensure_root "$1" || return
	release=$(chroot "$root" "/usr/lib/postgresql/$1/bin/pg_config" --version | cut -d ' ' -f 1-2)
	say "$release: building with -Werror, running regress, isolation and tap"
	begun=$(date +%s)
	run_suites "$1"
	status=$?
	total=$(sed -n '$s/^[0-9]* passed, [0-9]* failed.*/&/p' "$log")
	grep '^[a-z]*: skipped ' "$log"
	if [ "$status" -ne 0 ] || [ -z "$total" ]; then
		cat "$log" >&2
		failed=1
	fi
	totals="$totals$release: ${total:-0 passed, 1 failed}, in $(($(date +%s) - begun)) s
"
}

trap on_exit EXIT
need_root
mkdir -p "$cache" && chmod 755 "$cache" || exit 1
log=$(mktemp) && pack=$(mktemp) || exit 1
for version in "$@"; do
	run "$version" || { failed=1; totals="${totals}PostgreSQL $version: 0 passed, 1 failed
"; }
done
printf '%s' "$totals"
exit $failed
