/* test_collector.c: events of many hosts, however shuffled, become finished hosts in the order of targets. */
#include <malloc.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../src/report/collector.h"
#include "nscan/hash.h"
#include "support/report_fixture.h"

enum { PORTS_EACH = 6 };

/* What a host's events said, and what came out. */
struct expected {
	enum host_state state;
	const char *reason;
	enum port_state ports[PORTS_EACH]; /* of ports 1.. */
	size_t port_count;
	bool has_limit;
	bool noted;
	bool done;
};

struct seen {
	const struct expected *expected;
	uint64_t next; /* the ordinal that has to come */
	uint64_t down;
	bool holes; /* ordinals may be left out */
};

static void check_host(void *context, const struct host_result *host)
{
	struct seen *seen = context;
	const struct expected *expected = &seen->expected[host->ordinal];
	struct addr addr = event_done(host->ordinal).addr;

	if (seen->holes)
		assert_true(host->ordinal >= seen->next);
	else
		assert_int_equal(host->ordinal, seen->next);
	seen->next = host->ordinal + 1;
	assert_true(addr_equal(&host->addr, &addr));
	assert_int_equal(host->host.state, expected->state);
	assert_string_equal(host->host.reason, expected->reason);
	assert_int_equal(host->port_count, expected->port_count);
	for (size_t i = 0; i < host->port_count; i++) {
		assert_int_equal(host->ports[i].port, i + 1);
		assert_int_equal(host->ports[i].state, expected->ports[i]);
	}
	assert_int_equal(host->has_limit, expected->has_limit);
	assert_int_equal(host->note_count, expected->noted);
}

/* The events of one host in their order. */
struct script {
	struct event events[3 * PORTS_EACH + 8];
	size_t count;
	size_t next;
};

static void add(struct script *script, struct event event)
{
	script->events[script->count++] = event;
}

static void write_script(struct script *script, struct expected *expected, uint64_t ordinal, struct rng *rng)
{
	static const char *const reasons[] = {"no-arp-reply", "no-response"};

	*script = (struct script){0};
	*expected = (struct expected){.state = HOST_UP, .reason = "arp-reply", .done = true};
	if (rng_below(rng, 4) > 0) {
		bool unknown = rng_below(rng, 10) == 0;

		expected->state = unknown ? HOST_UNKNOWN : HOST_DOWN;
		expected->reason = unknown ? "unresolved" : reasons[rng_below(rng, 8) == 0];
		add(script, unknown ? event_unknown(ordinal) : event_down(ordinal, expected->reason, NULL));
		expected->noted = rng_below(rng, 20) == 0;
		if (expected->noted)
			add(script, event_note(ordinal, 0, "code", "text"));
		add(script, event_done(ordinal));
		return;
	}
	add(script, event_up(ordinal));
	expected->port_count = rng_below(rng, PORTS_EACH + 1);
	for (size_t i = 0; i < 3 * expected->port_count; i++) {
		/* Each port once for sure, the rest correct what was said. */
		size_t k = i < expected->port_count ? expected->port_count - 1 - i
		                                    : rng_below(rng, (uint32_t)expected->port_count);

		expected->ports[k] = (enum port_state)rng_below(rng, PORT_STATE_COUNT);
		add(script, event_port(ordinal, (uint16_t)(k + 1), expected->ports[k], "no-response"));
	}
	expected->has_limit = rng_below(rng, 2);
	if (expected->has_limit)
		add(script, event_limit(ordinal, 1.0, 6));
	add(script, event_done(ordinal));
}

/* Plays the scripts, at each step the next event of any host of a window that moves on with the first unfinished one. */
static void play(struct collector *collector, struct script *scripts, size_t hosts, size_t window, struct rng *rng)
{
	size_t first = 0;

	while (first < hosts) {
		size_t reach = hosts - first < window ? hosts - first : window;
		struct script *script = &scripts[first + rng_below(rng, (uint32_t)reach)];

		if (script->next < script->count)
			assert_true(collector_take(collector, &script->events[script->next++]));
		while (first < hosts && scripts[first].next == scripts[first].count)
			first++;
	}
}

static void test_shuffled_events_come_out_in_order(void **state)
{
	enum { HOSTS = 5000 };
	static const size_t windows[] = {1, 7, 300, HOSTS};
	struct expected *expected = calloc(HOSTS, sizeof(*expected));
	struct script *scripts = calloc(HOSTS, sizeof(*scripts));

	(void)state;
	assert_true(expected && scripts);
	for (uint64_t seed = 0; seed < 4; seed++) {
		struct seen seen = {.expected = expected};
		struct collector *collector = collector_new(check_host, &seen);
		struct rng rng = rng_from_seed(seed);

		assert_non_null(collector);
		for (uint64_t i = 0; i < HOSTS; i++)
			write_script(&scripts[i], &expected[i], i, &rng);
		play(collector, scripts, HOSTS, windows[seed], &rng);
		assert_int_equal(seen.next, HOSTS);
		assert_true(collector_finish(collector));
		assert_int_equal(seen.next, HOSTS);
		collector_free(collector);
	}
	free(scripts);
	free(expected);
}

