/* test_decode.c: frames built byte by byte, whole, cut, padded and lying, and what decode_frame makes of them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "nscan/bytes.h"
#include "nscan/checksum.h"
#include "nscan/decode.h"
#include "nscan/hash.h"
#include "nscan/wire.h"

/* A packet that grows at its end. */
struct builder {
	uint8_t bytes[2048];
	size_t n;
};

static const uint8_t TARGET_MAC[MAC_BYTES] = {2, 0, 0, 0, 0, 0x64};
#define TARGET  addr_from_v4(0xc0a80064)
#define SCANNER addr_from_v4(0xc0a80001)

static uint8_t *grow(struct builder *b, size_t n)
{
	uint8_t *p = b->bytes + b->n;

	assert_true(b->n + n <= sizeof(b->bytes));
	memset(p, 0, n);
	b->n += n;
	return p;
}

static void add(struct builder *b, const void *bytes, size_t n)
{
	memcpy(grow(b, n), bytes, n);
}

static void add_ethernet(struct builder *b, uint16_t ethertype)
{
	uint8_t *p = grow(b, 14);

	memset(p, 0x11, MAC_BYTES);
	memcpy(p + 6, TARGET_MAC, MAC_BYTES);
	put_u16(p + 12, ethertype);
}

/* An IPv4 header for body_bytes more bytes; options_bytes (a multiple of 4) of no-operation options. */
static uint8_t *add_ipv4(struct builder *b, uint8_t protocol, struct addr src, struct addr dst, size_t options_bytes,
                         size_t body_bytes)
{
	uint8_t *p = grow(b, 20 + options_bytes);

	p[0] = (uint8_t)(0x45 + options_bytes / 4);
	p[1] = 0x10;
	put_u16(p + 2, (uint16_t)(20 + options_bytes + body_bytes));
	put_u16(p + 4, 0xbeef);
	put_u16(p + 6, 0x4000);
	p[8] = 63;
	p[9] = protocol;
	memcpy(p + 12, src.bytes, 4);
	memcpy(p + 16, dst.bytes, 4);
	memset(p + 20, 1, options_bytes);
	put_u16(p + 10, checksum_finish(checksum_add(0, p, 20 + options_bytes)));
	return p;
}

static void fix_ipv4(uint8_t *p)
{
	put_u16(p + 10, 0);
	put_u16(p + 10, checksum_finish(checksum_add(0, p, (p[0] & 15) * 4u)));
}

static void add_udp(struct builder *b, uint16_t src_port, uint16_t dst_port, const char *data, size_t n)
{
	uint8_t *p = grow(b, 8);

	put_u16(p, src_port);
	put_u16(p + 2, dst_port);
	put_u16(p + 4, (uint16_t)(8 + n));
	put_u16(p + 6, 0x1234);
	add(b, data, n);
}

static void add_icmp(struct builder *b, uint8_t type, uint8_t code, uint32_t rest)
{
	uint8_t *p = grow(b, 8);

	p[0] = type;
	p[1] = code;
	put_u32(p + 4, rest);
}

/* The ICMP checksum over everything from `at` to the end. */
static void finish_icmp(struct builder *b, size_t at)
{
	put_u16(b->bytes + at + 2, 0);
	put_u16(b->bytes + at + 2, checksum_finish(checksum_add(0, b->bytes + at, b->n - at)));
}

/* Port unreachable from the target, quoting the first `quoted` bytes after the header of a 20-byte UDP datagram. */
static void build_port_unreachable(struct builder *b, size_t options_bytes, size_t quoted)
{
	struct builder inner = {.n = 0};

	add_ipv4(&inner, IP_PROTO_UDP, SCANNER, TARGET, options_bytes, 8 + 12);
	add_udp(&inner, 40000, 161, "abcdefghijkl", 12);
	b->n = 0;
	add_ipv4(b, IP_PROTO_ICMP, TARGET, SCANNER, 0, 8 + 20 + options_bytes + quoted);
	add_icmp(b, 3, 3, 0);
	add(b, inner.bytes, 20 + options_bytes + quoted);
	finish_icmp(b, 20);
}

