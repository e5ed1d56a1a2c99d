/* test_xml.c: the XML is valid against nmap's DTD whatever happened, and says what was found. */
#include <libxml/parser.h>
#include <libxml/valid.h>
#include <libxml/xpath.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "support/report_fixture.h"

#define NMAP_DTD "/usr/share/nmap/nmap.dtd"
#define TEXT(s)  ((const xmlChar *)(s))

/* The report, parsed; validated where the DTD is at hand. */
static xmlDocPtr report_of(const struct event *events, size_t count, const struct scan_info *info,
                           const struct scan_summary *summary)
{
	char *text = fixture_report(&report_xml, info, events, count, summary);
	xmlDocPtr document = xmlReadMemory(text, (int)strlen(text), "report.xml", NULL, XML_PARSE_NONET);

	assert_non_null(document);
	free(text);
	if (access(NMAP_DTD, R_OK) == 0) {
		xmlDtdPtr dtd = xmlParseDTD(NULL, TEXT(NMAP_DTD));
		xmlValidCtxtPtr context = xmlNewValidCtxt();

		assert_true(dtd && context);
		assert_int_equal(xmlValidateDtd(context, document, dtd), 1);
		xmlFreeValidCtxt(context);
		xmlFreeDtd(dtd);
	}
	return document;
}

/* What an XPath expression gives, as a string. */
static void assert_xpath(xmlDocPtr document, const char *path, const char *expected)
{
	xmlXPathContextPtr context = xmlXPathNewContext(document);
	xmlXPathObjectPtr found = xmlXPathEvalExpression(TEXT(path), context);
	xmlChar *value = xmlXPathCastToString(found);

	if (strcmp((const char *)value, expected) != 0)
		fail_msg("%s is '%s', not '%s'", path, (const char *)value, expected);
	xmlFree(value);
	xmlXPathFreeObject(found);
	xmlXPathFreeContext(context);
}

static void test_the_dtd_is_at_hand(void **state)
{
	(void)state;
	if (access(NMAP_DTD, R_OK) != 0)
		skip(); /* without it the other tests parse but do not validate */
}

static void test_a_network(void **state)
{
	struct scan_summary summary = fixture_summary(2, 1, 0);
	struct scan_info info = fixture_info();
	struct event events[80];
	xmlDocPtr document;
	size_t count = 0;

	(void)state;
	events[count++] = event_up(0);
	events[count++] = event_port(0, 514, PORT_FILTERED, "admin-prohibited");
	events[1].u.port.from = fixture_addr("192.168.0.254");
	events[count++] = event_port(0, 53, PORT_OPEN, "udp-response");
	for (uint16_t port = 60; port < 90; port++)
		events[count++] = event_port(0, port, PORT_CLOSED, "port-unreach");
	events[count++] = event_port(0, 100, PORT_CLOSED, "reason<&\">");
	events[count++] = event_note(0, 53, "conflicting-replies", "text");
	events[count++] = event_limit(0, 1, 6);
	events[count++] = event_mtu(0);
	events[count++] = event_down(1, "host-unreach", "192.168.0.254");
	events[count++] = event_done(1);
	events[count++] = event_done(0);
	events[count++] = event_up(2);
	events[count - 1].u.host =
	        (struct host_event){.state = HOST_UP, .reason = "echo-reply", .has_ttl = true, .ttl = 63};
	events[count++] = event_done(2);
	document = report_of(events, count, &info, &summary);
	assert_xpath(document, "/nmaprun/@args", "nscan -sU 192.168.0.100-200");
	assert_xpath(document, "/nmaprun/@start", "1769860800");
	assert_xpath(document, "/nmaprun/@startstr", "Sat Jan 31 12:00:00 2026");
	assert_xpath(document, "/nmaprun/scaninfo/@numservices", "100");
	assert_xpath(document, "/nmaprun/scaninfo/@services", "1-100");
	assert_xpath(document, "//host[1]/@starttime", "1769860801");
	assert_xpath(document, "//host[1]/@endtime", "1769860860");
	assert_xpath(document, "//host[1]/status/@reason", "arp-reply");
	assert_xpath(document, "//host[1]/address[1]/@addr", "192.168.0.100");
	assert_xpath(document, "//host[1]/address[@addrtype='mac']/@addr", "02:42:C0:A8:00:64");
	assert_xpath(document, "count(//host[1]//port)", "2");
	assert_xpath(document, "//host[1]//port[1]/@portid", "53");
	assert_xpath(document, "//host[1]//port[1]/state/@state", "open");
	assert_xpath(document, "//host[1]//port[1]/state/@reason_ttl", "64");
	assert_xpath(document, "count(//host[1]//port[1]/state/@reason_ip)", "0");
	assert_xpath(document, "//host[1]//port[1]/service/@name", "domain");
	assert_xpath(document, "//host[1]//port[2]/state/@reason", "admin-prohibited");
	assert_xpath(document, "//host[1]//port[2]/state/@reason_ip", "192.168.0.254");
	assert_xpath(document, "//host[1]//extraports/@count", "31");
	assert_xpath(document, "//host[1]//extrareasons[1]/@ports", "60-89");
	assert_xpath(document, "//host[1]//extrareasons[2]/@reason", "reason<&\">");
	assert_xpath(document, "//host[1]/hostscript/script/@id", "path-mtu");
	assert_xpath(document, "//host[1]/hostscript/script/@output",
	             "Path MTU 1400 (fragmentation-needed from 192.168.0.254, verified); fragments pass both ways");
	assert_xpath(document, "//host[1]//script/elem[@key='path_mtu']", "1400");
	assert_xpath(document, "//host[1]//script/elem[@key='from']", "192.168.0.254");
	assert_xpath(document, "//host[1]//script/elem[@key='fragments_from_host']", "pass");
	assert_xpath(document, "count(//host[3]/hostscript)", "0");
	assert_xpath(document, "//host[1]/times/@srtt", "112");
	assert_xpath(document, "//host[1]/times/@to", "100000");
	assert_xpath(document, "//host[2]/status/@state", "down");
	assert_xpath(document, "//host[2]/status/@reason", "host-unreach");
	assert_xpath(document, "//host[2]/address/@addr", "192.168.0.101");
	assert_xpath(document, "//host[3]/status/@reason_ttl", "63");
	assert_xpath(document, "count(//host[3]/times)", "0");
	assert_xpath(document, "count(//host)", "3");
	assert_xpath(document, "//finished/@exit", "success");
	assert_xpath(document, "//finished/@elapsed", "94.10");
	assert_xpath(document, "//finished/@time", "1769860894");
	assert_xpath(document, "//runstats/hosts/@up", "2");
	assert_xpath(document, "//runstats/hosts/@down", "1");
	assert_xpath(document, "//runstats/hosts/@total", "3");
	xmlFreeDoc(document);
}

