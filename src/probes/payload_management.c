/* payload_management.c: remote control and administration: IPMI, remote desktops, databases' directories, backup. */
#include "payload_rows.h"

/* DMTF ASF 2.0 (DSP0136) 3.2.2 */
enum { RMCP_VERSION = 6, RMCP_NO_ACK = 0xff, RMCP_CLASS_ASF = 6, RMCP_CLASS_IPMI = 7 };
enum { ASF_PRESENCE_PING = 0x80, ASF_PRESENCE_PONG = 0x40, ASF_TAG = 'n' };
#define ASF_IANA 4542u

static void add_rmcp_header(struct request *r, uint8_t class)
{
	add_u8(r, RMCP_VERSION);
	add_u8(r, 0); /* reserved */
	add_u8(r, RMCP_NO_ACK);
	add_u8(r, class);
}

static bool is_rmcp(struct cursor *c, uint8_t class)
{
	uint8_t version = cursor_u8(c);

	cursor_take(c, 2);
	return cursor_u8(c) == class && c->ok && version == RMCP_VERSION;
}

static size_t build_asf_ping(uint8_t *out)
{
	struct request r = {out, 0};

	add_rmcp_header(&r, RMCP_CLASS_ASF);
	add_u32(&r, ASF_IANA);
	add_u8(&r, ASF_PRESENCE_PING);
	add_u8(&r, ASF_TAG);
	add_u8(&r, 0); /* reserved */
	add_u8(&r, 0); /* no data */
	return r.n;
}

static enum answer judge_asf(const uint8_t *data, size_t n, uint16_t nonce)
{
	struct cursor c = cursor_of(data, n);
	bool rmcp = is_rmcp(&c, RMCP_CLASS_ASF);
	uint32_t iana = cursor_u32(&c);
	uint8_t type = cursor_u8(&c), tag = cursor_u8(&c);

	(void)nonce;
	if (!c.ok || !rmcp || iana != ASF_IANA || type != ASF_PRESENCE_PONG)
		return ANSWER_UNKNOWN;
	return tag == ASF_TAG ? ANSWER_FITS : ANSWER_FOREIGN;
}

/* IPMI 2.0 13.6, 13.8, 22.13 */
enum { IPMI_BMC = 0x20, IPMI_REMOTE_CONSOLE = 0x81, IPMI_APPLICATION = 6 << 2, IPMI_APPLICATION_REPLY = 7 << 2 };
enum { IPMI_CHANNEL_AUTHENTICATION = 0x38, IPMI_THIS_CHANNEL_V2 = 0x8e, IPMI_ADMINISTRATOR = 4 };

/* The two's complement that makes the bytes from `from` on sum up to 0. */
static void add_ipmi_checksum(struct request *r, size_t from)
{
	uint8_t sum = 0;

	for (size_t i = from; i < r->n; i++)
		sum = (uint8_t)(sum + r->bytes[i]);
	add_u8(r, (uint8_t)-sum);
}

/* Which ways of logging in are there? Asked before every session; opens none. */
static size_t build_ipmi_authentication(uint8_t *out)
{
	struct request r = {out, 0};
	size_t start, body;

	add_rmcp_header(&r, RMCP_CLASS_IPMI);
	add_u8(&r, 0);  /* no authentication */
	add_u32(&r, 0); /* session sequence number */
	add_u32(&r, 0); /* session: none */
	add_u8(&r, 9);  /* bytes that follow */
	start = r.n;
	add_u8(&r, IPMI_BMC);
	add_u8(&r, IPMI_APPLICATION);
	add_ipmi_checksum(&r, start);
	body = r.n;
	add_u8(&r, IPMI_REMOTE_CONSOLE);
	add_u8(&r, 0); /* sequence number */
	add_u8(&r, IPMI_CHANNEL_AUTHENTICATION);
	add_u8(&r, IPMI_THIS_CHANNEL_V2);
	add_u8(&r, IPMI_ADMINISTRATOR);
	add_ipmi_checksum(&r, body);
	return r.n;
}

static enum answer judge_ipmi(const uint8_t *data, size_t n, uint16_t nonce)
{
	struct cursor c = cursor_of(data, n);
	bool rmcp = is_rmcp(&c, RMCP_CLASS_IPMI);
	uint8_t function, command;

	(void)nonce;
	cursor_take(&c, 1 + 4 + 4 + 1 + 1); /* session header, our address */
	function = cursor_u8(&c) & 0xfc;
	cursor_take(&c, 3); /* checksum, its address, sequence number */
	command = cursor_u8(&c);
	return judge_form(c.ok && rmcp && function == IPMI_APPLICATION_REPLY && command == IPMI_CHANNEL_AUTHENTICATION);
}

/* XDMCP 1.1 (X Consortium standard) 3, 5 */
enum { XDMCP_VERSION = 1, XDMCP_QUERY = 2, XDMCP_WILLING = 5, XDMCP_UNWILLING = 6 };

