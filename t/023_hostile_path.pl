# Hygiene of the script, and of every function it makes: the text names nothing
# without its schema, and with a search_path that leads to traps, operators and
# functions of the server's names and types, everything works and no trap is
# stepped into; nor into functions beside the extension's own that take fewer
# arguments.
use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $date = '2024-06-30';
my $node = PostgreSQL::Test::Cluster->new('hostile_path');
$node->init;
$node->append_conf('postgresql.conf', 'autovacuum = off');
$node->start;

#
# The script as it stands
#
my ($sharedir) = run_command([ 'pg_config', '--sharedir' ]);
my ($version) = slurp_file("$sharedir/extension/rfm.control") =~ /^default_version = '(.*)'/m;

sub findings
{
	my ($text) = @_;
	my @found;
	$text =~ s/^(\s*--[^\n]*\n|\\echo[^\n]*\n|\s*\n)*//;
	push @found, 'no path' unless $text =~ s/^SET LOCAL search_path = pg_catalog, pg_temp;\n//;
	push @found, 'another path' if $text =~ /^\s*(SET|SELECT\s+set_config)\b.*search_path(?!\s*=\s*pg_catalog, pg_temp$)/im;
	push @found, $1 while $text =~ /^(CREATE OR REPLACE|CREATE \w+ IF NOT EXISTS)/mg;
	push @found, $1 while $text =~ /^(CREATE (?:FUNCTION|PROCEDURE|AGGREGATE|TYPE|VIEW|TABLE|SEQUENCE) (?!(?:\@extschema\@|rfm_internal)\.)\S+)/mg;
	return join(', ', @found);
}

my $script = slurp_file("$sharedir/extension/rfm--$version.sql");
is(findings($script), '', 'the script fixes its path before anything else, and makes nothing where that leads');
my $path = "SET LOCAL search_path = pg_catalog, pg_temp;\n";
for my $bad ('CREATE TABLE @extschema@.t ();', "SET search_path = public;\n$path", $path . 'CREATE OR REPLACE FUNCTION @extschema@.f()', $path . 'CREATE TABLE t ()',
	$path . $path . "SET search_path = x;")
{
	isnt(findings($bad), '', "which would be found: $bad");
}

