/* test_progress.c: what the progress line says. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "../src/cli/progress.h"

static void test_format(void **state)
{
	const struct {
		struct engine_progress at;
		double packets_per_s;
		const char *text;
	} rows[] = {
	        {{.remaining_ns = -1}, 0, "0% 0/0 hosts done, 0 up; 0 packets/s"},
	        {{.hosts_total = 101, .hosts_finished = 34, .hosts_up = 7, .hosts_down = 30, .remaining_ns = -1},
	         812.4,
	         "33% 34/101 hosts done, 7 up; 812 packets/s"},
	        /* 10 down and half of what 10 have: 15 of 20. */
	        {{.hosts_total = 20,
	          .hosts_finished = 10,
	          .hosts_up = 10,
	          .hosts_down = 10,
	          .ports_total = 1000,
	          .ports_resolved = 500,
	          .ports_open = 3,
	          .remaining_ns = INT64_C(100000000000),
	          .limited_by = {4, {192, 168, 0, 7}},
	          .limited_per_s = 1},
	         50,
	         "75% 10/20 hosts done, 10 up, 500/1000 ports, 3 open; 50 packets/s; about 1 m 40 s left "
	         "(192.168.0.7 allows 1 ICMP errors/s)"},
	        /* The total is an upper bound: never more than all. */
	        {{.hosts_total = 2, .hosts_finished = 5, .hosts_up = 5, .remaining_ns = -1},
	         0,
	         "100% 5/2 hosts done, 5 up; 0 packets/s"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char text[PROGRESS_TEXT_BYTES];

		progress_format(&rows[i].at, rows[i].packets_per_s, SIZE_MAX, text);
		assert_string_equal(text, rows[i].text);
	}
}

/* On a narrow terminal whole parts are left out, the least important ones first. */
static void test_width(void **state)
{
	static const struct {
		size_t width;
		const char *text;
	} rows[] = {
	        {111, "50% 0/1 hosts done, 1 up, 5/10 ports, 3 open; 1 packet/s; about 5.0 s left "
	              "(10.0.0.1 allows 0.25 ICMP errors/s)"},
	        {110,
	         "50% 0/1 hosts done, 1 up, 5/10 ports, 3 open; about 5.0 s left (10.0.0.1 allows 0.25 ICMP errors/s)"},
	        {90, "50% 0/1 hosts done, 1 up, 5/10 ports, 3 open; 1 packet/s; about 5.0 s left"},
	        {70, "50% 0/1 hosts done, 1 up, 5/10 ports, 3 open; about 5.0 s left"},
	        {20, "50% 0/1 hosts done, 1 up, 5/10 ports, 3 open; about 5.0 s left"}, /* cut off when it is drawn */
	};
	const struct engine_progress at = {.hosts_total = 1,
	                                   .hosts_up = 1,
	                                   .ports_total = 10,
	                                   .ports_resolved = 5,
	                                   .ports_open = 3,
	                                   .remaining_ns = INT64_C(5000000000),
	                                   .limited_by = {4, {10, 0, 0, 1}},
	                                   .limited_per_s = 0.25};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char text[PROGRESS_TEXT_BYTES];

		progress_format(&at, 1, rows[i].width, text);
		assert_string_equal(text, rows[i].text);
	}
}

static void test_longest_text_fits(void **state)
{
	struct engine_progress at;
	char text[PROGRESS_TEXT_BYTES];

	(void)state;
	memset(&at, 0xff, sizeof(at));
	at.limited_by.family = 6;
	at.remaining_ns = INT64_MAX;
	at.limited_per_s = 1e300;
	progress_format(&at, 1e300, SIZE_MAX, text);
	assert_true(strlen(text) < PROGRESS_TEXT_BYTES);
	assert_true(progress_hint(&at, text));
	assert_true(strlen(text) < PROGRESS_TEXT_BYTES);
}

static void test_hint(void **state)
{
	struct engine_progress at = {
	        .remaining_ns = INT64_C(940000000000), .limited_by = {4, {192, 168, 0, 7}}, .limited_per_s = 1};
	char text[PROGRESS_TEXT_BYTES];

	(void)state;
	assert_true(progress_hint(&at, text));
	assert_string_equal(
	        text, "about 15 m 40 s left, because 192.168.0.7 sends 1 ICMP errors/s; fewer ports (--top-ports), "
	              "more addresses to ask from (--source-ips) or --max-time make it shorter");
	at.remaining_ns = INT64_C(59000000000);
	assert_false(progress_hint(&at, text));
	at.remaining_ns = -1;
	assert_false(progress_hint(&at, text));
	at.remaining_ns = INT64_C(940000000000);
	at.limited_by = (struct addr){0};
	assert_false(progress_hint(&at, text));
}

static void test_wake(void **state)
{
	struct progress progress;

	(void)state;
	progress_start(&progress, false, 0, 1000);
	assert_int_equal(progress_wake(&progress), INT64_MAX);
	progress_start(&progress, false, 5000, 1000);
	assert_int_equal(progress_wake(&progress), 6000);
	progress_start(&progress, true, 0, 1000);
	assert_true(progress_wake(&progress) > 1000);
	assert_true(progress_wake(&progress) < INT64_C(2000000000));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_format), cmocka_unit_test(test_width), cmocka_unit_test(test_longest_text_fits),
	        cmocka_unit_test(test_hint),   cmocka_unit_test(test_wake),
	};

	return cmocka_run_group_tests_name("progress", tests, NULL, NULL);
}
