# Takes the file of orders that people have into ecom.orders; sourced by demo.sh, after lib.sh.
#
# Here: the command line, the file's bytes (compression, encoding, line ends) and COPY. What the fields mean is found in SQL:
# load_header.sql finds the columns before COPY; after it load_values.sql reads amounts and dates, load_orders.sql makes orders of
# lines, load_call.sql makes the call that is printed, load_report.sql says it all. They work in a schema of their own, rfm_load,
# that is dropped at the end.
#
# The caller has a function sql (psql in its database, $1... its arguments), $work, $log and $here.
# shellcheck shell=sh disable=SC2034,SC2154

orders_usage() {
	cat <<'END'
What a file of orders may be: CSV with a header, separated by comma, semicolon, | or tab; UTF-8 or UTF-16; .gz. Shopify's, WooCommerce's
and UCI Online Retail's exports are recognized, and the usual names of columns. For all else:
  --column WHAT=NAME           take the column NAME (#3: the third) for WHAT: order_id, customer_id, created_at, total, status,
                               cancelled_at, refunded, quantity, unit_price; without NAME: take none
  --dates dmy|mdy|ymd          what 03/04/05 means
  --decimal point|comma        what 1,234 means
  --lines sum|repeat           an order on several lines: add up the amounts, or every line repeats the order's
  --status NAME=yes|no         does an order of this status count?
  --encoding NAME              the file's encoding, such as windows-1252
END
}

orders_file=
orders_dates=
orders_decimal=
orders_lines=
orders_encoding=
orders_columns=                  # lines of WHAT=NAME
loading=                         # what is said while the file is loaded
orders_statuses=                 # lines of NAME=yes or NAME=no
newline='
'

# orders_arguments ARGUMENT...: sets the above
orders_arguments() {
	while [ $# -gt 0 ]; do
		option=$1
		shift
		case $option in
		--*=*)
			value=${option#*=}
			option=${option%%=*}
			;;
		--*)
			[ $# -gt 0 ] || die "$option wants a value: $again --help"
			value=$1
			shift
			;;
		-*) die "there is no option $option: $again --help" ;;
		*)
			[ -z "$orders_file" ] || die "one file at a time: $orders_file, or $option?"
			orders_file=$option
			continue
			;;
		esac
		orders_option "$option" "$value"
	done
	[ -n "$orders_file" ] || die "the options say how to read a file, and none is named: $again --help"
}

orders_option() {
	case $1=$2 in
	--dates=dmy | --dates=mdy | --dates=ymd) orders_dates=$2 ;;
	--dates=*) die "--dates takes dmy, mdy or ymd, not \"$2\"" ;;
	--decimal=point | --decimal=comma) orders_decimal=$2 ;;
	--decimal=*) die "--decimal takes point or comma, not \"$2\"" ;;
	--lines=sum | --lines=repeat) orders_lines=$2 ;;
	--lines=*) die "--lines takes sum or repeat, not \"$2\"" ;;
	--encoding=*)
		iconv -f "$2" -t UTF-8 </dev/null >/dev/null 2>&1 ||
			die "iconv knows no encoding \"$2\"; \"iconv -l\" lists those that it knows"
		orders_encoding=$2
		;;
	--column=order_id=* | --column=customer_id=* | --column=created_at=* | --column=total=* | --column=status=* | \
		--column=cancelled_at=* | --column=refunded=* | --column=quantity=* | --column=unit_price=*)
		orders_columns=$orders_columns$2$newline
		;;
	--column=*) die "--column takes order_id=NAME, or the same with customer_id, created_at, total, status, cancelled_at, refunded, quantity or unit_price, not \"$2\"" ;;
	--status=*=yes | --status=*=no) orders_statuses=$orders_statuses$2$newline ;;
	--status=*) die "--status takes NAME=yes (it counts) or NAME=no, not \"$2\"" ;;
	*) die "there is no option $1: $again --help" ;;
	esac
}

## the file's bytes