#
# Traps
#
$node->safe_psql('postgres', 'CREATE ROLE dbo LOGIN; CREATE DATABASE shop OWNER dbo TEMPLATE template0');
$node->safe_psql('shop', q{
SET ROLE dbo;
CREATE SCHEMA trap;
CREATE EXTENSION rfm SCHEMA trap;
RESET ROLE;
DO $traps$
DECLARE
    f record;
    n int := 0;
    body CONSTANT text := ' LANGUAGE plpgsql COST 0.0001 AS $$ BEGIN RAISE LOG ''stepped into %'', %L; RAISE EXCEPTION ''a trap''; END $$';
BEGIN
    -- every operator and function that the script's bodies could mean
    FOR f IN SELECT o.oprname, o.oprleft::regtype AS l, o.oprright::regtype AS r, o.oprresult::regtype AS result FROM pg_operator o
             WHERE oprnamespace = 'pg_catalog'::regnamespace AND oprleft <> 0
               AND ARRAY[oprleft, oprright] <@ ARRAY['text', 'int4', 'int8', 'int2', 'numeric', 'float8', 'date', 'timestamptz', 'timestamp', 'interval', 'name', 'oid',
                                                    'bool', 'jsonb', '"char"', 'int4range', 'text[]', 'anyarray', 'anyelement', 'anynonarray', 'anyrange']::regtype[]::oid[] LOOP
        n := n + 1;
        BEGIN
            EXECUTE format('CREATE FUNCTION trap.operator_%s(%s, %s) RETURNS %s', n, f.l, f.r, f.result) || replace(replace(body, '%L', quote_literal(f.oprname)), 'into %', 'into operator %');
            EXECUTE format('CREATE OPERATOR trap.%s (FUNCTION = trap.operator_%s, LEFTARG = %s, RIGHTARG = %s)', f.oprname, n, f.l, f.r);
        EXCEPTION WHEN syntax_error OR invalid_function_definition OR reserved_name THEN NULL;
        END;
    END LOOP;
    FOR f IN SELECT p.proname, pg_get_function_identity_arguments(p.oid) AS args, p.prorettype::regtype AS result, p.proretset FROM pg_proc p
             WHERE pronamespace = 'pg_catalog'::regnamespace AND prokind = 'f'
               AND proname IN (SELECT DISTINCT m[1] FROM pg_proc b, regexp_matches(b.prosrc, '(\w+)\(', 'g') AS m WHERE b.pronamespace IN ('trap'::regnamespace, 'rfm_internal'::regnamespace)) LOOP
        BEGIN
            EXECUTE format('CREATE FUNCTION trap.%I(%s) RETURNS %s %s', f.proname, f.args, CASE WHEN f.proretset THEN 'SETOF' END, f.result) || replace(body, '%L', quote_literal(f.proname));
        EXCEPTION WHEN OTHERS THEN NULL;
        END;
    END LOOP;
    CREATE FUNCTION trap.format(text, text) RETURNS text LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'a trap'; END $$;
    CREATE FUNCTION trap.format(text, text, text) RETURNS text LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'a trap'; END $$;
    CREATE FUNCTION trap.concat(text, text) RETURNS text LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'a trap'; END $$;
    -- the extension's own functions, without the arguments that have a default
    FOR f IN SELECT p.proname, k.k, (SELECT string_agg(t::regtype::text, ', ' ORDER BY i) FROM unnest(p.proargtypes) WITH ORDINALITY AS a(t, i) WHERE i <= p.pronargs - k.k) AS args
               FROM pg_proc p, generate_series(1, p.pronargdefaults) AS k(k)
              WHERE p.pronamespace = 'trap'::regnamespace AND p.proname LIKE 'rfm\_%' AND p.prokind = 'f'
                AND NOT 'anyelement'::regtype = ANY (p.proargtypes) LOOP
        BEGIN
            EXECUTE format('CREATE FUNCTION trap.%I(%s) RETURNS void', f.proname, f.args) || replace(body, '%L', quote_literal('own ' || f.proname));
        EXCEPTION WHEN duplicate_function THEN NULL;
        END;
    END LOOP;
END $traps$;
});
cmp_ok($node->safe_psql('shop', q{SELECT count(*) FROM pg_operator WHERE oprnamespace = 'trap'::regnamespace}), '>', 200, 'operators to step into');
cmp_ok($node->safe_psql('shop', q{SELECT count(*) FROM pg_proc WHERE pronamespace = 'trap'::regnamespace AND proname NOT LIKE 'rfm%' AND proname NOT LIKE 'operator%'}), '>', 100, 'functions to step into');
cmp_ok($node->safe_psql('shop', q{SELECT count(*) FROM pg_proc WHERE pronamespace = 'trap'::regnamespace AND prosrc LIKE '%own rfm%'}), '>', 30, 'and some of the names of its own');

$node->safe_psql('shop', q{
CREATE SCHEMA ecom AUTHORIZATION dbo;
CREATE TABLE ecom.orders (order_id int PRIMARY KEY, customer_id int, created_at timestamptz, total numeric(12,2), status text);
INSERT INTO ecom.orders SELECT i, i % 97, timestamptz '2024-06-30 12:00+00' - i * interval '5 hours', 10 + i % 89, 'paid' FROM generate_series(1, 500) i;
ALTER TABLE ecom.orders OWNER TO dbo;
ALTER DATABASE shop SET search_path = trap, pg_catalog});

