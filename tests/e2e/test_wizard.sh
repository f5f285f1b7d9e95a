#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# certroll wizard, in a terminal of tmux: whole walks, back and forth, other sizes, refusals, signals. What it prints does the
# same on a copy of the state.
# shellcheck source=tests/e2e/lib.sh disable=SC2119,SC2031
. "$(dirname "$0")/lib.sh"
command -v tmux >/dev/null || skip "no tmux"
lab
cd "$T"
export LC_ALL=C.UTF-8
cert a
cert b
cert c rsa:2048 365 -utf8 -subj "/O=Größe \$(id)/CN=c.example.org"
run certroll import a.pfx OAuthTokenIssuer --passin pass:pw
run certroll import a.pfx Site --use tls --passin pass:pw
run certroll import b.pfx --passin pass:pw

# ---- a terminal
tm() { tmux -S "$T/tmux" -f /dev/null "$@"; }
cleanup_hooks+=("tm kill-server 2>/dev/null")
env -u TMUX tmux -S "$T/tmux" -f /dev/null new-session -d -x 80 -y 24 "env PS1='\$ ' HISTFILE= bash --norc --noprofile -i"
screen() { tm capture-pane -p "$@"; }
# sees TEXT...: until all of them are on the screen; lost TEXT: until it is not
sees() {
    local i text all
    for ((i = 0; i < 1500; i++)); do
        screen >"$T/screen"
        all=yes
        for text; do grep -qF -- "$text" "$T/screen" || all=; done
        [ -z "$all" ] || return 0
        sleep 0.04
    done
    cat "$T/screen" >&2
    fail "the screen lacks '$*'"
}
lost() {
    local i
    for ((i = 0; i < 1500; i++)); do
        screen >"$T/screen"
        grep -qF -- "$1" "$T/screen" || return 0
        sleep 0.04
    done
    cat "$T/screen" >&2
    fail "the screen keeps '$1'"
}
width_is() { # COLUMNS: to the right edge of the window, once it is drawn anew
    local i width=
    for ((i = 0; i < 1200; i++)); do
        screen >"$T/screen"
        width=$(sed -n '/┌/{s/ *$//p;q}' "$T/screen" | wc -m)
        width=$((width - 1))
        [ $width != "$1" ] || return 0
        sleep 0.05
    done
    cat "$T/screen" >&2
    fail "the window ends at $width, not $1"
}
key() { tm send-keys "$@"; }
type_in() { tm send-keys -l -- "$1"; }
enter_line() { # a command for the shell, on an empty screen
    key C-l
    type_in "$1"
    key Enter
}
wizard() { # [ENVIRONMENT...] -- [OPTION...]: its first page
    local before=()
    while [ "$1" != -- ]; do before+=("$1") && shift; done
    enter_line "${before[*]}${before[*]:+ }certroll wizard ${*:2}; echo rc=\$?"
    sees "What is to be done?"
}
pick() { # DOWN-FROM-THE-TOP: a row of the list on the screen
    local i
    key Home
    for ((i = 0; i < $1; i++)); do key Down; done
    key Enter
}
# how far from the top of the list on the screen
cert_row() { echo $(($(grep rsa:2048 screen | grep -n -- "$1" | cut -d: -f1) - 1)); }
role_row() { echo $(($(grep -E ' (token|tls) +(20|nothing)' screen | grep -n -- "$1" | cut -d: -f1) - 1)); }
field() { # TEXT: instead of what stands in the field under the cursor
    key End
    # more than any default is long
    tm send-keys -N 70 BSpace
    type_in "$1"
}
printed() { # [N]: the one command, or the last of N, that the wizard printed, however long
    sees "rc=0"
    screen -J -S - | sed 's/ *$//' | awk '/certroll wizard/ { last = "" } { last = last $0 "\n" } END { printf "%s", last }' >"$T/lines"
    grep '^certroll ' "$T/lines" >"$T/command" || fail "no command printed"
    same "$(wc -l <"$T/command")" "${1:-1}" "commands printed"
    tail -n 1 "$T/command"
}
TASK=(0 1 2) # rows: request, import, assign

