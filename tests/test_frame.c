/* test_frame.c: every link type in front of the same packets: what is behind the header is found, and nothing else is taken
 * for it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "nscan/decode.h"

/* 192.0.2.1:53 > 192.0.2.2:40000, no data; checksums absent. */
static const uint8_t ipv4[] = {0x45, 0, 0,   28, 0, 1, 0, 0,  64,   17, 0, 0, 192, 0,
                               2,    1, 192, 0,  2, 2, 0, 53, 0x9c, 64, 0, 8, 0,   0};
/* 2001:db8::1 > ::2, the same. */
static const uint8_t ipv6[] = {0x60, 0, 0, 0, 0, 8, 17, 64, 0x20, 1,  0xd,  0xb8, 0, 0, 0, 0,
                               0,    0, 0, 0, 0, 0, 0,  1,  0x20, 1,  0xd,  0xb8, 0, 0, 0, 0,
                               0,    0, 0, 0, 0, 0, 0,  2,  0,    53, 0x9c, 64,   0, 8, 0, 0};

struct header {
	const char *name;
	enum frame_link link;
	int family; /* of the packet behind it; 0: refused whatever follows */
	size_t bytes;
	uint8_t header[24];
};

static const struct header headers[] = {
        {"raw, IPv4", FRAME_RAW_IP, 4, 0, {0}},
        {"raw, IPv6", FRAME_RAW_IP, 6, 0, {0}},
        {"raw as files call it", FRAME_RAW_IP_FILE, 4, 0, {0}},
        {"IPv4 only", FRAME_IPV4, 4, 0, {0}},
        {"IPv6 only", FRAME_IPV6, 6, 0, {0}},
        {"ethernet", FRAME_ETHERNET, 4, 14, {2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 8, 0}},
        {"ethernet, IPv6", FRAME_ETHERNET, 6, 14, {2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 0x86, 0xdd}},
        {"QinQ", FRAME_ETHERNET, 4, 22, {2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 0x88, 0xa8, 0, 7, 0x81, 0, 0, 9, 8, 0}},
        {"PPPoE in ethernet", FRAME_ETHERNET, 4, 22, {2, 0,    0,    0,    0, 2, 2, 0, 0,  0, 0,
                                                      1, 0x88, 0x64, 0x11, 0, 0, 5, 0, 30, 0, 0x21}},
        {"cooked", FRAME_COOKED, 4, 16, {0, 0, 0, 1, 0, 6, 2, 0, 0, 0, 0, 1, 0, 0, 8, 0}},
        {"cooked, sent from here", FRAME_COOKED, 6, 16, {0, 4, 0, 1, 0, 6, 2, 0, 0, 0, 0, 1, 0, 0, 0x86, 0xdd}},
        {"cooked, tagged", FRAME_COOKED, 4, 20, {0, 0, 0, 1, 0, 6, 2, 0, 0, 0, 0, 1, 0, 0, 0x81, 0, 0, 5, 8, 0}},
        {"cooked 2", FRAME_COOKED2, 4, 20, {8, 0, 0, 0, 0, 0, 0, 3, 0, 1, 0, 6, 2, 0, 0, 0, 0, 1, 0, 0}},
        {"cooked 2, IPv6", FRAME_COOKED2, 6, 20, {0x86, 0xdd, 0, 0, 0, 0, 0, 3, 3, 4, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0}},
        {"null, little-endian", FRAME_NULL, 4, 4, {2, 0, 0, 0}},
        {"null, big-endian", FRAME_NULL, 4, 4, {0, 0, 0, 2}},
        {"null, FreeBSD's IPv6", FRAME_NULL, 6, 4, {28, 0, 0, 0}},
        {"null, macOS's IPv6", FRAME_NULL, 6, 4, {30, 0, 0, 0}},
        {"loop", FRAME_LOOP, 4, 4, {0, 0, 0, 2}},
        {"loop, OpenBSD's IPv6", FRAME_LOOP, 6, 4, {0, 0, 0, 24}},
        {"PPP", FRAME_PPP, 4, 2, {0, 0x21}},
        {"PPP, HDLC framing", FRAME_PPP, 4, 4, {0xff, 3, 0, 0x21}},
        {"PPP, compressed protocol", FRAME_PPP, 4, 1, {0x21}},
        {"PPP, IPv6", FRAME_PPP, 6, 4, {0xff, 3, 0, 0x57}},
        {"PPP serial", FRAME_PPP_HDLC, 4, 4, {0xff, 3, 0, 0x21}},
        {"PPP serial, Cisco HDLC", FRAME_PPP_HDLC, 4, 4, {0x0f, 0, 8, 0}},
        {"Cisco HDLC", FRAME_CISCO_HDLC, 6, 4, {0x8f, 0, 0x86, 0xdd}},
        {"PPPoE", FRAME_PPPOE, 4, 8, {0x11, 0, 0, 5, 0, 30, 0, 0x21}},

        {"ethernet, says IPv6", FRAME_ETHERNET, 0, 14, {2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 0x86, 0xdd}},
        {"PPPoE discovery", FRAME_PPPOE, 0, 8, {0x11, 9, 0, 5, 0, 30, 0, 0x21}},
        {"PPPoE, shorter than its packet", FRAME_PPPOE, 0, 8, {0x11, 0, 0, 5, 0, 12, 0, 0x21}},
        {"PPP control protocol", FRAME_PPP, 0, 4, {0xff, 3, 0xc0, 0x21}},
        {"null, other family", FRAME_NULL, 0, 4, {7, 0, 0, 0}},
        {"cooked, other protocol", FRAME_COOKED, 0, 16, {0, 0, 0, 1, 0, 6, 2, 0, 0, 0, 0, 1, 0, 0, 0, 4}},
        {"IPv6 only", FRAME_IPV6, 0, 0, {0}},
        {"nobody knows", (enum frame_link)147, 0, 0, {0}},
};

