/* resume.h: what an earlier run wrote with -oJ, read back, so that only the rest is asked.
 *
 * The file itself is the store: of each line only its place is remembered, and the line is read again when it has to be told to
 * the other reports. */
#ifndef NSCAN_CLI_RESUME_H
#define NSCAN_CLI_RESUME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "nscan/engine.h"
#include "nscan/err.h"
#include "nscan/event.h"
#include "nscan/options.h"
#include "nscan/report.h"

struct resume;

/* Reads the file, for that option ("--resume", "--merge"). On failure *err (ERR_USAGE) says what is wrong with it. */
struct resume *resume_read(const char *path, const char *option, struct err *err);
void resume_free(struct resume *resume);
/* The command line of that run; options parsed from it, with the outputs and the seed set for going on. */
bool resume_options(struct resume *resume, struct options *options, struct err *err);
/* The earlier run had nothing left to ask. */
bool resume_is_complete(const struct resume *resume);
/* Cuts off a last line that was not written whole. Call before the file is opened for appending. */
bool resume_trim(const struct resume *resume, struct err *err);
/* Tells the engine, made with that configuration, what not to ask. */
bool resume_skip(struct resume *resume, struct engine *engine, const struct engine_config *config, struct err *err);
/* The place of a host in the order of all targets, from the ordinal that the engine gave it: the engine counts only the
 * hosts that it was not told to skip. */
uint64_t resume_ordinal(const struct resume *resume, uint64_t engine_ordinal);
/* Gives the finished hosts to `reports`. */
void resume_replay_finished(struct resume *resume, struct reports *reports, int64_t at_ns);
/* A host that was begun came up again, as `host` says: gives its known ports to `reports`. */
void resume_replay_begun(struct resume *resume, struct reports *reports, const struct event *host);
/* Adds the hosts that were finished before to the counts. */
void resume_count(const struct resume *resume, struct scan_summary *summary);

#endif
