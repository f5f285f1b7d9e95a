#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The openssl command line signs, decrypts, issues and serves by a role's name, by URI and by reference file; a clean
# openssl, without our configuration, checks every result.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"

certroll init --dir "$work/c" >/dev/null || fail "init"
no_lead "$work/c"
# shellcheck disable=SC1091
. "$work/c/env"
cd "$work" || exit 1
echo "some text to sign" >data
openssl dgst -sha256 -binary data >digest

# One role a key type: the PFX is made by a clean openssl.
for type in rsa:2048 rsa:3072 ec:P-256 ec:P-384 ec:P-521 ed25519; do
    role=R-${type/:/-}
    case $type in
    rsa:*) new=(-newkey "$type") ;;
    ec:*) new=(-newkey ec -pkeyopt "ec_paramgen_curve:${type#ec:}") ;;
    *) new=(-newkey "$type") ;;
    esac
    clean req -x509 "${new[@]}" -nodes -keyout key -out "$role.crt" -days 30 -subj "/CN=$role" \
        -addext basicConstraints=critical,CA:TRUE 2>/dev/null || fail "req $type"
    clean pkcs12 -export -inkey key -in "$role.crt" -out "$role.pfx" -passout pass:x || fail "pkcs12 $type"
    rm key
    certroll import "$role.pfx" "$role" --passin pass:x --use token >/dev/null || fail "import $type"
    certroll pem "$role" --out "$role.pem" || fail "pem $type"
    clean x509 -in "$role.crt" -pubkey -noout >"$role.pub"
done

dgst() { # ROLE KEY DIGEST [dgst options]
    local role=$1 key=$2 digest=$3
    shift 3
    openssl dgst "-$digest" "$@" -sign "$key" -out sig data || fail "dgst -$digest -sign $key $*"
    clean dgst "-$digest" "$@" -verify "$role.pub" -signature sig data >/dev/null || fail "dgst -$digest -verify $key $*"
}

for role in R-rsa-2048 R-rsa-3072 R-ec-P-256 R-ec-P-384 R-ec-P-521; do
    for key in "certroll://$role" "certroll:$role" "$role.pem"; do
        for digest in sha1 sha224 sha256 sha384 sha512; do
            dgst $role "$key" $digest
        done
    done
done
pss=(-sigopt rsa_padding_mode:pss)
for saltlen in 0 20 32 -1 max; do
    dgst R-rsa-2048 certroll://R-rsa-2048 sha256 "${pss[@]}" -sigopt rsa_pss_saltlen:$saltlen
done
dgst R-rsa-2048 R-rsa-2048.pem sha384 "${pss[@]}"
ok "dgst -sign: RSA PKCS#1 and PSS, ECDSA, five digests, URI and reference file"

for key in certroll://R-ed25519 R-ed25519.pem; do
    openssl pkeyutl -sign -rawin -inkey "$key" -in data -out sig || fail "pkeyutl Ed25519 $key"
    clean pkeyutl -verify -rawin -pubin -inkey R-ed25519.pub -in data -sigfile sig >/dev/null || fail "verify Ed25519 $key"
done
for role in R-rsa-2048 R-ec-P-256; do
    openssl pkeyutl -sign -inkey certroll://$role -in digest -out sig -pkeyopt digest:sha256 || fail "pkeyutl $role"
    clean pkeyutl -verify -pubin -inkey $role.pub -in digest -sigfile sig -pkeyopt digest:sha256 >/dev/null ||
        fail "pkeyutl -verify $role"
    openssl pkeyutl -verify -inkey certroll://$role -in digest -sigfile sig -pkeyopt digest:sha256 >/dev/null ||
        fail "pkeyutl -verify by $role's own name"
done
ok "pkeyutl -sign and -verify"

for padding in "pkcs1" "oaep" "oaep -pkeyopt rsa_oaep_md:sha256" "oaep -pkeyopt rsa_oaep_md:sha256 -pkeyopt rsa_mgf1_md:sha1"; do
    # shellcheck disable=SC2086
    clean pkeyutl -encrypt -pubin -inkey R-rsa-2048.pub -in digest -out box -pkeyopt rsa_padding_mode:$padding || fail "encrypt"
    # shellcheck disable=SC2086
    openssl pkeyutl -decrypt -inkey certroll://R-rsa-2048 -in box -out opened -pkeyopt rsa_padding_mode:$padding ||
        fail "pkeyutl -decrypt $padding"
    cmp -s digest opened || fail "pkeyutl -decrypt $padding: wrong text"
