/* payload_snmp.c: SNMP engine discovery (version 3) and a plain get (version 1), in BER by hand. */
#include "payload_ber.h"

enum { SNMP_GET = 0xa0, SNMP_V1 = 0, SNMP_V3 = 3, SNMPV3_REPORTABLE = 0x04, SNMPV3_USM = 3, SNMP_MAX_MESSAGE = 65507 };

static void add_octets(struct request *r, const char *text)
{
	add_string(r, BER_OCTETS, text);
}

static void add_header_data(struct request *r)
{
	size_t header = open_value(r, BER_SEQUENCE);

	add_id(r); /* msgID, with the nonce */
	add_u8(r, BER_INTEGER);
	add_u8(r, 3);
	add_u8(r, 0);
	add_u16(r, SNMP_MAX_MESSAGE);
	add_u8(r, BER_OCTETS); /* msgFlags: no authentication, no privacy, report wanted */
	add_u8(r, 1);
	add_u8(r, SNMPV3_REPORTABLE);
	add_integer(r, SNMPV3_USM);
	close_value(r, header);
}

static void add_usm_parameters(struct request *r)
{
	size_t octets = open_value(r, BER_OCTETS);
	size_t parameters = open_value(r, BER_SEQUENCE);

	add_octets(r, ""); /* engine id: the question */
	add_integer(r, 0); /* engine boots */
	add_integer(r, 0); /* engine time */
	add_octets(r, ""); /* user */
	add_octets(r, ""); /* authentication parameters */
	add_octets(r, ""); /* privacy parameters */
	close_value(r, parameters);
	close_value(r, octets);
}

/* RFC 3414 4: an engine that does not know the (empty) engine id of a request reports its own. */
static size_t build_v3_discovery(uint8_t *out)
{
	struct request r = {out, 0};
	size_t message = open_value(&r, BER_SEQUENCE), scoped, pdu, bindings;

	add_integer(&r, SNMP_V3);
	add_header_data(&r);
	add_usm_parameters(&r);
	scoped = open_value(&r, BER_SEQUENCE);
	add_octets(&r, ""); /* context engine id */
	add_octets(&r, ""); /* context name */
	pdu = open_value(&r, SNMP_GET);
	add_integer(&r, 1); /* request id */
	add_integer(&r, 0); /* error status */
	add_integer(&r, 0); /* error index */
	bindings = open_value(&r, BER_SEQUENCE);
	close_value(&r, bindings);
	close_value(&r, pdu);
	close_value(&r, scoped);
	close_value(&r, message);
	return r.n;
}

/* RFC 1157 4.1.2: get sysDescr.0 (RFC 1213) with the community that devices come with. */
static size_t build_v1_get(uint8_t *out)
{
	static const uint8_t sys_descr[] = {1 * 40 + 3, 6, 1, 2, 1, 1, 1, 0}; /* 1.3.6.1.2.1.1.1.0 */
	struct request r = {out, 0};
	size_t message = open_value(&r, BER_SEQUENCE), pdu, bindings, binding;

	add_integer(&r, SNMP_V1);
	add_octets(&r, "public");
	pdu = open_value(&r, SNMP_GET);
	add_id(&r);         /* request id, with the nonce */
	add_integer(&r, 0); /* error status */
	add_integer(&r, 0); /* error index */
	bindings = open_value(&r, BER_SEQUENCE);
	binding = open_value(&r, BER_SEQUENCE);
	add_u8(&r, BER_OID);
	add_u8(&r, sizeof(sys_descr));
	memcpy(request_grow(&r, sizeof(sys_descr)), sys_descr, sizeof(sys_descr));
	add_u8(&r, BER_NULL);
	add_u8(&r, 0);
	close_value(&r, binding);
	close_value(&r, bindings);
	close_value(&r, pdu);
	close_value(&r, message);
	return r.n;
}

static enum answer judge_v3(const uint8_t *data, size_t n, uint16_t nonce)
{
	struct cursor c = cursor_of(data, n);
	uint32_t version, id;

	enter(&c, BER_SEQUENCE);
	version = read_integer(&c);
	enter(&c, BER_SEQUENCE);
	id = read_integer(&c);
	return judge_id(c.ok && version == SNMP_V3, c.ok && version == SNMP_V3 && id == (BER_ID | nonce));
}

static enum answer judge_v1(const uint8_t *data, size_t n, uint16_t nonce)
{
	struct cursor c = cursor_of(data, n);
	uint32_t version, id;
	uint8_t pdu;

	enter(&c, BER_SEQUENCE);
	version = read_integer(&c);
	cursor_take(&c, enter(&c, BER_OCTETS)); /* community */
	pdu = c.ok && c.at < c.end ? *c.at : 0;
	enter(&c, pdu);
	id = read_integer(&c);
	/* Any context-specific constructed tag is a PDU: an echo of the request counts as an answer too. */
	return judge_id(c.ok && version == SNMP_V1 && (pdu & 0xe0) == 0xa0, c.ok && id == (BER_ID | nonce));
}

static const struct payload rows[] = {
        {.name = "snmpv3-discovery",
         .ports = {161},
         .source = "RFC 3412 6, RFC 3414 4",
         .build = build_v3_discovery,
         .nonce_offset = 11,
         .judge = judge_v3},
        {.name = "snmpv1-get",
         .ports = {161},
         .source = "RFC 1157 4.1.2",
         .build = build_v1_get,
         .nonce_offset = 19,
         .judge = judge_v1},
};

PAYLOAD_FAMILY(payloads_snmp, rows);
