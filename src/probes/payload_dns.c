/* payload_dns.c: DNS and the protocols that share its message form: mDNS and NetBIOS name service. */
#include "payload_rows.h"

enum { DNS_A = 1, DNS_PTR = 12, DNS_TXT = 16, NETBIOS_NBSTAT = 33 };
enum { DNS_IN = 1, DNS_CHAOS = 3, MDNS_UNICAST_REPLY = 0x8000 };
enum { DNS_RECURSION_DESIRED = 0x0100, DNS_IS_RESPONSE = 0x80 };
enum { DNS_HEADER_BYTES = 12 };

/* RFC 1035 4.1.1: id, flags, one question, no records. */
static void add_header(struct request *r, uint16_t flags)
{
	add_u16(r, 0); /* id: the nonce */
	add_u16(r, flags);
	add_u16(r, 1); /* QDCOUNT */
	add_u16(r, 0); /* ANCOUNT */
	add_u16(r, 0); /* NSCOUNT */
	add_u16(r, 0); /* ARCOUNT */
}

static void add_label(struct request *r, const char *label)
{
	add_u8(r, (uint8_t)strlen(label));
	add_text(r, label);
}

static void add_question_end(struct request *r, uint16_t type, uint16_t class)
{
	add_u8(r, 0); /* the root label */
	add_u16(r, type);
	add_u16(r, class);
}

/* Answered or refused by whatever speaks DNS; the answer comes from the server itself and is short. */
static size_t build_version_bind(uint8_t *out)
{
	struct request r = {out, 0};

	add_header(&r, 0);
	add_label(&r, "version");
	add_label(&r, "bind");
	add_question_end(&r, DNS_TXT, DNS_CHAOS);
	return r.n;
}

/* For servers that drop what is not of class IN or does not ask for recursion. RFC 6761 6.3: answered locally. */
static size_t build_localhost(uint8_t *out)
{
	struct request r = {out, 0};

	add_header(&r, DNS_RECURSION_DESIRED);
	add_label(&r, "localhost");
	add_question_end(&r, DNS_A, DNS_IN);
	return r.n;
}

/* RFC 6762 6.7: not sent from port 5353, so it is answered by unicast and with the id echoed. */
static size_t build_mdns_services(uint8_t *out)
{
	struct request r = {out, 0};

	add_header(&r, 0);
	add_label(&r, "_services");
	add_label(&r, "_dns-sd");
	add_label(&r, "_udp");
	add_label(&r, "local");
	add_question_end(&r, DNS_PTR, DNS_IN | MDNS_UNICAST_REPLY);
	return r.n;
}

/* An address that every host has (RFC 4795 2.3). A strict responder discards unicast queries by UDP whatever they ask and whatever their
 * TTL (2.4 allows TCP only; systemd-resolved keeps to that), and stays open|filtered: only a laxer one is found by this. */
static size_t build_llmnr_loopback(uint8_t *out)
{
	struct request r = {out, 0};

	add_header(&r, 0);
	add_label(&r, "1");
	add_label(&r, "0");
	add_label(&r, "0");
	add_label(&r, "127");
	add_label(&r, "in-addr");
	add_label(&r, "arpa");
	add_question_end(&r, DNS_PTR, DNS_IN);
	return r.n;
}

/* RFC 1002 4.2.17: node status of the wildcard name: '*' and 15 zero bytes, each nibble as a letter (RFC 1001 14.1). */
static size_t build_node_status(uint8_t *out)
{
	struct request r = {out, 0};

	add_header(&r, 0);
	add_label(&r, "CKAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA");
	add_question_end(&r, NETBIOS_NBSTAT, DNS_IN);
	return r.n;
}

static enum answer judge_dns(const uint8_t *data, size_t n, uint16_t nonce)
{
	struct cursor c = cursor_of(data, n);
	uint16_t id = cursor_u16(&c);

	if (n < DNS_HEADER_BYTES)
		return ANSWER_UNKNOWN;
	return judge_id(cursor_u8(&c) & DNS_IS_RESPONSE, id == nonce);
}

static const struct payload rows[] = {
        {.name = "dns-version-bind",
         .ports = {53},
         .source = "RFC 1035 4.1, RFC 4892",
         .build = build_version_bind,
         .judge = judge_dns,
         .anywhere = true},
        {.name = "dns-localhost",
         .ports = {53},
         .source = "RFC 1035 4.1, RFC 6761 6.3",
         .build = build_localhost,
         .judge = judge_dns},
        {.name = "mdns-services",
         .ports = {5353},
         .source = "RFC 6762 6.7, RFC 6763 9",
         .build = build_mdns_services,
         .judge = judge_dns},
        {.name = "llmnr-loopback",
         .ports = {5355},
         .source = "RFC 4795 2.1",
         .build = build_llmnr_loopback,
         .judge = judge_dns},
        {.name = "netbios-node-status",
         .ports = {137},
         .source = "RFC 1002 4.2.17",
         .build = build_node_status,
         .judge = judge_dns},
};

PAYLOAD_FAMILY(payloads_dns, rows);
