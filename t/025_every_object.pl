# Every function, trigger and type of the extension, taken from the catalog, so
# that a new one is tried by itself: as the trigger of a strange table at every
# event and level, with arguments that only PostgreSQL should give, and as a role
# without rights.  It ends in a clean error, or does nothing; the server lives.
use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('every_object');
$node->init;
$node->append_conf('postgresql.conf', "autovacuum = off\nlog_statement = none\nlog_min_error_statement = panic\n");
$node->start;
$node->safe_psql('postgres', q{
CREATE EXTENSION rfm;
CREATE ROLE mallory LOGIN; CREATE ROLE eve LOGIN;
CREATE SCHEMA eve AUTHORIZATION eve; CREATE SCHEMA mallory AUTHORIZATION mallory;
SET ROLE eve;
CREATE TABLE eve.orders (customer_id int, created_at timestamptz, total numeric);
INSERT INTO eve.orders SELECT i % 10, '2024-06-01', i FROM generate_series(1, 100) i;
SELECT rfm_create_model('eve', 'eve.orders', 'eve.scores'), rfm_copy_ruleset('sum5', 'eves');
SELECT rfm_refresh('2024-06-30', 'eve');
});

# Runs statements, each by itself; none may end in an internal error
sub try_all
{
	my ($name, $role, @sql) = @_;
	my $dir = PostgreSQL::Test::Utils::tempdir();
	open my $file, '>', "$dir/try.sql" or die "cannot write: $!";
	print {$file} "SET client_min_messages = error; SET statement_timeout = '500ms';\n", map { "$_;\n" } @sql;
	close $file;
	my $connstr = $node->connstr('postgres') . " user=$role";
	my $rc = system(qq{psql -XAtq -v VERBOSITY=verbose -d "$connstr" -f "$dir/try.sql" >"$dir/out" 2>"$dir/err"});
	is($rc, 0, "$name: the session lives to the end");
	my @err = split /\n/, slurp_file("$dir/err");
	is(join("\n", grep { /(?:ERROR|FATAL|PANIC):  (?:XX|57P|58|08)/ } @err), '', "$name: no internal error in " . @sql . ' statements');
	unlike(slurp_file($node->logfile), qr/terminated by signal|TRAP|PANIC/, "$name: no crash");
	return (slurp_file("$dir/out"), @err);
}

my $members = q{SELECT %s FROM pg_proc p JOIN pg_depend d ON d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e'
  JOIN pg_extension e ON e.oid = d.refobjid AND e.extname = 'rfm' WHERE %s ORDER BY p.oid::regprocedure::text COLLATE "C"};

sub functions
{
	my ($what, $which) = @_;
	return split /\n/, $node->safe_psql('postgres', sprintf($members, $what, $which));
}

