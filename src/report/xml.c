/* xml.c: nmap's XML, valid against its DTD, so that ndiff, Zenmap and the parsers in every language read it.
 *
 * Written host by host. The DTD admits only scanner="nmap"; who wrote it says the comment at the top. */
#include <errno.h>
#include <inttypes.h>
#include <libxml/xmlwriter.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "groups.h"
#include "mtu.h"
#include "text.h"

#define TEXT(s) ((const xmlChar *)(s))

/* The writer fails only when memory ran out: write errors are left to stdio, where reports.c finds them. */
static void check(struct report *report, int written)
{
	if (written >= 0 || report->failed)
		return;
	report->failed = true;
	report->error = ENOMEM;
}

static void open_element(struct report *report, const char *name)
{
	check(report, xmlTextWriterStartElement(report->state, TEXT(name)));
}

static void close_element(struct report *report)
{
	check(report, xmlTextWriterEndElement(report->state));
}

static void attribute_text(struct report *report, const char *name, const char *value)
{
	check(report, xmlTextWriterWriteAttribute(report->state, TEXT(name), TEXT(value)));
}

__attribute__((format(printf, 3, 4))) static void attribute(struct report *report, const char *name, const char *format,
                                                            ...)
{
	char value[192];
	va_list args;

	va_start(args, format);
	vsnprintf(value, sizeof(value), format, args);
	va_end(args);
	attribute_text(report, name, value);
}

static void attribute_addr(struct report *report, const char *name, const struct addr *addr)
{
	char text[ADDR_TEXT_BYTES];

	attribute_text(report, name, addr_format(addr, text));
}

/* Never fails, or the library would complain on standard error. */
static int write_to_file(void *context, const char *bytes, int n)
{
	fwrite(bytes, 1, (size_t)n, context);
	return n;
}

static bool open_writer(struct report *report)
{
	xmlOutputBufferPtr output = xmlOutputBufferCreateIO(write_to_file, NULL, report->out, NULL);

	report->state = output ? xmlNewTextWriter(output) : NULL;
	if (!report->state) {
		xmlOutputBufferClose(output);
		check(report, -1);
		return false;
	}
	check(report, xmlTextWriterSetIndent(report->state, 1));
	return true;
}

/* All arguments in one attribute. XML cannot hold control characters, so they are escaped before the writer does its part. */
static void attribute_arguments(struct report *report, const struct scan_info *info)
{
	char *text = NULL;
	size_t n;
	FILE *memory = open_memstream(&text, &n);

	if (!memory) {
		check(report, -1);
		return;
	}
	for (int i = 0; i < info->argc; i++) {
		if (i > 0)
			fputc(' ', memory);
		print_printable(memory, info->argv[i], strlen(info->argv[i]));
	}
	if (fclose(memory) == 0)
		attribute_text(report, "args", text);
	else
		check(report, -1);
	free(text);
}

/* A text of the network, to be freed: XML cannot hold control characters, so they are escaped before the writer does its part. NULL
 * when memory ran out. */
static char *escaped(const char *value)
{
	char *text = NULL;
	size_t n;
	FILE *memory = open_memstream(&text, &n);

	if (!memory)
		return NULL;
	print_printable(memory, value, strlen(value));
	if (fclose(memory) == 0)
		return text;
	free(text);
	return NULL;
}

static void attribute_escaped(struct report *report, const char *name, const char *value)
{
	char *text = escaped(value);

	if (text)
		attribute_text(report, name, text);
	else
		check(report, -1);
	free(text);
}

static void print_hostnames(struct report *report, const char *name)
{
	open_element(report, "hostnames");
	if (name) {
		open_element(report, "hostname");
		attribute_escaped(report, "name", name);
		attribute_text(report, "type", "PTR");
		close_element(report);
	}
	close_element(report);
}

