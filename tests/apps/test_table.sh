#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The table of applications in the README says what the tests of this build have shown; and table.py notices when it does not.
# shellcheck source=tests/e2e/lib.sh disable=SC2119
. "$(dirname "$0")/../e2e/lib.sh"
table=$TOP/tests/apps/table.py
cd "$T"

line() { printf '%s\t%s\t%s\t%s\t%s\t%s\n' "$@"; }
{
    line nginx 1.22.1 3.0.22 control start pass
    line nginx 1.22.1 3.0.22 file start pass
    line nginx 1.22.1 3.0.22 file stop pass
    line nginx 1.22.1 3.0.22 uri start "refused: came with 1.29"
    line nginx 1.29.0-1~x 3.5.7 uri start pass
    line Node 20.1.0 3.0.22 file sign pass
    line Node 20.1.0 3.0.22 file "private JWK" "refused: none comes out"
} >good.tsv
printf 'before\n%s\n%s\nafter\n' "<!-- applications: made by tests/apps/table.py -->" "<!-- end of applications -->" >readme.md
"$table" --write readme.md good.tsv
same "$(sed -n '4,8p' readme.md)" "| application | given by | OpenSSL 3.0 (Debian 12) | OpenSSL 3.5 (Debian 13) |
|---|---|---|---|
| nginx | file | 1.22.1: works | - |
| nginx | URI | 1.22.1: no: came with 1.29 | 1.29.0: works |
| Node | file | 20.1.0: works; not private JWK: none comes out | - |"
same "$(head -n 1 readme.md) $(tail -n 1 readme.md)" "before after"
"$table" --write readme.md good.tsv
run "$table" --check readme.md good.tsv
sed 's/1\.22\.1/1.26.0/' good.tsv >newer.tsv
run "$table" --check readme.md newer.tsv
grep -v 3.5.7 good.tsv >older.tsv
run "$table" --check readme.md older.tsv # a column that was not run

wrong() { # TEXT FILE
    check 1 "$table" --check readme.md "$2"
    err_has "$1"
}
sed 's/file\tstop\tpass/file\tstop\tfail/' good.tsv >fail.tsv && wrong "FAILS: stop" fail.tsv
grep -v Node good.tsv >less.tsv && wrong "the tests '-'" less.tsv
{ cat good.tsv && line curl 8.1 3.0.22 file x pass; } >more.tsv && wrong "says '-'" more.tsv
sed 's/came with 1.29/another reason/' good.tsv >reason.tsv && wrong "another reason" reason.tsv
sed 's/refused: came with 1.29/pass/' good.tsv >pass.tsv && wrong "the tests 'works'" pass.tsv
: >none.tsv && wrong "no row" none.tsv
bad() { # TEXT LINE
    printf '%b' "$2" >bad.tsv
    wrong "$1" bad.tsv
}
bad "not six fields" 'nginx\t1\t3.0.1\tfile\tx\n'
bad "not six fields" 'nginx\t1\t3.0.1\tfile\tx\tpass'
bad "not six fields" 'nginx\t\t3.0.1\tfile\tx\tpass\n'
bad "the outcome is" 'nginx\t1\t3.0.1\tfile\tx\tok\n'
bad "the outcome is" 'nginx\t1\t3.0.1\tfile\tx\trefused\n'
bad "no column" 'nginx\t1\t1.1.1\tfile\tx\tpass\n'
bad "no route" 'nginx\t1\t3.0.1\ttelepathy\tx\tpass\n'
sed -i '/end of/d' readme.md
wrong "no place for the table" good.tsv
ok "table.py"

# ---- this build's results
results=${CERTROLL_APPS_RESULTS:-$CERTROLL_BUILD/apps-results.tsv}
[ -s "$results" ] || skip "no results: run the other tests of the label apps first"
run "$table" --check "$TOP/README.md" "$results"
ok "$(cat out)"
