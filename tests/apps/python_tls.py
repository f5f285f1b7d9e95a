#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""What Python's ssl does with a certificate and key in one file.

usage: python_tls.py serve PORT BUNDLE         a threaded server; prints the name in a client's certificate
       python_tls.py ask PORT BUNDLE CA        a client with a certificate of its own
       python_tls.py mismatch CERTIFICATE KEY  says the error of a pair that does not match, or of a key that does not load
"""
import socketserver
import ssl
import sys


class Answer(socketserver.BaseRequestHandler):
    def handle(self):
        self.request.settimeout(60)
        try:
            self.request.do_handshake()
            peer = self.request.getpeercert()
            name = peer["subject"][0][0][1] if peer else "nobody"
            self.request.sendall(f"hello {name}\n".encode())
            self.request.unwrap()
        except OSError as e:
            print(f"no handshake: {e}", flush=True)


class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 64

    def __init__(self, port, context):
        super().__init__(("127.0.0.1", port), Answer)
        self.socket = context.wrap_socket(self.socket, server_side=True, do_handshake_on_connect=False)


def serve(port, bundle):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(bundle)
    context.verify_mode = ssl.CERT_OPTIONAL
    context.load_verify_locations(bundle)
    Server(int(port), context).serve_forever()


def ask(port, bundle, ca):
    import socket

    for version in ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.minimum_version = context.maximum_version = version
        context.check_hostname = False
        context.load_cert_chain(bundle)
        context.load_verify_locations(ca)
        with socket.create_connection(("127.0.0.1", int(port)), timeout=60) as plain:
            with context.wrap_socket(plain) as tls:
                tls.sendall(b"Q\n")
                print(tls.version(), tls.recv(4096).decode().strip())


def mismatch(certificate, key):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    try:
        context.load_cert_chain(certificate, key)
        print("no error")
    except Exception as e:  # pylint: disable=broad-except
        print(f"{type(e).__module__}.{type(e).__name__}: {e}; errno {e.errno}")


{"serve": serve, "ask": ask, "mismatch": mismatch}[sys.argv[1]](*sys.argv[2:])
