/* test_json.c: each line is one JSON object with exactly the promised keys, there as soon as it is known. */
#include <jansson.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "support/report_fixture.h"

/* Line `n` of the text, parsed. */
static json_t *line(const char *text, size_t n)
{
	json_t *object;

	for (; n > 0; n--) {
		text = strchr(text, '\n');
		assert_non_null(text);
		text++;
	}
	object = json_loadb(text, strcspn(text, "\n"), JSON_REJECT_DUPLICATES, NULL);
	assert_non_null(object);
	return object;
}

static void assert_line(const char *text, size_t n, json_t *expected)
{
	json_t *object = line(text, n);
	char *dump = json_dumps(object, JSON_SORT_KEYS);

	assert_non_null(expected);
	if (!json_equal(object, expected))
		fail_msg("line %zu: %s", n, dump);
	free(dump);
	json_decref(object);
	json_decref(expected);
}

static void test_every_line(void **state)
{
	struct scan_summary summary = fixture_summary(1, 1, 1);
	struct scan_info info = fixture_info();
	struct event events[] = {
	        event_up(0),
	        event_down(1, "host-unreach", "192.168.0.254"),
	        event_unknown(2),
	        event_port(0, 53, PORT_OPEN, "udp-response"),
	        event_port(0, 60001, PORT_OPEN_FILTERED, "no-response"),
	        event_port(0, 60002, PORT_FILTERED, "admin-prohibited"),
	        event_limit(0, 1, 6),
	        event_limit(0, 1000.5, 0),
	        event_note(0, 53, "conflicting-replies", "text"),
	        event_note(0, 0, "nat", "text"),
	        event_done(0),
	};
	char *text;

	(void)state;
	events[0].u.host.has_ttl = true;
	events[0].u.host.ttl = 64;
	events[3].u.port.from_port = 32769;
	events[5].u.port.from = fixture_addr("192.168.0.254");
	text = fixture_report(&report_json, &info, events, sizeof(events) / sizeof(events[0]), &summary);
	assert_line(text, 0,
	            json_pack("{ss ss s[sss] ss ss ss si}", "type", "scan", "version", "0.1.0", "args", "nscan", "-sU",
	                      "192.168.0.100-200", "start", "2026-01-31T12:00:00.123Z", "interface", "eth0", "source",
	                      "192.168.0.1", "seed", 1));
	assert_line(text, 1,
	            json_pack("{ss ss ss ss si si ss}", "type", "host", "addr", "192.168.0.100", "state", "up",
	                      "reason", "arp-reply", "rtt_us", 112, "ttl", 64, "mac", "02:42:C0:A8:00:64"));
	assert_line(text, 2,
	            json_pack("{ss ss ss ss ss}", "type", "host", "addr", "192.168.0.101", "state", "down", "reason",
	                      "host-unreach", "from", "192.168.0.254"));
	assert_line(text, 3,
	            json_pack("{ss ss ss ss}", "type", "host", "addr", "192.168.0.102", "state", "unknown", "reason",
	                      "unresolved"));
	assert_line(text, 4,
	            json_pack("{ss ss ss si ss ss si ss si si si}", "type", "port", "addr", "192.168.0.100", "proto",
	                      "udp", "port", 53, "state", "open", "reason", "udp-response", "from_port", 32769,
	                      "service", "domain", "rtt_us", 310, "ttl", 64, "probes", 1));
	assert_line(text, 5,
	            json_pack("{ss ss ss si ss ss si}", "type", "port", "addr", "192.168.0.100", "proto", "udp", "port",
	                      60001, "state", "open|filtered", "reason", "no-response", "probes", 1));
	assert_line(text, 6,
	            json_pack("{ss ss ss si ss ss ss si}", "type", "port", "addr", "192.168.0.100", "proto", "udp",
	                      "port", 60002, "state", "filtered", "reason", "admin-prohibited", "from", "192.168.0.254",
	                      "probes", 1));
	assert_line(
	        text, 7,
	        json_pack("{ss ss sf si}", "type", "limit", "addr", "192.168.0.100", "icmp_per_s", 1.0, "burst", 6));
	assert_line(text, 8, json_pack("{ss ss sf}", "type", "limit", "addr", "192.168.0.100", "icmp_per_s", 1000.5));
	assert_line(text, 9,
	            json_pack("{ss ss si ss ss}", "type", "note", "addr", "192.168.0.100", "port", 53, "code",
	                      "conflicting-replies", "text", "text"));
	assert_line(text, 10,
	            json_pack("{ss ss ss ss}", "type", "note", "addr", "192.168.0.100", "code", "nat", "text", "text"));
	assert_line(text, 11,
	            json_pack("{ss si si si sf si si si si si sb}", "type", "summary", "hosts_up", 1, "hosts_down", 1,
	                      "hosts_unknown", 1, "elapsed_s", 94.1, "sent", 4242, "received", 4100, "rejected", 0,
	                      "send_errors", 0, "kernel_drops", 0, "partial", 0));
	free(text);
}

