/* payload_tunnels.c: OpenVPN, L2TP, and the echo of GTP. */
#include "payload_rows.h"

/* OpenVPN's protocol, "Network protocol" of its documentation: opcode and key id in one byte. */
enum { OPENVPN_CLIENT_RESET = 7 << 3, OPENVPN_SERVER_RESET = 8 << 3, OPENVPN_SESSION_BYTES = 8, OPENVPN_MOST_ACKS = 8 };

static const uint8_t openvpn_session[6] = {'n', 's', 'c', 'a', 'n', '1'}; /* and the nonce */

static size_t build_openvpn(uint8_t *out)
{
	struct request r = {out, 0};

	add_u8(&r, OPENVPN_CLIENT_RESET);
	add_bytes(&r, openvpn_session, sizeof(openvpn_session));
	add_u16(&r, 0); /* the nonce */
	add_u8(&r, 0);  /* acknowledges nothing */
	add_u32(&r, 0); /* packet id */
	return r.n;
}

/* The server's reset acknowledges ours: behind the packet ids stands our session id. */
static enum answer judge_openvpn(const uint8_t *data, size_t n, uint16_t nonce)
{
	struct cursor c = cursor_of(data, n);
	uint8_t opcode = cursor_u8(&c), acks;
	bool ours;

	cursor_take(&c, OPENVPN_SESSION_BYTES);
	acks = cursor_u8(&c);
	cursor_take(&c, 4u * acks);
	if (!c.ok || opcode != OPENVPN_SERVER_RESET || acks > OPENVPN_MOST_ACKS)
		return ANSWER_UNKNOWN;
	if (acks == 0)
		return ANSWER_FITS;
	ours = cursor_is(&c, openvpn_session, sizeof(openvpn_session)) && cursor_u16(&c) == nonce && c.ok;
	return judge_id(true, ours);
}

/* RFC 2661 3.1, 4.1, 4.4 */
enum {
	L2TP_CONTROL = 0xc800,
	L2TP_VERSION = 2,
	L2TP_VERSION_BITS = 0x000f,
	L2TP_MANDATORY = 0x8000,
	L2TP_AVP_BYTES = 6
};
enum { L2TP_MESSAGE_TYPE = 0, L2TP_PROTOCOL = 2, L2TP_FRAMING = 3, L2TP_HOST_NAME = 7, L2TP_TUNNEL_ID = 9 };
enum { L2TP_SCCRQ = 1, L2TP_PROTOCOL_1_0 = 0x0100, L2TP_FRAMING_BOTH = 3, L2TP_HEADER_BYTES = 12 };

static void add_avp(struct request *r, uint16_t type, size_t value_bytes)
{
	add_u16(r, (uint16_t)(L2TP_MANDATORY | (L2TP_AVP_BYTES + value_bytes)));
	add_u16(r, 0); /* vendor: the IETF */
	add_u16(r, type);
}

/* RFC 2661 6.1: asks for a control connection, which is given up again when we fall silent. The answer goes to the tunnel
 * id that we assign: the nonce. */
static size_t build_l2tp(uint8_t *out)
{
	struct request r = {out, 0};

	add_u16(&r, L2TP_CONTROL | L2TP_VERSION);
	add_u16(&r, 0); /* length, when it is known */
	add_u16(&r, 0); /* tunnel id */
	add_u16(&r, 0); /* session id */
	add_u16(&r, 0); /* sequence number: this, ... */
	add_u16(&r, 0); /* ... the next expected */
	add_avp(&r, L2TP_MESSAGE_TYPE, 2);
	add_u16(&r, L2TP_SCCRQ);
	add_avp(&r, L2TP_PROTOCOL, 2);
	add_u16(&r, L2TP_PROTOCOL_1_0);
	add_avp(&r, L2TP_FRAMING, 4);
	add_u32(&r, L2TP_FRAMING_BOTH);
	add_avp(&r, L2TP_HOST_NAME, 5);
	add_text(&r, "nscan");
	add_avp(&r, L2TP_TUNNEL_ID, 2);
	add_u16(&r, 0); /* the nonce, and the end */
	put_u16(out + 2, (uint16_t)r.n);
	return r.n;
}

static enum answer judge_l2tp(const uint8_t *data, size_t n, uint16_t nonce)
{
	struct cursor c = cursor_of(data, n);
	uint16_t flags = cursor_u16(&c), length = cursor_u16(&c), tunnel = cursor_u16(&c);

