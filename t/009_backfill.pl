# A backfill that is ended halfway, by cancel, terminate and SIGKILL, in the
# middle of a date and between two dates: whole dates stay, nothing else does;
# called again, it computes the dates that are left, and the rows are those of
# single refreshes.  Orders and models that change meanwhile.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/lib";

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Server;
use Test::More;

my ($first, $last) = ('2024-06-01', '2024-06-30');
my $node = PostgreSQL::Test::Cluster->new('backfill');
$node->init;
$node->append_conf('postgresql.conf', "restart_after_crash = on\nautovacuum = off\n");
$node->start;

# A date of the target waits where it stands in gates.
$node->safe_psql(
	'postgres', q{
CREATE EXTENSION rfm;
CREATE TABLE orders (order_id int PRIMARY KEY, customer_id int NOT NULL,
                     created_at timestamp NOT NULL, total numeric(10,2));
INSERT INTO orders
SELECT i, i * i % 300, timestamp '2024-06-30 12:00' - i * interval '17 minutes', i % 977
  FROM generate_series(1, 6000) i;
CREATE TABLE gates (day date);
CREATE FUNCTION gate() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  WHILE NEW.customer_id = 100 AND EXISTS (SELECT FROM public.gates WHERE day = NEW.run_date) LOOP
    PERFORM pg_sleep(0.5);
  END LOOP;
  RETURN NEW;
END
$$;
SELECT rfm_create_model('filled', 'orders', 'filled', lookback => '20 days', order_id => 'order_id');
CREATE TRIGGER gate BEFORE INSERT ON filled FOR EACH ROW EXECUTE FUNCTION gate();
SELECT rfm_create_model('refreshed', 'orders', 'refreshed', lookback => '20 days', order_id => 'order_id');
} . qq{
SELECT rfm_refresh(d::date, 'refreshed') FROM generate_series(date '$first', '$last', '1 day') d;
});

# three seconds, and more where all is slower
my $patience = $PostgreSQL::Test::Utils::timeout_default / 60;
my $filler = "FROM pg_stat_activity WHERE application_name = 'filler'";

# Starts a backfill that stops at a gate; returns its session and process.
sub backfill_to_gate
{
	my ($day, @settings) = @_;
	my $s = session($node, 'application_name=filler');
	$node->safe_psql('postgres', "DELETE FROM gates; INSERT INTO gates VALUES ('$day')");
	say_to($s, @settings, "CALL rfm_backfill('$first', '$last', 'filled')");
	ok(wait_for($node, "SELECT count(*) = 1 $filler AND wait_event = 'PgSleep'"), "the backfill stands at $day");
	return ($s, $node->safe_psql('postgres', "SELECT pid $filler"));
}

sub dates_of
{
	return $node->safe_psql('postgres',
		"SELECT min(run_date), max(run_date), count(*), count(DISTINCT run_date) FROM rfm_run WHERE model = 'filled'"
		  . " UNION ALL SELECT min(run_date), max(run_date), NULL, count(DISTINCT run_date) FROM filled");
}

my $columns = 'run_date, customer_id, recency_days, frequency_orders, monetary_value,'
  . ' r_score, f_score, m_score, rfm_score, rfm_segment, comments';
my $differences = "SELECT count(*) FROM ((SELECT $columns FROM filled EXCEPT ALL SELECT $columns FROM refreshed)"
  . " UNION ALL (SELECT $columns FROM refreshed EXCEPT ALL SELECT $columns FROM filled)) d";
my $none = "SELECT count(*) FROM pg_locks WHERE pid <> pg_backend_pid()";

