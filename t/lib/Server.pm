# What tests do with a server besides running SQL: sessions that stay open,
# waiting, statements that must fail, processes that die.
package Server;
use strict;
use warnings;

use Exporter qw(import);
use IO::Handle;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(usleep);

our @EXPORT = qw(error_of session say_to end_of wait_for temp_files kill_backend);

# Runs SQL that must fail; returns what psql says, with the SQLSTATE.
sub error_of
{
	my ($node, $db, $sql, $role) = @_;
	my (undef, undef, $err) = $node->psql($db, $sql,
		extra_params => [ '-v', 'VERBOSITY=verbose', $role ? ('-U', $role) : () ]);
	like($err, qr/(ERROR|FATAL):  /, 'fails' . ($role ? " for $role" : '') . ": $sql");
	return $err;
}

# A psql in which statements can be run while others look on; what it says goes
# to files.  The options are those of the connection.
sub session
{
	my ($node, $options) = @_;
	my %s = map { $_ => PostgreSQL::Test::Utils::tempdir() . "/$_" } qw(out err);
	my $connstr = $node->connstr('postgres') . ' ' . ($options // '');
	open $s{in}, '|-', qq{psql -XAtq -d "$connstr" -f - >"$s{out}" 2>"$s{err}"} or die "no psql: $!";
	$s{in}->autoflush;
	return \%s;
}

# Has it run statements, without waiting for them.
sub say_to
{
	my ($s, @sql) = @_;
	print { $s->{in} } map { "$_;\n" } @sql;
	return;
}

# Waits for its end; returns what it has said, results and errors.
sub end_of
{
	my ($s) = @_;
	close $s->{in};
	return (slurp_file($s->{out}), slurp_file($s->{err}));
}

# Waits until a query returns true; false, and what the server does, where it
# never does.
sub wait_for
{
	my ($node, $sql, $what) = @_;
	for (1 .. 20 * $PostgreSQL::Test::Utils::timeout_default)
	{
		return 1 if $node->safe_psql('postgres', $sql) eq 't';
		usleep(50_000);
	}
	diag 'waited in vain for: ' . ($what // $sql) . "\n",
	  $node->safe_psql('postgres', 'SELECT pid, backend_type, state, wait_event, query FROM pg_stat_activity WHERE pid <> pg_backend_pid()');
	return 0;
}

# Temporary files that processes of the server have made, and have not removed.
sub temp_files
{
	my ($node) = @_;
	my @files = glob($node->data_dir . '/base/pgsql_tmp/*');
	return @files;
}

# Kills a process of the node's server and waits until the server is up again;
# false where it does not come.  That a connection can be made says nothing: the
# server may not have noticed yet.  Its log does.
sub kill_backend
{
	my ($node, $pid) = @_;
	my $logged = -s $node->logfile;
	my $alone = 0;

	return 1 if !kill 'KILL', $pid;
	for (1 .. 20 * $PostgreSQL::Test::Utils::timeout_default)
	{
		my $log = slurp_file($node->logfile, $logged);
		return 1 if $log =~ /terminated by signal 9.*ready to accept connections/s;
		# gone for half a second and nobody cares: it had ended by itself
		return 1 if $log !~ /terminated by signal 9/ && !kill(0, $pid) && ++$alone > 10;
		usleep(50_000);
	}
	return 0;
}

1;
