/* test_normal.c: the report that a person reads, word by word. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "support/report_fixture.h"

#define START "Starting Nscan 0.1.0 at 2026-01-31 12:00:00 UTC\n\n"

struct stream {
	struct event events[512];
	size_t count;
};

static void add(struct stream *stream, struct event event)
{
	stream->events[stream->count++] = event;
}

static void check(const struct stream *stream, const struct scan_info *info, const struct scan_summary *summary,
                  const char *expected)
{
	char *text = fixture_report(&report_normal, info, stream->events, stream->count, summary);

	assert_string_equal(text, expected);
	free(text);
}

/* A host that refuses most ports; one behind a firewall; three that are not there, one of them by a router's word. */
static void small_network(struct stream *stream)
{
	add(stream, event_up(0));
	add(stream, event_down(1, "no-arp-reply", NULL));
	add(stream, event_done(1));
	add(stream, event_up(3));
	add(stream, event_limit(0, 1, 6));
	for (uint16_t port = 50; port < 80; port++)
		add(stream, event_port(0, port, PORT_CLOSED, "port-unreach"));
	add(stream, event_port(0, 514, PORT_OPEN_FILTERED, "silent-while-refusing"));
	add(stream, event_port(0, 53, PORT_OPEN, "udp-response"));
	add(stream, event_note(0, 53, "conflicting-replies", "refused twice, then answered"));
	add(stream, event_port(0, 69, PORT_OPEN, "udp-response"));
	stream->events[stream->count - 1].u.port.from_port = 32769;
	add(stream, event_port(3, 65535, PORT_FILTERED, "admin-prohibited"));
	stream->events[stream->count - 1].u.port.from = fixture_addr("192.168.0.254");
	add(stream, event_down(2, "host-unreach", "192.168.0.254"));
	add(stream, event_done(2));
	add(stream, event_down(4, "no-arp-reply", NULL));
	add(stream, event_done(4));
	add(stream, event_done(3));
	add(stream, event_done(0));
}

static void test_a_network(void **state)
{
	struct scan_summary summary = fixture_summary(2, 3, 0);
	struct scan_info info = fixture_info();
	struct stream stream = {0};

	(void)state;
	small_network(&stream);
	check(&stream, &info, &summary,
	      START "Nscan report for 192.168.0.100\n"
	            "Host is up (0.11 ms, arp-reply). 02:42:C0:A8:00:64\n"
	            "ICMP errors limited to 1/s, burst 6\n"
	            "PORT      STATE          SERVICE   REASON\n"
	            "53/udp    open           domain    udp-response\n"
	            "69/udp    open           tftp      udp-response (from port 32769)\n"
	            "514/udp   open|filtered  syslog    silent-while-refusing\n"
	            "Not shown: 28 closed (port-unreach)\n"
	            "Note: 53/udp: refused twice, then answered (conflicting-replies)\n"
	            "\n"
	            "Nscan report for 192.168.0.103\n"
	            "Host is up (0.11 ms, arp-reply). 02:42:C0:A8:00:67\n"
	            "PORT       STATE          SERVICE   REASON\n"
	            "65535/udp  filtered       unknown   admin-prohibited from 192.168.0.254\n"
	            "\n"
	            "Inactive: 192.168.0.101-.102, .104 (3 of 5)\n"
	            "  host-unreach from 192.168.0.254: 192.168.0.102 (1)\n"
	            "Nscan done: 5 addresses (2 up, 3 inactive) scanned in 94.10 s\n");
}

