/* test_service.c: what the readers make of answers, on the port of the protocol and on another; every answer cut off at every length. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "nscan/service.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

enum { MOST_BYTES = 2048, OTHER_PORT = 9 };

struct sample {
	const char *name;
	uint16_t port;
	const char *hex;
	const char *service, *product, *version, *info;
	const char *elsewhere; /* the service recognised on a port where nothing is expected; NULL: none */
};

/* What real servers sent, one datagram each, on Debian 12: dnsmasq, avahi, Samba, chrony, Net-SNMP, rpcbind, strongSwan, miniupnpd,
 * kamailio, memcached, coturn, xinetd, caddy, openssl, MIT Kerberos, FreeRADIUS, OpenVPN, xl2tpd, osmo-ggsn, osmo-mgw, Mumble, wsdd2,
 * libcoap, aria2, OpenIPMI's simulator, xdm, knxd, ioquake3, Minetest, Teeworlds. */
static const struct sample real[] = {
        {"dns-version-bind", 53,
         "1234848000010001000000000776657273696f6e0462696e640000100003c00c0010000300000000000d0c646e736d61"
         "73712d322e3930",
         "domain", "dnsmasq", "2.90", "dnsmasq-2.90, recursion offered", "domain"},
        {"dns-localhost", 53, "123481850001000000000000096c6f63616c686f73740000010001", "domain", "", "",
         "answers REFUSED, recursion offered", "domain"},
        {"mdns-services", 5353,
         "123484000001000100000000095f7365727669636573075f646e732d7364045f756470056c6f63616c00000c8001c00c"
         "000c00010000000a00140c5f776f726b73746174696f6e045f746370c023",
         "mdns", "", "", "_workstation._tcp", "mdns"},
        {"netbios-node-status", 137,
         "12348400000000010000000020434b414141414141414141414141414141414141414141414141414141414141000021"
         "0001000000000089054c41422020202020202020202020200004004c41422020202020202020202020200304004c4142"
         "2020202020202020202020202004004558414d504c4520202020202020200084004558414d504c452020202020202020"
         "1e8400000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000"
         "00",
         "netbios-ns", "", "", "EXAMPLE\\LAB, file server", "netbios-ns"},
        {"ntp-client", 123,
         "240800e600000000000000007f7f0101eeaab73109e63d296e7363616e311234eeaab732a25b4a19eeaab732a25eb7c4", "ntp", "",
         "", "NTPv4, stratum 8, reference 127.127.1.1", "ntp"},
        {"chrony-n-sources", 323, "06020000000e000200000000000000006e731234000000000000000000000000", "chrony",
         "chrony", "", "chronyd, control protocol 6, 0 time sources", "chrony"},
        {"snmpv3-discovery", 161,
         "306e020103301102046e731234020300ffe30401000201030421301f041180001f888050544c36aa38006b0000000002"
         "01010201080400040004003033041180001f888050544c36aa38006b000000000400a81c020101020100020100301130"
         "0f060a2b060106030f01010400410101",
         "snmp", "", "", "SNMPv3, Net-SNMP, up 8 s", "snmp"},
        {"snmpv1-get", 161,
         "306202010004067075626c6963a25502046e7312340201000201003047304506082b0601020101010004394c696e7578"
         "20766d20362e31382e34342d66632d7636363920233120534d5020505245454d50545f44594e414d4943204030207838"
         "365f3634",
         "snmp", "", "", "Linux vm 6.18.44-fc-v669 #1 SMP PREEMPT_DYNAMIC @0 x86_64, community public", "snmp"},
        {"rpc-portmapper-null", 111, "6e7312340000000100000000000000000000000000000000", "sunrpc", "", "",
         "ONC RPC, program answers", "sunrpc"},
        {"ikev2-sa-init", 500, "6e7363616e3112349808de6307a2fae2292022200000000000000024000000080000000e", "isakmp", "",
         "", "IKEv2, NO_PROPOSAL_CHOSEN", "isakmp"},
        {"ikev1-main-mode", 500, "6e7363616e311234142fd9fc4c8429480b100500d843c271000000280000000c000000010100000e",
         "isakmp", "", "", "IKEv1, NO-PROPOSAL-CHOSEN", "isakmp"},
        {"ikev2-sa-init-nat", 4500, "000000006e7363616e31123463b4ec4410339c51292022200000000000000024000000080000000e",
         "ipsec-nat-t", "", "", "IKEv2, NO_PROPOSAL_CHOSEN", "ipsec-nat-t"},
        {"ssdp-search", 1900,
         "485454502f312e3120323030204f4b0d0a43414348452d434f4e54524f4c3a206d61782d6167653d3132300d0a53543a"
         "2075706e703a726f6f746465766963650d0a55534e3a20757569643a36653733363336312d366530302d343030302d38"
         "3030302d3030303030303030303030313a3a75706e703a726f6f746465766963650d0a4558543a0d0a5345525645523a"
         "2044656269616e2f362e31382e34342d66632d763636392055506e502f312e31204d696e6955506e50642f322e332e31"
         "0d0a4c4f434154494f4e3a20687474703a2f2f31302e37312e302e323a34353533392f726f6f74446573632e786d6c0d"
         "0a4f50543a2022687474703a2f2f736368656d61732e75706e702e6f72672f75706e702f312f302f223b206e733d3031"
         "0d0a30312d4e4c533a20313739353137363631390d0a424f4f5449442e55504e502e4f52473a20313739353137363631"
         "390d0a434f4e46494749442e55504e502e4f52473a20313333370d0a0d0a",
         "ssdp", "MiniUPnPd", "2.3.1",
         "Debian/6.18.44-fc-v669 UPnP/1.1 MiniUPnPd/2.3.1, http://10.71.0.2:45539/rootDesc.xml", "ssdp"},
        {"sip-options", 5060,
         "5349502f322e3020323030204f4b0d0a5669613a205349502f322e302f554450206e7363616e2e696e76616c69643b62"
         "72616e63683d7a39684734624b6e7363616e3b72706f72743d33373536303b72656365697665643d31302e37312e302e"
         "310d0a46726f6d3a203c7369703a6e7363616e406e7363616e2e696e76616c69643e3b7461673d6e7363616e0d0a546f"
         "3a203c7369703a6e7363616e406e7363616e2e696e76616c69643e3b7461673d33666662636633663864323639353734"
         "343939326261373539623539393133372e37636334303030300d0a43616c6c2d49443a206e7363616e2d6f7074696f6e"
         "73406e7363616e2e696e76616c69640d0a435365713a2031204f5054494f4e530d0a5365727665723a206b616d61696c"
         "696f2028352e362e3320287838365f36342f6c696e757829290d0a436f6e74656e742d4c656e6774683a20300d0a0d0a",
         "sip", "kamailio", "5.6.3", "kamailio (5.6.3 (x86_64/linux)), 200 OK", "sip"},
        {"tftp-read", 69,
         "0005000166696c65202f7372762f746674702f6e7363616e2d6e6f2d737563682d66696c65206e6f7420666f756e6420"
         "666f722031302e37312e302e3100",
         "tftp", "", "", "error 1: file /srv/tftp/nscan-no-such-file not found for 10.71.0.1", "tftp"},
        {"memcached-version", 11211, "123400000001000056455253494f4e20312e362e31380d0a", "memcache", "memcached",
         "1.6.18", "memcached 1.6.18", "memcache"},
        {"stun-binding", 3478,
         "0101003c2112a4426e7363616e207374756e1234002000080001bf0a2b55a4430001000800019e180a470001802b0008"
         "00010d960a47000280220014436f7475726e2d342e362e312027476f72737427",
         "stun", "Coturn", "4.6.1", "Coturn-4.6.1 'Gorst', sees us as 10.71.0.1 port 40472", "stun"},
        {"echo", 7, "1234", "echo", "", "", "2 bytes came back", NULL},
        {"any-datagram", 13, "3230204e4f5620323032362031323a31303a3238205554430d0a", "daytime", "", "",
         "20 NOV 2026 12:10:28 UTC", NULL},
        {"quic-version-negotiation", 443,
         "d400000000086e7363616e311234086e7363616e647374000000018afa9aaa709a50c4ff00001d", "https", "", "",
         "QUIC versions 1 (RFC 9000); 2 (draft); draft-29", "quic"},
        {"dtls-client-hello", 4433,
         "16feff00000000000000000023030000170000000000000017feff14bf38af6e6831978a06f01014f63aca5691c21f1e", "dtls", "",
         "", "DTLS, asks for its cookie (no amplifier)", "dtls"},
        {"kerberos-as-req", 88,
         "7e819a308197a003020105a10302011ea411180f32303236313132303132313032385aa50502030c1c49a603020106a7"
         "0f1b0d4e5343414e2e494e56414c4944a8123010a003020101a10930071b056e7363616ea90f1b0d4e5343414e2e494e"
         "56414c4944aa223020a003020102a11930171b066b72627467741b0d4e5343414e2e494e56414c4944ab121b10434c49"
         "454e545f4e4f545f464f554e44",
         "kerberos", "", "", "realm NSCAN.INVALID, KDC_ERR_C_PRINCIPAL_UNKNOWN, 2026-11-20 12:10:28 UTC", "kerberos"},
        {"radius-status", 1812, "026e001487981f4ac25db48e15c92b71b9db41fe", "radius", "", "", "Access-Accept",
         "radius"},
        {"dhcp-inform", 67,
         "020106006e731234000000000a470001000000000a47000200000000026e7363616e0000000000000000000000000000"
         "000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000"
         "000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000"
         "000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000"
         "000000000000000000000000000000000000000000000000000000000000000000000000000000000000000063825363"
         "35010536040a4700020104ffffff001c040a4700ff03040a47000206040a470002ff0000000000000000000000000000"
         "000000000000000000000000",
         "bootps", "", "", "DHCP ack, server-id 10.71.0.2, router 10.71.0.2, dns 10.71.0.2", "bootps"},
        {"natpmp-external-address", 5351, "008000030000000b00000000", "nat-pmp", "", "", "NAT-PMP, network failure",
         NULL},
        {"pcp-announce", 5351, "02800000000000000000000b000000000000000000000000", "nat-pmp", "", "", "PCP, result 0",
         NULL},
        {"openvpn-client-reset", 1194, "4056d370845f15724901000000006e7363616e31123400000000", "openvpn", "", "",
         "OpenVPN, no tls-auth", "openvpn"},
        {"l2tp-sccrq", 1701,
         "c8020068123400000000000180080000000000028008000000020100800a0000000300000003800a0000000400000000"
         "0008000000060690800d000000076c61622d6c6e7300130000000878656c6572616e63652e636f6d800800000009006d"
         "80080000000a0004",
         "l2tp", "xelerance.com", "", "lab-lns, xelerance.com, offers a tunnel", "l2tp"},
        {"gtp1-echo", 2123, "3202000600000000123400000e01", "gtp-control", "", "", "GTPv1, echo response", NULL},
        {"mgcp-audit-endpoint", 2427, "3530302037333736204641494c0d0a", "mgcp-gateway", "", "", "500 7376 FAIL", NULL},
        {"mumble-ping", 64738, "000103046e7363616e31123400000000000003e800011940", "mumble", "Mumble", "1.3.4",
         "Mumble 1.3.4, 0 of 1000 users", "mumble"},
        {"wsd-probe", 3702,
         "3c3f786d6c2076657273696f6e3d22312e302220656e636f64696e673d227574662d38223f3e3c736f61703a456e7665"
         "6c6f706520786d6c6e733a736f61703d22687474703a2f2f7777772e77332e6f72672f323030332f30352f736f61702d"
         "656e76656c6f70652220786d6c6e733a7773613d22687474703a2f2f736368656d61732e786d6c736f61702e6f72672f"
         "77732f323030342f30382f61646472657373696e672220786d6c6e733a7773643d22687474703a2f2f736368656d6173"
         "2e786d6c736f61702e6f72672f77732f323030352f30342f646973636f766572792220786d6c6e733a7773783d226874"
         "74703a2f2f736368656d61732e786d6c736f61702e6f72672f77732f323030342f30392f6d65782220786d6c6e733a77"
         "7364703d22687474703a2f2f736368656d61732e786d6c736f61702e6f72672f77732f323030362f30322f6465767072"
         "6f662220786d6c6e733a756e303d22687474703a2f2f736368656d61732e6d6963726f736f66742e636f6d2f77696e64"
         "6f77732f706e70782f323030352f31302220786d6c6e733a7075623d22687474703a2f2f736368656d61732e6d696372"
         "6f736f66742e636f6d2f77696e646f77732f7075622f323030352f3037223e3c736f61703a4865616465723e3c777361"
         "3a546f3e687474703a2f2f736368656d61732e786d6c736f61702e6f72672f77732f323030342f30382f616464726573"
         "73696e672f726f6c652f616e6f6e796d6f75733c2f7773613a546f3e3c7773613a416374696f6e3e687474703a2f2f73"
         "6368656d61732e786d6c736f61702e6f72672f77732f323030352f30342f646973636f766572792f50726f62654d6174"
         "636865733c2f7773613a416374696f6e3e3c7773613a4d65737361676549443e75726e3a757569643a63363465643265"
         "612d336638662d363037342d613131632d3362306262323230393631663c2f7773613a4d65737361676549443e3c7773"
         "643a41707053657175656e636520496e7374616e636549643d2231373935313736363139222053657175656e63654964"
         "3d2275726e3a757569643a39646465633834642d626561392d333334612d346264642d39343361343136393337363422"
         "204d6573736167654e756d6265723d223222202f3e3c7773613a52656c61746573546f3e75726e3a757569643a366537"
         "33363336312d366530302d343030302d383030302d3665373336333631366533313c2f7773613a52656c61746573546f"
         "3e3c2f736f61703a4865616465723e3c736f61703a426f64793e3c7773643a50726f62654d6174636865733e3c777364"
         "3a50726f62654d617463683e3c7773613a456e64706f696e745265666572656e63653e3c7773613a416464726573733e"
         "75726e3a757569643a33643132313963372d633463352d343034612d616131662d3664326134386164666461343c2f77"
         "73613a416464726573733e3c2f7773613a456e64706f696e745265666572656e63653e3c7773643a54797065733e7773"
         "64703a446576696365207075623a436f6d70757465723c2f7773643a54797065733e3c7773643a5841646472733e6874"
         "74703a2f2f31302e37312e302e323a333730322f33643132313963372d633463352d343034612d616131662d36643261"
         "34386164666461343c2f7773643a5841646472733e3c7773643a4d6574616461746156657273696f6e3e323c2f777364"
         "3a4d6574616461746156657273696f6e3e3c2f7773643a50726f62654d617463683e3c2f7773643a50726f62654d6174"
         "636865733e3c2f736f61703a426f64793e3c2f736f61703a456e76656c6f70653e",
         "ws-discovery", "", "", "wsdp:Device pub:Computer, http://10.71.0.2:3702/3d1219c7-c4c5-404a-aa1f-6d2a48adfda4",
         "ws-discovery"},
        {"coap-ping", 5683, "70001234", "coap", "", "", "CoAP, answers a ping", "coap"},
        {"coap-core", 5683,
         "60451234c128ff3c2f3e3b7469746c653d2247656e6572616c20496e666f223b63743d302c3c2f74696d653e3b69663d"
         "22636c6f636b223b72743d227469636b73223b7469746c653d22496e7465726e616c20436c6f636b223b63743d303b6f"
         "62732c3c2f6173796e633e3b63743d302c3c2f6578616d706c655f646174613e3b7469746c653d224578616d706c6520"
         "44617461223b63743d303b6f6273",
         "coap", "", "",
         "CoAP 2.05, </>;title=\"General Info\";ct=0,</time>;if=\"clock\";rt=\"ticks\";title=\"Internal Cloc", NULL},
        {"dht-ping", 6881,
         "64313a7264323a696432303ae76e1a71893eb4fb4d9b9a1c400ba98842fa64fc65313a74323a1234313a76343a413200"
         "03313a79313a7265",
         "bittorrent-dht", "", "", "BitTorrent DHT node, client A2 0.3", "bittorrent-dht"},
        {"asf-presence-ping", 623, "0600ff06000011be406e0010000011be000000008100000000000000", "asf-rmcp", "", "",
         "ASF pong, IPMI supported", "asf-rmcp"},
        {"ipmi-authentication", 623, "0600ff0700000000000000000010811c632000380001170500000000008b", "asf-rmcp", "", "",
         "IPMI 1.5, allows no authentication", "asf-rmcp"},
        {"xdmcp-query", 177, "00010005001900000002766d001157696c6c696e6720746f206d616e616765", "xdmcp", "", "",
         "willing to manage displays, vm", "xdmcp"},
        {"knx-description", 3671,
         "0610020400463601020011010000000000000000e000170c0abd3a3a707e6b6e78640000000000000000000000000000"
         "0000000000000000000000000a020201030104010501",
         "knxnet-ip", "", "", "KNXnet/IP, knxd, 1.1.1", "knxnet-ip"},
        {"quake3-info", 27960,
         "ffffffff696e666f526573706f6e73650a5c766f69705c6f7075735c675f6e656564706173735c305c707572655c305c"
         "67616d65747970655c305c73765f6d6178636c69656e74735c385c675f68756d616e706c61796572735c305c636c6965"
         "6e74735c305c6d61706e616d655c6c61625c686f73746e616d655c6c61625c70726f746f636f6c5c36385c67616d656e"
         "616d655c5175616b65334172656e615c6368616c6c656e67655c6e7363616e",
         "quake3", "", "", "lab, map lab, players 0", "quake3"},
        {"quake3-status", 27960,
         "ffffffff737461747573526573706f6e73650a5c6368616c6c656e67655c6e7363616e5c73765f686f73746e616d655c"
         "6c61625c76657273696f6e5c696f713320312e33362b7532303232313132332e373064303764392b646673672d312f44"
         "656269616e206c696e75782d7838365f3634204a616e20203820323032335c636f6d5f67616d656e616d655c5175616b"
         "65334172656e615c636f6d5f70726f746f636f6c5c37315c646d666c6167735c305c667261676c696d69745c32305c74"
         "696d656c696d69745c305c675f67616d65747970655c305c6d61706e616d655c6c61625c73765f70726976617465436c"
         "69656e74735c305c73765f6d6178636c69656e74735c385c73765f6d696e526174655c305c73765f6d6178526174655c"
         "305c73765f646c526174655c3130305c73765f6d696e50696e675c305c73765f6d617850696e675c305c73765f666c6f"
         "6f6450726f746563745c315c73765f616c6c6f77446f776e6c6f61645c305c67616d656e616d655c6261736571335c67"
         "5f6d617847616d65436c69656e74735c305c636170747572656c696d69745c385c675f6e656564706173735c300a",
         "quake3", "ioq3", "1.36+u20221123.70d07d9+dfsg-1/Debian",
         "lab, ioq3 1.36+u20221123.70d07d9+dfsg-1/Debian linux-x86_64 Jan 8, map lab, players 0", "quake3"},
        {"minetest-connect", 30000, "4f45740300010003ffdc00010002", "luanti", "", "",
         "Luanti (Minetest) server, gives out a peer id", "luanti"},
        {"teeworlds-token", 8303, "0400006e73123405e2d9140c", "teeworlds", "Teeworlds", "0.7",
         "Teeworlds 0.7, gives a token", NULL},
};

