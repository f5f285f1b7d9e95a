#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Where a PIN comes from, and what happens when it is wrong: calls are counted by the mock in front of SoftHSM.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"

softhsm=/usr/lib/softhsm/libsofthsm2.so
mock=$CERTROLL_BUILD/tests/mock/mock_count.so
[ -f "$mock" ] || fail "the mock is not built"
lab
cd "$T" || exit 1
echo "some text to sign" >data
cert one rsa:2048
run certroll import one.pfx One --use token --passin pass:pw
run certroll pem One --out one.pem
clean x509 -in one.crt -noout -pubkey >one.pub
conf=$T/lab/certroll.conf
pin=$(cat lab/pin)
sed -i "s|^module = .*|module = $mock|" "$conf"
export CERTROLL_MOCK_TARGET=$softhsm CERTROLL_MOCK_COUNTS=$T/counts

# source_is VALUE: of pin-source.
source_is() { sed -i "s|^pin-source = .*|pin-source = $1|" "$conf"; }
logins() { "$CERTROLL_BUILD/tests/mock/mock_counts" counts | sed -n 's/^C_Login //p'; }
zero() { rm -f counts; }

# signs KEY [OPTION...]: and the signature verifies.
signs() {
    local key=$1
    shift
    rm -f sig
    run openssl dgst -sha256 "$@" -sign "$key" -out sig data
    run clean dgst -sha256 -verify one.pub -signature sig data
}
# signs_not PART KEY [OPTION...]: one sentence of ours that has PART and no PIN.
signs_not() {
    local part=$1 key=$2
    shift 2
    check 1 openssl dgst -sha256 "$@" -sign "$key" -out sig data
    err_has "$part"
    same "$(grep -c ':certroll:' err)" 1 "sentences of certroll's"
    err_lacks "$pin"
    err_lacks 11223344
}

signs certroll://One
ok "signs with the PIN that init made"

# The PIN is changed on the token, and the file does not know: one try a process, and one sentence.
pkcs11-tool --module $softhsm --token-label certroll --change-pin --pin "$pin" --new-pin 11223344 >/dev/null 2>&1 ||
    fail "the PIN cannot be changed"
for key in certroll://One one.pem; do
    zero
    signs_not "token softhsm: C_Login: CKR_PIN_INCORRECT: the PIN from $T/lab/pin is wrong" "$key"
    same "$(logins)" 1 "logins of one process"
done
pkcs11-tool --module $softhsm -L 2>/dev/null | grep -q "user PIN count low" || fail "the token has counted no wrong PIN"
echo 11223344 >lab/pin
signs certroll://One
signs one.pem
! pkcs11-tool --module $softhsm -L 2>/dev/null | grep -q "user PIN count low" || fail "the token still counts wrong PINs"
ok "a wrong PIN is tried once, the right one signs again"

: >lab/pin
zero
signs_not "token softhsm: cannot read the PIN as uid $(id -u): $T/lab/pin: its first line, the PIN, is empty" certroll://One
same "$(logins)" "" "logins without a PIN"
mv lab/pin lab/elsewhere
signs_not "$T/lab/pin" certroll://One
rm -f out err
refused 3 "certroll: PIN of token softhsm: $T/lab/pin: No such file or directory: see to it, or to pin-source in the configuration" \
    certroll token relink
ok "no PIN in the file, no file: no login"

# A process that lives on: the PIN read at load is refused after an outage, and the file then has the new one.
mv lab/elsewhere lab/pin
echo 11223344 >lab/pin
cat >lives.php <<'X'
<?php
$key = openssl_pkey_get_private("file://" . getcwd() . "/one.pem");
openssl_sign("a", $sig, $key, OPENSSL_ALGO_SHA256) or exit(1);
echo "ready\n";
fgets(STDIN);
$key = openssl_pkey_get_private("file://" . getcwd() . "/one.pem");
exit(openssl_sign("b", $sig, $key, OPENSSL_ALGO_SHA256) ? 0 : 3);
X
if command -v php >/dev/null; then
    mkfifo in
    php lives.php <in >ready 2>php.err &
    php=$!
    exec 7>in
    for ((i = 0; i < 600; i++)); do
        ! grep -q ready ready || break
        sleep 0.1
    done
    grep -q ready ready || fail "php: $(cat php.err)"
    pkcs11-tool --module $softhsm --token-label certroll --change-pin --pin 11223344 --new-pin 55667788 >/dev/null 2>&1
    echo 55667788 >lab/pin
    /usr/bin/python3 - "$T/counts" <<'X' || fail "the mock's file"
import mmap, struct, sys
# struct mock_entry: label[32], calls, fail_rv, fail_skip, fail_left, failed, delay_us
with open(sys.argv[1], "r+b") as f:
    m = mmap.mmap(f.fileno(), 0)
    at = m.find(b"C_Sign\0")
    m[at + 40:at + 48] = struct.pack("Q", 0x30)  # CKR_DEVICE_ERROR
    m[at + 56:at + 64] = struct.pack("Q", 1)
