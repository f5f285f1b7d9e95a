# SPDX-License-Identifier: Apache-2.0
"""usage: sign.py pyopenssl|cryptography|recipe|m2crypto KEY CERTIFICATE DATA SIGNATURE
cryptography checks the private numbers of an RSA key when it loads one: the recipe is not to."""
import hashlib
import inspect
import sys

library, key_file, certificate, data, signature = sys.argv[1:]
pem = open(key_file, "rb").read()
message = open(data, "rb").read()


def load(recipe):
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    if not recipe:
        return load_pem_private_key(pem, None)
    if "unsafe_skip_rsa_key_validation" in inspect.signature(load_pem_private_key).parameters:
        return load_pem_private_key(pem, None, unsafe_skip_rsa_key_validation=True)
    from cryptography.hazmat.backends.openssl import backend  # before version 39

    backend._rsa_skip_check_key = True
    return load_pem_private_key(pem, None)


if library == "pyopenssl":
    from OpenSSL import SSL, crypto

    key = crypto.load_privatekey(crypto.FILETYPE_PEM, pem)
    context = SSL.Context(SSL.TLS_METHOD)
    context.use_certificate_file(certificate)
    context.use_privatekey(key)
    context.check_privatekey()
    made = crypto.sign(key, message, "sha256")
elif library == "m2crypto":  # by the structures that it takes out of the key
    from M2Crypto import EC, RSA, SSL

    SSL.Context("tls").load_cert(certificate, key_file)
    digest = hashlib.sha256(message).digest()
    try:
        made = RSA.load_key(key_file).sign(digest, "sha256")
    except RSA.RSAError:
        made = EC.load_key(key_file).sign_dsa_asn1(digest)
else:
    import jwt
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import ec, padding

    key = load(library == "recipe")
    if isinstance(key, ec.EllipticCurvePrivateKey):
        made = key.sign(message, ec.ECDSA(hashes.SHA256()))
        token = jwt.encode({}, pem if library == "cryptography" else key, "ES256")
    else:
        made = key.sign(message, padding.PKCS1v15(), hashes.SHA256())
        token = jwt.encode({}, key, "RS256")
    jwt.decode(token, key.public_key(), ["RS256", "ES256"])
open(signature, "wb").write(made)
