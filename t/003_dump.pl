# pg_dump and restore bring models, rules and the log back working; relations
# that are renamed or moved keep their model, and what is dropped is missed in
# plain words; the extension in a schema with a strange name; and what stays
# when it goes.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/lib";

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Server;
use Test::More;

my $date = '2024-06-30';
my $node = PostgreSQL::Test::Cluster->new('dump');
$node->init;
$node->append_conf('postgresql.conf', 'autovacuum = off');
$node->start;

sub as
{
	my ($db, $role, $sql) = @_;
	return $node->safe_psql($db, $sql, extra_params => [ '-U', $role ]);
}

my $shop = q{
CREATE SCHEMA ecom;
CREATE TABLE ecom.orders (order_id int PRIMARY KEY, customer_id int NOT NULL, created_at timestamptz NOT NULL,
                          total numeric(12,2), status text);
INSERT INTO ecom.orders
SELECT i, i % 97, timestamptz '2024-06-30 12:00+00' - i * interval '5 hours', 10 + i % 89,
       CASE WHEN i % 11 = 0 THEN 'cancelled' ELSE 'paid' END
  FROM generate_series(1, 500) i;
};

#
# A database with everything in it
#
$node->safe_psql('postgres', 'CREATE ROLE analyst LOGIN; CREATE ROLE "O\'Hara; Ltd." LOGIN; CREATE DATABASE shop');
$node->safe_psql('shop', "CREATE EXTENSION rfm; $shop");
$node->safe_psql(
	'shop', qq{
GRANT USAGE ON SCHEMA ecom TO PUBLIC;
GRANT SELECT ON ecom.orders TO PUBLIC;
CREATE SCHEMA analyst AUTHORIZATION analyst;
CREATE SCHEMA "odd.Schema" AUTHORIZATION "O'Hara; Ltd.";
CREATE VIEW ecom.order_view AS SELECT customer_id AS "The Customer", created_at::date AS day, total FROM ecom.orders;
CREATE MATERIALIZED VIEW ecom.order_matview AS SELECT * FROM ecom.orders;
GRANT SELECT ON ecom.order_view, ecom.order_matview TO PUBLIC;
SELECT rfm_refresh('2024-06-29');
SELECT rfm_refresh('$date');
});
as( 'shop', 'analyst', qq{
SELECT rfm_copy_ruleset('traits5', 'my_traits');
UPDATE rfm_segment_rule SET label = 'Our ' || label, description = 'those', action = 'call them' WHERE ruleset = 'my_traits';
UPDATE rfm_ruleset SET description = 'ours' WHERE ruleset = 'my_traits';
INSERT INTO rfm_ruleset (ruleset, buckets) VALUES ('empty', '{2,3,4}');
CREATE FUNCTION analyst.counts(text) RETURNS bool IMMUTABLE LANGUAGE sql AS \$\$ SELECT \$1 <> 'cancelled' \$\$;
SELECT rfm_create_model('mine', 'ecom.orders', 'analyst.scores', filter => 'analyst.counts(status)',
                        comment_rules => 'my_traits', method => 'quantile', lookback => '60 days',
                        time_zone => 'America/New_York', keep_stale => true);
SELECT rfm_refresh('$date', 'mine');
});
as( 'shop', "O'Hara; Ltd.", qq{
SELECT rfm_create_model('O''Hara "50%" \\ ', 'ecom.order_view', '"odd.Schema"."My Scores"',
                        customer => 'The Customer', ordered_at => 'day', amount => 'total * 2', method => 'breaks',
                        buckets => '{3}', r_breaks => '{10,40}', f_breaks => '{2,5}', m_breaks => '{100,200.5}',
                        segment_rules => NULL, comment_rules => NULL, weights => '{9,3,1}', as_of => 'latest_order',
                        target_columns => '{"customer_id": "Who", "rfm_weighted": "Sum", "run_date": null}');
SELECT rfm_refresh(NULL, 'O''Hara "50%" \\ ');
});
as('shop', 'analyst', "SELECT rfm_create_model('material', 'ecom.order_matview', 'analyst.material_scores')");

