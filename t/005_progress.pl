# rfm_progress: what others see of a refresh while it runs, from the first order
# to the commit, and that nothing is seen of it once it is over, however it
# ended.  Cancelled in each phase it ends at once and leaves everything as it
# was.  Without preloading the view says what is missing.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/lib";

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Server;
use Test::More;
use Time::HiRes qw(time);

my $date = '2024-06-30';
my $customers = 300_000;
my $cancel_ms = 1000;    # generous: a busy machine is not what is tested

my $node = PostgreSQL::Test::Cluster->new('progress');
$node->init;
$node->append_conf(
	'postgresql.conf', q{
shared_preload_libraries = 'rfm'
autovacuum = off
max_parallel_workers = 4
max_prepared_transactions = 2
min_parallel_table_scan_size = 0
});
$node->start;

$node->safe_psql(
	'postgres', qq{
CREATE EXTENSION rfm;
CREATE UNLOGGED TABLE orders (order_id int, customer_id int NOT NULL, created_at timestamp NOT NULL, total numeric(10,2));
INSERT INTO orders
SELECT i, i % $customers, timestamp '$date 12:00' - i * interval '1 minute', i % 977
  FROM generate_series(1, 3 * $customers) i;
ANALYZE orders;
CREATE TABLE few AS SELECT * FROM orders LIMIT 4000;
ANALYZE few;
-- the filter lets all orders through, and now and then whoever watches have a look
CREATE FUNCTION nap(int) RETURNS text LANGUAGE plpgsql STABLE PARALLEL SAFE AS 'BEGIN PERFORM pg_sleep(0.02); RETURN ''a''; END';
SELECT rfm_create_model('shop', 'orders', 'scores', filter => 'CASE WHEN order_id % 30000 = 0 THEN public.nap(order_id) ELSE ''a'' END <> ''b''');
SELECT rfm_create_model('few', 'few', 'few_scores');
} . q{
-- what a watcher sees of the next refresh of a model, until nothing is left to see; try counts the refreshes watched
CREATE TABLE seen (try int, n serial, phase text, done bigint, total bigint, percent float8, run_date date, workers bigint);
CREATE PROCEDURE watch(wanted text) LANGUAGE plpgsql AS $$
DECLARE
  last_phase text; last_done bigint;
  now record;
  give_up timestamptz := clock_timestamp() + '60 s';
  this int := (SELECT COALESCE(max(try), 0) + 1 FROM seen);
BEGIN
  LOOP
    SELECT p.*, (SELECT count(*) FROM pg_stat_activity a WHERE a.leader_pid = p.pid) AS workers
      INTO now FROM rfm_progress p WHERE p.model = wanted;
    IF FOUND AND (now.phase, now.done) IS DISTINCT FROM (last_phase, last_done) THEN
      INSERT INTO seen (try, phase, done, total, percent, run_date, workers)
      VALUES (this, now.phase, now.done, now.total, now.percent, now.run_date, now.workers);
      last_phase := now.phase;
      last_done := now.done;
    ELSIF NOT FOUND AND last_phase IS NOT NULL OR clock_timestamp() > give_up THEN
      EXIT;
    END IF;
    COMMIT;
    PERFORM pg_sleep(0.0005);
  END LOOP;
END
$$;
-- cancels the refresh of a model when it is so far, or has begun to write; milliseconds until its session is idle, null if it was missed
CREATE FUNCTION cancel_in(wanted text, wanted_phase text, part float8, writing bool DEFAULT false) RETURNS float8 LANGUAGE plpgsql AS $$
DECLARE
  victim int; met bool := false;
  asked timestamptz;
  give_up timestamptz := clock_timestamp() + '30 s';
BEGIN
  LOOP
    SELECT pid INTO victim FROM rfm_progress
     WHERE model = wanted AND phase = wanted_phase AND done >= part * COALESCE(total, 0)
       AND (NOT writing OR EXISTS (SELECT FROM pg_locks l WHERE l.pid = rfm_progress.pid AND l.mode = 'RowExclusiveLock'
                                                            AND l.relation = 'scores'::regclass));
    EXIT WHEN FOUND;
    IF EXISTS (SELECT FROM rfm_progress WHERE model = wanted) THEN
      met := true;
    ELSIF met OR clock_timestamp() > give_up THEN
      RETURN NULL;
    END IF;
  END LOOP;
  asked := clock_timestamp();
  PERFORM pg_cancel_backend(victim);
  LOOP
    PERFORM pg_stat_clear_snapshot();
    EXIT WHEN (SELECT state FROM pg_stat_activity WHERE pid = victim) IS DISTINCT FROM 'active'
      OR clock_timestamp() > give_up;
  END LOOP;
  RETURN extract(epoch FROM clock_timestamp() - asked) * 1000;
END
$$;
});

