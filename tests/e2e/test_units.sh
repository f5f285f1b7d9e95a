#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The systemd units, sysusers.d and tmpfiles.d: what systemd's own programs say of them without a running systemd, and
# `certroll check` under the restrictions of its unit as far as they can be had here. Argument: the build folder.
# shellcheck source=tests/e2e/lib.sh disable=SC2119
. "$(dirname "$0")/lib.sh"
for tool in systemd-analyze systemd-sysusers systemd-tmpfiles; do command -v $tool >/dev/null || skip "no $tool"; done
DESTDIR=$T/staged cmake --install "$CERTROLL_BUILD" --prefix /usr >/dev/null || fail "cmake --install"
cd "$T"
root=$T/staged/usr

# ---- units
mkdir units
for file in "$root"/lib/systemd/system/certroll-check.*; do
    grep -q '^# SPDX' "$file" || fail "$file has no licence line"
    sed "s|^ExecStart=[^ ]*/certroll |ExecStart=$CERTROLL_BUILD/tools/certroll |; /^Documentation=/d" "$file" >"units/${file##*/}"
done
same "$(cd units && echo *)" "certroll-check.service certroll-check.timer"
for unit in units/*; do
    run systemd-analyze verify --man=no "./$unit"
    same "$(cat err)" "" "systemd-analyze verify $unit"
done
run systemd-analyze calendar "$(sed -n 's/^OnCalendar=//p' units/certroll-check.timer)"

# The exposure that the README states is not exceeded; a unit without a restriction has 9.6.
# shellcheck disable=SC2016
stated=$(sed -n 's/.*`systemd-analyze security` gives [^0-9]*\([0-9]\.[0-9]\).*/\1/p' "$TOP/README.md")
[[ $stated =~ ^[0-9]\.[0-9]$ ]] || fail "the README does not state the figure"
run systemd-analyze security --offline=true --threshold="${stated/./}" ./units/certroll-check.service
sed '/^System\|^Protect/d' units/certroll-check.service >units/weak.service
check 1 systemd-analyze security --offline=true --threshold="${stated/./}" ./units/weak.service
ok "certroll-check.service: $(systemd-analyze security --offline=true ./units/certroll-check.service | sed -n 's/.*level for [^:]*: //p')"

# ---- the command of the unit without capabilities, and with system calls that its filter lets through
lab
cert a rsa:2048 20
cert b
run certroll import a.pfx R --use token --passin pass:pw
run certroll import a.pfx Site --use tls --passin pass:pw
run certroll import b.pfx Site --effective-date +10d --passin pass:pw # a roll ahead: the clock is asked, too
mapfile -t command < <(sed -n 's/^ExecStart=//p' units/certroll-check.service | tr ' ' '\n')
restricted=(setpriv --no-new-privs --inh-caps=-all --bounding-set=-all)
[ "$(id -u)" = 0 ] || restricted=(setpriv --no-new-privs)
if [[ $(file "$(command -v certroll)" 2>/dev/null; nm -D "$(command -v certroll)") == *__asan_init* ]] || ! command -v strace >/dev/null; then
    check 1 "${restricted[@]}" "${command[@]}"
else
    check 1 "${restricted[@]}" strace -f -o calls "${command[@]}"
    /usr/bin/python3 - units/certroll-check.service calls <<'PY' || fail "the filter of the unit denies what certroll check does"
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
assert {"adjtimex", "clock_adjtime"} & used, used
assert len(used) > 20 and len(allowed) > 100, (used, allowed)
denied = used - allowed - {"prlimit64"}  # glibc asks limits by it and goes on without
print("denied:", denied, file=sys.stderr)
sys.exit(bool(denied))
PY
fi
out_has "CERTROLL WARNING"
out_has "R, current: expires at"
grep -qx 'SuccessExitStatus=1' units/certroll-check.service || fail "a warning would make the unit fail"
ok "certroll check under its unit's restrictions"

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
