# A database owner who is no superuser makes the extension, works with it, dumps
# and restores it; it gives them and everyone else no rights of others: not by
# ownership, not by renaming its schema and putting something else in its place,
# not by functions that fit a call better.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/lib";

use IPC::Run;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Server;
use Test::More;

my $date = '2024-06-30';
my $node = PostgreSQL::Test::Cluster->new('trusted');
$node->init;
$node->append_conf('postgresql.conf', 'autovacuum = off');
$node->start;
$node->safe_psql('postgres', 'CREATE ROLE dbo LOGIN; CREATE ROLE alice LOGIN; CREATE DATABASE shop OWNER dbo TEMPLATE template0');

sub as
{
	my ($role, $sql, $db) = @_;
	return $node->safe_psql($db // 'shop', $sql, extra_params => [ '-U', $role ]);
}

sub refused
{
	my ($role, $sql) = @_;
	return error_of($node, 'shop', $sql, $role);
}

# As whom functions that look around have run, since asked last
my $looked = 0;

sub seen
{
	my $log = substr(slurp_file($node->logfile), $looked);
	$looked += length $log;
	my %who = map { $_ => 1 } $log =~ /LOG:  seen: .* by (\S+)/g;
	return join(',', sort keys %who);
}

#
# All that an owner of models does
#
as('dbo', q{
CREATE SCHEMA rfm; GRANT USAGE ON SCHEMA rfm TO PUBLIC;
CREATE EXTENSION rfm SCHEMA rfm;
CREATE SCHEMA ecom;
CREATE TABLE ecom.orders (order_id int PRIMARY KEY, customer_id int, created_at timestamptz, total numeric(12,2), status text);
INSERT INTO ecom.orders
SELECT i, i % 97, timestamptz '2024-06-30 12:00+00' - i * interval '5 hours', 10 + i % 89,
       CASE WHEN i % 11 = 0 THEN 'cancelled' ELSE 'paid' END FROM generate_series(1, 500) i;
});
is( $node->safe_psql('shop', q{SELECT e.extowner::regrole, c.relowner FROM pg_extension e, pg_class c WHERE extname = 'rfm' AND relname = 'rfm_model'}),
	'dbo|10', 'the extension is theirs, its tables are the first superuser\'s');
is(as('dbo', "SELECT rfm.rfm_refresh('2024-06-29'), rfm.rfm_refresh('$date')"), '97|97', 'the default model');
is(as('dbo', 'SELECT model, owner FROM rfm.rfm_model'), 'default|dbo', 'is theirs');
as('dbo', q{
SELECT rfm.rfm_copy_ruleset('traits5', 'mine');
UPDATE rfm.rfm_segment_rule SET label = upper(label) WHERE ruleset = 'mine';
SELECT rfm.rfm_create_model('second', 'ecom.orders', 'ecom.second', comment_rules => 'mine', method => 'rank');
UPDATE rfm.rfm_model SET lookback = '90 days' WHERE model = 'second'});
is(as('dbo', "SELECT count(*) FROM rfm.rfm_preview('$date', 'second')"), 97, 'preview');
as('dbo', "CALL rfm.rfm_backfill('2024-06-20', '2024-06-25', 'second')");
as('dbo', "SET rfm.catch_up_limit = 1; CALL rfm.rfm_catch_up('second')");
is(as('dbo', "SELECT count(*) FROM rfm.rfm_run WHERE model = 'second'"), 7, 'backfill and catching up');
like(as('dbo', "SELECT rfm.rfm_report('$date')"), qr/<html/, 'report');
is(as('dbo', "SELECT sum(customers) FROM rfm.rfm_segment_summary('$date')"), 97, 'summary');
is(as('dbo', "SELECT count(*) FROM rfm.rfm_score_now(5, 'default')"), 1, 'score of one customer');
like(as('dbo', 'SELECT string_agg(model || to_do, $$,$$ ORDER BY model) FROM rfm.rfm_jobs'), qr/^default.*,second/, 'jobs');
my $err = refused('dbo', 'SELECT rfm.rfm_schedule()');
like($err, qr/pg_cron is not available/, 'schedule: error');
like($err, qr/HINT: /, 'hint');

#
# What goes by ownership
#
my %refused = (
	q{UPDATE rfm.rfm_segment_rule SET label = 'x' WHERE ruleset = 'sum5'} => qr/shipped/,
	q{SET check_function_bodies = off; SELECT rfm.rfm_drop_ruleset('sum5')} => qr/shipped/,
	q{BEGIN; LOCK TABLE rfm.rfm_ruleset IN SHARE MODE} => qr/permission denied/,
	q{DELETE FROM rfm.rfm_segment_rule} => qr/permission denied/,
	q{ALTER TABLE rfm.rfm_model DISABLE TRIGGER ALL} => qr/must be owner of table rfm_model/,
	q{ALTER TABLE rfm.rfm_model DISABLE ROW LEVEL SECURITY} => qr/must be owner of table rfm_model/,
	q{CREATE TRIGGER t BEFORE INSERT ON rfm.rfm_run FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger()} => qr/permission denied/,
	q{ALTER EXTENSION rfm DROP TABLE rfm.rfm_model} => qr/must be owner of table rfm_model/,
	q{DROP TABLE rfm.rfm_model CASCADE} => qr/extension rfm requires it/,
	q{DROP FUNCTION rfm_internal.job_name(text)} => qr/must be owner of function rfm_internal.job_name/,
	q{ALTER FUNCTION rfm.rfm_bucket(float8, float8[]) CALLED ON NULL INPUT} => qr/must be owner of function/,
	q{CREATE OR REPLACE FUNCTION rfm_internal.job_name(model text) RETURNS text LANGUAGE sql AS 'SELECT 1::text'} => qr/permission denied for schema rfm_internal/,
	q{UPDATE rfm.rfm_model SET owner = 'alice' WHERE model = 'second'} => qr/cannot be given to role "alice"/,
	qq{INSERT INTO rfm.rfm_model (model, source, target, owner) VALUES ('f', 'ecom.orders', 'ecom.second', (SELECT oid FROM pg_roles WHERE rolsuper LIMIT 1))} => qr/cannot be given to role/,
	qq{INSERT INTO rfm.rfm_run SELECT (rfm_run).* FROM (SELECT r FROM rfm.rfm_run r) AS r(rfm_run)} => qr/cannot insert a non-DEFAULT value/,
	q{INSERT INTO rfm.rfm_run (model, owner, run_date, customers, orders, inserted, updated, deleted, unchanged, expired, cut_points, phases, started_at, finished_at, run_by, version) VALUES ('m', 'alice', '2024-01-01', 0, 0, 0, 0, 0, 0, 0, '{}', '{}', now(), now(), 'x', 'x')} => qr/row-level security/,
	q{DELETE FROM rfm.rfm_run} => qr/permission denied/);
like(refused('dbo', $_), $refused{$_}, 'and why') for sort keys %refused;

# a role that is not the database's owner
$node->safe_psql('shop', 'CREATE SCHEMA alice AUTHORIZATION alice');
as('alice', q{
CREATE TABLE alice.orders (customer_id int, created_at timestamptz, total numeric);
INSERT INTO alice.orders SELECT i % 7, '2024-06-01', i FROM generate_series(1, 50) i;
SELECT rfm.rfm_create_model('alice', 'alice.orders', 'alice.scores');
SELECT rfm.rfm_refresh('2024-06-30', 'alice')});
is(as('alice', 'SELECT string_agg(model, $$,$$) FROM rfm.rfm_model'), 'alice', 'another role sees its own models');
is(as('alice', 'SELECT count(*) FROM rfm.rfm_run'), 1, 'and runs');
is(as('alice', 'UPDATE rfm.rfm_model SET filter = NULL RETURNING model'), 'alice', 'and changes nothing else');
like(refused('alice', "SELECT rfm.rfm_refresh('$date')"), qr/permission denied for model "default"/, 'nor runs it');
like(refused('alice', "SELECT * FROM rfm.rfm_segment_summary('$date')"), qr/permission denied for model/, 'nor reads it');
like(refused('alice', "DELETE FROM rfm.rfm_run"), qr/permission denied/, 'nor the log');
like(refused('alice', "SELECT setval('rfm.rfm_run_run_id_seq', 1)"), qr/permission denied/, 'nor its numbers');
is(as('dbo', 'SELECT string_agg(model, $$,$$ ORDER BY model) FROM rfm.rfm_model'), 'default,second', 'nor does the database owner see those of others');
like(refused('dbo', "SELECT rfm.rfm_refresh('$date', 'alice')"), qr/permission denied for model "alice"/, 'or run them');
like(refused('alice', "SELECT rfm.rfm_drop_ruleset('mine')"), qr/must be owner of rule set "mine"/, 'nor drops a rule set');
like(refused('alice', "SELECT rfm.rfm_drop_rule('mine', 10)"), qr/must be owner of rule set "mine"/, 'or a rule');
is(as('dbo', "SELECT count(*) > 0 FROM rfm.rfm_segment_rule WHERE ruleset = 'mine'"), 't', 'and rule sets are safe');

#
# Something else in the place of the extension's schema: whatever is called there
# writes down as whom, in the server's log, where it stays
#
as('dbo', q{
CREATE SCHEMA dbo;
GRANT USAGE ON SCHEMA dbo TO PUBLIC;
CREATE FUNCTION dbo.see(text) RETURNS bool LANGUAGE plpgsql COST 0.0001 AS $$ BEGIN RAISE LOG 'seen: % by %', $1, current_user; RETURN true; END $$;
CREATE PROCEDURE dbo.swap() LANGUAGE plpgsql AS $$ BEGIN
    ALTER SCHEMA rfm RENAME TO away;
    CREATE SCHEMA rfm;
    CREATE VIEW rfm.rfm_model AS SELECT m.* FROM away.rfm_model m WHERE dbo.see('rfm_model');
    CREATE VIEW rfm.rfm_run AS SELECT r.* FROM away.rfm_run r WHERE dbo.see('rfm_run');
    CREATE VIEW rfm.rfm_ruleset AS SELECT r.* FROM away.rfm_ruleset r WHERE dbo.see('rfm_ruleset');
    CREATE VIEW rfm.rfm_segment_rule AS SELECT r.* FROM away.rfm_segment_rule r WHERE dbo.see('rfm_segment_rule');
    GRANT SELECT ON rfm.rfm_model, rfm.rfm_run, rfm.rfm_ruleset, rfm.rfm_segment_rule TO PUBLIC;
    CREATE FUNCTION rfm.rfm_axis_buckets(int[]) RETURNS int[] LANGUAGE sql AS 'SELECT ARRAY[5,5,5] WHERE dbo.see(''axis'')';
    CREATE FUNCTION rfm.rfm_job_name(text) RETURNS text LANGUAGE sql AS 'SELECT dbo.see($1)::text';
    CREATE FUNCTION rfm.rfm_cron_field(text, int, int) RETURNS int[] LANGUAGE sql AS 'SELECT ARRAY[1] WHERE dbo.see($1)';
    GRANT USAGE ON SCHEMA rfm TO PUBLIC;
END $$;
CREATE PROCEDURE dbo.swap_back() LANGUAGE plpgsql AS $$ BEGIN DROP SCHEMA rfm CASCADE; ALTER SCHEMA away RENAME TO rfm; END $$});

my @calls = (
	"SELECT rfm_refresh('$date')", "SELECT count(*) FROM rfm_preview('$date')", 'SELECT * FROM rfm_jobs', 'SELECT * FROM rfm_internal.cron_jobs()',
	"SELECT rfm_internal.ensure_model('default')", "CALL rfm_backfill('2024-06-01', '2024-06-02', 'second')", "CALL rfm_catch_up('second')",
	"SELECT * FROM rfm_score_now('5', 'default')", "SELECT * FROM rfm_internal.access('default')", "SELECT rfm_internal.own_ruleset('mine')", "SELECT rfm_internal.is_shipped('mine')",
	"UPDATE rfm_segment_rule SET label = 'X' WHERE ruleset = 'mine' AND priority = 10", "SELECT rfm_drop_rule('mine', 20)",
	"SELECT rfm_copy_ruleset('mine', 'third')", "UPDATE rfm_ruleset SET description = 'x' WHERE ruleset = 'third'", "SELECT rfm_drop_ruleset('third')",
	"SET check_function_bodies = off; INSERT INTO rfm_segment_rule (ruleset, priority, label) VALUES ('fourth', 1, 'x'); RESET check_function_bodies",
	"UPDATE rfm_model SET filter = 'true' WHERE model = 'second'",
	"SELECT rfm_create_model('third', 'ecom.orders', 'ecom.third')", "SELECT rfm_report('$date')", "SELECT rfm_drop_model('third')");
as('dbo', 'CALL dbo.swap()');
for my $call (@calls)
{
	$node->psql('shop', "SET search_path = away; $call", extra_params => [ '-U', 'dbo' ]);
}
# in one session, so that plans of before are there to be used after
$node->psql('shop', join(';', 'CALL dbo.swap_back()', 'SET search_path = rfm', @calls, 'CALL dbo.swap()', 'SET search_path = away', @calls),
	extra_params => [ '-U', 'dbo' ], on_error_stop => 0);
is(seen(), 'dbo', 'other objects in their place run as who put them there, who called');
as('dbo', 'CALL dbo.swap_back()');
is(as('dbo', "SELECT rfm.rfm_refresh('$date')"), 97, 'put back, it works again');

# while a refresh waits for a table, after it has looked up the schema's name; only
# a superuser can lock it
my ($in, $out) = ('', '');
my $session = IPC::Run::start([ 'psql', '-XAtq', '-d', $node->connstr('shop') ], '<', \$in, '>', \$out, '2>', \my $said);
$in .= "BEGIN; LOCK TABLE rfm.rfm_segment_rule IN ACCESS EXCLUSIVE MODE; SELECT 'locked'; SET ROLE dbo;\n";
$session->pump until $out =~ /locked/;
my $other = IPC::Run::start([ 'psql', '-XAtq', '-U', 'dbo', '-d', $node->connstr('shop'), '-c', "SELECT rfm.rfm_refresh('$date')" ],
	'>', \my $other_out, '2>', \my $other_err);
$node->poll_query_until('shop', q{SELECT count(*) > 0 FROM pg_locks WHERE NOT granted AND relation = 'rfm.rfm_segment_rule'::regclass});
$in .= "CALL dbo.swap(); COMMIT; SELECT 'swapped';\n";
$session->pump until $out =~ /swapped/;
$other->finish;
like($other_err, qr/ERROR:  objects that do not belong to the extension rfm have the names of its own/, 'swapped while a refresh waits: an error');
is(seen(), '', 'and nothing has run');
$in .= "CALL dbo.swap_back();\n";
$session->finish;

#
# Functions of the names of the extension's own: not where they would be called,
# and elsewhere they are not
#
as('dbo', q{
CREATE FUNCTION dbo.trans(bigint, int, timestamptz, numeric) RETURNS bigint LANGUAGE sql AS $$ SELECT 1::bigint WHERE dbo.see('collect') $$});
like(refused('dbo', $_), qr/permission denied for schema rfm_internal/, 'and why')
  for 'CREATE AGGREGATE rfm_internal.collect(int, timestamptz, numeric) (SFUNC = dbo.trans, STYPE = bigint)',
  'CREATE FUNCTION rfm_internal.own_ruleset(varchar) RETURNS void LANGUAGE sql AS $$ SELECT $$',
  'CREATE TABLE rfm_internal.t (i int)';
like(refused('dbo', 'ALTER SCHEMA rfm_internal RENAME TO mine'), qr/must be owner of schema rfm_internal/, 'and why');
like(refused('dbo', 'ALTER EXTENSION rfm DROP SCHEMA rfm_internal'), qr/must be owner of schema rfm_internal/, 'and why');
as('dbo', q{
CREATE AGGREGATE rfm.rfm_collect(int, timestamptz, numeric) (SFUNC = dbo.trans, STYPE = bigint, INITCOND = '0');
CREATE FUNCTION rfm.rfm_own_ruleset(text) RETURNS void LANGUAGE sql AS $$ SELECT FROM dbo.see('own_ruleset') $$});
is(as('alice', "SELECT rfm.rfm_refresh('$date', 'alice')"), 7, 'refresh');
as('alice', "UPDATE rfm.rfm_model SET filter = 'true' WHERE model = 'alice'");
is(seen(), '', 'none of them has run');
as('dbo', q{
DROP AGGREGATE rfm.rfm_collect(int, timestamptz, numeric); DROP FUNCTION rfm.rfm_own_ruleset(text);
CREATE FUNCTION rfm.rfm_notify(int) RETURNS bool IMMUTABLE LANGUAGE sql AS 'SELECT $1 > 0'; GRANT USAGE ON SCHEMA rfm TO PUBLIC});
as('alice', "UPDATE rfm.rfm_model SET filter = 'rfm.rfm_notify(customer_id)' WHERE model = 'alice'");
is(as('alice', "SELECT rfm.rfm_refresh('$date', 'alice')"), 6, 'a function of one\'s own may be called rfm_...');
as('alice', 'SELECT rfm.rfm_drop_model($$alice$$)');

#
# Dump and restore by the database owner: with row security
#
as('dbo', 'DROP SCHEMA dbo CASCADE; DROP FUNCTION rfm.rfm_notify');
$node->safe_psql('shop', 'DROP SCHEMA alice CASCADE');
my $everything = q{
SELECT 'model', model, regexp_replace(m::text, '\d{5,}', 'oid') FROM rfm.rfm_model m ORDER BY model;
SELECT 'set', s FROM rfm.rfm_ruleset s WHERE NOT shipped ORDER BY ruleset;
SELECT 'rule', s FROM rfm.rfm_segment_rule s JOIN rfm.rfm_ruleset USING (ruleset) WHERE NOT shipped ORDER BY s.ruleset, priority;
SELECT 'run', r FROM rfm.rfm_run r WHERE model <> 'alice' ORDER BY run_id;
};
my $dir = PostgreSQL::Test::Utils::tempdir();
my $before = as('dbo', $everything);
like($before, qr/^model\|default.*^rule.*^run/ms, 'there is something to dump');
$node->command_fails_like([ 'pg_dump', '-U', 'dbo', '-f', "$dir/plain.sql", $node->connstr('shop') ],
	qr/would be affected by row-level security/, 'a plain dump is refused, not incomplete');
$node->command_ok([ 'pg_dump', '-U', 'dbo', '--enable-row-security', '--inserts', '-f', "$dir/shop.sql", $node->connstr('shop') ], 'dump');
$node->safe_psql('postgres', 'CREATE DATABASE restored OWNER dbo TEMPLATE template0');
$node->command_ok([ 'psql', '-qX', '-U', 'dbo', '-v', 'ON_ERROR_STOP=1', '-o', "$dir/out", '-d', $node->connstr('restored'), '-f', "$dir/shop.sql" ], 'restore');
is(as('dbo', $everything, 'restored'), $before, 'models, rule sets and log are back');
is(as('dbo', "SELECT rfm.rfm_refresh('$date')", 'restored'), 97, 'and a refresh');
is(as('dbo', 'SELECT inserted + updated + deleted FROM rfm.rfm_run ORDER BY run_id DESC LIMIT 1', 'restored'), 0, 'finds what is there');

#
# And it goes
#
as('dbo', 'DROP EXTENSION rfm');
is($node->safe_psql('shop', q{SELECT count(*) FROM pg_proc WHERE proname LIKE 'rfm\_%'}), 0, 'the extension can be dropped');
is(as('dbo', "SELECT count(*) FROM ecom.customer_rfm_daily WHERE run_date = '$date'"), 97, 'targets stay');
as('dbo', 'CREATE EXTENSION rfm SCHEMA rfm');
is(as('dbo', "SELECT rfm.rfm_refresh('$date')"), 97, 'and it can be made again');

$node->stop;
done_testing();
