# What demo.sh and check.sh share; sourced by them, never run by itself.
#
# Both work in one directory of their own ($work): a copy of the sources, a private copy of the
# PostgreSQL installation with the extension in it, a server that listens on a Unix socket only.
# Nothing is written into the checkout, into the system's PostgreSQL or into a cluster that is there.
#
# The caller sets $me (its name in messages) and $top (the checkout), and calls prepare_shell.
# shellcheck shell=sh disable=SC2154

pg_major=${RFM_PG_MAJOR:-15}
port=54329                       # only names the socket file: no TCP port is opened
work=
database=
no_main_cluster=                 # see install_packages
made_createcluster_d=
ticker_pid=

say() { printf '%s\n' "$*"; }

warn() { printf '%s: %s\n' "$me" "$*" >&2; }

die() { warn "$@"; exit 1; }

# say_result PASSED FAILED SKIPPED: the last line of every script that tests
say_result() {
	if [ "$3" -gt 0 ]; then
		say "$1 passed, $2 failed, $3 skipped"
	else
		say "$1 passed, $2 failed"
	fi
}

prepare_shell() {
	umask 022
	LC_ALL=C.UTF-8
	PATH=$PATH:/usr/sbin:/sbin
	export LC_ALL PATH
	# no setting of the caller's may lead psql, make or the suites to another server or build
	pg_config=${PG_CONFIG:-}
	for v in $(env | sed -n 's/^\(PG[A-Z_]*\)=.*/\1/p') MAKEFLAGS MAKELEVEL MFLAGS LANGUAGE CDPATH; do
		unset "$v"
	done
	as_root=no
	[ "$(id -u)" -ne 0 ] || as_root=yes
	tty=no
	[ ! -t 1 ] || tty=yes
	trap 'exit 129' HUP
	trap 'exit 130' INT
	trap 'exit 141' PIPE
	trap 'exit 143' TERM
}

# step TEXT COMMAND...: runs it with its output in $log, shows the seconds it takes, and on failure the log's end
step() {
	step_text=$1
	shift
	step_start=$(date +%s)
	printf '%s ...' "$step_text"
	start_ticker "$step_text ..."
	"$@" >"$log" 2>&1 </dev/null
	step_status=$?
	stop_ticker
	step_end=$(date +%s) || exit 130
	if [ $step_status -eq 0 ]; then
		[ "$tty" = no ] || printf '\r%s ...' "$step_text"
		printf ' %s s\n' $((step_end - step_start))
	else
		printf ' failed\n'
		tail -n 40 "$log" >&2
	fi
	return $step_status
}

start_ticker() {
	[ "$tty" = yes ] || return 0
	(
		n=0
		while sleep 1; do
			n=$((n + 1))
			printf '\r%s %s s' "$1" $n
		done
	) &
	ticker_pid=$!
}

stop_ticker() {
	[ -n "$ticker_pid" ] || return 0
	kill "$ticker_pid" 2>/dev/null
	wait "$ticker_pid" 2>/dev/null
	ticker_pid=
}

## packages

find_pg_config() {
	[ -z "$pg_config" ] || return 0
	pg_config=/usr/lib/postgresql/$pg_major/bin/pg_config
	[ ! -x "$pg_config" ] || return 0
	other=$(command -v pg_config) || return 0
	case $("$other" --version 2>/dev/null) in
	"PostgreSQL $pg_major"[!0-9]*) pg_config=$other ;;
	esac
}

# There is none for the newest PostgreSQL yet: tests that need it are skipped there
cron_package() { [ "$pg_major" -ge 19 ] || echo "postgresql-$pg_major-cron"; }

# The Debian packages of what is not there, each found by the file or program that is needed from it
missing_packages() {
	if [ -x "$pg_config" ]; then
		[ -x "$("$pg_config" --bindir)/postgres" ] || echo "postgresql-$pg_major"
		[ -f "$("$pg_config" --pgxs)" ] || echo "postgresql-server-dev-$pg_major"
		[ -f "$("$pg_config" --pkglibdir)/pg_cron.so" ] || cron_package
	else
		echo "postgresql-$pg_major postgresql-server-dev-$pg_major"
		cron_package
	fi
	command -v make >/dev/null || echo make
	command -v gcc >/dev/null || echo gcc
	[ -f /usr/include/stdio.h ] || echo libc6-dev
	case " $* " in *" tap "*)
		command -v prove >/dev/null || echo perl
		perl -MIPC::Run -e 1 2>/dev/null || echo libipc-run-perl
		;;
	esac
}

