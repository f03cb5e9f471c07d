# What rings, and what does not: rfm_health() and rfm_jobs for jobs of pg_cron that
# are dead, late, stuck, failing, paused or well; what a failed call leaves
# behind; who sees it; and how long it takes with a long log.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/lib";

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Server;
use Test::More;
use Time::HiRes qw(usleep);

chomp(my $sharedir = `pg_config --sharedir`);
plan skip_all => 'pg_cron is not installed' if !-e "$sharedir/extension/pg_cron.control";

my $node = PostgreSQL::Test::Cluster->new('health');
$node->init;
$node->append_conf(
	'postgresql.conf', q{
shared_preload_libraries = 'pg_cron'
cron.database_name = 'postgres'
cron.use_background_workers = on
timezone = 'UTC'
});
$node->start;

sub sql
{
	my ($statement, $role) = @_;
	return $node->safe_psql('postgres', $statement, $role ? (extra_params => [ '-U', $role ]) : ());
}

# what rfm_health() says of a model
sub findings
{
	my ($model, $role) = @_;
	return sql(qq{SELECT string_agg(finding, ' ') FROM rfm_health() WHERE model = '$model'}, $role);
}

sub to_do
{
	my ($model) = @_;
	return sql(qq{SELECT to_do FROM rfm_jobs WHERE model = '$model'});
}

sql(q{
CREATE EXTENSION pg_cron;
CREATE EXTENSION rfm;
CREATE ROLE watcher LOGIN; GRANT pg_monitor TO watcher;
CREATE ROLE outsider LOGIN;
CREATE TABLE orders (customer_id int, created_at timestamptz, total numeric);
INSERT INTO orders SELECT i % 50, now() - i * interval '5 hours', 10 + i % 97 FROM generate_series(0, 2000) i;
CREATE TABLE old_orders AS SELECT customer_id, created_at - interval '40 days' AS created_at, total FROM orders;
});