static void print_scaninfo(struct report *report, const struct port_list *ports)
{
	char *services = port_list_format(ports);

	if (!services) {
		check(report, -1);
		return;
	}
	open_element(report, "scaninfo");
	attribute_text(report, "type", "udp");
	attribute_text(report, "protocol", "udp");
	attribute(report, "numservices", "%zu", ports->count);
	attribute_text(report, "services", services);
	close_element(report);
	free(services);
}

static void xml_begin(struct report *report, const struct scan_info *info)
{
	char text[TIME_TEXT_BYTES + 32];

	if (!open_writer(report))
		return;
	check(report, xmlTextWriterStartDocument(report->state, NULL, "UTF-8", NULL));
	check(report, xmlTextWriterWriteDTD(report->state, TEXT("nmaprun"), NULL, NULL, NULL));
	check(report, xmlTextWriterWriteString(report->state, TEXT("\n")));
	snprintf(text, sizeof(text), " Nscan %s, in the format of Nmap ", info->version);
	check(report, xmlTextWriterWriteComment(report->state, TEXT(text)));
	open_element(report, "nmaprun");
	attribute_text(report, "scanner", "nmap");
	attribute_arguments(report, info);
	attribute(report, "start", "%" PRId64, info->start_wall_ns / 1000000000);
	attribute_text(report, "startstr", time_as_nmap(info->start_wall_ns, text));
	attribute_text(report, "version", info->version);
	attribute_text(report, "xmloutputversion", "1.05");
	if (info->ports)
		print_scaninfo(report, info->ports);
	open_element(report, "verbose");
	attribute(report, "level", "%d", info->verbose);
	close_element(report);
	open_element(report, "debugging");
	attribute(report, "level", "%d", info->debug);
	close_element(report);
	check(report, xmlTextWriterFlush(report->state));
}

static void print_status(struct report *report, const struct host_result *host)
{
	char mac[MAC_TEXT_BYTES], room[VENDOR_TEXT_BYTES];
	const char *vendor = host_vendor(report->info, &host->host, room);

	open_element(report, "status");
	attribute_text(report, "state", host_state_name(host->host.state));
	attribute_text(report, "reason", host->host.reason);
	attribute(report, "reason_ttl", "%d", host->host.has_ttl ? host->host.ttl : 0);
	close_element(report);

	open_element(report, "address");
	attribute_addr(report, "addr", &host->addr);
	attribute_text(report, "addrtype", host->addr.family == 6 ? "ipv6" : "ipv4");
	close_element(report);
	if (!host->host.has_mac)
		return;
	open_element(report, "address");
	attribute_text(report, "addr", mac_format(host->host.mac, mac));
	attribute_text(report, "addrtype", "mac");
	if (vendor)
		attribute_escaped(report, "vendor", vendor);
	close_element(report);
}

static void print_extrareasons(struct report *report, const struct host_result *host, const struct port_group *group)
{
	char *numbers = port_group_numbers(host, group->state, group->reason);

	open_element(report, "extrareasons");
	attribute_text(report, "reason", group->reason);
	attribute(report, "count", "%zu", group->count);
	attribute_text(report, "proto", "udp");
	if (numbers)
		attribute_text(report, "ports", numbers);
	else
		check(report, -1);
	close_element(report);
	free(numbers);
}

static void print_extraports(struct report *report, const struct host_result *host, const struct port_groups *groups)
{
	for (size_t i = 0; i < PORT_STATE_COUNT; i++) {
		enum port_state state = groups->order[i];

		if (!groups->hidden[state])
			continue;
		open_element(report, "extraports");
		attribute_text(report, "state", port_state_name(state));
		attribute(report, "count", "%zu", groups->count[state]);
		for (size_t k = 0; k < groups->group_count; k++) {
			if (groups->groups[k].state == state)
				print_extrareasons(report, host, &groups->groups[k]);
		}
		close_element(report);
	}
}