	if ((flags & (L2TP_CONTROL | L2TP_VERSION_BITS)) != (L2TP_CONTROL | L2TP_VERSION) ||
	    length < L2TP_HEADER_BYTES || length > n)
		return ANSWER_UNKNOWN;
	return judge_id(true, tunnel == nonce);
}

/* 3GPP TS 29.060 7.2.1, TS 29.281 7.2.1: version 1, protocol GTP, with a sequence number; TS 29.274 7.1.1: version 2. */
enum { GTP1_FLAGS = 0x32, GTP2_FLAGS = 0x40, GTP_VERSION = 0xe0, GTP_ECHO_REQUEST = 1, GTP_ECHO_RESPONSE = 2 };
enum { GTP2_RECOVERY = 3 };

static size_t build_gtp1_echo(uint8_t *out)
{
	struct request r = {out, 0};

	add_u8(&r, GTP1_FLAGS);
	add_u8(&r, GTP_ECHO_REQUEST);
	add_u16(&r, 4); /* bytes behind the tunnel id */
	add_u32(&r, 0); /* tunnel: none */
	add_u16(&r, 0); /* sequence number: the nonce */
	add_u8(&r, 0);  /* N-PDU number: unused */
	add_u8(&r, 0);  /* no extension headers */
	return r.n;
}

static size_t build_gtp2_echo(uint8_t *out)
{
	struct request r = {out, 0};

	add_u8(&r, GTP2_FLAGS);
	add_u8(&r, GTP_ECHO_REQUEST);
	add_u16(&r, 4 + 5); /* bytes behind the length */
	add_u8(&r, 'n');    /* sequence number: this and the nonce */
	add_u16(&r, 0);
	add_u8(&r, 0); /* spare */
	add_u8(&r, GTP2_RECOVERY);
	add_u16(&r, 1);
	add_u8(&r, 0); /* instance */
	add_u8(&r, 0); /* never restarted */
	return r.n;
}

static enum answer judge_gtp1(const uint8_t *data, size_t n, uint16_t nonce)
{
	struct cursor c = cursor_of(data, n);
	uint8_t flags = cursor_u8(&c), type = cursor_u8(&c);
	uint16_t sequence;

	cursor_take(&c, 6);
	sequence = cursor_u16(&c);
	if (!c.ok || flags != GTP1_FLAGS || type != GTP_ECHO_RESPONSE)
		return ANSWER_UNKNOWN;
	return judge_id(true, sequence == nonce);
}

static enum answer judge_gtp2(const uint8_t *data, size_t n, uint16_t nonce)
{
	struct cursor c = cursor_of(data, n);
	uint8_t flags = cursor_u8(&c), type = cursor_u8(&c), high;
	uint16_t sequence;

	cursor_u16(&c);
	high = cursor_u8(&c);
	sequence = cursor_u16(&c);
	if (!c.ok || (flags & GTP_VERSION) != GTP2_FLAGS || type != GTP_ECHO_RESPONSE)
		return ANSWER_UNKNOWN;
	return judge_id(true, high == 'n' && sequence == nonce);
}

static const struct payload rows[] = {
        {.name = "openvpn-client-reset",
         .ports = {1194, 443},
         .source = "OpenVPN documentation, Network protocol",
         .build = build_openvpn,
         .nonce_offset = 1 + sizeof(openvpn_session),
         .judge = judge_openvpn},
        {.name = "l2tp-sccrq",
         .ports = {1701},
         .source = "RFC 2661 6.1",
         .build = build_l2tp,
         .nonce_offset = L2TP_HEADER_BYTES + 4 * (L2TP_AVP_BYTES + 2) + 2 + 3 + L2TP_AVP_BYTES,
         .judge = judge_l2tp},
        {.name = "gtp2-echo",
         .ports = {2123},
         .source = "3GPP TS 29.274 7.1.1",
         .build = build_gtp2_echo,
         .nonce_offset = 5,
         .judge = judge_gtp2},
        {.name = "gtp1-echo",
         .ports = {2123, 2152},
         .source = "3GPP TS 29.060 7.2.1, TS 29.281 7.2.1",
         .build = build_gtp1_echo,
         .nonce_offset = 8,
         .judge = judge_gtp1},
};

PAYLOAD_FAMILY(payloads_tunnels, rows);
