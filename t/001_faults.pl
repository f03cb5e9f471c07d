# A refresh that is killed halfway changes nothing: target and log are as they
# were, no locks and no files stay, and the next refresh does its work.  Killed
# by cancel, by terminate, by timeout and by SIGKILL; while it reads (alone and
# with parallel workers), writes row by row, and writes in bulk.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/lib";

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Server;
use Test::More;
use Time::HiRes qw(usleep);

my $date = '2024-06-30';
my $node = PostgreSQL::Test::Cluster->new('faults');
$node->init;
$node->append_conf(
	'postgresql.conf', q{
restart_after_crash = on
autovacuum = off
work_mem = '64kB'
max_parallel_workers = 4
});
$node->start;

# The orders of 3,000 customers.  gate(stage, n) sleeps when it comes past a
# place listed in gates: there a refresh stands still until it is killed.
$node->safe_psql(
	'postgres', q{
CREATE EXTENSION rfm;
CREATE TABLE orders (order_id int PRIMARY KEY, customer_id int NOT NULL,
                     created_at timestamp NOT NULL, total numeric(10,2));
INSERT INTO orders
SELECT i, i % 3000, timestamp '2024-06-30 12:00' - i * interval '7 minutes', i % 977
  FROM generate_series(1, 6000) i;
ANALYZE orders;

CREATE TABLE gates (stage text, n bigint);
CREATE SEQUENCE bulk_ticks;
CREATE SEQUENCE delete_ticks;
CREATE SEQUENCE update_ticks;
CREATE SEQUENCE insert_ticks;
CREATE FUNCTION reset_ticks() RETURNS bigint LANGUAGE sql AS
  $$ SELECT sum(setval(oid::regclass, 1, false)) FROM pg_class WHERE relname LIKE '%\_ticks' $$;
CREATE FUNCTION gate(stage text, n bigint) RETURNS bool STABLE PARALLEL SAFE LANGUAGE plpgsql AS $$
BEGIN
  IF EXISTS (SELECT FROM public.gates g WHERE g.stage = gate.stage AND g.n = gate.n) THEN
    PERFORM pg_sleep(60);
  END IF;
  RETURN true;
END
$$;
CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  tick bigint := nextval(format('public.%s_ticks', lower(TG_OP)));
BEGIN
  PERFORM public.gate(TG_OP, tick);
  IF TG_OP = 'INSERT' AND EXISTS (SELECT FROM public.gates g WHERE g.stage = 'error' AND g.n = tick) THEN
    RAISE EXCEPTION 'the trigger has had enough' USING ERRCODE = 'RF001';
  END IF;
  RETURN CASE WHEN TG_OP = 'DELETE' THEN OLD ELSE NEW END;
END
$$;

SELECT rfm_create_model('read', 'orders', 'read_scores', filter => $$public.gate('read', order_id)$$);
SELECT rfm_create_model('row', 'orders', 'row_scores');
CREATE TRIGGER note BEFORE INSERT OR UPDATE OR DELETE ON row_scores FOR EACH ROW EXECUTE FUNCTION note();
SELECT rfm_create_model('bulk', 'orders', 'bulk_scores');
ALTER TABLE bulk_scores ADD COLUMN passed bool DEFAULT gate('bulk', nextval('bulk_ticks'));
} . qq{
SELECT rfm_refresh('$date', 'read'), rfm_refresh('$date', 'row'), rfm_refresh('$date', 'bulk');
});

# Orders that leave every target much to do: 1,600 customers go, a third of the
# others change, 1,600 are new.
sub change_orders
{
	$node->safe_psql(
		'postgres', q{
DELETE FROM orders WHERE customer_id IN (SELECT DISTINCT customer_id FROM orders ORDER BY 1 LIMIT 1600);
UPDATE orders SET total = total + 1 WHERE customer_id % 3 = 0;
INSERT INTO orders
SELECT max_order + i, max_customer + (i + 1) / 2, timestamp '2024-06-30 12:00' - i * interval '1 minute', i
  FROM (SELECT max(order_id), max(customer_id) FROM orders) m(max_order, max_customer),
       generate_series(1, 3200) i;
});
	return;
}

