#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""usage: sleep_token.py DIR CERTROLL: from the keys DIR/*.key and what the tool says of their certificates, writes
DIR/sleep.token (see mock_sleep.c) and DIR/token (shell variables: token_label, id_NAME, uri_NAME). The fixed signature is
the true one of the text that certroll has a key sign to prove it, so that EC and Ed25519 keys are taken for the right ones."""
import json
import pathlib
import subprocess
import sys
import urllib.parse

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa, utils

PROBE = b"certroll: does this key match?  "


def line(cert, key, ident):
    public = cert.public_key()
    if isinstance(public, rsa.RSAPublicKey):
        n = public.public_numbers().n.to_bytes(public.key_size // 8, "big")
        return f"key rsa {ident} {n.hex()} {'42' * len(n)}"
    if isinstance(public, ec.EllipticCurvePublicKey):
        point = public.public_bytes(serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint)
        r, s = utils.decode_dss_signature(key.sign(PROBE, ec.ECDSA(utils.Prehashed(hashes.SHA256()))))
        return f"key ec {ident} 04{len(point):02x}{point.hex()} {r.to_bytes(32, 'big').hex()}{s.to_bytes(32, 'big').hex()}"
    assert isinstance(public, ed25519.Ed25519PublicKey)
    raw = public.public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
    return f"key ed25519 {ident} 0420{raw.hex()} {key.sign(PROBE).hex()}"


def main():
    top, tool = pathlib.Path(sys.argv[1]), sys.argv[2]
    said = json.loads(subprocess.run([tool, "certs", "--json"], capture_output=True, check=True).stdout)
    certs = {c["thumbprint_sha256"]: c for c in said["certs"]}
    token, shell, keys = {}, [], []
    for path in sorted(top.glob("*.key")):
        cert = x509.load_pem_x509_certificate(path.with_suffix(".crt").read_bytes())
        key = serialization.load_pem_private_key(path.read_bytes(), None)
        location = certs[cert.fingerprint(hashes.SHA256()).hex()]["locations"][0]
        attrs = dict(a.split("=", 1) for a in location.removeprefix("pkcs11:").split(";"))
        token = token or {k: urllib.parse.unquote(attrs[k]) for k in attrs if k in ("token", "serial", "manufacturer", "model")}
        ident = urllib.parse.unquote_to_bytes(attrs["id"]).hex()
        keys.append(line(cert, key, ident))
        shell += [f"id_{path.stem}={ident}", f"uri_{path.stem}='{location}'"]
    head = [f"{'label' if k == 'token' else k} {v}" for k, v in token.items()]
    (top / "sleep.token").write_text("\n".join(head + keys) + "\n")
    (top / "token").write_text("\n".join([f"token_label='{token['token']}'"] + shell) + "\n")


main()
