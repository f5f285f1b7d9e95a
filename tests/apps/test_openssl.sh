#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The verbs of the openssl command line that tests/e2e/test_openssl.sh leaves out: smime, ts, ocsp, ca, crl, spkac, rsautl,
# rsa, ec, CMS with PSS, OAEP and ECDH variants, a client certificate. Each is done with an ordinary key file first, then by
# reference file and by URI where the verb takes one, and seen by an openssl without our configuration.
# shellcheck source=tests/e2e/lib.sh disable=SC2119
. "$(dirname "$0")/../e2e/lib.sh"
# shellcheck source=tests/apps/outside.sh
. "$(dirname "$0")/outside.sh"
# shellcheck source=tests/apps/results.sh
. "$(dirname "$0")/results.sh"
app=openssl version=$openssl_version
results_begin
lab
cd "$T"
echo "some text to sign" >data
head -c 255 /dev/urandom >data.long
cat >ca.cnf <<END
[ca]
default_ca = ours
[ours]
dir = $T/ca
database = \$dir/index
new_certs_dir = \$dir
serial = \$dir/serial
crlnumber = \$dir/crlnumber
default_md = sha256
default_days = 3
default_crl_days = 3
policy = any
[any]
commonName = supplied
[tsa]
default_tsa = ours_tsa
[ours_tsa]
dir = $T/ca
serial = \$dir/tsa
signer_digest = sha256
default_policy = 1.2.3.4
digests = sha256
accuracy = secs:1
ess_cert_id_alg = sha256
END
clean req -newkey rsa:2048 -nodes -keyout leaf.key -subj /CN=leaf -out leaf.csr 2>/dev/null

for type in rsa:2048 ec:P-256; do
    name=${type%%:*}
    cert "$name" "$type" 30 -addext basicConstraints=critical,CA:TRUE
    cert "$name-tsa" "$type" 30 -addext extendedKeyUsage=critical,timeStamping
    clean x509 -in "$name.crt" -noout -pubkey >"$name.pub"
    run certroll import "$name.pfx" "Ssl-$name" --use token --passin pass:pw
    run certroll import "$name-tsa.pfx" "Tsa-$name" --use token --passin pass:pw
    run certroll pem "Ssl-$name" --out "$name.pem"
    run certroll pem "Tsa-$name" --out "$name-tsa.pem"
done

# with COMMAND...: the openssl under test; the control's knows nothing of us.
with() { if [ "$route" = control ]; then clean "$@"; else openssl "$@"; fi >out 2>err || fail "$route $name: openssl $*"; }

