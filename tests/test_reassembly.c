/* test_reassembly.c: fragments in every order, repeated, overlapping, lying and too many, and what comes out whole. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "nscan/bytes.h"
#include "nscan/hash.h"
#include "nscan/reassembly.h"
#include "nscan/wire.h"

#define TARGET  addr_from_v4(0xc0a80064)
#define SCANNER addr_from_v4(0xc0a80001)
#define SECOND  INT64_C(1000000000)

enum { BODY_MAX = 65515 };

/* The body of an ICMP echo reply of n bytes, checksum left wrong. */
static void fill_body(uint8_t *body, size_t n)
{
	for (size_t i = 0; i < n; i++)
		body[i] = (uint8_t)(i * 7 + (i >> 8));
}

static struct reply fragment(uint16_t id, const uint8_t *body, uint32_t first, uint32_t end, bool more)
{
	return (struct reply){
	        .kind = REPLY_FRAGMENT,
	        .src = TARGET,
	        .dst = SCANNER,
	        .ttl = 63,
	        .tos = 4,
	        .ip_id = id,
	        .fragment_id = id,
	        .protocol = IP_PROTO_ICMP,
	        .fragment_offset = (uint16_t)first,
	        .more_fragments = more,
	        .ip_total_bytes = (uint16_t)(20 + end - first),
	        .data = body + first,
	        .data_bytes = end - first,
	        .wire_data_bytes = end - first,
	};
}

static void check_whole(const struct datagram *d, const uint8_t *body, size_t n)
{
	assert_int_equal(d->bytes, 20 + n);
	assert_int_equal(d->packet[0], 0x45);
	assert_int_equal(d->packet[2] << 8 | d->packet[3], 20 + n);
	assert_memory_equal(d->packet + 20, body, n);
}

static void test_two_in_order(void **state)
{
	struct reassembly *r = reassembly_new();
	uint8_t body[1580];
	struct reply f;
	struct datagram d;
	struct reply whole;

	(void)state;
	fill_body(body, sizeof(body));
	f = fragment(7, body, 0, 1480, true);
	assert_int_equal(reassembly_take(r, &f, SECOND, &d), REASSEMBLY_WAITS);
	assert_int_equal(reassembly_pending(r), 1);
	f = fragment(7, body, 1480, 1580, false);
	assert_int_equal(reassembly_take(r, &f, 2 * SECOND, &d), REASSEMBLY_WHOLE);
	check_whole(&d, body, sizeof(body));
	assert_int_equal(d.fragments, 2);
	assert_int_equal(d.largest_bytes, 1500);
	assert_int_equal(d.first_bytes, 1500);
	assert_true(d.in_order);
	assert_false(d.dont_fragment);
	assert_int_equal(d.first_ns, SECOND);
	assert_int_equal(d.last_ns, 2 * SECOND);
	assert_int_equal(reassembly_pending(r), 0);
	assert_true(decode_frame(FRAME_RAW_IP, d.packet, d.bytes, &whole));
	assert_int_equal(whole.ttl, 63);
	assert_int_equal(whole.ip_id, 7);
	assert_int_equal(whole.ip_total_bytes, 1600);
	reassembly_free(r);
}

/* Cut into pieces of random sizes, shuffled, some repeated: the same bytes come out. */
static void test_any_order(void **state)
{
	struct rng rng = rng_from_seed(1);
	struct reassembly *r = reassembly_new();
	uint8_t *body = malloc(BODY_MAX);

	(void)state;
	fill_body(body, BODY_MAX);
	for (uint16_t round = 1; round < 300; round++) {
		uint32_t cuts[65], count = 0, end = 1 + rng_below(&rng, round % 10 ? 4000 : BODY_MAX);
		struct datagram d;
		uint32_t order[64];
		enum reassembly_verdict verdict = REASSEMBLY_WAITS;

		cuts[0] = 0;
		while (cuts[count] < end && count < 64) {
			uint32_t step = 8 + rng_below(&rng, end / 16 + 1) / 8 * 8;

			count++;
			cuts[count] = count == 64 || cuts[count - 1] + step >= end ? end : cuts[count - 1] + step;
		}
		for (uint32_t i = 0; i < count; i++) {
			uint32_t j = rng_below(&rng, i + 1);

			order[i] = order[j];
			order[j] = i;
		}
		for (uint32_t i = 0; i < count; i++) {
			struct reply f =
			        fragment(round, body, cuts[order[i]], cuts[order[i] + 1], order[i] + 1 < count);

			assert_int_equal(verdict, REASSEMBLY_WAITS);
			verdict = reassembly_take(r, &f, round * SECOND, &d);
			if (i + 1 < count && rng_below(&rng, 3) == 0)
				assert_int_equal(reassembly_take(r, &f, round * SECOND, &d), REASSEMBLY_WAITS);
		}
		assert_int_equal(verdict, REASSEMBLY_WHOLE);
		check_whole(&d, body, end);
		assert_int_equal(d.fragments, count);
	}
	free(body);
	reassembly_free(r);
}

