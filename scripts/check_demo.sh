#!/bin/sh
# check.sh's suite "demo": scripts/demo.sh as its users call it, in the new directory $1. Prints TAP.
here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd) || exit 1
base=$1
mkdir -m 711 "$base" "$base/user" || exit 1
cd "$base/user" || exit 1
RFM_DEMO_DIR=$base/shop
RFM_DEMO_ORDERS=3000
RFM_DEMO_CUSTOMERS=500
export RFM_DEMO_DIR RFM_DEMO_ORDERS RFM_DEMO_CUSTOMERS
out=$base/out
orders=$base/orders.csv
head='order_id,customer_id,created_at,total,status'
row='1,7,2024-02-29 12:00,10.50,paid'
n=0
failures=0

# check NAME COMMAND...: one test
check() {
	n=$((n + 1))
	name=$1
	shift
	if "$@"; then
		echo "ok $n - $name"
	else
		echo "not ok $n - $name"
		failures=$((failures + 1))
		sed 's/^/# /' "$out"
	fi
}

demo() { sh "$here/demo.sh" "$@" >"$out" 2>&1 </dev/null; }

# says STATUS TEXT ARGUMENT...: the demo ends with that status and says that text
says() {
	status=$1 text=$2
	shift 2
	demo "$@"
	[ $? -eq "$status" ] && grep -qF -- "$text" "$out"
}

# refuses TEXT LINE...: orders of these lines are refused with that text, and nothing is left behind
refuses() {
	text=$1
	shift
	printf '%s\n' "$@" >"$orders"
	says 1 "$text" "$orders" && gone
}

gone() { [ ! -e "$RFM_DEMO_DIR" ]; }

shop() { psql -X -At -h "$RFM_DEMO_DIR/socket" -p 54329 -U postgres -d shop -c "$1" 2>>"$out"; }

# is QUERY RESULT
is() { [ "$(shop "$1")" = "$2" ]; }

## no server yet

check "stop without a demo" says 0 "nothing to stop" stop
check "status without a demo" says 0 "No demo" status
check "a file that is not there" says 1 "no file" "$base/none.csv"
check "a header without a column that must be there" refuses "no column is recognized as created_at" 'order_id,customer_id,total' '1,7,10'
mkdir "$RFM_DEMO_DIR" && echo mine >"$RFM_DEMO_DIR/file"
check "a directory that no demo made is refused" says 1 "in the way"
check "and stays as it is" [ "$(cat "$RFM_DEMO_DIR/file")" = mine ]
rm -r "$RFM_DEMO_DIR"

## two demos side by side, since each waits for the full minute

# a byte order mark, carriage returns, columns in another order, one of them unknown, an empty status, an empty line at the end
printf '\357\273\277%s\r\n' 'created_at;note;"Customer_ID";order_id;total;status' >"$base/own.csv"
printf '%s\r\n' '2024-02-29 12:00;"a;b";anna;A-1;10.50;' '2024-03-01;;anna;A-2;4.5;cancelled' '2024-03-02;;ben;A-3;1;paid' '' >>"$base/own.csv"
mkdir "$base/own_user"
echo mine >"$base/own_user/rfm.html"
(cd "$base/own_user" && RFM_DEMO_DIR=$base/own exec sh "$here/demo.sh" --dates=ymd "$base/own.csv") >"$base/own.out" 2>&1 </dev/null &
own=$!

# an older report gives way to the new one
mark='<title>Customers by recency, frequency and monetary value'
echo "$mark" >rfm.html
check "a made-up shop, scored by pg_cron" demo
check "its report is written where the user stands" [ "$(grep -c "^$mark" rfm.html)$(tail -n 1 rfm.html)" = '1</html>' ]
check "and that is said" grep -qxF "All of it as one page with pictures, to look at, print or mail: $base/user/rfm.html" "$out"
check "nothing else is left there" [ "$(ls)" = rfm.html ]
check "all orders are there" is "SELECT count(*), count(DISTINCT customer_id) FROM ecom.orders" '3000|500'
check "all customers are scored" is "SELECT count(*) FROM ecom.customer_rfm_daily WHERE rfm_segment IS NOT NULL" \
	"$(shop "SELECT count(DISTINCT customer_id) FROM ecom.orders WHERE status <> 'cancelled'")"
check "the job is left at its daily schedule" is "SELECT schedule FROM cron.job" '0 2 * * *'
check "no TCP port is open" is "SHOW listen_addresses" ''
check "status tells the way in" says 0 "psql -h $RFM_DEMO_DIR/socket" status
## files of every shape, into that shop's server

sh "$here/check_orders.sh" "$base/files" "$RFM_DEMO_DIR/socket" 54329 $n >"$base/files.out" 2>&1 || failures=$((failures + 1))
cat "$base/files.out"
n=$((n + $(grep -cE '^(not )?ok ' "$base/files.out")))
check "a second call makes room for itself, and names the line of a bad amount" \
	refuses 'orders.csv, line 3, column "total": "ten" is not an amount' "$head" "$row" '2,7,2024-03-01,ten,paid'

wait $own
own_status=$?
cp "$base/own.out" "$out"
RFM_DEMO_DIR=$base/own
check "orders of one's own" [ $own_status -eq 0 ]
check "they are scored" is "SELECT string_agg(concat_ws(' ', customer_id, frequency_orders, round(monetary_value, 2)), ', ' ORDER BY customer_id)
	FROM ecom.customer_rfm_daily" 'anna 1 10.50, ben 1 1.00'
check "a file rfm.html of the user's stays" [ "$(cat "$base/own_user/rfm.html")" = mine ]
check "and the report is in the demo's directory" grep -q '</html>$' "$RFM_DEMO_DIR/rfm.html"
check "stop says what it did" says 0 "removed" stop
check "and leaves nothing" gone
echo "1..$n"
[ $failures -eq 0 ]
