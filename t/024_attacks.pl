# What one role could do to another, tried: by a role that has nothing but what
# PUBLIC has, and by one that owns a schema, a model and a target full of code.
# No server process dies, nobody else's session runs that code, what it was asked
# for ends in a clean error or in the right rows, and nobody is kept waiting.
use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('attacks');
$node->init;
my ($sharedir) = run_command([ 'pg_config', '--sharedir' ]);
my $cron = -e "$sharedir/extension/pg_cron.control";
$node->append_conf('postgresql.conf', "autovacuum = off\nlog_statement = none\nrestart_after_crash = on\n" . ($cron ? "shared_preload_libraries = 'pg_cron'\n" : ''));
$node->start;
$node->safe_psql('postgres', q{
CREATE EXTENSION rfm;
CREATE ROLE mallory LOGIN; CREATE ROLE eve LOGIN; CREATE ROLE alice LOGIN; CREATE ROLE analyst LOGIN;
CREATE SCHEMA eve AUTHORIZATION eve; GRANT USAGE ON SCHEMA eve TO PUBLIC;
CREATE SCHEMA alice AUTHORIZATION alice;
} . ($cron ? 'CREATE EXTENSION pg_cron; GRANT USAGE ON SCHEMA cron TO eve, alice;' : ''));

my $settings = 'SET client_min_messages = warning; SET lock_timeout = 0; ';

# Runs SQL as a role in a session of its own; returns what it says and its error, with SQLSTATE
sub as
{
	my ($role, $sql) = @_;
	my ($rc, $out, $err) = $node->psql('postgres', "\\set VERBOSITY verbose\n$settings$sql", extra_params => [ '-U', $role ], on_error_stop => 1);
	return ($out, $err);
}

