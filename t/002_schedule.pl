# rfm_schedule against a live pg_cron: jobs that really run, each in the next
# minute; who they run as; what rfm_jobs says of them, and of one that fails;
# dates that were missed; replacing and removing jobs; and the errors where
# pg_cron is missing, in each way it can be missing.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/lib";

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Server;
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
# pg_cron in another database: the hint is the statement to run there
#
$node->safe_psql('postgres', 'CREATE DATABASE shop; CREATE ROLE analyst LOGIN');
$node->safe_psql('shop', "CREATE EXTENSION rfm; $shop CREATE SCHEMA analyst AUTHORIZATION analyst;"
	  . 'GRANT USAGE ON SCHEMA ecom TO analyst; GRANT SELECT ON ecom.orders TO analyst');
$node->safe_psql(
	'shop',
	"SELECT rfm_create_model(model => 'theirs', source => 'ecom.orders', target => 'analyst.rfm')",
	extra_params => [ '-U', 'analyst' ]);
for my $model (qw(default theirs))
{
	$err = error_of($node, 'shop', qq{SELECT rfm_schedule('* * * * *', '$model')});
	like($err, qr/DETAIL: .*runs from database "postgres"/, 'elsewhere: detail');
	my ($statement) = $err =~ /HINT: .*?(SELECT cron\.schedule_in_database\(.*\);)/;
	ok($statement, 'elsewhere: the hint shows a statement') or diag $err;
	$node->safe_psql('postgres', $statement);
}
is( $node->safe_psql('postgres', 'SELECT database, username, command FROM cron.job ORDER BY jobid'),
	qq{shop|postgres|CALL public.rfm_catch_up('default')\nshop|analyst|CALL public.rfm_catch_up('theirs')},
	'which pg_cron takes');

