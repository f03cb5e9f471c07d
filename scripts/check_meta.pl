# META.json against version 1 of the PGXN Meta Spec, and every place that has the version against rfm.control.
#
#   perl scripts/check_meta.pl [DIR]     of the sources in DIR (default: here)
#
# Says what is wrong, a line each, and ends with status 1 if anything is.
use strict;
use warnings;

use JSON::PP;

chdir($ARGV[0] // '.') or die "no directory $ARGV[0]\n";
my @wrong;

sub wrong { push @wrong, join('', @_); }

sub content
{
	my ($file) = @_;
	open(my $handle, '<:raw', $file) or do { wrong("$file: $!"); return ''; };
	local $/;
	return scalar <$handle>;
}

#
# The kinds of values that the specification knows: each check takes the place and the value
#
my $semver_pattern = qr/(?:0|[1-9]\d*)\.(?:0|[1-9]\d*)\.(?:0|[1-9]\d*)(?:-?[A-Za-z][0-9A-Za-z-]*)?/;

sub text
{
	my ($place, $value) = @_;
	wrong("$place must be a string that is not empty") if ref $value || !defined $value || $value eq '';
}

sub term
{
	my ($place, $value) = @_;
	wrong("$place must be a name of at least two characters without blanks, slashes and control characters")
	  if ref $value || ($value // '') !~ m{\A[^\s/\\[:cntrl:]]{2,}\z};
}

sub tag
{
	my ($place, $value) = @_;
	wrong("$place must be a string of at most 255 characters without slashes and control characters")
	  if ref $value || ($value // '') !~ m{\A[^/\\[:cntrl:]]{1,255}\z};
}

sub semver
{
	my ($place, $value) = @_;
	wrong("$place must be a semantic version, such as 1.0.0") if ref $value || ($value // '') !~ /\A$semver_pattern\z/;
}

sub version_range
{
	my ($place, $value) = @_;
	my $one = qr/(?:(?:==|!=|<=|>=|<|>)\s*)?(?:0|$semver_pattern)/;
	wrong("$place must be a version or a range of versions, such as \">= 1.2.0, < 2.0.0\"")
	  if ref $value || ($value // '') !~ /\A$one(?:\s*,\s*$one)*\z/;
}

sub url
{
	my ($place, $value) = @_;
	wrong("$place must be a URL") if ref $value || ($value // '') !~ m{\A[a-z][a-z0-9+.-]*:\S+\z};
}

sub one_of
{
	my @allowed = @_;
	return sub {
		my ($place, $value) = @_;
		wrong("$place must be one of @allowed") unless !ref $value && grep { $_ eq ($value // '') } @allowed;
	};
}

sub list_of
{
	my ($check) = @_;
	return sub {
		my ($place, $value) = @_;
		return wrong("$place must be a list that is not empty") unless ref $value eq 'ARRAY' && @$value;
		$check->("$place\[$_]", $value->[$_]) for 0 .. $#$value;
	};
}

# a map of any keys that pass the first check
sub map_of
{
	my ($key, $check) = @_;
	return sub {
		my ($place, $value) = @_;
		return wrong("$place must be a map that is not empty") unless ref $value eq 'HASH' && %$value;
		for (sort keys %$value)
		{
			$key->("a key of $place, $_,", $_);
			$check->("$place.$_", $value->{$_});
		}
	};
}

# a map of known keys; those that begin with ! must be there, those with x_ may be anything
sub fields
{
	my (%known) = @_;
	my %check = map { (my $key = $_) =~ s/^!//; ($key => $known{$_}) } keys %known;
	return sub {
		my ($place, $value) = @_;
		return wrong("$place must be a map") unless ref $value eq 'HASH';
		for (sort keys %known)
		{
			wrong("$place: $1 is missing") if /^!(.*)/ && !exists $value->{$1};
		}
		for (sort keys %$value)
		{
			next if /^x_/i;
			if ($check{$_}) { $check{$_}->("$place.$_", $value->{$_}); }
			else { wrong("$place: there is no key $_ in the specification"); }
		}
	};
}

# as the kind of value tells: a string, a list or a map
sub by_kind
{
	my (%check) = @_;
	return sub {
		my ($place, $value) = @_;
		my $check = $check{ ref $value };
		return wrong("$place is of a wrong kind") unless $check;
		$check->($place, $value);
	};
}

my $license = one_of(
	qw(agpl_3 apache_1_1 apache_2_0 artistic_1 artistic_2 bsd freebsd gfdl_1_2 gfdl_1_3 gpl_1 gpl_2 gpl_3 lgpl_2_1 lgpl_3_0
	  mit mozilla_1_0 mozilla_1_1 openssl perl_5 postgresql qpl_1_0 ssleay sun zlib open_source restricted unrestricted unknown));
my $prereqs = map_of(one_of(qw(configure build test runtime develop)),
	map_of(one_of(qw(requires recommends suggests conflicts)), map_of(\&term, \&version_range)));

my $distribution = fields(
	'!name' => \&term,
	'!version' => \&semver,
	'!abstract' => \&text,
	'!maintainer' => by_kind('' => \&text, ARRAY => list_of(\&text)),
	'!license' => by_kind('' => $license, ARRAY => list_of($license), HASH => map_of(\&text, \&url)),
	'!provides' => map_of(
		\&term, fields('!file' => \&text, '!version' => \&semver, abstract => \&text, docfile => \&text)),
	'!meta-spec' => fields('!version' => \&semver, url => \&url),
	description => \&text,
	generated_by => \&text,
	release_status => one_of(qw(stable testing unstable)),
	tags => list_of(\&tag),
	no_index => fields(file => list_of(\&text), directory => list_of(\&text)),
	prereqs => $prereqs,
	resources => fields(
		homepage => \&url,
		bugtracker => fields(web => \&url, mailto => \&text),
		repository => fields(url => \&url, web => \&url, type => \&text)));

my $meta = eval { JSON::PP->new->utf8->decode(content('META.json')) };
if (!$meta)
{
	wrong("META.json is not JSON: $@");
	$meta = {};
}
else
{
	$distribution->('META.json', $meta);
}

#
# One version
#
my ($version) = content('rfm.control') =~ /^default_version = '(.*)'$/m;
wrong('rfm.control has no default_version') unless $version;
$version //= '';

sub same
{
	my ($place, $found) = @_;
	wrong("$place has version ", $found // '(none)', ", and rfm.control $version") unless ($found // '') eq $version;
}

same('META.json', $meta->{version});
my $provides = ref $meta->{provides} eq 'HASH' ? $meta->{provides} : {};
wrong('META.json does not provide rfm') unless $provides->{rfm};
for my $extension (sort keys %$provides)
{
	my $provided = ref $provides->{$extension} eq 'HASH' ? $provides->{$extension} : {};
	same("META.json, provides.$extension", $provided->{version});
	for ('file', 'docfile')
	{
		wrong("META.json, provides.$extension.$_: there is no $provided->{$_}") if defined $provided->{$_} && !-f $provided->{$_};
	}
}
wrong("there is no sql/rfm--$version.sql") unless -f "sql/rfm--$version.sql";
same('debian/changelog', content('debian/changelog') =~ /\A\S+ \((.*?)\)/ ? $1 : undef);
same('CHANGELOG.md', content('CHANGELOG.md') =~ /^## (\S+)/m ? $1 : undef);

print "$_\n" for @wrong;
exit(@wrong ? 1 : 0);
