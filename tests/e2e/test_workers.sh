#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Servers load the key as root, then empty their environment, change into an empty root and to another user, and fork. What
# reached the token before still signs; what cannot reach it any more says so in one sentence.
# shellcheck source=tests/e2e/lib.sh disable=SC2119
. "$(dirname "$0")/lib.sh"
[ "$(id -u)" = 0 ] || skip "needs root"
member=$(id -u www-data 2>/dev/null) || skip "needs the user www-data"
group=$(getent group daemon | cut -d: -f3)
worker=$CERTROLL_BUILD/tests/e2e/e2e_worker
[ -x "$worker" ] || skip "needs $worker"
reachable_build
cp "$worker" "$T/worker"
worker=$T/worker
cd "$T"
mkdir -m 755 empty
run certroll init --dir "$T/lab" --group daemon
no_lead "$T/lab"
# shellcheck disable=SC1091
. "$T/lab/env"
sed -i '/^key-copy/d' lab/certroll.conf # init's own token has it; here the files are used unless a test says so
for name in a b; do
    cert $name ec:P-256
    clean x509 -in $name.crt -noout -pubkey >$name
done
run certroll import a.pfx OAuthTokenIssuer --passin pass:pw
run certroll pem OAuthTokenIssuer --out key.pem

# signs N NAME: the last run printed N signatures by NAME's key and nothing else.
signs() {
    same "$(grep -c " signed: $2\$" out)" "$1" "signatures by $2"
    same "$(grep -vc " signed: $2\$" out)" 0 "other lines"
}
user=(user "$member" "$member" "$group")
stranger=(user "$member" "$member" "$member")

for key in certroll://OAuthTokenIssuer "$T/key.pem"; do
    run "$worker" "$key" a sign clearenv sign "${user[@]}" sign fork 4 sign
    signs 8 a
done
ok "environment emptied, user changed: parent and workers sign"
run "$worker" certroll://OAuthTokenIssuer a clearenv "${user[@]}" fork 4 fork 1 sign
signs 10 a
ok "a key that was never used before: workers and their children sign"

# fails N PART...: N lines of the last run are failures, one line each, and each has every part.
fails() {
    local n=$1 part
    shift
    same "$(grep -c " failed: " out)" "$n" "failures"
    for part in "$@"; do same "$(grep " failed: " out | grep -cF -- "$part")" "$n" "failures with '$part'"; done
}

# ---- an empty root: SoftHSM's files are out of reach, for who has signed before, too
chrooted=(clearenv chroot "$T/empty" "${user[@]}")
for forks in 0 2; do
    check 1 "$worker" certroll://OAuthTokenIssuer a sign "${chrooted[@]}" fork $forks sign
    same "$(grep -c " signed: a$" out)" 1 "signatures, all before the chroot"
    fails $((forks + 1)) "uid $member" "libsofthsm2.so" "(chroot?)"
done
grep -q "ready-after-fork" out || fail "what to do is not said: $(cat out)"
ok "a chroot away from a token in files: one sentence with the uid and the module"

# in_time STATUS COMMAND...: check; again where a child may have been without its token for the 5 s that it is waited for while
# fork() runs, since it then does without.
in_time() {
    local want=$1 began got i
    shift
    for ((i = 0; i < 5; i++)); do
        began=$(date +%s%3N) got=0
        "$@" >"$T/out" 2>"$T/err" || got=$?
        if [ "$got$want" = 00 ] || [ $(($(date +%s%3N) - began)) -lt 5000 ]; then break; fi
    done
    same "$got" "$want" "status of $*: $(cat "$T/out" "$T/err")"
}

# ---- children that reached it while fork() ran
run certroll import b.pfx Second --use token --passin pass:pw
cp lab/certroll.conf plain.conf
jailed=(fork 4 fork 2 "${chrooted[@]}" sign)
check 1 "$worker" certroll://OAuthTokenIssuer a sign "${jailed[@]}"
same "$(grep -c " signed: a$" out)" 1 "signatures, all before the chroot"
fails 15 "(chroot?)"
sed -i 's/^module = .*/&\nready-after-fork = yes\nkey-copy = always/' lab/certroll.conf
for key in certroll://OAuthTokenIssuer "$T/key.pem"; do
    in_time 0 "$worker" "$key" a sign "${jailed[@]}"
    signs 16 a # of 5 processes and 2 children of each, and the first one before
