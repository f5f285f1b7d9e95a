<?php
// SPDX-License-Identifier: Apache-2.0
// One request to PHP-FPM: QUERY_STRING names the key file; the answer is the worker's process number, its user number and
// the signature, base64, of the text that FPM_TEXT holds.
declare(strict_types=1);

header('Content-Type: text/plain');
if (!openssl_sign($_SERVER['FPM_TEXT'], $signature, "file://{$_SERVER['QUERY_STRING']}", OPENSSL_ALGO_SHA256)) {
    http_response_code(500);
    while (($e = openssl_error_string()) !== false) {
        echo $e, "\n";
    }
    exit;
}
usleep(20000); // long enough for requests at once to meet several workers
echo getmypid(), ' ', posix_geteuid(), ' ', base64_encode($signature), "\n";
