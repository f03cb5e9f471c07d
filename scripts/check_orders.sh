#!/bin/sh
# Loads files of orders of every shape as demo.sh does, into one database, and compares the rows; for check_demo.sh.
# Arguments: a new directory, a socket's directory, a port, the number of tests before. Prints TAP without its plan.
# shellcheck disable=SC2016,SC2154,SC2317
me=demo
here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd) || exit 1
top=${here%/*}
again="sh scripts/demo.sh"
. "$here/lib.sh"
. "$here/load_orders.sh"
prepare_shell
work=$1 socket=$2 port=$3
mkdir "$work" && cd "$work" || exit 1
log=$work/log
out=$work/out
files=$top/t/orders
n=$4
failures=0

psql_in() { psql -X -v ON_ERROR_STOP=1 -P pager=off -h "$socket" -p "$port" -U postgres -d "$@"; }
sql() { psql_in files "$@"; }

ok() {
	n=$((n + 1))
	echo "ok $n - $1"
}

not_ok() {
	n=$((n + 1))
	failures=$((failures + 1))
	echo "not ok $n - $1"
	sed 's/^/# /' "$out" "$work/diff"
}

# load ARGUMENT...: as demo.sh does it
load() {
	sql -q -c "SET client_min_messages = warning" -c "DROP SCHEMA IF EXISTS ecom, rfm_load CASCADE" || return
	(
		orders_arguments "$@"
		check_orders_file
		load_orders
		show_model_call
	) >"$out" 2>&1
}

# same FILE: standard input is the same; the difference in $work/diff
same() { diff - "$1" >"$work/diff"; }

# rows NAME ARGUMENT...: the file's rows in ecom.orders are those of standard input
rows() {
	name=$1
	shift
	if load "$@" && sql -At -F ' ' -c "
		SELECT order_id, customer_id, to_char(created_at, 'YYYY-MM-DD\"T\"HH24:MI:SS'), coalesce(total::text, '-'), status, remark FROM ecom.orders ORDER BY order_id::text" >"$work/rows" &&
		sed 's/ *$//' "$work/rows" | same /dev/fd/3; then
		ok "$name"
	else
		not_ok "$name"
	fi 3<&0
}

# says NAME TEXT: the last file's loading said that line
says() {
	: >"$work/diff"
	if grep -qxF -- "$2" "$out"; then ok "$1"; else not_ok "$1"; fi
}

# refuses NAME ARGUMENT...: the whole message is that of standard input
refuses() {
	name=$1
	shift
	if load "$@"; then
		echo "not refused" >"$work/diff"
		not_ok "$name"
	elif sed -n '/^demo: /,$p' "$out" | same /dev/fd/3; then
		ok "$name"
	else
		not_ok "$name"
	fi 3<&0
}

# csv LINE...: makes orders.csv
csv() { printf '%s\n' "$@" >orders.csv; }

# call NAME TABLE FILE: what the last file's loading printed makes of that table, with the file in it, the customers that ecom.orders gives
call() {
	: >"$work/diff"
	{
		printf '%s\n' "CREATE TABLE public.orders ($2);" "\\copy public.orders FROM '$(printf '%s' "$3" | sed "s/'/''/g")' WITH (FORMAT csv, HEADER)"
		sed -n '/^The same on a server of your own/,$p' "$out" | sed 1d
	} >"$work/call.sql"
	if psql_in postgres -q -c "SET client_min_messages = warning" -c "DROP DATABASE IF EXISTS calls" -c "CREATE DATABASE calls TEMPLATE files" 2>>"$work/diff" &&
		psql_in calls -q -o /dev/null -c "CREATE EXTENSION rfm" -f "$work/call.sql" 2>>"$work/diff" &&
		[ "$(psql_in calls -At -c "
			WITH here AS (SELECT customer_id::text, recency_days, frequency_orders, monetary_value, rfm_segment, comments FROM rfm_preview('2024-12-31')),
			     there AS (SELECT customer_id::text, recency_days, frequency_orders, monetary_value, rfm_segment, comments FROM rfm_preview('2024-12-31', 'orders'))
			SELECT count(*) > 0, (SELECT count(*) FROM (SELECT * FROM here EXCEPT SELECT * FROM there) AS d), (SELECT count(*) FROM there) = count(*) FROM here" 2>>"$work/diff")" = 't|0|t' ]; then
		ok "$1"
	else
		not_ok "$1"
	fi
}

psql_in postgres -q -c "CREATE DATABASE files" || exit 1

## shapes

rows "Shopify: an order's fields stand on its first line" "$files/shopify.csv" <<'END'
#1001 anna@example.com 2024-02-29T17:00:00 25.50 paid
#1002 ben@example.com 2024-03-01T08:00:00 25.00 partially_refunded
#1003 ben@example.com 2024-03-02T08:00:00 0.00 cancelled status "refunded"
#1004 cleo@example.com 2024-03-03T08:00:00 12.00 cancelled cancelled, by column "Cancelled at"
#1005 cleo@example.com 2024-03-05T08:00:00 12.00 cancelled cancelled, by column "Cancelled at"
END
says "orders without a customer are counted" ' no customer                         |      1 | 12.00 | line 9'
says "every status is said, and whether it counts" ' voided             |      1 | no'
call "Shopify: the printed call does the same" '"Name" text, "Email" text, "Financial Status" text, "Paid at" timestamptz, "Fulfillment Status" text, "Currency" text,
	"Subtotal" numeric, "Total" numeric, "Created at" timestamptz, "Lineitem quantity" int, "Lineitem name" text, "Lineitem price" numeric,
	"Notes, by staff" text, "Cancelled at" timestamptz, "Refunded Amount" numeric, "Id" bigint' "$files/shopify.csv"

rows "WooCommerce, a line an item: the total repeats" "$files/woocommerce_items.csv" <<'END'
101 anna@example.com 2024-05-02T10:11:00 35.00 Completed
102 ben@example.com 2024-05-03T08:00:00 15.00 Processing
103 cleo@example.com 2024-05-04T09:30:00 20.00 cancelled status "Pending payment"
104 anna@example.com 2024-05-05T09:30:00 10.00 cancelled status "Cancelled"
105 ben@example.com 2024-05-06T23:30:00 12.50 On hold
END
call "WooCommerce, a line an item: the printed call does the same" '"Order Number" int, "Order Status" text, "Order Date" timestamptz, "Customer User ID" int,
	"Email (Billing)" text, "Order Total Amount" numeric, "Item Name" text, "Quantity" int, "Item Cost" numeric' "$files/woocommerce_items.csv"

rows "WooCommerce, a line an order: guests are told apart, refunds taken off" "$files/woocommerce_orders.csv" <<'END'
201 anna@example.com 2023-09-28T06:29:00 24.90 completed
202 ben@example.com 2023-10-02T18:05:00 19.90 cancelled status "failed"
203 ben@example.com 2023-10-03T18:05:00 14.90 completed
204 cleo@example.com 2023-10-04T07:00:00 0.00 cancelled status "wc-refunded"
END
call "WooCommerce, a line an order: the printed call does the same" 'order_id int, order_number text, order_date timestamptz, paid_date timestamptz, status text,
	shipping_total numeric, order_total numeric, refunded_total numeric, customer_id int, customer_user int, billing_first_name text, billing_email text' "$files/woocommerce_orders.csv"

rows "UCI Online Retail: quantity times price, added up" "$files/online_retail.csv" <<'END'
536365 17850 2010-12-01T08:26:00 35.64 completed
536366 17850 2010-12-01T08:28:00 11.10 completed
536412 17920 2010-12-13T11:49:00 6.60 completed
C536379 14527 2010-12-13T09:41:00 -27.5 cancelled a refund: its total is below zero
END
says "dates that rows decide" '7 lines, 5 orders. Dates: MM/DD/YYYY; times without a zone are read as UTC.'
call "UCI Online Retail: the printed call does the same" '"InvoiceNo" text, "StockCode" text, "Description" text, "Quantity" int, "InvoiceDate" timestamp, "UnitPrice" numeric,
	"CustomerID" int, "Country" text' "$files/online_retail.csv"

csv 'Order ID, Customer ID , created-at,"Total, in EUR"' ' 1 , 7,2024-02-29T12:00:00Z,10' '2,	8 ,2024-02-29 13:00:00.25+01:00,-3' '3,,2024-03-01,5' '4,8,,5' '5,8,2024-03-02,' '' ''
rows "names of any shape, blanks, empty fields and lines" --column 'total=Total, in EUR' orders.csv <<'END'
1 7 2024-02-29T12:00:00 10 completed
2 8 2024-02-29T12:00:00 -3 cancelled a refund: its total is below zero
5 8 2024-03-02T00:00:00 - completed
END
says "orders without a date are counted" ' no date                           |      1 |     5 | line 5'
says "orders without an amount, too" 'Note: orders without an amount, which count as orders and add nothing: 1, the first in line 6.'

csv 'order|customer|date|amount' '1|a|1709208000|5' '2|b|1709208001.5|6'
rows "pipes, seconds since 1970" orders.csv <<'END'
1 a 2024-02-29T12:00:00 5 completed
2 b 2024-02-29T12:00:01 6 completed
END
printf 'OrderNo\tCustomerNo\tPlacedAt\tGrand Total\n1\t7\t1709208000000\t5\n' >orders.csv
rows "tabs, milliseconds since 1970" orders.csv <<'END'
1 7 2024-02-29T12:00:00 5 completed
END
csv 'order,customer,date,amount' '1,a,20240229,5' '2,a,20240301T101112Z,6'
rows "digits only" orders.csv <<'END'
1 a 2024-02-29T00:00:00 5 completed
2 a 2024-03-01T10:11:12 6 completed
END
csv 'order,customer,date,amount' '1,a,"Feb 29, 2024 1:05 pm",5' '2,a,1-Mar-24,6' '3,a,Sat Mar 02 2024 10:00:00 GMT+0100 (CET),7'
rows "months by their names" orders.csv <<'END'
1 a 2024-02-29T13:05:00 5 completed
2 a 2024-03-01T00:00:00 6 completed
3 a 2024-03-02T09:00:00 7 completed
END
csv 'order,customer,date,amount' '1,a,2/29/24 12:05 AM,5' '2,a,3/1/24 1:00 p.m.,6'
rows "two-digit years, twelve-hour clock" orders.csv <<'END'
1 a 2024-02-29T00:05:00 5 completed
2 a 2024-03-01T13:00:00 6 completed
END

# as a German spreadsheet writes it, once in UTF-16 both ways, once in windows-1252, and packed
printf '%s\r\n' 'sep=;' 'Order No;Kunde;Date;Total;Status' 'A-1;Müller;03.04.2024;1.234,50 €;bezahlt' 'A-2;Groß;05.04.2024;7,5 €;Canceled' '' >german.csv
for encoding in UTF-16LE UTF-16BE; do
	{ printf '\357\273\277'; cat german.csv; } | iconv -f UTF-8 -t $encoding >orders.csv
	rows "sep=, decimal commas, dots in dates, $encoding with its mark" --column customer_id=Kunde orders.csv <<'END'
A-1 Müller 2024-04-03T00:00:00 1234.50 bezahlt
A-2 Groß 2024-04-05T00:00:00 7.5 cancelled status "Canceled"
END
done
iconv -f UTF-8 -t UTF-16LE german.csv | gzip >orders.csv.gz
rows "UTF-16 without its mark, packed" --column customer_id=kunde orders.csv.gz <<'END'
A-1 Müller 2024-04-03T00:00:00 1234.50 bezahlt
A-2 Groß 2024-04-05T00:00:00 7.5 cancelled status "Canceled"
END
iconv -f UTF-8 -t windows-1252 german.csv >orders.csv
rows "windows-1252, when it is told" --encoding=windows-1252 --column='customer_id=#2' orders.csv <<'END'
A-1 Müller 2024-04-03T00:00:00 1234.50 bezahlt
A-2 Groß 2024-04-05T00:00:00 7.5 cancelled status "Canceled"
END
refuses "and otherwise named" --column customer_id=Kunde orders.csv <<'END'
demo: orders.csv, line 3: not UTF-8. Read as windows-1252, which spreadsheet programs write in western Europe, it has "Müller" there.
If that is right: --encoding windows-1252. Otherwise name the encoding that it is in
END
printf 'order,customer,date,amount\r1,a,2024-02-29,5\r2,a,2024-03-01,6\r' >orders.csv
rows "line ends of old Macs" orders.csv <<'END'
1 a 2024-02-29T00:00:00 5 completed
2 a 2024-03-01T00:00:00 6 completed
END

csv 'order,customer,date,amount' '1,a,2024-02-29,"$1,234.50"' '2,a,2024-02-29,(5.00)' '3,a,2024-02-29,US$ 7' '4,a,2024-02-29,8.25-' "5,a,2024-02-29,1'234.75" \
	'6,a,2024-02-29,12 kr.' '7,a,2024-02-29,1.5E+02' '8,a,2024-02-29,−9' '9,a,2024-02-29,"12,34,567.89 ₹"'
rows "currency signs, thousands, signs" orders.csv <<'END'
1 a 2024-02-29T00:00:00 1234.50 completed
2 a 2024-02-29T00:00:00 -5.00 cancelled a refund: its total is below zero
3 a 2024-02-29T00:00:00 7 completed
4 a 2024-02-29T00:00:00 -8.25 cancelled a refund: its total is below zero
5 a 2024-02-29T00:00:00 1234.75 completed
6 a 2024-02-29T00:00:00 12 completed
7 a 2024-02-29T00:00:00 150 completed
8 a 2024-02-29T00:00:00 -9 cancelled a refund: its total is below zero
9 a 2024-02-29T00:00:00 1234567.89 completed
END

csv 'order,customer,date,amount,status' '1,17850.0,2024-02-29,1,paid' '2,17850.0,2024-02-29,2,CANCELLED' '3,17850.0,2024-02-29,3,cancelled by customer' '4,17851.0,2024-02-29,4,Refunded' \
	'5,17851.0,2024-02-29,5,Payment failed' '6,17851.0,2024-02-29,6,voided' '7,17851.0,2024-02-29,7,PENDING' '8,17851.0,2024-02-29,8,' '9,17851.0,2024-02-29,9,refund-pending'
rows "statuses; ids that became fractions" --status pending=yes --status=PAID=no orders.csv <<'END'
1 17850 2024-02-29T00:00:00 1 cancelled status "paid"
2 17850 2024-02-29T00:00:00 2 cancelled status "CANCELLED"
3 17850 2024-02-29T00:00:00 3 cancelled status "cancelled by customer"
4 17851 2024-02-29T00:00:00 4 cancelled status "Refunded"
5 17851 2024-02-29T00:00:00 5 cancelled status "Payment failed"
6 17851 2024-02-29T00:00:00 6 cancelled status "voided"
7 17851 2024-02-29T00:00:00 7 PENDING
8 17851 2024-02-29T00:00:00 8 completed
9 17851 2024-02-29T00:00:00 9 refund-pending
END
call "statuses: the printed call does the same" '"order" int, customer float8, date date, amount numeric, status text' "$work/orders.csv"

csv 'order,customer,date,amount,cancelled' '1,a,2024-02-29,5,false' '2,a,2024-02-29,6,TRUE' '3,b,2024-02-29,7,false'
rows "a column that says whether an order is cancelled" orders.csv <<'END'
1 a 2024-02-29T00:00:00 5 completed
2 a 2024-02-29T00:00:00 6 cancelled cancelled, by column "cancelled"
3 b 2024-02-29T00:00:00 7 completed
END
call "a column that says whether: the printed call does the same" '"order" int, customer text, date date, amount numeric, cancelled boolean' "$work/orders.csv"

csv 'Order ID,E-Mail,Created At,Total' '1,Anna@example.com,2024-02-29,5' '2,anna@example.com,2024-03-01,6' '3,ben@example.com,2024-03-01,7'
rows "e-mail addresses are compared without their case" --column customer_id=email orders.csv <<'END'
1 anna@example.com 2024-02-29T00:00:00 5 completed
2 anna@example.com 2024-03-01T00:00:00 6 completed
3 ben@example.com 2024-03-01T00:00:00 7 completed
END
call "e-mail addresses: the printed call does the same" '"Order ID" int, "E-Mail" text, "Created At" date, "Total" numeric' "$work/orders.csv"

csv 'order,customer,date,amount,status' '1,a,2024-02-29,5,paid' '1,a,2024-03-01,6,paid' '1,a,2024-03-01,-1,paid' '2,b,2024-02-29,7,cancelled' '2,b,2024-02-29,3,paid' '3,b,2024-02-29,-2,paid'
rows "amounts of lines are added up, those of cancelled lines not" orders.csv <<'END'
1 a 2024-03-01T00:00:00 10 paid
2 b 2024-02-29T00:00:00 3 paid
3 b 2024-02-29T00:00:00 -2 cancelled a refund: its total is below zero
END
call "amounts of lines: the printed call does the same" '"order" int, customer text, date date, amount numeric, status text' "$work/orders.csv"

csv 'order,customer,date,amount' '1,a,2024-02-29,5' '1,a,2024-02-29,5' '2,b,2024-02-29,7' '2,b,2024-02-29,7' '3,b,2024-02-29,2' '3,b,2024-02-29,1'
refuses "lines that do not decide" orders.csv <<'END'
demo: orders.csv, line 6: order "3" stands on several lines with different amounts; order "1" (line 2) has the same amount on each. Like the first are 1, like the second 2
Say whether the lines' amounts are to be added up (--lines sum) or whether each line repeats the order's (--lines repeat: the largest is taken).
END
rows "are added up" --lines sum orders.csv <<'END'
1 a 2024-02-29T00:00:00 10 completed
2 b 2024-02-29T00:00:00 14 completed
3 b 2024-02-29T00:00:00 3 completed
END
rows "or taken once" --lines repeat orders.csv <<'END'
1 a 2024-02-29T00:00:00 5 completed
2 b 2024-02-29T00:00:00 7 completed
3 b 2024-02-29T00:00:00 2 completed
END
csv 'order,customer,date,product,qty,price' 'A1,a,2024-02-29,x,1,5' ',,,y,2,1.5' 'A2,b,2024-03-01,x,1,5'
rows "lines that leave out what the line above says" orders.csv <<'END'
A1 a 2024-02-29T00:00:00 8.0 completed
A2 b 2024-03-01T00:00:00 5 completed
END
csv 'customer,date,amount' 'a,2024-02-29,5' 'a,2024-02-29,5'
rows "without an order id every line is an order" orders.csv <<'END'
1 a 2024-02-29T00:00:00 5 completed
2 a 2024-02-29T00:00:00 5 completed
END
says "and that is said" "Note: no column has the order's id: every line is taken for an order."
csv 'id,order id,customer id,customer,date,amount,price,quantity' '9,1,7,a,2024-02-29,5,99,99'
rows "the best names win" orders.csv <<'END'
1 7 2024-02-29T00:00:00 5 completed
END
rows "unless others are told" --column order_id=id --column customer_id=customer --column total= orders.csv <<'END'
9 a 2024-02-29T00:00:00 9801 completed
END
csv 'order,customer,date,amount' '1,a,03/04/2024,"1,234"' '2,a,05/06/2024,2'
rows "told: day first, decimal comma" --dates dmy --decimal comma orders.csv <<'END'
1 a 2024-04-03T00:00:00 1.234 completed
2 a 2024-06-05T00:00:00 2 completed
END
rows "told: month first, decimal point" --dates mdy --decimal point orders.csv <<'END'
1 a 2024-03-04T00:00:00 1234 completed
2 a 2024-05-06T00:00:00 2 completed
END
csv 'order,customer,date,amount' '1,a,05/05/2024,1'
rows "a day and a month that are the same" orders.csv <<'END'
1 a 2024-05-05T00:00:00 1 completed
END
# a line that psql takes for the end of what it copies, and what must not be run
csv 'order,customer,date,amount,note' '1,a,2024-05-05,1,"' '\.' 'DROP SCHEMA rfm_load CASCADE;' '\! touch broken' '"' '2,a,2024-05-06,1,'
rows "no line ends the file" orders.csv <<'END'
1 a 2024-05-05T00:00:00 1 completed
2 a 2024-05-06T00:00:00 1 completed
END

## refusals

refuses "no file" none.csv <<'END'
demo: there is no file none.csv (a command? sh scripts/demo.sh --help)
END
refuses "options without a file" --dates dmy <<'END'
demo: the options say how to read a file, and none is named: sh scripts/demo.sh --help
END
refuses "an unknown option" --date dmy orders.csv <<'END'
demo: there is no option --date: sh scripts/demo.sh --help
END
refuses "a wrong value" --dates dym orders.csv <<'END'
demo: --dates takes dmy, mdy or ymd, not "dym"
END
refuses "an unknown encoding" --encoding klingon orders.csv <<'END'
demo: iconv knows no encoding "klingon"; "iconv -l" lists those that it knows
END
refuses "an unknown column to take" --column sum=Total orders.csv <<'END'
demo: --column takes order_id=NAME, or the same with customer_id, created_at, total, status, cancelled_at, refunded, quantity or unit_price, not "sum=Total"
END
: >orders.csv
refuses "an empty file" orders.csv <<'END'
demo: orders.csv is empty
END
printf 'PK\003\004rest' >orders.xlsx
refuses "a workbook" orders.xlsx <<'END'
demo: orders.xlsx is a workbook of a spreadsheet program, or a ZIP archive: save it as CSV, or unpack it, first
END
head -c 200 german.csv | gzip | head -c 60 >orders.csv.gz
refuses "a file that was cut off" orders.csv.gz <<'END'
demo: orders.csv.gz: gzip: stdin: unexpected end of file
END
csv 'order,customer,date,amount'
refuses "a header alone" orders.csv <<'END'
demo: orders.csv has a header, but no orders
Every line after the header is to be an order, or a line of one.
END
csv 'order customer date amount' '1 a 2024-02-29 5'
refuses "no separator" orders.csv <<'END'
demo: orders.csv, line 1: no comma, semicolon, | or tab separates columns in the header "order customer date amount"
The first line must name the columns. Another separator can be told by a line before it, such as sep=:
END
csv 'order,"who, by name",day of week,amount' '1,a,2024-02-29,5'
refuses "a column that must be there" orders.csv <<'END'
demo: orders.csv, line 1: no column is recognized as customer_id (who has bought: a number, a name or an e-mail address)
Name it: --column 'customer_id=NAME'. The columns are "order", "who, by name", "day of week", "amount".
END
refuses "a column that is told, and not there" --column customer_id=client orders.csv <<'END'
demo: orders.csv, line 1: there is no column "client"
The columns are "order", "who, by name", "day of week", "amount".
END
csv 'order,Customer ID,customer_id,date,amount' '1,a,b,2024-02-29,5'
refuses "two columns of the same name" orders.csv <<'END'
demo: orders.csv, line 1: "Customer ID" and "customer_id" (columns 2 and 3) could both be the customer_id
Say which: --column 'customer_id=#2'. Without a name after the =, none is taken.
END
csv 'order,customer,date,amount' '1,a,2024-02-29,5' '2,a,2024-02-29' '3,a,2024-02-29,5'
refuses "too few fields" orders.csv <<'END'
demo: orders.csv, line 3: only 3 fields; the header names 4 columns. Mend that line
END
csv 'sep=,' 'order,customer,date,amount' '1,a,2024-02-29,5' '2,a,2024-02-29,5,50'
refuses "too many fields" orders.csv <<'END'
demo: orders.csv, line 4: more fields than the 4 columns that the header names. A field that has the separator in it wants double quotes around it
END
csv 'order,customer,date,amount' '1,a,2024-02-29,5' '' '2,a,2024-02-29,5'
refuses "an empty line within" orders.csv <<'END'
demo: orders.csv, line 3: an empty line, or one without separators; the header names 4 columns. Remove it, or mend it
END
csv 'order,customer,date,amount' '1,"a,2024-02-29,5' '2,a,2024-02-29,5'
refuses "a quote without its other" orders.csv <<'END'
demo: orders.csv, line 3, the last: a double quote is opened and never closed, perhaps many lines before. A quote within a field is written twice, in a quoted field
END
csv 'order,customer,date,"amount
in EUR"' '1,"a
b",2024-02-29,5' '2,a,2024-02-29,ten' '3,a,2024-02-29,eleven'
refuses "no amount; lines within fields are counted" --column 'total=#4' orders.csv <<'END'
demo: orders.csv, line 5, column "amount in EUR": "ten" is not an amount (1 more in the file is not)
Mend or empty the field, or take another column: --column total=NAME.
END
csv 'order,customer,date,amount' '1,a,2024-02-29,5.50' '2,a,2024-02-29,"5,5"'
refuses "amounts of two kinds" orders.csv <<'END'
demo: orders.csv, line 3, column "amount": "5,5" has a decimal comma, but "5.50" (line 2) has a decimal point
Make the amounts alike, or say which it is: --decimal comma, or --decimal point; the others must then be thousands separators.
END
csv 'order,customer,date,amount' '1,a,2024-02-29,1.234' '2,a,2024-02-29,5'
refuses "an amount that can be read in two ways" orders.csv <<'END'
demo: orders.csv, line 2, column "amount": "1.234" can be read with a decimal sign and with a thousands separator, and no other amount tells which
Say what , and . are: --decimal point (1,234.50) or --decimal comma (1.234,50).
END
csv 'order,customer,date,amount' '1,a,12/11/2025,5' '2,a,03/04/2025,5'
refuses "dates that no row decides" orders.csv <<'END'
demo: orders.csv, line 2, column "date": the dates can be read as DD/MM/YYYY and as MM/DD/YYYY, and no row decides; "12/11/2025" is 12 November 2025 or 11 December 2025
Say which: --dates dmy or --dates mdy.
END
csv 'order,customer,date,amount' '1,a,31/12/2025,5' '2,a,12/31/2025,5' '3,a,30/12/2025,5'
refuses "dates that contradict each other" orders.csv <<'END'
demo: orders.csv, line 3, column "date": "12/31/2025" does not have the format of the other dates, DD/MM/YYYY, as "31/12/2025" (line 2)
Mend or empty the field, or take another column: --column created_at=NAME.
END
csv 'order,customer,date,amount' '1,a,2025-02-28,5' '2,a,2025-02-29,5'
refuses "no date" orders.csv <<'END'
demo: orders.csv, line 3, column "date": "2025-02-29" is not a date; the others are YYYY-MM-DD, as "2025-02-28" (line 2)
Mend or empty the field, or take another column: --column created_at=NAME.
END
csv 'order,customer,date,amount' '1,,2025-02-28,5' '2,a,,5'
refuses "nothing that can be scored" orders.csv <<'END'
demo: orders.csv: no order has both a customer (column "customer") and a date (column "date")
Take other columns: --column customer_id=NAME, --column created_at=NAME.
END
csv 'order,customer,date,amount,status' '1,a,2025-02-28,5,paid'
refuses "a status that is not there" --status shipped=no orders.csv <<'END'
demo: --status "shipped": no order of orders.csv has that status
The file has "paid".
END
printf 'order,customer,date,amount\n1,a,2025-02-28,\033[31mred\n' >orders.csv
refuses "nothing from the file reaches the terminal as a command" orders.csv <<'END'
demo: orders.csv, line 2, column "amount": " [31mred" is not an amount
Mend or empty the field, or take another column: --column total=NAME.
END

# a field of tens of megabytes, and many empty lines in it, take seconds
{
	printf 'order,customer,date,amount,note\n1,a,2024-02-29,5,"'
	head -c 30000000 /dev/zero | tr '\0' x
	printf '"\n2,a,2024-02-29,5,"'
	head -c 10000000 /dev/zero | tr '\0' '\n'
	printf '"\n3,a,2024-02-30,5,\n'
} >orders.csv
refuses "a field of 30 MB, and one of ten million lines" orders.csv <<'END'
demo: orders.csv, line 10000004, column "date": "2024-02-30" is not a date; the others are YYYY-MM-DD, as "2024-02-29" (line 2)
Mend or empty the field, or take another column: --column created_at=NAME.
END

echo "# $failures failed"
[ $failures -eq 0 ]
