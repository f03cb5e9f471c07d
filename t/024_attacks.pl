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
CREATE TYPE eve.segment AS ENUM ('Loyal Customers', 'Potential Loyalists', 'Promising Customers', 'At Risk', 'Hibernating', 'Others');
CREATE FUNCTION eve.to_segment(text) RETURNS eve.segment LANGUAGE plpgsql AS $$ BEGIN PERFORM eve.act(); RETURN enum_first(NULL::eve.segment); END $$;
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

# Makes model and target anew
sub prepare
{
	my ($place) = @_;
	my $partition = $place eq 'partition';
	as('eve', "DROP TABLE IF EXISTS eve.scores, eve.other CASCADE; DROP CAST IF EXISTS (text AS eve.segment); DROP FUNCTION IF EXISTS eve.trigger CASCADE; DROP FUNCTION IF EXISTS eve.indexed CASCADE;
SELECT rfm_drop_model(model) FROM rfm_model");
	my ($out, $err) = as('eve', "SET rfm.latest_view = off; SELECT rfm_create_model('eve', 'eve.orders', 'eve.scores'" . ($partition ? ", partition_by => 'month'" : '') . ');'
		  . ($partition ? $where{constant} : $where{$place}) . "; SELECT rfm_refresh('2024-06-29', 'eve'), rfm_refresh('2024-06-30', 'eve')");
	$node->poll_query_until('postgres', 'SELECT true') if $err =~ /connection to server/;
	diag $err if $err;
	return;
}

my @internal;
my ($tried, $refused) = (0, 0);
for my $place (sort keys %where)
{
	for my $what (@what)
	{
		# the date again, with some rows changed, and with none; a new date
		for my $date ('2024-06-30', '2024-06-29', '2024-07-01')
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

$node->stop;
done_testing();