/* A frame in memory of exactly its size, so that the sanitizer sees a read past its end. */
static bool decode(const struct header *h, size_t cut, struct reply *out)
{
	const uint8_t *packet = h->family == 6 ? ipv6 : ipv4;
	size_t packet_bytes = h->family == 6 ? sizeof(ipv6) : sizeof(ipv4), n = h->bytes + packet_bytes - cut;
	uint8_t whole[96], *copy = malloc(n ? n : 1);
	bool good;

	assert_non_null(copy);
	memcpy(whole, h->header, h->bytes);
	memcpy(whole + h->bytes, packet, packet_bytes);
	memcpy(copy, whole, n);
	good = decode_frame(h->link, copy, n, out);
	free(copy);
	return good;
}

static void what_is_behind_each_header(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(headers) / sizeof(headers[0]); i++) {
		const struct header *h = &headers[i];
		struct reply reply;
		bool good = decode(h, 0, &reply);

		if (good != (h->family != 0))
			fail_msg("%s is %s", h->name, good ? "taken" : "refused");
		if (!good)
			continue;
		if (reply.kind != REPLY_UDP || reply.src.family != h->family || reply.src_port != 53 ||
		    reply.dst_port != 40000 || reply.truncated)
			fail_msg("%s: kind %d, ports %u and %u", h->name, reply.kind, reply.src_port, reply.dst_port);
	}
}

static void cut_headers_are_refused(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(headers) / sizeof(headers[0]); i++) {
		const struct header *h = &headers[i];
		size_t packet_bytes = h->family == 6 ? sizeof(ipv6) : sizeof(ipv4);
		struct reply reply;

		for (size_t cut = packet_bytes; cut <= packet_bytes + h->bytes; cut++) {
			if (decode(h, cut, &reply))
				fail_msg("%s is taken without its last %zu bytes", h->name, cut);
		}
	}
}

