/* read_discovery.c: management and discovery: RMCP and IPMI, RIP, the BitTorrent DHT, AFS, Amanda, Ubiquiti, pcAnywhere, DB2, STAMP. */
#include <stdio.h>

#include "read.h"

enum {
	RMCP_VERSION = 6,
	RMCP_NO_SEQUENCE = 0xff,
	CLASS_ASF = 6,
	CLASS_IPMI = 7,
	ASF_PONG = 0x40,
	IPMI_CHANNEL_AUTH = 0x38
};

/* ASF 2.0 3.2.4.3 (pong), IPMI 2.0 13.1.3, 22.13 (channel authentication capabilities). */
static bool read_rmcp(const uint8_t *data, size_t n, struct service_reading *out)
{
	struct cursor c = cursor_of(data, n);
	uint8_t version = cursor_u8(&c), sequence, class;

	cursor_u8(&c);
	sequence = cursor_u8(&c);
	class = cursor_u8(&c) & 0x9f;
	if (!c.ok || version != RMCP_VERSION || sequence != RMCP_NO_SEQUENCE)
		return false;
	if (class == CLASS_ASF) {
		uint32_t enterprise = cursor_u32(&c), maker;

		if (enterprise != 4542 || cursor_u8(&c) != ASF_PONG || !cursor_take(&c, 3))
			return false;
		maker = cursor_u32(&c);
		cursor_u32(&c); /* the maker's own */
		detail(out, "enterprise", "%u", maker);
		say(out, "ASF pong%s", cursor_u8(&c) & 0x80 ? ", IPMI supported" : "");
		return c.ok;
	}
	if (class != CLASS_IPMI || n < 24 || data[4] != 0)
		return false;
	/* Session header of 10 bytes, the message: addresses, checksums, command, completion code, channel, types. */
	if (n >= 25 && data[19] == IPMI_CHANNEL_AUTH && data[20] == 0) {
		bool v2 = data[22] & 0x80 && n > 24 && data[24] & 2;

		detail(out, "ipmi-version", "%s", v2 ? "2.0" : "1.5");
		detail(out, "authentication", "%s%s%s%s%s", data[22] & 1 ? "none " : "", data[22] & 2 ? "MD2 " : "",
		       data[22] & 4 ? "MD5 " : "", data[22] & 16 ? "password " : "", data[22] & 32 ? "OEM" : "");
		say(out, "IPMI %s", v2 ? "2.0" : "1.5");
		if (data[22] & 1)
			say(out, "allows no authentication");
		return true;
	}
	say(out, "IPMI");
	return true;
}

/* RFC 2453 3.9.2: a response with routes of 20 bytes. */
static bool read_rip(const uint8_t *data, size_t n, struct service_reading *out)
{
	if (n < 24 || (n - 4) % 20 != 0 || data[0] != 2 || data[1] < 1 || data[1] > 2 || data[2] || data[3] ||
	    data[4] != 0)
		return false;
	detail(out, "routes", "%zu", (n - 4) / 20);
	say(out, "RIPv%u, %zu route%s", data[1], (n - 4) / 20, n == 24 ? "" : "s");
	return true;
}

/* BEP 5: a bencoded dictionary that is a response ("1:y1:r") or an error ("1:y1:e"); "v" is the client, two letters and a version. */
static bool read_dht(const uint8_t *data, size_t n, struct service_reading *out)
{
	const uint8_t *client;

	if (n < 12 || data[0] != 'd' || data[n - 1] != 'e' ||
	    (!find_bytes(data, n, "1:y1:r") && !find_bytes(data, n, "1:y1:e")))
		return false;
	say(out, "BitTorrent DHT node");
	client = find_bytes(data, n, "1:v4:");
	if (client && (size_t)(data + n - client) >= 9 && is_text(client + 5, 2)) {
		detail(out, "client", "%.2s %u.%u", client + 5, client[7], client[8]);
		say(out, "client %s", service_detail(out, "client"));
	}
	return true;
}

/* Rx, as OpenAFS has it: 28 bytes of header, type 13 (version), and a text of 65. */
static bool read_rx(const uint8_t *data, size_t n, struct service_reading *out)
{
	char text[80];

	if (n < 30 || n > 28 + 65 || data[20] != 13 || data[21] & 1 ||
	    !clean_text(text, sizeof(text), data + 28, n - 28))
		return false;
	detail(out, "version", "%s", text);
	product_of(out, text[0] == ' ' ? text + 1 : text);
	say(out, "%s", text);
	return true;
}

/* Amanda's datagrams are text: "Amanda 2.6 NAK HANDLE ... SEQ ...". */
static bool read_amanda(const uint8_t *data, size_t n, struct service_reading *out)
{
	const uint8_t *end = n > 0 ? memchr(data, '\n', n) : NULL;
	char text[80];

	if (!has_prefix(data, n, "Amanda ") || !is_text(data, n))
		return false;
	clean_text(text, sizeof(text), data, end ? (size_t)(end - data) : n);
	product_of(out, text);
	say(out, "%s", text);
	return true;
}