/* Cut off anywhere: everything that was begun comes out once, in order, with what is known. */
static void test_finish_hands_over_what_is_open(void **state)
{
	enum { HOSTS = 3000 };
	struct expected *expected = calloc(HOSTS, sizeof(*expected));
	struct seen seen = {.expected = expected, .holes = true};
	struct collector *collector = collector_new(check_host, &seen);
	struct event late = event_up(2999);

	(void)state;
	assert_true(expected && collector);
	for (uint64_t i = 0; i < HOSTS; i += i % 5 == 2 ? 1500 : 1) { /* with ordinals that never began */
		struct event up = event_up(i), down = event_down(i, "no-response", NULL), done = event_done(i);
		struct event port = event_port(i, 1, PORT_OPEN, "udp-response");

		expected[i] = (struct expected){.state = HOST_UP, .reason = "arp-reply"};
		if (i % 3 == 0) {
			expected[i] = (struct expected){.state = HOST_DOWN, .reason = "no-response"};
			assert_true(collector_take(collector, &down));
		} else {
			expected[i].port_count = 1;
			expected[i].ports[0] = PORT_OPEN;
			assert_true(collector_take(collector, &up));
			assert_true(collector_take(collector, &port));
		}
		if (i % 3 == 1 || i % 6 == 0)
			assert_true(collector_take(collector, &done));
	}
	assert_true(seen.next < 10);
	assert_true(collector_finish(collector));
	assert_true(seen.next > 1500);
	assert_int_equal(collector_word(collector, &late), WORD_LATE);
	collector_free(collector);
	free(expected);
}

static void test_what_is_said_too_late(void **state)
{
	struct expected expected[4] = {
	        {.state = HOST_UP, .reason = "arp-reply"},
	        {.state = HOST_DOWN, .reason = "no-response"},
	        {.state = HOST_DOWN, .reason = "no-response"},
	        {.state = HOST_UP, .reason = "arp-reply", .ports = {PORT_OPEN}, .port_count = 1},
	};
	struct seen seen = {.expected = expected};
	struct collector *collector = collector_new(check_host, &seen);
	const struct event first[] = {
	        event_up(0),   event_done(0), event_down(2, "no-response", NULL),
	        event_done(2), event_up(3),   event_port(3, 1, PORT_CLOSED, "port-unreach"),
	        event_done(3),
	};
	struct event port0 = event_port(0, 1, PORT_OPEN, "udp-response"),
	             port2 = event_port(2, 1, PORT_OPEN, "udp-response");
	struct event port3 = event_port(3, 1, PORT_OPEN, "udp-response"),
	             other3 = event_port(3, 2, PORT_OPEN, "udp-response");
	struct event down1 = event_down(1, "no-response", NULL), done1 = event_done(1);

	(void)state;
	assert_non_null(collector);
	assert_int_equal(collector_word(collector, &first[0]), WORD_FIRST);
	for (size_t i = 0; i < sizeof(first) / sizeof(first[0]); i++)
		assert_true(collector_take(collector, &first[i]));
	assert_int_equal(seen.next, 1);
	/* Handed over, or settled as inactive: nothing may follow. Finished but still here: the last word holds. */
	assert_int_equal(collector_word(collector, &port0), WORD_LATE);
	assert_int_equal(collector_word(collector, &port2), WORD_LATE);
	assert_int_equal(collector_word(collector, &port3), WORD_AGAIN);
	assert_int_equal(collector_word(collector, &other3), WORD_FIRST);
	assert_true(collector_take(collector, &port0));
	assert_true(collector_take(collector, &port2));
	assert_true(collector_take(collector, &port3));
	assert_true(collector_take(collector, &down1));
	assert_true(collector_take(collector, &done1));
	assert_int_equal(seen.next, 4);
	collector_free(collector);
}

static void count_down(void *context, const struct host_result *host)
{
	struct seen *seen = context;

	assert_int_equal(host->ordinal, seen->next);
	seen->next++;
	seen->down += host->host.state == HOST_DOWN;
}

static size_t bytes_in_use(void)
{
	struct mallinfo2 info = mallinfo2();

	return info.uordblks + info.hblkhd;
}

/* A million silent hosts, the first of all still busy (or not): memory stays flat. (Sanitizers hide the allocator's figures: there
 * only the order is tested.) */
static void sweep(bool first_is_busy, size_t most_bytes)
{
	enum { HOSTS = 1000000, BLOCK = 64 };
	struct seen seen = {0};
	struct collector *collector = collector_new(count_down, &seen);
	struct event up = event_up(0), done = event_done(0);
	size_t before = bytes_in_use(), most = 0;

	assert_non_null(collector);
	assert_true(collector_take(collector, &up));
	if (!first_is_busy)
		assert_true(collector_take(collector, &done));
	for (uint64_t i = 1; i < HOSTS; i++) {
		/* Out of order within blocks. */
		uint64_t ordinal =
		        i / BLOCK == 0 || i / BLOCK == HOSTS / BLOCK ? i : i / BLOCK * BLOCK + (i * 37) % BLOCK;
		struct event down = event_down(ordinal, "no-response", NULL);

		assert_true(collector_take(collector, &down));
		done = event_done(ordinal);
		assert_true(collector_take(collector, &done));
		if (i % 10000 == 0 && bytes_in_use() - before > most)
			most = bytes_in_use() - before;
	}
	assert_int_equal(seen.next, first_is_busy ? 0 : HOSTS);
	assert_in_range(most, 0, most_bytes);
	done = event_done(0);
	assert_true(collector_take(collector, &done));
	assert_int_equal(seen.next, HOSTS);
	assert_int_equal(seen.down, HOSTS - 1);
	collector_free(collector);
}

static void test_a_sweep_in_order_costs_nothing(void **state)
{
	(void)state;
	sweep(false, 64 * 1024);
}

static void test_a_sweep_held_back_costs_little(void **state)
{
	(void)state;
	sweep(true, 512 * 1024);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_shuffled_events_come_out_in_order),
	        cmocka_unit_test(test_finish_hands_over_what_is_open),
	        cmocka_unit_test(test_what_is_said_too_late),
	        cmocka_unit_test(test_a_sweep_in_order_costs_nothing),
	        cmocka_unit_test(test_a_sweep_held_back_costs_little),
	};

	return cmocka_run_group_tests_name("collector", tests, NULL, NULL);
}
