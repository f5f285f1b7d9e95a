#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The systemd units, sysusers.d and tmpfiles.d: what systemd's own programs say of them without a running systemd, and
# `certroll check` under the restrictions of its unit as far as they can be had here. Argument: the build folder.
# shellcheck source=tests/e2e/lib.sh disable=SC2119
. "$(dirname "$0")/lib.sh"
for tool in nm systemd-analyze systemd-sysusers systemd-tmpfiles; do command -v $tool >/dev/null || skip "no $tool"; done
DESTDIR=$T/staged cmake --install "$CERTROLL_BUILD" --prefix /usr >/dev/null || fail "cmake --install"
cd "$T"
root=$T/staged/usr

# ---- units
mkdir units
for file in "$root"/lib/systemd/system/*; do
    grep -q '^# SPDX' "$file" || fail "$file has no licence line"
    sed "s|^ExecStart=/usr/s*bin/|ExecStart=$CERTROLL_BUILD/tools/|; /^Documentation=/d" "$file" >"units/${file##*/}"
done
same "$(cd units && echo *)" "certroll-check.service certroll-check.timer certrolld.service"
same "$(sed -n 's/^ExecStart=//p' "$root"/lib/systemd/system/*.service | xargs)" \
    "/usr/bin/certroll check --alert /usr/sbin/certrolld --local"
for unit in units/*; do
    run systemd-analyze verify --man=no "./$unit"
    grep -v "^/[a-z/]*/systemd/system/" err >mine || true # of other packages' units, which it loads too
    same "$(cat mine)" "" "systemd-analyze verify $unit"
done
run systemd-analyze calendar "$(sed -n 's/^OnCalendar=//p' units/certroll-check.timer)"

# The exposure that the README states is not exceeded; a unit without a restriction has 9.6.
exposed() { # UNIT, STATED FIGURE
    [[ $2 =~ ^[0-9]\.[0-9]$ ]] || fail "the README does not state the figure of $1"
    run systemd-analyze security --offline=true --threshold="${2/./}" "./units/$1.service"
    sed '/^System\|^Protect/d' "units/$1.service" >units/weak.service
    check 1 systemd-analyze security --offline=true --threshold="${2/./}" ./units/weak.service
    ok "$1.service: $(systemd-analyze security --offline=true "./units/$1.service" | sed -n 's/.*level for [^:]*: //p')"
}
# shellcheck disable=SC2016
read -r daily daemon < <(tr '\n' ' ' <"$TOP/README.md" |
    sed -n 's/.*`systemd-analyze security` gives the daily check \([0-9.]*\) and certrolld \([0-9.]*\)[^0-9].*/\1 \2\n/p')
exposed certroll-check "$daily"
exposed certrolld "$daemon"

# ---- the commands of the units without capabilities, and with system calls that their filters let through
lab
cert a rsa:2048 20
cert b
run certroll import a.pfx R --use token --passin pass:pw
run certroll import a.pfx Site --use tls --passin pass:pw
run certroll import b.pfx Site --effective-date +10d --passin pass:pw # a roll ahead: the clock is asked, too
printf '[role_R]\non-change = echo changed >>%s\n' "$T/changed" >>lab/certroll.conf
run certroll jwks R --out jwks.json
bounds() { # UNIT: setpriv's words for the capabilities that it has
    local words=(--inh-caps=-all --bounding-set=-all) caps
    caps=$(sed -n 's/^CapabilityBoundingSet=//p' "units/$1.service" | tr 'A-Z ' 'a-z,' | sed 's/cap_/+/g')
    [ -z "$caps" ] || words[1]=--bounding-set=-all,$caps
    if [ "$(id -u)" = 0 ]; then echo "${words[@]}"; fi
}
traced=
if command -v strace >/dev/null && ! nm -D "$(command -v certroll)" | grep -q __asan_init; then traced=(strace -f -o calls); fi
confined() { # STATUS UNIT [ARGUMENT]: its command with one more argument
    local restricted command
    read -ra restricted < <(bounds "$2")
    read -ra command < <(sed -n 's/^ExecStart=//p' "units/$2.service")
    check "$1" setpriv "${restricted[@]}" "${traced[@]}" "${command[@]}" "${@:3}"
    [ -n "${traced[*]}" ] || return 0
    /usr/bin/python3 - "units/$2.service" calls <<'PY' || fail "the filter of $2 denies what its command does"
import re, subprocess, sys
def members(name):
    if not name.startswith("@"):
        return {name}
    text = subprocess.run(["systemd-analyze", "syscall-filter", name], capture_output=True, text=True, check=True).stdout
    return set().union(*(members(l.strip()) for l in text.splitlines()[1:] if l.strip() and not l.strip().startswith("#")))
allowed = set()
for line in open(sys.argv[1]):
    if line.startswith("SystemCallFilter="):
        value = line.split("=", 1)[1].strip()
        names = set().union(*(members(n) for n in value.lstrip("~").split()))
        allowed = allowed - names if value.startswith("~") else allowed | names
used = set(re.findall(r"^\d+ +(\w+)\(", open(sys.argv[2]).read(), re.M))
assert len(used) > 20 and len(allowed) > 100, (used, allowed)
denied = used - allowed - {"prlimit64"}  # glibc asks limits by it and goes on without
print("denied:", denied, file=sys.stderr)
sys.exit(bool(denied))
PY
}
confined 1 certroll-check
out_has "CERTROLL WARNING"
out_has "R, current: expires at"
[ -z "${traced[*]}" ] || grep -qE 'adjtimex|clock_adjtime' calls || fail "nobody asked the clock"
grep -qx 'SuccessExitStatus=1' units/certroll-check.service || fail "a warning would make the unit fail"
run certroll import b.pfx R --passin pass:pw --effective-date +2s
cp jwks.json jwks.json.before
: >changed
sleep 3
confined 0 certrolld --once
same "$(cat changed)" changed "what on-change wrote"
! cmp -s jwks.json jwks.json.before || fail "the key set was not written again"
ok "certroll check and certrolld under the restrictions of their units"

# ---- users and folders
mkdir -p sys/etc
touch sys/etc/passwd sys/etc/group
run systemd-sysusers --root="$T/sys" "$root/lib/sysusers.d/certroll.conf"
grep -q '^certroll:' sys/etc/group || fail "no group"
same "$(cat sys/etc/passwd)" "" "users"
if [ "$(id -u)" = 0 ]; then
    run systemd-tmpfiles --root="$T/sys" --create "$root/lib/tmpfiles.d/certroll.conf"
    same "$(cd sys && stat -c '%n %a %U %G' etc/certroll var/lib/certroll | xargs)" \
        "etc/certroll 755 root root var/lib/certroll 755 root root"
fi
ok "sysusers.d and tmpfiles.d"