static void test_what_does_not_apply_is_absent(void **state)
{
	struct scan_summary summary = fixture_summary(0, 0, 0);
	struct scan_info info = fixture_info();
	char *text;

	(void)state;
	info.interface = NULL;
	info.source = (struct addr){0};
	info.argc = 0;
	summary.partial = true;
	summary.partial_why = "max-time";
	summary.note = "10.0.0.9, claimed by --source-ips, was used too";
	text = fixture_report(&report_json, &info, NULL, 0, &summary);
	assert_line(text, 0,
	            json_pack("{ss ss s[] ss si}", "type", "scan", "version", "0.1.0", "args", "start",
	                      "2026-01-31T12:00:00.123Z", "seed", 1));
	assert_line(text, 1,
	            json_pack("{ss si si si sf si si si si si sb ss ss}", "type", "summary", "hosts_up", 0,
	                      "hosts_down", 0, "hosts_unknown", 0, "elapsed_s", 94.1, "sent", 4242, "received", 4100,
	                      "rejected", 0, "send_errors", 0, "kernel_drops", 0, "partial", 1, "why", "max-time",
	                      "note", "10.0.0.9, claimed by --source-ips, was used too"));
	assert_null(strstr(text, "null"));
	free(text);
}

static void test_hostile_arguments(void **state)
{
	char quotes[] = "a\"b\\c", control[] = "\x1b[31m\n\t\x7f", latin[] = "\xff\xe9",
	     euro[] = "\xe2\x82\xac\xf0\x9f\x98\x80";
	char bidi[] = "\xe2\x80\xae", plane[] = "\xf0\x9f\xbf\xbf";
	char *const argv[] = {quotes, control, latin, euro, bidi, plane, NULL};
	static const char *const expected[] = {
	        "a\"b\\c",      "\x1b[31m\n\t\x7f", "\\xff\\xe9", "\xe2\x82\xac\xf0\x9f\x98\x80",
	        "\xe2\x80\xae", "\xf0\x9f\xbf\xbf",
	};
	struct scan_summary summary = fixture_summary(0, 0, 0);
	struct scan_info info = fixture_info();
	json_t *object;
	char *text;

	(void)state;
	info.argc = 6;
	info.argv = argv;
	text = fixture_report(&report_json, &info, NULL, 0, &summary);
	assert_null(strchr(text, '\x1b'));
	assert_null(strchr(text, '\x7f'));
	object = line(text, 0);
	for (size_t i = 0; i < 6; i++)
		assert_string_equal(json_string_value(json_array_get(json_object_get(object, "args"), i)), expected[i]);
	json_decref(object);
	free(text);
}

