/* test_reading.c: what an open port said, in every format: the line, the fields, and bytes that nobody vouches for. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>
#include <libxml/parser.h>

#include "support/report_fixture.h"

enum { EVENTS = 6 };

/* A host with a name server, one with a port whose answer nobody knows, and a hostile one. */
struct stream {
	struct event events[EVENTS];
	struct service_reading dns, unknown, hostile;
};

static void make_stream(struct stream *s)
{
	memset(s, 0, sizeof(*s));
	s->dns = (struct service_reading){.service = "domain",
	                                  .product = "dnsmasq",
	                                  .version = "2.90",
	                                  .info = "dnsmasq-2.90, recursion offered"};
	service_add_detail(&s->dns, "recursion", "offered");
	s->unknown = (struct service_reading){.info = "3 bytes: 01 02 03"};
	s->hostile = (struct service_reading){
	        .service = "sip", .product = "a\"b<c>&\x1b]0;x", .info = "x\x1b[2J/y, \xff\xfe \xe2\x80\xae<script>"};
	service_add_detail(&s->hostile, "server", "]]>\"\\\x01");
	s->events[0] = event_up(0);
	s->events[1] = event_port(0, 53, PORT_OPEN, "udp-response");
	s->events[1].u.port.reading = &s->dns;
	s->events[2] = event_port(0, 99, PORT_OPEN, "udp-response");
	s->events[2].u.port.reading = &s->unknown;
	s->events[3] = event_port(0, 161, PORT_OPEN, "udp-response");
	s->events[3].u.port.reading = &s->hostile;
	s->events[4] = event_port(0, 7, PORT_CLOSED, "port-unreach");
	s->events[5] = event_done(0);
}

static char *report(const struct report_format *format, struct stream *s, int verbose)
{
	struct scan_info info = fixture_info();
	struct scan_summary summary = fixture_summary(1, 0, 0);

	info.verbose = verbose;
	return fixture_report(format, &info, s->events, EVENTS, &summary);
}

static void assert_holds(const char *text, const char *part)
{
	if (!strstr(text, part))
		fail_msg("\"%s\" is not in\n%s", part, text);
}

static void assert_harmless(const char *text)
{
	for (; *text; text++)
		assert_true((uint8_t)*text >= ' ' || *text == '\n' || *text == '\t');
}

static void test_normal(void **state)
{
	struct stream s;
	char *text;

	(void)state;
	make_stream(&s);
	text = report(&report_normal, &s, 0);
	assert_holds(text, "PORT      STATE          SERVICE   REASON        INFO\n");
	assert_holds(text, "7/udp     closed         echo      port-unreach\n");
	assert_holds(text, "53/udp    open           domain    udp-response  dnsmasq-2.90, recursion offered\n");
	assert_holds(text, "99/udp    open           unknown   udp-response  3 bytes: 01 02 03\n");
	assert_holds(
	        text,
	        "161/udp   open           sip       udp-response  x\\x1b[2J/y, \\xff\\xfe \\xe2\\x80\\xae<script>\n");
	assert_harmless(text);
	free(text);
}

/* The table stays readable; -v says all. */
static void test_long_line(void **state)
{
	struct stream s;
	char *text;

	(void)state;
	make_stream(&s);
	memset(s.dns.info, 'i', 100);
	s.dns.info[100] = 0;
	text = report(&report_normal, &s, 0);
	assert_holds(text, "  iiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiii...\n");
	free(text);
	text = report(&report_normal, &s, 1);
	assert_holds(text, s.dns.info);
	free(text);
}

/* -v: an open port is told at once, and again only when more is known. */
static void test_news(void **state)
{
	struct stream s;
	char *text;

	(void)state;
	make_stream(&s);
	text = report(&report_normal, &s, 1);
	assert_holds(text, "Discovered open port 53/udp on 192.168.0.100: domain, dnsmasq-2.90, recursion offered\n");
	free(text);
	s.events[2] = s.events[1];
	s.events[2].u.port.more_known = true;
	text = report(&report_normal, &s, 1);
	assert_holds(text, "More about 53/udp on 192.168.0.100: domain, dnsmasq");
	free(text);
}

