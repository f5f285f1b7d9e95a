#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# PHP with a reference file: the openssl extension on the command line, FPM with several workers of another user, and a TLS
# server of PHP's streams. An ordinary key file passes the same checks first.
# shellcheck source=tests/e2e/lib.sh disable=SC2119
. "$(dirname "$0")/../e2e/lib.sh"
# shellcheck source=tests/apps/outside.sh
. "$(dirname "$0")/outside.sh"
# shellcheck source=tests/apps/results.sh
. "$(dirname "$0")/results.sh"
command -v php >/dev/null || skip "no php"
app=PHP version=$(php -r 'echo PHP_MAJOR_VERSION . "." . PHP_MINOR_VERSION . "." . PHP_RELEASE_VERSION;')
results_begin
group=()
if [ "$(id -u)" = 0 ]; then
    reachable_build
    group=(--group www-data) # FPM's workers are www-data
fi
lab "${group[@]}"
cd "$T"
php=$TOP/tests/apps/php
for type in rsa:2048 ec:P-256; do
    name=${type%%:*}
    cert "$name" "$type" 30 -addext basicConstraints=critical,CA:TRUE
    clean x509 -in "$name.crt" -noout -pubkey >"$name.pub"
    run certroll import "$name.pfx" "Php-$name" --use token --passin pass:pw
    run certroll pem "Php-$name" --out "$name.pem"
    run certroll import "$name.pfx" "Tls-$name" --use tls --passin pass:pw
    run certroll pem "Tls-$name" --bundle --out "$name.bundle"
    cat "$name.crt" "$name.key" >"$name.control.bundle"
done

# What PHP made, seen by an openssl without our configuration.
outside() { # NAME OUT
    local name=$1 made=$2
    clean dgst -sha256 -verify "$name.pub" -signature "$made.sig" "$made.data" >/dev/null || fail "openssl_sign"
    clean smime -verify -in "$made.p7" -CAfile "$name.crt" -purpose any 2>/dev/null | grep -qF "some text to sign" ||
        fail "openssl_pkcs7_sign"
    clean cms -verify -inform DER -in "$made.cms" -content "$made.data" -CAfile "$name.crt" -purpose any -binary >/dev/null 2>&1 ||
        fail "openssl_cms_sign"
    clean req -in "$made.csr" -verify -noout 2>/dev/null || fail "openssl_csr_new"
    same "$(clean req -in "$made.csr" -noout -pubkey)" "$(cat "$name.pub")" "public key of the request"
    clean verify -CAfile "$name.crt" "$made.leaf.crt" >/dev/null || fail "openssl_csr_sign"
}

for name in rsa ec; do
    plain env OPENSSL_CONF="$php/plain.cnf" php "$php/features.php" "$name.key" "$name.crt" control control >out 2>err ||
        fail "the control, an ordinary $name key, fails"
    controls=$(grep -c '^ok' out)
    outside "$name" control
    run php "$php/features.php" "$name.pem" "$name.crt" ours
    same "$(grep -c '^ok' out)" $((controls + 6)) "checks; six of them are of the export that fails"
    outside "$name" ours
    for route in file string; do result "$name: $(grep -c '^ok' out) checks of the openssl extension" pass; done
done

for name in rsa ec; do
    for bundle in "$name.control.bundle" "$name.bundle"; do
        port=$(free_port)
        if [ "$bundle" = "$name.bundle" ]; then set --; else set -- env -u OPENSSL_CONF -u CERTROLL_CONFIG; fi
        start_server "$@" php "$php/tls.php" "$port" "$T/$bundle"
        wait_port "$port"
        handshakes "$port" "$name.crt"
        stop_server
    done
done
route="file"
result "ssl:// server, RSA and EC" pass
route=uri
php -r 'exit(openssl_pkey_get_private("certroll://Php-rsa") ? 0 : 1);' 2>err && fail "PHP takes a URI: say so in the table"
result "openssl_pkey_get_private" refused "PHP takes PEM text and file:// alone"
route="file"

