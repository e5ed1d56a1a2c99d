/* facts_internal.h: shared by facts.c and facts_read.c. */
#ifndef NSCAN_CLI_FACTS_INTERNAL_H
#define NSCAN_CLI_FACTS_INTERNAL_H

#include <jansson.h>

#include "facts.h"

struct facts {
	json_t *root;
	bool lost; /* memory ran out while adding */

	/* reading */
	struct run_facts run;
	char **args;   /* NULL at the end */
	char **parsed; /* the same with what some of them meant */
	uint16_t *ports;
	size_t next_file;
	char *file; /* the last one given */
};

#endif
