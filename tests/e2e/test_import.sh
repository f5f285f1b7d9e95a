#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# certroll import: files as Windows, old tools and openssl make them; merging; policy; what is refused and why.
# shellcheck source=tests/e2e/lib.sh disable=SC2119,SC2031
. "$(dirname "$0")/lib.sh"
lab
cd "$T"
R=OAuthTokenIssuer

objects() { certroll certs --json >"$T/certs.json" || fail "certs"; json "$1" "$T/certs.json"; }
show() { # ROLE EXPRESSION over r, the role's entry in show --json
    certroll show "$1" --json >"$T/show.json" || fail "show $1"
    json "(lambda r: $2)(d['roles'][0] if isinstance(d, dict) and 'roles' in d else d[0] if isinstance(d, list) else d)" "$T/show.json"
}

# ---- PFX with a passphrase, from each source
cert a
refused 1 "a.pfx" certroll import a.pfx --passin pass:wrong
err_lacks wrong
same "$(objects 'len(d["certs"])')" 0 "a refused import left something"
run certroll import a.pfx $R --passin pass:pw
out_has "key created"
same "$(show $R 'r["current"]["thumbprint_sha256"]')" "$(thumb a)"
same "$(show $R 'r["current"]["thumbprint_sha1"]')" "$(thumb1 a)"
same "$(show $R 'r["use"] + " " + r["binding"]')" "token live"
export P=pw
run certroll import a.pfx $R --passin env:P
out_has "already so"
echo pw >pw.txt
run certroll import a.pfx $R --passin file:pw.txt
run certroll import a.pfx $R --passin fd:7 7<pw.txt
run certroll import a.pfx $R --passin stdin <pw.txt
same "$(show $R 'r["generation"]')" 1 "importing again was a change"
run certroll import a.pfx $R --passin pass:pw --json
same "$(json 'd["changed"]')" false
run certroll import - $R --passin pass:pw <a.pfx
refused 2 "standard input" certroll import - $R --passin stdin <a.pfx
refused 2 "NO_SUCH" certroll import a.pfx --passin env:NO_SUCH
refused 2 "pass:" certroll import a.pfx --passin pw
refused 2 "terminal" setsid certroll import a.pfx </dev/null
cert z
refused 4 "nothing is changed: z.crt holds certificate $(thumb z | cut -c1-16), not $(thumb a | cut -c1-16)" \
    certroll import z.crt --thumbprint "$(thumb a)"
refused 2 "thumbprint" certroll import a.pfx --passin pass:pw --thumbprint xyz
for text in "$(thumb a)" "$(thumb a | cut -c1-8)" "$(thumb1 a | tr a-f A-F | sed 's/../&:/g; s/:$//')"; do
    run certroll import a.pfx $R --passin pass:pw --thumbprint "$text"
    out_has "already so"
done

# ---- a prompt on the terminal, without echo
cat >ask.py <<'PY'
import os, pty, sys
answer, argv = sys.argv[1], sys.argv[2:]
pid, fd = pty.fork()
if pid == 0:
    os.execvp(argv[0], argv)
seen = b""
while b": " not in seen:
    seen += os.read(fd, 1024)
os.write(fd, answer.encode().decode("unicode_escape").encode("latin-1"))
try:
    while chunk := os.read(fd, 1024):
        seen += chunk
except OSError:
    pass
sys.stdout.write(seen.decode())
sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
PY
run timeout 30 /usr/bin/python3 ask.py 'pw\n' certroll import a.pfx
out_lacks pw
check 1 timeout 30 /usr/bin/python3 ask.py 'wrong\n' certroll import a.pfx
out_lacks wrong
check 1 timeout 30 /usr/bin/python3 ask.py 'p\x03' certroll import a.pfx
out_has interrupted

# ---- key kinds
i=0
for kind in rsa:3072 rsa:4096 ec:P-256 ec:P-384 ec:P-521 ed25519; do
    i=$((i + 1))
    cert "k$i" "$kind"
    run certroll import "k$i.pfx" "Kind$i" --use token --passin pass:pw
    same "$(show "Kind$i" 'r["current"]["key"]')" "$kind"
done