my $nothing_shown = 'SELECT count(*) = 0 FROM rfm_progress';

#
# Watched from beginning to end
#
my @parallel = ('SET parallel_setup_cost = 0', 'SET parallel_tuple_cost = 0', 'SET max_parallel_workers_per_gather = 2',
	'SET rfm.max_workers = 2');

# One refresh, looked at as often as the machine lets a watcher look.
sub watch_refresh
{
	my ($name, @settings) = @_;
	my $watcher = session($node);
	say_to($watcher, q{CALL watch('shop')});
	wait_for($node, q{SELECT count(*) = 1 FROM pg_stat_activity WHERE query LIKE 'CALL watch%' AND state = 'active'}, 'the watcher');
	my $s = session($node);
	say_to($s, @settings, 'BEGIN', "SELECT rfm_refresh('$date', 'shop')");
	ok(wait_for($node, "SELECT count(*) = 1 FROM rfm_progress WHERE phase = 'done' AND percent = 100 AND done = $customers AND total = done"),
		"$name: it ends at 100 percent");
	say_to($s, 'COMMIT');
	end_of($watcher);
	my ($out, $err) = end_of($s);
	is($out, "$customers\n", "$name: refreshed");
	is($node->safe_psql('postgres', $nothing_shown), 't', "$name: after the commit there is nothing to see");
	is( $node->safe_psql(
			'postgres', q{
SELECT count(*) FILTER (WHERE percent < before), count(*) FILTER (WHERE done < done_before),
       count(*) FILTER (WHERE nth < nth_before),
       count(*) FILTER (WHERE done > total), count(*) FILTER (WHERE percent NOT BETWEEN 0 AND 100),
       count(DISTINCT run_date)
  FROM (SELECT *, lag(percent) OVER (ORDER BY n) AS before, lag(nth) OVER (ORDER BY n) AS nth_before,
               lag(done) OVER (PARTITION BY phase ORDER BY n) AS done_before
          FROM (SELECT *, array_position('{read,sort,score,write,done}', phase) AS nth FROM seen) s
         WHERE phase <> 'wait' AND try = (SELECT max(try) FROM seen)) s}),
		'0|0|0|0|0|1', "$name: nothing goes backwards, no phase comes before its turn, nothing is more than all");
	return;
}

# What a watcher must have seen.  On a busy machine one can miss a phase of some
# milliseconds, so there is another refresh to watch, and another, until each
# has been seen in one of them.
sub watched_refresh
{
	my ($name, $reset, @settings) = @_;
	my $seen = qq{
SELECT string_agg(DISTINCT phase, ' ' ORDER BY phase) FILTER (WHERE phase <> 'wait'),
       bool_and(total BETWEEN 2.7 * $customers AND 3.3 * $customers) FILTER (WHERE phase = 'read' AND total IS NOT NULL),
       max(done) FILTER (WHERE phase = 'read') > 2 * $customers, count(*) FILTER (WHERE phase = 'read') > 10,
       bool_and(total = $customers) FILTER (WHERE phase IN ('score', 'write') AND total IS NOT NULL),
       count(*) FILTER (WHERE phase = 'write') > 2
  FROM seen};
	my $all = 'done read score sort write|t|t|t|t|t';
	$node->safe_psql('postgres', 'TRUNCATE seen RESTART IDENTITY');
	for my $try (1 .. 30)
	{
		$node->safe_psql('postgres', $reset) if $reset;
		watch_refresh($name, @settings);
		last if $node->safe_psql('postgres', $seen) eq $all;
	}
	is($node->safe_psql('postgres', $seen), $all, "$name: every phase was seen, orders and customers counted towards their number");
	return;
}

