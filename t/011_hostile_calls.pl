# Every function that the extension brings, taken from the catalog, and every
# column of the tables that users write to, given values made to break them: by
# an ordinary role, one value at a time and all at random.  Whatever comes back,
# it is no internal error, nothing in a value is run, and the server lives.
# RFM_SEED sets the random calls, RFM_CALLS how many of each function.
use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $seed = $ENV{RFM_SEED} // 20240630;
my $random_calls = $ENV{RFM_CALLS} // 12;
srand($seed);

my $node = PostgreSQL::Test::Cluster->new('hostile_calls');
$node->init(extra => [ '--locale=C.UTF-8', '--encoding=UTF8' ]);
$node->append_conf('postgresql.conf', "autovacuum = off\nlog_statement = none\nlog_min_error_statement = panic\n");
# where pg_cron is installed jobs can be made, too
my ($sharedir, $error) = run_command([ 'pg_config', '--sharedir' ]);
my $cron = -e "$sharedir/extension/pg_cron.control";
$node->append_conf('postgresql.conf', "shared_preload_libraries = 'pg_cron'") if $cron;
$node->start;
$node->safe_psql(
	'postgres', q{
CREATE EXTENSION rfm;
CREATE ROLE analyst LOGIN;
} . ($cron ? 'CREATE EXTENSION pg_cron; GRANT USAGE ON SCHEMA cron TO analyst;' : '') . q{
CREATE SCHEMA shop AUTHORIZATION analyst;
SET ROLE analyst;
CREATE TABLE shop.orders (order_id int, customer_id int, created_at timestamptz, total numeric, status text);
INSERT INTO shop.orders SELECT i, i % 40, timestamptz '2024-06-30 12:00+00' - i * interval '7 hours', i % 17, 'paid' FROM generate_series(1, 200) i;
CREATE TABLE shop.precious (a int);
INSERT INTO shop.precious VALUES (1);
-- whoever runs it leaves a trace that no rollback takes back
CREATE SEQUENCE shop.traces;
CREATE FUNCTION shop.bait() RETURNS bool LANGUAGE sql VOLATILE AS $$ SELECT nextval('shop.traces') > 0 $$;
SELECT rfm_copy_ruleset('sum5', 'mine');
SELECT rfm_create_model('shop', 'shop.orders', 'shop.scores', filter => $$status = 'paid'$$, segment_rules => 'mine');
SELECT rfm_refresh('2024-06-29', 'shop'), rfm_refresh('2024-06-30', 'shop');
});

