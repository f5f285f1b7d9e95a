#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""An outside eye: verifies JWTs and detached signatures against a JWK set with jwcrypto, which knows nothing of certroll.

usage: verify_tokens.py JWKS [--jwt FILE] [--signatures FILE] [--effective UNIX-TIME --lag SECONDS --old KID --new KID]

FILE of --jwt holds one compact JWS a line, of --signatures one "time text signature" a line (see php/signer.php).
Every one must verify; a JWT must carry the kid of the key that verifies it. With --effective, what was made before that
time must carry the old kid and what was made more than --lag after it the new one. Prints one line a run of equal kids.
Exit 0: all verified, and there was at least one.
"""
import argparse
import base64
import json
import sys

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from jwcrypto import jwk, jws


def unb64(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def load(path):
    with open(path, encoding="utf-8") as f:
        members = json.load(f)["keys"]
    keys = {m["kid"]: jwk.JWK(**m) for m in members}
    if len(keys) != len(members):
        sys.exit(f"{path}: two entries share one kid")
    return keys


def check_jwt(line, keys):
    token = jws.JWS()
    token.deserialize(line)
    kid = token.jose_header["kid"]
    if kid not in keys:
        sys.exit(f"kid {kid} is not in the JWK set")
    token.verify(keys[kid])
    return json.loads(token.payload)["iat"], kid


def check_signature(line, keys):
    when, text, signature = line.split()
    for kid, key in keys.items():
        try:
            key.get_op_key("verify").verify(unb64(signature), unb64(text), padding.PKCS1v15(), hashes.SHA256())
            return float(when), kid
        except InvalidSignature:
            continue
    sys.exit(f"signature of {when}: no key of the JWK set verifies it")


def report(what, seen, args):
    if not seen:
        sys.exit(f"{what}: nothing to verify")
    start = 0
    for i in range(1, len(seen) + 1):
        if i == len(seen) or seen[i][1] != seen[start][1]:
            print(f"{what}: {i - start:3d} verified with kid {seen[start][1]}")
            start = i
    if args.effective is None:
        return
    for when, kid in seen:
        # A JWT's iat is whole seconds, cut: one minted in the second of the roll may be on either side.
        if when < args.effective - 1 and kid != args.old:
            sys.exit(f"{what}: signed with {kid} {args.effective - when:.1f} s before the effective date")
        if when > args.effective + args.lag and kid != args.new:
            sys.exit(f"{what}: still signed with {kid} {when - args.effective:.1f} s after the effective date")
    kids = {kid for _, kid in seen}
    if kids != {args.old, args.new}:
        sys.exit(f"{what}: expected both sides of the roll, saw {sorted(kids)}")


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("jwks")
    p.add_argument("--jwt")
    p.add_argument("--signatures")
    p.add_argument("--effective", type=float)
    p.add_argument("--lag", type=float, default=1.0)
    p.add_argument("--old")
    p.add_argument("--new")
    args = p.parse_args()
    keys = load(args.jwks)
    for what, path, check in (("JWT", args.jwt, check_jwt), ("signature", args.signatures, check_signature)):
        if path:
            with open(path, encoding="ascii") as f:
                lines = [line.strip() for line in f]
            report(what, [check(line, keys) for line in lines if line], args)


main()
