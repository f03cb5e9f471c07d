#!/bin/sh
# Fills the outputs in pages of docs/ by running their SQL on the demo's shop, on a private server that is gone afterwards.
#
#   sh scripts/docs.sh docs/analysis.md docs/tutorial.md
#
# pages.sh says what is SQL in such a page, and what its output. check.sh looks whether the outputs are still true.
# shellcheck disable=SC2034,SC2154,SC2317 # used or set in lib.sh; called through step and trap

me=docs
here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd) || exit 1
top=${here%/*}
. "$here/lib.sh"
. "$here/packages.sh"
. "$here/postgres.sh"
. "$here/server.sh"
. "$here/pages.sh"
prepare_shell

[ $# -gt 0 ] || { sed -n 's/^# \{0,1\}//p' "$0" | sed -n 2,5p >&2; exit 2; }
for page in "$@"; do
	[ -w "$page" ] || die "cannot write $page"
	pages="${pages:-} $(CDPATH='' cd -- "$(dirname -- "$page")" && pwd)/${page##*/}"
done

# shellcheck disable=SC2016 # expanded by that shell
psql_as() { as_owner sh -c 'cd "$TMPDIR" && exec "$@"' sh "$bin/psql" -X -q -v ON_ERROR_STOP=1 -h "$work/socket" -p "$port" -U postgres -d "$@"; }

trap 'status=$?; stop_ticker; remove_work; exit $status' EXIT
begin_work build 500
pages_tmp=$work
step "Copying the sources and PostgreSQL's programs" eval 'copy_source && copy_installation' || exit
step "Building the extension" build || exit
step "Starting a server" start_server || exit
step "Loading the shop" make_shop "$work/src/scripts" || exit
for page in $pages; do
	filled "$page" >"$work/page.md" || die "the SQL of $page failed"
	cat "$work/page.md" >"$page"
	say "filled $page"
done
