/* test_craft.c: every probe as bytes, read back by the decoder and checked field by field; libnet's checksums against ours. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "nscan/bytes.h"
#include "nscan/checksum.h"
#include "nscan/craft.h"
#include "nscan/decode.h"
#include "nscan/hash.h"
#include "nscan/stamp.h"
#include "nscan/wire.h"

static const uint8_t OWN_MAC[MAC_BYTES] = {2, 0, 0, 0, 0, 1}, NEXT_MAC[MAC_BYTES] = {2, 0, 0, 0, 0, 0x64};
static const uint16_t source_ports[] = {40000, 40001, 51234};

static struct interface interfaces[] = {
        {.name = "lo", .kind = LINK_RAW_IP},
        {.name = "lan0", .kind = LINK_ETHERNET, .mac = {2, 0, 0, 0, 0, 1}},
};
static const struct network network = {.interfaces = interfaces, .interface_count = 2};

static struct payload_book *book;
static struct craft *craft;

static int open_craft(void **state)
{
	struct err err = {0};

	(void)state;
	book = payload_book_new();
	craft = craft_new(&network, &err);
	return book && craft ? 0 : -1;
}

static int close_craft(void **state)
{
	(void)state;
	craft_free(craft);
	payload_book_free(book);
	return 0;
}

static struct probe_settings settings_of_test(void)
{
	return (struct probe_settings){
	        .key = {9, 9, 9},
	        .source_ports = source_ports,
	        .source_port_count = 3,
	        .ttl = 61,
	        .tos = 0x28,
	        .checksum_mode = CHECKSUM_CHOSEN,
	        .payloads = book,
	};
}

static struct probe probe_for(const struct probe_settings *settings, enum probe_kind kind, uint16_t port,
                              uint16_t attempt)
{
	struct ask ask = {
	        .kind = kind,
	        .src = addr_from_v4(0xc0a80001),
	        .dst = addr_from_v4(0xc0a80064),
	        .port = port,
	        .attempt = attempt,
	};
	struct probe probe = {.interface = 1, .link = LINK_ETHERNET};

	memcpy(probe.next_hop_mac, NEXT_MAC, MAC_BYTES);
	probe_modules[kind]->make(settings, &ask, &probe);
	return probe;
}

static size_t crafted(const struct probe *probe, uint8_t out[CRAFT_MAX_BYTES])
{
	struct err err = {0};
	size_t n = craft_probe(craft, probe, out, &err);

	if (n == 0)
		fail_msg("%s", err.text);
	assert_int_equal(err.code, ERR_NONE);
	return n;
}

static void assert_refused(const struct probe *probe)
{
	uint8_t out[CRAFT_MAX_BYTES];
	struct err err = {0};

	assert_int_equal(craft_probe(craft, probe, out, &err), 0);
	assert_int_equal(err.code, ERR_SYSTEM);
	assert_true(strlen(err.text) > 0);
	assert_null(strchr(err.text, '\n'));
}

static void check_ip_header(const uint8_t *ip, size_t n, const struct probe *probe)
{
	assert_int_equal(checksum_finish(checksum_add(0, ip, 20)), 0);
	assert_int_equal(ip[0], 0x45);
	assert_int_equal(ip[1], probe->tos);
	assert_int_equal(ip[2] << 8 | ip[3], n);
	assert_int_equal(ip[4] << 8 | ip[5], probe->ip_id);
	assert_int_equal(ip[6] << 8 | ip[7], probe->dont_fragment ? 0x4000 : 0);
	assert_int_equal(ip[8], probe->ttl);
	assert_memory_equal(ip + 12, probe->src.bytes, 4);
	assert_memory_equal(ip + 16, probe->dst.bytes, 4);
}

static void test_arp_bytes(void **state)
{
	struct probe_settings settings = settings_of_test();
	struct probe probe = probe_for(&settings, PROBE_ARP, 0, 0);
	static const uint8_t expected[42] = {
	        0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2,   0,   0, 0,   0, 1, 8, 6, /* Ethernet */
	        0,    1,    8,    0,    6,    4,    0,   1,                       /* who-has */
	        2,    0,    0,    0,    0,    1,    192, 168, 0, 1,               /* sender */
	        0,    0,    0,    0,    0,    0,    192, 168, 0, 100,             /* target */
	};
	uint8_t out[CRAFT_MAX_BYTES];

	(void)state;
	memset(probe.next_hop_mac, 0xff, MAC_BYTES);
	assert_int_equal(crafted(&probe, out), sizeof(expected));
	assert_memory_equal(out, expected, sizeof(expected));
	probe.link = LINK_RAW_IP;
	assert_refused(&probe);
}

