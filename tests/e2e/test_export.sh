#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# certroll export: certificates as PEM, and with the private key as PKCS#12 where the key was imported as exportable.
# shellcheck source=tests/e2e/lib.sh disable=SC2119
. "$(dirname "$0")/lib.sh"
lab
cd "$T"
export P="pässwört 1" OTHER=other

# chained NAME: $T/NAME.crt and NAME.key by an intermediate, NAME.pfx with the chain
clean req -x509 -newkey rsa:2048 -nodes -keyout root.key -out root.crt -days 99 -subj /CN=root 2>/dev/null
clean req -newkey rsa:2048 -nodes -keyout mid.key -subj /CN=mid -out mid.csr 2>/dev/null
clean x509 -req -in mid.csr -CA root.crt -CAkey root.key -CAcreateserial -days 99 -extfile <(echo basicConstraints=critical,CA:TRUE) -out mid.crt 2>/dev/null
chained() { # NAME KIND-OPTIONS...
    local name=$1
    shift
    clean req -newkey "$@" -nodes -keyout "$name.key" -subj "/CN=$name" -out "$name.csr" 2>/dev/null
    clean x509 -req -in "$name.csr" -CA mid.crt -CAkey mid.key -CAcreateserial -days 60 -out "$name.crt" 2>/dev/null
    clean pkcs12 -export -inkey "$name.key" -in "$name.crt" -certfile mid.crt -out "$name.pfx" -passout pass:pw
}
public() { clean pkey -pubout "$@"; }
opens() { # FILE KEY CERT PASS: it holds this key and this certificate
    clean pkcs12 -in "$1" -passin "$4" -nodes -nocerts 2>log | public >one || fail "$1: $(cat log)"
    public -in "$2" >two
    cmp one two
    clean pkcs12 -in "$1" -passin "$4" -nokeys -clcerts 2>/dev/null | clean x509 -outform DER | cmp - <(clean x509 -in "$3" -outform DER)
}

# ---- certificates
chained a rsa:2048
run certroll import a.pfx Default --passin pass:pw
run certroll export Default --cert
clean x509 -in out -outform DER | cmp - <(clean x509 -in a.crt -outform DER)
same "$(grep -c BEGIN out)" 1
run certroll export Default --chain --out chain.pem
same "$(grep -c 'BEGIN CERTIFICATE' chain.pem)" 2
clean verify -CAfile root.crt -untrusted chain.pem a.crt >/dev/null
grep -q PRIVATE chain.pem && fail "a private key"
chained b rsa:2048
run certroll import b.pfx Default --passin pass:pw --effective-date +1d
run certroll export Default --cert --slot next
clean x509 -in out -outform DER | cmp - <(clean x509 -in b.crt -outform DER)
refused 1 "" certroll export Default --cert --slot previous
before=$(ls; sha256sum chain.pem)
run certroll export Default --cert --dry-run
same "$(cat out)" "certificate $(thumb a | cut -c1-16) would be written to standard output"
run certroll export Default --chain --out chain.pem --slot next --dry-run
same "$(cat out)" "chain.pem is there already, and would be replaced
certificate $(thumb b | cut -c1-16) and its chain would be written to chain.pem"
run certroll export Default --cert --out new.pem --dry-run
same "$(cat out)" "certificate $(thumb a | cut -c1-16) would be written to new.pem"
refused 1 "" certroll export Default --cert --slot previous --out new.pem --dry-run
same "$(ls; sha256sum chain.pem)" "$before" "what a dry run wrote"
refused 1 "no role" certroll export None --cert
if [ "$(id -u)" = 0 ]; then # whoever may read the state
    chmod 755 "$T"
    reachable_build
    chmod -R a+rX lab/state lab
    setpriv --reuid=65534 --regid=65534 --clear-groups env CERTROLL_CONFIG="$CERTROLL_CONFIG" "$T/build/tools/certroll" export Default --cert >out 2>err || fail "$(cat err)"
    clean x509 -in out -outform DER | cmp - <(clean x509 -in a.crt -outform DER)
fi
ok "certificates"

# ---- not exportable
refused 1 "--exportable" certroll export Default --pfx a.out --passout env:P
refused 1 "--exportable" certroll export Default --slot next --pfx a.out --passout env:P
run certroll generate Made --days 9 --use tls
refused 1 "cannot leave its token" certroll export Made --pfx a.out --passout env:P
[ ! -e a.out ] || fail "a file all the same"
run certroll import a.pfx --passin pass:pw --exportable
err_has "not exportable"
ok "not exportable"

# ---- exportable
n=0
for kind in rsa:2048 rsa:4096 ec:P-256 ec:P-384 ec:P-521; do
    n=$((n + 1))
    case $kind in ec:*) chained "x$n" ec -pkeyopt "ec_paramgen_curve:${kind#ec:}" ;; *) chained "x$n" "$kind" ;; esac
    run certroll import "x$n.pfx" "X$n" --use tls --passin pass:pw --exportable
    run certroll export "X$n" --pfx "x$n.out" --dry-run
    [ ! -e "x$n.out" ] || fail "a dry run wrote a file"
    (umask 000 && certroll export "X$n" --pfx "x$n.out" --passout env:P --json --reason "moves away" >out 2>err) || fail "$kind: $(cat err)"
    same "$(json 'd["thumbprint_sha256"]')" "$(thumb "x$n")"
    same "$(stat -c %a "x$n.out")" 600
    opens "x$n.out" "x$n.key" "x$n.crt" env:P
    clean pkcs12 -in "x$n.out" -passin env:P -nodes 2>/dev/null | grep -q "CN *= *mid" || fail "$kind: no chain"
    clean pkcs12 -in "x$n.out" -passin env:P -info -nokeys -noout 2>info
    grep -q 'MAC: sha256, Iteration 600000' info || fail "$kind: $(cat info)"
    same "$(grep -c 'PBES2, PBKDF2, AES-256-CBC, Iteration 600000, PRF hmacWithSHA256' info)" 2 "$(cat info)"
    ! clean pkcs12 -in "x$n.out" -passin env:OTHER -nodes >/dev/null 2>&1 || fail "$kind: another passphrase opens it"
    # the same key signs on
    openssl dgst -sha256 -sign "certroll://X$n" -out sig x1.key
    clean dgst -sha256 -verify <(public -in "x$n.key") -signature sig x1.key >/dev/null