# ---- PFX as Windows and old tools write them
cert w
pfx() { plain openssl pkcs12 -export -inkey w.key -in w.crt -out "$@"; }
pfx old1.pfx -legacy -passout pass:pw
pfx old2.pfx -legacy -keypbe PBE-SHA1-3DES -certpbe PBE-SHA1-RC2-40 -macalg sha1 -passout pass:pw
pfx old3.pfx -keypbe PBE-SHA1-3DES -certpbe PBE-SHA1-3DES -macalg sha1 -passout pass:pw
pfx nomac.pfx -nomac -passout pass:pw
pfx plain.pfx -keypbe NONE -certpbe NONE -passout pass:pw
for file in old1 old2 old3 nomac plain; do
    run certroll import $file.pfx --passin pass:pw
    out_has "$(thumb w | cut -c1-16)"
done
pfx empty.pfx -passout pass:
run certroll import empty.pfx --passin pass:
pfx umlaut.pfx -passout "pass:pässwörtchen"
run certroll import umlaut.pfx --passin "pass:pässwörtchen"
pfx name.pfx -name "Ein schöner Name" -passout pass:pw
run certroll import name.pfx --passin pass:pw
same "$(objects 'sum(c["thumbprint_sha256"] == "'"$(thumb w)"'" for c in d["certs"])')" 1 "one certificate, imported often"

# ---- PEM: either order, encrypted key, CRLF, text between
cert p
cat p.key p.crt >p1.pem
cat p.crt p.key >p2.pem
{ echo "subject: x"; sed 's/$/\r/' p.crt p.key; } >p3.pem
plain openssl pkey -in p.key -aes256 -passout pass:pw -out p.enc
cat p.crt p.enc >p4.pem
for file in p1 p2 p3; do run certroll import $file.pem; done
run certroll import p4.pem --passin pass:pw
refused 1 "p4.pem" certroll import p4.pem --passin pass:nope

# ---- chains in any order, and a chain that changes without a roll
ca() { # NAME SUBJECT-OPTIONS: a CA signed by $3 or itself
    plain openssl req -newkey rsa:2048 -nodes -keyout "$1.key" -subj "/CN=$1" -out "$1.csr" 2>/dev/null
    if [ "$2" = "$1" ]; then
        plain openssl x509 -req -in "$1.csr" -signkey "$1.key" -days 99 -extfile ca.ext -out "$1.crt" 2>/dev/null
    else
        plain openssl x509 -req -in "$1.csr" -CA "$2.crt" -CAkey "$2.key" -CAcreateserial -days 99 -extfile "${3:-ca.ext}" -out "$1.crt" 2>/dev/null
    fi
}
echo "basicConstraints=critical,CA:TRUE" >ca.ext
echo "basicConstraints=CA:FALSE" >leaf.ext
ca root root
ca mid root
ca leaf mid leaf.ext
cat root.crt leaf.crt mid.crt leaf.key >chain1.pem
run certroll import chain1.pem WebServicesExternal
same "$(show WebServicesExternal 'r["use"] + " " + r["binding"]')" "tls pinned"
generation=$(show WebServicesExternal 'r["generation"]')
cat leaf.key leaf.crt >nochain.pem
run certroll import nochain.pem
same "$(show WebServicesExternal 'r["generation"]')" "$generation" "a file without chain changed the chain"
plain openssl x509 -req -in mid.csr -CA root.crt -CAkey root.key -CAcreateserial -days 50 -extfile ca.ext -out mid.crt 2>/dev/null
cat leaf.key leaf.crt mid.crt root.crt >chain2.pem
run certroll import chain2.pem --dry-run
out_has "would be updated"
same "$(show WebServicesExternal 'r["generation"]')" "$generation" "a dry run changed a role"
run certroll import chain2.pem --json
same "$(json 'd["chain_updated"]')" true
same "$(json 'd["key_created"]')" false
same "$(show WebServicesExternal 'r["generation"]')" $((generation + 1)) "the chain reached the role"
same "$(show WebServicesExternal 'r["previous"]')" null "a new chain was a roll"
run certroll import chain2.pem
same "$(show WebServicesExternal 'r["generation"]')" $((generation + 1)) "the same chain again was a change"