/* Written field by field from the protocols' specifications: answers that no server at hand gives. */
static const struct sample specified[] = {
        {"dns: BIND", 53,
         "1234850000010001000000000776657273696f6e0462696e640000100003c00c0010000300000000001918392e31382e"
         "32382d317e646562313275322d44656269616e",
         "domain", "ISC BIND", "9.18.28-1~deb12u2-Debian", "BIND 9.18.28-1~deb12u2-Debian", "domain"},
        {"dns: unbound", 53,
         "1234808000010001000000000776657273696f6e0462696e640000100003c00c0010000300000000000f0e756e626f75"
         "6e6420312e31372e31",
         "domain", "unbound", "1.17.1", "unbound 1.17.1, recursion offered", "domain"},
        {"dns: hidden version", 53, "1234800500010000000000000776657273696f6e0462696e640000100003", "domain", "", "",
         "version not told (REFUSED)", "domain"},
        {"dns: an address", 53,
         "123481800001000100000000096c6f63616c686f73740000010001c00c000100010000000900047f000001", "domain", "", "",
         "answers 127.0.0.1, recursion offered", "domain"},
        {"dns: header only", 53, "000180010000000000000000", "domain", "", "", "answers FORMERR, no recursion",
         "domain"},
        {"llmnr", 5355,
         "1234800000010001000000000131013001300331323707696e2d61646472046172706100000c0001c00c000c00010000"
         "001e00090777696e686f737400",
         "llmnr", "", "", "winhost", "domain"},
        {"ntp: stratum 1", 123,
         "240100e6000000000000000047505300000000000000000000000000000000000000000000000000e875470000000000", "ntp", "",
         "", "NTPv4, stratum 1, reference GPS", "ntp"},
        {"ntp: kiss of death", 123,
         "e40000e6000000000000000052415445000000000000000000000000000000000000000000000000e875470000000000", "ntp", "",
         "", "refuses to serve: kiss code RATE", "ntp"},
        {"ntp: not synchronised", 123,
         "e41000e6000000000000000000000000000000000000000000000000000000000000000000000000e875470000000000", "ntp", "",
         "", "NTPv4, not synchronised", "ntp"},
        {"ntp: control", 123,
         "16820001000000000000008976657273696f6e3d226e74706420342e322e3870313540312e333732382d6f2057656420"
         "5365702032332031313a34363a333820555443203230323020283129222c2070726f636573736f723d227838365f3634"
         "222c2073797374656d3d224c696e75782f352e31302e30222c207374726174756d3d332c2072656669643d31302e302e"
         "302e310d0a000000",
         "ntp", "ntpd", "4.2.8p15@1.3728-o", "ntpd 4.2.8p15@1.3728-o Wed Sep 23 11:46:38 UTC 2020 (1), Linux/5.10.0",
         "ntp"},
        {"snmp: Cisco, engine named after a MAC", 161,
         "3049020103301102046e731234020300ffe3040100020103041e301c040b800000090300112233445502010702040001"
         "5fcd0400040004003011040b80000009030011223344550400a800",
         "snmp", "", "", "SNMPv3, Cisco, 00:11:22:33:44:55, up 1 d 1 h", "snmp"},
        {"snmp: engine named by text", 161,
         "3053020103301102046e731234020300ffe30401000201030423302104108000137004726f6f662d7377697463680201"
         "01020400000005040004000400301604108000137004726f6f662d7377697463680400a800",
         "snmp", "", "", "SNMPv3, enterprise 4976, roof-switch, up 5 s", "snmp"},
        {"netbios: a domain controller", 137,
         "00018400000000010000000020434b414141414141414141414141414141414141414141414141414141414141000021"
         "000100000000004103444331202020202020202020202020000400434f52502020202020202020202020008400434f52"
         "5020202020202020202020201c84000011223344aa000000000000000000000000000000000000000000000000000000"
         "00000000000000000000000000",
         "netbios-ns", "", "", "CORP\\DC1, domain controller, 00:11:22:33:44:aa", "netbios-ns"},
        {"ike: vendor ids", 500,
         "6e7363616e311234726573706f6e643101100200000000000000005c0d00000c00000000000000000d000014882fe56d"
         "6fd20dbc2251613b2ebe5beb0d00000c09002689dfd6b71200000014afcad71368a1f1c96b8696fc77570100",
         "isakmp", "strongSwan", "", "IKEv1, strongSwan, accepts the proposal, vendor ids strongSwan; XAUTH; DPD",
         "isakmp"},
        {"rpc: version mismatch", 111, "6e73123400000001000000000000000000000000000000020000000200000004", "sunrpc", "",
         "", "ONC RPC, program versions 2 to 4", "sunrpc"},
        {"rpc: list of programs", 111,
         "6e731234000000010000000000000000000000000000000000000001000186a000000002000000110000006f00000001"
         "000186a300000003000000110000080100000001000186a5000000030000001100004e5000000000",
         "sunrpc", "", "", "portmapper/111 nfs/2049 mountd/20048", "sunrpc"},
        {"rpc: nfs", 2049, "6e7312340000000100000000000000000000000000000000", "nfs", "", "",
         "ONC RPC, program answers", "sunrpc"},
        {"stun: plain address", 3478, "0101000c2112a4420000000000000000000000000001000800019c41cb007105", "stun", "",
         "", "sees us as 203.0.113.5 port 40001", "stun"},
        {"nat-pmp: external address", 5351, "0080000000015fcdc6336407", "nat-pmp", "", "",
         "NAT-PMP, external address 198.51.100.7, up 1 d 1 h", NULL},
        {"a2s", 27015,
         "ffffffff49114c6162207365727665720064655f64757374320063737472696b6500436f756e7465722d537472696b65"
         "000a00031000646c0001312e33382e382e3100",
         "source-engine", "Counter-Strike", "1.38.8.1", "Lab server, Counter-Strike, map de_dust2, 3 of 16 players",
         "source-engine"},
        {"a2s: challenge", 27015, "ffffffff4131323334", "source-engine", "", "",
         "asks for its challenge to be sent back", "source-engine"},
        {"raknet", 19132,
         "1c0000000000000000000000000000000000ffff00fefefefefdfdfdfd12345678003c4d4350453b41206c61623b3634"
         "393b312e32302e36303b323b31303b313233343b7375623b537572766976616c3b313b31393133323b31393133333b",
         "minecraft-bedrock", "Minecraft", "1.20.60", "A lab, version 1.20.60, players 2", "minecraft-bedrock"},
        {"teeworlds 0.6", 8303,
         "ffffffffffffffffffff696e663331313000302e362e34006c616200646d3100444d0030003100380031003800", "teeworlds",
         "Teeworlds", "0.6.4", "lab, version 0.6.4, map dm1, players 1", "teeworlds"},
        {"teamspeak", 9987, "545333494e495431650088010000000000000000000000000000000000000000", "teamspeak3",
         "TeamSpeak 3", "", "TeamSpeak 3, begins its handshake", "teamspeak3"},
        {"ethernet/ip", 44818,
         "63003a00000000000000000000000000000000000000000001000c00330001000002af120a0000090000000000000000"
         "01000e003600140b30007856341212313735362d4c36312f42204c4f474958353503",
         "EtherNet-IP-2", "1756-L61/B LOGIX55", "20.11", "1756-L61/B LOGIX55 20.11, vendor 1 Rockwell Automation",
         "EtherNet-IP-2"},
        {"bacnet: I-Am", 47808, "810a001401001000c4020004d22205c491002107", "bacnet", "Siemens", "",
         "BACnet, device 1234, vendor 7 Siemens", "bacnet"},
        {"bacnet: object name", 47808, "810a001d0100306e0c0c0200004d194d3e7509004c41422d414855313f", "bacnet", "", "",
         "BACnet, LAB-AHU1", "bacnet"},
        {"dnp3", 20000, "0564050b010004001234", "dnp", "", "", "DNP3 outstation 4", "dnp"},
        {"ads", 48899, "036614716e731234010000800a00000701011027020000000500060043582d314100030004000301b80f",
         "ads-discovery", "Beckhoff TwinCAT", "3.1.4024", "Beckhoff TwinCAT 3.1.4024, CX-1A, 10.0.0.7.1.1",
         "ads-discovery"},
        {"slp", 427,
         "020b000036000000000000010002656e0018736572766963653a736572766963652d6167656e743a2f2f000744454641"
         "554c54000000",
         "svrloc", "", "", "SLPv2 service agent, service:service-agent://", "svrloc"},
        {"cldap", 389,
         "305a020101645504003051302c041464656661756c744e616d696e67436f6e746578743114041244433d636f72702c44"
         "433d6578616d706c653021040b646e73486f73744e616d65311204106463312e636f72702e6578616d706c65",
         "ldap", "", "", "dc1.corp.example, DC=corp,DC=example", "ldap"},
        {"sql browser", 1434,
         "0558005365727665724e616d653b4442484f53543b496e7374616e63654e616d653b4d5353514c5345525645523b4973"
         "436c757374657265643b4e6f3b56657273696f6e3b31352e302e323030302e353b7463703b313433333b3b",
         "ms-sql-m", "Microsoft SQL Server", "15.0.2000.5",
         "SQL Server 15.0.2000.5, DBHOST\\MSSQLSERVER, TCP port 1433", NULL},
        {"l2tp: refused", 1701,
         "c80200356e7300000000000180080000000000048008000000090007801900000001000200016e6f206d6f7265207475"
         "6e6e656c73",
         "l2tp", "", "", "no more tunnels, refuses a tunnel", "l2tp"},
        {"iax", 4569, "800100010000000300010603", "iax", "", "", "IAX2, PONG", "iax"},
        {"gtp 2", 2123, "400200096e7312000300010005", "gtp-control", "", "", "GTPv2, echo response", NULL},
        {"capwap", 5246, "0010000000000000000000026e00000000040005776c632d31", "capwap-control", "", "",
         "access controller, wlc-1", NULL},
        {"openvpn: tls-auth", 1194,
         "400001020304050607aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa000000016553f10001000000006e7363616e31"
         "123400000000",
         "openvpn", "", "", "OpenVPN, with tls-auth", "openvpn"},
        {"dtls: alert", 4433, "15fefd000000000000000000020228", "dtls", "", "", "DTLS 1.2, alert handshake_failure",
         "dtls"},
        {"dtls: server hello", 4433,
         "16fefd00000000000000000032020000260001000000000026fefd000000000000000000000000000000000000000000"
         "000000000000000000000000c02f00",
         "dtls", "", "", "DTLS 1.2, begins a handshake", "dtls"},
        {"quic: DNS", 853, "8000000000086e7363616e3112340461626364000000016b3343cf", "domain-s", "", "",
         "QUIC versions 1 (RFC 9000); 2 (RFC 9369)", "quic"},
        {"rip", 520, "02020000000200000a000000ff0000000000000000000001", "router", "", "", "RIPv2, 1 route", NULL},
        {"afs", 7001,
         "00000000000000000000000000000000000000000d00000000000000204f70656e41465320312e382e392d6465626961"
         "6e206275696c7420323032332d30312d3031000000000000000000000000000000000000000000000000000000",
         "afs3-callback", "OpenAFS", "1.8.9-debian", "OpenAFS 1.8.9-debian built 2023-01-01", NULL},
        {"amanda", 10080,
         "416d616e646120322e36204e414b2048414e444c45203030302d36453733363336312053455120310a4552524f522075"
         "6e6b6e6f776e20736572766963653a206e6f6f700a",
         "amanda", "Amanda", "2.6", "Amanda 2.6 NAK HANDLE 000-6E736361 SEQ 1", "amanda"},
        {"ubiquiti", 10001,
         "0100002c0100060418d6aabbcc030010584d2e6172373234302e76352e362e330b0007726f6f662d61700c00034c4d35",
         "ubnt-discover", "Ubiquiti", "", "XM.ar7240.v5.6.3, roof-ap, LM5", NULL},
        {"db2", 523, "444232524554414444520053514c3131303535006462686f73742e6578616d706c6500", "ibm-db2", "IBM Db2",
         "SQL11055", "Db2 SQL11055, dbhost.example", "ibm-db2"},
        {"pcanywhere", 5632, "4e524c4142484f5354202020202020205f5f5f5f41484d5f335f5f5f5f5f5f5f5f5f", "pcanywherestat",
         "", "", "LABHOST ____AHM_3_", NULL},
        {"stamp", 862, "00000001e8754700000000000001000000000000000000006e7312340000000000000000000100003d000000",
         "twamp-test", "", "", "STAMP reflector, our TTL arrived as 61", NULL},
        {"rdp", 3389, "6e731234004000050000000104d004d0", "ms-wbt-server", "", "",
         "RDP over UDP, accepts the connection", NULL},
        {"ard", 3283,
         "000100000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000"
         "000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000"
         "000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000"
         "000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000"
         "000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000"
         "000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000"
         "000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000"
         "000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000"
         "000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000"
         "000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000"
         "000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000"
         "000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000"
         "000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000"
         "000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000"
         "000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000"
         "000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000"
         "000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000"
         "000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000"
         "000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000"
         "000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000"
         "00000000000000000000000000000000000000000000000000000000000000000000000000000000",
         "net-assistant", "", "", "Apple Remote Desktop", NULL},
        {"tftp: a file", 69, "0003000168656c6c6f", "tftp", "", "",
         "sends a file of that name (5 bytes in the first block)", "tftp"},
};

