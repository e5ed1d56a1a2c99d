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

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_each_is_recognised),
	        cmocka_unit_test(test_empty_at_first),
	        cmocka_unit_test(test_others_are_not),
	        cmocka_unit_test(test_loss_rules_nothing_out),
	        cmocka_unit_test(test_level),
	        cmocka_unit_test(test_overtaking_is_no_miss),
	};

	return cmocka_run_group_tests_name("usual", tests, NULL, NULL);
}
