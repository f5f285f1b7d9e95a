#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Includes follow the arrows of doc/architecture.md, and some calls stand only where they belong."""
import pathlib
import re
import sys

TOP = pathlib.Path(__file__).resolve().parents[2]
# what is not libc; "nowhere" stands in no folder's list yet
LIBRARIES = {"openssl": "libcrypto", "p11-kit": "p11-kit", "jansson.h": "jansson", "curl": "nowhere", "newt.h": "newt", "slang.h": "newt",
             "systemd": "libsystemd", "cmocka.h": "nowhere", "tests": "nowhere"}
# folder -> what it may include: folders, libraries, or single headers of a folder
ALLOWED = {
    "common": {"common"},
    "config": {"config", "common", "libcrypto"},
    "certs": {"certs", "common", "libcrypto", "pkcs11/tok_key.h", "pkcs11/tok_signer.h"},
    "roles": {"roles", "common", "jansson"},
    "pkcs11": {"pkcs11", "common", "p11-kit"},
    "stores": {"stores", "roles", "common"},
    "provider": {"provider", "stores", "roles", "certs", "config", "pkcs11", "common", "libcrypto"},
    "tools": {"tools", "stores", "roles", "certs", "config", "pkcs11", "common", "libcrypto", "jansson", "libsystemd", "newt"},
}
# one header of a library for one file
EXCEPTIONS = {("common/cr_bytes.c", "openssl/crypto.h")}
# call -> where it may stand
CALLS = {
    r"\bgetenv\(": {"tools/", "pkcs11/tok_module.c", "pkcs11/tok_local.c", "pkcs11/tok_env.c", "pkcs11/tok_member.c"},
    r"\bsecure_getenv\(": {"config/conf.c", "config/conf_pin.c"},
    r"\b(time|clock_gettime)\(": {
        "common/cr_file.c", "tools/main.c", "tools/certrolld.c", "tools/cmd_wizard.c", "pkcs11/tok_gate.c", "pkcs11/tok_module.c", "provider/prov_role.c",
        "provider/prov_ctx.c", "provider/prov_clock.c", "provider/prov_lock.c", "tools/tool_revoke.c",
    },
    r"\b(strcpy|strcat|sprintf|gets|system|popen)\(": set(),
    r"\b(printf|puts|putchar)\(|\bstderr\b|\bstdout\b": {"tools/"},
    r"\b_?exit\(": {"tools/"},
    r"\batexit\(": {"provider/"},
    r"RTLD_DEEPBIND": set(),
}


def strip_comments(text):
    text = re.sub(r'"(\\.|[^"\\\n])*"', '""', text)
    return re.sub(r"/\*.*?\*/|//[^\n]*", "", text, flags=re.S)


def check_include(folder, path, name):
    if (path, name) in EXCEPTIONS:
        return None
    head = name.split("/")[0]
    if ".." in name.split("/"):
        return f"{path}: includes {name} by a path that is not the repository's"
    target = LIBRARIES.get(head) or (head if head in ALLOWED and "/" in name else None)
    if target is None:
        if "/" not in name and (TOP / folder / name).exists():
            return None
        return None if not (TOP / name).exists() else f"{path}: includes {name} by a path that is not the repository's"
    if target in ALLOWED[folder] or name in ALLOWED[folder]:
        return None
    return f"{path}: {folder}/ may not include {name}"


def main():
    bad, files, includes = [], 0, 0
    for folder in ALLOWED:
        for path in sorted((TOP / folder).glob("*.[ch]")):
            files += 1
            rel = str(path.relative_to(TOP))
            text = path.read_text(encoding="utf-8")
            for name in re.findall(r'^\s*#\s*include\s*[<"]([^>"]+)[>"]', text, flags=re.M):
                includes += 1
                bad.append(check_include(folder, rel, name))
            code = strip_comments(text)
            for call, places in CALLS.items():
                if re.search(call, code) and not any(rel.startswith(p) for p in places):
                    bad.append(f"{rel}: {re.search(call, code).group(0)} has no place here")
    bad = [b for b in bad if b]
    for line in bad:
        print(line)
    print(f"{files} files, {includes} includes")
    # A check that looked at nothing would pass for ever.
    sys.exit(1 if bad or files < 40 or includes < 200 else 0)


main()
