/* test_groups.c: which ports are told together. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../src/report/groups.h"
#include "support/report_fixture.h"

/* A host with so many ports in each state. */
static struct host_result host_with(size_t unknown, size_t open, size_t closed, size_t filtered, size_t open_filtered)
{
	const size_t counts[PORT_STATE_COUNT] = {unknown, open, closed, filtered, open_filtered};
	struct host_result host = {0};

	host.ports = calloc(unknown + open + closed + filtered + open_filtered + 1, sizeof(*host.ports));
	assert_non_null(host.ports);
	for (int state = 0; state < PORT_STATE_COUNT; state++) {
		for (size_t i = 0; i < counts[state]; i++) {
			struct event event =
			        event_port(0, (uint16_t)(host.port_count + 1), (enum port_state)state, "reason");

			host.ports[host.port_count++] = event.u.port;
		}
	}
	return host;
}

static void test_what_is_hidden(void **state)
{
	static const struct {
		int verbose, debug;
		bool open_only;
		size_t count[PORT_STATE_COUNT]; /* unknown, open, closed, filtered, open|filtered */
		bool hidden[PORT_STATE_COUNT];
	} rows[] = {
	        {0, 0, false, {25, 25, 25, 25, 25}, {false, false, false, false, false}},
	        {0, 0, false, {26, 26, 26, 26, 26}, {true, false, true, true, true}},
	        {1, 0, false, {50, 60, 50, 50, 50}, {false, false, false, false, false}},
	        {1, 0, false, {51, 60, 51, 51, 51}, {true, false, true, true, true}},
	        {0, 1, false, {99, 99, 99, 99, 99}, {false, false, false, false, false}},
	        {0, 0, true, {1, 1, 1, 1, 1}, {false, false, true, true, false}},
	        {0, 1, true, {1, 1, 1, 1, 1}, {false, false, true, true, false}},
	        {0, 0, true, {0, 0, 0, 0, 0}, {false, false, false, false, false}},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const size_t *n = rows[i].count;
		struct scan_info info = fixture_info();
		struct host_result host = host_with(n[0], n[1], n[2], n[3], n[4]);
		struct port_groups groups;

		info.verbose = rows[i].verbose;
		info.debug = rows[i].debug;
		info.show_open_only = rows[i].open_only;
		port_groups_make(&groups, &info, &host);
		for (int k = 0; k < PORT_STATE_COUNT; k++) {
			assert_int_equal(groups.count[k], n[k]);
			assert_int_equal(groups.hidden[k], rows[i].hidden[k]);
		}
		free(host.ports);
	}
}

static void test_most_ports_first(void **state)
{
	struct host_result host = host_with(1, 2, 9, 4, 7);
	struct scan_info info = fixture_info();
	struct port_groups groups;

	(void)state;
	port_groups_make(&groups, &info, &host);
	assert_int_equal(groups.order[0], PORT_CLOSED);
	assert_int_equal(groups.order[1], PORT_OPEN_FILTERED);
	assert_int_equal(groups.order[2], PORT_FILTERED);
	assert_int_equal(groups.order[3], PORT_OPEN);
	assert_int_equal(groups.order[4], PORT_UNKNOWN);
	free(host.ports);
}

static void test_groups_by_reason_and_sender(void **state)
{
	struct host_result host = host_with(0, 0, 0, 10, 0);
	struct scan_info info = fixture_info();
	struct port_groups groups;
	char *numbers;

	(void)state;
	for (size_t i = 0; i < 10; i++) {
		host.ports[i].reason = i < 3 ? "admin-prohibited" : "net-unreach";
		host.ports[i].from = fixture_addr(i == 9 ? "10.0.0.2" : "10.0.0.1");
	}
	port_groups_make(&groups, &info, &host);
	assert_int_equal(groups.group_count, 2);
	assert_string_equal(groups.groups[0].reason, "net-unreach");
	assert_int_equal(groups.groups[0].count, 7);
	assert_true(groups.groups[0].from_several);
	assert_false(addr_is_set(&groups.groups[0].from));
	assert_string_equal(groups.groups[1].reason, "admin-prohibited");
	assert_false(groups.groups[1].from_several);
	assert_true(addr_equal(&groups.groups[1].from, &host.ports[0].from));
	numbers = port_group_numbers(&host, PORT_FILTERED, "net-unreach");
	assert_string_equal(numbers, "4-10");
	free(numbers);
	numbers = port_group_numbers(&host, PORT_FILTERED, NULL);
	assert_string_equal(numbers, "1-10");
	free(numbers);
	free(host.ports);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_what_is_hidden),
	        cmocka_unit_test(test_most_ports_first),
	        cmocka_unit_test(test_groups_by_reason_and_sender),
	};

	return cmocka_run_group_tests_name("groups", tests, NULL, NULL);
}
