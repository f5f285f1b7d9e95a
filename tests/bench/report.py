#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""usage: report.py RESULTS.tsv OUT [PEERS [OTHER.tsv...]]: OUT.md, and OUT-*.svg, from lines of MEASURE VARIANT PARAMETER PAIR
VALUE UNIT; what was measured with is left in RESULTS.machine for the reports that have this run as another one. Where OUT is doc/NAME,
the README's section of speed is written, too.
A ratio or difference is formed within each pair (one round of all variants); the median of the pairs is given with the
95 % confidence interval of its order statistics, which assumes nothing of the distribution."""
import collections
import math
import os
import pathlib
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
sys.dont_write_bytecode = True
import goals  # noqa: E402
import plot  # noqa: E402


class Results:
    def __init__(self, path):
        self.values = collections.defaultdict(dict)  # (measure, variant, parameter): {pair: value}
        self.units = {}
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            fields = line.split("\t")
            if len(fields) != 6:
                sys.exit(f"{path}:{number}: not six fields")
            measure, variant, parameter, pair, value, unit = fields
            self.values[measure, variant, parameter][pair] = float(value)
            self.units[measure] = unit

    def get(self, measure, variant, parameter=""):
        return self.values.get((measure, variant, parameter), {})

    def parameters(self, measure):
        found = list(dict.fromkeys(p for m, _, p in self.values if m == measure))
        return sorted(found, key=float) if all(p.lstrip("-").isdigit() for p in found) else found

    def variants(self, measure):
        return list(dict.fromkeys(v for m, v, _ in self.values if m == measure))

    def paired(self, measure, variant, base, parameter, how):
        a, b = self.get(measure, variant, parameter), self.get(measure, base, parameter)
        return [how(a[p], b[p]) for p in a if b.get(p)]  # 0: its process was kept from counting anything


def median(values):
    s = sorted(values)
    n = len(s)
    return (s[n // 2] + s[(n - 1) // 2]) / 2


def interval(values):
    """Order statistics that hold the median with at least 95 %; of fewer than six values all there is."""
    s = sorted(values)
    n, k, below = len(s), 0, 0.0
    while k < n // 2 and below + math.comb(n, k) / 2**n <= 0.025:
        below += math.comb(n, k) / 2**n
        k += 1
    k = max(k, 1)
    return s[k - 1], s[n - k]


def shown(values, digits=3):
    if not values:
        return "-"
    low, high = interval(values)
    middle = f"{median(values):.{digits}g}"
    return middle if low == high else f"{middle} ({low:.{digits}g} to {high:.{digits}g})"


def row(*cells):
    return "| " + " | ".join(str(c) for c in cells) + " |"


def goal_table(results):
    out = [row("measure", "goal", "certroll", "met", "beside it"), row(*["---"] * 5)]
    for goal in goals.GOALS:
        for title, limit, values, good, others in goal(results):
            if not values:
                continue  # of a part that did not run
            verdict = "stated" if limit == "stated" else "yes" if good(median(values)) else "**no**"
            out.append(row(title, limit, shown(values), verdict, others))
    return out


def ratio_table(results, measure, base):
    parameters = results.parameters(measure)
    out = [row("variant", *(f"{p}" for p in parameters)), row("---", *("---" for _ in parameters))]
    for variant in results.variants(measure):
        cells = [shown(results.paired(measure, variant, base, p, lambda a, b: a / b)) for p in parameters]
        out.append(row(goals.NAMES.get(variant, variant), *cells))
    return out


def absolute_table(results, measure):
    parameters = results.parameters(measure)
    unit = results.units[measure]
    out = [row(unit, *(p or "value" for p in parameters)), row("---", *("---" for _ in parameters))]
    for variant in results.variants(measure):
        cells = [shown(list(results.get(measure, variant, p).values())) for p in parameters]
        out.append(row(goals.NAMES.get(variant, variant), *cells))
    return out


def named_table(results):
    """A row a call; the key types in one cell where they differ."""
    names = [p.split() for p in results.parameters("calls_named")]
    types, calls = list(dict.fromkeys(n[0] for n in names)), list(dict.fromkeys(n[1] for n in names))
    variants = results.variants("calls_named")
    out = [row("call", *(goals.NAMES.get(v, v) for v in variants)), row("---", *("---" for _ in variants))]
    for call in calls:
        cells = []
        for variant in variants:
            counts = [sum(results.get("calls_named", variant, f"{t} {call}").values()) for t in types]
            cells.append(" / ".join(f"{n:g}" for n in counts) if len(set(counts)) > 1 else f"{counts[0]:g}")
        out.append(row(call, *cells))
    return [f"## The same by name ({' / '.join(types)})", "", *out, ""] if calls else []


def curves(results, measure, path, title):
    lines = []
    for variant in results.variants(measure):
        points = []
        for p in results.parameters(measure):
            values = list(results.get(measure, variant, p).values())
            if values:
                points.append((float(p), median(values), *interval(values)))
        lines.append((goals.NAMES.get(variant, variant), points))
    ticks = [float(p) for p in results.parameters(measure)]
    return plot.plot(path, title, "threads", "signatures a second", lines, log_x=True, log_y=True, x_ticks=ticks)


def roll_curves(results, kind, path, title):
    lines = []
    for suffix, words, fold in (("p50", "median", median), ("p99", "99 %", median), ("max", "longest of all pairs", max)):
        measure = f"roll_{kind}_{suffix}"
        points = [(float(p) + 5, fold(list(results.get(measure, "live", p).values())), None, None)
                  for p in results.parameters(measure)]
        lines.append((words, points))
    return plot.plot(path, title, "ms from the effective date", "ms a signature", lines, log_y=True,
                     mark=(0.0, "the role rolls"))


def command(*words):
    try:
        return subprocess.run(words, capture_output=True, text=True, check=True).stdout.strip().splitlines()[0]
    except (OSError, subprocess.CalledProcessError, IndexError):
        return "unknown"


def machine(peers):
    cpu = [line.split(":", 1)[1].strip() for line in open("/proc/cpuinfo", encoding="utf-8") if line.startswith("model name")]
    release = dict(line.rstrip().split("=", 1) for line in open("/etc/os-release", encoding="utf-8") if "=" in line)
    versions = [command("openssl", "version"), "p11-kit " + command("dpkg-query", "-W", "-f", "${Version}", "libp11-kit0"),
                "SoftHSM " + command("dpkg-query", "-W", "-f", "${Version}", "libsofthsm2"),
                "certroll " + command("git", "-c", "safe.directory=*", "describe", "--always", "--dirty")]
    if peers and (pathlib.Path(peers) / "versions").exists():
        versions += (pathlib.Path(peers) / "versions").read_text(encoding="utf-8").splitlines()
    load = "load averages when it was written: " + " ".join(open("/proc/loadavg", encoding="utf-8").read().split()[:3])
    return [f"- {len(cpu)} × {cpu[0] if cpu else 'unknown'}, Linux {command('uname', '-r')}, "
            f"{release.get('PRETTY_NAME', '').strip(chr(34))}", f"- {'; '.join(versions)}", f"- {load}"]


def tables(results, heading="##"):
    lines = []
    for measure, title, base in goals.RATIOS:
        if measure in results.units:
            lines += [f"{heading} {title}", "", f"As a multiple of {goals.NAMES.get(base, base)}, "
                      f"by {goals.PARAMETER.get(measure, 'type of key')}:", "", *ratio_table(results, measure, base), ""]
    for measure, title in goals.ABSOLUTE:
        if measure in results.units:
            lines += [f"{heading} {title}", "", *absolute_table(results, measure), ""]
    told = {m for m, *_ in goals.RATIOS} | {m for m, _ in goals.ABSOLUTE} | goals.UNTOLD
    for measure in results.units:
        if measure not in told and not measure.startswith("roll_"):
            lines += [f"{heading} {measure}", "", *absolute_table(results, measure), ""]
    return lines


def beside(path):
    """A run on another system, in short."""
    results = Results(path)
    return ["## Loads and side effects elsewhere", "", *path.with_suffix(".machine").read_text(encoding="utf-8").splitlines(), "",
            *goal_table(results), "", *tables(results, "###")]


def sections(results, out, picture):
    lines = tables(results) + named_table(results)
    pictures = [("hsm", lambda p: curves(results, "hsm", p, "A token that takes 1 ms a call: RSA-2048")),
                ("softhsm", lambda p: curves(results, "softhsm_rsa", p, "SoftHSM: RSA-2048")),
                ("roll-hsm", lambda p: roll_curves(results, "sleep", p, "A roll under 8 threads, 1 ms a call")),
                ("roll-softhsm", lambda p: roll_curves(results, "softhsm", p, "A roll under 8 threads, SoftHSM"))]
    drawn = [name for name, draw in pictures if draw(out.with_name(f"{out.name}-{name}.svg"))]
    return [line for name in drawn for line in (f"![{name}]({picture}-{name}.svg)", "")] + lines


def speed(results):
    """The README's section: ratios and counts alone."""
    def worst(values):
        return f"{median(values):.2f}" if values else "-"

    def over(variant, base, measure, parameter):
        return results.paired(measure, variant, base, parameter, lambda a, b: a / b)

    def span(measure, variants):
        low, high = (goals.best(results, measure, variants, fold) for fold in (min, max))
        return "-" if low is None else f"{low:g}" + (f" to {high:g}" if high != low else "")

    variants = ("live", "peer", "tuned")
    out = [row("", "certroll", "pkcs11-provider", "the same, 64 sessions"), row(*["---"] * 4)]
    for title, measure in (("token calls a signature", "calls_signature"), ("token calls, warm load of key and certificate", "calls_warm"),
                           ("token calls, first load in a process", "calls_first")):
        out.append(row(title, *(span(measure, (v,)) for v in variants)))
    for p in results.parameters("hsm"):
        out.append(row(f"signatures on a token of 1 ms a call, of the bare module's, {p} thread{'s' if p != '1' else ''}",
                       *(worst(over(v, "raw", "hsm", p)) for v in variants)))
    for title, measure, base in (("warm load of certificate and key, over OpenSSL's own share", "load_all", "floor"),
                                 ("warm load of a reference file, over OpenSSL's own share", "load_pem", "floor"),
                                 ("d2i_X509 of others in the process, over the same key managements", "other_d2i", "keymgmts")):
        for p in results.parameters(measure):
            out.append(row(f"{title}, {p}", worst(over("ours", base, measure, p)), "-", "-"))
    return out