static void test_own_arp_bytes(void **state)
{
	struct arp_packet arp = {.target = addr_from_v4(0xc0a8000a), .to_mac = {255, 255, 255, 255, 255, 255}};
	static const uint8_t who_has[42] = {
	        0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2,   0,   0, 0,  0, 1, 8, 6, /* Ethernet */
	        0,    1,    8,    0,    6,    4,    0,   1,                      /* who-has */
	        2,    0,    0,    0,    0,    1,    0,   0,   0, 0,              /* an ARP probe has no sender */
	        0,    0,    0,    0,    0,    0,    192, 168, 0, 10,             /* target */
	};
	static const uint8_t is_at[42] = {
	        2, 0, 0, 0, 0, 0x64, 2,   0,   0, 0,   0, 1, 8, 6, /* Ethernet */
	        0, 1, 8, 0, 6, 4,    0,   2,                       /* is-at */
	        2, 0, 0, 0, 0, 1,    192, 168, 0, 10,              /* sender */
	        2, 0, 0, 0, 0, 0x64, 192, 168, 0, 100,             /* target */
	};
	uint8_t out[CRAFT_MAX_BYTES];
	struct err err = {0};

	(void)state;
	assert_int_equal(craft_arp(craft, 1, &arp, out, &err), sizeof(who_has));
	assert_memory_equal(out, who_has, sizeof(who_has));
	arp = (struct arp_packet){
	        .is_reply = true, .sender = addr_from_v4(0xc0a8000a), .target = addr_from_v4(0xc0a80064)};
	memcpy(arp.target_mac, NEXT_MAC, MAC_BYTES);
	memcpy(arp.to_mac, NEXT_MAC, MAC_BYTES);
	assert_int_equal(craft_arp(craft, 1, &arp, out, &err), sizeof(is_at));
	assert_memory_equal(out, is_at, sizeof(is_at));
	assert_int_equal(err.code, ERR_NONE);
	/* Nothing of the one packet stays behind for the next. */
	assert_int_equal(craft_arp(craft, 1, &arp, out, &err), sizeof(is_at));

	assert_int_equal(craft_arp(craft, 0, &arp, out, &err), 0);
	assert_int_equal(err.code, ERR_SYSTEM);
	assert_non_null(strstr(err.text, "lo has no Ethernet header"));
	assert_int_equal(craft_arp(craft, 2, &arp, out, &err), 0);
	assert_non_null(strstr(err.text, "not there"));
	assert_int_equal(craft_arp(craft, -1, &arp, out, &err), 0);
}

static void test_echo_bytes(void **state)
{
	struct probe_settings settings = settings_of_test();
	struct probe probe = probe_for(&settings, PROBE_ECHO, 0, 3);
	uint8_t out[CRAFT_MAX_BYTES];
	size_t n = crafted(&probe, out);
	const uint8_t *icmp = out + 34;

	(void)state;
	assert_int_equal(n, 14 + 20 + 8 + 8);
	assert_memory_equal(out, NEXT_MAC, 6);
	assert_memory_equal(out + 6, OWN_MAC, 6);
	check_ip_header(out + 14, n - 14, &probe);
	assert_int_equal(out[14 + 9], IP_PROTO_ICMP);
	assert_int_equal(icmp[0], ICMP4_ECHO);
	assert_int_equal(icmp[1], 0);
	assert_int_equal(icmp[4] << 8 | icmp[5], probe.icmp_id);
	assert_int_equal(icmp[6] << 8 | icmp[7], probe.icmp_sequence);
	assert_memory_equal(icmp + 8, probe.echo_data, 8);
	assert_int_equal(checksum_finish(checksum_add(0, icmp, 16)), 0);
}

static void test_timestamp_bytes(void **state)
{
	struct probe_settings settings = settings_of_test();
	struct probe probe = probe_for(&settings, PROBE_TIMESTAMP, 0, 0);
	uint8_t out[CRAFT_MAX_BYTES], zero[8] = {0};
	size_t n;

	(void)state;
	probe.link = LINK_RAW_IP;
	probe.interface = 0;
	n = crafted(&probe, out);
	assert_int_equal(n, 20 + 20);
	check_ip_header(out, n, &probe);
	assert_int_equal(out[20], ICMP4_TIMESTAMP);
	assert_int_equal(out[24] << 8 | out[25], probe.icmp_id);
	assert_int_equal(out[26] << 8 | out[27], probe.icmp_sequence);
	assert_int_equal((uint32_t)out[28] << 24 | out[29] << 16 | out[30] << 8 | out[31], probe.icmp_originate);
	assert_memory_equal(out + 32, zero, 8);
	assert_int_equal(checksum_finish(checksum_add(0, out + 20, 20)), 0);
}

