/* test_pmtu.c: the path MTU observation of one host by itself: what each answer, claim and silence leads to. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "nscan/hash.h"
#include "nscan/pmtu.h"

#define MS     INT64_C(1000000)
#define ROUTER addr_from_v4(0x0a0000fe)

static const struct pmtu_config routed = {.mode = PMTU_USUAL, .interface_mtu = 1500};

/* The next frame, which has to be due, of that length and whole. */
static uint16_t expect_whole(struct pmtu *p, int64_t now_ns, uint16_t bytes)
{
	struct pmtu_frame frame;

	assert_true(pmtu_next(p, now_ns, true, &frame));
	assert_int_equal(frame.bytes, bytes);
	assert_int_equal(frame.fragment_bytes, 0);
	assert_true(frame.dont_fragment);
	assert_non_null(pmtu_ask(p, frame.number));
	return frame.number;
}

static void expect_nothing(struct pmtu *p, int64_t now_ns)
{
	struct pmtu_frame frame;

	assert_false(pmtu_next(p, now_ns, true, &frame));
}

static void answer(struct pmtu *p, uint16_t number, uint32_t fragments, uint16_t largest, int64_t at_ns)
{
	struct pmtu_answer a = {.bytes = pmtu_ask(p, number)->bytes, .fragments = fragments, .largest_bytes = largest};

	pmtu_answered(p, number, &a, at_ns);
}

/* Two frames that together are one datagram without DF. Returns its number. */
static uint16_t expect_fragments(struct pmtu *p, int64_t now_ns, uint16_t bytes, uint16_t first)
{
	struct pmtu_frame a, b;

	assert_true(pmtu_next(p, now_ns, true, &a));
	assert_true(pmtu_next(p, now_ns, true, &b));
	assert_int_equal(a.number, b.number);
	assert_int_equal(a.bytes, bytes);
	assert_false(a.dont_fragment || b.dont_fragment);
	assert_int_equal(a.fragment_offset, 0);
	assert_int_equal(a.fragment_bytes, first);
	assert_true(a.more_fragments);
	assert_int_equal(b.fragment_offset, first);
	assert_int_equal(b.fragment_bytes, bytes - 20 - first);
	assert_false(b.more_fragments);
	return a.number;
}

static void test_clean(void **state)
{
	struct pmtu p;
	struct mtu_event mtu;
	uint16_t number;

	(void)state;
	pmtu_init(&p, &routed, 0);
	assert_false(pmtu_result(&p, &mtu)); /* nothing was asked yet */
	number = expect_whole(&p, 0, 1500);
	expect_nothing(&p, MS);
	assert_true(pmtu_wake(&p) > MS);
	answer(&p, number, 0, 0, 2 * MS);
	number = expect_fragments(&p, 2 * MS, 1600, 1480);
	answer(&p, number, 2, 1500, 4 * MS);
	expect_nothing(&p, 4 * MS);
	assert_true(pmtu_done(&p));
	assert_int_equal(pmtu_wake(&p), INT64_MAX);
	assert_true(pmtu_result(&p, &mtu));
	assert_int_equal(mtu.path_mtu, 1500);
	assert_true(mtu.verified);
	assert_int_equal(mtu.probes, 3);
	assert_int_equal(mtu.to_host, FRAGMENTS_PASS);
	assert_int_equal(mtu.from_host, FRAGMENTS_PASS);
}

/* A claim is asked, and one byte more; only the second refusal, given time to be contradicted, makes it true. */
static void test_claim(void **state)
{
	struct addr router = ROUTER;
	struct pmtu p;
	uint16_t number;

	(void)state;
	pmtu_init(&p, &routed, 0);
	number = expect_whole(&p, 0, 1500);
	pmtu_too_big(&p, number, 1400, &router, MS);
	expect_nothing(&p, MS); /* a reply could still come */
	number = expect_whole(&p, 40 * MS, 1400);
	answer(&p, number, 0, 0, 41 * MS);
	number = expect_whole(&p, 41 * MS, 1401);
	pmtu_too_big(&p, number, 1400, &router, 42 * MS);
	expect_fragments(&p, 80 * MS, 1600, 1376);
	assert_int_equal(p.result.path_mtu, 1400);
	assert_true(p.result.verified);
	assert_true(addr_equal(&p.result.from, &router));
}

