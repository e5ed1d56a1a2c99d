/* progress.h: where the scan stands: one line kept in place on a terminal, and a plain one every --stats-every. */
#ifndef NSCAN_CLI_PROGRESS_H
#define NSCAN_CLI_PROGRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "nscan/engine.h"

enum { PROGRESS_TEXT_BYTES = 320 };

struct progress {
	bool live;  /* standard error is a terminal and nothing else keeps writing there */
	bool shown; /* the line stands on the terminal now */
	int64_t start_ns;
	int64_t next_draw_ns;
	int64_t stats_every_ns; /* 0: never */
	int64_t next_stats_ns;
	int64_t rate_at_ns; /* when `rate_sent` was read */
	uint64_t rate_sent;
	double packets_per_s;
	bool hinted;                    /* said what would shorten a long scan */
	char text[PROGRESS_TEXT_BYTES]; /* what the line says */
};

void progress_start(struct progress *progress, bool live, int64_t stats_every_ns, int64_t now_ns);
/* Draws or prints what is due. */
void progress_tick(struct progress *progress, const struct engine *engine, int64_t now_ns);
/* Takes the line off the terminal, so that something else can be written; progress_restore puts it back. */
void progress_clear(struct progress *progress);
void progress_restore(struct progress *progress);
/* When progress_tick has something to do next; INT64_MAX: never. */
int64_t progress_wake(const struct progress *progress);
/* The line's text: "12% 34/101 hosts done, 7 up, ..."; where `width` columns do not hold all of it, without the packets a second, or
 * without what limits the scan; pure. */
void progress_format(const struct engine_progress *at, double packets_per_s, size_t width,
                     char out[PROGRESS_TEXT_BYTES]);
/* Where a host's limit makes the scan long: why that is, and what would shorten it. False when there is nothing to say; pure. */
bool progress_hint(const struct engine_progress *at, char out[PROGRESS_TEXT_BYTES]);

#endif