/* Every payload of every port, by both links: what the decoder reads is what the probe says. */
static void test_udp_round_trip(void **state)
{
	struct probe_settings settings = settings_of_test();

	(void)state;
	for (uint32_t port = 1; port <= 0xffff; port += port < 12000 ? 1 : 101) {
		struct probe probe = probe_for(&settings, PROBE_UDP, (uint16_t)port, (uint16_t)(port % 3));
		uint8_t out[CRAFT_MAX_BYTES];
		struct reply reply;
		size_t n;

		probe.link = port % 2 ? LINK_ETHERNET : LINK_RAW_IP;
		n = crafted(&probe, out);
		assert_true(decode_frame(port % 2 ? FRAME_ETHERNET : FRAME_RAW_IP, out, n, &reply));
		assert_int_equal(reply.kind, REPLY_UDP);
		assert_int_equal(reply.src_port, probe.src_port);
		assert_int_equal(reply.dst_port, probe.dst_port);
		assert_int_equal(reply.udp_checksum, probe.udp_checksum);
		assert_int_equal(reply.ip_id, probe.ip_id);
		assert_int_equal(reply.ttl, 61);
		assert_int_equal(reply.tos, 0x28);
		assert_int_equal(reply.data_bytes, probe.data_bytes);
		assert_int_equal(checksum_udp(&reply.src, &reply.dst, reply.src_port, reply.dst_port, reply.data,
		                              reply.data_bytes),
		                 reply.udp_checksum);
		check_ip_header(out + (port % 2 ? 14 : 0), n - (port % 2 ? 14 : 0), &probe);
		if (probe.nonce_offset >= 0)
			assert_int_equal(reply.data[probe.nonce_offset] << 8 | reply.data[probe.nonce_offset + 1],
			                 probe.nonce);
	}
}

static void check_forced(struct probe_settings settings, uint16_t port, bool right)
{
	struct probe probe = probe_for(&settings, PROBE_UDP, port, 0);
	uint8_t out[CRAFT_MAX_BYTES];
	struct reply reply;
	size_t n = crafted(&probe, out);

	assert_true(decode_frame(FRAME_ETHERNET, out, n, &reply));
	assert_int_equal(reply.udp_checksum, probe.udp_checksum);
	assert_int_equal(checksum_udp(&reply.src, &reply.dst, reply.src_port, reply.dst_port, reply.data,
	                              reply.data_bytes) == reply.udp_checksum,
	                 right);
}

static void test_forced_checksums(void **state)
{
	struct probe_settings settings = settings_of_test();

	(void)state;
	for (uint16_t port = 50; port < 200; port++) {
		settings.checksum_mode = CHECKSUM_NONE;
		check_forced(settings, port, false);
		settings.checksum_mode = CHECKSUM_FIXED;
		settings.fixed_checksum = 0x0001;
		check_forced(settings, port, false);
		settings.checksum_mode = CHECKSUM_CHOSEN;
		settings.bad_checksum = true;
		check_forced(settings, port, false);
		settings.bad_checksum = false;
		check_forced(settings, port, true);
	}
}

static void test_computed_zero_becomes_ones(void **state)
{
	/* Of the datagrams with these two bytes of data one sums up to 0: RFC 768 sends it as 0xffff. */
	struct probe_settings settings = settings_of_test();
	uint8_t bytes[2];
	struct payload data = {.name = "data", .nonce_offset = -1, .bytes = bytes, .byte_count = 2};
	unsigned ones = 0;

	(void)state;
	settings.data = &data;
	for (uint32_t word = 0; word <= 0xffff; word++) {
		uint8_t out[CRAFT_MAX_BYTES];
		struct probe probe;

		put_u16(bytes, (uint16_t)word);
		probe = probe_for(&settings, PROBE_UDP, 9999, 0);
		if (probe.udp_checksum != 0xffff)
			continue;
		ones++;
		crafted(&probe, out);
		assert_int_equal(out[40], 0xff);
		assert_int_equal(out[41], 0xff);
	}
	assert_int_equal(ones, 1);
}

static void test_disagreement_is_an_error(void **state)
{
	struct probe_settings settings = settings_of_test();
	struct probe probe = probe_for(&settings, PROBE_UDP, 53, 0);
	uint8_t out[CRAFT_MAX_BYTES];

	(void)state;
	probe.udp_checksum ^= 1;
	assert_refused(&probe);
	probe.udp_checksum ^= 1;
	crafted(&probe, out); /* a refusal leaves nothing behind */
}

