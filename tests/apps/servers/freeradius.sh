# shellcheck shell=bash disable=SC2034,SC2154
# SPDX-License-Identifier: Apache-2.0
# FreeRADIUS, EAP-TLS: several threads. Its client is eapol_test, wpa_supplicant's own code, which shows the same pair as its
# certificate: both ends sign by the role.
need freeradius
need eapol_test
restart=1
app=FreeRADIUS user=freerad owner=freerad version=$(freeradius -v | sed -n 's/^radiusd: FreeRADIUS Version \([0-9.]*\).*/\1/p')

server_start() {
    # shellcheck disable=SC2016
    echo '$INCLUDE /usr/share/freeradius/dictionary' >"$1/dictionary"
    cat >"$1/radiusd.conf" <<CONF
libdir = /usr/lib/freeradius
run_dir = $1
security {
  user = $user
  group = $user
}
thread pool {
}
modules {
  eap {
    default_eap_type = tls
    tls-config pair {
      private_key_file = $3
      certificate_file = $3
      ca_file = $T/ca.crt
      tls_min_version = "1.2"
      tls_max_version = "1.3"
    }
    tls {
      tls = pair
    }
  }
}
client localhost {
  ipaddr = 127.0.0.1
  proto = *
  secret = radius
}
server default {
  listen {
    type = auth
    ipaddr = 127.0.0.1
    port = $2
  }
  listen {
    type = auth
    proto = tcp
    ipaddr = 127.0.0.1
    port = $2
  }
  authorize {
    eap
  }
  authenticate {
    eap
  }
}
CONF
    chown -R "$user" "$1"
    exec freeradius -f -l stdout -d "$1"
}
served() { # PORT [OPTION]: in the place of openssl s_client
    local phase1='' file=$T/eap.$BASHPID how=(env) name
    case ${2:-} in
    -tls1_2) phase1=tls_disable_tlsv1_3=1 ;;
    -tls1_3) phase1='tls_disable_tlsv1_3=0 tls_disable_tlsv1_2=1 tls_disable_tlsv1_1=1 tls_disable_tlsv1_0=1' ;;
    esac
    [ "$route" = file ] || how=(plain)
    printf 'network={\nkey_mgmt=WPA-EAP\neap=TLS\nidentity="x"\nca_cert="%s"\nclient_cert="%s"\nprivate_key="%s"\nphase1="%s"\n}\n' \
        "$T/ca.crt" "$T/site.pem" "$T/site.pem" "$phase1" >"$file"
    if "${how[@]}" timeout 60 eapol_test -c "$file" -s radius -a 127.0.0.1 -p "$1" >"$file.log" 2>&1; then
        name=$(sed -n "s|.*EAP-PEER-CERT depth=0 subject='/OU=\([a-z]*\)/.*|\1|p" "$file.log" | head -n 1)
        echo "${name:-failed: no certificate of the server}"
    else
        echo "failed: $(grep -iE 'openssl|alert|private' "$file.log" | tail -n 3 | tr '\n' ' ')"
    fi
    rm -f "$file" "$file.log"
}
