# SPDX-License-Identifier: Apache-2.0
"""usage: sign.py pyopenssl|cryptography KEY CERTIFICATE DATA SIGNATURE"""
import sys

library, key_file, certificate, data, signature = sys.argv[1:]
pem = open(key_file, "rb").read()
message = open(data, "rb").read()
if library == "pyopenssl":
    from OpenSSL import SSL, crypto

    key = crypto.load_privatekey(crypto.FILETYPE_PEM, pem)
    context = SSL.Context(SSL.TLS_METHOD)
    context.use_certificate_file(certificate)
    context.use_privatekey(key)
    context.check_privatekey()
    made = crypto.sign(key, message, "sha256")
else:
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import ec, padding
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    key = load_pem_private_key(pem, None)
    if isinstance(key, ec.EllipticCurvePrivateKey):
        made = key.sign(message, ec.ECDSA(hashes.SHA256()))
    else:
        made = key.sign(message, padding.PKCS1v15(), hashes.SHA256())
open(signature, "wb").write(made)
