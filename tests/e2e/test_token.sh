#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# usage: test_token.sh BUILD-FOLDER TOKEN: the main job on one real token, made from nothing by tests/tokens/TOKEN, with the
# key types it has; what it cannot do is refused in a sentence.
token=${2:?usage: test_token.sh BUILD-FOLDER softhsm|nss|opencryptoki|tpm|network}
# openCryptoki's paths and shared memory are fixed: a mount and IPC namespace of our own keeps it from the machine's.
if [ "$token" = opencryptoki ] && [ -z "${CERTROLL_UNSHARED:-}" ]; then
    CERTROLL_UNSHARED=1 exec unshare --mount --ipc "$0" "$@"
fi
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"

# shellcheck disable=SC2016
cleanup_hooks+=('"$TOP/tests/tokens/$token" stop "$T/token" 2>/dev/null')
made=0
"$TOP/tests/tokens/$token" start "$T/token" >"$T/start.log" 2>&1 || made=$?
[ "$made" != 77 ] || skip "$(cat "$T/start.log")"
[ "$made" = 0 ] || fail "tests/tokens/$token start: $(cat "$T/start.log")"

# Hand-made configuration: `certroll init` knows no init-args and no serialize.
mkdir -p "$T/state"
{
    printf '[certroll_sect]\nstate = %s\nminimum-lead = 0\ntoken-lifetime = 0\ntokens = t\n\n[token_t]\n' "$T/state"
    cat "$T/token/token.conf"
} >"$T/certroll.conf"
sed "s|^module = certroll.so|module = $CERTROLL_BUILD/provider/certroll.so|" "$TOP/conf/openssl.cnf" >"$T/openssl.cnf"
export CERTROLL_CONFIG=$T/certroll.conf OPENSSL_CONF=$T/openssl.cnf
cd "$T"
echo "some text to sign" >data

# What each token has: key types that must work; all others must be refused.
case $token in
softhsm) types="rsa:2048 rsa:3072 ec:P-256 ec:P-384 ec:P-521 ed25519" ;;
network) types="rsa:2048 rsa:3072 ec:P-256 ec:P-384 ec:P-521" ;; # p11-kit's protocol has no CKM_EDDSA
nss) types="rsa:2048 rsa:3072 ec:P-256 ec:P-384 ec:P-521" ;;
opencryptoki) types="rsa:2048 rsa:3072" ;; # its software token has no CKM_ECDSA
tpm) types="rsa:2048 ec:P-256" ;;
*) fail "no token '$token'" ;;
esac

sign_and_verify() { # KEY CERT-NAME TYPE
    clean x509 -in "$2.crt" -noout -pubkey >pub
    if [ "$3" = ed25519 ]; then
        openssl pkeyutl -sign -rawin -inkey "$1" -in data -out sig 2>err || return 1
        clean pkeyutl -verify -rawin -pubin -inkey pub -in data -sigfile sig >/dev/null
    else
        openssl dgst -sha256 -sign "$1" -out sig data 2>err || return 1
        clean dgst -sha256 -verify pub -signature sig data >/dev/null
    fi
}

# bring CERT [ROLE] [OPTION...]: imports CERT.pfx. tpm2-pkcs11 creates no private keys from outside, its own tool does; the
# certificate then finds its key on the token.
bring() {
    local name=$1 role=$1
    shift
    case ${1:---} in --*) ;; *) role=$1 && shift ;; esac
    if [ "$token" = tpm ]; then
        # shellcheck disable=SC2046
        env $(sed -n 's/^environment = //p' token/token.conf) TPM2TOOLS_TCTI=tabrmd:bus_type=session tpm2_ptool import --path "$T/token/store" --label tpm \
            --userpin "$(cat token/pin)" --privkey "$name.key" --key-label "$name" --algorithm \
            "$([ "${type%%:*}" = rsa ] && echo rsa || echo ecc)" >ptool.log 2>&1 || fail "tpm2_ptool import: $(cat ptool.log)"
        run certroll import "$name.crt" "$role" "$@"
    else
        run certroll import "$name.pfx" "$role" --passin pass:pw "$@"
    fi
}

for type in rsa:2048 rsa:3072 ec:P-256 ec:P-384 ec:P-521 ed25519; do
    role=R-${type/:/-}
    cert "$role" "$type" 30
    if ! grep -qw -- "$type" <<<"$types"; then
        got=0
        certroll import "$role.pfx" "$role" --use token --passin pass:pw >out 2>err || got=$?
        [ $got != 0 ] || fail "$token took a $type key, which it is said not to have"
        grep -q '^certroll: ' err || fail "$token refuses $type without a sentence"
        ok "$token refuses $type: $(tail -n 1 err)"
        continue
    fi
    bring "$role" --use token
    run certroll pem "$role" --out "$role.pem"
    for key in "certroll://$role" "$role.pem"; do
        sign_and_verify "$key" "$role" "$type" || fail "$token $type $key: $(cat err)"
    done
    if [ "${type%%:*}" = rsa ]; then
        openssl dgst -sha256 -sigopt rsa_padding_mode:pss -sign "$role.pem" -out sig data || fail "$token $type PSS"
        clean dgst -sha256 -sigopt rsa_padding_mode:pss -verify pub -signature sig data >/dev/null || fail "$token $type PSS: bad"
    fi
    ok "$token signs with $type"
done

# A roll.
type=rsa:2048
cert next rsa:2048 30
bring next R-rsa-2048 --effective-date +12s
when=$(effective)
sign_and_verify certroll://R-rsa-2048 R-rsa-2048 rsa:2048 || [ "$(date +%s)" -ge "$when" ] || fail "before the roll: $(cat err)"
while [ "$(date +%s)" -lt "$when" ]; do sleep 0.1; done
sign_and_verify certroll://R-rsa-2048 next rsa:2048 || fail "after the roll: $(cat err)"
ok "$token: a roll"
run certroll certs --json
[ "$(json 'len(d["certs"])')" -ge 2 ] || fail "certs lists too little"

# Session copies of the key, where the token makes them; a token that does not signs all the same.
cat >copy.php <<'X'
<?php
$key = openssl_pkey_get_private("file://" . getcwd() . "/R-rsa-2048.pem");
for ($i = 0; $i < 10; $i++) {
    openssl_sign("text $i", $sig, $key, OPENSSL_ALGO_SHA256) or exit(1);
    openssl_verify("text $i", $sig, openssl_pkey_get_public(file_get_contents("next.crt")), OPENSSL_ALGO_SHA256) === 1 or exit(2);
}
X
for copy in auto always; do
    sed "s|^module = |key-copy = $copy\n&|" "$CERTROLL_CONFIG" >copy.conf
    CERTROLL_CONFIG=$T/copy.conf php -d error_reporting=0 copy.php >out 2>err || fail "$token: key-copy = $copy"
done
ok "$token: key-copy"
