/* ports.h: which UDP ports to ask, what they are called, and which matter most. */
#ifndef NSCAN_PORTS_H
#define NSCAN_PORTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "nscan/err.h"

/* A set of ports, ascending and without duplicates. port_list_free releases. */
struct port_list {
	uint16_t *ports;
	size_t count;
};

void port_list_free(struct port_list *list);
/* Parses "53,161,5000-6000", "5000:6000", "-100", "60000-", "-" (1 to 65535), names ("domain,snmp"), and an optional "U:" prefix
 * as nmap has it. Port 0 and anything above 65535 is an error that names the piece. */
bool port_list_parse(const char *text, struct port_list *out, struct err *err);
/* The n ports that matter most by our ranking (port_rank); 1 to 65535. Past the ranked ones, ascending numbers follow. */
bool port_list_top(size_t n, struct port_list *out, struct err *err);
/* How many ports the default list and -F hold. */
enum { PORT_DEFAULT_COUNT = 100, PORT_FAST_COUNT = 30 };
/* "53,67-69,123": the list in its shortest text, to be freed by the caller; NULL when memory ran out. */
char *port_list_format(const struct port_list *list);
bool port_list_contains(const struct port_list *list, uint16_t port);
/* 0 for the port most worth asking, rising; UINT16_MAX for unranked ones. */
uint16_t port_rank(uint16_t port);
/* IANA's (or the usual) name of the UDP service, or NULL. Static. */
const char *port_service(uint16_t port);
/* The port of that UDP service name, our table first, then the system's services database; 0 when unknown. */
uint16_t port_by_service(const char *name);

#endif