static bool decode(const struct builder *b, struct reply *out)
{
	/* A copy of just that size, so that a sanitizer sees a read past the end. */
	uint8_t *copy = malloc(b->n ? b->n : 1);
	bool good;

	assert_non_null(copy);
	memcpy(copy, b->bytes, b->n);
	good = decode_frame(FRAME_RAW_IP, copy, b->n, out);
	free(copy);
	return good;
}

static void test_udp(void **state)
{
	struct builder b = {.n = 0};
	struct addr src = TARGET, dst = SCANNER;
	struct reply r;

	(void)state;
	add_ethernet(&b, ETHERTYPE_IPV4);
	add_ipv4(&b, IP_PROTO_UDP, src, dst, 0, 11);
	add_udp(&b, 53, 40000, "abc", 3);
	grow(&b, 60 - b.n); /* padding */
	assert_true(decode_frame(FRAME_ETHERNET, b.bytes, b.n, &r));
	assert_int_equal(r.kind, REPLY_UDP);
	assert_true(addr_equal(&r.src, &src));
	assert_true(addr_equal(&r.dst, &dst));
	assert_true(r.has_mac);
	assert_memory_equal(r.mac, TARGET_MAC, MAC_BYTES);
	assert_int_equal(r.src_port, 53);
	assert_int_equal(r.dst_port, 40000);
	assert_int_equal(r.udp_checksum, 0x1234);
	assert_int_equal(r.data_bytes, 3);
	assert_memory_equal(r.data, "abc", 3);
	assert_int_equal(r.ttl, 63);
	assert_int_equal(r.tos, 0x10);
	assert_int_equal(r.ip_id, 0xbeef);
	assert_true(r.dont_fragment);
	assert_int_equal(r.ip_total_bytes, 31);
	assert_false(r.truncated);
	assert_false(r.checksum_bad);
}

static void test_udp_without_data(void **state)
{
	struct builder b = {.n = 0};
	struct reply r;

	(void)state;
	add_ipv4(&b, IP_PROTO_UDP, TARGET, SCANNER, 8, 8);
	add_udp(&b, 53, 40000, "", 0);
	assert_true(decode(&b, &r));
	assert_int_equal(r.kind, REPLY_UDP);
	assert_null(r.data);
	assert_int_equal(r.data_bytes, 0);
	assert_false(r.has_mac);
}

static void test_udp_lengths(void **state)
{
	struct builder b = {.n = 0};
	struct reply r;

	(void)state;
	add_ipv4(&b, IP_PROTO_UDP, TARGET, SCANNER, 0, 8 + 10);
	add_udp(&b, 53, 40000, "abcdefghij", 10);
	put_u16(b.bytes + 24, 7); /* shorter than its header */
	assert_false(decode(&b, &r));
	assert_int_equal(r.kind, REPLY_NONE);
	put_u16(b.bytes + 24, 19); /* longer than the IP packet */
	assert_false(decode(&b, &r));
	put_u16(b.bytes + 24, 12); /* shorter than the IP packet: the rest is no data */
	assert_true(decode(&b, &r));
	assert_int_equal(r.data_bytes, 4);
	put_u16(b.bytes + 24, 18);
	b.n = 20 + 8 + 4; /* cut by the capture */
	assert_true(decode(&b, &r));
	assert_true(r.truncated);
	assert_int_equal(r.data_bytes, 4);
	assert_int_equal(r.ip_total_bytes, 38);
	b.n = 20 + 7;
	assert_false(decode(&b, &r));
}

static void test_total_length_zero_takes_what_is_there(void **state)
{
	struct builder b = {.n = 0};
	struct reply r;

	(void)state;
	add_ipv4(&b, IP_PROTO_UDP, TARGET, SCANNER, 0, 8 + 3);
	add_udp(&b, 53, 40000, "abc", 3);
	put_u16(b.bytes + 2, 0);
	fix_ipv4(b.bytes);
	assert_true(decode(&b, &r));
	assert_int_equal(r.data_bytes, 3);
	assert_int_equal(r.ip_total_bytes, 31);
	assert_false(r.truncated);
}

