/* test_agreement.c: whatever was found, the four formats say the same about every host and port. */
#include <ctype.h>
#include <jansson.h>
#include <libxml/parser.h>
#include <libxml/tree.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "nscan/hash.h"
#include "support/report_fixture.h"

enum { HOSTS = 12, PORTS = 200 };

/* What a report says. Ports are 1 to PORTS - 1; a port that is only counted with others of its state is not in `port`. */
struct table {
	int host[HOSTS];        /* enum host_state; -1: not mentioned */
	int port[HOSTS][PORTS]; /* enum port_state; -1: not mentioned */
	size_t counted[HOSTS][PORT_STATE_COUNT];
};

static void table_init(struct table *table)
{
	memset(table, 0, sizeof(*table));
	memset(table->host, -1, sizeof(table->host));
	memset(table->port, -1, sizeof(table->port));
}

static int port_state_of(const char *name, size_t n)
{
	for (int i = 0; i < PORT_STATE_COUNT; i++) {
		const char *known = port_state_name((enum port_state)i);

		if (strlen(known) == n && !strncmp(known, name, n))
			return i;
	}
	fail_msg("no such state: %.*s", (int)n, name);
	return -1;
}

static int host_state_of(const char *name)
{
	for (int i = HOST_UP; i <= HOST_UNKNOWN; i++) {
		if (!strcasecmp(host_state_name((enum host_state)i), name))
			return i;
	}
	fail_msg("no such host state: %s", name);
	return -1;
}

static size_t host_of(const char *addr)
{
	unsigned last;

	assert_int_equal(sscanf(addr, "192.168.0.%u", &last), 1);
	assert_in_range(last, 100, 100 + HOSTS - 1);
	return last - 100;
}

/* Calls `each` for every number of a list such as "1-3,7". */
static void set_numbers(struct table *table, size_t host, const char *list, int state)
{
	while (*list) {
		char *end;
		long first = strtol(list, &end, 10), last = first;

		if (*end == '-')
			last = strtol(end + 1, &end, 10);
		for (; first <= last; first++)
			table->port[host][first] = state;
		list = *end == ',' ? end + 1 : end;
	}
}

static void read_json(const char *text, struct table *table)
{
	for (; *text; text += strcspn(text, "\n") + 1) {
		json_t *line = json_loadb(text, strcspn(text, "\n"), 0, NULL);
		const char *type, *state;
		size_t host;

		assert_non_null(line);
		type = json_string_value(json_object_get(line, "type"));
		if (!strcmp(type, "host") || !strcmp(type, "port")) {
			host = host_of(json_string_value(json_object_get(line, "addr")));
			state = json_string_value(json_object_get(line, "state"));
			if (!strcmp(type, "host"))
				table->host[host] = host_state_of(state);
			else
				table->port[host][json_integer_value(json_object_get(line, "port"))] =
				        port_state_of(state, strlen(state));
		}
		json_decref(line);
	}
}

static char *attribute(const xmlNode *node, const char *name)
{
	return (char *)xmlGetNoNsProp(node, (const xmlChar *)name);
}

static void read_xml_node(const xmlNode *node, struct table *table, size_t *host, int *state)
{
	static const struct {
		const char *element, *attribute;
	} wanted[] = {
	        {"status", "state"},       {"address", "addr"}, {"extraports", "state"},
	        {"extrareasons", "ports"}, {"state", "state"},
	};

	for (; node; node = node->next) {
		for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++) {
			char *value, *type, *port;

			if (node->type != XML_ELEMENT_NODE || strcmp((const char *)node->name, wanted[i].element) != 0)
				continue;
			value = attribute(node, wanted[i].attribute);
			type = attribute(node, "addrtype");
			port = i == 4 ? attribute(node->parent, "portid") : NULL;
			if (i == 0)
				*state = host_state_of(value);
			else if (i == 1 && !strcmp(type, "ipv4"))
				table->host[ *host = host_of(value)] = *state;
			else if (i == 2)
				*state = port_state_of(value, strlen(value));
			else if (i == 3)
				set_numbers(table, *host, value, *state);
			else if (i == 4)
				set_numbers(table, *host, port, port_state_of(value, strlen(value)));
			xmlFree(value);
			xmlFree(type);
			xmlFree(port);
		}
		read_xml_node(node->children, table, host, state);
	}
}