/* A limit that is no number must not become a line that is no JSON. */
static void test_absurd_limits(void **state)
{
	static const double rates[] = {0, -1, 1e300, 1.0 / 0.0, -1.0 / 0.0, 0.0 / 0.0};
	struct scan_summary summary = fixture_summary(0, 0, 0);
	struct scan_info info = fixture_info();

	(void)state;
	for (size_t i = 0; i < sizeof(rates) / sizeof(rates[0]); i++) {
		struct event event = event_limit(0, rates[i], 1);
		char *text = fixture_report(&report_json, &info, &event, 1, &summary);

		assert_line(text, 1,
		            json_pack("{ss ss sf si}", "type", "limit", "addr", "192.168.0.100", "icmp_per_s", 0.0,
		                      "burst", 1));
		free(text);
	}
}

static void test_path_mtu(void **state)
{
	struct scan_summary summary = fixture_summary(1, 0, 0);
	struct scan_info info = fixture_info();
	struct event events[] = {event_mtu(0), event_mtu(1), event_mtu(2)};
	struct mtu_event *mtu = &events[1].u.mtu;
	char *text;

	(void)state;
	*mtu = (struct mtu_event){.interface_mtu = 9000, .probes = 4}; /* nothing is known */
	mtu = &events[2].u.mtu;
	mtu->how = MTU_BY_SEARCH;
	mtu->from = (struct addr){0};
	mtu->black_hole = mtu->has_reply_df = true;
	mtu->return_mtu = 1333;
	mtu->host_mtu = 9000;
	mtu->from_host = FRAGMENTS_DROPPED;
	mtu->reversed = FRAGMENTS_PASS;
	mtu->tiny_first = FRAGMENTS_DROPPED;
	text = fixture_report(&report_json, &info, events, 3, &summary);
	assert_line(text, 1,
	            json_pack("{ss ss si ss ss sb si sb ss ss ss si}", "type", "mtu", "addr", "192.168.0.100",
	                      "path_mtu", 1400, "how", "frag-needed", "from", "192.168.0.254", "verified", 1,
	                      "interface_mtu", 1500, "black_hole", 0, "fragments_to_host", "pass",
	                      "fragments_from_host", "pass", "method", "echo", "probes", 5));
	assert_line(text, 2,
	            json_pack("{ss ss si ss ss si}", "type", "mtu", "addr", "192.168.0.101", "interface_mtu", 9000,
	                      "fragments_to_host", "unknown", "fragments_from_host", "unknown", "probes", 4));
	assert_line(text, 3,
	            json_pack("{ss ss si ss sb si sb si si ss ss ss ss sb ss si}", "type", "mtu", "addr",
	                      "192.168.0.102", "path_mtu", 1400, "how", "search", "verified", 1, "interface_mtu", 1500,
	                      "black_hole", 1, "return_mtu", 1333, "host_mtu", 9000, "fragments_to_host", "pass",
	                      "fragments_from_host", "dropped", "fragments_reversed", "pass", "fragments_tiny_first",
	                      "dropped", "reply_df", 0, "method", "echo", "probes", 5));
	free(text);
}

static void test_lines_are_there_at_once(void **state)
{
	char *folder = fixture_folder(), path[128], *text;
	struct scan_info info = fixture_info();
	struct event event = event_up(0);
	struct reports *reports;
	struct err err;

	(void)state;
	snprintf(path, sizeof(path), "%s/report", folder);
	reports = reports_new(&info, &err);
	assert_non_null(reports);
	assert_true(reports_add(reports, &report_json, path, false, &err));
	reports_begin(reports);
	text = fixture_read(path);
	json_decref(line(text, 0));
	free(text);
	reports_event(reports, &event);
	reports_flush(reports); /* as the scan does after each batch of events */
	text = fixture_read(path);
	json_decref(line(text, 1));
	free(text);
	reports_free(reports);
	fixture_remove(folder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_every_line),        cmocka_unit_test(test_what_does_not_apply_is_absent),
	        cmocka_unit_test(test_hostile_arguments), cmocka_unit_test(test_absurd_limits),
	        cmocka_unit_test(test_path_mtu),          cmocka_unit_test(test_lines_are_there_at_once),
	};

	return cmocka_run_group_tests_name("json", tests, NULL, NULL);
}
