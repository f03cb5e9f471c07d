# Upgrades: every chain of scripts from the oldest version leads to what a fresh
# install of the newest gives, and models, rules, log, scores and jobs survive
# it.  With one version only there is no chain: made-up next versions, in the
# private installation of this test, show that it would be followed, and that a
# difference would be seen.
use strict;
use warnings;

use File::Copy qw(copy);
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my ($sharedir) = run_command([ 'pg_config', '--sharedir' ]);
my $dir = "$sharedir/extension";
plan skip_all => "no right to add made-up versions to $dir" unless -w $dir && -w "$dir/rfm.control";

my $node = PostgreSQL::Test::Cluster->new('upgrade');
$node->init;
my $cron = -e "$dir/pg_cron.control";
$node->append_conf('postgresql.conf', 'autovacuum = off');
$node->append_conf('postgresql.conf', "shared_preload_libraries = 'pg_cron'\ncron.database_name = 'oldest'") if $cron;
$node->start;

# What an installation is made of, line by line, without numbers that differ
my $catalog = q{
SET search_path = pg_catalog;
WITH member AS (
    SELECT d.classid, d.objid FROM pg_depend d JOIN pg_extension e ON e.oid = d.refobjid
     WHERE d.refclassid = 'pg_extension'::regclass AND d.deptype = 'e' AND e.extname = 'rfm'),
table_of AS (SELECT c.* FROM pg_class c JOIN member m ON m.classid = 'pg_class'::regclass AND m.objid = c.oid)
SELECT line FROM (
    SELECT 'object', pg_describe_object(classid, objid, 0), obj_description(objid, (SELECT relname FROM pg_class WHERE oid = classid)) FROM member
    UNION ALL
    SELECT 'function', p.oid::regprocedure::text,
           CASE WHEN p.prokind = 'a' THEN (SELECT to_jsonb(a)::text FROM (SELECT aggtransfn, aggfinalfn, aggcombinefn, aggserialfn, aggdeserialfn,
                                              aggfinalmodify, aggtranstype::regtype, aggtransspace, agginitval, aggkind FROM pg_aggregate WHERE aggfnoid = p.oid) a)
                ELSE pg_get_functiondef(p.oid) END || coalesce(p.proacl::text, '')
      FROM pg_proc p JOIN member m ON m.classid = 'pg_proc'::regclass AND m.objid = p.oid
    UNION ALL
    SELECT 'relation', c.oid::regclass::text,
           concat_ws(' ', c.relkind, c.relpersistence, c.relrowsecurity, c.relforcerowsecurity, c.reloptions, c.relacl, pg_get_viewdef(c.oid))
      FROM table_of c
    UNION ALL
    SELECT 'column', concat(a.attrelid::regclass, '.', a.attname),
           concat_ws(' ', rank() OVER (PARTITION BY a.attrelid ORDER BY a.attnum), format_type(a.atttypid, a.atttypmod), a.attnotnull,
                     a.attidentity, a.attgenerated, a.attacl, pg_get_expr(f.adbin, f.adrelid), col_description(a.attrelid, a.attnum))
      FROM pg_attribute a JOIN table_of c ON c.oid = a.attrelid LEFT JOIN pg_attrdef f ON f.adrelid = a.attrelid AND f.adnum = a.attnum
     WHERE a.attnum > 0 AND NOT a.attisdropped
    UNION ALL
    SELECT 'index', i.indexrelid::regclass::text, pg_get_indexdef(i.indexrelid) FROM pg_index i JOIN table_of c ON c.oid = i.indrelid
    UNION ALL
    SELECT 'constraint', concat(k.conrelid::regclass, ' ', k.conname), pg_get_constraintdef(k.oid) FROM pg_constraint k JOIN table_of c ON c.oid = k.conrelid
     WHERE k.contype <> 'n'
    UNION ALL
    SELECT 'trigger', t.tgname, concat(pg_get_triggerdef(t.oid), ' ', t.tgenabled) FROM pg_trigger t JOIN table_of c ON c.oid = t.tgrelid WHERE NOT t.tgisinternal
    UNION ALL
    SELECT 'policy', concat(p.polrelid::regclass, ' ', p.polname),
           concat_ws(' ', p.polcmd, p.polpermissive, p.polroles::regrole[], pg_get_expr(p.polqual, p.polrelid), pg_get_expr(p.polwithcheck, p.polrelid))
      FROM pg_policy p JOIN table_of c ON c.oid = p.polrelid
    UNION ALL
    SELECT 'dumped', r.oid::regclass::text, c.condition
      FROM pg_extension e, unnest(e.extconfig, e.extcondition) AS c(oid, condition) JOIN pg_class r ON r.oid = c.oid WHERE e.extname = 'rfm'
    UNION ALL
    SELECT 'shipped rule', concat(s.ruleset, ' ', s.priority), (s.*)::text FROM public.rfm_segment_rule s WHERE rfm_internal.is_shipped(s.ruleset)
    UNION ALL
    SELECT 'shipped rule set', s.ruleset, (s.*)::text FROM public.rfm_ruleset s WHERE s.shipped
    UNION ALL
    SELECT 'extension', extversion, extrelocatable::text FROM pg_extension WHERE extname = 'rfm'
) AS l(kind, name, what), LATERAL concat_ws(' | ', kind, name, what) AS line
ORDER BY line COLLATE "C"};

