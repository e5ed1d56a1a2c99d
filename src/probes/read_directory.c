/* read_directory.c: who runs this network: Kerberos (RFC 4120), CLDAP (RFC 1798), SLP (RFC 2608), XDMCP, DHCP (RFC 2131), SQL browser. */
#include <stdio.h>

#include "read.h"

enum {
	BER_INTEGER = 0x02,
	BER_OCTETS = 0x04,
	BER_GENERAL_STRING = 0x1b,
	BER_TIME = 0x18,
	BER_SEQUENCE = 0x30,
	BER_SET = 0x31,
	BER_ENUM = 0x0a
};
enum { KRB_AS_REP = 0x6b, KRB_ERROR = 0x7e };

static const struct named_number kerberos_errors[] = {
        {6, "KDC_ERR_C_PRINCIPAL_UNKNOWN"},
        {7, "KDC_ERR_S_PRINCIPAL_UNKNOWN"},
        {12, "KDC_ERR_POLICY"},
        {14, "KDC_ERR_ETYPE_NOSUPP"},
        {18, "KDC_ERR_CLIENT_REVOKED"},
        {24, "KDC_ERR_PREAUTH_FAILED"},
        {25, "KDC_ERR_PREAUTH_REQUIRED"},
        {28, "KDC_ERR_WRONG_REALM"},
        {31, "KRB_AP_ERR_BAD_INTEGRITY"},
        {37, "KRB_AP_ERR_SKEW"},
        {60, "KRB_ERR_GENERIC"},
        {61, "KRB_ERR_FIELD_TOOLONG"},
        {52, "KRB_ERR_RESPONSE_TOO_BIG"},
        {68, "KDC_ERR_WRONG_REALM"},
        {0, NULL},
};

/* RFC 4120 5.9.1: KRB-ERROR; its fields stand in the order of their tags. */
static bool read_kerberos(const uint8_t *data, size_t n, struct service_reading *out)
{
	struct cursor c = cursor_of(data, n), message, sequence;
	int64_t error = -1;

	if (ber_peek(&c) == KRB_AS_REP) {
		message = ber_enter(&c, KRB_AS_REP);
		sequence = ber_enter(&message, BER_SEQUENCE);
		say(out, "gives a ticket");
		return sequence.ok && ber_peek(&sequence) == 0xa0;
	}
	message = ber_enter(&c, KRB_ERROR);
	sequence = ber_enter(&message, BER_SEQUENCE);
	if (!sequence.ok || ber_peek(&sequence) != 0xa0)
		return false;
	while (cursor_left(&sequence) > 2 && sequence.ok) {
		uint8_t tag = ber_peek(&sequence);
		struct cursor field = ber_enter(&sequence, tag), value;

		switch (tag) {
		case 0xa0: /* protocol version */
			if (ber_integer(&field, BER_INTEGER) != 5)
				return false;
			break;
		case 0xa4: /* the server's time: YYYYMMDDHHMMSSZ */
			value = ber_enter(&field, BER_TIME);
			if (value.ok && cursor_left(&value) == 15)
				detail(out, "time", "%.4s-%.2s-%.2s %.2s:%.2s:%.2s UTC", value.at, value.at + 4,
				       value.at + 6, value.at + 8, value.at + 10, value.at + 12);
			break;
		case 0xa6:
			error = ber_integer(&field, BER_INTEGER);
			break;
		case 0xa9: /* the service's realm */
			value = ber_enter(&field, BER_GENERAL_STRING);
			detail_bytes(out, "realm", value.at, cursor_left(&value));
			break;
		case 0xab:
			value = ber_enter(&field, BER_GENERAL_STRING);
			detail_bytes(out, "message", value.at, cursor_left(&value));
			break;
		default:
			break;
		}
	}
	if (error < 0 || error > 255)
		return false;
	if (service_detail(out, "realm"))
		say(out, "realm %.60s", service_detail(out, "realm"));
	detail(out, "error", "%lld%s%s", (long long)error, name_of(kerberos_errors, (uint32_t)error) ? " " : "",
	       name_of(kerberos_errors, (uint32_t)error) ? name_of(kerberos_errors, (uint32_t)error) : "");
	say(out, "%s", name_of(kerberos_errors, (uint32_t)error) ? name_of(kerberos_errors, (uint32_t)error) : "error");
	if (service_detail(out, "time"))
		say(out, "%s", service_detail(out, "time"));
	return true;
}