static void print_service(struct report *report, const struct port_event *port)
{
	const struct service_reading *reading = port->reading;
	const char *service = port_service_name(port);
	char info[SERVICE_INFO_BYTES];

	if (!service)
		return;
	open_element(report, "service");
	attribute_text(report, "name", service);
	if (reading && reading->product[0])
		attribute_escaped(report, "product", reading->product);
	if (reading && reading->version[0])
		attribute_escaped(report, "version", reading->version);
	if (reading && reading->service && strcmp(service_lasting_info(reading, info), reading->product) != 0 &&
	    info[0])
		attribute_escaped(report, "extrainfo", info);
	attribute_text(report, "method", reading && reading->service ? "probed" : "table");
	attribute_text(report, "conf", reading && reading->service ? "10" : "3");
	close_element(report);
}

/* What was read, as the output of a script: the DTD's place for it. */
static void print_reading(struct report *report, const struct service_reading *reading)
{
	char info[SERVICE_INFO_BYTES];

	if (!reading || !service_lasting_info(reading, info)[0])
		return;
	open_element(report, "script");
	attribute_text(report, "id", "service");
	attribute_escaped(report, "output", info);
	for (size_t i = 0; i < reading->detail_count; i++) {
		char *text = escaped(reading->text + reading->details[i].at);

		open_element(report, "elem");
		attribute_text(report, "key", reading->details[i].key);
		check(report, text ? xmlTextWriterWriteString(report->state, TEXT(text)) : -1);
		close_element(report);
		free(text);
	}
	close_element(report);
}

static void print_port(struct report *report, const struct port_event *port)
{
	open_element(report, "port");
	attribute_text(report, "protocol", "udp");
	attribute(report, "portid", "%u", port->port);
	open_element(report, "state");
	attribute_text(report, "state", port_state_name(port->state));
	attribute_text(report, "reason", port->reason);
	attribute(report, "reason_ttl", "%d", port->has_ttl ? port->ttl : 0);
	if (addr_is_set(&port->from))
		attribute_addr(report, "reason_ip", &port->from);
	close_element(report);
	print_service(report, port);
	print_reading(report, port->reading);
	close_element(report);
}

static void print_ports(struct report *report, const struct host_result *host)
{
	struct port_groups groups;

	port_groups_make(&groups, report->info, host);
	open_element(report, "ports");
	print_extraports(report, host, &groups);
	for (size_t i = 0; i < host->port_count; i++) {
		if (!groups.hidden[host->ports[i].state])
			print_port(report, &host->ports[i]);
	}
	close_element(report);
}

/* As nmap has it: microseconds; the timeout is RFC 6298's of one sample, at least 100 ms. */
static void print_times(struct report *report, int64_t rtt_ns)
{
	int64_t srtt_us = nanoseconds_to_us(rtt_ns), rttvar_us = srtt_us / 2, timeout_us = srtt_us + 4 * rttvar_us;

	open_element(report, "times");
	attribute(report, "srtt", "%" PRId64, srtt_us);
	attribute(report, "rttvar", "%" PRId64, rttvar_us);
	attribute(report, "to", "%" PRId64, timeout_us < 100000 ? 100000 : timeout_us);
	close_element(report);
}

static void print_elem(struct report *report, const char *key, const char *value)
{
	open_element(report, "elem");
	attribute_text(report, "key", key);
	check(report, xmlTextWriterWriteString(report->state, TEXT(value)));
	close_element(report);
}

static void print_elem_number(struct report *report, const char *key, uint32_t value)
{
	char text[16];

	snprintf(text, sizeof(text), "%" PRIu32, value);
	if (value)
		print_elem(report, key, text);
}

