# The results of run.sh as tables. Input, by tabs:
#   time KEY ROUND MS | wal KEY ROUND BYTES | rows KEY ROUND CUSTOMERS ORDERS INSERTED UPDATED DELETED UNCHANGED
#   phase KEY ROUND NAME MS | memory SIZE CUSTOMERS BACKEND WORKER TOGETHER BACKEND_RSS WORKER_RSS WORKERS (kB)
#   plan KEY on|off | note TEXT
BEGIN { FS = "\t" }
$1 == "time"   { ms[$2, $3] = $4; if ($3 > have[$2]) have[$2] = $3 }
$1 == "wal"    { wal[$2, $3] = $4 }
$1 == "rows"   { written[$2, $3] = $6 + $7 + $8; counts[$2] = $6 " inserted, " $7 " updated, " $8 " deleted, " $9 " unchanged"; size[$2] = $5 }
$1 == "phase"  { phase[$2, $4, $3] = $5; if (!(($4) in known)) { known[$4] = ++phases; phase_name[phases] = $4 } }
$1 == "memory" { scored[$2] = $3; backend[$2] = $4; worker[$2] = $5; together[$2] = $6
                 backend_rss[$2] = $7; worker_rss[$2] = $8; workers[$2] = $9; memory = 1 }
$1 == "plan"   { plan[$2] = $3 }
$1 == "note"   { notes[++n_notes] = $2 }

# the median of value[1..n]
function median(value, n,    i, j, v) {
	for (i = 2; i <= n; i++) {
		v = value[i]
		for (j = i - 1; j >= 1 && value[j] > v; j--) value[j + 1] = value[j]
		value[j + 1] = v
	}
	return n % 2 ? value[(n + 1) / 2] : (value[n / 2] + value[n / 2 + 1]) / 2
}

# have[key]: how many rounds there are of it; those that take long have fewer. rounds_with: that both have
function rounds_with(key, other) { return have[key] < have[other] ? have[key] : have[other] }

function time_of(key,    i, v) {
	for (i = 1; i <= have[key]; i++) v[i] = ms[key, i]
	return median(v, have[key])
}

function phase_of(key, name,    i, v) {
	for (i = 1; i <= have[key]; i++) v[i] = phase[key, name, i]
	return median(v, have[key])
}

function rounds_of(key,    i, s) {
	for (i = 1; i <= have[key]; i++) s = s (i > 1 ? " / " : "") sprintf("%.2f", ms[key, i] / 1000)
	return s
}

function row(text, key, more) {
	if (key in have)
		printf "| %s | %.2f s | %s | %s |\n", text, time_of(key) / 1000, rounds_of(key), more
}

function grouping(key) { return key in plan ? "grouping by " (plan[key] == "on" ? "hash" : "sort") ", the faster one" : "" }

function verdict(text, value, sign, limit, detail, unit,    ok) {
	ok = sign == "at least" ? value >= limit : value <= limit
	printf "| %s | %s%s | %s %s%s | %s | %s |\n", text, shown(value), unit, sign, limit, unit, ok ? "met" : "**missed**", detail
	if (!ok) missed = missed "\n- " text ": " shown(value) unit " instead of " sign " " limit unit
}

function shown(value) { return value >= 1000 ? sprintf("%d", value) : sprintf("%.2f", value) }

# the median of the rounds' own ratios: what slows one round slows both sides of it
function ratio(text, above, below, sign, limit, below2,    i, n, v, s, d) {
	if (!(above in have) || !(below in have) || (below2 != "" && !(below2 in have))) return
	n = rounds_with(above, below)
	for (i = 1; i <= n; i++) {
		d = ms[below, i] + (below2 != "" ? ms[below2, i] : 0)
		v[i] = ms[above, i] / d
		s = s (i > 1 ? " / " : "") sprintf("%.2f", v[i])
	}
	verdict(text, median(v, n), sign, limit, s, "")
}

function growth(text, key, base,    i, n, v, s) {
	if (!(key in have) || !(base in have)) return
	n = rounds_with(key, base)
	for (i = 1; i <= n; i++) {
		v[i] = (ms[key, i] / size[key]) / (ms[base, i] / size[base])
		s = s (i > 1 ? " / " : "") sprintf("%.2f", v[i])
	}
	verdict(text, median(v, n), "at most", 1.3, s, "")
}