done
for role in R-ec-P-256 R-ec-P-384; do
    clean genpkey -algorithm EC -pkeyopt ec_paramgen_curve:${role#R-ec-} -out peer.key 2>/dev/null
    clean pkey -in peer.key -pubout -out peer.pub
    clean pkeyutl -derive -inkey peer.key -peerkey $role.pub -out theirs || fail "derive by openssl"
    openssl pkeyutl -derive -inkey certroll://$role -peerkey peer.pub -out ours || fail "pkeyutl -derive $role"
    cmp -s theirs ours || fail "pkeyutl -derive $role: another secret"
done
ok "pkeyutl -decrypt (PKCS#1, OAEP with SHA-1 and SHA-256) and -derive"

for role in R-rsa-2048 R-ec-P-256; do
    openssl cms -sign -nodetach -binary -in data -signer $role.crt -inkey certroll://$role -outform PEM -out signed.pem || fail "cms -sign $role"
    clean cms -verify -in signed.pem -inform PEM -CAfile $role.crt -purpose any -out /dev/null 2>/dev/null || fail "cms -verify $role"
    clean cms -encrypt -aes256 -in data -outform PEM -out box.pem $role.crt || fail "cms -encrypt"
    openssl cms -decrypt -in box.pem -inform PEM -inkey certroll://$role -recip $role.crt -out opened || fail "cms -decrypt $role"
    grep -q "some text to sign" opened || fail "cms -decrypt $role: wrong text"
done
openssl cms -sign -nodetach -binary -in data -signer R-rsa-2048.crt -inkey certroll://R-rsa-2048 -keyopt rsa_padding_mode:pss -outform PEM \
    -out signed.pem || fail "cms -sign PSS"
clean cms -verify -in signed.pem -inform PEM -CAfile R-rsa-2048.crt -purpose any -out /dev/null 2>/dev/null || fail "cms PSS"
ok "cms -sign, -verify, -decrypt"

for role in R-rsa-2048 R-ec-P-256 R-ed25519; do
    openssl req -x509 -key certroll://$role -subj "/CN=self $role" -days 3 -out self.crt || fail "req -x509 $role"
    clean verify -CAfile self.crt self.crt >/dev/null || fail "req -x509 $role: does not verify"
    openssl req -new -key $role.pem -subj "/CN=asks $role" -out ask.csr || fail "req -new $role"
    clean req -in ask.csr -verify -noout 2>/dev/null || fail "req -new $role: does not verify"
    clean req -newkey rsa:2048 -nodes -keyout leaf.key -subj "/CN=leaf" -out leaf.csr 2>/dev/null
    openssl x509 -req -in leaf.csr -CA $role.crt -CAkey certroll://$role -CAcreateserial -days 3 -out leaf.crt 2>/dev/null ||
        fail "x509 -CAkey $role"
    clean verify -CAfile $role.crt leaf.crt >/dev/null || fail "x509 -CAkey $role: does not verify"
    openssl verify -CAstore certroll://$role leaf.crt >/dev/null || fail "verify -CAstore $role"
done
ok "req -x509, req -new, x509 -CAkey, verify -CAstore"

for role in R-rsa-2048 R-ec-P-256 R-ed25519; do
    [ "$(openssl storeutl -noout certroll://$role | grep -cE '^[0-9]+: (Certificate|Pkey)$')" = 2 ] || fail "storeutl $role"
    openssl storeutl -certs certroll://$role | clean x509 -noout -subject -nameopt RFC2253 | grep -qx "subject=CN=$role" || fail "storeutl -certs $role"
    openssl storeutl -noout -keys certroll://$role | grep -q "Total found: 1" || fail "storeutl -keys $role"
    openssl storeutl -noout -certs -subject "/CN=$role" certroll://$role | grep -q "Total found: 1" || fail "storeutl -subject"
    # 3.5 prints nothing, not even the sum, when nothing is found.
    openssl storeutl -noout -certs -subject "/CN=other" certroll://$role >found || true
    ! grep -qE "Certificate|Total found: [1-9]" found || fail "storeutl -subject finds what is not there"
    for key in certroll://$role $role.pem; do
        openssl pkey -in "$key" -pubout | cmp -s - $role.pub || fail "pkey -pubout $key"
        openssl pkey -in "$key" -noout -text >text || fail "pkey -text $key"
        [ -s text ] || fail "pkey -text $key prints nothing"
    done
done
ok "storeutl and pkey"

# Activated before default, which breaks other things in a process: our own URIs still sign.
sed -e '/^default = /d' -e 's/^certroll = .*/&\ndefault = certroll_default/' "$OPENSSL_CONF" >first.cnf
[ "$(grep -n '^certroll = ' first.cnf | cut -d: -f1)" -lt "$(grep -n '^default = ' first.cnf | cut -d: -f1)" ] || fail "order"
for role in R-rsa-2048 R-ec-P-256 R-ec-P-521; do
    for key in certroll://$role $role.pem; do
        OPENSSL_CONF=$work/first.cnf timeout 20 openssl dgst -sha256 -sign "$key" -out sig data || fail "before default: $key"
        clean dgst -sha256 -verify $role.pub -signature sig data >/dev/null || fail "before default: $key does not verify"
    done
done
OPENSSL_CONF=$work/first.cnf timeout 20 openssl pkeyutl -sign -rawin -inkey certroll://R-ed25519 -in data -out sig ||
    fail "before default: Ed25519"
clean pkeyutl -verify -rawin -pubin -inkey R-ed25519.pub -in data -sigfile sig >/dev/null || fail "before default: Ed25519"
ok "activated before default"

openssl dgst -sha256 -sign certroll://Nobody data 2>err && fail "a role that does not exist signed"
grep -q "Nobody" err || fail "the error does not name the role: $(cat err)"
openssl dgst -sha256 -sign "certroll://R-rsa-2048;slot=next" data 2>err && fail "an empty next signed"
openssl dgst -sha256 -sign "certroll://R-rsa-2048;nonsense=1" data 2>err && fail "an unknown attribute was taken"
grep -q "nonsense" err || fail "the error does not name the attribute: $(cat err)"
openssl pkey -in certroll://R-rsa-2048 -out /dev/null 2>err && fail "a private key was written"
ok "refusals"

# A role whose current has expired keeps signing, and is warned about.
clean req -new -newkey rsa:2048 -nodes -keyout key -subj /CN=expired -out ask.csr 2>/dev/null
clean x509 -req -in ask.csr -signkey key -days 0 -out expired.crt 2>/dev/null
clean pkcs12 -export -inkey key -in expired.crt -out expired.pfx -passout pass:x
rm key
sleep 1
refused 1 "expires at" certroll import expired.pfx Expired --use token --passin pass:x
run certroll import expired.pfx Expired --use token --passin pass:x --force
openssl dgst -sha256 -sign certroll://Expired -out sig data || fail "an expired current does not sign"
clean x509 -in expired.crt -noout -pubkey >expired.pub
clean dgst -sha256 -verify expired.pub -signature sig data >/dev/null || fail "an expired current: bad signature"
run certroll show Expired
out_has "it goes on signing"
ok "an expired current keeps signing"

# Certificate and chain of a tls role, served by s_server, seen by a client without our configuration.
clean req -x509 -newkey rsa:2048 -nodes -keyout ca.key -out ca.crt -days 30 -subj "/CN=e2e CA" 2>/dev/null
for type in rsa ec; do
    case $type in rsa) new=(-newkey rsa:2048) ;; ec) new=(-newkey ec -pkeyopt ec_paramgen_curve:P-256) ;; esac
    clean req "${new[@]}" -nodes -keyout site.key -subj "/CN=site.example" -out site.csr 2>/dev/null
    clean x509 -req -in site.csr -CA ca.crt -CAkey ca.key -CAcreateserial -days 20 -out site.crt 2>/dev/null
    clean pkcs12 -export -inkey site.key -in site.crt -certfile ca.crt -out site.pfx -passout pass:x
    rm site.key
    certroll import site.pfx Site-$type --passin pass:x --use tls >/dev/null || fail "import tls $type"
    certroll pem Site-$type --bundle --out site-$type.pem || fail "pem --bundle"
    for files in "-cert certroll://Site-$type -key certroll://Site-$type" "-cert site-$type.pem -key site-$type.pem"; do
        port=$(free_port)
        # shellcheck disable=SC2086
        start_server openssl s_server -accept "$port" $files -quiet -naccept 40
        wait_port "$port"
        for version in -tls1_2 -tls1_3; do
            for _ in 1 2 3; do
                clean s_client -connect "127.0.0.1:$port" $version -CAfile ca.crt -verify_return_error </dev/null >out 2>&1 ||
                    fail "s_server $files $version: $(tail -n 5 out)"
                grep -q "Verify return code: 0" out || fail "s_server $files $version: not verified"
            done
        done
        if [ $type = rsa ]; then # static RSA: the server decrypts the premaster secret
            clean s_client -connect "127.0.0.1:$port" -tls1_2 -cipher AES128-SHA256:@SECLEVEL=0 -CAfile ca.crt \
                -verify_return_error </dev/null >out 2>&1 || fail "static RSA: $(tail -n 5 out)"
        fi
        stop_server
    done
done
ok "s_server with a tls role, TLS 1.2 and 1.3, URI and bundle"