static size_t build_xdmcp_query(uint8_t *out)
{
	struct request r = {out, 0};

	add_u16(&r, XDMCP_VERSION);
	add_u16(&r, XDMCP_QUERY);
	add_u16(&r, 1); /* bytes that follow */
	add_u8(&r, 0);  /* no authentication names */
	return r.n;
}

static enum answer judge_xdmcp(const uint8_t *data, size_t n, uint16_t nonce)
{
	struct cursor c = cursor_of(data, n);
	uint16_t version = cursor_u16(&c), opcode = cursor_u16(&c), length = cursor_u16(&c);

	(void)nonce;
	return judge_form(c.ok && version == XDMCP_VERSION && length == n - 6 &&
	                  (opcode == XDMCP_WILLING || opcode == XDMCP_UNWILLING));
}

/* [MS-RDPEUDP] 2.2.2.1, 2.2.2.5 */
enum { RDPUDP_SYN = 0x0001, RDPUDP_ACK = 0x0004, RDPUDP_WINDOW = 64, RDPUDP_MTU = 1232 };
#define RDPUDP_NOTHING_RECEIVED 0xffffffffu
#define RDPUDP_SEQUENCE         0x6e730000u

/* [MS-RDPEUDP] 3.1.5.1.1: padded to the MTU, so that the answer is no longer. */
static size_t build_rdp_syn(uint8_t *out)
{
	struct request r = {out, 0};

	add_u32(&r, RDPUDP_NOTHING_RECEIVED);
	add_u16(&r, RDPUDP_WINDOW);
	add_u16(&r, RDPUDP_SYN);
	add_u32(&r, RDPUDP_SEQUENCE); /* its low half is the nonce */
	add_u16(&r, RDPUDP_MTU);      /* upstream */
	add_u16(&r, RDPUDP_MTU);      /* downstream */
	add_zeroes(&r, RDPUDP_MTU - r.n);
	return r.n;
}

static enum answer judge_rdp(const uint8_t *data, size_t n, uint16_t nonce)
{
	struct cursor c = cursor_of(data, n);
	uint32_t acknowledged = cursor_u32(&c);
	uint16_t flags;

	cursor_u16(&c);
	flags = cursor_u16(&c);
	if (!c.ok || (flags & (RDPUDP_SYN | RDPUDP_ACK)) != (RDPUDP_SYN | RDPUDP_ACK))
		return ANSWER_UNKNOWN;
	return judge_id(true, acknowledged == (RDPUDP_SEQUENCE | nonce));
}

/* [MC-SQLR] 2.2 */
enum { SQL_ALL_INSTANCES = 3, SQL_ONE_INSTANCE = 4, SQL_RESPONSE = 5 };

/* [MC-SQLR] 2.2.3: the instance that has no name of its own. */
static size_t build_sql_instance(uint8_t *out)
{
	struct request r = {out, 0};

	add_u8(&r, SQL_ONE_INSTANCE);
	add_text(&r, "MSSQLSERVER");
	add_u8(&r, 0);
	return r.n;
}

/* [MC-SQLR] 2.2.2: all instances, in hundreds of bytes. */
static size_t build_sql_all(uint8_t *out)
{
	struct request r = {out, 0};

	add_u8(&r, SQL_ALL_INSTANCES);
	return r.n;
}

static enum answer judge_sql(const uint8_t *data, size_t n, uint16_t nonce)
{
	struct cursor c = cursor_of(data, n);
	uint8_t type = cursor_u8(&c);
	uint16_t length = cursor_le16(&c);

	(void)nonce;
	return judge_form(c.ok && type == SQL_RESPONSE && length == n - 3);
}

/* DB2's discovery, as its clients send it ("known" discovery): text fields that end in NUL. */
static size_t build_db2(uint8_t *out)
{
	struct request r = {out, 0};

	add_text(&r, "DB2GETADDR");
	add_u8(&r, 0);
	add_text(&r, "SQL09010"); /* the client's release */
	add_u8(&r, 0);
	return r.n;
}

static enum answer judge_db2(const uint8_t *data, size_t n, uint16_t nonce)
{
	(void)nonce;
	return judge_form(starts_with(data, n, "DB2RETADDR"));
}

/* pcAnywhere's search for hosts, as its clients send it: name query. */
static size_t build_pcanywhere_name(uint8_t *out)
{
	struct request r = {out, 0};

	add_text(&r, "NQ");
	return r.n;
}

/* Status: free or busy. */
static size_t build_pcanywhere_status(uint8_t *out)
{
	struct request r = {out, 0};

	add_text(&r, "ST");
	return r.n;
}

static enum answer judge_pcanywhere_name(const uint8_t *data, size_t n, uint16_t nonce)
{
	(void)nonce;
	return judge_form(starts_with(data, n, "NR"));
}

static enum answer judge_pcanywhere_status(const uint8_t *data, size_t n, uint16_t nonce)
{
	(void)nonce;
	return judge_form(n > 2 && starts_with(data, n, "ST"));
}

#define AMANDA_HANDLE "HANDLE 000-6E736361"