static void test_malformed_ip(void **state)
{
	struct builder good = {.n = 0}, b;
	struct reply r;

	(void)state;
	add_ipv4(&good, IP_PROTO_UDP, TARGET, SCANNER, 0, 8);
	add_udp(&good, 53, 40000, "", 0);
	assert_true(decode(&good, &r));

	for (int version = 0; version < 16; version++) {
		b = good;
		b.bytes[0] = (uint8_t)(version << 4 | 5);
		fix_ipv4(b.bytes);
		assert_int_equal(decode(&b, &r), version == 4);
	}
	for (uint8_t words = 0; words < 5; words++) {
		b = good;
		b.bytes[0] = (uint8_t)(0x40 | words);
		fix_ipv4(b.bytes);
		assert_false(decode(&b, &r));
	}
	b = good;
	b.bytes[0] = 0x4f; /* 60 bytes of header in 28 */
	assert_false(decode(&b, &r));
	b = good;
	put_u16(b.bytes + 2, 19); /* total length below the header's */
	fix_ipv4(b.bytes);
	assert_false(decode(&b, &r));
	b = good;
	b.bytes[8]--; /* header checksum wrong */
	assert_false(decode(&b, &r));
	put_u16(b.bytes + 10, 0); /* left to the interface */
	assert_true(decode(&b, &r));
}

static void test_every_prefix_of_a_packet(void **state)
{
	struct builder b;
	struct reply r;

	(void)state;
	build_port_unreachable(&b, 12, 20);
	for (size_t n = b.n; n > 0; n--) {
		b.n = n;
		/* 20 IP, 8 ICMP, 32 quoted IP header with options */
		assert_int_equal(decode(&b, &r), n >= 60);
		if (n >= 60) {
			assert_int_equal(r.quote.has_ports, n >= 64);
			assert_int_equal(r.quote.has_udp_checksum, n >= 68);
			assert_int_equal(r.quote.bytes, n - 28);
		}
	}
}

static void test_fragments(void **state)
{
	struct builder b = {.n = 0};
	struct reply r;

	(void)state;
	add_ipv4(&b, IP_PROTO_UDP, TARGET, SCANNER, 0, 8);
	add_udp(&b, 53, 40000, "", 0);
	put_u16(b.bytes + 6, 0x2000);
	fix_ipv4(b.bytes);
	assert_true(decode(&b, &r));
	assert_int_equal(r.kind, REPLY_FRAGMENT);
	put_u16(b.bytes + 6, 1);
	fix_ipv4(b.bytes);
	assert_true(decode(&b, &r));
	assert_int_equal(r.kind, REPLY_FRAGMENT);
	assert_int_equal(r.src_port, 0);
	assert_int_equal(r.ip_id, 0xbeef);
	assert_int_equal(r.fragment_id, 0xbeef);
	assert_int_equal(r.fragment_offset, 8);
	assert_false(r.more_fragments);
	assert_int_equal(r.protocol, IP_PROTO_UDP);
	assert_int_equal(r.data_bytes, 8);
	assert_int_equal(r.wire_data_bytes, 8);
}

static void test_echo(void **state)
{
	struct builder b = {.n = 0};
	struct reply r;

	(void)state;
	add_ipv4(&b, IP_PROTO_ICMP, TARGET, SCANNER, 0, 16);
	add_icmp(&b, ICMP4_ECHO_REPLY, 0, 0x12345678);
	add(&b, "identity", 8);
	finish_icmp(&b, 20);
	assert_true(decode(&b, &r));
	assert_int_equal(r.kind, REPLY_ECHO);
	assert_int_equal(r.icmp_id, 0x1234);
	assert_int_equal(r.icmp_sequence, 0x5678);
	assert_int_equal(r.data_bytes, 8);
	assert_memory_equal(b.bytes + 28, "identity", 8);
	assert_false(r.checksum_bad);

	b.bytes[20] = ICMP4_ECHO;
	finish_icmp(&b, 20);
	assert_true(decode(&b, &r));
	assert_int_equal(r.kind, REPLY_ECHO_REQUEST);

	b.bytes[30] ^= 1;
	assert_true(decode(&b, &r));
	assert_true(r.checksum_bad);
	b.n -= 2; /* cut: nobody can tell any more */
	assert_true(decode(&b, &r));
	assert_false(r.checksum_bad);
	assert_true(r.truncated);
	b.n = 27;
	assert_false(decode(&b, &r));
}

