#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# certroll report: the page as text, and as a browser shows it, light and dark.
# shellcheck source=tests/e2e/lib.sh disable=SC2119
. "$(dirname "$0")/lib.sh"
command -v chromium >/dev/null || skip "no chromium"
lab
cd "$T"
R=OAuthTokenIssuer
page() { run /usr/bin/python3 "$HERE/page.py" "$@"; }
has() { grep -qF -- "$1" page.html || fail "the page lacks '$1'"; }
lacks() { ! grep -qF -- "$1" page.html || fail "the page has '$1'"; }

# ---- an empty state, and what is refused
run certroll report --html page.html
page well-formed page.html
has "There is no role yet."
has "<h2>History</h2>"
same "$(stat -c %a page.html)" 644
refused 2 "--html FILE" certroll report
refused 1 "Nobody" certroll report Nobody --html other.html
refused 3 "/no/where" certroll report --html /no/where/page.html
check 3 sh -c 'certroll report --html - >/dev/full'
[ ! -e other.html ] || fail "a refused report left a file"
ok "an empty page"

# ---- roles, findings, history; hostile words
cert a
cert b rsa:2048 700
cert old rsa:2048 10
cert x rsa:2048 400 -subj '/CN=<script>alert(1)<\/script>/O="Ex\& ample"'
run certroll import a.pfx $R --passin pass:pw
run certroll import b.pfx $R --passin pass:pw --at +100d --reason '<img src=x onerror=alert(2)>'
run certroll import old.pfx Soon --use token --passin pass:pw
run certroll import x.pfx Site --use tls --passin pass:pw
run certroll import x.pfx Empty --use tls --passin pass:pw
run certroll unassign Empty --slot current
run certroll report --html page.html
page well-formed page.html
lacks "<script"
lacks "<img"
has 'CN=\&lt;script\&gt;alert(1)\&lt;/script\&gt;' # RFC 4514 escapes what HTML does, too
has "reason: <bdi>&lt;img src=x onerror=alert(2)&gt;</bdi>"
has "Nothing is assigned."
has "No key was tried"
has "expires at"
has "$(thumb a)"
for role in $R Soon Site Empty; do has "<h3 id=\"role-$role\">$role</h3>"; done
run certroll report --probe --html page.html $R
grep -q "class=\"ok\"><b>ok</b><span>.* signs" page.html || fail "no finding says that a key signs"
lacks "No key was tried"
lacks "role-Soon"
run certroll report --html -
cmp -s out page.html && fail "all roles and one make the same page"
grep -q '^</html>' out || fail "stdout has no whole page"
echo '{' >lab/state/roles/Broken.json
echo torn >>lab/state/history.jsonl
run certroll report --html page.html
has "1 record cannot be read"
has "1 line of the history cannot be read"
rm lab/state/roles/Broken.json
sed -i '/^torn$/d' lab/state/history.jsonl
ok "roles, findings, history"

# ---- a previous: signed from when it became current, as the history says
since=$(date -d "$(certroll show $R --json | json 'd["roles"][0]["current"]["since"]' /dev/stdin)" +%s)
while [ "$(date +%s)" -le "$since" ]; do sleep 0.1; done # it signed for a second at least
run certroll roll $R --now
run certroll report --html page.html $R
page well-formed page.html
has "<desc>Now is "
has "was current: signed"
[ "$(grep -c '<th>' page.html)" = 0 ] || fail "a header of a table does not say of what"
mv lab/state/history.jsonl kept.jsonl
run certroll report --html page.html $R
has "valid, since when current is not known"
mv kept.jsonl lab/state/history.jsonl
run certroll rollback $R
run certroll roll $R --thumbprint "$(thumb b)" --at +100d
ok "previous was current"

# ---- as a browser shows it
shot() { # NAME SCHEME (0 dark, 1 light)
    run timeout 200 chromium --headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking \
        --disable-component-update --disable-sync --user-data-dir="$T/profile.$1" --window-size=1200,1600 --hide-scrollbars \
        --blink-settings=preferredColorScheme="$2" --screenshot="$T/$1.png" "file://$T/page.html"
    [ -s "$1.png" ] || fail "no screenshot: $(tail -n 3 err)"
}
run certroll report --html page.html $R
shot light 1
shot dark 0
page pixels light.png 0
page pixels dark.png 1
for name in light dark; do
    page runs $name.png "$([ $name = dark ] && echo 1 || echo 0)"
    mapfile -t rows <out
    [ ${#rows[@]} = 2 ] || fail "$name: ${#rows[@]} rows of bars that sign, not those of current and next"
    read -r begin1 end1 <<<"${rows[0]}"
    read -r begin2 end2 <<<"${rows[1]}"
    # 100 days, then 600 more; next begins where current ends
    case $((begin2 - end1)) in -2 | -1 | [0-4]) ;; *) fail "$name: current ends at $end1, next begins at $begin2" ;; esac
    ratio=$((100 * (end2 - begin2) / (end1 - begin1)))
    [ "$ratio" -gt 540 ] || fail "$name: next signs $ratio % as long as current, not 600 %"
    [ "$ratio" -lt 660 ] || fail "$name: next signs $ratio % as long as current, not 600 %"
done
ok "timelines in light and dark"
