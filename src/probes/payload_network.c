/* payload_network.c: what keeps a network running: DHCP, RIP, port mapping, path measurement, access point control. */
#include "payload_rows.h"

/* RFC 2131 2, RFC 2132 9.6, 9.8 */
enum { BOOTREQUEST = 1, BOOTREPLY = 2, HARDWARE_ETHERNET = 1, DHCP_FIXED_BYTES = 236, DHCP_OUR_ADDRESS = 12 };
enum { DHCP_MESSAGE_TYPE = 53, DHCP_PARAMETERS = 55, DHCP_END = 255, DHCPINFORM = 8 };
enum { DHCP_SUBNET_MASK = 1, DHCP_ROUTER = 3, DHCP_DNS = 6, DHCP_DOMAIN = 15 };
#define DHCP_COOKIE 0x63825363u
#define DHCP_XID    0x6e730000u

/* RFC 2131 4.4.3: for clients that have an address already: nothing is leased. */
static size_t build_dhcp_inform(uint8_t *out)
{
	struct request r = {out, 0};

	add_u8(&r, BOOTREQUEST);
	add_u8(&r, HARDWARE_ETHERNET);
	add_u8(&r, 6);         /* bytes of a hardware address */
	add_u8(&r, 0);         /* hops */
	add_u32(&r, DHCP_XID); /* its low half is the nonce */
	add_u16(&r, 0);        /* seconds */
	add_u16(&r, 0);        /* flags: answer by unicast */
	add_u32(&r, 0);        /* our address: filled in for each probe */
	add_zeroes(&r, 12);    /* your, next server's, relay's address */
	add_text(&r, "\x02nscan");
	add_zeroes(&r, DHCP_FIXED_BYTES - r.n); /* rest of the hardware address, server name, file */
	add_u32(&r, DHCP_COOKIE);
	add_u8(&r, DHCP_MESSAGE_TYPE);
	add_u8(&r, 1);
	add_u8(&r, DHCPINFORM);
	add_u8(&r, DHCP_PARAMETERS);
	add_u8(&r, 4);
	add_u8(&r, DHCP_SUBNET_MASK);
	add_u8(&r, DHCP_ROUTER);
	add_u8(&r, DHCP_DNS);
	add_u8(&r, DHCP_DOMAIN);
	add_u8(&r, DHCP_END);
	add_zeroes(&r, 300 - r.n); /* RFC 1542 2.1: not shorter than a BOOTP message */
	return r.n;
}

static enum answer judge_dhcp(const uint8_t *data, size_t n, uint16_t nonce)
{
	struct cursor c = cursor_of(data, n);
	uint8_t operation = cursor_u8(&c);
	uint32_t xid;

	cursor_take(&c, 3);
	xid = cursor_u32(&c);
	if (n < DHCP_FIXED_BYTES)
		return ANSWER_UNKNOWN;
	return judge_id(operation == BOOTREPLY, operation == BOOTREPLY && xid == (DHCP_XID | nonce));
}

enum { RIP_REQUEST = 1, RIP_RESPONSE = 2, RIP_VERSION = 2, RIP_FAMILY_IP = 2, RIP_INFINITY = 16, RIP_ENTRY_BYTES = 20 };

/* RFC 2453 3.9.1: the metric of one route, not the whole table: the answer has the size of the request. */
static size_t build_rip_route(uint8_t *out)
{
	struct request r = {out, 0};

	add_u8(&r, RIP_REQUEST);
	add_u8(&r, RIP_VERSION);
	add_u16(&r, 0);
	add_u16(&r, RIP_FAMILY_IP);
	add_u16(&r, 0); /* route tag */
	add_u32(&r, 0); /* the default route */
	add_u32(&r, 0); /* its mask */
	add_u32(&r, 0); /* next hop */
	add_u32(&r, RIP_INFINITY);
	return r.n;
}

/* The whole table: one entry of no family. Some routers answer nothing else. */
static size_t build_rip_table(uint8_t *out)
{
	struct request r = {out, 0};

	add_u8(&r, RIP_REQUEST);
	add_u8(&r, RIP_VERSION);
	add_u16(&r, 0);
	add_zeroes(&r, RIP_ENTRY_BYTES - 4);
	add_u32(&r, RIP_INFINITY);
	return r.n;
}

static enum answer judge_rip(const uint8_t *data, size_t n, uint16_t nonce)
{
	struct cursor c = cursor_of(data, n);
	uint8_t command = cursor_u8(&c), version = cursor_u8(&c);

	(void)nonce;
	return judge_form(n >= 4 + RIP_ENTRY_BYTES && (n - 4) % RIP_ENTRY_BYTES == 0 && command == RIP_RESPONSE &&
	                  (version == 1 || version == RIP_VERSION));
}