static void refused(const struct reply *fragments, size_t count, const char *why)
{
	struct reassembly *r = reassembly_new();
	struct datagram d;

	for (size_t i = 0; i + 1 < count; i++)
		assert_int_equal(reassembly_take(r, &fragments[i], 0, &d), REASSEMBLY_WAITS);
	assert_int_equal(reassembly_take(r, &fragments[count - 1], 0, &d), REASSEMBLY_REFUSED);
	assert_string_equal(d.why, why);
	assert_null(d.packet);
	/* What else comes of it is dropped, the rest is told once. */
	assert_int_equal(reassembly_take(r, &fragments[0], 0, &d), REASSEMBLY_DROPPED);
	reassembly_free(r);
}

static void test_refused(void **state)
{
	static uint8_t body[70000], other[70000];
	struct reply f[3];

	(void)state;
	fill_body(body, sizeof(body));
	/* overlap by 8 bytes, from both sides; and a repetition with other bytes */
	f[0] = fragment(1, body, 0, 800, true);
	f[1] = fragment(1, body, 792, 1000, false);
	refused(f, 2, "overlap");
	f[0] = fragment(1, body, 800, 1600, true);
	f[1] = fragment(1, body, 0, 808, true);
	refused(f, 2, "overlap");
	f[0] = fragment(1, body, 0, 800, true);
	f[1] = fragment(1, other, 0, 800, true);
	refused(f, 2, "overlap");
	/* inside of what is there (teardrop) */
	f[1] = fragment(1, other, 80, 160, true);
	refused(f, 2, "overlap");
	/* two ends; data beyond the end */
	f[0] = fragment(1, body, 800, 900, false);
	f[1] = fragment(1, body, 800, 1000, false);
	refused(f, 2, "beyond-the-end");
	f[1] = fragment(1, body, 1000, 1008, true);
	refused(f, 2, "beyond-the-end");
	f[0] = fragment(1, body, 1600, 2400, true);
	f[1] = fragment(1, body, 800, 900, false);
	refused(f, 2, "beyond-the-end");
	/* no multiple of 8, nothing at all, and more than a datagram can hold (the ping of death) */
	f[0] = fragment(1, body, 0, 801, true);
	refused(f, 1, "bad-length");
	f[0] = fragment(1, body, 8, 8, false);
	refused(f, 1, "bad-length");
	f[0] = fragment(1, body, 65512, 66000, false);
	refused(f, 1, "bad-length");
}

static void test_too_many_holes(void **state)
{
	static uint8_t body[65536];
	struct reassembly *r = reassembly_new();
	struct datagram d;
	enum reassembly_verdict verdict = REASSEMBLY_WAITS;
	uint32_t taken = 0;

	(void)state;
	for (; verdict == REASSEMBLY_WAITS && taken < 1000; taken++) {
		struct reply f = fragment(1, body, 8 + taken * 16, 16 + taken * 16, true);

		verdict = reassembly_take(r, &f, 0, &d);
	}
	assert_int_equal(verdict, REASSEMBLY_REFUSED);
	assert_string_equal(d.why, "too-many-holes");
	assert_int_equal(taken, REASSEMBLY_HOLES);
	reassembly_free(r);
}

/* The last fragment repeats what came before as one with more to follow: nothing is missing then. */
static void test_end_told_late(void **state)
{
	struct reassembly *r = reassembly_new();
	uint8_t body[80];
	struct datagram d;
	struct reply f;

	(void)state;
	fill_body(body, sizeof(body));
	f = fragment(9, body, 0, 80, true);
	assert_int_equal(reassembly_take(r, &f, 0, &d), REASSEMBLY_WAITS);
	f.more_fragments = false;
	assert_int_equal(reassembly_take(r, &f, 0, &d), REASSEMBLY_WHOLE);
	check_whole(&d, body, sizeof(body));
	reassembly_free(r);
}

/* A capture that kept 100 bytes of each: the datagram ends where the first missing byte is, its length is told. */
static void test_cut_by_the_capture(void **state)
{
	struct reassembly *r = reassembly_new();
	uint8_t body[1580];
	struct datagram d;
	struct reply f, whole;

	(void)state;
	memset(body, 0, sizeof(body));
	f = fragment(9, body, 1480, 1580, false);
	assert_int_equal(reassembly_take(r, &f, 0, &d), REASSEMBLY_WAITS);
	f = fragment(9, body, 0, 1480, true);
	f.data_bytes = 100;
	f.truncated = true;
	assert_int_equal(reassembly_take(r, &f, 0, &d), REASSEMBLY_WHOLE);
	assert_int_equal(d.bytes, 120);
	assert_true(decode_frame(FRAME_RAW_IP, d.packet, d.bytes, &whole));
	assert_true(whole.truncated);
	assert_false(whole.checksum_bad);
	assert_int_equal(whole.kind, REPLY_ECHO);
	assert_int_equal(whole.ip_total_bytes, 1600);
	assert_int_equal(whole.wire_data_bytes, 1572);
	assert_int_equal(whole.data_bytes, 92);
	reassembly_free(r);
}

