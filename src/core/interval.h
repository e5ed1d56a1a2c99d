/* interval.h: hosts whose limit on ICMP errors gives one at a time (limiter_is_interval()). */
#ifndef NSCAN_CORE_INTERVAL_H
#define NSCAN_CORE_INTERVAL_H

#include "asking.h"

/* Whether the lane's asks and refusals are such a host's: it was recognised, or is on trial. */
bool interval_governs(const struct lane *lane);
/* The same, before the next ask: a trial may begin or end now. */
bool interval_is_next(struct lane *lane, int64_t now_ns);
/* The next ask; nothing (slot NULL) until *wake_ns. */
struct choice choose_interval(struct engine *e, struct host *host, struct lane *lane, int64_t now_ns, int64_t *wake_ns);
/* The port is asked now: what the log is to know of it. */
void interval_asked(struct lane *lane, const struct port_slot *slot, struct log_entry *entry);
/* It timed out, and nothing is known yet of why. */
void interval_silent(struct lane *lane, const struct log_entry *entry);
/* Log entry `number` was refused: what that says about the asks near it. */
void interval_refused(struct engine *e, struct host *host, struct lane *lane, uint32_t number, int64_t at_ns);

#endif
