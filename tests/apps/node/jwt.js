// SPDX-License-Identifier: Apache-2.0
// The kid recipe for Node: load a bind=pinned reference at most once a second, compute the RFC 7638 kid from that very
// object, sign with that object. GET /ALG answers one token of the reference JWT_KEYS/ALG.pem.
//   JWT_KEYS=DIR node --openssl-shared-config jwt.js PORT
'use strict';
const crypto = require('crypto');
const fs = require('fs');
const http = require('http');

const algorithms = {
  RS256: { digest: 'sha256' },
  PS256: { digest: 'sha256', padding: crypto.constants.RSA_PKCS1_PSS_PADDING, saltLength: 32 },
  ES256: { digest: 'sha256', dsaEncoding: 'ieee-p1363' },
  EdDSA: { digest: null },
};
const members = { RSA: ['e', 'kty', 'n'], EC: ['crv', 'kty', 'x', 'y'], OKP: ['crv', 'kty', 'x'] };

function load(alg) {
  const loaded = Date.now();
  const key = crypto.createPrivateKey(fs.readFileSync(`${process.env.JWT_KEYS}/${alg}.pem`));
  // The public half of this object; a private JWK of it does not exist.
  const jwk = crypto.createPublicKey(key).export({ format: 'jwk' });
  const required = Object.fromEntries(members[jwk.kty].map((name) => [name, jwk[name]]));
  return { key, loaded, kid: crypto.createHash('sha256').update(JSON.stringify(required)).digest('base64url') };
}

const held = {};

function mint(alg, claims) {
  if (!(alg in held) || Date.now() - held[alg].loaded >= 1000) held[alg] = load(alg);
  const { key, kid } = held[alg];
  const { digest, ...how } = algorithms[alg];
  const encode = (value) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const input = `${encode({ alg, typ: 'JWT', kid })}.${encode(claims)}`;
  const signature = crypto.sign(digest, Buffer.from(input), { key, ...how });
  return `${input}.${signature.toString('base64url')}`;
}

http.createServer((request, response) => {
  const now = Math.floor(Date.now() / 1000);
  const alg = request.url.slice(1);
  try {
    if (!(alg in algorithms)) throw new Error('no such algorithm');
    response.end(`${mint(alg, { iss: 'https://issuer.example', iat: now, exp: now + 3600 })}\n`);
  } catch (e) {
    response.statusCode = 500;
    response.end(`${e.message}\n`);
  }
}).listen(Number(process.argv[2]), '127.0.0.1');
