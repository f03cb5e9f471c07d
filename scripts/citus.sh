#!/bin/sh
# Refreshes that are pushed down, on Citus: a coordinator and two workers on Unix sockets, gone afterwards.
# shellcheck disable=SC2154,SC2317 # set in lib.sh; called through step and trap

usage() {
	cat <<'END'
sh scripts/citus.sh     on three private servers: random shops, a large one, plans, bytes, a worker that dies

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

node_port() { echo $((port + $1)); }

# ask NODE ARGUMENTS...: psql on the coordinator (0) or a worker (1, 2)
ask() {
	node=$1
	shift
	as_owner "$bin/psql" -XAtq -v ON_ERROR_STOP=1 -h "$work/socket" -p "$(node_port "$node")" -U postgres -d postgres "$@"
}

start_node() {
	as_owner "$bin/pg_ctl" -D "$work/data/$1" -l "$work/data/$1.log" -w -t 60 start || {
		tail -n 20 "$work/data/$1.log"
		return 1
	}
}

create_node() {
	as_owner "$bin/initdb" -D "$work/data/$1" -U postgres -A trust -E UTF8 --locale=C.UTF-8 --no-sync --no-instructions || return
	for setting in "listen_addresses = ''" "port = $(node_port "$1")" "unix_socket_directories = '$work/socket'" \
		"timezone = 'UTC'" "fsync = off" "shared_preload_libraries = 'citus'" "citus.enable_statistics_collection = off" \
		"max_prepared_transactions = 100" "max_connections = 100" "wal_level = logical"; do
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
	ask 0 -c "SELECT citus_set_coordinator_host('$work/socket', $(node_port 0))" \
		-c "SELECT citus_add_node('$work/socket', $(node_port 1))" -c "SELECT citus_add_node('$work/socket', $(node_port 2))" \
		-c 'CREATE EXTENSION rfm' -c 'CREATE SCHEMA big'
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

# says NAME PATTERN SQL: an error, or a notice, does
says() {
	got=$(ask 0 -c "$3" 2>&1)
	check "$1" [ "$(printf '%s\n' "$got" | grep -c -- "$2")" -gt 0 ]
}

random_shops() {
	ask 0 -f "$work/src/t/shops/reference.sql" -f "$work/src/t/shops/generator.sql" -f "$work/src/t/shops/model.sql" \
		-f "$work/src/t/shops/compare.sql" -f "$work/src/t/shops/distributed.sql" -c "CALL shops.run_distributed($seed, $shops)"
}

# load_shop NAME CUSTOMERS: orders in 8 shards, five for each customer, and a model that pushes its refresh down
load_shop() {
	ask 0 -c "CREATE TABLE big.$1 (order_id bigint, customer_id bigint NOT NULL, created_at timestamptz, total numeric(12,2), status text)" \
		-c "SELECT create_distributed_table('big.$1', 'customer_id', shard_count => 8)" \
		-c "INSERT INTO big.$1
		    SELECT i, (i::bigint * 7919 + i / 7) % $2, timestamptz '2024-03-31 12:00+00' - (i::bigint * 104729 % 8760000) * interval '10 seconds',
		           (i::bigint * 15485863 % 10000019) / 100.0, CASE WHEN i % 11 = 0 THEN 'cancelled' ELSE 'paid' END
		      FROM generate_series(1, 5 * $2) i" \
		-c "ANALYZE big.$1" \
		-c "SELECT rfm_create_model('$1', 'big.$1', 'big.$1_rfm', filter => 'status <> ''cancelled''')"
}

# refresh MODEL DATE: as one statement of its own; its debug messages go to $work/MODEL.messages
refresh() {
	ask 0 -c 'SET client_min_messages = debug1' -c "SELECT rfm_refresh('$2', '$1')" >"$work/$1.messages" 2>&1
}

# statement MODEL PATTERN: the first such statement of the last refresh
statement() { sed -n "s/^DEBUG:  rfm: \($2.*\)/\1/p" "$work/$1.messages" | head -n 1; }

# received MODEL: bytes of what shards told: the most of one, and in all
received() { sed -n 's/^DEBUG:  rfm: \([0-9]*\) bytes from a shard.*/\1/p' "$work/$1.messages" | awk '{ sum += $1; if ($1 > most) most = $1 } END { print most + 0, sum + 0 }'; }

# digest: of everything in the target of the large shop
digest() { ask 0 -c "SELECT count(*), sum(hashtext(t::text)::bigint) FROM big.orders_rfm t"; }

contains() { printf '%s\n' "$1" | grep -q -- "$2"; }
lacks() { ! contains "$@"; }

test_plans() {
	plan=$(ask 0 -c "EXPLAIN $(statement orders 'SELECT.*rfm_shard_summary')")
	check "reading: all shards group their own orders" contains "$plan" 'Task Count: 8'
	check "reading: what comes to the coordinator is one summary a shard" contains "$plan" '->  Aggregate.*rows=1 '
	check "reading: no intermediate result" lacks "$plan" 'Distributed Subplan'
	plan=$(ask 0 -c "EXPLAIN $(statement orders INSERT)")
	check "writing: all shards write their own rows" contains "$plan" 'Task Count: 8'
	check "writing: where they are" contains "$plan" 'Insert on orders_rfm_[0-9]'
	check "writing: no row by way of the coordinator" lacks "$plan" 'INSERT/SELECT method\|Distributed Subplan'
	plan=$(ask 0 -c "EXPLAIN $(statement orders DELETE)")
	check "deleting: in all shards" contains "$plan" 'Task Count: 8'
	check "deleting: where the rows are" contains "$plan" 'Delete on orders_rfm_[0-9]'
}

test_bytes() {
	few=$(received few)
	many=$(received orders)
	say "    $((customers / 4)) customers: most from a shard, and in all, in bytes: $few"
	say "    $customers customers: most from a shard, and in all, in bytes: $many"
	check "a shard tells no more than 1 MB for an axis" [ "${many% *}" -le $((3 * 1024 * 1024)) ]
	check "what all shards tell does not grow with the customers" [ "${many#* }" -le $((${few#* } * 5 / 4)) ]
}

# The large shop, natively to a local target, is what it must be equal to
test_native() {
	ask 0 -c "SET rfm.strategy = native" \
		-c "SELECT rfm_create_model('native', 'big.orders', 'big.native_rfm', filter => 'status <> ''cancelled''')" \
		-c "SELECT rfm_refresh('2024-03-31', 'native')" >/dev/null 2>&1
	expect "rows are those of the native refresh" "0 of $customers" \
		"SELECT format('%s of %s', count(*) FILTER (WHERE (a.recency_days, a.frequency_orders, a.monetary_value::text, a.r_score, a.f_score, a.m_score, a.rfm_score, a.rfm_segment, a.comments)
		               IS DISTINCT FROM (b.recency_days, b.frequency_orders, b.monetary_value::text, b.r_score, b.f_score, b.m_score, b.rfm_score, b.rfm_segment, b.comments)), count(*))
		   FROM big.orders_rfm a FULL JOIN big.native_rfm b USING (run_date, customer_id) WHERE run_date = '2024-03-31'"
	expect "and so is the log" 1 "SELECT count(DISTINCT (cut_points, customers, orders)) FROM rfm_run WHERE model IN ('orders', 'native') AND run_date = '2024-03-31'"
}

# A customer's orders go: their row does, and nobody else's
test_vanished() {
	ask 0 -c "DELETE FROM big.orders WHERE customer_id = 17"
	refresh orders 2024-03-31
	expect "a customer without orders loses the row" "1|0" \
		"SELECT deleted, (SELECT count(*) FROM big.orders_rfm WHERE customer_id = 17 AND run_date = '2024-03-31') FROM rfm_run WHERE model = 'orders' ORDER BY run_id DESC LIMIT 1"
}

test_fallback() {
	ask 0 -c "CREATE TABLE big.by_order AS SELECT * FROM big.few LIMIT 0" -c "SELECT create_distributed_table('big.by_order', 'order_id')" \
		-c "INSERT INTO big.by_order SELECT * FROM big.few LIMIT 1000" -c "CREATE VIEW big.hidden AS SELECT * FROM big.few WHERE order_id <= 1000" \
		-c "SELECT rfm_create_model('by_order', 'big.by_order', 'big.by_order_rfm')" -c "SELECT rfm_create_model('hidden', 'big.hidden', 'big.hidden_rfm')" >/dev/null 2>&1
	says "orders that are distributed otherwise are refreshed natively" 'DETAIL:.* is distributed by column "order_id", not by the customer' "SELECT rfm_refresh('2024-03-31', 'by_order')"
	says "so are orders behind a view" 'DETAIL:.*"hidden" is a view' "SELECT rfm_refresh('2024-03-31', 'hidden')"
	expect "both have their rows" 2 "SELECT count(DISTINCT model) FROM rfm_run WHERE model IN ('by_order', 'hidden') AND inserted > 0"
	says "a filter that depends on settings is not sent to the shards" 'DETAIL:.*filter depends on settings' \
		"UPDATE rfm_model SET filter = 'created_at < current_date + 100000' WHERE model = 'few'; SELECT rfm_refresh('2024-03-31', 'few')"
	says "natively nothing is written past Citus" 'is a distributed table' "SET rfm.strategy = native; SELECT rfm_refresh('2024-03-31', 'orders')"
}

# order_in_between DATE PSQL-ARGUMENTS: writing waits for the lock of one row; meanwhile an order comes in
order_in_between() {
	date=$1
	shift
	ask 0 -c "UPDATE big.orders_rfm SET comments = 'edited' WHERE customer_id = 18 AND run_date = '$date'"
	ask 0 -c "BEGIN" -c "SELECT FROM big.orders_rfm WHERE customer_id = 18 AND run_date = '$date' FOR UPDATE" -c "SELECT pg_sleep(600)" \
		-c "COMMIT" >/dev/null 2>&1 &
	locker=$!
	wait_for 0 "query LIKE 'SELECT pg_sleep(600)%'" || return
	ask 0 "$@" >"$work/between.out" 2>&1 &
	refresher=$!
	wait_for "1 2" "wait_event_type = 'Lock' AND query LIKE 'INSERT INTO%'" || return
	ask 0 -c "INSERT INTO big.orders VALUES (0, 19, '2024-03-31', 1000000, 'paid')" \
		-c "SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE query LIKE 'SELECT pg_sleep(600)%'" >/dev/null
	wait "$locker" 2>/dev/null
	wait "$refresher"
}

# wait_for NODES CONDITION: on pg_stat_activity of one of them
wait_for() {
	n=0
	while [ $n -lt 600 ]; do
		for node in $1; do
			[ "$(ask "$node" -c "SELECT count(*) > 0 FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND $2" 2>/dev/null)" != t ] || {
				found_on=$node
				return 0
			}
		done
		sleep 0.05
		n=$((n + 1))
	done
	return 1
}

test_order_in_between() {
	before=$(ask 0 -c "SELECT count(*), sum(hashtext(t::text)::bigint) FROM big.orders_rfm t WHERE customer_id <> 18")
	order_in_between 2024-03-31 -c "SELECT rfm_refresh('2024-03-31', 'orders')"
	check "an order between the queries of a refresh is noticed" grep -q 'orders of model "orders" changed while they were read' "$work/between.out"
	expect "and the target is as it was" "$before" "SELECT count(*), sum(hashtext(t::text)::bigint) FROM big.orders_rfm t WHERE customer_id <> 18"
	order_in_between 2024-03-31 -c "BEGIN ISOLATION LEVEL REPEATABLE READ" -c "SELECT rfm_refresh('2024-03-31', 'orders')" -c COMMIT
	check "a refresh of one snapshot does not see it" grep -q "^[0-9]*$" "$work/between.out"
	refresh orders 2024-03-31
	expect "the next one does" 5 "SELECT m_score FROM big.orders_rfm WHERE customer_id = 19 AND run_date = '2024-03-31'"

	# as if the next day had not been computed yet, though its rows are there
	refresh orders 2024-04-01
	ask 0 -c "DELETE FROM rfm_run WHERE model = 'orders' AND run_date = '2024-04-01'"
	order_in_between 2024-04-01 -c "SET rfm.catch_up_limit = 1" -c "CALL rfm_catch_up('orders')"
	expect "the nightly job has one snapshot, too" "1|0" \
		"SELECT updated, inserted FROM rfm_run WHERE model = 'orders' AND run_date = '2024-04-01'"
}

# A worker dies while rows are written
test_worker_dies() {
	before=$(digest)
	refresh orders 2024-02-01 &
	refresher=$!
	if wait_for "1 2" "query LIKE 'INSERT INTO big.orders_rfm%' AND state = 'active'"; then
		as_owner "$bin/pg_ctl" -D "$work/data/$found_on" -m immediate -w stop >/dev/null
		wait "$refresher"
		check "a refresh fails with a worker" [ $? -ne 0 ]
		say "    $(grep -m 1 ERROR "$work/orders.messages")"
		start_node "$found_on" >/dev/null
		ask 0 -c 'SELECT recover_prepared_transactions()' >/dev/null
		expect "and the target is as it was, in all shards" "$before" "SELECT count(*), sum(hashtext(t::text)::bigint) FROM big.orders_rfm t"
		refresh orders 2024-02-01
		check "the same refresh works when the worker is back" [ $? -eq 0 ]
	else
		check "a worker was seen writing" false
	fi
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
step "Random shops" random_shops
check "the shops were refreshed" [ $? -eq 0 ]
say "    $(ask 0 -c "SELECT string_agg(format('%s: %s', outcome, n), '; ') FROM (SELECT outcome, count(*) AS n FROM shops.distributed GROUP BY 1 ORDER BY 2 DESC) o")"
expect "random shops are as the native refresh has them" "" "SELECT format('seed %s: %s; %s', seed, message, detail) FROM shops.failure ORDER BY seed LIMIT 5"
expect "most of them could be distributed" t "SELECT count(*) FILTER (WHERE outcome = 'compared') > count(*) / 2 FROM shops.distributed"
step "Loading a large shop, and one of a quarter of its customers" eval "load_shop orders $customers && load_shop few $((customers / 4))" || exit 1
step "Refreshing the large shop" refresh orders 2024-03-31
check "the large shop was refreshed" [ $? -eq 0 ]
step "Refreshing the other" refresh few 2024-03-31
test_bytes
step "Refreshing it natively, to a local target" test_native
tail -n 4 "$log"
test_vanished
test_plans
test_fallback
test_order_in_between
test_worker_dies
say "$passed passed, $failed failed"
[ $failed -eq 0 ]