static void test_absurd_claims(void **state)
{
	static const uint16_t claims[] = {1, 20, 67, 1500, 1501, 9000, 65535};
	struct addr router = ROUTER;

	(void)state;
	for (size_t i = 0; i < sizeof(claims) / sizeof(claims[0]); i++) {
		struct pmtu p;
		uint16_t number;

		pmtu_init(&p, &routed, 0);
		number = expect_whole(&p, 0, 1500);
		pmtu_too_big(&p, number, claims[i], &router, MS);
		assert_true(p.has_absurd);
		assert_int_equal(p.absurd, claims[i]);
		expect_nothing(&p, 30 * MS);
		answer(&p, number, 0, 0, 40 * MS);
		expect_fragments(&p, 40 * MS, 1600, 1480);
		assert_int_equal(p.result.path_mtu, 1500);
	}
}

/* Contradicted: before its time is over, after it, and when the reply came first. Then nothing of that sender counts. */
static void test_forged_claims(void **state)
{
	struct addr forger = ROUTER;
	struct pmtu p;
	uint16_t number, first;

	(void)state;
	pmtu_init(&p, &routed, 0);
	number = expect_whole(&p, 0, 1500);
	pmtu_too_big(&p, number, 600, &forger, MS);
	answer(&p, number, 0, 0, 2 * MS);
	assert_int_equal(p.forged, 600);
	expect_fragments(&p, 2 * MS, 1600, 1480);

	pmtu_init(&p, &routed, 0);
	first = expect_whole(&p, 0, 1500);
	pmtu_too_big(&p, first, 600, &forger, MS);
	number = expect_whole(&p, 40 * MS, 600);
	answer(&p, first, 0, 0, 41 * MS);
	assert_int_equal(p.forged, 600);
	answer(&p, number, 0, 0, 42 * MS);
	expect_fragments(&p, 43 * MS, 1600, 1480);
	assert_int_equal(p.result.path_mtu, 1500);

	pmtu_init(&p, &routed, 0);
	number = expect_whole(&p, 0, 1500);
	answer(&p, number, 0, 0, MS);
	pmtu_too_big(&p, number, 600, &forger, 2 * MS);
	assert_int_equal(p.forged, 600);
	assert_true(addr_equal(&p.forged_from, &forger));
}

/* An old router: down the plateaus of RFC 1191, then up to the exact size. */
static void test_plateaus(void **state)
{
	struct addr router = ROUTER;
	struct pmtu_config config = routed;
	struct pmtu p;

	(void)state;
	config.interface_mtu = 4352;
	pmtu_init(&p, &config, 0);
	pmtu_too_big(&p, expect_whole(&p, 0, 4352), 0, &router, 0);
	pmtu_too_big(&p, expect_whole(&p, 10 * MS, 2002), 0, &router, 10 * MS);
	pmtu_too_big(&p, expect_whole(&p, 20 * MS, 1492), 0, &router, 20 * MS);
	answer(&p, expect_whole(&p, 30 * MS, 1006), 0, 0, 31 * MS);
	expect_whole(&p, 31 * MS, 1007);
}

/* What nobody asked changes nothing. */
static void test_stray_input(void **state)
{
	struct addr router = ROUTER;
	struct pmtu_answer a = {.bytes = 1500};
	struct pmtu p, before;

	(void)state;
	pmtu_init(&p, &routed, 0);
	before = p;
	for (uint16_t number = 0; number < 200; number++) {
		assert_null(pmtu_ask(&p, number));
		pmtu_answered(&p, number, &a, MS);
		pmtu_too_big(&p, number, 600, &router, MS);
		pmtu_reassembly_timeout(&p, number, &router, MS);
		pmtu_send_failed(&p, number, MS);
	}
	assert_memory_equal(&p, &before, sizeof(p));
}

