# SPDX-License-Identifier: Apache-2.0
"""usage: program.py FILE: an EFI program that returns at once, the least that tools for signing programs take."""
import struct
import sys

CODE = b"\x31\xc0\xc3".ljust(512, b"\0")  # xor eax, eax; ret
dos = b"MZ".ljust(60, b"\0") + struct.pack("<I", 64)
coff = b"PE\0\0" + struct.pack("<HHIIIHH", 0x8664, 1, 0, 0, 0, 240, 0x22)
optional = struct.pack("<HBBIIIII", 0x20B, 0, 0, len(CODE), 0, 0, 4096, 4096)
optional += struct.pack("<QIIHHHHHHIIIIHH", 0x400000, 4096, 512, 0, 0, 0, 0, 0, 0, 0, 8192, 512, 0, 10, 0)
optional += struct.pack("<QQQQII", 0, 0, 0, 0, 0, 16) + bytes(16 * 8)
section = struct.pack("<8sIIIIIIHHI", b".text", len(CODE), 4096, len(CODE), 512, 0, 0, 0, 0, 0x60000020)
open(sys.argv[1], "wb").write((dos + coff + optional + section).ljust(512, b"\0") + CODE)
