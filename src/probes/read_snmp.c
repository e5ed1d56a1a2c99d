/* read_snmp.c: SNMP: the engine that reports itself (RFC 3412, 3414), and what a plain get is answered (RFC 1157, 3416). */
#include <stdio.h>

#include "read.h"

enum { BER_INTEGER = 0x02, BER_OCTETS = 0x04, BER_OID = 0x06, BER_SEQUENCE = 0x30, TIME_TICKS = 0x43 };
enum { PDU_RESPONSE = 0xa2, PDU_REPORT = 0xa8, SNMP_V1 = 0, SNMP_V2C = 1, SNMP_V3 = 3 };
enum { ENTERPRISE_NET_SNMP = 8072 };

/* IANA, Private Enterprise Numbers: those whose agents one meets. */
static const struct named_number enterprises[] = {
        {2, "IBM"},
        {9, "Cisco"},
        {11, "Hewlett-Packard"},
        {18, "Bay Networks"},
        {36, "DEC"},
        {42, "Sun"},
        {43, "3Com"},
        {111, "Oracle"},
        {119, "NEC"},
        {161, "Motorola"},
        {171, "D-Link"},
        {193, "Ericsson"},
        {207, "Allied Telesis"},
        {232, "Compaq"},
        {311, "Microsoft"},
        {318, "APC"},
        {343, "Intel"},
        {368, "Axis"},
        {534, "Eaton"},
        {562, "Mitel"},
        {637, "Alcatel-Lucent"},
        {641, "Lexmark"},
        {674, "Dell"},
        {789, "NetApp"},
        {890, "Zyxel"},
        {1588, "Brocade"},
        {1602, "Canon"},
        {1718, "Oki"},
        {1916, "Extreme"},
        {1991, "Foundry"},
        {2011, "Huawei"},
        {2021, "UCD-SNMP"},
        {2435, "Brother"},
        {2636, "Juniper"},
        {2620, "Check Point"},
        {3224, "NetScreen"},
        {3375, "F5"},
        {3902, "ZTE"},
        {4526, "Netgear"},
        {4874, "Juniper (Unisphere)"},
        {5624, "Enterasys"},
        {5951, "Citrix NetScaler"},
        {6027, "Force10"},
        {6296, "Technicolor"},
        {6486, "Alcatel-Lucent"},
        {6574, "Synology"},
        {6876, "VMware"},
        {8072, "Net-SNMP"},
        {8164, "Starent"},
        {8741, "SonicWall"},
        {9303, "PacketFront"},
        {10002, "Ubiquiti"},
        {11863, "TP-Link"},
        {12325, "FreeBSD (bsnmpd)"},
        {12356, "Fortinet"},
        {13742, "Raritan"},
        {14179, "Airespace"},
        {14501, "Blue Coat"},
        {14525, "Trapeze"},
        {14823, "Aruba"},
        {14988, "MikroTik"},
        {15497, "IronPort"},
        {17163, "Riverbed"},
        {19746, "Data Domain"},
        {21839, "Barracuda"},
        {24681, "QNAP"},
        {25053, "Ruckus"},
        {25461, "Palo Alto Networks"},
        {25506, "H3C"},
        {26543, "IBM BNT"},
        {30065, "Arista"},
        {30155, "OpenBSD"},
        {35098, "Draytek"},
        {39165, "Hikvision"},
        {40310, "Cumulus"},
        {41112, "Ubiquiti"},
        {0, NULL},
};

/* RFC 3411 5, SnmpEngineID: the enterprise, then by format an address, a text, or something of its own. */
static void describe_engine(struct service_reading *out, const uint8_t *id, size_t n)
{
	uint32_t enterprise;
	const char *name;
	char text[80];

	hex_text(text, sizeof(text), id, n, "");
	detail(out, "engine-id", "%s", text);
	if (n < 5)
		return;
	enterprise = ((uint32_t)id[0] << 24 | (uint32_t)id[1] << 16 | (uint32_t)id[2] << 8 | id[3]) & 0x7fffffff;
	name = name_of(enterprises, enterprise);
	detail(out, "enterprise", "%u%s%s", enterprise, name ? " " : "", name ? name : "");
	if (name)
		say(out, "%s", name);
	else
		say(out, "enterprise %u", enterprise);
	if (!(id[0] & 0x80))
		return;
	if (id[4] == 1 && n == 9) {
		detail(out, "engine-addr", "%u.%u.%u.%u", id[5], id[6], id[7], id[8]);
		say(out, "%s", service_detail(out, "engine-addr"));
	} else if (id[4] == 3 && n == 11) {
		hex_text(text, sizeof(text), id + 5, 6, ":");
		detail(out, "engine-mac", "%s", text);
		say(out, "%s", text);
	} else if (id[4] == 4) {
		detail_bytes(out, "engine-text", id + 5, n - 5);
		if (service_detail(out, "engine-text"))
			say(out, "%s", service_detail(out, "engine-text"));
	} else if (id[4] == 128 && enterprise == ENTERPRISE_NET_SNMP && n == 17) {
		/* Net-SNMP: four random bytes, then when the engine was made, little-endian. */
		int64_t made =
		        (int64_t)((uint32_t)id[12] << 24 | (uint32_t)id[11] << 16 | (uint32_t)id[10] << 8 | id[9]);

		detail(out, "engine-made", "%s", utc_text(made, text));
	}
}