static size_t from_hex(const char *hex, uint8_t out[MOST_BYTES])
{
	size_t n = 0;
	unsigned byte;

	for (; n < MOST_BYTES && sscanf(hex, "%2x", &byte) == 1; hex += 2)
		out[n++] = (uint8_t)byte;
	return n;
}

/* Everything that a reading promises whatever the bytes were. */
static void check_form(const struct service_reading *r)
{
	assert_int_not_equal(r->info[0], 0);
	assert_non_null(memchr(r->info, 0, sizeof(r->info)));
	assert_non_null(memchr(r->product, 0, sizeof(r->product)));
	assert_non_null(memchr(r->version, 0, sizeof(r->version)));
	assert_in_range(r->detail_count, 0, SERVICE_MAX_DETAILS);
	assert_in_range(r->text_bytes, 0, SERVICE_TEXT_BYTES);
	for (size_t i = 0; i < r->detail_count; i++) {
		const char *value = r->text + r->details[i].at;

		assert_in_range(r->details[i].at, 0, SERVICE_TEXT_BYTES - 1);
		assert_non_null(memchr(value, 0, SERVICE_TEXT_BYTES - r->details[i].at));
		assert_int_not_equal(value[0], 0);
		assert_null(strpbrk(value, "\r\n"));
	}
	assert_null(strpbrk(r->info, "\r\n"));
}

