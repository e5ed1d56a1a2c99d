/* ping_report.h: what --ping finds out, as text for a person and as JSON lines for a machine. */
#ifndef NSCAN_CLI_PING_REPORT_H
#define NSCAN_CLI_PING_REPORT_H

#include <stdbool.h>
#include <stdio.h>

#include "nscan/ping.h"
#include "nscan/service.h"

/* What the whole ping is about. Pointers are borrowed. */
struct ping_subject {
	const char *name; /* as typed, where it is no address; else NULL */
	struct addr dst;
	struct addr src;
	uint16_t port; /* 0: ICMP echo */
	const uint16_t *source_ports;
	size_t source_port_count;
	size_t source_ports_wanted; /* by -g; more than there are: the others are in use here */
	size_t data_bytes;
	const char *payload; /* name of the request, where it is a service's; else NULL */
	int64_t interval_ns;
	int verbose;
	int64_t start_ns;      /* on the link's clock */
	int64_t start_wall_ns; /* the same moment, since 1970 */
};

/* The end of it. */
struct ping_end {
	const struct ping_stats *stats;
	const struct ping_port *ports;
	size_t port_count;
	int64_t elapsed_ns;
	const char *partial_why;     /* "interrupted", ...; NULL: as many as were asked for */
	const char *send_error_text; /* NULL: none */
};

void ping_text_begin(FILE *out, const struct ping_subject *subject);
/* `said` is what a service's answer was read as; NULL: nothing, or not known. `news`: it is not what the answer before was. */
void ping_text_event(FILE *out, const struct ping_subject *subject, const struct ping_event *event,
                     const struct service_reading *said, bool news);
void ping_text_end(FILE *out, const struct ping_subject *subject, const struct ping_end *end);

/* False when memory ran out. */
bool ping_json_event(FILE *out, const struct ping_subject *subject, const struct ping_event *event,
                     const struct service_reading *said);
bool ping_json_end(FILE *out, const struct ping_subject *subject, const struct ping_end *end);

/* Ports of which no probe got a reply, though some are settled; written to `out` (room for `count`). Returns how many. */
size_t ping_silent_ports(const struct ping_port *ports, size_t count, uint16_t *out);

#endif
