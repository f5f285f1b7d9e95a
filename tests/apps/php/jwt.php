<?php
// SPDX-License-Identifier: Apache-2.0
// The kid recipe for programs that put a kid in a JWT header: load a bind=pinned reference, compute the RFC 7638 kid from
// that very object, sign with that object. A roll between two statements can then never pair a kid with another key.
// Served by the stock `php -S`: GET / answers one token. A PHP request is short, so it loads once and keeps nothing.
declare(strict_types=1);

function b64url(string $bytes): string
{
    return rtrim(strtr(base64_encode($bytes), '+/', '-_'), '=');
}

// RFC 7638: the required members of the public JWK, in lexicographic order, without white space.
function public_jwk(array $details): array
{
    if ($details['type'] === OPENSSL_KEYTYPE_RSA) {
        return ['e' => b64url($details['rsa']['e']), 'kty' => 'RSA', 'n' => b64url($details['rsa']['n'])];
    }
    throw new RuntimeException('this recipe is for RSA keys');
}

function mint(string $reference, array $claims): string
{
    $key = openssl_pkey_get_private("file://$reference");
    if ($key === false) {
        throw new RuntimeException('no key: ' . openssl_error_string());
    }
    $jwk = public_jwk(openssl_pkey_get_details($key));
    $kid = b64url(hash('sha256', json_encode($jwk, JSON_UNESCAPED_SLASHES), true));
    $head = b64url(json_encode(['alg' => 'RS256', 'typ' => 'JWT', 'kid' => $kid]));
    $input = $head . '.' . b64url(json_encode($claims));
    if (!openssl_sign($input, $signature, $key, OPENSSL_ALGO_SHA256)) {
        throw new RuntimeException('no signature: ' . openssl_error_string());
    }
    return $input . '.' . b64url($signature);
}

try {
    $now = time();
    header('Content-Type: application/jwt');
    echo mint(getenv('JWT_KEY'), ['iss' => 'https://issuer.example', 'iat' => $now, 'exp' => $now + 3600]), "\n";
} catch (RuntimeException $e) {
    http_response_code(500);
    echo $e->getMessage(), "\n";
}
