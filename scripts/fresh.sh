#!/bin/sh
# The two commands of README on machines that nobody prepared: small roots of Debian, each in another state, in which the
# project's real scripts run.
# shellcheck disable=SC2016,SC2034,SC2154,SC2317 # expanded in the root; used or set in lib.sh; called through trap

usage() {
	cat <<'END'
sh scripts/fresh.sh              every state (an hour); as root
sh scripts/fresh.sh few          the handful that CI runs
sh scripts/fresh.sh STATE...     these; "list" lists them

A line for each: result, state, what ran and its seconds. What cannot be had here is skipped, and said so. Roots are made
by mmdebstrap from where this machine has its packages; all of it, some 5 GB, is gone afterwards.
The last line counts the states: N passed, N failed[, N skipped]

Settings from the environment:
  RFM_CHECKOUT=DIR     the checkout whose scripts run (default: this one)
  RFM_KEEP=DIR         what the scripts printed is kept there
END
}

me=fresh
here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd) || exit 1
top=${here%/*}
. "$here/lib.sh"
. "$here/packages.sh"
. "$here/rootfs.sh"
. "$here/fresh_states.sh"
prepare_shell

seconds_at_most=1800             # for what runs in one state
passed=0 failed=0 skipped=0
running=

main() {
	case ${1:-} in
	-h | --help | help) usage; exit ;;
	list) selected=; listing=yes; states; exit ;;
	esac
	selected=$*
	trap on_exit EXIT
	need_root
	tmp=${TMPDIR:-/tmp}
	check_place "$tmp" 6000
	work=$(mktemp -d "${tmp%/}/rfm-fresh.XXXXXX") || exit 1
	log=$work/step.log
	top=${RFM_CHECKOUT:-$top}
	pack_source >"$work/checkout.tar" || exit 1
	begun=$(date +%s)
	states
	for name in $selected; do
		[ "$name" = few ] || [ -f "$work/$name.done" ] || die "there is no state $name (sh $0 list)"
	done
	say "This took $(($(date +%s) - begun)) s."
	say_result $passed $failed $skipped
	[ $failed -eq 0 ]
	exit
}

on_exit() {
	status=$?
	trap '' HUP INT PIPE TERM
	stop_ticker
	[ -z "$running" ] || { kill -s KILL "$running" 2>/dev/null; wait "$running"; }
	[ -z "$work" ] || { cd / && rm -rf --one-file-system -- "$work"; }
	exit "$status"
}

## one state

# state NAME SUITE [OPTION...]: see fresh_states.sh
state() {
	name=$1 suite=$2
	shift 2
	few=no with="" also="" fake="" prepare="" before="" as=root shell=sh at=/srv/rfm isolated="" mounts="" run=demo says="" chosen="" types=no
	for option in "$@"; do
		case $option in
		few) few=yes ;;
		offline) isolated=-n ;;
		types) types=yes ;;
		*) eval "${option%%=*}=\${option#*=}" ;;
		esac
	done
	case " $selected " in
	"  ") [ -z "${listing:-}" ] || { say "$name"; return; } ;;
	*" $name "*) ;;
	*" few "*) [ $few = yes ] || return 0 ;;
	*) return ;;
	esac
	: >"$work/$name.done"
	[ -n "$suite" ] || { result SKIPPED "this machine has no packages of that distribution"; return; }
	root=$work/root
	rm -rf --one-file-system "${root:?}"
	if ! make_state >"$log" 2>&1; then
		result SKIPPED "cannot be made here: $(grep -E '^(E|fresh):' "$log" | head -n 1)"
		return
	fi
	exec_in_root "$root" timeout -k 20 $seconds_at_most sh /drive "$at" "$as" "$shell" "$run" "$types" "$before" >"$log" 2>&1 </dev/null &
	running=$!
	wait $running
	running=
	[ -z "${RFM_KEEP:-}" ] || { mkdir -p "$RFM_KEEP" && rm -rf "$RFM_KEEP/$name" && cp -R "$root/printed" "$RFM_KEEP/$name"; }
	judge
	rm -rf --one-file-system "${root:?}"
}

# Makes $root: a copy of the suite's, with the packages and the checkout
make_state() {
	if [ ! -d "$work/$suite" ]; then
		make_root "$work/$suite" "$suite" || { echo "fresh: no root of $suite"; rm -rf "${work:?}/$suite"; return 1; }
	fi
	cp -a "$work/$suite" "$root" && mkdir -p "$root$at" "$root/printed" && tar -C "$root$at" --no-same-owner -xf "$work/checkout.tar" || return
	drive >"$root/drive"
	[ -z "$with" ] || install_in_root "$with" || return
	if [ -n "$also" ]; then
		machine_sources "$root/etc/apt/sources.list.d/also.sources" "$also" || return
	fi
	[ -z "$fake" ] || make_fakes || return
	# with the network, and mounts of its own
	[ -z "$prepare" ] || (isolated="" mounts="" && in_root "$root" sh -e -c "$prepare") || return
	# as in an image of Debian, that has no lists of packages either
	case $isolated$prepare in *lists*) ;; *) rm -rf "${root:?}"/var/lib/apt/lists/* ;; esac
	rm -rf "${root:?}"/var/cache/apt/archives/*.deb
}

install_in_root() {
	(isolated="" mounts="" && in_root "$root" sh -c 'apt-get update -qq && apt-get install -q -y --no-install-recommends -o Dpkg::Use-Pty=0 $0' "$1")
}

# Packages with nothing in them, in a source of their own: lines of NAME VERSION DEPENDS in $fake
make_fakes() {
	mkdir "$root/fakes"
	while read -r package version depends; do
		dir=$work/fake
		mkdir -p "$dir/DEBIAN"
		printf '%s\n' "Package: $package" "Version: $version" "Architecture: all" "Maintainer: nobody <nobody@localhost>" \
			"Description: nothing" >"$dir/DEBIAN/control"
		[ -z "$depends" ] || echo "Depends: $depends" >>"$dir/DEBIAN/control"
		dpkg-deb -b "$dir" "$root/fakes/$package.deb" || return
		{
			cat "$dir/DEBIAN/control"
			echo "Filename: ./$package.deb"
			echo "Size: $(stat -c %s "$root/fakes/$package.deb")"
			echo "SHA256: $(sha256sum "$root/fakes/$package.deb" | cut -d ' ' -f 1)"
			echo
		} >>"$root/fakes/Packages"
		rm -r "$dir"
	done <<END
$fake
END
	echo "deb [trusted=yes] file:/fakes ./" >"$root/etc/apt/sources.list.d/fakes.list"
}

## what runs in the root: sh /drive CHECKOUT USER SHELL SCRIPTS TYPES BEFORE. What a script prints is in /printed/SCRIPT,
## its exit status and seconds are in /printed/SCRIPT.ended, what it should have left alone and did not in /printed/touched

drive() {
	cat <<'END'
at=$1 as=$2 shell=$3 scripts=$4 types=$5 before=$6
chmod 1777 /tmp
user=root
case $as in
sudo | password | plain)
	user=tester
	useradd -m -s /bin/bash tester
	;;
esac
case $as in
sudo) echo "tester ALL=(ALL) NOPASSWD: ALL" >/etc/sudoers.d/tester ;;
password) echo "tester ALL=(ALL) ALL" >/etc/sudoers.d/tester ;;
esac
[ -z "$before" ] || eval "$before"
dir=${RFM_DEMO_DIR:-${TMPDIR:-/tmp}/rfm-demo-$(id -u $user)}

by_user() { if [ $user = root ]; then "$@"; else runuser -u $user -- env HOME=/home/$user USER=$user "$@"; fi; }

# run NAME SCRIPT ARGUMENT...: sets $status
run() {
	begun=$(date +%s)
	name=$1
	shift
	(cd "$at" && by_user "$shell" "$@") >"/printed/$name" 2>&1 </dev/null
	status=$?
	echo "$status $(($(date +%s) - begun))" >"/printed/$name.ended"
}

# what must be the same afterwards
alone() {
	find "$at" -type f ! -path "$at/rfm.html" -exec cksum {} + | sort
	pg_lsclusters -h 2>/dev/null
	cat /var/lib/postgresql/*/*/postmaster.pid 2>/dev/null
	find /etc/postgresql /var/lib/postgresql -type f -name '*.conf' -exec cksum {} + 2>/dev/null
	find / -xdev -path /proc -prune -o -path /tmp -prune -o -path "$at" -prune -o -path /printed -prune -o \( -name 'rfm*' -o -name '*-rfm*' \) -print
	find /tmp -mindepth 1 -maxdepth 1 -name '*rfm*'
	find /proc -maxdepth 2 -path '/proc/[0-9]*/exe' -lname '*/rfm-*' 2>/dev/null
}