/* The reader sees a copy of just that size, so that a sanitizer notices a read past its end. */
static bool read_copy(uint16_t port, const uint8_t *data, size_t n, struct service_reading *out)
{
	uint8_t *copy = malloc(n ? n : 1);
	bool known;

	assert_non_null(copy);
	if (n > 0)
		memcpy(copy, data, n);
	known = service_read(port, n ? copy : NULL, n, n, out);
	free(copy);
	check_form(out);
	assert_int_equal(known, out->service != NULL);
	return known;
}

static void check_sample(const struct sample *sample)
{
	uint8_t bytes[MOST_BYTES];
	size_t n = from_hex(sample->hex, bytes);
	struct service_reading r;

	if (!read_copy(sample->port, bytes, n, &r))
		fail_msg("%s: not recognised", sample->name);
	if (strcmp(r.service, sample->service) || strcmp(r.product, sample->product) ||
	    strcmp(r.version, sample->version) || strcmp(r.info, sample->info))
		fail_msg("%s: read as %s [%s|%s] %s", sample->name, r.service, r.product, r.version, r.info);
	read_copy(OTHER_PORT, bytes, n, &r);
	if (!r.service != !sample->elsewhere || (r.service && strcmp(r.service, sample->elsewhere)))
		fail_msg("%s: on another port read as %s", sample->name, r.service ? r.service : "nothing");
}

