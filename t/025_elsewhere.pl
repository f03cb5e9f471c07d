# Orders on another server, behind postgres_fdw: grouped there where they can be,
# else read one by one, and the same snapshot either way; nothing that runs in
# another process needs a ticket of this one.
use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('elsewhere');
$node->init(extra => [ '--locale=C.UTF-8', '--encoding=UTF8' ]);
$node->append_conf('postgresql.conf', "max_worker_processes = 16\nfsync = off\n");
$node->start;
if ($node->safe_psql('postgres', q{SELECT count(*) FROM pg_available_extensions WHERE name = 'postgres_fdw'}) eq '0')
{
	$node->stop;
	plan skip_all => 'postgres_fdw is not installed';
}
my $port = $node->port;
my $host = $node->host;

# the orders lie in a second database of the same server
$node->safe_psql('postgres', 'CREATE DATABASE orders');
$node->safe_psql('orders', q{
CREATE EXTENSION rfm;
CREATE TABLE orders (order_id bigint, customer_id bigint, created_at timestamptz, total numeric, price float8);
INSERT INTO orders SELECT i / 2, i * 7919 % 501, timestamptz '2024-03-31 23:30+00' - (i * 104729 % 87600) * interval '5 minutes',
                          (i * 15485863 % 1000019) / 100.0, (i * 15485863 % 1000019) / 300.0 FROM generate_series(1::bigint, 5000) i;
ANALYZE;
});
$node->safe_psql('postgres', qq{
CREATE EXTENSION rfm;
CREATE EXTENSION postgres_fdw;
SET rfm.latest_view = off;
CREATE SERVER there FOREIGN DATA WRAPPER postgres_fdw OPTIONS (host '$host', port '$port', dbname 'orders');
CREATE USER MAPPING FOR CURRENT_USER SERVER there;
CREATE SERVER with_rfm FOREIGN DATA WRAPPER postgres_fdw OPTIONS (host '$host', port '$port', dbname 'orders', extensions 'rfm');
CREATE USER MAPPING FOR CURRENT_USER SERVER with_rfm;
CREATE FOREIGN TABLE remote (order_id bigint, customer_id bigint, created_at timestamptz, total numeric, price float8) SERVER there OPTIONS (table_name 'orders');
CREATE FOREIGN TABLE remote_rfm (order_id bigint, customer_id bigint, created_at timestamptz, total numeric, price float8) SERVER with_rfm OPTIONS (table_name 'orders');
CREATE VIEW seen AS SELECT * FROM remote WHERE total >= 0;
CREATE TABLE local AS SELECT * FROM remote;
});
$node->safe_psql('postgres', q{
CREATE TABLE parts (order_id bigint, customer_id bigint, created_at timestamptz, total numeric, price float8) PARTITION BY RANGE (customer_id);
CREATE FOREIGN TABLE parts_1 PARTITION OF parts FOR VALUES FROM (0) TO (250) SERVER there OPTIONS (table_name 'low');
CREATE FOREIGN TABLE parts_2 PARTITION OF parts FOR VALUES FROM (250) TO (1000) SERVER there OPTIONS (table_name 'high');
});
$node->safe_psql('orders', q{
CREATE VIEW low AS SELECT * FROM orders WHERE customer_id < 250;
CREATE VIEW high AS SELECT * FROM orders WHERE customer_id >= 250;
});

# compare SOURCE, READING, OPTIONS, SETTINGS: the snapshot of a source is that of the local table
sub compare
{
	my ($source, $reading, $options, $settings) = @_;
	$options //= '';
	$settings //= '';
	my $name = "$source $options $settings";
	my $got = $node->safe_psql('postgres', qq{
SET client_min_messages = error;
SET rfm.latest_view = off;
$settings
DELETE FROM rfm_model;
DROP TABLE IF EXISTS a, b;
SELECT FROM rfm_create_model('a', 'local', 'a', time_zone => 'UTC' $options);
SELECT FROM rfm_create_model('b', '$source', 'b', time_zone => 'UTC' $options);
SELECT FROM rfm_refresh('2024-03-30', 'b');
SELECT FROM rfm_score_now(17, 'b');
SELECT reading FROM rfm_run WHERE model = 'b';
RESET rfm.grouped_reading;
SELECT FROM rfm_refresh('2024-03-30', 'a');
SELECT count(*) FROM (SELECT to_jsonb(a) - '{created_at,updated_at}'::text[] AS r FROM a) x FULL JOIN (SELECT to_jsonb(b) - '{created_at,updated_at}'::text[] AS r FROM b) y ON x.r = y.r WHERE x.r IS NULL OR y.r IS NULL;
SELECT count(DISTINCT (customers, orders, cut_points)) FROM rfm_run;
});
	is($got, "$reading\n0\n1", "$name: the same snapshot, read as $reading");
	return;
}

