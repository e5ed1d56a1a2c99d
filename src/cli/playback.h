/* playback.h: -r of nscan's own record: the same scan again, with the record in the network's place. */
#ifndef NSCAN_CLI_PLAYBACK_H
#define NSCAN_CLI_PLAYBACK_H

#include "facts.h"
#include "nscan/journal.h"
#include "nscan/options.h"
#include "nscan/report.h"

struct scan;

/* A record that is being played back. */
struct playback {
	const struct options *options; /* of the one who reads */
	struct capture_file *file;
	struct facts *facts;
	struct retold *retold;   /* names; NULL when none were asked for */
	struct target_set *only; /* whom the reader asks for; empty: everybody */
	struct target_set *except;
	/* what the end of the record says */
	int64_t end_wall_ns;
	uint64_t claim_packets;
	uint64_t kernel_drops;
	char note[160];
};

/* Reads from a file that journal_is_record; takes it over. Gives the exit status. */
int playback_main(const struct options *options, struct capture_file *file);

/* For setup.c: the parts of an open scan that come from the record. */
void playback_seeds(struct scan *scan);
bool playback_ports(struct scan *scan, struct err *err);
bool playback_link(struct scan *scan, send_failed_handler *send_failed, struct err *err);

/* For run.c. Something else than a tick is next, or nothing yet: no probe was asked for now. */
bool playback_asks(struct scan *scan);
/* Tells the engine what the capture had lost, when that is what comes next. True when it was. */
bool playback_drops(struct scan *scan);
/* Waits for what comes next. True when the scan ends here, when that was, and why. */
bool playback_stops(struct scan *scan, int64_t *at_ns, const char **why, int *status);
/* The engine is done: what came in and was told after that; then the end, for the summary. */
void playback_end(struct scan *scan);
/* The ports that the reports say they are about: those of the scan, or those the reader asks for. */
const struct port_list *playback_ports_shown(const struct playback *playback, const struct port_list *scanned);
/* The reader wants to see this. */
bool playback_wants(const struct playback *playback, const struct event *event);

#endif
