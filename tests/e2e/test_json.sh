#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# --json of every command: each member of the answer is named where its man page describes the answer, or where the page
# sends the reader for it. A command that has --json and is not asked here fails the test.
# shellcheck source=tests/e2e/lib.sh disable=SC2119
. "$(dirname "$0")/lib.sh"
lab
cd "$T"
R=OAuthTokenIssuer
for name in a b z; do cert $name; done
cert e ec:P-256
cat >documented.py <<'END'
import json, re, sys
folder, page, want = sys.argv[1], sys.argv[2], sys.argv[4:]
def answer_text(name, seen):
    """What the page says of the answer, and the pages that it names there."""
    if name in seen:
        return ""
    seen.add(name)
    text = open(f"{folder}/{name}.1").read()
    parts = re.findall(r"^\.It Fl -json\n(.*?)(?=^\.(?:It|El))", text, re.S | re.M)
    parts += re.findall(r"^\.S[sh] JSON\n(.*?)(?=^\.S[sh])", text, re.S | re.M)
    assert parts, f"{name}(1) says nothing of --json"
    mine = "".join(parts)
    return mine + "".join(answer_text(n, seen) for n in re.findall(r"Xr (certroll(?:-[a-z-]+)?) 1", mine))
words = set(re.findall(r"[A-Za-z_0-9]+", answer_text(page, set())))
members = set()
def walk(value):
    if isinstance(value, dict):
        members.update(value)
        for k, v in value.items():
            if k not in ("header", "claims"):  # a token's own
                walk(v)
    elif isinstance(value, list):
        for v in value:
            walk(v)
walk(json.load(open(sys.argv[3])))
members = {m for m in members if not m.isupper() and not re.fullmatch("[A-Z0-9_]+", m)}  # mechanisms
if members - words or set(want) - members:
    sys.exit(f"{page}(1) lacks {sorted(members - words)}; the answer lacks {sorted(set(want) - members)}")
print(len(members))
END
: >asked
asked() { # STATUS PAGE "MEMBER..." ARGUMENT...: certroll with those and --json; the members are there
    local want
    read -ra want <<<"$3"
    check "$1" certroll "${@:4}" --json
    echo "$4" >>asked
    python3 documented.py "$TOP/man" "certroll-$2" out "${want[@]}" >members 2>why || fail "certroll ${*:4}: $(tail -n 1 why)"
    [ "$(cat members)" -ge 2 ] || fail "certroll ${*:4} answers next to nothing"
}

change="changed dry_run roles generation overridden before after warnings"
asked 0 init "config openssl_conf state" init --dir "$T/other"
asked 0 import "$change key_created thumbprint_sha1" import a.pfx $R --passin pass:pw
asked 0 import "$change" import e.pfx Web --use tls --passin pass:pw
asked 0 import "$change effective_date" import b.pfx $R --passin pass:pw --effective-date +3d
asked 0 import "$change" import z.pfx Z --use token --passin pass:pw --exportable
asked 0 show "effective_date locations since" show
asked 0 request "id spki location" request Web --subject CN=web --out web.csr
asked 0 certs "requests created known slot" certs
plain openssl x509 -req -in web.csr -CA a.crt -CAkey a.key -CAcreateserial -days 90 -out web.crt 2>/dev/null
asked 0 import "$change request_closed" import web.crt Web
run certroll request Web --subject CN=web --out web.csr --force
asked 0 request "cancelled" request --cancel Web
asked 0 generate "$change" generate L --use token --days 40
asked 0 generate "subject key" generate L2 --use token --days 40 --dry-run
asked 0 export "" export Z --pfx z2.pfx --passout pass:secret
asked 0 cancel "$change" cancel $R
asked 0 assign "$change" assign L --thumbprint "$(thumb a)"
asked 0 roll "$change effective_date" roll Web --thumbprint "$(thumb e)" --at +3d
asked 0 cancel "$change" cancel Web
asked 0 rollback "$change until" rollback Web
asked 0 unassign "$change" unassign Web
run certroll assign Web --thumbprint "$(thumb b)" --force
asked 0 revoke "$change revoked spki_sha256 notes" revoke --thumbprint "$(thumb b)"
asked 0 history "entries previous_until next_effective sudo_user" history
asked 0 history "last torn in_journal" history verify
asked 0 remove "key_removed key_kept" remove --thumbprint "$(thumb b)" --force
certroll check --json >out || true # whatever it finds of this machine
asked "$(certroll check >/dev/null && echo 0 || echo $?)" check "findings remedy level" check
asked 0 token "tokens" token list
asked 0 token "mechanisms" token info
asked 0 token "keys" token check
asked 0 token "" token relink
echo '{"sub":"a"}' >claims
asked 0 token-test "" token-test L --claims claims
run certroll backup kept
rm lab/state/roles/Z.json
run certroll remove --thumbprint "$(thumb z)" --force
asked 0 restore "keys_missing slot" restore kept
asked 0 enable "units path enabled" enable --force --dry-run no-such-unit
asked 0 disable "units" disable --dry-run no-such-unit

for command in $(certroll --help | sed -n 's/^  \([a-z][a-z-]*\)  *[a-z].*/\1/p'); do
    if certroll "$command" --help | grep -q -- '^  --json'; then
        grep -qx "$command" asked || fail "certroll $command has --json, and nobody looked at what it answers"
    fi
done
ok "the answers of $(sort -u asked | wc -l) commands are documented"
