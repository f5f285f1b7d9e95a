#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# What a terminal sees: how long something has taken already, and tables as wide as it is.
# shellcheck source=tests/e2e/lib.sh disable=SC2119
. "$(dirname "$0")/lib.sh"
lab
cd "$T"
# on_terminal COLUMNS COMMAND...: all that a terminal so wide is sent, into $T/out
on_terminal() {
    local columns=$1
    shift
    run env TERM=xterm /usr/bin/python3 - "$columns" "$@" <<'PY'
import fcntl, os, pty, struct, sys, termios
pid, fd = pty.fork()
if pid == 0:
    fcntl.ioctl(1, termios.TIOCSWINSZ, struct.pack("HHHH", 40, int(sys.argv[1]), 0, 0))
    os.execvp(sys.argv[2], sys.argv[2:])
seen = b""
try:
    while part := os.read(fd, 65536):
        seen += part
except OSError:
    pass
sys.stdout.buffer.write(seen)
sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
PY
}
# what_stays COLUMNS COMMAND...: the same without the lines that told how long it takes and were wiped out
what_stays() {
    on_terminal "$@"
    sed -i 's/\r\x1b\[K\(certroll: [^\r]* \.\.\. [0-9]* s\)\?//g' out
}
widest() { tr -d '\r' <out | awk '{ if (length($0) > n) n = length($0) } END { print n }'; }

cert long rsa:2048 400 -subj "/CN=$(printf 'a%.0s' {1..60})/OU=$(printf 'b%.0s' {1..60})/O=$(printf 'c%.0s' {1..60})"
run certroll import long.pfx OAuthTokenIssuer --passin pass:pw
run certroll request OAuthTokenIssuer --subject "CN=$(printf 'r%.0s' {1..60}), O=$(printf 's%.0s' {1..60})" --out r.csr
run certroll generate Lone --use tls --days 9 --yes --reason "$(printf 'because %.0s' {1..40})"
run certroll revoke --thumbprint "$(certroll show Lone --json | json 'd["roles"][0]["current"]["thumbprint_sha256"]' /dev/stdin)" --yes
tables=(show certs history check "token list" "token check")
for columns in 40 60 80 100 150; do
    for table in "${tables[@]}"; do
        # shellcheck disable=SC2086
        what_stays $columns sh -c "certroll $table; true"
        [ "$(widest)" -le $columns ] || fail "$table makes $(widest) columns of $columns"
        # what is cut fills the line
        case $columns:$table in [468]0:show | [468]0:certs) same "$(widest)" $columns "columns of $table" ;; esac
    done
    COLUMNS=$columns run certroll show
    same "$(widest)" $columns "columns by COLUMNS"
    what_stays $columns certroll certs
    out_has "..."
    [ "$(grep -c 'rsa:[23]' out)" = 3 ] || fail "the kind of a key is cut at $columns columns"
    what_stays $columns certroll history
    out_lacks "..."
    [ "$(tr -s '\r\n ' '\n' <out | grep -cx because)" = 80 ] || fail "the reason is cut at $columns columns"
done
for table in "${tables[@]}"; do
    # shellcheck disable=SC2086
    certroll $table >piped 2>/dev/null || true
    ! grep -qF ... piped || fail "$table is cut without a terminal"
done
for table in show certs; do
    run certroll $table
    out_has "O=$(printf 'c%.0s' {1..60})"
    [ "$(widest)" -gt 180 ] || fail "$table is cut at $(widest) columns without a terminal"
done
out_has "O=$(printf 's%.0s' {1..60})"
for bad in 0 x 80x -1 99999999999999999999; do
    COLUMNS=$bad run certroll show
    [ "$(widest)" -le 400 ] || fail "COLUMNS=$bad makes $(widest)"
done
ok "as wide as the terminal"

sed "s|^module = .*|module = $CERTROLL_BUILD/tests/mock/mock_count.so|" lab/certroll.conf >slow.conf
slow=(env CERTROLL_MOCK_TARGET=/usr/lib/softhsm/libsofthsm2.so CERTROLL_MOCK_COUNTS="$T/counts" CERTROLL_MOCK_DELAY_US=140000
    certroll generate --yes --config "$T/slow.conf" --days 10 --key ec:P-256)
on_terminal 80 "${slow[@]}" Slow --use token
out_has "certroll: the token makes a key ... 1 s"
[ "$(grep -c 'makes a key' <<<"$(tr '\r' '\n' <out)")" -ge 2 ] || fail "it is not told again"
tr '\r' '\n' <out | grep -A 1 'makes a key' | tail -n 1 | grep -q $'^\e\\[K' || fail "the line stays"
run "${slow[@]}" Piped --use token
err_lacks "makes a key"
on_terminal 80 env TERM=dumb "${slow[@]}" Dumb --use token
out_lacks "makes a key"
began=$(date +%s%3N)
on_terminal 80 certroll generate --yes --days 10 --key ec:P-256 Quick --use token
[ $(($(date +%s%3N) - began)) -ge 1000 ] || out_lacks "makes a key" # a busy machine may be slow
run certroll roll Slow --thumbprint "$(certroll show Quick --json | json 'd["roles"][0]["current"]["thumbprint_sha256"]' /dev/stdin)" --at +30d --force
# a warning, or a line of the result, begins a line of its own
undisturbed() { # nothing runs into the line that tells
    ! tr '\r' '\n' <out | sed 's/.*\x1b\[K//' | grep -E ' \.\.\. [0-9]+ s.' >&2 || fail "something runs into the line of $*"
}
echo '{' >lab/state/roles/Damaged.json
on_terminal 80 "${slow[@]:0:3}" CERTROLL_MOCK_DELAY_US=60000 bash -c "certroll token relink --yes --config '$T/slow.conf'; true"
out_has "finding keys on the tokens ... 1 s"
out_has "Damaged"
undisturbed token relink
rm lab/state/roles/Damaged.json
rm -rf lab2
on_terminal 80 "${slow[@]:0:3}" CERTROLL_MOCK_DELAY_US=60000 certroll init --dir "$T/lab2" --module "$CERTROLL_BUILD/tests/mock/mock_count.so" --token pkcs11:token=certroll \
    --pin-source "file:$T/lab/pin"
out_has "certroll: making the set-up and signing with it ... 1 s"
undisturbed init
if command -v strace >/dev/null && strace -o /dev/null true 2>/dev/null; then
    # told CALL PATH TEXT COMMAND...: where the first CALL on PATH takes so long, TEXT tells it
    told() {
        on_terminal 80 env ASAN_OPTIONS=detect_leaks=0 strace -f -qq -o /dev/null -P "$2" -e trace="$1" \
            -e inject="$1":delay_enter=1500000:when=1 "${@:4}"
        out_has "certroll: $3 ... 1 s"
        undisturbed "${@:4}"
    }
    told read "$T/lab/state/history.jsonl" "reading the state and the token" certroll backup saved.backup --with-token
    told read "$T/lab/state/history.jsonl" "checking the history" certroll history verify
    entry=lab/state/certs/$(certroll show Quick --json | json 'd["roles"][0]["current"]["thumbprint_sha256"]' /dev/stdin).json
    sed -i 's/id=[%0-9A-F]*/id=%FF%FF/' "$entry"
    told fsync "$T/lab/state/history.jsonl" "writing where the keys are" certroll token relink --yes
    run certroll cancel Slow
    told fsync "$T/lab/state/history.jsonl" "bringing back 6 roles and 6 certificates" certroll restore saved.backup --yes
fi
ok "what takes longer than a second is told"