# one with partitions, the first of which has expired
$node->safe_psql('shop', "SELECT rfm_create_model('parts', 'ecom.orders', 'ecom.parts', partition_by => 'day', retention => '2 days', customer_index => true);"
	  . join '', map { "SELECT rfm_refresh('2024-06-$_', 'parts');" } 28 .. 30);
my $partitions = q{SELECT string_agg(c.relname, ' ' ORDER BY c.relname) FROM pg_inherits JOIN pg_class c ON c.oid = inhrelid WHERE inhparent = 'ecom.parts'::regclass};
is($node->safe_psql('shop', $partitions), 'parts_2024_06_29 parts_2024_06_30', 'there are partitions');

# one whose source is gone: it must not stand in the way of a restore
$node->safe_psql('shop', "CREATE TABLE gone (LIKE ecom.orders);"
	  . "SELECT rfm_create_model('gone', 'gone', 'gone_scores'); DROP TABLE gone");

my $everything = q{
SELECT 'model', model, regexp_replace(m::text, '\d{5,}', 'oid') FROM rfm_model m ORDER BY model;
SELECT 'set', s FROM rfm_ruleset s WHERE NOT shipped ORDER BY ruleset;
SELECT 'rule', s FROM rfm_segment_rule s JOIN rfm_ruleset USING (ruleset) WHERE NOT shipped ORDER BY s.ruleset, priority;
SELECT 'shipped', count(*) FROM rfm_segment_rule JOIN rfm_ruleset USING (ruleset) WHERE shipped;
SELECT 'run', r FROM rfm_run r ORDER BY run_id;
SELECT 'daily', d FROM ecom.customer_rfm_daily d ORDER BY run_date, customer_id;
SELECT 'mine', d FROM analyst.scores d ORDER BY run_date, customer_id;
SELECT 'odd', d FROM "odd.Schema"."My Scores" d ORDER BY "Who";
SELECT 'parts', tableoid::regclass, d FROM ecom.parts d ORDER BY run_date, customer_id;
SELECT 'latest', count(*), max(run_date) FROM ecom.parts_latest;
SELECT 'cuts', c FROM rfm_cut_points(NULL, 'mine') c;
};
my $before = $node->safe_psql('shop', $everything);
my $runs = $node->safe_psql('shop', 'SELECT max(run_id) FROM rfm_run');
like($before, qr/^model\|mine/m, 'there is something to dump');

#
# Dump, restore, go on
#
my $dir = PostgreSQL::Test::Utils::tempdir();
my %dump = (
	plain   => [],
	inserts => ['--column-inserts'],
	custom  => ['-Fc'],
	jobs    => [ '-Fd', '-j2' ]);

