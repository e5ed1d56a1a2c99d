/* grepable.c: nmap's -oG: a line for each host, for grep, cut and awk. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "groups.h"
#include "text.h"

static void grepable_begin(struct report *report, const struct scan_info *info)
{
	char start[TIME_TEXT_BYTES];
	char *ports = info->verbose > 0 && info->ports ? port_list_format(info->ports) : NULL;

	fprintf(report->out, "# Nscan %s scan initiated %s as: ", info->version,
	        time_as_nmap(info->start_wall_ns, start));
	print_arguments(report->out, info);
	fputc('\n', report->out);
	if (ports)
		fprintf(report->out, "# Ports scanned: TCP(0;) UDP(%zu;%s) SCTP(0;) PROTOCOLS(0;)\n",
		        info->ports->count, ports);
	free(ports);
}

/* Ports not settled are listed however many they are: a program that reads this has to see which. */
static bool is_listed(const struct port_groups *groups, enum port_state state)
{
	return state == PORT_UNKNOWN || !groups->hidden[state];
}

/* The field must not hold what parts fields and ports: a slash becomes a bar, as nmap has it, and a comma a semicolon. */
static void print_version(FILE *out, const char *info)
{
	char text[SERVICE_INFO_BYTES];
	size_t n = strlen(info);

	memcpy(text, info, n + 1);
	for (size_t i = 0; i < n; i++) {
		if (text[i] == '/' || text[i] == ',')
			text[i] = text[i] == '/' ? '|' : ';';
	}
	print_printable(out, text, n);
}

static void print_ports(FILE *out, const struct port_groups *groups, const struct host_result *host)
{
	const char *between = "";

	for (size_t i = 0; i < host->port_count; i++) {
		const struct port_event *port = &host->ports[i];
		const char *service = port_service_name(port);

		if (!is_listed(groups, port->state))
			continue;
		/* number/state/protocol/owner/service/rpc/version/ */
		fprintf(out, "%s%u/%s/udp//%s//", between, port->port, port_state_name(port->state),
		        service ? service : "");
		if (port->reading)
			print_version(out, port->reading->info);
		fputc('/', out);
		between = ", ";
	}
}

static void print_ignored(FILE *out, const struct port_groups *groups)
{
	const char *between = "\tIgnored State: ";

	for (size_t i = 0; i < PORT_STATE_COUNT; i++) {
		enum port_state state = groups->order[i];

		if (is_listed(groups, state))
			continue;
		fprintf(out, "%s%s (%zu)", between, port_state_name(state), groups->count[state]);
		between = ", ";
	}
}

static void print_head(FILE *out, const char *addr, const char *name)
{
	fprintf(out, "Host: %s (", addr);
	if (name)
		print_escaped(out, name, strlen(name));
	fputc(')', out);
}

static void grepable_host(struct report *report, const struct host_result *host)
{
	static const char *const status[] = {[HOST_UP] = "Up", [HOST_DOWN] = "Down", [HOST_UNKNOWN] = "Unknown"};
	struct port_groups groups;
	char addr[ADDR_TEXT_BYTES];

	addr_format(&host->addr, addr);
	print_head(report->out, addr, host->host.name);
	fprintf(report->out, "\tStatus: %s", status[host->host.state]);
	if (host->has_mtu && host->mtu.path_mtu)
		fprintf(report->out, "\tPath MTU: %" PRIu32, host->mtu.path_mtu);
	fputc('\n', report->out);
	if (host->port_count == 0)
		return;
	port_groups_make(&groups, report->info, host);
	print_head(report->out, addr, host->host.name);
	fputs("\tPorts: ", report->out);
	print_ports(report->out, &groups, host);
	print_ignored(report->out, &groups);
	fputc('\n', report->out);
}

static void grepable_end(struct report *report, const struct scan_summary *summary, const struct addr_ranges *down)
{
	char end[TIME_TEXT_BYTES];
	uint64_t hosts = summary_hosts(summary);

	(void)down;
	if (summary->partial)
		print_line(report->out, "# PARTIAL: ", summary->partial_why ? summary->partial_why : "interrupted", "");
	fprintf(report->out, "# Nscan done at %s -- %" PRIu64 " IP address%s (%" PRIu64 " host%s up) scanned in ",
	        time_as_nmap(summary->end_wall_ns, end), hosts, hosts == 1 ? "" : "es", summary->hosts_up,
	        plural(summary->hosts_up));
	print_seconds(report->out, summary->elapsed_ns);
	fputs(" seconds\n", report->out);
}

const struct report_format report_grepable = {
        .name = "grepable",
        .suffix = "gnmap",
        .begin = grepable_begin,
        .host = grepable_host,
        .end = grepable_end,
};