# Rows, where they lie, and who wrote them; then what must be nothing: locks and
# processes of others.
sub fingerprint_sql
{
	my $model = shift;
	return
	    "SELECT count(*), md5(string_agg(concat(ctid, xmin, t), ',' ORDER BY ctid)) FROM ${model}_scores t"
	  . " UNION ALL SELECT count(*), md5(string_agg(concat(ctid, xmin, r), ',' ORDER BY ctid)) FROM rfm_run r;";
}

my $remains_sql = q{
SELECT 'locks', count(*) FROM pg_locks WHERE pid <> pg_backend_pid();
SELECT 'asleep', count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep';
};

sub fingerprint
{
	my $model = shift;
	return $node->safe_psql('postgres', fingerprint_sql($model));
}

# Rows that the target and the preview do not share.
sub differences_sql
{
	my $model = shift;
	my $columns = 'run_date, %s, recency_days, frequency_orders, monetary_value,'
	  . ' r_score, f_score, m_score, rfm_score, rfm_segment, comments';
	my $target = sprintf "SELECT $columns FROM ${model}_scores", 'customer_id::text';
	my $preview = sprintf "SELECT $columns FROM p", 'customer_id';
	return "WITH p AS MATERIALIZED (SELECT * FROM rfm_preview('$date', '$model'))"
	  . " SELECT 'differences', count(*)"
	  . " FROM (($target EXCEPT ALL $preview) UNION ALL ($preview EXCEPT ALL $target)) d;";
}

my $refresher = "FROM pg_stat_activity WHERE application_name = 'refresher' AND backend_type = 'client backend'";

# Starts a refresh that stops at a gate, and waits until it stands there; returns
# its session and process.
sub refresh_to_gate
{
	my ($model, $stage, $n, @settings) = @_;
	my $s = session($node, 'application_name=refresher');
	say_to($s,
		@settings, "INSERT INTO gates VALUES ('$stage', $n)",
		'SELECT reset_ticks()', "SELECT rfm_refresh('$date', '$model')");
	my $asleep = "FROM pg_stat_activity WHERE application_name = 'refresher' AND wait_event = 'PgSleep'";
	ok(wait_for($node, "SELECT count(*) > 0 $asleep"), "the refresh of $model stands at $stage $n");
	my $pid = $node->safe_psql('postgres', "SELECT coalesce(min(leader_pid), min(pid)) $asleep");
	return ($s, $pid);
}

# What must hold after the kill, and after the next refresh.
sub check_untouched
{
	my ($model, $name, $before) = @_;
	is($node->safe_psql('postgres', fingerprint_sql($model) . $remains_sql),
		"$before\nlocks|0\nasleep|0", "$name: target and log are as before, no lock or process is left");
	is(scalar temp_files($node), 0, "$name: no temporary file is left");
	return;
}

sub check_next
{
	my ($model, $name) = @_;
	my ($rc, $out, $err) = $node->psql('postgres',
		"TRUNCATE gates; SELECT rfm_refresh('$date', '$model'); " . differences_sql($model));
	like($out, qr/^\d+\ndifferences\|0$/, "$name: the next refresh equals the preview");
	is($err, '', "$name: and complains of nothing");
	return;
}

my %kill = (
	cancel    => sub { $node->safe_psql('postgres', "SELECT pg_cancel_backend($_[0])") },
	terminate => sub { $node->safe_psql('postgres', "SELECT pg_terminate_backend($_[0])") },
	worker    => sub {
		$node->safe_psql('postgres',
			"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE leader_pid = $_[0] LIMIT 1");
	},
	SIGKILL => sub { kill_backend($node, $_[0]) });
my %says = (
	cancel    => qr/canceling statement due to user request/,
	terminate => qr/terminating connection due to administrator command/,
	timeout   => qr/canceling statement due to statement timeout/,
	worker    => qr/terminating connection due to administrator command|terminating background worker|parallel worker/,
	SIGKILL   => qr/server closed the connection unexpectedly/);