# ---- a copy, on which the printed command is run
copy() {
    rm -rf "$T/copy"
    cp -a "$T/lab" "$T/copy"
    sed -i "s#$T/lab/#$T/copy/#g" "$T"/copy/{certroll.conf,openssl.cnf,softhsm2.conf,env}
}
facts() { # LAB: all that two states must have in common
    (
        # shellcheck disable=SC1090
        . "$T/$1/env"
        certroll show --json >"$T/$1.show" && certroll certs --json >"$T/$1.certs"
    ) || fail "show of $1"
    /usr/bin/python3 - "$T/$1.show" "$T/$1.certs" <<'PY'
import json, sys
def strip(v):
    if isinstance(v, dict):
        return {k: strip(x) for k, x in v.items() if k not in ("since", "until", "warnings", "spki", "id", "created", "location", "age")}
    return [strip(x) for x in v] if isinstance(v, list) else v
show, certs = (json.load(open(p)) for p in sys.argv[1:])
print(json.dumps([strip(show), [c["thumbprint_sha256"] for c in certs["certs"]], len(certs["requests"]), len(certs["keys"])], sort_keys=True))
PY
}
same_on_copy() { # COMMAND [PASSPHRASE]: run there without a question (no terminal at its input), with a passphrase at its prompt
    enter_line ". copy/env; $1 </dev/null; echo rc=\$?; . lab/env"
    if [ -n "${2:-}" ]; then
        sees "Passphrase of "
        type_in "$2"
        key Enter
    fi
    sees "rc=0"
    same "$(facts copy)" "$(facts lab)" "what '$1' did"
}

# ---- no terminal, or none that will do
refused 2 "must be a terminal" certroll wizard </dev/null
enter_line "certroll wizard | cat"
sees "must be a terminal"
for term in dumb nosuch ''; do
    enter_line "TERM=$term certroll wizard; echo rc=\$?"
    sees "kind '$term'" "rc=2"
done
refused 3 "certroll init" certroll wizard --config "$T/none.conf"
ok "no terminal, no wizard"

# ---- assign now; Esc goes back page by page and answers stay
copy
wizard --
pick "${TASK[2]}"
sees "Assign: role (2 of 5)" OAuthTokenIssuer "current   since"
pick "$(role_row Site)"
sees "Assign: certificate (3 of 5)" a.example.org b.example.org "Held by"
key Escape
sees "role (2 of 5)"
key Escape
sees "What is to be done?"
key Enter
sees "role (2 of 5)"
key Enter
sees "certificate (3 of 5)"
pick "$(cert_row b.example.org)"
sees "Assign: when (4 of 5)"
key Enter
sees "Assign: summary (5 of 5)" "Site: would change (generation 2)" before after "Do it"
run certroll show Site --json
same "$(json 'd["roles"][0]["generation"]')" 1 "the summary changed something"
key Escape
sees "when (4 of 5)"
key Enter
sees "Do it"
key Enter
sees "Site: changed (generation 2)" "Another task"
key Enter
command=$(printed)
same "$command" "certroll assign Site --thumbprint $(thumb b) --if-generation 1"
grep -q '^Site: changed (generation 2)' lines || fail "the outcome does not stay"
run certroll show Site --json
same "$(json 'd["roles"][0]["current"]["thumbprint_sha256"]')" "$(thumb b)"
same_on_copy "$command"
ok "assign now"