static void test_json(void **state)
{
	struct stream s;
	char *text, *line, *rest;
	json_t *ports[65536 / 256] = {NULL};

	(void)state;
	make_stream(&s);
	text = report(&report_json, &s, 0);
	for (line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
		json_t *object = json_loads(line, 0, NULL);

		assert_non_null(object);
		if (strcmp(json_string_value(json_object_get(object, "type")), "port") == 0)
			ports[json_integer_value(json_object_get(object, "port"))] = object;
		else
			json_decref(object);
	}
	assert_string_equal(json_string_value(json_object_get(ports[53], "service")), "domain");
	assert_string_equal(json_string_value(json_object_get(ports[53], "method")), "probed");
	assert_string_equal(json_string_value(json_object_get(ports[53], "product")), "dnsmasq");
	assert_string_equal(json_string_value(json_object_get(ports[53], "version")), "2.90");
	assert_string_equal(json_string_value(json_object_get(json_object_get(ports[53], "details"), "recursion")),
	                    "offered");
	/* Fields that do not apply are absent. */
	assert_null(json_object_get(ports[99], "service"));
	assert_null(json_object_get(ports[99], "method"));
	assert_null(json_object_get(ports[99], "product"));
	assert_null(json_object_get(ports[99], "details"));
	assert_string_equal(json_string_value(json_object_get(ports[99], "info")), "3 bytes: 01 02 03");
	assert_null(json_object_get(ports[7], "info"));
	assert_string_equal(json_string_value(json_object_get(ports[7], "service")), "echo");
	assert_string_equal(json_string_value(json_object_get(json_object_get(ports[161], "details"), "server")),
	                    "]]>\"\\\x01");
	for (size_t i = 0; i < sizeof(ports) / sizeof(ports[0]); i++)
		json_decref(ports[i]);
	free(text);
}

static void test_xml(void **state)
{
	struct stream s;
	char *text;
	xmlDocPtr doc;

	(void)state;
	make_stream(&s);
	text = report(&report_xml, &s, 0);
	assert_holds(text, "<service name=\"domain\" product=\"dnsmasq\" version=\"2.90\" extrainfo=\"dnsmasq-2.90, "
	                   "recursion offered\" "
	                   "method=\"probed\" conf=\"10\"/>");
	assert_holds(text, "<script id=\"service\" output=\"dnsmasq-2.90, recursion offered\">");
	assert_holds(text, "<elem key=\"recursion\">offered</elem>");
	assert_holds(text, "<service name=\"echo\" method=\"table\" conf=\"3\"/>");
	assert_holds(text, "product=\"a&quot;b&lt;c&gt;&amp;\\x1b]0;x\"");
	assert_holds(text, "<elem key=\"server\">]]&gt;&quot;\\\\x01</elem>");
	doc = xmlReadMemory(text, (int)strlen(text), "report.xml", NULL, XML_PARSE_NONET);
	assert_non_null(doc);
	xmlFreeDoc(doc);
	free(text);
}

/* A slash and a comma part fields and ports: the version must hold none. */
static void test_grepable(void **state)
{
	struct stream s;
	char *text;

	(void)state;
	make_stream(&s);
	text = report(&report_grepable, &s, 0);
	assert_holds(text, "Ports: 7/closed/udp//echo///, 53/open/udp//domain//dnsmasq-2.90; recursion offered/, "
	                   "99/open/udp////3 bytes: 01 02 03/, 161/open/udp//sip//x\\x1b[2J|y; ");
	assert_harmless(text);
	free(text);
}

/* The last word on a port holds. */
static void test_replaced(void **state)
{
	struct stream s;
	char *text;

	(void)state;
	make_stream(&s);
	s.events[4] = s.events[1];
	s.events[4].u.port.reading = &s.unknown;
	text = report(&report_grepable, &s, 0);
	assert_holds(text, "Ports: 53/open/udp//domain//3 bytes: 01 02 03/, 99/");
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_normal),   cmocka_unit_test(test_long_line), cmocka_unit_test(test_news),
	        cmocka_unit_test(test_json),     cmocka_unit_test(test_xml),       cmocka_unit_test(test_grepable),
	        cmocka_unit_test(test_replaced),
	};

	return cmocka_run_group_tests_name("reading", tests, NULL, NULL);
}
