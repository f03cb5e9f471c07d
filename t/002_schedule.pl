# rfm_schedule against a live pg_cron: jobs that really run, each in the next
# minute; who they run as; replacing and removing them; and the errors where
# pg_cron is missing, in each way it can be missing.
use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

chomp(my $sharedir = `pg_config --sharedir`);
if (!-e "$sharedir/extension/pg_cron.control")
{
	diag "*** pg_cron is NOT INSTALLED: nothing about scheduling is tested."
	  . " Debian package: postgresql-NN-cron ***";
	plan skip_all => 'pg_cron is not installed';
}

my $shop = q{
CREATE SCHEMA ecom;
CREATE TABLE ecom.orders (order_id bigint, customer_id bigint, created_at timestamptz,
                          total numeric(12,2), status text);
INSERT INTO ecom.orders
SELECT i, i % 50, now() - i * interval '5 hours', 10 + i % 97,
       CASE WHEN i % 11 = 0 THEN 'cancelled' ELSE 'paid' END
FROM generate_series(1, 500) i;
};

my $node = PostgreSQL::Test::Cluster->new('cron');
$node->init;
$node->append_conf(
	'postgresql.conf', q{
shared_preload_libraries = 'pg_cron'
cron.database_name = 'postgres'
cron.use_background_workers = on
});
$node->start;

# Runs SQL that must fail; returns what psql says.
sub error_of
{
	my ($on, $db, $sql, @extra) = @_;
	my ($rc, $out, $err) =
	  $on->psql($db, $sql, on_error_stop => 1, extra_params => \@extra);
	isnt($rc, 0, "fails: $sql");
	return $err;
}

# Waits for a query to say true.
sub wait_for
{
	my ($sql, $seconds) = @_;
	for (1 .. $seconds)
	{
		return 1 if $node->safe_psql('postgres', $sql) eq 't';
		sleep 1;
	}
	diag $node->safe_psql('postgres', 'SELECT * FROM cron.job_run_details');
	return 0;
}

#
# Loaded, not created
#
$node->safe_psql('postgres', 'CREATE EXTENSION rfm');
$node->safe_psql('postgres', $shop);
my $err = error_of($node, 'postgres', 'SELECT rfm_schedule()');
like($err, qr/pg_cron is not available in this database/, 'not created: message');
like($err, qr/DETAIL: .*has not been created in this database/, 'not created: detail');
like($err, qr/HINT: .*CREATE EXTENSION pg_cron/, 'not created: hint');
is($node->safe_psql('postgres', 'SELECT count(*) FROM rfm_model'),
	0, 'a refused schedule makes no model');

$node->safe_psql('postgres', 'CREATE EXTENSION pg_cron');