static void read_xml(const char *text, struct table *table)
{
	xmlDocPtr document = xmlReadMemory(text, (int)strlen(text), "report.xml", NULL, XML_PARSE_NONET);
	size_t host = 0;
	int state = 0;

	assert_non_null(document);
	read_xml_node(xmlDocGetRootElement(document), table, &host, &state);
	xmlFreeDoc(document);
}

/* "98 closed (reason), 40 open|filtered (...)" or "closed (98), open|filtered (40)" up to the end of the line. */
static void read_counts(const char *text, struct table *table, size_t host, bool number_first)
{
	while (*text && *text != '\n') {
		char state[32];
		size_t count;

		if (number_first)
			assert_int_equal(sscanf(text, "%zu %31s (", &count, state), 2);
		else
			assert_int_equal(sscanf(text, "%31s (%zu)", state, &count), 2);
		table->counted[host][port_state_of(state, strlen(state))] += count;
		text += strcspn(text, ")") + 1;
		text += strspn(text, ", ");
	}
}

static void read_grepable(const char *text, struct table *table)
{
	for (; *text; text += strcspn(text, "\n") + 1) {
		const char *status = strstr(text, "\tStatus: "), *ports = strstr(text, "\tPorts: ");
		const char *end = text + strcspn(text, "\n"), *ignored = strstr(text, "Ignored State: ");
		unsigned port, host;
		char state[32];

		if (sscanf(text, "Host: 192.168.0.%u ()", &host) != 1)
			continue;
		host -= 100;
		if (status && status < end) {
			assert_int_equal(sscanf(status, "\tStatus: %31[A-Za-z]\n", state), 1);
			table->host[host] = host_state_of(state);
			continue;
		}
		assert_true(ports && ports < end);
		for (ports += 8; sscanf(ports, "%u/%31[a-z|]/udp/", &port, state) == 2;) {
			table->port[host][port] = port_state_of(state, strlen(state));
			ports += strcspn(ports, ",\n\t");
			ports += strspn(ports, ", ");
		}
		if (ignored && ignored < end)
			read_counts(ignored + 15, table, host, false);
	}
}

/* "192.168.0.101-.103, .105 (4 of 12)" */
static void read_hosts(const char *text, struct table *table, int state)
{
	while (*text != '(') {
		unsigned first, last;
		int used = 0, more = 0;

		if (sscanf(text, "192.168.0.%u%n", &first, &used) != 1)
			assert_int_equal(sscanf(text, ".%u%n", &first, &used), 1);
		last = first;
		if (sscanf(text + used, "-.%u%n", &last, &more) == 1)
			used += more;
		for (; first <= last; first++)
			table->host[first - 100] = state;
		text += used;
		text += strspn(text, ", ");
	}
}

static void read_normal(const char *text, struct table *table)
{
	size_t host = 0;

	for (; *text; text += strcspn(text, "\n") + 1) {
		unsigned port;
		char state[32];

		if (!strncmp(text, "Nscan report for ", 17))
			table->host[host = host_of(text + 17)] = HOST_UP;
		else if (sscanf(text, "%u/udp %31s ", &port, state) == 2)
			table->port[host][port] = port_state_of(state, strlen(state));
		else if (!strncmp(text, "Not shown: ", 11))
			read_counts(text + 11, table, host, true);
		else if (!strncmp(text, "Inactive: ", 10))
			read_hosts(text + 10, table, HOST_DOWN);
		else if (!strncmp(text, "Not finished: 192", 17))
			read_hosts(text + 14, table, HOST_UNKNOWN);
		else if (!strncmp(text, "Up, no open port: ", 18))
			read_hosts(text + 18, table, HOST_UP);
	}
}