sub catalog { return $node->safe_psql($_[0], $catalog) }

# What users have in it
my $data = q{
SELECT 'model', to_jsonb(m) FROM rfm_model m ORDER BY model;
SELECT 'set', to_jsonb(s) FROM rfm_ruleset s WHERE NOT shipped ORDER BY ruleset;
SELECT 'rule', to_jsonb(s) FROM rfm_segment_rule s WHERE NOT rfm_internal.is_shipped(ruleset) ORDER BY ruleset, priority;
SELECT 'run', to_jsonb(r) FROM rfm_run r ORDER BY run_id;
SELECT 'score', d FROM ecom.customer_rfm_daily d ORDER BY run_date, customer_id;
SELECT 'latest', pg_get_viewdef('ecom.customer_rfm_daily_latest');
};
my $jobs = "SELECT jobid, jobname, schedule, command, username, active FROM cron.job ORDER BY jobid";

sub fill
{
	my ($db, $version) = @_;
	$node->safe_psql('postgres', "CREATE DATABASE $db TEMPLATE template0");
	$node->safe_psql($db, qq{
CREATE EXTENSION rfm VERSION '$version';
CREATE SCHEMA ecom;
CREATE TABLE ecom.orders (order_id int PRIMARY KEY, customer_id int, created_at timestamptz, total numeric(12,2), status text);
INSERT INTO ecom.orders SELECT i, i % 97, timestamptz '2024-06-30 12:00+00' - i * interval '5 hours', 10 + i % 89, 'paid' FROM generate_series(1, 500) i;
SELECT rfm_refresh('2024-06-29'), rfm_refresh('2024-06-30');
SELECT rfm_copy_ruleset('traits5', 'mine');
UPDATE rfm_segment_rule SET label = upper(label) WHERE ruleset = 'mine';
SELECT rfm_create_model('second', 'ecom.orders', 'ecom.second', comment_rules => 'mine', method => 'rank', lookback => '90 days');
SELECT rfm_refresh('2024-06-30', 'second')});
	return $node->safe_psql($db, $data);
}

sub works
{
	my ($db, $what) = @_;
	is($node->safe_psql($db, q{SELECT rfm_refresh('2024-06-30'), rfm_refresh('2024-06-30', 'second')}), '97|97', "$what: a refresh");
	is($node->safe_psql($db, 'SELECT DISTINCT inserted + updated + deleted FROM (SELECT * FROM rfm_run ORDER BY run_id DESC LIMIT 2) r'), 0,
		"$what: finds the scores as they are");
}

#
# The versions there are
#
my @oldest = map { m/rfm--([^-]+)\.sql$/ } glob("$dir/rfm--*.sql");
my ($newest) = slurp_file("$dir/rfm.control") =~ /^default_version = '(.*)'/m;
my $from = $node->safe_psql('postgres', q{SELECT version FROM pg_available_extension_versions WHERE name = 'rfm'
 ORDER BY string_to_array(version, '.')::int[] LIMIT 1});
ok((grep { $_ eq $from } @oldest), "there is a whole script of the oldest version, $from");
$node->safe_psql('postgres', 'CREATE EXTENSION rfm');
my $fresh = catalog('postgres');
like($fresh, qr/^function \| public\.rfm_refresh/m, 'what is compared: functions') or diag $fresh;
like($fresh, qr/^column \| public\.rfm_model\.owner/m, 'columns');
like($fresh, qr/^policy \| public\.rfm_run rfm_run_owner/m, 'policies');
cmp_ok(scalar(() = $fresh =~ /^shipped rule/mg), '>', 30, 'shipped rules');