# FPM in prefork: four workers that are forked from the master with the provider loaded.
fpm=$(compgen -c php-fpm | sort -V | tail -n 1) || true # it carries its version
if [ -z "$fpm" ] || ! command -v cgi-fcgi >/dev/null; then skip "no php-fpm or libfcgi-bin"; fi
cat >fpm.conf <<END
[global]
daemonize = no
pid = $T/fpm.pid
error_log = $T/fpm.log
[www]
listen = $T/fpm.sock
pm = static
pm.max_children = 4
catch_workers_output = yes
END
root=()
if [ "$(id -u)" = 0 ]; then
    root=(-R)
    printf 'user = www-data\ngroup = www-data\n' >>fpm.conf
    chgrp www-data ./*.key && chmod 640 ./*.key
fi
cp "$php/fpm.php" . && chmod 644 fpm.php ./*.pem
request() { # KEY-FILE
    plain env REQUEST_METHOD=GET SCRIPT_FILENAME="$T/fpm.php" QUERY_STRING="$1" FPM_TEXT="some text to sign" \
        cgi-fcgi -bind -connect "$T/fpm.sock" >answer."$BASHPID" 2>&1 && tail -n 1 answer."$BASHPID"
}
printf 'some text to sign' >data
# signed PUBLIC-KEY ANSWER-LINE
signed() {
    base64 -d <<<"${2##* }" >sig 2>/dev/null || fail "FPM: $2; $(tail -n 5 fpm.log)"
    clean dgst -sha256 -verify "$1" -signature sig data >/dev/null || fail "FPM: $2 does not verify"
}
fpm_requests() { # KEY-FILE PUBLIC-KEY
    local i line until
    : >lines
    for ((i = 0; i < 24; i++)); do
        line=$(request "$1") || fail "no answer: $line"
        signed "$2" "$line"
        echo "$line" >>lines
    done
    until=$((SECONDS + 30)) # until the others have started, too
    while
        at_once request "$1"
        for ((i = 0; i < 12; i++)); do
            line=$(cat "once.$i")
            signed "$2" "$line"
            echo "$line" >>lines
        done
        [ "$(cut -d' ' -f1 lines | sort -u | wc -l)" = 1 ]
    do
        [ $SECONDS -lt $until ] || fail "one worker answered all"
    done
    [ "$(id -u)" != 0 ] || same "$(cut -d' ' -f2 lines | sort -u)" "$(id -u www-data)" "user of the workers"
}
start_server env -u OPENSSL_CONF -u CERTROLL_CONFIG "$fpm" "${root[@]}" -F -y fpm.conf
wait_socket "$T/fpm.sock"
for name in rsa ec; do fpm_requests "$T/$name.key" "$name.pub"; done
stop_server
rm -f fpm.sock

start_server "$fpm" "${root[@]}" -F -y fpm.conf
master=$!
wait_socket "$T/fpm.sock"
for name in rsa ec; do fpm_requests "$T/$name.pem" "$name.pub"; done
result "FPM, four workers, RSA and EC" pass

# A roll while it runs, and without a reload: the workers sign with the new key.
cert rolled rsa:2048
clean x509 -in rolled.crt -noout -pubkey >rolled.pub
run certroll import rolled.pfx Php-rsa --effective-date +2s --passin pass:pw
when=$(effective)
line=$(request "$T/rsa.pem")
[ "$(date +%s)" -ge "$when" ] || signed rsa.pub "$line" # a busy machine may be late
while [ "$(date +%s)" -lt "$when" ]; do sleep 0.1; done
fpm_requests "$T/rsa.pem" rolled.pub
mapfile -t old < <(pgrep -P "$master")
same ${#old[@]} 4 "workers"
kill -USR2 "$master" # reload: a new image in the same process, and new workers
for pid in "${old[@]}"; do
    for ((i = 0; i < 600; i++)); do kill -0 "$pid" 2>/dev/null || continue 2; sleep 0.1; done
    fail "an old worker is left after the reload: $(ps -p "$pid" -o args=)"
done
fpm_requests "$T/rsa.pem" rolled.pub
stop_server
result "FPM over a roll and a reload" pass
