# Refreshes in transactions that are prepared, by each way of writing; in
# subtransactions that are undone; and the calls that refuse to be part of one.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/lib";

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Server;
use Test::More;

my $date = '2024-06-30';
my $node = PostgreSQL::Test::Cluster->new('transactions');
$node->init;
$node->append_conf('postgresql.conf', "max_prepared_transactions = 5\nautovacuum = off\nrestart_after_crash = on\nlock_timeout = '20s'\n");
$node->start;
$node->safe_psql(
	'postgres', q{
CREATE EXTENSION rfm;
CREATE TABLE orders (order_id int PRIMARY KEY, customer_id int NOT NULL, created_at timestamp NOT NULL, total numeric(10,2));
INSERT INTO orders SELECT i, i % 5000, timestamp '2024-06-30 12:00' - i * interval '7 minutes', i % 977 FROM generate_series(1, 9000) i;
CREATE FUNCTION pass() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
SELECT rfm_create_model('bulk', 'orders', 'bulk_scores');
SELECT rfm_create_model('row', 'orders', 'row_scores');
CREATE TRIGGER pass BEFORE INSERT OR UPDATE ON row_scores FOR EACH ROW EXECUTE FUNCTION pass();
SELECT rfm_create_model('parts', 'orders', 'parts_scores', partition_by => 'day', retention => '2 days');
});

sub ask { return $node->safe_psql('postgres', shift) }

# Rows that the target and the definition in plain SQL do not share
sub differences
{
	my ($model, $day) = @_;
	my $wanted = qq{
SELECT customer_id, date '$day' - max(created_at)::date AS recency, count(*) AS frequency, sum(total) AS monetary
  FROM orders WHERE created_at::date <= '$day' GROUP BY customer_id};
	my $scored = "SELECT *, ntile(5) OVER (ORDER BY recency DESC, customer_id) AS r, ntile(5) OVER (ORDER BY frequency, customer_id) AS f,"
	  . " ntile(5) OVER (ORDER BY monetary, customer_id) AS m FROM ($wanted) c";
	my $given = "SELECT customer_id, recency_days, frequency_orders, monetary_value, r_score, f_score, m_score FROM ${model}_scores WHERE run_date = '$day'";
	return ask("SELECT count(*) FROM (($given EXCEPT ALL $scored) UNION ALL ($scored EXCEPT ALL $given)) d");
}

sub state_of
{
	my ($model) = @_;
	return ask("SELECT count(*), md5(string_agg(concat(run_date, ctid, xmin, t), ',' ORDER BY run_date, customer_id)), (SELECT count(*) FROM rfm_run WHERE model = '$model') FROM ${model}_scores t");
}

#
# PREPARE TRANSACTION
#
my %settings = (memory => '', spilled => "SET rfm.work_mem = '64kB';", parallel => 'SET min_parallel_table_scan_size = 0; SET parallel_setup_cost = 0; SET parallel_tuple_cost = 0;');
for my $model (qw(bulk row parts))
{
	for my $way (sort keys %settings)
	{
		my $name = "$model, $way";
		ask("UPDATE orders SET total = total + 1 WHERE customer_id % 3 = 0; DELETE FROM orders WHERE order_id % 50 = length('$name') % 50; ANALYZE orders");
		my $before = state_of($model);
		my $prepare = "$settings{$way} BEGIN; SELECT rfm_refresh('2024-06-29', '$model'), rfm_refresh('$date', '$model'); PREPARE TRANSACTION 'refresh'";

		ask($prepare);
		is(state_of($model), $before, "$name: prepared, nothing is seen");
		is(scalar temp_files($node), 0, "$name: no temporary file is left");
		like(error_of($node, 'postgres', "SET lock_timeout = '100ms'; SELECT rfm_refresh('$date', '$model')"), qr/ERROR: +55P03/, "$name: the next refresh queues behind it");
		is(ask("SELECT count(*) > 0 FROM rfm_preview('$date', '$model')"), 't', "$name: a preview does not");
		ask("ROLLBACK PREPARED 'refresh'");
		is(state_of($model), $before, "$name: rolled back, all is as before");

		ask($prepare);
		# it outlives a crash
		if ($way eq 'spilled')
		{
			$node->stop('immediate');
			$node->start;
			like(error_of($node, 'postgres', "SET lock_timeout = '100ms'; SELECT rfm_refresh('$date', '$model')"), qr/ERROR: +55P03/, "$name: after a crash, too, the next one queues");
		}
		ask("COMMIT PREPARED 'refresh'");
		is(differences($model, '2024-06-29') . ' ' . differences($model, $date), '0 0', "$name: committed, the snapshots are those of the definition");
		is(ask("SELECT rfm_refresh('$date', '$model'); SELECT inserted + updated + deleted FROM rfm_run ORDER BY run_id DESC LIMIT 1") =~ s/^.*\n//r,
			0, "$name: the next refresh finds nothing to do");
	}
}
is(ask("SELECT count(*) FROM pg_locks WHERE pid IS DISTINCT FROM pg_backend_pid() AND locktype IN ('relation', 'advisory')"), 0, 'no lock is left');