# Looks at the file before anything is made; sets $csv (its absolute path), $packed (gzip or nothing) and $orders_encoding
check_orders_file() {
	case $orders_file in
	/*) csv=$orders_file ;;
	*) csv=$PWD/$orders_file ;;
	esac
	shown=$(printf %s "${orders_file##*/}" | tr '[:cntrl:]' '?')
	[ -e "$csv" ] || die "there is no file $orders_file (a command? $again --help)"
	if [ ! -f "$csv" ] || [ ! -r "$csv" ]; then
		die "cannot read $orders_file"
	fi
	packed=
	found=
	magic=$(od -An -tx1 -N4 "$csv" | tr -d ' ')
	case $magic in
	1f8b*)
		packed=gzip
		magic=$(gzip -dc <"$csv" 2>/dev/null | od -An -tx1 -N4 | tr -d ' ')
		;;
	esac
	case $magic in
	'') die "$shown is empty" ;;
	504b0304 | d0cf11e0) die "$shown is a workbook of a spreadsheet program, or a ZIP archive: save it as CSV, or unpack it, first" ;;
	25504446) die "$shown is a PDF: what can be read is CSV" ;;
	425a68* | fd377a58 | 28b52ffd) die "$shown is compressed, and not by gzip: unpack it first" ;;
	fffe*) found=UTF-16LE ;;
	feff*) found=UTF-16BE ;;
	??00??00) found=UTF-16LE ;;
	00??00??) found=UTF-16BE ;;
	esac
	orders_encoding=${orders_encoding:-$found}
}

# Sets $text: the file as UTF-8 that one can read twice, the file itself if it is that already
decode_orders() {
	text=$csv
	if [ -n "$packed" ] || [ -n "$orders_encoding" ]; then
		text=$work/orders.utf8
		(umask 077 && unpack_orders | iconv -f "${orders_encoding:-UTF-8}" -t UTF-8 >"$text") 2>"$log" || refuse_encoding
		[ ! -s "$log" ] || die "$shown: $(sed '/./!d; q' "$log")"
	elif ! iconv -f UTF-8 -t UTF-8 "$text" >/dev/null 2>&1; then
		refuse_encoding
	fi
	# line ends of old Macs
	if [ "$(head -c 65536 "$text" | tr -cd '\n' | wc -c)" -eq 0 ] && [ "$(head -c 65536 "$text" | tr -cd '\r' | wc -c)" -gt 1 ]; then
		(umask 077 && tr '\r' '\n' <"$text" >"$work/orders.lines") || die "see above"
		text=$work/orders.lines
	fi
}

unpack_orders() {
	if [ -n "$packed" ]; then gzip -dc <"$csv"; else cat "$csv"; fi
}

# Names the first line that is not in the encoding
refuse_encoding() {
	no_space=$(grep -h 'No space left' "$log" 2>/dev/null) && die "$no_space"
	if [ -n "$orders_encoding" ]; then
		die "$shown is not in the encoding $orders_encoding. --encoding names another"
	fi
	bad=$(unpack_orders | LC_ALL=C.UTF-8 grep -m 1 -naxv '.*')
	word=$(printf %s "${bad#*:}" | head -c 65536 | iconv -c -f WINDOWS-1252 -t UTF-8 2>/dev/null | grep -o '[[:alnum:]]*[^ -~[:cntrl:]][[:alnum:]]*' | head -n 1 | cut -c 1-40)
	die "$shown, line ${bad%%:*}: not UTF-8. Read as windows-1252, which spreadsheet programs write in western Europe, it has \"$word\" there.
If that is right: --encoding windows-1252. Otherwise name the encoding that it is in"
}

# Sets $skip (lines before the header), $separator (said by a line "sep=;") and $head, the file's beginning from the header on
find_header() {
	head=$(head -c 65536 "$text" | LC_ALL=C sed '1s/^\xef\xbb\xbf//; s/\r$//' | iconv -c -f UTF-8 -t UTF-8 2>/dev/null)
	skip=0
	separator=
	while :; do
		case ${head%%"$newline"*} in
		sep=? | SEP=?) separator=$(printf %s "${head%%"$newline"*}" | cut -c 5) ;;
		*[![:space:]]*) break ;;
		esac
		case $head in *"$newline"*) ;; *) die "$shown has no header" ;; esac
		head=${head#*"$newline"}
		skip=$((skip + 1))
	done
}