/* What the path carries, as the output of a script of the host: the DTD's place for it. The keys are those of JSON. */
static void print_mtu_script(struct report *report, const struct mtu_event *mtu)
{
	char *text = NULL, from[ADDR_TEXT_BYTES];
	size_t n;
	FILE *memory = open_memstream(&text, &n);

	if (memory)
		print_mtu(memory, mtu, false);
	if (!memory || fclose(memory) != 0) {
		free(text);
		check(report, -1);
		return;
	}
	open_element(report, "hostscript");
	open_element(report, "script");
	attribute_text(report, "id", "path-mtu");
	attribute_text(report, "output", text);
	free(text);
	print_elem_number(report, "path_mtu", mtu->path_mtu);
	if (mtu->path_mtu) {
		print_elem(report, "how", mtu_how_name(mtu->how));
		print_elem(report, "verified", mtu->verified ? "true" : "false");
		print_elem(report, "black_hole", mtu->black_hole ? "true" : "false");
	}
	if (addr_is_set(&mtu->from))
		print_elem(report, "from", addr_format(&mtu->from, from));
	print_elem_number(report, "interface_mtu", mtu->interface_mtu);
	print_elem_number(report, "return_mtu", mtu->return_mtu);
	print_elem_number(report, "host_mtu", mtu->host_mtu);
	print_elem(report, "fragments_to_host", fragments_name(mtu->to_host));
	print_elem(report, "fragments_from_host", fragments_name(mtu->from_host));
	close_element(report);
	close_element(report);
}

static void xml_host(struct report *report, const struct host_result *host)
{
	const struct scan_info *info = report->info;
	int64_t to_wall_ns = info->start_wall_ns - info->start_ns;

	open_element(report, "host");
	if (host_is_shown(info, host)) {
		attribute(report, "starttime", "%" PRId64, (host->first_ns + to_wall_ns) / 1000000000);
		attribute(report, "endtime", "%" PRId64, (host->done_ns + to_wall_ns) / 1000000000);
	}
	print_status(report, host);
	if (host_is_shown(info, host) || host->host.name)
		print_hostnames(report, host->host.name);
	if (host_is_shown(info, host)) {
		if (info->ports)
			print_ports(report, host);
		if (host->has_mtu)
			print_mtu_script(report, &host->mtu);
		if (host->host.has_rtt)
			print_times(report, host->host.rtt_ns);
	}
	close_element(report);
	check(report, xmlTextWriterFlush(report->state));
}

static void print_finished(struct report *report, const struct scan_summary *summary)
{
	uint64_t hosts = summary_hosts(summary), elapsed_cs = (uint64_t)(summary->elapsed_ns + 5000000) / 10000000;
	char end[TIME_TEXT_BYTES], elapsed[32];

	time_as_nmap(summary->end_wall_ns, end);
	snprintf(elapsed, sizeof(elapsed), "%" PRIu64 ".%02d", elapsed_cs / 100, (int)(elapsed_cs % 100));
	open_element(report, "finished");
	attribute(report, "time", "%" PRId64, summary->end_wall_ns / 1000000000);
	attribute_text(report, "timestr", end);
	attribute(report, "summary",
	          "Nscan done at %s; %" PRIu64 " IP address%s (%" PRIu64 " host%s up) scanned in %s seconds", end,
	          hosts, hosts == 1 ? "" : "es", summary->hosts_up, plural(summary->hosts_up), elapsed);
	attribute_text(report, "elapsed", elapsed);
	attribute_text(report, "exit", summary->partial ? "error" : "success");
	if (summary->partial)
		attribute_escaped(report, "errormsg", summary->partial_why ? summary->partial_why : "interrupted");
	close_element(report);
}

static void xml_end(struct report *report, const struct scan_summary *summary, const struct addr_ranges *down)
{
	(void)down;
	open_element(report, "runstats");
	print_finished(report, summary);
	open_element(report, "hosts");
	attribute(report, "up", "%" PRIu64, summary->hosts_up);
	attribute(report, "down", "%" PRIu64, summary->hosts_down);
	attribute(report, "total", "%" PRIu64, summary_hosts(summary));
	close_element(report);
	close_element(report);
	check(report, xmlTextWriterEndDocument(report->state));
	check(report, xmlTextWriterFlush(report->state));
}

static void xml_release(struct report *report)
{
	xmlFreeTextWriter(report->state);
}

const struct report_format report_xml = {
        .name = "xml",
        .suffix = "xml",
        .begin = xml_begin,
        .host = xml_host,
        .end = xml_end,
        .release = xml_release,
};