#
# Every trigger function at every event, level and time, on tables that are not
# its own: without a column, with columns of its tables' names in other types,
# and with exactly theirs
#
my @triggers = functions('p.oid::regproc', q{prorettype = 'trigger'::regtype});
cmp_ok(scalar(@triggers), '>', 2, 'there are trigger functions');
my @own = split /\n/, $node->safe_psql('postgres', q{SELECT c.oid::regclass FROM pg_class c JOIN pg_depend d ON d.objid = c.oid AND d.classid = 'pg_class'::regclass AND d.deptype = 'e' WHERE c.relkind = 'r' ORDER BY 1});
my @tables = ('CREATE TABLE strange ()');
for my $own (@own)
{
	push @tables, "CREATE TABLE strange (LIKE $own INCLUDING DEFAULTS)";
	push @tables, 'CREATE TABLE strange (' . $node->safe_psql('postgres', "SELECT string_agg(format('%I %s', attname, t), ', ') FROM (SELECT attname, CASE WHEN atttypid = 'int8'::regtype THEN 'text' ELSE 'int8' END AS t FROM pg_attribute WHERE attrelid = '$own'::regclass AND attnum > 0) AS a") . ')';
}
my @sql;
for my $function (@triggers)
{
	for my $table (@tables)
	{
		my $values = 'SELECT ' . ($table =~ /\(\)/ ? '' : join ', ', map { "($_)" } $table =~ /LIKE/ ? '(NULL::strange).*' : map { /int8$/ ? '94000000000000' : "'x'" } $table =~ /\((.*)\)/ ? split /, /, $1 : ());
		for my $when ('BEFORE', 'AFTER')
		{
			for my $event ('INSERT', 'UPDATE', 'DELETE', 'TRUNCATE')
			{
				for my $level ('ROW', 'STATEMENT')
				{
					next if $event eq 'TRUNCATE' && $level eq 'ROW';
					my $do = { INSERT => "INSERT INTO strange $values", UPDATE => 'UPDATE strange SET tableoid = tableoid', DELETE => 'DELETE FROM strange', TRUNCATE => 'TRUNCATE strange' }->{$event};
					my $column = $table =~ /\((?:LIKE (\S+)|(\w+))/ ? ($2 // ($1 =~ /model/ ? 'filter' : $1 =~ /run/ ? 'version' : 'description')) : undef;
					$do = $column ? "UPDATE strange SET $column = $column" : 'SELECT 1' if $event eq 'UPDATE';
					push @sql, 'BEGIN', $table, "INSERT INTO strange $values", "CREATE TRIGGER x $when $event ON strange FOR EACH $level EXECUTE FUNCTION $function()", $do, "SELECT 'passed $function $when $event $level'", 'ROLLBACK';
				}
			}
		}
	}
	push @sql, 'BEGIN', 'CREATE VIEW strange AS SELECT 1 AS model', "CREATE TRIGGER x INSTEAD OF UPDATE ON strange FOR EACH ROW EXECUTE FUNCTION $function()", 'UPDATE strange SET model = 2', "SELECT 'passed $function INSTEAD OF'", 'ROLLBACK';
	push @sql, 'BEGIN', 'CREATE TABLE strange (a int)', "CREATE CONSTRAINT TRIGGER x AFTER INSERT ON strange DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION $function()", 'INSERT INTO strange VALUES (1)', 'COMMIT', 'DROP TABLE IF EXISTS strange';
	push @sql, "SELECT $function()";
}
my ($out, @err) = try_all('triggers of strange tables', 'postgres', @sql);
# a level or an event that finds no row fires nothing
my %passed = map { $_ => 1 } grep { !/UPDATE|DELETE|STATEMENT/ } $out =~ /^passed (.*)$/mg;
is(join(', ', sort grep { /INSERT ROW/ } keys %passed), '', 'none of them lets a row of a strange table pass');
cmp_ok(scalar(grep { /39P01|42501|55000|23502/ } @err), '>', 30, 'they say why');

# none can be made the trigger of anything by others
@sql = ('CREATE TABLE mallory.strange (a int)');
push @sql, map { "CREATE TRIGGER x BEFORE INSERT ON mallory.strange FOR EACH ROW EXECUTE FUNCTION $_()" } @triggers;
($out, @err) = try_all('triggers without rights', 'mallory', @sql);
is(scalar(grep { /ERROR:  42501/ } @err), scalar(@triggers), 'trigger functions are nobody\'s but the extension\'s');
# functions that are no trigger functions are refused as such by PostgreSQL

#
# Arguments that only PostgreSQL, or the extension, should give
#
my @functions = functions(q{concat_ws('|', p.oid::regproc, prokind, array_to_string(ARRAY(SELECT format_type(t, NULL) FROM unnest(proargtypes) AS t), ';'))}, q{prorettype <> 'trigger'::regtype});
cmp_ok(scalar(@functions), '>', 90, 'there are functions');
my %odd = (
	internal => ['NULL'], bytea => [ "'\\x'::bytea", "'\\x00'::bytea", "('\\x' || repeat('ff', 200))::bytea", 'decode(md5($$a$$), $$hex$$)' ], oid => [ '0::oid', "'pg_class'::regclass::oid", "'eve.scores'::regclass::oid", '4294967295::oid' ],
	'"any"' => [ 'NULL', '1', "'x'::text", 'ROW(1, 2)', "'{1}'::int[]", "'(1,2)'::point" ], anyelement => [ '1', "'x'::text", 'ROW(1, 2)', "'{}'::jsonb" ], record => ['ROW(1)'],
	text => [ "''::text", "'eve'::text", "'eves'::text", "repeat('x', 100000)", "'SELECT 1'::text", "'; DROP TABLE eve.orders'::text" ], 'double precision[]' => [ "'{}'::float8[]", "'{NaN,1,Infinity}'::float8[]", "'{{1,2},{3,4}}'::float8[]", "'{1,NULL}'::float8[]", 'array_fill(1e308::float8, ARRAY[1000])' ]);

sub odd
{
	my ($type) = @_;
	return (@{ $odd{$type} // ($type =~ /\[\]$/ ? [ "'{}'::$type", "'{NULL}'::$type" ] : [ "'1'::$type", "'0'::$type", "'()'::$type", "'empty'::$type" ]) }, $type =~ /internal|any/ ? () : "NULL::$type");
}

@sql = ();
for (@functions)
{
	my ($function, $kind, $types) = split /\|/;
	my @types = split /;/, $types // '';
	my @args = map { [ odd($_) ] } @types;
	my $call = $kind eq 'p' ? 'CALL' : 'SELECT';
	push @sql, "$call $function(" . join(', ', map { $_->[0] } @args) . ')', "$call $function(" . join(', ', map { $_->[-1] } @args) . ')';
	for my $i (0 .. $#args)
	{
		for my $value (@{ $args[$i] })
		{
			push @sql, "$call $function(" . join(', ', map { $_ == $i ? $value : $args[$_][0] } 0 .. $#args) . ')';
		}
	}
	next if $kind ne 'f';
	# as a part of an aggregate, a cast and an operator of one's own
	push @sql, "CREATE AGGREGATE mallory.a ($types[-1]) (SFUNC = $function, STYPE = $types[0])", "SELECT mallory.a(NULL::$types[-1])", "DROP AGGREGATE IF EXISTS mallory.a ($types[-1])" if @types == 2 && "@types" !~ /any|internal/;
	push @sql, "CREATE OPERATOR mallory.@# (FUNCTION = $function, RIGHTARG = $types[0])", "DROP OPERATOR IF EXISTS mallory.@# (NONE, $types[0])" if @types == 1 && "@types" !~ /any|internal/;
}
try_all('arguments of all kinds, by a superuser', 'postgres', map { ('BEGIN', $_, 'ROLLBACK') } @sql);
try_all('arguments of all kinds, by a role without rights', 'mallory', map { ('BEGIN', $_, 'ROLLBACK') } @sql);

#
# Every type
#
my @types = split /\n/, $node->safe_psql('postgres', q{SELECT t.oid::regtype FROM pg_type t JOIN pg_depend d ON d.classid = 'pg_type'::regclass AND d.objid = t.oid AND d.deptype = 'e' ORDER BY 1});
cmp_ok(scalar(@types), '>', 3, 'there are types');
@sql = map { ("SELECT '()'::$_", "SELECT '(1,2,3,4,5,6,7,8,9,10,11,12,13)'::$_", "SELECT 'x'::$_", "SELECT ROW(NULL)::$_", "CREATE TEMP TABLE t (a $_)", 'INSERT INTO t VALUES (NULL)', 'SELECT a::text FROM t', 'DROP TABLE t', "ALTER TYPE $_ OWNER TO mallory", "DROP TYPE $_ CASCADE") } @types;
($out, @err) = try_all('types', 'mallory', @sql);
# the error for the type of a row or of an array depends on PostgreSQL's version; what counts is that none has gone or has another owner
is($node->safe_psql('postgres', q{SELECT string_agg(t.oid::regtype::text, ',' ORDER BY t.oid::regtype) FROM pg_type t JOIN pg_depend d ON d.classid = 'pg_type'::regclass AND d.objid = t.oid AND d.deptype = 'e' WHERE t.typowner <> 'mallory'::regrole}),
	join(',', @types), 'nobody else owns them');
ok(scalar(grep { /ERROR:  42501/ } @err) > 0, 'which is refused');

#
# Rights: what must not be, of every function
#
is(join(', ', functions('p.oid::regprocedure', q{n.nspname = 'rfm_internal' AND (prorettype = 'trigger'::regtype OR 'internal'::regtype = ANY (proargtypes)) AND has_function_privilege('mallory', p.oid, 'EXECUTE')} =~ s/n\.nspname = 'rfm_internal'/pronamespace = 'rfm_internal'::regnamespace/r)),
	'', 'what only PostgreSQL calls is executable by nobody else');
is(join(', ', functions('p.oid::regprocedure', q{prosecdef AND prosqlbody IS NULL})), '', 'what runs as its owner is bound to the objects that it means');
is(join(', ', functions('p.oid::regprocedure', q{pronamespace <> 'rfm_internal'::regnamespace AND proname NOT LIKE 'rfm\_%'})), '', 'public functions are called rfm_...');
is($node->safe_psql('postgres', q{SELECT string_agg(c.relname, ', ') FROM pg_class c JOIN pg_depend d ON d.objid = c.oid AND d.classid = 'pg_class'::regclass AND d.deptype = 'e'
 WHERE c.relkind = 'r' AND (has_table_privilege('mallory', c.oid, 'UPDATE') OR has_table_privilege('mallory', c.oid, 'DELETE') OR has_table_privilege('mallory', c.oid, 'TRUNCATE') OR has_table_privilege('mallory', c.oid, 'TRIGGER') OR has_table_privilege('mallory', c.oid, 'REFERENCES') OR NOT c.relrowsecurity)}),
	'', 'no table of the extension can be locked, referred to or given triggers by others, and all have row security');
is($node->safe_psql('postgres', q{SELECT string_agg(attname, ', ') FROM pg_attribute WHERE attrelid = 'rfm_model'::regclass AND attnum > 0 AND attname <> 'model_id'
 AND NOT (has_column_privilege('mallory', attrelid, attnum, 'INSERT') AND has_column_privilege('mallory', attrelid, attnum, 'UPDATE'))}), '', 'every column of a model but its number can be written');
is($node->safe_psql('postgres', q{SELECT has_column_privilege('mallory', 'rfm_model', 'model_id', 'INSERT') OR has_column_privilege('mallory', 'rfm_model', 'model_id', 'UPDATE')}), 'f', 'its number cannot');
is($node->safe_psql('postgres', q{SELECT has_schema_privilege('mallory', 'rfm_internal', 'CREATE')}), 'f', 'and nobody puts anything into the schema of internal objects');
is($node->safe_psql('postgres', q{SELECT count(*) FROM eve.orders}), 100, 'nothing in a value was run');

$node->stop;
done_testing();