done
in_time 0 "$worker" certroll://Second b sign "${jailed[@]}"
signs 16 b
in_time 0 "$worker" certroll://Second b sign fork 4 clearenv chroot "$T/empty" "${stranger[@]}" sign sign
signs 11 b
# the process that loaded the key has a copy since then
for name in OAuthTokenIssuer:a Second:b; do
    run "$worker" "certroll://${name%:*}" "${name#*:}" clearenv chroot "$T/empty" "${stranger[@]}" sign sign
    signs 2 "${name#*:}"
done
# who forks in the empty root is too late
in_time 1 "$worker" certroll://OAuthTokenIssuer a sign fork 2 "${chrooted[@]}" sign fork 1 sign
same "$(grep -c " signed: a$" out)" 7 "signatures by those who forked before"
fails 3 "(chroot?)"
# without the copy the key's files are asked for
sed -i '/^key-copy/d' lab/certroll.conf
check 1 "$worker" certroll://OAuthTokenIssuer a sign fork 2 "${chrooted[@]}" sign
cp plain.conf lab/certroll.conf
ok "ready-after-fork: children in an empty root sign, and so do theirs"

# ---- a user who may not use the token
for forks in 0 2; do
    check 1 "$worker" "$T/key.pem" a "${stranger[@]}" fork $forks sign
    fails $((forks + 1)) "uid $member" "libsofthsm2.so" "loaded by uid 0"
done
# starts USER-GROUP: a program that is www-data from its start.
starts() { check 1 setpriv --reuid www-data --regid www-data --groups "$1" "$worker" "$T/key.pem" a sign; }
starts www-data
err_has "uid $member"
err_has libsofthsm2.so
chmod 600 lab/pin
starts daemon
err_has "uid $member"
err_has "$T/lab/pin"
chmod 640 lab/pin
cp /usr/lib/softhsm/libsofthsm2.so private.so
chmod 600 private.so
sed -i.kept "s|^module = .*|module = $T/private.so|" lab/certroll.conf
starts daemon
err_has "uid $member"
err_has "$T/private.so"
mv lab/certroll.conf.kept lab/certroll.conf
ok "a user outside of the group: one sentence with the uid and the path"

# ---- a socket that was opened before stays
# shellcheck disable=SC2016
cleanup_hooks+=('"$TOP/tests/tokens/network" stop "$T/network" 2>/dev/null')
made=0
plain "$TOP/tests/tokens/network" start "$T/network" >start.log 2>&1 || made=$?
[ $made != 77 ] || skip "$(cat start.log)"
[ $made = 0 ] || fail "tests/tokens/network start: $(cat start.log)"
mkdir state
{
    printf '[certroll_sect]\nstate = %s\nminimum-lead = 0\ntoken-lifetime = 0\ntokens = t\n\n[token_t]\n' "$T/state"
    cat network/token.conf
} >network.conf
unset SOFTHSM2_CONF
export CERTROLL_CONFIG=$T/network.conf OPENSSL_CONF=$T/network.cnf
sed "s|^module = certroll.so|module = $CERTROLL_BUILD/provider/certroll.so|" "$TOP/conf/openssl.cnf" >network.cnf
run certroll import a.pfx OAuthTokenIssuer --passin pass:pw
run "$worker" certroll://OAuthTokenIssuer a,b sign "${chrooted[@]}" sign
signs 2 a
fork=(sign fork 4 "${chrooted[@]}" sign sign)
check 1 "$worker" certroll://OAuthTokenIssuer a,b "${fork[@]}"
same "$(grep -c " signed: a$" out)" 3 "signatures, none of a child's"
fails 8 "uid $member" p11-kit-client.so "(chroot?)" ready-after-fork
echo 'ready-after-fork = yes' >>network.conf
in_time 0 "$worker" certroll://OAuthTokenIssuer a,b "${fork[@]}"
signs 11 a
ok "a chroot, the token behind a socket: signs on, its children if they opened one of their own before"

# ---- the records are read through the directory's descriptor
mkfifo go
: >rolled
"$worker" certroll://OAuthTokenIssuer a,b sign "${chrooted[@]}" sign line sign <go >rolled 2>&1 &
pid=$!
exec 9>go
for ((i = 0; i < 600; i++)); do [ "$(grep -c signed rolled)" -lt 2 ] || break; sleep 0.1; done
[ "$(grep -c signed rolled)" -ge 2 ] || fail "no signature before the roll: $(cat rolled)"
run certroll import b.pfx OAuthTokenIssuer --passin pass:pw --force
sleep 2
echo >&9
exec 9>&-
wait $pid || fail "after the roll: $(cat rolled)"
same "$(sed 's/.*signed: //' rolled | tr '\n' ' ')" "a a b "
ok "a roll made outside reaches a process in its chroot"
