/* payload_industrial.c: buildings and machines: KNX, EtherNet/IP, BACnet, DNP3, TwinCAT. Questions of identity only: nothing is
 * written, nothing is started, no connection is held. */
#include "payload_rows.h"

/* KNX Standard 3.8.2: EN ISO 22510 */
enum { KNX_HEADER_BYTES = 6, KNX_VERSION = 0x10, KNX_UDP = 1 };
enum { KNX_SEARCH_RESPONSE = 0x0202, KNX_DESCRIPTION_REQUEST = 0x0203, KNX_DESCRIPTION_RESPONSE = 0x0204 };

/* KNX 3.8.2 7.7.1: of what kind is this? The address 0.0.0.0:0 means "where this came from" (3.8.2 8.6.2.2). */
static size_t build_knx(uint8_t *out)
{
	struct request r = {out, 0};

	add_u8(&r, KNX_HEADER_BYTES);
	add_u8(&r, KNX_VERSION);
	add_u16(&r, KNX_DESCRIPTION_REQUEST);
	add_u16(&r, KNX_HEADER_BYTES + 8);
	add_u8(&r, 8); /* bytes of the address */
	add_u8(&r, KNX_UDP);
	add_u32(&r, 0);
	add_u16(&r, 0);
	return r.n;
}

static enum answer judge_knx(const uint8_t *data, size_t n, uint16_t nonce)
{
	struct cursor c = cursor_of(data, n);
	uint8_t header_bytes = cursor_u8(&c), version = cursor_u8(&c);
	uint16_t service = cursor_u16(&c), length = cursor_u16(&c);

	(void)nonce;
	return judge_form(c.ok && header_bytes == KNX_HEADER_BYTES && version == KNX_VERSION && length == n &&
	                  (service == KNX_DESCRIPTION_RESPONSE || service == KNX_SEARCH_RESPONSE));
}

/* CIP Networks Library volume 2, 2-3, 2-4.2: ListIdentity. */
enum { ENIP_LIST_IDENTITY = 0x0063, ENIP_HEADER_BYTES = 24, ENIP_CONTEXT = 12 };

static const uint8_t enip_context[6] = {'n', 's', 'c', 'a', 'n', '1'}; /* and the nonce */

static size_t build_enip(uint8_t *out)
{
	struct request r = {out, 0};

	add_le16(&r, ENIP_LIST_IDENTITY);
	add_le16(&r, 0); /* no data */
	add_le32(&r, 0); /* session: none */
	add_le32(&r, 0); /* status */
	add_bytes(&r, enip_context, sizeof(enip_context));
	add_u16(&r, 0);  /* the nonce */
	add_le32(&r, 0); /* options */
	return r.n;
}

static enum answer judge_enip(const uint8_t *data, size_t n, uint16_t nonce)
{
	struct cursor c = cursor_of(data, n);
	uint16_t command = cursor_le16(&c), length = cursor_le16(&c);
	bool ours;

	cursor_take(&c, ENIP_CONTEXT - 4);
	ours = cursor_is(&c, enip_context, sizeof(enip_context)) && cursor_u16(&c) == nonce && c.ok;
	if (n < ENIP_HEADER_BYTES || command != ENIP_LIST_IDENTITY || length != n - ENIP_HEADER_BYTES)
		return ANSWER_UNKNOWN;
	return judge_id(length > 0, ours);
}

/* ASHRAE 135 annex J.2, clauses 6.2, 20.1 */
enum { BVLC_BACNET_IP = 0x81, BVLC_UNICAST = 0x0a, BVLC_HEADER_BYTES = 4, NPDU_VERSION = 1, NPDU_EXPECTS_REPLY = 4 };
enum { BACNET_CONFIRMED = 0, BACNET_COMPLEX_ACK = 3, BACNET_ERROR = 5, BACNET_ABORT = 7, BACNET_MOST_BYTES = 5 };
enum { BACNET_INVOKE = 'n', BACNET_READ_PROPERTY = 12, BACNET_OBJECT_NAME = 77 };
#define BACNET_ANY_DEVICE (8u << 22 | 0x3fffff) /* type device, instance 4194303: "you, whoever you are" (12.11) */

static size_t build_bacnet(uint8_t *out)
{
	struct request r = {out, 0};

	add_u8(&r, BVLC_BACNET_IP);
	add_u8(&r, BVLC_UNICAST);
	add_u16(&r, 0); /* length, when it is known */
	add_u8(&r, NPDU_VERSION);
	add_u8(&r, NPDU_EXPECTS_REPLY);
	add_u8(&r, BACNET_CONFIRMED << 4);
	add_u8(&r, BACNET_MOST_BYTES); /* 1476 bytes in one piece */
	add_u8(&r, BACNET_INVOKE);
	add_u8(&r, BACNET_READ_PROPERTY);
	add_u8(&r, 0 << 4 | 1 << 3 | 4); /* context tag 0, four bytes: the object */
	add_u32(&r, BACNET_ANY_DEVICE);
	add_u8(&r, 1 << 4 | 1 << 3 | 1); /* context tag 1, one byte: the property */
	add_u8(&r, BACNET_OBJECT_NAME);
	put_u16(out + 2, (uint16_t)r.n);
	return r.n;
}

static enum answer judge_bacnet(const uint8_t *data, size_t n, uint16_t nonce)
{
	struct cursor c = cursor_of(data, n);
	uint8_t type = cursor_u8(&c), pdu, invoke;
	uint16_t length;

