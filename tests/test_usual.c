/* test_usual.c: the limits in wide use, told apart by what they give and what they do not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "../src/core/usual.h"

#define MS     INT64_C(1000000)
#define SECOND INT64_C(1000000000)

enum { LINUX_V4, LINUX_V6, CISCO };

/* A host with that limit, asked each step_ns; `lost` of ten of its errors do not arrive. */
static void ask(struct usual *usual, double per_s, double burst, double level, int64_t step_ns, int asks, int lost)
{
	int64_t at_ns = SECOND;
	int errors = 0;

	usual_init(usual);
	usual->miss_share = lost ? 0.15 + 2 * lost / 10.0 : 0.15;
	for (int i = 0; i < asks; i++) {
		if (level >= 1) {
			level -= 1;
			if (errors++ % 10 >= 10 - lost)
				usual_silent(usual, at_ns, MS);
			else
				usual_refused(usual, at_ns, 1, true, MS);
		} else {
			usual_silent(usual, at_ns, MS);
		}
		at_ns += step_ns;
		level += (double)step_ns / 1e9 * per_s;
		level = level > burst ? burst : level;
	}
}

static int found(const struct usual *usual, bool *sure)
{
	return usual_best(usual, sure);
}

static void test_each_is_recognised(void **state)
{
	struct usual usual;
	bool sure;

	(void)state;
	for (int limit = 0; limit < USUAL_LIMITS; limit++) {
		ask(&usual, usual_limits[limit].per_s, usual_limits[limit].burst, usual_limits[limit].burst, 40 * MS,
		    100, 0);
		assert_int_equal(found(&usual, &sure), limit);
		assert_true(sure);
	}
}

/* Somebody else had emptied the bucket just before. */
static void test_empty_at_first(void **state)
{
	struct usual usual;
	bool sure;

	(void)state;
	ask(&usual, 1, 6, 0.3, 40 * MS, 200, 0);
	assert_int_equal(found(&usual, &sure), LINUX_V4);
	ask(&usual, 10, 6, 0, 20 * MS, 200, 0);
	assert_int_equal(found(&usual, &sure), LINUX_V6);
}

static void test_others_are_not(void **state)
{
	static const struct {
		double per_s, burst;
	} others[] = {{3, 8}, {0.6, 10}, {1.4, 6}, {30, 20}, {5, 1}, {1000, 50}};
	struct usual usual;
	bool sure;

	(void)state;
	for (unsigned i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		ask(&usual, others[i].per_s, others[i].burst, others[i].burst, 15 * MS, 1000, 0);
		assert_true(usual_none(&usual));
		assert_int_equal(found(&usual, &sure), -1);
	}
}

static void test_loss_rules_nothing_out(void **state)
{
	struct usual usual;
	bool sure;

	(void)state;
	ask(&usual, 1, 6, 6, 40 * MS, 1000, 1);
	assert_int_equal(found(&usual, &sure), LINUX_V4);
}

/* Nobody knows how full the bucket is before it was seen empty; from then on its level is counted. */
static void test_level(void **state)
{
	struct usual usual;

	(void)state;
	usual_init(&usual);
	usual.miss_share = 0.15;
	for (int i = 0; i < 6; i++)
		usual_refused(&usual, SECOND, 1, true, 0);
	assert_true(usual_level(&usual, LINUX_V4, SECOND) == 0);
	usual_silent(&usual, SECOND + MS, 0);
	assert_true(usual_level(&usual, LINUX_V4, 3 * SECOND) > 1.99 &&
	            usual_level(&usual, LINUX_V4, 3 * SECOND) < 2.01);
	usual_refused(&usual, 3 * SECOND, 1, true, 0);
	assert_true(usual_level(&usual, LINUX_V4, 3 * SECOND) > 0.99 &&
	            usual_level(&usual, LINUX_V4, 3 * SECOND) < 1.01);
	assert_true(usual_level(&usual, LINUX_V4, 60 * SECOND) == 6);
}

