/* record.h: what is known so far about one host whose events are still coming. */
#ifndef NSCAN_REPORT_RECORD_H
#define NSCAN_REPORT_RECORD_H

#include <stdbool.h>
#include <stddef.h>

#include "nscan/report.h"

struct port_page;
struct port_origin;
struct kept_reading;

/* A scan of all ports of a whole network holds millions of port results at once. They are kept packed: by the high byte of
 * their number in pages of up to 256, with the reason and the address that said so stored once for each host. */
struct host_record {
	struct host_result result; /* all but the ports */
	char *name;                /* own copies of result.host.name and .vendor */
	char *vendor;
	bool done;
	struct port_page **pages; /* by the port's high byte; NULL until the first port */
	size_t port_count;
	struct port_origin *origins; /* the distinct (reason, from) of the ports */
	size_t origin_count;
	struct kept_reading *readings;
	size_t reading_count, reading_capacity;
};

/* The host of that event, nothing known yet. NULL when memory ran out. */
struct host_record *host_record_new(const struct event *first);
void host_record_free(struct host_record *record);
/* Takes any event of the host. False when memory ran out: then the event is lost. */
bool host_record_apply(struct host_record *record, const struct event *event);
bool host_record_has_port(const struct host_record *record, uint16_t port);
/* Is there nothing to remember but "not up, for that reason"? */
bool host_record_is_plain(const struct host_record *record);
/* Writes record->port_count ports in ascending order. */
void host_record_unpack_ports(const struct host_record *record, struct port_event *out);

#endif
