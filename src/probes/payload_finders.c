/* payload_finders.c: protocols by which things find each other: SLP, WS-Discovery, CoAP, BitTorrent's DHT, Rx of AFS. */
#include "payload_rows.h"

/* RFC 2608 8 */
enum { SLP_VERSION = 2, SLP_SERVICE_REQUEST = 1, SLP_SERVICE_REPLY = 2, SLP_DA_ADVERT = 8, SLP_SA_ADVERT = 11 };
enum { SLP_XID = 10 };

static void add_slp_string(struct request *r, const char *text)
{
	add_u16(r, (uint16_t)strlen(text));
	add_text(r, text);
}

static size_t build_slp(uint8_t *out, const char *service)
{
	struct request r = {out, 0};

	add_u8(&r, SLP_VERSION);
	add_u8(&r, SLP_SERVICE_REQUEST);
	add_u8(&r, 0);     /* length: high byte, ... */
	add_u16(&r, 0);    /* ... and the rest, when it is known */
	add_u16(&r, 0);    /* flags */
	add_zeroes(&r, 3); /* no extension */
	add_u16(&r, 0);    /* transaction id: the nonce */
	add_slp_string(&r, "en");
	add_slp_string(&r, ""); /* who answered already */
	add_slp_string(&r, service);
	add_slp_string(&r, "DEFAULT"); /* scopes */
	add_slp_string(&r, "");        /* predicate */
	add_slp_string(&r, "");        /* security parameter index */
	put_u16(out + 3, (uint16_t)r.n);
	return r.n;
}

/* RFC 2608 11.2: who serves here? One advertisement of the agent, never its list of services. */
static size_t build_slp_service_agent(uint8_t *out)
{
	return build_slp(out, "service:service-agent");
}

static size_t build_slp_directory_agent(uint8_t *out)
{
	return build_slp(out, "service:directory-agent");
}

static enum answer judge_slp(const uint8_t *data, size_t n, uint16_t nonce)
{
	struct cursor c = cursor_of(data, n);
	uint8_t version = cursor_u8(&c), function = cursor_u8(&c);
	uint16_t xid;

	cursor_take(&c, SLP_XID - 2);
	xid = cursor_u16(&c);
	if (!c.ok || version != SLP_VERSION ||
	    (function != SLP_SERVICE_REPLY && function != SLP_DA_ADVERT && function != SLP_SA_ADVERT))
		return ANSWER_UNKNOWN;
	return judge_id(true, xid == nonce);
}

#define WSD_MESSAGE_ID "urn:uuid:6e736361-6e00-4000-8000-6e7363616e31"

/* WS-Discovery 1.0 (the version that Windows and printers speak) 2.4: a Probe of no type matches whatever is there. */
static size_t build_wsd(uint8_t *out)
{
	struct request r = {out, 0};

	add_text(&r, "<?xml version=\"1.0\" encoding=\"utf-8\"?>"
	             "<soap:Envelope xmlns:soap=\"http://www.w3.org/2003/05/soap-envelope\""
	             " xmlns:wsa=\"http://schemas.xmlsoap.org/ws/2004/08/addressing\""
	             " xmlns:wsd=\"http://schemas.xmlsoap.org/ws/2005/04/discovery\">"
	             "<soap:Header>"
	             "<wsa:To>urn:schemas-xmlsoap-org:ws:2005:04:discovery</wsa:To>"
	             "<wsa:Action>http://schemas.xmlsoap.org/ws/2005/04/discovery/Probe</wsa:Action>"
	             "<wsa:MessageID>" WSD_MESSAGE_ID "</wsa:MessageID>"
	             "</soap:Header>"
	             "<soap:Body><wsd:Probe/></soap:Body>"
	             "</soap:Envelope>");
	return r.n;
}

/* The answer relates to our message id. */
static enum answer judge_wsd(const uint8_t *data, size_t n, uint16_t nonce)
{
	(void)nonce;
	if (!holds_text(data, n, "ProbeMatches"))
		return ANSWER_UNKNOWN;
	return holds_text(data, n, WSD_MESSAGE_ID) ? ANSWER_FITS : ANSWER_FOREIGN;
}

/* RFC 7252 3 */
enum { COAP_VERSION = 1 << 6, COAP_CONFIRMABLE = 0, COAP_ACK = 2 << 4, COAP_RESET = 3 << 4, COAP_TOKEN_BYTES = 0x0f };
enum { COAP_EMPTY = 0, COAP_GET = 1, COAP_URI_PATH = 11 << 4 };

/* RFC 7252 4.3: an empty confirmable message is a ping, and answered with a reset of its id. */
static size_t build_coap_ping(uint8_t *out)
{
	struct request r = {out, 0};

	add_u8(&r, COAP_VERSION | COAP_CONFIRMABLE);
	add_u8(&r, COAP_EMPTY);
	add_u16(&r, 0); /* message id: the nonce */
	return r.n;
}

/* RFC 6690 4: the list of all resources, which may be long. */
static size_t build_coap_core(uint8_t *out)
{
	struct request r = {out, 0};

	add_u8(&r, COAP_VERSION | COAP_CONFIRMABLE);
	add_u8(&r, COAP_GET);
	add_u16(&r, 0); /* message id: the nonce */
	add_u8(&r, COAP_URI_PATH | 11);
	add_text(&r, ".well-known");
	add_u8(&r, 0 << 4 | 4); /* the same option again */
	add_text(&r, "core");
	return r.n;
}

