/* read_industry.c: buildings and plants: BACnet/IP, EtherNet/IP, KNXnet/IP, DNP3, Beckhoff ADS, and CoAP (RFC 7252). */
#include <stdio.h>

#include "read.h"

enum {
	BVLC = 0x81,
	BVLC_ORIGINAL_UNICAST = 0x0a,
	BVLC_ORIGINAL_BROADCAST = 0x0b,
	BVLC_RESULT = 0x00,
	NPDU_VERSION = 1
};
enum {
	APDU_UNCONFIRMED = 1,
	APDU_COMPLEX_ACK = 3,
	APDU_ERROR = 5,
	APDU_REJECT = 6,
	APDU_ABORT = 7,
	I_AM = 0,
	READ_PROPERTY = 12
};
enum { BACNET_OBJECT_ID = 0xc4 };

/* ASHRAE's list of vendor identifiers: the commonest. */
static const struct named_number bacnet_vendors[] = {
        {2, "Trane"},
        {5, "Johnson Controls"},
        {7, "Siemens"},
        {8, "Delta Controls"},
        {10, "Schneider Electric"},
        {17, "Honeywell"},
        {18, "Alerton"},
        {24, "Automated Logic"},
        {27, "Cimetrics"},
        {35, "Reliable Controls"},
        {36, "Tridium"},
        {85, "Contemporary Controls"},
        {95, "Distech"},
        {222, "Wago"},
        {260, "BACnet Stack (open source)"},
        {343, "Phoenix Contact"},
        {0, NULL},
};

/* An application-tagged unsigned number of one to four bytes (20.2.1): 0x21 to 0x24. */
static bool bacnet_unsigned(struct cursor *c, uint8_t class, uint32_t *value)
{
	uint8_t tag = cursor_u8(c), bytes = tag & 7;

	*value = 0;
	if ((tag & 0xf8) != class || bytes < 1 || bytes > 4)
		return false;
	while (bytes-- > 0)
		*value = *value << 8 | cursor_u8(c);
	return c->ok;
}

static void read_i_am(struct cursor c, struct service_reading *out)
{
	uint32_t object, size, segmentation, vendor;

	if (cursor_u8(&c) != BACNET_OBJECT_ID)
		return;
	object = cursor_u32(&c);
	detail(out, "device", "%u", object & 0x3fffff);
	say(out, "device %u", object & 0x3fffff);
	if (!bacnet_unsigned(&c, 0x20, &size) || !bacnet_unsigned(&c, 0x90, &segmentation) ||
	    !bacnet_unsigned(&c, 0x20, &vendor))
		return;
	detail(out, "vendor", "%u%s%s", vendor, name_of(bacnet_vendors, vendor) ? " " : "",
	       name_of(bacnet_vendors, vendor) ? name_of(bacnet_vendors, vendor) : "");
	say(out, "vendor %s", service_detail(out, "vendor"));
	if (name_of(bacnet_vendors, vendor))
		snprintf(out->product, sizeof(out->product), "%s", name_of(bacnet_vendors, vendor));
}

/* The value of a property that is text: object, property, opening tag 3, a character string (0x75, length, 0 for UTF-8). */
static void read_property(struct cursor c, struct service_reading *out)
{
	const uint8_t *open = cursor_left(&c) > 0 ? memchr(c.at, 0x3e, cursor_left(&c)) : NULL;
	uint8_t tag, bytes;
	uint32_t value;

	if (!open)
		return;
	cursor_take(&c, (size_t)(open - c.at) + 1);
	tag = cursor_u8(&c);
	if ((tag & 0xf8) == 0x70) {
		bytes = (tag & 7) == 5 ? cursor_u8(&c) : tag & 7;
		cursor_u8(&c); /* encoding */
		if (c.ok && bytes > 1)
			detail_bytes(out, "value", c.at, bytes - 1u < cursor_left(&c) ? bytes - 1u : cursor_left(&c));
		if (service_detail(out, "value"))
			say(out, "%.80s", service_detail(out, "value"));
	} else if (tag == BACNET_OBJECT_ID) {
		value = cursor_u32(&c);
		if (c.ok) {
			detail(out, "device", "%u", value & 0x3fffff);
			say(out, "device %u", value & 0x3fffff);
		}
	}
}

