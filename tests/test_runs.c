/* test_runs.c: finished hosts that wait for their turn, kept as runs whatever order they come in. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "../src/report/runs.h"
#include "nscan/hash.h"
#include "support/report_fixture.h"

static struct host_result host_of(uint64_t ordinal, const char *reason)
{
	struct host_result host = {.ordinal = ordinal};

	host.addr = addr_from_v4(UINT32_C(0x0a000000) + (uint32_t)ordinal);
	host.host = (struct host_event){.state = HOST_DOWN, .reason = reason};
	return host;
}

static void test_any_order_becomes_one_run(void **state)
{
	enum { HOSTS = 500 };
	struct rng rng = rng_from_seed(3);

	(void)state;
	for (int round = 0; round < 50; round++) {
		struct host_runs set = {0};
		uint64_t order[HOSTS];

		for (uint32_t i = 0; i < HOSTS; i++) {
			uint32_t k = rng_below(&rng, i + 1);

			order[i] = order[k];
			order[k] = i;
		}
		for (size_t i = 0; i < HOSTS; i++) {
			struct host_result host = host_of(order[i], "no-arp-reply");

			assert_null(host_runs_find(&set, order[i]));
			assert_true(host_runs_add(&set, &host));
			assert_non_null(host_runs_find(&set, order[i]));
		}
		assert_int_equal(set.count, 1);
		assert_int_equal(set.runs[0].ordinal, 0);
		assert_int_equal(set.runs[0].count, HOSTS);
		assert_int_equal(set.hosts, HOSTS);
		host_runs_free(&set);
	}
}

static void test_another_story_begins_another_run(void **state)
{
	struct host_result hosts[7];
	struct host_runs set = {0};

	(void)state;
	for (uint64_t i = 0; i < 7; i++)
		hosts[i] = host_of(i, "no-response");
	hosts[1].host.reason = "host-unreach";
	hosts[2].host.from = fixture_addr("10.9.9.9");
	hosts[3].host.has_ttl = true;
	hosts[5].host.state = HOST_UNKNOWN; /* all else as before it */
	hosts[6].host.state = HOST_UNKNOWN;
	hosts[6].addr = fixture_addr("10.0.1.0"); /* not the next address */
	for (size_t i = 0; i < 7; i++)
		assert_true(host_runs_add(&set, &hosts[i]));
	assert_int_equal(set.count, 7);
	for (uint64_t i = 0; i < 7; i++)
		assert_int_equal(host_runs_find(&set, i)->ordinal, i);
	assert_null(host_runs_find(&set, 7));
	host_runs_free(&set);
}

static void test_the_last_address_has_no_next(void **state)
{
	struct host_result last = host_of(0, "no-response"), first = host_of(1, "no-response");
	struct host_runs set = {0};

	(void)state;
	last.addr = fixture_addr("255.255.255.255");
	first.addr = fixture_addr("0.0.0.0");
	assert_true(host_runs_add(&set, &last));
	assert_true(host_runs_add(&set, &first));
	assert_int_equal(set.count, 2);
	host_runs_free(&set);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_any_order_becomes_one_run),
	        cmocka_unit_test(test_another_story_begins_another_run),
	        cmocka_unit_test(test_the_last_address_has_no_next),
	};

	return cmocka_run_group_tests_name("runs", tests, NULL, NULL);
}