/* Random results of all hosts, interleaved, some ports told twice. `truth` gets what holds in the end. */
static size_t make_events(struct event *events, struct table *truth, struct rng *rng)
{
	/* Most ports of a host are in one state, so that some states are told together and some are not. */
	enum port_state common[HOSTS];
	size_t count = 0;

	table_init(truth);
	for (uint64_t i = 0; i < HOSTS; i++) {
		truth->host[i] = rng_below(rng, 3) ? HOST_UP : rng_below(rng, 3) ? HOST_DOWN : HOST_UNKNOWN;
		common[i] = (enum port_state)rng_below(rng, PORT_STATE_COUNT);
		events[count++] = truth->host[i] == HOST_UP     ? event_up(i)
		                  : truth->host[i] == HOST_DOWN ? event_down(i, "no-response", NULL)
		                                                : event_unknown(i);
		if (truth->host[i] != HOST_UP)
			events[count++] = event_done(i);
	}
	for (size_t round = 0; round < HOSTS * PORTS / 2; round++) {
		static const char *const reasons[] = {"one-reason", "another-reason"};
		uint64_t host = rng_below(rng, HOSTS);
		uint16_t port = (uint16_t)(1 + rng_below(rng, PORTS - 1));
		enum port_state port_state =
		        rng_below(rng, 4) ? common[host] : (enum port_state)rng_below(rng, PORT_STATE_COUNT);

		if (truth->host[host] != HOST_UP)
			continue;
		truth->port[host][port] = (int)port_state;
		events[count++] = event_port(host, port, port_state, reasons[rng_below(rng, 2)]);
	}
	for (uint64_t i = HOSTS; i-- > 0;) {
		if (truth->host[i] == HOST_UP && rng_below(rng, 5)) /* some are cut off */
			events[count++] = event_done(i);
	}
	return count;
}

static size_t true_count(const struct table *truth, size_t host, int state)
{
	size_t count = 0;

	for (size_t port = 0; port < PORTS; port++)
		count += truth->port[host][port] == state;
	return count;
}

/* Every host is right; every port is right or is counted right among those of its state. */
static void compare(const char *format, const struct table *said, const struct table *truth, bool all, bool open_only)
{
	for (size_t host = 0; host < HOSTS; host++) {
		if (said->host[host] != truth->host[host])
			fail_msg("%s: host %zu is %d, not %d", format, host, said->host[host], truth->host[host]);
		for (int state = 0; state < PORT_STATE_COUNT; state++) {
			size_t counted = said->counted[host][state];
			bool silent = open_only && (state == PORT_CLOSED || state == PORT_FILTERED);

			if (counted > 0 && counted != true_count(truth, host, state))
				fail_msg("%s: host %zu has %zu ports in state %d", format, host, counted, state);
			if (all && counted > 0 && !silent)
				fail_msg("%s: host %zu hides state %d", format, host, state);
			for (size_t port = 0; port < PORTS && counted == 0 && !silent; port++) {
				if ((truth->port[host][port] == state) != (said->port[host][port] == state))
					fail_msg("%s: host %zu port %zu is %d, not %d", format, host, port,
					         said->port[host][port], truth->port[host][port]);
			}
		}
	}
}

static void test_four_formats_agree(void **state)
{
	static const struct {
		const struct report_format *format;
		void (*read)(const char *text, struct table *table);
	} readers[] = {
	        {&report_json, read_json},
	        {&report_xml, read_xml},
	        {&report_grepable, read_grepable},
	        {&report_normal, read_normal},
	};
	struct event *events = calloc(HOSTS * (PORTS + 3), sizeof(*events));
	struct table *said = malloc(sizeof(*said)), *truth = malloc(sizeof(*truth));

	(void)state;
	assert_true(events && said && truth);
	for (uint64_t seed = 0; seed < 60; seed++) {
		struct rng rng = rng_from_seed(seed);
		size_t count = make_events(events, truth, &rng);
		struct scan_summary summary = fixture_summary(0, 0, 0);
		struct scan_info info = fixture_info();

		info.verbose = (int)(seed / 2 % 3);
		info.debug = (int)(seed % 2);
		info.show_open_only = seed % 5 == 0;
		for (size_t host = 0; host < HOSTS; host++) {
			summary.hosts_up += truth->host[host] == HOST_UP;
			summary.hosts_down += truth->host[host] == HOST_DOWN;
			summary.hosts_unknown += truth->host[host] == HOST_UNKNOWN;
		}
		for (size_t i = 0; i < sizeof(readers) / sizeof(readers[0]); i++) {
			char *text = fixture_report(readers[i].format, &info, events, count, &summary);

			table_init(said);
			readers[i].read(text, said);
			compare(readers[i].format->name, said, truth, info.debug > 0, info.show_open_only);
			free(text);
		}
	}
	free(events);
	free(said);
	free(truth);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_four_formats_agree)};
	int failed = cmocka_run_group_tests_name("agreement", tests, NULL, NULL);

	xmlCleanupParser();
	return failed;
}
