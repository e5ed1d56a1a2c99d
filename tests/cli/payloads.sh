#!/bin/bash
# payloads.sh: every request of the table is what its protocol's specification has it to be, by the judgement of Wireshark's dissectors;
# and --list-payloads prints the table. Needs no root.
set -u
here=$(dirname "$(readlink -f "$0")")
build=${NSCAN_BUILD:-$here/../../build}/release
nscan=${NSCAN:-$build/nscan}
# shellcheck source=tests/support/tap.bash
. "$here/../support/tap.bash"
if ! command -v tshark >/dev/null || ! command -v xmllint >/dev/null; then
	echo "1..0 # SKIP tshark or xmllint is not installed"
	exit 0
fi
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT

# The dissector that has to recognise each request, as the end of frame.protocols. "data": Wireshark 4.0 has none for this protocol.
dissectors='
dns-version-bind dns            dns-localhost dns                mdns-services mdns              llmnr-loopback llmnr
netbios-node-status nbns        ntp-client ntp                   chrony-n-sources data           snmpv3-discovery snmp
snmpv1-get snmp                 rpc-portmapper-null rpc          rpc-nfs-null rpc                rpc-wdb-null rpc
ikev2-sa-init isakmp            ikev1-main-mode isakmp           ikev2-sa-init-nat udpencap:isakmp
ssdp-search ssdp                sip-options sip                  tftp-read tftp                  memcached-version memcache
stun-binding stun               echo echo                        any-datagram daytime            any-512-bytes data
quic-version-negotiation quic   dtls-client-hello dtls           kerberos-as-req kerberos        cldap-root cldap
radius-status radius            dhcp-inform dhcp                 rip-default-route rip           rip-table rip        natpmp-external-address portcontrol
pcp-announce portcontrol        stamp-sender twamp.test          capwap-discovery capwap         openvpn-client-reset openvpn
l2tp-sccrq l2tp                 gtp2-echo gtp:gtpv2              gtp1-echo gtp                   iax-poke iax2
mgcp-audit-endpoint mgcp        mumble-ping data                 teamspeak-init data             slp-service-agent srvloc
slp-directory-agent srvloc      wsd-probe data                   coap-ping coap                  coap-core coap
dht-ping bt-dht                 rx-version rx                    asf-presence-ping rmcp:asf      ipmi-authentication rmcp:ipmi_session:data
xdmcp-query xdmcp               rdp-udp-syn rdpudp               sql-one-instance data           sql-all-instances data
db2-discovery data              pcanywhere-name data             pcanywhere-status data          amanda-noop data
ard-discovery data              ubiquiti-discovery ubdp          knx-description kip             enip-list-identity enip
bacnet-object-name bvlc:bacnet:bacapp                            dnp3-link-status dnp3           ads-server-info data
quake3-info quake3              quake3-status quake3             a2s-info data                   raknet-ping raknet
minetest-connect data           teeworlds-token data             teeworlds6-info data'
# Dissectors that do not claim the port by themselves.
decode_as=(-d "udp.port==17185,rpc" -d "udp.port==862,twamp.test" -d "udp.port==10001,ubdp")
severity_note=4194304 # "chat" (a request line was seen) and "comment" are below it, warnings and errors above

# judge PCAP: protocols | malformed | severities | messages | UDP checksum status, a line for each packet.
judge()
{
	tshark -n -r "$1" "${decode_as[@]}" -o udp.check_checksum:TRUE -T fields -E separator='|' -e frame.protocols -e _ws.malformed \
		-e _ws.expert.severity -e _ws.expert.message -e udp.checksum.status 2>"$out/tshark.log"
}

expect "a capture of every request is written" "$build/tests/cli/payload_pcap" "$out/all.pcap"
"$build/tests/cli/payload_pcap" "$out/all.pcap" >"$out/names"
judge "$out/all.pcap" >"$out/judged"
equal "tshark reads every one of them" "$(wc -l <"$out/names")" "$(wc -l <"$out/judged")" "$out/tshark.log"