static void test_hosts_only(void **state)
{
	const struct event events[] = {event_up(0), event_done(0)};
	struct scan_summary summary = fixture_summary(1, 0, 0);
	struct scan_info info = fixture_info();
	xmlDocPtr document;

	(void)state;
	info.ports = NULL;
	document = report_of(events, 2, &info, &summary);
	assert_xpath(document, "count(//scaninfo)", "0");
	assert_xpath(document, "count(//ports)", "0");
	assert_xpath(document, "count(//host)", "1");
	xmlFreeDoc(document);
}

static void test_nobody_is_there(void **state)
{
	struct scan_summary summary = fixture_summary(0, 100, 0);
	struct scan_info info = fixture_info();
	struct event events[200];
	xmlDocPtr document;

	(void)state;
	for (uint64_t i = 0; i < 100; i++) {
		events[2 * i] = event_down(i, "no-arp-reply", NULL);
		events[2 * i + 1] = event_done(i);
	}
	document = report_of(events, 200, &info, &summary);
	assert_xpath(document, "count(//host[status/@state='down'])", "100");
	assert_xpath(document, "count(//host/@starttime)", "0");
	xmlFreeDoc(document);
	document = report_of(NULL, 0, &info, &summary);
	assert_xpath(document, "count(//host)", "0");
	xmlFreeDoc(document);
}

static void test_interrupted(void **state)
{
	struct scan_summary summary = fixture_summary(1, 0, 2);
	struct scan_info info = fixture_info();
	struct event events[100];
	xmlDocPtr document;
	size_t count = 0;

	(void)state;
	events[count++] = event_up(0);
	events[count++] = event_port(0, 200, PORT_CLOSED, "port-unreach");
	for (uint16_t port = 1; port <= 40; port++)
		events[count++] = event_port(0, port, PORT_UNKNOWN, "unresolved");
	events[count++] = event_up(2);
	events[count++] = event_port(2, 7, PORT_UNKNOWN, "unresolved");
	events[count++] = event_unknown(1);
	summary.partial = true;
	summary.partial_why = "time ran out";
	document = report_of(events, count, &info, &summary);
	assert_xpath(document, "//host[1]//extraports/@state", "unknown");
	assert_xpath(document, "//host[1]//extrareasons/@ports", "1-40");
	assert_xpath(document, "//host[1]//port/@portid", "200");
	assert_xpath(document, "//host[2]/status/@state", "unknown");
	assert_xpath(document, "//host[3]//port/state/@state", "unknown");
	assert_xpath(document, "//finished/@exit", "error");
	assert_xpath(document, "//finished/@errormsg", "time ran out");
	xmlFreeDoc(document);
}

