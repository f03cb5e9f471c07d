# Packages that a script cannot do without, and fresh roots of Debian; sourced after lib.sh, never run by itself.
#
# A root is made by mmdebstrap from the machine's own sources of packages, so no host is named here. What runs in one
# has mounts and processes of its own, which are gone with it.
# shellcheck shell=sh disable=SC2034,SC2154 # set and used in lib.sh

skip() { say "SKIPPED: $*"; exit 0; }

# need PACKAGE PROGRAM [PACKAGE PROGRAM]...: installs the packages whose programs (or directories) are missing, or skips all
need() {
	packages=
	while [ $# -gt 0 ]; do
		command -v "$2" >/dev/null || [ -d "$2" ] || packages="$packages $1"
		shift 2
	done
	[ -n "$packages" ] || return 0
	[ "$as_root" = yes ] || skip "only root may install what is missing:$packages"
	command -v apt-get >/dev/null || skip "these Debian packages are missing:$packages"
	sudo=
	apt_log=$(mktemp)
	log=$apt_log
	say "Installing Debian packages:$packages"
	step "  fetching the package lists" apt_get update -q || warn "trying with the lists that are here"
	# shellcheck disable=SC2086 # a list of names
	step "  downloading and installing" apt_get install -q -y --no-install-recommends $packages ||
		{ rm -f "$apt_log"; skip "apt-get could not install$packages"; }
	rm -f "$apt_log"
}

need_root() {
	[ "$as_root" = yes ] || skip "only root may make and enter a fresh root"
	need mmdebstrap mmdebstrap
}

# The machine's sources, for another suite if $suite is set
machine_sources() {
	own=$(. /etc/os-release && echo "$VERSION_CODENAME")
	suite=${suite:-$own}
	cat /etc/apt/sources.list.d/debian.sources 2>/dev/null >"$1" || cp /etc/apt/sources.list "$1" || return
	sed -i -e '/^#/d' -e "s/\\b$own\\b/$suite/g" "$1"
}

# make_root DIR_OR_TAR PACKAGE,...
make_root() {
	machine_sources "$work/tmp/apt.sources" &&
		mmdebstrap --quiet --variant=minbase --aptopt='APT::Install-Recommends "false"' ${2:+--include="$2"} \
			"$suite" "$1" "$work/tmp/apt.sources" || return
	[ -d "$1" ] || return 0
	cp /etc/resolv.conf "$1/etc/resolv.conf"
	# no service starts when its package is installed
	printf '#!/bin/sh\nexit 101\n' >"$1/usr/sbin/policy-rc.d"
	chmod 755 "$1/usr/sbin/policy-rc.d"
}

# in_root DIR COMMAND...: as its root user, in /; every process ends with the command
in_root() {
	# shellcheck disable=SC2016 # expanded by that shell
	unshare -m -p -f --kill-child --propagation private sh -c '
		root=$1
		shift
		mount -t proc proc "$root/proc" && mount --rbind /dev "$root/dev" && mount -t tmpfs tmpfs "$root/dev/shm" || exit
		exec chroot "$root" env -i HOME=/root PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
			LC_ALL=C.UTF-8 DEBIAN_FRONTEND=noninteractive ${http_proxy:+http_proxy="$http_proxy"} "$@"' sh "$@"
}

# megabytes DIR: what it takes on disk, in MB
megabytes() { du -sxm "$1" | cut -f 1; }
