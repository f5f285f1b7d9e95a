// SPDX-License-Identifier: Apache-2.0
// The kid recipe for Node: load a bind=pinned reference at most once a second, compute the RFC 7638 kid from that very
// object, sign with that object. GET / answers one token.
//   JWT_KEY=pinned.pem node --openssl-shared-config jwt.js PORT
'use strict';
const crypto = require('crypto');
const fs = require('fs');
const http = require('http');

const members = { RSA: ['e', 'kty', 'n'], EC: ['crv', 'kty', 'x', 'y'] };

function load(path) {
  const key = crypto.createPrivateKey(fs.readFileSync(path));
  // The public half of this object; a private JWK of it does not exist.
  const jwk = crypto.createPublicKey(key).export({ format: 'jwk' });
  const required = Object.fromEntries(members[jwk.kty].map((name) => [name, jwk[name]]));
  return {
    key,
    alg: jwk.kty === 'RSA' ? 'RS256' : 'ES256',
    kid: crypto.createHash('sha256').update(JSON.stringify(required)).digest('base64url'),
    loaded: Date.now(),
  };
}

let held = load(process.env.JWT_KEY);

function mint(claims) {
  if (Date.now() - held.loaded > 1000) held = load(process.env.JWT_KEY);
  const { key, kid, alg } = held;
  const encode = (value) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const input = `${encode({ alg, typ: 'JWT', kid })}.${encode(claims)}`;
  const signature = crypto.sign('sha256', Buffer.from(input), { key, dsaEncoding: 'ieee-p1363' });
  return `${input}.${signature.toString('base64url')}`;
}

http.createServer((request, response) => {
  const now = Math.floor(Date.now() / 1000);
  try {
    response.end(`${mint({ iss: 'https://issuer.example', iat: now, exp: now + 3600 })}\n`);
  } catch (e) {
    response.statusCode = 500;
    response.end(`${e.message}\n`);
  }
}).listen(Number(process.argv[2]), '127.0.0.1');
