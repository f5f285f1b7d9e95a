// SPDX-License-Identifier: Apache-2.0
// What a Node program does with a key: node --openssl-shared-config features.js REFERENCE CERTIFICATE OUT
// One line a check that held; an exception ends it. OUT gets signatures for an outside eye to verify.
'use strict';
const assert = require('assert');
const crypto = require('crypto');
const fs = require('fs');
const https = require('https');

const [reference, certificate, out] = process.argv.slice(2);
const pem = fs.readFileSync(reference);
const key = crypto.createPrivateKey(pem);
const cert = new crypto.X509Certificate(fs.readFileSync(certificate));
const data = Buffer.from('some text to sign');
const ok = (what) => console.log(`ok ${what}`);

const details = key.asymmetricKeyDetails;
assert.deepStrictEqual(details, cert.publicKey.asymmetricKeyDetails);
ok(`asymmetricKeyDetails ${JSON.stringify(details, (k, v) => (typeof v === 'bigint' ? Number(v) : v))}`);

const pub = crypto.createPublicKey(key);
assert.strictEqual(pub.export({ type: 'spki', format: 'pem' }), cert.publicKey.export({ type: 'spki', format: 'pem' }));
assert.deepStrictEqual(pub.export({ format: 'jwk' }), cert.publicKey.export({ format: 'jwk' }));
ok('createPublicKey');

assert.throws(() => key.export({ type: 'pkcs8', format: 'pem' }));
ok('the private key is not exported');

const signature = crypto.sign('sha256', data, key);
assert(crypto.verify('sha256', data, cert.publicKey, signature));
fs.writeFileSync(`${out}.sig`, signature);
assert(crypto.createVerify('sha256').update(data).verify(cert.publicKey, crypto.createSign('sha256').update(data).sign(pem)));
ok('sign and createSign');

if (key.asymmetricKeyType === 'rsa') {
  const pss = { padding: crypto.constants.RSA_PKCS1_PSS_PADDING, saltLength: 32 };
  const s = crypto.sign('sha256', data, { key, ...pss });
  assert(crypto.verify('sha256', data, { key: cert.publicKey, ...pss }, s));
  fs.writeFileSync(`${out}.pss`, s);
  ok('PSS');
  const oaep = { padding: crypto.constants.RSA_PKCS1_OAEP_PADDING, oaepHash: 'sha256' };
  const text = crypto.publicEncrypt({ key: cert.publicKey, ...oaep }, data);
  assert.deepStrictEqual(crypto.privateDecrypt({ key, ...oaep }, text), data);
  ok('OAEP with SHA-256');
  const box = crypto.privateEncrypt(key, data);
  assert.deepStrictEqual(crypto.publicDecrypt(cert.publicKey, box), data);
  assert.deepStrictEqual(crypto.publicDecrypt(key, box), data);
  ok('privateEncrypt and publicDecrypt');
} else {
  const s = crypto.sign('sha256', data, { key, dsaEncoding: 'ieee-p1363' });
  assert.strictEqual(s.length, 64);
  assert(crypto.verify('sha256', data, { key: cert.publicKey, dsaEncoding: 'ieee-p1363' }, s));
  ok('ieee-p1363');
  const other = crypto.generateKeyPairSync('ec', { namedCurve: 'P-256' });
  assert.deepStrictEqual(
    crypto.diffieHellman({ privateKey: key, publicKey: other.publicKey }),
    crypto.diffieHellman({ privateKey: other.privateKey, publicKey: cert.publicKey }),
  );
  ok('diffieHellman');
}

assert(cert.checkPrivateKey(key));
ok('checkPrivateKey');

const server = https.createServer({ key: pem, cert: cert.toString() }, (request, response) => response.end('hello'));
server.listen(0, '127.0.0.1', () => {
  const get = (left) => https.get({
    host: '127.0.0.1', port: server.address().port, ca: cert.toString(), servername: 'localhost', agent: false,
    checkServerIdentity: () => undefined, maxVersion: left % 2 ? 'TLSv1.2' : 'TLSv1.3',
  }, (response) => {
    response.resume();
    response.on('end', () => {
      if (left > 0) return get(left - 1);
      ok('https');
      return server.close();
    });
  });
  get(7);
});
