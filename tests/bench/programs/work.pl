# SPDX-License-Identifier: MIT
# Perl at work, in the guest: work.pl regex|hash. Prints what depends on every step, and nothing else.
use strict;
use warnings;

sub regex {
    open my $f, '<', '/bench/text' or die;
    read $f, my $text, 1000000;
    my %n;
    for my $round (1 .. 3) {
        $n{ing}++ while $text =~ /(\w+)ing\b/g;
        $n{number} += $1 while $text =~ /(\d{2,4})-\d+/g;
        $n{vowels}++ while $text =~ /the|and|[aeiou]{3}/gi;
        $n{twice}++ while $text =~ /([aei])(\w)\2/g;
        $n{line} += length $2 while $text =~ /^(.*?),(.*)$/mg;
        $n{swap} += $text =~ s/\b(\w)(\w*)\b/$2$1/g;
        $n{tr} += $text =~ tr/a-m/b-ma/;
    }
    print "$_ $n{$_}\n" for sort keys %n;
    print unpack('%32C*', $text), "\n";
}

sub hash {
    my ($seed, %h, @out) = (17);
    for my $i (1 .. 700000) {
        $seed = ($seed * 1103515245 + 12345) & 0x7fffffff;
        my $k = 'k' . ($seed >> 15);
        $h{$k} .= chr(97 + $i % 26);
        delete $h{'k' . ($seed & 0xffff)} unless $i % 5;
    }
    my $sum = 0;
    for my $k (sort { $h{$a} cmp $h{$b} || $a cmp $b } keys %h) {
        push @out, join ':', $k, length $h{$k}, ord $h{$k};
        $sum = ($sum * 31 + length $out[-1]) % 1000003;
    }
    print scalar(@out), " $sum $out[0] $out[-1]\n";
}

$ARGV[0] eq 'regex' ? regex() : hash();
