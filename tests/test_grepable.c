/* test_grepable.c: nmap's grepable lines. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "support/report_fixture.h"

#define HEAD "# Nscan 0.1.0 scan initiated Sat Jan 31 12:00:00 2026 as: nscan -sU 192.168.0.100-200\n"

static void check(const struct event *events, size_t count, const struct scan_info *info,
                  const struct scan_summary *summary, const char *expected)
{
	char *text = fixture_report(&report_grepable, info, events, count, summary);

	assert_string_equal(text, expected);
	free(text);
}

static void test_hosts_and_ports(void **state)
{
	struct scan_summary summary = fixture_summary(2, 1, 0);
	struct scan_info info = fixture_info();
	struct event events[80];
	size_t count = 0;

	(void)state;
	events[count++] = event_up(0);
	events[count++] = event_port(0, 53, PORT_OPEN, "udp-response");
	events[count++] = event_port(0, 514, PORT_OPEN_FILTERED, "silent-while-refusing");
	for (uint16_t port = 1000; port < 1030; port++)
		events[count++] = event_port(0, port, PORT_CLOSED, "port-unreach");
	for (uint16_t port = 1030; port < 1057; port++)
		events[count++] = event_port(0, port, PORT_FILTERED, "admin-prohibited");
	events[count++] = event_up(2);
	events[count++] = event_mtu(2);
	events[count++] = event_done(2);
	events[count++] = event_down(1, "no-arp-reply", NULL);
	events[count++] = event_done(1);
	events[count++] = event_done(0);
	check(events, count, &info, &summary,
	      HEAD
	      "Host: 192.168.0.100 ()\tStatus: Up\n"
	      "Host: 192.168.0.100 ()\tPorts: 53/open/udp//domain///, 514/open|filtered/udp//syslog///"
	      "\tIgnored State: closed (30), filtered (27)\n"
	      "Host: 192.168.0.101 ()\tStatus: Down\n"
	      "Host: 192.168.0.102 ()\tStatus: Up\tPath MTU: 1400\n"
	      "# Nscan done at Sat Jan 31 12:01:34 2026 -- 3 IP addresses (2 hosts up) scanned in 94.10 seconds\n");
}

static void test_everything_ignored(void **state)
{
	struct scan_summary summary = fixture_summary(1, 0, 0);
	struct scan_info info = fixture_info();
	struct event events[] = {event_up(0), event_port(0, 9, PORT_CLOSED, "port-unreach"), event_done(0)};

	(void)state;
	info.show_open_only = true;
	check(events, 3, &info, &summary,
	      HEAD "Host: 192.168.0.100 ()\tStatus: Up\n"
	           "Host: 192.168.0.100 ()\tPorts: \tIgnored State: closed (1)\n"
	           "# Nscan done at Sat Jan 31 12:01:34 2026 -- 1 IP address (1 host up) scanned in 94.10 seconds\n");
}

/* Interrupted: what was not settled is listed, however much it is. */
static void test_interrupted(void **state)
{
	struct scan_summary summary = fixture_summary(1, 0, 1);
	struct scan_info info = fixture_info();
	struct event events[50];
	size_t count = 0, listed = 0;
	char *text;

	(void)state;
	events[count++] = event_up(0);
	for (uint16_t port = 1; port <= 40; port++)
		events[count++] = event_port(0, port, PORT_UNKNOWN, "unresolved");
	events[count++] = event_unknown(1);
	summary.partial = true;
	text = fixture_report(&report_grepable, &info, events, count, &summary);
	for (const char *p = text; (p = strstr(p, "/unknown/udp//")); p++)
		listed++;
	assert_int_equal(listed, 40);
	assert_non_null(
	        strstr(text, "\nHost: 192.168.0.101 ()\tStatus: Unknown\n# PARTIAL: interrupted\n# Nscan done at "));
	free(text);
}

static void test_verbose_names_the_ports_asked(void **state)
{
	struct scan_summary summary = fixture_summary(0, 0, 0);
	struct scan_info info = fixture_info();

	(void)state;
	info.verbose = 1;
	check(NULL, 0, &info, &summary,
	      HEAD
	      "# Ports scanned: TCP(0;) UDP(100;1-100) SCTP(0;) PROTOCOLS(0;)\n"
	      "# Nscan done at Sat Jan 31 12:01:34 2026 -- 0 IP addresses (0 hosts up) scanned in 94.10 seconds\n");
}

static void test_hostile_arguments(void **state)
{
	char hostile[] = "\n# Nscan done\x1b[0m";
	char *const argv[] = {hostile, NULL};
	struct scan_summary summary = fixture_summary(0, 0, 0);
	struct scan_info info = fixture_info();
	char *text;

	(void)state;
	info.argc = 1;
	info.argv = argv;
	text = fixture_report(&report_grepable, &info, NULL, 0, &summary);
	assert_non_null(strstr(text, " as: \\x0a# Nscan done\\x1b[0m\n"));
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_hosts_and_ports),   cmocka_unit_test(test_everything_ignored),
	        cmocka_unit_test(test_interrupted),       cmocka_unit_test(test_verbose_names_the_ports_asked),
	        cmocka_unit_test(test_hostile_arguments),
	};

	return cmocka_run_group_tests_name("grepable", tests, NULL, NULL);
}