# ---- roll at a date; the terminal changes its size meanwhile
copy
wizard -- --reason "'it'\\''s time'"
tm resize-window -x 120 -y 40
sees "What is to be done?"
pick "${TASK[2]}"
sees "role (2 of 5)"
tm resize-window -x 50 -y 16
width_is 49
sees "role (2 of 5)" "<Next>" OAuthTokenIssuer
tm resize-window -x 30 -y 8
sees "30x8"
tm resize-window -x 80 -y 24
sees "role (2 of 5)" "│ Next │" Site
pick "$(role_row OAuthTokenIssuer)"
sees "certificate (3 of 5)"
pick "$(cert_row b.example.org)"
sees "when (4 of 5)"
key Tab Tab # into the date, which is then the answer
field "rubbish"
sees "(*) at a date" "Date  rubbish_"
tm resize-window -x 100 -y 30 # what was typed stays
sees rubbish
width_is 99
key Tab Enter
sees Refused rubbish
key Enter
lost Refused
sees "when (4 of 5)" # what is typed before is flushed
key Tab Tab
field "2020-01-01T00:00:00Z"
key Enter
sees Refused "2020-01-01T00:00:00Z"
key Escape
lost Refused
sees "when (4 of 5)"
key Tab Tab
field "+72h"
key Enter
sees "Do it" "next" "takes over"
same "$(facts lab)" "$(facts copy)" "a summary changed something"
key Enter
sees "Another task"
key Enter
command=$(printed)
[[ $command == "certroll roll OAuthTokenIssuer --thumbprint $(thumb b) --effective-date 20"*"Z --if-generation 1 --reason 'it'\\''s time'" ]] ||
    fail "printed: $command"
same_on_copy "$command"
grep -q "it's time" lab/state/history.jsonl || fail "no reason in the history"
tm resize-window -x 80 -y 24
ok "roll at a date, other sizes"

# ---- import: a file that is not there, a wrong passphrase, the right one, a new role
copy
wizard --
pick "${TASK[1]}"
sees "Import: file (2 of 5)"
type_in "none.pfx"
key Enter
sees Refused "none.pfx: No such file"
key Enter
lost Refused
sees "Import: file (2 of 5)"
field "c.pfx"
key Enter
sees "Import: passphrase (3 of 6)"
type_in "w-r-o-n-g"
key Enter
sees Refused "passphrase does not open"
key Enter
sees "passphrase (3 of 6)" "Passphrase  ___"
type_in "pw"
sees "Passphrase  **_"
tm resize-window -x 90 -y 24
width_is 89
sees "Passphrase  **_"
tm resize-window -x 80 -y 24
width_is 79
key Enter
sees "Import: role (4 of 6)"
key End Up Enter # a new one
sees "new role (5 of 7)"
type_in "9bad"
key Enter
sees Refused "9bad"
key Enter
lost Refused
sees "new role (5 of 7)"
field "sITE"
key Enter
sees Refused "only in case"
key Enter
lost Refused
sees "new role (5 of 7)"
field "Fresh"
key Enter
sees "when (6 of 7)" "holds no certificate"
key Enter
sees "Do it" "key would be created" "Fresh: would change (generation 1)" "Größe"
same "$(facts lab)" "$(facts copy)" "a summary changed something"
key Enter
sees "Another task" "key created on the token"
key Enter
command=$(printed)
same "$command" "certroll import c.pfx Fresh --use tls --thumbprint $(thumb c) --if-generation 0"
! grep -qE 'w-r-o-n-g|fd:|(^| )pw( |$)' lines || fail "a secret, or where it came from, is on the screen"
same_on_copy "$command" pw
! grep -rq 'w-r-o-n-g' lab/state || fail "the wrong passphrase is in the state"
ok "import with a passphrase"

