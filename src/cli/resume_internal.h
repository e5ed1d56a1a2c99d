/* resume_internal.h: shared by the files of --resume and --merge and by nobody else.
 *
 *   resume_read.c    the file becomes a sorted index of its lines
 *   resume_event.c   one line becomes one event
 *   resume.c         what the scan does with them
 *   merge.c          --merge: several files become one set of reports; merge_hosts.c: what they say of each host */
#ifndef NSCAN_CLI_RESUME_INTERNAL_H
#define NSCAN_CLI_RESUME_INTERNAL_H

#include <jansson.h>
#include <stdio.h>

#include "nscan/network.h"
#include "nscan/shard.h"
#include "resume.h"

/* One line about a host. */
struct resume_item {
	struct addr addr;
	uint8_t kind;  /* enum event_kind */
	uint8_t state; /* enum host_state or port_state; other kinds: 0 */
	uint16_t port;
	uint64_t offset; /* of the line in the file */
	uint64_t index;  /* of a host: its place among all targets; RESUME_NO_INDEX: not told */
};
#define RESUME_NO_INDEX UINT64_MAX

/* All lines about one host: items[first .. first + count). */
struct resume_host {
	size_t first;
	size_t count;
	bool finished; /* nothing is left to ask it */
	bool placed;   /* its ordinal is known */
	uint64_t ordinal;
};

/* One scan line of the file, and the summary that followed it. */
struct resume_run {
	int64_t start_wall_ns; /* 0: not told */
	char interface[INTERFACE_NAME_BYTES];
	struct addr source;
	struct shard shard;
	bool ended;                  /* a summary followed */
	struct scan_summary summary; /* its texts are not kept */
};

struct resume {
	const char *option; /* "--resume" or "--merge", for messages */
	const char *path;
	FILE *file;
	struct resume_run *runs;
	size_t run_count;
	char *line; /* the last one read, for getline */
	size_t line_room;

	char **args; /* the earlier command line, NULL at the end */
	int arg_count;
	bool has_seed;
	uint64_t seed;
	bool complete;       /* the last line is the summary of a whole scan */
	uint64_t good_bytes; /* where the last whole line ends */
	uint64_t file_bytes;
	int64_t range_addresses; /* in lines about ranges */

	struct resume_item *items; /* by address, kind, port; the last word on each only */
	size_t item_count;
	size_t item_room;
	struct resume_host *hosts; /* by address */
	size_t host_count;
	/* For each finished host, in the order of targets: how many that are not finished come before it. */
	uint64_t *ranks;
	size_t rank_count;

	struct service_reading reading; /* of the event read last */
	char *name;                     /* of the host read last */
	char *vendor;                   /* likewise */
	char **words;                   /* reasons and codes that events point to */
	size_t word_count;
};

/* Reads a file that was written with -oJ; takes `file` over. `option` and `path` are for messages and are borrowed. NULL with *err
 * (ERR_USAGE) set. */
struct resume *resume_read_file(FILE *file, const char *option, const char *path, struct err *err);
/* Reads what the line says about a host. False when it says nothing or is not of nscan. */
bool resume_event_parse(struct resume *resume, const json_t *object, struct event *out);
/* Reads the line of that item again. */
bool resume_event_load(struct resume *resume, const struct resume_item *item, struct event *out);

#endif