dissected=0 unknown=0
while IFS='|' read -r name protocols malformed severity message checksum; do
	wanted=$(awk -v name="$name" '{ for (i = 1; i < NF; i += 2) if ($i == name) print $(i + 1) }' <<<"$dissectors")
	# The same dissector twice in a row is once (RakNet within RakNet).
	protocols=$(sed -E 's/(:[a-z]+)\1$/\1/' <<<"$protocols")
	# QUIC: what nobody's version would seal cannot be opened, and need not be.
	[ "$name" = quic-version-negotiation ] && [[ $message == 'Decryption failed: Decryption (checktag) failed: Checksum error' ]] && severity=
	worst=$(tr , '\n' <<<"$severity" | sort -n | tail -n 1)
	if [ -z "$wanted" ]; then
		not_ok "$name: has no dissector named in this test"
	elif [ "$protocols" != "raw:ip:udp:$wanted" ]; then
		not_ok "$name is recognised as $wanted, not as $protocols"
	elif [ -n "$malformed" ] || [ "${worst:-0}" -ge $severity_note ] || [ "$checksum" != 1 ]; then
		not_ok "$name ($wanted) is well-formed: $malformed $message, checksum status $checksum"
	else
		ok "$name: $wanted"
		[ "$wanted" = data ] && unknown=$((unknown + 1)) || dissected=$((dissected + 1))
	fi
done < <(paste -d '|' <(cut -d' ' -f1 "$out/names") "$out/judged")
expect "at least 55 requests are judged by a dissector of their own ($dissected are; $unknown protocols have none)" test "$dissected" -ge 55

# The judge can say no: the same capture with DNS' count of questions one byte off.
{ head -c $((24 + 16 + 20 + 8 + 5)) "$out/all.pcap"; printf '\011'; tail -c +$((24 + 16 + 20 + 8 + 7)) "$out/all.pcap"; } >"$out/broken.pcap"
expect "a request with a wrong count is judged malformed" grep -q Malformed <(judge "$out/broken.pcap")

# --- what no dissector checks ---------------------------------------------------------------------------------------------------
# payload NAME: its bytes as hexadecimal digits.
payload() { tshark -n -r "$out/all.pcap" -Y "frame.number == $(grep -n "^$1 " "$out/names" | cut -d: -f1)" -T fields -e udp.payload 2>/dev/null; }
payload wsd-probe | xxd -r -p >"$out/probe.xml"
expect "wsd-probe is whole XML" xmllint --noout --nonet "$out/probe.xml"
expect "radius-status carries the HMAC of itself under the secret testing123" python3 -c '
import hashlib, hmac, sys
packet = bytes.fromhex(sys.argv[1])
assert packet[20:22] == bytes([80, 18]), packet.hex()
sys.exit(hmac.new(b"testing123", packet[:22] + bytes(16), hashlib.md5).digest() != packet[22:])
' "$(payload radius-status)"
equal "dhcp-inform names the address it comes from" c0000201 "$(payload dhcp-inform | cut -c 25-32)"

# --- --list-payloads --------------------------------------------------------------------------------------------------------------
"$nscan" --list-payloads >"$out/list"
rows() { sed -n '2,/^$/p' "$out/list" | grep .; }
equal "--list-payloads lists every request" "$(cut -d' ' -f1 "$out/names" | sort)" "$(rows | cut -d' ' -f1 | sort)"
equal "each with ports, bytes, whether it is sent, and its document" "" \
	"$(rows | grep -vE '^[a-z0-9-]+ +[0-9,]+ +[0-9]+  (safe    |safe, \+ |with all) [A-Za-z0-9].+')"
expect "what brings long answers is opt-in" grep -qE '^ard-discovery +3283 +4 +with all ' "$out/list"
"$nscan" --list-payloads --payload 9=00ff --payload 9=@"$out/probe.xml" >"$out/list"
equal "one's own payloads come first" "own 9 2,own 9 $(stat -c %s "$out/probe.xml")" \
	"$(rows | head -n 2 | awk '{ printf "%s%s %s %s", s, $1, $2, $3; s = "," }')"
plan
