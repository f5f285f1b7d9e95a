#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Languages and programs that read a key file and sign or shake hands: with an ordinary key first, then with a reference. Those
# that want the private numbers themselves cannot work; the results say which numbers.
# shellcheck disable=SC2034,SC2154,SC2016,SC2164,SC2209
# shellcheck source=tests/apps/lib.sh
. "$(dirname "$0")/lib.sh"
others=$TOP/tests/apps/others
lab
cd "$T"
route=none now=none
touch "$results"
for program in ruby perl xmlsec1; do command -v $program >/dev/null || skip "no $program"; done
echo "some text to sign" >data
for type in rsa:2048 ec:P-256; do
    name=${type%%:*}
    cert "$name" "$type" 30 -subj /CN=localhost -addext basicConstraints=critical,CA:TRUE -addext subjectAltName=DNS:localhost
    clean x509 -in "$name.crt" -noout -pubkey >"$name.pub"
    run certroll import "$name.pfx" "Others-$name" --use token --passin pass:pw
    run certroll pem "Others-$name" --out "$name.pem"
done

application() { # NAME VERSION
    app=$1 version=$2
    [ -n "$version" ] || fail "no version of $app"
    flock "$results.lock" sed -i "/^$app\t$version\t$openssl_version\t/d" "$results"
}
signed() { # TYPE: what the program left in `signature`
    clean dgst -sha256 -verify "$1.pub" -signature signature data >/dev/null || fail "$app, $route: the signature does not verify"
    rm signature
}
# works CHECK KEEPS COMMAND...: COMMAND KEY CERTIFICATE, of either type and route; KEEPS TYPE looks at what it left.
works() { for type in rsa ec; do works_with $type "$@"; done; }
works_with() { # TYPE CHECK KEEPS COMMAND...
    local type=$1 check=$2 keeps=$3
    shift 3
    route=control
    run plain timeout 60 "$@" "$type.key" "$type.crt" data signature
    "$keeps" "$type"
    result "$type $check" pass
    route=file
    run timeout 60 "$@" "$type.pem" "$type.crt" data signature
    "$keeps" "$type"
    result "$type $check" pass
}
# refuses TYPE CHECK PART REASON COMMAND...: an ordinary key works; with a reference PART stands in the program's own error.
refuses() {
    local type=$1 check=$2 part=$3 reason=$4 got=0
    shift 4
    route=control
    run plain timeout 60 "$@" "$type.key" "$type.crt" data signature
    route=file
    timeout 60 "$@" "$type.pem" "$type.crt" data signature >out 2>&1 || got=$?
    [ $got != 0 ] || fail "$app signs with a reference: the reason '$reason' is no longer true"
    grep -qF -- "$part" out || fail "$app: another error than '$part': $(tail -n 3 out)"
    result "$type $check" refused "$reason"
}

application Ruby "$(ruby -e 'puts RUBY_VERSION')"
for type in rsa ec; do
    refuses $type "key as it is" "private key is needed" "asks for private numbers first; define private? (the recipe)" ruby "$others/sign.rb"
done
export others
works "sign and TLS, recipe" signed bash -c 'ruby "$others/sign.rb" "$@" recipe' recipe

application "Perl IO::Socket::SSL" "$(perl -MIO::Socket::SSL -e 'print $IO::Socket::SSL::VERSION')"
works "TLS server and client" : perl "$others/sign.pl"

if /usr/bin/python3 -W ignore -c 'from OpenSSL.crypto import sign' 2>/dev/null; then # version 24 has none any more
    application pyOpenSSL "$(/usr/bin/python3 -c 'import OpenSSL; print(OpenSSL.__version__)')"
    works "sign" signed /usr/bin/python3 "$others/sign.py" pyopenssl
fi

application "Python cryptography" "$(/usr/bin/python3 -c 'import cryptography; print(cryptography.__version__)')"
refuses rsa "sign as it is (PyJWT too)" Error "checks the private numbers of an RSA key; skip that (the recipe), or use pyOpenSSL or ssl" \
    /usr/bin/python3 "$others/sign.py" cryptography
works_with ec "sign (PyJWT too)" signed /usr/bin/python3 "$others/sign.py" cryptography
works "sign (PyJWT too), recipe" signed /usr/bin/python3 "$others/sign.py" recipe

if /usr/bin/python3 -c 'import M2Crypto' 2>/dev/null; then
    application M2Crypto "$(/usr/bin/python3 -c 'import M2Crypto; print(M2Crypto.__version__)')"
    works "sign by structures" signed /usr/bin/python3 "$others/sign.py" m2crypto
fi

# Mail: the whole message is signed, and verified as if the public key stood in the DNS.
if command -v opendkim-testmsg >/dev/null; then
    application opendkim "$(dpkg-query -W -f '${Version}' opendkim-tools | sed 's/[-~].*//')"
    printf '%s\r\n' "From: a@example.org" "Date: Sat, 28 Nov 2026 14:00:00 +0000" "Subject: hello" "" "some text to sign" >message
    dkim_sign() { opendkim-testmsg -C -d example.org -s sel -k "$1" <message >"$4"; }
    dkim_verified() {
        clean pkey -pubin -in "$1.pub" -outform DER -out "$1.der"
        run plain /usr/bin/python3 "$others/dkim_verify.py" signature "$1.der"
        rm signature
    }
    export -f dkim_sign
    works_with rsa "sign" dkim_verified bash -c 'dkim_sign "$@"' dkim_sign
fi

# Programs for a firmware that starts signed ones alone, and files that the kernel verifies.
if command -v osslsigncode >/dev/null && command -v sbsign >/dev/null; then
    /usr/bin/python3 "$others/program.py" program.efi
    authenticode_verified() { run plain osslsigncode verify -CAfile "$1.crt" -in signature && rm signature; }
    efi_verified() { run plain sbverify --cert "$1.crt" signature && rm signature; }
    application osslsigncode "$(osslsigncode --version | sed -n '1s/osslsigncode \([0-9.]*\).*/\1/p')"
    authenticode_sign() { osslsigncode sign -certs "$2" -key "$1" -h sha256 -in program.efi -out "$4"; }
    efi_sign() { sbsign --key "$1" --cert "$2" --output "$4" program.efi; }
    export -f authenticode_sign efi_sign
    works "sign" authenticode_verified bash -c 'authenticode_sign "$@"' authenticode_sign
    application sbsign "$(sbsign --version | sed 's/.* //')"
    works "sign" efi_verified bash -c 'efi_sign "$@"' efi_sign
fi

application xmlsec1 "$(xmlsec1 --version | sed 's/^xmlsec1 \([0-9.]*\).*/\1/')"
sed s/ALGORITHM/rsa/ "$others/saml.xml" >rsa.xml
sed s/ALGORITHM/ecdsa/ "$others/saml.xml" >ec.xml
xml_sign() { xmlsec1 --sign --privkey-pem "$1,$2" --output signature "${2%.crt}.xml"; }
export -f xml_sign
verified() {
    run plain xmlsec1 --verify --trusted-pem "$1.crt" signature
    rm signature
}
works_with ec "sign" verified bash -c 'xml_sign "$@"' xml_sign
refuses rsa "sign" "failed to sign" "calls a key public that shows no private exponent" bash -c 'xml_sign "$@"' xml_sign
