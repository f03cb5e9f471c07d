#!/bin/sh
# The zip for PGXN: made by make dist, unpacked in an empty folder, built and tested there.
# shellcheck disable=SC2034,SC2154,SC2317 # used or set in lib.sh; called through step and trap

usage() {
	cat <<'END'
sh scripts/dist.sh [SUITE...]    the suites are those of check.sh (default: all)

The zip is of the last commit. The last line counts the tests, as check.sh's does.

Settings from the environment:
  RFM_OUT=DIR     keeps the zip there
  and those of check.sh
END
}

me=dist
here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd) || exit 1
top=${here%/*}
. "$here/lib.sh"
. "$here/packages.sh"
. "$here/rootfs.sh"
case ${1:-} in -h | --help | help) usage; exit ;; esac
prepare_shell

# the data sets lie beside the checkout, not beside the unpacked zip
[ -n "${RFM_DATA:-}" ] || [ ! -d "$top/../shared/data" ] || RFM_DATA=$top/../shared/data
[ -z "${RFM_DATA:-}" ] || export RFM_DATA

on_exit() {
	status=$?
	trap '' HUP INT PIPE TERM
	stop_ticker
	cd / && rm -rf -- "$work"
	exit "$status"
}

make_zip() { make -s -C "$top" dist DIST_DIR="$work" PG_CONFIG="${pg_config:-pg_config}"; }

need git:git make:make unzip:unzip perl:perl
work=$(mktemp -d "${TMPDIR:-/tmp}/rfm-dist.XXXXXX") || exit 1
trap on_exit EXIT
log=$work/step.log
step "make dist" make_zip || exit
zip=$(echo "$work"/rfm-*.zip)
say "  ${zip##*/}: $(stat -c %s "$zip") bytes"
mkdir "$work/empty"
step "Unpacking it in an empty folder" unzip -q "$zip" -d "$work/empty" || exit
[ -z "${RFM_OUT:-}" ] || { mkdir -p "$RFM_OUT" && cp "$zip" "$RFM_OUT"; }
cd "$work/empty/$(basename "$zip" .zip)" || exit
sh scripts/check.sh "$@"