mail() {
    with smime -sign -in data -signer "$name.crt" -inkey "$key" -out signed
    clean smime -verify -in signed -CAfile "$name.crt" -purpose any >/dev/null 2>&1 || fail "$route $name: smime -verify"
    [ "$name" = ec ] && return
    clean smime -encrypt -aes256 -in data -out box "$name.crt"
    with smime -decrypt -in box -recip "$name.crt" -inkey "$key" -out opened
    grep -q "some text to sign" opened || fail "$route $name: smime -decrypt"
}
envelope() {
    local option options=("")
    if [ "$name" = rsa ]; then
        options=("-keyopt rsa_padding_mode:oaep" "-keyopt rsa_padding_mode:oaep -keyopt rsa_oaep_md:sha256")
    else
        options=("-keyopt ecdh_kdf_md:sha256" "-keyopt ecdh_kdf_md:sha384 -keyopt ecdh_cofactor_mode:1")
    fi
    for option in "${options[@]}"; do
        for wrap in -aes128 -aes256 -aes-256-gcm; do
            # shellcheck disable=SC2086
            clean cms -encrypt $wrap -in data -binary -outform DER -out box -recip "$name.crt" $option || fail "cms -encrypt $option"
            with cms -decrypt -in box -inform DER -recip "$name.crt" -inkey "$key" -out opened
            grep -q "some text to sign" opened || fail "$route $name: cms -decrypt $option"
            with cms -decrypt -in box -inform DER -inkey "$key" -out opened # the recipient is looked for
            grep -q "some text to sign" opened || fail "$route $name: cms -decrypt without -recip"
        done
    done
    with cms -sign -nodetach -in data -signer "$name.crt" -inkey "$key" -outform DER -out one
    with cms -resign -in one -inform DER -signer "$name-tsa.crt" -inkey "$tsa" -outform DER -out two
    clean cms -verify -in two -inform DER -noverify -out /dev/null 2>err || fail "$route $name: cms -resign"
    same "$(clean cms -cmsout -print -inform DER -in two -noout | grep -c 'd.issuerAndSerialNumber')" 2 "signers"
}
stamp() {
    echo 01 >ca/tsa
    clean ts -query -data data -sha256 -cert -out query 2>/dev/null
    with ts -reply -config ca.cnf -queryfile query -signer "$name-tsa.crt" -inkey "$tsa" -out stamp
    clean ts -verify -queryfile query -in stamp -CAfile "$name-tsa.crt" 2>/dev/null | grep -q "Verification: OK" ||
        fail "$route $name: ts -verify"
}
answer() { # good|revoked
    clean ocsp -issuer "$name.crt" -cert issued.crt -no_nonce -reqout asked.der
    with ocsp -index ca/index -CA "$name.crt" -rsigner "$name.crt" -rkey "$key" -reqin asked.der -respout answer.der
    clean ocsp -respin answer.der -no_nonce -issuer "$name.crt" -cert issued.crt -CAfile "$name.crt" >out 2>&1 || fail "ocsp -respin"
    grep -q "issued.crt: $1" out || fail "$route $name: ocsp does not say $1"
    grep -q "Response verify OK" out || fail "$route $name: ocsp does not verify"
}
authority() { # issue, revoke, a list, and an answer about it
    local issued
    : >ca/index
    rm -f ca/index.*
    echo 1000 >ca/serial
    echo 01 >ca/crlnumber
    with ca -batch -config ca.cnf -cert "$name.crt" -keyfile "$key" -in leaf.csr -out issued.crt -notext
    clean verify -CAfile "$name.crt" issued.crt >/dev/null || fail "$route $name: ca: does not verify"
    answer good
    with ca -config ca.cnf -cert "$name.crt" -keyfile "$key" -revoke issued.crt
    with ca -config ca.cnf -cert "$name.crt" -keyfile "$key" -gencrl -out list.crl
    clean crl -in list.crl -CAfile "$name.crt" -noout 2>&1 | grep -q "verify OK" || fail "$route $name: crl"
    issued=$(clean verify -CAfile "$name.crt" -CRLfile list.crl -crl_check issued.crt 2>&1) || true
    [[ $issued == *revoked* ]] || fail "$route $name: the list does not revoke: $issued"
    answer revoked
    clean x509 -in issued.crt -noout -serial | grep -qx "serial=1000" || fail "serial"
}
requests() {
    if [ "$name" = rsa ]; then # it signs with MD5 or SHA-1, and with EC keys not at all
        with spkac -key "$key" -challenge hello -out spkac
        clean spkac -in spkac -verify -noout >out 2>&1 || fail "$route $name: spkac"
    fi
    with req -new -key "$key" -subj /CN=asks -config ca.cnf -out ask.csr
    clean req -in ask.csr -verify -noout 2>/dev/null || fail "$route $name: req"
    same "$(clean req -in ask.csr -noout -pubkey)" "$(cat "$name.pub")" "public key of the request"
    with x509 -req -in leaf.csr -CA "$name.crt" -CAkey "$key" -set_serial 7 -days 3 -sha384 -out leaf.crt
    clean verify -CAfile "$name.crt" leaf.crt >/dev/null || fail "$route $name: x509 -CAkey"
    with x509 -in "$name.crt" -signkey "$key" -days 3 -out self.crt
    clean verify -CAfile self.crt self.crt >/dev/null || fail "$route $name: x509 -signkey"
}
numbers() { # the public half, in each of the ways to ask for it
    with pkey -in "$key" -pubout -out pub
    cmp -s pub "$name.pub" || fail "$route $name: pkey -pubout"
    grep -qx -- '-----BEGIN PUBLIC KEY-----' pub || fail "$route $name: not SPKI"
    with pkey -in "$key" -pubout -outform DER -out pub.der
    clean pkey -pubin -inform DER -in pub.der -pubout | cmp -s - "$name.pub" || fail "$route $name: pkey -pubout -outform DER"
    with pkey -in "$key" -text_pub -noout
    clean pkey -pubin -in "$name.pub" -text_pub -noout >want
    tail -n "$(wc -l <want)" out | cmp -s - want || fail "$route $name: pkey -text_pub differs" # below what says whose it is
    with pkey -in "$key" -text -noout
    if [ "$route" != control ]; then
        cp out text # as an ordinary key's, without the private numbers: scripts look for "publicExponent:"
        with pkey -in "$name.key" -text -noout
        awk '/^[^ ]/ { private = /^(privateExponent|priv|prime[12]|exponent[12]|coefficient):/ } !private' out >want
        tail -n "$(wc -l <want)" text | cmp -s - want || fail "$route $name: pkey -text differs: $(cat text)"
    fi
    with "$name" -in "$key" -pubout -out pub
    cmp -s pub "$name.pub" || fail "$route $name: $name -pubout"
    [ "$name" = ec ] && return
    with rsa -in "$key" -noout -modulus
    same "$(cat out)" "$(clean x509 -in rsa.crt -noout -modulus)" modulus
}
raw() { # rsautl, the oldest of them
    [ "$name" = rsa ] || return 0
    with rsautl -sign -inkey "$key" -in data -out sig
    clean rsautl -verify -pubin -inkey rsa.pub -in sig 2>/dev/null | cmp -s - data || fail "$route: rsautl -verify"
    with rsautl -verify -inkey "$key" -in sig -out opened # by the private key: what was signed is recovered
    cmp -s data opened || fail "$route: rsautl -verify -inkey"
    for padding in -pkcs -oaep; do
        clean rsautl -encrypt $padding -pubin -inkey rsa.pub -in data -out box 2>/dev/null
        with rsautl -decrypt $padding -inkey "$key" -in box -out opened
        cmp -s data opened || fail "$route: rsautl -decrypt $padding"
    done
    (printf '\0' && head -c 255 data.long) >block
    with rsautl -sign -raw -inkey "$key" -in block -out sig
    clean rsautl -verify -raw -pubin -inkey rsa.pub -in sig -out opened 2>/dev/null
    cmp -s block opened || fail "$route: raw"
}
client() { # the client's certificate, wanted by a server that knows nothing of us
    local port tls i
    port=$(free_port)
    # shellcheck disable=SC2016
    start_server env -u OPENSSL_CONF -u CERTROLL_CONFIG bash -c 'exec openssl s_server "$@" >server.log 2>&1' s_server -accept "$port" \
        -cert leaf-server.crt -key leaf-server.key -CAfile "$name.crt" -Verify 1 -verify_return_error -rev
    wait_port "$port"
    for tls in -tls1_2 -tls1_3; do
        for _ in 1 2 3; do
            echo Q | with s_client -connect "127.0.0.1:$port" $tls -CAfile leaf-server.crt -verify_return_error -cert "$name.crt" -key "$key"
        done
    done
    verified() { grep -c "^Peer certificate:.*CN = $name.example.org\|^Peer certificate:.*CN=$name.example.org" server.log || true; }
    for ((i = 0; i < 300; i++)); do [ "$(verified)" -lt 6 ] || break; sleep 0.1; done # with TLS 1.3 a client ends before the server has looked
    stop_server
    same "$(verified)" 6 "verified client certificates"
}
cert leaf-server rsa:2048
mkdir ca
for name in rsa ec; do
    for route in control file uri; do
        case $route in
        control) key=$name.key tsa=$name-tsa.key ;;
        file) key=$name.pem tsa=$name-tsa.pem ;;
        uri) key=certroll://Ssl-$name tsa=$name-tsa.pem ;; # ts, of all, opens its key as a file
        esac
        for verb in mail envelope stamp authority requests numbers raw client; do $verb; done
        result "$name: all verbs" pass
    done
    ok "$name: smime, cms, ts, ca, ocsp, crl, spkac, req, x509, pkey, $name, s_client"
done
! openssl ts -reply -config ca.cnf -queryfile query -signer rsa-tsa.crt -inkey certroll://Tsa-rsa -out stamp 2>err ||
    fail "ts takes a URI: say so in the table"
grep -q "fopen(certroll:" err || fail "ts: $(cat err)"
result ts refused "ts opens its key as a file"
