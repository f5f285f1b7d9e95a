<?php
// SPDX-License-Identifier: Apache-2.0
// The kid recipe for programs that put a kid in a JWT header: load a bind=pinned reference, compute the RFC 7638 kid from
// that very object, sign with that object. A roll between two statements can then never pair a kid with another key.
// Served by the stock `php -S`: GET /ALG answers one token of the reference JWT_KEYS/ALG.pem; ALG is RS256 or ES256, since
// openssl_sign of PHP 8.2 has no PSS. A PHP request is short, so it loads once and keeps nothing.
declare(strict_types=1);

function b64url(string $bytes): string
{
    return rtrim(strtr(base64_encode($bytes), '+/', '-_'), '=');
}

function fixed(string $number): string
{
    return str_pad(ltrim($number, "\0"), 32, "\0", STR_PAD_LEFT);
}

// RFC 7638: the required members of the public JWK, in lexicographic order, without white space.
function public_jwk(array $details): array
{
    if ($details['type'] === OPENSSL_KEYTYPE_RSA) {
        return ['e' => b64url($details['rsa']['e']), 'kty' => 'RSA', 'n' => b64url($details['rsa']['n'])];
    }
    return ['crv' => 'P-256', 'kty' => 'EC', 'x' => b64url(fixed($details['ec']['x'])), 'y' => b64url(fixed($details['ec']['y']))];
}

// RFC 7518, 3.4: r and s, 32 bytes each, instead of a DER sequence of two integers.
function plain_ecdsa(string $der): string
{
    $r = ord($der[3]);
    return fixed(substr($der, 4, $r)) . fixed(substr($der, 6 + $r));
}

function mint(string $alg, string $reference, array $claims): string
{
    $key = openssl_pkey_get_private("file://$reference");
    if ($key === false) {
        throw new RuntimeException('no key: ' . openssl_error_string());
    }
    $jwk = public_jwk(openssl_pkey_get_details($key));
    $kid = b64url(hash('sha256', json_encode($jwk, JSON_UNESCAPED_SLASHES), true));
    $head = b64url(json_encode(['alg' => $alg, 'typ' => 'JWT', 'kid' => $kid]));
    $input = $head . '.' . b64url(json_encode($claims));
    if (!openssl_sign($input, $signature, $key, OPENSSL_ALGO_SHA256)) {
        throw new RuntimeException('no signature: ' . openssl_error_string());
    }
    return $input . '.' . b64url($alg === 'ES256' ? plain_ecdsa($signature) : $signature);
}

try {
    $alg = ltrim($_SERVER['REQUEST_URI'], '/');
    if (!in_array($alg, ['RS256', 'ES256'], true)) {
        throw new RuntimeException('no such algorithm');
    }
    $now = time();
    header('Content-Type: application/jwt');
    $claims = ['iss' => 'https://issuer.example', 'iat' => $now, 'exp' => $now + 3600];
    echo mint($alg, getenv('JWT_KEYS') . "/$alg.pem", $claims), "\n";
} catch (RuntimeException $e) {
    http_response_code(500);
    echo $e->getMessage(), "\n";
}