# ---- request
copy
wizard --
pick "${TASK[0]}"
sees "Request: role (2 of 4)"
pick "$(role_row Site)"
sees "Request: contents (3 of 4)" "Site.csr" "rsa:3072"
type_in "CN=x,,=y"
key Enter
sees Refused "--subject"
key Enter
lost Refused
sees "Request: contents (3 of 4)"
field "CN=www.example.org,O=Größe & Söhne"
key Tab
field "dns:www.example.org,dns:example.org"
key Tab
field "ec:P-256"
key Enter
sees "Do it" "would request" "for role Site, into Site.csr"
[ ! -e Site.csr ] || fail "the summary wrote the request"
key Enter
sees "Another task" "when the answer comes"
key Enter
command=$(printed)
run clean req -in Site.csr -noout -verify -text
out_has "DNS:www.example.org, DNS:example.org"
clean req -in Site.csr -noout -text -nameopt utf8 >csr1
mv Site.csr first.csr
same_on_copy "$command"
clean req -in Site.csr -noout -text -nameopt utf8 >csr2
same "$(grep -E 'Subject:|DNS:|P-256' csr2)" "$(grep -E 'Subject:|DNS:|P-256' csr1)" "the requests"
grep -q "Größe & Söhne" csr1 || fail "the subject is not what was typed"
# its answer, for nobody by name: the request knows
printf 'keyUsage=digitalSignature\nsubjectAltName=DNS:www.example.org\n' >ext
run clean x509 -req -in first.csr -CA a.crt -CAkey a.key -days 90 -extfile ext -out answer.crt
wizard --
pick "${TASK[1]}"
sees "Import: file"
type_in "answer.crt"
key Enter
sees "Import: role (3 of 5)"
key End Enter # none
sees "summary (4 of 4)" "Site: would change"
# the role is another one by then, or the file: nothing of either is carried out
run certroll assign Site --thumbprint "$(thumb c)"
key Enter
sees Refused "generation"
run certroll rollback Site
key Enter
sees "Import: role"
key End Enter
sees "summary (4 of 4)" "Site: would change"
cp answer.crt kept.crt
cp a.crt answer.crt
key Enter
sees Refused "nothing is changed: answer.crt holds certificate $(thumb a | cut -c1-16)"
cp kept.crt answer.crt
key Enter
sees "Import: role"
key End Enter
sees "summary (4 of 4)" "Site: would change"
run certroll show Site --json
same "$(json 'd["roles"][0]["current"]["thumbprint_sha256"]')" "$(thumb b)"
answered=$(json 'd["roles"][0]["generation"]')
key Enter
sees "Another task" "Site: changed"
key Enter
same "$(printed 3)" "certroll import answer.crt --thumbprint $(thumb answer) --if-generation $answered"
run certroll certs --json
same "$(json 'len(d["requests"])')" 0 "requests after the answer"
ok "request, and its answer"

# ---- for no role, and no request: the certificate that was shown
copy
cert lone
wizard --
pick "${TASK[1]}"
sees "Import: file"
type_in "lone.pem"
cat lone.key lone.crt >lone.pem
key Enter
sees "Import: role"
key End Enter
sees "summary" "key would be created"
cat b.key b.crt >lone.pem
key Enter
sees Refused "nothing is changed: lone.pem holds certificate $(thumb b | cut -c1-16)"
cat lone.key lone.crt >lone.pem
key Enter
sees "Import: role"
# keys that are typed while it looks answer no page that nobody has seen (newt flushes them)
tm send-keys End Enter Enter Enter
sees "summary" "key would be created"
run certroll certs --json
! grep -q "$(thumb lone)" out || fail "it was imported before the summary was seen"
key Enter
sees "Another task" "key created on the token"
key Enter
command=$(printed 2)
same "$command" "certroll import lone.pem --thumbprint $(thumb lone)"
same_on_copy "$command"
ok "import for no role"

