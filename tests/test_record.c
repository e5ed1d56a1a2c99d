/* test_record.c: what is known about a host while its events are coming. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../src/report/record.h"
#include "nscan/hash.h"
#include "support/report_fixture.h"

enum { ALL_PORTS = 65536 };

static struct host_record *new_record(void)
{
	struct event up = event_up(0);
	struct host_record *record = host_record_new(&up);

	assert_non_null(record);
	return record;
}

static void assert_same_port(const struct port_event *a, const struct port_event *b)
{
	assert_int_equal(a->port, b->port);
	assert_int_equal(a->state, b->state);
	assert_string_equal(a->reason, b->reason);
	assert_true(addr_equal(&a->from, &b->from));
	assert_int_equal(a->from_port, b->from_port);
	assert_int_equal(a->has_rtt, b->has_rtt);
	assert_true(a->rtt_ns == b->rtt_ns);
	assert_int_equal(a->has_ttl, b->has_ttl);
	assert_int_equal(a->ttl, b->ttl);
	assert_int_equal(a->probes, b->probes);
}

/* Every port in random order, many of them twice: they come out ascending, each with its last word, nothing lost. */
static void test_ports_come_out_sorted_and_exact(void **state)
{
	static const char *const reasons[] = {"port-unreach", "no-response", "admin-prohibited"};
	struct port_event *last = calloc(ALL_PORTS, sizeof(*last)), *out = calloc(ALL_PORTS, sizeof(*out));
	struct host_record *record = new_record();
	struct rng rng = rng_from_seed(11);
	size_t count = 0;

	(void)state;
	assert_true(last && out);
	for (int i = 0; i < 150000; i++) {
		uint16_t port = (uint16_t)rng_next(&rng);
		struct event event = event_port(0, port, (enum port_state)rng_below(&rng, PORT_STATE_COUNT),
		                                reasons[rng_below(&rng, 3)]);

		event.u.port.rtt_ns = event.u.port.has_rtt ? (int64_t)(rng_next(&rng) >> 20) : 0;
		event.u.port.probes = rng_below(&rng, 100000);
		event.u.port.from_port = (uint16_t)rng_next(&rng);
		if (rng_below(&rng, 2))
			event.u.port.from = addr_from_v4(1 + rng_below(&rng, 5));
		assert_int_equal(host_record_has_port(record, port), last[port].reason != NULL);
		count += last[port].reason == NULL;
		last[port] = event.u.port;
		assert_true(host_record_apply(record, &event));
	}
	assert_int_equal(record->port_count, count);
	host_record_unpack_ports(record, out);
	for (size_t port = 0, i = 0; port < ALL_PORTS; port++) {
		if (last[port].reason)
			assert_same_port(&out[i++], &last[port]);
	}
	host_record_free(record);
	free(last);
	free(out);
}

static void test_a_note_said_again_replaces_the_first(void **state)
{
	struct event notes[] = {
	        event_note(0, 53, "conflicting-replies", "first"),
	        event_note(0, 0, "conflicting-replies", "host"),
	        event_note(0, 53, "nat", "other"),
	        event_note(0, 53, "conflicting-replies", "second"),
	};
	struct host_record *record = new_record();

	(void)state;
	for (size_t i = 0; i < 4; i++)
		assert_true(host_record_apply(record, &notes[i]));
	assert_int_equal(record->result.note_count, 3);
	assert_string_equal(record->result.notes[0].text, "second");
	assert_string_equal(record->result.notes[1].text, "host");
	host_record_free(record);
}

static void test_what_is_plain(void **state)
{
	struct event down = event_down(0, "no-response", NULL);
	const struct event more[] = {
	        event_up(0),
	        event_port(0, 1, PORT_UNKNOWN, "unresolved"),
	        event_limit(0, 1, 6),
	        event_note(0, 0, "code", "text"),
	};

	(void)state;
	for (size_t i = 0; i < sizeof(more) / sizeof(more[0]); i++) {
		struct host_record *record = host_record_new(&down);

		assert_non_null(record);
		assert_true(host_record_is_plain(record));
		assert_true(host_record_apply(record, &down));
		assert_true(host_record_is_plain(record));
		assert_true(host_record_apply(record, &more[i]));
		assert_false(host_record_is_plain(record));
		host_record_free(record);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_ports_come_out_sorted_and_exact),
	        cmocka_unit_test(test_a_note_said_again_replaces_the_first),
	        cmocka_unit_test(test_what_is_plain),
	};

	return cmocka_run_group_tests_name("record", tests, NULL, NULL);
}
