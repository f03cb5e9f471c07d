#!/bin/sh
# The suites on other major versions of PostgreSQL, each in a Debian of its own in a directory.
# shellcheck disable=SC2034,SC2154,SC2317 # set or read in lib.sh; called through step and trap

usage() {
	cat <<'END'
sh scripts/versions.sh [VERSION...]   of 15 to 19; without any: 17 18 19. As root.

Makes a small Debian with that PostgreSQL in a directory (the first time; some minutes over the network), builds the
extension there with -Werror and runs the suites regress, isolation and tap. The last lines count the tests of each version.

No release of Debian has 16: any root with its packages, put into the directory postgresql-16-root, serves. 19 is a
release candidate, in experimental, without pg_cron.

Settings from the environment:
  RFM_CACHE=DIR        where these directories are kept (default: ~/.cache/rfm); to be removed by hand
  RFM_MIRROR=URL       where Debian comes from (default: where this machine has its packages from)
  RFM_DATA=DIR         as for check.sh
END
}

me=versions
here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd) || exit 1
top=${here%/*}
. "$here/lib.sh"
prepare_shell
unset RFM_PG_MAJOR

# suite VERSION: the release of Debian that has it
suite() {
	case $1 in
	15) echo bookworm ;;
	17) echo trixie ;;
	18) echo forky ;;
	19) echo sid ;;
	esac
}

skip() { say "SKIPPED $*"; exit 0; }

[ $# -gt 0 ] || set -- 17 18 19
for version in "$@"; do
	case $version in 1[5-9]) ;; *) usage; exit 2 ;; esac
done
cache=${RFM_CACHE:-${HOME:-/tmp}/.cache/rfm}
data=${RFM_DATA:-$top/../shared/data}
data=$(CDPATH='' cd -- "$data" 2>/dev/null && pwd) || data=
suite_seconds=1800               # the suites of one version, together
log=
pack=
new=
suites_pid=
totals=
failed=0

## the directories

# The first address in apt's lists that is Debian's and no security updates'
find_mirror() {
	[ -z "${RFM_MIRROR:-}" ] || { echo "$RFM_MIRROR"; return; }
	{
		sed -n 's/^URIs: *\([^ ]*\).*/\1/p' /etc/apt/sources.list.d/*.sources
		sed -n 's/^deb  *\(\[[^]]*\] *\)\{0,1\}\([^ ]*\).*/\2/p' /etc/apt/sources.list /etc/apt/sources.list.d/*.list
	} 2>/dev/null | grep -v security | grep debian | head -n 1
}

ensure_mmdebstrap() {
	! command -v mmdebstrap >/dev/null || return 0
	command -v apt-get >/dev/null || skip "all: mmdebstrap is not installed (Debian package mmdebstrap)"
	packages="mmdebstrap debian-archive-keyring"
	sudo=
	say "Installing Debian packages: $packages"
	install_packages
}

# make_root VERSION: in $new. Testing's lists of packages expire within days, and so they have where a mirror stands still:
# they are taken all the same; their signature is checked.
make_root() {
	release=$(suite "$1")
	packages="postgresql-$1,postgresql-server-dev-$1,make,gcc,libc6-dev,perl,libipc-run-perl"
	extra=
	if [ "$1" = 19 ]; then
		# nothing else comes from experimental; and there is no pg_cron for it
		# shellcheck disable=SC2016 # expanded by the hook's shell
		extra="deb $mirror experimental main"
		set -- --setup-hook='mkdir -p "$1/etc/apt/preferences.d" &&
			printf "Package: src:postgresql-19\nPin: release a=experimental\nPin-Priority: 500\n" >"$1/etc/apt/preferences.d/postgresql"'
	else
		packages="$packages,postgresql-$1-cron"
		set --
	fi
	# shellcheck disable=SC2016 # expanded by the hooks' shell
	mmdebstrap --quiet --variant=apt --aptopt='APT::Install-Recommends "false"' --aptopt='Acquire::Check-Valid-Until "false"' \
		--include="$packages" \
		--setup-hook='mkdir -p "$1/etc/postgresql-common/createcluster.d"' \
		--setup-hook='echo "create_main_cluster = false" >"$1/etc/postgresql-common/createcluster.d/no-main.conf"' "$@" \
		"$release" "$new" "deb $mirror $release main" ${extra:+"$extra"} || return
	find "$new/var/cache/apt" "$new/var/lib/apt/lists" -type f -delete
}

ensure_root() {
	root=$cache/postgresql-$1-root
	[ ! -d "$root" ] || return 0
	[ -n "$(suite "$1")" ] || { warn "no release of Debian has PostgreSQL $1, and there is no $root"; return 1; }
	ensure_mmdebstrap
	mirror=$(find_mirror)
	[ -n "$mirror" ] || skip "all: no mirror of Debian in this machine's lists of packages; name one in RFM_MIRROR"
	new=$cache/new.$$
	step "PostgreSQL $1: making a Debian $(suite "$1")" make_root "$1" || return
	mv "$new" "$root"
	new=
}

## the suites

# In a mount namespace of its own, which goes with the last process in it: nothing is left mounted
run_suites() {
	pack_source >"$pack" || return
	# shellcheck disable=SC2016 # expanded by those shells
	timeout -k 60 $suite_seconds unshare -m --propagation private sh -c '
		root=$1 version=$2 data=$3
		mount -t proc proc "$root/proc" && mount --rbind /dev "$root/dev" && mount -t tmpfs tmpfs "$root/dev/shm" &&
			mount -t tmpfs tmpfs "$root/tmp" && chmod 1777 "$root/tmp" "$root/dev/shm" || exit
		if [ -n "$data" ]; then
			mkdir "$root/tmp/data" && mount --bind "$data" "$root/tmp/data" || exit
			set -- RFM_DATA=/tmp/data
		else
			set --
		fi
		exec chroot "$root" env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root \
			RFM_PG_MAJOR="$version" "$@" sh -c "
				mkdir /tmp/rfm && tar -C /tmp/rfm -xf - && exec sh /tmp/rfm/scripts/check.sh regress isolation tap </dev/null"
	' sh "$root" "$1" "$data" <"$pack" >"$log" 2>&1 &
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
		kill "$suites_pid" 2>/dev/null
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
[ "$as_root" = yes ] || skip "all: only root can make these directories and enter them"
unshare -m true 2>/dev/null || skip "all: no mount namespaces here (a container without the right to mount?)"
mkdir -p "$cache" && chmod 755 "$cache" || exit 1
log=$(mktemp) && pack=$(mktemp) || exit 1
for version in "$@"; do
	run "$version" || { failed=1; totals="${totals}PostgreSQL $version: 0 passed, 1 failed
"; }
done
printf '%s' "$totals"
exit $failed
