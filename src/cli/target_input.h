/* target_input.h: what is to be scanned, as the options say it. */
#ifndef NSCAN_CLI_TARGET_INPUT_H
#define NSCAN_CLI_TARGET_INPUT_H

#include "scan.h"

/* Fills scan->targets and scan->exclude; makes sure that something is left to scan. */
bool target_input_read(struct scan *scan, struct err *err);
/* Adds what the options name to the two sets; neither needs to come out non-empty. */
bool target_input_select(const struct options *options, struct target_set *targets, struct target_set *exclude,
                         struct err *err);

#endif