/* Amanda's protocol over UDP (common-src/packet.c, protocol.c of its source): the service that does nothing. */
static size_t build_amanda(uint8_t *out)
{
	struct request r = {out, 0};

	add_text(&r, "Amanda 2.6 REQ " AMANDA_HANDLE " SEQ 1\n"
	             "SERVICE noop\n");
	return r.n;
}

static enum answer judge_amanda(const uint8_t *data, size_t n, uint16_t nonce)
{
	(void)nonce;
	if (!starts_with(data, n, "Amanda ") || holds_text(data, n, " REQ "))
		return ANSWER_UNKNOWN; /* ACK, NAK and REP answer */
	return holds_text(data, n, AMANDA_HANDLE) ? ANSWER_FITS : ANSWER_FOREIGN;
}

enum { ARD_LEAST_BYTES = 100 };

/* Apple Remote Desktop's question, as its administrator program sends it: four bytes that bring about a thousand. */
static size_t build_ard(uint8_t *out)
{
	struct request r = {out, 0};

	add_u16(&r, 0x0014);
	add_u16(&r, 0);
	return r.n;
}

static enum answer judge_ard(const uint8_t *data, size_t n, uint16_t nonce)
{
	struct cursor c = cursor_of(data, n);

	(void)nonce;
	return judge_form(n >= ARD_LEAST_BYTES && cursor_u16(&c) == 0x0001);
}

enum { UBNT_VERSION = 1, UBNT_HEADER_BYTES = 4 };

/* Ubiquiti's discovery, version 1: version, command, length of the fields that follow: some hundred bytes come back. */
static size_t build_ubiquiti(uint8_t *out)
{
	struct request r = {out, 0};

	add_u8(&r, UBNT_VERSION);
	add_u8(&r, 0);
	add_u16(&r, 0);
	return r.n;
}

static enum answer judge_ubiquiti(const uint8_t *data, size_t n, uint16_t nonce)
{
	struct cursor c = cursor_of(data, n);
	uint8_t version = cursor_u8(&c);
	uint16_t length;

	(void)nonce;
	cursor_u8(&c);
	length = cursor_u16(&c);
	return judge_form(c.ok && version == UBNT_VERSION && length > 0 && length == n - UBNT_HEADER_BYTES);
}

static const struct payload rows[] = {
        {.name = "asf-presence-ping",
         .ports = {623},
         .source = "DMTF DSP0136 (ASF 2.0) 3.2.4.3",
         .build = build_asf_ping,
         .nonce_offset = -1,
         .judge = judge_asf},
        {.name = "ipmi-authentication",
         .ports = {623},
         .source = "IPMI 2.0 13.6, 22.13",
         .build = build_ipmi_authentication,
         .nonce_offset = -1,
         .judge = judge_ipmi},
        {.name = "xdmcp-query",
         .ports = {177},
         .source = "XDMCP 1.1 5",
         .build = build_xdmcp_query,
         .nonce_offset = -1,
         .judge = judge_xdmcp},
        {.name = "rdp-udp-syn",
         .ports = {3389},
         .source = "MS-RDPEUDP 2.2.2, 3.1.5.1.1",
         .build = build_rdp_syn,
         .nonce_offset = 10,
         .judge = judge_rdp},
        {.name = "sql-one-instance",
         .ports = {1434},
         .source = "MC-SQLR 2.2.3",
         .build = build_sql_instance,
         .nonce_offset = -1,
         .judge = judge_sql},
        {.name = "sql-all-instances",
         .ports = {1434},
         .source = "MC-SQLR 2.2.2",
         .build = build_sql_all,
         .nonce_offset = -1,
         .judge = judge_sql,
         .opt_in = true},
        {.name = "db2-discovery",
         .ports = {523},
         .source = "DB2 clients' discovery request",
         .build = build_db2,
         .nonce_offset = -1,
         .judge = judge_db2},
        {.name = "pcanywhere-name",
         .ports = {5632},
         .source = "pcAnywhere clients' name query",
         .build = build_pcanywhere_name,
         .nonce_offset = -1,
         .judge = judge_pcanywhere_name},
        {.name = "pcanywhere-status",
         .ports = {5632},
         .source = "pcAnywhere clients' status query",
         .build = build_pcanywhere_status,
         .nonce_offset = -1,
         .judge = judge_pcanywhere_status},
        {.name = "amanda-noop",
         .ports = {10080},
         .source = "Amanda packet.c, protocol.c",
         .build = build_amanda,
         .nonce_offset = -1,
         .judge = judge_amanda},
        {.name = "ard-discovery",
         .ports = {3283},
         .source = "Apple Remote Desktop's own request",
         .build = build_ard,
         .nonce_offset = -1,
         .judge = judge_ard,
         .opt_in = true},
        {.name = "ubiquiti-discovery",
         .ports = {10001},
         .source = "Ubiquiti discovery, version 1",
         .build = build_ubiquiti,
         .nonce_offset = -1,
         .judge = judge_ubiquiti,
         .opt_in = true},
};

PAYLOAD_FAMILY(payloads_management, rows);
