/* quote.h: text from the user or a file, made fit for a one-line message. */
#ifndef NSCAN_CORE_QUOTE_H
#define NSCAN_CORE_QUOTE_H

#include <stddef.h>

enum { QUOTE_BYTES = 80 };

/* Writes the first n bytes of text in single quotes and returns `out`. What could disturb a terminal becomes \xNN, and
 * what is too long is cut and ends in "...", so that a message keeps room for its remedy. */
const char *quote_text(const char *text, size_t n, char out[QUOTE_BYTES]);

#endif