# Runs SQL of a user whose path leads to the traps; the calls give all arguments, with their types
sub run
{
	my ($sql, $what) = @_;
	my ($rc, $out, $err) = $node->psql('shop', "SET client_min_messages = error; $sql", extra_params => [ '-U', 'dbo' ], on_error_stop => 1);
	is($err, '', "works: " . ($what // $sql));
	return $out;
}

my ($rc, $out, $err) = $node->psql('shop', 'SELECT 1 + 1', extra_params => [ '-U', 'dbo' ]);
like($err, qr/a trap/, 'a trap is one');
is(run("SELECT rfm_refresh('2024-06-01'::date, 'default'::text)"), 97, 'refresh');
is(run("SELECT rfm_refresh('$date'::date, 'default'::text)"), 97, 'refresh');
run("SELECT rfm_copy_ruleset('traits5'::text, 'mine'::text)");
run(q{UPDATE rfm_segment_rule SET label = 'X' WHERE (ruleset OPERATOR(pg_catalog.=) 'mine')});
run(q{SELECT rfm_create_model('m'::text, 'ecom.orders'::regclass, 'ecom.m'::text, 'customer_id'::text, 'created_at'::text, 'total'::text, 'order_id'::text, 'total > 0'::text, 'sum'::text,
 'total > 1 AND lower(status) = ''paid'''::text, NULL::text, 'rank'::text, '{5}'::int[], NULL::numeric[], NULL::numeric[], NULL::numeric[], '90 days'::interval, 'UTC'::text,
 'today'::text, 'day'::text, '1 day'::interval, NULL::numeric, 'mine'::text, 'traits5'::text, NULL::jsonb, false, '{9,3,1}'::int[], '2 years'::interval, NULL::text, false)}, 'rfm_create_model');
run(q{UPDATE rfm_model SET amount = 'total + 0' WHERE (model OPERATOR(pg_catalog.=) 'm')});
run("CALL rfm_backfill('2024-06-27'::date, '2024-06-29'::date, 'm'::text)");
run("SET rfm.catch_up_limit = 1; SET client_min_messages = error; CALL rfm_catch_up('m'::text)");
for my $call (
	"rfm_preview('$date'::date, 'm'::text, NULL::text)", "rfm_cut_points('$date'::date, 'default'::text, NULL::text)", "rfm_segment_coverage('mine'::text)",
	"rfm_segment_summary('$date'::date, 'default'::text, 'segment'::text, NULL::text)",
	"rfm_segment_summary('$date'::date, 'default'::text, 'comment'::text, NULL::text)",
	"rfm_segment_guide('default'::text, 'segment'::text, NULL::text)",
	"rfm_migration('2024-06-01'::date, '$date'::date, 'default'::text, 'comment'::text, NULL::text, NULL::text)", "rfm_migration(NULL::date, '$date'::date, 'default'::text, 'comment'::text, '1 week'::text, NULL::text)",
	"rfm_changes(NULL::date, '$date'::date, 'default'::text, 'segment'::text, 'At Risk'::text, '2024-06-20'::text, NULL::text)", "rfm_label('mine'::text, 1, 2, 3)", "rfm_ties('$date'::date, 'default'::text, NULL::text)",
	"rfm_period(NULL::date, '$date'::date, 'default'::text, '1 week'::text, NULL::text)", "rfm_outcome(NULL::date, '$date'::date, 'default'::text, 'comment'::text, NULL::text, NULL::text, NULL::text)",
	"rfm_export('2024-06-01'::date, 'default'::text, NULL::text, 'segment'::text, NULL::text, 0.5, 'spring'::text)", "rfm_outcome(NULL::date, '$date'::date, 'default'::text, 'segment'::text, 'spring'::text, NULL::text, NULL::text)",
	"rfm_period(NULL::date, '2024-06-29'::date, 'm'::text, NULL::text, NULL::text)", "rfm_drop_campaign('spring'::text, 'default'::text)", "rfm_movers('2024-06-01'::date, '$date'::date, 'default'::text, 'down'::text, 5, 'segment'::text, NULL::text, NULL::text)",
	"rfm_grid('$date'::date, 'default'::text, 'r'::text, 'f'::text, 'customers'::text, NULL::text)", "rfm_trend('default'::text, NULL::date, NULL::date, 'comment'::text, NULL::text)",
	"rfm_customer('5'::text, 'default'::text, NULL::text)", "rfm_score_now('5'::text, 'default'::text, NULL::text)", "rfm_customer(5, 'default'::text, NULL::text)", "rfm_score_now(5, 'default'::text, NULL::text)",
	"rfm_export('$date'::date, 'default'::text, 'At Risk'::text, 'segment'::text, NULL::text, NULL::numeric, NULL::text)", "rfm_latest_view('m'::text)", "rfm_internal.ensure_model('m'::text)",
	"rfm_report('$date'::date, 'default'::text, NULL::text, 'segment'::text, NULL::text, NULL::text, NULL::text, NULL::text)", 'rfm_jobs', 'rfm_model', 'rfm_run', 'rfm_ruleset', 'rfm_segment_rule',
	"rfm_bucket(2.5::numeric, '{1,2,3}'::numeric[])", "rfm_internal.next_run('0 2 * * *'::text, 'UTC'::text, '2024-06-30 00:00+00'::timestamptz)", "rfm_internal.job_name('x'::text)",
	"(SELECT rfm_quintiles(total), rfm_quantiles(total, 3) FROM ecom.orders) AS q")
{
	run("SELECT * FROM $call");
}
($rc, $out, $err) = $node->psql('shop', "SELECT rfm_schedule('0 2 * * *'::text, 'm'::text)", extra_params => [ '-U', 'dbo' ]);
like($err, qr/pg_cron is not available/, 'schedule');
($rc, $out, $err) = $node->psql('shop', "SELECT rfm_unschedule('m'::text)", extra_params => [ '-U', 'dbo' ]);
like($err, qr/pg_cron is not available/, 'unschedule');
run("SELECT rfm_drop_model('m'::text, true)");
run("INSERT INTO rfm_ruleset (ruleset, buckets) VALUES ('another'::text, '{4,4,4}'::int[])");
run("INSERT INTO rfm_segment_rule (ruleset, priority, label, r) VALUES ('another'::text, 1, 'x'::text, '[4,)'::int4range)");
run("UPDATE rfm_ruleset SET description = 'x' WHERE (ruleset OPERATOR(pg_catalog.=) 'another')");
run("SELECT rfm_drop_rule('another'::text, 1)");
run("SELECT rfm_drop_ruleset('another'::text), rfm_drop_ruleset('mine'::text)");

# every function that is there for users
is( $node->safe_psql('shop', q{SET search_path = pg_catalog; SELECT count(*) FROM pg_proc p JOIN pg_depend d ON d.objid = p.oid AND d.deptype = 'e' JOIN pg_extension e ON e.oid = d.refobjid AND e.extname = 'rfm'
 JOIN pg_language l ON l.oid = p.prolang WHERE l.lanname <> 'c' AND l.lanname <> 'internal' AND p.prosqlbody IS NULL AND NOT 'search_path=pg_catalog, pg_temp' = ANY (coalesce(p.proconfig, '{}'))}),
	0, 'every function in SQL and PL/pgSQL has its path fixed');
is( $node->safe_psql('shop', q{SET search_path = pg_catalog; SELECT string_agg(proname, ',') FROM pg_proc WHERE prosecdef AND proname LIKE 'rfm%' AND prosqlbody IS NULL}),
	'', 'and none that runs as its owner has its body as text');
run('DROP EXTENSION rfm CASCADE', 'DROP EXTENSION rfm');

my %stepped = map { $_ => 1 } slurp_file($node->logfile) =~ /LOG:  stepped into (.*)/g;
is(join(', ', sort grep { $_ ne 'operator +' } keys %stepped), '', 'nobody has stepped into a trap but on purpose');

$node->stop;
done_testing();