static void test_dont_fragment_and_size(void **state)
{
	struct probe_settings settings = settings_of_test();
	static uint8_t bytes[CRAFT_MAX_BYTES];
	struct payload data = {.name = "data", .nonce_offset = -1, .bytes = bytes, .byte_count = 1472};
	struct probe probe;
	uint8_t out[CRAFT_MAX_BYTES];

	(void)state;
	settings.data = &data;
	probe = probe_for(&settings, PROBE_UDP, 9, 0);
	probe.dont_fragment = true;
	assert_int_equal(crafted(&probe, out), 14 + 1500);
	check_ip_header(out + 14, 1500, &probe);
	data.byte_count = CRAFT_MAX_BYTES - 42;
	probe = probe_for(&settings, PROBE_UDP, 9, 0);
	assert_int_equal(crafted(&probe, out), CRAFT_MAX_BYTES);
	data.byte_count++;
	probe = probe_for(&settings, PROBE_UDP, 9, 0);
	assert_refused(&probe);
}

/* A probe of a wanted length, by padding. */
static struct probe probe_of_size(struct probe_settings *settings, enum probe_kind kind, uint16_t bytes)
{
	static uint8_t noise[PADDING_BYTES];
	struct ask ask = {.kind = kind,
	                  .src = addr_from_v4(0xc0a80001),
	                  .dst = addr_from_v4(0xc0a80064),
	                  .port = kind == PROBE_UDP ? 9 : 0,
	                  .attempt = 0x4001,
	                  .bytes = bytes};
	struct probe probe = {.interface = 1, .link = LINK_ETHERNET};

	for (size_t i = 0; i < sizeof(noise); i++)
		noise[i] = (uint8_t)(i * 31 + (i >> 7));
	settings->padding = noise;
	memcpy(probe.next_hop_mac, NEXT_MAC, MAC_BYTES);
	probe_modules[kind]->make(settings, &ask, &probe);
	return probe;
}

/* The right checksum over an ICMP message or a UDP datagram. */
static void check_transport(const uint8_t *ip, size_t n, const struct probe *probe)
{
	uint32_t sum = probe->kind == PROBE_UDP
	                       ? checksum_pseudo(&probe->src, &probe->dst, IP_PROTO_UDP, (uint32_t)(n - 20))
	                       : 0;

	assert_int_equal(checksum_finish(checksum_add(sum, ip + 20, n - 20)), 0);
}

static void test_wanted_lengths(void **state)
{
	static const uint16_t sizes[] = {36, 37, 68, 1400, 1401, 1500, 9000, 65534, 65535};
	static const enum probe_kind kinds[] = {PROBE_ECHO, PROBE_UDP};
	struct probe_settings settings = settings_of_test();
	static uint8_t out[CRAFT_MAX_BYTES];

	(void)state;
	for (size_t k = 0; k < 2; k++) {
		for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
			struct probe probe = probe_of_size(&settings, kinds[k], sizes[i]);

			probe.dont_fragment = true;
			assert_int_equal(crafted(&probe, out), 14u + sizes[i]);
			check_ip_header(out + 14, sizes[i], &probe);
			check_transport(out + 14, sizes[i], &probe);
			probe.link = LINK_RAW_IP;
			assert_int_equal(crafted(&probe, out), sizes[i]);
			check_transport(out, sizes[i], &probe);
		}
	}
}

/* Fragments of one datagram, put together again, are the datagram; in its own header each has its own place. */
static void test_fragments(void **state)
{
	static const enum probe_kind kinds[] = {PROBE_ECHO, PROBE_UDP};
	struct probe_settings settings = settings_of_test();
	static uint8_t whole[CRAFT_MAX_BYTES], out[CRAFT_MAX_BYTES];

	(void)state;
	for (size_t k = 0; k < 2; k++) {
		for (uint32_t bytes = 100; bytes < 10000; bytes += 777) {
			struct probe probe = probe_of_size(&settings, kinds[k], (uint16_t)bytes);
			uint32_t room = 8 + bytes / 30 * 8;

			assert_int_equal(crafted(&probe, whole), 14 + bytes);
			for (uint32_t at = 0; at < bytes - 20; at += room) {
				uint32_t n = bytes - 20 - at < room ? bytes - 20 - at : room;
				uint16_t place = (uint16_t)(at / 8);

				probe.fragment_offset = (uint16_t)at;
				probe.fragment_bytes = (uint16_t)n;
				probe.more_fragments = at + n < bytes - 20;
				assert_int_equal(crafted(&probe, out), 14 + 20 + n);
				assert_int_equal(checksum_finish(checksum_add(0, out + 14, 20)), 0);
				assert_int_equal(out[16] << 8 | out[17], 20 + n);
				assert_memory_equal(out + 18, whole + 18, 2); /* the same IP ID */
				assert_int_equal(out[20] << 8 | out[21], place | (probe.more_fragments ? 0x2000 : 0));
				assert_int_equal(out[23], whole[23]);
				assert_memory_equal(out + 34, whole + 34 + at, n);
			}
			probe.fragment_offset = (uint16_t)(bytes / 8 * 8);
			assert_refused(&probe); /* beyond the end */
			probe.fragment_offset = 4;
			assert_refused(&probe);
			probe.fragment_offset = probe.fragment_bytes = 0;
			assert_int_equal(crafted(&probe, out), 14 + bytes); /* a refusal leaves nothing behind */
		}
	}
}

