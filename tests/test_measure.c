/* test_measure.c: the least rate that a bucket must have, from asks of ports known to refuse. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "../src/core/internal.h"

enum { ASKS = 512, PORTS = 8 };

/* A lane that has asked a host of that bucket so often, one port after the other, all of which refuse. */
struct scene {
	struct log_entry log[ASKS];
	struct port_slot slots[PORTS];
	struct portscan scan;
	struct lane lane;
};

/* Each ask gap_ns after the one before; those whose number is a multiple of lost_every get no answer; 0: all that find a token. */
static void fill(struct scene *scene, double rate, double burst, int64_t gap_ns, uint32_t lost_every)
{
	double tokens = burst;

	*scene = (struct scene){
	        .scan = {.slots = scene->slots, .slot_count = PORTS, .lanes = &scene->lane, .lane_count = 1}};
	scene->lane = (struct lane){.scan = &scene->scan, .log = scene->log, .log_capacity = ASKS};
	scene->lane.limiter.burst = burst;
	scene->scan.loss.lost = lost_every > 0;
	for (uint32_t n = 0; n < ASKS; n++) {
		struct log_entry *entry = &scene->log[n];
		bool token;

		*entry = (struct log_entry){.sent_ns = 1000 * MS + n * gap_ns, .slot = n % PORTS, .expired = true};
		scene->slots[n % PORTS].by_target = true;
		scene->slots[n % PORTS].stage = STAGE_SETTLED;
		tokens = fmin(burst, tokens + (n > 0 ? rate * (double)gap_ns / 1e9 : 0));
		token = tokens >= 1;
		tokens -= token;
		entry->refused = token && (lost_every == 0 || n % lost_every != 0);
	}
	scene->lane.log_unexpired = scene->lane.log_next = ASKS;
	scene->lane.collect.on = true;
	scene->lane.collect.began_ns = scene->log[ASKS - 1].sent_ns;
}

static void test_rate(void **state)
{
	static const double rates[] = {0.5, 3.3, 20, 50};
	struct scene scene;
	struct usual_limit limit;

	(void)state;
	for (size_t i = 0; i < sizeof(rates) / sizeof(rates[0]); i++) {
		/* 60 tokens, asked for five times as fast as they come. */
		fill(&scene, rates[i], 12, (int64_t)(1e9 / rates[i] / 5), 0);
		assert_true(measure_limit(&scene.lane, &limit));
		assert_true(limit.per_s <= rates[i]);
		assert_true(limit.per_s > rates[i] * 0.97);
		assert_true(limit.burst >= 10 && limit.burst <= 12);
	}
}

/* Too few tokens, and rates of which several tokens come while an ask is on its way. */
static void test_not_measured(void **state)
{
	struct scene scene;
	struct usual_limit limit;

	(void)state;
	fill(&scene, 10, 6, MS, 0);
	assert_false(measure_limit(&scene.lane, &limit));
	fill(&scene, 1000, 50, MS / 4, 0);
	assert_false(measure_limit(&scene.lane, &limit));
}

/* An error that is lost takes a token along: the rate may seem lower, but never higher. */
static void test_loss(void **state)
{
	struct scene scene;
	struct usual_limit limit;

	(void)state;
	fill(&scene, 5, 12, 40 * MS, 9);
	if (measure_limit(&scene.lane, &limit))
		assert_true(limit.per_s <= 5);
}

static void test_allows(void **state)
{
	struct usual_limit faster = {.per_s = 6, .burst = 6}, slower = {.per_s = 4, .burst = 6},
	                   right = {.per_s = 5, .burst = 6};
	struct scene scene;

	(void)state;
	fill(&scene, 5, 6, 40 * MS, 0);
	assert_true(measure_allows(&scene.lane, &right));
	assert_false(measure_allows(&scene.lane, &faster));
	assert_false(measure_allows(&scene.lane, &slower));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_rate),
	        cmocka_unit_test(test_not_measured),
	        cmocka_unit_test(test_loss),
	        cmocka_unit_test(test_allows),
	};

	return cmocka_run_group_tests_name("measure", tests, NULL, NULL);
}