/* The line about the path, in every wording. */
static void test_path_mtu(void **state)
{
	static const struct {
		struct mtu_event mtu;
		const char *line; /* NULL: none, unless with -v */
	} cases[] = {
	        {{.path_mtu = 1500, .verified = true, .to_host = FRAGMENTS_PASS, .from_host = FRAGMENTS_PASS},
	         "Path MTU 1500 (as the interface, verified); fragments pass both ways"},
	        {{.path_mtu = 1400, .how = MTU_BY_CLAIM, .from = {4, {192, 168, 0, 254}}, .to_host = FRAGMENTS_PASS},
	         "Path MTU 1400 (fragmentation-needed from 192.168.0.254, not verified); fragments pass towards it"},
	        {{.path_mtu = 1400,
	          .how = MTU_BY_SEARCH,
	          .black_hole = true,
	          .verified = true,
	          .to_host = FRAGMENTS_PASS,
	          .from_host = FRAGMENTS_DROPPED},
	         "Path MTU 1400 (searched: black hole, verified); fragments pass towards it, its own are dropped"},
	        {{.path_mtu = 1500,
	          .how = MTU_BY_SEARCH,
	          .verified = true,
	          .return_mtu = 1333,
	          .to_host = FRAGMENTS_DROPPED},
	         "Path MTU 1500 (searched, verified), 1333 on the way back; fragments towards it are dropped"},
	        {{.interface_mtu = 1500}, NULL},
	};
	struct scan_summary summary = fixture_summary(1, 0, 0);

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct event events[] = {event_up(0), event_mtu(0), event_done(0)};
		struct scan_info info = fixture_info();
		char *text, line[160];

		events[1].u.mtu = cases[i].mtu;
		text = fixture_report(&report_normal, &info, events, 3, &summary);
		if (cases[i].line) {
			snprintf(line, sizeof(line), "\n%s\n", cases[i].line);
			assert_non_null(strstr(text, line));
		} else {
			assert_null(strstr(text, "Path MTU"));
		}
		free(text);
		info.verbose = 1;
		text = fixture_report(&report_normal, &info, events, 3, &summary);
		assert_non_null(strstr(text, cases[i].line ? cases[i].line : "Path MTU not known"));
		free(text);
	}
}

/* -v also tells how it was asked. */
static void test_path_mtu_verbose(void **state)
{
	struct scan_summary summary = fixture_summary(1, 0, 0);
	struct scan_info info = fixture_info();
	struct event events[] = {event_up(0), event_mtu(0), event_done(0)};
	char *text;

	(void)state;
	info.verbose = 1;
	events[1].u.mtu.reversed = FRAGMENTS_PASS;
	events[1].u.mtu.tiny_first = FRAGMENTS_DROPPED;
	events[1].u.mtu.has_reply_df = true;
	text = fixture_report(&report_normal, &info, events, 3, &summary);
	assert_non_null(strstr(text,
	                       "; fragments pass both ways, in reversed order too, with 8 bytes in the first not; its "
	                       "replies allow fragmentation; asked by echo, 5 packets\n"));
	free(text);
}

/* -v tells what is found as it is found, and every reason. */
static void test_verbose(void **state)
{
	struct scan_summary summary = fixture_summary(2, 3, 0);
	struct scan_info info = fixture_info();
	struct stream stream = {0};
	static const char expected[] = START "192.168.0.100 is up (arp-reply)\n"
	                                     "192.168.0.103 is up (arp-reply)\n"
	                                     "Discovered open port 53/udp on 192.168.0.100\n"
	                                     "Discovered open port 69/udp on 192.168.0.100\n"
	                                     "192.168.0.102 is inactive (host-unreach from 192.168.0.254)\n"
	                                     "\n"
	                                     "Nscan report for 192.168.0.100\n";
	char *text;

	(void)state;
	small_network(&stream);
	info.verbose = 1;
	text = fixture_report(&report_normal, &info, stream.events, stream.count, &summary);
	assert_int_equal(strncmp(text, expected, sizeof(expected) - 1), 0);
	assert_non_null(strstr(text, "\n50/udp    closed "));
	assert_null(strstr(text, "Not shown"));
	assert_non_null(strstr(text, "  no-arp-reply: 192.168.0.101, .104 (2)\n"
	                             "  host-unreach from 192.168.0.254: 192.168.0.102 (1)\n"));
	free(text);
}

