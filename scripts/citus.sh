#!/bin/sh
# rfm on Citus: a coordinator and two workers on Unix sockets, gone afterwards.
# shellcheck disable=SC2154,SC2317 # set in lib.sh; called through step and trap

usage() {
	cat <<'END'
sh scripts/citus.sh     on three private servers: every kind of table, random shops, a large one with times, workers that die

Needs Citus in the PostgreSQL that it copies; without it the script says so and skips everything.
The last line counts the tests: N passed, N failed

Settings from the environment:
  PG_CONFIG=PROGRAM    the PostgreSQL, with Citus, to use (default: Debian's)
  RFM_SHOPS=N          random shops (default 25), from seed RFM_SEED on
  RFM_ORDERS=N         orders of the large shop (default 2000000), five for each customer
END
}

me=citus
here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd) || exit 1
top=${here%/*}
. "$here/lib.sh"
. "$here/packages.sh"
. "$here/postgres.sh"
. "$here/server.sh"
prepare_shell

case $# in 0) ;; *) usage; exit 2 ;; esac
shops=${RFM_SHOPS:-25}
seed=${RFM_SEED:-20240229}
orders=${RFM_ORDERS:-2000000}
customers=$((orders / 5))
passed=0 failed=0

## three servers

# ask NODE ARGUMENTS...: psql on the coordinator (0) or a worker (1, 2)
ask() {
	node=$1
	shift
	as_owner "$bin/psql" -XAtq -v ON_ERROR_STOP=1 -h "$work/socket" -p $((port + node)) -U postgres -d postgres "$@"
}

start_node() { as_owner "$bin/pg_ctl" -D "$work/data/$1" -l "$work/data/$1.log" -w -t 60 start || { tail -n 20 "$work/data/$1.log"; return 1; }; }

create_node() {
	as_owner "$bin/initdb" -D "$work/data/$1" -U postgres -A trust -E UTF8 --locale=C.UTF-8 --no-sync --no-instructions || return
	for setting in "listen_addresses = ''" "port = $((port + $1))" "unix_socket_directories = '$work/socket'" "fsync = off" \
		"shared_preload_libraries = 'citus'" "citus.enable_statistics_collection = off" "max_prepared_transactions = 100" "max_connections = 100"; do
		echo "$setting"
	done | as_owner tee -a "$work/data/$1/postgresql.conf" >/dev/null
	# datestyle and time zone of the workers must not matter
	[ "$1" -eq 0 ] || echo "datestyle = 'SQL, DMY'
timezone = 'Asia/Kathmandu'" | as_owner tee -a "$work/data/$1/postgresql.conf" >/dev/null
	start_node "$1"
}

create_cluster() {
	for node in 0 1 2; do
		create_node $node && ask $node -c 'CREATE EXTENSION citus' || return
	done
	ask 0 -c "SELECT citus_set_coordinator_host('$work/socket', $port)" -c "SELECT citus_add_node('$work/socket', $((port + 1)))" \
		-c "SELECT citus_add_node('$work/socket', $((port + 2)))" -c 'CREATE EXTENSION rfm'
}

## tests

# check NAME COMMAND...: one test
check() {
	name=$1
	shift
	if "$@"; then
		passed=$((passed + 1))
		say "ok: $name"
	else
		failed=$((failed + 1))
		say "FAILED: $name"
	fi
}

# expect NAME EXPECTED SQL: on the coordinator
expect() {
	got=$(ask 0 -c "$3" 2>&1)
	check "$1" [ "$got" = "$2" ]
	[ "$got" = "$2" ] || say "  $got
  instead of $2"
}

# says NODE NAME PATTERN SQL: an error does
says() {
	got=$(ask "$1" -c "$4" 2>&1)
	check "$2" [ "$(printf '%s\n' "$got" | grep -c -- "$3")" -gt 0 ]
}

# run_tests FILE: a script of t/citus, each of whose lines is a test
run_tests() {
	as_owner "$bin/psql" -XAtq -h "$work/socket" -p "$port" -U postgres -d postgres -f "$work/src/t/citus/$1" >"$work/tests" 2>&1
	grep -E '^(ok|FAILED): |ERROR' "$work/tests"
	passed=$((passed + $(grep -c '^ok: ' "$work/tests")))
	failed=$((failed + $(grep -cE '^FAILED: |ERROR' "$work/tests")))
}

random_shops() {
	ask 0 -c "SET client_min_messages = error" -f "$work/src/t/shops/reference.sql" -f "$work/src/t/shops/generator.sql" -f "$work/src/t/shops/model.sql" \
		-f "$work/src/t/shops/tally.sql" -f "$work/src/t/shops/compare.sql" -f "$work/src/t/shops/distributed.sql" -c "CALL shops.run_distributed($seed, $shops)"
}

load_shop() {
	ask 0 -c "CREATE SCHEMA big" \
		-c "CREATE TABLE big.orders (order_id bigint, customer_id bigint NOT NULL, created_at timestamptz, total numeric(12,2), status text)" \
		-c "SELECT create_distributed_table('big.orders', 'customer_id', shard_count => 8)" \
		-c "INSERT INTO big.orders
		    SELECT i, (i::bigint * 7919 + i / 7) % $customers, timestamptz '2024-03-31 12:00+00' - (i::bigint * 104729 % 8760000) * interval '10 seconds',
		           (i::bigint * 15485863 % 10000019) / 100.0, CASE WHEN i % 11 = 0 THEN 'cancelled' ELSE 'paid' END
		      FROM generate_series(1, $orders) i" \
		-c "ANALYZE big.orders" \
		-c "SELECT rfm_create_model('orders', 'big.orders', 'big.rfm', filter => 'status <> ''cancelled''')" \
		-c "CREATE TABLE big.by_hand (LIKE big.rfm INCLUDING DEFAULTS INCLUDING INDEXES)" \
		-c "SELECT create_distributed_table('big.by_hand', 'customer_id', colocate_with => 'big.orders')"
}

# processor time of all servers until now, in 1/100 s: of who is there, and of who was
processor_time() {
	for pid in $(processes exe); do
		cat "/proc/$pid/stat" 2>/dev/null
	done | awk '{ sub(/^.*\) /, ""); sum += $12 + $13 + $14 + $15 } END { print sum }'
}

wal_written() { for node in 0 1 2; do ask $node -c "SELECT pg_current_wal_insert_lsn() - '0/0'"; done | awk '{ sum += $1 } END { printf "%.0f\n", sum }'; }

# measure NAME SQL: sets $wall and $cpu, in 1/100 s, and $wal, in bytes
measure() {
	cpu=$(processor_time) wal=$(wal_written) wall=$(date +%s%N)
	ask 0 -c "$2" >/dev/null || return
	wall=$((($(date +%s%N) - wall) / 10000000)) wal=$(($(wal_written) - wal))
	cpu=$(($(processor_time) - cpu))
	say "    $(printf '%-48s %6.2f s  %6.2f CPU s  %9d bytes of WAL' "$1" "$(echo "scale=2; $wall / 100" | bc)" "$(echo "scale=2; $cpu / 100" | bc)" "$wal")"
}

# What Citus can do by itself in plain SQL, scores and labels apart: it groups in the shards, and writes by way of the coordinator
by_hand="INSERT INTO big.by_hand (run_date, customer_id, recency_days, frequency_orders, monetary_value, r_score, f_score, m_score, rfm_score)
	SELECT date '2024-03-31', customer_id, days, n, total, r, f, m, r + f + m
	  FROM (SELECT *, ntile(5) OVER (ORDER BY days DESC, customer_id) AS r, ntile(5) OVER (ORDER BY n, customer_id) AS f, ntile(5) OVER (ORDER BY total, customer_id) AS m
	          FROM (SELECT customer_id, date '2024-03-31' - (max(created_at) AT TIME ZONE 'UTC')::date AS days, count(*) AS n, sum(total) AS total
	                  FROM big.orders WHERE status <> 'cancelled' AND created_at < '2024-04-01' GROUP BY customer_id) g) s
	ON CONFLICT (run_date, customer_id) DO UPDATE SET recency_days = EXCLUDED.recency_days, frequency_orders = EXCLUDED.frequency_orders,
	       monetary_value = EXCLUDED.monetary_value, r_score = EXCLUDED.r_score, f_score = EXCLUDED.f_score, m_score = EXCLUDED.m_score, rfm_score = EXCLUDED.rfm_score
	 WHERE (by_hand.recency_days, by_hand.frequency_orders, by_hand.monetary_value, by_hand.r_score, by_hand.f_score, by_hand.m_score)
	       IS DISTINCT FROM (EXCLUDED.recency_days, EXCLUDED.frequency_orders, EXCLUDED.monetary_value, EXCLUDED.r_score, EXCLUDED.f_score, EXCLUDED.m_score)"

less_than_by_hand() { [ "$wall" -lt "$hand_wall" ] && [ "$cpu" -lt "$hand_cpu" ]; }

test_large() {
	measure "by hand, $customers new rows" "$by_hand"
	hand_wall=$wall hand_cpu=$cpu
	measure "rfm, $customers new rows" "SELECT rfm_refresh('2024-03-31', 'orders')"
	check "a new date takes less than by hand" less_than_by_hand
	measure "by hand again, nothing changed" "$by_hand"
	hand_wall=$wall hand_cpu=$cpu
	measure "rfm again, nothing changed" "SELECT rfm_refresh('2024-03-31', 'orders')"
	check "so does the same date again" less_than_by_hand
	check "it writes nothing but its log" [ "$wal" -lt 100000 ]
	expect "the orders were read grouped" grouped "SELECT DISTINCT reading FROM rfm_run WHERE model = 'orders'"
	expect "both have the same numbers" 0 "SELECT count(*) FROM big.rfm a FULL JOIN big.by_hand b USING (run_date, customer_id)
		WHERE (a.recency_days, a.frequency_orders, a.monetary_value::text, a.r_score, a.f_score, a.m_score) IS DISTINCT FROM (b.recency_days, b.frequency_orders, b.monetary_value::text, b.r_score, b.f_score, b.m_score)"
	measure "a row of each tenth customer changed" "UPDATE big.rfm SET m_score = 9 WHERE customer_id % 10 = 0"
	measure "rfm puts them right" "SELECT rfm_refresh('2024-03-31', 'orders')"
	measure "the orders of 1000 customers go" "DELETE FROM big.orders WHERE customer_id < 1000"
	measure "so do their rows" "SELECT rfm_refresh('2024-03-31', 'orders')"
	check "deleting them takes no longer than the rest" [ "$wall" -lt $((4 * hand_wall)) ]
	expect "and nobody else's" 1000 "SELECT deleted FROM rfm_run WHERE model = 'orders' ORDER BY run_id DESC LIMIT 1"
}

test_errors() {
	says 1 "a worker sends its callers to the coordinator" 'Connect to the coordinator' "SELECT rfm_refresh()"
	says 1 "and makes no model" 'Connect to the coordinator' "SELECT rfm_create_model('there', 'big.orders', 'big.there')"
	ask 0 -c "SELECT rfm_create_model('floats', 'kinds.distributed', 'kinds.floats_of_two', amount => 'price')" >/dev/null
	ask 2 -c "SET citus.enable_ddl_propagation = off" -c "SET client_min_messages = error" -c "DROP EXTENSION rfm CASCADE"
	says 0 "a worker without the extension is named" "command on .*:$((port + 2))" "SELECT rfm_refresh('2024-03-30', 'floats')"
	ask 2 -c "SET citus.enable_ddl_propagation = off" -c "CREATE EXTENSION rfm"
	expect "with it, all is well" t "SELECT rfm_refresh('2024-03-30', 'floats') > 0"
	# what a worker says whose package was removed
	ask 2 -c "UPDATE pg_proc SET probin = '\$libdir/gone' WHERE probin = '\$libdir/rfm'"
	says 0 "so is one without the library" "could not access file .*gone" "SELECT rfm_refresh('2024-03-29', 'floats')"
	says 0 "by its address" "command on .*:$((port + 2))" "SELECT rfm_refresh('2024-03-29', 'floats')"
	ask 2 -c "UPDATE pg_proc SET probin = '\$libdir/rfm' WHERE probin = '\$libdir/gone'"
	expect "with it, all is well again" t "SELECT rfm_refresh('2024-03-29', 'floats') > 0"
}

# An ordinary role, with tables and a model of its own, and one without rights
test_roles() {
	ask 0 -c "CREATE ROLE shopkeeper LOGIN" -c "CREATE ROLE stranger LOGIN" -c "CREATE SCHEMA stall AUTHORIZATION shopkeeper" -c "SET ROLE shopkeeper" \
		-c "CREATE TABLE stall.orders (order_id bigint, customer_id bigint, created_at timestamptz, total float8, status text)" \
		-c "SELECT create_distributed_table('stall.orders', 'customer_id')" \
		-c "INSERT INTO stall.orders SELECT i, i % 50, timestamptz '2024-03-31 12:00+00' - i * interval '7 hours', i * 0.1, 'paid' FROM generate_series(1, 500) i" \
		-c "SELECT rfm_create_model('stall', 'stall.orders', 'stall.rfm')" >/dev/null
	expect "a role scores its own distributed orders" 50 "SET ROLE shopkeeper; SELECT rfm_refresh('2024-03-31', 'stall')"
	expect "a superuser does it as that role" "50 shopkeeper" "SELECT rfm_refresh('2024-03-30', 'stall') || ' ' || refreshed_by FROM (SELECT max(owner::text) AS refreshed_by FROM rfm_model WHERE model = 'stall') o"
	says 0 "another role may not" "permission denied\|must be a member\|does not exist" "SET ROLE stranger; SELECT rfm_refresh('2024-03-31', 'stall')"
	says 0 "nor read what was found" "permission denied\|does not exist" "SET ROLE stranger; SELECT * FROM rfm_segment_summary(NULL, 'stall')"
}

# wait_for PATTERN: until a worker runs such a statement; sets $found_on
wait_for() {
	n=0
	while [ $n -lt 1200 ]; do
		for node in 1 2; do
			[ "$(ask $node -c "SELECT count(*) > 0 FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND state = 'active' AND query LIKE '$1'" 2>/dev/null)" != t ] || {
				found_on=$node
				return 0
			}
		done
		n=$((n + 1))
	done
	return 1
}

digest() { ask 0 -c "SELECT count(*), sum(hashtext(t::text)::bigint) FROM big.rfm t"; }

# test_worker_dies PHASE PATTERN: during such a statement of a refresh
test_worker_dies() {
	ask 0 -c "UPDATE big.rfm SET comments = 'edited' WHERE run_date = '2024-03-31'"
	before=$(digest)
	ask 0 -c "SELECT rfm_refresh('2024-03-31', 'orders')" >"$work/dies" 2>&1 &
	refresher=$!
	if ! wait_for "$2"; then
		check "a worker was seen $1" false
		wait $refresher
		return
	fi
	as_owner "$bin/pg_ctl" -D "$work/data/$found_on" -m immediate -w stop >/dev/null
	wait $refresher
	check "a worker that dies while $1 fails the refresh" grep -q ERROR "$work/dies"
	start_node "$found_on" >/dev/null
	ask 0 -c 'SELECT recover_prepared_transactions()' >/dev/null
	check "and the target is as it was" [ "$(digest)" = "$before" ]
	check "no prepared transaction is left" [ "$(for node in 0 1 2; do ask $node -c 'SELECT count(*) FROM pg_prepared_xacts'; done | sort -u)" = 0 ]
	check "the next refresh is right" ask 0 -c "SELECT rfm_refresh('2024-03-31', 'orders')" -o /dev/null
	expect "to the letter" "$good" "SELECT md5(string_agg(format('%s %s', customer_id, comments), ',' ORDER BY customer_id)) FROM big.rfm WHERE run_date = '2024-03-31'"
}

test_deaths() {
	good=$(ask 0 -c "SELECT md5(string_agg(format('%s %s', customer_id, comments), ',' ORDER BY customer_id)) FROM big.rfm WHERE run_date = '2024-03-31'")
	test_worker_dies "reading" 'SELECT%max(%big.orders_1%'
	test_worker_dies "comparing" 'SELECT%recency_days%big.rfm_1%'
	test_worker_dies "writing" '%INSERT INTO big.rfm_1%'
}

## the whole

trap 'status=$?; stop_ticker; allow_main_cluster; remove_work; exit $status' EXIT
begin_work build 3000
if [ ! -f "$("$pg_config" --pkglibdir)/citus.so" ] || [ ! -f "$("$pg_config" --sharedir)/extension/citus.control" ]; then
	warn "SKIPPED, NOTHING TESTED: Citus is not installed in $("$pg_config" --version) ($("$pg_config" --pkglibdir))"
	say "0 passed, 0 failed, 1 skipped"
	exit 0
fi
step "Copying the sources and PostgreSQL's programs" eval "copy_source && copy_installation" || exit 1
step "Building the extension with -Werror" build COPT=-Werror || exit 1
step "Starting a coordinator and two workers" create_cluster || exit 1
run_tests sources.sql
run_tests functions.sql
step "Random shops" random_shops
check "the shops were refreshed" [ $? -eq 0 ]
say "    $(ask 0 -c "SELECT string_agg(format('%s: %s', outcome, n), '; ') FROM (SELECT outcome, count(*) AS n FROM shops.distributed GROUP BY 1 ORDER BY 2 DESC) o")"
expect "random shops are as they are in a plain table" "" "SELECT format('seed %s: %s; %s', seed, message, detail) FROM shops.failure ORDER BY seed LIMIT 5"
expect "most of them could be distributed" t "SELECT count(*) FILTER (WHERE outcome = 'compared') > count(*) / 2 FROM shops.distributed"
step "Loading a large shop" load_shop || exit 1
test_large
test_errors
test_roles
test_deaths
say "$passed passed, $failed failed"
[ $failed -eq 0 ]
