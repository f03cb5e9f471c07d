# Random shops, each refreshed and previewed in several ways, against a
# reference in plain SQL (t/shops).  RFM_SEED and RFM_SHOPS set the first seed
# and how many; what fails names the seed that repeats it.  Without RFM_SHOPS a
# slow machine does as many as it can in some minutes.
use strict;
use warnings;

use File::Basename;
use File::Temp;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $first = $ENV{RFM_SEED} // 20240229;
my $shops = $ENV{RFM_SHOPS} // 2400;
my $bounded = !defined $ENV{RFM_SHOPS};
my $seconds = $bounded ? 240 : q{'infinity'};

my $node = PostgreSQL::Test::Cluster->new('random_shops');
$node->init(extra => [ '--locale=C.UTF-8', '--encoding=UTF8' ]);
$node->append_conf(
	'postgresql.conf', q{
max_worker_processes = 16
max_parallel_workers = 8
autovacuum = off
});
$node->start;
my $dir = dirname(__FILE__) . '/shops';
my @files = map { slurp_file("$dir/$_.sql") } qw(reference generator model tally compare history);

sub load
{
	my ($database) = @_;
	$node->safe_psql($database, $_) for 'CREATE EXTENSION rfm', @files;
	return;
}

my $failures = "SELECT format('seed %s: %s; %s', seed, message, detail) FROM shops.failure ORDER BY seed LIMIT 5";

# Every shop makes and drops some tables: in memory, where there is some, as
# file systems take a third of the time for that.
my $tablespace = '';
my $memory;
my ($available) = -w '/dev/shm' ? qx(df -Pk /dev/shm) =~ /^(?:\S+\s+){3}(\d+)\s+\d+%/m : ();
if (($available // 0) > 1024 * 1024)
{
	$memory = File::Temp->newdir(DIR => '/dev/shm');
	$node->safe_psql('postgres', "CREATE TABLESPACE memory LOCATION '$memory'");
	$tablespace = 'TABLESPACE memory';
}

# in two databases at a time: two cores
my @halves = ([ 'first_half', $first, int($shops / 2) ], [ 'second_half', $first + int($shops / 2), $shops - int($shops / 2) ]);
my ($out, @err, @calls) = ('');
for my $half (@halves)
{
	my ($database, $seed, $n) = @$half;
	$node->safe_psql('postgres', "CREATE DATABASE $database $tablespace");
	load($database);
	push @err, '';
	push @calls, IPC::Run::start([ 'psql', '-XAtq', '-v', 'ON_ERROR_STOP=1', '-d', $node->connstr($database), '-c', "CALL shops.run_all($seed, $n, $seconds)" ],
		'>', \$out, '2>', \$err[-1]);
}
$_->finish for @calls;

sub tally
{
	my ($of) = @_;
	my $sum = 0;
	$sum += $node->safe_psql($_->[0], "SELECT $of FROM shops.tally") for @halves;
	return $sum;
}
my $done = tally('count(*)');
is(join('', @err, map { $node->safe_psql($_->[0], $failures) } @halves), '', "$done random shops are as the reference has them");

# the generator reached what it is there for: each value of each option, that
# is, what the tally saw at all, and all settings that there are to draw
$bounded ? cmp_ok($done, '>', 50, 'they are many') : is($done, $shops, 'every one was compared');
my %shops;
my %values;
for my $half (@halves)
{
	$shops{$_} += 0 for split /\n/, $node->safe_psql($half->[0],
		q{SELECT format('setting: %s %s', name, choice) FROM shops.setting, unnest(choices) choice WHERE choice <> usual});
	/^(.*) (\d+)$/ and $shops{$1} += $2 for split /\n/, $node->safe_psql($half->[0], q{SELECT concat_ws(' ', option, value, shops) FROM shops.report});
	/^(.*?)\t(.*)$/ and $values{$1}{$2} = 1 for split /\n/, $node->safe_psql($half->[0], q{SELECT option || E'\t' || value FROM shops.report WHERE option LIKE 'model: %'});
}
SKIP:
{
	skip 'too few shops to expect every option', 1 if $done < 200;
	is(join(', ', grep { keys %{ $values{$_} } < 2 } sort keys %values), '', 'every option of a model was drawn');
}
SKIP:
{
	skip 'too few shops to expect every kind', 3 if $done < 1200;
	my @few = grep { $shops{$_} < $done / 800 } sort keys %shops;
	is(join(', ', @few), '', 'no value of an option is rare');
	cmp_ok(scalar(grep { !/^setting/ } keys %shops), '>=', 244, 'and none is missing');
	cmp_ok($shops{'shop: history true'}, '>', $done / 6, 'many have a history');
}

# databases that sort by ICU, and that know no encoding
sub other_database
{
	my ($name, $options, $kinds, $n) = @_;
	my ($rc) = $node->psql('postgres', "CREATE DATABASE $name TEMPLATE template0 $options");
  SKIP:
	{
		skip "no database with $options here", 1 if $rc != 0;
		load($name);
		$node->safe_psql($name, "DELETE FROM shops.key_kind WHERE kind NOT IN ($kinds)");
		$node->safe_psql($name, "CALL shops.run_all($first, $n, $seconds)");
		my $done = $node->safe_psql($name, 'SELECT count(*) FROM shops.tally');
		is($node->safe_psql($name, "SELECT count(*)::text FROM shops.tally HAVING count(*) > 0 UNION ALL ($failures)"),
			$done, "$done random shops in a database with $options");
	}
	return;
}

other_database('icu', "LOCALE_PROVIDER icu ICU_LOCALE 'de-u-kn-true' ENCODING UTF8", q{'text', 'utf8', 'long', 'varchar', 'char'}, 60);
other_database('ascii', "LOCALE 'C' ENCODING SQL_ASCII", q{'text', 'german', 'varchar', 'bytea'}, 40);

# a reference that is wrong in one score is noticed
my ($rc, $said, $err) = $node->psql('first_half', q{
SELECT min(seed) AS seed FROM shops.tally JOIN shops.drawn USING (seed) WHERE customers > 20 AND option = 'shop: secured' AND value = '-' \gset
SELECT shops.build(shops.draw(:seed));
SELECT shops.expect('shop', start) AS day FROM shops.draw(:seed) \gset
UPDATE expected SET m_score = m_score + 1 WHERE ctid = (SELECT ctid FROM expected LIMIT 1);
SELECT shops.check_refresh(shops.draw(:seed), 'first', :'day', :'day');
});
like($err, qr/first: the snapshot: 2 rows differ/, 'a difference in one score is seen');

$node->stop;
done_testing();
