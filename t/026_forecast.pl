# Simulated customers with known parameters: fits find these again.  Two seeds of each
# family here; RFM_FORECAST_SEEDS=300 prove ... tells how often of so many.
use strict;
use warnings;

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

for my $family ('bg/nbd', 'mbg/nbd')
{
	my ($within, $all) = (0, 0);
	my %far;
	for my $seed (1 .. $seeds)
	{
		my $values = join ', ', map { $truth{$_} } qw(r alpha a b p q v);
		my $out = $node->safe_psql('postgres', "SELECT simulate('$family', $seed / 1000.0, 6000, $values); SELECT key, value, standard_errors -> key FROM rfm_forecast_fit('2024-12-30', 'sim', '$family') f, jsonb_each_text(params)");
		my $near = 0;
		for (grep { /\|/ } split /\n/, $out)
		{
			my ($name, $value, $error) = split /\|/;
			my $is_near = abs($value - $truth{$name}) <= 3 * $error;
			$near += $is_near;
			$far{$name}++ if !$is_near;
			diag("$family, seed $seed: $name = $value +- $error") if !$is_near;
		}
		$all += 7;
		$within += $near;
	}
	diag("$family: $within of $all parameters of $seeds seeds lie within three standard errors", map { ", $_ $far{$_} times not" } sort keys %far) if $seeds > 2;
	cmp_ok($within, '>=', 0.99 * $all, "$family: parameters are recovered");
}

$node->stop;
done_testing();
