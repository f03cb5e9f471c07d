# A library that meets SQL objects of another version: every function of C says
# so before it looks at its arguments, however it is declared, and none crashes.
use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('versions');
$node->init;
$node->append_conf('postgresql.conf', "autovacuum = off\nrestart_after_crash = on");
$node->start;
$node->safe_psql('postgres', 'CREATE EXTENSION rfm; CREATE SCHEMA old');
my $started = $node->safe_psql('postgres', 'SELECT pg_postmaster_start_time()');

my $mismatch = qr/ERROR:  library and SQL objects of the extension rfm are of different versions/;

# What the library exports
my ($libdir) = run_command([ 'pg_config', '--pkglibdir' ]);
my $suffix = -e "$libdir/rfm.so" ? 'so' : 'dylib';
my $library = slurp_file("$libdir/rfm.$suffix");
my %exported = map { $_ => 1 } $library =~ /\bpg_finfo_(rfm_\w+)\0/g;
cmp_ok(scalar keys %exported, '>', 20, 'the library exports functions');

# How this version declares each, of an overloaded one the longest
my %declared;
for my $line (
	split /\n/, $node->safe_psql(
		'postgres', q{
SELECT p.prosrc, p.prokind,
       (SELECT string_agg(t::regtype::text, ',' ORDER BY n) FROM unnest(p.proargtypes) WITH ORDINALITY AS a(t, n)),
       pg_get_function_result(p.oid)
  FROM pg_proc p JOIN pg_language l ON l.oid = p.prolang
 WHERE l.lanname = 'c' AND p.probin LIKE '%rfm' ORDER BY p.pronargs}))
{
	my ($name, $kind, $args, $result) = split /\|/, $line, 4;
	$declared{$name} = { kind => $kind, args => [ split /,/, $args ], result => $result };
}
is(join(' ', sort grep { !$declared{$_} } keys %exported), '', 'the script declares every one of them');

SKIP:
{
	skip 'no nm here, or no ELF', 1 if $suffix ne 'so' || system('command -v nm >/dev/null') != 0;
	my ($symbols) = run_command([ 'nm', '-D', '--defined-only', "$libdir/rfm.so" ]);
	my @others = grep { !$exported{$_} && !/^(?:_PG_init|Pg_magic_func|pg_finfo_\w+)$/ } $symbols =~ / [A-Z] (\S+)$/mg;
	is("@others", '', 'it exports nothing else');
}

#
# Functions
#
is($node->safe_psql('postgres', 'SELECT rfm_bucket(2.5::float8, array[1.0, 2.0]::float8[])'), 3, 'of one version: they work');
my $version = $node->safe_psql('postgres', q{SELECT extversion FROM pg_extension WHERE extname = 'rfm'});
$node->safe_psql('postgres', q{UPDATE pg_extension SET extversion = '0.9.0' WHERE extname = 'rfm'});

# Declares a function of C, calls it, and expects it to object
sub objects
{
	my ($name, $what, $args, $tail, %how) = @_;
	my $kind = $how{kind} // 'FUNCTION';
	my $list = join(', ', @$args);
	my $values = join(', ', map { "NULL::$_" } @$args);
	my $call =
		$how{call}           ? $how{call}
	  : $kind eq 'PROCEDURE' ? "CALL old.other($values)"
	  : $tail =~ /RETURNS SETOF record/  ? "SELECT * FROM old.other($values) AS r(a text)"
	  : $tail =~ /RETURNS (SETOF|TABLE)/ ? "SELECT * FROM old.other($values)"
	  :                                    "SELECT old.other($values)";
	my ($rc, $out, $err) = $node->psql(
		'postgres', qq{
DROP SCHEMA old CASCADE; CREATE SCHEMA old; SET client_min_messages = warning;
CREATE $kind old.other($list) $tail LANGUAGE c AS '\$libdir/rfm', '$name';
$call});
	like($err, $mismatch, "$name, $what");
	return;
}