my $before = fill('oldest', $from);
if ($cron)
{
	$node->safe_psql('oldest', q{CREATE EXTENSION pg_cron; SELECT rfm_schedule('0 5 * * *'); SELECT rfm_schedule('0 6 * * *', 'second')});
}
my $jobs_before = $cron ? $node->safe_psql('oldest', $jobs) : '';
my $path = $node->safe_psql('postgres', "SELECT path FROM pg_extension_update_paths('rfm') WHERE source = '$from' AND target = '$newest'");
ok($from eq $newest || $path ne '', "scripts lead from $from to $newest");
my @steps = split /--/, $path;
shift @steps;
for my $version (@steps)
{
	$node->safe_psql('oldest', "ALTER EXTENSION rfm UPDATE TO '$version'");
	is($node->safe_psql('oldest', q{SELECT extversion FROM pg_extension WHERE extname = 'rfm'}), $version, "updated to $version");
}
is(catalog('oldest'), $fresh, "from $from to $newest in " . @steps . ' steps: the catalog is that of a fresh install');
is($node->safe_psql('oldest', $data), $before, 'models, rules, log and scores are as they were') unless $from ne $newest;
works('oldest', 'updated');

#
# Made-up versions
#
my $whole = slurp_file("$dir/rfm--$newest.sql");
my %made;

sub write_file
{
	my ($name, $text) = @_;
	$made{"$dir/$name"} = 1;
	open my $f, '>', "$dir/$name" or die "$name: $!";
	print $f $text;
	close $f;
}

END { unlink keys %made if %made }

my $function = q{
CREATE FUNCTION @extschema@.rfm_made_up() RETURNS pg_catalog.int4 LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog, pg_temp AS 'SELECT 42';
};
my $column = q{
ALTER TABLE @extschema@.rfm_run ADD COLUMN made_up pg_catalog.int4;
UPDATE @extschema@.rfm_model SET model = model;
};
my $rules = q{
ALTER TABLE @extschema@.rfm_ruleset DISABLE TRIGGER USER;
ALTER TABLE @extschema@.rfm_segment_rule DISABLE TRIGGER USER;
INSERT INTO @extschema@.rfm_ruleset (ruleset, shipped) VALUES ('made up', true);
INSERT INTO @extschema@.rfm_segment_rule (ruleset, priority, label) VALUES ('made up', 10, 'All');
UPDATE @extschema@.rfm_segment_rule SET description = 'made up' WHERE ruleset = 'sum5';
ALTER TABLE @extschema@.rfm_ruleset ENABLE TRIGGER USER;
ALTER TABLE @extschema@.rfm_segment_rule ENABLE TRIGGER USER;
};
my %next = (
	'98.0.0' => { whole => $function,           step => $function },
	'98.1.0' => { whole => $function . $column, step => $column, from => '98.0.0' },
	'98.2.0' => { whole => $rules,              step => $rules },
	'99.0.0' => { whole => $function,           step => q{COMMENT ON TABLE @extschema@.rfm_run IS 'another'; } . $function },
	'99.1.0' => { whole => $function,           step => '' },
	'99.2.0' => { whole => '',                  step => q{GRANT DELETE ON @extschema@.rfm_run TO PUBLIC;} },
	'99.3.0' => { whole => '',                  step => q{ALTER FUNCTION @extschema@.rfm_refresh(pg_catalog.date, pg_catalog.text) STABLE;} },
	'99.4.0' => { whole => '',                  step => q{DROP POLICY rfm_run_owner ON @extschema@.rfm_run;} });