static void test_timestamp(void **state)
{
	struct builder b = {.n = 0};
	struct reply r;

	(void)state;
	add_ipv4(&b, IP_PROTO_ICMP, TARGET, SCANNER, 0, 20);
	add_icmp(&b, ICMP4_TIMESTAMP_REPLY, 0, 0xaaaabbbb);
	put_u32(grow(&b, 12), 0x01020304);
	finish_icmp(&b, 20);
	assert_true(decode_frame(FRAME_RAW_IP, b.bytes, b.n, &r));
	assert_int_equal(r.kind, REPLY_TIMESTAMP);
	assert_int_equal(r.icmp_id, 0xaaaa);
	assert_int_equal(r.icmp_sequence, 0xbbbb);
	assert_int_equal(r.data_bytes, 12);
	assert_memory_equal(r.data, "\1\2\3\4", 4);

	b.bytes[20] = ICMP4_TIMESTAMP;
	finish_icmp(&b, 20);
	assert_true(decode(&b, &r));
	assert_int_equal(r.kind, REPLY_TIMESTAMP_REQUEST);
}

static void test_port_unreachable(void **state)
{
	struct addr scanner = SCANNER, target = TARGET;
	struct builder b;
	struct reply r;

	(void)state;
	build_port_unreachable(&b, 0, 20);
	assert_true(decode(&b, &r));
	assert_int_equal(r.kind, REPLY_ICMP_ERROR);
	assert_int_equal(r.icmp_type, 3);
	assert_int_equal(r.icmp_code, 3);
	assert_false(r.checksum_bad);
	assert_true(addr_equal(&r.quote.src, &scanner));
	assert_true(addr_equal(&r.quote.dst, &target));
	assert_int_equal(r.quote.protocol, IP_PROTO_UDP);
	assert_int_equal(r.quote.ttl, 63);
	assert_int_equal(r.quote.tos, 0x10);
	assert_int_equal(r.quote.ip_id, 0xbeef);
	assert_int_equal(r.quote.ip_total_bytes, 40);
	assert_int_equal(r.quote.bytes, 40);
	assert_true(r.quote.dont_fragment);
	assert_true(r.quote.has_ports);
	assert_int_equal(r.quote.src_port, 40000);
	assert_int_equal(r.quote.dst_port, 161);
	assert_true(r.quote.has_udp_checksum);
	assert_int_equal(r.quote.udp_bytes, 20);
	assert_int_equal(r.quote.udp_checksum, 0x1234);
	assert_false(r.quote.has_icmp_id);
}

static void test_quote_of_eight_bytes(void **state)
{
	struct builder b;
	struct reply r;

	(void)state;
	build_port_unreachable(&b, 0, 8);
	assert_true(decode(&b, &r));
	assert_int_equal(r.quote.bytes, 28);
	assert_true(r.quote.has_udp_checksum);
	assert_false(r.truncated);
	build_port_unreachable(&b, 0, 6);
	assert_true(decode(&b, &r));
	assert_true(r.quote.has_ports);
	assert_false(r.quote.has_udp_checksum);
	assert_int_equal(r.quote.udp_bytes, 0);
	build_port_unreachable(&b, 0, 0);
	assert_true(decode(&b, &r));
	assert_false(r.quote.has_ports);
}

static void test_quote_with_options(void **state)
{
	struct builder b;
	struct reply r;

	(void)state;
	for (size_t options = 0; options <= 40; options += 4) {
		build_port_unreachable(&b, options, 8);
		assert_true(decode(&b, &r));
		assert_int_equal(r.quote.src_port, 40000);
		assert_int_equal(r.quote.dst_port, 161);
		assert_int_equal(r.quote.udp_checksum, 0x1234);
	}
}

static void test_broken_quotes(void **state)
{
	struct builder b;
	struct reply r;

	(void)state;
	build_port_unreachable(&b, 0, 8);
	b.bytes[28] = 0x65; /* quotes IPv6 inside IPv4 */
	assert_false(decode(&b, &r));
	b.bytes[28] = 0x44;
	assert_false(decode(&b, &r));
	b.bytes[28] = 0x4f; /* its header would end behind the packet */
	assert_false(decode(&b, &r));
}

