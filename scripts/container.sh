#!/bin/sh
# The container: built, started in the ways that docs/container.md names, and tried from outside.
# shellcheck disable=SC1003,SC2016,SC2034,SC2089,SC2090,SC2154,SC2317 # expanded in the container; used or set in lib.sh; called through trap

usage() {
	cat <<'END'
sh scripts/container.sh

With Docker where its engine runs; else, as root, with buildah and podman, on a base image made from the machine's own
sources of packages. Removes all it has made. The last line counts the tests: N passed, N failed

Settings from the environment:
  BASE=IMAGE      the base image (with podman: made, unless given)
  RFM_IMAGE=NAME  keeps the image under this name
END
}

me=container
here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd) || exit 1
top=${here%/*}
. "$here/lib.sh"
. "$here/packages.sh"
. "$here/rootfs.sh"
case ${1:-} in -h | --help | help) usage; exit ;; esac
prepare_shell

tag=rfm-check-$$
image=${RFM_IMAGE:-$tag}
arguments=                       # of the server
volume=
password='it'\''s "$ecret\'
passed=0
failed=0

main() {
	trap on_exit EXIT
	work=$(mktemp -d "${TMPDIR:-/tmp}/rfm-container.XXXXXX") || exit 1
	log=$work/step.log
	chmod 755 "$work"
	mkdir "$work/tmp" "$work/init" "$work/secret"
	begun=$(date +%s)
	choose_engine
	step "Building the image" build_image || exit
	say "  it takes $(($(engine image inspect -f '{{.Size}}' "$image") / 1000000)) MB, its base $(($(engine image inspect -f '{{.Size}}' "$base") / 1000000)) MB"

	try_refusals
	start_the_four
	try_alone
	try_shop_that_comes_later
	try_init_folder
	try_unfinished
	try_replacement
	try_compose
	say "This took $(($(date +%s) - begun)) s."
	say "$passed passed, $failed failed"
	[ $failed -eq 0 ]
}

on_exit() {
	status=$?
	trap '' HUP INT PIPE TERM
	stop_ticker
	if [ -n "${engine:-}" ]; then
		for name in alone later full cut replaced broken; do
			engine rm -f "$tag-$name" >/dev/null 2>&1
			engine volume rm -f "$tag-$name" >/dev/null 2>&1
		done
		[ ! -f "$work/compose.yaml" ] || POSTGRES_PASSWORD=any compose down -v >/dev/null 2>&1
		[ -n "${RFM_IMAGE:-}" ] || engine rmi "$image" >/dev/null 2>&1
		[ -z "${made_base:-}" ] || engine rmi "$base" >/dev/null 2>&1
	fi
	[ -z "$work" ] || { cd / && rm -rf -- "$work"; }
	exit "$status"
}

## the engine

choose_engine() {
	if docker info >/dev/null 2>&1; then
		engine=docker
		base=${BASE:-debian:bookworm-slim}
	else
		need_root
		need buildah:buildah podman:podman runc:runc podman-compose:podman-compose
		engine=podman
		base=${BASE:-localhost/$tag-base}
	fi
}

# podman on a machine without systemd says so at each call
engine() {
	if [ $engine = docker ]; then
		docker "$@"
	else
		podman --runtime runc "$@" 2>"$work/podman.err"
		engine_status=$?
		grep -v systemd "$work/podman.err" >&2
		return $engine_status
	fi
}

build_image() {
	if [ $engine = docker ]; then
		docker pull -q "$base" && docker build -q --build-arg BASE="$base" -t "$image" "$top"
		return
	fi
	if [ -z "${BASE:-}" ]; then
		make_root "$work/base.tar" bookworm && podman import -q "$work/base.tar" "$base" || return
		made_base=yes
		rm "$work/base.tar"
	fi
	buildah bud --isolation chroot --pull=never --network host --format docker --build-arg BASE="$base" -t "$image" "$top"
}

# run NAME OPTION...: in the background, without a network. Its data are in the volume of that name, or in $volume
run() {
	name=$1
	shift
	# shellcheck disable=SC2086 # words
	run_with "${volume:-$name}" -d --name "$tag-$name" "$@" "$image" $arguments >/dev/null
}

# run_with VOLUME ARGUMENT...
run_with() {
	data=$tag-$1:/var/lib/postgresql/data
	shift
	set -- --network none -v "$data" "$@"
	[ $engine = docker ] || set -- --ulimit nofile=1024:4096 --ulimit nproc=4096:4096 --pull=never "$@"
	engine run "$@"
}

# once VOLUME COMMAND...: instead of the server
once() {
	once_volume=$1
	shift
	run_with "$once_volume" --rm "$image" "$@"
}

# run_fails NAME TEXT OPTION...: the container ends by itself, with an error that says TEXT
run_fails() {
	name=$1 text=$2
	shift 2
	run "$name" "$@" || return
	status=$(timeout 60 sh -c '"$@"' sh $engine wait "$tag-$name")
	engine logs "$tag-$name" >"$work/out" 2>&1
	engine rm -f "$tag-$name" >/dev/null
	cat "$work/out"
	[ "${status:-0}" -ne 0 ] && grep -qF -- "$text" "$work/out"
}

inside() {
	name=$1
	shift
	engine exec -i "$tag-$name" "$@"
}

# is NAME RESULT QUERY
is() {
	got=$(inside "$1" psql -X -q -At -U postgres -c "$3" 2>&1)
	[ "$got" = "$2" ] || { echo "$got, expected: $2"; return 1; }
}

is_healthy() {
	if [ $engine = docker ]; then
		[ "$(docker inspect -f '{{.State.Health.Status}}' "$tag-$1")" = healthy ]
	else
		engine healthcheck run "$tag-$1"
	fi
}

# within SECONDS COMMAND...: the command succeeds before they are over
within() {
	seconds=$1
	shift
	until "$@" >"$work/within" 2>&1; do
		seconds=$((seconds - 1))
		[ $seconds -gt 0 ] || { cat "$work/within"; return 1; }
		sleep 1
	done
}

# check TEXT COMMAND...: one test
check() {
	text_of_check=$1
	shift
	if "$@" >"$work/check" 2>&1; then
		say "ok - $text_of_check"
		passed=$((passed + 1))
	else
		say "FAILED - $text_of_check"
		sed 's/^/    /' "$work/check"
		failed=$((failed + 1))
	fi
}

## what it refuses

try_refusals() {
	check "no password: it does not start" run_fails broken "there is no password"
	check "a password twice" run_fails broken "both set" -e POSTGRES_PASSWORD=a -e POSTGRES_PASSWORD_FILE=/etc/passwd
	check "a password file that is not there" run_fails broken "cannot read" -e POSTGRES_PASSWORD_FILE=/nowhere
	check "root" run_fails broken "not run as root" -e POSTGRES_PASSWORD=a --user 0
	check "nothing of that is in the volume" is_empty broken
	echo "SELECT 1/0" >"$work/init/bad.sql"
	check "a script of the init folder that fails" run_fails broken "division by zero" -e POSTGRES_PASSWORD=a \
		-v "$work/init:/docker-entrypoint-initdb.d:ro"
	check "leaves nothing, either" is_empty broken
	rm "$work/init/bad.sql"
	check "other things run in it" runs_id
	check "no password is in the image" no_password_in_image
}

# is_empty VOLUME
is_empty() { [ "$(once "$1" sh -c 'ls -A "$PGDATA" | wc -l')" = 0 ]; }

runs_id() { once broken id | grep 'uid=999(postgres)'; }

no_password_in_image() {
	engine image inspect "$image" >"$work/out" && engine history --no-trunc "$image" >>"$work/out" && ! grep -i 'password' "$work/out"
}

## four containers, side by side since some wait for pg_cron

start_the_four() {
	printf '%s' "$password" >"$work/secret/password"
	chmod 644 "$work/secret/password"
	cp "$top/container/sample-shop.sh" "$work/init/10-shop.sh"
	echo "CREATE ROLE analyst LOGIN PASSWORD 'a'" >"$work/init/20-role.sql"
	echo "GRANT USAGE ON SCHEMA ecom TO analyst; GRANT SELECT ON ecom.customer_rfm_daily TO analyst" | gzip >"$work/init/30-rights.sql.gz"
	echo "nothing" >"$work/init/40-note.txt"
	check "docker run with a password, nothing else" run alone -e POSTGRES_PASSWORD="$password"
	check "without a shop, one that comes later" run later -e POSTGRES_HOST_AUTH_METHOD=trust -e RFM_SCHEDULE='* * * * *'
	arguments="-c work_mem=7MB"
	check "with an init folder, a password file, a database, a user and a setting" run full -e POSTGRES_PASSWORD_FILE=/run/secret/password \
		-e POSTGRES_DB="it's \"my\" shop" -e POSTGRES_USER=owner -e POSTGRES_INITDB_ARGS=--data-checksums \
		-v "$work/secret:/run/secret:ro" -v "$work/init:/docker-entrypoint-initdb.d:ro" \
		-v "$here/demo_shop.sql:/usr/local/share/rfm/demo_shop.sql:ro"
	arguments=
	mkdir "$work/slow"
	echo "SELECT pg_sleep(600)" >"$work/slow/sleep.sql"
	check "one that is killed while it makes the database" run cut -e POSTGRES_PASSWORD=a -v "$work/slow:/docker-entrypoint-initdb.d"
}

try_alone() {
	check "it becomes healthy" within 60 is_healthy alone
	check "rfm is there" is alone t "SELECT extversion = '$(sed -n "s/^default_version = '\(.*\)'/\1/p" "$top/rfm.control")' FROM pg_extension WHERE extname = 'rfm'"
	check "both libraries are loaded" is alone 'pg_cron,rfm' 'SHOW shared_preload_libraries'
	check "the job stands, every night" is alone "0 2 * * *|CALL public.rfm_catch_up('default')|t" 'SELECT schedule, command, active FROM cron.job'
	check "the server is not root's, and does not know the password" server_is_clean
	check "over TCP a password is asked for" password_counts
	check "README's first session works in it" first_session
}

first_session() {
	set -- podman --runtime runc
	[ $engine = podman ] || set -- docker
	sh "$here/smoke.sh" "$@" exec -i "$tag-alone" psql -U postgres
}

server_is_clean() {
	inside alone sh -c '! tr "\0" "\n" </proc/1/environ | grep -i password && [ "$(stat -c %u /proc/1)" = 999 ] && cat /proc/1/comm' | grep postgres
}

password_counts() {
	inside alone env PGPASSWORD="$password" psql -X -At -h 127.0.0.1 -U postgres -c 'SELECT 1' &&
		! inside alone env PGPASSWORD=wrong psql -X -At -h 127.0.0.1 -U postgres -c 'SELECT 1'
}

# The shop is made by another role than the one who owns the job
try_shop_that_comes_later() {
	check "without a shop the job says what is missing" within 90 is later t \
		"SELECT bool_or(return_message LIKE '%model \"default\" does not exist%') FROM cron.job_run_details"
	check "a shop is made" is later '' "CREATE ROLE keeper; CREATE SCHEMA ecom AUTHORIZATION keeper; SET ROLE keeper;
		CREATE TABLE ecom.orders(order_id int PRIMARY KEY, customer_id int, created_at timestamptz, total numeric, status text);
		INSERT INTO ecom.orders VALUES (1, 7, now(), 10, 'paid'), (2, 8, now(), 5, 'cancelled')"
	check "and the next run scores it" within 90 is later '7|1|10' 'SELECT customer_id, frequency_orders, monetary_value FROM ecom.customer_rfm_daily'
	check "as its owner" within 10 is later 'keeper|succeeded' "SELECT m.owner, j.last_status FROM rfm_model m JOIN rfm_jobs j USING (model)"
}

try_init_folder() {
	check "it becomes healthy" within 120 is_healthy full
	check "the sample shop has its snapshots" is_full 2 'SELECT count(DISTINCT run_date) FROM ecom.customer_rfm_daily'
	check "scripts as .sql and .sql.gz were run" is_full t "SELECT has_table_privilege('analyst', 'ecom.customer_rfm_daily', 'SELECT')"
	check "other files are passed over" says full "passing over"
	check "a setting of the command line" is_full 7MB 'SHOW work_mem'
	check "arguments of initdb" is_full on 'SHOW data_checksums'
	check "the job is that of rfm_schedule" is_full 'default|0 2 * * *|owner' 'SELECT model, schedule, runs_as FROM rfm_jobs'
	check "the password file counts" inside full env PGPASSWORD="$password" psql -X -At -h 127.0.0.1 -U owner -d "it's \"my\" shop" -c 'SELECT 1'
}

is_full() {
	got=$(inside full psql -X -At -U owner -d "it's \"my\" shop" -c "$2" 2>&1)
	[ "$got" = "$1" ] || { echo "$got, expected: $1"; return 1; }
}

says() { engine logs "$tag-$1" 2>&1 | grep -F -- "$2"; }

try_unfinished() {
	check "it is still at its init folder, and not healthy" within 30 says cut "running /docker-entrypoint-initdb.d/sleep.sql"
	check "so nobody comes in" not is_healthy cut
	engine kill -s KILL "$tag-cut" >/dev/null
	rm "$work/slow/sleep.sql"
	engine start "$tag-cut" >/dev/null
	check "started again, it begins anew" within 60 is_healthy cut
	check "and says so" says cut "making it anew"
	check "its job stands" is cut 1 'SELECT count(*) FROM cron.job'
}

not() { ! "$@"; }

## another container on the same volume

try_replacement() {
	before=$(inside alone psql -X -At -U postgres -c 'SELECT count(*), sum(monetary_value) FROM ecom.customer_rfm_daily')
	inside alone psql -X -U postgres -c 'SELECT pg_sleep(100)' >/dev/null 2>&1 &
	start=$(date +%s)
	engine stop -t 60 "$tag-alone" >/dev/null
	took=$(($(date +%s) - start))
	check "stop takes $took s, with a session at work" [ $took -lt 10 ]
	check "the server was shut down, not killed" says alone "database system is shut down"
	engine rm "$tag-alone" >/dev/null
	volume=alone
	check "another container on the volume of the first, without a password" run replaced
	volume=
	check "is healthy" within 60 is_healthy replaced
	check "has the rows: $before" is replaced "$before" 'SELECT count(*), sum(monetary_value) FROM ecom.customer_rfm_daily'
	check "has the job" is replaced "default|0 2 * * *" 'SELECT model, schedule FROM rfm_jobs'
	check "made nothing anew" not says replaced "making"
	engine rm -f "$tag-replaced" >/dev/null
	once alone sh -c 'echo 12 >"$PGDATA/PG_VERSION"'
	volume=alone
	check "data of another version are refused" run_fails replaced "is of PostgreSQL 12"
	volume=
}

## compose.yaml, under a name of its own; with podman without its networks, which not every machine lets it make

try_compose() {
	printf 'services:\n  shop:\n    image: %s\n' "$image" >"$work/compose.yaml"
	write_podman
	check "compose.yaml wants a password" not compose up -d --no-build
	POSTGRES_PASSWORD=$password
	export POSTGRES_PASSWORD
	check "compose.yaml starts a sample shop" compose up -d --no-build
	unset POSTGRES_PASSWORD
	check "it has segments" within 120 in_compose 't|5' "SELECT sum(customers) > 19000, count(*) FROM rfm_segment_summary()"
	check "and its job" in_compose 'default|0 2 * * *' "SELECT model, schedule FROM rfm_jobs"
}

compose() {
	if [ $engine = docker ]; then
		docker compose -p "$tag" -f "$top/compose.yaml" -f "$work/compose.yaml" "$@"
	else
		podman-compose -p "$tag" --podman-path "$work/podman" -f "$top/compose.yaml" -f "$work/compose.yaml" "$@"
	fi
}

in_compose() {
	set -- "$1" "$2" "$(engine ps -q --filter "label=com.docker.compose.project=$tag")"
	got=$(engine exec "$3" psql -X -At -U postgres -d shop -c "$2" 2>&1)
	[ "$got" = "$1" ] || { echo "$got, expected: $1"; return 1; }
}

write_podman() {
	cat >"$work/podman" <<-'END'
		#!/bin/sh
		case " $* " in *" network "*) exit ;; esac
		n=$#
		while [ $n -gt 0 ]; do
			case $1 in
			--net | --network-alias | -p) shift; n=$((n - 1)) ;;
			run) set -- "$@" run --network none --ulimit nofile=1024:4096 --ulimit nproc=4096:4096 --pull=never ;;
			*) set -- "$@" "$1" ;;
			esac
			shift
			n=$((n - 1))
		done
		exec podman --runtime runc "$@"
	END
	chmod 755 "$work/podman"
}

main "$@"