enum { LDAP_ENTRY = 0x64, LDAP_DONE = 0x65 };

static void read_ldap_attribute(struct cursor attribute, struct service_reading *out)
{
	static const struct {
		const char *name, *key;
	} known[] = {
	        {"dnsHostName", "host-name"},
	        {"defaultNamingContext", "domain"},
	        {"namingContexts", "naming-contexts"},
	        {"vendorName", "vendor"},
	        {"vendorVersion", "version"},
	        {"ldapServiceName", "service-name"},
	        {"supportedLDAPVersion", "ldap-version"},
	        {"currentTime", "time"},
	        {"serverName", "server-name"},
	};
	struct cursor name = ber_enter(&attribute, BER_OCTETS), set = ber_enter(&attribute, BER_SET),
	              value = ber_enter(&set, BER_OCTETS);

	for (size_t i = 0; value.ok && i < sizeof(known) / sizeof(known[0]); i++) {
		if (cursor_left(&name) == strlen(known[i].name) &&
		    has_prefix_nocase(name.at, cursor_left(&name), known[i].name))
			detail_bytes(out, known[i].key, value.at, cursor_left(&value));
	}
	if (value.ok && cursor_left(&name) == 8 && has_prefix_nocase(name.at, 8, "netlogon"))
		detail(out, "netlogon", "%zu bytes", cursor_left(&value));
}

/* RFC 4511 4.5.2 in datagrams (RFC 1798): an entry of the root, or how the search ended. */
static bool read_cldap(const uint8_t *data, size_t n, struct service_reading *out)
{
	struct cursor c = cursor_of(data, n), message = ber_enter(&c, BER_SEQUENCE), operation, name, attributes;

	ber_integer(&message, BER_INTEGER);
	if (!message.ok)
		return false;
	if (ber_peek(&message) == LDAP_DONE) {
		operation = ber_enter(&message, LDAP_DONE);
		detail(out, "result", "%lld", (long long)ber_integer(&operation, BER_ENUM));
		say(out, "answers with no entry (result %s)", service_detail(out, "result"));
		return operation.ok;
	}
	operation = ber_enter(&message, LDAP_ENTRY);
	name = ber_enter(&operation, BER_OCTETS);
	attributes = ber_enter(&operation, BER_SEQUENCE);
	if (!name.ok || !attributes.ok)
		return false;
	while (cursor_left(&attributes) > 0 && attributes.ok)
		read_ldap_attribute(ber_enter(&attributes, BER_SEQUENCE), out);
	if (service_detail(out, "netlogon"))
		say(out, "Active Directory");
	if (service_detail(out, "host-name"))
		say(out, "%.60s", service_detail(out, "host-name"));
	if (service_detail(out, "vendor"))
		say(out, "%.40s", service_detail(out, "vendor"));
	if (service_detail(out, "domain") || service_detail(out, "naming-contexts"))
		say(out, "%.60s", service_detail(out, service_detail(out, "domain") ? "domain" : "naming-contexts"));
	return true;
}

enum {
	SLP_VERSION = 2,
	SLP_SERVICE_REPLY = 2,
	SLP_ATTRIBUTE_REPLY = 7,
	SLP_DA_ADVERT = 8,
	SLP_TYPE_REPLY = 10,
	SLP_SA_ADVERT = 11
};

