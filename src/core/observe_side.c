/* observe_side.c: a UDP datagram of which nothing is known yet: a question to its destination, or an answer of its source? */
#include "observe_side.h"

#include <stddef.h>

#include "nscan/ports.h"

enum { LOW_PORTS = 1024 };

/* RFC 1035 4.1.1; also mDNS (RFC 6762 18.2), LLMNR (RFC 4795 2.1.1), NetBIOS name service (RFC 1002 4.2.1.1). */
static enum side dns_side(const uint8_t *data, size_t n)
{
	if (n < 12)
		return SIDE_UNKNOWN;
	if (data[2] & 0x80)
		return SIDE_ANSWER;
	/* A question has no error code, and asks something. */
	return (data[3] & 15) == 0 && data[4] == 0 && data[5] < 16 ? SIDE_QUESTION : SIDE_UNKNOWN;
}

/* RFC 5905 7.3: mode 3 client, 4 server, 1 and 2 symmetric; RFC 9327: in mode 6 a bit says response, in ntpd's mode 7 the top one. */
static enum side ntp_side(const uint8_t *data, size_t n)
{
	if (n < 4)
		return SIDE_UNKNOWN;
	switch (data[0] & 7) {
	case 1:
	case 3:
		return SIDE_QUESTION;
	case 2:
	case 4:
		return SIDE_ANSWER;
	case 6:
		return data[1] & 0x80 ? SIDE_ANSWER : SIDE_QUESTION;
	case 7:
		return data[0] & 0x80 ? SIDE_ANSWER : SIDE_QUESTION;
	default:
		return SIDE_UNKNOWN;
	}
}

/* RFC 2131 2: op. */
static enum side dhcp_side(const uint8_t *data, size_t n)
{
	return n < 236 ? SIDE_UNKNOWN : data[0] == 1 ? SIDE_QUESTION : data[0] == 2 ? SIDE_ANSWER : SIDE_UNKNOWN;
}

/* IKE: behind NAT-T's marker of four zero bytes, if there (RFC 3948 2.2). RFC 7296 3.1: the response flag of version 2;
 * RFC 2408 3.1: in the first message the responder's cookie is zero. */
static enum side ike_side(const uint8_t *data, size_t n)
{
	bool first = true;

	if (n >= 4 && data[0] == 0 && data[1] == 0 && data[2] == 0 && data[3] == 0) {
		data += 4;
		n -= 4;
	}
	if (n < 28)
		return SIDE_UNKNOWN;
	for (int i = 8; i < 16; i++)
		first = first && data[i] == 0;
	if (data[17] >> 4 == 2)
		return data[19] & 0x20 ? SIDE_ANSWER : SIDE_QUESTION;
	return first ? SIDE_QUESTION : SIDE_UNKNOWN;
}

/* RFC 8489 5: class 00 request, 10 and 11 responses. */
static enum side stun_side(const uint8_t *data, size_t n)
{
	if (n < 20 || data[0] & 0xc0 || data[4] != 0x21 || data[5] != 0x12 || data[6] != 0xa4 || data[7] != 0x42)
		return SIDE_UNKNOWN;
	return data[0] & 1 ? SIDE_ANSWER : data[1] & 0x10 ? SIDE_UNKNOWN : SIDE_QUESTION;
}

/* RFC 5531 9: transaction, then 0 call or 1 reply. */
static enum side rpc_side(const uint8_t *data, size_t n)
{
	if (n < 8 || data[4] || data[5] || data[6])
		return SIDE_UNKNOWN;
	return data[7] == 0 ? SIDE_QUESTION : data[7] == 1 ? SIDE_ANSWER : SIDE_UNKNOWN;
}

/* A response begins with its status line in SIP (RFC 3261 7.2) and SSDP (UPnP 2.0 1.3). */
static enum side text_side(const uint8_t *data, size_t n)
{
	if (n < 8)
		return SIDE_UNKNOWN;
	if ((data[0] == 'S' && data[1] == 'I' && data[2] == 'P' && data[3] == '/') ||
	    (data[0] == 'H' && data[1] == 'T' && data[2] == 'T' && data[3] == 'P'))
		return SIDE_ANSWER;
	return SIDE_UNKNOWN;
}

static const struct {
	uint16_t port;
	enum side (*side)(const uint8_t *data, size_t n);
} protocols[] = {
        {53, dns_side},    {67, dhcp_side},   {68, dhcp_side},  {111, rpc_side},   {123, ntp_side},
        {137, dns_side},   {500, ike_side},   {4500, ike_side}, {1900, text_side}, {2049, rpc_side},
        {3478, stun_side}, {5060, text_side}, {5353, dns_side}, {5355, dns_side},
};

enum side side_by_content(const struct reply *reply)
{
	for (size_t i = 0; i < sizeof(protocols) / sizeof(protocols[0]); i++) {
		enum side side;

		if (protocols[i].port != reply->src_port && protocols[i].port != reply->dst_port)
			continue;
		side = protocols[i].side(reply->data, reply->data_bytes);
		if (side != SIDE_UNKNOWN)
			return side;
	}
	return SIDE_UNKNOWN;
}

bool side_is_tftp_answer(const struct reply *reply)
{
	size_t n = reply->data_bytes;

	/* RFC 1350 5, RFC 2347: DATA, ACK, ERROR, OACK. */
	return n >= 4 && reply->data[0] == 0 && reply->data[1] >= 3 && reply->data[1] <= 6 && n <= 65468;
}

/* How much a port looks like one that a service listens on: a low number, and a name that is known. */
static int rank(uint16_t port)
{
	return (port < LOW_PORTS && port != 0 ? 1 : 0) + (port_service(port) ? 2 : 0);
}

enum side side_by_port(uint16_t src_port, uint16_t dst_port)
{
	int src = rank(src_port), dst = rank(dst_port);

	return src > dst ? SIDE_ANSWER : src < dst ? SIDE_QUESTION : SIDE_UNKNOWN;
}
