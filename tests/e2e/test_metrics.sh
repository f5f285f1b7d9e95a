#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# certroll metrics: what Prometheus' own parser of the format reads from it.
# shellcheck source=tests/e2e/lib.sh disable=SC2119
. "$(dirname "$0")/lib.sh"
lab
cd "$T"
R=OAuthTokenIssuer
cert a
cert b rsa:2048 20
value() { # METRIC [LABEL=VALUE...]: of the one sample that has them in $T/out, or "none"
    /usr/bin/python3 - "$T/out" "$@" <<'PY'
import sys
from prometheus_client.parser import text_string_to_metric_families as families
want = dict(a.split("=") for a in sys.argv[3:])
hits = [s.value for f in families(open(sys.argv[1]).read()) for s in f.samples
        if s.name == sys.argv[2] and all(s.labels.get(k) == v for k, v in want.items())]
print(int(hits[0]) if len(hits) == 1 else "none" if not hits else f"{len(hits)} samples")
PY
}

run certroll metrics
same "$(value certroll_roles_unreadable)" 0
same "$(value certroll_role_signs)" none
run certroll import a.pfx $R --passin pass:pw
run certroll import b.pfx $R --passin pass:pw --at +10d
run certroll import b.pfx Web --use tls --passin pass:pw
run certroll unassign Web --slot current
run certroll show $R --json
at=$(json '__import__("calendar").timegm(__import__("time").strptime(d["roles"][0]["next"]["effective_date"], "%Y-%m-%dT%H:%M:%SZ"))')
before=$(date +%s)
run certroll metrics
after=$(date +%s)
same "$(value certroll_role_next_effective_timestamp_seconds role=$R)" "$at"
same "$(value certroll_role_next_effective_timestamp_seconds role=Web)" none
same "$(value certroll_role_generation role=$R)" 2
same "$(value certroll_role_signs role=$R) $(value certroll_role_signs role=Web)" "1 0"
same "$(value certroll_certificate_not_after_timestamp_seconds role=$R slot=current "thumbprint=$(thumb a)")" \
    "$(date -d "$(clean x509 -in a.crt -noout -enddate | cut -d= -f2)" +%s)"
# Whole days until then: as many as the certificate was made for only in the second it was made.
days_are() { # SLOT: of what was printed between the seconds $before and $after
    local end got
    end=$(value certroll_certificate_not_after_timestamp_seconds role=$R slot="$1")
    got=$(value certroll_certificate_days_left role=$R slot="$1")
    [ "$got" -le $(((end - before) / 86400)) ] || fail "$1: $got days until $end"
    [ "$got" -ge $(((end - after) / 86400)) ] || fail "$1: $got days until $end"
}
days_are current
days_are next
same "$(value certroll_check_level)" none

# ---- the last check
certroll check >/dev/null || [ $? = 1 ] || fail "check"
run certroll metrics --out node.prom
cp node.prom out
level=$(value certroll_check_level)
[ "$level" = 0 ] || [ "$level" = 1 ] || fail "level $level"
same "$(($(date +%s) - $(value certroll_check_timestamp_seconds) < 60))" 1
same "$(value certroll_check_findings level=ok) $(value certroll_check_findings level=critical)" "2 0"
certroll check $R >/dev/null || [ $? = 1 ] || fail "check of one role"
run certroll metrics
same "$(value certroll_check_findings level=ok)" 2 "a check of one role is none of all"
grep -q node.prom lab/state/outputs.json || fail "the file is not remembered"
echo '{"format":1}' >lab/state/checked.json
refused 1 "checked.json" certroll metrics
rm lab/state/checked.json
echo '{' >lab/state/roles/Broken.json
run certroll metrics
same "$(value certroll_roles_unreadable)" 1
check 3 sh -c 'certroll metrics >/dev/full'
ok "metrics"
