# A library that meets SQL objects of another version: every function of C says
# so when it is declared with other arguments, another result, or as something
# else than it is in this version, and none crashes.
use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('signatures');
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
SELECT p.prosrc, p.prokind, p.proretset, p.proisstrict,
       (SELECT string_agg(t::regtype::text, ',' ORDER BY n) FROM unnest(p.proargtypes) WITH ORDINALITY AS a(t, n)),
       pg_get_function_result(p.oid)
  FROM pg_proc p JOIN pg_language l ON l.oid = p.prolang
 WHERE l.lanname = 'c' AND p.probin LIKE '%rfm' ORDER BY p.pronargs}))
{
	my ($name, $kind, $set, $strict, $args, $result) = split /\|/, $line, 6;
	$declared{$name} = { kind => $kind, set => $set, strict => $strict, args => [ split /,/, $args ], result => $result };
}
is(join(' ', sort grep { !$declared{$_} } keys %exported), '', 'the script declares every one of them');

# Values to call a wrong declaration with; what only a server gets to call takes plain numbers instead
my %value = (
	bigint => '7', integer => '7', text => "'x'", name => "'x'", date => "'2024-01-01'", boolean => 'true',
	numeric => '1.5', 'double precision' => '1.5', bytea => "'\\xdeadbeef'", regclass => "'pg_class'",
	interval => "'1 day'", jsonb => "'{}'");

sub plain
{
	return map { $_ eq 'internal' ? 'bigint' : /^("any"|anyelement|cstring|rfm_rank_summary)$/ ? 'text' : $_ } @_;
}

# Declares the function of C, calls it, and expects it to object
sub objects
{
	my ($name, $what, $args, $tail, %how) = @_;
	my $kind = $how{kind} // 'FUNCTION';
	my $list = join(', ', @$args);
	my $values = $how{nulls} ? join(', ', map { "NULL::$_" } @$args) : join(', ', map { ($value{$_} // "'{}'") . "::$_" } @$args);
	my $call =
		$how{call}           ? $how{call}
	  : $kind eq 'PROCEDURE' ? "CALL old.wrong($values)"
	  : $tail =~ /RETURNS (SETOF|TABLE)/ ? "SELECT * FROM old.wrong($values)"
	  :                                    "SELECT old.wrong($values)";
	my ($rc, $out, $err) = $node->psql(
		'postgres', qq{
DROP SCHEMA old CASCADE; CREATE SCHEMA old; SET client_min_messages = warning;
CREATE $kind old.wrong($list) $tail LANGUAGE c AS '\$libdir/rfm', '$name';
$call});
	like($err, $mismatch, "$name, $what");
	return;
}

for my $name (sort keys %exported)
{
	my $this = $declared{$name};
	my @args = plain(@{ $this->{args} });
	my $returns = $this->{kind} eq 'p' ? '' : 'RETURNS ' . join('', plain($this->{result}));
	my $kind = $this->{kind} eq 'p' ? 'PROCEDURE' : 'FUNCTION';

	objects($name, 'without arguments', [], 'RETURNS bigint') if @args;
	objects($name, 'one number', ['bigint'], 'RETURNS bigint');
	objects($name, 'one text', ['text'], 'RETURNS text');
	objects($name, 'five numbers', [ ('double precision') x 5 ], 'RETURNS bigint');
	objects($name, 'one argument more', [ @args, 'text' ], $returns, kind => $kind) if $this->{result} ne 'trigger';
	objects($name, 'one argument more, all null', [ @args, 'text' ], $returns, kind => $kind, nulls => 1) if $this->{result} ne 'trigger';
	objects($name, 'one argument less', [ @args[ 0 .. $#args - 1 ] ], $returns, kind => $kind) if @args;
	objects($name, 'arguments in another order', [ reverse @args ], $returns, kind => $kind)
	  if join(',', @args) ne join(',', reverse @args);
	objects($name, 'another result', \@args, $this->{result} eq 'text' ? 'RETURNS bigint' : 'RETURNS text');
	objects($name, 'a set', \@args, 'RETURNS SETOF bigint');
	objects($name, 'rows of one column', \@args, 'RETURNS TABLE (a text)');
	objects($name, 'rows of many columns', \@args, 'RETURNS TABLE (' . join(', ', map { "c$_ text" } 1 .. 30) . ')');
	objects($name, 'one row', \@args, 'RETURNS record', call => 'SELECT * FROM old.wrong('
		  . join(', ', map { "NULL::$_" } @args) . ') AS r(a text, b bigint)')
	  unless $kind eq 'PROCEDURE';
	objects($name, 'as a procedure', \@args, '', kind => 'PROCEDURE') if $kind eq 'FUNCTION';
	objects($name, 'as a function', \@args, 'RETURNS void') if $kind eq 'PROCEDURE';
	objects($name, 'not strict any more', \@args, $returns, nulls => 1) if $this->{strict} eq 't';
	objects($name, 'as a trigger', [], 'RETURNS trigger',
		call => 'CREATE TABLE old.t (a text); INSERT INTO old.t VALUES (1);'
		  . ' CREATE TRIGGER t BEFORE UPDATE ON old.t FOR EACH ROW EXECUTE FUNCTION old.wrong(); UPDATE old.t SET a = 2')
	  unless $this->{result} eq 'trigger';
	objects($name, 'as a transition function', [ 'bigint', 'double precision' ], 'RETURNS bigint',
		call => q{CREATE AGGREGATE old.a(double precision) (SFUNC = old.wrong, STYPE = bigint, INITCOND = '5');
SELECT old.a(i) FROM generate_series(1, 3) i});
	objects($name, 'as a final function', ['bigint'], 'RETURNS bigint',
		call => q{CREATE FUNCTION old.add(bigint, double precision) RETURNS bigint LANGUAGE sql AS 'SELECT $1 + 1';
CREATE AGGREGATE old.a(double precision) (SFUNC = old.add, STYPE = bigint, INITCOND = '5', FINALFUNC = old.wrong);
SELECT old.a(i) FROM generate_series(1, 3) i});
}

# of varying length
objects('rfm_collect_trans', 'variadic', [], 'RETURNS bigint', call => q{
CREATE FUNCTION old.trans(internal, "any", "any", VARIADIC "any") RETURNS internal LANGUAGE c AS '$libdir/rfm', 'rfm_collect_trans';
CREATE AGGREGATE old.a("any", "any", VARIADIC "any") (SFUNC = old.trans, STYPE = internal, FINALFUNC = rfm_collect_final);
SELECT old.a(1, now(), 2, 3, 4, 5, 6)});

# what the message says
my (undef, undef, $err) = $node->psql('postgres', q{
CREATE FUNCTION old.rfm_refresh(date) RETURNS bigint LANGUAGE c AS '$libdir/rfm', 'rfm_refresh';
SELECT old.rfm_refresh('2024-01-01')});
my $version = $node->safe_psql('postgres', q{SELECT extversion FROM pg_extension WHERE extname = 'rfm'});
like($err, qr/^DETAIL:  The library, version \Q$version\E, has rfm_refresh\(date, text\) RETURNS bigint; old.rfm_refresh\(date\) is declared otherwise\.$/m,
	'which function, and how');
like($err, qr/^HINT:  .*ALTER EXTENSION rfm UPDATE/m, 'what to do');

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
