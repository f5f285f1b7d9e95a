<?php
// SPDX-License-Identifier: Apache-2.0
// A long-running program that loads its key once and signs five times a second until its standard input ends:
//   php signer.php KEY-FILE < pipe
// One line a signature: unix time, the signed text and the signature, both base64url, separated by blanks.
declare(strict_types=1);

function b64url(string $bytes): string
{
    return rtrim(strtr(base64_encode($bytes), '+/', '-_'), '=');
}

$key = openssl_pkey_get_private("file://{$argv[1]}");
if ($key === false) {
    fwrite(STDERR, 'signer: no key: ' . openssl_error_string() . "\n");
    exit(1);
}
stream_set_blocking(STDIN, false);
for ($i = 0; !feof(STDIN); $i++) {
    fread(STDIN, 1);
    $text = "document $i";
    if (!openssl_sign($text, $signature, $key, OPENSSL_ALGO_SHA256)) {
        fwrite(STDERR, 'signer: no signature: ' . openssl_error_string() . "\n");
        exit(1);
    }
    printf("%.3f %s %s\n", microtime(true), b64url($text), b64url($signature));
    usleep(200000);
}
