/* test_event.c: the names of states that every report prints. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "nscan/event.h"

static void test_host_states(void **state)
{
	(void)state;
	assert_string_equal(host_state_name(HOST_UP), "up");
	assert_string_equal(host_state_name(HOST_DOWN), "down");
	assert_string_equal(host_state_name(HOST_UNKNOWN), "unknown");
	assert_string_equal(host_state_name((enum host_state)99), "unknown");
}

static void test_port_states(void **state)
{
	static const char *const names[PORT_STATE_COUNT] = {"unknown", "open", "closed", "filtered", "open|filtered"};

	(void)state;
	for (int i = 0; i < PORT_STATE_COUNT; i++)
		assert_string_equal(port_state_name((enum port_state)i), names[i]);
	assert_string_equal(port_state_name(PORT_STATE_COUNT), "unknown");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_host_states),
	        cmocka_unit_test(test_port_states),
	};

	return cmocka_run_group_tests_name("event", tests, NULL, NULL);
}