static void test_real_answers(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(real); i++)
		check_sample(&real[i]);
}

static void test_specified_answers(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(specified); i++)
		check_sample(&specified[i]);
}

static void cut_everywhere(const struct sample *sample)
{
	uint8_t bytes[MOST_BYTES];
	size_t n = from_hex(sample->hex, bytes);
	struct service_reading r;

	for (size_t kept = 0; kept < n; kept++) {
		read_copy(sample->port, bytes, kept, &r);
		read_copy(OTHER_PORT, bytes, kept, &r);
	}
	/* And every byte wrong, one after the other. */
	for (size_t i = 0; i < n; i++) {
		bytes[i] ^= 0xff;
		read_copy(sample->port, bytes, n, &r);
		bytes[i] ^= 0xff;
	}
}

static void test_truncated(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(real); i++)
		cut_everywhere(&real[i]);
	for (size_t i = 0; i < COUNT(specified); i++)
		cut_everywhere(&specified[i]);
}

static const struct sample *sample_of(const char *name)
{
	for (size_t i = 0; i < COUNT(real) + COUNT(specified); i++) {
		const struct sample *sample = i < COUNT(real) ? &real[i] : &specified[i - COUNT(real)];

		if (strcmp(sample->name, name) == 0)
			return sample;
	}
	fail_msg("no sample is called %s", name);
	abort();
}