def readme(path, results):
    """Between the two comments in it."""
    text = path.read_text(encoding="utf-8")
    begin, end = "<!-- speed: by tests/bench/run -->\n", "<!-- end of speed -->\n"
    head, rest = text.split(begin)
    tail = rest.split(end)[1]
    path.write_text("".join((head, begin, "\n", "\n".join(speed(results)), "\n\n", end, tail)), encoding="utf-8")


def main():
    source, out = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])
    results = Results(source)
    pairs = max((len(v) for v in results.values.values()), default=0)
    found = machine(sys.argv[3] if len(sys.argv) > 3 else None)
    source.with_suffix(".machine").write_text("\n".join(found) + "\n", encoding="utf-8")
    lines = ["# The benchmark", "", f"Written by `tests/bench/run`: {pairs} pairs, in each of which every variant ran once, in a "
             "process of its own, in turn. Medians, with 95 % confidence intervals of order statistics; ratios and differences "
             "are formed within pairs.", "", *found, "", "## Goals", ""]
    lines += goal_table(results) + ["", *sections(results, out, out.name)]
    for other in sys.argv[4:]:
        lines += beside(pathlib.Path(other))
    lines += ["## Caveats", ""]
    if os.getloadavg()[2] > 3 * (os.cpu_count() or 1):  # far more than the run's own
        lines.append("- **The machine was busy with other work during this run**: counts are exact all the same, times, rates "
                     "and their verdicts are those of a crowded machine. Run `tests/bench/run` on a quiet one.")
    lines += [f"- {c}" for c in goals.CAVEATS]
    if out.parent.name == "doc":
        readme(out.parent.parent / "README.md", results)
    out.with_name(out.name + ".md").write_text("\n".join(lines) + "\n", encoding="utf-8")


main()
