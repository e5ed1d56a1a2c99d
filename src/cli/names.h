/* names.h: reverse names of hosts, looked up beside the scan.
 *
 * Every event of the scan passes through. A host's own event goes on at once; while its name is being asked for, only the word that
 * the host is done is held back. When the name comes, the host is told again with it. A sweep tells each host once more in its last
 * word; that gets the name too. Queries run in parallel (name_query.h), on sockets that the link's wait includes. */
#ifndef NSCAN_CLI_NAMES_H
#define NSCAN_CLI_NAMES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "nscan/err.h"
#include "nscan/event.h"

struct names;

typedef void names_deliver(void *context, const struct event *event);

/* all: also hosts that are not up (-R). servers: "address[:port],..." to ask instead of the system's (--dns-servers, borrowed); NULL:
 * the system's. NULL with *err set when these are none, or memory ran out. Asks nobody yet. */
struct names *names_new(bool all, const char *servers, names_deliver *deliver, void *context, struct err *err);
void names_free(struct names *names);
/* Readable when names_work has something to do. */
int names_fd(const struct names *names);
/* Takes an event of the scan, and delivers it now or later. */
void names_take(struct names *names, const struct event *event, int64_t now_ns);
/* Reads answers, sends what waits, gives up what takes too long. */
void names_work(struct names *names, int64_t now_ns);
/* When names_work has to be called even if nothing is readable; INT64_MAX: never. */
int64_t names_wake(const struct names *names);
/* Nothing is held back. */
bool names_done(const struct names *names);
/* Delivers what is held back, without names. */
void names_give_up(struct names *names);

struct names_summary {
	uint64_t found;
	uint64_t left_out; /* hosts whose name was not asked for, or not waited for */
	bool dead;         /* no name server answered ... */
	bool costly;       /* ... and finding that out took a while */
};
void names_summarise(const struct names *names, struct names_summary *out);

#endif
