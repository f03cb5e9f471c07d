# The shape of src/, as docs/internals.md has it: prints what does not fit, and fails.
# To be run at the top of the tree; with --typedefs it prints what typedefs.list should be.
#
# A room is a source file with its header: src/FLOOR/ROOM.c and src/FLOOR/ROOM.h.
#   - Only rfm.c lies flat in src/, every other file on a floor; docs/internals.md names every room.
#   - A file includes what is on its own floor or below, by its path from src/, and no circle of rooms comes of it.
#   - A function has at most 60 lines, from its name to its last brace.
#   - What a header declares extern, a comment in it names or stands right before, and the source of the same room defines.
#   - A header's guard is named after its path.
#   - typedefs.list has the names of all types of src/, for pgindent.
use strict;
use warnings;

# from the ground up: an arrow from one to a later one is a finding
my @floors = qw(base progress value quantile forecast model collect read score target run);
my $longest = 60;

my $print_types = ($ARGV[0] // '') eq '--typedefs';
my %level = map { $floors[$_] => $_ } 0 .. $#floors;
my %text;
my @findings;

sub finding { push @findings, join '', @_; return; }

sub slurp
{
	my ($file) = @_;
	open my $f, '<', $file or die "$file: $!\n";
	local $/;
	my $content = <$f>;
	return $content;
}

for my $file (sort glob('src/*.[ch] src/*/*.[ch]'))
{
	my ($path) = $file =~ m{^src/(.*)};
	my ($floor) = $path =~ m{^(\w+)/};
	$text{$path} = slurp($file);
	finding("$file: lies flat in src/, where only rfm.c may") if !$floor && $path ne 'rfm.c';
	finding("$file: is on no floor of docs/internals.md") if $floor && !exists $level{$floor};
}
die "no sources here\n" if !$text{'rfm.c'};

my %rooms = map { s/\.[ch]$//r => 1 } grep { m{/} } keys %text;
my $page = slurp('docs/internals.md');
for my $room (sort keys %rooms)
{
	my ($floor, $name) = split m{/}, $room;
	finding("docs/internals.md: its table of floors lacks $room") if $page !~ m{^\| `$floor/` \|.*`$name`}m;
}

sub room { my ($path) = @_; return $path =~ s/\.[ch]$//r; }

# the floor of a path by number; rfm.c is above all
sub level { my ($path) = @_; return $path =~ m{^(\w+)/} ? $level{$1} // 0 : scalar @floors; }

#
# Arrows
#
my %arrows;
for my $path (sort keys %text)
{
	for my $included ($text{$path} =~ /^#\s*include "([^"]+)"/mg)
	{
		if (!$text{$included})
		{
			finding("src/$path: includes \"$included\", which is no path from src/")
			  if $included =~ m{^\.} || grep { m{/\Q$included\E$} } keys %text;
			next;
		}
		finding("src/$path: includes \"$included\", which is above it") if level($included) > level($path);
		$arrows{ room($path) }{ room($included) } = 1 if room($path) ne room($included);
	}
}

my %state;

sub follow
{
	my ($room, @way) = @_;
	if (($state{$room} // '') eq 'open')
	{
		shift @way while $way[0] ne $room;
		finding("circle of includes: ", join(' -> ', @way, $room));
		return;
	}
	return if $state{$room};
	$state{$room} = 'open';
	follow($_, @way, $room) for sort keys %{ $arrows{$room} // {} };
	$state{$room} = 'done';
	return;
}
follow($_) for sort keys %arrows;

#
# Functions, and what headers say of them
#
my %defined;
for my $path (sort keys %text)
{
	my @lines = split /\n/, $text{$path}, -1;
	my ($name, $begin);
	for my $i (0 .. $#lines)
	{
		($name, $begin) = ($1, $i) if $lines[$i] =~ /^(\w+)\(/ && $lines[$i] !~ /;\s*$/;
		$defined{$name} = room($path) if defined $begin && $lines[$i] =~ /^\{/;
		next if $lines[$i] !~ /^\}/ || !defined $begin;
		my $length = $i - $begin + 1;
		finding("src/$path: function $name has $length lines") if $length > $longest;
		undef $begin;
	}
}

for my $path (sort grep { /\.h$/ } keys %text)
{
	my $guard = 'RFM_' . uc(room($path) =~ tr{/}{_}r) . '_H';
	finding("src/$path: its guard is not $guard")
	  if $text{$path} !~ /^#ifndef \Q$guard\E\n#define \Q$guard\E$/m;
	my $comments = join ' ', $text{$path} =~ m{/\*.*?\*/}sg;
	(my $code = $text{$path}) =~ s{/\*.*?\*/}{}sg;
	$code =~ s/^#(?:.*\\\n)*.*//mg;
	for my $name ($code =~ /^(?:pg_noreturn )?extern\s[^;(]*?\b(\w+)\s*\(/mg)
	{
		finding("src/$path: no comment documents $name")
		  if $comments !~ /\b\Q$name\E\b/ && $text{$path} !~ m{\*/\n(?:pg_noreturn )?extern\s[^;(]*?\b\Q$name\E\s*\(};
		finding("src/$path: $name is defined in ", $defined{$name} ? "src/$defined{$name}.c" : 'no source')
		  if ($defined{$name} // '') ne room($path);
	}
}

#
# Types
#
my %types;
for my $path (keys %text)
{
	(my $code = $text{$path}) =~ s{/\*.*?\*/}{}sg;
	$types{$_} = 1 for $code =~ /^\}\s*(\w+);/mg, $code =~ /^typedef\s[^{;(]*?\b(\w+);/mg, $code =~ /^typedef\s[^{;]*?\(\*(\w+)\)\s*\(/mg;
}
my $listed = -e 'typedefs.list' ? slurp('typedefs.list') : '';
my $wanted = join '', map { "$_\n" } sort keys %types;
if ($print_types)
{
	print $wanted;
	exit 0;
}
finding('typedefs.list: is not the sorted list of the types of src/: perl scripts/check_sources.pl --typedefs > typedefs.list') if $listed ne $wanted;

print "$_\n" for @findings;
exit(@findings > 0);