static void test_quoted_fragment(void **state)
{
	struct builder b;
	struct reply r;

	(void)state;
	build_port_unreachable(&b, 0, 8);
	put_u16(b.bytes + 28 + 6, 0x2001);
	finish_icmp(&b, 20);
	assert_true(decode(&b, &r));
	assert_true(r.quote.more_fragments);
	assert_int_equal(r.quote.fragment_offset, 8);
	assert_false(r.quote.has_ports); /* behind an offset stands no UDP header */
	put_u16(b.bytes + 28 + 6, 0x2000);
	assert_true(decode(&b, &r));
	assert_true(r.quote.has_ports);
}

static void test_quote_length_garbled_by_the_stack(void **state)
{
	/* Some quote the length in host byte order, some without the header: the ports are there all the same. */
	static const uint16_t lengths[] = {0, 20, 8, 0x2800};
	struct builder b;
	struct reply r;

	(void)state;
	for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		build_port_unreachable(&b, 0, 8);
		put_u16(b.bytes + 28 + 2, lengths[i]);
		finish_icmp(&b, 20);
		assert_true(decode(&b, &r));
		assert_true(r.quote.has_udp_checksum);
		assert_int_equal(r.quote.ip_total_bytes, lengths[i]);
		assert_int_equal(r.quote.bytes, 28);
	}
}

static void test_rfc4884_extensions(void **state)
{
	struct builder b = {.n = 0}, inner = {.n = 0};
	struct reply r;

	(void)state;
	/* A 300-byte datagram, 128 bytes of it quoted, then an extension of 12 bytes. */
	add_ipv4(&inner, IP_PROTO_UDP, SCANNER, TARGET, 0, 280);
	add_udp(&inner, 40000, 161, "", 0);
	add_ipv4(&b, IP_PROTO_ICMP, TARGET, SCANNER, 0, 8 + 128 + 12);
	add_icmp(&b, 11, 0, 32 << 16);
	add(&b, inner.bytes, 28);
	grow(&b, 100);
	memset(grow(&b, 12), 0x20, 12);
	finish_icmp(&b, 20);
	assert_true(decode(&b, &r));
	assert_int_equal(r.kind, REPLY_ICMP_ERROR);
	assert_int_equal(r.quote.bytes, 128);
	/* Without the length it cannot be told. */
	put_u32(b.bytes + 24, 0);
	assert_true(decode(&b, &r));
	assert_int_equal(r.quote.bytes, 140);
	/* A length without room for header and 8 bytes is not believed, one past the end neither. */
	put_u32(b.bytes + 24, 6 << 16);
	assert_true(decode(&b, &r));
	assert_int_equal(r.quote.bytes, 140);
	assert_true(r.quote.has_udp_checksum);
	put_u32(b.bytes + 24, 255 << 16);
	assert_true(decode(&b, &r));
	assert_int_equal(r.quote.bytes, 140);
}

static void test_padding_is_not_quote(void **state)
{
	struct builder b = {.n = 0}, inner = {.n = 0};
	struct reply r;

	(void)state;
	/* RFC 4884 4: a 28-byte datagram, padded to 128 */
	add_ipv4(&inner, IP_PROTO_UDP, SCANNER, TARGET, 0, 8);
	add_udp(&inner, 40000, 161, "", 0);
	add_ipv4(&b, IP_PROTO_ICMP, TARGET, SCANNER, 0, 8 + 128);
	add_icmp(&b, 3, 3, 32 << 16);
	add(&b, inner.bytes, 28);
	grow(&b, 100);
	finish_icmp(&b, 20);
	assert_true(decode(&b, &r));
	assert_int_equal(r.quote.bytes, 28);
	assert_true(r.quote.has_udp_checksum);
}

static void test_fragmentation_needed(void **state)
{
	struct builder b;
	struct reply r;

	(void)state;
	build_port_unreachable(&b, 0, 8);
	b.bytes[21] = 4;
	put_u32(b.bytes + 24, 1400);
	finish_icmp(&b, 20);
	assert_true(decode(&b, &r));
	assert_int_equal(r.next_hop_mtu, 1400);
	b.bytes[21] = 3;
	assert_true(decode(&b, &r));
	assert_int_equal(r.next_hop_mtu, 0);
}

