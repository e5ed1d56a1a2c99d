/* test_shard.c: N parts of any set of targets are disjoint and together the whole, whoever scans them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "nscan/engine.h"
#include "nscan/hash.h"
#include "nscan/shard.h"
#include "nscan/target_index.h"

static void test_parse(void **state)
{
	static const char *const wrong[] = {
	        "",     "1",    "0/3",  "4/3",  "1/0",       "/3",  "1/",
	        "-1/3", "1/3 ", "+1/3", "01/3", "1/1000001", "a/3", "99999999999/99999999999"};
	struct shard shard = {7, 7};

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		assert_false(shard_parse(wrong[i], &shard));
	assert_int_equal(shard.number, 7); /* untouched */
	assert_true(shard_parse("3/1000000", &shard));
	assert_int_equal(shard.number, 3);
	assert_int_equal(shard.count, 1000000);
	assert_true(shard_parse("1/1", &shard));
	assert_false(shard_is_part(&shard));
}

/* Every number in exactly one part; shard_at lists what shard_has says; sizes differ by one at most. */
static void test_numbers(void **state)
{
	struct rng rng = rng_from_seed(1);

	(void)state;
	for (int round = 0; round < 300; round++) {
		uint64_t total = rng_below(&rng, 3000), sum = 0, least = UINT64_MAX, most = 0;
		struct shard shard = {0, 1 + rng_below(&rng, 40)};
		uint8_t *seen = calloc(total + 1, 1);

		assert_non_null(seen);
		for (shard.number = 1; shard.number <= shard.count; shard.number++) {
			uint64_t size = shard_size(&shard, total);

			for (uint64_t i = 0; i < size; i++) {
				uint64_t at = shard_at(&shard, i);

				assert_true(at < total);
				assert_true(shard_has(&shard, at));
				assert_true(i == 0 || at > shard_at(&shard, i - 1));
				assert_int_equal(seen[at]++, 0);
			}
			sum += size;
			least = size < least ? size : least;
			most = size > most ? size : most;
		}
		assert_int_equal(sum, total);
		assert_true(most - least <= 1);
		free(seen);
	}
}

/* No part gets all addresses with the same last octet. */
static void test_parts_are_mixed(void **state)
{
	struct shard shard = {1, 256};
	uint64_t first = shard_at(&shard, 0) % 256, same = 0;

	(void)state;
	for (uint64_t i = 0; i < 1000; i++)
		same += shard_at(&shard, i) % 256 == first;
	assert_true(same < 20);
}

/* An odd set: overlapping specifications in no order, a pattern, exclusions that cut through all of them. */
static struct target_set *odd_set(bool exclude)
{
	static const char *const targets[] = {"10.9.8.7",          "10.9.0.0/22", "10.9.2.0-10.9.4.17", "10.9.8.7",
	                                      "192.168.0-3.1,5-9", "10.9.3.0/24", "172.16.0.255"};
	static const char *const excludes[] = {"10.9.1.3-250", "10.9.2.77", "192.168.*.6", "10.9.4.0/28"};
	struct target_set *set = target_set_new();
	struct err err = {0};

	assert_non_null(set);
	for (size_t i = 0;
	     i < (exclude ? sizeof(excludes) / sizeof(excludes[0]) : sizeof(targets) / sizeof(targets[0])); i++)
		assert_true(target_set_add(set, exclude ? excludes[i] : targets[i], NULL, &err));
	return set;
}

/* Walks a whole engine without a network: what it would have asked, with the place among all targets. */
static size_t engine_targets(const struct target_set *targets, const struct target_set *exclude, struct shard shard,
                             uint64_t seed, struct addr *out, uint64_t *places, size_t room)
{
	static const uint16_t source_port = 40000;
	struct network network = {0};
	struct engine_config config = {.targets = targets,
	                               .exclude = exclude,
	                               .network = &network,
	                               .seed = seed,
	                               .shard = shard,
	                               .only_interface = -1};
	struct err err = {0};
	struct engine *engine;
	struct event event;
	size_t count = 0;

	config.probe.source_ports = &source_port;
	config.probe.source_port_count = 1;
	engine = engine_new(&config, 0, &err);
	assert_non_null(engine);
	engine_stop(engine, 1);
	while (engine_next_event(engine, &event)) {
		if (event.kind != EVENT_HOST && event.kind != EVENT_SWEPT)
			continue;
		assert_true(count < room);
		assert_int_equal(event.ordinal, count);
		places[count] = event.index;
		out[count++] = event.addr;
	}
	engine_free(engine);
	return count;
}

static void test_shards_of_an_odd_set(void **state)
{
	enum { ROOM = 4096 };
	struct target_set *targets = odd_set(false), *exclude = odd_set(true);
	struct addr *whole = calloc(ROOM, sizeof(*whole)), *part = calloc(ROOM, sizeof(*part));
	uint64_t *places = calloc(ROOM, sizeof(*places));
	uint8_t *seen = calloc(ROOM, 1);
	size_t total;

	(void)state;
	assert_true(whole && part && places && seen);
	total = engine_targets(targets, exclude, (struct shard){0}, 1, whole, places, ROOM);
	assert_true(total > 700);
	for (size_t i = 0; i < total; i++)
		assert_int_equal(places[i], i);
	for (uint32_t count = 2; count <= 9; count++) {
		size_t sum = 0;

		memset(seen, 0, ROOM);
		for (uint32_t number = 1; number <= count; number++) {
			/* Another seed for each: that must not matter. */
			size_t n = engine_targets(targets, exclude, (struct shard){number, count}, number, part, places,
			                          ROOM);

			assert_true(n == total / count || n == total / count + 1);
			for (size_t i = 0; i < n; i++) {
				assert_true(places[i] < total);
				assert_true(addr_equal(&part[i], &whole[places[i]]));
				assert_int_equal(seen[places[i]]++, 0);
			}
			sum += n;
		}
		assert_int_equal(sum, total);
	}
	free(seen);
	free(places);
	free(part);
	free(whole);
	target_set_free(exclude);
	target_set_free(targets);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_parse),
	        cmocka_unit_test(test_numbers),
	        cmocka_unit_test(test_parts_are_mixed),
	        cmocka_unit_test(test_shards_of_an_odd_set),
	};

	return cmocka_run_group_tests_name("shard", tests, NULL, NULL);
}