for my $kind (sort keys %dump)
{
	my $file = "$dir/$kind.dump";
	my $db = "restored_$kind";
	$node->command_ok([ 'pg_dump', '-f', $file, @{ $dump{$kind} }, $node->connstr('shop') ], "$kind: dump");
	$node->safe_psql('postgres', "CREATE DATABASE $db TEMPLATE template0");
	if ($kind =~ /plain|inserts/)
	{
		$node->command_ok(
			[ 'psql', '-qX', '-v', 'ON_ERROR_STOP=1', '-o', "$dir/psql.out", '-d', $node->connstr($db), '-f', $file ],
			"$kind: restore");
	}
	else
	{
		$node->command_ok(
			[ 'pg_restore', '--exit-on-error', ($kind eq 'jobs' ? '-j2' : ()), '-d', $node->connstr($db), $file ],
			"$kind: restore");
	}
	is($node->safe_psql($db, $everything), $before, "$kind: models, rules, log and scores are back");

	# nothing changed: nothing written
	$node->safe_psql($db, "SELECT rfm_refresh('$date')");
	as($db, 'analyst', "SELECT rfm_refresh('$date', 'mine')");
	as($db, "O'Hara; Ltd.", q{SELECT rfm_refresh(NULL, 'O''Hara "50%" \\ ')});
	as($db, 'analyst', "SELECT rfm_refresh('$date', 'material')");
	$node->safe_psql($db, "SELECT rfm_refresh('$date', 'parts')");
	is( $node->safe_psql($db, qq{
SELECT run_id - $runs, model, inserted, updated, deleted FROM rfm_run WHERE run_id > $runs ORDER BY run_id}),
		qq{1|default|0|0|0\n2|mine|0|0|0\n3|O'Hara "50%" \\ |0|0|0\n4|material|97|0|0\n5|parts|0|0|0},
		"$kind: refreshes work there, and the log counts on");
	if ($kind eq 'plain')
	{
		$node->safe_psql($db, "SELECT rfm_refresh('2024-07-01', 'parts')");
		is($node->safe_psql($db, $partitions), 'parts_2024_06_30 parts_2024_07_01', "$kind: partitions come and go there");
	}
	like(error_of($node, $db, "SELECT rfm_refresh('$date', 'gone')"),
		qr/source of model "gone" does not exist/, "$kind: what was gone is still gone");
	like(error_of($node, $db, "DELETE FROM rfm_segment_rule WHERE ruleset = 'sum5'"),
		qr/shipped/, "$kind: shipped rules are protected");
	like(error_of($node, $db, "UPDATE rfm_model SET filter = 'no_such_column' WHERE model = 'mine'"),
		qr/column "no_such_column" does not exist/, "$kind: edits are checked");
	my (undef, undef, $err) = $node->psql($db, "UPDATE rfm_segment_rule SET label = 'x' WHERE ruleset = 'my_traits'",
		extra_params => [ '-U', "O'Hara; Ltd." ]);
	is($node->safe_psql($db, "SELECT count(*) FROM rfm_segment_rule WHERE label = 'x'"),
		0, "$kind: rules belong to who made them");
}

# pg_restore -j loads tables side by side: what is referred to can come last
my ($toc) = run_command([ 'pg_restore', '-l', "$dir/custom.dump" ]);
for my $table (qw(rfm_ruleset rfm_model))
{
	my $last = $toc;
	my $entry = $last =~ s/^(\d+; .* TABLE DATA \S+ $table .*\n)//m ? $1 : '';
	isnt($entry, '', "there is an entry with the data of $table");
	$last =~ s/(.*TABLE DATA[^\n]*\n)/$1$entry/s;
	append_to_file("$dir/list_$table", $last);
	$node->safe_psql('postgres', "CREATE DATABASE late_$table TEMPLATE template0");
	$node->command_ok([ 'pg_restore', '--exit-on-error', '-L', "$dir/list_$table", '-d', $node->connstr("late_$table"), "$dir/custom.dump" ],
		"$table last: restore");
	is($node->safe_psql("late_$table", $everything), $before, "$table last: models, rules, log and scores are back");
	like(error_of($node, "late_$table", "UPDATE rfm_ruleset SET buckets = '{4}' WHERE ruleset = 'my_traits'"), qr/cannot be changed/,
		"$table last: rule sets are protected");
}

# a dump of the copy is the dump
$node->command_ok([ 'pg_dump', '-s', '-f', "$dir/again", $node->connstr('restored_custom') ], 'dump of the copy');
$node->command_ok([ 'pg_dump', '-s', '-f', "$dir/first", $node->connstr('shop') ], 'dump of the original');
my ($first, $again) = map { my $t = slurp_file("$dir/$_"); $t =~ s/^\\(un)?restrict .*$//mg; $t } qw(first again);
is($again, $first, 'have the same schema');
# the extension's own objects come from its script
unlike($first, qr/CREATE (TABLE|FUNCTION|POLICY|VIEW)[^;]*\brfm_(model|refresh|run)\b/, "without the extension's objects");

#
# Renaming and moving
#
my $refresh_mine = "SELECT rfm_refresh('$date', 'mine')";
my $customers = as('shop', 'analyst', $refresh_mine);
for my $change (
	'ALTER TABLE ecom.orders RENAME TO "Orders, all"',
	'ALTER TABLE ecom."Orders, all" SET SCHEMA analyst',
	'ALTER TABLE analyst.scores RENAME TO "Scores; --"',
	'ALTER TABLE analyst."Scores; --" SET SCHEMA "odd.Schema"; GRANT USAGE ON SCHEMA "odd.Schema" TO analyst',
	'ALTER SCHEMA analyst RENAME TO "An ""alyst"',
	'ALTER ROLE analyst RENAME TO "The Analyst"',
	'ALTER TABLE "odd.Schema"."Scores; --" RENAME TO scores; ALTER TABLE "odd.Schema".scores SET SCHEMA "An ""alyst"',
	'ALTER DATABASE restored_plain RENAME TO moved')
{
	$node->safe_psql('shop', $change);
	next if $change =~ /SCHEMA analyst RENAME/;    # the filter names it, see below
	my $role = $change =~ /ROLE|SET SCHEMA "An|DATABASE/ ? 'The Analyst' : 'analyst';
	$node->safe_psql('shop',
		q{UPDATE rfm_model SET filter = '"An ""alyst".counts(status)' WHERE model = 'mine'})
	  if $change =~ /ROLE/;
	is(as('shop', $role, $refresh_mine), $customers, "refreshed after $change");
}
is($node->safe_psql('shop', "SELECT source, target, owner FROM rfm_model WHERE model = 'mine'"),
	'"An ""alyst"."Orders, all"|"An ""alyst".scores|"The Analyst"', 'and the model shows the new names');
is( $node->safe_psql('shop', "SELECT count(*) FROM rfm_run WHERE model = 'mine' AND inserted + updated + deleted > 0"),
	1, 'no rename made anything to write');

#
# Columns and relations that are gone
#
my $err;
$node->safe_psql('shop', 'ALTER TABLE "An ""alyst"."Orders, all" RENAME COLUMN customer_id TO client');
$err = error_of($node, 'shop', $refresh_mine);
like($err, qr/source "Orders, all" has no column "customer_id"/, 'a column of the source is gone: message');
like($err, qr/DETAIL: .*client/, 'detail');
like($err, qr/HINT: .*"customer"/, 'hint');
$node->safe_psql('shop', 'ALTER TABLE "An ""alyst"."Orders, all" RENAME COLUMN client TO customer_id');

$node->safe_psql('shop', 'ALTER TABLE "An ""alyst".scores RENAME COLUMN r_score TO r');
$err = error_of($node, 'shop', $refresh_mine);
like($err, qr/target "scores" has no column "r_score"/, 'a column of the target is gone: message');
like($err, qr/HINT: .*target_columns/, 'hint');
$node->safe_psql('shop', 'ALTER TABLE "An ""alyst".scores RENAME COLUMN r TO r_score');

$node->safe_psql('shop', 'DROP FUNCTION "An ""alyst".counts(text)');
$err = error_of($node, 'shop', $refresh_mine);
like($err, qr/counts\(text\) does not exist/, 'a function of the filter is gone: message');
like($err, qr/CONTEXT: .*filter of model "mine"/, 'context');
$node->safe_psql('shop', q{UPDATE rfm_model SET filter = NULL WHERE model = 'mine'});

my $log = $node->safe_psql('shop', 'SELECT count(*) FROM rfm_run');
$node->safe_psql('shop', 'ALTER TABLE "An ""alyst".scores RENAME TO kept; CREATE TABLE "An ""alyst".scores (a int);'
	  . ' DROP TABLE "An ""alyst".kept CASCADE');
$err = error_of($node, 'shop', $refresh_mine);
like($err, qr/42P01: target of model "mine" does not exist/, 'the target is gone: message');
like($err, qr/HINT: .*UPDATE rfm_model SET target/, 'hint');
$node->safe_psql('shop', 'DROP TABLE "An ""alyst"."Orders, all" CASCADE');
$err = error_of($node, 'shop', $refresh_mine);
like($err, qr/42P01: source of model "mine" does not exist/, 'the source is gone: message');
like($err, qr/HINT: .*UPDATE rfm_model SET source/, 'hint');
like(error_of($node, 'shop', "SELECT * FROM rfm_preview('$date', 'mine')"),
	qr/source of model "mine" does not exist/, 'for a preview, too');
is($node->safe_psql('shop', 'SELECT count(*) FROM rfm_run'), $log, 'and nothing is logged');

# the hint is right
$node->safe_psql('shop', $shop =~ s/CREATE SCHEMA ecom;//r);
$node->safe_psql('shop', q{UPDATE rfm_model SET source = 'ecom.orders', target = 'ecom.customer_rfm_daily' WHERE model = 'default'});
cmp_ok($node->safe_psql('shop', "SELECT rfm_refresh('$date')"), '>', 0, 'a model that is pointed elsewhere works again');
$node->safe_psql('shop', "SELECT rfm_drop_model('mine', drop_target => true)");
is($node->safe_psql('shop', "SELECT count(*) FROM rfm_model WHERE model = 'mine'"), 0, 'a model without its relations can be dropped');

#
# The extension goes, what it wrote stays
#
my $rows = $node->safe_psql('shop', 'SELECT md5(string_agg(d::text, $$,$$ ORDER BY run_date, customer_id)) FROM ecom.customer_rfm_daily d');
$node->safe_psql('shop', 'DROP EXTENSION rfm');
is($node->safe_psql('shop', 'SELECT md5(string_agg(d::text, $$,$$ ORDER BY run_date, customer_id)) FROM ecom.customer_rfm_daily d'),
	$rows, 'DROP EXTENSION leaves target and rows');
is( $node->safe_psql('shop', q{SELECT (SELECT count(*) FROM pg_class WHERE relname ~ '^rfm_')
                                      + (SELECT count(*) FROM pg_proc WHERE proname ~ '^rfm_')}),
	0, 'and nothing of its own');
$node->safe_psql('shop', 'CREATE EXTENSION rfm');
$node->safe_psql('shop', "SELECT rfm_refresh('$date')");
is($node->safe_psql('shop', 'SELECT inserted, updated, deleted FROM rfm_run'), '0|0|0',
	'created again, it finds them as it left them');

#
# In a schema of its own, with a name to be quoted, and not in the search_path
#
my $schema = 'RFM (año); %s %I';
my $q = qq{"$schema"};
$node->safe_psql('postgres', 'CREATE DATABASE strange TEMPLATE template0');
$node->safe_psql('strange', qq{CREATE SCHEMA $q; CREATE EXTENSION rfm SCHEMA $q; $shop});
is($node->safe_psql('strange', "SELECT $q.rfm_refresh('2024-06-29'), $q.rfm_refresh('$date')"), '97|97', 'strange schema: refresh');
is($node->safe_psql('strange', "SELECT count(*) FROM $q.rfm_preview('$date')"), 97, 'preview');
$node->safe_psql('strange', "SELECT $q.rfm_create_model('m', 'ecom.orders', 'ecom.m', method => 'rank')");
is($node->safe_psql('strange', "SELECT $q.rfm_copy_ruleset('sum5', 'mine')"), 5, 'copy of a rule set');
$node->safe_psql('strange', "UPDATE $q.rfm_model SET segment_rules = 'mine', amount = 'total + 1' WHERE model = 'm'");
$node->safe_psql('strange', "UPDATE $q.rfm_segment_rule SET label = upper(label) WHERE ruleset = 'mine'");
is($node->safe_psql('strange', "SELECT $q.rfm_refresh('$date', 'm')"), 97, 'another model');
is($node->safe_psql('strange', "SELECT count(*) FROM ecom.m WHERE rfm_segment = upper(rfm_segment)"), 97, 'with its rules');
is($node->safe_psql('strange', "SELECT count(*) > 125 FROM $q.rfm_segment_coverage('traits5')"), 't', 'coverage');
is($node->safe_psql('strange', "SELECT count(*) FROM $q.rfm_cut_points('$date', 'm')"), 15, 'cut points');
is( $node->safe_psql('strange', "SELECT $q.rfm_bucket(2.5, $q.rfm_quintiles(i)), $q.rfm_bucket(2.5::float8, $q.rfm_quantiles(i::float8, 4))"
		  . " FROM generate_series(1, 10) i"),
	'1|1', 'aggregates');
$err = error_of($node, 'strange', "DELETE FROM $q.rfm_segment_rule WHERE ruleset = 'sum5'");
my ($hint) = $err =~ /HINT: .*?(SELECT .*;)/;
ok($hint && defined $node->safe_psql('strange', $hint), 'the hint for shipped rules can be run as it stands');
like(error_of($node, 'strange', "SELECT $q.rfm_schedule()"), qr/pg_cron is not available/, 'schedule');
like(error_of($node, 'strange', "SELECT $q.rfm_unschedule('m')"), qr/pg_cron is not available/, 'unschedule');
like(error_of($node, 'strange', "SELECT * FROM $q.rfm_progress"), qr/needs rfm in "shared_preload_libraries"/, 'progress');
is($node->safe_psql('strange', "SELECT rfm_internal.ensure_model('m')"), '', 'ensure');
is($node->safe_psql('strange', "SELECT rfm_internal.job_command('x')"), "CALL $q.rfm_catch_up('x')", 'the command of a job');
is($node->safe_psql('strange', "CALL $q.rfm_catch_up('m'); SELECT max(run_date) > '$date' FROM $q.rfm_run WHERE model = 'm'"), 't', 'catching up');
is($node->safe_psql('strange', "CALL $q.rfm_backfill(date '$date' - 3, date '$date' - 2, 'm'); SELECT count(*) FROM $q.rfm_run WHERE backfill IS NOT NULL"), 2, 'backfilling');
is($node->safe_psql('strange', "SELECT $q.rfm_forget(-1, 'm')"), 0, 'forget');
is($node->safe_psql('strange', "SELECT finding FROM $q.rfm_health() WHERE model = 'm' AND level <> 'warning'"), '', 'health');
is($node->safe_psql('strange', "SELECT string_agg(model, ' ' ORDER BY model) FROM $q.rfm_jobs"), 'default m', 'jobs');
like($node->safe_psql('strange', "SELECT to_do FROM $q.rfm_jobs WHERE model = 'default'"), qr/CALL \Q$q.rfm_catch_up('default');\E/, 'what to do');
for my $call ('rfm_period', 'rfm_outcome', 'rfm_ties', 'rfm_segment_summary', 'rfm_segment_guide', 'rfm_changes', 'rfm_migration', 'rfm_movers', 'rfm_grid', 'rfm_export')
{
	like($node->safe_psql('strange', "SELECT count(*) > 0 FROM $q.$call(model => 'm')"), qr/^[tf]$/, $call);
}
is($node->safe_psql('strange', "SELECT count(*) > 10 FROM $q.rfm_trend('m')"), 't', 'rfm_trend');
is($node->safe_psql('strange', "SELECT count(*) > 0 FROM $q.rfm_customer((SELECT min(customer_id) FROM ecom.m), 'm')"), 't', 'rfm_customer');
is($node->safe_psql('strange', "SELECT count(*) FROM $q.rfm_score_now((SELECT min(customer_id) FROM ecom.m), 'm')"), 1, 'rfm_score_now');
is($node->safe_psql('strange', "SELECT $q.rfm_latest_view('m')"), 'ecom.m_latest', 'rfm_latest_view');
is($node->safe_psql('strange', "SELECT count(*) > 0 FROM $q.rfm_export(model => 'default', holdout => 0.1, campaign => 'mine')"), 't', 'a campaign');
is($node->safe_psql('strange', "SELECT count(*) > 0 FROM $q.rfm_export(model => 'default', campaign => 'other'); SELECT $q.rfm_drop_campaign('other')"), "t\n", 'rfm_drop_campaign');
is($node->safe_psql('strange', "SELECT $q.rfm_label('sum5', 1, 1, 1)"), 'Hibernating', 'rfm_label');
is($node->safe_psql('strange', "SELECT $q.rfm_run_date() = current_date"), 't', 'rfm_run_date');
is($node->safe_psql('strange', "SELECT count(*) FROM $q.rfm_repeat_summary('$date', 'm')"), 97, 'rfm_repeat_summary');
like(error_of($node, 'strange', "SELECT $q.rfm_forecast_fit('$date', 'm')"), qr/too few customers for a forecast/, 'rfm_forecast_fit');
like(error_of($node, 'strange', "SELECT * FROM $q.rfm_forecast('$date', 'm')"), qr/too few customers for a forecast/, 'rfm_forecast');
like(error_of($node, 'strange', "SELECT * FROM $q.rfm_forecast_summary('$date', 'm')"), qr/too few customers for a forecast/, 'rfm_forecast_summary');
like(error_of($node, 'strange', "SELECT * FROM $q.rfm_forecast_backtest('$date', date '$date' + 1, 'm')"), qr/too few customers for a forecast/, 'rfm_forecast_backtest');
like($node->safe_psql('strange', "SELECT $q.rfm_report('$date')"), qr/compared with 2024-06-29/, 'report');
$node->safe_psql('strange', "SELECT $q.rfm_drop_model('m', drop_target => true)");
is($node->safe_psql('strange', "SELECT to_regclass('ecom.m') IS NULL"), 't', 'drop of a model');
# every function that is there for users was called above
is( $node->safe_psql(
		'strange', qq{
SELECT string_agg(DISTINCT proname, ' ' ORDER BY proname) FROM pg_proc
 WHERE pronamespace = '$q'::regnamespace AND NOT obj_description(oid, 'pg_proc') ~ '^(internal|trigger|error unless)'
   AND NOT 'internal'::regtype = ANY (proargtypes) AND prorettype <> 'trigger'::regtype}),
	join(' ', sort qw(rfm_refresh rfm_preview rfm_create_model rfm_copy_ruleset rfm_drop_ruleset rfm_drop_rule rfm_segment_coverage rfm_label rfm_cut_points rfm_bucket
		  rfm_quintiles rfm_quantiles rfm_repeat_summary rfm_forecast_fit rfm_forecast rfm_forecast_summary rfm_forecast_backtest rfm_schedule rfm_unschedule rfm_drop_model
		  rfm_catch_up rfm_backfill rfm_health rfm_forget rfm_period rfm_outcome rfm_drop_campaign rfm_ties rfm_segment_summary rfm_segment_guide rfm_migration rfm_changes rfm_movers rfm_grid rfm_trend rfm_customer
		  rfm_score_now rfm_export rfm_latest_view rfm_report rfm_run_date)),
	'those are all its functions');

# and back from a dump
$node->command_ok([ 'pg_dump', '-Fc', '-f', "$dir/strange.dump", $node->connstr('strange') ], 'strange schema: dump');
$node->safe_psql('postgres', 'CREATE DATABASE restored_strange TEMPLATE template0');
$node->command_ok([ 'pg_restore', '--exit-on-error', '-d', $node->connstr('restored_strange'), "$dir/strange.dump" ], 'restore');
is($node->safe_psql('restored_strange', "SELECT $q.rfm_refresh('$date')"), 97, 'refresh');
is($node->safe_psql('restored_strange', "SELECT campaign, owner, holdout FROM $q.rfm_campaign"), 'mine|postgres|0.1', 'campaigns are restored');
is($node->safe_psql('restored_strange', "SELECT inserted + updated + deleted FROM $q.rfm_run ORDER BY run_id DESC LIMIT 1"),
	0, 'with nothing to write');

$node->stop;
done_testing();
