/* read_ike.c: the first answer of an IKE gateway: version, what it chose or refused, and the vendor ids that name it (RFC 7296, RFC 2408). */
#include <stdio.h>

#include "read.h"

enum { HEADER_BYTES = 28, MOST_PAYLOADS = 24, VERSION_1 = 0x10, VERSION_2 = 0x20 };
enum { V2_RESPONSE = 0x20, V2_SA_INIT = 34, V2_SA = 33, V2_NOTIFY = 41, V2_VENDOR = 43 };
enum { V1_SA = 1, V1_NOTIFY = 11, V1_VENDOR = 13, V1_MAIN = 2, V1_AGGRESSIVE = 4, V1_INFORMATIONAL = 5 };

/* Vendor ids are MD5 of a text, or a text; longer ones begin with what stands here. */
struct vendor {
	const char *hex;
	const char *name;
	bool is_product;
};

static const struct vendor vendors[] = {
        {"882fe56d6fd20dbc2251613b2ebe5beb", "strongSwan", true},
        {"7003cbc1097dbe9c2600ba6983bc8b35", "racoon", true},
        {"1e2b516905991c7d7c96fcbfb587e461", "Windows", true},
        {"12f5f28c457168a9702d9fe274cc", "Cisco Unity", false},
        {"afcad71368a1f1c96b8696fc7757", "DPD", false},
        {"09002689dfd6b712", "XAUTH", false},
        {"4a131c81070358455c5728f20e95452f", "NAT-T", false},
        {"4048b7d56ebce88525e7de7f00d6c2d3", "fragmentation", false},
        {"4485152d18b6bbcd0be8a8469579ddcc", "NAT-T draft 0", false},
        {"cd60464335df21f87cfdb2fc68b6a448", "NAT-T draft 2", false},
        {"90cb80913ebb696e086381b5ec427b1f", "NAT-T draft 2", false},
        {"7d9419a65310ca6f2c179d9215529d56", "NAT-T draft 3", false},
        {"621b04bb09882ac1e15935fefa24aeee", "GSSAPI", false},
        {"fb1de3cdf341b7ea16b7e5be0855f120", "MS negotiation discovery", false},
        {"26244d38eddb61b3172a36e3d0cfb819", "initial contact", false},
        {"e3a5966a76379fe707228231e5ce8652", "CGA", false},
};

static const struct named_number v2_notifies[] = {
        {1, "UNSUPPORTED_CRITICAL_PAYLOAD"},
        {5, "INVALID_MAJOR_VERSION"},
        {7, "INVALID_SYNTAX"},
        {14, "NO_PROPOSAL_CHOSEN"},
        {17, "INVALID_KE_PAYLOAD"},
        {24, "AUTHENTICATION_FAILED"},
        {16390, "COOKIE"},
        {16388, "NAT_DETECTION_SOURCE_IP"},
        {16404, "MULTIPLE_AUTH_SUPPORTED"},
        {16406, "REDIRECT_SUPPORTED"},
        {16407, "REDIRECT"},
        {16418, "CHILDLESS_IKEV2_SUPPORTED"},
        {16430, "IKEV2_FRAGMENTATION_SUPPORTED"},
        {16431, "SIGNATURE_HASH_ALGORITHMS"},
        {0, NULL},
};

static const struct named_number v1_notifies[] = {
        {1, "INVALID-PAYLOAD-TYPE"},       {4, "INVALID-COOKIE"},
        {5, "INVALID-MAJOR-VERSION"},      {7, "INVALID-EXCHANGE-TYPE"},
        {14, "NO-PROPOSAL-CHOSEN"},        {15, "BAD-PROPOSAL-SYNTAX"},
        {16, "PAYLOAD-MALFORMED"},         {23, "INVALID-HASH-INFORMATION"},
        {29, "UNSUPPORTED-EXCHANGE-TYPE"}, {0, NULL},
};

/* What the payloads say, collected. */
struct findings {
	char vendors[160], notifies[120];
	bool chosen;
};

static void add_word(char *list, size_t room, const char *word)
{
	size_t at = strlen(list);

	if (!strstr(list, word) && at + strlen(word) + 3 < room)
		snprintf(list + at, room - at, "%s%s", at ? "; " : "", word);
}

