/* payload_options.h: which requests the ports get, as the command line has it. */
#ifndef NSCAN_CLI_PAYLOAD_OPTIONS_H
#define NSCAN_CLI_PAYLOAD_OPTIONS_H

#include <stdio.h>

#include "nscan/options.h"

/* The book that --payloads and --payload ask for; NULL when memory ran out. The options must outlive it. */
struct payload_book *payload_options_book(const struct options *options);
/* --list-payloads: the whole table. False when memory ran out. */
bool payload_options_list(const struct options *options, FILE *out);
/* Releases what option_payload kept. */
void payload_options_free(struct options *options);

#endif
