# A private server with the extension in it; sourced after postgres.sh, never run by itself.
#
# All lies in one directory ($work): a copy of the sources, a private copy of the PostgreSQL installation with the extension
# in it, a server that listens on a Unix socket only. Nothing is written into the checkout, into the system's PostgreSQL or
# into a cluster that is there.
# shellcheck shell=sh disable=SC2034,SC2154 # set and used in lib.sh and by the scripts

port=54329                       # only names the socket file: no TCP port is opened
database=                        # made beside postgres, if set

## the directory and its owner
## A server refuses to run as root. So as root the directory is root's, and all that is in its directories is user postgres's.

# begin_work build|tap MEGABYTES: sees to the place and the packages, and makes $work, with a copy of the sources and of PostgreSQL
begin_work() {
	tmp=${TMPDIR:-/tmp}
	check_place "$tmp" "$2"
	ensure_packages "$1"
	adopt_work "$(mktemp -d "${tmp%/}/rfm-$me.XXXXXX")"
}

# adopt_work DIR: DIR, just made, becomes $work
adopt_work() {
	work=$1
	[ -d "$work" ] || exit 1
	log=$work/step.log
	chmod 711 "$work" || exit 1
	set -- "$work/src" "$work/pg" "$work/data" "$work/socket" "$work/tmp"
	mkdir -m 700 "$@" || exit 1
	if [ "$as_root" = no ]; then
		id -un >/dev/null 2>&1 || die "user $(id -u), who would run the server, has no name here: run this as a user of /etc/passwd"
	else
		id postgres >/dev/null 2>&1 || die "a server does not run as root, and there is no user postgres to run it"
		chown postgres: "$@" || exit 1
		runuser -u postgres -- test -w "$work/data" ||
			die "user postgres, who runs the server, cannot reach $work: set TMPDIR to a directory open to all"
	fi
	cd "$work" || exit 1
}

as_owner() {
	if [ "$as_root" = yes ]; then
		set -- runuser -u postgres -- env HOME="$work" TMPDIR="$work/tmp" USER=postgres LOGNAME=postgres "$@"
	else
		set -- env HOME="$work" TMPDIR="$work/tmp" "$@"
	fi
	"$@"
}

# processes exe|cwd: the ids of those whose program, or whose current directory, lies below $work
processes() {
	find /proc -maxdepth 2 -path "/proc/[0-9]*/$1" -lname "$work/*" 2>/dev/null | cut -d / -f 3
}

# Every server and client started from the private tree: ours, and any that a suite left running
stop_servers() {
	n=0
	while running=$(processes exe) && [ -n "$running" ] && [ $n -lt 200 ]; do
		signal=INT
		[ $n -lt 100 ] || signal=QUIT
		[ $n -lt 150 ] || signal=KILL
		# shellcheck disable=SC2086
		kill -s $signal $running 2>/dev/null
		sleep 0.1
		n=$((n + 1))
	done
}

# server_is_up DATA: sets $pid. A pid alone proves nothing: the process must live in that very directory
server_is_up() {
	pid=$(sed -n 1p "$1/postmaster.pid" 2>/dev/null)
	[ -n "$pid" ] && [ "$(readlink "/proc/$pid/cwd" 2>/dev/null)" = "$(readlink -f "$1")" ]
}

remove_work() {
	[ -n "$work" ] && [ -d "$work" ] || return 0
	stop_servers
	cd / && rm -rf -- "$work"
}

## the sources, the tree

copy_source() {
	pack_source | as_owner tar -C "$work/src" -xf -
	[ -f "$work/src/Makefile" ] || { echo "no Makefile in the copy of $top"; return 1; }
}


# The suites run as user postgres where we are root, who may not be able to reach the data where they lie
copy_data() {
	[ -n "$data" ] || return 0
	# shellcheck disable=SC2016
	tar -C "$data" --mode=u+rwX -cf - . | as_owner sh -c 'mkdir "$1" && tar -C "$1" -xf -' sh "$work/tmp/data" || return
	RFM_DATA=$work/tmp/data
	export RFM_DATA
}

# PostgreSQL's programs find their libraries and files from where they lie themselves. So a tree of the same shape,
# with copies of the programs and links to all else, is an installation of its own, and takes our extension
# without a word to the system's. $pg_config and $bin become those of the tree.
copy_installation() {
	pkglibdir=$("$pg_config" --pkglibdir) || return
	sharedir=$("$pg_config" --sharedir) || return
	includes=$("$pg_config" --includedir-server) || return
	internal=$("$pg_config" --pkgincludedir)/internal
	bindir=$("$pg_config" --bindir) || return
	bin=$work/pg$bindir
	# shellcheck disable=SC2016 # expanded by that shell
	as_owner sh -c '
		into=$1 bindir=$2 pkglibdir=$3 sharedir=$4 includes=$5 internal=$6
		link_all() {
			mkdir -p "$into$1" && find "$1" -mindepth 1 -maxdepth 1 ! -name "rfm*" -exec ln -s -t "$into$1" {} +
		}
		mkdir -p "$into$bindir" && cp -RP "$bindir/." "$into$bindir" &&
		link_all "$pkglibdir" && link_all "$sharedir" || exit
		for dir in "$pkglibdir/bitcode" "$sharedir/extension"; do
			[ -d "$dir" ] || continue
			rm "$into$dir" && link_all "$dir" || exit
		done
		for dir in "$includes" "$internal"; do
			mkdir -p "$into${dir%/*}" && ln -s "$dir" "$into$dir" || exit
		done
	' sh "$work/pg" "$bindir" "$pkglibdir" "$sharedir" "$includes" "$internal" || return
	pg_config=$bin/pg_config
	if [ "$("$pg_config" --pkglibdir)" != "$work/pg$pkglibdir" ]; then
		echo "$work/pg: programs do not find their files from there"
		return 1
	fi
}

# build [make's arguments]: and install, into the tree
build() {
	as_owner make -s -C "$work/src" -j2 PG_CONFIG="$pg_config" "$@" &&
		as_owner make -s -C "$work/src" PG_CONFIG="$pg_config" "$@" install
}

## the server

# start_server [SETTING...]: with the database $database beside postgres, if set; a setting is one more line of postgresql.conf
start_server() {
	as_owner "$bin/initdb" -D "$work/data" -U postgres -A trust -E UTF8 --locale=C.UTF-8 --no-sync --no-instructions || return
	if [ -f "$("$pg_config" --pkglibdir)/pg_cron.so" ]; then
		set -- "shared_preload_libraries = 'pg_cron'" "cron.use_background_workers = on" "$@"
	fi
	for setting in "listen_addresses = ''" "port = $port" "unix_socket_directories = '$work/socket'" \
		"timezone = 'UTC'" "log_timezone = 'UTC'" "fsync = off" "$@"; do
		echo "$setting"
	done | as_owner tee -a "$work/data/postgresql.conf" >/dev/null
	# the database first, where there is one: pg_cron looks for it as soon as it is loaded
	[ -z "$database" ] || echo "CREATE DATABASE $database" | as_owner "$bin/postgres" --single -D "$work/data" postgres || return
	as_owner "$bin/pg_ctl" -D "$work/data" -l "$work/data/server.log" -w -t 60 start || {
		tail -n 20 "$work/data/server.log"
		return 1
	}
}