X
    before=$(logins)
    echo >&7
    exec 7>&-
    wait $php || fail "php did not sign after the outage: $(cat php.err)"
    same "$(logins)" $((before + 2)) "logins: the old PIN once, the new one"
    pkcs11-tool --module $softhsm --token-label certroll --change-pin --pin 55667788 --new-pin 11223344 >/dev/null 2>&1
    echo 11223344 >lab/pin
    zero
    ok "a PIN changed on disk is read again after an outage"
fi

# A systemd credential: read at load, from the directory that the unit names.
source_is credential:hsm.pin
signs_not "there is no credential hsm.pin: its systemd unit wants the line LoadCredential=hsm.pin:/" certroll://One
mkdir -m 700 credentials
export CREDENTIALS_DIRECTORY=$T/credentials
signs_not "$T/credentials/hsm.pin" certroll://One
install -m 400 lab/pin credentials/hsm.pin
signs certroll://One
signs one.pem
run certroll init --dir "$T/unit" --module $softhsm --token pkcs11:token=certroll --pin-source credential:hsm.pin
grep -qx "pin-source = credential:hsm.pin" unit/certroll.conf || fail "init forgets the credential"
cert extra ec:P-256
run certroll import extra.pfx Extra --use token --passin pass:pw
unset CREDENTIALS_DIRECTORY
cert outside ec:P-256
refused 3 "PIN of token softhsm is needed and there is no terminal to ask for it" \
    setsid --wait certroll import outside.pfx Outside --use token --passin pass:pw
ok "credential:"

# Typed: by the passphrase callback, which -passin feeds.
source_is prompt:
signs certroll://One -passin pass:11223344
signs one.pem -passin pass:11223344
zero
signs_not "the PIN from the prompt is wrong" certroll://One -passin pass:00000000
same "$(logins)" 1 "logins with a wrong PIN typed"
zero
check 1 setsid --wait openssl dgst -sha256 -sign certroll://One -out sig data </dev/null
err_has "its PIN is to be typed when its key is loaded (pin-source = prompt:), and was not"
same "$(logins)" "" "logins without anybody to ask"
# A certificate needs no PIN, so nobody is asked.
run setsid --wait openssl storeutl -noout -certs certroll://One </dev/null
ok "prompt: and -passin"

# typed PIN COMMAND...: on a terminal of its own, what is asked goes to $T/screen.
typed() {
    /usr/bin/python3 - "$@" >screen <<'X'
import os, pty, select, sys, termios, time
pin, command = sys.argv[1], sys.argv[2:]
pid, fd = pty.fork()
if pid == 0:
    os.execvp(command[0], command)
seen, asked, until = b"", 0, time.time() + 60
while time.time() < until:
    if select.select([fd], [], [], 0.2)[0]:
        try:
            got = os.read(fd, 4096)
        except OSError:
            break
        if not got:
            break
        seen += got
        if seen.count(b"pass phrase") > asked:
            asked += 1
            while termios.tcgetattr(fd)[3] & termios.ECHO and time.time() < until: # OpenSSL prompts first
                time.sleep(0.01)
            os.write(fd, pin.encode() + b"\n")
_, status = os.waitpid(pid, 0)
sys.stdout.write(seen.decode(errors="replace"))
sys.exit(os.waitstatus_to_exitcode(status))
X
}
for key in certroll://One one.pem; do
    rm -f sig
    typed 11223344 openssl dgst -sha256 -sign $key -out sig data || fail "a typed PIN does not sign: $(cat screen)"
    same "$(grep -c 'pass phrase for PIN of token softhsm:' screen)" 1 "prompts"
    ! grep -q 11223344 screen || fail "the PIN is echoed"
    run clean dgst -sha256 -verify one.pub -signature sig data
done
ok "prompt: on a terminal, asked once"

# Nothing in a URI or a reference makes us ask, or open a file.
source_is "$T/lab/pin"
for uri in 'certroll://One?pin-source=file:/etc/passwd' 'certroll://One?pin-value=00000000' 'certroll://One;pin-source=prompt:'; do
    zero
    check 1 setsid --wait openssl dgst -sha256 -sign "$uri" -out sig data </dev/null
    same "$(logins)" "" "logins by $uri"
done
source_is p11-kit:app
signs_not "this program has no p11-kit PIN callback 'app'" certroll://One
source_is 11223344
signs_not "not file:/PATH" certroll://One
err_lacks 11223344
ok "no PIN by URI, by a callback that is not there, or in the configuration"

# CKA_ALWAYS_AUTHENTICATE on the token itself: three calls a signature.
source_is "$T/lab/pin"
cert two rsa:2048
clean rsa -in two.key -outform DER -traditional -out two.der 2>/dev/null
pkcs11-tool --module $softhsm --token-label certroll --login --pin 11223344 --write-object two.der --type privkey --id 77 \
    --label two --usage-sign --always-auth >/dev/null 2>two.log || fail "pkcs11-tool --always-auth: $(cat two.log)"
run certroll import two.crt Two --use token
zero
run openssl dgst -sha256 -sign certroll://Two -out sig data
clean x509 -in two.crt -noout -pubkey >two.pub
run clean dgst -sha256 -verify two.pub -signature sig data
same "$(logins)" 2 "logins: one of the token, one of the signature"
ok "a key that wants the PIN for each signature"
