/* own_ports.h: the source ports of the scan, where the scanner is among its own targets.
 *
 * A held port is open and silent to whoever asks it. Scanning this machine it would be found, and be taken for somebody's. */
#ifndef NSCAN_CLI_OWN_PORTS_H
#define NSCAN_CLI_OWN_PORTS_H

#include "scan.h"

/* Holds the source ports, if it can be done outside of the ports that this machine itself is asked about. */
bool own_ports_hold(struct scan *scan, uint64_t random, struct err *err);
/* True when the event is about a port that nscan itself holds: *note says so. */
bool own_ports_note(const struct scan *scan, const struct event *event, struct event *note);

#endif