static void test_open_only(void **state)
{
	struct scan_summary summary = fixture_summary(2, 3, 0);
	struct scan_info info = fixture_info();
	struct stream stream = {0};

	(void)state;
	small_network(&stream);
	info.show_open_only = true;
	check(&stream, &info, &summary,
	      START "Nscan report for 192.168.0.100\n"
	            "Host is up (0.11 ms, arp-reply). 02:42:C0:A8:00:64\n"
	            "ICMP errors limited to 1/s, burst 6\n"
	            "PORT      STATE          SERVICE   REASON\n"
	            "53/udp    open           domain    udp-response\n"
	            "69/udp    open           tftp      udp-response (from port 32769)\n"
	            "514/udp   open|filtered  syslog    silent-while-refusing\n"
	            "Not shown: 28 closed (port-unreach)\n"
	            "Note: 53/udp: refused twice, then answered (conflicting-replies)\n"
	            "\n"
	            "Up, no open port: 192.168.0.103 (1 of 5)\n"
	            "Inactive: 192.168.0.101-.102, .104 (3 of 5)\n"
	            "  host-unreach from 192.168.0.254: 192.168.0.102 (1)\n"
	            "Nscan done: 5 addresses (2 up, 3 inactive) scanned in 94.10 s\n");
}

static void test_hosts_only(void **state)
{
	struct scan_summary summary = fixture_summary(2, 0, 0);
	struct scan_info info = fixture_info();
	struct stream stream = {0};

	(void)state;
	info.ports = NULL;
	add(&stream, event_up(0));
	add(&stream, event_done(0));
	add(&stream, event_up(1));
	stream.events[2].u.host = (struct host_event){.state = HOST_UP, .reason = "user-set"};
	add(&stream, event_done(1));
	check(&stream, &info, &summary,
	      START "Nscan report for 192.168.0.100\n"
	            "Host is up (0.11 ms, arp-reply). 02:42:C0:A8:00:64\n"
	            "Nscan report for 192.168.0.101\n"
	            "Host is up (user-set).\n"
	            "\n"
	            "Nscan done: 2 addresses (2 up, 0 inactive) scanned in 94.10 s\n");
}

static void test_nobody_is_there(void **state)
{
	struct scan_summary summary = fixture_summary(0, 1, 0);
	struct scan_info info = fixture_info();
	struct stream stream = {0};

	(void)state;
	add(&stream, event_down(0, "no-arp-reply", NULL));
	add(&stream, event_done(0));
	check(&stream, &info, &summary,
	      START "Inactive: 192.168.0.100 (1 of 1)\n"
	            "Nscan done: 1 address (0 up, 1 inactive) scanned in 94.10 s\n");
	/* Silence to a ping proves nothing. */
	stream.events[0].u.host.reason = "no-response";
	check(&stream, &info, &summary,
	      START "Inactive: 192.168.0.100 (1 of 1)\n"
	            "No host answered. Hosts that ignore discovery may still answer on their ports: try -Pn\n"
	            "Nscan done: 1 address (0 up, 1 inactive) scanned in 94.10 s\n");
}

static void test_interrupted(void **state)
{
	struct scan_summary summary = fixture_summary(1, 1, 503);
	struct scan_info info = fixture_info();
	struct stream stream = {0};

	(void)state;
	add(&stream, event_up(0));
	add(&stream, event_port(0, 53, PORT_OPEN, "udp-response"));
	for (uint16_t port = 100; port < 140; port++)
		add(&stream, event_port(0, port, PORT_UNKNOWN, "unresolved"));
	add(&stream, event_down(1, "no-arp-reply", NULL)); /* its end does not come */
	add(&stream, event_unknown(2));
	add(&stream, event_unknown(3));
	add(&stream, event_unknown(4));
	add(&stream, event_done(4));
	summary.partial = true;
	summary.partial_why = "interrupted";
	summary.rejected = 1;
	summary.kernel_drops = 12;
	summary.send_errors = 5;
	summary.send_error_text = "the queue is full; try --max-rate";
	summary.note = "10.0.0.9, claimed by --source-ips, was used too";
	check(&stream, &info, &summary,
	      START
	      "Nscan report for 192.168.0.100\n"
	      "Host is up (0.11 ms, arp-reply). 02:42:C0:A8:00:64\n"
	      "PORT      STATE          SERVICE   REASON\n"
	      "53/udp    open           domain    udp-response\n"
	      "Not shown: 40 unknown (unresolved)\n"
	      "Not finished: 100-139\n"
	      "\n"
	      "Inactive: 192.168.0.101 (1 of 505)\n"
	      "Not finished: 192.168.0.102-.104 (3 of 505)\n"
	      "Not begun: 500 addresses\n"
	      "Nscan done: 505 addresses (1 up, 1 inactive, 503 unknown) scanned in 94.10 s\n"
	      "1 reply did not verify and was ignored (forged, late, or altered on the way)\n"
	      "12 frames lost by the capture: the machine was too slow; results may miss answers, try --max-rate\n"
	      "5 send errors: the queue is full; try --max-rate\n"
	      "Note: 10.0.0.9, claimed by --source-ips, was used too\n"
	      "PARTIAL: interrupted; what was not settled by then is unknown\n");
}