sub kill_refresh
{
	my ($how, $model, $stage, $n, @settings) = @_;
	my $name = "$how while $model at $stage $n";
	my $survives = $how =~ /^(cancel|timeout|worker)$/;
	my $before = fingerprint($model);

	my ($s, $pid, $back);
	if ($how eq 'timeout')
	{
		# on a slow machine it may come before the gate: that is fine, too
		$node->safe_psql('postgres',
			"INSERT INTO gates VALUES ('$stage', $n); SELECT reset_ticks()");
		$s = session($node, 'application_name=refresher');
		say_to($s, @settings, "SET statement_timeout = '800ms'", "SELECT rfm_refresh('$date', '$model')");
		for (1 .. 20 * $PostgreSQL::Test::Utils::timeout_default)
		{
			last if -s $s->{err};
			usleep(50_000);
		}
	}
	else
	{
		($s, $pid) = refresh_to_gate($model, $stage, $n, @settings);
		cmp_ok($node->safe_psql('postgres', "SELECT count(*) FROM pg_stat_activity WHERE leader_pid = $pid"),
			'>', 0, "$name: workers are at it")
		  if $stage eq 'parallel';
		# the rows to write lie in a file
		cmp_ok(scalar temp_files($node), '>', 0, "$name: it has temporary files") if $stage eq 'INSERT';
		$back = $kill{$how}->($pid);
	}

	if ($survives)
	{
		ok(wait_for($node, "SELECT NOT EXISTS (SELECT $refresher AND state <> 'idle')", 'the end'),
			"$name: the refresh ends, its session lives");
	}
	elsif ($how eq 'SIGKILL')
	{
		ok($back, "$name: the server is back");
	}
	else
	{
		ok(wait_for($node, "SELECT NOT EXISTS (SELECT $refresher)", 'the end'), "$name: the session ends");
	}

	check_untouched($model, $name, $before);
	if ($survives)
	{
		# the session is none the worse: no restricted operation, no changed setting
		say_to($s,
			'TRUNCATE gates', 'RESET ALL', 'CREATE TEMP TABLE made (a int)',
			q{SELECT current_setting('search_path'), current_user = session_user},
			"SELECT count(*) > 0 FROM rfm_preview('$date', '$model')");
	}
	my ($out, $err) = end_of($s);
	like($err, $says{$how}, "$name: the error says so");
	is(($out =~ /^(".*)/ms)[0], qq{"\$user", public|t\nt\n}, "$name: the session goes on") if $survives;
	check_next($model, $name);
	change_orders();
	return;
}

change_orders();
for my $how (qw(cancel terminate timeout SIGKILL))
{
	# the last order but some
	my $order = $node->safe_psql('postgres', 'SELECT max(order_id) - 10 FROM orders');
	kill_refresh($how, 'read', 'read', $order, 'SET max_parallel_workers_per_gather = 0');
	# a row that is inserted, past the first thousand
	kill_refresh($how, 'row', 'INSERT', 1500);
	kill_refresh($how, 'bulk', 'bulk', 1500);
}
# rows that are deleted and updated
kill_refresh('cancel', 'row', 'DELETE', 1000);
kill_refresh('terminate', 'row', 'UPDATE', 300);

# with parallel workers: the leader goes, or a worker
my @parallel = (
	'SET min_parallel_table_scan_size = 0',
	'SET parallel_setup_cost = 0',
	'SET parallel_tuple_cost = 0',
	'SET max_parallel_workers_per_gather = 2',
	'SET rfm.max_workers = 2',
	'SET parallel_leader_participation = off');
for my $how (qw(cancel terminate worker))
{
	my $order = $node->safe_psql('postgres', 'SELECT max(order_id) - 10 FROM orders');
	$node->safe_psql('postgres',
		"UPDATE rfm_model SET filter = 'public.gate(''parallel'', order_id)' WHERE model = 'read'");
	kill_refresh($how, 'read', 'parallel', $order, @parallel);
}

#
# Errors from within, in a transaction that goes on
#
my $before = fingerprint('row');
$node->safe_psql('postgres', "INSERT INTO gates VALUES ('error', 1100); SELECT reset_ticks()");
my ($rc, $out, $err) = $node->psql('postgres', "SELECT rfm_refresh('$date', 'row')");
isnt($rc, 0, 'a trigger that fails: so does the refresh');
like($err, qr/ERROR: +the trigger has had enough/, 'a trigger that fails: its own error');
check_untouched('row', 'a trigger that fails', $before);
check_next('row', 'a trigger that fails');

# a savepoint before, an error after, and the first refresh stands
change_orders();
$node->safe_psql(
	'postgres', qq{
BEGIN;
SELECT rfm_refresh('$date', 'row');
SAVEPOINT before;
UPDATE orders SET total = -total;
SELECT rfm_refresh('$date', 'row');
ROLLBACK TO before;
COMMIT;
});
is($node->safe_psql('postgres', differences_sql('row')),
	'differences|0', 'a refresh undone to a savepoint leaves the one before it');
is($node->safe_psql('postgres', "SELECT inserted FROM rfm_run WHERE model = 'row' ORDER BY run_id DESC LIMIT 1"),
	1600, 'which is the last in the log');

change_orders();
$before = fingerprint('bulk');
$node->safe_psql('postgres', "BEGIN; SAVEPOINT s; SELECT rfm_refresh('$date', 'bulk'); ROLLBACK TO s; COMMIT");
check_untouched('bulk', 'undone to a savepoint', $before);
check_next('bulk', 'undone to a savepoint');

# a query over the source that fails, caught by a caller that goes on with another model
change_orders();
my $zero = $node->safe_psql('postgres', 'SELECT max(order_id) - 100 FROM orders');
$node->safe_psql('postgres',
	"SELECT rfm_create_model('ratio', 'orders', 'ratio_scores', amount => '100 / (order_id - $zero)')");
$out = $node->safe_psql(
	'postgres', q{
CREATE TABLE story (line text);
DO $$
DECLARE
  path text := current_setting('search_path');
BEGIN
  FOR attempt IN 1 .. 3 LOOP
    BEGIN
      PERFORM rfm_refresh('2024-06-30', 'ratio');
    EXCEPTION WHEN division_by_zero THEN
      INSERT INTO story VALUES (SQLERRM);
    END;
  END LOOP;
  CREATE TEMP TABLE allowed (a int);
  INSERT INTO story
  VALUES (current_user = session_user), (current_setting('search_path') = path),
         (rfm_refresh('2024-06-30', 'row') > 0), ((SELECT count(*) > 0 FROM rfm_preview('2024-06-30', 'row')));
END
$$;
SELECT line, count(*) FROM story GROUP BY line ORDER BY line;
});
is($out, "division by zero|3\ntrue|4", 'a failing source, caught: the session goes on as it was');
is($node->safe_psql('postgres', differences_sql('row')),
	'differences|0', 'and another model is refreshed');
is($node->safe_psql('postgres', "SELECT count(*) FROM ratio_scores"), 0, 'the failed one wrote nothing');
is($node->safe_psql('postgres', "SELECT count(*) FROM rfm_run WHERE model = 'ratio'"), 0, 'and logged nothing');
$node->safe_psql('postgres', "DELETE FROM orders WHERE order_id = $zero");
check_next('ratio', 'a source put right');

# in the log: nothing leaked, nothing crashed but what was killed
my $log = slurp_file($node->logfile);
my %warned = map { $_ => 1 } grep { !/terminating connection because of crash/ } $log =~ /WARNING: +(.*)/g;
is(join("\n", sort keys %warned), '', 'no warning in the server log');
unlike($log, qr/PANIC|TRAP|terminated by signal (?!9)/, 'nothing crashed by itself');

$node->stop;
done_testing();
