/* report.h: events become files and screens. One file per format in src/report, one row per format in report_formats. */
#ifndef NSCAN_REPORT_H
#define NSCAN_REPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "nscan/err.h"
#include "nscan/event.h"
#include "nscan/ports.h"
#include "nscan/ranges.h"
#include "nscan/shard.h"
#include "nscan/vendor.h"
#include "nscan/watch.h"

/* What is known when the scan starts. Pointers stay the caller's and outlive the reports. */
struct scan_info {
	const char *version;
	int argc;
	char *const *argv;     /* as typed */
	int64_t start_wall_ns; /* since 1970 */
	int64_t start_ns;      /* the same moment on the link's clock: event.at_ns counts from here */
	const char *interface; /* name; NULL when several or none */
	struct addr source;    /* none when several */
	uint64_t seed;
	struct shard shard;            /* --shard */
	const struct port_list *ports; /* NULL with -sn */
	bool show_open_only;           /* --open */
	bool show_reason;              /* --reason: reasons also where the format would leave them out */
	int verbose;                   /* -v */
	int debug;                     /* -d */
	bool resolve_nothing;
	bool from_capture;       /* -r: nobody was asked, others were watched */
	struct vendors *vendors; /* whose hardware addresses are; NULL: nobody is named */
};

struct scan_summary {
	int64_t end_wall_ns;
	int64_t elapsed_ns;
	uint64_t hosts_up;
	uint64_t hosts_down;
	uint64_t hosts_unknown;
	uint64_t sent;
	uint64_t received;
	uint64_t rejected;
	uint64_t send_errors;
	const char *send_error_text; /* the commonest send error in plain words with its remedy; NULL when none */
	uint64_t kernel_drops;
	bool partial;            /* interrupted, or time ran out */
	const char *partial_why; /* "interrupted", ...; NULL when whole */
	const char *note; /* about the scan as a whole, what a reader of the results should know; NULL: nothing */
};

/* A finished host with everything known about it, for the formats that print host by host. A host that is not up and of which
 * nothing but its state is known comes without times and RTT: such hosts are kept as ranges, not one by one. */
struct host_result {
	uint64_t ordinal;
	struct addr addr;
	struct host_event host;
	int64_t first_ns; /* when its first event came */
	int64_t done_ns;
	struct port_event *ports; /* ascending by number; the last word on each */
	size_t port_count;
	bool has_limit;
	struct limit_event limit;
	bool has_mtu;
	struct mtu_event mtu;
	struct note_event *notes;
	size_t note_count;
};

/* --watch: how a round went. */
struct round_report {
	struct watch_round what;
	int64_t at_ns; /* when it began, on the link's clock */
	int64_t took_ns;
	int64_t every_ns; /* how long it was to take at most */
	bool sound;       /* else the own interface was down, and silence proves nothing */
};

struct report;

/* A format. Every function may be NULL. Output errors are remembered in the report's `output` and told once at the end. */
struct report_format {
	const char *name;   /* "normal", "xml", "grepable", "json" */
	const char *suffix; /* for -oA: "nscan", "xml", "gnmap", "jsonl" */
	void (*begin)(struct report *report, const struct scan_info *info);
	/* At once, for every event; with --open not for a port that cannot be open, unless it corrects what was told before. */
	void (*event)(struct report *report, const struct event *event);
	/* Once per finished host, in the order of targets. */
	void (*host)(struct report *report, const struct host_result *host);
	/* Instead of `host`: `count` hosts from that one on, none of them up, of a sweep too large to list them one by one. NULL:
	 * the format leaves them out. */
	void (*run)(struct report *report, const struct host_result *first, uint64_t count);
	/* --watch: a change, as it is known; a round at its end; after the last round each target, in order. */
	void (*change)(struct report *report, const struct watch_change *change);
	void (*round)(struct report *report, const struct round_report *round);
	void (*watched)(struct report *report, const struct watched *target);
	/* Last: `down` holds every inactive host. */
	void (*end)(struct report *report, const struct scan_summary *summary, const struct addr_ranges *down);
	/* Frees report->state; called whether or not `end` was. */
	void (*release)(struct report *report);
};

/* report_watch: the normal report of --watch, which report_normal does not know. */
extern const struct report_format report_watch, report_normal, report_xml, report_grepable, report_json;

/* One open report. */
struct report {
	const struct report_format *format;
	const struct scan_info *info;
	FILE *out;
	char path[256];      /* as typed; "-" for standard output */
	bool failed;         /* a write failed; what came after it may be missing */
	bool failure_told;   /* reports_failure returned it */
	int error;           /* its errno */
	uint64_t counter[4]; /* for the format's own use, as is `state` */
	void *state;
};

/* All reports of a run: takes events, keeps what host-wise formats need, feeds every format. */
struct reports;

struct reports *reports_new(const struct scan_info *info, struct err *err);
/* Adds a report to a file ("-": standard output; two reports on standard output are an error). append: go on at the file's end
 * (--resume). Opens it at once, so that an unwritable path is told before anything is sent. */
bool reports_add(struct reports *reports, const struct report_format *format, const char *path, bool append,
                 struct err *err);
void reports_begin(struct reports *reports);
void reports_event(struct reports *reports, const struct event *event);
void reports_change(struct reports *reports, const struct watch_change *change);
void reports_round(struct reports *reports, const struct round_report *round);
void reports_watched(struct reports *reports, const struct watched *target);
/* Hosts whose EVENT_HOST_DONE has not come are reported with what is known. */
void reports_end(struct reports *reports, const struct scan_summary *summary);
/* Flushes, closes, and tells whether every byte arrived; *err (ERR_OUTPUT) names each path that failed and why. */
bool reports_close(struct reports *reports, struct err *err);
void reports_free(struct reports *reports);
/* How many of them can still be written; found out by writing. */
size_t reports_alive(const struct reports *reports);
/* A report that cannot be written any more (its errno is in it), once for each; NULL: none but those told before. */
const struct report *reports_failure(struct reports *reports);
/* Flushes buffered output now (called between waits). */
void reports_flush(struct reports *reports);

/* Writes text from the network or the user safely: control bytes, quotes, backslashes, what reorders or hides text on a
 * terminal, and non-UTF-8 become \xNN. */
void print_escaped(FILE *out, const char *text, size_t n);
/* "2026-01-30T12:00:00.123Z". Returns out. */
#define TIME_TEXT_BYTES 40
const char *time_utc(int64_t wall_ns, char out[TIME_TEXT_BYTES]);
/* As print_escaped, but quotes and backslashes stay: for formats that quote in their own way, and for people. */
void print_printable(FILE *out, const char *text, size_t n);

#endif