/* Why a record ends may hold anything. */
static void test_hostile_end(void **state)
{
	struct scan_summary summary = fixture_summary(0, 0, 0);
	struct scan_info info = fixture_info();
	xmlDocPtr document;

	(void)state;
	summary.partial = true;
	summary.partial_why = "a\x1b[2Jb";
	document = report_of(NULL, 0, &info, &summary);
	assert_xpath(document, "//finished/@errormsg", "a\\x1b[2Jb");
	xmlFreeDoc(document);
}

/* A capture may tell of ports and not whether their host is up. */
static void test_ports_of_an_unknown_host(void **state)
{
	struct scan_summary summary = fixture_summary(0, 0, 1);
	struct scan_info info = fixture_info();
	struct event events[] = {event_port(0, 53, PORT_OPEN_FILTERED, "no-response"), event_unknown(0), event_done(0)};
	xmlDocPtr document;

	(void)state;
	info.from_capture = true;
	document = report_of(events, 3, &info, &summary);
	assert_xpath(document, "//host/status/@state", "unknown");
	assert_xpath(document, "//host//port[@portid='53']/state/@state", "open|filtered");
	xmlFreeDoc(document);
}

static void test_hostile_arguments(void **state)
{
	char markup[] = "--data-string=<a b='\"&amp;'>", control[] = "\x01\x1b[31m\n", latin[] = "\xff",
	     bare[] = "\xef\xbf\xbf--";
	char *const argv[] = {markup, control, latin, bare, NULL};
	struct scan_summary summary = fixture_summary(0, 0, 0);
	struct scan_info info = fixture_info();
	xmlDocPtr document;

	(void)state;
	info.argc = 4;
	info.argv = argv;
	document = report_of(NULL, 0, &info, &summary);
	assert_xpath(document, "/nmaprun/@args",
	             "--data-string=<a b='\"&amp;'> \\x01\\x1b[31m\\x0a \\xff \\xef\\xbf\\xbf--");
	xmlFreeDoc(document);
}

static void test_ipv6(void **state)
{
	struct event events[] = {event_up(0), event_done(0)};
	struct scan_summary summary = fixture_summary(1, 0, 0);
	struct scan_info info = fixture_info();
	xmlDocPtr document;

	(void)state;
	events[0].addr = events[1].addr = fixture_addr("2001:db8::1");
	document = report_of(events, 2, &info, &summary);
	assert_xpath(document, "//host/address[@addrtype='ipv6']/@addr", "2001:db8::1");
	xmlFreeDoc(document);
}

/* A host is in the file once it is done, not only at the end. */
static void test_written_host_by_host(void **state)
{
	const struct event events[] = {event_up(0), event_done(0)};
	char *folder = fixture_folder(), path[128], *text;
	struct scan_info info = fixture_info();
	struct reports *reports;
	struct err err;

	(void)state;
	snprintf(path, sizeof(path), "%s/report.xml", folder);
	reports = reports_new(&info, &err);
	assert_non_null(reports);
	assert_true(reports_add(reports, &report_xml, path, false, &err));
	reports_begin(reports);
	for (size_t i = 0; i < 2; i++)
		reports_event(reports, &events[i]);
	reports_flush(reports);
	text = fixture_read(path);
	assert_non_null(strstr(text, "addr=\"192.168.0.100\""));
	assert_non_null(strstr(text, "</host>"));
	free(text);
	reports_free(reports);
	fixture_remove(folder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_the_dtd_is_at_hand),
	        cmocka_unit_test(test_a_network),
	        cmocka_unit_test(test_hosts_only),
	        cmocka_unit_test(test_nobody_is_there),
	        cmocka_unit_test(test_interrupted),
	        cmocka_unit_test(test_hostile_end),
	        cmocka_unit_test(test_ports_of_an_unknown_host),
	        cmocka_unit_test(test_hostile_arguments),
	        cmocka_unit_test(test_ipv6),
	        cmocka_unit_test(test_written_host_by_host),
	};
	int failed = cmocka_run_group_tests_name("xml", tests, NULL, NULL);

	xmlCleanupParser();
	return failed;
}
