/* test_rtt.c: RFC 6298's estimator, and how many asks follow from the loss that was seen. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "nscan/rtt.h"

#define MS INT64_C(1000000)

static void test_first_sample(void **state)
{
	struct rtt rtt = {0};

	(void)state;
	rtt_sample(&rtt, 100 * MS);
	assert_int_equal(rtt.srtt_ns, 100 * MS);
	assert_int_equal(rtt.rttvar_ns, 50 * MS);
	assert_int_equal(rtt_timeout(&rtt, 500 * MS, 30 * MS), 300 * MS);
}

static void test_later_samples(void **state)
{
	struct rtt rtt = {0};

	(void)state;
	rtt_sample(&rtt, 100 * MS);
	rtt_sample(&rtt, 200 * MS);
	/* RFC 6298 2.3: rttvar = 3/4 * 50 + 1/4 * |100 - 200|, srtt = 7/8 * 100 + 1/8 * 200 */
	assert_int_equal(rtt.rttvar_ns, 62500000);
	assert_int_equal(rtt.srtt_ns, 112500000);
	rtt_sample(&rtt, -1);
	assert_int_equal(rtt.samples, 2);
}

static void test_timeout_bounds(void **state)
{
	struct rtt rtt = {0};

	(void)state;
	assert_int_equal(rtt_timeout(&rtt, 500 * MS, 30 * MS), 500 * MS);
	for (int i = 0; i < 100; i++)
		rtt_sample(&rtt, MS / 10);
	assert_int_equal(rtt_timeout(&rtt, 500 * MS, 30 * MS), 30 * MS);
	rtt = (struct rtt){0};
	for (int i = 0; i < 100; i++)
		rtt_sample(&rtt, 400 * MS);
	/* A path without jitter: the timeout still has to be later than the round trip. */
	assert_true(rtt_timeout(&rtt, 500 * MS, 30 * MS) >= 440 * MS);
	rtt = (struct rtt){0};
	rtt_sample(&rtt, 60000 * MS);
	assert_int_equal(rtt_timeout(&rtt, 500 * MS, 30 * MS), 3000 * MS);
}

static void test_loss(void **state)
{
	struct loss none = {0}, clean = {0}, bad = {0};

	(void)state;
	for (int i = 0; i < 500; i++) {
		loss_answered(&clean, 0);
		loss_answered(&bad, i % 4 == 0 ? 1 : 0);
	}
	assert_true(loss_estimate(&clean) < loss_estimate(&none));
	assert_true(loss_estimate(&none) < loss_estimate(&bad));
	assert_true(loss_estimate(&bad) > 0.2 && loss_estimate(&bad) < 0.3);
	assert_int_equal(loss_asks_needed(&clean, 1e-6, 3, 24), 3);
	/* One in five lost, as far as 625 asks tell: p^n below one in a million. */
	assert_in_range(loss_asks_needed(&bad, 1e-6, 3, 24), 9, 11);
	assert_int_equal(loss_asks_needed(&bad, 1e-6, 3, 6), 6);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_first_sample),
	        cmocka_unit_test(test_later_samples),
	        cmocka_unit_test(test_timeout_bounds),
	        cmocka_unit_test(test_loss),
	};

	return cmocka_run_group_tests_name("rtt", tests, NULL, NULL);
}
