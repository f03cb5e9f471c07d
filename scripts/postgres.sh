# Which PostgreSQL the scripts work with, and that all they need of it is there; sourced after packages.sh, never run by itself.
#
# The one that PG_CONFIG names; else the newest installed one of $oldest to $newest whose server, headers and pg_cron are
# there or can be had; else the distribution's own. What is needed is found by the file that is needed, never by a package's name.
# shellcheck shell=sh disable=SC2034,SC2154 # set and used in lib.sh and by the scripts

oldest=15
newest=19
pg_major=                        # the chosen one's number,
why=                             # and why it was chosen
passed_over=                     # installed ones that cannot be used, and why

## what is needed

# lacking: the files that are not there of the PostgreSQL in $pg_config, a line each: FILE:PACKAGE. $purpose: see ensure_packages.
# There is no pg_cron for the newest PostgreSQL yet: tests that need it are skipped there.
lacking() {
	debians=/usr/lib/postgresql/$pg_major
	if [ "$pg_config" = "$debians/bin/pg_config" ]; then
		bindir=$debians/bin pkglibdir=$debians/lib sharedir=/usr/share/postgresql/$pg_major
		includes=/usr/include/postgresql/$pg_major/server pgxs=$debians/lib/pgxs/src/makefiles/pgxs.mk
	else
		bindir=$("$pg_config" --bindir) pkglibdir=$("$pg_config" --pkglibdir) sharedir=$("$pg_config" --sharedir)
		includes=$("$pg_config" --includedir-server) pgxs=$("$pg_config" --pgxs)
	fi
	set -- "$pg_config:client" "$bindir/psql:client" "$pgxs:client" "$bindir/postgres:server" "$bindir/initdb:server" "$bindir/pg_ctl:server" \
		"$includes/postgres.h:headers"
	[ "$pg_major" -eq $newest ] && [ "$purpose" != demo ] || set -- "$@" "$pkglibdir/pg_cron.so:cron" "$sharedir/extension/pg_cron.control:cron"
	tests=${pgxs%/makefiles/*}/test
	[ "$purpose" != tap ] || set -- "$@" "$tests/regress/pg_regress:client" "$tests/isolation/pg_isolation_regress:client" \
		"$tests/perl/PostgreSQL/Test/Cluster.pm:client"
	for file in "$@"; do
		[ ! -f "${file%:*}" ] || continue
		case $file in
		*:client) package=postgresql-client-$pg_major ;;
		*:server) package=postgresql-$pg_major ;;
		*:headers) package=postgresql-server-dev-$pg_major ;;
		*:cron) package=postgresql-$pg_major-cron ;;
		esac
		say "${file%:*}:$package"
	done
}

# The Debian packages of what lacks
packages_of() { sed 's/.*://' | sort -u; }

# Those of what is missing beside PostgreSQL
missing_tools() {
	command -v make >/dev/null || echo make
	if ! compiles; then
		command -v gcc >/dev/null || echo gcc
		[ -f /usr/include/stdio.h ] || echo libc6-dev
	fi
	[ "$purpose" != tap ] || {
		command -v prove >/dev/null && perl -MTest::More -e 1 2>/dev/null || echo perl
		perl -MIPC::Run -e 1 2>/dev/null || echo libipc-run-perl
	}
}

# Does the compiler, that with which PostgreSQL was built, make a library? Its words in $compiler_says
compiles() {
	cc=$("$pg_config" --cc 2>/dev/null)
	probe=$(mktemp -d) || return
	printf '#include <stdio.h>\nint probe(void) { return puts("probe"); }\n' >"$probe/probe.c"
	# shellcheck disable=SC2086 # a program, perhaps with arguments
	compiler_says=$(${cc:-gcc} -fPIC -shared -o "$probe/probe.so" "$probe/probe.c" 2>&1)
	compiled=$?
	rm -rf "$probe"
	return $compiled
}

is_complete() { [ -z "$(lacking)" ]; }

# shellcheck disable=SC2046 # a list of names
can_be_completed() { is_complete || { is_debians && can_be_had $(lacking | packages_of); }; }

is_debians() { [ "$pg_config" = "/usr/lib/postgresql/$pg_major/bin/pg_config" ]; }

## which one

# major_of PG_CONFIG: sets $pg_major. Status 1: that is no pg_config
major_of() {
	version=$("$1" --version 2>/dev/null)
	pg_major=${version#PostgreSQL }
	pg_major=${pg_major%%[!0-9]*}
	[ "$pg_major" != "" ] && [ "$version" != "${version#PostgreSQL }" ]
}

is_supported() { [ "$pg_major" -ge $oldest ] && [ "$pg_major" -le $newest ]; }

take_debians() { pg_major=$1 pg_config=/usr/lib/postgresql/$1/bin/pg_config; }

take_named() {
	named=$pg_config
	pg_config=$(command -v -- "$named")
	if [ -z "$pg_config" ] || [ ! -x "$pg_config" ] || [ -d "$pg_config" ]; then
		die "PG_CONFIG=$named: there is no such program"
	fi
	major_of "$pg_config" || die "PG_CONFIG=$named: that is no pg_config of PostgreSQL"
	is_supported || die "PG_CONFIG=$named: that is PostgreSQL $pg_major, and rfm works with $oldest to $newest"
	pg_config=$(readlink -f "$pg_config")
	# that of libpq-dev speaks for a server's, which may not be there
	[ "$("$pg_config" --bindir)" != "/usr/lib/postgresql/$pg_major/bin" ] || take_debians "$pg_major"
	why="named by PG_CONFIG"
	is_debians || is_complete || die "PG_CONFIG=$named: of that PostgreSQL there is no $(lacking | sed 's/:[^:]*$//' | head -n 1): install it there, or leave PG_CONFIG out"
}

# What is installed, a line each, those with a server first, the newest first: SERVER MAJOR PG_CONFIG
installed_postgres() {
	for pg_major in $(seq $oldest $newest); do
		take_debians "$pg_major"
		if [ -x "${pg_config%/*}/postgres" ]; then
			say "1 $pg_major $pg_config"
		elif [ -e "${pg_config%/*}/psql" ] || [ -d "/usr/include/postgresql/$pg_major/server" ]; then
			say "0 $pg_major $pg_config"
		fi
	done
	# one that was built from source
	pg_config=$(command -v pg_config) && major_of "$pg_config" && is_supported && pg_config=$(readlink -f "$pg_config") &&
		case $("$pg_config" --bindir) in /usr/lib/postgresql/*) false ;; esac && is_complete && say "1 $pg_major $pg_config"
}

# pick TEST: takes the first installed one that passes
pick() {
	passed_over=
	while read -r server pg_major pg_config; do
		if "$1"; then
			why="the newest installed one"
			[ -z "$passed_over" ] || why="installed, and not$passed_over"
			[ "$server" = 1 ] || why="of which a part is installed"
			return
		fi
		passed_over="${passed_over:+$passed_over,} $pg_major, which lacks $(lacking | sed 's/:[^:]*$//' | head -n 1)"
	done <<END
$installed
END
	return 1
}

# The distribution's own, that for which package postgresql stands; else the newest of its packages
pick_own() {
	own=$(apt-cache show --no-all-versions postgresql 2>/dev/null | sed -n 's/^Depends:.*postgresql-\([0-9]*\).*/\1/p' | head -n 1)
	for pg_major in $own $(seq $newest -1 $oldest); do
		take_debians "$pg_major"
		if is_supported && can_be_completed; then
			why="this system's own"
			[ "$pg_major" = "$own" ] || why="the newest of its packages${own:+; its own is $own}"
			why="$why; none is installed${passed_over:+ but$passed_over}"
			return
		fi
	done
	return 1
}

choose_postgres() {
	[ -z "$pg_config" ] || { take_named; return; }
	installed=$(installed_postgres | sort -k1,1nr -k2,2nr)
	if [ -n "$installed" ]; then
		pg_config=$(say "$installed" | sed -n '1s/[^ ]* [^ ]* //p')
		pg_major=$(say "$installed" | sed -n '1s/[^ ]* \([^ ]*\) .*/\1/p')
		! is_complete || { why="the newest installed one"; return; }
		may_install || ! pick is_complete || return 0
	fi
	! ask_to_install || fetch_lists
	[ "$lists" = fetched ] || [ -z "$installed" ] || ! pick is_complete || return 0
	[ -n "$installed" ] && pick can_be_completed && return
	pick_own && return
	command -v apt-get >/dev/null || die "no PostgreSQL $oldest to $newest with its headers and pg_cron is here. Install them, and name its pg_config in PG_CONFIG."
	[ "$lists" != failed ] || die "${apt_says%.}; so no PostgreSQL can be installed, and none that has all it takes is here."
	[ "$lists" = fetched ] || die "no PostgreSQL that has all it takes is here, and there are no lists of packages. Type, as root: apt-get update; then run this again, which says what to install."
	die "no PostgreSQL $oldest to $newest with server, headers and pg_cron is in the lists of this system's packages.
Install one (the PostgreSQL project has packages for older systems; on Ubuntu pg_cron is in \"universe\"), and run this again."
}

## all that is needed

missing_packages() { { lacking | packages_of; missing_tools; } | tr '\n' ' ' | sed 's/ $//'; }

# ensure_packages build|demo|tap: for the build and a server, for one with pg_cron whatever its version, or for the suites; installs
# what is missing, or says what to type and stops
ensure_packages() {
	purpose=$1
	choose_postgres
	say "PostgreSQL $pg_major: $why."
	packages=$(missing_packages)
	if [ -n "$packages" ]; then
		install_missing
		packages=$(missing_packages)
		[ -z "$packages" ] || die "still missing: $(lacking | sed 's/:[^:]*$//' | head -n 1). Type, as root: apt-get install --reinstall $packages"
		say "The packages stay installed; no cluster was created or started."
	fi
	compiles || die "the compiler ${cc:-gcc} does not work: $(say "$compiler_says" | head -n 3)"
}

install_missing() {
	by_hand="apt-get install --no-install-recommends $packages"
	command -v apt-get >/dev/null || die "missing, by the names of their Debian packages: $packages
Without apt-get here they must be installed by hand."
	ask_to_install || die "these Debian packages are missing: $packages
Only root may install them, and sudo asks for a password or is not there. Type, as root:
    apt-get update && $by_hand
(Installed like that for the first time, postgresql-$pg_major creates and starts a cluster \"main\"; this script, run as root, does not let it.)"
	fetch_lists
	# shellcheck disable=SC2086 # a list of names
	if ! can_be_had $packages; then
		[ "$lists" = fetched ] || die "${apt_says%.}, and the lists of packages that are here do not have all of: $packages"
		die "this system's packages do not have all of: $packages"
	fi
	# shellcheck disable=SC2086
	install_packages $packages || die "not installed: $packages
$apt_says By hand, as root: $by_hand"
}
