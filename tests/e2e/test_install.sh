#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# cmake --install --prefix P gives P/bin/certroll, P/lib/ossl-modules/certroll.so, man pages and conf, and what is
# installed works from there. Argument: the build folder.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"

build=${1:?usage: test_install.sh BUILD-FOLDER}
cmake --install "$build" --prefix "$work/p" >/dev/null || fail "cmake --install"
for file in bin/certroll lib/ossl-modules/certroll.so share/man/man1/certroll.1 share/man/man5/certroll.conf.5 \
    share/man/man7/provider-certroll.7; do
    [ -s "$work/p/$file" ] || fail "not installed: $file"
done
[ -n "$(find "$work/p" -name 'certroll.conf*' -path '*conf*' ! -path '*/man/*')" ] || fail "no example configuration installed"

modules=$(pkg-config --variable=modulesdir libcrypto)
DESTDIR=$work/staged cmake --install "$build" --prefix /usr >/dev/null || fail "cmake --install --prefix /usr"
[ -s "$work/staged$modules/certroll.so" ] || fail "with --prefix /usr the module is not in OpenSSL's $modules"

PATH=$work/p/bin:$PATH
certroll init --dir "$work/c" >/dev/null || fail "the installed certroll init"
no_lead "$work/c"
grep -q "$work/p/lib/ossl-modules/certroll.so" "$work/c/openssl.cnf" || fail "openssl.cnf does not name the installed module"
# shellcheck disable=SC1091
. "$work/c/env"
cd "$work" || exit 1
clean req -x509 -newkey rsa:2048 -nodes -keyout key -out crt -days 30 -subj "/CN=installed" 2>/dev/null
clean pkcs12 -export -inkey key -in crt -out pfx -passout pass:x
certroll import pfx OAuthTokenIssuer --passin pass:x >/dev/null || fail "import"
echo data >data
openssl dgst -sha256 -sign certroll://OAuthTokenIssuer -out sig data || fail "sign with the installed module"
clean x509 -in crt -noout -pubkey >pub
clean dgst -sha256 -verify pub -signature sig data >/dev/null || fail "verify"
ok "installed under a prefix and working from there"
