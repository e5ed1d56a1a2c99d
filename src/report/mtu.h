/* mtu.h: what the path to a host carries, in words. */
#ifndef NSCAN_REPORT_MTU_H
#define NSCAN_REPORT_MTU_H

#include <stdio.h>

#include "nscan/event.h"

/* "Path MTU 1400 (fragmentation-needed from 192.168.0.254, verified); fragments pass both ways", without a line's end; with
 * details also how it was asked. */
void print_mtu(FILE *out, const struct mtu_event *mtu, bool details);

#endif