my $empty = 'TRUNCATE scores';
$node->safe_psql('postgres', "SELECT rfm_refresh('$date', 'shop')");
watched_refresh('alone', $empty, 'SET max_parallel_workers_per_gather = 0');
watched_refresh('with workers', $empty, @parallel);
cmp_ok($node->safe_psql('postgres', 'SELECT max(workers) FROM seen'), '>', 0, 'there were workers');
watched_refresh('by workers only', $empty, @parallel, 'SET parallel_leader_participation = off');
cmp_ok($node->safe_psql('postgres', 'SELECT max(workers) FROM seen'), '>', 0, 'there were workers');
watched_refresh('nothing to write', '', @parallel);

# a third of the orders is expected, all of them come
$node->safe_psql('postgres', q{SELECT rfm_create_model('guess', 'orders', 'guess_scores', filter => 'order_id % 2 >= 0')});
$node->safe_psql('postgres', 'TRUNCATE seen');
my $watcher = session($node);
say_to($watcher, q{CALL watch('guess')});
wait_for($node, q{SELECT count(*) = 1 FROM pg_stat_activity WHERE query LIKE 'CALL watch%' AND state = 'active'}, 'the watcher');
$node->safe_psql('postgres', "SELECT rfm_refresh('$date', 'guess')");
end_of($watcher);
is( $node->safe_psql('postgres', qq{
SELECT min(total) < 1.5 * $customers, max(total) > 2 * $customers, bool_and(done <= total), count(*) FILTER (WHERE percent < before)
  FROM (SELECT *, lag(percent) OVER (ORDER BY n) AS before FROM seen WHERE phase = 'read') s WHERE total IS NOT NULL}),
	't|t|t|0', 'more orders than expected: the total grows with them');

#
# Who may see it
#
$node->safe_psql(
	'postgres', q{
CREATE ROLE stranger LOGIN; CREATE ROLE keeper LOGIN; CREATE ROLE helper LOGIN IN ROLE keeper;
CREATE ROLE monitor LOGIN IN ROLE pg_read_all_stats;
GRANT ALL ON SCHEMA public TO keeper;
GRANT SELECT ON orders, few TO keeper;
SET ROLE keeper;
SELECT rfm_create_model('kept', 'few', 'kept_scores');
});
for my $asker ('keeper', 'postgres')
{
	my $s = session($node, "user=$asker");
	say_to($s, 'BEGIN', "SELECT rfm_refresh('$date', 'kept')");
	wait_for($node, q{SELECT count(*) = 1 FROM rfm_progress WHERE phase = 'done'}, 'the refresh');
	for my $who (qw(stranger keeper helper monitor postgres))
	{
		is( $node->safe_psql('postgres', 'SELECT datname, run_by, command, model, run_date, phase FROM rfm_progress',
				extra_params => [ '-U', $who ]),
			$who eq 'stranger' ? '' : "postgres|$asker|refresh|kept|$date|done",
			"asked for by $asker, seen by $who");
	}
	say_to($s, 'ROLLBACK');
	ok(wait_for($node, $nothing_shown), 'rolled back: nothing to see');
	end_of($s);
}

#
# Waiting for one's turn, and other ends than the commit
#
my $first = session($node);
say_to($first, 'BEGIN', "SELECT rfm_refresh('$date', 'few')");
wait_for($node, q{SELECT count(*) = 1 FROM rfm_progress WHERE phase = 'done'}, 'the first');
my $second = session($node);
say_to($second, "SELECT rfm_refresh('2024-06-29', 'few')");
ok(wait_for($node, q{SELECT count(*) = 1 FROM rfm_progress WHERE phase = 'wait' AND run_date = '2024-06-29' AND percent = 0}),
	'one that waits for another of its model is seen to wait');
