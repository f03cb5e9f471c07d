# Fresh roots of Debian; sourced after lib.sh and packages.sh, never run by itself.
#
# A root is made by mmdebstrap from the machine's own sources of packages, so no host is named here. What runs in one
# has mounts and processes of its own, which are gone with it.
# shellcheck shell=sh disable=SC2034,SC2154 # set and used in lib.sh

own_suite=$(. /etc/os-release && echo "${VERSION_CODENAME:-}")       # the machine's own suite

skip() { say "SKIPPED: $*"; exit 0; }

# need WHAT:PACKAGE...: as wanted, but without them there is nothing to do
need() { wanted "$@" || skip "these Debian packages are missing, and could not be installed: $packages"; }

need_root() {
	[ "$as_root" = yes ] || skip "only root may make and enter a fresh root"
	unshare -m true 2>/dev/null || skip "no mount namespaces here (a container without the right to mount?)"
	need mmdebstrap:mmdebstrap /usr/share/keyrings/debian-archive-keyring.gpg:debian-archive-keyring
}

# machine_sources FILE SUITE: the machine's own sources of packages, written there as those of SUITE. sid has no updates, but
# beside it experimental, with release candidates
machine_sources() {
	set -- "$1" "$2" "/etc/apt/sources.list.d/$(. /etc/os-release && echo "$ID").sources"
	if [ ! -f "$3" ]; then
		grep '^deb ' /etc/apt/sources.list | sed "s/\\b$own_suite\\b/$2/g" >"$1"
		[ "$2" != sid ] || sed -i -n -e '1p' -e '1s/ sid / experimental /p' "$1"
	elif [ "$2" = sid ]; then
		awk 'BEGIN { RS = "" } { gsub(/(^|\n)#[^\n]*/, ""); sub(/Suites:[^\n]*/, "Suites: sid experimental"); sub(/^\n/, ""); print; exit }' "$3" >"$1"
	else
		sed -e '/^#/d' -e "s/\\b$own_suite\\b/$2/g" "$3" >"$1"
	fi
}

# make_root DIR_OR_TAR SUITE [PACKAGE,...]: with apt in it. Testing's lists of packages expire within days, and so they have
# where a mirror stands still: they are taken all the same; their signatures are checked. Of experimental only PostgreSQL is taken.
make_root() {
	sources=$(mktemp) && mv "$sources" "$sources.sources" && sources=$sources.sources && machine_sources "$sources" "$2" || return
	# shellcheck disable=SC2016 # expanded by the hook's shell
	mmdebstrap --quiet --variant=minbase --aptopt='APT::Install-Recommends "false"' --aptopt='Acquire::Check-Valid-Until "false"' \
		--setup-hook='mkdir -p "$1/etc/apt/preferences.d" &&
			printf "Package: src:postgresql-19\nPin: release a=experimental\nPin-Priority: 500\n" >"$1/etc/apt/preferences.d/experimental"' \
		${3:+--include="$3"} "$2" "$1" "$sources"
	made=$?
	rm -f "$sources"
	[ $made -eq 0 ] && [ -d "$1" ] || return $made
	cp /etc/resolv.conf "$1/etc/resolv.conf"
}

# no_services DIR: none starts when its package is installed there
no_services() {
	printf '#!/bin/sh\nexit 101\n' >"$1/usr/sbin/policy-rc.d"
	chmod 755 "$1/usr/sbin/policy-rc.d"
}

# in_root DIR COMMAND...: as its root user, in /; every process and mount ends with the command. $isolated: further options
# of unshare; $mounts: commands of a shell that mount more, below "$root".
in_root() (exec_in_root "$@")

# The same in the place of this shell, to be called in the background: its process id is then that of what ends all;
# with the signal KILL, as unshare passes over the others
exec_in_root() {
	# shellcheck disable=SC2016,SC2086 # expanded by that shell; a list of options
	export mounts
	exec unshare -m -p -f --kill-child --propagation private ${isolated:-} sh -c '
		root=$1
		shift
		mount -t proc proc "$root/proc" && mount --rbind /dev "$root/dev" && mount -t tmpfs tmpfs "$root/dev/shm" &&
			chmod 1777 "$root/dev/shm" && eval "${mounts:-true}" || exit
		# a shell stays the first process: newer versions of timeout, being it, give up at once
		chroot "$root" env -i HOME=/root PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
			LC_ALL=C.UTF-8 DEBIAN_FRONTEND=noninteractive ${http_proxy:+http_proxy="$http_proxy"} "$@"
		exit $?' sh "$@"
}

# megabytes DIR: what it takes on disk, in MB
megabytes() { du -sxm "$1" | cut -f 1; }
