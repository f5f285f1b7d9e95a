# SPDX-License-Identifier: Apache-2.0
# usage: sign.pl KEY CERTIFICATE: a handshake of IO::Socket::SSL with itself, both sides with the certificate.
use strict;
use warnings;
use IO::Socket::SSL;

my ($key, $certificate) = @ARGV;
my %pair = (SSL_cert_file => $certificate, SSL_key_file => $key, SSL_ca_file => $certificate);
my $server = IO::Socket::SSL->new(%pair, LocalAddr => '127.0.0.1', Listen => 5, SSL_server => 1,
    SSL_verify_mode => SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT) or die "server: $SSL_ERROR";
my $child = fork // die;
if ($child == 0) {
    my $client = $server->accept or die "accept: $SSL_ERROR";
    print $client $client->peer_certificate('commonName'), "\n";
    exit 0;
}
my $client = IO::Socket::SSL->new(%pair, PeerAddr => '127.0.0.1:' . $server->sockport, SSL_verifycn_name => 'localhost',
    SSL_verifycn_scheme => 'http') or die "client: $SSL_ERROR";
my $line = <$client>;
waitpid $child, 0;
die "the server: $?" if $?;
die 'no greeting' unless defined $line && $line eq "localhost\n";