my $ms = $node->safe_psql('postgres', q{SELECT cancel_in('few', 'wait', 0)});
cmp_ok($ms, '<', $cancel_ms, "cancelled while it waits: $ms ms");
is($node->safe_psql('postgres', q{SELECT count(*), min(phase) FROM rfm_progress}), '1|done', 'it is gone, the other still there');
say_to($second, "SELECT rfm_refresh('2024-06-29', 'few')");
wait_for($node, q{SELECT count(*) = 2 FROM rfm_progress}, 'the second, again');
$node->safe_psql('postgres', q{SELECT pg_terminate_backend(pid) FROM rfm_progress WHERE phase = 'wait'});
ok(wait_for($node, q{SELECT count(*) = 1 FROM rfm_progress}), 'terminated: gone, too');
say_to($first, q{PREPARE TRANSACTION 'kept'});
ok(wait_for($node, $nothing_shown), 'a transaction that is prepared has nothing to show');
$node->safe_psql('postgres', q{ROLLBACK PREPARED 'kept'});
end_of($first);
close $second->{in};

# errors that are caught, savepoints, a refresh after another
is( $node->safe_psql(
		'postgres', qq{
SELECT rfm_create_model('ratio', 'few', 'ratio_scores', amount => '100 / (order_id - 2000)');
BEGIN;
DO \$\$
BEGIN
  PERFORM rfm_refresh('$date', 'ratio');
EXCEPTION WHEN division_by_zero THEN
  RAISE NOTICE 'caught';
END
\$\$;
SELECT 'caught', count(*) FROM rfm_progress;
SAVEPOINT s;
SELECT 'done', rfm_refresh('$date', 'few') > 0;
SELECT model, phase FROM rfm_progress;
ROLLBACK TO s;
SELECT 'undone', count(*) FROM rfm_progress;
SELECT 'done', rfm_refresh('$date', 'few') > 0, rfm_refresh('$date', 'kept') > 0;
SELECT model, phase, run_date FROM rfm_progress;
SAVEPOINT s;
ROLLBACK TO s;
SELECT 'a savepoint that came later', model FROM rfm_progress;
SELECT 'preview', count(*) > 0 FROM rfm_preview('$date', 'few');
SELECT 'after a preview', count(*) FROM rfm_progress;
ROLLBACK;
SELECT 'over', count(*) FROM rfm_progress}),
	"\ncaught|0\ndone|t\nfew|done\nundone|0\ndone|t|t\nkept|done|$date\na savepoint that came later|kept\npreview|t\nafter a preview|0\nover|0",
	'it follows savepoints and errors that are caught');

# from a trigger of its target another model is computed: that is not shown, and does not count
is( $node->safe_psql(
		'postgres', qq{
SELECT rfm_create_model('nested', 'few', 'nested_scores');
CREATE TABLE noted (line text);
CREATE FUNCTION look() RETURNS trigger LANGUAGE plpgsql AS \$\$
BEGIN
  IF NEW.customer_id IN (1000, 2000) THEN
    INSERT INTO public.noted SELECT 'before ' || phase || ' ' || model FROM public.rfm_progress;
    PERFORM count(*) FROM public.rfm_preview('$date', 'few');
    BEGIN
      PERFORM count(*) FROM public.rfm_preview('$date', 'ratio');
    EXCEPTION WHEN division_by_zero THEN NULL;
    END;
    INSERT INTO public.noted SELECT 'after ' || phase || ' ' || model FROM public.rfm_progress;
  END IF;
  RETURN NEW;
END
\$\$;
CREATE TRIGGER look BEFORE INSERT ON nested_scores FOR EACH ROW EXECUTE FUNCTION look();
BEGIN;
SELECT rfm_refresh('$date', 'nested');
SELECT model, phase, done = total, percent FROM rfm_progress;
COMMIT;
SELECT line, count(*) FROM noted GROUP BY 1 ORDER BY 1}),
	"\n4000\nnested|done|t|100\nafter write nested|2\nbefore write nested|2", 'what a trigger computes is not shown');

