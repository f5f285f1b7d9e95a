#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# certroll init: a self-contained set-up, an existing token, a group, the system's folders; run again it changes nothing.
# shellcheck source=tests/e2e/lib.sh disable=SC2119,SC2031
. "$(dirname "$0")/lib.sh"

listing() { (cd "$1" && find . -type f -printf '%p %m %u %g %T@ ' -exec sha256sum {} \; | sort); }

# ---- a self-contained set-up
run certroll init --dir "$T/a" --dry-run
[ ! -e "$T/a" ] || fail "a dry run made the directory"
run certroll init --dir "$T/a"
out_has "signed with a probe key"
out_has "$T/a/env"
for file in certroll.conf openssl.cnf env pin so-pin softhsm2.conf state tokens; do
    [ -e "$T/a/$file" ] || fail "$file is missing"
done
same "$(stat -c %a "$T/a/pin") $(stat -c %a "$T/a/so-pin")" "600 600" "PIN files"
same "$(stat -c %a "$T/a/certroll.conf") $(stat -c %a "$T/a/state")" "644 755" "configuration and state"
pin=$(cat "$T/a/pin")
[ ${#pin} -ge 16 ] || fail "the PIN is short"
! grep -rqF -- "$pin" "$T/out" "$T/err" "$T/a/certroll.conf" "$T/a/openssl.cnf" "$T/a/env" || fail "the PIN leaks"
before=$(listing "$T/a")
run certroll init --dir "$T/a"
out_has "already set up"
same "$(listing "$T/a")" "$before" "a second init changed something"
run certroll init --dir "$T/a" --json
same "$(json 'd["changed"]')" false
same "$(json 'd["config"]')" "$T/a/certroll.conf"
(
    cd "$T"
    run certroll init --dir a
    out_has "already set up: $T/a/certroll.conf"
)

# the environment is taken over by sourcing, and the token holds nothing
(
    # shellcheck disable=SC1091
    . "$T/a/env"
    same "$OPENSSL_CONF|$CERTROLL_CONFIG|$SOFTHSM2_CONF" "$T/a/openssl.cnf|$T/a/certroll.conf|$T/a/softhsm2.conf"
    run certroll certs --json
    same "$(json 'd["certs"] + d["keys"]')" "[]" "the probe key stayed"
)
[ "$(grep -n '^default = ' "$T/a/openssl.cnf" | cut -d: -f1)" -lt "$(grep -n '^certroll = ' "$T/a/openssl.cnf" | cut -d: -f1)" ] ||
    fail "certroll stands before default"
grep -q '^nodejs_conf' "$T/a/openssl.cnf" || fail "openssl.cnf has nothing for node"
# another openssl reads that file (the module may not be built here)
module=$(sed -n 's/^module = //p' "$T/a/openssl.cnf")
if [ -f "$module" ]; then
    OPENSSL_CONF=$T/a/openssl.cnf openssl list -providers >"$T/out" 2>"$T/err" || fail "openssl refuses its configuration"
    out_has certroll
fi

# ---- completed after an interruption, with the same PIN and token
rm "$T/a/certroll.conf" "$T/a/env"
run certroll init --dir "$T/a"
out_has "signed with a probe key"
same "$(cat "$T/a/pin")" "$pin" "the PIN changed"
same "$(find "$T/a/tokens" -mindepth 1 -maxdepth 1 | wc -l)" 1 "another token was made"

# ---- awkward directory names
mkdir "$T/odd"
# shellcheck disable=SC2016
odd="$T/odd/it's \$HOME\\x;y"
refused 2 "white space" certroll init --dir "$odd"
# shellcheck disable=SC2016
odd="$T/odd/it's_\$HOME;y"
run certroll init --dir "$odd"
(
    # shellcheck disable=SC1091
    . "$odd/env"
    same "$CERTROLL_CONFIG" "$odd/certroll.conf"
    run certroll certs
)

# ---- refusals
refused 2 "--dir" certroll init --config x
refused 2 "--module" certroll init --dir "$T/b" --token pkcs11:token=x
refused 2 "--token" certroll init --dir "$T/b" --module /usr/lib/softhsm/libsofthsm2.so
refused 2 "No such file" certroll init --dir "$T/b" --module /nowhere.so --token pkcs11:token=x
refused 2 "init: 'somewhere' is an argument too many, usage: certroll init" certroll init somewhere
refused 3 "No such file" certroll init --dir "$T/no/such/b"
mkdir -m 777 "$T/open"
refused 1 "" certroll init --dir "$T/open"
refused 1 "already" certroll init --dir "$T/a" --module /usr/lib/softhsm/libsofthsm2.so --token pkcs11:token=other
refused 3 "" certroll init --dir "$T/b" --module "$(find /lib /usr/lib -name 'libc.so.6' | head -n 1)" --token pkcs11:token=x
[ ! -e "$T/b/certroll.conf" ] || fail "a failed init left a configuration"

# ---- an existing token: nothing is written to it
mkdir "$T/hsm"
printf 'directories.tokendir = %s\nlog.level = ERROR\n' "$T/hsm" >"$T/hsm.conf"
hsm() { SOFTHSM2_CONF=$T/hsm.conf "$@"; }
hsm softhsm2-util --init-token --free --label prod --so-pin 87654321 --pin 12345678 >/dev/null
echo 12345678 >"$T/hsm.pin"
chmod 600 "$T/hsm.pin"
existing=(--module /usr/lib/softhsm/libsofthsm2.so --token pkcs11:token=prod --pin-source "file:$T/hsm.pin")
objects() { find "$T/hsm" -type f ! -name token.object -exec sha256sum {} + | sort; } # a login writes to token.object
before=$(objects)
run hsm certroll init --dir "$T/c" "${existing[@]}"
out_has "nothing was signed"
same "$(objects)" "$before" "the existing token was written to"
run certroll --config "$T/c/certroll.conf" certs # finds SoftHSM's configuration without the variable
(cd "$T" && run certroll --config c/certroll.conf certs)
echo 00000000 >"$T/hsm.pin"
refused 3 "PIN" hsm certroll init --dir "$T/d" "${existing[@]}"
err_lacks 00000000
[ ! -e "$T/d/certroll.conf" ] || fail "a failed init left a configuration"
echo 12345678 >"$T/hsm.pin"
if command -v pkcs11-tool >/dev/null; then
    hsm pkcs11-tool --module /usr/lib/softhsm/libsofthsm2.so --login --pin 12345678 --keypairgen --key-type rsa:2048 \
        --id 01 >/dev/null 2>&1
    run hsm certroll init --dir "$T/d" "${existing[@]}"
    out_has "signed with a key of the token"
fi
# several at once make one set-up
pids=()
for i in 1 2 3 4; do
    certroll init --dir "$T/at-once" >"$T/at-once.$i" 2>&1 &
    pids+=($!)
done
for pid in "${pids[@]}"; do wait "$pid" || fail "one of four inits failed: $(cat "$T"/at-once.?)"; done
same "$(cat "$T"/at-once.? | grep -c 'already set up') $(find "$T/at-once/tokens" -mindepth 1 -maxdepth 1 | wc -l)" "3 1"
mkdir "$T/a b"
cp -p "$T/hsm.pin" "$T/a b/pin"
run hsm certroll init --dir "$T/f" "${existing[@]:0:4}" --pin-source "file://${T}/a%20b/pin"
grep -qF "pin-source = $T/a b/pin" "$T/f/certroll.conf" || fail "the file: URI was not decoded"
refused 2 "two digits" hsm certroll init --dir "$T/h" "${existing[@]:0:4}" --pin-source "file:$T/a%2"
refused 2 "not file:/PATH" hsm certroll init --dir "$T/h" "${existing[@]:0:4}" --pin-source 12345678
err_lacks 12345678
refused 3 "nosuch" hsm certroll init --dir "$T/e" --module /usr/lib/softhsm/libsofthsm2.so --token pkcs11:token=nosuch

# ---- a group, proven by signing as a member
if [ "$(id -u)" = 0 ]; then
    reachable_build
    run certroll init --dir "$T/g" --group daemon
    out_has "as a member of group daemon"
    same "$(stat -c '%a %G' "$T/g/pin") $(stat -c %a "$T/g/so-pin")" "640 daemon 600"
    [ -z "$(find "$T/g/tokens" ! -group daemon)" ] || fail "token files not of the group"
    [ -z "$(find "$T/g/tokens" -perm /022 ! -name 'token.*')" ] || fail "token files writable by the group"
    refused 1 "group" certroll init --dir "$T/g" --group bin
    # what is imported later is open to the group as well: a stranger to root signs by the role's name
    cert m
    run certroll --config "$T/g/certroll.conf" import "$T/m.pfx" OAuthTokenIssuer --passin pass:pw
    err_lacks warning
    if [ -f "$module" ]; then
        echo data >"$T/data"
        run setpriv --reuid nobody --regid nogroup --groups daemon env OPENSSL_CONF="$T/g/openssl.cnf" \
            openssl dgst -sha256 -sign certroll://OAuthTokenIssuer "$T/data"
        same "$(stat -c %s "$T/out")" 256 "a member's signature"
        check 1 setpriv --reuid nobody --regid nogroup --clear-groups env OPENSSL_CONF="$T/g/openssl.cnf" \
            openssl dgst -sha256 -sign certroll://OAuthTokenIssuer "$T/data"
    fi
    # the tokens' folder may be a link, as where it lies in a server's chroot
    mv "$T/g/tokens" "$T/g/moved"
    ln -s moved "$T/g/tokens"
    cert linked
    run certroll --config "$T/g/certroll.conf" import "$T/linked.pfx" --passin pass:pw
    [ -z "$(find "$T/g/moved" ! -perm -g+r)" ] || fail "files behind a link are closed to the group"
    # a file that a member cannot reach is said, not found out by the first server
    mkdir -m 700 "$T/closed"
    refused 3 "member of group daemon" certroll init --dir "$T/closed/g" --group daemon
    refused 3 "no-such-group" env PATH="$CERTROLL_BUILD/tools" certroll init --dir "$T/h" --group no-such-group
fi

# ---- the system, in a mount namespace of our own
export T
cat >"$T/system.sh" <<'SCRIPT'
set -e
for d in etc var/lib; do
    mkdir -p "$T/over/$d/up" "$T/over/$d/work"
    mount -t overlay overlay -o "lowerdir=/$d,upperdir=$T/over/$d/up,workdir=$T/over/$d/work" "/$d"
done
SCRIPT
if [ "$(id -u)" = 0 ] && [ ! -e /etc/certroll ] && unshare -m bash "$T/system.sh" 2>/dev/null; then
    cat >>"$T/system.sh" <<'SCRIPT'
certroll init
getent group certroll >/dev/null
[ "$(stat -c '%a %U %G' /etc/certroll/pin)" = "640 root certroll" ]
[ "$(stat -c '%a %U' /etc/certroll/certroll.conf)" = "644 root" ]
[ "$(stat -c '%a %U' /var/lib/certroll)" = "755 root" ]
[ "$(stat -c '%a' /etc/certroll/so-pin)" = 600 ]
certroll certs
certroll init | grep -q "already set up"
SCRIPT
    rm -rf "$T/over"
    run unshare -m bash "$T/system.sh"
    out_has "as a member of group certroll"
    out_has "/etc/certroll/openssl.cnf"
else
    echo "not shown here: the system set-up (needs root and overlay mounts)"
fi
ok "init"
