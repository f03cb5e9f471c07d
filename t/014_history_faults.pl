# Faults at random moments of the calls that handle many dates: a backfill, a
# catch-up, a refresh that makes a partition and drops another, a report.
# After each, whole dates are there or not, from the first on, the log has just
# those, no lock, no file and no table is left, and the next call does the rest.
# RFM_SEED repeats the moments, as far as time can be repeated; RFM_FAULTS
# multiplies their number.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/lib";

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Server;
use Test::More;
use Time::HiRes qw(time usleep);

my $seed = $ENV{RFM_SEED} // time() % 1_000_000;
my $times = $ENV{RFM_FAULTS} // 1;
srand($seed);
note "seed $seed";

my $node = PostgreSQL::Test::Cluster->new('history_faults');
$node->init;
$node->append_conf(
	'postgresql.conf', q{
restart_after_crash = on
autovacuum = off
jit = off
shared_buffers = 16MB
});
$node->start;

# four dates to come; digest() is a target's dates with what is in them
$node->safe_psql(
	'postgres', q{
CREATE EXTENSION rfm;
CREATE TABLE orders AS
SELECT i % 3000 AS customer_id, timestamp '2024-06-30 12:00' - i * interval '5 minutes' AS created_at, (i % 977) * 0.01 AS total
  FROM generate_series(1, 9000) i;
ANALYZE orders;
SELECT rfm_create_model('backfill', 'orders', 'backfill_scores');
SELECT rfm_create_model('catch_up', 'orders', 'catch_up_scores', as_of => 'latest_order');
SELECT rfm_create_model('parts', 'orders', 'parts_scores', partition_by => 'day', retention => '3 days', as_of => 'latest_order');
SELECT rfm_create_model('report', 'orders', 'report_scores');
SELECT rfm_refresh('2024-06-26', model) FROM rfm_model WHERE model <> 'backfill';
SELECT rfm_refresh('2024-06-27', model) FROM rfm_model WHERE model IN ('parts', 'report');
CREATE FUNCTION digest(target regclass) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  result text;
BEGIN
  EXECUTE format('SELECT string_agg(run_date || '':'' || digest, '' '' ORDER BY run_date)
    FROM (SELECT run_date, count(*) || '':'' || md5(string_agg(concat_ws('','', customer_id, recency_days, frequency_orders, monetary_value, r_score, f_score, m_score, rfm_segment, comments), '';'' ORDER BY customer_id)) AS digest
            FROM %s GROUP BY run_date) d', target) INTO result;
  RETURN coalesce(result, '');
END $$;
});

sub ask { return $node->safe_psql('postgres', shift) }

# A call; how to make the state that it begins with; whose dates it writes; how
# many dates must be there in the end.  parts: one more date, and the oldest goes.
my %calls = (
	backfill => { sql => "CALL rfm_backfill('2024-06-26', '2024-06-29', 'backfill')", rewind => 'TRUNCATE backfill_scores; DELETE FROM rfm_run WHERE model = $$backfill$$' },
	catch_up => { sql => "CALL rfm_catch_up('catch_up')", rewind => q{DELETE FROM catch_up_scores WHERE run_date > '2024-06-26'; DELETE FROM rfm_run WHERE model = 'catch_up' AND run_date > '2024-06-26'} },
	parts => { sql => "SELECT rfm_refresh('2024-06-29', 'parts')",
		rewind => q{DELETE FROM rfm_run WHERE model = 'parts'; DROP TABLE IF EXISTS parts_scores_2024_06_29, parts_scores_2024_06_26;
			UPDATE rfm_model SET retention = NULL WHERE model = 'parts'; SELECT rfm_refresh('2024-06-26', 'parts'); UPDATE rfm_model SET retention = '3 days' WHERE model = 'parts'} },
	report => { sql => "SELECT length(rfm_report('2024-06-27', 'report'))", rewind => 'SELECT 1' });

sub state_of
{
	my ($name) = @_;
	return ask("SELECT digest('${name}_scores') || ' log ' || coalesce((SELECT string_agg(run_date::text, ' ' ORDER BY run_id) FROM rfm_run WHERE model = '$name'), '')");
}

# settings under which everything may lie in files
my @ways = ('', '-c rfm.work_mem=64kB');

sub start_call
{
	my ($name, $options) = @_;
	my ($out, $err) = ('', '');
	my $connstr = $node->connstr('postgres') . " application_name=victim options='$options'";
	my %victim = (err => \$err, out => \$out);
	$victim{run} = IPC::Run::start([ 'psql', '-XAtq', '-d', $connstr, '-c', $calls{$name}{sql} ], '>', \$out, '2>', \$err);
	return \%victim;
}

sub run_call
{
	my ($name, $options) = @_;
	my $victim = start_call($name, $options);
	$victim->{run}->finish;
	return ${ $victim->{err} };
}

# Each date that a call may have come to
for my $name (sort keys %calls)
{
	my $call = $calls{$name};
	ask($call->{rewind});
	$call->{allowed} = { state_of($name) => 'none' };
	my $begun = time;
	is(run_call($name, '') =~ s/NOTICE:.*\n//gr, '', "$name: by itself it ends well");
	$call->{took} = time - $begun;
	$call->{end} = state_of($name);
	$call->{allowed}{ $call->{end} } = 'all';
	next if $name !~ /backfill|catch_up/;
	# what stands after each date: the dates of the end, one by one
	my ($dates, $log) = split / log /, $call->{end};
	my @dates = split / /, $dates;
	my @log = split / /, $log;
	cmp_ok(scalar(@dates), '>', 3, "$name: it has dates");
	$call->{allowed}{ join(' ', @dates[ 0 .. $_ ]) . ' log ' . join(' ', @log[ 0 .. $_ ]) } = "up to $log[$_]" for ($name eq 'backfill' ? 0 : 1) .. $#dates - 1;
}

# The first thing that is wrong after a fault, or ''
sub wrong_after
{
	my ($name) = @_;
	for (1 .. 400)
	{
		last if ask("SELECT count(*) FROM pg_stat_activity WHERE application_name = 'victim'") == 0;
		usleep(10_000);
	}
	my $state = state_of($name);
	return "dates are neither there nor not: $state" if !exists $calls{$name}{allowed}{$state};
	$calls{$name}{found}{$state}++;
	my ($locks, $orphans) = split /\|/, ask(q{
SELECT (SELECT count(*) FROM pg_locks WHERE pid <> pg_backend_pid() AND database = (SELECT oid FROM pg_database WHERE datname = 'postgres')),
       (SELECT count(*) FROM pg_class WHERE relkind = 'r' AND relname LIKE 'parts\_scores\_%' AND NOT relispartition)});
	return "$locks locks are left" if $locks;
	return "$orphans tables are left" if $orphans;
	my @files = temp_files($node);
	return "temporary files are left: @files" if @files;
	my $err = run_call($name, '');
	return "the next call fails: $err" if $err =~ /ERROR|FATAL/;
	# a date twice in the log, if the call was done already
	my $end = state_of($name);
	return "the next call does not set it right: $end" if (split / log /, $end)[0] ne (split / log /, $calls{$name}{end})[0];
	return '';
}

my %faults = (
	'statement timeout' => { n => 6, says => qr/canceling statement due to statement timeout/ },
	cancel => { n => 4, says => qr/canceling statement due to user request/, during => sub { ask("SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE application_name = 'victim'") } },
	terminate => { n => 3, says => qr/terminating connection due to administrator command/, during => sub { ask("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'victim'") } },
	SIGKILL => { n => 1, says => qr/server closed the connection|terminating connection because of crash/,
		during => sub { my $pid = ask("SELECT min(pid) FROM pg_stat_activity WHERE application_name = 'victim'"); kill_backend($node, $pid) if $pid } },
	temp_file_limit => { n => 2, says => qr/temporary file size exceeds "?temp_file_limit"?/ });

my $halfway = 0;
for my $name (sort keys %calls)
{
	for my $kind (sort keys %faults)
	{
		my $fault = $faults{$kind};
		next if $name eq 'report' && $kind eq 'temp_file_limit';
		my (@wrong, %said);
		for (1 .. $fault->{n} * $times)
		{
			my $way = $ways[ int(rand(@ways)) ];
			my $moment = rand() * $calls{$name}{took};
			ask($calls{$name}{rewind});
			$way .= ' -c statement_timeout=' . int(1000 * $moment + 1) if $kind eq 'statement timeout';
			$way = "$ways[1] -c temp_file_limit=" . int(2**(rand() * 5)) if $kind eq 'temp_file_limit';
			my $victim = start_call($name, $way);
			if ($fault->{during})
			{
				usleep(1e6 * $moment);
				$fault->{during}->();
			}
			$victim->{run}->finish;
			my ($error) = ${ $victim->{err} } =~ /(?:ERROR|FATAL): +(.*)/;
			$error //= ${ $victim->{err} } =~ /server closed the connection/ ? 'server closed the connection' : '';
			$said{$error}++;
			push @wrong, "unexpected: ${ $victim->{err} }" if $error ne '' && $error !~ $fault->{says};
			my $wrong = wrong_after($name);
			push @wrong, $wrong if $wrong;
		}
		is(join("\n", @wrong), '', "$name, $kind: whole dates, and the next call does the rest");
		note join ', ', map { "$said{$_} times " . ($_ || 'no error') } sort keys %said;
	}
	my $found = $calls{$name}{found};
	note "$name: so many times it had done of its dates " . join ', ', map { "$calls{$name}{allowed}{$_}: $found->{$_}" } sort keys %$found;
	$halfway += keys(%$found) > 1;
}
cmp_ok($halfway, '>', 1, 'faults came before and after dates were done');

my $log = slurp_file($node->logfile);
my %warned = map { $_ => 1 } grep { !/terminating connection because of crash/ } $log =~ /WARNING: +(.*)/g;
is(join("\n", sort keys %warned), '', 'no warning in the server log');
unlike($log, qr/PANIC|TRAP|terminated by signal (?!9)/, 'nothing crashed by itself');

$node->stop;
done_testing();