# a name that is too long to be shown whole, cut between two characters
is( $node->safe_psql(
		'postgres', qq{
SELECT rfm_create_model(repeat('ä', 200), 'few', 'long_scores');
BEGIN;
SELECT rfm_refresh('$date', repeat('ä', 200));
SELECT repeat('ä', 200) LIKE model || '%', length(model) > 60 FROM rfm_progress;
COMMIT}),
	"\n4000\nt|t", 'the beginning of a long name is shown');

#
# Cancelled in each phase
#
sub fingerprint
{
	return $node->safe_psql(
		'postgres', q{
SELECT count(*), md5(string_agg(concat(ctid, xmin), ',' ORDER BY ctid)) FROM scores
UNION ALL SELECT count(*), md5(string_agg(concat(ctid, xmin), ',' ORDER BY ctid)) FROM rfm_run;
SELECT 'locks', count(*) FROM pg_locks WHERE pid <> pg_backend_pid();
SELECT 'workers', count(*) FROM pg_stat_activity WHERE backend_type = 'parallel worker';
SELECT 'shown', count(*) FROM rfm_progress});
}

sub cancelled_refresh
{
	my ($name, $phase, $part, @settings) = @_;
	my $writing = $part eq 'writing' ? 't' : 'f';
	$part = 0 if $writing eq 't';
	my $before = fingerprint();
	my ($ms, $err) = ('', '');
	for my $attempt (1 .. 30)
	{
		my $s = session($node);
		say_to($s, @settings, "SELECT rfm_refresh('$date', 'shop')");
		$ms = $node->safe_psql('postgres', "SELECT cancel_in('shop', '$phase', $part, '$writing')");
		(undef, $err) = end_of($s);
		last if $err =~ /canceling/;
		# it was over before: once more, from the same state
		$node->safe_psql('postgres', 'TRUNCATE scores') if $before =~ /^0\|/;
		$before = fingerprint();
	}
	like($err, qr/ERROR: +canceling statement due to user request/, "$name: it is cancelled");
	cmp_ok($ms || $cancel_ms, '<', $cancel_ms, "$name: within $ms ms");
	is(fingerprint(), $before, "$name: target and log are as before, no lock, worker or progress is left");
	is(scalar temp_files($node), 0, "$name: no temporary file is left");
	return;
}

my @serial = ('SET max_parallel_workers_per_gather = 0');
$node->safe_psql('postgres', "TRUNCATE scores; ALTER SYSTEM SET work_mem = '64kB'; SELECT pg_reload_conf()");
cancelled_refresh('read', 'read', 0.5, @serial);
cancelled_refresh('read, parallel', 'read', 0.3, @parallel);
cancelled_refresh('read, the end', 'read', 0.97, @parallel);
cancelled_refresh('sort', 'sort', 0, @parallel);
cancelled_refresh('score', 'score', 0, @parallel);
cancelled_refresh('write, in bulk', 'write', 0.5, @parallel);
$node->safe_psql('postgres', "SELECT rfm_refresh('$date', 'shop')");
cancelled_refresh('compare', 'write', 0.3, @parallel);
$node->safe_psql('postgres', "UPDATE orders SET total = total + 1");
cancelled_refresh('update', 'write', 'writing', @parallel);
$node->safe_psql('postgres',
	"CREATE FUNCTION pass() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';"
	  . " CREATE TRIGGER pass BEFORE INSERT ON scores FOR EACH ROW EXECUTE FUNCTION pass(); TRUNCATE scores");
cancelled_refresh('write, row by row', 'write', 'writing', @parallel);

# timeouts at many moments of a refresh, wherever they fall
for my $timeout (20, 60, 120, 200, 300, 450, 700)
{
	my $before = fingerprint();
	my ($rc, $out, $err) = $node->psql('postgres',
		join('; ', @parallel) . "; SET statement_timeout = $timeout; SELECT rfm_refresh('$date', 'shop')");
	last if $rc == 0 && $err eq '';
	like($err, qr/canceling statement due to statement timeout/, "after $timeout ms: timeout");
	is(fingerprint(), $before, "after $timeout ms: everything as before");
	is(scalar temp_files($node), 0, "after $timeout ms: no temporary file");
}
my $differences = 'SELECT %s, recency_days, frequency_orders, monetary_value, r_score, f_score, m_score, comments FROM %s';
is( $node->safe_psql('postgres', "SELECT rfm_refresh('$date', 'shop') = $customers; SELECT count(*) FROM (("
		  . sprintf($differences, 'customer_id::text', 'scores') . ') EXCEPT ALL ('
		  . sprintf($differences, 'customer_id', "rfm_preview('$date', 'shop')") . ')) d'),
	"t\n0", 'the next one does all the work');