# a temporary table: PostgreSQL itself says no, and nothing is left
my $before = state_of('bulk');
my $err = error_of($node, 'postgres', q{
CREATE TEMP TABLE passing AS TABLE orders;
BEGIN; CREATE TEMP TABLE touched (a int); SELECT rfm_refresh('2024-06-30', 'bulk'); PREPARE TRANSACTION 'refresh';});
like($err, qr/ERROR: +0A000: +cannot PREPARE a transaction that has operated on temporary objects/, 'temporary objects: refused by PostgreSQL');
is(state_of('bulk'), $before, 'and nothing is left');
$err = error_of($node, 'postgres', "CREATE TEMP TABLE passing AS TABLE orders; SELECT rfm_create_model('passing', 'passing', 'pg_temp.passing_scores');\n"
	  . "BEGIN; SELECT rfm_refresh('2024-06-30', 'passing'); PREPARE TRANSACTION 'refresh';");
unlike($err, qr/XX\d\d\d/, 'a temporary source: no internal error') or diag $err;
is(ask('SELECT count(*) FROM pg_prepared_xacts'), 0, 'and nothing is prepared');
ask("DELETE FROM rfm_model WHERE model = 'passing'");

#
# What commits cannot be part of a transaction
#
for my $call ("rfm_backfill('2024-06-29', '$date', 'bulk')", "rfm_catch_up('bulk')")
{
	$before = state_of('bulk');
	like(error_of($node, 'postgres', "BEGIN; CALL $call; PREPARE TRANSACTION 'refresh'"), qr/ERROR: +25001/, "$call: not in a transaction block");
	like(error_of($node, 'postgres', "DO \$\$ BEGIN CALL $call; EXCEPTION WHEN division_by_zero THEN NULL; END \$\$"), qr/ERROR: +(25001|2D000)/, "$call: not where exceptions are caught");
	is(state_of('bulk'), $before, "$call: nothing was done");
	is(ask('SELECT count(*) FROM pg_prepared_xacts'), 0, "$call: nothing is prepared");
}

#
# Subtransactions: what is undone leaves nothing behind, in the same session
#
for my $model (qw(bulk row parts))
{
	for my $way (sort keys %settings)
	{
		my $name = "$model, $way";
		ask("UPDATE orders SET total = total + 1 WHERE customer_id % 4 = 0; ANALYZE orders");
		$before = state_of($model);
		my $said = ask(qq{
$settings{$way}
BEGIN;
SAVEPOINT a;
SELECT rfm_refresh('2024-06-29', '$model');
SAVEPOINT b;
SELECT rfm_refresh('$date', '$model');
ROLLBACK TO a;
DO \$\$
BEGIN
  FOR i IN 1 .. 2 LOOP
    BEGIN
      PERFORM rfm_refresh('2024-06-29', '$model'), rfm_refresh('$date', '$model'), 1 / (i - i);
    EXCEPTION WHEN division_by_zero THEN NULL;
    END;
  END LOOP;
END \$\$;
SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid();
COMMIT;
} . "SELECT rfm_refresh('$date', '$model') > 0");
		like($said, qr/\n0\nt$/, "$name: undone, its lock is gone, and the session refreshes");
		isnt(state_of($model), $before, "$name: which writes");
		is(differences($model, $date), 0, "$name: what the definition says");
	}
}

#
# default_transaction_isolation = serializable: everything works
#
ask("ALTER DATABASE postgres SET default_transaction_isolation = 'serializable'");
ask("UPDATE orders SET total = total + 1 WHERE customer_id % 4 = 1");
ask("SELECT rfm_refresh('$date', '$_')") for qw(bulk row parts);
is(join(' ', map { differences($_, $date) } qw(bulk row parts)), '0 0 0', 'serializable: refresh');
ask("TRUNCATE bulk_scores; CALL rfm_backfill('2024-06-25', '$date', 'bulk')");
is(join(' ', map { differences('bulk', "2024-06-$_") } 25 .. 30), '0 0 0 0 0 0', 'serializable: backfill');
ask("UPDATE rfm_model SET as_of = 'latest_order' WHERE model = 'bulk'; DELETE FROM rfm_run WHERE run_date > '2024-06-27'; DELETE FROM bulk_scores WHERE run_date > '2024-06-27'; CALL rfm_catch_up('bulk')");
is(join(' ', map { differences('bulk', "2024-06-$_") } 28 .. 30), '0 0 0', 'serializable: catch-up');
like(ask("SELECT rfm_report('$date', 'bulk')"), qr/<html/, 'serializable: report');

unlike(slurp_file($node->logfile), qr/PANIC|TRAP|terminated by signal|WARNING/, 'the log is quiet');
$node->stop;
done_testing();
