# SPDX-License-Identifier: Apache-2.0
"""usage: dkim_verify.py MESSAGE PUBLIC-KEY: does the DKIM signature verify, if this key (DER) stands in the DNS?"""
import base64
import sys

import dkim

record = b"v=DKIM1; k=rsa; p=" + base64.b64encode(open(sys.argv[2], "rb").read())
sys.exit(not dkim.DKIM(open(sys.argv[1], "rb").read()).verify(dnsfunc=lambda name, timeout=5: record))
