# Backups, each as the documentation has it: by a superuser, by the owner of the
# database, without the orders, of one schema alone; and that the models work
# where they are restored.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/lib";

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Server;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('backup');
$node->init;
$node->start;
my $dir = PostgreSQL::Test::Utils::tempdir();

$node->safe_psql('postgres', 'CREATE ROLE keeper LOGIN CREATEDB; CREATE DATABASE shop OWNER keeper');

sub as
{
	my ($db, $role, $sql) = @_;
	return $node->safe_psql($db, $sql, extra_params => [ '-U', $role ]);
}

as('shop', 'keeper', q{
CREATE EXTENSION rfm;
CREATE SCHEMA ecom;
CREATE TABLE ecom.orders (order_id int PRIMARY KEY, customer_id int, created_at timestamptz, total numeric(12,2), status text);
INSERT INTO ecom.orders SELECT i, i % 97, timestamptz '2024-06-30 12:00+00' - i * interval '5 hours', 10 + i % 89, 'paid' FROM generate_series(1, 500) i;
SELECT rfm_copy_ruleset('sum5', 'ours');
UPDATE rfm_segment_rule SET label = 'Our ' || label WHERE ruleset = 'ours';
SELECT rfm_create_model('default', 'ecom.orders', 'ecom.customer_rfm_daily', segment_rules => 'ours', filter => $$status <> 'cancelled'$$);
CALL rfm_backfill('2024-06-28', '2024-06-30');
CREATE TABLE ecom.other AS SELECT * FROM ecom.orders;
SELECT rfm_create_model('other', 'ecom.other', 'ecom.other_scores');
});
my $state = q{
SELECT 'model', model, source, target, segment_rules FROM rfm_model ORDER BY model;
SELECT 'rules', count(*) FROM rfm_segment_rule WHERE label LIKE 'Our %';
SELECT 'runs', count(*), max(run_id) FROM rfm_run;
SELECT 'totals', count(*), sum(customers), sum(revenue) FROM rfm_total;
};
my $before = as('shop', 'keeper', $state);
like($before, qr/^model\|default.*\nmodel\|other/, 'there is something to save');

# Restores a file into a new database, as a role, and refreshes there; returns
# what is there
sub restored
{
	my ($name, $role, $file, @options) = @_;
	as('postgres', $role, "CREATE DATABASE $name TEMPLATE template0");
	$node->command_ok([ 'pg_restore', '--exit-on-error', @options, '-U', $role, '-d', $node->connstr($name), $file ], "$name: restore");
	return as($name, $role, $state);
}

sub dumped
{
	my ($name, $role, @options) = @_;
	$node->command_ok([ 'pg_dump', '-Fc', '-f', "$dir/$name", @options, '-U', $role, '-d', $node->connstr('shop') ], "$name: dump");
	return "$dir/$name";
}

my $refreshed = q{SELECT rfm_refresh('2024-06-30'); SELECT inserted + updated + deleted FROM rfm_run ORDER BY run_id DESC LIMIT 1};

# a superuser
is(restored('by_superuser', 'postgres', dumped('by_superuser', 'postgres')), $before, 'by a superuser: all is there');
is($node->safe_psql('by_superuser', $refreshed), "97\n0", 'and works');

# the owner of the database, who is none
is(restored('by_owner', 'keeper', dumped('by_owner', 'keeper', '--enable-row-security', '--inserts'), '--enable-row-security'), $before, 'by the owner of the database: all is there');
is(as('by_owner', 'keeper', $refreshed), "97\n0", 'and works');

# without the orders: their data stay behind, the table comes along, so that models find it
for my $role (qw(postgres keeper))
{
	my @rights = $role eq 'keeper' ? ('--enable-row-security') : ();
	my $name = "without_orders_$role";
	is(restored($name, $role, dumped($name, $role, '--exclude-table-data=ecom.orders', '--exclude-table-data=ecom.other', @rights, @rights ? '--inserts' : ()), @rights), $before,
		"without the orders, by $role: models, rules and log are there");
	is(as($name, $role, 'SELECT count(*) FROM ecom.orders'), 0, 'but no order');
	is(as($name, $role, q{SELECT count(*) FROM rfm_trend()}) > 0 ? 1 : 0, 1, 'and the history can be read');
}

# without the table itself: the rows of rfm_model are refused, with COPY all of them
my %left = ('' => '', '--inserts' => 'default');
for my $kind (sort keys %left)
{
	my $name = 'without_table' . ($kind =~ tr/-//dr);
	my $file = dumped($name, 'postgres', '--exclude-table=ecom.other', $kind ? $kind : ());
	$node->safe_psql('postgres', "CREATE DATABASE $name TEMPLATE template0");
	$node->command_fails([ 'pg_restore', '-d', $node->connstr($name), $file ], "$name: restore reports it");
	is($node->safe_psql($name, q{SELECT string_agg(model, ' ') FROM rfm_model}), $left{$kind}, "$name: the models that are left");
}

# One schema alone: neither models nor rule sets are in it.  The default model is
# not made anew over a target that another model has written: its rule set could be
# another one.  Made by hand it takes the target as it stands.
for my $role (qw(keeper postgres))
{
	my $name = "one_schema_$role";
	my $schema = dumped($name, $role, '-n', 'ecom');
	as('postgres', 'keeper', "CREATE DATABASE $name TEMPLATE template0");
	as($name, $role, 'CREATE EXTENSION rfm');
	$node->command_ok([ 'pg_restore', '--exit-on-error', '-U', $role, '-d', $node->connstr($name), $schema ], "$name: restore");
	is(as($name, $role, 'SELECT count(*) FROM rfm_model'), 0, "$name: no model came along");
	my $rows = q{SELECT count(*), md5(string_agg(t::text, '' ORDER BY t)) FROM ecom.customer_rfm_daily t};
	my $kept = as($name, $role, $rows);
	for my $call ('SELECT rfm_refresh()', 'CALL rfm_catch_up()', q{CALL rfm_backfill('2024-06-01', '2024-06-30')})
	{
		like(error_of($node, $name, $call, $role), qr/model "default" does not exist, but a model has written its target.*HINT: .*rfm_create_model\('default'/s, "$name: $call makes no other model");
	}
	is(as($name, $role, $rows), $kept, "$name: and leaves the target alone");
	as($name, $role, q{
SELECT rfm_copy_ruleset('sum5', 'ours');
UPDATE rfm_segment_rule SET label = 'Our ' || label WHERE ruleset = 'ours';
SELECT rfm_create_model('default', 'ecom.orders', 'ecom.customer_rfm_daily', segment_rules => 'ours', filter => $$status <> 'cancelled'$$)});
	is(as($name, $role, $refreshed), "97\n0", "$name: made again, the model finds its rows as they should be");
}

# Without the view that comes with a model the table could be of any origin: it is
# taken, but not without a word where its segments are strange to the rule set.
as('one_schema_keeper', 'keeper', q{SELECT rfm_drop_model('default')});
my ($rc, $out, $err) = $node->psql('one_schema_keeper', $refreshed, extra_params => [ '-U', 'keeper' ]);
like($err, qr/WARNING:  model "default" is created with rule set "sum5", over a target with other segments.*'Our /s, 'a table with segments of other rules: a warning');
is($out, "97\n97", 'and it is taken');
as('one_schema_keeper', 'keeper', q{SELECT rfm_drop_model('default')});
($rc, $out, $err) = $node->psql('one_schema_keeper', $refreshed, extra_params => [ '-U', 'keeper' ]);
is("$rc|$err|$out", "0||97\n0", 'with segments of this one: no word');

$node->stop;
done_testing();
