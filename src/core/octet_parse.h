/* octet_parse.h: reads IPv4 addresses given octet by octet, "10.0-3.*.1,7", and explains what is wrong with them. */
#ifndef NSCAN_CORE_OCTET_PARSE_H
#define NSCAN_CORE_OCTET_PARSE_H

#include <stdbool.h>
#include <stddef.h>

#include "nscan/err.h"

#include "octet_pattern.h"

/* Reads the n bytes at text. `spec` (already quoted) is the whole specification that they are part of, for messages. */
bool octet_pattern_parse(const char *text, size_t n, const char *spec, struct octet_pattern *out, struct err *err);

#endif