# The job of a model as it would stand there: scheduled two months ago on a
# schedule that was due so many hours ago, with a run at that time, and a snapshot
# of its day.  Options: every (day, week, month, year), due (hours ago), ran (hours
# ago; undef: never), status, scheduled (hours ago), snapshot (days ago), source.
sub job
{
	my ($model, %o) = @_;
	%o = (every => 'day', due => 5, ran => $o{due} // 5, status => 'succeeded', scheduled => 1440, source => 'orders', %o);
	$o{snapshot} //= sql(qq{SELECT (now()::date - (now() - interval '$o{due} hours')::date)});
	my $fields = { day => 'MI HH24 * * *', week => 'MI HH24 * * ', month => 'MI HH24 DD * *', year => 'MI HH24 DD MM *' }->{ $o{every} };
	my $schedule = sql(qq{SELECT regexp_replace(to_char(now() - interval '$o{due} hours', '$fields'), '\\m0(?=\\d)', '', 'g')}
		  . ($o{every} eq 'week' ? qq{ || extract(dow FROM now() - interval '$o{due} hours')} : ''));
	sql(qq{SELECT rfm_create_model('$model', '$o{source}', '${model}_scores');
	       SELECT rfm_refresh(now()::date - $o{snapshot}, '$model');
	       SELECT rfm_schedule('$schedule', '$model');
	       UPDATE cron.job SET command = regexp_replace(command, 'at \\d+', 'at ' || extract(epoch FROM now() - interval '$o{scheduled} hours')::int8) WHERE jobname = 'rfm: $model';
	       UPDATE rfm_run SET started_at = now() - interval '$o{scheduled} hours' WHERE model = '$model'});
	sql(qq{INSERT INTO cron.job_run_details (jobid, status, return_message, start_time, end_time)
	       SELECT jobid, '$o{status}', 'message of $model', d, CASE WHEN '$o{status}' <> 'running' THEN d + interval '3 s' END
	         FROM cron.job, (SELECT date_trunc('minute', now()) - interval '$o{ran} hours' + interval '1 s' AS d) AS t WHERE jobname = 'rfm: $model'})
	  if defined $o{ran};
	return;
}

#
# Well: nothing rings
#
job('daily');
job('weekly', every => 'week', due => 24 * 6);
job('monthly', every => 'month', due => 24 * 20);
job('new_weekly', every => 'week', due => 24 * 3, ran => undef, scheduled => 2);
job('new_yearly', every => 'year', due => 24 * 3, ran => undef, scheduled => 0, snapshot => 200);
is(sql('SELECT * FROM rfm_health()'), '', 'healthy jobs: daily, weekly, monthly, and those that have just been scheduled');
is(sql('SELECT count(*), count(to_do) FROM rfm_jobs'), '5|0', 'nothing to do');

#
# Each finding
#
job('late', ran => 29, snapshot => 2);
is(findings('late'), 'overdue behind', 'a job that did not begin when it was due');
like(to_do('late'), qr/see whether pg_cron runs.*CALL public\.rfm_catch_up\('late'\);/, 'what to do');
is(sql(q{SELECT since = date_trunc('minute', since) AND now() - since BETWEEN '5 hours' AND '5 hours 1 min' FROM rfm_health() WHERE model = 'late' AND finding = 'overdue'}), 't', 'since when');
job('late_weekly', every => 'week', due => 24, ran => 24 * 8, snapshot => 8);
is(findings('late_weekly'), 'overdue behind', 'a weekly job that is late');
job('never', ran => undef, snapshot => 3);
is(findings('never'), 'overdue behind', 'a job that never ran at all');
job('short', snapshot => 3);
is(findings('short'), 'behind', 'a job that runs, but leaves dates undone');
like(to_do('short'), qr/next run catches up; sooner: CALL/, 'what to do');
job('hangs', status => 'running', ran => 29, snapshot => 1);
is(findings('hangs'), 'stuck', 'a job that still runs when it is due again');
job('fails', status => 'failed');
is(findings('fails'), 'failing', 'a job that fails');
is(sql(q{SELECT detail FROM rfm_health() WHERE model = 'fails'}), 'Failed 1 times in a row: message of fails', 'with its message');
job('paused');
sql(q{UPDATE cron.job SET active = false WHERE jobname = 'rfm: paused'});
is(findings('paused'), 'paused', 'a job that is paused');
job('stale', source => 'old_orders');
is(findings('stale'), 'source stale', 'a source whose newest order is 40 days old');
is(sql(q{SET rfm.source_stale_days = 50; SELECT count(*) FROM rfm_health() WHERE model = 'stale'}), 0, 'which a setting moves');
job('sourceless', source => 'old_orders');
sql(q{SET rfm.latest_view = off; CREATE TABLE gone (LIKE orders); UPDATE rfm_model SET source = 'gone' WHERE model = 'sourceless'; DROP TABLE gone});
is(findings('sourceless'), 'source gone source stale', 'a source that is gone');
sql(q{SELECT rfm_create_model('idle', 'orders', 'idle_scores')});
is(findings('idle'), 'never refreshed', 'a model that nothing refreshes');
like(to_do('idle'), qr/^no job of this database refreshes it: SELECT public\.rfm_schedule\(model => 'idle'\);$/, 'what to do');
job('targetless');
sql('DROP TABLE targetless_scores CASCADE');
is(findings('targetless'), 'target gone', 'a target that is gone');

#
# One that waits for a lock: since when, as PostgreSQL says it
#
my $holder = session($node);
say_to($holder, 'BEGIN', 'LOCK TABLE orders');
wait_for($node, q{SELECT count(*) = 1 FROM pg_locks WHERE relation = 'orders'::regclass AND mode = 'AccessExclusiveLock' AND granted});
my $waiter = session($node);
say_to($waiter, 'SELECT count(*) FROM orders');
wait_for($node, q{SELECT count(*) = 1 FROM pg_locks WHERE NOT granted AND waitstart IS NOT NULL});
sql(q{INSERT INTO cron.job_run_details (jobid, job_pid, status, start_time) SELECT j.jobid, l.pid, 'running', now() FROM cron.job j, pg_locks l WHERE j.jobname = 'rfm: short' AND NOT l.granted});
is(sql(q{SELECT j.waiting_since = l.waitstart FROM rfm_internal.cron_jobs() j, pg_locks l WHERE j.model = 'short' AND NOT l.granted}), 't', 'a job that waits for a lock: since when');
say_to($holder, 'ROLLBACK');
end_of($holder);
end_of($waiter);

#
# Who sees it
#
is(sql('SELECT count(*) FROM rfm_jobs', 'watcher'), sql('SELECT count(*) FROM rfm_jobs'), 'members of pg_monitor see all jobs');
is(findings('late', 'watcher'), 'overdue behind', 'and what is wrong with them');
is(sql('SELECT count(*) FROM rfm_run', 'watcher'), 0, 'but not the log, which has ids of customers');
is(sql('SELECT (SELECT count(*) FROM rfm_jobs) + (SELECT count(*) FROM rfm_health())', 'outsider'), 0, 'others see nothing');
is(sql('SELECT (SELECT count(*) FROM rfm_internal.cron_jobs()) + (SELECT count(*) FROM rfm_internal.cron_troubles())', 'outsider'), 0, 'by no way');

#
# The alerts of docs/monitoring.md, as they stand there, for such a member
#
my $page = slurp_file("$FindBin::RealBin/../docs/monitoring.md");
my @queries = $page =~ /^ +query: "(.*)"$/mg;
is(scalar(@queries), 2, 'there are queries for an exporter');
like(sql($queries[0], 'watcher'), qr/^critical\|[1-9]\d*$/m, 'findings by level');
like(sql($queries[1], 'watcher'), qr/^late\|2\|0$/m, 'models, days behind, failures');
my ($check) = $page =~ /^(    #!\/bin\/sh\n.*?\n)\n/ms;
$check =~ s/^    //mg;
my $script = PostgreSQL::Test::Utils::tempdir() . '/check_rfm';
append_to_file($script, $check);
my $answer = sub {
	my ($role, $db) = @_;
	my $said = `sh $script -d "@{[ $node->connstr($db // 'postgres') ]} user=$role"`;
	return ($? >> 8) . " $said";
};
like($answer->('watcher'), qr/^2 RFM CRITICAL: .*late: overdue/, 'the check: critical');
is($answer->('outsider'), "0 RFM OK\n", 'well');
like($answer->('nobody'), qr/^3 RFM UNKNOWN: .*"nobody"/, 'unknown');
my ($cron) = $page =~ /^ +30 6 .*-c "(.*)"$/m;
like(sql($cron, 'watcher'), qr/^critical\|late\|overdue\|/m, 'what cron mails');

#
# A failed call leaves a trace; the next one that succeeds settles it
#
sql(q{SELECT rfm_create_model('broken', 'orders', 'broken_scores', amount => 'total / (customer_id - 7)')});
my $err = error_of($node, 'postgres', q{CALL rfm_catch_up('broken')});
like($err, qr/22012: division by zero/, 'the error is raised as it was');
error_of($node, 'postgres', q{CALL rfm_backfill(current_date - 1, current_date, 'broken')});
is( sql(q{SELECT command, current_date - run_date, sqlstate, message, run_by, now() - failed_at < '1 min' FROM rfm_failure WHERE model = 'broken' ORDER BY failure_id}),
	"catch_up|0|22012|division by zero|postgres|t\nbackfill|1|22012|division by zero|postgres|t", 'rfm_failure: the call, its date and its error');
is(findings('broken'), 'failing never refreshed', 'it rings, where no job is seen');
is(sql(q{SELECT failures, last_message FROM rfm_jobs WHERE model = 'broken'}), '2|division by zero', 'rfm_jobs: with its message');
is(sql('SELECT count(*) FROM rfm_failure', 'outsider'), 0, 'others do not see it');
error_of($node, 'postgres', q{CALL rfm_catch_up('broken')}, 'outsider');
is(sql('SELECT count(*) FROM rfm_failure'), 2, 'nor can they write there');
sql(qq{DO \$\$ BEGIN FOR i IN 1..3 LOOP BEGIN PERFORM rfm_refresh(model => 'broken'); EXCEPTION WHEN division_by_zero THEN NULL; END; END LOOP; END \$\$});
is(sql('SELECT count(*) FROM rfm_failure'), 2, 'rfm_refresh is part of its transaction, and leaves nothing');
$node->psql('postgres', join(';', (q{CALL rfm_catch_up('broken')}) x 110), on_error_stop => 0);
cmp_ok(sql('SELECT count(*) FROM rfm_failure'), '<=', 100, 'a hundred are kept');
# where dates before have succeeded, they stay
sql(q{UPDATE rfm_model SET amount = 'total' WHERE model = 'broken'; CALL rfm_catch_up('broken')});
is(findings('broken'), '', 'a call that succeeds settles it');
# from PL/pgSQL, in a loop with a query open
sql(q{SELECT rfm_create_model('broken2', 'orders', 'broken2_scores', amount => 'total / (customer_id - 7)')});
error_of($node, 'postgres', q{DO $$ DECLARE m text; BEGIN FOR m IN SELECT unnest('{broken,broken2}'::text[]) LOOP CALL rfm_catch_up(m); END LOOP; END $$});
is(sql(q{SELECT count(*) FROM rfm_failure WHERE model = 'broken2'}), 1, 'from PL/pgSQL, too');
sql(q{SELECT rfm_drop_model('broken2', true)});
is(sql(q{SELECT count(*) FROM rfm_failure WHERE model = 'broken2'}), 0, 'it goes with the model');

#
# pg_cron in another database: no job is seen, but that the model is behind
#
$node->safe_psql('postgres', 'CREATE DATABASE shop');
$node->safe_psql('shop', q{
CREATE EXTENSION rfm;
CREATE TABLE orders (customer_id int, created_at timestamptz, total numeric);
INSERT INTO orders SELECT i % 50, now() - i * interval '5 hours', 10 FROM generate_series(0, 100) i;
SELECT rfm_create_model('there', 'orders', 'there_scores');
SELECT rfm_refresh(current_date - 1, 'there')});
is($node->safe_psql('shop', 'SELECT * FROM rfm_health()'), '', 'refreshed from elsewhere: well, the day after');
$node->safe_psql('shop', q{UPDATE rfm_run SET run_date = run_date - 2});
is($node->safe_psql('shop', q{SELECT finding FROM rfm_health()}), 'behind', 'and behind two days later');
my ($statement) = $node->safe_psql('shop', q{SELECT to_do FROM rfm_health()}) =~ /As a superuser, run in database "postgres": (SELECT cron\.schedule_in_database\(.*\);)/;
ok($statement, 'what to do names the statement for the other database');
$node->safe_psql('postgres', $statement);

#
# A long log: 200 jobs with 730 runs each
#
sql(q{
SELECT rfm_create_model('many' || i, 'orders', 'many_scores' || i) FROM generate_series(1, 200) i;
INSERT INTO rfm_run (model_id, model, owner, run_date, customers, orders, inserted, updated, deleted, unchanged, expired, cut_points, reading, spilled, memory, phases, started_at, finished_at, run_by, version)
SELECT model_id, model, owner, current_date - d, 1, 1, 1, 1, 1, 1, 1, '{}', 'orders', false, 1, '{}', now() - greatest(d - 1, 0) * interval '1 day', now() - greatest(d - 1, 0) * interval '1 day', 'x', '1.0.0'
  FROM rfm_model, generate_series(0, 729) d WHERE model LIKE 'many%' ORDER BY d DESC;
SELECT cron.schedule('rfm: ' || model, format('%s %s * * *', model_id % 60, model_id % 20), rfm_internal.job_command(model) || ' -- scheduled at 0') FROM rfm_model WHERE model LIKE 'many%';
INSERT INTO cron.job_run_details (jobid, status, return_message, start_time, end_time)
SELECT jobid, 'succeeded', 'CALL', now() - d * interval '1 day', now() - d * interval '1 day' + interval '5 s'
  FROM generate_series(0, 729) d, cron.job WHERE jobname LIKE 'rfm: many%' ORDER BY d DESC;
VACUUM ANALYZE});
# Milliseconds of CPU that the first statement of a session takes: other tests
# run at the same time.  The least of five.
sub cpu_ms
{
	my ($query) = @_;
	my @ms;
	for (1 .. 5)
	{
		my ($rc, $out, $err) = $node->psql('postgres', "SET client_min_messages = log; SET log_statement_stats = on;\n$query");
		push @ms, 1000 * ($1 + $2) if $err =~ /([\d.]+) s user, ([\d.]+) s system, [\d.]+ s elapsed\n(?!.*s elapsed)/s;
	}
	return (sort { $a <=> $b } @ms)[0];
}
# some of the jobs have never succeeded: for those the log is read to its end
my $ms = cpu_ms('SELECT count(*), count(to_do) FROM rfm_jobs');
my $plain = cpu_ms('SELECT count(*) FROM (SELECT DISTINCT ON (jobid) jobid, status, return_message, start_time FROM cron.job_run_details ORDER BY jobid, runid DESC) AS t');
note "rfm_jobs: $ms ms of CPU; the newest run of each job, by plain SQL: $plain ms";
cmp_ok($ms, '<', 0.9 * $plain, 'rfm_jobs is fast with 200 jobs and 146,000 runs');
is(sql(q{SELECT count(*) FROM rfm_health() WHERE model LIKE 'many%'}), 0, 'and all of them are well');

#
# The scheduler itself.  A job whose role is gone stops pg_cron: the launcher dies
# each time that it looks at it.  DROP OWNED takes the models and jobs of the role
# along, if a superuser gives it.
#
sql('DELETE FROM cron.job');
sql(q{CREATE ROLE goer LOGIN; GRANT ALL ON SCHEMA public, cron TO goer; GRANT SELECT ON orders TO goer});
sql(q{SELECT rfm_create_model('goers', 'orders', 'goers_scores'); SELECT rfm_schedule('* * * * *', 'goers')}, 'goer');
sql(q{SELECT cron.schedule('another', '0 0 1 1 *', 'SELECT 1')}, 'goer');
sql('DROP OWNED BY goer');
is(sql(q{SELECT string_agg(jobname, ' ') FROM cron.job}), 'another', 'with what a role owns goes the job of its model, and no other');
is(sql(q{SELECT count(*) FROM rfm_model WHERE model = 'goers'}), 0, 'and the model');
sql(q{DELETE FROM cron.job; DROP ROLE goer});
# not across the full minute, when the job would run, and fail, before it is looked at
my $second = (localtime)[0];
sleep(($second < 3 ? 3 : 63) - $second) if $second < 3 || $second > 45;
sql(q{CREATE ROLE leaver LOGIN; GRANT ALL ON SCHEMA public, cron TO leaver; GRANT SELECT ON orders TO leaver});
sql(q{SELECT rfm_create_model('leavers', 'orders', 'leavers_scores'); SELECT rfm_refresh(model => 'leavers'); SELECT rfm_schedule('* * * * *', 'leavers')}, 'leaver');
job('bystander');
# where nobody hears of it
sql('ALTER EVENT TRIGGER rfm_owner DISABLE; DROP OWNED BY leaver; DROP ROLE leaver; ALTER EVENT TRIGGER rfm_owner ENABLE');
is(findings('leavers'), 'owner gone target gone job owner gone', 'roles that are gone: their model');
is(sql(q{SELECT level, finding FROM rfm_health() WHERE model IS NULL LIMIT 1}), 'critical|job owner gone', 'and pg_cron');
like(to_do('bystander'), qr/^as a superuser: DELETE FROM cron\.job/, 'other jobs ring, too');
sql(sql(q{SELECT regexp_replace(to_do, '^as a superuser: ', '') FROM rfm_health() WHERE model IS NULL LIMIT 1}));
# the launcher comes back by itself
ok(wait_for($node, q{SELECT count(*) = 0 FROM rfm_health() WHERE model IS NULL}), 'the cure helps');
is(to_do('bystander'), '', 'the others, too');
sql(q{CREATE TABLE leavers_scores (LIKE bystander_scores INCLUDING ALL); UPDATE rfm_model SET owner = 'postgres', target = 'leavers_scores' WHERE model = 'leavers'});
is(findings('leavers') =~ /owner/ ? 1 : 0, 0, 'and that for the model');

$node->stop;
$node->append_conf('postgresql.conf', "shared_preload_libraries = ''");
$node->start;
is(sql(q{SELECT level, finding FROM rfm_health() WHERE model IS NULL}), 'critical|scheduler not loaded', 'pg_cron is not loaded');
like(to_do('bystander'), qr/shared_preload_libraries/, 'jobs that are there ring');

$node->stop;
done_testing();
