# A server process that dies, and the server that comes back.
package Crash;
use strict;
use warnings;

use Exporter qw(import);
use PostgreSQL::Test::Utils;
use Time::HiRes qw(usleep);

our @EXPORT = qw(kill_backend);

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
