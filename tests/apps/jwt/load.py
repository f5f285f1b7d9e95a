#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Eight clients take tokens from a JWT server all the time; each token must verify against the JWK set that was published
at that moment, and be of a key that was current then. jwcrypto, which knows nothing of certroll, verifies and says which
kid a certificate has.

usage: load.py URL JWKS ROLLS SEEN STOP HOLD PATH...

JWKS: the published file, read anew for each token. ROLLS: lines "UNIX-TIME SCHEDULED CERTIFICATE ALG...": from then on
that certificate is current for these algorithms; written by the test while this runs. SCHEDULED is when the command that
says so had ended: on a busy machine that may be after the date. SEEN: written by this, a line "PATH KID" when a path's first
token of a key is there, "PATH failed" at a failure. STOP: ends it when it appears. HOLD: for how many seconds
the server may hold a key that it has loaded. PATH: what to ask for, its last part is the algorithm.

A token asked for at A and answered at B must carry the kid of a key that was current at some time from A - HOLD to B.
Prints for each path how many tokens, for how long after an effective date one was asked for that still carried the older
kid, and how long after it the first of the new kid was there. Exit 0: no request failed, every token was right, and each path saw each roll.
"""
import json
import os
import sys
import threading
import time
import urllib.request

from jwcrypto import jwk, jws

url, published, rolls_path, seen_path, stop, hold = sys.argv[1:7]
paths = sys.argv[7:]
open_url = urllib.request.build_opener(urllib.request.ProxyHandler({})).open
lock = threading.Lock()
seen, failures = {path: [] for path in paths}, []
told = set()
keys = {}  # text of the set -> its keys


def key_set():
    with open(published, encoding="utf-8") as f:
        text = f.read()
    with lock:
        if text not in keys:
            members = json.loads(text)["keys"]
            keys[text] = {m["kid"]: jwk.JWK(**m) for m in members}
            if len(keys[text]) != len(members):
                raise ValueError("two entries of the set share one kid")
        return keys[text]


def one(path):
    asked = time.time()
    with open_url(url + path, timeout=60) as answer:
        token = answer.read().decode("ascii").strip()
    answered = time.time()
    jwt = jws.JWS()
    jwt.allowed_algs = [path.split("/")[-1]]
    jwt.deserialize(token)
    kid = jwt.jose_header["kid"]
    published_now = key_set()
    if kid not in published_now:
        raise ValueError(f"kid {kid} is not published at {time.time():.3f} (asked {asked:.3f})")
    jwt.verify(published_now[kid])
    return asked, answered, kid


def tell(line):  # under the lock
    if line not in told:
        told.add(line)
        with open(seen_path, "a", encoding="ascii") as f:
            f.write(line + "\n")


def client(turn):
    while not os.path.exists(stop):
        turn += 1
        path = paths[turn % len(paths)]
        try:
            result = one(path)
            with lock:
                seen[path].append(result)
                tell(f"{path} {result[2]}")
        except Exception as e:  # pylint: disable=broad-except
            with lock:
                failures.append(f"{path}: {type(e).__name__}: {e}")
                tell(f"{path} failed")
        time.sleep(0.1)


def kid_of(certificate):
    with open(certificate, "rb") as f:
        return jwk.JWK.from_pem(f.read()).thumbprint()


def rolls_of(alg):
    """For each kid: its effective date, since when the record says so too, and until when the kid may stand in a token."""
    with open(rolls_path, encoding="ascii") as f:
        lines = [line.split() for line in f]
    mine = [line for line in lines if alg in line[3:]]
    since = [max(float(line[0]), float(line[1])) for line in mine] + [float("inf")]
    return {kid_of(line[2]): (float(line[0]), since[i], since[i + 1]) for i, line in enumerate(mine)}


def judge(path):
    current = rolls_of(path.split("/")[-1])
    lag, first = 0.0, {}
    for asked, answered, kid in seen[path]:
        when, _, end = current[kid]
        if answered < when:
            sys.exit(f"{path}: a token of {kid} came {when - answered:.3f} s before its effective date")
        if asked - float(hold) >= end:
            sys.exit(f"{path}: a token asked for {asked - end:.3f} s after an effective date carries the older {kid}")
        lag = max(lag, asked - end)
        first[kid] = min(first.get(kid, answered), answered)
    if set(first) != set(current):
        sys.exit(f"{path}: tokens of {len(first)} of {len(current)} keys")
    rolled = [kid for kid, (when, _, _) in current.items() if when > 0]
    late = sum(current[kid][1] > current[kid][0] for kid in rolled)
    after = max(first[kid] - current[kid][1] for kid in rolled)
    print(f"{path}: {len(seen[path])} tokens, all verified, over {len(rolled)} rolls ({late} scheduled too late); "
          f"longest lag {lag:.3f} s, first token of a new key after {after:.3f} s at most")


def main():
    threads = [threading.Thread(target=client, args=(i,)) for i in range(8)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    if failures:
        sys.exit(f"{len(failures)} of {len(failures) + sum(map(len, seen.values()))} requests failed, the first: {failures[0]}")
    for path in paths:
        judge(path)


main()