/* An ask that overtook another took its token: not a promise broken. */
static void test_overtaking_is_no_miss(void **state)
{
	struct usual usual;
	int64_t at_ns = SECOND;

	(void)state;
	usual_init(&usual);
	usual.miss_share = 0.15;
	for (int i = 0; i < 50; i++, at_ns += SECOND + 100 * MS) {
		usual_silent(&usual, at_ns, 2 * MS);
		usual_refused(&usual, at_ns + MS, 1, true, 2 * MS);
	}
	assert_false(usual.fits[LINUX_V4].dead);
	assert_int_equal(usual.fits[LINUX_V4].misses, 0);
}

/* Ports that may refuse stay silent when one limit promises a token and the other does not: the other one is believed. */
static void test_silence_decides(void **state)
{
	struct usual usual;
	int64_t at_ns = SECOND;
	bool sure;

	(void)state;
	usual_init(&usual);
	usual.miss_share = 0.15;
	usual_silent(&usual, at_ns, 0); /* somebody else had emptied the bucket */
	for (int i = 0; i < 20; i++) {
		for (int part = 1; part < 10; part++)
			usual_unanswered(&usual, at_ns + part * 100 * MS, 0.5, true, 0);
		at_ns += SECOND + 20 * MS;
		usual_refused(&usual, at_ns, 0.5, true, 0);
	}
	assert_true(usual.fits[CISCO].doubted || usual.fits[CISCO].dead);
	assert_false(usual.fits[LINUX_V4].doubted);
	assert_int_equal(found(&usual, &sure), LINUX_V4);
	assert_true(sure);
	assert_true(usual_kept(&usual));
	assert_false(usual_is_out(&usual, 1));
	assert_true(usual_is_out(&usual, 2));
}

/* Far fewer errors than promised: whatever is left is not trusted, and a silence too long is not proof of anything. */
static void test_count_is_not_trusted(void **state)
{
	struct usual usual;
	int64_t at_ns = SECOND;

	(void)state;
	ask(&usual, 1, 6, 6, 40 * MS, 500, 0);
	assert_true(usual_kept(&usual));
	at_ns += 500 * 40 * MS;
	for (int i = 0; i < 10; i++)
		usual_unanswered(&usual, at_ns + 3 * SECOND, 0.9, true, 0);
	usual_refused(&usual, at_ns + 3 * SECOND, 0.9, true, 0);
	assert_true(usual.fits[LINUX_V4].broke);
	assert_true(usual.fits[LINUX_V4].least == 0);
	for (int i = 0; i < 60; i++)
		usual_unanswered(&usual, at_ns + 6 * SECOND, 0.9, true, 0);
	assert_false(usual_kept(&usual));
}

/* One promise broken in a few hundred may be the clocks; more are loss, or another limit. */
static void test_broken_promises(void **state)
{
	struct usual usual;

	(void)state;
	ask(&usual, 1, 6, 6, 40 * MS, 500, 0);
	assert_true(usual_level(&usual, LINUX_V4, 22 * SECOND) > 0.9);
	usual_broken(&usual, LINUX_V4);
	assert_true(usual.fits[LINUX_V4].least == 0);
	assert_int_equal(usual.fits[LINUX_V4].broken, 1);
	assert_false(usual_kept(&usual));
}

/* The target's clock may be a little the faster one for a long time. */
static void test_faster_clock(void **state)
{
	struct usual usual;
	bool sure;

	(void)state;
	ask(&usual, 1.0003, 6, 6, 1001 * MS, 5000, 0);
	assert_false(usual.fits[LINUX_V4].dead);
	ask(&usual, 1.0003, 6, 6, 40 * MS, 50000, 0);
	assert_int_equal(found(&usual, &sure), LINUX_V4);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_each_is_recognised),
	        cmocka_unit_test(test_empty_at_first),
	        cmocka_unit_test(test_others_are_not),
	        cmocka_unit_test(test_loss_rules_nothing_out),
	        cmocka_unit_test(test_level),
	        cmocka_unit_test(test_overtaking_is_no_miss),
	        cmocka_unit_test(test_silence_decides),
	        cmocka_unit_test(test_count_is_not_trusted),
	        cmocka_unit_test(test_broken_promises),
	        cmocka_unit_test(test_faster_clock),
	};

	return cmocka_run_group_tests_name("usual", tests, NULL, NULL);
}