# The file from its header on: without carriage returns and byte order mark, without empty lines at the end. psql would take a
# line "\." for the end.
stream_orders() {
	end=$(tail -c 65536 "$text" | tr '\r\0' '\n?')
	end=$(($(wc -c <"$text") - $(tail -c 65536 "$text" | wc -c) + $(printf %s "$end" | wc -c)))
	head -c "$end" "$text" | tail -n +$((skip + 1)) | LC_ALL=C sed '1s/^\xef\xbb\xbf//; s/\r$//; s/^\\\.$/\\. /'
}

## loading

# Loads the file into ecom.orders, and says what was taken for what. Sets $model_call
load_orders() {
	decode_orders
	find_header
	run_sql load_header.sql -v file="$shown" -v line=$((skip + 1)) -v separator="$separator" -v columns="$orders_columns" -v head="$head" || refuse_orders
	cat "$log"
	copy=$(sql -At -c "SELECT copy FROM rfm_load.file") || die "see above"
	loading="Loading $shown ..."
	load_start=$(date +%s)
	printf %s "$loading"
	start_ticker "$loading"
	stream_orders | sql -q -c "$copy" >"$log" 2>&1 || refuse_copy
	run_sql "load_values.sql load_orders.sql load_call.sql load_report.sql" \
		-v dates="$orders_dates" -v decimal="$orders_decimal" -v lines="$orders_lines" -v statuses="$orders_statuses" || refuse_orders
	end_loading " $(($(date +%s) - load_start)) s"
	cat "$log"
	model_call=$(sql -At -c "SELECT call FROM rfm_load.file") || die "see above"
	sql -q -c "SET client_min_messages = warning" -c "DROP SCHEMA rfm_load CASCADE" || die "see above"
	rm -f "$work/orders.utf8" "$work/orders.lines"
}

# end_loading TEXT: puts it behind "Loading ..."
end_loading() {
	stop_ticker
	[ -n "$loading" ] || return 0
	[ "$tty" = no ] || printf '\r%s' "$loading"
	printf '%s\n' "$1"
	loading=
}

# run_sql FILES SETTING...: in one session, its output in $log
run_sql() {
	scripts=$1
	shift
	# shellcheck disable=SC2086 # a list of names
	(cd "$here" && cat $scripts) | sql -q -v VERBOSITY=default -v SHOW_CONTEXT=never "$@" -f - >"$log" 2>&1
}

# The error of SQL as ours
refuse_orders() {
	end_loading " failed"
	die "$(sed -n 's/^\(psql:[^ ]* \)\{0,1\}ERROR:  //p; s/^DETAIL:  //p; s/^HINT:  //p; /^psql: error/p' "$log")"
}

# COPY knows the line, and says the rest in words of its own
refuse_copy() {
	end_loading " failed"
	line=$(sed -n 's/^CONTEXT: .*, line \([0-9]*\).*/\1/p' "$log" | head -n 1)
	at="$shown, line $((${line:-0} + skip))"
	names=$(sql -At -c "SELECT count(*) FROM rfm_load.header") || die "see above"
	case $(cat "$log") in
	*'missing data for column'*)
		have=$(sed -n 's/.*missing data for column "c\([0-9]*\)".*/\1/p' "$log")
		if [ "$have" = 2 ]; then
			die "$at: an empty line, or one without separators; the header names $names columns. Remove it, or mend it"
		fi
		die "$at: only $((have - 1)) fields; the header names $names columns. Mend that line"
		;;
	*'extra data after last'*)
		die "$at: more fields than the $names columns that the header names. A field that has the separator in it wants double quotes around it"
		;;
	*'unterminated CSV quoted'*)
		die "$at, the last: a double quote is opened and never closed, perhaps many lines before. A quote within a field is written twice, in a quoted field"
		;;
	*)
		cat "$log" >&2
		die "$shown was not loaded: see above; a line named there is counted from the header on, which is line $((skip + 1))"
		;;
	esac
}

# What would do the same on the user's own server
show_model_call() {
	say "The same on a server of your own, with the columns of $shown in a table public.orders (times as timestamptz, amounts as numeric):"
	say "$model_call"
	say ""
}