/* ANSI/ASHRAE 135 annex J, clauses 6, 20. */
static bool read_bacnet(const uint8_t *data, size_t n, struct service_reading *out)
{
	struct cursor c = cursor_of(data, n);
	uint8_t type = cursor_u8(&c), function = cursor_u8(&c), control, kind, choice;
	uint16_t length = cursor_u16(&c);

	if (!c.ok || type != BVLC || length != n)
		return false;
	if (function == BVLC_RESULT && n == 6) {
		say(out, "BACnet/IP, result 0x%04x", cursor_u16(&c));
		return true;
	}
	if ((function != BVLC_ORIGINAL_UNICAST && function != BVLC_ORIGINAL_BROADCAST) || cursor_u8(&c) != NPDU_VERSION)
		return false;
	control = cursor_u8(&c);
	for (uint8_t bit = 0x20; bit >= 0x08;
	     bit = (uint8_t)(bit >> 2)) { /* destination, then source: network, length, address */
		if (!(control & bit))
			continue;
		cursor_u16(&c);
		cursor_take(&c, cursor_u8(&c));
	}
	if (control & 0x20)
		cursor_u8(&c); /* hops */
	kind = cursor_u8(&c);
	if (!c.ok || control & 0x80)
		return false;
	say(out, "BACnet");
	switch (kind >> 4) {
	case APDU_UNCONFIRMED:
		choice = cursor_u8(&c);
		if (choice == I_AM)
			read_i_am(c, out);
		return c.ok && choice <= 1;
	case APDU_COMPLEX_ACK:
		cursor_u8(&c); /* invoke id */
		choice = cursor_u8(&c);
		if (choice == READ_PROPERTY)
			read_property(c, out);
		return c.ok;
	case APDU_ERROR:
	case APDU_REJECT:
	case APDU_ABORT:
		say(out, "refuses the request");
		return true;
	default:
		return false;
	}
}

enum { ENIP_LIST_IDENTITY = 0x0063, ENIP_LIST_SERVICES = 0x0004, ENIP_IDENTITY_ITEM = 0x000c };

static const struct named_number cip_vendors[] = {
        {1, "Rockwell Automation"},
        {2, "Namco"},
        {5, "Rockwell (Reliance)"},
        {26, "Festo"},
        {34, "Advanced Energy"},
        {40, "WAGO"},
        {47, "Omron"},
        {48, "Turck"},
        {52, "Eaton"},
        {90, "HMS"},
        {108, "Beckhoff"},
        {160, "Keyence"},
        {243, "Schneider Electric"},
        {283, "Hilscher"},
        {808, "SICK"},
        {1251, "Siemens"},
        {0, NULL},
};

/* CIP volume 2, 2-4.2: everything little-endian but the socket address. */
static bool read_enip(const uint8_t *data, size_t n, struct service_reading *out)
{
	struct cursor c = cursor_of(data, n);
	uint16_t command = cursor_u16le(&c), length = cursor_u16le(&c), item, vendor, kind;
	uint8_t major, minor, name_bytes;
	const uint8_t *name;

	cursor_u32(&c); /* session */
	if (cursor_u32(&c) != 0 || (command != ENIP_LIST_IDENTITY && command != ENIP_LIST_SERVICES) ||
	    length != n - 24 || n < 26)
		return false;
	cursor_take(&c, 12); /* context, options */
	cursor_u16le(&c);    /* items */
	item = cursor_u16le(&c);
	cursor_u16le(&c); /* its length */
	if (command != ENIP_LIST_IDENTITY || item != ENIP_IDENTITY_ITEM) {
		say(out, "EtherNet/IP");
		return c.ok;
	}
	cursor_take(&c, 18); /* protocol version, socket address */
	vendor = cursor_u16le(&c);
	kind = cursor_u16le(&c);
	cursor_u16le(&c); /* product code */
	major = cursor_u8(&c);
	minor = cursor_u8(&c);
	cursor_u16le(&c); /* status */
	if (!c.ok)
		return false;
	detail(out, "vendor", "%u%s%s", vendor, name_of(cip_vendors, vendor) ? " " : "",
	       name_of(cip_vendors, vendor) ? name_of(cip_vendors, vendor) : "");
	detail(out, "device-type", "%u", kind);
	detail(out, "version", "%u.%u", major, minor);
	detail(out, "serial", "%08x", cursor_u32le(&c));
	name_bytes = cursor_u8(&c);
	name = cursor_take(&c, name_bytes);
	if (name && name_bytes > 0) {
		detail_bytes(out, "name", name, name_bytes);
		clean_text(out->product, sizeof(out->product), name, name_bytes);
		snprintf(out->version, sizeof(out->version), "%u.%u", major, minor);
	}
	say(out, "%s%s%u.%u", out->product, out->product[0] ? " " : "EtherNet/IP ", major, minor);
	say(out, "vendor %s", service_detail(out, "vendor"));
	return true;
}

