# SPDX-License-Identifier: Apache-2.0
"""What the report holds against what: each goal is a function of the results that yields
(title, limit in words, values a pair, is the median good, words on the others)."""

OURS = ("live", "pinned", "reference")
PEERS = ("peer", "tuned", "uncached")
NAMES = {"raw": "the module alone", "copy": "the module alone, session copy of the key", "noop": "no-op provider",
         "file": "default provider, key file", "live": "certroll, live", "pinned": "certroll, pinned",
         "reference": "certroll, reference file", "copied": "certroll, live, key-copy = always", "peer": "pkcs11-provider", "tuned": "pkcs11-provider, 64 sessions",
         "uncached": "pkcs11-provider, 64 sessions, keys not cached", "floor": "a provider that does nothing else", "ours": "certroll",
         "plain": "the default provider alone", "nothing": "a module with an empty provider", "keymgmts": "a provider with the same key managements, without decoders",
         "few": "certroll, a few roles in the directory", "many": "certroll, 10,000 roles in the directory"}
PARAMETER = {"hsm": "threads", "softhsm_rsa": "threads", "softhsm_pss": "threads", "softhsm_ec": "threads",
             "softhsm_ed25519": "threads"}
RATIOS = [("hsm", "Signatures by a token of 1 ms a call (RSA-2048)", "raw"), ("softhsm_rsa", "Signatures by SoftHSM, RSA-2048", "raw"),
          ("softhsm_pss", "Signatures by SoftHSM, RSA-2048 PSS", "raw"), ("softhsm_ec", "Signatures by SoftHSM, P-256", "raw"),
          ("softhsm_ed25519", "Signatures by SoftHSM, Ed25519", "raw"),
          ("load_all", "Warm load of certificate and key", "floor"), ("load_key", "Warm load of the key alone", "floor"),
          ("load_cert", "Warm load of the certificate alone", "floor"), ("load_pem", "Warm load of a reference file", "floor"),
          ("other_d2i", "d2i_X509 of somebody else's certificate", "plain"), ("other_pem", "Reading somebody else's PEM key", "plain"),
          ("other_tls", "TLS handshake with somebody else's key", "plain"),
          ("other_start", "CPU time of a process that makes a digest, or a TLS context, and never uses the provider", "plain"),
          ("many_load", "Warm load among 10,000 roles", "few"), ("many_sign", "Signature by SoftHSM among 10,000 roles", "few")]
ABSOLUTE = [("zero_cpu", "CPU time of a signature by a token that returns at once"), ("calls_signature", "Token calls of a signature"),
            ("calls_warm", "Token calls of a warm load of key and certificate"),
            ("calls_first", "Token calls of the first load in a process, login included"),
            ("fork", "First signature in a forked child"), ("resolve", "Live resolve"), ("syscalls", "System calls of a signature"),
            ("memory_private", "Private memory of a process with so many roles loaded"),
            ("memory_pss", "The same with its share of what is shared (Pss)"), ("memory_rss", "Resident memory (Rss)")]
UNTOLD = {"zero", "openssl", "calls_named"}
CAVEATS = [
    "The sleeping token takes 1 ms a call whatever the load: a real network HSM has a limit of its own.",
    "Two processors: from 8 threads on SoftHSM measures the scheduler as much as the provider.",
    "All programs ignore SIGPIPE, as servers do. Where a host does not, certroll makes two system calls more a signature.",
    "The no-op provider fetches its digest once, has no errors, no pool, no role; nobody could use it.",
    "The CPU time of the peer on the token that returns at once holds its own calls too, which there are free.",
    "pkcs11-provider gets its PIN in its configuration, since it reads no PIN of 32 characters from a file.",
]


def best(results, measure, variants, fold=max):
    found = [v for (m, variant, _), pairs in results.values.items() if m == measure and variant in variants
             for v in pairs.values()]
    return fold(found) if found else None


def spread(results, measure, variants):
    low, high = best(results, measure, variants, min), best(results, measure, variants)
    return "-" if low is None else f"pkcs11-provider {low:g}" + (f" to {high:g}" if high != low else "")


def calls(results):
    for measure, title, limit in (("calls_signature", "token calls a signature, RSA, PSS, EC, Ed25519, live and pinned", 2),
                                  ("calls_warm", "token calls, warm load of key + certificate", 0)):
        worst = best(results, measure, OURS)
        yield (title, str(limit), [] if worst is None else [worst], lambda v, most=limit: v <= most,
               spread(results, measure, PEERS))
    for parameter in results.parameters("calls_first"):
        values = list(results.get("calls_first", "live", parameter).values())
        others = results.get("calls_first", "peer", parameter).values()
        yield (f"token calls, first load in a process, {parameter}", "named below", values, lambda v: v <= 13,
               " ".join(f"pkcs11-provider {v:g}" for v in others) or "-")


def ratio(a, b):
    return a / b


