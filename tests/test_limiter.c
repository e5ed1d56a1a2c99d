/* test_limiter.c: the model of a host's bucket of ICMP errors. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "nscan/limiter.h"

#define MS     INT64_C(1000000)
#define SECOND INT64_C(1000000000)

/* Six refusals at once at time `at`, then nothing. */
static void take_burst(struct limiter *limiter, int tokens, int64_t at_ns)
{
	limiter_init(limiter);
	for (int i = 0; i < tokens; i++)
		limiter_used(limiter, at_ns);
	limiter_empty(limiter, at_ns + MS);
}

static void test_no_limit_seen(void **state)
{
	struct limiter limiter;

	(void)state;
	limiter_init(&limiter);
	for (int i = 0; i < 1000; i++)
		limiter_used(&limiter, i * MS);
	assert_int_equal(limiter.phase, LIMITER_UNSEEN);
	assert_true(limiter_level(&limiter, SECOND) > 1e6);
	assert_int_equal(limiter_ready_ns(&limiter, 3, SECOND), SECOND);
}

static void test_learns_from_an_empty_bucket(void **state)
{
	struct limiter limiter;
	int64_t now_ns = SECOND + MS;

	(void)state;
	take_burst(&limiter, 6, SECOND);
	assert_int_equal(limiter.phase, LIMITER_LEARNING);
	assert_true(limiter.burst == 6);
	/* Tests after 10, 20, 40 ms ... find nothing until a second has passed since the burst. */
	for (;;) {
		now_ns = limiter_ready_ns(&limiter, 1, now_ns);
		if (now_ns >= 2 * SECOND)
			break;
		limiter_empty(&limiter, now_ns);
	}
	assert_true(now_ns < 4 * SECOND);
	limiter_used(&limiter, now_ns);
	assert_int_equal(limiter.phase, LIMITER_KNOWN);
	assert_true(limiter.rate > 0.3 && limiter.rate < 1.4); /* one token came since: a first guess */
	assert_false(limiter.settled);
	/* Recognised as one of the limits in wide use, it is exact, and nothing is measured any more. */
	limiter_recognise(&limiter, 1, 6, 0, now_ns);
	assert_true(limiter.rate == 1.0);
	assert_true(limiter.is_bucket && limiter.settled);
	limiter_empty(&limiter, now_ns + 5 * SECOND);
	assert_true(limiter_level(&limiter, now_ns + 5 * SECOND) > 4.9);
	/* The level is counted from an empty bucket, never above the burst. */
	assert_true(limiter_level(&limiter, now_ns) < 0.01);
	assert_true(limiter_level(&limiter, now_ns + SECOND) > 0.99 && limiter_level(&limiter, now_ns + SECOND) < 1.01);
	assert_true(limiter_level(&limiter, now_ns + 100 * SECOND) == 6);
	assert_in_range(limiter_ready_ns(&limiter, 2, now_ns), now_ns + 2 * SECOND - MS, now_ns + 2 * SECOND + MS);
}

static void test_doubt(void **state)
{
	struct limiter limiter;

	(void)state;
	take_burst(&limiter, 6, SECOND);
	limiter_recognise(&limiter, 2, 1, 0, 2 * SECOND);
	assert_true(limiter_is_interval(&limiter));
	limiter_doubt(&limiter, 3 * SECOND);
	assert_int_equal(limiter.phase, LIMITER_KNOWN);
	assert_false(limiter.recognised || limiter.settled || limiter_is_interval(&limiter));
	assert_true(limiter_level(&limiter, 3 * SECOND) == 0);
	/* Of several that are possible, the fastest is tried, but it proves nothing yet. */
	limiter_recognise(&limiter, 10, 0, 1, 4 * SECOND);
	assert_true(limiter.rate == 10.0 && limiter.most >= 15.0);
	assert_false(limiter.settled || limiter.is_bucket);
}

static void test_measures_any_rate(void **state)
{
	struct limiter limiter;
	const double rate = 7.3;
	int64_t now_ns = 10 * SECOND, step_ns = (int64_t)(1e9 / rate);

	(void)state;
	take_burst(&limiter, 20, 10 * SECOND);
	now_ns += step_ns;
	for (int i = 0; i < 60; i++) {
		limiter_used(&limiter, now_ns + MS);
		if (i % 6 == 5)
			limiter_empty(&limiter, now_ns + 2 * MS);
		now_ns += step_ns;
	}
	assert_true(limiter.settled);
	assert_false(limiter.is_bucket);
	assert_true(limiter.rate > rate * 0.93 && limiter.rate < rate * 1.07);
}

static void test_interval(void **state)
{
	struct limiter limiter;
	const int64_t interval_ns = 500 * MS;
	int64_t last_ns = SECOND + interval_ns;

	(void)state;
	/* One error each 500 ms (Cisco IOS). */
	take_burst(&limiter, 1, SECOND);
	assert_false(limiter_is_interval(&limiter));
	limiter_recognise(&limiter, 2, 1, 0, last_ns);
	assert_true(limiter_is_interval(&limiter));
	limiter_used(&limiter, last_ns);
	assert_true(limiter_level(&limiter, last_ns + interval_ns / 2) < 0.52);
	assert_true(limiter_ready_ns(&limiter, 1, last_ns) >= last_ns + interval_ns);
}

static void test_adopted_from_another_source(void **state)
{
	struct limiter model, other;

	(void)state;
	take_burst(&model, 6, SECOND);
	limiter_empty(&model, SECOND + 640 * MS);
	limiter_used(&model, 2 * SECOND + 280 * MS);
	limiter_recognise(&model, 1, 6, 0, 2 * SECOND + 280 * MS);
	limiter_init(&other);
	for (int i = 0; i < 5; i++)
		limiter_used(&other, SECOND);
	limiter_adopt(&other, &model, 3 * SECOND);
	assert_int_equal(other.phase, LIMITER_KNOWN);
	/* Five of six taken, two came since. */
	assert_true(limiter_level(&other, 3 * SECOND) > 2.9 && limiter_level(&other, 3 * SECOND) < 3.1);
	assert_true(limiter_level(&other, 60 * SECOND) == 6);
	/* The host's limit over all peers may interfere: found empty, it is. */
	limiter_empty(&other, 60 * SECOND);
	assert_true(other.rate == 1.0 && limiter_level(&other, 60 * SECOND) == 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_no_limit_seen), cmocka_unit_test(test_learns_from_an_empty_bucket),
	        cmocka_unit_test(test_doubt),         cmocka_unit_test(test_measures_any_rate),
	        cmocka_unit_test(test_interval),      cmocka_unit_test(test_adopted_from_another_source),
	};

	return cmocka_run_group_tests_name("limiter", tests, NULL, NULL);
}
