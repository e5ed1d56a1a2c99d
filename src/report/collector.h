/* collector.h: interleaved events of many hosts in, finished hosts in the order of targets out. */
#ifndef NSCAN_REPORT_COLLECTOR_H
#define NSCAN_REPORT_COLLECTOR_H

#include <stdbool.h>
#include <stdint.h>

#include "nscan/report.h"

struct collector;

/* Takes a finished host; `host` and what it points to are valid during the call only. */
typedef void collector_deliver(void *context, const struct host_result *host);

enum collector_word {
	WORD_FIRST, /* nothing was said yet about that host, or that port of it */
	WORD_AGAIN, /* it corrects what was said before */
	WORD_LATE,  /* the host was handed over already: to be ignored */
};

struct collector *collector_new(collector_deliver *deliver, void *context);
void collector_free(struct collector *collector);
enum collector_word collector_word(const struct collector *collector, const struct event *event);
/* Keeps the event, then hands over every host whose turn has come. False when memory ran out and something was lost. */
bool collector_take(struct collector *collector, const struct event *event);
/* Hands over everything still kept, finished or not; nothing may follow. */
bool collector_finish(struct collector *collector);

#endif