# ---- refused: the lead time; somebody else was faster; nothing is half done
sed -i 's/^minimum-lead = .*/minimum-lead = 48h/' lab/certroll.conf
run certroll cancel OAuthTokenIssuer --force
copy
wizard --
pick "${TASK[2]}"
sees "role (2 of 5)"
pick "$(role_row OAuthTokenIssuer)"
sees "certificate (3 of 5)" c.example.org
pick "$(cert_row c.example.org)"
sees "when (4 of 5)" "no sooner than 48 h"
key Enter
sees Refused "minimum-lead" "earliest"
key Enter
sees "when (4 of 5)"
key Down Space
sees "(*) at a date"
key Enter
sees "Do it" "takes over"
run certroll assign OAuthTokenIssuer --thumbprint "$(thumb b)" --force
key Enter
sees Refused "generation"
key Enter
sees "when (4 of 5)"
key C-c
sees "certroll: " "generation" "rc=0"
run certroll show OAuthTokenIssuer --json
same "$(json 'd["roles"][0]["current"]["thumbprint_sha256"], d["roles"][0]["next"]')" "[\"$(thumb b)\", null]"
ok "refusals"

# ---- a dry run changes nothing and says so
copy
wizard -- --dry-run --force
pick "${TASK[2]}"
sees "role (2 of 5)"
pick "$(role_row OAuthTokenIssuer)"
sees "certificate (3 of 5)"
pick "$(cert_row c.example.org)"
sees "when (4 of 5)"
key Enter
sees "summary (5 of 5)" Finish "overridden"
key Enter
sees "Dry run: nothing was changed"
key Tab Enter # another task
sees "What is to be done?"
key Escape
command=$(printed)
[[ $command == "certroll assign OAuthTokenIssuer --thumbprint $(thumb c) --if-generation "*" --force --dry-run" ]] || fail "printed: $command"
same "$(facts lab)" "$(facts copy)" "a dry run changed something"
ok "dry run"

# ---- colours, and a plain locale
coloured() { screen -e | grep -q $'\e\\[[0-9;]*[34][0-7][m;]'; }
wizard --
coloured || fail "no colours"
key C-c
sees rc=0
wizard NO_COLOR=1 --
! coloured || fail "NO_COLOR, and colours"
key C-c
sees rc=0
wizard TERM=vt100 LC_ALL=C -- --config lab/certroll.conf
pick "${TASK[2]}"
sees "role (2 of 5)"
pick "$(role_row Site)"
sees "certificate (3 of 5)"
row=$(cert_row c.example.org)
key Home
for ((i = 0; i < row; i++)); do key Down; done
# shellcheck disable=SC2016
sees 'Subject     CN=c.example.org,O=Gr??e $(id)'
key Enter
sees "when (4 of 5)"
key Enter
sees "Do it"
key Enter
sees "Another task"
key Enter
same "$(printed)" "certroll assign Site --thumbprint $(thumb c) --if-generation $((answered + 1)) --config lab/certroll.conf"
ok "no colours, a plain locale"

# ---- signals give the terminal back
for signal in TERM HUP INT; do
    wizard --
    pid=$(tm list-panes -F '#{pane_pid}')
    kill -$signal "$(xargs <"/proc/$pid/task/$pid/children")"
    sees "ended from outside" "rc=1"
    enter_line 'stty -a | tr " ;" "\n\n" | grep -xE "(-?)(echo|icanon|isig)" | xargs'
    sees "isig icanon echo"
done
wizard --
key C-z
sees Stopped
type_in "fg"
key Enter
sees "What is to be done?"
key C-c
sees "nothing was changed"
ok "signals"

# ---- a connection that breaks
TERM=xterm run /usr/bin/python3 "$HERE/hangup.py" certroll wizard
ok "without its terminal it ends"

# ---- a token whose PIN is asked for: on the ordinary screen
sed -i 's/^pin-source = .*/pin-source = prompt:/' lab/certroll.conf
wizard --
pick "${TASK[2]}"
sees "role (2 of 5)"
pick "$(role_row Site)"
sees "certificate (3 of 5)"
pick "$(cert_row b.example.org)"
sees "when (4 of 5)"
key Enter
sees "PIN of token"
type_in "$(cat lab/pin)"
key Enter
sees "Do it"
key C-c
sees "nothing was changed" "rc=0"
! screen -S - | grep -qF -- "$(cat lab/pin)" || fail "the PIN is on the screen"
ok "a PIN that is typed"