/* UDP waits until a port is known, and does without echo's answers; never it ends. */
static void test_waits_for_a_port(void **state)
{
	struct pmtu p;
	struct mtu_event mtu;
	struct pmtu_frame frame;

	(void)state;
	for (int comes = 0; comes < 2; comes++) {
		int64_t now_ns = 0;

		pmtu_init(&p, &routed, 0);
		while (pmtu_wake(&p) != INT64_MAX) {
			now_ns = pmtu_wake(&p) > now_ns ? pmtu_wake(&p) : now_ns;
			pmtu_next(&p, now_ns, true, &frame);
		}
		assert_false(pmtu_done(&p));
		if (comes) {
			pmtu_udp_ready(&p, true, now_ns);
			assert_true(pmtu_wants_token(&p));
			assert_false(pmtu_next(&p, now_ns, false, &frame));
			assert_true(pmtu_next(&p, now_ns, true, &frame));
			assert_int_equal(frame.method, PMTU_BY_UDP);
			assert_int_equal(frame.bytes, 1500);
			assert_false(pmtu_wants_token(&p));
		} else {
			pmtu_udp_never(&p, now_ns);
			assert_true(pmtu_done(&p));
			assert_true(pmtu_result(&p, &mtu));
			assert_int_equal(mtu.path_mtu, 0);
		}
	}
}

/* Whatever comes back, it ends, in bounded time and from a bounded number of packets. */
static void test_any_input(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 20000; seed++) {
		struct rng rng = rng_from_seed(seed);
		struct pmtu_config config = {.mode = seed % 2 ? PMTU_USUAL : PMTU_FULL,
		                             .interface_mtu = rng_below(&rng, 70000),
		                             .on_link = rng_below(&rng, 2)};
		unsigned steps = 0, talkative = rng_below(&rng, 5);
		int64_t now_ns = 0;
		struct pmtu p;

		pmtu_init(&p, &config, 0);
		if (rng_below(&rng, 2))
			pmtu_udp_ready(&p, rng_below(&rng, 2), 0);
		else
			pmtu_udp_never(&p, 0);
		for (; !pmtu_done(&p) && steps < 5000; steps++) {
			struct addr from = addr_from_v4(0x0a000000 + rng_below(&rng, 3));
			struct pmtu_answer a = {.bytes = (uint16_t)rng_next(&rng),
			                        .fragments = rng_below(&rng, 3),
			                        .largest_bytes = (uint16_t)rng_next(&rng)};
			uint16_t number = (uint16_t)rng_below(&rng, pmtu_ask_count(&p) + 1u);
			struct pmtu_frame frame;

			if (pmtu_next(&p, now_ns, rng_below(&rng, 8), &frame)) {
				assert_true(frame.bytes >= 20 && frame.fragment_offset % 8 == 0);
				assert_true(frame.fragment_offset + frame.fragment_bytes + 20 <= frame.bytes);
				assert_true(!frame.fragment_bytes || !frame.dont_fragment);
				assert_true((frame.fragment_bytes ? frame.fragment_bytes + 20u : frame.bytes) <=
				                    config.interface_mtu + 0u ||
				            frame.bytes <= PMTU_ECHO_LEAST);
				number = frame.number;
			} else if (pmtu_wake(&p) > now_ns && pmtu_wake(&p) != INT64_MAX) {
				now_ns = pmtu_wake(&p);
			}
			switch (rng_below(&rng, 5 + 3 * talkative)) {
			case 0:
				pmtu_too_big(&p, number, (uint16_t)(rng_below(&rng, 3) ? rng_below(&rng, 1600) : 0),
				             &from, now_ns);
				break;
			case 1:
				pmtu_send_failed(&p, number, now_ns);
				break;
			case 2:
				pmtu_saw_fragment(&p, rng_below(&rng, 65536) / 8 * 8);
				break;
			case 3:
				pmtu_reassembly_timeout(&p, number, &from, now_ns);
				break;
			default:
				if (talkative && number < pmtu_ask_count(&p))
					pmtu_answered(&p, number, &a, now_ns);
			}
			now_ns += rng_below(&rng, 3) * MS;
		}
		if (steps == 5000)
			fail_msg("seed %llu does not end", (unsigned long long)seed);
		assert_true(p.count <= PMTU_ASKS);
		assert_true(now_ns < 70 * 1000 * MS);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_clean),
	        cmocka_unit_test(test_claim),
	        cmocka_unit_test(test_absurd_claims),
	        cmocka_unit_test(test_forged_claims),
	        cmocka_unit_test(test_plateaus),
	        cmocka_unit_test(test_stray_input),
	        cmocka_unit_test(test_waits_for_a_port),
	        cmocka_unit_test(test_any_input),
	};

	return cmocka_run_group_tests_name("pmtu", tests, NULL, NULL);
}
