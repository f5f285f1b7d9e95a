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
for type in rsa ec; do
    if [ $type = ec ] && [ "${version%%.*}" -ge 43 ]; then # Debian 12 has 38
        works_with ec "sign (PyJWT too)" signed /usr/bin/python3 "$others/sign.py" cryptography
    else
        refuses $type "sign (PyJWT too)" Error "takes the private numbers out of the key; use pyOpenSSL or ssl" \
            /usr/bin/python3 "$others/sign.py" cryptography
    fi
done

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
