# The states of fresh.sh; sourced by it, never run by itself.
#
# state NAME SUITE [OPTION...], SUITE that of the root. Without options demo.sh runs as root and must end with segments.
#   few             one of those that CI runs
#   with=PACKAGES   installed beforehand, without recommended ones
#   also=SUITE      whose packages can be had beside those of the root's own
#   fake=LINES      packages with nothing in them that can be had, a line each: NAME VERSION DEPENDS
#   prepare=CODE    run beforehand as root, with the network
#   before=CODE     the same, by the shell from which the scripts are called
#   as=USER         root; sudo: a user who may; password: sudo asks for it; plain: no sudo
#   shell=PROGRAM   sh (dash), or bash
#   at=DIR          the checkout's place
#   mounts=CODE     more mounts, below "$root"
#   offline         without a network
#   run=SCRIPTS     demo, check, check=SUITE
#   chosen=MAJOR    the PostgreSQL that it must choose
#   says=TEXT       it must fail and say that, instead
#   types           and what it says to type, typed by root, makes demo.sh work
# shellcheck shell=sh disable=SC2016,SC2154 # expanded by other shells; set in fresh.sh

states() {
	states_12
	states_of_machine
	states_of_postgres
	states_13
	states_other
}

everything="postgresql-15 postgresql-server-dev-15 postgresql-15-cron make gcc libc6-dev perl libipc-run-perl"

# What may be installed of PostgreSQL, and what not
states_12() {
	state 12-bare bookworm run="demo check" chosen=15
	state 12-server bookworm with="postgresql-15" chosen=15
	state 12-server-libpq bookworm with="postgresql libpq-dev" chosen=15
	state 12-client bookworm few with="postgresql-client-15" chosen=15
	state 12-client-libpq bookworm with="postgresql-client-15 libpq-dev" chosen=15
	state 12-headers bookworm with="postgresql-server-dev-15" chosen=15
	state 12-server-headers bookworm with="postgresql-15 postgresql-server-dev-15" chosen=15
	state 12-cron bookworm with="postgresql-15-cron" chosen=15
	state 12-common bookworm with="postgresql-common" chosen=15
	state 12-libpq bookworm with="libpq-dev" chosen=15
	state 12-everything bookworm with="$everything" offline chosen=15
	state 12-gcc bookworm with="gcc make" chosen=15
	state 12-main-cluster bookworm with="postgresql-15" before="pg_ctlcluster 15 main start" chosen=15
	state 12-lost-headers bookworm with="$everything" prepare="rm /usr/include/postgresql/15/server/postgres.h" types says="--reinstall"
}

# Users, shells, places, networks
states_of_machine() {
	state 12-sudo bookworm with="sudo" as=sudo chosen=15
	state 12-sudo-password bookworm with="sudo" as=password prepare="apt-get update -qq # lists stay" says="Type, as root" types chosen=15
	state 12-plain bookworm as=plain says="apt-get update"
	state 12-plain-lists bookworm few as=plain prepare="apt-get update -qq # lists stay" says="Type, as root" types chosen=15
	state 12-plain-everything bookworm as=plain with="$everything" run="demo check=isolation" chosen=15
	state 12-bash bookworm shell=bash with="postgresql-15" run="demo check=isolation" chosen=15
	state 12-offline bookworm few offline says="The network, or the server that has the packages, cannot be reached"
	state 12-offline-lists bookworm offline prepare="apt-get update -qq # lists stay" says="The network, or the server that has the packages, cannot be reached"
	state 12-offline-server bookworm offline with="postgresql-15" says="The network, or the server that has the packages, cannot be reached"
	state 12-full-tmp bookworm few mounts='mount -t tmpfs -o size=20m tmpfs "$root/tmp"' says="has 20 MB left, and this takes"
	state 12-noexec-tmp bookworm few mounts='mount -t tmpfs -o noexec tmpfs "$root/tmp"' says="TMPDIR=/var/tmp sh scripts/demo.sh"
	state 12-other-tmp bookworm with="$everything" mounts='mount -t tmpfs -o noexec tmpfs "$root/tmp"' before="export TMPDIR=/var/tmp" chosen=15
	state 12-blanks-read-only bookworm few with="$everything" at="/srv/my rfm" offline \
		mounts='mount --bind "$root/srv/my rfm" "$root/srv/my rfm" && mount -o remount,bind,ro "$root/srv/my rfm"' chosen=15
	state 12-blanks-check bookworm with="$everything" at="/srv/my rfm's" run="demo check" chosen=15
	state 12-blanks-tmp bookworm before="export TMPDIR='/tmp/a b'; mkdir '/tmp/a b'" says="must do without blanks"
	state 12-locked bookworm with="python3-minimal" says="Another apt-get or dpkg is at work" \
		before='python3 -c "import fcntl, time; f = open(\"/var/lib/dpkg/lock-frontend\", \"w\"); fcntl.lockf(f, fcntl.LOCK_EX); time.sleep(900)" & sleep 1'
}

