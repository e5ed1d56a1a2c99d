/* interval.h: hosts whose limit on ICMP errors gives one at a time (limiter_is_interval()): volley.c asks, interval.c concludes. */
#ifndef NSCAN_CORE_INTERVAL_H
#define NSCAN_CORE_INTERVAL_H

#include "asking.h"

/* Intervals that asks may be apart for the sake of their order. */
#define SPACING 0.01

/* volley.c */
/* The next ask; nothing (slot NULL) until *wake_ns. */
struct choice choose_interval(struct engine *e, struct host *host, struct lane *lane, int64_t now_ns, int64_t *wake_ns);

/* interval.c */
/* Whether the lane's asks and refusals are such a host's: it was recognised, or is on trial. */
bool interval_governs(const struct lane *lane);
/* The same, before the next ask: a trial may begin or end now. */
bool interval_is_next(struct lane *lane, int64_t now_ns);
/* The port is asked now: what the log is to know of it. */
void interval_asked(struct lane *lane, const struct port_slot *slot, struct log_entry *entry);
/* It timed out, and nothing is known yet of why. */
void interval_silent(struct lane *lane, const struct log_entry *entry);
/* Log entry `number` was refused: what that says about the asks near it. */
void interval_refused(struct engine *e, struct host *host, struct lane *lane, uint32_t number, int64_t at_ns);

/* The least time between two errors. */
int64_t interval_ns(const struct lane *lane);
/* Two errors are never nearer to each other. */
int64_t interval_nearest(const struct lane *lane);
/* So long after one error there is surely another one to be had, if no packet overtook another: that was seen. */
int64_t interval_surely(const struct lane *lane);
/* When the last ask was sent, up to at_ns, that may have taken an error. */
int64_t interval_taker(struct lane *lane, int64_t at_ns);
/* Many answers, and none was lost. */
bool interval_trusts_path(const struct lane *lane);
/* Probability that an ask or its answer is lost. */
double interval_loss(const struct lane *lane);
/* Share of the ports about which nothing is known that refuse. */
double interval_closed(const struct lane *lane);
/* Probability that the port refuses. */
double interval_share(const struct lane *lane, const struct port_slot *slot);
/* Whether the order of asks is kept: where it costs little until the first of them should be refused. */
bool interval_is_spaced(const struct lane *lane);

#endif
