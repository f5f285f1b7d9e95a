// SPDX-License-Identifier: Apache-2.0
// An https server of several workers: node --openssl-shared-config tls.js PORT KEY CERTIFICATE WORKERS
// Each of them loads the key itself. Every answer names the worker that gave it.
'use strict';
const cluster = require('cluster');
const fs = require('fs');
const https = require('https');

const [port, key, certificate, workers] = process.argv.slice(2);
if (cluster.isPrimary) {
  for (let i = 0; i < Number(workers); i += 1) cluster.fork();
  cluster.on('exit', () => process.exit(1));
} else {
  https.createServer({ key: fs.readFileSync(key), cert: fs.readFileSync(certificate) }, (request, response) => {
    response.end(`worker ${process.pid}\n`);
  }).listen(Number(port), '127.0.0.1');
}