done
run certroll history --json
same "$(grep -c '"export"' out)" 5
out_has "moves away"
run certroll history verify
# where something else stands already
echo mine >target && ln -s target link.out && mkdir folder.out
run certroll export X1 --pfx link.out --passout env:P
[ ! -L link.out ] || fail "a link stays"
same "$(cat target) $(stat -c %a link.out)" "mine 600"
refused 3 "Is a directory" certroll export X1 --pfx folder.out --passout env:P
# and Java reads it
run certroll export X1 --pfx java.out --passout pass:javaword
run keytool -list -storetype PKCS12 -keystore java.out -storepass javaword
out_has PrivateKeyEntry
clean pkcs12 -in x1.out -passin env:P -nodes -nocerts 2>/dev/null | clean rsa -check -noout >/dev/null 2>&1 || fail "the RSA key is not whole"
# by hand elsewhere: what came out goes in again
run certroll init --dir "$T/lab2"
CERTROLL_CONFIG=$T/lab2/certroll.conf certroll import x3.out Elsewhere --use tls --passin env:P >out 2>err || fail "$(cat err)"
ok "exportable keys come out"

# ---- Ed25519: SoftHSM cannot wrap it
chained ed ed25519
run certroll import ed.pfx Ed --use tls --passin pass:pw --exportable
got=0
certroll export Ed --pfx ed.out --passout env:P >out 2>err || got=$?
if [ $got = 0 ]; then
    opens ed.out ed.key ed.crt env:P
else
    same "$got" 1
    grep -q 'cannot export this kind of key' err || fail "$(cat err)"
    [ ! -e ed.out ] || fail "a file all the same"
fi
ok "Ed25519: $(cat err)"

# ---- words
export EMPTY=
for words in "X1" "X1 --cert --chain" "X1 --cert --pfx x" "X1 --pfx x --out y" "X1 --pfx -" "X1 --cert --passout pass:x" "X1 --cert --json" \
    "X1 --cert --slot none" "X1 --pfx no.out --passout env:EMPTY" "X1 --pfx no.out --passout x" "x/y --cert" "X1 X2 --cert"; do
    # shellcheck disable=SC2086
    check 2 certroll export $words
done
refused 2 "--passout" setsid certroll export X1 --pfx no.out </dev/null
[ ! -e no.out ] || fail "a file all the same"
refused 2 "holds none" certroll import a.crt --exportable
check 3 certroll export X1 --pfx /none/x --passout env:P
# what stood there stays when the disk is full
echo kept >kept.out
(ulimit -f 1 && trap '' XFSZ && certroll export X2 --pfx kept.out --passout env:P >out 2>err) && fail "a full disk is success"
same "$(cat kept.out)" kept
ok "words"

# ---- no secret on the way: neither in arguments, nor in files, nor in what is said
if command -v strace >/dev/null; then
    strace -f -qq -s 4096 -xx -e trace=write,pwrite64,execve -o trace certroll export X3 --pfx y.out --passout env:P >out 2>err
    secret=$(clean pkey -in x3.key -text -noout | sed -n '/priv:/,/pub:/p' | sed '1d;$d' | tr -d ' :\n' | tail -c 32)
    [ ${#secret} = 32 ] || fail "no secret to look for"
    tr -d 'x\134' <trace >written
    grep -q "$(printf %s "$(thumb x3)" | od -An -tx1 | tr -d ' \n')" written || fail "the trace shows nothing that is written"
    ! grep -q "$secret" written || fail "the private key was written"
    ok "no secret is written"
fi

# ---- another token
if "$TOP/tests/tokens/nss" start "$T/nss" >"$T/nss.log" 2>&1; then
    cleanup_hooks+=("'$TOP/tests/tokens/nss' stop '$T/nss'")
    mkdir state
    { printf '[certroll_sect]\nstate = %s\ntokens = t\n\n[token_t]\n' "$T/state" && cat nss/token.conf; } >nss.conf
    export CERTROLL_CONFIG=$T/nss.conf
    for n in 1 3 4; do
        run certroll import "x$n.pfx" "N$n" --use tls --passin pass:pw --exportable
        run certroll export "N$n" --pfx "n$n.out" --passout env:P
        opens "n$n.out" "x$n.key" "x$n.crt" env:P
    done
    run certroll import a.pfx N --use tls --passin pass:pw
    refused 1 "--exportable" certroll export N --pfx n.out --passout env:P
    ok "NSS softokn"
else
    [ -z "${CI:-}" ] || fail "no NSS: $(cat nss.log)"
    echo "SKIP: $(cat nss.log)"
fi