enum { NATPMP_EXTERNAL_ADDRESS = 0, MAPPING_RESPONSE = 128, NATPMP_LEAST_BYTES = 8, PCP_VERSION = 2, PCP_BYTES = 24 };

/* RFC 6886 3.2: what is your outside address? */
static size_t build_natpmp(uint8_t *out)
{
	struct request r = {out, 0};

	add_u8(&r, 0); /* version */
	add_u8(&r, NATPMP_EXTERNAL_ADDRESS);
	return r.n;
}

static enum answer judge_natpmp(const uint8_t *data, size_t n, uint16_t nonce)
{
	struct cursor c = cursor_of(data, n);
	uint8_t version = cursor_u8(&c), operation = cursor_u8(&c);

	(void)nonce;
	/* A server of PCP alone refuses in its own version (RFC 6887 9). */
	return judge_form(n >= NATPMP_LEAST_BYTES && (version == 0 || version == PCP_VERSION) &&
	                  operation == MAPPING_RESPONSE);
}

/* RFC 6887 14.1: ANNOUNCE maps nothing. Its result is an address mismatch, for the client's address is not told. */
static size_t build_pcp(uint8_t *out)
{
	struct request r = {out, 0};

	add_u8(&r, PCP_VERSION);
	add_u8(&r, 0);      /* request, ANNOUNCE */
	add_u16(&r, 0);     /* reserved */
	add_u32(&r, 0);     /* lifetime */
	add_zeroes(&r, 10); /* our address, as an IPv6 one */
	add_u16(&r, 0xffff);
	add_u32(&r, 0);
	return r.n;
}

static enum answer judge_pcp(const uint8_t *data, size_t n, uint16_t nonce)
{
	struct cursor c = cursor_of(data, n);
	uint8_t version = cursor_u8(&c), operation = cursor_u8(&c);

	(void)nonce;
	if (version == 0) /* NAT-PMP: "unsupported version" */
		return judge_form(n >= NATPMP_LEAST_BYTES && operation >= MAPPING_RESPONSE);
	return judge_form(n >= PCP_BYTES && operation == MAPPING_RESPONSE);
}

enum { STAMP_BYTES = 44, STAMP_SENDERS_SEQUENCE = 24, STAMP_ERROR_ESTIMATE = 0x0001 };
#define STAMP_SEQUENCE 0x6e730000u

/* RFC 8762 4.2.1: unauthenticated; the reflector's packet has the same 44 bytes. */
static size_t build_stamp(uint8_t *out)
{
	struct request r = {out, 0};

	add_u32(&r, STAMP_SEQUENCE); /* its low half is the nonce */
	add_text(&r, "nscan ts");    /* timestamp: sent back unread */
	add_u16(&r, STAMP_ERROR_ESTIMATE);
	add_zeroes(&r, STAMP_BYTES - r.n);
	return r.n;
}

static enum answer judge_stamp(const uint8_t *data, size_t n, uint16_t nonce)
{
	struct cursor c = cursor_of(data, n);

	cursor_take(&c, STAMP_SENDERS_SEQUENCE);
	return judge_id(false, cursor_u32(&c) == (STAMP_SEQUENCE | nonce) && c.ok);
}

/* RFC 5415 4.3, 4.5.1, 4.6 */
enum { CAPWAP_DISCOVERY_REQUEST = 1, CAPWAP_DISCOVERY_RESPONSE = 2, CAPWAP_SEQUENCE = 'n', CAPWAP_HEADER_BYTES = 8 };
enum { CAPWAP_DISCOVERY_TYPE = 20, CAPWAP_BOARD_DATA = 38, CAPWAP_DESCRIPTOR = 39, CAPWAP_FRAME_TUNNEL = 41 };
enum { CAPWAP_MAC_TYPE = 44, CAPWAP_80211_RADIO = 1048, CAPWAP_LOCAL_BRIDGING = 2, CAPWAP_80211G = 4 };
enum { CAPWAP_BASE_MAC = 4, CAPWAP_NONCE = 51 };

static size_t open_element(struct request *r, uint16_t type)
{
	add_u16(r, type);
	add_u16(r, 0);
	return r->n;
}

static void close_element(struct request *r, size_t start)
{
	put_u16(r->bytes + start - 2, (uint16_t)(r->n - start));
}

static void add_element(struct request *r, uint16_t type, const void *value, size_t bytes)
{
	size_t element = open_element(r, type);

	add_bytes(r, value, bytes);
	close_element(r, element);
}

