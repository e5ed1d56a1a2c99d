/* survey.h: which interfaces a scan needs, before any is opened. */
#ifndef NSCAN_CLI_SURVEY_H
#define NSCAN_CLI_SURVEY_H

#include "scan.h"

/* -e names an interface that exists. Needs no rights. */
bool survey_check_name(const struct scan *scan, struct err *err);
/* Fills use_interface, single_interface and info.source from the routes to the targets. */
bool survey_paths(struct scan *scan, struct err *err);

#endif