enum {
	KNX_HEADER = 0x0610,
	KNX_SEARCH_RESPONSE = 0x0202,
	KNX_DESCRIPTION_RESPONSE = 0x0204,
	KNX_CONNECT_RESPONSE = 0x0206
};

/* KNX standard 3/8/2, 7.5.4: device information block. */
static bool read_knx(const uint8_t *data, size_t n, struct service_reading *out)
{
	struct cursor c = cursor_of(data, n);
	uint16_t header = cursor_u16(&c), service = cursor_u16(&c), total = cursor_u16(&c), individual;
	uint8_t block_bytes, block_type;
	const uint8_t *serial, *mac, *name;
	char text[40];

	if (!c.ok || header != KNX_HEADER || total != n ||
	    (service != KNX_SEARCH_RESPONSE && service != KNX_DESCRIPTION_RESPONSE && service != KNX_CONNECT_RESPONSE))
		return false;
	say(out, "KNXnet/IP");
	if (service == KNX_CONNECT_RESPONSE)
		return true;
	if (service == KNX_SEARCH_RESPONSE)
		cursor_take(&c, 8); /* the server's address */
	block_bytes = cursor_u8(&c);
	block_type = cursor_u8(&c);
	cursor_u16(&c); /* medium, state */
	individual = cursor_u16(&c);
	cursor_u16(&c); /* project */
	serial = cursor_take(&c, 6);
	cursor_u32(&c); /* multicast group */
	mac = cursor_take(&c, 6);
	name = cursor_take(&c, 30);
	if (!name || block_type != 1 || block_bytes != 54)
		return true;
	detail_bytes(out, "name", name, 30);
	detail(out, "individual-address", "%u.%u.%u", individual >> 12, individual >> 8 & 15, individual & 255);
	hex_text(text, sizeof(text), serial, 6, "");
	if (memcmp(serial, "\0\0\0\0\0\0", 6) != 0)
		detail(out, "serial", "%s", text);
	hex_text(text, sizeof(text), mac, 6, ":");
	detail(out, "mac", "%s", text);
	if (service_detail(out, "name"))
		say(out, "%s", service_detail(out, "name"));
	say(out, "%s", service_detail(out, "individual-address"));
	return true;
}

/* IEEE 1815, link layer: start bytes, length, control (direction: from the outstation), addresses. */
static bool read_dnp3(const uint8_t *data, size_t n, struct service_reading *out)
{
	struct cursor c = cursor_of(data, n);
	uint16_t start = cursor_u16(&c), destination, source;
	uint8_t length = cursor_u8(&c), control = cursor_u8(&c);

	destination = cursor_u16le(&c);
	source = cursor_u16le(&c);
	if (!c.ok || start != 0x0564 || length < 5 || n < 10 || control & 0x80)
		return false;
	detail(out, "address", "%u", source);
	say(out, "DNP3 outstation %u", source);
	(void)destination;
	return true;
}

