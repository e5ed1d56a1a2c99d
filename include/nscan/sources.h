/* sources.h: the addresses that a scan asks from (--source-ips), as a person writes them. */
#ifndef NSCAN_SOURCES_H
#define NSCAN_SOURCES_H

#include <stdbool.h>
#include <stddef.h>

#include "nscan/addr.h"
#include "nscan/err.h"

enum { SOURCES_MAX = 1024 };

/* Reads addresses, ranges ("192.168.0.10-73"), networks in CIDR notation and lists of these with commas between them: the
 * syntax of targets, without names. Every address once, in the order of the text; IPv4 only, at most SOURCES_MAX. *out is the
 * caller's to free. On failure *err (ERR_USAGE) names the piece and what would be right, and *out is NULL. */
bool sources_parse(const char *text, struct addr **out, size_t *count, struct err *err);

#endif