# ---- what is no single leaf with its key
cert b
cat a.key b.key a.crt b.crt >two.pem
refused 1 "" certroll import two.pem
cat a.key b.crt >mismatch.pem
refused 1 "" certroll import mismatch.pem
cat a.crt b.crt >leaves.pem
refused 1 "" certroll import leaves.pem
refused 1 "" certroll import a.key
echo garbage >garbage
refused 1 "garbage" certroll import garbage
: >nothing
refused 1 "nothing" certroll import nothing
head -c 2000000 /dev/zero >big
refused 1 "larger" certroll import big
refused 1 "No such file" certroll import no-such-file

# ---- certificates alone
cert alone
refused 1 "no configured token holds" certroll import alone.crt
run certroll import p.crt # its key came from p1.pem
out_has "already there"
plain openssl x509 -x509toreq -in k3.crt -signkey k3.key -out renew.csr 2>/dev/null
plain openssl x509 -req -in renew.csr -signkey k3.key -days 500 -set_serial 77 -out renew.crt 2>/dev/null
run certroll import renew.crt Kind3 # a renewal: EC, same key, found on the token
same "$(show Kind3 'r["current"]["thumbprint_sha256"]')" "$(thumb renew)"
same "$(show Kind3 'r["previous"]["thumbprint_sha256"]')" "$(thumb k3)"
same "$(show Kind3 'r["current"]["locations"] == r["previous"]["locations"]')" true

# ---- policy
cert small rsa:1024
refused 1 "2048" certroll import small.pfx $R --passin pass:pw
refused 1 "2048" certroll import small.pfx --force --passin pass:pw
plain openssl req -x509 -key b.key -subj /CN=expired -days 1 -out expired.crt -not_before 20200101000000Z -not_after 20210101000000Z 2>/dev/null ||
    plain openssl x509 -req -in <(plain openssl req -new -key b.key -subj /CN=expired) -signkey b.key -days -5 -out expired.crt 2>/dev/null ||
    { mkdir ca.d && : >ca.d/index && echo 01 >ca.d/serial &&
        printf '[ca]\ndefault_ca=c\n[c]\ndatabase=ca.d/index\nserial=ca.d/serial\nnew_certs_dir=ca.d\ndefault_md=sha256\npolicy=p\n[p]\ncommonName=supplied\n[req]\ndistinguished_name=dn\n[dn]\n' >ca.cnf &&
        plain openssl req -new -key b.key -subj /CN=expired -config ca.cnf -out exp.csr &&
        plain openssl ca -batch -config ca.cnf -selfsign -keyfile b.key -in exp.csr -startdate 20200101000000Z -enddate 20210101000000Z -out expired.crt -notext 2>/dev/null; }
cat b.key expired.crt >expired.pem
refused 1 "expired" certroll import expired.pem
refused 1 "expires" certroll import expired.pem $R
run certroll import expired.pem --force
refused 1 "live" certroll import k4.pfx $R --passin pass:pw
run certroll import b.pfx $R --passin pass:pw --dry-run
same "$(show $R 'r["current"]["thumbprint_sha256"]')" "$(thumb a)" "a dry run changed a role"
refused 1 "expires" certroll import b.pfx $R --passin pass:pw --effective-date +4000d
sed -i "s/^state = /require-domain = example.org\nstate = /" lab/certroll.conf
cert other rsa:2048 30 -subj /CN=other.example.com
plain openssl pkcs12 -export -inkey other.key -in other.crt -out other.pfx -passout pass:pw
refused 1 "require-domain" certroll import other.pfx --passin pass:pw
run certroll import other.pfx --passin pass:pw --force