demo() {
	run "$1" scripts/demo.sh
	[ $status -eq 0 ] || return
	by_user "$(cat "$dir/.bin")/psql" -X -At -h "$dir/socket" -p 54329 -U postgres -d shop \
		-c "SELECT count(*) || ' customers have a segment' FROM ecom.customer_rfm_daily WHERE rfm_segment IS NOT NULL" >>"/printed/$1" 2>&1
	run status scripts/demo.sh status
	run stop scripts/demo.sh stop
}

alone >/printed/before
for script in $scripts; do
	case $script in
	demo) demo demo ;;
	check) run check scripts/check.sh ;;
	check=*) run "$script" scripts/check.sh "${script#*=}" ;;
	esac
	if [ "$types" = yes ]; then
		# what it says to type is typed
		yes | sh -c "$(sed -n -e 's/^ *\(apt-get [a-z].*\)/\1/p' -e 's/.*Type, as root: \(apt-get [a-z].*\)/\1/p' "/printed/$script" | head -n 1)" >/printed/typed 2>&1
		alone >/printed/before
		demo again
	fi
done
alone >/printed/after
diff /printed/before /printed/after >/printed/touched
END
}

## the result

# judge: of what lies in $root/printed
judge() {
	printed=$root/printed
	detail="" wrong=""
	for script in $run; do
		look_at "$script"
	done
	if [ $types = yes ]; then
		says="" run=again
		look_at again
	fi
	[ -f "$printed/touched" ] || wrong="$wrong; it did not come to its end"
	[ ! -s "$printed/touched" ] || wrong="$wrong; it touched what was not its own"
	if [ -z "$wrong" ]; then
		result ok "${detail#; }"
		return
	fi
	result FAILED "${detail#; }${wrong}"
	for script in $run; do
		{
			grep -E '(^|: )FAILED|^not ok' "$printed/$script"
			tail -n 20 "$printed/$script"
		} 2>/dev/null | sed "s/^/    /"
	done
	sed 's/^/    /' "$printed/touched" 2>/dev/null
	head -n 20 "$log" | sed 's/^/    /'
}

