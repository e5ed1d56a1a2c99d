/* port_table.c: a host's ports as a person reads them: a table, and a line for those that are told together. */
#include <stdlib.h>
#include <string.h>

#include "port_table.h"

void print_from(FILE *out, const struct addr *from)
{
	char text[ADDR_TEXT_BYTES];

	if (addr_is_set(from))
		fprintf(out, " from %s", addr_format(from, text));
}

static const char *service_name(uint16_t port)
{
	const char *service = port_service(port);

	return service ? service : "unknown";
}

void print_port_table(FILE *out, const struct host_result *host, const struct port_groups *groups)
{
	size_t port_width = 8, state_width = sizeof("open|filtered") - 1, service_width = 8, rows = 0;
	char number[16];

	for (size_t i = 0; i < host->port_count; i++) {
		const struct port_event *port = &host->ports[i];
		size_t service = strlen(service_name(port->port));

		if (groups->hidden[port->state])
			continue;
		rows++;
		if (port->port > 9999)
			port_width = sizeof("65535/udp") - 1;
		if (service > service_width)
			service_width = service;
	}
	if (rows == 0)
		return;
	fprintf(out, "%-*s  %-*s  %-*s  REASON\n", (int)port_width, "PORT", (int)state_width, "STATE",
	        (int)service_width, "SERVICE");
	for (size_t i = 0; i < host->port_count; i++) {
		const struct port_event *port = &host->ports[i];

		if (groups->hidden[port->state])
			continue;
		snprintf(number, sizeof(number), "%u/udp", port->port);
		fprintf(out, "%-*s  %-*s  %-*s  %s", (int)port_width, number, (int)state_width,
		        port_state_name(port->state), (int)service_width, service_name(port->port), port->reason);
		print_from(out, &port->from);
		if (port->from_port)
			fprintf(out, " (from port %u)", port->from_port);
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
