/* retold.h: names of hosts in a record: what the name servers said, and when, played back instead of asking again.
 *
 * In a scan a host's event goes on at once, comes again when its name is known, and only then the host is done (names.h). The
 * record has a note for each name and for each host that was done; this holds events back until their notes come. */
#ifndef NSCAN_CLI_RETOLD_H
#define NSCAN_CLI_RETOLD_H

#include "scan.h"

struct retold;

struct retold *retold_new(void);
void retold_free(struct retold *retold);
/* Recording: the event is being delivered; `direct` when it is the one that the engine just gave. */
void retold_record(struct scan *scan, const struct event *event, bool direct);
/* Playing back: takes an event of the engine; delivers it, and what the record says came next, by scan_deliver. */
void retold_take(struct scan *scan, const struct event *event);
/* Delivers what the record says comes next. True when that was anything. */
bool retold_work(struct scan *scan);

#endif
