# Random shops, each refreshed and previewed in several ways, against a
# reference in plain SQL (t/shops).  RFM_SEED and RFM_SHOPS set the first seed
# and how many; what fails names the seed that repeats it.
use strict;
use warnings;

use File::Basename;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $first = $ENV{RFM_SEED} // 20240229;
my $shops = $ENV{RFM_SHOPS} // 120;

my $node = PostgreSQL::Test::Cluster->new('random_shops');
$node->init(extra => [ '--locale=C.UTF-8', '--encoding=UTF8' ]);
$node->append_conf(
	'postgresql.conf', q{
max_worker_processes = 16
max_parallel_workers = 8
autovacuum = off
});
$node->start;
$node->safe_psql('postgres', 'CREATE EXTENSION rfm');
my $dir = dirname(__FILE__) . '/shops';
$node->safe_psql('postgres', slurp_file("$dir/$_.sql")) for qw(reference generator model compare);

$node->safe_psql('postgres', "CALL shops.run_all($first, $shops)");
is($node->safe_psql('postgres', "SELECT format('seed %s: %s; %s', seed, message, detail) FROM shops.failure ORDER BY seed LIMIT 5"),
	'', "$shops random shops are as the reference has them");

# the generator reached what it is there for
is($node->safe_psql('postgres', 'SELECT count(*) FROM shops.tally'), $shops, 'every one was compared');
SKIP:
{
	skip 'too few shops to expect every kind', 1 if $shops < 100;
	is($node->safe_psql('postgres', q{
SELECT bool_or(customers > 1000) AND bool_or(customers = 0) AND bool_or(customers = 1) AND bool_or(bad) AND count(*) FILTER (WHERE parallel) > count(*) / 2
  FROM shops.tally}),
		't', 'empty shops, shops of one customer, large ones, and parallel plans are among them');
}

# a refresh that is pushed down asks until its cut points are exact: more often
# where the answers are small
sub answers
{
	my ($size) = @_;
	my ($rc, $out, $err) = $node->psql('postgres', qq{
SELECT shops.build(shops.draw(seed)), shops.expect('shop', (shops.draw(seed)).start) FROM shops.tally WHERE customers > 1000 ORDER BY seed LIMIT 1;
UPDATE rfm_model SET method = 'ntile', r_breaks = NULL, f_breaks = NULL, m_breaks = NULL WHERE model = 'shop';
DROP TRIGGER IF EXISTS pass ON shops.target;
SET rfm.strategy = pushdown;
SET rfm.summary_size = '$size';
SET client_min_messages = debug1;
SELECT rfm_refresh((shops.draw(seed)).start, 'shop') FROM shops.tally WHERE customers > 1000 ORDER BY seed LIMIT 1;
});
	return scalar(() = $err =~ /rfm: \d+ bytes in all/g);
}
SKIP:
{
	skip 'too few shops for a large one', 2 if $shops < 100;
	is(answers('8MB'), 2, 'large summaries: one query for the cut points, one for the log');
	cmp_ok(answers('1kB'), '>', 3, 'small ones: more queries');
}

# databases that sort by ICU, and that know no encoding
sub other_database
{
	my ($name, $options, $kinds, $n) = @_;
	my ($rc) = $node->psql('postgres', "CREATE DATABASE $name TEMPLATE template0 $options");
  SKIP:
	{
		skip "no database with $options here", 1 if $rc != 0;
		$node->safe_psql($name, 'CREATE EXTENSION rfm');
		$node->safe_psql($name, slurp_file("$dir/$_.sql")) for qw(reference generator model compare);
		$node->safe_psql($name, "DELETE FROM shops.key_kind WHERE kind NOT IN ($kinds)");
		$node->safe_psql($name, "CALL shops.run_all($first, $n)");
		is($node->safe_psql($name, "SELECT count(*)::text FROM shops.tally UNION ALL SELECT format('seed %s: %s; %s', seed, message, detail) FROM shops.failure"),
			$n, "$n random shops in a database with $options");
	}
	return;
}

other_database('icu', "LOCALE_PROVIDER icu ICU_LOCALE 'de-u-kn-true' ENCODING UTF8", q{'text', 'utf8', 'long', 'varchar', 'char'}, 15);
other_database('ascii', "LOCALE 'C' ENCODING SQL_ASCII", q{'text', 'german', 'varchar', 'bytea'}, 10);

# a reference that is wrong in one score is noticed
my ($rc, $out, $err) = $node->psql('postgres', q{
SELECT min(seed) AS seed FROM shops.tally WHERE customers > 20 \gset
SELECT shops.build(shops.draw(:seed));
SELECT shops.expect('shop', start) AS day, shops.rnd(seed, 'dated', 5) > 0 AS dated FROM shops.draw(:seed) \gset
UPDATE expected SET m_score = m_score + 1 WHERE customer_id = (SELECT customer_id FROM expected LIMIT 1);
SELECT shops.check_refresh('a wrong reference', :'dated', :'day', :'day');
});
like($err, qr/a wrong reference: the snapshot: 2 rows differ/, 'a difference in one score is seen');

$node->stop;
done_testing();