# Which PostgreSQL
states_of_postgres() {
	state 12-named-nowhere bookworm few before="export PG_CONFIG=/nope" says="PG_CONFIG=/nope: there is no such program"
	state 12-named-wrong bookworm before="export PG_CONFIG=/bin/true" says="PG_CONFIG=/bin/true: that is no pg_config"
	state 12-named-old bookworm says="PostgreSQL 14, and rfm works with 15 to 19" \
		prepare="printf '#!/bin/sh\necho PostgreSQL 14.20\n' >/usr/bin/pg_config; chmod 755 /usr/bin/pg_config" before="export PG_CONFIG=pg_config"
	state 12-named-libpq bookworm with="postgresql-15 libpq-dev" before="export PG_CONFIG=/usr/bin/pg_config" chosen=15
	state 12-named-copy bookworm with="$everything" chosen=15 before="export PG_CONFIG=/opt/usr/lib/postgresql/15/bin/pg_config" \
		prepare="mkdir -p /opt/usr/lib /opt/usr/share /opt/usr/include
			cp -a /usr/lib/postgresql /opt/usr/lib; cp -a /usr/share/postgresql /opt/usr/share; cp -a /usr/include/postgresql /opt/usr/include"
	state 12-named-copy-no-cron bookworm with="$everything" before="export PG_CONFIG=/opt/usr/lib/postgresql/15/bin/pg_config" says="pg_cron.so: install it there" \
		prepare="mkdir -p /opt/usr/lib /opt/usr/share /opt/usr/include
			cp -a /usr/lib/postgresql /opt/usr/lib; cp -a /usr/share/postgresql /opt/usr/share; cp -a /usr/include/postgresql /opt/usr/include
			rm /opt/usr/lib/postgresql/15/lib/pg_cron.so"
	# what the packages of Ubuntu 24.04 and of the PostgreSQL project are called; there is nothing in these
	state 12-names-of-ubuntu bookworm few chosen=16 says="still missing: /usr/lib/postgresql/16/bin" prepare="cd /etc/apt/sources.list.d && rm -f *.sources" \
		fake="postgresql 16+257build1 postgresql-16
postgresql-16 16.10
postgresql-client-16 16.10
postgresql-server-dev-16 16.10
postgresql-16-cron 1.6.2
make 4.3
gcc 13
libc6-dev 2.39"
	state 12-names-of-pgdg bookworm chosen=18 says="still missing: /usr/lib/postgresql/18/bin" \
		fake="postgresql 19+300.pgdg12+1 postgresql-19
postgresql-19 19.1
postgresql-client-19 19.1
postgresql-server-dev-19 19.1
postgresql-18 18.2
postgresql-client-18 18.2
postgresql-server-dev-18 18.2
postgresql-18-cron 1.6.7"
	state 12-pgdg-server-here bookworm with="postgresql-15" chosen=15 \
		fake="postgresql 18+300.pgdg12+1 postgresql-18
postgresql-18 18.2
postgresql-client-18 18.2
postgresql-server-dev-18 18.2
postgresql-18-cron 1.6.7"
	state 12-no-postgres bookworm says="no PostgreSQL 15 to 19" prepare="cd /etc/apt/sources.list.d && rm -f *.sources" fake="make 4.3"
	# an older server than the newest, as machines have that are not upgraded every day: its headers in that version, or the newest
	older='"$(apt-cache madison postgresql-15 | awk "END { print \$3 }")"'
	state 12-older-server bookworm chosen=15 prepare="apt-get update -qq; apt-get install -y -q --no-install-recommends postgresql-15=$older postgresql-client-15=$older"
	state 12-older-running bookworm few chosen=15 before="pg_ctlcluster 15 main start" \
		prepare="apt-get update -qq; apt-get install -y -q --no-install-recommends postgresql-15=$older postgresql-client-15=$older"
	state 12-would-upgrade bookworm with="postgresql-15" before="pg_ctlcluster 15 main start" says="would upgrade postgresql-15" \
		fake="postgresql-15 15.99
postgresql-15-cron 9 postgresql-15 (= 15.99)"
}

states_13() {
	state 13-bare trixie few run="demo check=regress" chosen=17
	state 13-bare-check trixie run="demo check" chosen=17
	state 13-server trixie with="postgresql" chosen=17
	state 13-client trixie with="postgresql-client-17" chosen=17
	state 13-sudo trixie with="sudo" as=sudo run="demo check=isolation" chosen=17
	state 13-main-cluster trixie with="postgresql-17" before="pg_ctlcluster 17 main start" shell=bash chosen=17
	# two majors side by side, from two sources
	state 13-two-majors trixie with="postgresql-17" also=forky prepare="apt-get update -qq; apt-get install -y -q --no-install-recommends postgresql-18" chosen=18
	state 13-newer-client trixie with="postgresql-17" also=forky prepare="apt-get update -qq; apt-get install -y -q --no-install-recommends postgresql-client-18" chosen=17
	state 13-newer-offline trixie with="postgresql-17 postgresql-server-dev-17 postgresql-17-cron make gcc libc6-dev" also=forky offline \
		prepare="apt-get update -qq; apt-get install -y -q --no-install-recommends postgresql-18" chosen=17
}

states_other() {
	state testing-bare forky run="demo check" chosen=18
	ubuntu=
	! grep -q '^ID=ubuntu' /etc/os-release || ubuntu=$own_suite
	state ubuntu-bare "$ubuntu" run="demo check"
	state ubuntu-server "$ubuntu" with="postgresql"
}
