/* port_table.c: a host's ports as a person reads them: a table, and a line for those that are told together. */
#include <stdlib.h>
#include <string.h>

#include "port_table.h"
#include "text.h"

enum { INFO_WIDTH = 64, REASON_WIDTH = sizeof("udp-response") - 1 };

void print_from(FILE *out, const struct addr *from)
{
	char text[ADDR_TEXT_BYTES];

	if (addr_is_set(from))
		fprintf(out, " from %s", addr_format(from, text));
}

static const char *service_name(const struct port_event *port)
{
	const char *service = port_service_name(port);

	return service ? service : "unknown";
}

/* "udp-response from 192.168.0.9 (from port 40123)" */
static void print_reason(FILE *out, const struct port_event *port)
{
	fputs(port->reason, out);
	print_from(out, &port->from);
	if (port->from_port)
		fprintf(out, " (from port %u)", port->from_port);
}

/* Spaces that fill the reason up to its column's width, so that INFO stands in one of its own. */
static void pad_reason(FILE *out, const struct port_event *port, size_t width)
{
	char text[ADDR_TEXT_BYTES];
	size_t length = strlen(port->reason);

	if (addr_is_set(&port->from))
		length += strlen(" from ") + strlen(addr_format(&port->from, text));
	if (port->from_port)
		length += (size_t)snprintf(text, sizeof(text), " (from port %u)", port->from_port);
	for (; length < width; length++)
		fputc(' ', out);
}

/* The line about the service; without -v cut where the table would become too wide to read. The other formats have all of it. */
static void print_info(FILE *out, const struct service_reading *reading, int verbose)
{
	size_t n = strlen(reading->info), room = verbose > 0 ? n : INFO_WIDTH;

	if (n <= room) {
		print_printable(out, reading->info, n);
		return;
	}
	n = room - 3;
	while (n > 0 && ((uint8_t)reading->info[n] & 0xc0) == 0x80)
		n--;
	print_printable(out, reading->info, n);
	fputs("...", out);
}

void print_port_table(FILE *out, const struct host_result *host, const struct port_groups *groups, int verbose)
{
	size_t port_width = 8, state_width = sizeof("open|filtered") - 1, service_width = 8,
	       reason_width = REASON_WIDTH, rows = 0;
	bool has_info = false;
	char number[16];

	for (size_t i = 0; i < host->port_count; i++) {
		const struct port_event *port = &host->ports[i];
		size_t service = strlen(service_name(port));

		if (groups->hidden[port->state])
			continue;
		rows++;
		if (port->port > 9999)
			port_width = sizeof("65535/udp") - 1;
		if (service > service_width)
			service_width = service;
		has_info |= port->reading != NULL;
		if (port->reading && !port->from_port && strlen(port->reason) > reason_width)
			reason_width = strlen(port->reason);
	}
	if (rows == 0)
		return;
	fprintf(out, "%-*s  %-*s  %-*s  ", (int)port_width, "PORT", (int)state_width, "STATE", (int)service_width,
	        "SERVICE");
	if (has_info)
		fprintf(out, "%-*s  INFO\n", (int)reason_width, "REASON");
	else
		fputs("REASON\n", out);
	for (size_t i = 0; i < host->port_count; i++) {
		const struct port_event *port = &host->ports[i];

		if (groups->hidden[port->state])
			continue;
		snprintf(number, sizeof(number), "%u/udp", port->port);
		fprintf(out, "%-*s  %-*s  %-*s  ", (int)port_width, number, (int)state_width,
		        port_state_name(port->state), (int)service_width, service_name(port));
		print_reason(out, port);
		if (port->reading) {
			pad_reason(out, port, reason_width);
			fputs("  ", out);
			print_info(out, port->reading, verbose);
		}
		fputc('\n', out);
	}
}

/* "98 closed (port-unreach)", "40 open|filtered (30 no-response, 10 silent-while-refusing)" */
static void print_hidden_state(FILE *out, const struct port_groups *groups, enum port_state state)
{
	const char *between = "";

	fprintf(out, "%zu %s (", groups->count[state], port_state_name(state));
	for (size_t i = 0; i < groups->group_count; i++) {
		const struct port_group *group = &groups->groups[i];

		if (group->state != state)
			continue;
		fputs(between, out);
		if (group->count != groups->count[state])
			fprintf(out, "%zu ", group->count);
		fputs(group->reason, out);
		if (group->from_several)
			fputs(" from several", out);
		print_from(out, &group->from);
		between = ", ";
	}
	fputc(')', out);
}

/* Ports that are hidden from the table but named all the same: likely open ones, and those with which a reader has to go on. */
static void print_numbers(FILE *out, const char *label, const struct host_result *host, enum port_state state,
                          const char *reason)
{
	char *numbers = port_group_numbers(host, state, reason);

	if (!numbers)
		fprintf(out, "%s: (out of memory)\n", label);
	else if (numbers[0])
		fprintf(out, "%s: %s\n", label, numbers);
	free(numbers);
}

void print_not_shown(FILE *out, const struct host_result *host, const struct port_groups *groups)
{
	const char *between = "Not shown: ";

	for (size_t i = 0; i < PORT_STATE_COUNT; i++) {
		enum port_state state = groups->order[i];

		if (!groups->hidden[state])
			continue;
		fputs(between, out);
		print_hidden_state(out, groups, state);
		between = ", ";
	}
	if (strcmp(between, ", ") == 0)
		fputc('\n', out);
	if (groups->hidden[PORT_OPEN_FILTERED])
		print_numbers(out, "Silent while refusing others", host, PORT_OPEN_FILTERED, "silent-while-refusing");
	if (groups->hidden[PORT_UNKNOWN])
		print_numbers(out, "Not finished", host, PORT_UNKNOWN, NULL);
}
