/* payload_accounts.c: services that know users: Kerberos, LDAP without connection, RADIUS. */
#include "payload_ber.h"

/* RFC 4120 5.4.1, 7.5.7 */
enum { KRB_VERSION = 5, KRB_AS_REQ = 10, KRB_AS_REP = 11, KRB_ERROR = 30, KRB_NT_PRINCIPAL = 1, KRB_NT_SRV_INST = 2 };
enum { KRB_AES256_SHA1 = 18, KRB_AES128_SHA1 = 17, KRB_RC4 = 23 };
#define KRB_REALM "NSCAN.INVALID"

static void add_tagged_integer(struct request *r, uint8_t tag, uint8_t value)
{
	size_t context = open_value(r, BER_CONTEXT | tag);

	add_integer(r, value);
	close_value(r, context);
}

/* RFC 4120 5.2.2: PrincipalName: a type and the parts. `second` may be NULL. */
static void add_principal(struct request *r, uint8_t tag, uint8_t type, const char *first, const char *second)
{
	size_t context = open_value(r, BER_CONTEXT | tag), name = open_value(r, BER_SEQUENCE), parts, list;

	add_tagged_integer(r, 0, type);
	parts = open_value(r, BER_CONTEXT | 1);
	list = open_value(r, BER_SEQUENCE);
	add_string(r, BER_GENERAL_STRING, first);
	if (second)
		add_string(r, BER_GENERAL_STRING, second);
	close_value(r, list);
	close_value(r, parts);
	close_value(r, name);
	close_value(r, context);
}

/* A value of one string, number or time inside its context tag. */
static void add_tagged_string(struct request *r, uint8_t tag, uint8_t type, const char *text)
{
	size_t context = open_value(r, BER_CONTEXT | tag);

	add_string(r, type, text);
	close_value(r, context);
}

static void add_request_body(struct request *r)
{
	size_t body = open_value(r, BER_CONTEXT | 4), sequence = open_value(r, BER_SEQUENCE), context, list;

	context = open_value(r, BER_CONTEXT | 0);
	add_u8(r, BER_BIT_STRING);
	add_u8(r, 5);
	add_u8(r, 0);  /* unused bits */
	add_u32(r, 0); /* no KDC options */
	close_value(r, context);
	add_principal(r, 1, KRB_NT_PRINCIPAL, "nscan", NULL);
	add_tagged_string(r, 2, BER_GENERAL_STRING, KRB_REALM);
	add_principal(r, 3, KRB_NT_SRV_INST, "krbtgt", KRB_REALM);
	add_tagged_string(r, 5, BER_GENERALIZED_TIME, "20370101000000Z"); /* till */
	context = open_value(r, BER_CONTEXT | 7);
	add_id(r); /* the nonce: Kerberos' own word for it, too */
	close_value(r, context);
	context = open_value(r, BER_CONTEXT | 8);
	list = open_value(r, BER_SEQUENCE);
	add_integer(r, KRB_AES256_SHA1);
	add_integer(r, KRB_AES128_SHA1);
	add_integer(r, KRB_RC4);
	close_value(r, list);
	close_value(r, context);
	close_value(r, sequence);
	close_value(r, body);
}

/* RFC 4120 5.4.1: for nobody, of a realm that cannot exist (RFC 6761 6.4): refused with a KRB-ERROR, and no account is
 * touched. */
static size_t build_kerberos(uint8_t *out)
{
	struct request r = {out, 0};
	size_t message = open_value(&r, BER_APPLICATION | KRB_AS_REQ), sequence = open_value(&r, BER_SEQUENCE);

	add_tagged_integer(&r, 1, KRB_VERSION);
	add_tagged_integer(&r, 2, KRB_AS_REQ);
	add_request_body(&r);
	close_value(&r, sequence);
	close_value(&r, message);
	return r.n;
}

/* A KRB-ERROR does not say which nonce it answers. */
static enum answer judge_kerberos(const uint8_t *data, size_t n, uint16_t nonce)
{
	struct cursor c = cursor_of(data, n);
	uint8_t type = c.at < c.end ? *c.at & 0x1f : 0;
	uint32_t version, said;

	(void)nonce;
	enter(&c, BER_APPLICATION | type);
	enter(&c, BER_SEQUENCE);
	enter(&c, BER_CONTEXT | 0);
	version = read_integer(&c);
	enter(&c, BER_CONTEXT | 1);
	said = read_integer(&c);
	return judge_form(c.ok && version == KRB_VERSION && said == type && (type == KRB_ERROR || type == KRB_AS_REP));
}

/* RFC 4511 4.5.1 */
enum { LDAP_SEARCH_REQUEST = BER_APPLICATION | 3, LDAP_SEARCH_ENTRY = 0x64, LDAP_SEARCH_DONE = 0x65 };
enum { LDAP_FILTER_PRESENT = 0x87, LDAP_BASE_OBJECT = 0, LDAP_NEVER_DEREFERENCE = 0 };

