# Perl's Archive::Tar, line by line; see readers.py.
use strict;
use warnings;
use Archive::Tar;
use Digest::SHA qw(sha256_hex);
use JSON::PP;

$| = 1;
$Archive::Tar::WARN = 0;
my $json = JSON::PP->new->latin1->canonical;
while (my $path = <STDIN>) {
    chomp $path;
    my %found;
    my $tar = eval { Archive::Tar->new($path) };
    if (!$tar) {
        print $json->encode({ "perl Archive::Tar" => "refused" }), "\n";
        next;
    }
    for my $file ($tar->get_files) {
        next if $file->is_dir;
        my $name = $file->full_path;
        $name =~ s{^(\./)+}{};
        utf8::decode($name);
        my $x = $file->mode & 0100 ? "+x" : "";
        $found{$name} = $file->is_file ? sha256_hex($file->get_content // "") . $x
            : $file->is_symlink ? "link:" . sha256_hex($file->linkname) : "special";
    }
    print JSON::PP->new->ascii->encode({ "perl Archive::Tar" => \%found }), "\n";
}