/* RFC 2608 8: header; then by function an error and a list. */
static bool read_slp(const uint8_t *data, size_t n, struct service_reading *out)
{
	static const struct named_number functions[] = {
	        {SLP_SERVICE_REPLY, "service reply"}, {SLP_ATTRIBUTE_REPLY, "attributes"},
	        {SLP_DA_ADVERT, "directory agent"},   {SLP_TYPE_REPLY, "service types"},
	        {SLP_SA_ADVERT, "service agent"},     {0, NULL}};
	struct cursor c = cursor_of(data, n);
	uint8_t version = cursor_u8(&c), function = cursor_u8(&c);
	uint32_t length = (uint32_t)cursor_u8(&c) << 16;
	uint16_t language, bytes, error = 0;
	const uint8_t *text;

	length |= cursor_u16(&c);
	cursor_take(&c, 7); /* flags, next extension, transaction */
	language = cursor_u16(&c);
	if (!c.ok || version != SLP_VERSION || !name_of(functions, function) || length > n || language > 16 ||
	    !cursor_take(&c, language))
		return false;
	say(out, "SLPv2 %s", name_of(functions, function));
	if (function != SLP_SA_ADVERT)
		error = cursor_u16(&c);
	if (error) {
		detail(out, "error", "%u", error);
		say(out, "error %u", error);
		return c.ok;
	}
	if (function == SLP_DA_ADVERT)
		cursor_u32(&c); /* boot time */
	if (function == SLP_SERVICE_REPLY) {
		cursor_u16(&c);     /* entries */
		cursor_take(&c, 3); /* reserved, lifetime */
	}
	bytes = cursor_u16(&c);
	text = cursor_take(&c, bytes);
	if (text && bytes > 0 && is_text(text, bytes)) {
		detail_bytes(out, "services", text, bytes);
		say(out, "%.90s", service_detail(out, "services"));
	}
	return true;
}

enum { XDMCP_WILLING = 5, XDMCP_UNWILLING = 6 };

static void xdmcp_text(struct cursor *c, struct service_reading *out, const char *key)
{
	uint16_t bytes = cursor_u16(c);
	const uint8_t *text = cursor_take(c, bytes);

	if (text)
		detail_bytes(out, key, text, bytes);
}

/* XDMCP 1.1, "Packet formats": version, opcode, length; texts with their length. */
static bool read_xdmcp(const uint8_t *data, size_t n, struct service_reading *out)
{
	struct cursor c = cursor_of(data, n);
	uint16_t version = cursor_u16(&c), operation = cursor_u16(&c), length = cursor_u16(&c);

	if (!c.ok || version != 1 || (operation != XDMCP_WILLING && operation != XDMCP_UNWILLING) || length != n - 6)
		return false;
	if (operation == XDMCP_WILLING)
		xdmcp_text(&c, out, "authentication");
	xdmcp_text(&c, out, "host-name");
	xdmcp_text(&c, out, "load");
	if (!c.ok)
		return false;
	say(out, "%s", operation == XDMCP_WILLING ? "willing to manage displays" : "not willing");
	if (service_detail(out, "host-name"))
		say(out, "%.60s", service_detail(out, "host-name"));
	return true;
}

enum { BOOTP_REPLY = 2, DHCP_OPTIONS = 236, OPTION_PAD = 0, OPTION_END = 255 };
#define DHCP_COOKIE 0x63825363u

static void dhcp_option(struct service_reading *out, uint8_t type, const uint8_t *value, size_t n)
{
	static const struct named_number kinds[] = {{2, "offer"}, {5, "ack"}, {6, "nak"}, {0, NULL}};
	static const struct named_number addresses[] = {{1, "mask"},       {3, "router"}, {6, "dns"},
	                                                {54, "server-id"}, {42, "ntp"},   {0, NULL}};
	static const struct named_number texts[] = {
	        {12, "host-name"}, {15, "domain"}, {66, "tftp-server"}, {67, "boot-file"}, {0, NULL}};

	if (type == 53 && n == 1)
		detail(out, "message", "%s", name_of(kinds, value[0]) ? name_of(kinds, value[0]) : "other");
	else if (name_of(addresses, type) && n >= 4)
		detail(out, name_of(addresses, type), "%u.%u.%u.%u", value[0], value[1], value[2], value[3]);
	else if (name_of(texts, type))
		detail_bytes(out, name_of(texts, type), value, n);
}