my $force = $node->safe_psql('postgres', q{SELECT name FROM pg_settings WHERE name IN ('force_parallel_mode', 'debug_parallel_query')});
my $ids = ", order_id => 'order_id'";
my $price = ", amount => 'price'";

compare('remote', 'grouped');
compare('remote', 'grouped', $ids);
compare('remote', 'grouped', '', 'SET enable_hashagg = off; SET enable_sort = off;');
compare('remote', 'orders', '', 'SET rfm.grouped_reading = off;');
compare('remote', 'orders', $price);
compare('remote', 'grouped', $price, 'SET rfm.grouped_reading = on;');
compare('remote_rfm', 'grouped', $price);
compare('remote_rfm', 'orders', '', 'SET rfm.grouped_reading = off;');
compare('seen', 'grouped');
compare('parts', 'grouped');
compare('parts', 'orders', $price);
compare('local', 'orders');
compare('local', 'grouped', $_, 'SET rfm.grouped_reading = on;') for '', $ids, $price;
compare('local', 'orders', $_, "SET $force = on;") for '', $ids;
compare('local', 'grouped', '', "SET $force = on; SET rfm.grouped_reading = on;");

# floating-point amounts whose sum is not that of their roundings, and those that have none
$node->safe_psql('postgres', q{CREATE TABLE hard (customer_id int, created_at date, price float8);
INSERT INTO hard SELECT 1, '2024-01-01', p FROM unnest(ARRAY[1e300, 1, -1e300, 1e-300, 2, 3e15, 0.1]::float8[]) p;
SELECT rfm_create_model('hard', 'hard', 'hard_rfm', amount => 'price')});
for my $way ('off', 'on')
{
	my ($rc, $out, $err) = $node->psql('postgres', "SET rfm.grouped_reading = $way; SELECT monetary_value FROM rfm_preview('2024-01-01', 'hard')");
	is($out, '3000000000000003', "grouped_reading = $way: the sum is rounded once");
	($rc, $out, $err) = $node->psql('postgres', "INSERT INTO hard VALUES (2, '2024-01-01', 'NaN'), (2, '2024-01-01', 'Infinity');
SET rfm.grouped_reading = $way; SELECT count(*) FROM rfm_preview('2024-01-01', 'hard')");
	like($err, qr/order of customer "2" has an amount that is not a finite number/, "grouped_reading = $way: an amount that is no number is one of a customer's");
	($rc, $out, $err) = $node->psql('postgres', "DELETE FROM hard WHERE customer_id = 2; INSERT INTO hard VALUES (2, '2024-01-01', 1.7e308), (2, '2024-01-01', 1.7e308);
SET rfm.grouped_reading = $way; SELECT count(*) FROM rfm_preview('2024-01-01', 'hard')");
	like($err, qr/amounts of customer "2" sum up to more than double precision can hold/, "grouped_reading = $way: so is a sum that is too large");
	$node->safe_psql('postgres', "INSERT INTO hard VALUES (2, '2024-01-01', -1.7e308)");
	is($node->safe_psql('postgres', "SET rfm.grouped_reading = $way; SELECT monetary_value = 1.7e308::float8 FROM rfm_preview('2024-01-01', 'hard') WHERE customer_id = '2'"),
		't', "grouped_reading = $way: a sum may leave the range on the way");
	$node->safe_psql('postgres', 'DELETE FROM hard WHERE customer_id = 2');
}
is($node->safe_psql('postgres', q{SELECT rfm_internal.exact_sum(x) IS NULL FROM (VALUES (NULL::float8)) v(x)}), 't', 'no amount at all has no sum');

$node->stop;
done_testing();