static void test_refusals(void **state)
{
	struct probe_settings settings = settings_of_test();
	struct probe good = probe_for(&settings, PROBE_UDP, 53, 0), bad = good;

	(void)state;
	bad.interface = 2;
	assert_refused(&bad);
	bad.interface = -1;
	assert_refused(&bad);
	bad = good;
	bad.src.family = 6;
	assert_refused(&bad);
	bad = good;
	bad.dst = (struct addr){0};
	assert_refused(&bad);
	bad = good;
	bad.data = NULL; /* more than an echo's data, and nowhere to take it from */
	assert_refused(&bad);
}

/* From a template or not: the same bytes, whatever came before. */
static void test_quick_is_the_same(void **state)
{
	static const enum probe_kind kinds[] = {PROBE_ARP, PROBE_ECHO, PROBE_TIMESTAMP, PROBE_UDP};
	static const uint8_t padding[64];
	struct probe_settings settings = settings_of_test();
	struct rng rng = rng_from_seed(11);

	(void)state;
	for (int round = 0; round < 4000; round++) {
		struct probe probe =
		        probe_for(&settings, kinds[rng_below(&rng, 4)], 40125, (uint16_t)rng_below(&rng, 9));
		uint8_t quick[CRAFT_MAX_BYTES], slow[CRAFT_MAX_BYTES];
		struct ask ask = {.kind = probe.kind, .src = probe.src, .attempt = 1};
		size_t bytes;
		struct err err;

		ask.dst = addr_from_v4((uint32_t)rng_next(&rng));
		ask.port = probe.kind == PROBE_UDP ? 53 : 0;
		probe_modules[probe.kind]->make(&settings, &ask, &probe);
		switch (rng_below(&rng, 8)) {
		case 0:
			probe.ttl = (uint8_t)(1 + rng_below(&rng, 3));
			break;
		case 1:
			probe.dont_fragment = true;
			break;
		case 2:
			probe.link = probe.kind == PROBE_ARP ? LINK_ETHERNET : LINK_RAW_IP;
			break;
		case 3:
			probe.next_hop_mac[5] = (uint8_t)rng_below(&rng, 2);
			break;
		case 4:
			if (probe.kind == PROBE_ECHO)
				probe_stamp_make(&settings, &ask, (uint32_t)rng_next(&rng), &probe);
			break;
		case 5:
			if (probe.kind == PROBE_ECHO) {
				probe.padding = padding;
				probe.padding_bytes = sizeof(padding);
			}
			break;
		default:
			break;
		}
		bytes = craft_probe(craft, &probe, slow, &err);
		assert_true(bytes > 0);
		assert_int_equal(craft_quick(craft, &probe, quick, &err), bytes);
		assert_memory_equal(quick, slow, bytes);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_arp_bytes),
	        cmocka_unit_test(test_own_arp_bytes),
	        cmocka_unit_test(test_echo_bytes),
	        cmocka_unit_test(test_timestamp_bytes),
	        cmocka_unit_test(test_udp_round_trip),
	        cmocka_unit_test(test_forced_checksums),
	        cmocka_unit_test(test_computed_zero_becomes_ones),
	        cmocka_unit_test(test_disagreement_is_an_error),
	        cmocka_unit_test(test_dont_fragment_and_size),
	        cmocka_unit_test(test_wanted_lengths),
	        cmocka_unit_test(test_fragments),
	        cmocka_unit_test(test_quick_is_the_same),
	        cmocka_unit_test(test_refusals),
	};

	return cmocka_run_group_tests_name("craft", tests, open_craft, close_craft);
}