	(void)nonce;
	cursor_u8(&c); /* function */
	length = cursor_u16(&c);
	if (cursor_u8(&c) != NPDU_VERSION || cursor_u8(&c) >= 0x20)
		return ANSWER_UNKNOWN; /* a message of the network layer, or for another network */
	pdu = cursor_u8(&c) >> 4;
	invoke = cursor_u8(&c);
	if (!c.ok || type != BVLC_BACNET_IP || length != n || pdu < BACNET_COMPLEX_ACK || pdu > BACNET_ABORT)
		return ANSWER_UNKNOWN;
	return invoke == BACNET_INVOKE ? ANSWER_FITS : ANSWER_FOREIGN;
}

/* IEEE 1815 9.2: the link layer of DNP3 */
enum { DNP3_START = 0x0564, DNP3_LEAST_LENGTH = 5, DNP3_FROM_MASTER = 0xc0, DNP3_REQUEST_LINK_STATUS = 9 };
enum { DNP3_SELF_ADDRESS = 0xfffc, DNP3_OUR_ADDRESS = 1, DNP3_HEADER_BYTES = 10, DNP3_CRC_POLYNOMIAL = 0xa6bc };
enum { DNP3_FROM_OUTSTATION = 0x40, DNP3_DIRECTION_AND_PRIMARY = 0xc0 };

static uint16_t dnp3_crc(const uint8_t *bytes, size_t n)
{
	uint16_t crc = 0;

	for (size_t i = 0; i < n; i++) {
		crc ^= bytes[i];
		for (int bit = 0; bit < 8; bit++)
			crc = crc & 1 ? (uint16_t)(crc >> 1 ^ DNP3_CRC_POLYNOMIAL) : (uint16_t)(crc >> 1);
	}
	return (uint16_t)~crc;
}

/* IEEE 1815 9.2.6.4, 9.2.5.2: is the link there? To the address by which an outstation tells its own. */
static size_t build_dnp3(uint8_t *out)
{
	struct request r = {out, 0};

	add_u16(&r, DNP3_START);
	add_u8(&r, DNP3_LEAST_LENGTH);
	add_u8(&r, DNP3_FROM_MASTER | DNP3_REQUEST_LINK_STATUS);
	add_le16(&r, DNP3_SELF_ADDRESS);
	add_le16(&r, DNP3_OUR_ADDRESS);
	add_le16(&r, dnp3_crc(out, r.n));
	return r.n;
}

static enum answer judge_dnp3(const uint8_t *data, size_t n, uint16_t nonce)
{
	struct cursor c = cursor_of(data, n);
	uint16_t start = cursor_u16(&c), crc;
	uint8_t control;

	(void)nonce;
	cursor_u8(&c);
	control = cursor_u8(&c);
	cursor_take(&c, 4);
	crc = cursor_le16(&c);
	if (!c.ok || start != DNP3_START || (control & DNP3_DIRECTION_AND_PRIMARY) >= DNP3_FROM_OUTSTATION)
		return ANSWER_UNKNOWN;
	return judge_form(crc == dnp3_crc(data, DNP3_HEADER_BYTES - 2));
}

/* Beckhoff's discovery on port 48899: no published specification; fields as TwinCAT's own search sends them. */
#define ADS_MAGIC 0x71146603u
enum { ADS_SERVER_INFO = 1, ADS_RESPONSE = 0x80, ADS_SYSTEM_SERVICE = 10000, ADS_INVOKE_START = 0x736e };

static size_t build_ads(uint8_t *out)
{
	struct request r = {out, 0};

	add_le32(&r, ADS_MAGIC);
	add_le16(&r, ADS_INVOKE_START); /* invoke id: this and the nonce */
	add_u16(&r, 0);
	add_le32(&r, ADS_SERVER_INFO);
	add_zeroes(&r, 6); /* our AMS net id: none */
	add_le16(&r, ADS_SYSTEM_SERVICE);
	add_le32(&r, 0); /* no tags */
	return r.n;
}

static enum answer judge_ads(const uint8_t *data, size_t n, uint16_t nonce)
{
	struct cursor c = cursor_of(data, n);
	uint32_t magic = cursor_u32(&c);
	uint16_t start = cursor_le16(&c), found = cursor_u16(&c);
	const uint8_t *service = cursor_take(&c, 4);

	if (!service || magic != 0x03661471u || service[0] != ADS_SERVER_INFO || service[3] != ADS_RESPONSE)
		return ANSWER_UNKNOWN;
	if (start == 0 && found == 0)
		return ANSWER_FITS; /* releases that know no invoke id */
	return judge_id(true, start == ADS_INVOKE_START && found == nonce);
}

static const struct payload rows[] = {
        {.name = "knx-description",
         .ports = {3671},
         .source = "KNX 3.8.2 7.7.1 (EN ISO 22510)",
         .build = build_knx,
         .nonce_offset = -1,
         .judge = judge_knx},
        {.name = "enip-list-identity",
         .ports = {44818},
         .source = "CIP Networks Library 2, 2-4.2",
         .build = build_enip,
         .nonce_offset = ENIP_CONTEXT + sizeof(enip_context),
         .judge = judge_enip},
        {.name = "bacnet-object-name",
         .ports = {47808},
         .source = "ASHRAE 135 15.5, J.2",
         .build = build_bacnet,
         .nonce_offset = -1,
         .judge = judge_bacnet},
        {.name = "dnp3-link-status",
         .ports = {20000},
         .source = "IEEE 1815 9.2.6.4",
         .build = build_dnp3,
         .nonce_offset = -1,
         .judge = judge_dnp3},
        {.name = "ads-server-info",
         .ports = {48899},
         .source = "TwinCAT's own search",
         .build = build_ads,
         .nonce_offset = 6,
         .judge = judge_ads},
};

PAYLOAD_FAMILY(payloads_industrial, rows);