def throughput(results):
    for p in results.parameters("hsm"):
        others = [f"{NAMES[v]} {sorted(r)[len(r) // 2]:.2f}" for v in PEERS if (r := results.paired("hsm", v, "raw", p, ratio))]
        yield (f"signatures with 1 ms a call, of raw, {p} thread{'s' if p != '1' else ''}", "≥ 0.98",
               results.paired("hsm", "live", "raw", p, ratio), lambda v: v >= 0.98, "; ".join(others) or "-")


def processor(results):
    for p in results.parameters("zero_cpu"):
        def over(a, b):
            return a - b

        others = [f"{NAMES[v]} {sorted(r)[len(r) // 2]:+.1f}" for v in PEERS if (r := results.paired("zero_cpu", v, "noop", p, over))]
        yield (f"CPU µs a signature over raw plus a no-op provider, {p}", "≤ +2", results.paired("zero_cpu", "live", "noop", p, over),
               lambda v: v <= 2, "; ".join(others) or "-")


def resolve(results):
    yield ("live resolve a signature, µs", "≤ 0.5", [v / 1000 for v in results.get("resolve", "live").values()],
           lambda v: v <= 0.5, "-")
    counts = results.get("syscalls", "live", "newfstatat").values()
    yield ("system calls of the resolve", "≤ 1", list(counts), lambda v: v <= 1.01, "-")


def fork(results):
    for p in results.parameters("fork"):
        own = results.paired("fork", "live", "raw", p, lambda a, b: a - b)
        others = [f"{NAMES[v]} {sorted(r)[len(r) // 2]:+.0f}" for v in PEERS
                  if (r := results.paired("fork", v, "raw", p, lambda a, b: a - b))]
        yield (f"first signature in a forked child, ms beyond the token's own initialization, {p}", "≤ 5", own,
               lambda v: v <= 5, "; ".join(others) or "-")


def beside_roll(results, kind, ops):
    quiet = results.get(f"roll_{kind}_quiet", "live")
    ratios = sorted(quiet[p] / ops[p] for p in quiet if ops.get(p))
    return f"in as long a stretch of the same run without a roll {ratios[len(ratios) // 2]:.2f}" if ratios else "-"


def roll(results):
    for kind, words in (("sleep", "1 ms a call"), ("softhsm", "SoftHSM")):
        failed = list(results.get(f"roll_{kind}_failed", "live").values())
        gaps = results.get(f"roll_{kind}_gap", "live")
        ops = results.get(f"roll_{kind}_op", "live")
        yield (f"failed signatures in a roll under 8 threads, {words}", "0", [sum(failed)] if failed else [], lambda v: v == 0,
               f"{sum(results.get(f'roll_{kind}_signatures', 'live').values()):.0f} signatures")
        yield (f"longest gap at the roll, in token operations, {words}", "≤ 1", [gaps[p] / ops[p] for p in gaps if ops.get(p)],
               lambda v: v <= 1, beside_roll(results, kind, ops))


def compare(results, measure, words, variant, base, most, beside=None):
    for p in results.parameters(measure):
        other = sorted(results.paired(measure, beside, base, p, ratio)) if beside else []
        yield (words + (f", {p}" if p else ""), f"≤ {most:g} ×", results.paired(measure, variant, base, p, ratio),
               lambda v: v <= most, f"{NAMES[beside]} {other[len(other) // 2]:.2f}" if other else "-")


def loads(results):
    for measure, words, most in (("load_all", "open + certificate + key + close, warm, over OpenSSL's floor", 1.1),
                                 ("load_pem", "reference file load, over the floor", 1.2)):
        yield from compare(results, measure, words, "ours", "floor", most)
    for measure, words in (("many_load", "load of one role among 10,000"), ("many_sign", "signature among 10,000 roles")):
        yield from compare(results, measure, words + ", of that among a few", "many", "few", 1.05)


def others(results):
    if any(v < 3.5 for v in results.get("openssl", "version").values()):
        yield from compare(results, "other_d2i", "d2i_X509 of others, over the same key managements", "ours", "keymgmts", 1.1)
        return
    for measure, words in (("other_d2i", "d2i_X509 of others"), ("other_tls", "TLS handshake of others")):
        yield from compare(results, measure, words + ", over without", "ours", "plain", 1.03)
    yield from compare(results, "other_start", "process start, over without", "ours", "plain", 1.03, "nothing")


def memory(results):
    sizes = results.parameters("memory_private")
    if len(sizes) < 3:
        return
    none, one, many = (results.get("memory_private", "ours", p) for p in sizes[-3:])
    yield ("private memory that one role adds, KiB", "stated", [one[p] - none[p] for p in one if p in none], lambda v: True, "-")
    yield (f"private memory of each role up to {sizes[-1]}, KiB", "stated",
           [(many[p] - one[p]) / (int(sizes[-1]) - int(sizes[-2])) for p in many if p in one], lambda v: True, "-")


GOALS = [calls, throughput, processor, resolve, loads, others, fork, roll, memory]
