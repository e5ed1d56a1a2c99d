/* recording.h: -w: what the record says about the run beside its packets. */
#ifndef NSCAN_CLI_RECORDING_H
#define NSCAN_CLI_RECORDING_H

#include "scan.h"

/* Refuses what cannot be recorded, before anything is opened. */
bool recording_check(const struct options *options, struct err *err);
/* Opens the file of -w; does nothing without. */
bool recording_open(struct scan *scan, struct err *err);
/* Writes the beginning: the engine is made, nothing was sent yet. */
bool recording_begin(struct scan *scan, struct err *err);
/* The same for a network that was opened anew; what goes wrong is told at the end. */
void recording_go_on(struct scan *scan);
/* Writes the end: how it went. */
void recording_end(struct scan *scan, const struct scan_summary *summary);
/* Closes the file; tells when something was lost. */
void recording_close(struct scan *scan);

#endif