for my $name (sort keys %exported)
{
	# what only a server gets to call takes plain numbers instead
	my @args = map { $_ eq 'internal' ? 'bigint' : /^("any"|anyelement)$/ ? 'text' : $_ } @{ $declared{$name}{args} };
	my $result = $declared{$name}{result} eq 'internal' ? 'bigint' : $declared{$name}{result};
	my $kind = $declared{$name}{kind} eq 'p' ? 'PROCEDURE' : 'FUNCTION';
	my $returns = $kind eq 'PROCEDURE' ? '' : "RETURNS $result";

	objects($name, 'as it is', \@args, $returns, kind => $kind) if $result ne 'trigger';
	objects($name, 'one argument more', [ @args, 'text' ], $returns, kind => $kind) if $result ne 'trigger';
	objects($name, 'one argument less', [ @args[ 0 .. $#args - 1 ] ], $returns, kind => $kind) if @args;
	objects($name, 'another result', \@args, $result eq 'text' ? 'RETURNS bigint' : 'RETURNS text');
	objects($name, 'rows of one column', \@args, 'RETURNS TABLE (a text)');
	objects($name, 'as a trigger', [], 'RETURNS trigger',
		call => 'CREATE TABLE old.t (a text); INSERT INTO old.t VALUES (1);'
		  . ' CREATE TRIGGER t BEFORE UPDATE ON old.t FOR EACH ROW EXECUTE FUNCTION old.other(); UPDATE old.t SET a = 2');
	objects($name, 'as a transition function', [ 'bigint', 'double precision' ], 'RETURNS bigint',
		call => q{CREATE AGGREGATE old.a(double precision) (SFUNC = old.other, STYPE = bigint, INITCOND = '5');
SELECT old.a(i) FROM generate_series(1, 3) i});
}

# what the extension itself has
my (undef, undef, $err) = $node->psql('postgres', q{SELECT rfm_refresh('2024-01-01')});
like($err, $mismatch, 'a function of the extension');
like($err, qr/^DETAIL:  The library is of version \Q$version\E, the SQL objects in this database are of version 0\.9\.0\.$/m, 'of which versions they are');
like($err, qr/^HINT:  .*ALTER EXTENSION rfm UPDATE/m, 'what to do');
(undef, undef, $err) = $node->psql('postgres', q{SELECT rfm_quintiles(i::numeric) FROM generate_series(1, 10) i});
like($err, $mismatch, 'an aggregate');
(undef, undef, $err) = $node->psql('postgres', q{
CREATE TABLE many AS SELECT i::float8 AS i FROM generate_series(1, 10000) i;
SET parallel_setup_cost = 0; SET parallel_tuple_cost = 0; SET min_parallel_table_scan_size = 0; SET parallel_leader_participation = off;
SELECT rfm_quintiles(i) FROM many});
like($err, $mismatch, 'an aggregate in parallel workers');
like($err, qr/^CONTEXT:  parallel worker$/m, 'in which it is noticed');

# where there is no extension
$node->safe_psql('postgres', 'CREATE DATABASE without');
(undef, undef, $err) = $node->psql('without', q{
CREATE FUNCTION bucket(float8, float8[]) RETURNS int LANGUAGE c AS '$libdir/rfm', 'rfm_float8_bucket';
SELECT bucket(1, '{1}')});
like($err, $mismatch, 'a database without the extension');
like($err, qr/^DETAIL:  .*does not have the extension\.$/m, 'which is said');

$node->safe_psql('postgres', qq{UPDATE pg_extension SET extversion = '$version' WHERE extname = 'rfm'});
is($node->safe_psql('postgres', 'SELECT array_length(rfm_quintiles(i), 1) FROM many'), 4, 'of one version again: they work');

#
# Tables of another version
#
$node->safe_psql('postgres', q{
CREATE SCHEMA ecom; CREATE TABLE ecom.orders (customer_id int, created_at date, total numeric);
INSERT INTO ecom.orders VALUES (1, '2024-01-01', 1);
SELECT rfm_refresh('2024-01-01');
ALTER TABLE rfm_model RENAME weights TO heights});
(undef, undef, $err) = $node->psql('postgres', q{SELECT rfm_refresh('2024-01-01')});
like($err, $mismatch, 'rfm_model without a column');
like($err, qr/DETAIL:  .*"weights" of rfm_model/, 'and which');
$node->safe_psql('postgres', 'ALTER TABLE rfm_model RENAME heights TO weights; ALTER TABLE rfm_model ADD newer int');
(undef, undef, $err) = $node->psql('postgres', q{SELECT rfm_create_model('m', 'ecom.orders', 'ecom.m')});
like($err, $mismatch, 'rfm_model with a column more');

is($node->safe_psql('postgres', 'SELECT pg_postmaster_start_time()'), $started, 'the server is the one that was started');
unlike(slurp_file($node->logfile), qr/terminated by signal|PANIC|TRAP/, 'and no session crashed');

$node->stop;
done_testing();
