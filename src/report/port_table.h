/* port_table.h: a host's ports as a person reads them: a table, and a line for those that are told together. */
#ifndef NSCAN_REPORT_PORT_TABLE_H
#define NSCAN_REPORT_PORT_TABLE_H

#include <stdio.h>

#include "groups.h"

/* " from 192.168.0.254", or nothing when there is no such address. */
void print_from(FILE *out, const struct addr *from);
/* The ports that are not hidden, a row each. */
void print_port_table(FILE *out, const struct host_result *host, const struct port_groups *groups, int verbose);
/* "Not shown: 98 closed (port-unreach)", and by number those that were not finished. */
void print_not_shown(FILE *out, const struct host_result *host, const struct port_groups *groups);

#endif
