# Simulated customers with known parameters: fits find these again.  Two seeds of each
# family here; RFM_FORECAST_SEEDS=300 prove ... tells how often of so many.
use strict;
use warnings;

use POSIX qw(lgamma);
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $seeds = $ENV{RFM_FORECAST_SEEDS} || 2;
my %truth = (r => 0.8, alpha => 150, a => 0.9, b => 2.5, p => 4, q => 5, v => 60);

my $node = PostgreSQL::Test::Cluster->new('forecast');
$node->init;
$node->append_conf('postgresql.conf', "autovacuum = off\nfsync = off");
$node->start;

# Marsaglia and Tsang's gamma variates; times are of a Poisson process, days are those times cut off
$node->safe_psql('postgres', q{
CREATE EXTENSION rfm;
CREATE FUNCTION gamma_variate(shape float8) RETURNS float8 LANGUAGE plpgsql AS $$
DECLARE
    d float8 := shape + CASE WHEN shape < 1 THEN 1 ELSE 0 END - 1.0 / 3; c float8 := 1 / sqrt(9 * d); x float8; v float8;
BEGIN
    LOOP
        x := sqrt(-2 * ln(1 - random())) * cos(2 * pi() * random());
        v := (1 + c * x) ^ 3;
        EXIT WHEN v > 0 AND ln(1 - random()) < x * x / 2 + d - d * v + d * ln(v);
    END LOOP;
    RETURN d * v * CASE WHEN shape < 1 THEN (1 - random()) ^ (1 / shape) ELSE 1 END;
END $$;
CREATE TABLE orders (customer_id int, created_at date, total float8);
SELECT rfm_create_model('sim', 'orders', 'scores');
CREATE FUNCTION simulate(family text, seed float8, customers int, r float8, alpha float8, a float8, b float8, p float8, q float8, v float8) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    rate float8; drop float8; x float8; y float8; nu float8; began int; at float8;
BEGIN
    PERFORM setseed(seed);
    TRUNCATE orders;
    FOR c IN 1 .. customers LOOP
        rate := gamma_variate(r) / alpha;
        x := gamma_variate(a); y := gamma_variate(b); drop := x / (x + y);
        nu := gamma_variate(q) / v;
        began := floor(random() * 365);
        at := 0;
        LOOP
            INSERT INTO orders VALUES (c, date '2022-01-01' + began + floor(at)::int, gamma_variate(p) / nu);
            EXIT WHEN (at > 0 OR family = 'mbg/nbd') AND random() < drop;
            at := at - ln(1 - random()) / rate;
            EXIT WHEN began + at >= 1095;
        END LOOP;
    END LOOP;
END $$});

# What is likely: the logarithms of the likelihoods as published, at the truth.  Twice the
# distance to the maximum has a chi-square distribution, whatever the parameters' scale and
# however they depend on each other; so it says of a seed, with all its parameters at once,
# what "within three standard errors" says of one parameter: 99.73 % of seeds are below these.
my %most = (4 => 16.251, 3 => 14.156, 7 => 21.847);

sub log_beta { my ($x, $y) = @_; return lgamma($x) + lgamma($y) - lgamma($x + $y); }

sub log_sum
{
	my ($x, $y) = @_;
	my ($low, $high) = $x < $y ? ($x, $y) : ($y, $x);
	return $high + log(1 + exp($low - $high));
}

# of one customer's visits: repeat days, days to the last one, days to the run date
sub log_buying
{
	my ($family, $x, $t_x, $t) = @_;
	my ($r, $alpha, $a, $b) = @truth{qw(r alpha a b)};
	my $n = $family eq 'mbg/nbd' ? $x + 1 : $x;
	my $rate = lgamma($r + $x) - lgamma($r) + $r * log($alpha);
	my $alive = log_beta($a, $b + $n) - log_beta($a, $b) - ($r + $x) * log($alpha + $t);
	return $rate + $alive if $n == 0;
	return $rate + log_sum($alive, log_beta($a + 1, $b + $n - 1) - log_beta($a, $b) - ($r + $x) * log($alpha + $t_x));
}

# of the mean that one customer spent on x days
sub log_spending
{
	my ($x, $mean) = @_;
	my ($p, $q, $v) = @truth{qw(p q v)};
	return 0 if $x == 0 || $mean <= 0;
	return lgamma($p * $x + $q) - lgamma($p * $x) - lgamma($q) + $q * log($v) + ($p * $x - 1) * log($mean) + $p * $x * log($x)
	  - ($p * $x + $q) * log($v + $x * $mean);
}

my @names = qw(r alpha a b p q v);
my $values = join ', ', map { $truth{$_} } @names;

for my $family ('bg/nbd', 'mbg/nbd')
{
	my %near;
	my ($parameters, $log_parameters, $more_likely) = (0, 0, 0);
	for my $seed (1 .. $seeds)
	{
		$node->safe_psql('postgres', "SELECT simulate('$family', $seed / 1000.0, 6000, $values)");
		my %fit = split /[|\n]/, $node->safe_psql('postgres', "
			WITH f AS MATERIALIZED (SELECT * FROM rfm_forecast_fit('2024-12-30', 'sim', '$family'))
			SELECT 'buying', log_likelihood FROM f UNION ALL SELECT 'spending', spending_log_likelihood FROM f
			UNION ALL SELECT key, value::float8 FROM f, jsonb_each_text(params) UNION ALL SELECT 'error ' || key, value::float8 FROM f, jsonb_each_text(standard_errors)");
		my ($buying, $spending) = (0, 0);
		for (split /\n/, $node->safe_psql('postgres', "SELECT frequency, recency, t, monetary_value FROM rfm_repeat_summary('2024-12-30', 'sim')"))
		{
			my ($x, $t_x, $t, $mean) = split /\|/;
			$buying += log_buying($family, $x, $t_x, $t);
			$spending += log_spending($x, $mean);
		}
		my $of_buying = 2 * ($fit{buying} - $buying);
		my $of_spending = 2 * ($fit{spending} - $spending);
		$more_likely++ if $of_buying < 0 || $of_spending < 0;
		$near{buying}++ if $of_buying <= $most{4};
		$near{spending}++ if $of_spending <= $most{3};
		$near{jointly}++ if $of_buying + $of_spending <= $most{7};
		diag(sprintf "%s, seed %d: the truth is %.1f (buying) and %.1f (spending) away", $family, $seed, $of_buying, $of_spending)
		  if $of_buying + $of_spending > $most{7};

		my @linear = grep { abs($fit{$_} - $truth{$_}) <= 3 * $fit{"error $_"} } @names;
		my @log = grep { abs(log($fit{$_} / $truth{$_})) <= 3 * $fit{"error $_"} / $fit{$_} } @names;
		$parameters += @linear;
		$log_parameters += @log;
		$near{'each by itself'}++ if @linear == @names;
		$near{'each by its logarithm'}++ if @log == @names;
	}
	diag("$family, $seeds seeds, within three standard errors: ", join(', ', map { "$_ $near{$_}" } sort keys %near), "; of ", 7 * $seeds,
		" parameters $parameters, by their logarithms $log_parameters") if $seeds > 2;
	is($more_likely, 0, "$family: the truth is never more likely than what was found");
	cmp_ok($near{jointly} || 0, '>=', 0.99 * $seeds, "$family: all parameters of a seed are recovered");
}

$node->stop;
done_testing();