static void test_quoted_icmp(void **state)
{
	struct builder b = {.n = 0};
	struct reply r;

	(void)state;
	add_ipv4(&b, IP_PROTO_ICMP, TARGET, SCANNER, 0, 8 + 28);
	add_icmp(&b, 3, 1, 0);
	add_ipv4(&b, IP_PROTO_ICMP, SCANNER, TARGET, 0, 8);
	add_icmp(&b, ICMP4_ECHO, 0, 0x00070008);
	finish_icmp(&b, 20);
	assert_true(decode(&b, &r));
	assert_true(r.quote.has_icmp_id);
	assert_int_equal(r.quote.icmp_type, ICMP4_ECHO);
	assert_int_equal(r.quote.icmp_id, 7);
	assert_int_equal(r.quote.icmp_sequence, 8);
	assert_false(r.quote.has_ports);
	b.n--;
	assert_true(decode(&b, &r));
	assert_false(r.quote.has_icmp_id);
}

static void test_no_error_for_us(void **state)
{
	struct builder b;
	struct reply r;

	(void)state;
	build_port_unreachable(&b, 0, 8);
	b.bytes[20] = ICMP4_REDIRECT;
	finish_icmp(&b, 20);
	assert_true(decode(&b, &r));
	assert_int_equal(r.kind, REPLY_OTHER);
	b.bytes[20] = ICMP4_SOURCE_QUENCH;
	assert_true(decode(&b, &r));
	assert_int_equal(r.kind, REPLY_OTHER);
	b.bytes[9] = 6; /* TCP */
	fix_ipv4(b.bytes);
	assert_true(decode(&b, &r));
	assert_int_equal(r.kind, REPLY_OTHER);
}

static void build_arp(struct builder *b, uint16_t operation)
{
	const uint8_t head[6] = {0, 1, 8, 0, 6, 4};
	struct addr target = TARGET, scanner = SCANNER;

	b->n = 0;
	add_ethernet(b, ETHERTYPE_ARP_);
	add(b, head, sizeof(head));
	put_u16(grow(b, 2), operation);
	add(b, "\2\2\2\2\2\2", 6);
	add(b, target.bytes, 4);
	add(b, "\1\1\1\1\1\1", 6);
	add(b, scanner.bytes, 4);
}

static void test_arp(void **state)
{
	struct addr target = TARGET, scanner = SCANNER;
	struct builder b;
	struct reply r;

	(void)state;
	build_arp(&b, 2);
	grow(&b, 18);
	assert_true(decode_frame(FRAME_ETHERNET, b.bytes, b.n, &r));
	assert_int_equal(r.kind, REPLY_ARP);
	assert_true(r.arp_is_reply);
	assert_true(r.has_mac);
	assert_memory_equal(r.mac, "\2\2\2\2\2\2", 6); /* the sender's own word, not the frame's */
	assert_true(addr_equal(&r.src, &target));
	assert_true(addr_equal(&r.dst, &scanner));
	build_arp(&b, 1);
	assert_true(decode_frame(FRAME_ETHERNET, b.bytes, b.n, &r));
	assert_false(r.arp_is_reply);
	assert_false(decode_frame(FRAME_ETHERNET, b.bytes, b.n - 1, &r));
	assert_false(decode_frame(FRAME_RAW_IP, b.bytes, b.n, &r));
}

static void test_arp_of_other_kinds(void **state)
{
	/* offset in the ARP packet, value: hardware, protocol, sizes, operation */
	static const uint8_t rows[][2] = {{1, 6}, {2, 0x86}, {4, 8}, {5, 16}, {7, 3}, {7, 0}, {6, 1}};
	struct builder b;
	struct reply r;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		build_arp(&b, 2);
		b.bytes[14 + rows[i][0]] = rows[i][1];
		assert_false(decode_frame(FRAME_ETHERNET, b.bytes, b.n, &r));
	}
}

static void test_vlan_tags(void **state)
{
	static const uint16_t tags[] = {0x8100, 0x88a8, 0x9100};
	struct reply r;

	(void)state;
	for (size_t count = 1; count <= 3; count++) {
		struct builder b = {.n = 0};

		add_ethernet(&b, tags[0]);
		for (size_t i = 0; i < count; i++) {
			put_u16(grow(&b, 2), 5);
			put_u16(grow(&b, 2), i + 1 == count ? ETHERTYPE_IPV4 : tags[i + 1]);
		}
		add_ipv4(&b, IP_PROTO_UDP, TARGET, SCANNER, 0, 8);
		add_udp(&b, 53, 40000, "", 0);
		assert_int_equal(decode_frame(FRAME_ETHERNET, b.bytes, b.n, &r), count <= 2);
	}
}

