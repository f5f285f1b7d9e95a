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
widest() { tr -d '\r' <out | awk '{ if (length($0) > n) n = length($0) } END { print n }'; }

cert long rsa:2048 400 -subj "/CN=$(printf 'a%.0s' {1..60})/OU=$(printf 'b%.0s' {1..60})/O=$(printf 'c%.0s' {1..60})"
run certroll import long.pfx OAuthTokenIssuer --passin pass:pw
for columns in 80 100 150; do
    on_terminal $columns certroll show
    same "$(widest)" $columns "columns of show"
    on_terminal $columns certroll certs
    same "$(widest)" $columns "columns of certs"
    COLUMNS=$columns run certroll show
    same "$(widest)" $columns "columns by COLUMNS"
done
run certroll show
same "$(widest)" 80 "columns without a terminal"
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
on_terminal 80 certroll generate --yes --days 10 --key ec:P-256 Quick --use token
out_lacks "makes a key"
ok "what takes longer than a second is told"
