# Faults at random moments of a refresh: statement timeouts, sessions ended and
# killed, temporary files that may not grow, memory that runs out.  After each,
# target and log are as before or as after a refresh, nothing is left behind,
# and the next refresh succeeds.  RFM_SEED repeats the moments, as far as time
# can be repeated; RFM_FAULTS multiplies their number.
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

my $date = '2024-06-30';
my $customers = 20_000;
my $node = PostgreSQL::Test::Cluster->new('random_faults');
$node->init;
$node->append_conf(
	'postgresql.conf', q{
restart_after_crash = on
autovacuum = off
jit = off
min_parallel_table_scan_size = 0
parallel_setup_cost = 0
max_parallel_workers = 4
shared_buffers = 16MB
});
$node->start;

# Orders of today, and a target that yesterday's orders left: the refresh
# inserts, updates and deletes.  rewind() makes it so again.
$node->safe_psql(
	'postgres', qq{
CREATE EXTENSION rfm;
CREATE TABLE orders WITH (parallel_workers = 2) AS
SELECT i % $customers AS customer_id, timestamp '$date 12:00' - i * interval '1 minute' AS created_at, (i % 977) * 0.01 AS total, i % 5 AS age
  FROM generate_series(1, 3 * $customers) i;
ANALYZE orders;
SELECT rfm_create_model('shop', 'orders', 'scores');
DELETE FROM orders WHERE customer_id % 3 = 0;
SELECT rfm_refresh('$date', 'shop');
CREATE TABLE scores_before AS TABLE scores;
INSERT INTO orders SELECT customer_id - 1, created_at, total, 0 FROM orders WHERE customer_id % 6 = 1;
DELETE FROM orders WHERE customer_id % 7 = 2;
ANALYZE orders;
CREATE FUNCTION rewind() RETURNS void LANGUAGE sql AS 'TRUNCATE public.scores; INSERT INTO public.scores TABLE public.scores_before';
CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
CREATE FUNCTION state() RETURNS text LANGUAGE sql AS \$\$
  SELECT md5(string_agg(concat_ws(',', run_date, customer_id, recency_days, frequency_orders, monetary_value, r_score, f_score, m_score, rfm_segment), ';' ORDER BY customer_id))
         || ' ' || count(*) FROM public.scores \$\$;
});

sub ask { return $node->safe_psql('postgres', shift) }

my $before = ask('SELECT state()');
ask("SELECT rfm_refresh('$date', 'shop')");
my $after = ask('SELECT state()');
isnt($after, $before, 'the refresh has much to do');
my %found = (before => 0, after => 0);

# The ways a refresh goes about it
my @ways = (
	"SET rfm.work_mem = '1GB'; SET max_parallel_workers_per_gather = 0;",
	"SET rfm.work_mem = '64kB'; SET max_parallel_workers_per_gather = 0;",
	"SET rfm.work_mem = '1GB'; SET rfm.max_workers = 2;",
	"SET rfm.work_mem = '64kB'; SET rfm.max_workers = 2;");
my $refresh = "SELECT rfm_refresh('$date', 'shop');";
my %took;
for my $way (@ways)
{
	ask('SELECT rewind()');
	my $begun = time;
	ask("$way $refresh");
	$took{$way} = time - $begun;
}

# What holds after any fault; the first thing that does not, or ''.
sub wrong_after
{
	my ($runs) = @_;
	my ($state, $log, $locks) = split /\n/,
	  ask("SELECT state(); SELECT count(*) FROM rfm_run; SELECT count(*) FROM pg_locks WHERE pid <> pg_backend_pid()"
		  . " AND locktype IN ('relation', 'advisory') AND database = (SELECT oid FROM pg_database WHERE datname = 'postgres')");
	return "$locks locks are left" if $locks > 0;
	return 'target is neither as before nor as after' if $state ne $before && $state ne $after;
	return 'target and log do not belong together' if $log - $runs != ($state eq $after ? 1 : 0);
	$found{ $state eq $after ? 'after' : 'before' }++;
	my @files = temp_files($node);
	return "temporary files are left: @files" if @files;
	return '';
}

sub wrong_next
{
	my ($out) = ask("$refresh SELECT state()") =~ /\n(.*)/;
	return $out eq $after ? '' : 'the next refresh does not set it right';
}

# A kind of fault, n times: fault(way) brings it about and returns what the
# refresh said; expected says what it may say.
sub try_faults
{
	my ($name, $n, $expected, $fault) = @_;
	my (@wrong, %said);
	for my $i (1 .. $n * $times)
	{
		ask('SELECT rewind()');
		my $runs = ask('SELECT count(*) FROM rfm_run');
		my $err = $fault->($ways[ int(rand(@ways)) ]);
		my ($error) = $err =~ /(?:ERROR|FATAL): +(.*)/;
		$error //= $err =~ /server closed the connection/ ? 'server closed the connection' : '';
		$said{$error}++;
		push @wrong, "unexpected error: $err" if $error ne '' && $error !~ $expected;
		my $wrong = wrong_after($runs) || wrong_next();
		push @wrong, $wrong if $wrong;
	}
	is(join("\n", @wrong), '', "$name: before or after, and the next one succeeds");
	note join "\n", map { "$said{$_} times: " . ($_ || 'no error') } sort keys %said;
	return \%said;
}