/* RFC 2131 2, RFC 2132. */
static bool read_dhcp(const uint8_t *data, size_t n, struct service_reading *out)
{
	static const char *const keys[] = {"message", "server-id", "router", "dns", "domain"};
	struct cursor c = cursor_of(data, n);
	const uint8_t *yours;

	if (cursor_u8(&c) != BOOTP_REPLY || !cursor_take(&c, 15))
		return false;
	yours = cursor_take(&c, 4);
	cursor_take(&c, DHCP_OPTIONS - 20);
	if (cursor_u32(&c) != DHCP_COOKIE || !yours)
		return false;
	if (memcmp(yours, "\0\0\0\0", 4) != 0)
		detail(out, "offered", "%u.%u.%u.%u", yours[0], yours[1], yours[2], yours[3]);
	while (cursor_left(&c) > 0) {
		uint8_t type = cursor_u8(&c), bytes;
		const uint8_t *value;

		if (type == OPTION_PAD)
			continue;
		bytes = cursor_u8(&c);
		value = type == OPTION_END ? NULL : cursor_take(&c, bytes);
		if (!value)
			break;
		dhcp_option(out, type, value, bytes);
	}
	say(out, "DHCP %s", service_detail(out, "message") ? service_detail(out, "message") : "BOOTP reply");
	for (size_t i = 1; i < sizeof(keys) / sizeof(keys[0]); i++) {
		if (service_detail(out, keys[i]))
			say(out, "%s %.40s", keys[i], service_detail(out, keys[i]));
	}
	return true;
}

/* MC-SQLR 2.2.5: 0x05, length, "ServerName;HOST;InstanceName;NAME;IsClustered;No;Version;12.0.2000.8;tcp;1433;;". */
static bool read_sql_browser(const uint8_t *data, size_t n, struct service_reading *out)
{
	static const struct {
		const char *name, *key;
	} known[] = {{"ServerName;", "host-name"},
	             {"InstanceName;", "instance"},
	             {"Version;", "version"},
	             {"tcp;", "tcp-port"}};
	struct cursor c = cursor_of(data, n);
	uint8_t first = cursor_u8(&c);
	uint16_t length = cursor_u16le(&c);

	if (!c.ok || first != 5 || length > cursor_left(&c) || !is_text(c.at, cursor_left(&c)))
		return false;
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		const uint8_t *start = find_bytes(c.at, length, known[i].name), *end;

		if (!start)
			continue;
		start += strlen(known[i].name);
		end = memchr(start, ';', length - (size_t)(start - c.at));
		detail_bytes(out, known[i].key, start, end ? (size_t)(end - start) : 0);
	}
	snprintf(out->product, sizeof(out->product), "Microsoft SQL Server");
	if (service_detail(out, "version"))
		snprintf(out->version, sizeof(out->version), "%.50s", service_detail(out, "version"));
	say(out, "SQL Server %.20s", out->version);
	if (service_detail(out, "host-name"))
		say(out, "%.40s\\%.30s", service_detail(out, "host-name"),
		    service_detail(out, "instance") ? service_detail(out, "instance") : "");
	if (service_detail(out, "tcp-port"))
		say(out, "TCP port %.8s", service_detail(out, "tcp-port"));
	return true;
}

static const struct reader readers[] = {
        {.service = "kerberos", .ports = {88, 750}, .one_answer = true, .read = read_kerberos},
        {.service = "ldap", .ports = {389}, .read = read_cldap},
        {.service = "svrloc", .ports = {427}, .read = read_slp},
        {.service = "xdmcp", .ports = {177}, .read = read_xdmcp},
        {.service = "bootps", .ports = {67, 68}, .read = read_dhcp},
        {.service = "ms-sql-m", .ports = {1434}, .only_there = true, .read = read_sql_browser},
};

READER_FAMILY(readers_directory, readers);
