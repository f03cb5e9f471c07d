#!/bin/sh
# Starts the server of the container; in an empty data directory it makes the database first, with the extension and
# its nightly job. What can be set is in docs/container.md.
set -eu

init_folder=/docker-entrypoint-initdb.d
making=                          # "yes" while the data directory is being made

say() { printf 'rfm: %s\n' "$*" >&2; }

die() { say "$@"; exit 1; }

# setting NAME [DEFAULT]: gives NAME its value, from the environment or from the file that NAME_FILE names
setting() {
	eval "value=\${$1:-} file=\${$1_FILE:-}"
	if [ -n "$file" ]; then
		[ -z "$value" ] || die "$1 and $1_FILE are both set: set one of them"
		[ -r "$file" ] || die "$1_FILE: user $(id -un) cannot read $file"
		value=$(cat "$file")
	fi
	[ -n "$value" ] || value=${2:-}
	eval "$1=\$value"
	unset "$1_FILE"
}

main() {
	case ${1:-} in
	'' | -*) set -- postgres "$@" ;;
	esac
	[ "$1" = postgres ] || exec "$@"
	[ "$(id -u)" -ne 0 ] || die "the server does not run as root: leave out the option that says so, or run as user 999"
	if [ -e "$PGDATA/$mark" ]; then
		say "the database was not finished when the container stopped: making it anew"
		empty_data
	fi
	if [ -s "$PGDATA/PG_VERSION" ]; then
		check_data
	else
		make_database
	fi
	unset POSTGRES_PASSWORD POSTGRES_PASSWORD_FILE
	exec "$@"
}

mark=rfm-unfinished              # in the data directory as long as that is being made

empty_data() { find "$PGDATA" -mindepth 1 -delete; }

check_data() {
	version=$(cat "$PGDATA/PG_VERSION")
	ours=$(postgres --version | sed 's/[^0-9]*\([0-9]*\).*/\1/')
	[ "$version" = "$ours" ] || die "the data in $PGDATA is of PostgreSQL $version, and this is PostgreSQL $ours: dump it there and restore it here, or use pg_upgrade"
}

## an empty data directory

make_database() {
	setting POSTGRES_USER postgres
	setting POSTGRES_PASSWORD
	setting POSTGRES_DB "$POSTGRES_USER"
	setting POSTGRES_INITDB_ARGS
	setting POSTGRES_HOST_AUTH_METHOD scram-sha-256
	setting RFM_SCHEDULE '0 2 * * *'
	[ -n "$POSTGRES_PASSWORD" ] || [ "$POSTGRES_HOST_AUTH_METHOD" = trust ] || die "there is no password for user $POSTGRES_USER.
Set POSTGRES_PASSWORD, or POSTGRES_PASSWORD_FILE to a file with it. Only where nobody else reaches the server:
POSTGRES_HOST_AUTH_METHOD=trust lets everyone in without one."
	[ "$POSTGRES_HOST_AUTH_METHOD" != trust ] || say "POSTGRES_HOST_AUTH_METHOD=trust: whoever reaches the server is let in, as any user"
	{ mkdir -p "$PGDATA" && [ -w "$PGDATA" ]; } || die "user $(id -un) ($(id -u)) cannot write to $PGDATA: give it to that user, or use a named volume"
	[ -z "$(ls -A "$PGDATA")" ] || die "$PGDATA is not empty, and there is no database in it"

	trap give_up EXIT
	trap 'exit 130' INT
	trap 'exit 143' TERM
	making=yes
	say "making database \"$POSTGRES_DB\""
	init_cluster
	# without an address: nobody comes in before it is finished
	pg_ctl -D "$PGDATA" -o "-c listen_addresses=''" -w -t 300 -s start
	PGUSER=$POSTGRES_USER PGDATABASE=$POSTGRES_DB
	export POSTGRES_USER POSTGRES_DB PGUSER PGDATABASE
	run_sql -c "CREATE EXTENSION pg_cron" -c "CREATE EXTENSION rfm"
	run_init_folder
	schedule
	pg_ctl -D "$PGDATA" -m fast -w -t 300 -s stop
	rm "$PGDATA/$mark"
	making=
	trap - EXIT INT TERM
	unset PGUSER PGDATABASE
	say "database \"$POSTGRES_DB\" is ready"
}

give_up() {
	status=$?
	trap '' INT TERM
	[ -n "$making" ] || exit "$status"
	pg_ctl -D "$PGDATA" -m immediate -s stop >/dev/null 2>&1 || true
	empty_data
	say "the database could not be made, see above; nothing is left of it"
	[ "$status" -ne 0 ] || status=1
	exit "$status"
}

init_cluster() {
	set -- -D "$PGDATA" -U "$POSTGRES_USER" -E UTF8 --locale=C.UTF-8 --auth-local=trust --auth-host="$POSTGRES_HOST_AUTH_METHOD" --no-instructions
	# shellcheck disable=SC2086 # words
	set -- "$@" $POSTGRES_INITDB_ARGS
	if [ -n "$POSTGRES_PASSWORD" ]; then
		printf '%s\n' "$POSTGRES_PASSWORD" | initdb "$@" --pwfile=/dev/stdin >/dev/null
	else
		initdb "$@" >/dev/null
	fi
	: >"$PGDATA/$mark"
	echo "host all all all $POSTGRES_HOST_AUTH_METHOD" >>"$PGDATA/pg_hba.conf"
	cat >>"$PGDATA/postgresql.conf" <<-END

		# of the container
		listen_addresses = '*'
		shared_preload_libraries = 'pg_cron,rfm'
		cron.database_name = '$(printf %s "$POSTGRES_DB" | sed "s/['\\\\]/&&/g")'
		cron.use_background_workers = on
		max_worker_processes = 16
	END
	# before pg_cron looks for it
	case $POSTGRES_DB in
	postgres | template1) ;;
	*)
		printf 'CREATE DATABASE "%s"\n' "$(printf %s "$POSTGRES_DB" | sed 's/"/""/g')" |
			postgres --single -j -D "$PGDATA" postgres >/dev/null
		;;
	esac
}

run_sql() { psql -X -q -v ON_ERROR_STOP=1 -w "$@"; }

run_init_folder() {
	for file in "$init_folder"/*; do
		case $file in
		*.sh)
			say "running $file"
			if [ -x "$file" ]; then "$file"; else bash "$file"; fi
			;;
		*.sql)
			say "running $file"
			run_sql -f "$file"
			;;
		*.sql.gz)
			say "running $file"
			gzip -dc "$file" | run_sql -f -
			;;
		"$init_folder/*") ;;
		*) say "passing over $file: neither .sh, .sql nor .sql.gz" ;;
		esac
	done
}

# The job stands even where there is no shop yet: its runs say what is missing until there is one
schedule() {
	[ "$RFM_SCHEDULE" != off ] || { say "RFM_SCHEDULE=off: there is no nightly job"; return; }
	run_sql -At -v schedule="$RFM_SCHEDULE" -f - <<-'END'
		SET client_min_messages = warning;
		SELECT EXISTS (SELECT FROM cron.job WHERE jobname = rfm_job_name('default')) AS done,
		       to_regclass('ecom.orders') IS NOT NULL AS shop \gset
		\if :done
		\elif :shop
		    SELECT rfm_schedule(:'schedule') \g /dev/null
		\else
		    SELECT cron.schedule(rfm_job_name('default'), :'schedule', rfm_job_command('default')) \g /dev/null
		\endif
	END
}

main "$@"