static void test_other_ethertypes(void **state)
{
	static const uint16_t types[] = {ETHERTYPE_IPV6_, 0x0806, 0x88cc, 46, 0};
	struct reply r;

	(void)state;
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		struct builder b = {.n = 0};

		add_ethernet(&b, types[i]);
		add_ipv4(&b, IP_PROTO_UDP, TARGET, SCANNER, 0, 8);
		add_udp(&b, 53, 40000, "", 0);
		assert_false(decode_frame(FRAME_ETHERNET, b.bytes, b.n, &r));
	}
}

static void add_ipv6(struct builder *b, uint8_t next, size_t body_bytes, bool from_target)
{
	uint8_t *p = grow(b, 40);

	p[0] = 0x61; /* traffic class 0x10 */
	put_u16(p + 4, (uint16_t)body_bytes);
	p[6] = next;
	p[7] = 64;
	p[8] = p[24] = 0x20;
	p[23] = from_target ? 0x64 : 1;
	p[39] = from_target ? 1 : 0x64;
}

static void finish_icmpv6(struct builder *b, size_t at)
{
	struct addr src = addr_from_bytes(6, b->bytes + 8), dst = addr_from_bytes(6, b->bytes + 24);
	uint32_t sum = checksum_pseudo(&src, &dst, IP_PROTO_ICMPV6, (uint32_t)(b->n - at));

	put_u16(b->bytes + at + 2, 0);
	put_u16(b->bytes + at + 2, checksum_finish(checksum_add(sum, b->bytes + at, b->n - at)));
}

static void test_ipv6_udp_behind_extensions(void **state)
{
	struct builder b = {.n = 0};
	struct reply r;

	(void)state;
	/* hop-by-hop (8), routing (16), destination options (8), atomic fragment (8), UDP */
	add_ipv6(&b, 0, 8 + 16 + 8 + 8 + 8 + 3, true);
	grow(&b, 8)[0] = 43;
	memcpy(grow(&b, 16), "\x3c\1", 2);
	grow(&b, 8)[0] = 44;
	grow(&b, 8)[0] = IP_PROTO_UDP;
	add_udp(&b, 53, 40000, "abc", 3);
	assert_true(decode(&b, &r));
	assert_int_equal(r.kind, REPLY_UDP);
	assert_int_equal(r.src.family, 6);
	assert_int_equal(r.src.bytes[15], 0x64);
	assert_int_equal(r.tos, 0x10);
	assert_int_equal(r.ttl, 64);
	assert_int_equal(r.src_port, 53);
	assert_int_equal(r.data_bytes, 3);
	b.bytes[40 + 8 + 16 + 8 + 3] = 1; /* more fragments */
	assert_true(decode(&b, &r));
	assert_int_equal(r.kind, REPLY_FRAGMENT);
	assert_true(r.more_fragments);
	assert_int_equal(r.protocol, IP_PROTO_UDP);
	assert_int_equal(r.data_bytes, 11);
	assert_int_equal(r.wire_data_bytes, 11);
}

static void test_ipv6_too_many_extensions(void **state)
{
	struct builder b = {.n = 0};
	struct reply r;

	(void)state;
	add_ipv6(&b, 60, 8 * 20, true);
	for (int i = 0; i < 19; i++)
		grow(&b, 8)[0] = 60;
	grow(&b, 8)[0] = IP_PROTO_UDP;
	assert_true(decode(&b, &r));
	assert_int_equal(r.kind, REPLY_OTHER);
	b.n = 45; /* an extension that is cut */
	assert_true(decode(&b, &r));
	assert_int_equal(r.kind, REPLY_OTHER);
}