#
# Lines for the caller, at most one in two seconds
#
$node->safe_psql(
	'postgres', q{
CREATE FUNCTION slow(x numeric) RETURNS numeric STABLE LANGUAGE plpgsql AS 'BEGIN PERFORM pg_sleep(0.001); RETURN x; END';
SELECT rfm_create_model('slow', 'few', 'slow_scores', amount => 'public.slow(total)')});
sub notices
{
	my ($on, $name) = @_;
	my $began = time;
	my ($rc, $out, $err) = $on->psql('postgres', "SET rfm.progress = on; SELECT rfm_refresh('$date', 'slow')");
	my $limit = (time - $began) / 2;
	my @lines = $err =~ /^psql:.* NOTICE: +(read: \d+ %, \d+ of about 4000 orders)$/mg;
	cmp_ok(scalar @lines, '>=', 1, "$name: the caller sees how far the reading is");
	cmp_ok(scalar @lines, '<=', $limit, "$name: now and then");
	my @percents = map { /(\d+) %/ } @lines;
	is("@percents", join(' ', sort { $a <=> $b } @percents), "$name: ever further");
	like($err, qr/read: 4000 orders of 4000 customers .*\n.*sort: .*\n.*score: .*\n.*write: 4000 inserted/, "$name: and how each phase ends");
	return;
}
notices($node, 'preloaded');

# customers in many temporary files are sorted and scored once, all of them
my (undef, undef, $err) = $node->psql('postgres', "SET rfm.progress = on; SET rfm.work_mem = '64kB'; SELECT rfm_refresh('$date', 'shop')");
like($err, qr/NOTICE:  read: .*temporary files/, 'customers go to temporary files');
is(join(' ', $err =~ /NOTICE:  (sort|score|write): (?!\d+ %)/g), 'sort score write', 'each phase ends once');
cmp_ok(scalar(() = $err =~ /NOTICE:  sort: 100 %/g), '<=', 1, 'and is not said to be done again and again');

# killed: the memory starts anew with the server
my $s = session($node);
$node->append_conf('postgresql.conf', 'restart_after_crash = on');
$node->reload;
say_to($s, 'BEGIN', "SELECT rfm_refresh('$date', 'few')");
wait_for($node, q{SELECT count(*) = 1 FROM rfm_progress}, 'the refresh');
ok(kill_backend($node, $node->safe_psql('postgres', 'SELECT pid FROM rfm_progress')), 'the server comes back after a crash');
is($node->safe_psql('postgres', $nothing_shown), 't', 'after a crash there is nothing to see');
close $s->{in};

#
# Not preloaded
#
$node->safe_psql('postgres', q{ALTER SYSTEM RESET work_mem; DROP TABLE slow_scores CASCADE});
$node->safe_psql('postgres', q{SELECT rfm_drop_model('slow'); SELECT rfm_create_model('slow', 'few', 'slow_scores', amount => 'public.slow(total)')});
$node->append_conf('postgresql.conf', q{shared_preload_libraries = ''});
$node->restart;
my ($rc, $out, $err) = $node->psql('postgres', 'SELECT * FROM rfm_progress');
like($err, qr/ERROR: +rfm_progress needs rfm in "shared_preload_libraries"/, 'not preloaded: the view says so');
like($err, qr/HINT: +Add rfm to shared_preload_libraries and restart the server/, 'not preloaded: and what to do');
is($node->safe_psql('postgres', "SELECT rfm_refresh('$date', 'few')"), 4000, 'not preloaded: a refresh works');
notices($node, 'not preloaded');

unlike(slurp_file($node->logfile), qr/WARNING: +(?!terminating connection because of crash)|PANIC|TRAP/, 'no warning in the server log');

$node->stop;
done_testing();