#
# Ended at a date, in turn in each way; each call goes on with that date
#
my $done = 0;
for my $end (
	[ 'cancel', '2024-06-08', 7 ],
	[ 'terminate', '2024-06-15', 14 ],
	[ 'SIGKILL', '2024-06-23', 22 ],
	[ 'statement timeout', '2024-06-26', 25 ])
{
	my ($how, $day, $dates) = @$end;
	my ($s, $pid) =
	  backfill_to_gate($day, $how eq 'statement timeout' ? ("SET statement_timeout = '${patience}s'") : ());
	my $yesterday = $node->safe_psql('postgres', "SELECT date '$day' - 1");

	if ($how eq 'SIGKILL')
	{
		ok(kill_backend($node, $pid), 'SIGKILL');
	}
	elsif ($how ne 'statement timeout')
	{
		$node->safe_psql('postgres', "SELECT pg_${how}_backend($pid)");
	}
	my (undef, $err) = end_of($s);
	ok(wait_for($node, "SELECT count(*) = 0 $filler"), "$how: the session ends");
	is(dates_of(), "$first|$yesterday|$dates|$dates\n$first|$yesterday||$dates",
		"$how: the dates before stay, each computed once");
	is($node->safe_psql('postgres', $none), 0, "$how: no lock is left");
	like($err,
		$done == 0 ? qr/^(?!.*continuing)/s : qr/continuing the backfill of model "filled" that stopped after 2024/,
		"$how: where that call began");
	$done = $dates;
}
$node->safe_psql('postgres', "DELETE FROM gates; CALL rfm_backfill('$first', '$last', 'filled')");
is(dates_of(), "$first|$last|30|30\n$first|$last||30", 'the last call computes what is left');
is($node->safe_psql('postgres', $differences), 0, 'and the rows are those of single refreshes');
is( $node->safe_psql('postgres',
		"SELECT count(*) FROM rfm_run f JOIN rfm_run r USING (run_date) WHERE f.model = 'filled' AND r.model = 'refreshed'"
		  . ' AND f.cut_points = r.cut_points AND f.customers = r.customers AND f.orders = r.orders'),
	30, 'and so is the log');

#
# The orders are those of the one reading
#
$node->safe_psql('postgres', 'TRUNCATE filled');
my ($s) = backfill_to_gate('2024-06-10');
$node->safe_psql('postgres', 'CREATE TABLE gone AS SELECT * FROM orders WHERE order_id % 2 = 0;'
	  . 'DELETE FROM orders WHERE order_id % 2 = 0; DELETE FROM gates');
my (undef, $err) = end_of($s);
is($err, '', 'orders change meanwhile');
is($node->safe_psql('postgres', $differences), 0, 'and all dates are of those that there were');
$node->safe_psql('postgres', 'INSERT INTO orders SELECT * FROM gone');

#
# A model that changes meanwhile: the dates after that are of the new one
#
$node->safe_psql('postgres', 'TRUNCATE filled');
($s) = backfill_to_gate('2024-06-10');
my ($out, $complaint) = ('', '');
my $change = IPC::Run::start(
	[ 'psql', '-XAtq', '-d', $node->connstr('postgres'), '-c', "UPDATE rfm_model SET lookback = '5 days' WHERE model = 'filled'" ],
	'>', \$out, '2>', \$complaint);
$node->safe_psql('postgres', 'SELECT pg_sleep(1); DELETE FROM gates');
$change->finish;
(undef, $err) = end_of($s);
is($complaint . $err, '', 'the model changes meanwhile');
is($node->safe_psql('postgres', "SELECT count(DISTINCT run_date) FROM (SELECT $columns FROM filled WHERE run_date <= '2024-06-10'"
	  . " INTERSECT SELECT $columns FROM refreshed) d"), 10, 'dates before that are of the old model');
is($node->safe_psql('postgres', "SELECT rfm_refresh('$last', 'filled'); SELECT unchanged = customers, inserted, updated, deleted"
	  . " FROM rfm_run ORDER BY run_id DESC LIMIT 1") =~ s/^.*\n//r,
	't|0|0|0', 'the last date is of the new one');
is($node->safe_psql('postgres', "SELECT max(recency_days) FROM filled WHERE run_date = '$last'") < 5, 1, 'whose window is shorter');

$node->stop;
done_testing();
