/* scan.h: one live scan: everything that setup.c opens, run.c turns and main.c ends. */
#ifndef NSCAN_CLI_SCAN_H
#define NSCAN_CLI_SCAN_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "facts.h"
#include "names.h"
#include "nscan/claim.h"
#include "nscan/craft.h"
#include "nscan/engine.h"
#include "nscan/journal.h"
#include "nscan/link.h"
#include "nscan/live.h"
#include "nscan/options.h"
#include "nscan/ping.h"
#include "nscan/report.h"
#include "nscan/targets.h"
#include "playback.h"
#include "progress.h"
#include "resume.h"
#include "send_errors.h"
#include "trace.h"

struct scan {
	const struct options *options;
	struct resume *resume;     /* what an earlier run found; NULL without --resume */
	struct playback *playback; /* -r: the record that takes the network's place; NULL when this is a scan */
	struct facts *facts;       /* what the run depends on, for the record of -w; NULL without */
	struct journal *journal;   /* the record of -w; NULL without */

	struct target_set *targets;
	struct target_set *exclude;
	struct network network;
	bool *use_interface;  /* one flag for each interface */
	int single_interface; /* index, when only one is used; else -1 */
	struct addr source;   /* -S, or the first of --source-ips: for hosts; none: as routed */
	struct held_ports held;
	struct payload_book *payloads;
	struct payload data; /* --data, --data-string, --data-length */
	uint8_t *data_bytes; /* drawn for --data-length */
	uint64_t seed;
	sigset_t wait_mask;
	struct link *link;
	struct craft *craft;
	struct engine_config config;
	struct engine *engine;
	struct engine_knowledge knowledge; /* --watch: of the rounds before */
	struct ping *ping;                 /* --ping: instead of the engine; owned by ping_run.c */

	struct addr *to_claim; /* --source-ips: those that the interface does not have */
	size_t to_claim_count;
	struct claims claims;
	uint64_t claim_packets;
	int claim_error;     /* errno of a claim's packet that could not be sent */
	int64_t counters_ns; /* when the capture's losses are looked at next */
	int64_t stop_ns;     /* --max-time: when it is over, on the link's clock; INT64_MAX: never */

	struct scan_info info;
	char interface_name[INTERFACE_NAME_BYTES]; /* what info.interface points to */
	struct vendors *vendors;
	struct names *names; /* NULL with -n */
	uint64_t taking;     /* ordinal of the event that the names are being given; else UINT64_MAX */
	struct reports *reports;
	struct reports *continued; /* the -oJ file that --resume goes on writing; NULL without */

	/* Hears every event before the reports do; may be NULL. */
	void (*observe)(void *context, const struct event *event);
	void *observer;
	bool mute; /* events are not for the reports */

	struct progress progress;
	struct trace trace;
	bool shares_terminal; /* reports go to the terminal that has the progress line */
	struct send_errors send_errors;
	uint64_t craft_errors;
	uint64_t craft_errors_in_a_row;
	const char *partial_why; /* NULL: whole */
	char partial_text[sizeof(((struct err *)0)->text)];
	int status; /* exit status so far */
};

/* Opens everything, in the order usage, rights, network, outputs, so that the first thing wrong is the one told. With a playback
 * the network and all else from outside come from its record. On failure *err says what; scan_close is needed either way. */
bool scan_open(struct scan *scan, const struct options *options, struct resume *resume, struct playback *playback,
               struct err *err);
/* Only what is below the engine: targets, network, rights, source ports, link, craft, payloads. The same way of failing. */
bool scan_open_link(struct scan *scan, const struct options *options, struct playback *playback, struct err *err);
/* Begins anew on the open link: another round of the same questions. What has come in meanwhile is thrown away. */
bool scan_restart(struct scan *scan, struct err *err);
/* Opens the network, the link and the engine again as they are now; targets and reports stay. May be called again after it failed. */
bool scan_reopen(struct scan *scan, struct err *err);
/* Scans until done or interrupted, and delivers every event; writes nothing else. */
void scan_round(struct scan *scan);
/* Scans until done or interrupted and writes the reports. */
void scan_run(struct scan *scan);
/* Closes the reports (which may find that output was lost) and everything else. */
void scan_close(struct scan *scan);
/* Gives an event to the reports; the context is the scan. */
void scan_deliver(void *context, const struct event *event);
/* -r: takes in one round of what a record has after the scan was over. False when there is nothing of it. */
bool scan_receives_late(struct scan *scan);
/* How it went so far. *out points into the scan and into `note`. */
enum { SCAN_NOTE_BYTES = 160 };
void scan_summarise(const struct scan *scan, char note[SCAN_NOTE_BYTES], struct scan_summary *out);
/* One line on standard error, "nscan: ...", beside the progress line. */
void scan_say(struct scan *scan, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