#
# Three jobs, to run in the same minute: the default model, a model with quotes
# in its name, and an analyst's model that a superuser schedules.
#
my $odd = q{o'hara "50%" \\};
(my $odd_sql = $odd) =~ s/'/''/g;

$node->safe_psql(
	'postgres', q{
CREATE ROLE analyst LOGIN;
CREATE SCHEMA analyst AUTHORIZATION analyst;
GRANT USAGE ON SCHEMA ecom TO analyst;
GRANT SELECT ON ecom.orders TO analyst;
});
$node->safe_psql('postgres',
	"SELECT rfm_create_model(model => '$odd_sql', source => 'ecom.orders', target => 'ecom.odd')");
$node->safe_psql(
	'postgres',
	"SELECT rfm_create_model(model => 'theirs', source => 'ecom.orders', target => 'analyst.rfm')",
	extra_params => [ '-U', 'analyst' ]);

my ($rc, $job, $said) =
  $node->psql('postgres', q{SELECT rfm_schedule('* * * * *')}, on_error_stop => 1);
is($rc, 0, 'rfm_schedule succeeds');
like($job, qr/^\d+$/, 'and returns a job id');
like($said, qr/NOTICE: .*model "default".*"\* \* \* \* \*".*time zone \S+/,
	'and says when it fires, in which time zone');
$node->safe_psql('postgres', "SELECT rfm_schedule('* * * * *', '$odd_sql')");
$node->safe_psql('postgres', "SELECT rfm_schedule('* * * * *', 'theirs')");

is($node->safe_psql('postgres', q{SELECT username FROM cron.job WHERE jobname = 'rfm: theirs'}),
	'analyst', 'a superuser schedules a model to run as its owner');

ok( wait_for(
		q{SELECT count(DISTINCT jobid) = 3 FROM cron.job_run_details WHERE status = 'succeeded'},
		90),
	'pg_cron has run all three within 90 seconds');
is( $node->safe_psql('postgres', q{SELECT count(*) FROM cron.job_run_details WHERE status = 'failed'}),
	0, 'and none failed');
ok( $node->safe_psql('postgres', 'SELECT count(*) FROM ecom.customer_rfm_daily') > 0,
	'customers are scored');

#
# Again: the schedule is replaced, not added
#
is($node->safe_psql('postgres', q{SELECT rfm_schedule('30 3 * * *')}),
	$job, 'scheduling again keeps the job');
is( $node->safe_psql(
		'postgres', q{SELECT jobname || '|' || schedule FROM cron.job WHERE jobname = 'rfm: default'}),
	'rfm: default|30 3 * * *',
	'with its new schedule');

# names that differ only past pg_cron's 63 bytes
my $long = 'x' x 70;
for my $n (1, 2)
{
	$node->safe_psql('postgres',
		"SELECT rfm_create_model(model => '$long$n', source => 'ecom.orders', target => 'ecom.target$n');"
		  . "SELECT rfm_schedule(model => '$long$n')");
}
is( $node->safe_psql('postgres', qq{SELECT count(*) FROM cron.job WHERE command LIKE '%$long%'}),
	2, 'long names keep a job each');

#
# Errors
#
$err = error_of($node, 'postgres', q{SELECT rfm_schedule('at noon')});
like($err, qr/invalid schedule/, 'invalid schedule: message');
like($err, qr/HINT: .*minute, hour/, 'invalid schedule: hint');
like(error_of($node, 'postgres', q{SELECT rfm_schedule(model => 'nope')}),
	qr/nope/, 'unknown model');
is( $node->safe_psql('postgres', q{SELECT count(*) FROM cron.job WHERE jobname = 'rfm: nope'}),
	0, 'makes no job');

$err = error_of($node, 'postgres', q{SELECT rfm_schedule(model => 'theirs')}, '-U', 'analyst');
like($err, qr/permission denied for pg_cron/, 'no rights on pg_cron: message');
like($err, qr/HINT: .*GRANT USAGE ON SCHEMA cron TO analyst/, 'no rights on pg_cron: hint');

#
# An ordinary user
#
$node->safe_psql('postgres', 'GRANT USAGE ON SCHEMA cron TO analyst');
$node->safe_psql(
	'postgres',
	q{SELECT rfm_schedule('15 4 * * *', 'theirs')},
	extra_params => [ '-U', 'analyst' ]);
is( $node->safe_psql(
		'postgres',
		q{SELECT count(*) || ' ' || min(username) || ' ' || min(schedule) FROM cron.job WHERE jobname = 'rfm: theirs'}),
	'1 analyst 15 4 * * *',
	"the owner's schedule replaces the superuser's");
error_of($node, 'postgres', q{SELECT rfm_schedule()}, '-U', 'analyst');
is( $node->safe_psql(
		'postgres', q{SELECT rfm_unschedule()},
		extra_params => [ '-U', 'analyst' ]),
	'f',
	"nobody else's job is removed");

#
# Removing
#
is($node->safe_psql('postgres', q{SELECT rfm_unschedule()}), 't', 'unschedule');
is($node->safe_psql('postgres', q{SELECT rfm_unschedule()}), 'f', 'nothing left to unschedule');
is($node->safe_psql('postgres', "SELECT rfm_unschedule('$odd_sql')"), 't', 'by an odd name');
is($node->safe_psql('postgres', q{SELECT rfm_unschedule('theirs')}), 't', "a superuser removes anyone's");
$node->safe_psql('postgres', "SELECT rfm_unschedule('$long$_')") for (1, 2);
is($node->safe_psql('postgres', 'SELECT count(*) FROM cron.job'), 0, 'no job is left');

#
# pg_cron in another database: the hint is the statement to run there
#
$node->safe_psql('postgres', 'CREATE DATABASE shop');
$node->safe_psql('shop', 'CREATE EXTENSION rfm');
$err = error_of($node, 'shop', q{SELECT rfm_schedule('* * * * *')});
like($err, qr/DETAIL: .*runs from database "postgres"/, 'elsewhere: detail');
my ($statement) = $err =~ /HINT: .*?(SELECT cron\.schedule_in_database\(.*\);)/;
ok($statement, 'elsewhere: the hint shows a statement') or diag $err;
$node->safe_psql('postgres', $statement);
is( $node->safe_psql('postgres', 'SELECT database, command FROM cron.job'),
	q{shop|SELECT public.rfm_refresh(model => 'default')},
	'which pg_cron takes');
$err = error_of($node, 'shop', q{SELECT rfm_unschedule()});
($statement) = $err =~ /HINT: .*?(SELECT cron\.unschedule\(.*\);)/;
$node->safe_psql('postgres', $statement);
is($node->safe_psql('postgres', 'SELECT count(*) FROM cron.job'), 0, 'and the other way');
$err = error_of($node, 'shop', q{SELECT rfm_schedule()}, '-U', 'analyst');
like($err, qr/DETAIL: .*in one database of a server only/, 'elsewhere, as an ordinary user: detail');
$node->stop;

#
# Installed, not loaded: the setting alone does not mislead
#
my $bare = PostgreSQL::Test::Cluster->new('bare');
$bare->init;
$bare->append_conf('postgresql.conf', "cron.database_name = 'postgres'");
$bare->start;
$bare->safe_psql('postgres', 'CREATE EXTENSION rfm; CREATE ROLE analyst LOGIN');
for my $user ([], [ '-U', 'analyst' ])
{
	$err = error_of($bare, 'postgres', 'SELECT rfm_schedule()', @$user);
	like($err, qr/DETAIL: .*not in shared_preload_libraries/, 'not loaded: detail');
	like($err, qr/HINT: .*restart the server, run CREATE EXTENSION pg_cron/, 'not loaded: hint');
}
$bare->stop;

done_testing();