sub gives
{
	my ($role, $sql, $expected, $name) = @_;
	my ($out, $err) = as($role, $sql);
	is($out . ($err =~ s/LOCATION:.*//sr), $expected, $name);
	return;
}

# As whom functions that look around have run, since asked last
my $looked = 0;

sub seen
{
	my $log = substr(slurp_file($node->logfile), $looked);
	$looked += length $log;
	my %who = map { $_ => 1 } $log =~ /LOG:  seen: by (\S+)/g;
	return join(',', sort keys %who);
}

# Since asked last, no process died
my $watched = 0;

sub lives
{
	my ($name) = @_;
	my $log = substr(slurp_file($node->logfile), $watched);
	$watched += length $log;
	unlike($log, qr/terminated by signal|TRAP|PANIC/, "$name: the server lives") or $node->poll_query_until('postgres', 'SELECT true');
	return;
}

# An attack by statements: refused, or done with nothing won, and no internal error
sub held
{
	my ($role, $sql, $pattern, $name) = @_;
	my ($out, $err) = as($role, $sql);
	lives($name);
	like($err, $pattern, "$name: what is said");
	unlike($err, qr/ERROR:  (XX|57P|58)/, "$name: no internal error");
	return;
}

#
# The trigger function of rfm_model, on tables that are not rfm_model
#
my $denied = qr/ERROR:  42501: permission denied for (?:schema|function)/;
held('mallory', q{CREATE TEMP TABLE t (owner regrole, model text);
CREATE TRIGGER x BEFORE TRUNCATE ON t FOR EACH STATEMENT EXECUTE FUNCTION rfm_internal.model_trigger();
TRUNCATE t}, $denied, 'a trigger of a strange table');
held('mallory', q{CREATE TEMP TABLE t AS SELECT * FROM rfm_model; ALTER TABLE t ALTER method TYPE int8 USING 4096;
CREATE TRIGGER x BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION rfm_internal.model_trigger();
INSERT INTO t (model, method, owner) VALUES ('x', 94000000000000, 'mallory')}, $denied, 'a number in the place of a text');

#
# Code that runs within a refresh and changes what the refresh works on
#
as('eve', q{
CREATE TABLE eve.orders (customer_id int, created_at timestamptz, total numeric);
INSERT INTO eve.orders SELECT i % 10, '2024-06-01', i FROM generate_series(1, 100) i;
-- once: what a test asks for
CREATE FUNCTION eve.act() RETURNS bool LANGUAGE plpgsql AS $$
DECLARE
    what text := current_setting('eve.what', true);
BEGIN
    IF what <> '' THEN
        PERFORM set_config('eve.what', '', false);
        EXECUTE what;
    END IF;
    RETURN true;
END $$;
CREATE DOMAIN eve.score AS int CHECK (eve.act());
CREATE DOMAIN eve.moment AS timestamptz CHECK (eve.act());
CREATE DOMAIN eve.day AS date CHECK (eve.act());
CREATE DOMAIN eve.customer AS text CHECK (eve.act());
});

my %where = (
	domain => 'ALTER TABLE eve.scores ALTER r_score TYPE eve.score',
	# these are converted before anything else of the target is touched
	constant => 'ALTER TABLE eve.scores ALTER updated_at TYPE eve.moment',
	date => 'ALTER TABLE eve.scores ALTER run_date TYPE eve.day',
	customer => 'ALTER TABLE eve.scores ALTER customer_id TYPE eve.customer',
	check => 'ALTER TABLE eve.scores ADD CHECK (f_score > 0 AND eve.act())',
	cast => 'CREATE CAST (text AS eve.segment) WITH FUNCTION eve.to_segment(text) AS ASSIGNMENT; ALTER TABLE eve.scores ALTER rfm_segment TYPE eve.segment USING NULL',
	trigger => 'CREATE FUNCTION eve.trigger() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM eve.act(); RETURN coalesce(NEW, OLD); END $$; CREATE TRIGGER x BEFORE INSERT OR UPDATE OR DELETE ON eve.scores FOR EACH ROW EXECUTE FUNCTION eve.trigger()',
	default => 'ALTER TABLE eve.scores ADD note bool DEFAULT eve.act()',
	index => 'CREATE FUNCTION eve.indexed(int) RETURNS int LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN PERFORM eve.act(); RETURN $1; END $$; CREATE INDEX ON eve.scores (eve.indexed(f_score::int))',
	partition => 'partition_by');
# each comes at one of the dates, by turns
my @what = (
	'ALTER TABLE eve.scores ALTER monetary_value TYPE int8 USING 7',
	'ALTER TABLE eve.scores ALTER recency_days TYPE text',
	'ALTER TABLE eve.scores DROP COLUMN monetary_value',
	'ALTER TABLE eve.scores RENAME monetary_value TO m; ALTER TABLE eve.scores RENAME recency_days TO monetary_value; ALTER TABLE eve.scores RENAME m TO recency_days',
	'ALTER TABLE eve.scores RENAME TO other; CREATE TABLE eve.scores (run_date text, customer_id text, recency_days text, frequency_orders text, monetary_value text, r_score text, f_score text, m_score text, rfm_score text, rfm_segment text, comments text, created_at text, updated_at text)',
	'DROP TABLE eve.scores CASCADE', 'TRUNCATE eve.scores', 'DELETE FROM eve.scores', 'UPDATE eve.scores SET monetary_value = 1',
	"UPDATE eve.scores SET customer_id = 100 + m_score WHERE run_date = '2024-06-30'",
	"INSERT INTO eve.scores (run_date, customer_id, recency_days, frequency_orders, monetary_value, r_score, f_score, m_score, rfm_score) SELECT '2024-06-30', c, 1, 1, 1, 1, 1, 1, 1 FROM generate_series(1, 200) c ON CONFLICT DO NOTHING",
	"SELECT public.rfm_refresh('2024-06-30', 'eve')", "SELECT public.rfm_drop_model('eve')", "SELECT public.rfm_drop_model('eve', true)",
	"UPDATE public.rfm_model SET target = 'eve.orders' WHERE model = 'eve'",
	'DO $$ DECLARE p regclass; BEGIN FOR p IN SELECT inhrelid FROM pg_inherits WHERE inhparent = $i$eve.scores$i$::regclass LOOP EXECUTE format($f$ALTER TABLE eve.scores DETACH PARTITION %s; ALTER TABLE %1$s ALTER monetary_value TYPE int8 USING 7$f$, p); END LOOP; END $$',
	'DO $$ DECLARE p regclass; BEGIN FOR p IN SELECT inhrelid FROM pg_inherits WHERE inhparent = $i$eve.scores$i$::regclass LOOP EXECUTE format($f$DROP TABLE %s$f$, p); END LOOP; END $$',
	'CREATE RULE "_RETURN" AS ON SELECT TO eve.scores DO INSTEAD SELECT NULL',
	'ALTER SCHEMA eve RENAME TO elsewhere', 'DROP TYPE eve.segment CASCADE', 'SET ROLE postgres', 'RESET SESSION AUTHORIZATION', 'SET SESSION AUTHORIZATION postgres', 'COMMIT');

# Makes room for another target, whatever has become of the last one
sub clear
{
	$node->safe_psql('postgres', q{SET client_min_messages = error;
DO $$
DECLARE
    r record;
BEGIN
    DELETE FROM rfm_model;
    FOR r IN SELECT oid, relname, relkind FROM pg_class WHERE relnamespace = 'eve'::regnamespace AND relkind IN ('r', 'p', 'v') AND relname NOT IN ('orders') LOOP
        IF to_regclass('eve.' || r.relname) IS NOT NULL THEN
            EXECUTE format('DROP %s eve.%I CASCADE', CASE r.relkind WHEN 'v' THEN 'VIEW' ELSE 'TABLE' END, r.relname);
        END IF;
    END LOOP;
END $$;
DROP TYPE IF EXISTS eve.segment CASCADE; DROP FUNCTION IF EXISTS eve.trigger CASCADE; DROP FUNCTION IF EXISTS eve.indexed CASCADE;
SET ROLE eve;
CREATE TYPE eve.segment AS ENUM ('Loyal Customers', 'Potential Loyalists', 'Promising Customers', 'At Risk', 'Hibernating', 'Others');
CREATE FUNCTION eve.to_segment(text) RETURNS eve.segment LANGUAGE plpgsql AS $$ BEGIN PERFORM eve.act(); RETURN enum_first(NULL::eve.segment); END $$});
	return;
}

# Makes model and target anew
sub prepare
{
	my ($place) = @_;
	my $partition = $place eq 'partition';
	clear();
	my ($out, $err) = as('eve', "SET rfm.latest_view = off; SELECT rfm_create_model('eve', 'eve.orders', 'eve.scores'" . ($partition ? ", partition_by => 'month'" : '') . ');'
		  . ($partition ? $where{constant} : $where{$place}) . "; SELECT rfm_refresh('2024-06-29', 'eve'), rfm_refresh('2024-06-30', 'eve')");
	$node->poll_query_until('postgres', 'SELECT true') if $err =~ /connection to server/;
	diag $err if $err;
	return;
}

my @internal;
my ($tried, $refused) = (0, 0);
my $turn = 0;
for my $place (sort keys %where)
{
	for my $what (@what)
	{
		# the date again, with some rows changed, and with none; a new date: by turns
		for my $date ((qw(2024-06-30 2024-06-29 2024-07-01))[ $turn++ % 3 ])
		{
			prepare($place);
			my ($out, $err) = as('eve', q{UPDATE eve.scores SET recency_days = 0 WHERE run_date = '2024-06-30' AND r_score % 2 = 0; DELETE FROM eve.scores WHERE run_date = '2024-06-30' AND r_score = 5;}
				  . 'SET eve.what = ' . "'" . ($what =~ s/'/''/gr) . "'; SELECT rfm_refresh('$date', 'eve')");
			$tried++;
			$refused++ if $err;
			push @internal, "$place, $date, $what: $err" if $err =~ /ERROR:  (XX|57P|58)/ || $err =~ /server closed/;
			($out, $err) = as('eve', "SELECT rfm_refresh('$date', 'eve')");
			push @internal, "$place, $date, after $what: $err" if $err =~ /ERROR:  (XX|57P|58)/ || $err =~ /server closed/;
		}
	}
}
is(join("\n", @internal), '', "$tried refreshes with code that changes their target: no internal error");
cmp_ok($refused, '>', $tried / 3, "$refused of them were refused");
lives('code within a refresh');


#
# Functions of analysis, called by others, over a target whose columns are code
#
my @analysis = (
	"SELECT count(*) FROM rfm_segment_summary(model => 'eve')", "SELECT count(*) FROM rfm_segment_summary(model => 'eve', by => 'comment')", "SELECT count(*) FROM rfm_export(model => 'eve')",
	"SELECT length(rfm_report(model => 'eve'))", "SELECT count(*) FROM rfm_movers(model => 'eve')", "SELECT count(*) FROM rfm_migration(model => 'eve')", "SELECT count(*) FROM rfm_grid(model => 'eve')",
	"SELECT count(*) FROM rfm_trend('eve')", "SELECT count(*) FROM rfm_changes(model => 'eve')", "SELECT count(*) FROM rfm_period(model => 'eve')", "SELECT count(*) FROM rfm_ties(model => 'eve')", "SELECT count(*) FROM rfm_outcome(model => 'eve')", "SELECT count(*) FROM rfm_export(model => 'eve', holdout => 0.5, campaign => 'x')", "SELECT count(*) FROM rfm_outcome(model => 'eve', campaign => 'x')", "SELECT count(*) FROM rfm_customer('3', 'eve')", "SELECT count(*) FROM rfm_customer(3, 'eve')", "SELECT rfm_latest_view('eve')");
as('eve', q{
CREATE FUNCTION eve.spy() RETURNS bool LANGUAGE plpgsql AS $$ BEGIN RAISE LOG 'seen: by %', current_user; RETURN true; END $$;
CREATE TYPE eve.box AS (a text);
CREATE FUNCTION eve.open(eve.box) RETURNS text LANGUAGE plpgsql AS $$ BEGIN PERFORM eve.spy(); RETURN ($1).a; END $$;
CREATE FUNCTION eve.number(eve.box) RETURNS int LANGUAGE plpgsql AS $$ BEGIN PERFORM eve.spy(); RETURN ($1).a; END $$;
CREATE FUNCTION eve.big(eve.box) RETURNS numeric LANGUAGE plpgsql AS $$ BEGIN PERFORM eve.spy(); RETURN ($1).a; END $$;
CREATE FUNCTION eve.shut(text) RETURNS eve.box LANGUAGE sql AS $$ SELECT ROW($1)::eve.box $$;
CREATE CAST (eve.box AS text) WITH FUNCTION eve.open(eve.box); CREATE CAST (eve.box AS int) WITH FUNCTION eve.number(eve.box);
CREATE CAST (eve.box AS numeric) WITH FUNCTION eve.big(eve.box); CREATE CAST (text AS eve.box) WITH FUNCTION eve.shut(text);
CREATE DOMAIN eve.watched AS text CHECK (eve.spy());
CREATE TYPE eve.holder AS (a eve.watched);
});
my %columns = (
	composite => 'ALTER TABLE eve.scores ALTER rfm_segment TYPE eve.box USING ROW(rfm_segment)::eve.box',
	number => 'ALTER TABLE eve.scores ALTER r_score TYPE eve.box USING ROW(r_score)::eve.box',
	money => 'ALTER TABLE eve.scores ALTER monetary_value TYPE eve.box USING ROW(monetary_value)::eve.box',
	enum => 'CREATE FUNCTION eve.named(eve.segment) RETURNS text LANGUAGE plpgsql AS $$ BEGIN PERFORM eve.spy(); RETURN $1; END $$; CREATE CAST (eve.segment AS text) WITH FUNCTION eve.named(eve.segment); ALTER TABLE eve.scores ALTER rfm_segment TYPE eve.segment USING NULL',
	customer => 'ALTER TABLE eve.scores ALTER customer_id TYPE eve.box USING ROW(customer_id)::eve.box',
	holder => 'ALTER TABLE eve.scores ALTER customer_id TYPE eve.holder USING ROW(customer_id::text)::eve.holder',
	domains => 'ALTER TABLE eve.scores ALTER customer_id TYPE eve.watched[] USING ARRAY[customer_id::text]::eve.watched[]',
	swapped => q{CREATE TABLE eve.other AS TABLE eve.scores; TRUNCATE eve.scores; VACUUM eve.scores; CREATE RULE "_RETURN" AS ON SELECT TO eve.scores DO INSTEAD SELECT * FROM eve.other WHERE eve.spy()});
for my $column (sort keys %columns)
{
	clear();
	my ($out, $err) = as('eve', "SET rfm.latest_view = off; SELECT rfm_create_model('eve', 'eve.orders', 'eve.scores'); SELECT rfm_refresh('2024-06-29', 'eve'), rfm_refresh('2024-06-30', 'eve'); GRANT SELECT ON eve.scores TO PUBLIC");
	is($err, '', "$column: a model");
	($out, $err) = as('eve', "ALTER TABLE eve.scores DROP CONSTRAINT scores_pkey CASCADE, ALTER customer_id DROP NOT NULL; $columns{$column}; GRANT SELECT ON eve.scores TO PUBLIC");
	# 16 turns no table into a view
	like($err, $column eq 'swapped' ? qr/^$|ERROR:  (42809|0A000)/ : qr/^$/, "$column: made to be code");
	seen();
	my @bad;
	for my $call (@analysis)
	{
		for my $role ('postgres', 'analyst', 'alice')
		{
			($out, $err) = as($role, $call);
			push @bad, "$role: $call: $err" if $err =~ /ERROR:  (XX|57P|58)/ || $err =~ /server closed/;
		}
	}
	is(join("\n", @bad), '', "$column: no internal error");
	is(seen(), '', "$column: code of the target's owner has not run as who analyses it");
	lives($column);
}
# what is harmless works: an enum, a domain, for anyone
clear();
as('eve', q{SET rfm.latest_view = off; SELECT rfm_create_model('eve', 'eve.orders', 'eve.scores'); SELECT rfm_refresh('2024-06-29', 'eve'), rfm_refresh('2024-06-30', 'eve');
ALTER TABLE eve.scores ALTER rfm_segment TYPE eve.segment USING rfm_segment::eve.segment, ALTER r_score TYPE eve.score, ALTER comments TYPE eve.watched; GRANT SELECT ON eve.scores TO PUBLIC});
seen();
for my $call (@analysis[ 0 .. 9 ])
{
	my ($out, $err) = as('analyst', $call);
	is($err, '', "enum and domains: $call");
}
is(seen(), '', 'and no check of a domain has run');

#
# A model of the same name as one that was dropped
#
as('eve', q{SET rfm.latest_view = off; SELECT rfm_drop_model('eve'); SELECT rfm_create_model('weekly', 'eve.orders', 'eve.weekly'); SELECT rfm_refresh('2024-06-10', 'weekly'); SELECT rfm_drop_model('weekly')});
as('alice', q{SET rfm.latest_view = off; CREATE TABLE alice.orders (customer_id int, created_at timestamptz, total numeric); INSERT INTO alice.orders SELECT i % 7, '2024-06-01', i FROM generate_series(1, 50) i;
SELECT rfm_create_model('weekly', 'alice.orders', 'alice.weekly')});
gives('alice', q{SELECT last_snapshot IS NULL, days_behind IS NULL FROM rfm_jobs}, 't|t', 'the jobs of a new model know nothing of an old one');
gives('alice', q{SELECT count(*) FROM rfm_cut_points(NULL, 'weekly')}, '0', 'it has no cut points');
held('alice', q{SELECT * FROM rfm_score_now(3, 'weekly')}, qr/ERROR:  55000: model "weekly" has no snapshot yet/, 'nor scores by them');
gives('alice', q{SET rfm.catch_up_limit = 40; CALL rfm_catch_up('weekly'); SELECT count(*) FROM rfm_run}, '1', 'and catches up with today alone');

#
# Rows of the log for models of others, by the owner of the database
#
$node->safe_psql('postgres', 'CREATE ROLE dbo LOGIN; ALTER DATABASE postgres OWNER TO dbo');
my $row = sub { my ($id, $model) = @_; return qq{INSERT INTO rfm_run (model_id, model, owner, run_date, customers, orders, inserted, updated, deleted, unchanged, expired, cut_points, phases, started_at, finished_at, run_by, version)
VALUES ($id, '$model', 'dbo', '2030-01-01', 0, 0, 0, 0, 0, 0, 0, '{}', '{}', now(), now(), 'x', 'x')} };
my $weekly = $node->safe_psql('postgres', q{SELECT model_id FROM rfm_model WHERE model = 'weekly'});
held('dbo', $row->($weekly, 'weekly'), qr/ERROR:  42501: new row violates row-level security policy/, 'a log row for a model of another');
held('dbo', $row->(999, 'weekly'), qr/ERROR:  42501/, 'a log row for no model');
gives('alice', 'SELECT count(*) FROM rfm_run', '1', 'the log is as it was');
held('dbo', "INSERT INTO rfm_model (model, source, target, owner) VALUES ('fake', 'alice.orders', 'alice.weekly', 'alice')", qr/ERROR:  42501/, 'a model for another');

#
# Locks
#
sub blocks
{
	my ($name, $holder, $lock, $role, $sql) = @_;
	my $session = $node->background_psql('postgres', on_error_stop => 0, extra_params => [ '-U', $holder ]);
	$session->query("BEGIN; $lock");
	my ($out, $err) = as($role, "SET statement_timeout = '20s'; SET lock_timeout = '5s'; $sql");
	is($err, '', "$name: nobody waits");
	$session->quit;
	return;
}

# PostgreSQL's test library has such sessions from 16 on
SKIP:
{
	skip 'no background_psql', 1 if !$node->can('background_psql') || !eval { require PostgreSQL::Test::BackgroundPsql; 1 };
	my $refresh = q{SELECT rfm_refresh('2024-06-30', 'weekly'); UPDATE rfm_model SET keep_stale = false WHERE model = 'weekly'};
	blocks('LOCK TABLE', 'mallory', "LOCK TABLE $_ IN ACCESS EXCLUSIVE MODE", 'alice', $refresh) for qw(rfm_model rfm_run rfm_ruleset rfm_segment_rule);
}
for my $table (qw(rfm_model rfm_run rfm_ruleset rfm_segment_rule))
{
	for my $mode ('SHARE', 'SHARE ROW EXCLUSIVE', 'EXCLUSIVE', 'ACCESS EXCLUSIVE')
	{
		held('mallory', "BEGIN; LOCK TABLE $table IN $mode MODE NOWAIT", qr/ERROR:  42501/, "LOCK TABLE $table IN $mode MODE");
	}
}
gives('mallory', 'SELECT count(*) FROM (SELECT FROM rfm_model FOR UPDATE) AS x', '0', 'no row of a model of others can be locked');
gives('mallory', 'SELECT count(*) FROM (SELECT FROM rfm_ruleset FOR UPDATE) AS x', '0', 'nor of a rule set that all use');
gives('mallory', q{SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'}, '0', 'nothing goes by advisory locks');
held('mallory', "SELECT rfm_refresh('2024-06-30', 'weekly')", qr/ERROR:  42501: permission denied for model/, 'rights come before locks');
$node->safe_psql('postgres', q{SELECT pg_advisory_lock(i, j) FROM (VALUES ('rfm_segment_rule'::regclass::oid::int), ('rfm_model'::regclass::oid::int)) AS c(i), (VALUES (hashtext('sum5')), (hashtext('weekly'))) AS h(j)});

#
# Functions beside the extension's own, and one's own trigger of its name
#
$node->safe_psql('postgres', q{GRANT CREATE ON SCHEMA public TO mallory});
as('mallory', q{CREATE FUNCTION public.spy() RETURNS bool LANGUAGE plpgsql AS $$ BEGIN RAISE LOG 'seen: by %', current_user; RETURN true; END $$;
CREATE FUNCTION public.rfm_report_number(int8) RETURNS text LANGUAGE sql AS 'SELECT spy()::text'; CREATE FUNCTION public.rfm_latest_view_of(regclass) RETURNS regclass LANGUAGE sql AS 'SELECT NULL::regclass WHERE spy()';
CREATE FUNCTION public.report_number(int8) RETURNS text LANGUAGE sql AS 'SELECT spy()::text'; CREATE FUNCTION public.rfm_segment_coverage(text, int8[]) RETURNS text LANGUAGE sql AS 'SELECT spy()::text';
CREATE FUNCTION public.rfm_unschedule(name) RETURNS bool LANGUAGE sql AS 'SELECT spy()'; CREATE FUNCTION public.rfm_latest_view(name) RETURNS regclass LANGUAGE sql AS 'SELECT NULL::regclass WHERE spy()';
CREATE FUNCTION public.rfm_quantiles(int8, int4) RETURNS numeric[] LANGUAGE sql AS 'SELECT NULL::numeric[] WHERE spy()'; CREATE FUNCTION public.rfm_score_now(text, name) RETURNS SETOF text LANGUAGE sql AS 'SELECT spy()::text';
CREATE FUNCTION public.rfm_customer(text, name) RETURNS SETOF text LANGUAGE sql AS 'SELECT spy()::text'});
my ($said, $wrong) = as('mallory', 'CREATE FUNCTION rfm_internal.report_number(int8) RETURNS text LANGUAGE sql AS $$ SELECT 1::text $$');
like($wrong, qr/ERROR:  42501: permission denied for schema rfm_internal/, 'nobody puts anything into the schema of internal objects');
seen();
for my $call ("SELECT length(rfm_report(model => 'weekly'::text))", "SELECT count(*) FROM rfm_segment_summary(model => 'weekly'::text)", "SELECT rfm_refresh('2024-06-30'::date, 'weekly'::text)",
	"SELECT count(*) FROM rfm_customer(3, 'weekly'::text)", "SELECT count(*) FROM rfm_score_now(3, 'weekly'::text)", "SELECT rfm_latest_view('weekly'::text)", "UPDATE rfm_model SET keep_stale = true WHERE model = 'weekly'")
{
	my ($out, $err) = as('alice', $call);
	is($err, '', "functions that fit better: $call");
}
is(seen(), '', 'none of them has run');

#
# Views and jobs that look like a model's
#
as('alice', q{DROP VIEW alice.weekly_latest; GRANT USAGE ON SCHEMA alice TO eve; GRANT SELECT ON alice.weekly TO eve});
my $comment = $node->safe_psql('postgres', 'SELECT rfm_internal.latest_view_comment()');
as('eve', "CREATE VIEW eve.fake AS SELECT * FROM alice.weekly; COMMENT ON VIEW eve.fake IS '$comment'; GRANT SELECT ON eve.fake TO PUBLIC");
gives('alice', "SELECT rfm_latest_view('weekly')", 'weekly_latest', 'a view of another with the comment of ours is none of ours');
gives('eve', "SELECT count(*) FROM pg_views WHERE viewname = 'fake'", '1', 'it is left alone');
SKIP:
{
	skip 'pg_cron is not installed', 1 if !$cron;
	as('eve', q{SELECT cron.schedule('rfm: weekly', '0 0 * * *', 'SELECT 1')});
	gives('alice', 'SELECT job_id IS NULL, runs_as IS NULL FROM rfm_jobs', 't|t', 'a job of another with the name of the model\'s is not shown as its');
}
as('alice', "SELECT rfm_drop_model('weekly', true)");
lives('all of it');

#
# A table in the place of the target of the default model, before there is one
#
$node->safe_psql('postgres', 'CREATE SCHEMA ecom; GRANT USAGE, CREATE ON SCHEMA ecom TO eve, alice');
as('alice', q{CREATE TABLE ecom.orders (order_id int, customer_id int, created_at timestamptz, total numeric, status text);
INSERT INTO ecom.orders SELECT i, i % 10, '2024-06-01', i, 'paid' FROM generate_series(1, 100) i});
as('eve', q{CREATE TYPE eve.some_day AS (day date);
CREATE FUNCTION eve.to_date(eve.some_day) RETURNS date LANGUAGE plpgsql AS $$ BEGIN RAISE LOG 'seen: by %', current_user; RETURN ($1).day; END $$;
CREATE CAST (eve.some_day AS date) WITH FUNCTION eve.to_date(eve.some_day) AS IMPLICIT;
CREATE TABLE ecom.customer_rfm_daily (run_date eve.some_day, customer_id int, recency_days int, frequency_orders int, monetary_value numeric, r_score int, f_score int, m_score int,
                                      rfm_segment text, PRIMARY KEY (run_date, customer_id));
INSERT INTO ecom.customer_rfm_daily VALUES (ROW(date '2024-01-01'), 1, 1, 1, 1, 1, 1, 1, 'odd');
GRANT ALL ON ecom.customer_rfm_daily TO PUBLIC});
seen();
my $strange = qr/ERROR:  42804: column run_date of target "customer_rfm_daily" is of type eve\.some_day/;
held('alice', q{SELECT rfm_refresh('2024-06-30')}, $strange, 'a strange table in the place of the default target');
$node->safe_psql('postgres', 'ALTER TABLE ecom.orders OWNER TO postgres');
held('postgres', q{SELECT rfm_refresh('2024-06-30')}, $strange, 'the same, of a superuser');
is(seen(), '', 'none of its code has run');
$node->safe_psql('postgres', 'DROP SCHEMA ecom CASCADE');

#
# What somebody has prepared
#
$node->safe_psql('postgres', 'DROP EXTENSION rfm CASCADE');
held('postgres', 'CREATE EXTENSION rfm', qr/ERROR:  42723: there are functions already under names of the extension rfm/, 'functions that were there before');
$node->safe_psql('postgres', 'CREATE DATABASE prepared; GRANT CREATE ON DATABASE prepared TO mallory');
$node->safe_psql('prepared', 'CREATE SCHEMA rfm_internal', extra_params => [ '-U', 'mallory' ]);
my ($rc, $o, $e) = $node->psql('prepared', 'CREATE EXTENSION rfm');
like($e, qr/schema "rfm_internal" already exists/, 'a schema that was there before');

$node->stop;
done_testing();
