# A source that is a foreign table, and one that is a temporary table.
use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('main');
$node->init;
$node->start;

if (!$node->safe_psql('postgres',
		"SELECT count(*) FROM pg_available_extensions WHERE name = 'postgres_fdw'"))
{
	plan skip_all => 'postgres_fdw is not installed';
}

my $host = $node->host;
my $port = $node->port;

$node->safe_psql('postgres', 'CREATE DATABASE far');
$node->safe_psql('far', q{
	CREATE SCHEMA ecom;
	CREATE TABLE ecom.orders (order_id int, customer_id int, created_at timestamptz, total numeric(12,2), status text);
	INSERT INTO ecom.orders
	SELECT i, i % 97, timestamptz '2024-01-01 00:00+00' + i * interval '37 minutes', i % 1000 / 10.0,
	       CASE WHEN i % 11 = 0 THEN 'cancelled' ELSE 'paid' END
	  FROM generate_series(1, 5000) i});

$node->safe_psql('postgres', qq{
	CREATE EXTENSION rfm;
	CREATE EXTENSION postgres_fdw;
	CREATE SERVER far FOREIGN DATA WRAPPER postgres_fdw OPTIONS (host '$host', port '$port', dbname 'far');
	CREATE USER MAPPING FOR CURRENT_USER SERVER far;
	CREATE SCHEMA ecom;
	IMPORT FOREIGN SCHEMA ecom FROM SERVER far INTO ecom});

is($node->safe_psql('postgres', q{SELECT rfm_refresh('2024-04-30')}), '97',
	'default model over a foreign table');

my $expected = q{
	WITH values AS (
		SELECT customer_id, date '2024-04-30' - max(created_at AT TIME ZONE 'UTC')::date AS recency_days,
		       count(*) AS frequency_orders, sum(total) AS monetary_value
		  FROM ecom.orders
		 WHERE status <> 'cancelled' AND (created_at AT TIME ZONE 'UTC')::date <= '2024-04-30'
		 GROUP BY customer_id)
	SELECT *, ntile(5) OVER (ORDER BY recency_days DESC, customer_id) AS r_score,
	       ntile(5) OVER (ORDER BY frequency_orders, customer_id) AS f_score,
	       ntile(5) OVER (ORDER BY monetary_value, customer_id) AS m_score
	  FROM values};
my $got = q{SELECT customer_id, recency_days, frequency_orders, monetary_value, r_score, f_score, m_score
	FROM ecom.customer_rfm_daily};
is($node->safe_psql('postgres', "SELECT count(*) FROM (($expected) EXCEPT ($got)) x"), '0',
	'no row missing or different');
is($node->safe_psql('postgres', "SELECT count(*) FROM (($got) EXCEPT ($expected)) x"), '0',
	'no row too many');

is($node->safe_psql('postgres', q{
		CREATE TEMP TABLE mine AS SELECT * FROM ecom.orders;
		SELECT rfm_create_model('temporary', 'mine', 'public.temporary_target');
		SELECT rfm_refresh('2024-04-30', 'temporary')}), "\n97",
	'a temporary table as source');

my ($ret, $stdout, $stderr) =
  $node->psql('postgres', q{SELECT rfm_refresh('2024-04-30', 'temporary')});
like($stderr, qr/source of model "temporary" does not exist/,
	'it is said when the temporary table is gone');

$node->stop;
done_testing();