# ---- roles and dates
refused 2 "--use" certroll import b.pfx Brandnew --passin pass:pw
refused 2 "--use" certroll import b.pfx --use token --passin pass:pw
refused 2 "token or tls" certroll import b.pfx Brandnew --use both --passin pass:pw
refused 1 "tls" certroll import b.pfx $R --use tls --passin pass:pw
refused 1 "case" certroll import b.pfx oauthtokenissuer --use token --passin pass:pw
refused 2 "" certroll import b.pfx 'bad/name' --use token --passin pass:pw
refused 2 "twice" certroll import b.pfx $R $R --passin pass:pw
refused 2 "" certroll import b.pfx $R --passin pass:pw --effective-date 2030-01-01T00:00:00
refused 2 "" certroll import b.pfx $R --passin pass:pw --effective-date tomorrow
refused 2 "want a role" certroll import b.pfx --passin pass:pw --effective-date +1h
refused 4 "generation" certroll import b.pfx $R --passin pass:pw --if-generation 99
# of two roles one refuses: neither is changed, and no key is left on the token
cert c
refused 1 "" certroll import c.pfx Kind1 Kind4 --passin pass:pw --if-generation 1 --effective-date +1h
same "$(objects 'sum(c["thumbprint_sha256"] == "'"$(thumb c)"'" for c in d["certs"])')" 0 "a refused import left its certificate"
same "$(objects 'len(d["keys"])')" 0 "a refused import left its key"
run certroll import b.pfx $R --passin pass:pw --effective-date +1h --reason "yearly" --if-generation 1
same "$(show $R 'r["next"]["thumbprint_sha256"]')" "$(thumb b)"
same "$(show $R 'r["current"]["thumbprint_sha256"]')" "$(thumb a)"
refused 1 "already scheduled" certroll import k1.pfx $R --passin pass:pw --at +2h
grep -q '"yearly"' lab/state/history.jsonl || fail "the reason is not in the history"
! grep -q 'pw' lab/state/history.jsonl || fail "the passphrase is in the history"

# ---- kid
cert kid
refused 2 "--kid" certroll import kid.pfx --passin pass:pw --kid "with space"
refused 2 "--kid" certroll import kid.pfx --passin pass:pw --kid "$(printf 'x%.0s' {1..128})"
run certroll import kid.pfx Kidded --use token --passin pass:pw --kid my-kid
same "$(show Kidded 'r["current"]["kid"]')" my-kid
refused 1 "kid" certroll import kid.pfx --passin pass:pw --kid other-kid
cert kid2
refused 1 "kid" certroll import kid2.pfx Kidded --passin pass:pw --kid my-kid

# ---- the private key cannot be read back, and the passphrase left no trace
if command -v pkcs11-tool >/dev/null; then
    pkcs11-tool --module /usr/lib/softhsm/libsofthsm2.so --login --pin "$(cat lab/pin)" -O --type privkey >keys.txt 2>/dev/null
    ! grep 'Access:' keys.txt | grep -v 'sensitive' || fail "a key is not sensitive"
    ! grep 'Access:' keys.txt | grep -v -e 'never extractable' -e 'sensitive$' || fail "a key is extractable"
fi

# ---- killed at any of its own disk writes, it is completed by doing it again
if command -v strace >/dev/null; then
    for ((n = 1; n < 40; n++)); do
        cert "kill$n" ec:P-256
        got=0
        { ASAN_OPTIONS=detect_leaks=0 strace -f -o /dev/null -e trace=fsync,rename,renameat,renameat2 \
            -e inject=fsync,rename,renameat,renameat2:signal=KILL:when=$n \
            certroll import "kill$n.pfx" Killed --use token --passin pass:pw >"$T/out" 2>"$T/err"; } 2>/dev/null || got=$?
        [ $got = 0 ] && break
        same "$got" 137 "killed at disk write $n"
        run certroll certs
        run certroll import "kill$n.pfx" Killed --use token --passin pass:pw
        same "$(show Killed 'r["current"]["thumbprint_sha256"]')" "$(thumb "kill$n")"
        same "$(objects 'len(d["keys"])')" 0 "a key without certificate after disk write $n"
    done
    [ "$n" -gt 5 ] || fail "only $n disk writes"
    [ "$n" -lt 40 ] || fail "no end of disk writes"
    find lab/state -name '*.tmp' >tmps
    same "$(cat tmps)" "" "temporary files stay"
fi

# ---- the token away
mv lab/tokens lab/tokens.away
refused 3 "" certroll import c.pfx --passin pass:pw
mv lab/tokens.away lab/tokens
run certroll import c.pfx --passin pass:pw
mv lab/state lab/state.away
refused 3 "" certroll import c.pfx --passin pass:pw
mv lab/state.away lab/state
ok "import"