/* Ports that keep silent where others are refused are likely open: they are named however many they are. */
static void test_many_in_a_state(void **state)
{
	struct scan_summary summary = fixture_summary(1, 0, 0);
	struct scan_info info = fixture_info();
	struct stream stream = {0};

	(void)state;
	add(&stream, event_up(0));
	for (uint16_t port = 1; port <= 100; port++) {
		bool filtered = port <= 40, silent = port <= 60;

		add(&stream, event_port(0, port, filtered ? PORT_FILTERED : PORT_OPEN_FILTERED,
		                        filtered ? "admin-prohibited"
		                        : silent ? "no-response"
		                                 : "silent-while-refusing"));
		if (filtered)
			stream.events[port].u.port.from = fixture_addr(port == 1 ? "10.0.0.1" : "10.0.0.2");
	}
	add(&stream, event_done(0));
	check(&stream, &info, &summary,
	      START "Nscan report for 192.168.0.100\n"
	            "Host is up (0.11 ms, arp-reply). 02:42:C0:A8:00:64\n"
	            "Not shown: 60 open|filtered (40 silent-while-refusing, 20 no-response), "
	            "40 filtered (admin-prohibited from several)\n"
	            "Silent while refusing others: 61-100\n"
	            "\n"
	            "Nscan done: 1 address (1 up, 0 inactive) scanned in 94.10 s\n");
}

/* Of a host that is not listed the note stands at the end, in the words it was made with. */
static void test_note_at_the_end(void **state)
{
	struct scan_summary summary = fixture_summary(0, 1, 0);
	struct scan_info info = fixture_info();
	struct stream stream = {0};
	char *text;

	(void)state;
	add(&stream, event_down(0, "no-arp-reply", NULL));
	add(&stream, event_note(0, 0, "code", "the host's \"word\""));
	add(&stream, event_done(0));
	text = fixture_report(&report_normal, &info, stream.events, stream.count, &summary);
	assert_non_null(strstr(text, "Note: 192.168.0.100: the host's \"word\" (code)\n"));
	free(text);
}

static void test_hostile_note(void **state)
{
	struct scan_summary summary = fixture_summary(1, 0, 0);
	struct scan_info info = fixture_info();
	struct stream stream = {0};
	char *text;

	(void)state;
	add(&stream, event_up(0));
	summary.note = "\x1b[2J of a record";
	summary.partial = true;
	summary.partial_why = "\x1b[3J too";
	add(&stream, event_note(0, 0, "code", "\x1b]0;pwned\x07"));
	memset(stream.events[1].u.note.text + 20, 'x',
	       sizeof(stream.events[1].u.note.text) - 20); /* no NUL at its end */
	text = fixture_report(&report_normal, &info, stream.events, stream.count, &summary);
	assert_non_null(strstr(text, "Note: \\x1b]0;pwned\\x07 (code)\n"));
	assert_non_null(strstr(text, "Note: \\x1b[2J of a record\n"));
	assert_non_null(strstr(text, "PARTIAL: \\x1b[3J too; "));
	assert_null(strchr(text, '\x1b'));
	free(text);
	text = fixture_report(&report_grepable, &info, stream.events, stream.count, &summary);
	assert_null(strchr(text, '\x1b'));
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_path_mtu),        cmocka_unit_test(test_path_mtu_verbose),
	        cmocka_unit_test(test_a_network),       cmocka_unit_test(test_verbose),
	        cmocka_unit_test(test_open_only),       cmocka_unit_test(test_hosts_only),
	        cmocka_unit_test(test_nobody_is_there), cmocka_unit_test(test_interrupted),
	        cmocka_unit_test(test_many_in_a_state), cmocka_unit_test(test_hostile_note),
	        cmocka_unit_test(test_note_at_the_end),
	};

	return cmocka_run_group_tests_name("normal", tests, NULL, NULL);
}