# milliseconds into a refresh
sub moment { return int(rand(1000 * $took{ $_[0] })) + 1 }

# what psql says
sub refresh_with
{
	my ($settings) = @_;
	my ($rc, $out, $err) = $node->psql('postgres', "$settings $refresh");
	return $err;
}

try_faults('statement timeouts', 25, qr/canceling statement due to statement timeout/,
	sub { refresh_with("$_[0] SET statement_timeout = " . moment($_[0]) . ';') });

# a session of its own, that another does something to before and during the refresh
my $victim = "FROM pg_stat_activity WHERE application_name = 'victim'";

sub refresh_and
{
	my ($way, $during, $before) = @_;
	my $s = session($node, 'application_name=victim');
	say_to($s, "$way SELECT pg_backend_pid()");
	wait_for($node, "SELECT count(*) = 1 $victim AND state = 'idle' AND query ~ 'pg_backend_pid'");
	my $pid = ask("SELECT pid $victim");
	$before->($pid) if $before;
	say_to($s, $refresh);
	if ($during)
	{
		usleep(1000 * moment($way));
		$during->($pid);
	}
	return join '', end_of($s);
}

try_faults('cancelled', 10, qr/canceling statement due to user request/,
	sub { refresh_and($_[0], sub { ask("SELECT pg_cancel_backend($_[0])") }) });
try_faults('terminated', 10, qr/terminating connection due to administrator command/,
	sub { my $said = refresh_and($_[0], sub { ask("SELECT pg_terminate_backend($_[0])") }); wait_for($node, "SELECT count(*) = 0 $victim"); $said });
try_faults('SIGKILL', 5, qr/server closed the connection|terminating connection because of crash/,
	sub { my $said = refresh_and($_[0], sub { kill_backend($node, $_[0]) }); $said });

my $said = try_faults('temp_file_limit', 16, qr/temporary file size exceeds "?temp_file_limit"?/,
	sub { refresh_with("$ways[rand() < 0.5 ? 1 : 3] SET temp_file_limit = '" . int(2**(rand() * 5)) . "kB';") });
ok((grep { /temp_file_limit/ } keys %$said), 'temp_file_limit: it was met');

# a trigger that fails at some row
$node->safe_psql(
	'postgres', q{
CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF COALESCE(NEW.customer_id, OLD.customer_id) = current_setting('faults.customer')::int THEN
    RAISE EXCEPTION 'no';
  END IF;
  RETURN COALESCE(NEW, OLD);
END $$;
CREATE TRIGGER fail BEFORE INSERT OR UPDATE OR DELETE ON scores FOR EACH ROW EXECUTE FUNCTION fail();
SET faults.customer = -1;
ALTER DATABASE postgres SET faults.customer = -1;
});
try_faults('a failing trigger', 10, qr/^no$/,
	sub { refresh_with("$_[0] SET faults.customer = " . 6 * int(rand($customers / 6)) . ';') });
ask('DROP TRIGGER fail ON scores');

# A session that may grow by so much, and no more
SKIP:
{
	skip 'no prlimit to bound the memory of a process', 2 if system('prlimit --version >/dev/null 2>&1') != 0;
	my $said = try_faults(
		'memory', 20,
		qr/out of memory|could not (map|resize|load)|Cannot allocate memory/,
		sub {
			refresh_and(
				$_[0], undef,
				sub {
					my ($size) = slurp_file("/proc/$_[0]/status") =~ /VmSize:\s+(\d+) kB/;
					my $limit = 1024 * ($size + int(rand(8_000)));
					system("prlimit --as=$limit --pid $_[0]") == 0 or die "prlimit failed";
				});
		});
	ok((grep { /out of memory/ } keys %$said), 'memory: it ran out');
}

note "$found{before} times as before, $found{after} times as after";
cmp_ok($found{before}, '>', 20, 'most faults came in time');

# in the log: nothing leaked, nothing crashed but what was killed
my $log = slurp_file($node->logfile);
my %warned = map { $_ => 1 } grep { !/terminating connection because of crash/ } $log =~ /WARNING: +(.*)/g;
is(join("\n", sort keys %warned), '', 'no warning in the server log');
unlike($log, qr/PANIC|TRAP|terminated by signal (?!9)/, 'nothing crashed by itself');

$node->stop;
done_testing();
