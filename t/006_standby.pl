# On a standby: a refresh says where it belongs, a preview works, the snapshots
# of the primary are there to be read; and once promoted it refreshes.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/lib";

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Server;
use Test::More;

my $date = '2024-06-30';
my $primary = PostgreSQL::Test::Cluster->new('primary');
$primary->init(allows_streaming => 1);
$primary->append_conf('postgresql.conf', q{shared_preload_libraries = 'rfm'});
$primary->start;
$primary->safe_psql(
	'postgres', qq{
CREATE EXTENSION rfm;
CREATE SCHEMA ecom;
CREATE TABLE ecom.orders (order_id int PRIMARY KEY, customer_id int NOT NULL, created_at timestamptz NOT NULL,
                          total numeric(12,2), status text);
INSERT INTO ecom.orders
SELECT i, i % 97, timestamptz '$date 12:00+00' - i * interval '5 hours', 10 + i % 89,
       CASE WHEN i % 11 = 0 THEN 'cancelled' ELSE 'paid' END
  FROM generate_series(1, 500) i;
SELECT rfm_create_model('shop', 'ecom.orders', 'scores', filter => \$\$status <> 'cancelled'\$\$);
SELECT rfm_refresh('$date', 'shop');
});
$primary->backup('base');
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($primary, 'base', has_streaming => 1);
$standby->start;
$primary->wait_for_catchup($standby);

for my $call ("rfm_refresh('$date', 'shop')", "rfm_refresh('$date')", "rfm_refresh('$date', 'no such model')")
{
	my $err = error_of($standby, 'postgres', "SELECT $call");
	like($err, qr/ERROR: +25006: cannot execute rfm_refresh\(\) during recovery/, 'message');
	like($err, qr/DETAIL: +This server is a standby/, 'detail');
	like($err, qr/HINT: +Refresh on the primary server/, 'hint');
}
like(error_of($standby, 'postgres', "SELECT $_"), qr/ERROR: +25006/, 'nothing is written on a standby')
  for "rfm_create_model('other', 'ecom.orders', 'other_scores')", "rfm_drop_model('shop')", "rfm_copy_ruleset('sum5', 'mine')", "rfm_drop_ruleset('sum5')",
  "rfm_drop_rule('sum5', 10)";

# what only reads works, and gives what the primary gives
my @reads = (
	"SELECT * FROM rfm_preview('$date', 'shop') ORDER BY customer_id",
	"SELECT * FROM rfm_preview('2024-05-31', 'shop') ORDER BY customer_id",
	'SELECT * FROM scores ORDER BY customer_id',
	"SELECT * FROM rfm_cut_points('$date', 'shop')",
	'SELECT * FROM rfm_run',
	"SELECT count(*) FROM rfm_segment_coverage('classic11')",
	'SELECT * FROM rfm_progress');
for my $sql (@reads)
{
	my $there = $primary->safe_psql('postgres', $sql);
	is($standby->safe_psql('postgres', $sql), $there, "as on the primary: $sql");
}
isnt($standby->safe_psql('postgres', $reads[0]), '', 'a preview has rows');

# a snapshot that comes while the standby has been asked already
$primary->safe_psql('postgres', "UPDATE ecom.orders SET total = total + 1; SELECT rfm_refresh('$date', 'shop')");
$primary->wait_for_catchup($standby);
is($standby->safe_psql('postgres', $reads[2]), $primary->safe_psql('postgres', $reads[2]), 'the next snapshot arrives');

$standby->promote;
is($standby->safe_psql('postgres', "SELECT rfm_refresh('$date', 'shop'), rfm_refresh('$date')"), '97|97',
	'promoted, it refreshes');
is($standby->safe_psql('postgres', 'SELECT inserted + updated + deleted FROM rfm_run ORDER BY run_id DESC OFFSET 1 LIMIT 1'),
	0, 'and finds what the primary wrote');

$standby->stop;
$primary->stop;
done_testing();
