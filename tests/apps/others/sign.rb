# SPDX-License-Identifier: Apache-2.0
# usage: sign.rb KEY CERTIFICATE DATA SIGNATURE [recipe]: signs, then shakes hands with itself.
# Ruby asks a key for its private numbers before each use of it, and asks by the method private?: the recipe is to answer it.
require 'openssl'
require 'socket'

key = OpenSSL::PKey.read(File.read(ARGV[0]))
key.define_singleton_method(:private?) { true } if ARGV[4]
File.binwrite(ARGV[3], key.sign('SHA256', File.binread(ARGV[2])))

certificate = OpenSSL::X509::Certificate.new(File.read(ARGV[1]))
raise 'the certificate does not fit' unless certificate.check_private_key(key)

context = OpenSSL::SSL::SSLContext.new
context.add_certificate(certificate, key)
server = OpenSSL::SSL::SSLServer.new(TCPServer.new('127.0.0.1', 0), context)
thread = Thread.new { server.accept.tap { |client| client.puts 'hello' }.close }
client = OpenSSL::SSL::SSLContext.new
client.ca_file = ARGV[1]
client.verify_mode = OpenSSL::SSL::VERIFY_PEER
socket = OpenSSL::SSL::SSLSocket.new(TCPSocket.new('127.0.0.1', server.to_io.addr[1]), client)
socket.connect
raise 'no greeting' unless socket.gets == "hello\n"

thread.join
