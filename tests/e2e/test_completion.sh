#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# bash completion: sourced, and asked what it would offer.
# shellcheck source=tests/e2e/lib.sh disable=SC2119
. "$(dirname "$0")/lib.sh"
lab
cd "$T"
cert a
run certroll import a.pfx OAuthTokenIssuer --passin pass:pw
run certroll import a.pfx OwaSite --use tls --passin pass:pw
run certroll unassign OwaSite --force
mkdir 'some dir'
touch 'some file'

cat >ask <<'ASK'
. "$1"; shift
complete -p certroll | grep -q -- '-F _certroll certroll' || exit 1
COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
_certroll 2>>"$ERRORS"
printf '%s\n' "${COMPREPLY[@]}"
ASK
ask() { ERRORS=$T/errors bash --norc ask "$TOP/conf/certroll.bash-completion" certroll "$@"; }
offers() { # "WORD..." FOR WORD...: those and no others, in any order
    local want=$1
    shift
    same "$(ask "$@" | sort | xargs)" "$want" "certroll $*"
}
offers_one() { # WORD FOR WORD...: this among others
    local want=$1
    shift
    grep -qxF -- "$want" <<<"$(ask "$@")" || fail "certroll $*: no $want in $(ask "$@" | xargs)"
}

mapfile -t commands < <(certroll --help | sed -n 's/^  \([a-z][a-z-]*\)  *[a-z].*/\1/p')
offers "$(printf '%s\n' "${commands[@]}" | sort | xargs)" ""
offers "$(printf '%s\n' "${commands[@]}" | grep ^r | sort | xargs)" r
offers "rollback" --config lab/certroll.conf rollb
offers "" nosuch ""
offers "--config --help --version" --
for command in "${commands[@]}"; do # every option that the command has, and not one more
    offers "$(certroll "$command" --help | grep -oE '^  --[a-z-]+' | sort | xargs)" "$command" --
done

offers "OAuthTokenIssuer OwaSite" show ""
offers "OwaSite" show OAuthTokenIssuer Ow
offers "OAuthTokenIssuer" assign --from OA
offers "OAuthTokenIssuer OwaSite" roll --at +30d --reason because O
offers "OAuthTokenIssuer OwaSite verify" history ""
# what a usage line calls an argument is no word to type
for command in "${commands[@]}"; do ! ask "$command" "" | grep -xE '[A-Z]+(\.\.\.)?' || fail "certroll $command offers that"; done
offers "OAuthTokenIssuer OwaSite" history OAuthTokenIssuer ""
offers "check info list relink" token ""
offers "" token info ""
offers "OAuthTokenIssuer" pem OA
offers "" pem OAuthTokenIssuer O
offers "current next previous" pem --slot ""
offers "live pinned" pem --bind ""
offers "token" import --use to
offers "$(thumb a)" revoke --thumbprint "$(thumb a | cut -c1-4)"
offers "" revoke --reason ""
offers "+1d +30d +7d" roll --at ""
offers "root" check --as-user roo
offers_one "a.pfx" import ""
offers "some dir some file" import some
offers "OAuthTokenIssuer OwaSite" import a.pfx ""
offers "OwaSite" import a.pfx OAuthTokenIssuer Ow
offers "OAuthTokenIssuer OwaSite" import --use token --passin pass:pw a.pfx ""
offers "some dir" init --dir some
offers "lab/certroll.conf" show --config lab/certroll
offers "--system" enable --s
for file in /usr/lib/systemd/system/*.service; do
    if [[ ! -e $file || $file == *@.service ]]; then continue; fi
    offers_one "${file##*/}" enable ""
    break
done

# another configuration's roles; none where it cannot be read; an option's argument is no command
run certroll init --dir "$T/other"
no_lead "$T/other"
run env CERTROLL_CONFIG="$T/other/certroll.conf" SOFTHSM2_CONF="$T/other/softhsm2.conf" \
    certroll import a.pfx Another --use token --passin pass:pw
offers "Another" --config "$T/other/certroll.conf" show ""
offers "Another" show --config "$T/other/certroll.conf" ""
offers "" --config "$T/none" show ""

# no command changes anything or asks for a PIN, whatever is typed
same "$(cat errors 2>/dev/null)" "" "what it said on stderr"
before=$(find lab/state -type f -exec sha256sum {} + | sort)
chmod 0 lab/pin
for command in "${commands[@]}"; do for word in "" -- a O; do ask "$command" "$word" >/dev/null; done; done
same "$(find lab/state -type f -exec sha256sum {} + | sort)" "$before"
same "$(cat errors 2>/dev/null)" "" "what it said on stderr"
ok "completion of ${#commands[@]} commands"