#
# Five jobs more, to run in the same minute: the default model, a model with quotes
# in its name, an analyst's model that a superuser schedules, one that has
# missed three days, and one whose source is gone.
#
my $odd = q{o'hara "50%" \\};
(my $odd_sql = $odd) =~ s/'/''/g;

$node->safe_psql(
	'postgres', q{
CREATE ROLE outsider LOGIN;
CREATE SCHEMA analyst AUTHORIZATION analyst;
GRANT USAGE ON SCHEMA ecom TO analyst;
GRANT SELECT ON ecom.orders TO analyst;
CREATE TABLE ecom.lost_orders AS SELECT * FROM ecom.orders;
});
$node->safe_psql('postgres',
	"SELECT rfm_create_model(model => '$odd_sql', source => 'ecom.orders', target => 'ecom.odd')");
$node->safe_psql(
	'postgres',
	"SELECT rfm_create_model(model => 'theirs', source => 'ecom.orders', target => 'analyst.rfm')",
	extra_params => [ '-U', 'analyst' ]);
$node->safe_psql(
	'postgres', q{
SELECT rfm_create_model(model => 'missed', source => 'ecom.orders', target => 'ecom.missed');
SELECT rfm_refresh((now() AT TIME ZONE 'UTC')::date - 4, 'missed');
SELECT rfm_create_model(model => 'failing', source => 'ecom.lost_orders', target => 'ecom.failing');
DROP TABLE ecom.lost_orders;
});
my $first = $node->safe_psql('postgres', q{SELECT run_date FROM rfm_run WHERE model = 'missed'});
is( $node->safe_psql('postgres', q{SELECT days_behind, next_date - last_snapshot, to_do FROM rfm_jobs WHERE model = 'missed'}),
	q{4|1|no job of this database refreshes it: SELECT public.rfm_schedule(model => 'missed');},
	'rfm_jobs: a model without a job falls behind');

my ($rc, $job, $said) =
  $node->psql('postgres', q{SELECT rfm_schedule('* * * * *')}, on_error_stop => 1);
is($rc, 0, 'rfm_schedule succeeds');
like($job, qr/^\d+$/, 'and returns a job id');
like($said, qr/NOTICE: .*model "default".*"\* \* \* \* \*".*time zone \S+/,
	'and says when it fires, in which time zone');
$node->safe_psql('postgres', "SELECT rfm_schedule('* * * * *', '$odd_sql')");
$node->safe_psql('postgres', "SELECT rfm_schedule('* * * * *', 'theirs')");
$node->safe_psql('postgres', "SELECT rfm_schedule('* * * * *', 'missed')");
$node->safe_psql('postgres', "SELECT rfm_schedule('* * * * *', 'failing')");

is($node->safe_psql('postgres', q{SELECT username FROM cron.job WHERE jobname = 'rfm: theirs'}),
	'analyst', 'a superuser schedules a model to run as its owner');
is( $node->safe_psql('postgres', q{
SELECT bool_and(active AND schedule = '* * * * *' AND next_run_at = date_trunc('minute', now()) + interval '1 minute'),
       string_agg(DISTINCT runs_as, ' ') FROM rfm_jobs}),
	't|analyst postgres', 'rfm_jobs: the jobs');

ok( wait_for(
		$node, q{SELECT count(DISTINCT jobid) FILTER (WHERE status = 'succeeded') = 6
		         AND count(DISTINCT jobid) FILTER (WHERE status = 'failed') = 1 FROM cron.job_run_details}),
	'pg_cron has run all of them')
  or diag $node->safe_psql('postgres', 'SELECT * FROM cron.job_run_details');
is( $node->safe_psql('postgres', q{
SELECT DISTINCT jobname FROM cron.job_run_details JOIN cron.job USING (jobid) WHERE status = 'failed'}),
	'rfm: failing', 'and only one failed');
$node->safe_psql('postgres', q{SELECT rfm_unschedule(model) FROM unnest('{theirs,missed}'::text[]) AS model});
ok( $node->safe_psql('postgres', 'SELECT count(*) FROM ecom.customer_rfm_daily') > 0,
	'customers are scored');

# those elsewhere, too
is( $node->safe_psql('shop', 'SELECT count(DISTINCT model), (SELECT count(*) > 0 FROM ecom.customer_rfm_daily), (SELECT count(*) > 0 FROM analyst.rfm) FROM rfm_run'),
	'2|t|t', 'customers are scored in the other database');
is($node->safe_psql('shop', 'SELECT model, days_behind, job_id, to_do FROM rfm_jobs ORDER BY 1'), "default|0||\ntheirs|0||",
	'where rfm_jobs sees no job, but no delay either');
for my $model (qw(default theirs))
{
	$err = error_of($node, 'shop', qq{SELECT rfm_unschedule('$model')});
	my ($statement) = $err =~ /HINT: .*?(SELECT cron\.unschedule\(.*;)/;
	$node->safe_psql('postgres', $statement);
}
is($node->safe_psql('postgres', q{SELECT count(*) FROM cron.job WHERE database = 'shop'}), 0, 'and the other way');

#
# Caught up: the days between and today, each in a transaction of its own, each
# as it should be
#
is( $node->safe_psql('postgres', qq{
SELECT string_agg((run_date - date '$first')::text, ' ' ORDER BY run_id) FROM (
    SELECT run_id, run_date FROM rfm_run WHERE model = 'missed' ORDER BY run_id LIMIT 5) AS runs}),
	'0 1 2 3 4', 'three missed days and today, oldest first');
is($node->safe_psql('postgres', 'SELECT count(DISTINCT run_date), count(DISTINCT updated_at) FROM ecom.missed'),
	'5|5', 'each by itself');
is( $node->safe_psql('postgres', qq{
SELECT d, count(*) FROM generate_series(0, 3) d,
       LATERAL (SELECT customer_id::text, recency_days, frequency_orders, monetary_value, r_score, f_score, m_score
                  FROM ecom.missed WHERE run_date = date '$first' + d
                EXCEPT ALL
                SELECT customer_id::text, date '$first' + d - max((created_at AT TIME ZONE 'UTC')::date), count(*), sum(total),
                       ntile(5) OVER (ORDER BY date '$first' + d - max((created_at AT TIME ZONE 'UTC')::date) DESC, customer_id),
                       ntile(5) OVER (ORDER BY count(*), customer_id), ntile(5) OVER (ORDER BY sum(total), customer_id)
                  FROM ecom.orders WHERE (created_at AT TIME ZONE 'UTC')::date <= date '$first' + d GROUP BY customer_id) AS wrong
 GROUP BY 1}),
	'', 'with the orders of its own day and before');

#
# Seen in rfm_jobs
#
is( $node->safe_psql('postgres', q{
SELECT last_status, last_duration > '0' AND last_duration < '1 min', now() - last_run_at < '3 min', days_behind,
       next_date - last_snapshot, failures, failing_since IS NULL, to_do IS NULL
  FROM rfm_jobs WHERE model = 'default' AND last_status <> 'running'}),
	'succeeded|t|t|0|1|0|t|t', 'rfm_jobs: a job that runs');
my @failing = split /\|/, $node->safe_psql('postgres', q{
SELECT last_status, replace(last_message, E'\n', ' '), failures > 0, now() - failing_since < '3 min', to_do
  FROM rfm_jobs WHERE model = 'failing'});
is("@failing[0, 2, 3]", 'failed t t', 'rfm_jobs: one that fails, since when');
like($failing[1], qr/source of model "failing" does not exist/, 'with its message');
like($failing[4], qr/^set another one: UPDATE public\.rfm_model SET source = /, 'and what to do');

# who may use the model sees its job, whoever may look into pg_cron
is( $node->safe_psql('postgres', q{SELECT model, schedule FROM rfm_jobs}, extra_params => [ '-U', 'analyst' ]),
	'theirs|', 'rfm_jobs: its owner sees a model');
$node->safe_psql('postgres', "SELECT rfm_schedule('0 5 * * *', 'theirs')");
is( $node->safe_psql('postgres', q{SELECT model, schedule, runs_as, has_schema_privilege('cron', 'USAGE') FROM rfm_jobs},
		extra_params => [ '-U', 'analyst' ]),
	'theirs|0 5 * * *|analyst|f', 'and its job');
is($node->safe_psql('postgres', q{SELECT count(*) FROM rfm_jobs}, extra_params => [ '-U', 'outsider' ]),
	0, 'others see nothing');
is($node->safe_psql('postgres', q{SELECT count(*) FROM rfm_internal.cron_jobs()}, extra_params => [ '-U', 'outsider' ]),
	0, 'by no way');

# mended, the job goes on
$node->safe_psql('postgres', 'CREATE TABLE ecom.lost_orders AS SELECT * FROM ecom.orders;'
	  . q{UPDATE rfm_model SET source = 'ecom.lost_orders' WHERE model = 'failing'});
$node->safe_psql('postgres', q{SELECT cron.alter_job((SELECT job_id FROM rfm_jobs WHERE model = 'failing'), active := false)});
my $paused = $node->safe_psql('postgres', q{SELECT job_id FROM rfm_jobs WHERE model = 'failing'});
is($node->safe_psql('postgres', q{SELECT active, next_run_at FROM rfm_jobs WHERE model = 'failing'}), 'f|', 'rfm_jobs: a paused job');
$node->safe_psql('postgres', q{SELECT rfm_schedule('0 1 * * *', 'failing')});
is($node->safe_psql('postgres', q{SELECT active, schedule FROM rfm_jobs WHERE model = 'failing'}), 't|0 1 * * *',
	'scheduled again, it is no longer paused');
is($node->safe_psql('postgres', q{SELECT rfm_unschedule('failing')}), 't', 'unscheduled');

#
# The date that a run will compute: pg_cron fires in GMT, the model has its own zone
#
SKIP:
{
	skip 'pg_cron has a time zone of its own', 2
	  if $node->safe_psql('postgres', q{SELECT count(*) FROM pg_settings WHERE name = 'cron.timezone'}) > 0;
	for my $zone ('Etc/GMT+12', 'Pacific/Kiritimati')
	{
		$node->safe_psql('postgres', qq{UPDATE rfm_model SET time_zone = '$zone' WHERE model = 'failing'});
		# at noon, this one is at midnight, the other far into the next day
		(undef, undef, $said) = $node->psql('postgres', q{SELECT rfm_schedule('0 12 * * *', 'failing')});
		my $next = $node->safe_psql('postgres', q{SELECT next_run_at FROM rfm_jobs WHERE model = 'failing'});
		my ($at, $date) = $node->safe_psql('postgres', qq{
SET timezone = 'GMT'; SELECT to_char('$next'::timestamptz, 'YYYY-MM-DD HH24:MI'); SET timezone = '$zone'; SELECT '$next'::timestamptz::date}) =~ /(.+)/g;
		like($said, qr/DETAIL: .*runs at \Q$at\E in time zone GMT, and then computes the snapshot of $date, .*\Q$zone\E/,
			"what the NOTICE says of $zone");
	}
}
$node->safe_psql('postgres', q{SELECT rfm_drop_model('failing', true)});
is($node->safe_psql('postgres', q{SELECT count(*) FROM cron.job WHERE jobname = 'rfm: failing'}), 0, 'a dropped model takes its job along');

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

$err = error_of($node, 'postgres', q{SELECT rfm_schedule(model => 'theirs')}, 'analyst');
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
error_of($node, 'postgres', q{SELECT rfm_schedule()}, 'analyst');
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

$err = error_of($node, 'shop', q{SELECT rfm_schedule()}, 'analyst');
like($err, qr/DETAIL: .*in one database of a server only/, 'elsewhere, as an ordinary user: detail');
$node->stop;

#
# A job that will not be able to connect: said when it is made
#
my $hba = PostgreSQL::Test::Cluster->new('hba');
$hba->init;
$hba->append_conf('postgresql.conf', "shared_preload_libraries = 'pg_cron'\ncron.database_name = 'postgres'");
$hba->start;
$hba->safe_psql('postgres', 'CREATE EXTENSION pg_cron; CREATE EXTENSION rfm; CREATE ROLE analyst LOGIN; CREATE ROLE team; CREATE ROLE clerk LOGIN IN ROLE team;'
	  . 'CREATE TABLE public.orders (customer_id int, created_at date, total int); GRANT SELECT ON orders TO analyst;'
	  . 'CREATE SCHEMA AUTHORIZATION analyst; GRANT USAGE ON SCHEMA cron TO analyst, team');
$hba->safe_psql('postgres', q{SELECT rfm_create_model('m', 'public.orders', 'analyst.scores')}, extra_params => [ '-U', 'analyst' ]);

# What is said when the job is made, with these lines in pg_hba.conf, as a superuser and as the model's owner
sub warning_with
{
	my ($host, $workers, @lines) = @_;
	unlink($hba->data_dir . '/pg_hba.conf');
	$hba->append_conf('pg_hba.conf', join("\n", 'local all ' . (getpwuid($<))[0] . ' trust', @lines, ''));
	$hba->append_conf('postgresql.conf', "cron.host = '$host'\ncron.use_background_workers = $workers");
	$hba->restart;
	my ($rc, $out, $said) = $hba->psql('postgres', q{SELECT rfm_schedule('0 5 1 1 *', 'm')});
	is($rc, 0, 'the job is made');
	return $said =~ /(WARNING: .*?)(?=NOTICE|$)/s ? $1 : '';
}
is(warning_with('', 'off', 'local all all trust'), '', 'trusted on the socket');
like(warning_with('', 'off', 'local all all peer'), qr/pg_cron connects to the server's socket as role analyst, and there line 2 of pg_hba.conf requires the operating system user of that name \(peer\)/, 'peer');
like(warning_with('', 'off', 'local postgres +team trust', 'local sameuser all trust', 'local postgres analyst scram-sha-256'), qr/line 4 of pg_hba.conf requires a password \(scram-sha-256\)/, 'a password');
is(warning_with('', 'on', 'local all all peer'), '', 'workers of the server need no connection');
like(warning_with('localhost', 'off', 'local all all trust'), qr/the server does not listen/, 'no network');
$hba->append_conf('postgresql.conf', "listen_addresses = '127.0.0.1'");
is(warning_with('127.0.0.1', 'off', 'host all all 127.0.0.1/32 trust'), '', 'trusted on the network');
my $said = warning_with('localhost', 'off', 'local all all peer', 'host all all 10.0.0.0/8 trust', 'host all all 127.0.0.1/32 scram-sha-256', 'host all all ::1/128 scram-sha-256');
like($said, qr/WARNING:  job \d+ will probably not be able to connect\n/, 'stock Debian: message');
like($said, qr/DETAIL:  pg_cron connects to localhost as role analyst, and there line 4 of pg_hba.conf requires a password/, 'detail');
like($said, qr/HINT:  Set cron.use_background_workers = on in postgresql.conf and restart the server/, 'hint');
like(warning_with('127.0.0.1', 'off', 'host other all all trust'), qr/no line of pg_hba.conf matches/, 'no line');
$hba->safe_psql('postgres', q{CREATE SCHEMA team AUTHORIZATION team; GRANT SELECT ON orders TO team});
my ($rc2, $out2, $err2) = $hba->psql('postgres', q{SET ROLE team; SELECT rfm_create_model('t', 'public.orders', 'team.scores'); SELECT rfm_schedule('0 5 1 1 *', 't')});
like($err2, qr/Role team is not permitted to log in.*ALTER ROLE team LOGIN/s, 'a role that cannot log in');
is($hba->safe_psql('postgres', q{SET SESSION AUTHORIZATION clerk; SELECT detail FROM rfm_internal.job_trouble('analyst')}), '', 'nothing is told of other roles');
$hba->stop;

#
# Installed, not loaded: the setting alone does not mislead
#
my $bare = PostgreSQL::Test::Cluster->new('bare');
$bare->init;
$bare->append_conf('postgresql.conf', "cron.database_name = 'postgres'");
$bare->start;
$bare->safe_psql('postgres', 'CREATE EXTENSION rfm; CREATE ROLE analyst LOGIN');
for my $user (undef, 'analyst')
{
	$err = error_of($bare, 'postgres', 'SELECT rfm_schedule()', $user);
	like($err, qr/DETAIL: .*not in shared_preload_libraries/, 'not loaded: detail');
	like($err, qr/HINT: .*restart the server, run CREATE EXTENSION pg_cron/, 'not loaded: hint');
}
$bare->stop;

done_testing();
