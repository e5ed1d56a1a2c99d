/* iflist.h: --iflist. */
#ifndef NSCAN_CLI_IFLIST_H
#define NSCAN_CLI_IFLIST_H

#include <stdio.h>

#include "nscan/network.h"

/* Prints the interfaces and the routes as two tables. */
void iflist_print(const struct network *network, FILE *out);

#endif
