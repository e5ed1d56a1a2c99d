/* test_watch_report.c: what --watch prints for a person, and its JSON lines. */
#include <jansson.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "support/report_fixture.h"

static char *report_of(const struct report_format *format)
{
	char *folder = fixture_folder(), *text, path[128];
	struct scan_info info = fixture_info();
	struct scan_summary summary = fixture_summary(2, 1, 0);
	struct event events[] = {
	        event_up(0),  event_done(0), event_up(1), event_done(1), event_down(2, "no-arp-reply", NULL),
	        event_done(2)};
	struct round_report round = {{1, 2, 1, 0, 0}, FIXTURE_START_NS, 420000000, 1000000000, true};
	const struct watch_change down = {.round = 2,
	                                  .at_ns = FIXTURE_START_NS + 2500000000,
	                                  .addr = fixture_addr("192.168.0.101"),
	                                  .from = "up",
	                                  .to = "down",
	                                  .reason = "no-arp-reply",
	                                  .lasted_ns = 2500000000};
	const struct watch_change port = {.round = 2,
	                                  .at_ns = FIXTURE_START_NS + 2600000000,
	                                  .addr = fixture_addr("192.168.0.100"),
	                                  .is_port = true,
	                                  .port = 53,
	                                  .from = "open",
	                                  .to = "closed",
	                                  .reason = "port-unreach",
	                                  .has_rtt = true,
	                                  .rtt_ns = 310000,
	                                  .lasted_ns = -1};
	const struct watched targets[] = {
	        {.addr = fixture_addr("192.168.0.100"), .state = HOST_UP, .rounds_up = 3, .rounds_known = 3},
	        {.addr = fixture_addr("192.168.0.101"),
	         .state = HOST_DOWN,
	         .changes = 1,
	         .rounds_up = 1,
	         .rounds_known = 3,
	         .since_ns = FIXTURE_START_NS + 2500000000},
	        {.addr = fixture_addr("192.168.0.102"), .state = HOST_DOWN, .rounds_known = 3},
	};
	struct reports *reports;
	struct err err = {0};

	snprintf(path, sizeof(path), "%s/report", folder);
	reports = reports_new(&info, &err);
	assert_non_null(reports);
	assert_true(reports_add(reports, format, path, false, &err));
	reports_begin(reports);
	for (size_t i = 0; i < sizeof(events) / sizeof(events[0]); i++)
		reports_event(reports, &events[i]);
	reports_round(reports, &round);
	reports_change(reports, &down);
	reports_change(reports, &port);
	round = (struct round_report){{2, 1, 2, 0, 2}, FIXTURE_START_NS + 2000000000, 1250000000, 1000000000, true};
	reports_round(reports, &round);
	round = (struct round_report){{3, 1, 2, 0, 0}, FIXTURE_START_NS + 4000000000, 1000000, 1000000000, false};
	reports_round(reports, &round);
	for (size_t i = 0; i < 3; i++)
		reports_watched(reports, &targets[i]);
	reports_end(reports, &summary);
	assert_true(reports_close(reports, &err));
	reports_free(reports);
	text = fixture_read(path);
	fixture_remove(folder);
	return text;
}

static void test_text(void **state)
{
	char *text = report_of(&report_watch);

	(void)state;
	assert_string_equal(
	        text, "Starting Nscan 0.1.0 at 2026-01-31 12:00:00 UTC\n"
	              "Up: 192.168.0.100-.101 (2 of 3)\n"
	              "12:00:00 round 1: 2 up, 1 inactive; 0 changes; 0.42 s\n"
	              "12:00:02 192.168.0.101 is down (no-arp-reply); was up for 2.5 s\n"
	              "12:00:02 192.168.0.100 53/udp is closed (port-unreach, 0.31 ms); was open\n"
	              "12:00:03 round 2: 1 up, 2 inactive; 2 changes; 1.25 s, longer than the 1.0 s between rounds\n"
	              "12:00:04 round 3: no statement, the own interface was down\n"
	              "\n"
	              "ADDRESS          STATE         UP  CHANGES  LAST CHANGE\n"
	              "192.168.0.101    down      33.3 %        1  2026-01-31 12:00:02\n"
	              "\n"
	              "Always up: 192.168.0.100 (1 of 3)\n"
	              "Never up: 192.168.0.102 (1 of 3)\n"
	              "Nscan done: 3 addresses (2 up, 1 inactive) watched for 1 m 34 s\n");
	free(text);
}

/* Compares the line that begins with that text. */
static void assert_line(const char *text, const char *start, json_t *expected)
{
	const char *at = strstr(text, start);
	json_t *object = at ? json_loadb(at, strcspn(at, "\n"), JSON_REJECT_DUPLICATES, NULL) : NULL;

	if (!object || !json_equal(object, expected))
		fail_msg("%s: not as expected in: %s", start, text);
	json_decref(object);
	json_decref(expected);
}

static void test_json(void **state)
{
	char *text = report_of(&report_json);

	(void)state;
	assert_line(text, "{\"type\":\"change\",\"at\":\"2026-01-31T12:00:02.623Z",
	            json_pack("{ss ss ss ss ss ss sf si}", "type", "change", "at", "2026-01-31T12:00:02.623Z", "addr",
	                      "192.168.0.101", "from", "up", "to", "down", "reason", "no-arp-reply", "after_s", 2.5,
	                      "round", 2));
	assert_line(text, "{\"type\":\"change\",\"at\":\"2026-01-31T12:00:02.723Z",
	            json_pack("{ss ss ss ss si ss ss ss si si}", "type", "change", "at", "2026-01-31T12:00:02.723Z",
	                      "addr", "192.168.0.100", "proto", "udp", "port", 53, "from", "open", "to", "closed",
	                      "reason", "port-unreach", "rtt_us", 310, "round", 2));
	assert_line(text, "{\"type\":\"round\",\"round\":2",
	            json_pack("{ss si ss si si si si sf sb sb}", "type", "round", "round", 2, "at",
	                      "2026-01-31T12:00:02.123Z", "hosts_up", 1, "hosts_down", 2, "hosts_unknown", 0, "changes",
	                      2, "elapsed_s", 1.25, "late", 1, "sound", 1));
	assert_line(text, "{\"type\":\"uptime\",\"addr\":\"192.168.0.101\"",
	            json_pack("{ss ss ss sf si si si ss}", "type", "uptime", "addr", "192.168.0.101", "state", "down",
	                      "up_percent", 33.333, "rounds", 3, "rounds_up", 1, "changes", 1, "last_change",
	                      "2026-01-31T12:00:02.623Z"));
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_text),
	        cmocka_unit_test(test_json),
	};

	return cmocka_run_group_tests_name("watch_report", tests, NULL, NULL);
}
