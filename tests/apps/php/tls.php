<?php
// SPDX-License-Identifier: Apache-2.0
// A TLS server of PHP streams, one connection at a time: php tls.php PORT BUNDLE, which is certificate and key.
declare(strict_types=1);

[, $port, $bundle] = $argv;
$context = stream_context_create(['ssl' => ['local_cert' => $bundle, 'local_pk' => $bundle]]);
$flags = STREAM_SERVER_BIND | STREAM_SERVER_LISTEN;
$server = stream_socket_server("ssl://127.0.0.1:$port", $code, $message, $flags, $context) or exit("no server: $message\n");
for (;;) {
    $peer = @stream_socket_accept($server, -1);
    if ($peer === false) {
        echo 'no handshake: ', error_get_last()['message'] ?? '', "\n";
        continue;
    }
    fwrite($peer, "hello\n");
    fclose($peer);
}
