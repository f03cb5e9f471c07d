#!/bin/sh
# The Debian package: built in a fresh root, checked by lintian, installed in another one without compilers, tested there.
# shellcheck disable=SC2016,SC2034,SC2154,SC2317 # expanded in the root; used or set in lib.sh; called through step and trap

usage() {
	cat <<'END'
sh scripts/package.sh            for the PostgreSQL of this Debian
sh scripts/package.sh SUITE      for that of another one, such as trixie

Needs root, mmdebstrap and the machine's sources of packages; skips where it cannot have them. Makes two roots, some
2 GB, and removes them. The last line counts the tests: N passed, N failed

Settings from the environment:
  RFM_OUT=DIR     keeps the packages there
END
}

me=package
here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd) || exit 1
top=${here%/*}
. "$here/lib.sh"
. "$here/packages.sh"
. "$here/rootfs.sh"
prepare_shell

suite=$own_suite
passed=0
failed=0

main() {
	case ${1:-} in
	-h | --help | help) usage; exit ;;
	[a-z]*) suite=$1 ;;
	?*) usage >&2; exit 2 ;;
	esac
	trap on_exit EXIT
	need_root
	begun=$(date +%s)
	tmp=${TMPDIR:-/tmp}
	work=$(mktemp -d "$tmp/rfm-package.XXXXXX") || exit 1
	log=$work/step.log
	chmod 711 "$work"
	mkdir "$work/tmp"
	cd "$work" || exit 1

	build_package
	install_package
	run_tests
	purge_package
	say "This took $(($(date +%s) - begun)) s."
	finish
}

on_exit() {
	status=$?
	trap '' HUP INT PIPE TERM
	stop_ticker
	[ -z "$work" ] || { cd / && rm -rf --one-file-system -- "$work"; }
	exit "$status"
}

finish() {
	say "$passed passed, $failed failed"
	[ $failed -eq 0 ]
	exit
}

# test_step TEXT COMMAND...: a step that counts
test_step() {
	if step "$@"; then
		passed=$((passed + 1))
	else
		failed=$((failed + 1))
		return 1
	fi
}

## building

build_package() {
	step "Making a root with what debian/control asks for" make_build_root || finish
	say "  it takes $(megabytes build) MB"
	test_step "dpkg-buildpackage" in_root build runuser -u builder -- \
		sh -c 'cd /build/rfm && pg_buildext updatecontrol && dpkg-buildpackage -us -uc' || finish
	! grep -E 'warning: ' "$log" || warn "see the warnings above"
	test_step "debian/control is that of debian/control.in" control_is_current
	for file in build/build/*.deb; do
		say "  ${file##*/}: $(stat -c %s "$file") bytes, installed $(dpkg-deb -f "$file" Installed-Size) kB"
	done
	test_step "lintian finds nothing" lintian_is_silent
	[ -z "${RFM_OUT:-}" ] || { mkdir -p "$RFM_OUT" && cp build/build/*.deb build/build/*.dsc build/build/*.tar.* "$RFM_OUT"; }
}

make_build_root() {
	make_root build "$suite" "build-essential,fakeroot,lintian,debhelper,$(build_dependencies)" || return
	no_services build
	in_root build useradd -m -d /build builder || return
	mkdir build/build/rfm && pack_source | tar -C build/build/rfm -xf - && chown -R --reference=build/build build/build
}

# The names alone: every Debian that mmdebstrap makes here has them new enough
build_dependencies() {
	sed -n '/^Build-Depends:/,/^$/p' "$top/debian/control" | sed -e 's/^Build-Depends://' -e 's/([^)]*)//' -e '/debhelper-compat/d' | tr -d ' \n'
}

# In another suite other versions are filled in
control_is_current() {
	[ "$suite" = "$own_suite" ] || return 0
	diff "$top/debian/control" build/build/rfm/debian/control && diff "$top/debian/tests/control" build/build/rfm/debian/tests/control
}

# repeated-path-segment: PostgreSQL's libraries are in usr/lib/postgresql/NN/lib
lintian_is_silent() {
	in_root build runuser -u builder -- sh -c 'cd /build && lintian --info --display-info --pedantic --suppress-tags repeated-path-segment --tag-display-limit 0 *.changes' >"$work/lintian" 2>&1
	status=$?
	cat "$work/lintian"
	[ "$status" -eq 0 ] && [ ! -s "$work/lintian" ]
}

## installing

install_package() {
	step "Making a fresh root" make_root target "$suite" || finish
	no_services target
	say "  it takes $(megabytes target) MB"
	mkdir target/packages
	cp build/build/*.deb target/packages
	test_step "apt-get installs the package and what it needs" in_root target \
		sh -c 'apt-get update -q && apt-get install -q -y -o Dpkg::Use-Pty=0 $(find /packages -name "*.deb" ! -name "*dbgsym*")' || finish
	say "  the root now takes $(megabytes target) MB"
	test_step "no compiler came with it" in_root target sh -c '! command -v gcc cc clang c++ ld'
	test_step "the cluster that postgresql made takes the extension" in_root target sh -c '
		set -e
		version=$(ls /etc/postgresql)
		pg_ctlcluster "$version" main start
		runuser -u postgres -- psql -X -v ON_ERROR_STOP=1 -c "CREATE EXTENSION rfm" -c "SELECT extversion FROM pg_extension WHERE extname = '\''rfm'\''"
		runuser -u postgres -- psql -X -c "DROP EXTENSION rfm"
		pg_ctlcluster "$version" main stop'
}

## its tests, as debian/tests/control lists them

run_tests() {
	mkdir target/source
	tar -C build/build/rfm -cf - . | tar -C target/source --no-same-owner -xf -
	tests=$(sed -n 's/^Tests: *//p' target/source/debian/tests/control)
	depends=$(sed -n 's/^Depends: *//p' target/source/debian/tests/control | tr , '\n' | sed -e 's/ //g' -e '/@/d' | sort -u | tr '\n' ' ')
	# shellcheck disable=SC2086 # a list of names
	step "Installing what the tests need: $depends" in_root target apt-get install -q -y --no-install-recommends -o Dpkg::Use-Pty=0 $depends || finish
	test_step "still no compiler" in_root target sh -c '! command -v gcc cc clang c++ ld'
	for name in $tests; do
		test_step "debian/tests/$name" in_root target sh -c "cd /source && debian/tests/$name"
		sed -n -e 's/^[# ]*\(All [0-9]* tests passed\).*/  \1/p' -e 's/^\(Files=.*\)/  \1/p' -e 's/^\(\(not \)\{0,1\}ok .*\)/  \1/p' \
			-e 's/.*skipped: \(.*\)/  skipped: \1/p' "$log" | if [ "$name" = installcheck ]; then grep -vE '^  (not )?ok '; else cat; fi
	done
}

purge_package() {
	test_step "purged, nothing of it is left" in_root target sh -c '
		apt-get purge -q -y -o Dpkg::Use-Pty=0 "postgresql-*-rfm" && ! find /usr /etc /var -path /var/lib/apt -prune -o -name "*rfm*" -print | grep .'
}

main "$@"