static void test_icmpv6(void **state)
{
	struct builder b = {.n = 0};
	struct reply r;

	(void)state;
	add_ipv6(&b, IP_PROTO_ICMPV6, 16, true);
	add_icmp(&b, 129, 0, 0x00010002);
	add(&b, "identity", 8);
	finish_icmpv6(&b, 40);
	assert_true(decode(&b, &r));
	assert_int_equal(r.kind, REPLY_ECHO);
	assert_int_equal(r.icmp_id, 1);
	assert_int_equal(r.icmp_sequence, 2);
	assert_false(r.checksum_bad);
	b.bytes[50]++;
	assert_true(decode(&b, &r));
	assert_true(r.checksum_bad);

	b.n = 0;
	add_ipv6(&b, IP_PROTO_ICMPV6, 8 + 48, true);
	add_icmp(&b, 1, 4, 0);
	add_ipv6(&b, IP_PROTO_UDP, 8, false);
	add_udp(&b, 40000, 161, "", 0);
	finish_icmpv6(&b, 40);
	assert_true(decode(&b, &r));
	assert_int_equal(r.kind, REPLY_ICMP_ERROR);
	assert_false(r.checksum_bad);
	assert_int_equal(r.quote.src.family, 6);
	assert_int_equal(r.quote.src_port, 40000);
	assert_int_equal(r.quote.dst_port, 161);
	assert_true(r.quote.has_udp_checksum);
	assert_int_equal(r.quote.ip_total_bytes, 48);

	b.bytes[40] = 2; /* packet too big: a 32-bit MTU */
	b.bytes[41] = 0;
	put_u32(b.bytes + 44, 1280);
	assert_true(decode(&b, &r));
	assert_int_equal(r.next_hop_mtu, 1280);
	put_u32(b.bytes + 44, 0x10000);
	assert_true(decode(&b, &r));
	assert_int_equal(r.next_hop_mtu, 65535);
	b.bytes[40] = 135; /* neighbour solicitation */
	assert_true(decode(&b, &r));
	assert_int_equal(r.kind, REPLY_NEIGHBOUR);
	b.bytes[40] = 137; /* redirect */
	assert_true(decode(&b, &r));
	assert_int_equal(r.kind, REPLY_OTHER);
}

static void test_random_bytes_and_flips(void **state)
{
	struct rng rng = rng_from_seed(7);
	struct builder good, b;
	struct reply r;
	bool known;

	(void)state;
	build_port_unreachable(&good, 8, 20);
	for (int i = 0; i < 20000; i++) {
		b = good;
		for (uint32_t flips = 1 + rng_below(&rng, 4); flips > 0; flips--)
			b.bytes[rng_below(&rng, (uint32_t)b.n)] = (uint8_t)rng_next(&rng);
		b.n = rng_below(&rng, (uint32_t)b.n + 1);
		fix_ipv4(b.bytes);
		known = decode(&b, &r);
		assert_int_equal(known, r.kind != REPLY_NONE);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_udp),
	        cmocka_unit_test(test_udp_without_data),
	        cmocka_unit_test(test_udp_lengths),
	        cmocka_unit_test(test_total_length_zero_takes_what_is_there),
	        cmocka_unit_test(test_malformed_ip),
	        cmocka_unit_test(test_every_prefix_of_a_packet),
	        cmocka_unit_test(test_fragments),
	        cmocka_unit_test(test_echo),
	        cmocka_unit_test(test_timestamp),
	        cmocka_unit_test(test_port_unreachable),
	        cmocka_unit_test(test_quote_of_eight_bytes),
	        cmocka_unit_test(test_quote_with_options),
	        cmocka_unit_test(test_broken_quotes),
	        cmocka_unit_test(test_quoted_fragment),
	        cmocka_unit_test(test_quote_length_garbled_by_the_stack),
	        cmocka_unit_test(test_rfc4884_extensions),
	        cmocka_unit_test(test_padding_is_not_quote),
	        cmocka_unit_test(test_fragmentation_needed),
	        cmocka_unit_test(test_quoted_icmp),
	        cmocka_unit_test(test_no_error_for_us),
	        cmocka_unit_test(test_arp),
	        cmocka_unit_test(test_arp_of_other_kinds),
	        cmocka_unit_test(test_vlan_tags),
	        cmocka_unit_test(test_other_ethertypes),
	        cmocka_unit_test(test_ipv6_udp_behind_extensions),
	        cmocka_unit_test(test_ipv6_too_many_extensions),
	        cmocka_unit_test(test_icmpv6),
	        cmocka_unit_test(test_random_bytes_and_flips),
	};

	return cmocka_run_group_tests_name("decode", tests, NULL, NULL);
}
