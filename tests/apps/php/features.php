<?php
// SPDX-License-Identifier: Apache-2.0
// What a PHP program does with a key: php features.php KEY-FILE CERTIFICATE OUT [control]
// One line a check that held; the first that does not hold ends it. OUT.* get results for an outside eye to verify. An
// ordinary key file, the control, differs in one thing alone: it can be exported.
declare(strict_types=1);

[, $file, $certificate, $out] = $argv;
$control = ($argv[4] ?? '') === 'control';
$data = 'some text to sign';
file_put_contents("$out.data", $data);
$cert = openssl_x509_read("file://$certificate");
$public = openssl_pkey_get_public($cert);

function hold(bool $held, string $what): void
{
    if (!$held) {
        for ($errors = []; ($e = openssl_error_string()) !== false;) {
            $errors[] = $e;
        }
        fwrite(STDERR, "does not hold: $what\n" . implode("\n", $errors) . "\n");
        exit(1);
    }
    echo "ok $what\n";
}

$key = openssl_pkey_get_private("file://$file");
hold($key !== false, 'openssl_pkey_get_private by file://');
hold(openssl_pkey_get_private(file_get_contents($file)) !== false, 'openssl_pkey_get_private by string');
$details = openssl_pkey_get_details($key);
$rsa = $details['type'] === OPENSSL_KEYTYPE_RSA;
$want = openssl_pkey_get_details($public);
hold([$details['bits'], $details['type'], $details['key']] === [$want['bits'], $want['type'], $want['key']], 'details: bits, type, key');
foreach ($rsa ? ['n', 'e'] : ['x', 'y', 'curve_name', 'curve_oid'] as $number) {
    $family = $rsa ? 'rsa' : 'ec';
    hold($details[$family][$number] === $want[$family][$number], "details: $number");
}
hold($control || !isset($details['rsa']['d']) && !isset($details['ec']['d']), 'details: nothing private');
hold(openssl_x509_check_private_key($cert, $key), 'openssl_x509_check_private_key');

foreach (['file' => "file://$file", 'string' => file_get_contents($file), 'object' => $key] as $how => $by) {
    foreach ([OPENSSL_ALGO_SHA1, OPENSSL_ALGO_SHA256, 'sha384', OPENSSL_ALGO_SHA512] as $digest) {
        hold(openssl_sign($data, $signature, $by, $digest), "openssl_sign by $how, $digest");
        hold(openssl_verify($data, $signature, $public, $digest) === 1, "openssl_verify by $how, $digest");
    }
}
openssl_sign($data, $signature, "file://$file", OPENSSL_ALGO_SHA256);
file_put_contents("$out.sig", $signature);

if ($rsa) {
    foreach (['OAEP' => OPENSSL_PKCS1_OAEP_PADDING, 'PKCS#1' => OPENSSL_PKCS1_PADDING] as $name => $padding) {
        openssl_public_encrypt($data, $box, $public, $padding);
        hold(openssl_private_decrypt($box, $text, "file://$file", $padding) && $text === $data, "openssl_private_decrypt, $name");
    }
    hold(openssl_private_encrypt($data, $box, $key) && openssl_public_decrypt($box, $text, $public) && $text === $data,
        'openssl_private_encrypt');
    openssl_seal($data, $box, $keys, [$public], 'aes-256-cbc', $iv);
    hold(openssl_open($box, $text, $keys[0], $key, 'aes-256-cbc', $iv) && $text === $data, 'openssl_open');
} else {
    $other = openssl_pkey_new(['private_key_bits' => 384, 'private_key_type' => OPENSSL_KEYTYPE_EC, 'curve_name' => $want['ec']['curve_name']]);
    hold(openssl_pkey_derive(openssl_pkey_get_details($other)['key'], $key) === openssl_pkey_derive($public, $other),
        'openssl_pkey_derive');
}

hold(openssl_pkcs7_sign("$out.data", "$out.p7", "file://$certificate", "file://$file", [], PKCS7_BINARY), 'openssl_pkcs7_sign');
hold(openssl_cms_sign("$out.data", "$out.cms", "file://$certificate", "file://$file", [], OPENSSL_CMS_BINARY,
    OPENSSL_ENCODING_DER), 'openssl_cms_sign');
openssl_cms_encrypt("$out.data", "$out.box", "file://$certificate", [], 0, OPENSSL_ENCODING_SMIME, OPENSSL_CIPHER_AES_256_CBC);
hold(openssl_cms_decrypt("$out.box", "$out.opened", "file://$certificate", "file://$file")
    && trim(file_get_contents("$out.opened")) === $data, 'openssl_cms_decrypt');
if ($rsa) {
    openssl_pkcs7_encrypt("$out.data", "$out.box", "file://$certificate", [], 0, OPENSSL_CIPHER_AES_256_CBC);
    hold(openssl_pkcs7_decrypt("$out.box", "$out.opened", "file://$certificate", "file://$file")
        && trim(file_get_contents("$out.opened")) === $data, 'openssl_pkcs7_decrypt');
}

// The first key of its own that this process makes comes after signatures: the provider must not be asked for it.
$asking = $key;
$request = openssl_csr_new(['commonName' => 'asks'], $asking, ['digest_alg' => 'sha256']);
hold($request !== false && openssl_csr_export_to_file($request, "$out.csr"), 'openssl_csr_new');
$self = openssl_csr_sign($request, null, $key, 3, ['digest_alg' => 'sha256'], 7);
hold($self !== false && openssl_x509_verify($self, $public) === 1, 'openssl_csr_sign, self-signed');
$leaf_key = openssl_pkey_new(['private_key_bits' => 2048, 'private_key_type' => OPENSSL_KEYTYPE_RSA]);
$leaf_request = openssl_csr_new(['commonName' => 'leaf'], $leaf_key, ['digest_alg' => 'sha256']);
$leaf = openssl_csr_sign($leaf_request, $cert, "file://$file", 3, ['digest_alg' => 'sha384'], 8);
hold($leaf !== false && openssl_x509_export_to_file($leaf, "$out.leaf.crt"), 'openssl_csr_sign');

if (!$control) {
    foreach (['', 'pass'] as $passphrase) {
        $text = null;
        hold(@openssl_pkey_export($key, $text, $passphrase) === false && !$text, "the key is not exported ('$passphrase')");
        hold(openssl_error_string() !== false, 'and an error says so');
    }
    hold(@openssl_pkcs12_export($cert, $text, $key, 'pass') === false && !$text, 'the key is not exported as PKCS#12');
    while (openssl_error_string() !== false);
    hold(openssl_sign($data, $signature, $key, OPENSSL_ALGO_SHA256), 'and signs afterwards');
}
