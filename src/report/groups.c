/* groups.c: which ports of a host are told together instead of one by one, the same in every format. */
#include <stdlib.h>
#include <string.h>

#include "groups.h"

enum { SHOWN_AT_MOST = 25 };

bool port_is_possibly_open(enum port_state state)
{
	return state == PORT_OPEN || state == PORT_OPEN_FILTERED;
}

bool port_in_group(const struct port_event *port, const struct port_group *group)
{
	return port->state == group->state && !strcmp(port->reason, group->reason);
}

static void add_to_group(struct port_groups *out, const struct port_event *port)
{
	struct port_group *group = out->groups;

	while (group < out->groups + out->group_count && !port_in_group(port, group))
		group++;
	if (group == out->groups + GROUPS_MAX)
		return; /* there are not that many reasons */
	if (group == out->groups + out->group_count) {
		*group = (struct port_group){.state = port->state, .reason = port->reason, .from = port->from};
		out->group_count++;
	}
	if (!addr_equal(&group->from, &port->from)) {
		group->from_several = true;
		group->from = (struct addr){0};
	}
	group->count++;
}

static int more_ports_first(const void *a, const void *b)
{
	const struct port_group *left = a, *right = b;

	if (left->count != right->count)
		return left->count > right->count ? -1 : 1;
	return strcmp(left->reason, right->reason);
}

static bool is_hidden(const struct scan_info *info, enum port_state state, size_t count)
{
	size_t shown = SHOWN_AT_MOST * (size_t)(info->verbose > 0 ? info->verbose + 1 : 1);

	if (state == PORT_OPEN || count == 0)
		return false;
	if (info->show_open_only && (state == PORT_CLOSED || state == PORT_FILTERED))
		return true;
	return info->debug == 0 && count > shown;
}

void port_groups_make(struct port_groups *out, const struct scan_info *info, const struct host_result *host)
{
	*out = (struct port_groups){0};
	for (size_t i = 0; i < host->port_count; i++) {
		out->count[host->ports[i].state]++;
		add_to_group(out, &host->ports[i]);
	}
	qsort(out->groups, out->group_count, sizeof(*out->groups), more_ports_first);
	for (size_t state = 0; state < PORT_STATE_COUNT; state++) {
		size_t place = state;

		out->hidden[state] = is_hidden(info, (enum port_state)state, out->count[state]);
		for (; place > 0 && out->count[out->order[place - 1]] < out->count[state]; place--)
			out->order[place] = out->order[place - 1];
		out->order[place] = (enum port_state)state;
	}
}

char *port_group_numbers(const struct host_result *host, enum port_state state, const char *reason)
{
	struct port_list list = {calloc(host->port_count ? host->port_count : 1, sizeof(*list.ports)), 0};
	char *text;

	if (!list.ports)
		return NULL;
	for (size_t i = 0; i < host->port_count; i++) {
		const struct port_event *port = &host->ports[i];

		if (port->state == state && (!reason || !strcmp(port->reason, reason)))
			list.ports[list.count++] = port->port;
	}
	text = port_list_format(&list);
	free(list.ports);
	return text;
}