/* Beckhoff's discovery: cookie, invoke id, operation with the bit of a reply, net id, port, tags; tag 5 is the host's name. */
static bool read_ads(const uint8_t *data, size_t n, struct service_reading *out)
{
	struct cursor c = cursor_of(data, n);
	uint32_t cookie = cursor_u32le(&c), operation, tags;
	const uint8_t *id;

	cursor_u32(&c);
	operation = cursor_u32le(&c);
	id = cursor_take(&c, 6);
	cursor_u16(&c);
	tags = cursor_u32le(&c);
	if (!c.ok || !id || cookie != 0x71146603 || !(operation & 0x80000000u))
		return false;
	detail(out, "net-id", "%u.%u.%u.%u.%u.%u", id[0], id[1], id[2], id[3], id[4], id[5]);
	for (uint32_t i = 0; i < tags && i < 16 && cursor_left(&c) >= 4; i++) {
		uint16_t type = cursor_u16le(&c), bytes = cursor_u16le(&c);
		const uint8_t *value = cursor_take(&c, bytes);

		if (value && type == 5)
			detail_bytes(out, "host-name", value, bytes);
		else if (value && type == 3 && bytes >= 4)
			detail(out, "version", "%u.%u.%u", value[0], value[1],
			       (unsigned)value[2] | (unsigned)value[3] << 8);
	}
	snprintf(out->product, sizeof(out->product), "Beckhoff TwinCAT");
	if (service_detail(out, "version"))
		snprintf(out->version, sizeof(out->version), "%.50s", service_detail(out, "version"));
	say(out, "Beckhoff TwinCAT %.20s", out->version);
	if (service_detail(out, "host-name"))
		say(out, "%.50s", service_detail(out, "host-name"));
	say(out, "%s", service_detail(out, "net-id"));
	return true;
}

enum { COAP_CON = 0, COAP_NON = 1, COAP_ACK = 2, COAP_RESET = 3, COAP_PAYLOAD = 0xff };

/* RFC 7252 3: an empty acknowledgement or reset to a ping, or a response with the server's links (RFC 6690). */
static bool read_coap(const uint8_t *data, size_t n, struct service_reading *out)
{
	struct cursor c = cursor_of(data, n);
	uint8_t first = cursor_u8(&c), code = cursor_u8(&c), type = first >> 4 & 3, token = first & 15;
	const uint8_t *marker;

	cursor_u16(&c); /* message id */
	if (!c.ok || first >> 6 != 1 || token > 8 || !cursor_take(&c, token))
		return false;
	if (code == 0) {
		if (type != COAP_RESET || token != 0 || n != 4)
			return false;
		say(out, "CoAP, answers a ping");
		return true;
	}
	if (code >> 5 < 2 || code >> 5 > 5 || code >> 5 == 3 || (code & 31) > 15)
		return false;
	detail(out, "code", "%u.%02u", code >> 5, code & 31);
	say(out, "CoAP %u.%02u", code >> 5, code & 31);
	marker = cursor_left(&c) > 0 ? memchr(c.at, COAP_PAYLOAD, cursor_left(&c)) : NULL;
	if (marker && marker + 1 < c.end && is_text(marker + 1, (size_t)(c.end - marker - 1))) {
		detail_bytes(out, "resources", marker + 1, (size_t)(c.end - marker - 1));
		say(out, "%.80s", service_detail(out, "resources") ? service_detail(out, "resources") : "");
	}
	return true;
}

/* Elsewhere only what is surely none of many texts and binary protocols that begin alike: an acknowledgement or a reset. */
static bool read_coap_anywhere(const uint8_t *data, size_t n, struct service_reading *out)
{
	return n >= 4 && (data[0] >> 4 & 3) >= COAP_ACK && !is_text(data, n) && read_coap(data, n, out);
}

static const struct reader readers[] = {
        {.service = "bacnet", .ports = {47808}, .read = read_bacnet},
        {.service = "EtherNet-IP-2", .ports = {44818, 2222}, .read = read_enip},
        {.service = "knxnet-ip", .ports = {3671}, .read = read_knx},
        {.service = "dnp", .ports = {20000}, .read = read_dnp3},
        {.service = "ads-discovery", .ports = {48899}, .read = read_ads},
        {.service = "coap", .ports = {5683}, .only_there = true, .read = read_coap},
        {.service = "coap", .read = read_coap_anywhere},
};

READER_FAMILY(readers_industry, readers);