static void add_enumerated(struct request *r, uint8_t value)
{
	add_u8(r, BER_ENUMERATED);
	add_u8(r, 1);
	add_u8(r, value);
}

/* The root entry (RFC 4512 5.1), of which one short attribute is asked for: all of them would amplify. */
static size_t build_cldap(uint8_t *out)
{
	struct request r = {out, 0};
	size_t message = open_value(&r, BER_SEQUENCE), search, attributes;

	add_id(&r);
	search = open_value(&r, LDAP_SEARCH_REQUEST);
	add_string(&r, BER_OCTETS, ""); /* base */
	add_enumerated(&r, LDAP_BASE_OBJECT);
	add_enumerated(&r, LDAP_NEVER_DEREFERENCE);
	add_integer(&r, 1); /* size limit */
	add_integer(&r, 1); /* time limit in seconds */
	add_u8(&r, BER_BOOLEAN);
	add_u8(&r, 1);
	add_u8(&r, 0); /* types only: no */
	add_string(&r, LDAP_FILTER_PRESENT, "objectClass");
	attributes = open_value(&r, BER_SEQUENCE);
	add_string(&r, BER_OCTETS, "dnsHostName");
	close_value(&r, attributes);
	close_value(&r, search);
	close_value(&r, message);
	return r.n;
}

static enum answer judge_cldap(const uint8_t *data, size_t n, uint16_t nonce)
{
	struct cursor c = cursor_of(data, n);
	uint32_t id;
	uint8_t operation;

	enter(&c, BER_SEQUENCE);
	id = read_integer(&c);
	operation = cursor_u8(&c);
	return judge_id(c.ok && (operation == LDAP_SEARCH_ENTRY || operation == LDAP_SEARCH_DONE),
	                c.ok && id == (BER_ID | nonce));
}

enum { RADIUS_ACCEPT = 2, RADIUS_REJECT = 3, RADIUS_ACCOUNTING_RESPONSE = 5, RADIUS_CHALLENGE = 11 };
enum {
	RADIUS_STATUS_SERVER = 12,
	RADIUS_MESSAGE_AUTHENTICATOR = 80,
	RADIUS_IDENTIFIER = 'n',
	RADIUS_HEADER_BYTES = 20
};

/* RFC 5997 3: "are you there", which authenticates nobody. A server answers only who knows its secret; this one knows the
 * secret that servers come configured with, "testing123". Its proof is the HMAC-MD5 of the packet with 16 zero bytes in its
 * place (RFC 3579 3.2), which is why no byte of it can be chosen for each probe. */
static size_t build_radius(uint8_t *out)
{
	static const uint8_t hmac[16] = {0x97, 0xec, 0x2b, 0xff, 0xde, 0x13, 0x77, 0xcb,
	                                 0x69, 0x39, 0x28, 0xab, 0x2c, 0x2c, 0xe8, 0xa7};
	struct request r = {out, 0};

	add_u8(&r, RADIUS_STATUS_SERVER);
	add_u8(&r, RADIUS_IDENTIFIER);
	add_u16(&r, RADIUS_HEADER_BYTES + 2 + sizeof(hmac));
	add_text(&r, "nscan status req"); /* request authenticator */
	add_u8(&r, RADIUS_MESSAGE_AUTHENTICATOR);
	add_u8(&r, 2 + sizeof(hmac));
	add_bytes(&r, hmac, sizeof(hmac));
	return r.n;
}

static enum answer judge_radius(const uint8_t *data, size_t n, uint16_t nonce)
{
	struct cursor c = cursor_of(data, n);
	uint8_t code = cursor_u8(&c), identifier = cursor_u8(&c);
	uint16_t length = cursor_u16(&c);
	bool answers = code == RADIUS_ACCEPT || code == RADIUS_REJECT || code == RADIUS_ACCOUNTING_RESPONSE ||
	               code == RADIUS_CHALLENGE;

	(void)nonce;
	if (!c.ok || !answers || length < RADIUS_HEADER_BYTES || length > n)
		return ANSWER_UNKNOWN;
	return identifier == RADIUS_IDENTIFIER ? ANSWER_FITS : ANSWER_FOREIGN;
}

static const struct payload rows[] = {
        {.name = "kerberos-as-req",
         .ports = {88},
         .source = "RFC 4120 5.4.1",
         .build = build_kerberos,
         .nonce_offset = 127,
         .judge = judge_kerberos},
        {.name = "cldap-root",
         .ports = {389},
         .source = "RFC 4511 4.5.1, MS-ADTS 6.3.3",
         .build = build_cldap,
         .nonce_offset = 6,
         .judge = judge_cldap},
        {.name = "radius-status",
         .ports = {1812, 1813, 1645, 1646},
         .source = "RFC 5997 3",
         .build = build_radius,
         .nonce_offset = -1,
         .judge = judge_radius},
};

PAYLOAD_FAMILY(payloads_accounts, rows);