# ensure_packages build|tap: for the build and a server, or for the suites too; installs what is missing, or says what to type and stops
ensure_packages() {
	find_pg_config
	packages=$(missing_packages "$@" | tr '\n' ' ')
	packages=${packages% }
	[ -n "$packages" ] || return 0
	by_hand="apt-get install --no-install-recommends $packages"
	command -v apt-get >/dev/null || die "missing, by the names of their Debian packages: $packages
Without apt-get here they must be installed by hand."
	sudo=
	if [ "$as_root" = no ]; then
		sudo -n true 2>/dev/null || die "these Debian packages are missing: $packages
Only root may install them, and sudo asks for a password or is not there. Type, as root:
    $by_hand
(Installed like that for the first time, postgresql-$pg_major creates and starts a cluster \"main\"; this script, run as root, does not let it.)"
		sudo="sudo -n"
	fi
	say "Installing Debian packages${sudo:+ (with sudo)}: $packages"
	install_packages
	pg_config=
	find_pg_config
	packages=$(missing_packages "$@" | tr '\n' ' ')
	packages=${packages% }
	[ -z "$packages" ] || die "still missing after the installation: $packages"
	say "The packages stay installed; no cluster was created or started."
}

# wanted WHAT:PACKAGE...: WHAT is a program or a file, PACKAGE has it; installs what is not there. For what a tool needs
# that can be done without: says by its status whether all of it is here now, and never ends the script.
wanted() {
	packages=
	for pair in "$@"; do
		case $pair in
		/*) [ -e "${pair%%:*}" ] ;;
		*) command -v "${pair%%:*}" >/dev/null ;;
		esac || packages="$packages ${pair#*:}"
	done
	packages=${packages# }
	[ -n "$packages" ] || return 0
	command -v apt-get >/dev/null || return
	sudo=
	if [ "$as_root" = no ]; then
		sudo -n true 2>/dev/null || return
		sudo="sudo -n"
	fi
	say "Installing Debian packages${sudo:+ (with sudo)}: $packages"
	(install_packages)
}

install_packages() {
	# Fresh, postgresql-NN creates and starts a cluster "main". Its configuration has a directory for
	# settings like the one that prevents it: ours is there for the length of the installation only.
	case " $packages " in *" postgresql-$pg_major "*)
		createcluster_d=/etc/postgresql-common/createcluster.d
		if [ ! -d $createcluster_d ]; then
			made_createcluster_d=yes
			$sudo mkdir -p $createcluster_d
		fi
		no_main_cluster=$createcluster_d/zz-rfm-no-main-cluster.conf
		echo "create_main_cluster = false" | $sudo tee $no_main_cluster >/dev/null
		;;
	esac
	log=$(mktemp)
	step "  fetching the package lists" apt_get update -q ||
		warn "the package lists could not be fetched: trying with those that are here"
	# shellcheck disable=SC2086 # a list of names
	step "  downloading and installing" apt_get install -q -y --no-install-recommends $packages ||
		{ rm -f "$log"; die "apt-get could not install: $packages"; }
	rm -f "$log"
	allow_main_cluster
}

apt_get() {
	$sudo env DEBIAN_FRONTEND=noninteractive NEEDRESTART_SUSPEND=1 \
		apt-get -o DPkg::Lock::Timeout=120 -o Dpkg::Use-Pty=0 "$@"
}

allow_main_cluster() {
	[ -n "$no_main_cluster" ] || return 0
	$sudo rm -f "$no_main_cluster"
	[ -z "$made_createcluster_d" ] ||
		$sudo rmdir --ignore-fail-on-non-empty "${no_main_cluster%/*}"
	no_main_cluster=
}

## the directory and its owner
## A server refuses to run as root. So as root the directory is root's, and all that is in its directories is user postgres's.

check_work_path() {
	case $1 in
	/*) ;;
	*) die "not an absolute path: $1" ;;
	esac
	case $1 in *[!A-Za-z0-9_./+-]*)
		die "the path must do without blanks and special characters: $1" ;;
	esac
	[ ${#1} -le 80 ] || die "too long a path for a Unix socket in it: $1
Give a shorter one in TMPDIR."
}

# awk's answer(): prints what stands in file output before the next line "@@", indented, after an empty line
# shellcheck disable=SC2034 # for the scripts that fill pages
awk_answer='
	function answer(  line, none) {
		none = 1
		while ((getline line < output) > 0 && line != "@@") {
			if (none) print ""
			none = 0
			print line == "" ? "" : "    " line
		}
	}
'

# adopt_work DIR: DIR, just made, becomes $work
adopt_work() {
	work=$1
	log=$work/step.log
	chmod 711 "$work" || exit 1
	set -- "$work/src" "$work/pg" "$work/data" "$work/socket" "$work/tmp"
	mkdir -m 700 "$@" || exit 1
	if [ "$as_root" = yes ]; then
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

## data beside the project

find_data() {
	data=${RFM_DATA:-$top/../shared/data}
	data=$(CDPATH='' cd -- "$data" 2>/dev/null && pwd) || data=
	[ -n "$data" ] || [ -z "${RFM_DATA:-}" ] || die "RFM_DATA: there is no directory $RFM_DATA"
	unset RFM_DATA
}

# The suites run as user postgres where we are root, who may not be able to reach the data where they lie
copy_data() {
	[ -n "$data" ] || return 0
	# shellcheck disable=SC2016
	tar -C "$data" --mode=u+rwX -cf - . | as_owner sh -c 'mkdir "$1" && tar -C "$1" -xf -' sh "$work/tmp/data" || return
	RFM_DATA=$work/tmp/data
	export RFM_DATA
}

## building

# The checkout's files on standard output, without what a build left there; writable, so that they can be removed again
pack_source() {
	if git -C "$top" -c safe.directory='*' -c core.fsmonitor= ls-files -z -co --exclude-standard >/dev/null 2>&1; then
		git -C "$top" -c safe.directory='*' -c core.fsmonitor= ls-files -z -co --exclude-standard |
			tar -C "$top" --mode=u+rwX --null --no-recursion --ignore-failed-read -T - -cf - 2>/dev/null
	else
		tar -C "$top" --mode=u+rwX --exclude=./.git --exclude='*.o' --exclude='*.bc' --exclude='*.so' --exclude=./results \
			--exclude=./output_iso --exclude=./tmp_check --exclude=./tmp_check_iso --exclude=./log \
			--exclude=./regression.diffs --exclude=./regression.out -cf - .
	fi
}

copy_source() {
	pack_source | as_owner tar -C "$work/src" -xf -
	[ -f "$work/src/Makefile" ] || { echo "no Makefile in the copy of $top"; return 1; }
}

# PostgreSQL's programs find their libraries and files from where they lie themselves. So a tree of the same shape,
# with copies of the programs and links to all else, is an installation of its own, and takes our extension
# without a word to the system's. $pg_config and $bin become those of the tree.
copy_installation() {
	pkglibdir=$("$pg_config" --pkglibdir) || return
	sharedir=$("$pg_config" --sharedir) || return
	includedir=$("$pg_config" --includedir) || return
	includedir_server=$("$pg_config" --includedir-server) || return
	bindir=$("$pg_config" --bindir) || return
	bin=$work/pg$bindir
	# shellcheck disable=SC2016 # expanded by that shell
	as_owner sh -c '
		into=$1 bindir=$2 pkglibdir=$3 sharedir=$4 includedir=$5 includedir_server=$6
		link_all() {
			mkdir -p "$into$1" && find "$1" -mindepth 1 -maxdepth 1 ! -name "rfm*" -exec ln -s -t "$into$1" {} +
		}
		mkdir -p "$into$bindir" && cp -RP "$bindir/." "$into$bindir" &&
		link_all "$pkglibdir" && link_all "$sharedir" || exit
		for dir in "$pkglibdir/bitcode" "$sharedir/extension"; do
			[ -d "$dir" ] || continue
			rm "$into$dir" && link_all "$dir" || exit
		done
		for dir in "$includedir" "$includedir_server"; do
			[ -e "$into$dir" ] || { mkdir -p "$into${dir%/*}" && ln -s "$dir" "$into$dir"; } || exit
		done
	' sh "$work/pg" "$bindir" "$pkglibdir" "$sharedir" "$includedir" "$includedir_server" || return
	pg_config=$bin/pg_config
	if [ "$("$pg_config" --pkglibdir)" != "$work/pg$pkglibdir" ]; then
		echo "$work/pg: programs do not start there (mounted noexec?), or do not find their files from there"
		echo "Set TMPDIR to another directory."
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
