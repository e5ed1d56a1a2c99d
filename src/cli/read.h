/* read.h: -r: whose capture it is decides who reads it. */
#ifndef NSCAN_CLI_READ_H
#define NSCAN_CLI_READ_H

#include "nscan/capture_file.h"
#include "nscan/options.h"

/* -r FILE...: nscan's own record (one file, made by this version) is played back through the engine; anything else goes to
 * observe_main. Gives the exit status. */
int read_main(const struct options *options);
/* Reports from anybody's captures. `first` is options->captures.texts[0], open, no packet taken from it yet (standard input
 * cannot be opened twice); it is closed here. In observe_run.c. Gives the exit status. */
int observe_main(const struct options *options, struct capture_file *first);

#endif