/* RFC 3414 2.4: the parameters of the user-based security model. */
static bool read_usm(struct cursor parameters, struct service_reading *out)
{
	struct cursor sequence = ber_enter(&parameters, BER_SEQUENCE);
	struct cursor id = ber_enter(&sequence, BER_OCTETS);
	int64_t boots = ber_integer(&sequence, BER_INTEGER), seconds = ber_integer(&sequence, BER_INTEGER);
	char text[24];

	if (!sequence.ok || !id.ok)
		return false;
	describe_engine(out, id.at, cursor_left(&id));
	if (boots > 0 || seconds > 0) {
		detail(out, "boots", "%lld", (long long)boots);
		detail(out, "uptime", "%s", duration_text(seconds > 0 ? (uint64_t)seconds : 0, text));
		say(out, "up %s", text);
	}
	return true;
}

static bool read_v3(struct cursor message, struct service_reading *out)
{
	struct cursor header = ber_enter(&message, BER_SEQUENCE), flags, security;
	int64_t model;

	ber_integer(&header, BER_INTEGER); /* msgID */
	ber_integer(&header, BER_INTEGER); /* msgMaxSize */
	flags = ber_enter(&header, BER_OCTETS);
	model = ber_integer(&header, BER_INTEGER);
	security = ber_enter(&message, BER_OCTETS);
	/* A reportable message (bit 2) is a request: an answer never is. */
	if (!header.ok || !security.ok || cursor_left(&flags) != 1 || flags.at[0] & 4)
		return false;
	detail(out, "snmp-version", "3");
	say(out, "SNMPv3");
	return model != 3 || read_usm(security, out);
}

/* 1.3.6.1.2.1.1.x.0 (RFC 1213, 3418): the system group. */
static const char *system_key(const struct cursor *oid)
{
	static const uint8_t system_group[] = {0x2b, 6, 1, 2, 1, 1};
	static const struct named_number keys[] = {{1, "sys-descr"},   {2, "sys-object-id"}, {3, "uptime"},
	                                           {4, "sys-contact"}, {5, "sys-name"},      {6, "sys-location"},
	                                           {0, NULL}};

	if (cursor_left(oid) != 8 || memcmp(oid->at, system_group, sizeof(system_group)) != 0 || oid->at[7] != 0)
		return NULL;
	return name_of(keys, oid->at[6]);
}

static void read_binding(struct cursor binding, struct service_reading *out)
{
	struct cursor oid = ber_enter(&binding, BER_OID);
	const char *key = oid.ok ? system_key(&oid) : NULL;
	uint8_t tag = ber_peek(&binding);
	char text[24];

	if (!key)
		return;
	if (tag == BER_OCTETS) {
		struct cursor value = ber_enter(&binding, BER_OCTETS);

		detail_bytes(out, key, value.at, cursor_left(&value));
	} else if (tag == TIME_TICKS) {
		detail(out, key, "%s", duration_text((uint64_t)ber_integer(&binding, TIME_TICKS) / 100, text));
	}
}

static bool read_community(struct cursor message, int64_t version, struct service_reading *out)
{
	static const struct named_number errors[] = {{1, "tooBig"}, {2, "noSuchName"},          {3, "badValue"},
	                                             {5, "genErr"}, {16, "authorizationError"}, {0, NULL}};
	struct cursor community = ber_enter(&message, BER_OCTETS), pdu = ber_enter(&message, PDU_RESPONSE), bindings;
	int64_t status;

	ber_integer(&pdu, BER_INTEGER); /* request id */
	status = ber_integer(&pdu, BER_INTEGER);
	ber_integer(&pdu, BER_INTEGER);
	bindings = ber_enter(&pdu, BER_SEQUENCE);
	if (!community.ok || !pdu.ok || !bindings.ok)
		return false;
	detail_bytes(out, "community", community.at, cursor_left(&community));
	detail(out, "snmp-version", "%s", version == SNMP_V1 ? "1" : "2c");
	while (cursor_left(&bindings) > 0 && bindings.ok)
		read_binding(ber_enter(&bindings, BER_SEQUENCE), out);
	out->names_itself = service_detail(out, "sys-descr") != NULL;
	if (out->names_itself)
		say(out, "%.100s", service_detail(out, "sys-descr"));
	else if (status != 0)
		say(out, "SNMPv%s error %s", version == SNMP_V1 ? "1" : "2c",
		    name_of(errors, (uint32_t)status) ? name_of(errors, (uint32_t)status) : "");
	if (service_detail(out, "community"))
		say(out, "community %s", service_detail(out, "community"));
	return true;
}

static bool read_snmp(const uint8_t *data, size_t n, struct service_reading *out)
{
	struct cursor c = cursor_of(data, n), message = ber_enter(&c, BER_SEQUENCE);
	int64_t version = ber_integer(&message, BER_INTEGER);

	if (!message.ok)
		return false;
	if (version == SNMP_V3)
		return read_v3(message, out);
	return (version == SNMP_V1 || version == SNMP_V2C) && read_community(message, version, out);
}

static const struct reader readers[] = {
        {.service = "snmp", .ports = {161}, .one_answer = true, .read = read_snmp},
};

READER_FAMILY(readers_snmp, readers);