static void who_sent_it(void **state)
{
	static const uint8_t mac[MAC_BYTES] = {2, 0, 0, 0, 0, 1}, to[MAC_BYTES] = {2, 0, 0, 0, 0, 2};
	struct reply reply;

	(void)state;
	assert_true(decode(&headers[5], 0, &reply));
	assert_true(reply.has_mac && reply.has_dst_mac && !reply.sent_from_here);
	assert_memory_equal(reply.mac, mac, MAC_BYTES);
	assert_memory_equal(reply.dst_mac, to, MAC_BYTES);
	for (size_t i = 0; i < sizeof(headers) / sizeof(headers[0]); i++) {
		if (headers[i].family == 0 || strncmp(headers[i].name, "cooked", 6) != 0)
			continue;
		assert_true(decode(&headers[i], 0, &reply));
		assert_false(reply.has_dst_mac);
		assert_int_equal(reply.sent_from_here, headers[i].family == 6);
		assert_int_equal(reply.has_mac, strcmp(headers[i].name, "cooked 2, IPv6") != 0);
		if (reply.has_mac)
			assert_memory_equal(reply.mac, mac, MAC_BYTES);
	}
	assert_true(decode(&headers[0], 0, &reply));
	assert_false(reply.has_mac || reply.has_dst_mac);
}

static void known_types_are_the_ones_that_decode(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(headers) / sizeof(headers[0]); i++)
		assert_int_equal(frame_link_known(headers[i].link), headers[i].link != 147);
	assert_false(frame_link_known(105)); /* 802.11 */
}

/* ICMPv6 neighbour discovery: who asks for whom, who answers. */
static void neighbour_discovery(void **state)
{
	uint8_t packet[40 + 24] = {0x60, 0, 0, 0, 0, 24, 58, 255};
	struct addr host, router;
	struct reply reply;

	(void)state;
	assert_true(addr_parse("fe80::64", &host) && addr_parse("fe80::fe", &router));
	memcpy(packet + 8, router.bytes, 16);
	memcpy(packet + 24, host.bytes, 16);
	packet[40] = 135;
	memcpy(packet + 48, host.bytes, 16);
	assert_true(decode_frame(FRAME_IPV6, packet, sizeof(packet), &reply));
	assert_int_equal(reply.kind, REPLY_NEIGHBOUR);
	assert_false(reply.arp_is_reply);
	assert_true(addr_equal(&reply.src, &router) && addr_equal(&reply.dst, &host));
	packet[40] = 136;
	assert_true(decode_frame(FRAME_IPV6, packet, sizeof(packet), &reply));
	assert_true(reply.arp_is_reply);
	assert_true(addr_equal(&reply.src, &host));
	assert_false(decode_frame(FRAME_IPV6, packet, sizeof(packet) - 1, &reply));
}

/* A TCP segment is no answer to a probe of ours, but says that its sender lives. */
static void tcp_flags(void **state)
{
	uint8_t packet[40] = {0x45, 0, 0, 40, 0, 0, 0, 0, 64, 6, 0, 0, 192, 0, 2, 1, 192, 0, 2, 2, 0, 80, 0x9c, 64};
	struct reply reply;

	(void)state;
	packet[33] = TCP_RST | TCP_ACK;
	assert_true(decode_frame(FRAME_IPV4, packet, sizeof(packet), &reply));
	assert_int_equal(reply.kind, REPLY_OTHER);
	assert_int_equal(reply.protocol, 6);
	assert_int_equal(reply.tcp_flags, TCP_RST | TCP_ACK);
	assert_int_equal(reply.src_port, 80);
	assert_int_equal(reply.dst_port, 40000);
	assert_true(decode_frame(FRAME_IPV4, packet, 33, &reply)); /* cut before the flags */
	assert_int_equal(reply.tcp_flags, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(what_is_behind_each_header),
	        cmocka_unit_test(cut_headers_are_refused),
	        cmocka_unit_test(who_sent_it),
	        cmocka_unit_test(known_types_are_the_ones_that_decode),
	        cmocka_unit_test(neighbour_discovery),
	        cmocka_unit_test(tcp_flags),
	};

	return cmocka_run_group_tests_name("frame", tests, NULL, NULL);
}