for my $version (keys %next)
{
	write_file("rfm--$version.sql", $whole . $next{$version}{whole});
	write_file('rfm--' . ($next{$version}{from} // $newest) . "--$version.sql", $next{$version}{step});
}
# and the way back, to the version of the library
write_file("rfm--98.0.0--$newest.sql", 'DROP FUNCTION @extschema@.rfm_made_up();');
write_file('rfm--98.1.0--98.0.0.sql', 'ALTER TABLE @extschema@.rfm_run DROP COLUMN made_up;');

sub installed
{
	my ($version) = @_;
	$node->safe_psql('postgres', "DROP EXTENSION rfm; CREATE EXTENSION rfm VERSION '$version'");
	return catalog('postgres');
}

# two steps that are right, in one of which a trigger of C meets a version between two
my $was = fill('twice', $newest);
$node->safe_psql('twice', "ALTER EXTENSION rfm UPDATE TO '98.1.0'");
is($node->safe_psql('twice', q{SELECT extversion, rfm_made_up() FROM pg_extension WHERE extname = 'rfm'}), '98.1.0|42', 'a made-up version, in two steps');
is(catalog('twice'), installed('98.1.0'), 'gives the catalog of its whole script');
is($node->safe_psql('twice', $data) =~ s/, "made_up": null//gr, $was, 'and models, rules, log and scores are as they were');
my $mismatch = qr/ERROR:  library and SQL objects of the extension rfm are of different versions/;
my (undef, undef, $err) = $node->psql('twice', q{SELECT rfm_refresh('2024-06-30')});
like($err, $mismatch, 'the library, which is older, does not work with it');
like($err, qr/^DETAIL:  The library is of version \Q$newest\E, the SQL objects in this database are of version 98\.1\.0\.$/m, 'and says why');
$node->safe_psql('twice', "ALTER EXTENSION rfm UPDATE TO '$newest'");
is(catalog('twice'), $fresh, 'and back');
works('twice', 'back');
if ($cron)
{
	$node->safe_psql('oldest', "ALTER EXTENSION rfm UPDATE TO '98.0.0'; ALTER EXTENSION rfm UPDATE TO '$newest'");
	is($node->safe_psql('oldest', $jobs), $jobs_before, 'jobs are as they were');
	like($jobs_before, qr/\|rfm: second\|0 6 /, 'which there are');
	is($node->safe_psql('oldest', q{SELECT string_agg(schedule, ',' ORDER BY model) FROM rfm_jobs}), '0 5 * * *,0 6 * * *', 'and rfm_jobs finds them');
}

# a session that has used the library before, and goes on while another session updates
my $bucket = 'SELECT rfm_bucket(2.5::float8, array[1.0, 2.0]::float8[]);';
my $elsewhere = 'psql -XAtqc "ALTER EXTENSION rfm UPDATE TO \'%s\'" "' . $node->connstr('twice') . '"';
my ($there, $back) = map { sprintf "\\! $elsewhere\n", $_ } '98.0.0', $newest;
my (undef, $out, $lines) = $node->psql('twice', "$bucket\n$there$bucket\n$back$bucket", on_error_stop => 0);
is($out, "3\n3", 'it works before and after');
is(scalar(() = $lines =~ /$mismatch/g), 1, 'and not between');
(undef, $out, $lines) = $node->psql('twice', "$bucket\nBEGIN;\nALTER EXTENSION rfm UPDATE TO '98.0.0';\n$bucket\nROLLBACK;\n$bucket", on_error_stop => 0);
is($out, "3\n3", 'its own update, rolled back: the same');
is(scalar(() = $lines =~ /$mismatch/g), 1, 'in the transaction, too');

# one that changes the rule sets that come with it
$node->safe_psql('postgres', 'CREATE DATABASE rules TEMPLATE template0');
$node->safe_psql('rules', "CREATE EXTENSION rfm VERSION '$newest'; ALTER EXTENSION rfm UPDATE TO '98.2.0'");
is(catalog('rules'), installed('98.2.0'), 'shipped rule sets are changed by a script');
like(catalog('rules'), qr/^shipped rule set \| made up.*^shipped rule \| made up 10 /ms, 'which does so');

# and what must not go unseen
my %seen = (
	'99.0.0' => 'a comment', '99.1.0' => 'a function that is missing', '99.2.0' => 'a right',
	'99.3.0' => 'a property of a function', '99.4.0' => 'a policy');
for my $version (sort keys %seen)
{
	my $db = 'differs_' . ($version =~ tr/./_/r);
	$node->safe_psql('postgres', "CREATE DATABASE $db TEMPLATE template0");
	$node->safe_psql($db, "CREATE EXTENSION rfm VERSION '$newest'; ALTER EXTENSION rfm UPDATE TO '$version'");
	isnt(catalog($db), installed($version), "a difference is seen: $seen{$version}");
}

$node->stop;
done_testing();