static void test_apart(void **state)
{
	struct reassembly *r = reassembly_new();
	uint8_t body[160];
	struct datagram d;
	struct reply f = fragment(1, body, 0, 80, true), g = fragment(1, body, 80, 160, false);

	(void)state;
	fill_body(body, sizeof(body));
	/* Another id, protocol, source or destination is another datagram. */
	assert_int_equal(reassembly_take(r, &f, 0, &d), REASSEMBLY_WAITS);
	g.fragment_id = 2;
	assert_int_equal(reassembly_take(r, &g, 0, &d), REASSEMBLY_WAITS);
	g.fragment_id = 1;
	g.protocol = IP_PROTO_UDP;
	assert_int_equal(reassembly_take(r, &g, 0, &d), REASSEMBLY_WAITS);
	g.protocol = IP_PROTO_ICMP;
	g.src = SCANNER;
	assert_int_equal(reassembly_take(r, &g, 0, &d), REASSEMBLY_WAITS);
	g.src = TARGET;
	g.dst = TARGET;
	assert_int_equal(reassembly_take(r, &g, 0, &d), REASSEMBLY_WAITS);
	assert_int_equal(reassembly_pending(r), 5);
	/* After its time the first half is forgotten. */
	g.dst = SCANNER;
	assert_int_equal(reassembly_take(r, &g, (REASSEMBLY_TIMEOUT_S + 1) * SECOND, &d), REASSEMBLY_WAITS);
	assert_int_equal(reassembly_pending(r), 1);
	assert_int_equal(reassembly_take(r, &f, (REASSEMBLY_TIMEOUT_S + 2) * SECOND, &d), REASSEMBLY_WHOLE);
	check_whole(&d, body, sizeof(body));
	assert_false(d.in_order);
	/* No fragment at all. */
	f.kind = REPLY_ECHO;
	assert_int_equal(reassembly_take(r, &f, 0, &d), REASSEMBLY_DROPPED);
	reassembly_free(r);
}

/* A flood of first halves: memory stays bounded, and the newest still come together. */
static void test_flood(void **state)
{
	static uint8_t body[65000];
	struct reassembly *r = reassembly_new();
	struct datagram d;
	struct reply f;

	(void)state;
	for (uint32_t i = 0; i < 5000; i++) {
		f = fragment((uint16_t)i, body, i % 2 ? 0 : 60000, i % 2 ? 800 : 60800, true);
		assert_int_equal(reassembly_take(r, &f, i, &d), REASSEMBLY_WAITS);
		assert_true(reassembly_pending(r) <= REASSEMBLY_DATAGRAMS);
	}
	f = fragment(4999, body, 800, 808, false);
	assert_int_equal(reassembly_take(r, &f, 5000, &d), REASSEMBLY_WHOLE);
	reassembly_free(r);
}

static void test_ipv6(void **state)
{
	struct reassembly *r = reassembly_new();
	uint8_t body[24], six[16] = {0xfd};
	struct datagram d;
	struct reply f, whole;

	(void)state;
	memset(body, 0, sizeof(body));
	put_u16(body, 53);
	put_u16(body + 2, 40000);
	put_u16(body + 4, 24);
	for (unsigned first = 0; first < 24; first += 8) {
		f = fragment(0, body, first, first + 8, first < 16);
		f.protocol = IP_PROTO_UDP;
		f.fragment_id = 0x12345678;
		f.src = f.dst = addr_from_bytes(6, six);
		assert_int_equal(reassembly_take(r, &f, 0, &d), first < 16 ? REASSEMBLY_WAITS : REASSEMBLY_WHOLE);
	}
	assert_true(decode_frame(FRAME_RAW_IP, d.packet, d.bytes, &whole));
	assert_int_equal(whole.kind, REPLY_UDP);
	assert_int_equal(whole.src_port, 53);
	assert_int_equal(whole.data_bytes, 16);
	reassembly_free(r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_two_in_order),  cmocka_unit_test(test_any_order),
	        cmocka_unit_test(test_refused),       cmocka_unit_test(test_too_many_holes),
	        cmocka_unit_test(test_end_told_late), cmocka_unit_test(test_cut_by_the_capture),
	        cmocka_unit_test(test_apart),         cmocka_unit_test(test_flood),
	        cmocka_unit_test(test_ipv6),
	};

	return cmocka_run_group_tests_name("reassembly", tests, NULL, NULL);
}