static struct service_reading reading_of(const char *name)
{
	const struct sample *sample = sample_of(name);
	uint8_t bytes[MOST_BYTES];
	size_t n = from_hex(sample->hex, bytes);
	struct service_reading r;

	read_copy(sample->port, bytes, n, &r);
	return r;
}

static void test_details(void **state)
{
	static const struct {
		const char *sample, *key, *value;
	} details[] = {
	        {"dns-version-bind", "version-bind", "dnsmasq-2.90"},
	        {"dns-version-bind", "recursion", "offered"},
	        {"netbios: a domain controller", "mac", "00:11:22:33:44:aa"},
	        {"netbios: a domain controller", "names", "DC1<00> CORP<00> CORP<1c>"},
	        {"snmp: Cisco, engine named after a MAC", "engine-mac", "00:11:22:33:44:55"},
	        {"snmp: Cisco, engine named after a MAC", "enterprise", "9 Cisco"},
	        {"snmp: Cisco, engine named after a MAC", "boots", "7"},
	        {"snmp: Cisco, engine named after a MAC", "uptime", "1 d 1 h"},
	        {"snmp: engine named by text", "engine-text", "roof-switch"},
	        {"ntp: stratum 1", "time", "2023-08-02 21:20:00 UTC"},
	        {"kerberos-as-req", "realm", "NSCAN.INVALID"},
	        {"rpc: version mismatch", "versions", "2-4"},
	        {"ike: vendor ids", "vendor-ids", "strongSwan; XAUTH; DPD"},
	        {"ike: vendor ids", "ikev1", "accepts"},
	        {"a2s", "map", "de_dust2"},
	        {"ethernet/ip", "serial", "12345678"},
	        {"sql browser", "tcp-port", "1433"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(details); i++) {
		struct service_reading r = reading_of(details[i].sample);
		const char *value = service_detail(&r, details[i].key);

		if (!value || strcmp(value, details[i].value) != 0)
			fail_msg("%s: %s is %s", details[i].sample, details[i].key, value ? value : "not there");
	}
}

static void test_mapped(void **state)
{
	struct service_reading r = reading_of("stun: plain address");
	char text[ADDR_TEXT_BYTES];

	(void)state;
	assert_true(r.has_mapped);
	assert_string_equal(addr_format(&r.mapped, text), "203.0.113.5");
	assert_int_equal(r.mapped_port, 40001);
	assert_true(r.one_answer);
}

/* Requests, as an echo service sends them back, are no answers of their protocol. */
static void test_requests_are_no_answers(void **state)
{
	static const struct {
		uint16_t port;
		const char *hex;
	} requests[] = {
	        {53, "1234000000010000000000000776657273696f6e0462696e640000100003"},
	        {123, "2300000000000000000000000000000000000000000000000000000000000000000000000000000"
	              "06e7363616e310000"},
	        {161, "302602010004067075626c6963a01902046e730000020100020100300b300906052b060102010500"},
	        {3478, "000100002112a4426e7363616e207374756e0000"},
	        {69, "00016e7363616e006f6374657400"},
	        {5683, "40006e73"},
	        {111, "6e730000000000000000000200018"
	              "6a0000000020000000000000000000000000000000000000000"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(requests); i++) {
		uint8_t bytes[MOST_BYTES];
		size_t n = from_hex(requests[i].hex, bytes);
		struct service_reading r;

		if (read_copy(requests[i].port, bytes, n, &r) || read_copy(OTHER_PORT, bytes, n, &r))
			fail_msg("a request to port %u is read as an answer of %s", requests[i].port, r.service);
	}
}

static void test_unknown(void **state)
{
	struct service_reading r;

	(void)state;
	assert_false(read_copy(40000, NULL, 0, &r));
	assert_string_equal(r.info, "an empty datagram");
	assert_false(read_copy(40000, (const uint8_t *)"hello\r\nworld\n", 13, &r));
	assert_string_equal(r.info, "13 bytes: hello world");
	assert_false(read_copy(40000, (const uint8_t *)"\x01\x02\x03", 3, &r));
	assert_string_equal(r.info, "3 bytes: 01 02 03");
	assert_false(read_copy(40000, (const uint8_t *)"\x01", 1, &r));
	assert_string_equal(r.info, "1 byte: 01");
	/* What was not captured counts for the length all the same. */
	assert_false(service_read(40000, (const uint8_t *)"hello", 5, 6000, &r));
	assert_string_equal(r.info, "6000 bytes: hello");
	assert_string_equal(service_detail(&r, "captured"), "5 of 6000 bytes");
}

/* What differs from one scan to the next stays out of what is compared. */
static void test_lasting_info(void **state)
{
	struct service_reading r = reading_of("snmpv3-discovery");
	char info[SERVICE_INFO_BYTES];

	(void)state;
	assert_non_null(service_detail(&r, "uptime"));
	assert_non_null(strstr(r.info, service_detail(&r, "uptime")));
	assert_non_null(strstr(service_lasting_info(&r, info), "Net-SNMP"));
	assert_null(strstr(info, service_detail(&r, "uptime")));
	assert_null(strstr(info, "up "));
	r = reading_of("dns-version-bind");
	assert_string_equal(service_lasting_info(&r, info), r.info); /* nothing in it varies */
}

/* The name comes first, and nothing is said twice. */
static void test_merge(void **state)
{
	struct service_reading r = reading_of("snmpv3-discovery"), more = reading_of("snmpv1-get"), unknown;

	(void)state;
	assert_true(service_merge(&r, &more));
	assert_int_equal(strncmp(r.info, "Linux vm", 8), 0);
	assert_non_null(strstr(r.info, "Net-SNMP"));
	assert_string_equal(service_detail(&r, "snmp-version"), "3"); /* what was there stays */
	assert_non_null(service_detail(&r, "sys-descr"));
	assert_false(service_merge(&r, &more)); /* nothing new */

	r = reading_of("dns-version-bind");
	more = reading_of("dns-localhost");
	assert_true(service_merge(&r, &more));
	assert_string_equal(r.info, "dnsmasq-2.90, recursion offered, answers REFUSED");

	more = reading_of("dns-version-bind");
	r = reading_of("dns-localhost");
	assert_true(service_merge(&r, &more));
	assert_string_equal(r.info, "dnsmasq-2.90, recursion offered, answers REFUSED");
	assert_string_equal(r.product, "dnsmasq");

	/* Another protocol on the same port changes nothing; a known one replaces an unknown one. */
	more = reading_of("ntp-client");
	assert_false(service_merge(&r, &more));
	assert_string_equal(r.service, "domain");
	read_copy(40000, (const uint8_t *)"\x01", 1, &unknown);
	assert_false(service_merge(&r, &unknown));
	assert_true(service_merge(&unknown, &more));
	assert_string_equal(unknown.service, "ntp");
}

/* More details than there is room for: the first are kept, and nothing is written past the end. */
static void test_bounds(void **state)
{
	static const char *const keys[] = {"a", "b", "c", "d", "e", "f", "g", "h", "i",
	                                   "j", "k", "l", "m", "n", "o", "p", "q"};
	struct service_reading r = {.info = "x"};
	char value[200];
	size_t added = 0;

	(void)state;
	memset(value, 'v', sizeof(value));
	value[sizeof(value) - 1] = 0;
	while (service_add_detail(&r, keys[added], value))
		added++;
	assert_int_equal(added, SERVICE_TEXT_BYTES / sizeof(value));
	assert_true(service_add_detail(&r, "short", "s"));
	check_form(&r);
	r = (struct service_reading){.info = "x"};
	for (added = 0; service_add_detail(&r, keys[added], "v"); added++)
		;
	assert_int_equal(added, SERVICE_MAX_DETAILS);
}

/* A text from the network: line breaks, blanks, controls and a character cut in two. */
static void test_text(void **state)
{
	uint8_t answer[400] = "\xff\xff\xff\xffI\x11"
	                      "A\r\n lab\t\xc3\xa9\x1b[2J";
	size_t name = 6;
	struct service_reading r;

	(void)state;
	memcpy(answer + name + 15, "m\0f\0g\0", 6);
	assert_true(read_copy(27015, answer, name + 40, &r));
	assert_string_equal(service_detail(&r, "name"), "A lab \xc3\xa9\x1b[2J"); /* to be escaped when it is printed */
	/* 254 letters, then a character of two bytes where the room for a value ends. */
	memset(answer + name, 'a', 254);
	memcpy(answer + name + 254, "\xc3\xa9\0m\0f\0g", 9);
	assert_true(read_copy(27015, answer, name + 280, &r));
	assert_int_equal(strlen(service_detail(&r, "name")), 254);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_real_answers), cmocka_unit_test(test_specified_answers),
	        cmocka_unit_test(test_truncated),    cmocka_unit_test(test_details),
	        cmocka_unit_test(test_mapped),       cmocka_unit_test(test_requests_are_no_answers),
	        cmocka_unit_test(test_unknown),      cmocka_unit_test(test_merge),
	        cmocka_unit_test(test_lasting_info), cmocka_unit_test(test_bounds),
	        cmocka_unit_test(test_text),
	};

	return cmocka_run_group_tests_name("service", tests, NULL, NULL);
}