static void add_board_data(struct request *r)
{
	size_t element = open_element(r, CAPWAP_BOARD_DATA);

	add_u32(r, 0);                                   /* vendor */
	add_element(r, 0, "nscan", 5);                   /* model */
	add_element(r, 1, "1", 1);                       /* serial number */
	add_element(r, CAPWAP_BASE_MAC, "\x02nsc\0", 6); /* its end is the nonce */
	close_element(r, element);
}

static void add_descriptor(struct request *r)
{
	size_t element = open_element(r, CAPWAP_DESCRIPTOR);

	add_u8(r, 1); /* radios at most */
	add_u8(r, 0); /* radios in use */
	add_u8(r, 1); /* encryption entries */
	add_u8(r, 1); /* of IEEE 802.11 */
	add_u16(r, 0);
	for (uint16_t part = 0; part < 3; part++) { /* versions of hardware, active software, boot loader */
		add_u32(r, 0);
		add_element(r, part, "1", 1);
	}
	close_element(r, element);
}

/* RFC 5415 5.1: an access point looks for its controller; nothing is joined. */
static size_t build_capwap(uint8_t *out)
{
	struct request r = {out, 0};
	size_t length_at;

	add_u8(&r, 0);                            /* preamble: version 0, no DTLS */
	add_u8(&r, CAPWAP_HEADER_BYTES / 4 << 3); /* header length, radio 0 */
	add_u8(&r, 1 << 1);                       /* wireless binding: IEEE 802.11 */
	add_u8(&r, 0);                            /* flags */
	add_u32(&r, 0);                           /* fragment id and offset */
	add_u32(&r, CAPWAP_DISCOVERY_REQUEST);
	add_u8(&r, CAPWAP_SEQUENCE);
	length_at = r.n;
	add_u16(&r, 0); /* bytes from the flags on, when they are known */
	add_u8(&r, 0);
	add_element(&r, CAPWAP_DISCOVERY_TYPE, "\0", 1); /* unknown */
	add_board_data(&r);
	add_descriptor(&r);
	add_element(&r, CAPWAP_FRAME_TUNNEL, &(uint8_t){CAPWAP_LOCAL_BRIDGING}, 1);
	add_element(&r, CAPWAP_MAC_TYPE, "\0", 1); /* local */
	add_element(&r, CAPWAP_80211_RADIO, (const uint8_t[]){1, 0, 0, 0, CAPWAP_80211G}, 5);
	put_u16(out + length_at, (uint16_t)(r.n - length_at));
	return r.n;
}

static enum answer judge_capwap(const uint8_t *data, size_t n, uint16_t nonce)
{
	struct cursor c = cursor_of(data, n);
	uint8_t preamble = cursor_u8(&c), header_bytes = (uint8_t)(cursor_u8(&c) >> 3 << 2), sequence;
	uint32_t type;

	(void)nonce;
	cursor_take(&c, header_bytes > 2 ? header_bytes - 2u : n);
	type = cursor_u32(&c);
	sequence = cursor_u8(&c);
	if (!c.ok || preamble != 0 || type != CAPWAP_DISCOVERY_RESPONSE)
		return ANSWER_UNKNOWN;
	return sequence == CAPWAP_SEQUENCE ? ANSWER_FITS : ANSWER_FOREIGN;
}

static const struct payload rows[] = {
        {.name = "dhcp-inform",
         .ports = {67},
         .source = "RFC 2131 4.4.3",
         .build = build_dhcp_inform,
         .nonce_offset = 6,
         .address_offset = DHCP_OUR_ADDRESS,
         .judge = judge_dhcp},
        {.name = "rip-default-route",
         .ports = {520},
         .source = "RFC 2453 3.9.1",
         .build = build_rip_route,
         .nonce_offset = -1,
         .judge = judge_rip},
        {.name = "rip-table",
         .ports = {520},
         .source = "RFC 2453 3.9.1",
         .build = build_rip_table,
         .nonce_offset = -1,
         .judge = judge_rip,
         .opt_in = true},
        {.name = "natpmp-external-address",
         .ports = {5351},
         .source = "RFC 6886 3.2",
         .build = build_natpmp,
         .nonce_offset = -1,
         .judge = judge_natpmp},
        {.name = "pcp-announce",
         .ports = {5351},
         .source = "RFC 6887 14.1",
         .build = build_pcp,
         .nonce_offset = -1,
         .judge = judge_pcp},
        {.name = "stamp-sender",
         .ports = {862},
         .source = "RFC 8762 4.2.1",
         .build = build_stamp,
         .nonce_offset = 2,
         .judge = judge_stamp},
        {.name = "capwap-discovery",
         .ports = {5246},
         .source = "RFC 5415 5.1",
         .build = build_capwap,
         .nonce_offset = CAPWAP_NONCE,
         .judge = judge_capwap},
};

PAYLOAD_FAMILY(payloads_network, rows);
