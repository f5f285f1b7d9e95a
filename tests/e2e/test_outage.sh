#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# A network HSM dies and comes back fifty times under a running process: every signature that is returned verifies, the
# rest are clear errors, the first one asked for after each return is made, nothing is restarted, nothing leaks. A frozen HSM
# is left in time.
# shellcheck source=tests/e2e/lib.sh disable=SC2119
. "$(dirname "$0")/lib.sh"
rounds=${CERTROLL_ROUNDS:-50}
cd "$T"
# shellcheck disable=SC2016
cleanup_hooks+=('"$TOP/tests/tokens/network" stop "$T/network" 2>/dev/null')
made=0
"$TOP/tests/tokens/network" start "$T/network" >start.log 2>&1 || made=$?
[ $made != 77 ] || skip "$(cat start.log)"
[ $made = 0 ] || fail "tests/tokens/network start: $(cat start.log)"
mkdir state
configure() { # LINES...: of the token's section
    printf '[certroll_sect]\nstate = %s\nminimum-lead = 0\ntoken-lifetime = 0\ntokens = hsm\n\n[token_hsm]\n' "$T/state"
    printf '%s\n' "$@"
    cat network/token.conf
}
configure >certroll.conf
configure "op-timeout = 500ms" >timeout.conf
sed "s|^module = certroll.so|module = $CERTROLL_BUILD/provider/certroll.so|" "$TOP/conf/openssl.cnf" >openssl.cnf
export CERTROLL_CONFIG=$T/certroll.conf OPENSSL_CONF=$T/openssl.cnf
server() { kill "$1" -- "-$(cat network/server.pgid)"; }

cert rsa
cert ec ec:P-256
run certroll import rsa.pfx OAuthTokenIssuer --passin pass:pw
run certroll import ec.pfx Ec --use token --passin pass:pw

# begin CONF [-f]: a signer that is asked by descriptor 4 and answers on 3.
begin() {
    rm -f ask answer
    mkfifo ask answer
    CERTROLL_CONFIG=$T/$1 "$CERTROLL_BUILD/tests/e2e/signer" ${2:+"$2"} 4 certroll://OAuthTokenIssuer certroll://Ec <ask >answer 2>signer.log &
    signer=$!
    cleanup_hooks+=("kill $signer 2>/dev/null")
    exec 4>ask 3<answer
}
ask() { # fills word, good, failed, fds, threads, said
    echo >&4 || fail "the signer has gone: $(cat signer.log)"
    IFS=' ' read -r -t 30 word good failed fds threads said <&3 ||
        fail "no answer: $(kill -0 $signer 2>/dev/null || { wait $signer; echo "ended with $?"; }) $(cat signer.log)"
}
sockets() { find "/proc/$signer/fd" -lname 'socket:*' | wc -l; }
files() { find "/proc/$signer/fd" -type l ! -lname 'socket:*' ! -lname '/dev/pts*' | wc -l; }
end() {
    exec 4>&- 3<&-
    wait $signer || fail "the signer ended with $?: $(cat signer.log)"
}

outages() { # ROUNDS
    for ((round = 1; round <= $1; round++)); do
        server -KILL
        before=$failed
        for ((i = 0; i < 100; i++)); do
            ask
            [ "$failed" = "$before" ] || break
        done
        [ "$failed" -gt "$before" ] || fail "round $round: no failure was seen"
        case $said in *"token hsm"*) ;; *) fail "round $round: an unclear error: $said" ;; esac
        "$TOP/tests/tokens/network" start-server "$T/network" 3<&- 4>&-
        ask
        same "$word" signed "round $round, the first after the server is back: $said"
    done
}

begin certroll.conf
ask
same "$word" signed "$said"
at_first=$fds
files=$(files)
outages "$rounds"
ask
same "$(files)" "$files" "descriptors besides sockets"
# p11-kit 0.24's client does not close a connection whose greeting fails (rpc-client.c disconnects only what was initialized):
# at most the tries of one C_Initialize that met the dying server (INIT_TRIES), an outage.
[ "$(sockets)" -le $((1 + 12 * rounds)) ] || fail "$(sockets) sockets"
[ "$threads" -le 5 ] || fail "$threads threads"
ok "$rounds outages: $good good signatures, $failed clear errors, $fds descriptors ($at_first at first); the last error: $said"
end

begin certroll.conf -f
ask
same "$word" signed "$said"
outages 5
ok "5 outages of a worker forked after the load: $good good signatures, $failed clear errors"
end

until_signed() {
    for ((i = 0; i < 100; i++)); do
        ask
        [ "$word" = failed ] || break
        sleep 0.1
    done
    same "$word" signed "$1: $said"
}
begin timeout.conf
until_signed "before it is frozen" # half a second is short on a busy machine
server -STOP
for ((i = 0; i < 20; i++)); do
    ask
    [ "$word" = signed ] || break
done
same "$word" failed "frozen"
case $said in *op-timeout* | *"token hsm"*) ;; *) fail "an unclear error: $said" ;; esac
server -CONT
until_signed "thawed"
end
ok "a frozen HSM is left in time, and used again"
