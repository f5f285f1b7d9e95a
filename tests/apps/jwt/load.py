#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Eight clients take tokens from a JWT server all the time; each token must verify against the JWK set that was published
at that moment. jwcrypto, which knows nothing of certroll, verifies.

usage: load.py URL JWKS ROLLS STOP

JWKS: the published file, read anew for each token. ROLLS: lines "UNIX-TIME KID" of effective dates and the key that then
becomes current, written by the test while this runs. STOP: ends it when it appears. Prints what was seen and the longest
time that a token asked for after an effective date still carried the old kid. Exit 0: no request failed, every token
verified, and each roll was seen.
"""
import json
import os
import sys
import threading
import time
import urllib.request

from jwcrypto import jwk, jws

url, published, rolls_path, stop = sys.argv[1:5]
open_url = urllib.request.build_opener(urllib.request.ProxyHandler({})).open
lock = threading.Lock()
seen, failures = [], []
keys = {}  # text of the set -> its keys


def key_set():
    with open(published, encoding="utf-8") as f:
        text = f.read()
    with lock:
        if text not in keys:
            keys[text] = {m["kid"]: jwk.JWK(**m) for m in json.loads(text)["keys"]}
        return keys[text]


def one():
    asked = time.time()
    with open_url(url, timeout=20) as answer:
        token = answer.read().decode("ascii").strip()
    jwt = jws.JWS()
    jwt.deserialize(token)
    kid = jwt.jose_header["kid"]
    published_now = key_set()
    if kid not in published_now:
        raise ValueError(f"kid {kid} is not published at {time.time():.3f} (asked {asked:.3f})")
    jwt.verify(published_now[kid])
    return asked, kid


def client():
    while not os.path.exists(stop):
        try:
            result = one()
            with lock:
                seen.append(result)
        except Exception as e:  # pylint: disable=broad-except
            with lock:
                failures.append(f"{type(e).__name__}: {e}")
        time.sleep(0.04)


def main():
    threads = [threading.Thread(target=client) for _ in range(8)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    if failures:
        sys.exit(f"{len(failures)} of {len(failures) + len(seen)} requests failed, the first: {failures[0]}")
    with open(rolls_path, encoding="ascii") as f:
        rolls = [(float(when), kid) for when, kid in (line.split() for line in f)]
    lag = 0.0
    for i, (when, kid) in enumerate(rolls):
        until = rolls[i + 1][0] if i + 1 < len(rolls) else time.time()
        after = [(asked, k) for asked, k in seen if when <= asked < until]
        if kid not in {k for _, k in after}:
            sys.exit(f"no token of the key that became current at {when}")
        # One that came early would be a wrong answer, not a lag.
        if any(k == kid and asked < when - 1 for asked, k in seen):
            sys.exit(f"a token of {kid} was asked for before its effective date {when}")
        older = {k for _, k in rolls[:i]} | {k for asked, k in seen if asked < rolls[0][0]}
        lag = max([lag] + [asked - when for asked, k in after if k in older and k != kid])
    print(f"{len(seen)} tokens, all verified, over {len(rolls)} rolls; longest lag {lag:.2f} s")


main()
