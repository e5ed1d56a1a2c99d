/* groups.h: which ports of a host are told together instead of one by one, the same in every format. */
#ifndef NSCAN_REPORT_GROUPS_H
#define NSCAN_REPORT_GROUPS_H

#include <stdbool.h>
#include <stddef.h>

#include "nscan/report.h"

enum { GROUPS_MAX = 48 };

/* Ports in the same state for the same reason. */
struct port_group {
	enum port_state state;
	const char *reason;
	struct addr from; /* who said so; none when it was the host itself, or several */
	bool from_several;
	size_t count;
};

struct port_groups {
	size_t count[PORT_STATE_COUNT];          /* ports in each state */
	bool hidden[PORT_STATE_COUNT];           /* told as a group */
	enum port_state order[PORT_STATE_COUNT]; /* the states, those with most ports first */
	struct port_group groups[GROUPS_MAX];    /* of all states; within a state those with most ports first */
	size_t group_count;
};

/* nmap's rule: more than 25 ports in a state are a group, with -v 50, 75, ..., with -d none; with --open whatever cannot be open
 * is. An open port is never hidden. */
void port_groups_make(struct port_groups *out, const struct scan_info *info, const struct host_result *host);
bool port_in_group(const struct port_event *port, const struct port_group *group);
bool port_is_possibly_open(enum port_state state);
/* The numbers of the ports in that state and for that reason (NULL: any), "1-52,54"; to be freed. NULL when memory ran out. */
char *port_group_numbers(const struct host_result *host, enum port_state state, const char *reason);

#endif