# a literal on one line
sub quote
{
	my ($text) = @_;
	$text =~ s/([\\'])/$1$1/g;
	$text =~ s/\n/\\n/g;
	return " E'$text'";
}

my @texts = (
	'', ' ', "\t\n", "'", '"', "\\", "\\'", '""', "''", '$1', '$$', '%', '%s%I%L%1$s', '*', ';', '--', '/*', '(', ')', '{', '}', '[', '.', '..', 'a.b.c.d', 'a.b', ',',
	"'; SELECT shop.bait(); --", "\\'; SELECT shop.bait(); --", '"; SELECT shop.bait(); --', "') OR shop.bait() --", '") OR shop.bait() --', '$$; SELECT shop.bait(); --',
	'shop.bait()', 'true OR shop.bait()', 'shop.bait()::int', 'CASE WHEN shop.bait() THEN 1 END', '1); DROP TABLE shop.precious; --', '<script>&amp;"\'', 'x' x 10_000, "\x01\x7f", "\x{c3}\x{a9}\x{f0}\x{9f}\x{8e}\x{89}", 'NULL', 'null', 'true', 'random()',
	'shop', 'SHOP', 'mine', 'sum5', 'default', 'shop.orders', 'shop.scores', 'shop.traces', 'pg_class', 'pg_catalog.pg_authid', 'rfm_model', 'no_such_thing', '0', '-1', '3', '99999999999999999999', 'NaN', '1e400', 'customer_id', 'total', 'ctid', 'tableoid', 'xmin',
	'* * * * *', '60 24 32 13 8', '*/0 * * * *', '1-0 5-3 * * *', '@reboot', '0 2 * * *; 1', '5 seconds', '99999999999 * * * *', '* * 31 2 *', ',,, - / * *',
	'Europe/Berlin', 'Mars/Phobos', '+99:99', '../../etc/passwd', 'posixrules', 'UTC+200', 'day', 'month', 'ntile', 'breaks', 'latest_order');
my %values = (
	text => [ map { quote($_) . '::text' } @texts ],
	name => [ map { quote($_) . '::name' } @texts ],
	regclass => [ (map { quote($_) . '::regclass' } @texts), '0::regclass', '4294967295::regclass', '1259::regclass' ],
	regrole => [ map { quote($_) . '::regrole' } @texts ],
	oid => [ '0::oid', '1259::oid', '4294967295::oid', "'shop.orders'::regclass::oid", "'shop.scores'::regclass::oid", quote('-1x') . '::oid' ],
	date => [ map { quote($_) . '::date' } qw(infinity -infinity 5874897-12-31 294276-12-31 294277-01-01 0001-01-01 2024-06-30 2024-02-30 2024-13-01 yesterday epoch 20240630x), '4713-01-01 BC', '', 'x' ],
	timestamptz => [ map { quote($_) . '::timestamptz' } qw(infinity -infinity epoch 294276-12-31 294277-01-01 2024-06-30), '4713-11-24 BC', '2024-03-31 02:30 Europe/Berlin', '2024-06-30 25:00', '' ],
	interval => [ map { quote($_) . '::interval' } '', 'x', '1 day', '-1 day', '0', '178000000 years', '-178000000 years', '999999999999 days', '1 mon -40 days', '25:61', 'P1Y', 'P', '1 day ago', '2147483647 days', '-2147483648 days', '1e300 years' ],
	numeric => [ map { quote($_) . '::numeric' } '', 'x', '0', '-0.5', 'NaN', 'Infinity', '-Infinity', '1e131071', '1e-16383', '1e200000', '9' x 5000 ],
	float8 => [ map { quote($_) . '::float8' } '', 'x', '0', '-0', 'NaN', 'Infinity', '-Infinity', '1.7976931348623157e308', '5e-324', '1e400' ],
	int4 => [ (map { quote($_) . '::int4' } qw(0 1 -1 2 5 10 11 2147483647 -2147483648 2147483648 x)), quote('') . '::int4' ],
	int8 => [ map { quote($_) . '::int8' } qw(0 1 -1 9223372036854775807 -9223372036854775808 9223372036854775808 x) ],
	bool => [ map { quote($_) . '::bool' } 'true', 'false', '', 'maybe' ],
	jsonb => [ map { quote($_) . '::jsonb' } '', '{', '{}', '[]', 'null', '1', '"x"', '{"a": 1}', '{"run_date": null}', '{"customer_id": null}', '{"customer_id": "customer_id", "recency_days": "customer_id"}', '{"recency_days": 5}', '{"recency_days": {"a": []}}',
		'{"recency_days": ""}', '{"RECENCY_DAYS": "x"}', '{"recency_days": "\\"; SELECT shop.bait(); --"}', '{"recency_days": "' . 'x' x 100 . '"}', '{"recency_days": "ctid"}', '{"recency_days": "\\u0000"}', '[{"run_date": null}]', '{"run_date": null, "run_date": "x"}', '[' x 5000 . ']' x 5000 ],
	int4range => [ map { quote($_) . '::int4range' } '', '[', 'x', '[1,5]', '[5,1]', 'empty', '(,)', '[1,', '[1,2,3]', '(5,5)', '[0,0]', '[-2147483648,2147483647]', '[2147483647,2147483647]', '[11,)', '(,1)', '[1,5', '[a,b]' ],
	'int4[]' => [ (map { quote($_) . '::int4[]' } '', '{', '{}', '{5}', '{0}', '{11}', '{NULL}', '{5,NULL,5}', '{5,5}', '{2,3,4,5}', '{{5,5,5}}', '{{5},{5},{5}}', '[0:2]={5,5,5}', '[5:5]={5}', '{2147483647}', '{-5}', '{x}', '{2147483647,2147483647,2147483647}'), 'array_fill(5, ARRAY[100000])' ],
	'numeric[]' => [ (map { quote($_) . '::numeric[]' } '', '{', '{}', '{1}', '{NULL}', '{1,NULL,2,3}', '{4,3,2,1}', '{1,1,1,1}', '{1,2,3,4}', '{{1,2},{3,4}}', '[-3:0]={1,2,3,4}', '{NaN,1,2,3}', '{-Infinity,1,2,Infinity}', '{x}', '{1e131000,1e131001,1e131002,1e131003}'), 'array_fill(1::numeric, ARRAY[100000])' ],
	'float8[]' => [ map { quote($_) . '::float8[]' } '', '{}', '{1}', '{NULL}', '{1,NULL}', '{3,2,1}', '{{1,2},{3,4}}', '[0:1]={1,2}', '{NaN}', '{NaN,1}', '{-Infinity,Infinity}', '{x}' ],
	'date[]' => [ map { quote($_) . '::date[]' } '', '{}', '{NULL}', '{2024-06-30}', '{infinity,-infinity}', '{x}' ],
	bytea => [ map { quote($_) . '::bytea' } '', '\\x', '\\x00', '\\xff', '\\x' . '00' x 100, '\\x' . 'ff' x 100, '\\xzz' ],
	any => [ '1', "'x'::text", 'NULL', "'{1}'::int[]", "point '(1,2)'", "ROW(1, 'x')", "'{}'::jsonb", 'now()', "'x'" ]);
$values{anyelement} = [ @{ $values{any} }, map { quote($_) . '::text' } @texts[ 0 .. 40 ] ];
$values{$_} = [ @{ $values{$_} }, "NULL::$_" ] for grep { $_ !~ /^any/ } keys %values;

# what suits an argument of that name, or that type
my %suits = (
	model => quote('shop'), source => quote('shop.orders'), target => quote('shop.other'), ruleset => quote('mine'), from_ruleset => quote('mine'), to_ruleset => quote('other'),
	schedule => quote('0 2 * * *'), zone => quote('UTC'), customer => quote('3'), text => quote('x'), name => quote('x'), date => "'2024-06-30'::date", int4 => '3', int8 => '3', bool => 'true',
	'int4[]' => "'{5}'::int4[]", 'numeric[]' => "'{1,2,3}'::numeric[]", 'float8[]' => "'{1,2,3}'::float8[]", numeric => '1::numeric', float8 => '1::float8', anyelement => '3', any => '3');

sub suitable
{
	my ($arg, $type) = @_;
	return $suits{$arg} // $suits{$type} // "NULL::$type";
}

# hostile values of a type; of one of the extension's own, null and nothing
sub hostile
{
	my ($type) = @_;
	return @{ $values{$type} // [ "NULL::$type", $type =~ /\[\]$/ ? "'{}'::$type" : "'()'::$type", "'x'::$type" ] };
}

# name(args) of one call: values by position where the arguments have no names
sub call
{
	my ($f, %given) = @_;
	my @args;
	for my $i (0 .. $#{ $f->{types} })
	{
		my $name = $f->{names}[$i];
		next if !exists $given{$i} && $name && $i >= $f->{required};
		push @args, ($name ? "$name => " : '') . ($given{$i} // suitable($name // '', $f->{types}[$i]));
	}
	return "$f->{name}(" . join(', ', @args) . ')';
}

# One name a line: kind, schema-qualified name, how many arguments have no default, types, names
my @functions;
for my $line (split /\n/, $node->safe_psql('postgres', q{
SELECT concat_ws('|', CASE WHEN obj_description(p.oid, 'pg_proc') ~ '^internal' THEN 'internal' ELSE prokind::text END, oid::regproc::text, pronargs - pronargdefaults,
                 (SELECT string_agg(format_type(t, NULL), ';' ORDER BY i) FROM unnest(proargtypes) WITH ORDINALITY a(t, i)),
                 CASE WHEN proargnames[1] <> '' THEN array_to_string(proargnames[:pronargs], ';') END)
  FROM pg_proc p JOIN pg_depend d ON d.objid = p.oid AND d.classid = 'pg_proc'::regclass AND deptype = 'e'
 WHERE refobjid = (SELECT oid FROM pg_extension WHERE extname = 'rfm') AND prorettype <> 'trigger'::regtype
 ORDER BY oid::regprocedure::text COLLATE "C"}))
{
	my ($kind, $name, $required, $types, $names) = split /\|/, $line;
	my %short = ('integer' => 'int4', 'bigint' => 'int8', 'boolean' => 'bool', 'double precision' => 'float8', 'timestamp with time zone' => 'timestamptz',
		'"any"' => 'any', 'integer[]' => 'int4[]', 'double precision[]' => 'float8[]');
	push @functions, { kind => $kind, name => $name, required => $required,
		types => [ map { $short{$_} // $_ } split /;/, $types // '' ], names => [ split /;/, $names // '' ] };
}
cmp_ok(scalar(@functions), '>', 60, 'the catalog knows the functions');

my (@undone, @internal, @committed);
for my $f (@functions)
{
	# rfm_create_model() must find no model of that name
	local $suits{model} = $f->{name} eq 'rfm_create_model' ? quote('another') : $suits{model};
	my @calls = (call($f));
	my @types = @{ $f->{types} };
	for my $i (0 .. $#types)
	{
		my @values = hostile($types[$i]);
		@values = grep { rand() < 0.3 } @values if $f->{kind} eq 'internal';
		push @calls, map { call($f, $i => $_) } @values;
	}
	for (1 .. @types > 1 ? $random_calls : 0)
	{
		push @calls, call($f, map { my @v = hostile($types[$_]); rand() < 0.7 ? ($_ => $v[ rand @v ]) : () } 0 .. $#types);
	}
	if ($f->{kind} eq 'internal')
	{
		push @internal, map { "SELECT $_" } @calls;
		next;
	}
	push @committed, map { "CALL $_" } @calls if $f->{kind} eq 'p';
	# within a transaction, too, where procedures that commit must refuse
	push @undone, map { ($f->{kind} eq 'p' ? 'CALL ' : 'SELECT ') . $_ } @calls;
	push @undone, map { "SELECT count(*) FROM $_" } @calls if $f->{kind} eq 'f' && $f->{name} =~ /(preview|score_now|customer|grid|trend)$/;
}

# columns that users write
for my $line (split /\n/, $node->safe_psql('postgres', q{
SELECT concat_ws('|', attrelid::regclass, quote_ident(attname), format_type(atttypid, NULL))
  FROM pg_attribute WHERE attrelid IN ('rfm_model'::regclass, 'rfm_ruleset'::regclass, 'rfm_segment_rule'::regclass) AND attnum > 0 AND NOT attisdropped ORDER BY attrelid, attnum}))
{
	my ($table, $column, $type) = split /\|/, $line;
	$type = { integer => 'int4', boolean => 'bool', 'integer[]' => 'int4[]' }->{$type} // $type;
	my $where = { rfm_model => "model = 'shop'", rfm_ruleset => "ruleset = 'mine'", rfm_segment_rule => "ruleset = 'mine' AND priority = 10" }->{$table};
	for my $value (hostile($type))
	{
		push @undone, "UPDATE $table SET $column = $value WHERE $where";
		# and what becomes of one that was let in
		push @undone, "WITH u AS (UPDATE $table SET $column = $value WHERE $where RETURNING 1) SELECT 1 FROM u; SELECT rfm_refresh('2024-06-30', 'shop'); SELECT count(*) FROM rfm_preview('2024-06-28', 'shop')";
	}
}
push @undone, map { "INSERT INTO rfm_ruleset (ruleset, buckets) VALUES ('other', $_)" } hostile('int4[]');

# Runs them one by one; what must not be said goes by a pattern of SQLSTATEs.
# Returns how often each SQLSTATE was said.
sub run_all
{
	my ($name, $settings, $wrap, $never, @calls) = @_;
	my $dir = PostgreSQL::Test::Utils::tempdir();
	open my $file, '>', "$dir/calls.sql" or die "cannot write: $!";
	print {$file} "$settings\n", map { $wrap ? "BEGIN; $_; ROLLBACK;\n" : "$_;\n" } @calls;
	close $file;
	my $connstr = $node->connstr('postgres') . ' user=analyst';
	my $rc = system(qq{psql -XAtq -v VERBOSITY=sqlstate -d "$connstr" -f "$dir/calls.sql" >/dev/null 2>"$dir/err"});
	is($rc, 0, "$name: the session lives to the end") or diag substr(slurp_file("$dir/err"), -500);
	my (@bad, %count);
	for (split /\n/, slurp_file("$dir/err"))
	{
		next if !/^psql:.*\.sql:(\d+): (?:ERROR|FATAL|PANIC):  (\w{5})/;
		my ($state, $call) = ($2, $calls[ $1 - 2 ]);
		$count{$state}++;
		push @bad, "$state: " . substr($call, 0, 300) if $state =~ $never;
		# text that was taken for SQL; an expression, and a name of a relation, are to be parsed
		push @bad, "$state: " . substr($call, 0, 300) if $state eq '42601' && $name ne 'internal' && $call !~ /regclass|target|amount|filter|SET (customer|ordered_at|order_id|order_count|score_within) =/;
	}
	is(join("\n", splice @bad, 0, 10), '', "$name: no internal error in " . @calls . ' statements');
	note join ', ', map { "$_: $count{$_}" } sort keys %count;
	return \%count;
}

# internal errors, crashes, RAISE without a code of its own; and what takes long
my $internal_errors = qr/^(XX|57P|58|P0001|08)/;
my $settings = 'SET client_min_messages = error;';
my $said = run_all('undone', "$settings SET statement_timeout = '60s';", 1, qr/$internal_errors|57014/, @undone);
cmp_ok($said->{22023}, '>', 500, 'many were refused as invalid');
run_all('search path', "$settings SET search_path = shop, public; SET standard_conforming_strings = off; SET escape_string_warning = off; SET DateStyle = 'German';",
	1, $internal_errors, grep { rand() < 0.1 } @undone);
# what is for the extension's own use, and long ranges of dates, may end by the timeout
run_all('internal', "$settings SET statement_timeout = '500ms';", 1, $internal_errors, @internal);
run_all('committed', "$settings SET statement_timeout = '100ms';", 0, $internal_errors, @committed);

is($node->safe_psql('postgres', "SELECT is_called FROM shop.traces"), 'f', 'nothing in a value was run');
is($node->safe_psql('postgres', 'SELECT a FROM shop.precious'), 1, 'nothing was dropped');
is($node->safe_psql('postgres', "SELECT rfm_refresh('2024-06-30', 'shop')"), 40, 'and the model works');
unlike(slurp_file($node->logfile), qr/PANIC|TRAP|terminated by signal/, 'nothing crashed');

$node->stop;
done_testing();