look_at() {
	read -r status seconds 2>/dev/null <"$printed/$1.ended" || { wrong="$wrong; $1 did not end"; return; }
	detail="$detail; $1 $seconds s"
	text=$(cat "$printed/$1")
	if [ -n "$says" ]; then
		detail="$detail: $(grep "^[a-z]*: " "$printed/$1" | tail -n 1)"
		[ "$status" -ne 0 ] || wrong="$wrong; $1 should have failed"
		case $text in *"$says"*) ;; *) wrong="$wrong; it does not say: $says" ;; esac
	else
		[ "$status" -eq 0 ] || wrong="$wrong; $1 failed"
		case $1 in
		check*) detail="$detail: $(say "$text" | tail -n 1)" ;;
		*)
			case $text in *[1-9]" customers have a segment"*) ;; *) wrong="$wrong; no segments" ;; esac
			grep -q '^0 ' "$printed/status.ended" && grep -q '^0 ' "$printed/stop.ended" || wrong="$wrong; status or stop failed"
			;;
		esac
	fi
	which=$(say "$text" | sed -n 's/^\(PostgreSQL [0-9]*: .*\)\.$/\1/p' | head -n 1)
	[ -z "$which" ] || detail="$detail; $which"
	case $chosen:$which in :* | "$chosen:PostgreSQL $chosen: "*) ;; *) wrong="$wrong; it should have chosen PostgreSQL $chosen" ;; esac
}

# result RESULT DETAIL
result() {
	printf '%-7s %-24s %s\n' "$1" "$name" "$2"
	case $1 in
	ok) passed=$((passed + 1)) ;;
	FAILED) failed=$((failed + 1)) ;;
	SKIPPED) skipped=$((skipped + 1)) ;;
	esac
}

main "$@"
