/* test_inactive.c: why hosts are inactive, and who said so. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../src/report/inactive.h"
#include "support/report_fixture.h"

static void add(struct inactive *inactive, uint64_t ordinal, const char *reason, const char *from)
{
	struct event event = event_down(ordinal, reason, from);
	struct host_result host = {.ordinal = ordinal, .addr = event.addr, .host = event.u.host};

	assert_true(inactive_add(inactive, &host));
}

static char *printed(const struct inactive *inactive)
{
	char *out = NULL;
	size_t room;
	FILE *memory = open_memstream(&out, &room);

	assert_non_null(memory);
	inactive_print(inactive, memory);
	assert_int_equal(fclose(memory), 0);
	return out;
}

static void test_a_router_is_named_silence_only_when_asked(void **state)
{
	static const char *const expected[] = {
	        "  host-unreach from 192.168.0.254: 192.168.0.101-.102 (2)\n",
	        "  no-response: 192.168.0.100, .104 (2)\n"
	        "  host-unreach from 192.168.0.254: 192.168.0.101-.102 (2)\n",
	};

	(void)state;
	for (int every_reason = 0; every_reason < 2; every_reason++) {
		struct inactive inactive;
		char *out;

		inactive_init(&inactive, every_reason);
		add(&inactive, 0, "no-response", NULL);
		add(&inactive, 1, "host-unreach", "192.168.0.254");
		add(&inactive, 2, "host-unreach", "192.168.0.254");
		add(&inactive, 4, "no-response", NULL);
		out = printed(&inactive);
		assert_string_equal(out, expected[every_reason]);
		free(out);
		inactive_free(&inactive);
	}
}

/* Whoever answers from ever new addresses does not make the report grow without end. */
static void test_too_many_routers(void **state)
{
	struct inactive inactive;
	size_t lines = 0;
	char *out;

	(void)state;
	inactive_init(&inactive, false);
	for (unsigned i = 0; i < 100; i++) {
		char from[16];

		snprintf(from, sizeof(from), "10.1.1.%u", i);
		add(&inactive, i, "host-unreach", from);
	}
	out = printed(&inactive);
	for (const char *p = out; *p; p++)
		lines += *p == '\n';
	assert_int_equal(lines, INACTIVE_GROUPS_MAX + 1);
	assert_non_null(strstr(out, "  by the word of other routers: 68\n"));
	free(out);
	inactive_free(&inactive);
}

static void test_who_may_hide(void **state)
{
	struct inactive inactive;

	(void)state;
	inactive_init(&inactive, false);
	assert_false(inactive_may_hide(&inactive));
	add(&inactive, 0, "no-arp-reply", NULL);
	assert_false(inactive_may_hide(&inactive));
	add(&inactive, 1, "no-response", NULL);
	assert_true(inactive_may_hide(&inactive));
	inactive_free(&inactive);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_a_router_is_named_silence_only_when_asked),
	        cmocka_unit_test(test_too_many_routers),
	        cmocka_unit_test(test_who_may_hide),
	};

	return cmocka_run_group_tests_name("inactive", tests, NULL, NULL);
}