function phase_row(text, key,    i, j, rest) {
	if (!(key in have)) return
	printf "| %s |", text
	for (j = 1; j <= have[key]; j++) rest[j] = ms[key, j]
	for (i = 1; i <= phases; i++) {
		printf " %.2f |", phase_of(key, phase_name[i]) / 1000
		for (j = 1; j <= have[key]; j++) rest[j] -= phase[key, phase_name[i], j]
	}
	printf " %.2f |\n", median(rest, have[key]) / 1000
}

END {
	print "## Times"
	print ""
	print "| what | median | rounds, s | |"
	print "| --- | ---: | --- | --- |"
	row("rfm_refresh into the empty target", "first.rfm", counts["first.rfm"])
	row("rfm_refresh again, nothing changed", "again.rfm", counts["again.rfm"])
	row("rfm_refresh after 1 % of the customers ordered", "changed.rfm", counts["changed.rfm"])
	row("hand-written SQL into the empty target", "first.sql", grouping("first.sql"))
	row("hand-written SQL again, nothing changed", "again.sql", "")
	row("floor to read: parallel scan and aggregate", "read.floor", "")
	row("floor to write: COPY binary, sorted, empty target with key", "copy.floor", "")
	row("pandas and psycopg2 into the empty target", "first.pandas", "without Python's start")
	row("DuckDB, no PostgreSQL in or out", "first.duckdb", "without node's start")
	row("rfm_refresh, text customers", "text.rfm", "")
	row("rfm_refresh, integer customers, in turn with these", "text.integer", "")
	row("hand-written SQL, text customers", "text.sql", grouping("text.sql"))
	row("rfm_refresh, uuid customers", "uuid.rfm", "")
	row("rfm_refresh, integer customers, in turn with these", "uuid.integer", "")
	row("hand-written SQL, uuid customers", "uuid.sql", grouping("uuid.sql"))
	row("rfm_refresh, invoice lines with distinct invoices", "lines.rfm", "")
	row("hand-written SQL, count(DISTINCT invoice)", "lines.sql", "")
	row("hand-written SQL, invoices first", "lines.steps", grouping("lines.steps"))
	row("rfm_refresh, no parallel workers", "serial.rfm", "")
	row("hand-written SQL, no parallel workers", "serial.sql", grouping("serial.sql"))
	row("floor to read: serial scan and aggregate", "serial.read", "")
	row("rfm_refresh, 500 groups", "groups.rfm", "")
	row("hand-written SQL, 500 groups", "groups.sql", grouping("groups.sql"))
	row("rfm_refresh, the same customers in one group", "groups.one", "")
	row("rfm_refresh, a tenth of the orders and customers", "growth.small", sprintf("%d orders count", size["growth.small"]))
	row("rfm_refresh, these orders and customers", "growth.normal", sprintf("%d orders count", size["growth.normal"]))
	row("rfm_refresh, five times the orders and customers", "growth.big", sprintf("%d orders count", size["growth.big"]))
	row("rfm_refresh, half as many customers as orders, unbounded", "bound.free", "")
	row("rfm_refresh, the same, rfm.work_mem = 64MB", "bound.bound", "")

	print ""
	print "## Against what is wanted"
	print ""
	print "Medians of the ratios within each round. Wanted at 10,000,000 orders of 1,000,000 customers on 2 cores."
	print ""
	print "| what | ratio | wanted | | rounds |"
	print "| --- | ---: | --- | --- | --- |"
	ratio("first snapshot against floor to read + floor to write", "first.rfm", "read.floor", "at most", 0.9, "copy.floor")
	ratio("first snapshot against DuckDB", "first.rfm", "first.duckdb", "at most", 1.0)
	ratio("nothing changed, against floor to read", "again.rfm", "read.floor", "at most", 1.6)
	if ("again.rfm" in have) {
		most = 0; bytes = 0
		for (i = 1; i <= have["again.rfm"]; i++) {
			if (written["again.rfm", i] > most) most = written["again.rfm", i]
			if (wal["again.rfm", i] > bytes) bytes = wal["again.rfm", i]
		}
		verdict("nothing changed: rows written", most, "at most", 0, "most of any round", "")
		verdict("nothing changed: WAL", bytes / 1000, "at most", 1000, "most of any round", " kB")
	}
	ratio("no parallel workers, against serial floor to read + floor to write", "serial.rfm", "serial.read", "at most", 1.0, "copy.floor")
	ratio("text customers, against integer ones", "text.rfm", "text.integer", "at most", 1.4)
	ratio("uuid customers, against integer ones", "uuid.rfm", "uuid.integer", "at most", 1.2)
	ratio("500 groups, against one", "groups.rfm", "groups.one", "at most", 1.5)
	growth("growth: time an order, against a tenth of the orders", "growth.normal", "growth.small")
	growth("growth: time an order of five times the orders, against a tenth", "growth.big", "growth.small")
	if (memory)
		verdict("memory: bytes a customer in the backend, beyond a constant", per_customer(backend), "at most", 100, "", "")
	ratio("rfm.work_mem = 64MB, against unbounded", "bound.bound", "bound.free", "at most", 1.4)

	print ""
	print "Ratios to hand-written SQL and scripts, which differ more from machine to machine, and others that tell something:"
	print ""
	print "| what | ratio | | | rounds |"
	print "| --- | ---: | --- | --- | --- |"
	plain("first snapshot: times faster than the SQL", "first.sql", "first.rfm")
	plain("nothing changed: times faster than the SQL", "again.sql", "again.rfm")
	plain("text customers: times faster than the SQL", "text.sql", "text.rfm")
	plain("uuid customers: times faster than the SQL", "uuid.sql", "uuid.rfm")
	plain("distinct invoices: times faster than count(DISTINCT)", "lines.sql", "lines.rfm")
	plain("500 groups: times faster than the SQL", "groups.sql", "groups.rfm")
	plain("no parallel workers: times faster than the SQL", "serial.sql", "serial.rfm")
	plain("nothing changed, against the first", "again.rfm", "first.rfm")
	plain("1 % changed, against the first", "changed.rfm", "first.rfm")
	plain("first snapshot: times faster than pandas and psycopg2", "first.pandas", "first.rfm")
	plain("distinct invoices: times faster than SQL with invoices first", "lines.steps", "lines.rfm")
	plain("no parallel workers, against with them", "serial.rfm", "first.rfm")

	if (phases) {
		print ""
		print "## Where the time goes"
		print ""
		print "Seconds by phase from rfm_run, medians; the rest is planning the call, the log row and the commit."
		print ""
		printf "| rfm_refresh |"
		for (i = 1; i <= phases; i++) printf " %s |", phase_name[i]
		print " rest |"
		printf "| --- |"
		for (i = 0; i <= phases; i++) printf " ---: |"
		print ""
		phase_row("empty target", "first.rfm")
		phase_row("nothing changed", "again.rfm")
		phase_row("1 % changed", "changed.rfm")
		phase_row("no parallel workers", "serial.rfm")
		phase_row("text customers", "text.rfm")
		phase_row("uuid customers", "uuid.rfm")
		phase_row("distinct invoices", "lines.rfm")
		phase_row("500 groups", "groups.rfm")
		phase_row("a tenth", "growth.small")
		phase_row("five times", "growth.big")
		phase_row("unbounded", "bound.free")
		phase_row("64 MB", "bound.bound")
	}

	if (memory) {
		print ""
		print "## Memory"
		print ""
		print "Peaks while refreshing into the empty target, sampled every 20 ms. Own memory is what is not shared with other"
		print "processes; resident includes the pages of shared_buffers that the process touched."
		print ""
		print "| customers | backend, own | largest worker, own | all together, own | workers | backend, resident | largest worker, resident |"
		print "| ---: | ---: | ---: | ---: | ---: | ---: | ---: |"
		memory_row("small"); memory_row("normal"); memory_row("big")
		print ""
		printf "Bytes a customer beyond a constant (own memory): backend %.0f, largest worker %.0f, all together %.0f.\n",
			per_customer(backend), per_customer(worker), per_customer(together)
	}

	print ""
	print "## Notes"
	print ""
	for (i = 1; i <= n_notes; i++) print "- " notes[i]
	if (missed != "") {
		print ""
		print "Missed:"
		print missed
	}
}

# between the smallest and the largest size
function per_customer(kb,    high) {
	high = "big" in scored ? "big" : "normal"
	return scored[high] > scored["small"] ? (kb[high] - kb["small"]) * 1024 / (scored[high] - scored["small"]) : 0
}

function memory_row(s) {
	if (s in scored)
		printf "| %d | %.0f MB | %.0f MB | %.0f MB | %d | %.0f MB | %.0f MB |\n", scored[s], backend[s] / 1024, worker[s] / 1024,
			together[s] / 1024, workers[s], backend_rss[s] / 1024, worker_rss[s] / 1024
}

function plain(text, above, below,    i, n, v, s) {
	if (!(above in have) || !(below in have)) return
	n = rounds_with(above, below)
	for (i = 1; i <= n; i++) {
		v[i] = ms[above, i] / ms[below, i]
		s = s (i > 1 ? " / " : "") sprintf("%.2f", v[i])
	}
	printf "| %s | %.2f | | | %s |\n", text, median(v, n), s
}