static enum answer judge_coap(const uint8_t *data, size_t n, uint16_t nonce)
{
	struct cursor c = cursor_of(data, n);
	uint8_t head = cursor_u8(&c) & ~COAP_TOKEN_BYTES;
	uint16_t id;

	cursor_u8(&c);
	id = cursor_u16(&c);
	if (!c.ok || (head != (COAP_VERSION | COAP_RESET) && head != (COAP_VERSION | COAP_ACK)))
		return ANSWER_UNKNOWN;
	return judge_id(true, id == nonce);
}

#define DHT_TRANSACTION "1:t2:"

/* BEP 5: a ping; the transaction id may be any bytes. */
static size_t build_dht_ping(uint8_t *out)
{
	struct request r = {out, 0};

	add_text(&r, "d1:ad2:id20:nscan-nscan-nscan-nse1:q4:ping" DHT_TRANSACTION);
	add_u16(&r, 0); /* the nonce */
	add_text(&r, "1:y1:qe");
	return r.n;
}

static enum answer judge_dht(const uint8_t *data, size_t n, uint16_t nonce)
{
	size_t tag = strlen(DHT_TRANSACTION), found = 0;
	bool ours = false;

	if (n == 0 || data[0] != 'd' || data[n - 1] != 'e' ||
	    (!holds_text(data, n, "1:y1:r") && !holds_text(data, n, "1:y1:e")))
		return ANSWER_UNKNOWN;
	/* A dictionary has each key once. Who sends several tries several ids in one datagram. */
	for (size_t i = 0; i + tag + 2 <= n; i++) {
		if (memcmp(data + i, DHT_TRANSACTION, tag) != 0)
			continue;
		found++;
		ours = data[i + tag] == nonce >> 8 && data[i + tag + 1] == (nonce & 0xff);
	}
	return found == 1 && ours ? ANSWER_PROVED : ANSWER_FOREIGN;
}

/* The Rx protocol (draft-zeldovich-rx-spec), 28 bytes of header; a packet of type "version" is answered with a text. */
enum { RX_VERSION_PACKET = 13, RX_CLIENT_INITIATED = 1, RX_HEADER_BYTES = 28, RX_VERSION_TEXT_BYTES = 65 };
#define RX_EPOCH 0x6e730000u

static size_t build_rx_version(uint8_t *out)
{
	struct request r = {out, 0};

	add_u32(&r, RX_EPOCH); /* its low half is the nonce */
	add_u32(&r, 0);        /* connection */
	add_u32(&r, 0);        /* call */
	add_u32(&r, 0);        /* sequence */
	add_u32(&r, 0);        /* serial */
	add_u8(&r, RX_VERSION_PACKET);
	add_u8(&r, RX_CLIENT_INITIATED);
	add_u8(&r, 0);                         /* user status */
	add_u8(&r, 0);                         /* security class: none */
	add_u16(&r, 0);                        /* checksum: none */
	add_u16(&r, 0);                        /* service */
	add_zeroes(&r, RX_VERSION_TEXT_BYTES); /* as long as the answer */
	return r.n;
}

static enum answer judge_rx(const uint8_t *data, size_t n, uint16_t nonce)
{
	struct cursor c = cursor_of(data, n);
	uint32_t epoch = cursor_u32(&c);
	uint8_t type;

	cursor_take(&c, 16);
	type = cursor_u8(&c);
	return judge_id(false, n >= RX_HEADER_BYTES && type == RX_VERSION_PACKET && epoch == (RX_EPOCH | nonce));
}

static const struct payload rows[] = {
        {.name = "slp-service-agent",
         .ports = {427},
         .source = "RFC 2608 8.1, 11.2",
         .build = build_slp_service_agent,
         .nonce_offset = SLP_XID,
         .judge = judge_slp},
        {.name = "slp-directory-agent",
         .ports = {427},
         .source = "RFC 2608 8.1, 12.1",
         .build = build_slp_directory_agent,
         .nonce_offset = SLP_XID,
         .judge = judge_slp},
        {.name = "wsd-probe",
         .ports = {3702},
         .source = "WS-Discovery 1.0 2.4",
         .build = build_wsd,
         .nonce_offset = -1,
         .judge = judge_wsd,
         .other_port = true},
        {.name = "coap-ping",
         .ports = {5683},
         .source = "RFC 7252 4.3",
         .build = build_coap_ping,
         .nonce_offset = 2,
         .judge = judge_coap},
        {.name = "coap-core",
         .ports = {5683},
         .source = "RFC 6690 4",
         .build = build_coap_core,
         .nonce_offset = 2,
         .judge = judge_coap,
         .opt_in = true},
        {.name = "dht-ping",
         .ports = {6881, 6882, 6889, 51413},
         .source = "BEP 5",
         .build = build_dht_ping,
         .nonce_offset = 47,
         .judge = judge_dht},
        {.name = "rx-version",
         .ports = {7001, 7000, 7002, 7003, 7005, 7007},
         .source = "draft-zeldovich-rx-spec 3",
         .build = build_rx_version,
         .nonce_offset = 2,
         .judge = judge_rx},
};

PAYLOAD_FAMILY(payloads_finders, rows);