/* Ubiquiti's discovery, version 1: records of type, length, value. */
static bool read_ubiquiti(const uint8_t *data, size_t n, struct service_reading *out)
{
	static const struct named_number texts[] = {{0x03, "firmware"}, {0x0b, "host-name"},  {0x0c, "model"},
	                                            {0x0d, "essid"},    {0x14, "model-name"}, {0, NULL}};
	struct cursor c = cursor_of(data, n);
	uint16_t version = cursor_u16(&c), length = cursor_u16(&c);
	char mac[24];

	if (!c.ok || (version != 0x0100 && version != 0x0206) || length != n - 4 || length < 3)
		return false;
	while (cursor_left(&c) >= 3) {
		uint8_t type = cursor_u8(&c);
		uint16_t bytes = cursor_u16(&c);
		const uint8_t *value = cursor_take(&c, bytes);

		if (!value)
			return false;
		if (name_of(texts, type))
			detail_bytes(out, name_of(texts, type), value, bytes);
		else if (type == 0x01 && bytes == 6) {
			hex_text(mac, sizeof(mac), value, 6, ":");
			detail(out, "mac", "%s", mac);
		}
	}
	snprintf(out->product, sizeof(out->product), "Ubiquiti");
	for (size_t i = 0; texts[i].name; i++) {
		if (service_detail(out, texts[i].name))
			say(out, "%.50s", service_detail(out, texts[i].name));
	}
	return true;
}

/* pcAnywhere: "NR", the host's name, a blank-filled field; or "ST" and what it does. */
static bool read_pcanywhere(const uint8_t *data, size_t n, struct service_reading *out)
{
	if (n < 4 || (!has_prefix(data, n, "NR") && !has_prefix(data, n, "ST")) || !is_text(data, n))
		return false;
	if (data[0] == 'N')
		detail_bytes(out, "host-name", data + 2, n - 2 < 24 ? n - 2 : 24);
	say(out, "%s", service_detail(out, "host-name") ? service_detail(out, "host-name") : "pcAnywhere");
	return true;
}

/* DB2's discovery: "DB2RETADDR\0SQL09050\0hostname\0...". */
static bool read_db2(const uint8_t *data, size_t n, struct service_reading *out)
{
	struct cursor c = cursor_of(data, n);
	size_t length;
	const uint8_t *text;

	if (!has_prefix(data, n, "DB2RETADDR") || !cursor_string(&c, &length))
		return false;
	text = cursor_string(&c, &length);
	if (text)
		detail_bytes(out, "version", text, length);
	text = cursor_string(&c, &length);
	if (text)
		detail_bytes(out, "host-name", text, length);
	snprintf(out->product, sizeof(out->product), "IBM Db2");
	if (service_detail(out, "version"))
		snprintf(out->version, sizeof(out->version), "%.50s", service_detail(out, "version"));
	say(out, "Db2 %.20s", out->version);
	if (service_detail(out, "host-name"))
		say(out, "%.50s", service_detail(out, "host-name"));
	return true;
}

/* RFC 8762 4.3.1 (and TWAMP's test, RFC 5357): at least 44 bytes; the sender's sequence, time and TTL come back. */
static bool read_stamp(const uint8_t *data, size_t n, struct service_reading *out)
{
	struct cursor c = cursor_of(data, n);
	uint32_t seconds;
	char text[32];

	cursor_u32(&c); /* sequence */
	seconds = cursor_u32(&c);
	if (n < 41 || seconds == 0)
		return false;
	detail(out, "time", "%s",
	       utc_text((int64_t)seconds - INT64_C(2208988800) + (seconds < 0x80000000u ? INT64_C(1) << 32 : 0), text));
	detail(out, "sender-ttl", "%u", data[40]);
	say(out, "STAMP reflector, our TTL arrived as %u", data[40]);
	return true;
}

/* MS-RDPEUDP 2.2.2.1: the sequence number acknowledged, window, flags: SYN and ACK. */
static bool read_rdp(const uint8_t *data, size_t n, struct service_reading *out)
{
	if (n < 16 || (data[7] & 5) != 5)
		return false;
	say(out, "RDP over UDP, accepts the connection");
	return true;
}

/* Apple Remote Desktop's answer has no published form but its first two bytes; it holds the computer's name. */
static bool read_ard(const uint8_t *data, size_t n, struct service_reading *out)
{
	if (n < 100 || data[0] != 0 || data[1] != 1)
		return false;
	say(out, "Apple Remote Desktop");
	return true;
}

static const struct reader readers[] = {
        {.service = "asf-rmcp", .ports = {623, 664}, .read = read_rmcp},
        {.service = "router", .ports = {520}, .only_there = true, .read = read_rip},
        {.service = "bittorrent-dht", .ports = {6881}, .read = read_dht},
        {.service = "afs3-callback",
         .ports = {7001, 7000, 7002, 7003, 7005, 7007},
         .only_there = true,
         .read = read_rx},
        {.service = "amanda", .ports = {10080}, .read = read_amanda},
        {.service = "ubnt-discover", .ports = {10001}, .only_there = true, .read = read_ubiquiti},
        {.service = "pcanywherestat", .ports = {5632}, .only_there = true, .read = read_pcanywhere},
        {.service = "ms-wbt-server", .ports = {3389}, .only_there = true, .read = read_rdp},
        {.service = "net-assistant", .ports = {3283}, .only_there = true, .read = read_ard},
        {.service = "ibm-db2", .ports = {523}, .read = read_db2},
        {.service = "twamp-test", .ports = {862}, .only_there = true, .one_answer = true, .read = read_stamp},
};

READER_FAMILY(readers_discovery, readers);
