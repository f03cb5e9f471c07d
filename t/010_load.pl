# A shop that goes on selling while it is scored: pgbench inserts, changes,
# cancels and deletes orders while several models refresh in loops, one of them
# into partitions, one through triggers, and others preview and report.  Nobody fails, nobody deadlocks, and the last refresh is
# what plain SQL says.  How much the writers slow down is noted.
#
# RFM_LOAD_SECONDS: how long (default 20; a fourth of it without refreshes)
# RFM_LOAD_ORDERS: orders to begin with
use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(time);

my $seconds = $ENV{RFM_LOAD_SECONDS} // 20;
my $orders = $ENV{RFM_LOAD_ORDERS} // 100_000;
my $clients = 4;

my $node = PostgreSQL::Test::Cluster->new('load');
$node->init;
$node->append_conf('postgresql.conf', "max_connections = 50\nmax_worker_processes = 16\ndeadlock_timeout = '200ms'\nlog_statement = none\n");
$node->start;
$node->safe_psql(
	'postgres', qq{
CREATE EXTENSION rfm;
CREATE TABLE orders (order_id bigserial PRIMARY KEY, customer_id int NOT NULL, created_at timestamptz NOT NULL, total numeric(10,2), status text NOT NULL);
INSERT INTO orders (customer_id, created_at, total, status)
SELECT i % ($orders / 10), timestamptz '2024-06-30 12:00+00' - i * interval '1 minute', i % 977, CASE WHEN i % 10 = 0 THEN 'cancelled' ELSE 'paid' END
  FROM generate_series(1, $orders) i;
CREATE INDEX ON orders (customer_id);
ANALYZE orders;
CREATE TABLE blocked (writer text, other text);
CREATE FUNCTION pass() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
SELECT rfm_create_model('plain', 'orders', 'plain_scores', filter => \$\$status <> 'cancelled'\$\$);
SELECT rfm_create_model('parts', 'orders', 'parts_scores', filter => \$\$status <> 'cancelled'\$\$, partition_by => 'day', retention => '3 days');
SELECT rfm_create_model('row', 'orders', 'row_scores', filter => \$\$status <> 'cancelled'\$\$);
CREATE TRIGGER pass BEFORE INSERT OR UPDATE ON row_scores FOR EACH ROW EXECUTE FUNCTION pass();
} . join '', map { "SELECT rfm_refresh('2024-06-28', '$_'), rfm_refresh('2024-06-29', '$_');\n" } qw(plain parts row));

my $dir = PostgreSQL::Test::Utils::tempdir();

sub script
{
	my ($name, $text) = @_;
	append_to_file("$dir/$name.sql", $text);
	return "$dir/$name.sql";
}

# what the shop does: a few orders come, change, are cancelled, go
my $writes = script('writes', qq{
\\set customer random(0, $orders / 9)
\\set order random(1, $orders)
\\set kind random(1, 10)
\\set total random(1, 100000)
\\if :kind <= 5
INSERT INTO orders (customer_id, created_at, total, status) VALUES (:customer, timestamptz '2024-06-30 18:00+00' - :kind * interval '1 day', :total / 100.0, 'paid');
\\elif :kind <= 7
UPDATE orders SET total = total + 1 WHERE order_id = :order;
\\elif :kind <= 9
UPDATE orders SET status = CASE WHEN status = 'paid' THEN 'cancelled' ELSE 'paid' END WHERE order_id = :order;
\\else
DELETE FROM orders WHERE order_id = :order;
\\endif
});

# what scores it; more than one at a time of each
my %loops = (
	plain => q{SELECT rfm_refresh('2024-06-30', 'plain');},
	again => q{SELECT rfm_refresh('2024-06-30', 'plain');},
	parts => "\\set day random(1, 7)\nSELECT rfm_refresh(date '2024-06-30' + :day, 'parts') WHERE date '2024-06-30' + :day > (SELECT max(run_date) FROM parts_scores) - 2;",
	row => q{SELECT rfm_refresh('2024-06-30', 'row');},
	watch => q{INSERT INTO blocked SELECT w.query, r.query FROM pg_stat_activity w, unnest(pg_blocking_pids(w.pid)) b JOIN pg_stat_activity r ON r.pid = b
		WHERE w.query ~ '^(INSERT INTO|UPDATE|DELETE FROM) orders' AND r.query ~ 'rfm_'; SELECT pg_sleep(0.02);} =~ s/\s+/ /gr,
	preview => q{SELECT count(*) FROM rfm_preview('2024-06-30', 'plain');},
	reports => "SELECT count(*) FROM rfm_segment_summary(model => 'plain');\nSELECT count(*) FROM rfm_trend('parts');\nSELECT length(rfm_report(model => 'plain'));\nSELECT count(*) FROM rfm_score_now(7, 'plain');");

