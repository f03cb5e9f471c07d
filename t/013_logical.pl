# Logical replication of targets: what a refresh inserts, updates and deletes,
# in bulk and row by row, arrives at a subscriber; a target without a replica
# identity is refused as in any UPDATE, with nothing done.
use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $date = '2024-06-30';
my $publisher = PostgreSQL::Test::Cluster->new('publisher');
$publisher->init(allows_streaming => 'logical');
$publisher->start;
my $subscriber = PostgreSQL::Test::Cluster->new('subscriber');
$subscriber->init;
$subscriber->start;

$publisher->safe_psql(
	'postgres', q{
CREATE EXTENSION rfm;
CREATE TABLE orders (order_id int PRIMARY KEY, customer_id int NOT NULL, created_at timestamp NOT NULL, total numeric(10,2));
INSERT INTO orders SELECT i, i % 3000, timestamp '2024-06-30 12:00' - i * interval '7 minutes', i % 977 FROM generate_series(1, 6000) i;
CREATE FUNCTION pass() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
SET rfm.latest_view = off;
SELECT rfm_create_model('bulk', 'orders', 'bulk_scores');
SELECT rfm_create_model('row', 'orders', 'row_scores');
CREATE TRIGGER pass BEFORE INSERT OR UPDATE ON row_scores FOR EACH ROW EXECUTE FUNCTION pass();
SELECT rfm_create_model('parts', 'orders', 'parts_scores', partition_by => 'day', retention => '3 days');
-- a key of its own, no primary key
CREATE TABLE keyless_scores (LIKE bulk_scores INCLUDING DEFAULTS, UNIQUE (customer_id, run_date));
SELECT rfm_create_model('keyless', 'orders', 'keyless_scores');
});
# the subscriber needs the tables, not the extension
my ($dump) = run_command([ 'pg_dump', '-s', '-O', '-t', 'public.*_scores', $publisher->connstr('postgres') ]);
$subscriber->safe_psql('postgres', 'CREATE FUNCTION pass() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN RETURN NEW; END$$');
$subscriber->safe_psql('postgres', $dump);
$subscriber->safe_psql('postgres', "CREATE TABLE parts_rest PARTITION OF parts_scores DEFAULT");
$publisher->safe_psql('postgres', 'CREATE PUBLICATION scores FOR TABLE bulk_scores, row_scores, parts_scores, keyless_scores WITH (publish_via_partition_root)');
$subscriber->safe_psql('postgres', "CREATE SUBSCRIPTION scores CONNECTION '" . ($publisher->connstr('postgres') =~ s/'/''/gr) . "' PUBLICATION scores");
$subscriber->wait_for_subscription_sync($publisher, 'scores') if $subscriber->can('wait_for_subscription_sync');

my @models = qw(bulk row parts keyless);

sub refresh { return $publisher->safe_psql('postgres', join ';', map { "SELECT rfm_refresh('$_[0]', '$_')" } @_[ 1 .. $#_ ]) }

sub arrives
{
	my ($what, @which) = @_;
	$publisher->wait_for_catchup('scores');
	for my $model (@which)
	{
		my $all = "SELECT * FROM ${model}_scores ORDER BY run_date, customer_id";
		my $sent = $publisher->safe_psql('postgres', $all);
		isnt($sent, '', "$model: there is something to see");
		ok($subscriber->safe_psql('postgres', $all) eq $sent, "$model: $what");
	}
	return;
}

refresh('2024-06-29', @models);
refresh($date, @models);
arrives('inserted rows arrive', @models);

# customers that go, change, come
my $change = q{
DELETE FROM orders WHERE customer_id IN (SELECT DISTINCT customer_id FROM orders ORDER BY 1 LIMIT 400);
UPDATE orders SET total = total + 1 WHERE customer_id % 3 = 0;
INSERT INTO orders SELECT m + i, 100000 + m + i / 2, timestamp '2024-06-30 12:00' - i * interval '1 minute', i FROM (SELECT max(order_id) FROM orders) x(m), generate_series(1, 800) i};
$publisher->safe_psql('postgres', $change);
my @identified = qw(bulk row parts);
refresh($date, @identified);
is( $publisher->safe_psql('postgres', 'SELECT count(*) FROM (SELECT FROM rfm_run WHERE inserted > 0 AND updated > 0 AND deleted > 0) r'),
	3, 'rows were inserted, updated and deleted');
arrives('updated and deleted rows arrive', @identified);

# without a replica identity PostgreSQL could not tell the subscriber which row it was
my $stands = 'SELECT * FROM keyless_scores ORDER BY run_date, customer_id; SELECT count(*) FROM rfm_run';
my $before = $publisher->safe_psql('postgres', $stands);
for my $only (
	[ 'delete from', $change ],
	[ 'update', 'UPDATE orders SET total = total + 1' ])
{
	my ($what, $orders) = @$only;
	my ($rc, $out, $err) = $publisher->psql('postgres', "\\set VERBOSITY verbose\nBEGIN; UPDATE rfm_model SET keep_stale = true WHERE model = 'keyless' AND '$what' = 'update'; $orders; SELECT rfm_refresh('$date', 'keyless')");
	like($err, qr/ERROR: +55000: +cannot $what table "keyless_scores" because it does not have a replica identity/, "no replica identity, $what: refused");
	is($publisher->safe_psql('postgres', $stands), $before, 'and nothing was done');
}
refresh('2024-07-01', 'keyless');
arrives('a date of which nothing stands is only inserted', 'keyless');
$publisher->safe_psql('postgres', 'ALTER TABLE keyless_scores REPLICA IDENTITY FULL');
refresh($date, 'keyless');
arrives('with REPLICA IDENTITY FULL all arrives', 'keyless');

# dates by the calls that commit each, an undone one, and partitions that go
$publisher->safe_psql('postgres', "CALL rfm_backfill('2024-06-26', '2024-06-28', 'bulk'); BEGIN; $change; SELECT rfm_refresh('$date', 'bulk'); ROLLBACK");
arrives('a backfill arrives, what was undone does not', 'bulk');
refresh('2024-07-02', 'parts');
is($publisher->safe_psql('postgres', 'SELECT expired > 0 FROM rfm_run ORDER BY run_id DESC LIMIT 1'), 't', 'an old partition is dropped');
$publisher->wait_for_catchup('scores');
my $new = "SELECT * FROM parts_scores WHERE run_date > '2024-06-29' ORDER BY run_date, customer_id";
ok($subscriber->safe_psql('postgres', $new) eq $publisher->safe_psql('postgres', $new), 'parts: a new partition arrives');
isnt($subscriber->safe_psql('postgres', "SELECT count(*) FROM parts_scores WHERE run_date <= '2024-06-29'"), 0,
	'parts: DROP TABLE is not replicated: the subscriber keeps the old dates');

$subscriber->stop;
$publisher->stop;
done_testing();