static void read_vendor(struct cursor id, struct findings *findings, struct service_reading *out)
{
	char hex[65], text[48];
	const char *name = NULL;

	hex_text(hex, sizeof(hex), id.at, cursor_left(&id), "");
	for (size_t i = 0; i < sizeof(vendors) / sizeof(vendors[0]) && !name; i++) {
		if (strncmp(hex, vendors[i].hex, strlen(vendors[i].hex)) != 0)
			continue;
		name = vendors[i].name;
		if (vendors[i].is_product && !out->product[0])
			snprintf(out->product, sizeof(out->product), "%s", name);
	}
	if (!name && cursor_left(&id) >= 4 && is_text(id.at, cursor_left(&id))) {
		clean_text(text, sizeof(text), id.at, cursor_left(&id));
		name = text;
		if (strncmp(text, "OE-Libreswan", 12) == 0 || strncmp(text, "strongSwan", 10) == 0)
			product_of(out, text[0] == 'O' ? text + 3 : text);
	}
	add_word(findings->vendors, sizeof(findings->vendors), name ? name : hex);
}

static void read_notify(struct cursor c, bool v2, struct findings *findings)
{
	uint16_t type;
	const char *name;
	char number[24];

	if (!v2)
		cursor_u32(&c); /* domain of interpretation */
	cursor_u16(&c);         /* protocol, length of the SPI */
	type = cursor_u16(&c);
	if (!c.ok)
		return;
	name = name_of(v2 ? v2_notifies : v1_notifies, type);
	snprintf(number, sizeof(number), "notify %u", type);
	add_word(findings->notifies, sizeof(findings->notifies), name ? name : number);
}

static void read_payloads(struct cursor *c, uint8_t next, bool v2, struct findings *findings,
                          struct service_reading *out)
{
	for (int i = 0; i < MOST_PAYLOADS && next != 0 && cursor_left(c) >= 4; i++) {
		uint8_t type = next;
		uint16_t bytes;
		struct cursor content;

		next = cursor_u8(c);
		cursor_u8(c); /* critical bit, reserved */
		bytes = cursor_u16(c);
		content = *c;
		if (bytes < 4 || !cursor_take(c, bytes - 4u))
			return;
		content.end = c->at;
		if (type == (v2 ? V2_VENDOR : V1_VENDOR))
			read_vendor(content, findings, out);
		else if (type == (v2 ? V2_NOTIFY : V1_NOTIFY))
			read_notify(content, v2, findings);
		else if (type == (v2 ? V2_SA : V1_SA))
			findings->chosen = true;
	}
}

/* A refusal to our request, which alone is worth a place in the line. */
static bool is_refusal(const char *notifies)
{
	return strncmp(notifies, "N", 1) == 0 ? strncmp(notifies, "NO", 2) == 0 : strncmp(notifies, "INVALID", 7) == 0;
}

static bool read_ike(const uint8_t *data, size_t n, struct service_reading *out)
{
	static const uint8_t none[8];
	struct cursor c = cursor_of(data, n);
	const uint8_t *initiator = cursor_take(&c, 8), *responder = cursor_take(&c, 8);
	uint8_t next = cursor_u8(&c), version = cursor_u8(&c), exchange = cursor_u8(&c), flags = cursor_u8(&c);
	bool v2 = version == VERSION_2;
	struct findings findings = {0};
	uint32_t length;

	cursor_u32(&c); /* message id */
	length = cursor_u32(&c);
	if (!c.ok || !initiator || !responder || memcmp(initiator, none, 8) == 0 || length < HEADER_BYTES || length > n)
		return false;
	if (v2 ? !(flags & V2_RESPONSE) || exchange < V2_SA_INIT || exchange > 37
	       : version != VERSION_1 ||
	                    (exchange != V1_MAIN && exchange != V1_AGGRESSIVE && exchange != V1_INFORMATIONAL))
		return false;
	/* Our own first message, sent back, has no responder yet. */
	if (!v2 && exchange == V1_MAIN && memcmp(responder, none, 8) == 0)
		return false;
	read_payloads(&c, next, v2, &findings, out);
	say(out, "IKEv%d", v2 ? 2 : 1);
	if (out->product[0])
		say(out, "%s%s%s", out->product, out->version[0] ? " " : "", out->version);
	if (findings.chosen)
		say(out, "accepts the proposal");
	if (is_refusal(findings.notifies))
		say(out, "%.40s", findings.notifies);
	if (findings.vendors[0])
		say(out, "vendor ids %.80s", findings.vendors);
	detail(out, "vendor-ids", "%s", findings.vendors);
	detail(out, v2 ? "ikev2" : "ikev1", "%s", findings.notifies[0] ? findings.notifies : "accepts");
	return true;
}

/* RFC 3948 2.2: behind four zero bytes. */
static bool read_ike_nat(const uint8_t *data, size_t n, struct service_reading *out)
{
	return n > 4 && memcmp(data, "\0\0\0\0", 4) == 0 && read_ike(data + 4, n - 4, out);
}

static const struct reader readers[] = {
        {.service = "isakmp", .ports = {500}, .read = read_ike},
        {.service = "ipsec-nat-t", .ports = {4500}, .read = read_ike_nat},
};

READER_FAMILY(readers_ike, readers);