my @running;

sub start_pgbench
{
	my ($name, $script, $n, $time) = @_;
	my ($out, $err) = ('', '');
	my %r = (name => $name, out => \$out, err => \$err);
	$r{run} = IPC::Run::start([ 'pgbench', '-n', '-c', $n, '-j', 1, '-T', $time, '-f', $script, '-d', $node->connstr('postgres') ], '>', \$out, '2>', \$err);
	return \%r;
}

# Waits for it; returns transactions a second.  pgbench ends with the first error.
sub finish
{
	my ($r) = @_;
	my $well = $r->{run}->finish;
	ok($well && ${ $r->{err} } !~ /error|abort/i, "$r->{name}: no error") or diag ${ $r->{err} };
	my ($n) = ${ $r->{out} } =~ /number of transactions actually processed: (\d+)/;
	my ($tps) = ${ $r->{out} } =~ /tps = ([\d.]+)/;
	return ($tps // 0, $n // 0);
}

my $alone = $seconds > 4 ? int($seconds / 4) : 1;
my ($tps_alone) = finish(start_pgbench('writers alone', $writes, $clients, $alone));
my $runs = $node->safe_psql('postgres', 'SELECT count(*) FROM rfm_run');
my @loops = map { start_pgbench($_, script($_, $loops{$_}), 1, $seconds - $alone) } sort keys %loops;
my ($tps_beside) = finish(start_pgbench('writers beside refreshes', $writes, $clients, $seconds - $alone));
for my $loop (@loops)
{
	my (undef, $n) = finish($loop);
	cmp_ok($n, '>', 0, "$loop->{name}: it came to something");
	note "$loop->{name}: $n times";
}
$runs = $node->safe_psql('postgres', 'SELECT count(*) FROM rfm_run') - $runs;
note sprintf "writers: %.0f transactions a second alone, %.0f (%.0f %%) beside %d refreshes in %d s",
  $tps_alone, $tps_beside, 100 * $tps_beside / ($tps_alone || 1), $runs, $seconds - $alone;
is($node->safe_psql('postgres', 'SELECT * FROM blocked LIMIT 3'), '', 'no writer waited for a lock of those who score');
is($node->safe_psql('postgres', "SELECT deadlocks FROM pg_stat_database WHERE datname = 'postgres'"), 0, 'no deadlock');
is($node->safe_psql('postgres', 'SELECT count(*) FROM pg_locks WHERE pid <> pg_backend_pid() AND database = (SELECT oid FROM pg_database WHERE datname = current_database())'),
	0, 'no lock is left');
unlike(slurp_file($node->logfile), qr/ERROR:|PANIC|TRAP|terminated by signal|deadlock detected/, 'the log has no error');

# the last refresh
for my $pair ([ 'plain', '2024-06-30' ], [ 'parts', '2024-07-08' ], [ 'row', '2024-06-30' ])
{
	my ($model, $day) = @$pair;
	$node->safe_psql('postgres', "SELECT rfm_refresh('$day', '$model')");
	my $customers = "SELECT customer_id, date '$day' - max((created_at AT TIME ZONE 'UTC')::date) AS recency, count(*) AS frequency, coalesce(sum(total), 0) AS monetary"
	  . " FROM orders WHERE status <> 'cancelled' AND (created_at AT TIME ZONE 'UTC')::date <= '$day' GROUP BY customer_id";
	my $wanted = "SELECT *, ntile(5) OVER (ORDER BY recency DESC, customer_id) AS r, ntile(5) OVER (ORDER BY frequency, customer_id) AS f,"
	  . " ntile(5) OVER (ORDER BY monetary, customer_id) AS m FROM ($customers) c";
	my $given = "SELECT customer_id, recency_days, frequency_orders, monetary_value, r_score, f_score, m_score FROM ${model}_scores WHERE run_date = '$day'";
	is($node->safe_psql('postgres', "SELECT (SELECT count(*) > 1000 FROM ${model}_scores WHERE run_date = '$day'), count(*) FROM (($given EXCEPT ALL $wanted) UNION ALL ($wanted EXCEPT ALL $given)) d"),
		't|0', "$model: the last refresh is what plain SQL says");
}

$node->stop;
done_testing();
